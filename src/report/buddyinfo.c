/* /proc/buddyinfo and /proc/pagetypeinfo: what is free, by order and by mobility. */
#include "report/print.h"

static bool shown(const struct quire_config *config, const struct quire_zone *zone, unsigned type)
{
	return qi_zone_configured(config, type) && quire_zone_populated(zone);
}

void quire_report_buddyinfo(const struct quire *q, const struct quire_report_sink *sink)
{
	struct quire_zone_counts counts;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
			if (!shown(&q->config, &node->zones[type], type))
				continue;
			quire_zone_count(q, &node->zones[type], &counts);
			qi_print(sink, "Node %d, zone %8s ", node->nid, quire_zone_name(type));
			for (unsigned order = 0; order <= quire_max_order(&q->config); order++) {
				uint64_t blocks = 0;

				for (unsigned mobility = 0; mobility < QUIRE_MIGRATE_TYPES; mobility++)
					blocks += counts.free_blocks[mobility][order];
				qi_print(sink, "%6llu ", (qi_ull)blocks);
			}
			qi_print(sink, "\n");
		}
	}
}

/* The field stops counting a free list there, so as not to hold its lock for ever, and says so with a ">". */
#define COUNT_LIMIT 100000

static void free_line(const struct quire_config *config, const struct quire_node *node, unsigned type, unsigned mobility,
		      const struct quire_zone_counts *counts, const struct quire_report_sink *sink)
{
	qi_print(sink, "Node %4d, zone %8s, type %12s ", node->nid, quire_zone_name(type), quire_migratetype_name(mobility));
	for (unsigned order = 0; order <= quire_max_order(config); order++) {
		uint64_t blocks = counts->free_blocks[mobility][order];

		qi_print(sink, "%s%6llu ", blocks >= COUNT_LIMIT ? ">" : "", (qi_ull)qi_min(blocks, COUNT_LIMIT));
	}
	qi_print(sink, "\n");
}

static void free_table(const struct quire *q, const struct quire_node *node, const struct quire_report_sink *sink)
{
	const struct quire_config *config = &q->config;
	uint32_t types = quire_migratetype_mask(config);
	struct quire_zone_counts counts;

	qi_print(sink, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned order = 0; order <= quire_max_order(config); order++)
		qi_print(sink, "%6u ", order);
	qi_print(sink, "\n");
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (!shown(config, &node->zones[type], type))
			continue;
		quire_zone_count(q, &node->zones[type], &counts);
		for (unsigned mobility = 0; mobility < QUIRE_MIGRATE_TYPES; mobility++)
			if (types >> mobility & 1)
				free_line(config, node, type, mobility, &counts, sink);
	}
}

static void block_table(const struct quire *q, const struct quire_node *node, const struct quire_report_sink *sink)
{
	const struct quire_config *config = &q->config;
	uint32_t types = quire_migratetype_mask(config);
	struct quire_zone_counts counts;

	qi_print(sink, "\n%-23s", "Number of blocks type ");
	for (unsigned mobility = 0; mobility < QUIRE_MIGRATE_TYPES; mobility++)
		if (types >> mobility & 1)
			qi_print(sink, "%12s ", quire_migratetype_name(mobility));
	qi_print(sink, "\n");
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (!shown(config, &node->zones[type], type))
			continue;
		quire_zone_count(q, &node->zones[type], &counts);
		qi_print(sink, "Node %d, zone %8s ", node->nid, quire_zone_name(type));
		for (unsigned mobility = 0; mobility < QUIRE_MIGRATE_TYPES; mobility++)
			if (types >> mobility & 1)
				qi_print(sink, "%12llu ", (qi_ull)counts.pageblocks[mobility]);
		qi_print(sink, "\n");
	}
}

void quire_report_pagetypeinfo(const struct quire *q, const struct quire_report_sink *sink)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		if (!node || !node->has_memory)
			continue;
		qi_print(sink, "Page block order: %u\nPages per block:  %llu\n\n", quire_pageblock_order(&q->config),
			 (qi_ull)1 << quire_pageblock_order(&q->config));
		free_table(q, node, sink);
		block_table(q, node, sink);
	}
}
