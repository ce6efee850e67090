/*
 * Spans and sums of zones that grow and shrink; see growth.h.
 *
 * Readers without a lock test pfn - start_pfn < spanned. The two words change one after the other, so for a moment a frame
 * at an end may seem to be outside; topology.changes is odd then.
 */
#include "topology/growth.h"

#include "base/lock.h"
#include "memblock/table.h"
#include "topology/topology_internal.h"
#include "topology/zone_map.h"

#define SUBSECTION_SHIFT 21u

void qi_topology_begin(struct quire_topology *t)
{
	__atomic_store_n(&t->changes, t->changes + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void qi_topology_end(struct quire_topology *t)
{
	__atomic_store_n(&t->changes, t->changes + 1, __ATOMIC_RELEASE);
}

static void set_span(struct quire_zone *zone, quire_pfn_t start, quire_pfn_t end)
{
	struct quire_node *node = zone->node;

	/* What is left of it may be nothing, and nothing begins at frame 0. */
	if (start == end)
		start = end = 0;
	node->spanned += end - start - zone->spanned;
	qi_poke(&zone->start_pfn, start);
	qi_poke(&zone->spanned, end - start);
}

/* The node's extent is that of its zones. */
static void follow_zones(struct quire_node *node)
{
	quire_pfn_t start = QUIRE_PFN_NONE, end = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		if (!zone->spanned)
			continue;
		start = qi_min(start, zone->start_pfn);
		end = qi_max(end, zone->start_pfn + zone->spanned);
	}
	node->start_pfn = end ? start : 0;
	node->end_pfn = end;
}

void qi_zone_span_grow(struct quire_zone *zone, quire_pfn_t pfn, uint64_t pages)
{
	struct quire_node *node = zone->node;
	quire_pfn_t start = pfn, end = pfn + pages;

	if (zone->spanned) {
		start = qi_min(start, zone->start_pfn);
		end = qi_max(end, zone->start_pfn + zone->spanned);
	}
	set_span(zone, start, end);
	if (node->end_pfn == node->start_pfn) {
		node->start_pfn = start;
		node->end_pfn = end;
	} else {
		node->start_pfn = qi_min(node->start_pfn, start);
		node->end_pfn = qi_max(node->end_pfn, end);
	}
}

/* The first frame of the node's memory in [start, end), down to a sub-section; `end` if there is none. */
static quire_pfn_t first_memory(const struct quire_topology *t, const struct quire_memblock *mb, int nid, quire_pfn_t start,
				quire_pfn_t end)
{
	unsigned shift = quire_page_shift(t->config);
	size_t low = qi_table_ending_above(&mb->memory, ((start + 1) << shift) - 1);

	for (; low < mb->memory.cnt && mb->memory.regions[low].base >> shift < end; low++)
		if (mb->memory.regions[low].nid == nid)
			return qi_max(start, qi_align_down(mb->memory.regions[low].base, 1ull << SUBSECTION_SHIFT) >> shift);
	return end;
}

/* The end of the node's memory in [start, end), up to a sub-section; `start` if there is none. */
static quire_pfn_t last_memory(const struct quire_topology *t, const struct quire_memblock *mb, int nid, quire_pfn_t start,
			       quire_pfn_t end)
{
	unsigned shift = quire_page_shift(t->config);
	size_t low = qi_table_starting_from(&mb->memory, end << shift);

	while (low-- > 0) {
		const struct quire_memblock_region *region = &mb->memory.regions[low];

		if ((region->base + region->size) >> shift <= start)
			break;
		if (region->nid == nid)
			return qi_min(end, qi_align_up(region->base + region->size, 1ull << SUBSECTION_SHIFT) >> shift);
	}
	return start;
}

void qi_zone_span_shrink(const struct quire_topology *t, const struct quire_memblock *mb, struct quire_zone *zone,
			 quire_pfn_t pfn, uint64_t pages)
{
	quire_pfn_t start = zone->start_pfn, end = start + zone->spanned, first = 0, last = 0;

	if (zone->type == QUIRE_ZONE_DEVICE)
		return;
	if (!qi_zone_map_extent(t, zone, &first, &last)) {
		start = end = 0;
	} else if (pfn <= start) {
		start = first_memory(t, mb, zone->node->nid, qi_max(first, pfn + pages), end);
	} else if (pfn + pages >= end) {
		end = last_memory(t, mb, zone->node->nid, start, qi_min(last, pfn));
	}
	set_span(zone, start, end);
	follow_zones(zone->node);
}

void qi_zone_count_present(struct quire_zone *zone, int64_t pages, bool early)
{
	struct quire_node *node = zone->node;

	qi_poke(&zone->present, zone->present + (uint64_t)pages);
	if (early)
		zone->present_early += (uint64_t)pages;
	node->present += (uint64_t)pages;
	node->has_memory = node->present != 0;
}
