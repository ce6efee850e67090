/*
 * What the readers collect before input_finish() chooses. Internal to this folder.
 *
 * Each source of a memory map has its own list, so that lists can be compared and the best one taken whole: mixing half
 * of one with half of another would invent a machine that never existed.
 */
#ifndef QUIRE_TOOL_INPUT_FACTS_H
#define QUIRE_TOOL_INPUT_FACTS_H

#include <quire/machine.h>

#include "input.h"
#include "textfile.h"

/* Sources of a memory map, best first. */
enum input_map_source {
	INPUT_MAP_LOG,			/* "BIOS-e820: [mem …]" of a log */
	INPUT_MAP_FIRMWARE,		/* firmware_memmap.txt, /sys/firmware/memmap */
	INPUT_MAP_EFI,			/* "efi: mem00: …" of a log (efi=debug) */
	INPUT_MAP_NODES,		/* "node   0: [mem …]" under "Early memory node ranges" */
	INPUT_MAP_IOMEM,		/* /proc/iomem */
	INPUT_MAP_SYNTHETIC,
	INPUT_MAPS
};

struct input_ranges {
	struct quire_memory_range *at;
	size_t count, max;
	char *source;			/* file it came from, for messages */
	bool headless;			/* a log that starts after the map's heading: entries may be missing */
};

/* One proximity record of a log, in the order of the log. */
struct input_proximity {
	bool is_cpu;
	struct quire_memory_affinity memory;
	struct quire_cpu cpu;
	int node;			/* the number the kernel gave it */
};

/* Binary tables, kept as bytes until the architecture is known. */
enum input_blob_kind {
	INPUT_BLOB_NONE,
	INPUT_BLOB_FDT,
	INPUT_BLOB_SRAT,
	INPUT_BLOB_SLIT,
	INPUT_BLOB_MADT,
	INPUT_BLOB_BOOT_PARAMS,
	INPUT_BLOB_E820,
	INPUT_BLOB_EFI_MAP,
	INPUT_BLOBS
};

struct input_blob {
	char *path;
	void *data;
	size_t size;
};

/* What one boot's kernel log says. */
struct input_log_facts {
	struct input_ranges e820, efi, nodes;
	bool e820_heading;		/* "BIOS-provided physical RAM map:" was there */
	bool efi_done;			/* the numbering of efi: memNN lines started over */
	struct input_proximity *proximities;
	size_t proximity_count, proximity_max;
	struct quire_reservation *reservations;
	size_t reservation_count, reservation_max;
	char *release;
	char *command_line;
	uint64_t max_arch_pfn;		/* tells the x86 kinds apart; 0: not said */
	int arch;			/* enum quire_arch, -1: no hint */
	unsigned cpus_present;		/* "Allowing N CPUs" less hot-pluggable ones */
	unsigned cpus_online;		/* "Brought up N nodes, M CPUs" */
	unsigned memoryless;		/* "Initmem setup node N as memoryless" lines */
	bool faked_node;		/* "Faking a node" / "No NUMA configuration found" */
	bool distance_table;		/* firmware gave distances; a log does not print them */
	bool memblock_trace;
	quire_phys_t rsdp;
	bool in_node_ranges;		/* reader state: "node N:" lines are expected */
	unsigned efi_next;		/* reader state: number the next efi: mem line must have at least */
	size_t lines_used;		/* lines that said something about the machine */
};

/* An invented machine beside its map. */
struct input_synthetic {
	struct input_proximity *proximities;
	size_t proximity_count, proximity_max;
	unsigned cpu_count;
	uint8_t *distances;		/* node_count squared, or NULL */
	unsigned node_count;
};

struct input_facts {
	struct input_ranges maps[INPUT_MAPS];
	struct input_log_facts log;
	char *log_path;
	struct input_blob blobs[INPUT_BLOBS];
	size_t efi_desc_size;

	char *command_line;		/* of cmdline_kernel.txt or /proc/cmdline */
	char *release;			/* of version.txt or /proc/version */
	unsigned cpu_count;		/* of sysctl.txt or cpuinfo.txt; 0: not known */
	quire_phys_t kernel_base, kernel_end;	/* hull of "Kernel …" lines of iomem; equal: not known */

	/* node.txt or /sys/devices/system/node: node of each CPU, distances by node id. */
	int *cpu_nodes;			/* -1: not said */
	size_t cpu_node_max;
	uint8_t *node_distances;	/* node_count squared, 0: not said */
	unsigned node_count;

	/* sysctl.txt: "name value" lines that are tunables. */
	struct quire_tunables tunables;
	uint32_t tunables_set;		/* bits, by place in quire_sysctls */
	unsigned lowmem_ratios[QUIRE_ZONE_TYPES];
	size_t lowmem_ratio_count;

	struct input_synthetic synthetic;
	int guessed_arch;		/* of the invented or the running machine; -1: none */
};

/* notes.c */
void input_note(struct input *in, enum quire_log_level level, const char *source, size_t line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void input_odd(struct input *in, const char *path, size_t line, const char *what, struct text_slice text);
void input_note_offset(struct input *in, enum quire_log_level level, const char *source, size_t offset, const char *text);
void input_add_file(struct input *in, const char *path);
void input_forget_notes(struct input *in);

/* collect.c: growing lists. All return QUIRE_OK or QUIRE_ENOMEM. */
bool input_grow_array(void *array, size_t *max, size_t element);	/* `array` is a pointer to the array's pointer */
enum quire_status input_ranges_add(struct input_ranges *ranges, quire_phys_t base, quire_phys_t size,
				   enum quire_memory_type type, uint32_t attributes, int nid);
void input_ranges_free(struct input_ranges *ranges);
enum quire_status input_take_map(struct input *in, enum input_map_source source, struct input_ranges *ranges);
char *input_slice_string(struct text_slice slice);
void input_replace_string(char **string, char *value);
/* Move the bytes of a text that can be read only once to in->once. */
void input_keep_text(struct input *in, struct textfile *file);
enum quire_status input_add_blob(struct input *in, enum input_blob_kind kind, const char *path, const void *data,
				 size_t size);
enum quire_status input_set_cpu_node(struct input *in, uint64_t cpu, int nid);
void input_log_facts_free(struct input_log_facts *log);
void input_facts_free(struct input_facts *facts);
uint64_t input_ranges_ram(const struct input_ranges *ranges);

/* Text readers. Each takes a whole file. QUIRE_EFORMAT: nothing of its kind was in it (no note yet). */
enum quire_status input_read_dmesg(struct input *in, const struct textfile *file);
enum quire_status input_read_iomem(struct input *in, const struct textfile *file);
enum quire_status input_read_memmap_text(struct input *in, const struct textfile *file);
enum quire_status input_read_node_text(struct input *in, const struct textfile *file);
enum quire_status input_read_sysctl_text(struct input *in, const struct textfile *file);
enum quire_status input_read_cpuinfo(struct input *in, const struct textfile *file);
enum quire_status input_read_version(struct input *in, const struct textfile *file);
enum quire_status input_read_command_line(struct input *in, const struct textfile *file);
bool input_map_type_by_name(struct text_slice name, enum quire_memory_type *type);

/* dmesg_map.c, dmesg_numa.c: one message each. True: it was mine (also when it was odd; then there is a note). */
bool input_log_map_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			struct text_slice text);
bool input_log_efi_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			struct text_slice text);
bool input_log_numa_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			 struct text_slice text);
bool input_log_reserved_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			     struct text_slice text);
void input_out_of_memory(struct input *in);

/* sniff.c: what a file's first bytes say. */
enum input_blob_kind input_sniff_binary(const void *data, size_t size, size_t *efi_desc_size);

/* directory.c, live.c, files.c */
enum quire_status input_open_directory(struct input *in, const char *path);
enum quire_status input_open_live(struct input *in);
enum quire_status input_open_file(struct input *in, const char *path);
enum quire_status input_read_memmap_dir(struct input *in, const char *path);
enum quire_status input_read_node_dir(struct input *in, const char *path);

/* settle.c and its parts, in the order in which input_finish() calls them. */
enum quire_arch input_settle_arch(struct input *in);
enum quire_status input_settle_map(struct input *in);
enum quire_status input_settle_affinity(struct input *in);
enum quire_status input_settle_cpus(struct input *in);
enum quire_status input_settle_distances(struct input *in);
enum quire_status input_settle_reservations(struct input *in);
enum quire_status input_settle_config(struct input *in);

/*
 * The physical address bits of the widest kernel of an architecture: five levels of page tables, or arm64's large
 * addresses.
 */
unsigned input_widest_address(enum quire_arch arch);

/* machine.c: the growing quire_machine. */
enum quire_status input_machine_init(struct input *in, enum quire_arch arch);
enum quire_status input_machine_range(struct input *in, const struct quire_memory_range *range);
enum quire_status input_machine_reservation(struct input *in, const struct quire_reservation *reservation);
enum quire_status input_machine_affinity(struct input *in, const struct quire_memory_affinity *affinity);
enum quire_status input_machine_cpu(struct input *in, const struct quire_cpu *cpu);
enum quire_status input_machine_distance(struct input *in, uint32_t from, uint32_t to, uint8_t distance);
enum quire_status input_machine_blob(struct input *in, enum input_blob_kind kind);

#endif
