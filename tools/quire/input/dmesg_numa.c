/*
 * Nodes in a kernel log: proximity records of SRAT as x86 and arm64 print them, the node ranges the kernel ended up with,
 * and what was reserved before boot (initrd, device-tree areas).
 */
#include <string.h>

#include "facts.h"

static void add_proximity(struct input *in, struct input_log_facts *log, const struct input_proximity *proximity)
{
	if (log->proximity_count == log->proximity_max &&
	    !input_grow_array(&log->proximities, &log->proximity_max, sizeof(log->proximities[0]))) {
		input_out_of_memory(in);
		return;
	}
	log->proximities[log->proximity_count++] = *proximity;
}

/* "SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff] hotplug non-volatile" */
static bool memory_record(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			  struct text_slice text)
{
	struct input_proximity record = { .is_cpu = false };
	struct text_slice rest = text;
	uint64_t node, domain, first, last;

	if (!text_take(&rest, "Node "))
		return false;
	if (!text_take_number(&rest, &node) || !text_take(&rest, " PXM ") || !text_take_number(&rest, &domain) ||
	    !text_take_range(&rest, &first, &last) || domain >= QUIRE_DOMAIN_NONE || node > INT32_MAX ||
	    last - first == UINT64_MAX) {
		input_odd(in, path, line, "unreadable memory affinity, left out", text);
		return true;
	}
	record.node = (int)node;
	record.memory.base = first;
	record.memory.size = last - first + 1;
	record.memory.domain = (uint32_t)domain;
	record.memory.flags = QUIRE_AFFINITY_ENABLED;
	if (text_contains(rest, "hotplug"))
		record.memory.flags |= QUIRE_AFFINITY_HOTPLUG;
	if (text_contains(rest, "non-volatile"))
		record.memory.flags |= QUIRE_AFFINITY_NONVOLATILE;
	add_proximity(in, log, &record);
	return true;
}

/* "SRAT: PXM 0 -> APIC 0x00 -> Node 0", on arm64 "-> MPIDR 0x0 ->" */
static bool cpu_record(struct input *in, struct input_log_facts *log, const char *path, size_t line, struct text_slice text)
{
	struct input_proximity record = { .is_cpu = true };
	struct text_slice rest = text;
	uint64_t node, domain, id;

	if (!text_take(&rest, "PXM "))
		return false;
	if (!text_take_number(&rest, &domain) || !text_take(&rest, " -> ") ||
	    !(text_take(&rest, "APIC ") || text_take(&rest, "MPIDR ") || text_take(&rest, "HARTID ")) ||
	    !text_take_hex(&rest, &id) || !text_take(&rest, " -> Node ") || !text_take_number(&rest, &node) ||
	    domain >= QUIRE_DOMAIN_NONE || node > INT32_MAX) {
		input_odd(in, path, line, "unreadable CPU affinity, left out", text);
		return true;
	}
	record.node = (int)node;
	record.cpu.hwid = id;
	record.cpu.domain = (uint32_t)domain;
	record.cpu.enabled = true;
	add_proximity(in, log, &record);
	return true;
}

/* "  node   0: [mem 0x…-0x…]", the lines after "Early memory node ranges" */
static bool node_range(struct input *in, struct input_log_facts *log, const char *path, size_t line, struct text_slice text)
{
	struct text_slice rest = text;
	uint64_t node, first, last;

	text_skip_blanks(&rest);
	if (!text_take(&rest, "node ") || !text_take_number(&rest, &node) || !text_take(&rest, ":") ||
	    !text_starts(rest, " ["))
		return false;
	if (!text_take_range(&rest, &first, &last) || node >= QUIRE_MAX_NODES || last - first == UINT64_MAX) {
		input_odd(in, path, line, "unreadable node range, left out", text);
		return true;
	}
	if (input_ranges_add(&log->nodes, first, last - first + 1, QUIRE_MEMORY_RAM, 0, (int)node) != QUIRE_OK)
		input_out_of_memory(in);
	return true;
}

bool input_log_numa_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			 struct text_slice text)
{
	struct text_slice rest = text;

	if (text_starts(text, "Early memory node ranges")) {
		log->in_node_ranges = true;
		return true;
	}
	if (log->in_node_ranges && node_range(in, log, path, line, text))
		return true;
	if (text_starts(text, "Initmem setup node ")) {
		log->in_node_ranges = false;
		log->memoryless += text_contains(text, "as memoryless");
		return true;
	}
	if (text_starts(text, "No NUMA configuration found") || text_starts(text, "NUMA: No NUMA configuration found") ||
	    text_starts(text, "Faking a node at ") || text_starts(text, "NUMA: Faking a node at ")) {
		log->faked_node = true;
		return true;
	}
	if (text_starts(text, "NUMA: Initialized distance table")) {
		log->distance_table = true;
		return true;
	}
	text_take(&rest, "ACPI: ");
	text_take(&rest, "NUMA: ");
	if (!text_take(&rest, "SRAT: "))
		return false;
	return memory_record(in, log, path, line, rest) || cpu_record(in, log, path, line, rest);
}

static void name_reservation(struct quire_reservation *reservation, struct text_slice name)
{
	if (name.length >= sizeof(reservation->name))
		name.length = sizeof(reservation->name) - 1;
	memset(reservation->name, 0, sizeof(reservation->name));
	memcpy(reservation->name, name.at, name.length);
	reservation->is_default_cma = reservation->kind == QUIRE_RESERVE_CMA && text_equals(name, "linux,cma");
}

static void add_reservation(struct input *in, struct input_log_facts *log, quire_phys_t base, quire_phys_t size,
			    enum quire_reservation_kind kind, struct text_slice name)
{
	struct quire_reservation reservation = { .base = base, .size = size, .kind = kind };

	name_reservation(&reservation, name);
	if (log->reservation_count == log->reservation_max &&
	    !input_grow_array(&log->reservations, &log->reservation_max, sizeof(log->reservations[0]))) {
		input_out_of_memory(in);
		return;
	}
	log->reservations[log->reservation_count++] = reservation;
}

/* 6.12: "0x60000000..0x603fffff (4096 KiB) nomap non-reusable firmware@60000000" */
static bool area_line(struct input *in, struct input_log_facts *log, struct text_slice rest)
{
	enum quire_reservation_kind kind = QUIRE_RESERVE_FIRMWARE;
	struct text_slice map, reuse, name;
	uint64_t first, last;

	if (!text_take_hex(&rest, &first) || !text_take(&rest, "..") || !text_take_hex(&rest, &last) || last < first ||
	    last - first == UINT64_MAX || !text_take_through(&rest, ") ") || !text_take_word(&rest, &map) ||
	    !text_take_word(&rest, &reuse) || !text_take_word(&rest, &name))
		return false;
	if (text_equals(map, "nomap"))
		kind = QUIRE_RESERVE_NOMAP;
	else if (text_equals(reuse, "reusable"))
		kind = QUIRE_RESERVE_CMA;
	add_reservation(in, log, first, last - first + 1, kind, name);
	return true;
}

/* 6.1: "created CMA memory pool at 0x…, size 64 MiB", named by the line after it. */
static bool pool_line(struct input *in, struct input_log_facts *log, struct text_slice rest)
{
	bool cma = text_take(&rest, "created CMA memory pool at ");
	uint64_t base, size;

	if (!cma && !text_take(&rest, "created DMA memory pool at "))
		return false;
	if (!text_take_hex(&rest, &base) || !text_take(&rest, ", size ") || !text_take_number(&rest, &size) || size >> 43)
		return false;
	add_reservation(in, log, base, size << 20, cma ? QUIRE_RESERVE_CMA : QUIRE_RESERVE_FIRMWARE, text_of(""));
	return true;
}

/* "initialized node linux,cma, compatible id shared-dma-pool": the name may hold commas itself. */
static bool pool_name_line(struct input_log_facts *log, struct text_slice rest)
{
	struct quire_reservation *last;
	struct text_slice tail;

	if (!text_take(&rest, "initialized node ") || !log->reservation_count)
		return false;
	tail = rest;
	if (text_take_through(&tail, ", compatible id"))
		rest.length -= tail.length + strlen(", compatible id");
	last = &log->reservations[log->reservation_count - 1];
	name_reservation(last, rest);
	return true;
}

/* "RAMDISK: [mem 0x7fee4000-0x7ffdffff]" */
static bool ramdisk_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			 struct text_slice text)
{
	struct text_slice rest = text;
	uint64_t first, last;

	if (!text_take(&rest, "RAMDISK: "))
		return false;
	if (!text_take_range(&rest, &first, &last) || last - first == UINT64_MAX)
		input_odd(in, path, line, "unreadable place of the initial RAM disk, left out", text);
	else
		add_reservation(in, log, first, last - first + 1, QUIRE_RESERVE_INITRD, text_of("initrd"));
	return true;
}

bool input_log_reserved_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			     struct text_slice text)
{
	struct text_slice rest = text;

	if (ramdisk_line(in, log, path, line, text))
		return true;
	if (!text_take(&rest, "OF: reserved mem: ") && !text_take(&rest, "Reserved memory: "))
		return false;
	return area_line(in, log, rest) || pool_line(in, log, rest) || pool_name_line(log, rest);
}
