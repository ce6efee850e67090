/* What a kernel's log says while it lays out memory, in its wording and order. */
#include "report/print.h"

#include "hotplug/hotplug.h"

static void zone_ranges(const struct quire *q, const struct quire_report_sink *sink)
{
	const struct quire_topology *t = &q->topology;
	unsigned shift = quire_page_shift(&q->config);

	qi_print(sink, "Zone ranges:\n");
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (!qi_zone_configured(&q->config, type) || type == QUIRE_ZONE_MOVABLE)
			continue;
		qi_print(sink, "  %-8s ", quire_zone_name(type));
		if (t->zone_low[type] >= t->zone_high[type])
			qi_print(sink, "empty\n");
		else
			qi_print(sink, "[mem 0x%016llx-0x%016llx]\n", (qi_ull)t->zone_low[type] << shift,
				 ((qi_ull)t->zone_high[type] << shift) - 1);
	}
}

static void movable_starts(const struct quire *q, const struct quire_report_sink *sink)
{
	unsigned shift = quire_page_shift(&q->config);

	qi_print(sink, "Movable zone start for each node\n");
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		if (node && node->movable_pfn)
			qi_print(sink, "  Node %d: 0x%016llx\n", node->nid, (qi_ull)node->movable_pfn << shift);
	}
}

static void early_ranges(const struct quire *q, const struct quire_report_sink *sink)
{
	unsigned shift = quire_page_shift(&q->config);
	struct quire_pfn_range range;
	size_t index;

	qi_print(sink, "Early memory node ranges\n");
	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, shift, &range)
		qi_print(sink, "  node %3d: [mem 0x%016llx-0x%016llx]\n", range.nid, (qi_ull)range.start << shift,
			 ((qi_ull)range.end << shift) - 1);
}

static void node_set_up(const struct quire *q, const struct quire_report_sink *sink)
{
	unsigned shift = quire_page_shift(&q->config);

	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		if (!node)
			continue;
		if (node->start_pfn < node->end_pfn)
			qi_print(sink, "Initmem setup node %d [mem 0x%016llx-0x%016llx]\n", node->nid,
				 (qi_ull)node->start_pfn << shift, ((qi_ull)node->end_pfn << shift) - 1);
		else
			qi_print(sink, "Initmem setup node %d as memoryless\n", node->nid);
	}
}

static void unavailable(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages)
{
	qi_print(ctx, "On node %d, zone %s: %llu pages in unavailable ranges\n", nid, quire_zone_name(zone), (qi_ull)pages);
}

static void contiguous_areas(const struct quire *q, const struct quire_report_sink *sink)
{
	unsigned shift = quire_page_shift(&q->config);

	for (size_t i = 0; i < q->cma_count; i++)
		qi_print(sink, "cma: Reserved %llu MiB at 0x%016llx\n", (qi_ull)(q->cma[i].count << shift >> 20),
			 (qi_ull)q->cma[i].base_pfn << shift);
	if (q->crash_low_size)
		qi_print(sink, "Reserving %lluMB of low memory at %lluMB for crashkernel (low RAM limit: %lluMB)\n",
			 (qi_ull)q->crash_low_size >> 20, (qi_ull)q->crash_low_base >> 20, 4096ull);
	if (q->crash_size)
		qi_print(sink, "Reserving %lluMB of memory at %lluMB for crashkernel (System RAM: %lluMB)\n",
			 (qi_ull)q->crash_size >> 20, (qi_ull)q->crash_base >> 20,
			 (qi_ull)quire_memblock_phys_mem_size(&q->memblock) >> 20);
}

/* Reserved is what is neither managed nor in a CMA area; CMA pages are managed but counted apart. */
static void totals(const struct quire *q, const struct quire_report_sink *sink)
{
	const struct quire_config *config = &q->config;
	uint64_t present = 0, managed = 0, cma = 0, high = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
			present += node->zones[type].present;
			managed += node->zones[type].managed;
			cma += node->zones[type].cma_pages;
		}
		high += node ? node->zones[QUIRE_ZONE_HIGHMEM].managed : 0;
	}
	qi_print(sink, "Memory: %lluK/%lluK available (%lluK reserved, %lluK cma-reserved",
		 (qi_ull)qi_pages_kb(config, managed), (qi_ull)qi_pages_kb(config, present),
		 (qi_ull)qi_pages_kb(config, present - managed), (qi_ull)qi_pages_kb(config, cma));
	if (qi_zone_configured(config, QUIRE_ZONE_HIGHMEM))
		qi_print(sink, ", %lluK highmem", (qi_ull)qi_pages_kb(config, high));
	qi_print(sink, ")\n");
}

void quire_report_boot_log(const struct quire *q, const struct quire_report_sink *sink)
{
	quire_phys_t block = qi_report_block_size(q);

	contiguous_areas(q, sink);
	zone_ranges(q, sink);
	movable_starts(q, sink);
	early_ranges(q, sink);
	node_set_up(q, sink);
	quire_memmap_unavailable(&q->topology, &q->memblock, unavailable, (void *)(uintptr_t)sink);
	if (q->stage >= QUIRE_STAGE_HANDOVER)
		totals(q, sink);
	if (block && quire_arch(&q->config) == QUIRE_ARCH_X86_64)
		qi_print(sink, "x86/mm: Memory block size: %lluMB\n", (qi_ull)block >> 20);
}
