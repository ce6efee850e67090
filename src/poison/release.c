/*
 * The other direction: a holder frees the block that has a failing frame, a test takes its word back. And the checker.
 */
#include "poison/poison.h"

#include "page_alloc/page_alloc.h"
#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_POISON

struct qi_zone *qi_poison_zone(const struct quire *q, quire_pfn_t pfn)
{
	const struct quire_zone *zone = qi_zone_map_at(&q->topology, pfn, NULL);

	return zone ? qi_zone_of(zone) : NULL;
}

/* Zone locked. */
static enum quire_status take_back(struct quire *q, struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	uint64_t key;

	if (!qi_poison_pending_block(q, pfn, &key))
		return QUIRE_ENOENT;
	if (qi_poison_head(key) != pfn || qi_poison_order(key) != order)
		return QUIRE_EINVAL;
	/* A second free of the same block finds nothing pending. */
	qi_poison_settle(q, pfn, order);
	qi_poison_free_rest(q, za, pfn, order);
	return QUIRE_OK;
}

bool qi_poison_refused(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	return take_back(za->q, za, pfn, order) == QUIRE_OK;
}

enum quire_status qi_poison_freed_block(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	struct qi_zone *za = qi_poison_zone(q, pfn);
	enum quire_status status;

	if (!za)
		return QUIRE_ENOENT;
	qi_zone_lock(za);
	status = take_back(q, za, pfn, order);
	qi_zone_unlock(za);
	if (status == QUIRE_OK)
		qi_log(q->platform, QUIRE_LOG_INFO, "Memory failure: %#llx: given back, the failing frame of it is out of "
		       "use", (unsigned long long)pfn);
	return status;
}

enum quire_status quire_unpoison_frame(struct quire *q, quire_pfn_t pfn)
{
	struct qi_zone *za = qi_poison_zone(q, pfn);
	enum quire_status status = QUIRE_OK;
	uint64_t key;

	if (q->stage < QUIRE_STAGE_WATERMARKS || !qi_poison_key(q, pfn, &key))
		return QUIRE_ENOENT;
	if (!(qi_frame_info(key) & QI_POISON_TESTED))
		return QUIRE_EPERM;
	if (qi_poison_state(key) == QI_POISON_PENDING)
		return QUIRE_EBUSY;
	if (qi_poison_state(key) == QI_POISON_OUT && za) {
		status = qi_zone_provide(za, pfn, 1);
		if (status != QUIRE_OK)
			return status;
		qi_zone_lock(za);
		status = qi_poison_return(za, pfn);
		qi_zone_unlock(za);
	}
	/* Free already: somebody else took the same word back just now. */
	if (status != QUIRE_OK)
		return status == QUIRE_ENOMEM ? status : QUIRE_ENOENT;
	qi_poison_mark(q, pfn, false);
	qi_poison_forget(q, pfn);
	return QUIRE_OK;
}

enum quire_status qi_check_poison(const struct quire *q)
{
	const struct qi_frame_set *set = q->poison.set;
	const char *what = set && !qi_check_frame_set(set) ? "is not in order" : NULL;
	uint64_t pending = 0, key = 0;

	for (quire_pfn_t pfn = 0; set && !what && qi_frame_set_next(set, pfn, &key); pfn = qi_frame_of(key) + 1) {
		pending += qi_poison_state(key) == QI_POISON_PENDING;
		if (qi_poison_state(key) != QI_POISON_FOREIGN && qi_zone_of_frame(q, qi_frame_of(key)))
			what = "has a frame that the allocator has too";
	}
	if (!what && set && (pending != q->poison.pending || set->count != q->poison.count))
		what = "is miscounted";
	if (!what)
		return QUIRE_OK;
	qi_log(q->platform, QUIRE_LOG_ERROR, "the set of failing frames %s", what);
	return QUIRE_ECORRUPT;
}

#endif
