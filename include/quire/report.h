/*
 * Reports: what a kernel's log, /proc and /sys would say about a machine, as text.
 *
 * Every report goes piece by piece through a sink, so that it can end in a file, a serial port or a page of memory;
 * nothing is allocated, and a report of any length needs about 2 KiB of stack. Reports only read: they may be called
 * at any boot stage and show what is known by then (zeros before it is known). The texts have the field names, order,
 * widths and trailing spaces of the field's own files, so programs that read those files read these; what differs
 * between the rule sets 6.1 and 6.12 and between architectures follows quire_config.
 *
 * The figures behind the texts that are not plain fields of struct quire are functions of their own (first part of
 * this header), so that a checker or another format (JSON) gets them from the same place.
 */
#ifndef QUIRE_REPORT_H
#define QUIRE_REPORT_H

#include <quire/hotplug.h>
#include <quire/quire.h>

/* --- figures ----------------------------------------------------------------------------------------------------------- */

/* What is free in a zone, in units the allocator reports: blocks of 1 << order pages, order 0 .. max_order. */
struct quire_zone_counts {
	uint64_t free_blocks[QUIRE_MIGRATE_TYPES][QUIRE_MAX_ORDERS];
	uint64_t pageblocks[QUIRE_MIGRATE_TYPES];	/* how many pageblocks of the zone are of each type */
	uint64_t free_pages;				/* all types; equals the sum over free_blocks */
	uint64_t free_cma_pages;
};

/*
 * Count what is free in a zone of q. Larger free blocks count as that many of max_order, as an allocator that stops
 * there would hold them. Pageblocks that were reserved as a whole count as MOVABLE, as boot leaves them. All zero
 * before hand-over.
 */
void quire_zone_count(const struct quire *q, const struct quire_zone *zone, struct quire_zone_counts *counts);

/* Bit mask of the migrate types a kernel of this configuration knows: all, but CMA only where it is built in. */
uint32_t quire_migratetype_mask(const struct quire_config *config);

/*
 * Number of pageblocks of a zone as pagetypeinfo counts them, from the ledger alone: the frames start_pfn, start_pfn
 * + one pageblock, ... of the span that have a descriptor of this zone and, with VMEMMAP, some memory in their 2 MiB
 * sub-section. A hole's descriptors belong to the memory above it, those of the rest of the last section to the
 * memory below.
 */
uint64_t quire_zone_pageblocks(const struct quire_topology *t, const struct quire_memblock *mb,
			       const struct quire_zone *zone);

/*
 * "Total pages" of the "Built … zonelists" line. 6.1: present less the descriptors of each zone (highmem is not
 * charged), less, on x86_64, what is reserved of the memory below 16 MiB. 6.12: present.
 */
uint64_t quire_total_pages(const struct quire_topology *t, const struct quire_memblock *mb);

/* --- memory blocks ---------------------------------------------------------------------------------------------- */

/* Most zone names one block can list: the default zone, and of "kernel zone, Movable" what differs from it. */
#define QUIRE_BLOCK_ZONES 3
/* Most nodes one block's links name. */
#define QUIRE_BLOCK_NODES 8

struct quire_memory_block {
	uint64_t index;				/* the number in memoryN, and phys_index */
	quire_pfn_t start_pfn, end_pfn;		/* whole block, holes included */
	uint64_t present;			/* pages of memory in it */
	bool online;
	unsigned node_count;			/* nodes that have memory in it, by number … */
	int nodes[QUIRE_BLOCK_NODES];
	bool more_nodes;			/* … and there are others beside these */
	unsigned zone_count;			/* valid_zones; 0: "none" */
	enum quire_zone_type zones[QUIRE_BLOCK_ZONES];
};

/*
 * Describe block `index` as boot leaves it. A block that boot knew is online; it has a valid zone if exactly one node
 * has memory in it and exactly one populated zone of that node spans any of it, else none. QUIRE_ENOENT if no section
 * of the block has memory; QUIRE_EUNSUPPORTED if there are no blocks on this machine.
 */
enum quire_status quire_memory_block_describe(const struct quire_topology *t, const struct quire_memblock *mb,
					      quire_phys_t block_size, uint64_t index, struct quire_memory_block *block);

/*
 * Describe block `index` as it would be after memory was added there on node nid and before it is put online:
 * offline, and its valid zones are the default one first, then the kernel zone and Movable where they differ (policy
 * CONTIG_ZONES, hotplug.h).
 */
void quire_memory_block_describe_added(const struct quire_topology *t, quire_phys_t block_size, uint64_t index, int nid,
				       struct quire_memory_block *block);

/*
 * The next block that has memory, at or after *index (start with 0); false when there is none. Blocks without any memory are
 * skipped without visiting them.
 */
bool quire_memory_block_next(const struct quire_topology *t, const struct quire_memblock *mb, quire_phys_t block_size,
			     uint64_t *index);

/* --- texts ------------------------------------------------------------------------------------------------------ */

/* Where a report goes. `text` is not NUL-terminated; pieces are not whole lines. Must not call back into Quire. */
struct quire_report_sink {
	void (*write)(void *ctx, const char *text, size_t length);
	void *ctx;
};

/* /proc/zoneinfo: every zone of every online node. Statistics of things a machine without programs does not have are 0. */
void quire_report_zoneinfo(const struct quire *q, const struct quire_report_sink *sink);

/* /proc/buddyinfo: free blocks per order of each populated zone. */
void quire_report_buddyinfo(const struct quire *q, const struct quire_report_sink *sink);

/* /proc/pagetypeinfo: the same by migrate type, and pageblocks by type; the header is repeated for every node. */
void quire_report_pagetypeinfo(const struct quire *q, const struct quire_report_sink *sink);

/* Lines of /proc/meminfo the engine has figures for, then the same per node ("Node 0 MemTotal: …") where there is NUMA. */
void quire_report_meminfo(const struct quire *q, const struct quire_report_sink *sink);

/*
 * /sys/devices/system/memory in one line per block: state, phys_index, removable, phys_device, valid_zones, node links. Of
 * the moment, once the allocator is open. Numbers count blocks of block_size_bytes, which is a section where blocks of
 * unlike sizes stand side by side.
 */
void quire_report_memory_blocks(const struct quire *q, const struct quire_report_sink *sink);

/*
 * Boot log, in the log's wording: zone ranges, movable starts, early node ranges, node set-up, unavailable ranges,
 * totals.
 */
void quire_report_boot_log(const struct quire *q, const struct quire_report_sink *sink);

/* Boot log: fallback orders, every zonelist, "Built … zonelists", "Policy zone". */
void quire_report_zonelists(const struct quire *q, const struct quire_report_sink *sink);

/* Only the fallback orders, one line per node. */
void quire_report_fallback(const struct quire *q, const struct quire_report_sink *sink);

/* Both memblock tables in the "MEMBLOCK configuration:" wording. */
void quire_report_memblock(const struct quire *q, const struct quire_report_sink *sink);

/* For people: a table of nodes (CPUs, range, memory, distances) and one of populated zones with watermarks and reserves. */
void quire_report_nodes(const struct quire *q, const struct quire_report_sink *sink);
void quire_report_zones(const struct quire *q, const struct quire_report_sink *sink);

/* Sections of the memory model, runs of equal ones on one line. */
void quire_report_sections(const struct quire *q, const struct quire_report_sink *sink);

/* How node, zone and section are packed into a descriptor's flags, in the log's wording. */
void quire_report_layout(const struct quire *q, const struct quire_report_sink *sink);

/* What the engine took for itself and how long each stage of boot was; beside it what a kernel's descriptors would take. */
void quire_report_costs(const struct quire *q, const struct quire_report_sink *sink);

#endif
