/* Sizes of per-CPU page sets and of per-CPU counter slack: what one CPU may keep from the others. */
#include "topology/topology_internal.h"

#define BATCH_BYTES_MOST (1ull << 20)
#define HIGH_MAX_FRACTION 8u
#define COUNTER_SLACK_MOST 125u

/*
 * A zone's batch: about a quarter of a thousandth of it, at most 256 KiB. One less than a power of two: that avoids CPUs
 * whose lists always hold pages of the same cache colour.
 */
static unsigned zone_batch(const struct quire_config *config, uint64_t managed)
{
	uint64_t batch = qi_min(managed >> 10, BATCH_BYTES_MOST >> quire_page_shift(config));

	batch = qi_max(batch / 4, 1);
	batch = (1ull << qi_log2(batch + batch / 2)) - 1;
	return (unsigned)qi_max(batch, 1);
}

static uint64_t zone_high(uint64_t total, unsigned cpus, unsigned batch)
{
	return qi_max(qi_div64(total, cpus), 4 * (uint64_t)batch);
}

/* find-last-set: 1 + index of the highest bit, 0 for 0. */
static unsigned fls(uint64_t x)
{
	return x ? qi_log2(x) + 1 : 0;
}

static unsigned counter_slack(const struct quire_config *config, unsigned cpus, uint64_t managed)
{
	return (unsigned)qi_min(2 * fls(cpus) * (1 + fls(managed >> (27 - quire_page_shift(config)))), COUNTER_SLACK_MOST);
}

/* CPUs that are not away. */
static unsigned all_cpus(const struct quire_topology *t)
{
	unsigned cpus = 0;

	for (unsigned cpu = 0; cpu < t->cpu_count; cpu++)
		cpus += !t->cpu_node || t->cpu_node[cpu] >= 0;
	return cpus ? cpus : 1;
}

static void update_zone(const struct quire_topology *t, const struct quire_tunables *tunables, struct quire_zone *zone,
			unsigned all)
{
	unsigned cpus = zone->node->cpus ? zone->node->cpus : all;
	unsigned fraction = tunables->percpu_pagelist_high_fraction;
	uint64_t low = zone->watermark[QUIRE_WMARK_LOW] + zone->watermark_boost;

	zone->pcp_batch = zone_batch(t->config, zone->managed);
	zone->stat_threshold = counter_slack(t->config, all, zone->managed);
	zone->pcp_high_min = zone_high(fraction ? qi_div64(zone->managed, fraction) : low, cpus, zone->pcp_batch);
	zone->pcp_high_max = zone->pcp_high_min;
	/* In a zone of a few pages the low mark can be more than an eighth: the range must not turn round. */
	if (!fraction && quire_rules(t->config) >= QUIRE_RULES_6_12)
		zone->pcp_high_max = qi_max(zone->pcp_high_min,
					    zone_high(zone->managed / HIGH_MAX_FRACTION, cpus, zone->pcp_batch));
}

void quire_pcp_update(struct quire_topology *t, const struct quire_tunables *tunables)
{
	unsigned all = all_cpus(t);
	struct quire_node *node;

	qi_for_each_node(t, node)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (quire_zone_populated(&node->zones[type]))
				update_zone(t, tunables, &node->zones[type], all);
}
