/* Nodes and zones as tables for people; they fit 100 columns. */
#include "report/print.h"

#include "topology/topology_internal.h"

/* Distances stand in the node's line while they fit it. */
#define DISTANCE_COLUMNS 12

static void distances(const struct quire_topology *t, int nid, const struct quire_report_sink *sink)
{
	for (unsigned to = 0; to < t->node_count && t->node_count <= DISTANCE_COLUMNS; to++)
		if (qi_online_node(t, to))
			qi_print(sink, " %3u", qi_node_distance(t, nid, (int)to));
}

void quire_report_nodes(const struct quire *q, const struct quire_report_sink *sink)
{
	const struct quire_topology *t = &q->topology;
	unsigned shift = quire_page_shift(&q->config);
	char size[16];

	qi_print(sink, "node  cpus   memory  range%s\n",
		 t->node_count <= DISTANCE_COLUMNS ? "                                    distance" : "");
	for (unsigned nid = 0; nid < t->node_count; nid++) {
		const struct quire_node *node = qi_online_node(t, nid);

		if (!node)
			continue;
		qi_print(sink, "%4d %5u %8s  ", node->nid, node->cpus, qi_print_size(size, node->present << shift));
		if (node->start_pfn < node->end_pfn)
			qi_print(sink, "0x%016llx-0x%016llx   ", (qi_ull)node->start_pfn << shift,
				 ((qi_ull)node->end_pfn << shift) - 1);
		else
			qi_print(sink, "%-40s", "no memory");
		distances(t, node->nid, sink);
		qi_print(sink, "\n");
	}
}

static void zone_row(const struct quire_node *node, const struct quire_zone *zone, const struct quire_report_sink *sink)
{
	qi_print(sink, "%4d %-8s %#11llx %9llu %9llu %9llu %8llu %8llu %8llu %5u %8llu\n", node->nid,
		 quire_zone_name(zone->type), (qi_ull)zone->start_pfn, (qi_ull)zone->spanned, (qi_ull)zone->present,
		 (qi_ull)zone->managed, (qi_ull)(zone->watermark[QUIRE_WMARK_MIN] + zone->watermark_boost),
		 (qi_ull)(zone->watermark[QUIRE_WMARK_LOW] + zone->watermark_boost),
		 (qi_ull)(zone->watermark[QUIRE_WMARK_HIGH] + zone->watermark_boost), zone->pcp_batch,
		 (qi_ull)zone->pcp_high_min);
}

/* "DMA keeps 1914 pages from DMA32 requests, …": the reserves that are not zero and differ from the one before. */
static void reserve_row(const struct quire_config *config, const struct quire_node *node, const struct quire_zone *zone,
			const struct quire_report_sink *sink)
{
	uint64_t last = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		uint64_t reserve = zone->lowmem_reserve[type];

		if (!qi_zone_configured(config, type) || reserve == last)
			continue;
		if (!last)
			qi_print(sink, "%4d %-8s keeps", node->nid, quire_zone_name(zone->type));
		qi_print(sink, "%s %llu from %s", last ? "," : "", (qi_ull)reserve, quire_zone_name(type));
		last = reserve;
	}
	if (last)
		qi_print(sink, "\n");
}

static void each_zone(const struct quire *q, bool reserves, const struct quire_report_sink *sink)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
			if (!quire_zone_populated(&node->zones[type]))
				continue;
			if (reserves)
				reserve_row(&q->config, node, &node->zones[type], sink);
			else
				zone_row(node, &node->zones[type], sink);
		}
	}
}

void quire_report_zones(const struct quire *q, const struct quire_report_sink *sink)
{
	const struct quire_watermark_state *w = &q->watermarks;

	qi_print(sink, "node zone       start pfn   spanned   present   managed"
		 "      min      low     high batch pcp-high\n");
	each_zone(q, false, sink);
	each_zone(q, true, sink);
	if (q->stage < QUIRE_STAGE_WATERMARKS)
		return;
	qi_print(sink, "min_free_kbytes %llu", (qi_ull)w->min_free_kbytes);
	if (w->thp_recommended_kbytes && w->min_free_kbytes == w->thp_recommended_kbytes)
		qi_print(sink, " (computed %llu; huge pages want more)", (qi_ull)w->min_free_kbytes_computed);
	qi_print(sink, ", mobility grouping %s\n", w->mobility_grouping ? "on" : "off");
}
