/*
 * Readers of firmware data. Each fills a struct quire_machine from a blob in memory; all are freestanding, bounded by the
 * length they are given, free of recursion and of allocation, and treat the blob as hostile.
 *
 * Nothing here locks or keeps anything: one caller for a machine (or configuration) at a time, any number of machines
 * side by side, before quire_init() has seen it. What a reader takes is copied, but for the command line, which is
 * referred to.
 *
 * On success everything in the blob was taken or reported through `log` (with the byte offset and what was done about
 * it). On failure the machine is as it was and the status says why: QUIRE_ETRUNCATED, QUIRE_EFORMAT, QUIRE_ECHECKSUM,
 * QUIRE_ENOSPC.
 */
#ifndef QUIRE_FIRMWARE_H
#define QUIRE_FIRMWARE_H

#include <quire/config.h>
#include <quire/machine.h>
#include <quire/platform.h>
#include <quire/types.h>

/*
 * Where readers report oddities. A NULL log is fine: nothing is printed. `source` names the input in messages. emit gets it,
 * the byte of the blob it is about, and one sentence without newline, valid during the call only.
 */
struct quire_reader_log {
	void (*emit)(void *ctx, enum quire_log_level level, const char *source, size_t offset, const char *text);
	void *ctx;
	const char *source;
};

/* An array of e820 entries as boot loaders pass them: 20 packed bytes each (u64 base, u64 size, u32 type). */
enum quire_status quire_read_e820(struct quire_machine *m, const void *data, size_t size,
				  const struct quire_reader_log *log);

/* Linux x86 boot_params ("zero page", 4096 bytes): e820 table, initrd, command-line pointer (not followed). */
enum quire_status quire_read_boot_params(struct quire_machine *m, const void *data, size_t size,
					 const struct quire_reader_log *log);

/*
 * ACPI SRAT: memory, APIC, x2APIC, GICC and generic-initiator affinity. ACPI SLIT: distances. `data` begins with the table's
 * header; the checksum is judged.
 */
enum quire_status quire_read_srat(struct quire_machine *m, const void *data, size_t size,
				  const struct quire_reader_log *log);
enum quire_status quire_read_slit(struct quire_machine *m, const void *data, size_t size,
				  const struct quire_reader_log *log);

/*
 * ACPI MADT: which CPUs exist (APIC, x2APIC, GICC, RINTC entries). CPUs that SRAT named already are only enabled or
 * disabled; the order in which the two are read does not matter.
 */
enum quire_status quire_read_madt(struct quire_machine *m, const void *data, size_t size,
				  const struct quire_reader_log *log);

/*
 * Find a table by signature ("SRAT") from an RSDP: XSDT if revision >= 2 has one, else RSDT. `map` gives [phys, phys +
 * size) as a pointer or NULL; what it gave must stay readable until the call returns. *table points into what it gave, is
 * *table_size bytes long as its header says, and its checksum is right.
 *
 * QUIRE_ENOENT: there is no such table. QUIRE_EFORMAT, QUIRE_ETRUNCATED, QUIRE_ECHECKSUM: root pointer, root table or the
 * table itself are broken. QUIRE_EPLATFORM: map gave nothing for the root table. Other tables may be broken or out of
 * reach.
 */
enum quire_status quire_acpi_find_table(const void *rsdp, size_t rsdp_size, const char signature[4],
					const void *(*map)(void *ctx, quire_phys_t phys, size_t size), void *map_ctx,
					const void **table, size_t *table_size, const struct quire_reader_log *log);

/* EFI memory map: descriptors of desc_size bytes each (>= 40), version 1. */
enum quire_status quire_read_efi_map(struct quire_machine *m, const void *data, size_t size, size_t desc_size,
				     const struct quire_reader_log *log);

/*
 * Flattened device tree: memory nodes, reserved-memory, /memreserve/, numa ids, distance map, chosen, cpus, dma-ranges.
 * `data` is 8-aligned (QUIRE_EINVAL otherwise) and must stay where it is as long as machine->command_line is used. The blob
 * itself is reserved if machine->fdt was set to its physical address before. The reader calls libfdt; where there is none,
 * firmware/blob/ in front of the include path stands in for it.
 */
enum quire_status quire_read_fdt(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log);

/*
 * x86: sanitise the firmware map the way the field does (overlaps: the worse type wins; page 0 and 640K–1M taken out of
 * RAM) and apply mem= and memmap=. Result replaces machine->map, sorted and disjoint. On other architectures only
 * overlaps are resolved (and efi_fake_mem= applied). The changes, and the map a user has defined, are logged in the
 * field's wording.
 *
 * Works in place, so machine->map needs room for the worst case: 2 * (map_count + directives) + 8 ranges, where
 * directives are options->memmap_count + fake_mem_count. QUIRE_ENOSPC otherwise, and nothing has changed. `options` may
 * be NULL.
 */
enum quire_status quire_e820_sanitize(struct quire_machine *m, const struct quire_boot_options *options,
				      const struct quire_reader_log *log);

/*
 * Parse a kernel command line into config->options and ->tunables. Words that are not about memory, and values that make
 * no sense, are passed to unknown(ctx, word, length, why) and skipped; never fatal; so are characters behind a value that
 * was taken. A later word overrides an earlier one as in the field. `unknown` may be NULL.
 */
void quire_cmdline_parse(struct quire_config *config, const char *command_line,
			 void (*unknown)(void *ctx, const char *word, size_t length, const char *why), void *ctx);

/*
 * "64M", "0x1000", "2G@4G": the number at text with a K M G T P E suffix; *end after it. QUIRE_EFORMAT: no number is there;
 * QUIRE_ERANGE: it does not fit 64 bits.
 */
enum quire_status quire_parse_size(const char *text, quire_phys_t *value, const char **end);

/*
 * One sysctl assignment, "vm.min_free_kbytes=65536" or "min_free_kbytes=65536". QUIRE_ENOENT: not one of ours; QUIRE_EINVAL,
 * QUIRE_EFORMAT or QUIRE_ERANGE: not a value it can have.
 */
enum quire_status quire_sysctl_set(struct quire_tunables *tunables, const char *assignment);

/* The value as quire_sysctl_set() reads it, cut to `size` bytes with the NUL. QUIRE_ENOENT: no such name. */
enum quire_status quire_sysctl_get(const struct quire_tunables *tunables, const char *name, char *text, size_t size);

/* All of them, without "vm.": for help texts, completion, and whoever reads a machine's own. The last has no name. */
struct quire_sysctl {
	const char *name;
	/* What it can be, and what it does: a few words each. */
	const char *values, *what;
};
extern const struct quire_sysctl quire_sysctls[];

#endif
