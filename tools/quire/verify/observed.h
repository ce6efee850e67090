/*
 * What a real kernel reported about its memory: the kernel log's lines and the /proc and /sys files of a capture, as
 * data.
 *
 * Nothing is judged here. What a capture does not have stays empty; every record carries its origin. Addresses are
 * bytes, ranges have an inclusive last byte as printed, counts are pages unless the name says otherwise.
 */
#ifndef QUIRE_TOOL_OBSERVED_H
#define QUIRE_TOOL_OBSERVED_H

#include <quire/types.h>

#include "../input/textfile.h"
#include "findings.h"
#include "list.h"

struct observed_zone_range {
	struct origin origin;
	enum quire_zone_type type;
	bool empty;
	uint64_t first, last;
};

/* Movable zone start, early node range, Initmem setup (nothing: memoryless). */
struct observed_node_range {
	struct origin origin;
	int nid;
	bool nothing;
	uint64_t first, last;
};

/* "On node N, zone Z: K pages in unavailable ranges"; older kernels' counts of a zone. */
struct observed_zone_pages {
	struct origin origin;
	int nid;
	enum quire_zone_type type;
	uint64_t pages;
	unsigned batch;			/* "LIFO batch:" of older kernels */
};

struct observed_fallback {
	struct origin origin;
	int nid;
	char nodes[512];		/* "0 1 3 2", as printed, blanks at the end removed */
};

struct observed_zonelist {
	struct origin origin;
	bool thisnode;
	int nid;
	enum quire_zone_type type;
	char zones[2048];		/* "0:Normal 0:DMA32 1:Normal" */
};

struct observed_built {
	struct origin origin;
	bool found;
	uint64_t lists, total_pages;
	bool mobility;
	char policy_zone[16];
	struct origin policy_origin;
};

/* One of the five "mminit::pageflags_layout_" lines, whole. */
struct observed_layout {
	struct origin origin;
	char text[200];
};

/* "Memory: …K/…K available (…K reserved, …K cma-reserved, …K highmem)". */
struct observed_memory {
	struct origin origin;
	bool found;
	uint64_t available_k, physical_k, reserved_k, cma_k, highmem_k;
};

enum observed_freed_kind {
	FREED_INITRD,
	FREED_INIT,			/* initmem, "unused kernel memory" */
	FREED_ALTERNATIVES,
	FREED_DECRYPTED,
	FREED_TEXT_GAP,
	FREED_RODATA_GAP,
	FREED_OTHER,
};
struct observed_freed {
	struct origin origin;
	enum observed_freed_kind kind;
	uint64_t kbytes;
};

/* "cma: Reserved … MiB at …", also device tree pools; inactive: "could not be activated". */
struct observed_cma {
	struct origin origin;
	uint64_t base, size;
	bool pool;			/* of the device tree */
};

struct observed_hugepages {
	struct origin origin;
	uint64_t page_size, count;	/* bytes; pages allocated before the allocator was up or by it */
};

/* One zone of /proc/zoneinfo. */
#define OBSERVED_CPUS 512
struct observed_zone {
	struct origin origin;
	int nid;
	enum quire_zone_type type;
	bool populated, has_promo, has_cma;
	uint64_t free, boost, min, low, high, promo, spanned, present, managed, cma, start_pfn;
	uint64_t protection[QUIRE_ZONE_TYPES];
	unsigned protections;
	struct origin protection_origin;
	unsigned cpus;			/* pagesets listed, up to OBSERVED_CPUS kept */
	uint64_t pcp_high[OBSERVED_CPUS];
	uint64_t pcp_batch[OBSERVED_CPUS];
};

struct observed_block {
	struct origin origin;
	uint64_t index;
	char state[16], zones[48], nodes[64];
};

/* pagetypeinfo's "Number of blocks type" table: one zone. */
struct observed_pageblocks {
	struct origin origin;
	int nid;
	enum quire_zone_type type;
	uint64_t total, cma;
};

struct observed_region {
	uint64_t first, last;
	int nid;			/* QUIRE_NO_NODE: not printed */
	uint32_t flags;
};
/* One "MEMBLOCK configuration" in the log, or memblock_debugfs.txt. */
struct observed_tables {
	struct origin origin;
	bool has_sizes, complete;
	uint64_t memory_size, reserved_size;
	LIST(struct observed_region) memory, reserved;
};

/* A run of /proc/kpageflags. */
struct observed_frames {
	struct origin origin;
	uint64_t start, count;
	bool absent, reserved, offline;
};

/* Ranges of /proc/iomem that name parts of the kernel. */
struct observed_kernel {
	uint64_t code_first, code_last, rodata_first, rodata_last, data_first, data_last, bss_first, bss_last;
};

struct observed {
	size_t cut;				/* records beyond what any machine has; they are not kept */
	struct textfile log;			/* the kernel log, kept: event lines refer to it */
	unsigned kernel_major, kernel_minor;	/* from "Linux version" */
	bool has_log;
	const char *log_name;			/* as origins show it */
	size_t log_start;			/* first line of the last boot in the log, counted from 0 */

	LIST(struct observed_zone_range) zone_ranges;
	LIST(struct observed_node_range) movable, early_ranges, setup_nodes;
	LIST(struct observed_zone_pages) unavailable, memmap_pages, reserved_pages, zone_pages;
	LIST(struct observed_node_range) total_pages;		/* nid and, in first, pages */
	LIST(struct observed_fallback) fallbacks;
	LIST(struct observed_zonelist) zonelists;
	LIST(struct observed_layout) layouts;
	LIST(struct observed_freed) freed;
	LIST(struct observed_cma) cma;
	LIST(struct observed_node_range) cma_inactive;
	LIST(struct observed_hugepages) hugepages;
	LIST(struct observed_node_range) deferred;		/* nid only */
	LIST(struct observed_tables) dumps;
	struct observed_built built;
	struct observed_memory memory;
	struct origin movable_origin, slub_origin, block_origin, ramdisk_origin, crash_origin, panic_origin;
	bool movable_header, ramdisk_found, crash_found, panicked;
	uint64_t ramdisk_first, ramdisk_last;			/* where it was in the end */
	uint64_t block_size_log;				/* "Memory block size: …MB", bytes */
	uint64_t crash_base, crash_size;
	struct origin online_cpus_origin;
	uint64_t online_cpus;					/* "Brought up N nodes, M CPUs", sysctl.txt's nproc */

	LIST(struct observed_zone) zones;
	LIST(struct observed_block) blocks;
	LIST(struct observed_pageblocks) pageblocks;
	LIST(struct observed_frames) frames;
	struct observed_tables debugfs;
	bool has_debugfs;
	struct observed_kernel kernel;
	bool has_iomem;
	LIST(struct observed_region) system_ram;		/* of iomem, ascending, apart */
	struct origin block_size_origin;
	uint64_t block_size;					/* memory_blocks.txt, bytes */
	struct origin min_free_origin;
	bool has_min_free;
	uint64_t min_free_kbytes;
	struct origin mem_total_origin, cma_total_origin;
	bool has_mem_total, has_cma_total;
	uint64_t mem_total_k, cma_total_k;
	struct origin online_nodes_origin, memory_nodes_origin;
	char online_nodes[128], memory_nodes[128];		/* node.txt's "online" and "has_memory" lists */
	LIST(struct observed_layout) node_cpus, node_distances;	/* text "N list" */
};

/*
 * Read what is at `path`: a capture directory, or one kernel log. QUIRE_ENOENT if there is neither; files a directory
 * lacks are simply not there. On failure *o is empty.
 */
enum quire_status observed_read(struct observed *o, const char *path);
/* A kernel log alone, from memory. */
enum quire_status observed_from_log(struct observed *o, const void *text, size_t size);

void observed_free(struct observed *o);

/* One line of the log, prefix already off; `line` counts from 1. Internal to the readers. */
void observed_log_line(struct observed *o, struct text_slice text, size_t line);
/* The log's lines about zones, nodes and zonelists; true if it was one. Internal. */
bool observed_log_zones(struct observed *o, struct text_slice text, struct origin origin);
/* /proc and /sys files of the directory. Internal. */
void observed_read_zoneinfo(struct observed *o, const struct textfile *file);
void observed_read_files(struct observed *o, const char *directory);

/* "DMA32" -> its type. False if there is no such zone. */
bool observed_zone_type(struct text_slice name, enum quire_zone_type *type);

/* A node's number. One too high for any node, however long it is written, is OBSERVED_NO_SUCH_NODE. */
#define OBSERVED_NO_SUCH_NODE INT32_MAX
bool observed_take_nid(struct text_slice *text, int *nid);

/*
 * Whether one more record of a zone may be kept beside `count` others; if not it is counted in o->cut. Records are many
 * times as large as the lines they come from, so a log full of them must not decide how much memory they take.
 */
bool observed_room(struct observed *o, size_t count);

/* Copy a slice into a buffer, cut if need be. */
void observed_copy(char *to, size_t size, struct text_slice from);

/* The last line before which memblock is in charge: mem_init's line in the log, SIZE_MAX if the log ends earlier. */
size_t observed_handover_line(const struct observed *o);

#endif
