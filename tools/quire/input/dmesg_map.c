/*
 * Memory maps in a kernel log: the firmware's e820 table and the EFI memory map.
 *
 * "user: [mem …]", "modified: …", "reserve setup_data: …" are later views, after command line and loader data were
 * applied. They are left alone: the same steps are taken again from the firmware's map.
 */
#include <string.h>

#include "facts.h"

bool input_map_type_by_name(struct text_slice name, enum quire_memory_type *type)
{
	static const struct { const char *name; enum quire_memory_type type; } names[] = {
		{ "usable", QUIRE_MEMORY_RAM },
		{ "System RAM", QUIRE_MEMORY_RAM },
		{ "reserved", QUIRE_MEMORY_RESERVED },
		{ "Reserved", QUIRE_MEMORY_RESERVED },
		{ "device reserved", QUIRE_MEMORY_RESERVED },
		{ "Unknown E820 type", QUIRE_MEMORY_RESERVED },
		{ "ACPI data", QUIRE_MEMORY_ACPI },
		{ "ACPI Tables", QUIRE_MEMORY_ACPI },
		{ "ACPI NVS", QUIRE_MEMORY_NVS },
		{ "ACPI Non-volatile Storage", QUIRE_MEMORY_NVS },
		{ "unusable", QUIRE_MEMORY_UNUSABLE },
		{ "Unusable memory", QUIRE_MEMORY_UNUSABLE },
		{ "persistent (type 7)", QUIRE_MEMORY_PMEM },
		{ "Persistent Memory", QUIRE_MEMORY_PMEM },
		{ "persistent RAM (type 12)", QUIRE_MEMORY_PRAM },
		{ "persistent (type 12)", QUIRE_MEMORY_PRAM },
		{ "Persistent Memory (legacy)", QUIRE_MEMORY_PRAM },
		{ "soft reserved", QUIRE_MEMORY_SOFT_RESERVED },
		{ "Soft Reserved", QUIRE_MEMORY_SOFT_RESERVED },
	};

	name = text_trim(name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_equals(name, names[i].name)) {
			*type = names[i].type;
			return true;
		}
	}
	return false;
}

/* "[mem first-last] type", or the half-open "first - end (type)" of kernels before 3.5. */
static bool take_e820_entry(struct text_slice text, uint64_t *base, uint64_t *size, struct text_slice *type)
{
	uint64_t first, last;

	if (text_take_range(&text, &first, &last)) {
		*base = first;
		*size = last - first + 1;	/* 0 for the whole address space, which no firmware has */
		*type = text_trim(text);
		return true;
	}
	if (!text_take_hex(&text, &first) || !text_take(&text, " - ") || !text_take_hex(&text, &last) || last < first)
		return false;
	text_skip_blanks(&text);
	if (!text_take(&text, "("))
		return false;
	if (text.length && text.at[text.length - 1] == ')')
		text.length--;
	*base = first;
	*size = last - first;
	*type = text_trim(text);
	return true;
}

/* A type that is cut short or overwritten: RAM is never made out of it, and the range is not lost either. */
static enum quire_memory_type type_of(struct input *in, const char *path, size_t line, struct text_slice name)
{
	enum quire_memory_type type;

	if (input_map_type_by_name(name, &type))
		return type;
	if (name.length && (text_starts(name, "usable ") || text_starts(name, "reserved ") || text_starts(name, "type "))) {
		struct text_slice word = name;

		text_take_word(&name, &word);
		if (text_equals(word, "type"))
			return QUIRE_MEMORY_RESERVED;
		input_odd(in, path, line, "something follows the type of a memory-map entry; ignored", name);
		return text_equals(word, "usable") ? QUIRE_MEMORY_RAM : QUIRE_MEMORY_RESERVED;
	}
	input_odd(in, path, line, "unknown type of a memory-map entry, taken as reserved", name);
	return QUIRE_MEMORY_RESERVED;
}

bool input_log_map_line(struct input *in, struct input_log_facts *log, const char *path, size_t line, struct text_slice text)
{
	static const char *const makers[] = { "BIOS-e820: ", " BIOS-e820: ", "BIOS-e801: ", "BIOS-88: ", "Xen: " };
	struct text_slice rest = text, type;
	uint64_t base, size;
	bool mine = false;

	if (text_take(&rest, "e820: BIOS-provided physical RAM map:") ||
	    text_take(&rest, "BIOS-provided physical RAM map:") || text_take(&rest, "Xen: BIOS-provided")) {
		log->e820_heading = true;
		log->e820.headless = false;
		return true;
	}
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]) && !mine; i++)
		mine = text_take(&rest, makers[i]);
	if (!mine)
		return false;
	if (text_starts(rest, "[gap "))
		return true;
	if (!take_e820_entry(rest, &base, &size, &type)) {
		input_odd(in, path, line, "unreadable memory-map entry, left out", text);
		return true;
	}
	if (size == 0) {
		input_odd(in, path, line, "memory-map entry of no size, left out", text);
		return true;
	}
	if (input_ranges_add(&log->e820, base, size, type_of(in, path, line, type), 0, QUIRE_NO_NODE) != QUIRE_OK)
		input_out_of_memory(in);
	return true;
}

struct efi_type {
	const char *name;
	enum quire_memory_type type;
	uint32_t attributes;
};

/* EFI memory types as the log abbreviates them; what is free after boot services have ended is RAM. */
static const struct efi_type efi_types[] = {
	{ "Conventional", QUIRE_MEMORY_RAM, 0 },
	{ "Loader Code", QUIRE_MEMORY_RAM, 0 },
	{ "Loader Data", QUIRE_MEMORY_RAM, 0 },
	{ "Boot Code", QUIRE_MEMORY_RAM, QUIRE_MEMORY_BOOT },
	{ "Boot Data", QUIRE_MEMORY_RAM, QUIRE_MEMORY_BOOT },
	{ "Runtime Code", QUIRE_MEMORY_RESERVED, 0 },
	{ "Runtime Data", QUIRE_MEMORY_RESERVED, 0 },
	{ "Unusable", QUIRE_MEMORY_UNUSABLE, 0 },
	{ "ACPI Reclaim", QUIRE_MEMORY_ACPI, 0 },
	{ "ACPI Mem NVS", QUIRE_MEMORY_NVS, 0 },
	{ "Persistent", QUIRE_MEMORY_PMEM, 0 },
};

static void efi_kind(struct text_slice name, struct text_slice flags, enum quire_memory_type *type, uint32_t *attributes)
{
	*type = QUIRE_MEMORY_RESERVED;
	*attributes = 0;
	for (size_t i = 0; i < sizeof(efi_types) / sizeof(efi_types[0]); i++) {
		if (text_equals(name, efi_types[i].name)) {
			*type = efi_types[i].type;
			*attributes = efi_types[i].attributes;
		}
	}
	if (text_contains(flags, "|SP|") && *type == QUIRE_MEMORY_RAM)
		*type = QUIRE_MEMORY_SOFT_RESERVED;
	if (text_contains(flags, "|MR|"))
		*attributes |= QUIRE_MEMORY_MIRROR;
	if (!text_contains(flags, "|WB"))
		*attributes |= QUIRE_MEMORY_NOMAP;
}

/* "efi: mem00: [Conventional|   |  |…|WB|WT|WC|UC] range=[0x…-0x…] (0MB)" */
bool input_log_efi_line(struct input *in, struct input_log_facts *log, const char *path, size_t line, struct text_slice text)
{
	struct text_slice rest = text, name, flags;
	enum quire_memory_type type;
	uint64_t number, first, last;
	uint32_t attributes;

	if (!text_take(&rest, "efi: mem") || !text_take_number(&rest, &number) || !text_take(&rest, ": "))
		return false;
	text_skip_blanks(&rest);
	/* The table is printed again later, when only its run-time part is left: numbering starts over. */
	if (number < log->efi_next)
		log->efi_done = true;
	if (log->efi_done)
		return true;
	name = rest;
	if (!text_take(&name, "[")) {
		input_odd(in, path, line, "unreadable EFI memory descriptor, left out", text);
		return true;
	}
	flags = name;
	while (flags.length && flags.at[0] != '|')
		flags = (struct text_slice){ flags.at + 1, flags.length - 1 };
	name.length -= flags.length;
	rest = flags;
	if (!text_take_through(&rest, "range=") || !text_take_range(&rest, &first, &last) || last - first == UINT64_MAX) {
		input_odd(in, path, line, "unreadable EFI memory descriptor, left out", text);
		return true;
	}
	flags.length -= rest.length;
	efi_kind(text_trim(name), flags, &type, &attributes);
	log->efi_next = (unsigned)number + 1;
	if (input_ranges_add(&log->efi, first, last - first + 1, type, attributes, QUIRE_NO_NODE) != QUIRE_OK)
		input_out_of_memory(in);
	return true;
}
