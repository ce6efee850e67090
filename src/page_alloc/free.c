/* Giving frames back: which zone they are of, to the CPU's front, and what is said when that is refused. */
#include "page_alloc/at_hand.h"
#include "page_alloc/page_alloc.h"
#include "poison/poison.h"

/* Refused, as nothing of the allocator's: a block with a frame that fails is none either, until it is given back. */
static enum quire_status give_back_failing(struct quire *q, quire_pfn_t pfn, unsigned order, const char **what)
{
	enum quire_status status = qi_poison_freed(q, pfn, order);

	if (status == QUIRE_EINVAL)
		*what = QI_TEXT("it is no block of that order, and a frame of it fails");
	return status;
}

static inline enum quire_status give_back(struct quire *q, quire_pfn_t pfn, unsigned order, const void *site,
					  const char **what)
{
	struct qi_zone *za = qi_zone_of_frame(q, pfn);
	unsigned long state = 0;
	enum quire_status status;
	unsigned cpu;

	*what = QI_TEXT("it is not the allocator's");
	if (qi_unlikely(!za))
		return give_back_failing(q, pfn, order, what);
	cpu = qi_enter_cpu(q, &state);
	if (qi_unlikely(qi_debug_of(q) != NULL))
		status = qi_debug_free(q, za, cpu, pfn, order, site);
	else
		status = qi_front_free(za, cpu, pfn, order);
	if (qi_likely(status == QUIRE_OK)) {
		qi_count_freed(za, cpu, 1ull << order);
		if (!order)
			qi_at_hand_learn_free(q, za, cpu);
		qi_trace(q, free, pfn, order);
	}
	qi_leave_cpu(q, state);
	if (qi_likely(status == QUIRE_OK))
		return QUIRE_OK;
	if (status == QUIRE_ENOENT)
		return give_back_failing(q, pfn, order, what);
	if (status == QUIRE_EEXIST)
		*what = QI_TEXT("it is free already");
	else if (status == QUIRE_EINVAL)
		*what = QI_TEXT("it is no block of that order");
	else if (status == QUIRE_EPERM)
		*what = QI_TEXT("it is a guard frame");
	return status == QUIRE_ERANGE ? QUIRE_ENOENT : status;
}

enum quire_status qi_free_frames(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	const char *what;

	return give_back(q, pfn, order, NULL, &what);
}

QI_APART enum quire_status qi_free_frames_from(struct quire *q, quire_pfn_t pfn, unsigned order, const void *site)
{
	const char *what;
	enum quire_status status = give_back(q, pfn, order, site, &what);

	return qi_likely(status == QUIRE_OK) ? status : qi_refuse_frame(q, status, pfn, order, what);
}

/* A single frame, inside a front, which is left. Nobody debugs, so nobody asks who called. */
static QI_APART enum quire_status keep_frame(struct quire *q, quire_pfn_t pfn, struct qi_front *front, unsigned long state)
{
	return qi_likely(qi_keep_at_hand(q, pfn, front, state)) ? QUIRE_OK : qi_free_frames_from(q, pfn, 0, NULL);
}

/* As quire_alloc_frames(). */
enum quire_status quire_free_frames(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	unsigned long state = 0;
	struct qi_front *front = qi_likely(!order) ? qi_freed_enter(q, &state) : NULL;

	if (qi_unlikely(!front))
		return qi_free_frames_from(q, pfn, order, QI_SITE);
	if (qi_unlikely(!qi_served_back(q, pfn, front, state)))
		return keep_frame(q, pfn, front, state);
	return QUIRE_OK;
}

/* Interrupts may come between the two, and between CPUs. Somebody else may be at it: his does not cover what came since. */
enum quire_status qi_drain_zone(struct quire *q, struct qi_zone *za)
{
	enum quire_status status;
	unsigned long state = 0;

	qi_front_drain(za, qi_enter_cpu(q, &state));
	qi_leave_cpu(q, state);
	while ((status = qi_front_drain_all(za)) == QUIRE_EBUSY)
		qi_relax();
	return status;
}

enum quire_status quire_drain_frames(struct quire *q)
{
	enum quire_status result = QUIRE_OK;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct qi_zone *za = qi_zone_of(&q->topology.nodes[nid]->zones[type]);

			if (za && qi_drain_zone(q, za) != QUIRE_OK)
				result = QUIRE_EUNSUPPORTED;
		}
	return result;
}

uint64_t quire_zone_kept_pages(const struct quire_zone *zone)
{
	const struct qi_zone *za = qi_zone_of(zone);
	uint64_t pages = 0;

	for (unsigned cpu = 0; za && cpu < qi_front_count(za); cpu++)
		pages += qi_front_held(za, cpu);
	return pages;
}
