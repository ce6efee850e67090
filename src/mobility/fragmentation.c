/*
 * How scattered is what is free? The exact indices go over all broken pageblocks, for who asks; what compaction itself
 * goes by is known without looking.
 */
#include "mobility/compact.h"

#ifndef QUIRE_WITHOUT_MOBILITY

/* Zones up to so many frames may be counted for a request that waits. */
#define COUNTED (1u << 18)

struct blocks {
	uint64_t free, total, suitable;		/* frames; blocks; blocks of 2^order among them */
};

/* Without the lock, which would be held too long in a large zone: near enough while others allocate. */
static struct blocks count_blocks(const struct qi_zone *za, unsigned order)
{
	qi_tree_counts_t counts;
	struct blocks b = { 0 };

	memset(counts, 0, sizeof(counts));
	qi_tree_counts(&za->tree, counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_ISOLATE; type++)
		for (unsigned o = 0; o < QUIRE_MAX_ORDERS; o++) {
			b.free += counts[type][o] << o;
			b.total += counts[type][o];
			b.suitable += o >= order ? counts[type][o] << (o - order) : 0;
		}
	return b;
}

int quire_fragmentation_index(const struct quire_zone *zone, unsigned order)
{
	const struct qi_zone *za = qi_zone_of(zone);
	struct blocks b;

	if (!za || order >= QUIRE_MAX_ORDERS)
		return 0;
	b = count_blocks(za, order);
	if (!b.total)
		return 0;
	if (b.suitable)
		return -1000;
	return 1000 - (int)qi_div64(1000 + (b.free * 1000 >> order), b.total);
}

unsigned quire_unusable_index(const struct quire_zone *zone, unsigned order)
{
	const struct qi_zone *za = qi_zone_of(zone);
	struct blocks b;

	if (!za || order >= QUIRE_MAX_ORDERS)
		return 0;
	b = count_blocks(za, order);
	return b.free ? (unsigned)qi_div64((b.free - (b.suitable << order)) * 1000, b.free) : 0;
}

unsigned qi_zone_score(const struct qi_zone *za)
{
	const struct qi_tree *tree = &za->tree;
	uint64_t special = qi_peek(&tree->free_special[QUIRE_MIGRATE_CMA]) +
		qi_peek(&tree->free_special[QUIRE_MIGRATE_HIGHATOMIC]) + qi_peek(&tree->free_special[QUIRE_MIGRATE_ISOLATE]);
	uint64_t free = qi_peek(&tree->free_pages), loose = qi_peek(&tree->loose);

	if (free <= special || loose <= special)
		return 0;
	return (unsigned)qi_min(100, qi_div64((loose - special) * 100, free - special));
}

unsigned quire_fragmentation_score(const struct quire *q, int nid)
{
	const struct quire_node *node = quire_topology_node(&q->topology, nid);
	uint64_t present = 0, sum = 0;

	for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
		const struct qi_zone *za = qi_zone_of(&node->zones[type]);

		present += node->zones[type].present;
		if (za)
			sum += node->zones[type].present * qi_zone_score(za);
	}
	return (unsigned)qi_div64(sum, present + 1);
}

/*
 * Is the index above the threshold? Blocks in pageblocks in use are no larger than the largest class there is, so there are
 * at least so many of them, and the index is at least so high. Where that does not tell, a small zone is counted; in a
 * large one it is worth trying: only if nearly all that is free lies in halves of blocks could the index be low, and of
 * those it takes few moves to make a whole.
 */
static bool scattered(const struct qi_zone *za, unsigned order)
{
	unsigned classes = 1, largest, threshold = za->q->config.tunables.extfrag_threshold;
	uint64_t free = qi_tree_free_pages(&za->tree), least;
	int index;

	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		classes |= qi_peek(&za->tree.leaf_mask[type]);
	largest = qi_log2(classes);
	least = free >> largest;
	if (largest < order && least && 1000 - qi_min(1000, qi_div64(1000 + (free * 1000 >> order), least)) > threshold)
		return true;
	if (qi_peek(&za->tree.end_pfn) - qi_peek(&za->tree.start_pfn) > COUNTED)
		return true;
	index = quire_fragmentation_index(za->zone, order);
	return index < 0 || index > (int)threshold;
}

enum quire_compact_result qi_compact_suitable(const struct qi_zone *za, unsigned order, unsigned type,
					      enum quire_zone_type highest, unsigned flags)
{
	uint64_t free = qi_tree_free_pages(&za->tree);
	unsigned mark = order > QI_COSTLY_ORDER ? QUIRE_WMARK_LOW : QUIRE_WMARK_MIN;

	if (free >= qi_request_floor(za, order, highest, flags) + (1ull << order) &&
	    qi_tree_might_have(&za->tree, order, type, QI_TREE_NOFRAGMENT))
		return QUIRE_COMPACT_SUCCESS;
	if (free < qi_request_floor(za, 0, highest, mark | QI_ALLOC_CMA) + (2ull << order))
		return QUIRE_COMPACT_SKIPPED;
	return order <= QI_COSTLY_ORDER || scattered(za, order) ? QUIRE_COMPACT_PARTIAL : QUIRE_COMPACT_SKIPPED;
}

#endif
