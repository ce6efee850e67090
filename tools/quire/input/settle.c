/*
 * Choosing: architecture and memory map. The rules, each with its reason:
 *
 *  - A map is taken whole from one source. On x86 the log's copy of the firmware map comes first (it is what the kernel
 *    worked with), unless the log starts in the middle of it; then the copy sysfs keeps, boot_params, EFI, what is left.
 *  - Elsewhere the device tree comes first, then EFI, then the ranges the kernel printed with their nodes.
 *  - /proc/iomem is last: it shows memory after the kernel has cut it.
 *  - Another source that has a different amount of RAM is a contradiction and is said.
 */
#include <string.h>

#include "facts.h"

bool input_arch_by_name(const char *name, enum quire_arch *arch)
{
	static const struct { const char *name; enum quire_arch arch; } names[] = {
		{ "x86_64", QUIRE_ARCH_X86_64 }, { "x86-64", QUIRE_ARCH_X86_64 }, { "amd64", QUIRE_ARCH_X86_64 },
		{ "i386", QUIRE_ARCH_I386 }, { "i386-pae", QUIRE_ARCH_I386_PAE }, { "i686", QUIRE_ARCH_I386_PAE },
		{ "arm64", QUIRE_ARCH_ARM64 }, { "aarch64", QUIRE_ARCH_ARM64 }, { "riscv64", QUIRE_ARCH_RISCV64 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) == 0) {
			*arch = names[i].arch;
			return true;
		}
	}
	return false;
}

static bool is_x86(enum quire_arch arch)
{
	return arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_I386 || arch == QUIRE_ARCH_I386_PAE;
}

static bool blob_contains(const struct input_blob *blob, const char *word)
{
	struct text_slice bytes = { blob->data, blob->size };

	return blob->data && text_contains(bytes, word);
}

/* 2^46 or 2^52 bytes, 2^36 with PAE, 2^32 without. */
static enum quire_arch arch_of_max_pfn(uint64_t pfn)
{
	if (pfn <= 0x100000)
		return QUIRE_ARCH_I386;
	return pfn <= 0x1000000 ? QUIRE_ARCH_I386_PAE : QUIRE_ARCH_X86_64;
}

/* A release such as "6.1.0-50-686-pae" by itself. */
static bool arch_of_release(const char *release, enum quire_arch *arch)
{
	struct text_slice text = text_of(release);

	if (text_contains(text, "686-pae"))
		*arch = QUIRE_ARCH_I386_PAE;
	else if (text_contains(text, "-686"))
		*arch = QUIRE_ARCH_I386;
	else if (text_contains(text, "amd64") || text_contains(text, "x86_64"))
		*arch = QUIRE_ARCH_X86_64;
	else if (text_contains(text, "arm64") || text_contains(text, "aarch64"))
		*arch = QUIRE_ARCH_ARM64;
	else if (text_contains(text, "riscv64"))
		*arch = QUIRE_ARCH_RISCV64;
	else
		return false;
	return true;
}

static bool has_x86_map(const struct input_facts *facts)
{
	return facts->maps[INPUT_MAP_LOG].count || facts->maps[INPUT_MAP_FIRMWARE].count ||
	       facts->blobs[INPUT_BLOB_BOOT_PARAMS].data || facts->blobs[INPUT_BLOB_E820].data;
}

enum quire_arch input_settle_arch(struct input *in)
{
	const struct input_facts *facts = in->facts;
	const struct input_blob *fdt = &facts->blobs[INPUT_BLOB_FDT];
	enum quire_arch arch;

	if (in->options.arch && input_arch_by_name(in->options.arch, &arch))
		return arch;
	if (facts->log.max_arch_pfn)
		return arch_of_max_pfn(facts->log.max_arch_pfn);
	if (facts->log.arch >= 0)
		return (enum quire_arch)facts->log.arch;
	if (facts->release && arch_of_release(facts->release, &arch))
		return arch;
	if (facts->guessed_arch >= 0)
		return (enum quire_arch)facts->guessed_arch;
	/* A device tree of a RISC-V machine cannot do without an ISA string. */
	if (blob_contains(fdt, "riscv,isa") || blob_contains(fdt, "rv64"))
		return QUIRE_ARCH_RISCV64;
	if (fdt->data && !has_x86_map(facts))
		return QUIRE_ARCH_ARM64;
	if (!has_x86_map(facts) && !facts->maps[INPUT_MAP_IOMEM].count && !facts->blobs[INPUT_BLOB_SRAT].data)
		input_note(in, QUIRE_LOG_WARNING, in->name, 0,
			   "nothing tells the architecture; x86_64 is assumed (--arch decides)");
	return QUIRE_ARCH_X86_64;
}

static enum quire_status take_ranges(struct input *in, const struct input_ranges *ranges)
{
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < ranges->count && status == QUIRE_OK; i++)
		status = input_machine_range(in, &ranges->at[i]);
	return status;
}

/* What EFI knows beyond e820: mirrored memory, and boot services' memory that is given back later. */
static enum quire_status overlay_efi(struct input *in)
{
	const struct input_ranges *efi = &in->facts->maps[INPUT_MAP_EFI];
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < efi->count && status == QUIRE_OK; i++) {
		struct quire_memory_range range = efi->at[i];

		range.attributes &= QUIRE_MEMORY_MIRROR | QUIRE_MEMORY_BOOT;
		if (range.type == QUIRE_MEMORY_RAM && range.attributes)
			status = input_machine_range(in, &range);
	}
	return status;
}

static void compare_ram(struct input *in, const char *source, uint64_t theirs, const char *chosen, uint64_t ours)
{
	if (theirs == ours || !theirs)
		return;
	input_note(in, QUIRE_LOG_WARNING, source, 0, "has %llu KiB of RAM where %s, which is used, has %llu KiB",
		   (unsigned long long)(theirs >> 10), chosen ? chosen : "the other source",
		   (unsigned long long)(ours >> 10));
}

/* sysfs also lists memory that was plugged in after boot. */
static void compare_firmware_list(struct input *in, const char *chosen, uint64_t ours)
{
	const struct input_ranges *list = &in->facts->maps[INPUT_MAP_FIRMWARE];
	uint64_t theirs = input_ranges_ram(list);

	if (theirs > ours)
		input_note(in, QUIRE_LOG_INFO, list->source, 0,
			   "lists %llu KiB more RAM than the log: added after boot, not counted",
			   (unsigned long long)((theirs - ours) >> 10));
	else
		compare_ram(in, list->source, theirs, chosen, ours);
}

/* boot_params and raw e820 tables beside a log: read them only to compare. */
static enum quire_status compare_blob(struct input *in, enum input_blob_kind kind, const char *chosen, uint64_t ours)
{
	const struct input_blob *blob = &in->facts->blobs[kind];
	size_t count = in->machine.map_count, reservations = in->machine.reservation_count;
	struct quire_machine tail;
	enum quire_status status;

	if (!blob->data)
		return QUIRE_OK;
	status = input_machine_blob(in, kind);
	if (status != QUIRE_OK)
		return status;
	tail = in->machine;
	tail.map += count;
	tail.map_count -= count;
	compare_ram(in, blob->path, input_ram_bytes(&tail), chosen, ours);
	in->machine.map_count = count;
	in->machine.reservation_count = reservations;
	return QUIRE_OK;
}

/* The list to take on x86, or NULL for a binary table. */
static const struct input_ranges *choose_x86_list(struct input *in)
{
	struct input_ranges *maps = in->facts->maps;
	bool tables = in->facts->blobs[INPUT_BLOB_BOOT_PARAMS].data || in->facts->blobs[INPUT_BLOB_E820].data;

	if (maps[INPUT_MAP_LOG].count && maps[INPUT_MAP_LOG].headless && maps[INPUT_MAP_FIRMWARE].count) {
		input_note(in, QUIRE_LOG_WARNING, maps[INPUT_MAP_LOG].source, 0,
			   "the log starts in the middle of the memory map; %s is used instead",
			   maps[INPUT_MAP_FIRMWARE].source);
		return &maps[INPUT_MAP_FIRMWARE];
	}
	if (maps[INPUT_MAP_LOG].count)
		return &maps[INPUT_MAP_LOG];
	if (maps[INPUT_MAP_FIRMWARE].count)
		return &maps[INPUT_MAP_FIRMWARE];
	return tables ? NULL : &maps[INPUT_MAP_EFI];
}

static enum quire_status settle_x86_map(struct input *in)
{
	const struct input_ranges *list = choose_x86_list(in);
	struct input_ranges *maps = in->facts->maps;
	enum quire_status status = QUIRE_OK;
	const char *chosen;
	uint64_t ours;

	if (list && list->count) {
		status = take_ranges(in, list);
		ours = input_ram_bytes(&in->machine);
		chosen = list->source;
		if (status == QUIRE_OK && list != &maps[INPUT_MAP_FIRMWARE])
			compare_firmware_list(in, chosen, ours);
		if (status == QUIRE_OK)
			status = compare_blob(in, INPUT_BLOB_E820, chosen, ours);
		if (status == QUIRE_OK)
			status = compare_blob(in, INPUT_BLOB_BOOT_PARAMS, chosen, ours);
		return status == QUIRE_OK && list != &maps[INPUT_MAP_EFI] ? overlay_efi(in) : status;
	}
	if (in->facts->blobs[INPUT_BLOB_E820].data)
		status = input_machine_blob(in, INPUT_BLOB_E820);
	else if (in->facts->blobs[INPUT_BLOB_BOOT_PARAMS].data)
		status = input_machine_blob(in, INPUT_BLOB_BOOT_PARAMS);
	return status == QUIRE_OK ? overlay_efi(in) : status;
}

/* mem= and the like change what the kernel printed: then a difference is no contradiction. */
static bool memory_was_limited(const struct input *in)
{
	const char *line = in->facts->command_line ? in->facts->command_line : in->facts->log.command_line;

	return line && (strncmp(line, "mem=", 4) == 0 || strstr(line, " mem="));
}

static enum quire_status settle_other_map(struct input *in)
{
	const struct input_blob *fdt = &in->facts->blobs[INPUT_BLOB_FDT];
	const struct input_ranges *nodes = &in->facts->maps[INPUT_MAP_NODES];
	enum quire_status status = QUIRE_OK;

	if (fdt->data)
		status = input_machine_blob(in, INPUT_BLOB_FDT);
	if (status != QUIRE_OK || !input_ram_bytes(&in->machine))
		return status;
	if (!memory_was_limited(in))
		compare_ram(in, nodes->source, input_ranges_ram(nodes), fdt->path, input_ram_bytes(&in->machine));
	return QUIRE_OK;
}

/* Sources common to all, for when the best have said nothing. */
static enum quire_status settle_leftovers(struct input *in)
{
	static const enum input_map_source order[] = { INPUT_MAP_EFI, INPUT_MAP_FIRMWARE, INPUT_MAP_NODES, INPUT_MAP_IOMEM };
	enum quire_status status = QUIRE_OK;

	if (in->facts->blobs[INPUT_BLOB_EFI_MAP].data)
		status = input_machine_blob(in, INPUT_BLOB_EFI_MAP);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct input_ranges *list = &in->facts->maps[order[i]];

		if (status != QUIRE_OK || input_ram_bytes(&in->machine))
			return status;
		if (!list->count)
			continue;
		status = take_ranges(in, list);
		if (order[i] == INPUT_MAP_NODES || order[i] == INPUT_MAP_IOMEM)
			input_note(in, QUIRE_LOG_INFO, list->source, 0,
				   "no firmware map is there; memory is taken as the kernel saw it, after its own cuts");
	}
	return status;
}

enum quire_status input_settle_map(struct input *in)
{
	enum quire_status status;

	if (in->facts->maps[INPUT_MAP_SYNTHETIC].count && in->file_count)
		input_note(in, QUIRE_LOG_WARNING, in->name, 0, "--nodes replaces the memory, nodes and CPUs of the input");
	if (in->facts->maps[INPUT_MAP_SYNTHETIC].count)
		status = take_ranges(in, &in->facts->maps[INPUT_MAP_SYNTHETIC]);
	else
		status = is_x86(in->machine.arch) ? settle_x86_map(in) : settle_other_map(in);
	if (status == QUIRE_OK && !input_ram_bytes(&in->machine))
		status = settle_leftovers(in);
	else if (status == QUIRE_OK && in->facts->blobs[INPUT_BLOB_EFI_MAP].data)
		input_note(in, QUIRE_LOG_WARNING, in->facts->blobs[INPUT_BLOB_EFI_MAP].path, 0,
			   "EFI memory map not used: another input has the machine's map");
	if (status != QUIRE_OK)
		return status;
	if (!input_ram_bytes(&in->machine)) {
		input_note(in, QUIRE_LOG_ERROR, in->name, 0, "no usable memory is described");
		return QUIRE_EFORMAT;
	}
	return QUIRE_OK;
}
