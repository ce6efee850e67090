/*
 * A machine out of options. RAM is laid out as boards of the architecture have it: nodes one after the other through the
 * parts of the address space that may hold RAM. What a hole displaces moves up behind it, so that every node keeps its
 * size.
 *
 * x86 follows a common PC: the legacy hole from 640 KiB to 1 MiB, firmware's tables at the end of low memory, and the PCI
 * window below 4 GiB with the usual chipset ranges in it. arm64 and riscv64 boards are plain: RAM from 1 GiB or 2 GiB up.
 */
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "synthetic.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define LEGACY_HOLE (640 * KIB)
#define EXTENDED_BIOS (639 * KIB)
#define BIOS_ROM (960 * KIB)
#define MOST_LOW_RAM (2 * GIB + 768 * MIB)	/* a machine with more has its PCI window start at 2 GiB */
#define PCI_WINDOW (2 * GIB)
#define FIRMWARE_TABLES (128 * KIB)

static bool is_x86(enum quire_arch arch)
{
	return arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_I386 || arch == QUIRE_ARCH_I386_PAE;
}

/* RAM of all nodes and what the user's holes below 4 GiB push up. */
static quire_phys_t space_needed(const struct synthetic_plan *plan)
{
	quire_phys_t total = 0;

	for (unsigned node = 0; node < plan->node_count; node++)
		total += plan->size[node];
	for (size_t i = 0; i < plan->hole_count; i++) {
		if (plan->holes[i].end <= 4 * GIB &&
		    __builtin_add_overflow(total, plan->holes[i].end - plan->holes[i].base, &total))
			return UINT64_MAX;
	}
	return total;
}

/* The PCI window is one more hole; it must not collide with the user's. */
static void add_pci_window(struct synthetic_plan *plan, quire_phys_t start)
{
	size_t kept = 0;
	struct synthetic_hole window = { start, 4 * GIB };

	for (size_t i = 0; i < plan->hole_count; i++) {
		struct synthetic_hole hole = plan->holes[i];

		if (hole.end < window.base || hole.base > window.end) {
			plan->holes[kept++] = hole;
			continue;
		}
		if (hole.base < window.base)
			window.base = hole.base;
		if (hole.end > window.end)
			window.end = hole.end;
	}
	plan->hole_count = kept;
	while (kept && plan->holes[kept - 1].base > window.base) {
		plan->holes[kept] = plan->holes[kept - 1];
		kept--;
	}
	plan->holes[kept] = window;
	plan->hole_count++;
}

static enum quire_status add_proximity(struct input *in, const struct input_proximity *proximity)
{
	struct input_synthetic *s = &in->facts->synthetic;

	if (s->proximity_count == s->proximity_max &&
	    !input_grow_array(&s->proximities, &s->proximity_max, sizeof(s->proximities[0])))
		return QUIRE_ENOMEM;
	s->proximities[s->proximity_count++] = *proximity;
	return QUIRE_OK;
}

static enum quire_status add_memory(struct input *in, enum quire_arch arch, unsigned node, bool numa, quire_phys_t base,
				    quire_phys_t size)
{
	struct input_ranges *map = &in->facts->maps[INPUT_MAP_SYNTHETIC];
	struct input_proximity record = { .memory = { base, size, node, QUIRE_AFFINITY_ENABLED }, .node = (int)node };
	struct quire_memory_range *last = map->count ? &map->at[map->count - 1] : NULL;
	enum quire_status status = QUIRE_OK;

	if (!size)
		return QUIRE_OK;
	if (numa)
		status = add_proximity(in, &record);
	if (status != QUIRE_OK)
		return status;
	/* An e820 table knows no nodes: neighbours are one entry. A device tree has a memory node for each. */
	if (is_x86(arch) && last && last->type == QUIRE_MEMORY_RAM && last->base + last->size == base) {
		last->size += size;
		return QUIRE_OK;
	}
	return input_ranges_add(map, base, size, QUIRE_MEMORY_RAM, 0, numa && !is_x86(arch) ? (int)node : QUIRE_NO_NODE);
}

/* One stretch of RAM of a node, less the legacy hole of a PC. */
static enum quire_status add_stretch(struct input *in, enum quire_arch arch, unsigned node, bool numa, quire_phys_t base,
				     quire_phys_t end)
{
	quire_phys_t below = end < LEGACY_HOLE ? end : LEGACY_HOLE, above = base > MIB ? base : MIB;
	enum quire_status status = QUIRE_OK;

	if (!is_x86(arch))
		return add_memory(in, arch, node, numa, base, end - base);
	if (base < below)
		status = add_memory(in, arch, node, numa, base, below - base);
	if (status == QUIRE_OK && above < end)
		status = add_memory(in, arch, node, numa, above, end - above);
	return status;
}

/* Walk the address space from `cursor`, filling nodes and skipping holes. */
static enum quire_status lay_out(struct input *in, const struct synthetic_plan *plan, enum quire_arch arch, bool numa,
				 quire_phys_t cursor, quire_phys_t limit)
{
	enum quire_status status = QUIRE_OK;
	size_t hole = 0;

	for (unsigned node = 0; node < plan->node_count; node++) {
		quire_phys_t left = plan->size[node];

		for (unsigned cpu = 0; cpu < plan->cpus[node] && status == QUIRE_OK; cpu++) {
			struct input_proximity record = { .is_cpu = true, .node = (int)node };

			record.cpu.domain = numa ? node : QUIRE_DOMAIN_NONE;
			record.cpu.enabled = true;
			record.cpu.hwid = in->facts->synthetic.cpu_count++;
			status = add_proximity(in, &record);
		}
		while (left && status == QUIRE_OK) {
			quire_phys_t end = limit, size;

			if (hole < plan->hole_count && cursor >= plan->holes[hole].base) {
				if (cursor < plan->holes[hole].end)
					cursor = plan->holes[hole].end;
				hole++;
				continue;
			}
			if (hole < plan->hole_count && plan->holes[hole].base < limit)
				end = plan->holes[hole].base;
			if (cursor >= limit)
				return QUIRE_ERANGE;
			size = end - cursor < left ? end - cursor : left;
			status = add_stretch(in, arch, node, numa, cursor, cursor + size);
			cursor += size;
			left -= size;
		}
	}
	return status;
}

/* Take [base, end) from the end of the RAM entry that ends there, if one does, for firmware. */
static enum quire_status retype_tail(struct input_ranges *map, quire_phys_t base, quire_phys_t end)
{
	for (size_t i = 0; i < map->count; i++) {
		struct quire_memory_range *r = &map->at[i];

		if (r->type == QUIRE_MEMORY_RAM && r->base < base && r->base + r->size == end) {
			r->size = base - r->base;
			return input_ranges_add(map, base, end - base, QUIRE_MEMORY_RESERVED, 0, QUIRE_NO_NODE);
		}
	}
	return QUIRE_OK;
}

static quire_phys_t end_of_low_ram(const struct input_ranges *map)
{
	quire_phys_t end = 0;

	for (size_t i = 0; i < map->count; i++) {
		const struct quire_memory_range *r = &map->at[i];

		if (r->type == QUIRE_MEMORY_RAM && r->base + r->size <= 4 * GIB && r->base + r->size > end)
			end = r->base + r->size;
	}
	return end;
}

/* What a PC's firmware reports beside RAM. */
static enum quire_status add_pc_ranges(struct input_ranges *map)
{
	static const struct { quire_phys_t base, size; } chipset[] = {
		{ BIOS_ROM, MIB - BIOS_ROM }, { 0xb0000000, 256 * MIB }, { 0xfed1c000, 16 * KIB }, { 0xfffc0000, 256 * KIB },
	};
	enum quire_status status = retype_tail(map, EXTENDED_BIOS, LEGACY_HOLE);
	quire_phys_t low = end_of_low_ram(map);

	if (status == QUIRE_OK && low > MIB)
		status = retype_tail(map, low - FIRMWARE_TABLES, low);
	for (size_t i = 0; i < sizeof(chipset) / sizeof(chipset[0]) && status == QUIRE_OK; i++)
		status = input_ranges_add(map, chipset[i].base, chipset[i].size, QUIRE_MEMORY_RESERVED, 0, QUIRE_NO_NODE);
	return status;
}

static int by_base(const void *a, const void *b)
{
	const struct quire_memory_range *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static const char *parse_all(struct synthetic_plan *plan, const struct input_options *options, const char **which)
{
	const char *why;

	*which = "--nodes";
	why = synthetic_parse_nodes(plan, options->nodes);
	for (size_t i = 0; i < options->hole_count && !why; i++) {
		*which = "--hole";
		why = synthetic_parse_hole(plan, options->holes[i]);
	}
	if (!why && options->distances) {
		*which = "--distances";
		why = synthetic_parse_distances(plan, options->distances);
	}
	if (!why) {
		*which = "--cpus";
		why = synthetic_deal_cpus(plan, options->cpus);
	}
	return why;
}

static enum quire_status build(struct input *in, struct synthetic_plan *plan, enum quire_arch arch)
{
	struct input_ranges *map = &in->facts->maps[INPUT_MAP_SYNTHETIC];
	bool has_nodes = arch != QUIRE_ARCH_I386 && arch != QUIRE_ARCH_I386_PAE;
	quire_phys_t start = is_x86(arch) ? 0 : arch == QUIRE_ARCH_RISCV64 ? 2 * GIB : GIB;
	unsigned bits = input_widest_address(arch);
	enum quire_status status;

	if (is_x86(arch))
		add_pci_window(plan, space_needed(plan) > MOST_LOW_RAM ? PCI_WINDOW : MOST_LOW_RAM);
	if (!has_nodes && plan->node_count > 1)
		input_note(in, QUIRE_LOG_INFO, "", 0, "--nodes %s: a 32-bit x86 kernel has one node; sizes are added up",
			   in->options.nodes);
	status = lay_out(in, plan, arch, has_nodes && plan->node_count > 1, start, (quire_phys_t)1 << bits);
	if (status == QUIRE_ERANGE)
		input_note(in, QUIRE_LOG_ERROR, "", 0, "--nodes %s: more than fits the %u address bits of %s",
			   in->options.nodes, bits, quire_arch_name(arch));
	if (status == QUIRE_OK && is_x86(arch))
		status = add_pc_ranges(map);
	if (status == QUIRE_OK)
		qsort(map->at, map->count, sizeof(map->at[0]), by_base);
	if (status == QUIRE_OK && plan->distances && has_nodes) {
		in->facts->synthetic.distances = plan->distances;
		in->facts->synthetic.node_count = plan->node_count;
		plan->distances = NULL;
	}
	return status == QUIRE_ERANGE ? QUIRE_EFORMAT : status;
}

enum quire_status input_synthetic(struct input *in)
{
	struct synthetic_plan *plan;
	enum quire_arch arch = QUIRE_ARCH_X86_64;
	enum quire_status status;
	const char *why, *which;

	if (!in->options.nodes || in->facts->maps[INPUT_MAP_SYNTHETIC].count)
		return QUIRE_EINVAL;
	if (in->options.arch && !input_arch_by_name(in->options.arch, &arch)) {
		input_note(in, QUIRE_LOG_ERROR, "", 0, "--arch %s: no such architecture", in->options.arch);
		return QUIRE_EFORMAT;
	}
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return QUIRE_ENOMEM;
	why = parse_all(plan, &in->options, &which);
	if (why) {
		input_note(in, QUIRE_LOG_ERROR, "", 0, "%s: %s", which, why);
		status = QUIRE_EFORMAT;
	} else {
		if (!in->name)
			in->name = input_slice_string(text_of("synthetic"));
		in->facts->guessed_arch = (int)arch;
		status = build(in, plan, arch);
	}
	free(plan->distances);
	free(plan);
	return status;
}
