/*
 * Counters with the field's names (/proc/vmstat), and hooks that see every event.
 *
 * Counting costs a request one addition to a word of its own CPU. Sums are made by who reads: exact while no other CPU
 * allocates, else near. Counters are 64 bits and begin at boot; all are 0 before QUIRE_STAGE_HANDOVER. May be asked from any
 * CPU at any time.
 */
#ifndef QUIRE_VMSTAT_H
#define QUIRE_VMSTAT_H

#include <quire/page_alloc.h>

struct quire;
struct quire_node;

/*
 * What is counted. The first two are ranges, one item per enum quire_zone_type: QUIRE_VM_PGALLOC + QUIRE_ZONE_DMA32 and so
 * on. Units are pages where the field's name begins with pg, requests or calls elsewhere.
 */
enum quire_vm_item {
	/* + zone type: pages handed out by zones of that type. */
	QUIRE_VM_PGALLOC,
	/* + highest zone type a request may use: times it had to reclaim directly. */
	QUIRE_VM_ALLOCSTALL = QUIRE_VM_PGALLOC + QUIRE_ZONE_TYPES,
	/* Pages given back. */
	QUIRE_VM_PGFREE = QUIRE_VM_ALLOCSTALL + QUIRE_ZONE_TYPES,
	/* Requests served by the preferred node. */
	QUIRE_VM_NUMA_HIT,
	/* Requests served by another node than the preferred one. */
	QUIRE_VM_NUMA_MISS,
	/* Requests meant for a node that could not serve them. */
	QUIRE_VM_NUMA_FOREIGN,
	/* Requests served by the node whose turn it was under interleaving. */
	QUIRE_VM_NUMA_INTERLEAVE,
	/* Requests served by the calling CPU's own node. */
	QUIRE_VM_NUMA_LOCAL,
	/* Requests served by another node than the calling CPU's. */
	QUIRE_VM_NUMA_OTHER,
	/* Runs of the background reclaimer that had work. */
	QUIRE_VM_PAGEOUTRUN,
	/* Frames that shrinkers freed in the background. */
	QUIRE_VM_PGSTEAL_KSWAPD,
	/* Frames that shrinkers freed for a waiting request. */
	QUIRE_VM_PGSTEAL_DIRECT,
	/* Calls of the out-of-memory hook that helped. */
	QUIRE_VM_OOM_KILL,
	/* Requests that mixed migratetypes in a pageblock: the field's extfrag events. */
	QUIRE_VM_FALLBACKS,
	/* Requests that ended without memory. */
	QUIRE_VM_FAILED,
	QUIRE_VM_ITEMS
};

/* Of the whole machine. 0 for items out of range. */
uint64_t quire_vmstat(const struct quire *q, unsigned item);
/* "pgalloc_dma32", "numa_hit" ... written to text, cut to `size` bytes with its NUL (32 hold any); returns text. */
const char *quire_vm_name(unsigned item, char *text, size_t size);

/* Of one zone, or the sum over a node's. Pages, but numa_* are requests. */
struct quire_zone_events {
	uint64_t pgalloc, pgfree;
	uint64_t numa_hit, numa_miss, numa_foreign, numa_interleave, numa_local, numa_other;
	uint64_t fallbacks;
};
void quire_zone_vmstat(const struct quire_zone *zone, struct quire_zone_events *events);
void quire_node_vmstat(const struct quire_node *node, struct quire_zone_events *events);

/*
 * Trace hooks; each may be NULL. They are called inside cpu_enter ... cpu_leave, must be quick and must not allocate.
 * Built with -DQUIRE_NO_TRACE they are never called and cost nothing; else one load where none is set.
 *
 * slow: a request failed, or was served after reclaim or compaction; the record is gone when the hook returns. Called
 * outside cpu_enter. fallback: a request of `type` had to be served from a pageblock of `block_type` (as it is now: its
 * own if the pageblock was claimed). move: pages went from the zone to a CPU's front (refill, positive) or back (spill or
 * drain, negative), as it happens; `cpu` is whose front it is, which on a drain may not be the caller's.
 */
struct quire_trace {
	void *ctx;
	void (*alloc)(void *ctx, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, enum quire_migratetype type);
	void (*free)(void *ctx, quire_pfn_t pfn, unsigned order);
	void (*fallback)(void *ctx, quire_pfn_t pfn, unsigned order, enum quire_migratetype type,
			 enum quire_migratetype block_type);
	void (*move)(void *ctx, const struct quire_zone *zone, unsigned cpu, int64_t pages);
	void (*slow)(void *ctx, const struct quire_request_record *record);
};

/* NULL: none. The structure is kept by reference. Not while other CPUs allocate. */
void quire_set_trace(struct quire *q, const struct quire_trace *trace);

#endif
