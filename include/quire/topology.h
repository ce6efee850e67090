/*
 * Nodes, zones and zonelists: who has which memory, and who asks whom.
 *
 * Units are pages unless said. All of it is computed from memblock (regions with node ids), the machine and the
 * configuration; nothing here needs a page descriptor, so a machine of any size is planned in microseconds.
 */
#ifndef QUIRE_TOPOLOGY_H
#define QUIRE_TOPOLOGY_H

#include <quire/config.h>
#include <quire/machine.h>
#include <quire/memblock.h>
#include <quire/types.h>

struct quire;
struct quire_node;
struct qi_tree;

/*
 * A zone of a node. present excludes holes, managed excludes what was reserved when the allocator took over, spanned
 * includes both: managed <= present <= spanned. A zone with present 0 is "unpopulated" and on no zonelist.
 */
struct quire_zone {
	enum quire_zone_type type;
	struct quire_node *node;
	quire_pfn_t start_pfn;			/* 0 if spanned is 0 */
	uint64_t spanned;
	uint64_t present;
	uint64_t present_early;			/* the part of present that was there at boot */
	uint64_t managed;
	uint64_t cma_pages;			/* pages in active CMA areas, part of present */

	/* Set by quire_watermarks_update() (watermark.h); readers add watermark_boost to each mark. */
	uint64_t watermark[QUIRE_WMARKS];
	uint64_t watermark_boost;
	uint64_t lowmem_reserve[QUIRE_ZONE_TYPES];	/* index: highest zone type of the request */

	/* Per-CPU page sets: sizes in base pages. 6.1 rules: high_min == high_max. */
	unsigned pcp_batch;
	uint64_t pcp_high_min, pcp_high_max;
	unsigned stat_threshold;		/* "vm stats threshold" of zoneinfo */

	uint64_t unavailable_pages;		/* holes with a descriptor that belong to this zone (spec 04 §2, §4) */
	struct qi_tree *tree;			/* the free tree; NULL before hand-over */
};

/* One zonelist: zones in the order in which a request tries them, highest zone first within a node. */
struct quire_zonelist {
	struct quire_zone **zones;		/* `count` entries, owned by the node */
	size_t count;
};

enum { QUIRE_ZONELIST_FALLBACK, QUIRE_ZONELIST_NOFALLBACK, QUIRE_ZONELISTS };

struct quire_node {
	int nid;
	bool online;				/* has memory, CPUs or an initiator; else only possible: memory may come */
	bool has_memory;			/* some memory region: N_MEMORY */
	unsigned cpus;				/* with numa=fake a CPU counts in all nodes cut from its physical one */
	quire_pfn_t start_pfn, end_pfn;		/* of its memory ranges; equal if it has none */
	uint64_t spanned, present;		/* sums over zones: not end - start */
	quire_pfn_t movable_pfn;		/* start of ZONE_MOVABLE, 0: none */
	quire_pfn_t first_deferred_pfn;		/* DEFERRED rules: first pfn not initialised early; QUIRE_PFN_NONE: none */
	struct quire_zone zones[QUIRE_ZONE_TYPES];
	struct quire_zonelist zonelists[QUIRE_ZONELISTS];
	int *fallback;				/* node ids in fallback order, `fallback_count` of them */
	size_t fallback_count;
};

/*
 * All nodes of a machine. Node structures and zonelists are allocated by the code that fills this, through alloc(); node ids
 * index `nodes`, entries of ids that do not exist are NULL.
 */
struct quire_topology {
	const struct quire_config *config;
	const struct quire_machine *machine;
	unsigned node_count;			/* highest node id + 1 */
	struct quire_node *nodes[QUIRE_MAX_NODES];
	quire_pfn_t zone_low[QUIRE_ZONE_TYPES];	/* arch bounds, [low, high); equal: no such zone here */
	quire_pfn_t zone_high[QUIRE_ZONE_TYPES];
	enum quire_zone_type movable_zone;	/* which zone ZONE_MOVABLE is carved from */
	quire_pfn_t max_pfn, max_low_pfn;	/* exclusive ends of memory, of low memory */
	bool numa_on;				/* false: one node has everything (numa=off, broken tables, no tables) */
	uint64_t dma_reserve;			/* x86: pages below 16 MiB that were reserved when zones were sized */
	uint8_t *distance;			/* node_distance_count squared, row-major, by node id */
	unsigned distance_count;
	int *cpu_node;				/* node of each CPU: the machine's enabled ones, in machine order */
	unsigned cpu_count;			/* config->cpus, or where that is 0 the machine's; at least 1 */
	void *(*alloc)(void *ctx, size_t size, size_t align, int nid);	/* zeroed; NULL: out of memory */
	void *alloc_ctx;
	const struct quire_platform *platform;	/* for messages; may be NULL */
};

/*
 * The steps, in order. Each is safe to call once the former has succeeded.
 *
 * numa_init: judge affinity records as the architecture does (coverage, overlaps, merging, compact node numbering in order
 * of appearance), write node ids into memblock regions (memory and, for x86, reserved), apply numa=off and numa=fake=,
 * create the node structures, distances and cpu_node. Bad tables never fail: they are reported and one node has everything.
 */
enum quire_status quire_topology_numa_init(struct quire_topology *t, struct quire_memblock *mb);

/* Arch zone limits from memblock (spec 02 §1.2), max_pfn, max_low_pfn. i386: lowmem arithmetic, highmem=, vmalloc=. */
enum quire_status quire_topology_zone_limits(struct quire_topology *t, const struct quire_memblock *mb);

/*
 * ZONE_MOVABLE planning (spec 02 §3), then spans, present and node sums (§2). `managed` is set to the early estimate that
 * the field starts from: present, under 6.1 rules less the memmap of the zone and dma_reserve; hand-over replaces it.
 */
enum quire_status quire_topology_zone_spans(struct quire_topology *t, const struct quire_memblock *mb);

/* Fallback orders and both zonelists of every node (spec 02 §6, rules by kernel). Needs spans. */
enum quire_status quire_topology_zonelists(struct quire_topology *t);

/*
 * Pages of all zones beyond their high watermarks: "Total pages" of the boot log when asked right after the zonelists. Below
 * six (with CMA; else five, i386 four) pageblocks' worth mobility grouping is switched off: see quire_topology_mobility().
 */
uint64_t quire_topology_total_pages(const struct quire_topology *t);
bool quire_topology_mobility(const struct quire_topology *t);

/*
 * Pages the descriptors of a zone take, reckoned as the field does: of the whole span, unless more than a sixteenth of it is
 * holes; and whether the zone's reckoning is reduced by them (6.1 rules, and not for high memory).
 */
uint64_t quire_zone_memmap_pages(const struct quire_topology *t, const struct quire_zone *zone);
bool quire_zone_pays_memmap(const struct quire_topology *t, const struct quire_zone *zone);

/* Distance between two nodes: from the table, else 10 / 20. */
unsigned quire_node_distance(const struct quire_topology *t, int from, int to);

/* Lookup helpers. NULL if there is no such node. */
struct quire_node *quire_topology_node(const struct quire_topology *t, int nid);
/* The zone of node nid whose span holds pfn and that has memory of its own there; NULL if none. */
struct quire_zone *quire_topology_zone_of(const struct quire_topology *t, const struct quire_memblock *mb, quire_pfn_t pfn);
static inline bool quire_zone_populated(const struct quire_zone *zone) { return zone->present != 0; }

/* Invariants of spans, sums and lists. QUIRE_ECORRUPT with a message through the platform's log otherwise. */
enum quire_status quire_check_topology(const struct quire_topology *t, const struct quire_memblock *mb);

#endif
