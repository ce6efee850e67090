/*
 * Choosing, second part: proximity, CPUs, distances, reservations.
 *
 * Firmware lists every CPU that could be; a kernel runs those it brought up. Per-CPU figures depend on the latter, so
 * CPUs beyond the number the kernel reports are kept but disabled, the last ones first, as the kernel numbers them in the
 * table's order.
 */
#include <string.h>

#include "facts.h"

static bool same_memory(const struct quire_memory_affinity *a, const struct quire_memory_affinity *b)
{
	return a->base == b->base && a->size == b->size && a->domain == b->domain;
}

/* A log prints what the kernel accepted from the table: all of it must be there. */
static void compare_srat(struct input *in)
{
	const struct input_log_facts *log = &in->facts->log;
	const struct quire_machine *m = &in->machine;
	size_t missing = 0;

	/* Logs and tables are short where both exist; a hostile pair must not make this quadratic. */
	if (log->proximity_count > 4096 || m->affinity_count > 4096)
		return;
	for (size_t i = 0; i < log->proximity_count; i++) {
		const struct input_proximity *p = &log->proximities[i];
		bool found = p->is_cpu;

		for (size_t k = 0; k < m->affinity_count && !found; k++)
			found = same_memory(&p->memory, &m->affinities[k]);
		missing += !found;
	}
	if (missing)
		input_note(in, QUIRE_LOG_WARNING, in->facts->blobs[INPUT_BLOB_SRAT].path, 0,
			   "lacks %zu memory ranges that %s has; the table is used", missing, in->facts->log_path);
}

static enum quire_status take_proximity(struct input *in, const struct input_proximity *list, size_t count)
{
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < count && status == QUIRE_OK; i++) {
		const struct input_proximity *p = &list[i];

		status = p->is_cpu ? input_machine_cpu(in, &p->cpu) : input_machine_affinity(in, &p->memory);
	}
	if (status != QUIRE_ENOSPC)
		return status;
	input_note(in, QUIRE_LOG_ERROR, in->name, 0, "more proximity records than any machine has; all are ignored");
	in->machine.affinity_count = in->machine.cpu_count = in->machine.domain_count = 0;
	in->machine.numa_broken = true;
	return QUIRE_OK;
}

/* Without any table the kernel's own node ranges still say which memory is where. */
static enum quire_status take_node_ranges(struct input *in)
{
	const struct input_ranges *nodes = &in->facts->maps[INPUT_MAP_NODES];
	enum quire_status status = QUIRE_OK;

	if (in->facts->log.faked_node)
		return QUIRE_OK;
	for (size_t i = 0; i < nodes->count && status == QUIRE_OK; i++) {
		struct quire_memory_affinity record = {
			.base = nodes->at[i].base, .size = nodes->at[i].size, .domain = (uint32_t)nodes->at[i].nid,
			.flags = QUIRE_AFFINITY_ENABLED,
		};

		status = input_machine_affinity(in, &record);
	}
	return status;
}

static bool several_nodes(const struct input_ranges *nodes)
{
	for (size_t i = 1; i < nodes->count; i++) {
		if (nodes->at[i].nid != nodes->at[0].nid)
			return true;
	}
	return false;
}

enum quire_status input_settle_affinity(struct input *in)
{
	const struct input_facts *facts = in->facts;
	enum quire_status status;

	if (facts->synthetic.proximity_count)
		return take_proximity(in, facts->synthetic.proximities, facts->synthetic.proximity_count);
	if (facts->blobs[INPUT_BLOB_SRAT].data) {
		status = input_machine_blob(in, INPUT_BLOB_SRAT);
		if (status == QUIRE_OK && in->machine.affinity_count)
			compare_srat(in);
		if (status != QUIRE_OK || in->machine.affinity_count)
			return status;
	}
	if (in->machine.affinity_count)		/* the device tree's */
		return QUIRE_OK;
	if (facts->log.proximity_count)
		return take_proximity(in, facts->log.proximities, facts->log.proximity_count);
	if (facts->maps[INPUT_MAP_NODES].count && !facts->blobs[INPUT_BLOB_FDT].data &&
	    several_nodes(&facts->maps[INPUT_MAP_NODES]))
		return take_node_ranges(in);
	return QUIRE_OK;
}

static size_t enabled_cpus(const struct quire_machine *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->cpu_count; i++)
		count += m->cpus[i].enabled && !m->cpus[i].initiator;
	return count;
}

/* Which proximity domain a kernel's node number stands for. */
struct domain_map {
	uint32_t domain[QUIRE_MAX_NODES];
};

/* As the log paired them, else by the order of appearance in SRAT, else the number itself. */
static void map_domains(const struct input *in, struct domain_map *map)
{
	const struct input_log_facts *log = &in->facts->log;
	bool srat = in->facts->blobs[INPUT_BLOB_SRAT].data && in->machine.affinity_count;

	for (uint32_t node = 0; node < QUIRE_MAX_NODES; node++)
		map->domain[node] = srat && node < in->machine.domain_count ? in->machine.domains[node] : node;
	for (size_t i = log->proximity_count; i-- > 0;) {
		const struct input_proximity *p = &log->proximities[i];

		if (p->node < QUIRE_MAX_NODES)
			map->domain[p->node] = p->is_cpu ? p->cpu.domain : p->memory.domain;
	}
}

/* numa=off and numa=fake= make node files speak of other nodes than firmware's. */
static bool nodes_are_firmwares(const struct input *in)
{
	const char *line = in->facts->command_line ? in->facts->command_line : in->facts->log.command_line;

	return in->machine.affinity_count && !(line && strstr(line, "numa=")) && !in->facts->log.faked_node;
}

static enum quire_status add_cpus(struct input *in, size_t have, size_t want)
{
	const struct input_facts *facts = in->facts;
	bool placed = nodes_are_firmwares(in);
	enum quire_status status = QUIRE_OK;
	struct domain_map map;

	map_domains(in, &map);
	for (size_t i = have; i < want && status == QUIRE_OK; i++) {
		struct quire_cpu cpu = { .hwid = i, .domain = QUIRE_DOMAIN_NONE, .enabled = true };

		if (placed && i < facts->cpu_node_max && facts->cpu_nodes[i] != QUIRE_NO_NODE)
			cpu.domain = map.domain[facts->cpu_nodes[i]];
		status = input_machine_cpu(in, &cpu);
	}
	return status;
}

static void disable_cpus(struct quire_machine *m, size_t surplus)
{
	for (size_t i = m->cpu_count; i-- > 0 && surplus;) {
		if (!m->cpus[i].enabled || m->cpus[i].initiator)
			continue;
		m->cpus[i].enabled = false;
		surplus--;
	}
}

/* How many CPUs the kernel ran, by the best source; 0: nobody says. */
static size_t cpus_running(const struct input *in)
{
	const struct input_facts *facts = in->facts;

	if (facts->synthetic.proximity_count)
		return 0;
	if (in->options.cpus)
		return in->options.cpus;
	if (facts->log.cpus_online)
		return facts->log.cpus_online;
	if (facts->cpu_count)
		return facts->cpu_count;
	return facts->log.cpus_present;
}

enum quire_status input_settle_cpus(struct input *in)
{
	enum quire_status status = QUIRE_OK;
	size_t have, want = cpus_running(in);

	if (in->facts->blobs[INPUT_BLOB_MADT].data)
		status = input_machine_blob(in, INPUT_BLOB_MADT);
	if (status != QUIRE_OK)
		return status;
	have = enabled_cpus(&in->machine);
	if (!want || want == have)
		return QUIRE_OK;
	if (have > want) {
		input_note(in, QUIRE_LOG_INFO, in->name, 0,
			   "%zu of %zu CPUs in firmware's tables run; the last %zu are left out", want, have, have - want);
		disable_cpus(&in->machine, have - want);
		return QUIRE_OK;
	}
	if (have)
		input_note(in, QUIRE_LOG_INFO, in->name, 0, "%zu CPUs run, firmware's tables have %zu; the others are added",
			   want, have);
	return add_cpus(in, have, want);
}

/* 10 and 20 are what holds without a table: nothing is gained by writing it out. */
static bool distances_are_plain(const struct input_facts *facts)
{
	for (unsigned i = 0; i < facts->node_count * facts->node_count; i++) {
		unsigned plain = i / facts->node_count == i % facts->node_count ? 10 : 20;

		if (facts->node_distances[i] != plain && facts->node_distances[i] != 0)
			return false;
	}
	return true;
}

/* The nodes' own files, for machines whose SLIT is not at hand. */
static enum quire_status take_node_distances(struct input *in)
{
	const struct input_facts *facts = in->facts;
	enum quire_status status = QUIRE_OK;
	struct domain_map map;

	map_domains(in, &map);
	for (unsigned from = 0; from < facts->node_count; from++) {
		for (unsigned to = 0; to < facts->node_count && status == QUIRE_OK; to++) {
			uint8_t distance = facts->node_distances[(size_t)from * facts->node_count + to];

			if (distance)
				status = input_machine_distance(in, map.domain[from], map.domain[to], distance);
		}
	}
	return status;
}

static enum quire_status take_synthetic_distances(struct input *in)
{
	const struct input_synthetic *s = &in->facts->synthetic;
	enum quire_status status = QUIRE_OK;

	for (unsigned i = 0; i < s->node_count * s->node_count && status == QUIRE_OK; i++)
		status = input_machine_distance(in, i / s->node_count, i % s->node_count, s->distances[i]);
	return status;
}

enum quire_status input_settle_distances(struct input *in)
{
	struct input_facts *facts = in->facts;
	enum quire_status status = QUIRE_OK;

	if (facts->synthetic.distances)
		status = take_synthetic_distances(in);
	else if (facts->blobs[INPUT_BLOB_SLIT].data)
		status = input_machine_blob(in, INPUT_BLOB_SLIT);
	if (status != QUIRE_OK || in->machine.distance_count)
		return status;
	if (facts->node_count > 1 && nodes_are_firmwares(in) && !distances_are_plain(facts))
		status = take_node_distances(in);
	if (status == QUIRE_ENOSPC) {
		input_note(in, QUIRE_LOG_WARNING, in->name, 0,
			   "proximity domains are too high to keep the nodes' distances");
		status = QUIRE_OK;
	}
	if (status == QUIRE_OK && facts->log.distance_table && nodes_are_firmwares(in) && !facts->node_count &&
	    !in->machine.distance_count)
		input_note(in, QUIRE_LOG_WARNING, facts->log_path, 0,
			   "firmware gave distances, which no log prints: 10 and 20 are assumed (SLIT as further input?)");
	return status;
}

/* A memblock trace has the kernel's own reservations exactly; a guess from iomem would only differ from it. */
static enum quire_status reserve_kernel(struct input *in)
{
	const struct input_facts *facts = in->facts;
	struct quire_reservation kernel = { .kind = QUIRE_RESERVE_KERNEL, .name = "kernel" };

	if (facts->log.memblock_trace || facts->kernel_base == facts->kernel_end)
		return QUIRE_OK;
	kernel.base = facts->kernel_base;
	kernel.size = facts->kernel_end - facts->kernel_base;
	return input_machine_reservation(in, &kernel);
}

enum quire_status input_settle_reservations(struct input *in)
{
	const struct input_log_facts *log = &in->facts->log;
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < log->reservation_count && status == QUIRE_OK; i++) {
		/* A device tree at hand has its areas already, with more detail. */
		if (in->facts->blobs[INPUT_BLOB_FDT].data && log->reservations[i].kind != QUIRE_RESERVE_INITRD)
			continue;
		status = input_machine_reservation(in, &log->reservations[i]);
	}
	if (status == QUIRE_OK && log->rsdp)
		in->machine.rsdp = log->rsdp;
	return status == QUIRE_OK ? reserve_kernel(in) : status;
}
