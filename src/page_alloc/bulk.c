/*
 * Other numbers of frames than powers of two: any count side by side, many single ones, blocks taken apart.
 *
 * What changes a zone's tree for many frames does so a pageblock at a time, so that nobody waits long for its lock.
 */
#include "page_alloc/page_alloc.h"
#include "poison/poison.h"

#include "zone/front_bulk.h"
#include "zone/tree_split.h"

#define AT_ONCE 64u		/* frames per stay on a CPU */

static enum quire_status split_locked(struct qi_zone *za, quire_pfn_t pfn, unsigned order, unsigned to)
{
	enum quire_status status;

	qi_zone_lock(za);
	status = qi_tree_split(&za->tree, pfn, order, to);
	qi_zone_unlock(za);
	return status;
}

static const char *split_error(enum quire_status status)
{
	switch (status) {
	case QUIRE_EEXIST: return "it is free, it cannot be split";
	case QUIRE_ENOMEM: return "no metadata to split it";
	case QUIRE_EINVAL: return "it is no block of that order to split";
	default: return "it is not the allocator's";
	}
}

enum quire_status quire_split_frames(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned to)
{
	struct qi_zone *za = qi_zone_of_frame(q, pfn);
	enum quire_status status = za ? split_locked(za, pfn, order, to) : QUIRE_ENOENT;

	if (status == QUIRE_ERANGE)
		status = QUIRE_ENOENT;
	if (status == QUIRE_OK && qi_unlikely(qi_debug_of(q) != NULL))
		qi_debug_split(q, pfn, order, to);
	return status == QUIRE_OK ? status : qi_refuse_frame(q, status, pfn, order, split_error(status));
}

/*
 * Keep [pfn, pfn + count) of an allocated block of the tree as single frames, give the rest back. All splitting comes before
 * all giving, so that a failure can give the whole block back.
 */
static enum quire_status trim_block(struct quire *q, struct qi_zone *za, quire_pfn_t pfn, unsigned order, uint64_t count)
{
	quire_pfn_t end = pfn + (1ull << order), keep = pfn + count, at;
	unsigned step = (unsigned)qi_min(order, QI_LEAF_SHIFT);
	uint64_t pages = 1ull << step;
	enum quire_status status = split_locked(za, pfn, order, step);

	if (status != QUIRE_OK) {
		qi_free_frames(q, pfn, order);
		return status;
	}
	if (qi_unlikely(qi_debug_of(q) != NULL))
		qi_debug_split(q, pfn, order, 0);
	for (at = pfn; at < keep && status == QUIRE_OK; at += pages)
		status = split_locked(za, at, step, 0);
	if (status != QUIRE_OK) {
		/* The last one was not split; nor was anything after it. */
		keep = pfn;
		at -= pages;
	}
	for (quire_pfn_t frame = keep; frame < qi_min(at, end); frame++)
		qi_free_frames(q, frame, 0);
	for (; at < end; at += pages)
		qi_free_frames(q, at, step);
	return status;
}

enum quire_status quire_alloc_frames_exact(struct quire *q, int nid, uint64_t count, quire_gfp_t gfp, quire_pfn_t *pfn)
{
	unsigned order = count ? qi_log2_up(count) : 0;
	struct qi_walk walk;
	enum quire_status status = qi_walk_begin(q, nid, order, gfp, &walk);
	quire_pfn_t got;

	if (status != QUIRE_OK)
		return status;
	if (!count || (gfp & QUIRE_GFP_COMP))
		return qi_refuse_request(q, QUIRE_EINVAL, order, gfp, count ? "COMP is for blocks" : "it is for no frames");
	walk.charged_later = true;
	status = qi_walk_run_from(&walk, QI_SITE, &got);
	if (status == QUIRE_OK && order)
		status = trim_block(q, qi_zone_of_frame(q, got), got, order, count);
	if (status == QUIRE_OK && !qi_walk_charge(&walk)) {
		quire_free_frames_exact(q, got, count);
		status = QUIRE_ENOMEM;
	}
	if (status == QUIRE_OK)
		*pfn = got;
	return status;
}

enum quire_status quire_free_frames_exact(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	enum quire_status result = QUIRE_OK;

	if (!count || pfn + count < pfn)
		return qi_refuse_frame(q, QUIRE_EINVAL, pfn, 0, "no frames are named");
	for (quire_pfn_t end = pfn + count; pfn < end; pfn++) {
		enum quire_status status = qi_free_frames_from(q, pfn, 0, QI_SITE);

		/* Beyond the last zone there is nothing, however far it is said to go. */
		if (status == QUIRE_ENOENT && pfn >= q->topology.max_pfn && q->topology.max_pfn)
			return status;
		if (result == QUIRE_OK)
			result = status;
	}
	return result;
}

/* A zone of the node itself that can do all of it above its low mark. */
static struct qi_zone *bulk_zone(const struct qi_walk *walk, size_t count, uint64_t *floor)
{
	unsigned flags = QUIRE_WMARK_LOW | (walk->request.type == QUIRE_MIGRATE_MOVABLE ? QI_ALLOC_CMA : 0);

	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct quire_zone *zone = quire_zonelist_zone(walk->list, i);
		struct qi_zone *za = qi_zone_of(zone);

		if (!za || !qi_walk_allows(walk, zone) || zone->node->nid != walk->nid)
			continue;
		*floor = qi_request_floor(za, 0, walk->highest, flags);
		if (qi_tree_free_pages(&za->tree) >= *floor + count)
			return za;
	}
	return NULL;
}

/* Fill pfns' first empty ones, as many as AT_ONCE, in one stay on the CPU. Returns how many. */
static size_t fill_some(struct qi_walk *walk, struct qi_zone *za, size_t empty, quire_pfn_t *pfns)
{
	unsigned long state = 0;
	unsigned cpu = qi_enter_cpu(walk->q, &state);
	quire_pfn_t got[AT_ONCE];
	size_t filled = qi_front_alloc_many(za, cpu, &walk->request, empty, got);

	for (size_t i = 0, next = 0; next < filled; i++) {
		if (pfns[i] != QUIRE_PFN_NONE)
			continue;
		pfns[i] = got[next++];
		qi_trace(walk->q, alloc, pfns[i], 0, walk->gfp, (enum quire_migratetype)walk->request.type);
	}
	if (filled) {
		qi_count_allocs(za, cpu, walk, filled);
		qi_note_fallbacks(za, walk, got[filled - 1], walk->gfp & QUIRE_GFP_KSWAPD_RECLAIM);
	}
	qi_leave_cpu(walk->q, state);
	return filled;
}

static size_t count_empty(size_t count, const quire_pfn_t *pfns)
{
	size_t empty = 0;

	for (size_t i = 0; i < count; i++)
		empty += pfns[i] == QUIRE_PFN_NONE;
	return empty;
}

/* One ordinary request for the first empty entry. */
static size_t fill_one(struct qi_walk *walk, const void *site, size_t count, quire_pfn_t *pfns)
{
	for (size_t i = 0; i < count; i++)
		if (pfns[i] == QUIRE_PFN_NONE)
			return qi_walk_run_from(walk, site, &pfns[i]) == QUIRE_OK;
	return 0;
}

size_t quire_alloc_frames_bulk(struct quire *q, int nid, quire_gfp_t gfp, size_t count, quire_pfn_t *pfns)
{
	size_t wanted = count_empty(count, pfns), got = 0;
	struct qi_walk walk;
	struct qi_zone *za;

	if (!wanted || qi_walk_begin(q, nid, 0, gfp, &walk) != QUIRE_OK)
		return count - wanted;
	/* What needs work per frame goes one by one. */
	if ((gfp & (QUIRE_GFP_ZERO | QUIRE_GFP_ACCOUNT)) || qi_unlikely(qi_debug_of(q) != NULL)) {
		while (got < wanted && fill_one(&walk, QI_SITE, count, pfns))
			got++;
		return count - wanted + got;
	}
	za = wanted > 1 ? bulk_zone(&walk, wanted, &walk.request.floor) : NULL;
	if (za)
		qi_zone_need_fronts(za);
	for (size_t at = 0; za && at < count; at += AT_ONCE) {
		size_t n = (size_t)qi_min(AT_ONCE, count - at), empty = count_empty(n, pfns + at);
		size_t filled = fill_some(&walk, za, empty, pfns + at);

		got += filled;
		if (filled < empty)
			break;
	}
	if (!got)
		got = fill_one(&walk, QI_SITE, count, pfns);
	return count - wanted + got;
}

static inline enum quire_status give_one(struct quire *q, struct qi_zone *za, unsigned cpu, quire_pfn_t pfn,
					 const void *site)
{
	if (qi_unlikely(qi_debug_of(q) != NULL))
		return qi_debug_free(q, za, cpu, pfn, 0, site);
	return qi_front_free(za, cpu, pfn, 0);
}

/* Give some back in one stay on the CPU; what is refused stays. */
static size_t give_some(struct quire *q, const void *site, size_t count, quire_pfn_t *pfns)
{
	unsigned long state = 0;
	unsigned cpu = qi_enter_cpu(q, &state);
	struct qi_zone *za = NULL;
	uint64_t freed = 0;
	size_t refused = 0;

	for (size_t i = 0; i < count; i++) {
		struct qi_zone *of;

		if (pfns[i] == QUIRE_PFN_NONE)
			continue;
		of = qi_zone_of_frame(q, pfns[i]);
		if (!of || give_one(q, of, cpu, pfns[i], site) != QUIRE_OK) {
			refused++;
			continue;
		}
		if (of != za && za && freed) {
			qi_count_freed(za, cpu, freed);
			freed = 0;
		}
		za = of;
		freed++;
		qi_trace(q, free, pfns[i], 0);
		pfns[i] = QUIRE_PFN_NONE;
	}
	if (za && freed)
		qi_count_freed(za, cpu, freed);
	qi_leave_cpu(q, state);
	return refused;
}

size_t quire_free_frames_bulk(struct quire *q, size_t count, quire_pfn_t *pfns)
{
	size_t refused = 0;

	for (size_t at = 0; at < count; at += AT_ONCE) {
		size_t n = (size_t)qi_min(AT_ONCE, count - at), some = give_some(q, QI_SITE, n, pfns + at);

		for (size_t i = at; some && i < at + n; i++) {
			if (pfns[i] == QUIRE_PFN_NONE)
				continue;
			if (qi_poison_freed(q, pfns[i], 0) == QUIRE_OK) {
				pfns[i] = QUIRE_PFN_NONE;
				continue;
			}
			qi_refuse_frame(q, QUIRE_EINVAL, pfns[i], 0,
					"one of many given back is not in use as a single frame");
			refused++;
		}
	}
	return refused;
}
