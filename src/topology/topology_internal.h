/*
 * What the files of the topology room share. Boot's order of use:
 *
 *	numa.c		quire_topology_numa_init: the sequence
 *	numa_find.c	its two ways to nodes: firmware's, one dummy node
 *	numa_firmware.c	affinity records and device-tree ids -> list of node ranges
 *	numa_fake.c	numa=fake=: cut that list into emulated nodes
 *	numa_ranges.c	judge the list (clip, overlap, merge) and write it into memblock
 *	distance.c	the distance table
 *	numa_cpus.c	the nodes of CPUs
 *	nodes.c		node structures, lookups
 *	zone_limits.c, lowmem_i386.c, movable.c, spans.c, zonelists.c	zones
 *	watermark.c, pcp.c	sizes that follow from zones
 *	zone_map.c, growth.c	which zone a frame is in, and what changes when memory comes and goes
 *	check.c		invariants
 */
#ifndef QI_TOPOLOGY_INTERNAL_H
#define QI_TOPOLOGY_INTERNAL_H

#include <quire/topology.h>
#include <quire/watermark.h>

#include "base/arch.h"
#include "base/base.h"

#define QI_LOCAL_DISTANCE 10u
#define QI_REMOTE_DISTANCE 20u
#define QI_NODE_WORDS ((QUIRE_MAX_NODES + 63) / 64)

/* A set of node ids. */
struct qi_nodemask {
	uint64_t word[QI_NODE_WORDS];
};

static inline void qi_node_set(struct qi_nodemask *mask, int nid) { mask->word[nid >> 6] |= 1ull << (nid & 63); }
static inline bool qi_node_isset(const struct qi_nodemask *mask, int nid) { return mask->word[nid >> 6] >> (nid & 63) & 1; }

/* One range of addresses that belongs to a node. Lists keep firmware's order, which decides how neighbours are merged. */
struct qi_node_range {
	quire_phys_t start, end;
	int nid;
};

struct qi_node_ranges {
	struct qi_node_range *range;
	unsigned count, max;
};

/* Scratch of quire_topology_numa_init. */
struct qi_numa {
	struct quire_topology *t;
	struct quire_memblock *mb;
	unsigned max_nodes;			/* what the geometry can number, at most QUIRE_MAX_NODES */
	struct qi_node_ranges ranges;
	struct qi_node_ranges fake;		/* room for numa=fake=, else empty */
	struct qi_nodemask possible;		/* nodes some record names */
	struct qi_nodemask initiators;		/* nodes with a generic initiator */
	bool compact;				/* ids are given out in order of appearance, not by firmware */
	uint32_t domain[QUIRE_MAX_NODES];	/* proximity domain of each node, if compact */
	unsigned domain_count;
	bool from_firmware;			/* firmware's nodes are in force (or cut by numa=fake=) */
	bool faked;				/* numa=fake= is in force */
	int phys_of[QUIRE_MAX_NODES];		/* physical node of each emulated one */
	unsigned fake_count;			/* emulated node ids are below this */
};

/*
 * True where node ranges are judged as a list before they are used: x86 always, everybody from 6.12 on. Elsewhere each
 * record is written straight into memblock, later ones winning.
 */
static inline bool qi_numa_judges_ranges(const struct quire_config *config)
{
	return quire_arch(config) == QUIRE_ARCH_X86_64 || quire_rules(config) >= QUIRE_RULES_6_12;
}

static inline bool qi_zone_exists(const struct quire_config *config, unsigned type)
{
	return config->zone_mask >> type & 1;
}

#define QI_ULL(x) ((unsigned long long)(x))

/* numa.c: memory is node 0's, reserved regions never get a node. */
enum quire_status qi_nodes_flat(struct qi_numa *numa);

static inline bool qi_is_cpu(const struct quire_cpu *cpu) { return cpu->enabled && !cpu->initiator; }

#ifdef QUIRE_WITHOUT_NUMA

/* One node has all there is. */
static inline enum quire_status qi_nodes_find(struct qi_numa *numa) { return qi_nodes_flat(numa); }
static inline void qi_numa_place_cpus(struct qi_numa *numa) { numa->t->nodes[0]->cpus = numa->t->cpu_count; }
static inline unsigned qi_node_distance(const struct quire_topology *t, int from, int to)
{
	(void)t;
	return from == to ? QI_LOCAL_DISTANCE : QI_REMOTE_DISTANCE;
}
/* The next existing node after nid (start with -1), NULL at the end. */
static inline struct quire_node *qi_next_node(const struct quire_topology *t, int nid)
{
	return nid < 0 ? t->nodes[0] : NULL;
}

#else

/* numa_find.c: give each region its node. */
enum quire_status qi_nodes_find(struct qi_numa *numa);
/* numa_cpus.c: the table of CPUs' nodes is there, fill it. */
void qi_numa_place_cpus(struct qi_numa *numa);

/* numa_ranges.c. add: QUIRE_ENOSPC when the list is full; empty and backward ranges are ignored. */
enum quire_status qi_ranges_add(struct qi_node_ranges *list, quire_phys_t start, quire_phys_t end, int nid);
void qi_ranges_remove(struct qi_node_ranges *list, unsigned index);
bool qi_ranges_judge(struct qi_numa *numa, struct qi_node_ranges *list);
enum quire_status qi_ranges_write(struct qi_numa *numa, const struct qi_node_ranges *list);
bool qi_ranges_cover_memory(const struct qi_numa *numa);
enum quire_status qi_ranges_clear_kernel_hotplug(struct qi_numa *numa, const struct qi_node_ranges *list);

/* numa_firmware.c. False: firmware gave no usable node information. Fills ranges, possible, domains and distances. */
bool qi_numa_read_firmware(struct qi_numa *numa);
int qi_numa_domain_node(const struct qi_numa *numa, uint32_t domain);

/* numa_fake.c. Emulation that cannot be done is reported and leaves all as it was; only QUIRE_ENOMEM is an error. */
enum quire_status qi_numa_emulate(struct qi_numa *numa);
quire_phys_t qi_hole_size(const struct quire_memblock *mb, quire_phys_t start, quire_phys_t end, unsigned page_shift);

/* distance.c */
enum quire_status qi_distance_reset(struct quire_topology *t, unsigned count);
bool qi_distance_set(struct quire_topology *t, unsigned from, unsigned to, unsigned distance);

static inline unsigned qi_node_distance(const struct quire_topology *t, int from, int to)
{
	return quire_node_distance(t, from, to);
}

/* The next existing node after nid (start with -1), NULL at the end. */
static inline struct quire_node *qi_next_node(const struct quire_topology *t, int nid)
{
	for (unsigned next = (unsigned)(nid + 1); next < t->node_count; next++)
		if (t->nodes[next])
			return t->nodes[next];
	return NULL;
}

#endif

/* nodes.c */
enum quire_status qi_nodes_create(struct qi_numa *numa);
enum quire_status qi_nodes_assign_cpus(struct qi_numa *numa);

/* lowmem_i386.c: pages of low memory, and *max_pfn cut to what highmem= and the address width leave. */
quire_pfn_t qi_i386_lowmem(const struct quire_topology *t, quire_pfn_t *max_pfn);

#ifdef QUIRE_WITHOUT_BOOT_OPTIONS
/* No node has movable memory of its own. */
static inline void qi_movable_plan(struct quire_topology *t, const struct quire_memblock *mb)
{
	(void)t;
	(void)mb;
}
static inline bool qi_movable_mirrored(const struct quire_topology *t, const struct quire_memblock *mb)
{
	(void)t;
	(void)mb;
	return false;
}
#else
/* movable.c: movable_pfn of every node. */
void qi_movable_plan(struct quire_topology *t, const struct quire_memblock *mb);
bool qi_movable_mirrored(const struct quire_topology *t, const struct quire_memblock *mb);
#endif

/* pcp.c: nothing to size where CPUs keep nothing. */
#ifdef QUIRE_WITHOUT_FRONTS
static inline void qi_pcp_update(struct quire_topology *t, const struct quire_tunables *tunables)
{
	(void)t;
	(void)tunables;
}
#else
#define qi_pcp_update(t, tunables) quire_pcp_update(t, tunables)
#endif

/* watermark.c */
bool qi_zone_is_highmem(const struct quire_topology *t, const struct quire_zone *zone);

#define qi_for_each_node(t, node) for ((node) = qi_next_node((t), -1); (node); (node) = qi_next_node((t), (node)->nid))

#endif
