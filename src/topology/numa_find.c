/*
 * Whose memory is whose: firmware's records if they make sense, else one dummy node; then numa=fake=. Each try starts from
 * regions without node, so that a rejected table leaves nothing behind.
 */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_NUMA

static enum quire_status forget(struct qi_numa *numa)
{
	struct quire_memblock *mb = numa->mb;
	enum quire_status status;

	numa->ranges.count = 0;
	numa->possible = (struct qi_nodemask){ .word = { 0 } };
	numa->initiators = (struct qi_nodemask){ .word = { 0 } };
	numa->domain_count = 0;
	numa->from_firmware = numa->faked = false;
	numa->t->distance = NULL;
	numa->t->distance_count = 0;
	status = quire_memblock_set_node(mb, 0, QUIRE_PHYS_MAX, &mb->memory, QUIRE_NO_NODE);
	if (!status)
		status = quire_memblock_set_node(mb, 0, QUIRE_PHYS_MAX, &mb->reserved, QUIRE_NO_NODE);
	if (!status && qi_numa_judges_ranges(numa->t->config))
		status = quire_memblock_clear_hotplug(mb, 0, QUIRE_PHYS_MAX);
	return status;
}

/* Where records are not judged: all memory must have got a node. */
static bool every_region_has_node(const struct qi_numa *numa)
{
	const struct quire_memblock_type *memory = &numa->mb->memory;

	for (size_t i = 0; i < memory->cnt; i++) {
		const struct quire_memblock_region *region = &memory->regions[i];

		if (region->nid != QUIRE_NO_NODE)
			continue;
		qi_log(numa->t->platform, QUIRE_LOG_WARNING, "NUMA: Warning: invalid memblk node %d [mem %#010llx-%#010llx]",
		       region->nid, QI_ULL(region->base), QI_ULL(region->base + region->size - 1));
		return false;
	}
	return true;
}

/*
 * Put the collected ranges to use. *usable false: they contradict memory or each other. Emulation comes between judging and
 * writing: it cuts what is left of the ranges.
 */
static enum quire_status use_ranges(struct qi_numa *numa, bool *usable)
{
	enum quire_status status;

	*usable = false;
	if (!qi_numa_judges_ranges(numa->t->config)) {
		status = qi_ranges_write(numa, &numa->ranges);
		if (!status)
			*usable = every_region_has_node(numa);
		return status;
	}
	if (!qi_ranges_judge(numa, &numa->ranges))
		return QUIRE_OK;
	status = qi_numa_emulate(numa);
	if (status)
		return status;
	status = qi_ranges_write(numa, &numa->ranges);
	if (!status)
		status = qi_ranges_clear_kernel_hotplug(numa, &numa->ranges);
	if (!status)
		*usable = qi_ranges_cover_memory(numa);
	return status;
}

static void announce_dummy(const struct qi_numa *numa, quire_phys_t start, quire_phys_t end)
{
	const struct quire_topology *t = numa->t;
	const char *prefix = qi_arch_is_x86(quire_arch(t->config)) ? "" : "NUMA: ";
	bool off = t->config->options.numa == QUIRE_NUMA_OFF;

	if (off)
		qi_log(t->platform, QUIRE_LOG_INFO,
		       qi_arch_is_x86(quire_arch(t->config)) ? "NUMA turned off" : "NUMA: NUMA disabled");
	else if (qi_arch_is_x86(quire_arch(t->config)) || quire_rules(t->config) < QUIRE_RULES_6_12)
		qi_log(t->platform, QUIRE_LOG_INFO, "%sNo NUMA configuration found", prefix);
	qi_log(t->platform, QUIRE_LOG_INFO, "%sFaking a node at [mem %#018llx-%#018llx]", prefix, QI_ULL(start),
	       QI_ULL(end - 1));
}

/* One node that has all of memory. numa=fake= may still cut it. */
static enum quire_status use_dummy(struct qi_numa *numa)
{
	struct quire_topology *t = numa->t;
	bool x86 = qi_arch_is_x86(quire_arch(t->config)), usable;
	quire_phys_t page = (quire_phys_t)1 << quire_page_shift(t->config);
	quire_phys_t start = x86 ? 0 : quire_memblock_start_of_dram(numa->mb);
	quire_phys_t end = quire_memblock_end_of_dram(numa->mb);
	enum quire_status status = forget(numa);

	if (status)
		return status;
	if (x86)
		end = qi_align_down(end, page);
	if (start < end)
		announce_dummy(numa, start, end);
	if (!numa->ranges.max) {
		numa->ranges.range =
			t->alloc(t->alloc_ctx, sizeof(struct qi_node_range), sizeof(quire_phys_t), QUIRE_NO_NODE);
		if (!numa->ranges.range)
			return QUIRE_ENOMEM;
		numa->ranges.max = 1;
	}
	qi_ranges_add(&numa->ranges, start, end, 0);
	qi_node_set(&numa->possible, 0);
	return use_ranges(numa, &usable);
}

enum quire_status qi_nodes_find(struct qi_numa *numa)
{
	const struct quire_config *config = numa->t->config;
	enum quire_status status;
	bool usable;

	if (config->geometry.nodes_shift == 0)
		return qi_nodes_flat(numa);
	if (config->options.numa == QUIRE_NUMA_OFF)
		return use_dummy(numa);
	status = forget(numa);
	if (status)
		return status;
	if (!qi_numa_read_firmware(numa)) {
		if (numa->t->machine->affinity_count)
			qi_log(numa->t->platform, QUIRE_LOG_WARNING,
			       "NUMA: the firmware's records are not used: all memory becomes one node");
		return use_dummy(numa);
	}
	status = use_ranges(numa, &usable);
	if (status)
		return status;
	if (!usable)
		return use_dummy(numa);
	numa->from_firmware = true;
	return QUIRE_OK;
}

#endif
