/* Pages per zone, straight from the ledger: what a hand-over would give to each zone. */
#include "ledger.h"

/*
 * A zone of node nid takes what of a memory range lies in its span. Only with kernelcore=mirror two zones of a node
 * overlap: there mirrored memory is the kernel's and everything else movable.
 */
static bool zone_takes(const struct quire *q, const struct quire_zone *zone, uint32_t flags)
{
	const struct quire_zone *movable = &zone->node->zones[QUIRE_ZONE_MOVABLE];
	bool overlap = zone != movable && zone->spanned && movable->spanned &&
		       zone->start_pfn + zone->spanned > movable->start_pfn &&
		       movable->start_pfn + movable->spanned > zone->start_pfn;

	if (!q->config.options.kernelcore_mirror)
		return true;
	if (zone->type == QUIRE_ZONE_MOVABLE)
		return !(flags & QUIRE_MEMBLOCK_MIRROR);
	return !overlap || flags & QUIRE_MEMBLOCK_MIRROR;
}

static void count_pfns(const struct quire *q, struct linux_count *count, int nid, uint32_t flags, quire_pfn_t start,
		       quire_pfn_t end)
{
	const struct quire_node *node = nid >= 0 && nid < QUIRE_MAX_NODES ? q->topology.nodes[nid] : NULL;

	for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];
		quire_pfn_t low = start > zone->start_pfn ? start : zone->start_pfn;
		quire_pfn_t high = end < zone->start_pfn + zone->spanned ? end : zone->start_pfn + zone->spanned;

		if (low < high && zone_takes(q, zone, flags))
			count->pages[nid][type] += high - low;
	}
}

void linux_count_range(const struct quire *q, struct linux_count *count, quire_phys_t base, quire_phys_t size)
{
	unsigned shift = quire_page_shift(&q->config);
	quire_pfn_t first = (base + ((quire_phys_t)1 << shift) - 1) >> shift, end = (base + size) >> shift;
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, shift, &range) {
		quire_pfn_t low = first > range.start ? first : range.start, high = end < range.end ? end : range.end;

		if (low < high)
			count_pfns(q, count, range.nid, range.flags, low, high);
	}
}

void linux_count_free(const struct quire *q, struct linux_count *count, const quire_pfn_t *split)
{
	unsigned shift = quire_page_shift(&q->config);
	struct quire_memblock_range range;
	uint64_t cursor;

	quire_memblock_for_each_free(&q->memblock, cursor, QUIRE_NO_NODE, QUIRE_MEMBLOCK_HOTPLUG, &range) {
		quire_pfn_t start = (range.start + ((quire_phys_t)1 << shift) - 1) >> shift, end = range.end >> shift;

		if (split && range.nid >= 0 && range.nid < QUIRE_MAX_NODES && end > split[range.nid])
			end = split[range.nid];
		if (start < end)
			count_pfns(q, count, range.nid, range.flags, start, end);
	}
}

uint64_t linux_count_total(const struct linux_count *count)
{
	uint64_t total = 0;

	for (unsigned nid = 0; nid < QUIRE_MAX_NODES; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			total += count->pages[nid][type];
	return total;
}
