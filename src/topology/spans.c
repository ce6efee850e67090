/*
 * Spans of zones: from where to where a node's zones reach, and how much of that is memory.
 *
 * A span is the cut of the node's whole extent with the zone's bounds, so it may contain holes and other nodes' memory;
 * present counts only the node's own frames.
 */
#include "topology/topology_internal.h"

static bool has_mirrored(const struct quire_topology *t, const struct quire_memblock *mb, int nid, quire_pfn_t start,
			 quire_pfn_t end)
{
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(mb, index, nid, quire_page_shift(t->config), &range)
		if ((range.flags & QUIRE_MEMBLOCK_MIRROR) && range.start < end && range.end > start)
			return true;
	return false;
}

/* The bounds of one zone after ZONE_MOVABLE had its part; *start >= *end if nothing is left. */
static void zone_bounds(const struct quire_topology *t, const struct quire_memblock *mb, const struct quire_node *node,
			unsigned type, quire_pfn_t *start, quire_pfn_t *end)
{
	bool mirrored = qi_movable_mirrored(t, mb);

	*start = qi_clamp(node->start_pfn, t->zone_low[type], t->zone_high[type]);
	*end = qi_clamp(node->end_pfn, t->zone_low[type], t->zone_high[type]);
	if (!node->movable_pfn)
		return;
	if (type == QUIRE_ZONE_MOVABLE) {
		*start = node->movable_pfn;
		*end = qi_min(node->end_pfn, t->zone_high[t->movable_zone]);
	} else if (!mirrored && *start < node->movable_pfn && *end > node->movable_pfn) {
		*end = node->movable_pfn;
	} else if (*start >= node->movable_pfn) {
		/* Mirrored memory above a movable start would be in no zone at all if this one vanished. */
		if (!mirrored || !has_mirrored(t, mb, node->nid, *start, *end))
			*start = *end;
	}
}

static void span_node(const struct quire_topology *t, const struct quire_memblock *mb, struct quire_node *node)
{
	node->spanned = node->present = 0;
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone *zone = &node->zones[type];
		quire_pfn_t start, end;

		zone->start_pfn = zone->spanned = zone->present = zone->present_early = zone->managed = 0;
		if (!qi_zone_exists(t->config, type) || !node->has_memory)
			continue;
		zone_bounds(t, mb, node, type, &start, &end);
		start = qi_max(start, node->start_pfn);
		end = qi_min(end, node->end_pfn);
		if (start >= end)
			continue;
		zone->start_pfn = start;
		zone->spanned = end - start;
		node->spanned += zone->spanned;
	}
}

/*
 * The part of a range that a zone counts as its own. With kernelcore=mirror the movable zone lies inside the spans of
 * others: mirrored frames are theirs, so are those below the (rounded) start of the movable zone; the rest is movable.
 */
static uint64_t own_pages(const struct quire_node *node, unsigned type, const struct quire_pfn_range *range, bool mirrored)
{
	const struct quire_zone *zone = &node->zones[type];
	quire_pfn_t start = qi_max(range->start, zone->start_pfn);
	quire_pfn_t end = qi_min(range->end, zone->start_pfn + zone->spanned);

	if (mirrored && node->movable_pfn) {
		bool mirror = range->flags & QUIRE_MEMBLOCK_MIRROR;

		if (type == QUIRE_ZONE_MOVABLE && mirror)
			return 0;
		if (type != QUIRE_ZONE_MOVABLE && !mirror)
			end = qi_min(end, node->movable_pfn);
	}
	return start < end ? end - start : 0;
}

static void count_range(struct quire_node *node, const struct quire_pfn_range *range, bool mirrored)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		uint64_t pages = own_pages(node, type, range, mirrored);

		node->zones[type].present += pages;
		node->zones[type].present_early += pages;
		node->present += pages;
	}
}

/* x86: pages below 16 MiB that are taken already; the first zone is charged with them under 6.1 rules. */
static uint64_t reserved_below_16m(const struct quire_topology *t, const struct quire_memblock *mb)
{
	unsigned shift = quire_page_shift(t->config);
	quire_pfn_t limit = (16ull << 20) >> shift;
	struct quire_pfn_range pages;
	struct quire_memblock_range free;
	uint64_t present = 0, available = 0, cursor;
	size_t index;

	if (!qi_arch_is_x86(quire_arch(t->config)))
		return 0;
	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, shift, &pages)
		present += qi_min(pages.end, limit) - qi_min(pages.start, limit);
	quire_memblock_for_each_free(mb, cursor, QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE, &free) {
		quire_pfn_t start = qi_min(qi_pfn_up(free.start, shift), limit),
			    end = qi_min(qi_pfn_down(free.end, shift), limit);

		if (start < end)
			available += end - start;
	}
	return present - qi_min(present, available);
}

uint64_t quire_zone_memmap_pages(const struct quire_topology *t, const struct quire_zone *zone)
{
	bool sparse = t->config->model != QUIRE_MODEL_FLATMEM && t->config->model != QUIRE_MODEL_DISCONTIGMEM;
	uint64_t pages = zone->spanned, page = 1ull << quire_page_shift(t->config);

	if (sparse && zone->spanned > zone->present + (zone->present >> 4))
		pages = zone->present;
	return (pages * t->config->geometry.page_struct_size + page - 1) >> quire_page_shift(t->config);
}

/* Under 6.1 rules zones are reckoned less their descriptors; high memory is not: its descriptors live below. */
bool quire_zone_pays_memmap(const struct quire_topology *t, const struct quire_zone *zone)
{
	return quire_rules(t->config) < QUIRE_RULES_6_12 && !qi_zone_is_highmem(t, zone);
}

static void estimate_managed(const struct quire_topology *t, struct quire_node *node)
{
	bool first = true;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone *zone = &node->zones[type];
		uint64_t memmap = quire_zone_memmap_pages(t, zone);

		if (!qi_zone_exists(t->config, type))
			continue;
		zone->managed = zone->present;
		if (quire_zone_pays_memmap(t, zone)) {
			if (zone->managed >= memmap)
				zone->managed -= memmap;
			if (first && zone->managed > t->dma_reserve)
				zone->managed -= t->dma_reserve;
		}
		first = false;
	}
}

enum quire_status quire_topology_zone_spans(struct quire_topology *t, const struct quire_memblock *mb)
{
	bool mirrored = qi_movable_mirrored(t, mb);
	struct quire_pfn_range range;
	struct quire_node *node;
	size_t index;

	qi_movable_plan(t, mb);
	qi_for_each_node(t, node)
		span_node(t, mb, node);
	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, quire_page_shift(t->config), &range) {
		node = quire_topology_node(t, range.nid);
		if (node)
			count_range(node, &range, mirrored);
	}
	t->dma_reserve = reserved_below_16m(t, mb);
	qi_for_each_node(t, node)
		estimate_managed(t, node);
	return QUIRE_OK;
}
