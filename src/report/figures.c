/* Figures behind the reports that are not plain fields: free blocks as a buddy shows them, pageblocks, total pages. */
#include "report/print.h"
#include "zone/tree.h"

uint32_t quire_migratetype_mask(const struct quire_config *config)
{
	uint32_t mask = 1u << QUIRE_MIGRATE_UNMOVABLE | 1u << QUIRE_MIGRATE_MOVABLE | 1u << QUIRE_MIGRATE_RECLAIMABLE |
			1u << QUIRE_MIGRATE_HIGHATOMIC | 1u << QUIRE_MIGRATE_ISOLATE;

	return config->cma_enabled ? mask | 1u << QUIRE_MIGRATE_CMA : mask;
}

void quire_zone_count(const struct quire *q, const struct quire_zone *zone, struct quire_zone_counts *counts)
{
	uint64_t typed = 0, all;

	memset(counts, 0, sizeof(*counts));
	if (!zone->tree)
		return;
	qi_tree_counts(zone->tree, counts->free_blocks);
	qi_tree_pageblocks(zone->tree, counts->pageblocks);
	for (unsigned mobility = 0; mobility < QUIRE_MIGRATE_TYPES; mobility++) {
		typed += counts->pageblocks[mobility];
		for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
			counts->free_pages += counts->free_blocks[mobility][order] << order;
	}
	for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
		counts->free_cma_pages += counts->free_blocks[QUIRE_MIGRATE_CMA][order] << order;
	/*
	 * The tree does not know pageblocks it was never given a frame of; they are what boot makes every pageblock. And it
	 * counts aligned ones, of which a zone that starts unaligned has one more.
	 */
	all = quire_zone_pageblocks(&q->topology, &q->memblock, zone);
	if (all >= typed)
		counts->pageblocks[QUIRE_MIGRATE_MOVABLE] += all - typed;
	else
		counts->pageblocks[QUIRE_MIGRATE_MOVABLE] -= qi_min(typed - all, counts->pageblocks[QUIRE_MIGRATE_MOVABLE]);
}

/* Whole pages of memory below `limit`, less those that are free: what boot has taken of the lowest memory. */
static uint64_t reserved_below(const struct quire_config *config, const struct quire_memblock *mb, quire_phys_t limit)
{
	unsigned shift = quire_page_shift(config);
	quire_pfn_t limit_pfn = limit >> shift;
	struct quire_memblock_range range;
	struct quire_pfn_range pages;
	uint64_t present = 0, free = 0, cursor;
	size_t index;

	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, shift, &pages)
		if (pages.start < limit_pfn)
			present += qi_min(pages.end, limit_pfn) - pages.start;
	quire_memblock_for_each_free(mb, cursor, QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE, &range) {
		quire_pfn_t start = qi_pfn_up(range.start, shift);
		quire_pfn_t end = qi_min(qi_pfn_down(range.end, shift), limit_pfn);

		if (start < end)
			free += end - start;
	}
	return present > free ? present - free : 0;
}

#define DMA_LIMIT ((quire_phys_t)16 << 20)

uint64_t quire_total_pages(const struct quire_topology *t, const struct quire_memblock *mb)
{
	const struct quire_config *config = t->config;
	bool old_rules = quire_rules(config) < QUIRE_RULES_6_12;
	uint64_t total = 0, dma_reserve = 0;

	if (old_rules && quire_arch(config) == QUIRE_ARCH_X86_64)
		dma_reserve = reserved_below(config, mb, DMA_LIMIT);
	for (unsigned nid = 0; nid < t->node_count; nid++) {
		const struct quire_node *node = t->nodes[nid];

		for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
			uint64_t pages = node->zones[type].present, taken = 0;

			if (quire_zone_pays_memmap(t, &node->zones[type]))
				taken = quire_zone_memmap_pages(t, &node->zones[type]);
			if (pages >= taken)
				pages -= taken;
			/*
			 * The lowest zone of each node is charged, if it can pay: only the one that has the low
			 * memory can.
			 */
			if (type == QUIRE_ZONE_DMA && pages > dma_reserve)
				pages -= dma_reserve;
			total += pages;
		}
	}
	return total;
}

/*
 * How many of the positions start_pfn, start_pfn + pageblock, ... of a zone lie in [start, end). They need not be
 * aligned.
 */
static uint64_t positions(const struct quire_zone *zone, unsigned order, quire_pfn_t start, quire_pfn_t end)
{
	quire_pfn_t step = (quire_pfn_t)1 << order;

	start = qi_max(start, zone->start_pfn);
	end = qi_min(end, zone->start_pfn + zone->spanned);
	if (start >= end)
		return 0;
	return ((end - zone->start_pfn + step - 1) >> order) - ((start - zone->start_pfn + step - 1) >> order);
}

/* Memory makes descriptors count around it, in the model's grain: a 2 MiB sub-section, a section, or everything. */
static quire_pfn_t grain(const struct quire_config *config)
{
	if (quire_model(config) == QUIRE_MODEL_SPARSEMEM_VMEMMAP)
		return (quire_pfn_t)1 << (QUIRE_SUBSECTION_SHIFT - quire_page_shift(config));
	return quire_pages_per_section(config);
}

/* The part of hole [start, end) that counts: what shares a grain with memory on either side. */
static uint64_t hole_positions(const struct quire_config *config, const struct quire_zone *zone, quire_pfn_t start,
			       quire_pfn_t end)
{
	quire_pfn_t low_end = qi_min(qi_align_up(start, grain(config)), end);
	quire_pfn_t high_start = qi_max(qi_align_down(end, grain(config)), low_end);
	unsigned order = quire_pageblock_order(config);

	if (quire_model(config) == QUIRE_MODEL_FLATMEM)
		return positions(zone, order, start, end);
	return positions(zone, order, start, low_end) + positions(zone, order, high_start, end);
}

uint64_t quire_zone_pageblocks(const struct quire_topology *t, const struct quire_memblock *mb,
			       const struct quire_zone *zone)
{
	quire_pfn_t hole = 0;
	unsigned order = quire_pageblock_order(t->config);
	const struct quire_zone *owner = NULL;
	struct quire_memmap_walk walk = { 0 };
	struct quire_memmap_piece piece;
	uint64_t count = 0;

	while (quire_memmap_next_piece(t, mb, &walk, &piece)) {
		owner = &quire_topology_node(t, piece.nid)->zones[piece.zone];
		if (owner == zone)
			count += hole_positions(t->config, zone, qi_min(hole, piece.start), piece.start) +
				 positions(zone, order, piece.start, piece.end);
		hole = piece.end;
	}
	if (owner == zone && owner)
		count += positions(zone, order, hole, qi_align_up(hole, grain(t->config)));
	return count;
}
