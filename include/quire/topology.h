/*
 * Nodes, zones and zonelists: who has which memory, and who asks whom.
 *
 * Units are pages unless said. All of it is computed from memblock (regions with node ids), the machine and the
 * configuration; nothing here needs a page descriptor, so a machine of any size is planned in microseconds.
 *
 * quire_boot() runs the steps below in its stages NODES and ZONES; an embedder only reads the result, as q->topology.
 * managed, watermarks, reserves and per-CPU sizes change at run time (late frees, tunables), spans, present and lists
 * when memory comes or goes (hotplug.h): readers see each of them before or after, and two of them not necessarily
 * together. Structures stay where they are until the end. The steps themselves are boot: one caller.
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
struct qi_zone_map;

/* --- zones -------------------------------------------------------------------------------------------------------- */

/*
 * A zone of a node. present excludes holes, managed excludes what was reserved when the allocator took over, spanned
 * includes both: managed <= present <= spanned. A zone with present 0 is "unpopulated" and on no zonelist.
 */
struct quire_zone {
	/* Which of its node's zones it is, and the node. */
	enum quire_zone_type type;
	struct quire_node *node;

	/* --- extent, set by quire_topology_zone_spans() --- */

	/* First frame of the span; 0 if spanned is 0. Not always memory. */
	quire_pfn_t start_pfn;
	/* Frames from the first to the last; holes and other nodes' memory inside included. */
	uint64_t spanned;
	/* Frames of the node's own memory in it. */
	uint64_t present;
	/* The part of present that was there at boot. */
	uint64_t present_early;
	/* Frames the allocator has been given, allocated ones included. An estimate until hand-over. */
	uint64_t managed;
	/* Frames in active CMA areas, part of present and managed. Set by hand-over. */
	uint64_t cma_pages;

	/* --- marks, set by the functions of watermark.h --- */

	/* Free pages by enum quire_watermark; readers add watermark_boost to each. */
	uint64_t watermark[QUIRE_WMARKS];
	/* Raised for a while by the allocator when mobility types had to mix; a new computation ends it. */
	uint64_t watermark_boost;
	/* Pages a request leaves untouched here; index: highest zone type the request could use. 0 for its own type. */
	uint64_t lowmem_reserve[QUIRE_ZONE_TYPES];

	/* --- per-CPU page sets, set by quire_pcp_update() --- */

	/* Base pages moved at a time. */
	unsigned pcp_batch;
	/* Most base pages one CPU keeps, as a range. 6.1 rules: both are the same. */
	uint64_t pcp_high_min, pcp_high_max;
	/* "vm stats threshold" of zoneinfo: how far a CPU's counter may run ahead; at most 125. */
	unsigned stat_threshold;

	/*
	 * Holes with a descriptor that are counted to this zone: those below its memory, and what the last section has
	 * beyond it. Set when descriptors are planned (memmap.h); the boot log's "unavailable ranges".
	 */
	uint64_t unavailable_pages;
	/* The free tree, internal. NULL before hand-over and in unpopulated zones. */
	struct qi_tree *tree;
};

/* --- nodes -------------------------------------------------------------------------------------------------------- */

/* One zonelist: populated zones in the order in which a request tries them, highest zone first within a node. */
struct quire_zonelist {
	/*
	 * `count` entries in use of `max`; NULL if there never were any. Hotplug rewrites the array in place: who reads it
	 * meanwhile finds zones that exist, but may find one twice or miss one; topology.changes tells him.
	 */
	struct quire_zone **zones;
	size_t count, max;
};

/* Reading a list while hotplug may change it: the count first, then entries below it. */
static inline size_t quire_zonelist_count(const struct quire_zonelist *list)
{
	return __atomic_load_n(&list->count, __ATOMIC_ACQUIRE);
}
static inline struct quire_zone *quire_zonelist_zone(const struct quire_zonelist *list, size_t i)
{
	return __atomic_load_n(&__atomic_load_n(&list->zones, __ATOMIC_ACQUIRE)[i], __ATOMIC_RELAXED);
}

/* Which list: all nodes, or this node only (requests with THISNODE). */
enum { QUIRE_ZONELIST_FALLBACK, QUIRE_ZONELIST_NOFALLBACK, QUIRE_ZONELISTS };

/* One node. There is one for every node id firmware made possible. */
struct quire_node {
	/* Its index in quire_topology.nodes. */
	int nid;
	/*
	 * It has memory, CPUs or an initiator; else it is only possible: memory may come. Only online nodes have lists.
	 */
	bool online;
	/* Some memory region is its, after boot: some is online. What the field calls N_MEMORY. */
	bool has_memory;
	/* Number of its CPUs. With numa=fake a CPU counts in all nodes cut from its physical one. */
	unsigned cpus;
	/* From its first to behind its last frame of memory, holes inside or not; equal if it has none. */
	quire_pfn_t start_pfn, end_pfn;
	/* Sums over its zones: spanned is not end - start where zones overlap or leave gaps. */
	uint64_t spanned, present;
	/* Where ZONE_MOVABLE starts, a multiple of the largest block; 0: the node has none. */
	quire_pfn_t movable_pfn;
	/*
	 * DEFERRED policy: first frame whose descriptor is not written early; QUIRE_PFN_NONE: none left to the workers.
	 */
	quire_pfn_t first_deferred_pfn;
	/* By enum quire_zone_type; types that do not exist are there, empty. */
	struct quire_zone zones[QUIRE_ZONE_TYPES];
	/* By QUIRE_ZONELIST_*. */
	struct quire_zonelist zonelists[QUIRE_ZONELISTS];
	/* Node ids in fallback order, `fallback_count` of them, itself first if it is listed. Room for all nodes. */
	int *fallback;
	size_t fallback_count;
};

/* --- all nodes of a machine --------------------------------------------------------------------------------------- */

/*
 * Before the first step the caller sets config, machine, platform, alloc and alloc_ctx in a zeroed struct; quire_init()
 * does that for q->topology. Node structures, lists and tables come from alloc() and are the caller's to give back, all
 * at once, when the topology is no longer used.
 */
struct quire_topology {
	/* What it is computed from. By reference: both must outlive the topology. */
	const struct quire_config *config;
	const struct quire_machine *machine;
	/* Highest node id + 1. */
	unsigned node_count;
	/* By node id; entries of ids that do not exist are NULL. */
	struct quire_node *nodes[QUIRE_MAX_NODES];

	/* --- set by quire_topology_zone_limits() --- */

	/* Where the architecture puts each zone, frames [low, high); equal: no such zone here. Movable, Device: 0. */
	quire_pfn_t zone_low[QUIRE_ZONE_TYPES];
	quire_pfn_t zone_high[QUIRE_ZONE_TYPES];
	/* The highest of them that is not empty: ZONE_MOVABLE is carved from it. */
	enum quire_zone_type movable_zone;
	/* Exclusive ends of memory and of memory the kernel maps for good (they differ on i386 only). */
	quire_pfn_t max_pfn, max_low_pfn;

	/* --- set by quire_topology_numa_init(), dma_reserve by quire_topology_zone_spans() --- */

	/* False: one node has everything (numa=off, broken tables, no tables). True also for numa=fake nodes. */
	bool numa_on;
	/*
	 * x86: pages below 16 MiB that were reserved when zones were sized; 6.1's estimate of managed is less by them.
	 */
	uint64_t dma_reserve;
	/* distance_count squared, row-major, by node id; NULL and 0: 10 and 20 apply. Ask quire_node_distance(). */
	uint8_t *distance;
	unsigned distance_count;
	/*
	 * Node of each CPU: the machine's enabled ones, in machine order, then those firmware did not name. ~node while the
	 * CPU is away (quire_cpu_offline).
	 */
	int *cpu_node;
	/* quire_config.cpus, or where that is 0 the machine's enabled CPUs; at least 1. */
	unsigned cpu_count;

	/* --- set by hand-over, kept by hotplug --- */

	/* From frames to zones, internal. NULL before hand-over. */
	struct qi_zone_map *zone_map;
	/*
	 * Odd while spans, lists or the map are being changed, two more afterwards. Who missed something that must be there,
	 * and finds this odd or changed, looks again.
	 */
	uint32_t changes;

	/* --- scratch for ordering nodes, from alloc() --- */

	uint32_t *order_load;
	uint64_t *order_key;

	/* --- set by the caller --- */

	/* Zeroed memory of `size` bytes at `align`, preferably on node nid (or QUIRE_NO_NODE); NULL: out of memory. */
	void *(*alloc)(void *ctx, size_t size, size_t align, int nid);
	void *alloc_ctx;
	/* For messages; may be NULL. */
	const struct quire_platform *platform;
};

/* --- the steps, in order ------------------------------------------------------------------------------------------ */

/*
 * Each is safe to call once the former has succeeded. None of them locks. After a failure the
 * topology is not usable; what alloc() gave is the caller's to take back.
 */

/*
 * Nodes. Judges affinity records as the architecture does (coverage, overlaps, merging, compact node numbering in order
 * of appearance), writes node ids into memblock regions (memory and, for x86, reserved), applies numa=off and
 * numa=fake=, creates node structures, distances and cpu_node.
 *
 * Bad tables never fail: they are reported in the log and one node has everything. QUIRE_ENOMEM: alloc() or the
 * ledger's tables had no room.
 */
enum quire_status quire_topology_numa_init(struct quire_topology *t, struct quire_memblock *mb);

/*
 * i386: bytes of memory, from 0, that fit into the kernel's part of the address space below vmalloc space, vmalloc= taken
 * into account. What lies there on a machine is low memory and wants to be mapped for good; beyond it phys_to_virt may
 * say NULL (highmem= can move the border further down). Reads only the configuration. Callable anywhere, before
 * quire_init() too.
 */
quire_phys_t quire_i386_lowmem_limit(const struct quire_config *config);

/*
 * Where the architecture's zones begin and end, max_pfn, max_low_pfn. i386: how much fits into the kernel's part of the
 * address space, highmem=, vmalloc=. QUIRE_ENOMEM: there is no memory at all.
 */
enum quire_status quire_topology_zone_limits(struct quire_topology *t, const struct quire_memblock *mb);

/*
 * ZONE_MOVABLE planning (movable_node, kernelcore=, movablecore=), then spans, present and node sums. `managed` is set
 * to the early estimate that the field starts from: present, under 6.1 rules less the memmap of the zone and
 * dma_reserve; hand-over replaces it. Always QUIRE_OK.
 */
enum quire_status quire_topology_zone_spans(struct quire_topology *t, const struct quire_memblock *mb);

/*
 * Fallback order and both zonelists of every online node. Nodes come by distance; among equals those after the local
 * node first, then those that were first of their class less often in lists built before. A node without memory lists
 * itself under 6.1 rules only. Needs spans. QUIRE_ENOMEM: alloc() had none.
 */
enum quire_status quire_topology_zonelists(struct quire_topology *t);

/* --- reckonings --------------------------------------------------------------------------------------------------- */

/*
 * total_pages: pages of all zones beyond their high watermarks: "Total pages" of the boot log when asked right after
 * the zonelists, when no marks are set. mobility: whether there are enough of them for mobility grouping, that is six
 * pageblocks' worth with CMA, else five; i386 one less. Otherwise the field treats everything as unmovable.
 */
uint64_t quire_topology_total_pages(const struct quire_topology *t);
bool quire_topology_mobility(const struct quire_topology *t);

/*
 * memmap_pages: pages the descriptors of a zone take in the kernel we follow (quire_geometry.page_struct_size each): of
 * the whole span or, with a sparse model, of what is present if more than a sixteenth of that again is holes.
 * pays_memmap: whether the zone's managed estimate is reduced by them (6.1 rules, and not for high memory).
 */
uint64_t quire_zone_memmap_pages(const struct quire_topology *t, const struct quire_zone *zone);
bool quire_zone_pays_memmap(const struct quire_topology *t, const struct quire_zone *zone);

/* --- lookups: any CPU, any time once the nodes exist -------------------------------------------------------------- */

/* Distance between two nodes: from the table, else 10 to itself and 20 elsewhere; also for ids that do not exist. */
unsigned quire_node_distance(const struct quire_topology *t, int from, int to);

/* The node of that id; NULL if there is none, whatever `nid` is. */
struct quire_node *quire_topology_node(const struct quire_topology *t, int nid);

/*
 * The zone that counts frame pfn as its own: of the node whose memory region holds it, the one whose span does; where
 * kernelcore=mirror makes spans overlap, mirroring decides. From hand-over on, the one it is online in. NULL if pfn is
 * no memory, in no zone, or offline. O(log regions). Where memory may come or go meanwhile, only with a zone locked.
 */
struct quire_zone *quire_topology_zone_of(const struct quire_topology *t, const struct quire_memblock *mb,
					  quire_pfn_t pfn);

/* Whether the zone has memory: only such zones are on lists and have a free tree. */
static inline bool quire_zone_populated(const struct quire_zone *zone) { return zone->present != 0; }

/* --- checking ----------------------------------------------------------------------------------------------------- */

/*
 * Invariants of spans, sums and lists, against the ledger. Read-only; callable after quire_topology_zonelists().
 * QUIRE_ECORRUPT: the first one that does not hold was told through the platform's log.
 */
enum quire_status quire_check_topology(const struct quire_topology *t, const struct quire_memblock *mb);

#endif
