/*
 * Inputs: everything that turns text, files and options into a struct quire_machine and a struct quire_config.
 *
 *	struct input in;
 *	input_init(&in, &options);
 *	input_open(&in, path);			(once per INPUT; they are combined into one machine)
 *	input_finish(&in);			(now in.machine and in.config are complete)
 *	…
 *	input_free(&in);
 *
 * Opening only collects: log lines as facts, binary tables as bytes. input_finish() then chooses. A table in binary beats
 * what a log says about it, a log's firmware map beats later views of the same memory, options beat everything. Whatever
 * is odd, left out or contradicted by another source becomes a note with file, and line or offset; nothing is dropped
 * without one.
 */
#ifndef QUIRE_TOOL_INPUT_H
#define QUIRE_TOOL_INPUT_H

#include <stdio.h>

#include <quire/config.h>
#include <quire/firmware.h>
#include <quire/machine.h>

/* What the user said beside the INPUTs. Zeroed: nothing. Strings must outlive the struct input. */
struct input_options {
	const char *arch;			/* "x86_64", "i386", "i386-pae", "arm64", "riscv64"; NULL: find out */
	const char *kernel;			/* "6.1", "6.12"; NULL: from the input */
	const char *command_line;		/* instead of the input's own; NULL: keep that */
	const char *const *sysctls;		/* "vm.min_free_kbytes=65536" …, applied last */
	size_t sysctl_count;
	unsigned cpus;				/* this many CPUs, whatever the input says; 0: the input's */

	/* A machine out of nothing: see input_synthetic(). */
	const char *nodes;			/* "4x16G", "2x16G,1x0,1x8G" */
	const char *const *holes;		/* "1G+256M": base+size that is not RAM */
	size_t hole_count;
	const char *distances;			/* "10,20;20,10", "ring", "mesh" or "line" */
};

/* Something to tell: a file read, a line that made no sense, a contradiction. */
struct input_note {
	enum quire_log_level level;		/* ERROR: data lost; WARNING: odd, and what was done; INFO: good to know */
	char *source;				/* file name as given, or "" */
	size_t line;				/* 1-based; 0: not about a line */
	size_t offset;				/* byte offset in a binary file, where has_offset */
	bool has_offset;
	char *text;
};

/* A command-line word that does not matter to memory, or could not be used. */
struct input_word {
	char *word;
	char *why;				/* "" for words that are simply not about memory */
};

struct input_facts;				/* what was collected; facts.h */

struct input {
	/* Complete after input_finish(). command_line is never NULL then. */
	struct quire_machine machine;
	struct quire_config config;
	char *command_line;
	struct input_word *ignored;		/* command-line words without effect */
	size_t ignored_count;

	/* The kernel that wrote the input: "6.1.0-50-amd64" and its first two numbers; NULL and 0 if unknown. */
	char *kernel_release;
	unsigned kernel_major, kernel_minor;
	bool rules_approximate;			/* config.rules are the nearest we have, not that kernel's own */
	bool memblock_trace;			/* a log with memblock=debug is among the files */

	char *name;				/* the first input's path, or "synthetic" */
	char **files;				/* every file that was read */
	size_t file_count;
	struct input_note *notes;
	size_t note_count;
	bool notes_cut;				/* there were more than are kept */

	/* A text that cannot be read a second time (standard input, the kernel's own log buffer); NULL: there was none. */
	char *once;
	size_t once_size;

	struct input_options options;
	struct quire_machine_storage storage;	/* of `machine`, grown on demand */
	struct input_facts *facts;
};

/* Make an empty input. QUIRE_ENOMEM. */
enum quire_status input_init(struct input *in, const struct input_options *options);

/*
 * Take in one INPUT, found out by its content: a capture directory, /sys/firmware/memmap, a directory of ACPI tables; a
 * kernel log ("-" for standard input), /proc/iomem text, a device tree, SRAT, SLIT or MADT, x86 boot_params, an e820
 * table, an EFI memory map; or the word "live", this machine. QUIRE_EFORMAT with a note if nothing about a machine is in
 * it; QUIRE_ENOENT, QUIRE_EPLATFORM if it cannot be read; QUIRE_ENOMEM.
 */
enum quire_status input_open(struct input *in, const char *path);

/*
 * Invent a machine from options.nodes, holes, distances, cpus, arch: nodes in the order given, RAM where such a machine
 * has it (x86: the PC's holes below 1 MiB and below 4 GiB; arm64 from 1 GiB, riscv64 from 2 GiB up), CPUs dealt out in
 * equal runs to the nodes. A node of size 0 has CPUs only. QUIRE_EFORMAT with a note for options that make no sense.
 */
enum quire_status input_synthetic(struct input *in);

/* Choose among what was collected; complete machine and config. QUIRE_EFORMAT with a note if no RAM was found at all. */
enum quire_status input_finish(struct input *in);

/*
 * Make machine.map what a kernel works with: quire_e820_sanitize() with the command line's mem=, memmap= and the like, room
 * provided. Once, after input_finish(), before boot; `log` gets the kernel's own lines ("e820: update …") and may be NULL.
 */
enum quire_status input_sanitize(struct input *in, const struct quire_reader_log *log);

/* The usual sequence in one call: init, open every path (or synthetic with options->nodes), finish. Free it either way. */
enum quire_status input_load(struct input *in, const struct input_options *options, const char *const *paths, size_t count);

void input_free(struct input *in);

/* Bytes of RAM in a firmware map, overlaps counted once; entries that wrap count to the top of the address space. */
uint64_t input_ram_bytes(const struct quire_machine *machine);

/* One line per note at `level` or more serious: "file:line: warning: text". */
void input_print_notes(const struct input *in, FILE *stream, enum quire_log_level level);

/* Look up names as the options take them. False: no such name. */
bool input_arch_by_name(const char *name, enum quire_arch *arch);
bool input_rules_by_name(const char *name, enum quire_rules *rules);

#endif
