/*
 * Firmware's words about nodes -> node ranges, possible nodes, hot-plug marks and distances.
 *
 * Two languages. ACPI names proximity domains, any 32-bit numbers, and nodes are numbered in the order in which domains
 * appear: first in CPU records, then in memory records (two passes over the table, so a CPU decides before memory does even
 * where the table has it later). A device tree names node ids outright.
 */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_NUMA

int qi_numa_domain_node(const struct qi_numa *numa, uint32_t domain)
{
	if (!numa->compact)
		return domain < numa->max_nodes && qi_node_isset(&numa->possible, (int)domain) ? (int)domain : QUIRE_NO_NODE;
	for (unsigned i = 0; i < numa->domain_count; i++)
		if (numa->domain[i] == domain)
			return (int)i;
	return QUIRE_NO_NODE;
}

/* The node of a domain, a new one if it has none yet; QUIRE_NO_NODE when there are no more numbers. */
static int learn_domain(struct qi_numa *numa, uint32_t domain)
{
	int nid;

	if (numa->compact) {
		nid = qi_numa_domain_node(numa, domain);
		if (nid == QUIRE_NO_NODE && numa->domain_count < numa->max_nodes) {
			nid = (int)numa->domain_count;
			numa->domain[numa->domain_count++] = domain;
		}
	} else {
		nid = domain < numa->max_nodes ? (int)domain : QUIRE_NO_NODE;
	}
	if (nid == QUIRE_NO_NODE)
		qi_log(numa->t->platform, QUIRE_LOG_ERROR, "NUMA: domain %u is beyond the %u nodes this kernel can number",
		       domain, numa->max_nodes);
	else
		qi_node_set(&numa->possible, nid);
	return nid;
}

static bool read_cpus(struct qi_numa *numa)
{
	const struct quire_machine *machine = numa->t->machine;
	bool show = numa->compact && quire_rules(numa->t->config) < QUIRE_RULES_6_12;

	for (size_t i = 0; i < machine->cpu_count; i++) {
		const struct quire_cpu *cpu = &machine->cpus[i];
		int nid;

		if (!cpu->enabled || cpu->domain == QUIRE_DOMAIN_NONE)
			continue;
		nid = learn_domain(numa, cpu->domain);
		if (nid == QUIRE_NO_NODE && numa->compact)
			return false;
		if (nid == QUIRE_NO_NODE)
			continue;	/* a device tree's stray CPU does no harm: it counts as not placed */
		if (cpu->initiator)
			qi_node_set(&numa->initiators, nid);
		else if (show)
			qi_log(numa->t->platform, QUIRE_LOG_INFO, "SRAT: PXM %u -> APIC 0x%0*llx -> Node %d", cpu->domain,
			       cpu->hwid > 0xff ? 4 : 2, QI_ULL(cpu->hwid), nid);
	}
	return true;
}

/* A list with room for `wanted` ranges, at most two a node as in the field. */
static bool make_room(struct qi_numa *numa, size_t wanted)
{
	struct quire_topology *t = numa->t;
	size_t max = qi_min(wanted, 2 * (uint64_t)numa->max_nodes);

	numa->ranges.range = t->alloc(t->alloc_ctx, max * sizeof(struct qi_node_range), sizeof(quire_phys_t), QUIRE_NO_NODE);
	numa->ranges.max = numa->ranges.range ? (unsigned)max : 0;
	return numa->ranges.range != NULL;
}

static bool add_range(struct qi_numa *numa, quire_phys_t start, quire_phys_t end, int nid)
{
	if (!qi_ranges_add(&numa->ranges, start, end, nid))
		return true;
	qi_log(numa->t->platform, QUIRE_LOG_ERROR, "NUMA: more than %u node ranges", numa->ranges.max);
	return false;
}

static void mark_hotplug(struct qi_numa *numa, const struct quire_memory_affinity *record)
{
	if (quire_memblock_mark_hotplug(numa->mb, record->base, record->size))
		qi_log(numa->t->platform, QUIRE_LOG_WARNING,
		       "SRAT: Failed to mark hotplug range [mem %#010llx-%#010llx] in memblock", QI_ULL(record->base),
		       QI_ULL(record->base + record->size - 1));
}

/* One SRAT memory record. False: NUMA cannot be used. *used counts the records that named memory. */
static bool read_affinity(struct qi_numa *numa, const struct quire_memory_affinity *record, size_t *used)
{
	quire_phys_t end;
	int nid;

	if (!(record->flags & QUIRE_AFFINITY_ENABLED))
		return true;
	if (!qi_add(record->base, record->size, &end)) {
		qi_log(numa->t->platform, QUIRE_LOG_WARNING,
		       "SRAT: memory record at %#llx wraps around the address space, ignored", QI_ULL(record->base));
		return true;
	}
	nid = learn_domain(numa, record->domain);
	if (nid == QUIRE_NO_NODE || !add_range(numa, record->base, end, nid))
		return false;
	(*used)++;
	if (record->size == 0)
		return true;
	qi_log(numa->t->platform, QUIRE_LOG_INFO, "ACPI: SRAT: Node %d PXM %u [mem %#010llx-%#010llx]%s%s", nid,
	       record->domain, QI_ULL(record->base), QI_ULL(end - 1),
	       record->flags & QUIRE_AFFINITY_HOTPLUG ? " hotplug" : "",
	       record->flags & QUIRE_AFFINITY_NONVOLATILE ? " non-volatile" : "");
	if (record->flags & QUIRE_AFFINITY_HOTPLUG)
		mark_hotplug(numa, record);
	return true;
}

/* A SLIT is used whole or not at all: exactly 10 on the diagonal, more elsewhere. */
static bool distances_valid(const struct quire_machine *machine)
{
	for (size_t i = 0; i < machine->distance_count; i++) {
		for (size_t j = 0; j < machine->distance_count; j++) {
			uint8_t distance = machine->distances[i * machine->distance_count + j];

			if (i == j ? distance != QI_LOCAL_DISTANCE : distance <= QI_LOCAL_DISTANCE)
				return false;
		}
	}
	return true;
}

static bool read_distances(struct qi_numa *numa)
{
	const struct quire_machine *machine = numa->t->machine;
	unsigned count = 0;

	if (!machine->distance_count)
		return true;
	if (!distances_valid(machine)) {
		qi_log(numa->t->platform, QUIRE_LOG_WARNING,
		       numa->compact ? "ACPI: SLIT table looks invalid. Not used." : "OF: NUMA: invalid distance map");
		return numa->compact;
	}
	for (unsigned nid = 0; nid < numa->max_nodes; nid++)
		if (qi_node_isset(&numa->possible, (int)nid))
			count = nid + 1;
	if (qi_distance_reset(numa->t, count))
		return false;
	for (size_t i = 0; i < machine->distance_count; i++) {
		int from = qi_numa_domain_node(numa, (uint32_t)i);

		if (from == QUIRE_NO_NODE)
			continue;
		for (size_t j = 0; j < machine->distance_count; j++) {
			int to = qi_numa_domain_node(numa, (uint32_t)j);

			if (to != QUIRE_NO_NODE)
				qi_distance_set(numa->t, (unsigned)from, (unsigned)to,
						machine->distances[i * machine->distance_count + j]);
		}
	}
	return true;
}

static bool read_acpi(struct qi_numa *numa)
{
	const struct quire_machine *machine = numa->t->machine;
	size_t used = 0;

	numa->compact = true;
	if (!machine->affinity_count || !make_room(numa, machine->affinity_count) || !read_cpus(numa))
		return false;
	for (size_t i = 0; i < machine->affinity_count; i++)
		if (!read_affinity(numa, &machine->affinities[i], &used))
			return false;
	return used && read_distances(numa);
}

static bool read_device_tree(struct qi_numa *numa)
{
	const struct quire_machine *machine = numa->t->machine;

	numa->compact = false;
	if (!make_room(numa, machine->map_count) || !read_cpus(numa))
		return false;
	for (size_t i = 0; i < machine->map_count; i++) {
		const struct quire_memory_range *range = &machine->map[i];
		quire_phys_t end;

		if (range->type != QUIRE_MEMORY_RAM || range->nid < 0 || !qi_add(range->base, range->size, &end))
			continue;
		if (learn_domain(numa, (uint32_t)range->nid) == QUIRE_NO_NODE ||
		    !add_range(numa, range->base, end, range->nid))
			return false;
	}
	return read_distances(numa);
}

static bool device_tree_has_ids(const struct quire_machine *machine)
{
	for (size_t i = 0; i < machine->map_count; i++)
		if (machine->map[i].type == QUIRE_MEMORY_RAM && machine->map[i].nid >= 0)
			return true;
	return false;
}

bool qi_numa_read_firmware(struct qi_numa *numa)
{
	const struct quire_machine *machine = numa->t->machine;

	if (machine->numa_broken)
		return false;
	if (!qi_arch_is_x86(machine->arch) && device_tree_has_ids(machine))
		return read_device_tree(numa);
	return read_acpi(numa);
}

#endif
