/* Ranges cut at zones. Zones' spans may overlap between nodes, so a frame range can be in more than one tree's range. */
#include "mobility/mobility.h"

#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_MOBILITY

bool qi_next_part(const struct quire *q, quire_pfn_t pfn, quire_pfn_t end, struct qi_part *part)
{
	while (part->next < q->topology.node_count * (unsigned)QUIRE_ZONE_TYPES) {
		const struct quire_node *node = q->topology.nodes[part->next / QUIRE_ZONE_TYPES];
		const struct quire_zone *zone = node ? &node->zones[part->next % QUIRE_ZONE_TYPES] : NULL;
		struct qi_tree *tree;
		quire_pfn_t first, last;

		if (!node) {
			part->next += QUIRE_ZONE_TYPES;
			continue;
		}
		part->next++;
		/* A tree comes to life, and grows, while others read. */
		tree = __atomic_load_n(&zone->tree, __ATOMIC_ACQUIRE);
		first = tree ? qi_peek(&tree->start_pfn) : 0;
		last = tree ? qi_peek(&tree->end_pfn) : 0;
		if (first >= end || last <= pfn)
			continue;
		part->za = qi_zone_of_tree(tree);
		part->pfn = qi_max(pfn, first);
		part->end = qi_min(end, last);
		return true;
	}
	return false;
}

enum quire_status qi_drain_range(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	enum quire_status result = QUIRE_OK;
	struct qi_part part = { 0 };

	while (qi_next_part(q, pfn, pfn + count, &part))
		if (qi_drain_zone(q, part.za) != QUIRE_OK)
			result = QUIRE_EUNSUPPORTED;
	return result;
}

enum quire_status qi_judge_range(const struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	return q->stage < QUIRE_STAGE_WATERMARKS || !count || pfn + count < pfn ? QUIRE_EINVAL : QUIRE_OK;
}

#endif
