/*
 * From the map as x86 firmware reported it to the map a kernel boots with.
 *
 * The order is the field's: overlaps are resolved, then mem= and memmap= are applied as they came on the command line, then
 * what no firmware can be trusted with (the first page, the legacy video and ROM hole) is taken out of RAM. Each memmap=
 * directive sees the map as the one before left it, without overlaps.
 *
 * Nothing can fail after the first change: room for the worst case is asked for at the beginning.
 */
#include "ranges.h"
#include "reader.h"

#define PAGE_BYTES 4096u
#define LEGACY_HOLE_FIRST 0xa0000u
#define LEGACY_HOLE_LAST 0xfffffu

#define EFI_SPECIFIC_PURPOSE 0x40000u
#define EFI_MORE_RELIABLE 0x10000u

static bool is_x86(enum quire_arch arch)
{
	return arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_I386 || arch == QUIRE_ARCH_I386_PAE;
}

/*
 * Drop what is empty and judge what wraps. RAM that wraps is not RAM anybody has, so it goes; a reservation that wraps is
 * kept up to the end of the address space, which is the cautious reading.
 */
static void drop_nonsense(struct quire_machine *m, const struct quire_reader_log *log)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->map_count; i++) {
		struct quire_memory_range range = m->map[i];

		if (!range.size)
			continue;
		if (qi_range_last(&range) < range.base) {
			bool ram = range.type == QUIRE_MEMORY_RAM;

			qi_note(log, QUIRE_LOG_WARNING, i,
				"entry %zu [base %#llx size %#llx] wraps around the address space: %s", i,
				(unsigned long long)range.base, (unsigned long long)range.size,
				ram ? "ignored" : "kept up to its end");
			if (ram)
				continue;
			range.size = UINT64_MAX - range.base + 1;
		}
		m->map[kept++] = range;
	}
	m->map_count = kept;
}

static void note_change(const struct quire_reader_log *log, quire_phys_t first, quire_phys_t last,
			enum quire_memory_type from, enum quire_memory_type to)
{
	const char *old = from == QUIRE_MEMORY_TYPES ? "any" : qi_e820_text(from);

	if (to == QUIRE_MEMORY_TYPES)
		qi_note(log, QUIRE_LOG_INFO, 0, "e820: remove [mem %#010llx-%#010llx] %s", (unsigned long long)first,
			(unsigned long long)last, old);
	else
		qi_note(log, QUIRE_LOG_INFO, 0, "e820: update [mem %#010llx-%#010llx] %s ==> %s", (unsigned long long)first,
			(unsigned long long)last, old, qi_e820_text(to));
}

static void change(struct quire_machine *m, quire_phys_t first, quire_phys_t last, enum quire_memory_type from,
		   enum quire_memory_type to, const struct quire_reader_log *log)
{
	note_change(log, first, last, from, to);
	qi_ranges_change(m, first, last, from, to, 0);
}

/*
 * RAM at and above `limit` is not used. The field leaves the very last byte of the address space out of the range; so its
 * log.
 */
static void limit_ram(struct quire_machine *m, quire_phys_t limit, const struct quire_reader_log *log)
{
	if (limit != UINT64_MAX)
		change(m, limit, UINT64_MAX - 1, QUIRE_MEMORY_RAM, QUIRE_MEMORY_TYPES, log);
}

static void add_range(struct quire_machine *m, quire_phys_t base, quire_phys_t size, enum quire_memory_type type)
{
	/* Room was made sure of. */
	(void)quire_machine_add_range(m, base, size, type, 0, QUIRE_NO_NODE);
	qi_ranges_normalize(m);
}

/*
 * memmap=nn%ss-old+new: without new the range is removed, without old everything in it becomes new, also where nothing
 * was.
 */
static void retype(struct quire_machine *m, const struct quire_memmap_directive *d, quire_phys_t last,
		   const struct quire_reader_log *log)
{
	bool known = true;
	enum quire_memory_type from = QUIRE_MEMORY_TYPES, to = QUIRE_MEMORY_TYPES;

	if (d->old_type)
		from = qi_e820_type(d->old_type, &known);
	if (known && d->new_type)
		to = qi_e820_type(d->new_type, &known);
	if (!known) {
		qi_note(log, QUIRE_LOG_WARNING, 0, "memmap=: unknown type in -%u+%u: ignored", d->old_type, d->new_type);
		return;
	}
	change(m, d->base, last, from, to, log);
	if (to != QUIRE_MEMORY_TYPES && from == QUIRE_MEMORY_TYPES)
		add_range(m, d->base, last - d->base + 1, to);
}

static void apply_directive(struct quire_machine *m, const struct quire_memmap_directive *d,
			    const struct quire_reader_log *log)
{
	static const enum quire_memory_type added[] = {
		[QUIRE_MEMMAP_ADD_RAM] = QUIRE_MEMORY_RAM,
		[QUIRE_MEMMAP_RESERVE] = QUIRE_MEMORY_RESERVED,
		[QUIRE_MEMMAP_ACPI] = QUIRE_MEMORY_ACPI,
		[QUIRE_MEMMAP_PROTECT] = QUIRE_MEMORY_PRAM,
	};
	quire_phys_t last;

	if (d->kind == QUIRE_MEMMAP_EXACT) {
		m->map_count = 0;
		return;
	}
	if (d->kind == QUIRE_MEMMAP_LIMIT) {
		limit_ram(m, d->size, log);
		return;
	}
	if (!d->size || !qi_add(d->base, d->size - 1, &last)) {
		qi_note(log, QUIRE_LOG_WARNING, 0, "memmap=: range at %#llx is empty or wraps: ignored",
			(unsigned long long)d->base);
		return;
	}
	if (d->kind == QUIRE_MEMMAP_RETYPE)
		retype(m, d, last, log);
	else
		add_range(m, d->base, d->size, added[d->kind]);
}

static void print_user_map(const struct quire_machine *m, const struct quire_reader_log *log)
{
	qi_note(log, QUIRE_LOG_INFO, 0, "user-defined physical RAM map:");
	for (size_t i = 0; i < m->map_count; i++)
		qi_note(log, QUIRE_LOG_INFO, 0, "user: [mem %#018llx-%#018llx] %s", (unsigned long long)m->map[i].base,
			(unsigned long long)qi_range_last(&m->map[i]), qi_e820_text(m->map[i].type));
}

static void apply_user_map(struct quire_machine *m, const struct quire_boot_options *options,
			   const struct quire_reader_log *log)
{
	if (!options->mem.given && !options->memmap_count)
		return;
	if (options->mem.given)
		limit_ram(m, options->mem.bytes, log);
	for (size_t i = 0; i < options->memmap_count; i++)
		apply_directive(m, &options->memmap[i], log);
	print_user_map(m, log);
}

/* efi_fake_mem=: attributes EFI would have reported for parts of RAM. */
static void apply_fake_mem(struct quire_machine *m, const struct quire_boot_options *options)
{
	for (size_t i = 0; i < options->fake_mem_count; i++) {
		const struct quire_fake_mem *fake = &options->fake_mem[i];
		quire_phys_t last;

		if (!fake->size || !qi_add(fake->base, fake->size - 1, &last))
			continue;
		if (fake->attribute & EFI_MORE_RELIABLE)
			qi_ranges_change(m, fake->base, last, QUIRE_MEMORY_RAM, QUIRE_MEMORY_RAM, QUIRE_MEMORY_MIRROR);
		if (fake->attribute & EFI_SPECIFIC_PURPOSE)
			qi_ranges_change(m, fake->base, last, QUIRE_MEMORY_RAM, QUIRE_MEMORY_SOFT_RESERVED, 0);
	}
}

/*
 * Worst case: a result has no border that some range, directive or fixed rule did not have (two each), and while it is made
 * one range more is in hand.
 */
static size_t room_needed(const struct quire_machine *m, const struct quire_boot_options *options)
{
	size_t directives = options ? options->memmap_count + options->fake_mem_count : 0;

	return 2 * (m->map_count + directives) + 8;
}

enum quire_status quire_e820_sanitize(struct quire_machine *m, const struct quire_boot_options *options,
				      const struct quire_reader_log *log)
{
	bool x86 = is_x86(m->arch);

	if (m->map_max < room_needed(m, options)) {
		qi_note(log, QUIRE_LOG_ERROR, 0, "the memory map has room for %zu ranges, %zu may be needed", m->map_max,
			room_needed(m, options));
		return QUIRE_ENOSPC;
	}
	drop_nonsense(m, log);
	qi_ranges_normalize(m);
	if (x86 && options)
		apply_user_map(m, options, log);
	if (options)
		apply_fake_mem(m, options);
	if (x86) {
		change(m, 0, PAGE_BYTES - 1, QUIRE_MEMORY_RAM, QUIRE_MEMORY_RESERVED, log);
		change(m, LEGACY_HOLE_FIRST, LEGACY_HOLE_LAST, QUIRE_MEMORY_RAM, QUIRE_MEMORY_TYPES, log);
	}
	return QUIRE_OK;
}
