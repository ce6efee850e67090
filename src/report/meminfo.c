/*
 * Totals in the layout of /proc/meminfo and of a node's meminfo. Only lines the engine has figures for: there are no
 * programs, caches or devices here.
 */
#include "report/print.h"

struct totals {
	uint64_t managed, free;
	uint64_t high_managed, high_free;
	uint64_t cma, cma_free;
};

static void add_node(const struct quire *q, const struct quire_node *node, struct totals *totals)
{
	struct quire_zone_counts counts;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		quire_zone_count(q, zone, &counts);
		totals->managed += zone->managed;
		totals->free += counts.free_pages;
		totals->cma += zone->cma_pages;
		totals->cma_free += counts.free_cma_pages;
		if (type == QUIRE_ZONE_HIGHMEM) {
			totals->high_managed += zone->managed;
			totals->high_free += counts.free_pages;
		}
	}
}

/* One line: the label with its colon fills 16 columns, the number 8. */
static void line(const struct quire *q, const struct quire_report_sink *sink, const char *label, uint64_t pages)
{
	qi_print(sink, "%-16s%8llu kB\n", label, (qi_ull)qi_pages_kb(&q->config, pages));
}

static void machine_lines(const struct quire *q, const struct totals *totals, const struct quire_report_sink *sink)
{
	uint64_t reserve = q->watermarks.total_reserve_pages;

	line(q, sink, "MemTotal:", totals->managed);
	line(q, sink, "MemFree:", totals->free);
	line(q, sink, "MemAvailable:", totals->free > reserve ? totals->free - reserve : 0);
	if (qi_zone_configured(&q->config, QUIRE_ZONE_HIGHMEM)) {
		line(q, sink, "HighTotal:", totals->high_managed);
		line(q, sink, "HighFree:", totals->high_free);
		line(q, sink, "LowTotal:", totals->managed - totals->high_managed);
		line(q, sink, "LowFree:", totals->free - totals->high_free);
	}
	if (q->config.cma_enabled) {
		line(q, sink, "CmaTotal:", totals->cma);
		line(q, sink, "CmaFree:", totals->cma_free);
	}
	line(q, sink, "Hugepagesize:", (uint64_t)1 << quire_pageblock_order(&q->config));
	line(q, sink, "Hugetlb:", q->gigantic_bytes >> quire_page_shift(&q->config));
}

static void node_lines(const struct quire *q, const struct quire_node *node, const struct quire_report_sink *sink)
{
	struct totals totals = { 0 };

	add_node(q, node, &totals);
	qi_print(sink, "Node %d MemTotal:       %8llu kB\n", node->nid, (qi_ull)qi_pages_kb(&q->config, totals.managed));
	qi_print(sink, "Node %d MemFree:        %8llu kB\n", node->nid, (qi_ull)qi_pages_kb(&q->config, totals.free));
	qi_print(sink, "Node %d MemUsed:        %8llu kB\n", node->nid,
		 (qi_ull)qi_pages_kb(&q->config, totals.managed - totals.free));
}

void quire_report_meminfo(const struct quire *q, const struct quire_report_sink *sink)
{
	struct totals totals = { 0 };

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		if (qi_online_node(&q->topology, nid))
			add_node(q, q->topology.nodes[nid], &totals);
	machine_lines(q, &totals, sink);
	for (unsigned nid = 0; nid < q->topology.node_count && q->config.geometry.nodes_shift; nid++)
		if (qi_online_node(&q->topology, nid))
			node_lines(q, q->topology.nodes[nid], sink);
}
