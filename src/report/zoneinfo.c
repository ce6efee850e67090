/*
 * /proc/zoneinfo.
 *
 * One block per zone of every online node, whether it has memory or not; unpopulated zones stop after "protection".
 * The node's own statistics stand in the block of its first populated zone. Which lines exist depends on how the
 * kernel is built: NUMA lines follow nodes_shift, newer lines the rule set.
 */
#include "report/print.h"

/* When a line of statistics exists. */
enum when { ALWAYS, NUMA, SINCE_6_12, SINCE_6_12_X86_64 };

struct statistic {
	const char *name;
	enum when when;
};

static const struct statistic node_statistics[] = {
	{ "nr_inactive_anon", ALWAYS }, { "nr_active_anon", ALWAYS }, { "nr_inactive_file", ALWAYS },
	{ "nr_active_file", ALWAYS }, { "nr_unevictable", ALWAYS }, { "nr_slab_reclaimable", ALWAYS },
	{ "nr_slab_unreclaimable", ALWAYS }, { "nr_isolated_anon", ALWAYS }, { "nr_isolated_file", ALWAYS },
	{ "workingset_nodes", ALWAYS }, { "workingset_refault_anon", ALWAYS }, { "workingset_refault_file", ALWAYS },
	{ "workingset_activate_anon", ALWAYS }, { "workingset_activate_file", ALWAYS },
	{ "workingset_restore_anon", ALWAYS }, { "workingset_restore_file", ALWAYS },
	{ "workingset_nodereclaim", ALWAYS }, { "nr_anon_pages", ALWAYS }, { "nr_mapped", ALWAYS },
	{ "nr_file_pages", ALWAYS }, { "nr_dirty", ALWAYS }, { "nr_writeback", ALWAYS }, { "nr_writeback_temp", ALWAYS },
	{ "nr_shmem", ALWAYS }, { "nr_shmem_hugepages", ALWAYS }, { "nr_shmem_pmdmapped", ALWAYS },
	{ "nr_file_hugepages", ALWAYS }, { "nr_file_pmdmapped", ALWAYS }, { "nr_anon_transparent_hugepages", ALWAYS },
	{ "nr_vmscan_write", ALWAYS }, { "nr_vmscan_immediate_reclaim", ALWAYS }, { "nr_dirtied", ALWAYS },
	{ "nr_written", ALWAYS }, { "nr_throttled_written", ALWAYS }, { "nr_kernel_misc_reclaimable", ALWAYS },
	{ "nr_foll_pin_acquired", ALWAYS }, { "nr_foll_pin_released", ALWAYS }, { "nr_kernel_stack", ALWAYS },
	{ "nr_page_table_pages", ALWAYS }, { "nr_sec_page_table_pages", ALWAYS }, { "nr_iommu_pages", SINCE_6_12 },
	{ "nr_swapcached", ALWAYS }, { "pgpromote_success", NUMA }, { "pgpromote_candidate", NUMA },
	{ "pgdemote_kswapd", SINCE_6_12 }, { "pgdemote_direct", SINCE_6_12 }, { "pgdemote_khugepaged", SINCE_6_12 },
};

/* After nr_free_pages and up to nr_free_cma, which have figures of their own. */
static const char *const zone_statistics[] = {
	"nr_zone_inactive_anon", "nr_zone_active_anon", "nr_zone_inactive_file", "nr_zone_active_file",
	"nr_zone_unevictable", "nr_zone_write_pending", "nr_mlock", "nr_bounce", "nr_zspages",
};

static const char *const numa_statistics[] = {
	"numa_hit", "numa_miss", "numa_foreign", "numa_interleave", "numa_local", "numa_other",
};

static bool exists(const struct quire_config *config, enum when when)
{
	switch (when) {
	case ALWAYS:
		return true;
	case NUMA:
		return config->geometry.nodes_shift != 0;
	case SINCE_6_12:
		return quire_rules(config) >= QUIRE_RULES_6_12;
	case SINCE_6_12_X86_64:
		return quire_rules(config) >= QUIRE_RULES_6_12 && quire_arch(config) == QUIRE_ARCH_X86_64;
	}
	return false;
}

static void statistic(const struct quire_report_sink *sink, const char *name, uint64_t value)
{
	qi_print(sink, "\n      %-12s %llu", name, (qi_ull)value);
}

static void node_block(const struct quire_config *config, const struct quire_report_sink *sink)
{
	qi_print(sink, "\n  per-node stats");
	for (size_t i = 0; i < QI_ARRAY_SIZE(node_statistics); i++)
		if (exists(config, node_statistics[i].when))
			statistic(sink, node_statistics[i].name, 0);
}

static void marks(const struct quire_config *config, const struct quire_zone *zone, uint64_t free_pages,
		  const struct quire_report_sink *sink)
{
	qi_print(sink, "\n  pages free     %llu\n        boost    %llu\n        min      %llu\n        low      %llu"
		 "\n        high     %llu", (qi_ull)free_pages, (qi_ull)zone->watermark_boost,
		 (qi_ull)(zone->watermark[QUIRE_WMARK_MIN] + zone->watermark_boost),
		 (qi_ull)(zone->watermark[QUIRE_WMARK_LOW] + zone->watermark_boost),
		 (qi_ull)(zone->watermark[QUIRE_WMARK_HIGH] + zone->watermark_boost));
	if (exists(config, SINCE_6_12))
		qi_print(sink, "\n        promo    %llu",
			 (qi_ull)(zone->watermark[QUIRE_WMARK_PROMO] + zone->watermark_boost));
	qi_print(sink, "\n        spanned  %llu\n        present  %llu\n        managed  %llu\n        cma      %llu",
		 (qi_ull)zone->spanned, (qi_ull)zone->present, (qi_ull)zone->managed, (qi_ull)zone->cma_pages);
}

static void protection(const struct quire_config *config, const struct quire_zone *zone,
		       const struct quire_report_sink *sink)
{
	const char *separator = "";

	qi_print(sink, "\n        protection: (");
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (!qi_zone_configured(config, type))
			continue;
		qi_print(sink, "%s%llu", separator, (qi_ull)zone->lowmem_reserve[type]);
		separator = ", ";
	}
	qi_print(sink, ")");
}

/*
 * Page sets of all CPUs. `high` is the size a set may grow to; under 6.12 rules it moves between two bounds, and a
 * set nobody has used yet is shown at the lower one.
 */
static void pagesets(const struct quire *q, const struct quire_zone *zone, const struct quire_report_sink *sink)
{
	unsigned cpus = q->topology.cpu_count ? q->topology.cpu_count : 1;

	qi_print(sink, "\n  pagesets");
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		qi_print(sink, "\n    cpu: %u\n              count: %u\n              high:  %llu\n              batch: %u"
			 "\n  vm stats threshold: %u", cpu, 0u, (qi_ull)zone->pcp_high_min, zone->pcp_batch,
			 zone->stat_threshold);
	qi_print(sink, "\n  node_unreclaimable:  %u\n  start_pfn:           %llu", 0u, (qi_ull)zone->start_pfn);
}

static void populated(const struct quire *q, const struct quire_zone *zone, const struct quire_zone_counts *counts,
		      const struct quire_report_sink *sink)
{
	statistic(sink, "nr_free_pages", counts->free_pages);
	for (size_t i = 0; i < QI_ARRAY_SIZE(zone_statistics); i++)
		statistic(sink, zone_statistics[i], 0);
	statistic(sink, "nr_free_cma", counts->free_cma_pages);
	if (exists(&q->config, SINCE_6_12_X86_64))
		statistic(sink, "nr_unaccepted", 0);
	for (size_t i = 0; i < QI_ARRAY_SIZE(numa_statistics) && exists(&q->config, NUMA); i++)
		statistic(sink, numa_statistics[i], 0);
	pagesets(q, zone, sink);
}

static void node_zones(const struct quire *q, const struct quire_node *node, const struct quire_report_sink *sink)
{
	struct quire_zone_counts counts;
	bool first = true;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		if (!qi_zone_configured(&q->config, type))
			continue;
		quire_zone_count(q, zone, &counts);
		qi_print(sink, "Node %d, zone %8s", node->nid, quire_zone_name(type));
		if (quire_zone_populated(zone) && first) {
			first = false;
			node_block(&q->config, sink);
		}
		marks(&q->config, zone, counts.free_pages, sink);
		protection(&q->config, zone, sink);
		if (quire_zone_populated(zone))
			populated(q, zone, &counts, sink);
		qi_print(sink, "\n");
	}
}

void quire_report_zoneinfo(const struct quire *q, const struct quire_report_sink *sink)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		if (node)
			node_zones(q, node, sink);
	}
}
