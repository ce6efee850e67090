/*
 * One pass over a zonelist.
 *
 * A block that the CPU's front of a zone has at hand is given without asking for watermarks: it left the zone's free count
 * when the front took it. Else the zone must keep its mark, and the front refills, or the tree is asked.
 *
 * Passes above the low mark are cheap about saying no: a zone that cannot serve from its tree, and of which this CPU keeps
 * nothing, is passed over; other CPUs' fronts are drained only when the minimum is at stake.
 */
#include "page_alloc/at_hand.h"
#include "page_alloc/page_alloc.h"

struct quire_zone *qi_walk_preferred(const struct qi_walk *walk)
{
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct quire_zone *zone = quire_zonelist_zone(walk->list, i);

		if (qi_walk_allows(walk, zone))
			return zone;
	}
	return NULL;
}

/* Without locks: is there a chance beyond what is at hand? */
static bool worth_asking(const struct qi_zone *za, unsigned cpu, const struct qi_request *request)
{
	if (qi_tree_free_pages(&za->tree) >= request->floor + (1ull << request->order) &&
	    qi_tree_might_have(&za->tree, request->order, request->type, request->flags))
		return true;
	return !(request->flags & QI_TREE_NOFRAGMENT) && cpu < qi_front_count(za) && qi_peek(&qi_front_of(za, cpu)->stocked);
}

static enum quire_status try_zone(struct qi_walk *walk, struct qi_zone *za, unsigned cpu, unsigned flags, quire_pfn_t *pfn)
{
	struct qi_request *request = &walk->request;
	enum quire_status status;

	qi_zone_need_fronts(za);
	*pfn = qi_front_take(za, cpu, request->order, request->type);
	if (qi_likely(*pfn != QUIRE_PFN_NONE))
		return QUIRE_OK;
	request->flags = qi_tree_flags(flags);
	request->floor = qi_request_floor(za, request->order, walk->highest, flags);
	if ((flags & QI_ALLOC_MARK) != QUIRE_WMARK_MIN && !worth_asking(za, cpu, request))
		return QUIRE_ENOMEM;
	status = qi_front_alloc_slow(za, cpu, request, pfn);
	if (status != QUIRE_OK)
		return QUIRE_ENOMEM;
	qi_note_fallbacks(za, walk, *pfn, flags & QI_ALLOC_KSWAPD);
	if (qi_unlikely(flags & QI_ALLOC_HIGHATOMIC))
		qi_reserve_highatomic(za, *pfn);
	return QUIRE_OK;
}

/*
 * Zones in turn. With NOFRAGMENT, lower zones of the same node come before mixing types in the first; another node does not:
 * *left says that it was reached.
 */
static enum quire_status try_zones(struct qi_walk *walk, unsigned cpu, unsigned flags, bool *left, quire_pfn_t *pfn)
{
	const struct quire_node *first = NULL;

	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct quire_zone *zone = quire_zonelist_zone(walk->list, i);
		struct qi_zone *za = qi_zone_of(zone);

		if (!qi_walk_allows(walk, zone) || !za)
			continue;
		if (!first)
			first = zone->node;
		if ((flags & QI_ALLOC_NOFRAGMENT) && zone->node != first)
			break;
		if (try_zone(walk, za, cpu, flags, pfn) == QUIRE_OK) {
			qi_count_allocs(za, cpu, walk, 1);
			qi_at_hand_learn_alloc(walk, za, cpu);
			qi_trace(walk->q, alloc, *pfn, walk->request.order, walk->gfp,
				 (enum quire_migratetype)walk->request.type);
			return QUIRE_OK;
		}
	}
	*left = flags & QI_ALLOC_NOFRAGMENT;
	return QUIRE_ENOMEM;
}

enum quire_status qi_walk_list(struct qi_walk *walk, unsigned flags, quire_pfn_t *pfn)
{
	quire_pfn_t got = QUIRE_PFN_NONE;
	unsigned long state = 0;
	unsigned cpu = qi_enter_cpu(walk->q, &state);
	bool left = false;
	enum quire_status status = try_zones(walk, cpu, flags, &left, &got);

	if (status != QUIRE_OK && left)
		status = try_zones(walk, cpu, flags & ~QI_ALLOC_NOFRAGMENT, &left, &got);
	qi_leave_cpu(walk->q, state);
	if (status == QUIRE_OK)
		*pfn = got;
	return status;
}
