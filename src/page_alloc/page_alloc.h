/* Inside the page allocator. */
#ifndef QI_PAGE_ALLOC_H
#define QI_PAGE_ALLOC_H

#include <quire/compaction.h>
#include <quire/page_alloc.h>
#include <quire/quire.h>
#include <quire/reclaim.h>
#include <quire/vmstat.h>

#include "base/cpu.h"
#include "debug/road.h"
#include "zone/front.h"

/* How a request meets watermarks, with the field's values. The low two bits: which mark. */
#define QI_ALLOC_MARK		0x3u	/* enum quire_watermark: MIN, LOW, HIGH */
#define QI_ALLOC_NO_WATERMARKS	0x4u
#define QI_ALLOC_OOM		0x8u
#define QI_ALLOC_NON_BLOCK	0x10u
#define QI_ALLOC_MIN_RESERVE	0x20u
#define QI_ALLOC_CMA		0x80u
#define QI_ALLOC_NOFRAGMENT	0x100u
#define QI_ALLOC_HIGHATOMIC	0x200u
#define QI_ALLOC_KSWAPD		0x800u
/* Those that may count on the atomic reserve. */
#define QI_ALLOC_RESERVES (QI_ALLOC_NON_BLOCK | QI_ALLOC_MIN_RESERVE | QI_ALLOC_HIGHATOMIC | QI_ALLOC_OOM)

#define QI_COSTLY_ORDER 3u		/* above: one round of reclaim is enough unless the caller insists */

/* A request on its way. */
struct qi_walk {
	struct quire *q;
	struct qi_request request;
	enum quire_zone_type highest;
	quire_gfp_t gfp;
	int nid;				/* preferred */
	const struct quire_zonelist *list;
	const struct quire_nodemask *mask;	/* NULL: all nodes */
	bool interleave;			/* nid is the node whose turn it is */
	bool no_compaction;			/* it is compaction, or a range, that asks */
	bool charged_later;			/* the caller has more to do that may fail, and charges last */
};

/* --- alloc.c --- */

/* What is wrong with a request; NULL: nothing, and what it may use and is. */
const char *qi_judge_request(const struct quire *q, unsigned order, quire_gfp_t gfp, enum quire_zone_type *highest,
			     enum quire_migratetype *type);
/* Read and judge a request; QUIRE_EINVAL, QUIRE_ENOENT with a line in the log. */
enum quire_status qi_walk_begin(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, struct qi_walk *walk);
/*
 * The whole road. site: the address the engine was called from, for who debugs; only looked at then. run: the engine itself
 * asks.
 */
enum quire_status qi_walk_run_from(struct qi_walk *walk, const void *site, quire_pfn_t *pfn);
static inline enum quire_status qi_walk_run(struct qi_walk *walk, quire_pfn_t *pfn)
{
	return qi_walk_run_from(walk, NULL, pfn);
}
#define QI_SITE __builtin_return_address(0)

/*
 * Its parts: above the low marks only; the slow path too; what the flags want done with the block, which fails is given
 * back.
 */
enum quire_status qi_walk_first(struct qi_walk *walk, quire_pfn_t *pfn);
enum quire_status qi_walk_take(struct qi_walk *walk, quire_pfn_t *pfn);
enum quire_status qi_walk_finish(struct qi_walk *walk, quire_pfn_t pfn);
/*
 * With ACCOUNT: charge who asks. There is no way to take a charge back, so it comes when nothing else can fail. False: over
 * his limit, which was told; the frames are the caller's to give back.
 */
bool qi_walk_charge(const struct qi_walk *walk);
/* QUIRE_EUNSUPPORTED: some of it has no mapping, and was left as it was. */
enum quire_status qi_zero_frames(struct quire *q, quire_pfn_t pfn, unsigned order);

/* --- walk.c --- */

/* May the request use zones of this node? */
static inline bool qi_walk_allows(const struct qi_walk *walk, const struct quire_zone *zone)
{
	return zone->type <= walk->highest && (!walk->mask || quire_nodemask_test(walk->mask, zone->node->nid));
}
/* The zone a request would like best; NULL: the mask leaves none. */
struct quire_zone *qi_walk_preferred(const struct qi_walk *walk);
/* The tree's flags for those of a request. */
static inline unsigned qi_tree_flags(unsigned flags)
{
	return (flags & QI_ALLOC_CMA ? QI_TREE_CMA : 0) | (flags & QI_ALLOC_HIGHATOMIC ? QI_TREE_HIGHATOMIC : 0) |
	       (flags & QI_ALLOC_NOFRAGMENT ? QI_TREE_NOFRAGMENT : 0);
}
/* One pass over the zonelist, on a CPU of its own choice. */
enum quire_status qi_walk_list(struct qi_walk *walk, unsigned flags, quire_pfn_t *pfn);

/* --- watermark.c --- */

/* Flags of the slow path for a request's gfp bits. */
unsigned qi_alloc_flags(quire_gfp_t gfp, unsigned order, unsigned type);
/*
 * How many pages must stay free in a zone for a request to be served from it: the mark, less what the request may use
 * of the reserve, plus the lowmem reserve. A request of n pages passes if free >= floor + n (the field's strict
 * comparison).
 */
uint64_t qi_mark_floor(const struct quire_zone *zone, uint64_t mark, enum quire_zone_type highest, unsigned flags);
uint64_t qi_watermark_floor(const struct quire_zone *zone, uint64_t mark, enum quire_zone_type highest, quire_gfp_t gfp);
/* The floor of a request with these flags in a zone, the mark they name and what it must not count on included. */
uint64_t qi_request_floor(const struct qi_zone *za, unsigned order, enum quire_zone_type highest, unsigned flags);

static inline uint64_t qi_mark(const struct quire_zone *zone, enum quire_watermark mark)
{
	return qi_peek(&zone->watermark[mark]) + qi_peek(&zone->watermark_boost);
}

/* May the request use the highatomic reserve, first or last? */
static inline bool qi_gfp_reserves(quire_gfp_t gfp)
{
	return !(gfp & (QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_NOMEMALLOC));
}
/* May it ignore watermarks? */
static inline bool qi_gfp_no_watermarks(quire_gfp_t gfp)
{
	return (gfp & QUIRE_GFP_MEMALLOC) && !(gfp & QUIRE_GFP_NOMEMALLOC);
}

/* --- slow.c, slow_wait.c, reclaim.c --- */

enum quire_status qi_alloc_slow(struct qi_walk *walk, quire_pfn_t *pfn);
/* What flags and the task that asks allow a request beyond qi_alloc_flags(). */
unsigned qi_task_flags(const struct quire *q, quire_gfp_t gfp);
#ifdef QUIRE_WITHOUT_RECLAIM
static inline bool qi_has_reclaimer(const struct quire *q)
{
	(void)q;
	return false;
}
static inline void qi_wake_reclaimer(struct quire *q, const struct quire_node *node)
{
	(void)q;
	(void)node;
}
#else
/* Is there anybody who could bring memory back in the background? */
static inline bool qi_has_reclaimer(const struct quire *q)
{
	return q->platform->reclaim_wake || __atomic_load_n(&q->page_alloc.shrinkers, __ATOMIC_RELAXED);
}
/* The node wants the background reclaimer, unless it is balanced or hopeless. */
void qi_wake_reclaimer(struct quire *q, const struct quire_node *node);
#endif
/* One round of shrinkers for a request. Frames freed. */
uint64_t qi_reclaim_direct(const struct qi_walk *walk, unsigned priority);
/* What shrinkers say they could free in the end. */
uint64_t qi_reclaimable(struct quire *q, int nid);

/* --- policy.c --- */

/* After a zone served a request beyond what was at hand: did it mix types? */
void qi_note_fallbacks(struct qi_zone *za, const struct qi_walk *walk, quire_pfn_t pfn, bool wake);
/* highatomic.c. Set the pageblock of a block just handed out aside for its like, within the limit. */
#ifdef QUIRE_WITHOUT_RECLAIM
/* Nobody would give it up again. */
static inline void qi_reserve_highatomic(struct qi_zone *za, quire_pfn_t pfn)
{
	(void)za;
	(void)pfn;
}
#else
void qi_reserve_highatomic(struct qi_zone *za, quire_pfn_t pfn);
#endif
/* Give one pageblock of the reserve up, to the request's type. False: there is none, or (not forced) only one. */
bool qi_unreserve_highatomic(const struct qi_walk *walk, bool force);

/* --- free.c --- */

static inline unsigned qi_enter_cpu(const struct quire *q, unsigned long *state)
{
	return qi_cpu_enter(q->platform, state);
}

#ifdef QUIRE_WITHOUT_NUMA
static inline int qi_node_of_cpu(const struct quire *q, unsigned cpu)
{
	(void)q;
	(void)cpu;
	return 0;
}
static inline int qi_node_with_lists(const struct quire *q, int nid)
{
	(void)q;
	return nid;
}
#else
/* A CPU's node, also of one that is away. CPUs may come meanwhile: the table is there before the count says so. */
static inline int qi_node_of_cpu(const struct quire *q, unsigned cpu)
{
	unsigned count = __atomic_load_n(&q->topology.cpu_count, __ATOMIC_ACQUIRE);
	int nid;

	if (qi_unlikely(cpu >= count))
		return 0;
	nid = __atomic_load_n(&__atomic_load_n(&q->topology.cpu_node, __ATOMIC_ACQUIRE)[cpu], __ATOMIC_RELAXED);
	return nid < 0 ? ~nid : nid;
}

/* nodes.c */
int qi_nearest_online(const struct quire *q, int nid);

/* A CPU may be of a node that has had no memory yet, and so no zonelists: the nearest one that has. */
static inline int qi_node_with_lists(const struct quire *q, int nid)
{
	const struct quire_node *node = q->topology.nodes[nid];

	return qi_likely(!node || node->online) ? nid : qi_nearest_online(q, nid);
}
#endif

static inline void qi_leave_cpu(const struct quire *q, unsigned long state)
{
	qi_cpu_leave(q->platform, state);
}

/* quire_free_frames() for who was called from `site`; and without a word in the log. */
enum quire_status qi_free_frames_from(struct quire *q, quire_pfn_t pfn, unsigned order, const void *site);
enum quire_status qi_free_frames(struct quire *q, quire_pfn_t pfn, unsigned order);
/* All that CPUs keep of a zone goes to its tree. QUIRE_EUNSUPPORTED: only what this one kept. Not inside cpu_enter. */
enum quire_status qi_drain_zone(struct quire *q, struct qi_zone *za);

/* --- frame_map.c --- */

/* The zone a frame was handed over to; NULL: none. */
struct qi_zone *qi_zone_of_frame(const struct quire *q, quire_pfn_t pfn);

/* --- at_hand.c --- */

#ifdef QUIRE_WITHOUT_FRONTS
static inline void qi_at_hand_open(struct quire *q, unsigned cpus)
{
	(void)q;
	(void)cpus;
}
static inline void qi_at_hand_void(struct quire *q) { (void)q; }
#else
/* Room for what so many CPUs remember (at_hand.h). Without it their requests take the whole road, each time. */
void qi_at_hand_open(struct quire *q, unsigned cpus);
/* Something that CPUs' shortest roads depend on has changed just now. Any context. */
static inline void qi_at_hand_void(struct quire *q)
{
	__atomic_fetch_add(&q->page_alloc.changes, 1, __ATOMIC_RELEASE);
}
#endif

/* --- vmstat.c, messages.c --- */

/* n requests like this one were served by the zone; pages were given back to it. On `cpu`. */
void qi_count_allocs(struct qi_zone *za, unsigned cpu, const struct qi_walk *walk, uint64_t n);
void qi_count_freed(struct qi_zone *za, unsigned cpu, uint64_t pages);

/* Rare counters, records and the list of shrinkers. */
static inline unsigned long qi_alloc_lock(struct quire *q)
{
	return qi_lock_irqsave(q->platform, (struct qi_lock *)&q->page_alloc.lock);
}
static inline void qi_alloc_unlock(struct quire *q, unsigned long state)
{
	qi_unlock_irqrestore(q->platform, (struct qi_lock *)&q->page_alloc.lock, state);
}

/* One more of a rare event. */
void qi_count_rare(struct quire *q, uint64_t *counter, uint64_t n);

enum quire_status qi_refuse_request(struct quire *q, enum quire_status status, unsigned order, quire_gfp_t gfp,
				    const char *why);
/* A request that failed, or was served after reclaim or compaction. */
void qi_note_slow(const struct qi_walk *walk, struct quire_request_record *record);
enum quire_status qi_refuse_frame(struct quire *q, enum quire_status status, quire_pfn_t pfn, unsigned order,
				  const char *what);

#ifdef QUIRE_NO_TRACE
#define QI_NO_TRACE 1
#else
#define QI_NO_TRACE 0
#endif
#define qi_trace(q, hook, ...) do { \
	const struct quire_trace *qi_traced = QI_NO_TRACE ? NULL : (q)->page_alloc.trace; \
	if (qi_unlikely(qi_traced != NULL) && qi_traced->hook) \
		qi_traced->hook(qi_traced->ctx, __VA_ARGS__); \
} while (0)

#endif
