/*
 * The usual case, in one piece: a request without rarer wishes that this CPU's front of its best zone can serve, and a
 * free into the word that the front is serving from. Anything else takes the whole road (alloc.c, free.c), which would have
 * come to the same end: these are shorter only by what they need not ask.
 *
 * What flags mean is looked up: the low five bits decide zone and mobility, and are worked out when the allocator opens.
 */
#ifndef QI_PAGE_ALLOC_AT_HAND_H
#define QI_PAGE_ALLOC_AT_HAND_H

#include "page_alloc/page_alloc.h"

/* Bits that say nothing as long as there is something at hand. */
#define QI_GFP_EASY (QUIRE_GFP_IO | QUIRE_GFP_FS | QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_KSWAPD_RECLAIM | QUIRE_GFP_HIGH | \
		     QUIRE_GFP_NOWARN | QUIRE_GFP_COMP)

static inline bool qi_nobody_watches(const struct quire *q)
{
	return !qi_debug_of(q) && (QI_NO_TRACE || !q->page_alloc.trace);
}

/* The zone a request on this node likes best. NULL: look properly. */
static inline struct qi_zone *qi_best_zone(const struct quire_node *node, enum quire_zone_type highest)
{
	const struct quire_zonelist *list = &node->zonelists[QUIRE_ZONELIST_FALLBACK];
	size_t count = quire_zonelist_count(list);

	for (size_t i = 0; i < count; i++) {
		const struct quire_zone *zone = quire_zonelist_zone(list, i);

		if (zone->type <= highest)
			return zone->node == node ? qi_zone_of(zone) : NULL;
	}
	return NULL;
}

/* The highest zone of the node that the frame may be of. NULL: none. */
static inline struct qi_zone *qi_near_zone(const struct quire_node *node, quire_pfn_t pfn)
{
	const struct quire_zonelist *list = &node->zonelists[QUIRE_ZONELIST_FALLBACK];
	size_t count = quire_zonelist_count(list);

	for (size_t i = 0; i < count; i++) {
		const struct quire_zone *zone = quire_zonelist_zone(list, i);
		struct qi_zone *za = zone->node == node ? qi_zone_of(zone) : NULL;

		if (!za || qi_likely(qi_tree_holds(&za->tree, pfn, 1)))
			return za;
	}
	return NULL;
}

/* A block, or QUIRE_PFN_NONE: take the whole road. */
static inline quire_pfn_t qi_take_at_hand(struct quire *q, int nid, unsigned order, quire_gfp_t gfp)
{
	const struct quire_gfp_meaning *means = &q->page_alloc.means[gfp & QI_GFP_ZONE_BITS];
	quire_pfn_t pfn = QUIRE_PFN_NONE;
	struct qi_zone *za;
	unsigned long state = 0;
	unsigned cpu;
	int own;

	if (!QI_FRONTS || (gfp & ~(QI_GFP_EASY | QI_GFP_ZONE_BITS)) || !means->known || !qi_nobody_watches(q))
		return QUIRE_PFN_NONE;
	cpu = qi_enter_cpu(q, &state);
	own = qi_node_of_cpu(q, cpu);
	za = nid == own || nid == QUIRE_NO_NODE ? qi_best_zone(q->topology.nodes[own], means->highest) : NULL;
	if (qi_likely(za && cpu < qi_front_count(za))) {
		pfn = qi_front_take(za, cpu, order, qi_peek(&q->watermarks.mobility_grouping) ? means->type :
				    QUIRE_MIGRATE_UNMOVABLE);
		if (qi_likely(pfn != QUIRE_PFN_NONE))
			qi_count_at_hand(qi_front_of(za, cpu), 1ull << order);
	}
	qi_leave_cpu(q, state);
	return pfn;
}

/*
 * Give a frame back to the word it was served from: that it is there says that it is this zone's, and taken. So nobody is
 * asked whose the frame is: the highest zone of the CPU's node that could have it is tried. False: take the whole road.
 */
static inline bool qi_give_at_hand(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	struct qi_front *front;
	struct qi_zone *za;
	unsigned long state = 0;
	bool given = false;
	unsigned cpu;

	if (!QI_FRONTS || order || !qi_nobody_watches(q))
		return false;
	cpu = qi_enter_cpu(q, &state);
	za = qi_near_zone(q->topology.nodes[qi_node_of_cpu(q, cpu)], pfn);
	if (qi_likely(za && cpu < qi_front_count(za))) {
		front = qi_front_of(za, cpu);
		if (qi_likely(qi_front_enter(front))) {
			given = qi_served_put(&front->frames, pfn >> 6, 1ull << (pfn & 63)) == QUIRE_OK;
			if (given)
				qi_poke(&front->events.freed_pages, front->events.freed_pages + 1);
			qi_front_leave(front);
		}
	}
	qi_leave_cpu(q, state);
	return given;
}

#endif
