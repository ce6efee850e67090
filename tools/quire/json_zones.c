/* JSON: nodes, zones, zonelists, free blocks. Counts are pages unless a name says otherwise. */
#include "show.h"

/* Call fn for each zone of each online node that has memory, or for every one that exists in this configuration. */
static void each_zone(const struct quire *q, bool unpopulated, struct json *json,
		      void (*fn)(const struct quire *q, const struct quire_zone *zone, struct json *json))
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		for (unsigned type = 0; node && node->online && type < QUIRE_ZONE_TYPES; type++)
			if ((q->config.zone_mask >> type & 1) && (unpopulated || quire_zone_populated(&node->zones[type])))
				fn(q, &node->zones[type], json);
	}
}

static void identity(const struct quire_zone *zone, struct json *json)
{
	json_signed(json, "nid", zone->node->nid);
	json_text(json, "zone", quire_zone_name(zone->type));
}

static void node_distances(const struct quire *q, const struct quire_node *node, struct json *json)
{
	json_row(json, "distances", '[');
	for (unsigned to = 0; to < q->topology.node_count; to++)
		json_unsigned(json, NULL, quire_node_distance(&q->topology, node->nid, (int)to));
	json_close(json);
}

static void one_node(const struct quire *q, const struct quire_node *node, struct json *json)
{
	json_open(json, NULL, '{');
	json_signed(json, "nid", node->nid);
	json_bool(json, "has_memory", node->has_memory);
	json_unsigned(json, "cpus", node->cpus);
	json_unsigned(json, "start_pfn", node->start_pfn);
	json_unsigned(json, "end_pfn", node->end_pfn);
	json_unsigned(json, "spanned", node->spanned);
	json_unsigned(json, "present", node->present);
	if (node->movable_pfn)
		json_unsigned(json, "movable_pfn", node->movable_pfn);
	else
		json_null(json, "movable_pfn");
	node_distances(q, node, json);
	json_close(json);
}

void json_nodes(const struct quire *q, struct json *json)
{
	json_open(json, "nodes", '[');
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		if (q->topology.nodes[nid] && q->topology.nodes[nid]->online)
			one_node(q, q->topology.nodes[nid], json);
	json_close(json);
}

static void marks(const struct quire *q, const struct quire_zone *zone, struct json *json)
{
	json_row(json, "watermarks", '{');
	json_unsigned(json, "boost", zone->watermark_boost);
	json_unsigned(json, "min", zone->watermark[QUIRE_WMARK_MIN] + zone->watermark_boost);
	json_unsigned(json, "low", zone->watermark[QUIRE_WMARK_LOW] + zone->watermark_boost);
	json_unsigned(json, "high", zone->watermark[QUIRE_WMARK_HIGH] + zone->watermark_boost);
	json_unsigned(json, "promo", zone->watermark[QUIRE_WMARK_PROMO] + zone->watermark_boost);
	json_close(json);
	json_row(json, "protection", '[');
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		if (q->config.zone_mask >> type & 1)
			json_unsigned(json, NULL, zone->lowmem_reserve[type]);
	json_close(json);
}

static void one_zone(const struct quire *q, const struct quire_zone *zone, struct json *json)
{
	struct quire_zone_counts counts;

	quire_zone_count(q, zone, &counts);
	json_open(json, NULL, '{');
	identity(zone, json);
	json_bool(json, "populated", quire_zone_populated(zone));
	json_unsigned(json, "start_pfn", zone->start_pfn);
	json_unsigned(json, "spanned", zone->spanned);
	json_unsigned(json, "present", zone->present);
	json_unsigned(json, "managed", zone->managed);
	json_unsigned(json, "cma", zone->cma_pages);
	json_unsigned(json, "free", counts.free_pages);
	json_unsigned(json, "free_cma", counts.free_cma_pages);
	json_unsigned(json, "unavailable", zone->unavailable_pages);
	marks(q, zone, json);
	json_row(json, "pcp", '{');
	json_unsigned(json, "batch", zone->pcp_batch);
	json_unsigned(json, "high_min", zone->pcp_high_min);
	json_unsigned(json, "high_max", zone->pcp_high_max);
	json_close(json);
	json_unsigned(json, "stat_threshold", zone->stat_threshold);
	json_close(json);
}

void json_zones(const struct quire *q, struct json *json)
{
	json_open(json, "zones", '[');
	each_zone(q, true, json, one_zone);
	json_close(json);
	json_open(json, "watermarks", '{');
	json_unsigned(json, "min_free_kbytes", q->watermarks.min_free_kbytes);
	json_unsigned(json, "min_free_kbytes_computed", q->watermarks.min_free_kbytes_computed);
	json_unsigned(json, "huge_pages_recommended_kbytes", q->watermarks.thp_recommended_kbytes);
	json_bool(json, "mobility_grouping", q->watermarks.mobility_grouping);
	json_unsigned(json, "total_reserve_pages", q->watermarks.total_reserve_pages);
	json_unsigned(json, "total_pages", quire_total_pages(&q->topology, &q->memblock));
	json_close(json);
}

void json_fallback(const struct quire *q, struct json *json)
{
	json_open(json, "fallback", '[');
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		if (!node || !node->online)
			continue;
		json_row(json, NULL, '{');
		json_signed(json, "nid", node->nid);
		json_row(json, "order", '[');
		for (size_t i = 0; i < node->fallback_count; i++)
			json_signed(json, NULL, node->fallback[i]);
		json_close(json);
		json_close(json);
	}
	json_close(json);
}

void json_zonelists(const struct quire *q, struct json *json)
{
	json_open(json, "zonelists", '[');
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		for (unsigned list = 0; node && node->online && list < QUIRE_ZONELISTS; list++) {
			json_row(json, NULL, '{');
			json_signed(json, "nid", node->nid);
			json_bool(json, "this_node_only", list == QUIRE_ZONELIST_NOFALLBACK);
			json_row(json, "zones", '[');
			for (size_t i = 0; i < node->zonelists[list].count; i++) {
				json_row(json, NULL, '{');
				identity(node->zonelists[list].zones[i], json);
				json_close(json);
			}
			json_close(json);
			json_close(json);
		}
	}
	json_close(json);
}

static void free_orders(const struct quire *q, const struct quire_zone *zone, struct json *json)
{
	struct quire_zone_counts counts;

	quire_zone_count(q, zone, &counts);
	json_row(json, NULL, '{');
	identity(zone, json);
	json_row(json, "free_blocks", '[');
	for (unsigned order = 0; order <= quire_max_order(&q->config); order++) {
		uint64_t blocks = 0;

		for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
			blocks += counts.free_blocks[type][order];
		json_unsigned(json, NULL, blocks);
	}
	json_close(json);
	json_close(json);
}

void json_buddyinfo(const struct quire *q, struct json *json)
{
	json_open(json, "buddyinfo", '[');
	each_zone(q, false, json, free_orders);
	json_close(json);
}

static void free_types(const struct quire *q, const struct quire_zone *zone, struct json *json)
{
	uint32_t types = quire_migratetype_mask(&q->config);
	struct quire_zone_counts counts;

	quire_zone_count(q, zone, &counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++) {
		if (!(types >> type & 1))
			continue;
		json_row(json, NULL, '{');
		identity(zone, json);
		json_text(json, "type", quire_migratetype_name(type));
		json_unsigned(json, "pageblocks", counts.pageblocks[type]);
		json_row(json, "free_blocks", '[');
		for (unsigned order = 0; order <= quire_max_order(&q->config); order++)
			json_unsigned(json, NULL, counts.free_blocks[type][order]);
		json_close(json);
		json_close(json);
	}
}

void json_pagetypeinfo(const struct quire *q, struct json *json)
{
	json_open(json, "pagetypeinfo", '[');
	each_zone(q, false, json, free_types);
	json_close(json);
}

void json_meminfo(const struct quire *q, struct json *json)
{
	struct quire_zone_counts counts;
	uint64_t managed = 0, free = 0, cma = 0, cma_free = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

			quire_zone_count(q, zone, &counts);
			managed += zone->managed;
			free += counts.free_pages;
			cma += zone->cma_pages;
			cma_free += counts.free_cma_pages;
		}
	json_open(json, "meminfo", '{');
	json_unsigned(json, "total_bytes", managed << quire_page_shift(&q->config));
	json_unsigned(json, "free_bytes", free << quire_page_shift(&q->config));
	json_unsigned(json, "cma_total_bytes", cma << quire_page_shift(&q->config));
	json_unsigned(json, "cma_free_bytes", cma_free << quire_page_shift(&q->config));
	json_unsigned(json, "gigantic_bytes", q->gigantic_bytes);
	json_close(json);
}
