/*
 * Frames for the asking: requests by node, order and flags over the zones of a booted machine.
 *
 * A request names a node to begin with, an order (a naturally aligned block of 2^order frames) and flags: which zones
 * are allowed, what the frames are for, how far into the reserves it may reach. Zones are tried in the order of the
 * node's zonelist; a zone serves a request only while more pages stay free than its watermark and its lowmem reserve
 * for the request's highest zone.
 *
 * These calls hand out frame numbers and touch no descriptors. They may be used from any CPU at the same time. Frames kept
 * by a CPU (its front) count as taken: they are in no zone's free count.
 *
 * From interrupts that the platform's cpu_enter keeps away, whatever they interrupted, these may be called: all requests
 * here and in pages.h with flags that do not wait (ATOMIC, NOWAIT; nothing with DIRECT_RECLAIM), all frees, splitting,
 * references, counters, reports and explanations. Everything else belongs to threads: what is under "the whole allocator"
 * below, and all that moves, adds, removes, isolates, compacts or poisons. From interrupts that cpu_enter does not keep away
 * (NMIs) nothing may be called.
 *
 * Available from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_PAGE_ALLOC_H
#define QUIRE_PAGE_ALLOC_H

#include <quire/types.h>

struct quire;
struct quire_zone;
struct quire_tunables;

/* Request flags, with the field's values. */
typedef uint32_t quire_gfp_t;

/* Which zones: at most one of DMA, DMA32, HIGHMEM. MOVABLE together with HIGHMEM also allows ZONE_MOVABLE. */
#define QUIRE_GFP_DMA			0x1u
#define QUIRE_GFP_HIGHMEM		0x2u
#define QUIRE_GFP_DMA32			0x4u
/* Mobility: at most one; none: unmovable. */
#define QUIRE_GFP_MOVABLE		0x8u
#define QUIRE_GFP_RECLAIMABLE		0x10u
/* Reserves: half below the minimum; with no DIRECT_RECLAIM also half of the rest; everything; never. */
#define QUIRE_GFP_HIGH			0x20u
#define QUIRE_GFP_MEMALLOC		0x20000u
#define QUIRE_GFP_NOMEMALLOC		0x80000u
/* What the caller allows to be done for him. */
#define QUIRE_GFP_IO			0x40u
#define QUIRE_GFP_FS			0x80u
#define QUIRE_GFP_DIRECT_RECLAIM	0x400u
#define QUIRE_GFP_KSWAPD_RECLAIM	0x800u
/* The frames are zeroed before they are handed out. */
#define QUIRE_GFP_ZERO			0x100u
/* No line in the log if it fails. */
#define QUIRE_GFP_NOWARN		0x2000u
/*
 * How hard to try, at most one: retry while reclaim makes progress, but never kill; do not give up (needs
 * DIRECT_RECLAIM); one round of reclaim and no more.
 */
#define QUIRE_GFP_RETRY_MAYFAIL		0x4000u
#define QUIRE_GFP_NOFAIL		0x8000u
#define QUIRE_GFP_NORETRY		0x10000u
/* A block of several frames is one object with one reference count (quire/pages.h); nothing to frame-level calls. */
#define QUIRE_GFP_COMP			0x40000u
/* Only the named node. */
#define QUIRE_GFP_THISNODE		0x200000u
/* Charged through quire_platform.account, which may refuse. */
#define QUIRE_GFP_ACCOUNT		0x400000u

#define QUIRE_GFP_RECLAIM	(QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_KSWAPD_RECLAIM)
#define QUIRE_GFP_ATOMIC	(QUIRE_GFP_HIGH | QUIRE_GFP_KSWAPD_RECLAIM)
#define QUIRE_GFP_NOWAIT	QUIRE_GFP_KSWAPD_RECLAIM
#define QUIRE_GFP_KERNEL	(QUIRE_GFP_RECLAIM | QUIRE_GFP_IO | QUIRE_GFP_FS)
#define QUIRE_GFP_HIGHUSER	(QUIRE_GFP_KERNEL | QUIRE_GFP_HIGHMEM)
#define QUIRE_GFP_HIGHUSER_MOVABLE	(QUIRE_GFP_HIGHUSER | QUIRE_GFP_MOVABLE)

/*
 * The highest zone type a request may use on a machine with these zones (1 << type bits): a zone that does not exist is
 * replaced as in the field (DMA and DMA32 by NORMAL or what stands below it, HIGHMEM by NORMAL). QUIRE_EINVAL: flags that
 * contradict each other.
 */
enum quire_status quire_gfp_zone(uint32_t zone_mask, quire_gfp_t gfp, enum quire_zone_type *highest);

/* The mobility type. QUIRE_EINVAL: both MOVABLE and RECLAIMABLE. */
enum quire_status quire_gfp_migratetype(quire_gfp_t gfp, enum quire_migratetype *type);

/*
 * Would the zone still be above its mark after a request of 2^order pages? `free` is the zone's
 * count of free pages, `reserved` what of it the request must not count on (highatomic, CMA). The rule for the number of
 * pages only: whether there is a block of the order is not asked, the zone's tree knows that.
 */
bool quire_watermark_ok(const struct quire_zone *zone, unsigned order, uint64_t mark, enum quire_zone_type highest,
			quire_gfp_t gfp, uint64_t free, uint64_t reserved);

/* --- one block --------------------------------------------------------------------------------------------------------- */

/*
 * Take a block. nid: the node to begin with, QUIRE_NO_NODE: the calling CPU's. QUIRE_OK and *pfn; QUIRE_ENOMEM: no
 * zone can serve it above its watermark, and nobody could free enough; QUIRE_EINVAL: order or flags make no sense, boot
 * has not come far enough; QUIRE_ENOENT: no such node; QUIRE_EUNSUPPORTED: ZERO, and the platform has no mapping for it.
 * What makes no sense is told in the log, and so is a failure, as often as is good for a log.
 *
 * With DIRECT_RECLAIM the call may run shrinkers, the out-of-memory hook and the platform's wait (quire/reclaim.h): not
 * from a context that must not block.
 */
enum quire_status quire_alloc_frames(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, quire_pfn_t *pfn);

/*
 * Give back a block, with the order it was taken with. Refused with everything as it was, and told in the log:
 * QUIRE_EEXIST (free already), QUIRE_EINVAL (wrong order, not aligned), QUIRE_ENOENT (no such frame, or reserved),
 * QUIRE_EPERM (a guard frame, debug.h). What a CPU only keeps for reuse may be judged later, when it reaches the tree: it is
 * then refused there and logged.
 */
enum quire_status quire_free_frames(struct quire *q, quire_pfn_t pfn, unsigned order);

/*
 * An allocated block of 2^order frames becomes 2^(order - to) blocks of 2^to frames, each to be given back alone. Statuses
 * as quire_free_frames, QUIRE_ENOMEM: no metadata for it; then it still is one block.
 */
enum quire_status quire_split_frames(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned to);

/* --- other numbers of frames ---------------------------------------------------------------------------------------- */

/*
 * Take `count` neighbouring frames, any number up to 2^26: the smallest block that holds them is taken, and what is too
 * much given back. Each is a block of order 0; the first is aligned to the next power of two not below count. Statuses as
 * quire_alloc_frames; QUIRE_EINVAL also for no frames and with COMP. free: all of them, QUIRE_OK only if every one was as it
 * should; those that were are given back in any case.
 */
enum quire_status quire_alloc_frames_exact(struct quire *q, int nid, uint64_t count, quire_gfp_t gfp, quire_pfn_t *pfn);
enum quire_status quire_free_frames_exact(struct quire *q, quire_pfn_t pfn, uint64_t count);

/*
 * Fill pfns[0 .. count - 1] with single frames. Entries that are not QUIRE_PFN_NONE are left alone and count as filled.
 * From the first local zone that can do all of it above its low watermark; else as many as that zone gives, at least one
 * if an ordinary request succeeds. Returns how many entries are filled. free: entries of QUIRE_PFN_NONE are skipped,
 * those given back become QUIRE_PFN_NONE; returns how many were refused (they stay in the array).
 */
size_t quire_alloc_frames_bulk(struct quire *q, int nid, quire_gfp_t gfp, size_t count, quire_pfn_t *pfns);
size_t quire_free_frames_bulk(struct quire *q, size_t count, quire_pfn_t *pfns);

/* --- choice of nodes -------------------------------------------------------------------------------------------------- */

#define QUIRE_NODEMASK_WORDS ((QUIRE_MAX_NODES + 63) / 64)
struct quire_nodemask {
	uint64_t bits[QUIRE_NODEMASK_WORDS];
};
static inline void quire_nodemask_set(struct quire_nodemask *mask, int nid) { mask->bits[nid >> 6] |= 1ull << (nid & 63); }
static inline bool quire_nodemask_test(const struct quire_nodemask *mask, int nid)
{
	return mask->bits[nid >> 6] >> (nid & 63) & 1;
}

/*
 * As quire_alloc_frames, from nodes of the mask only (NULL: all). nid is the preferred node, it need not be in the mask:
 * zones are tried in its order. Requests that may reach into reserves regardless (MEMALLOC) leave the mask in the end, as
 * in the field. QUIRE_EINVAL: no node with memory in the mask.
 */
enum quire_status quire_alloc_frames_mask(struct quire *q, int nid, const struct quire_nodemask *mask, unsigned order,
					  quire_gfp_t gfp, quire_pfn_t *pfn);

enum quire_policy_mode {
	QUIRE_POLICY_LOCAL,		/* the CPU's node first */
	QUIRE_POLICY_PREFERRED,		/* `preferred` first */
	QUIRE_POLICY_BIND,		/* only `nodes`, in the order of the CPU's node */
	QUIRE_POLICY_INTERLEAVE,	/* `nodes` in turn; a full one is passed over */
};

/* A memory policy. May be shared by CPUs; `next` is the engine's. Zeroed: local. */
struct quire_policy {
	enum quire_policy_mode mode;
	int preferred;
	struct quire_nodemask nodes;
	uint32_t next;
};

/* As quire_alloc_frames under a policy. QUIRE_EINVAL: no node with memory in its nodes, or no such mode. */
enum quire_status quire_alloc_frames_policy(struct quire *q, struct quire_policy *policy, unsigned order, quire_gfp_t gfp,
					    quire_pfn_t *pfn);

/* --- the whole allocator ------------------------------------------------------------------------------------------- */

/* Give what CPUs keep back to the zones. QUIRE_EUNSUPPORTED: other CPUs' frames are out of reach (no barrier_all). */
enum quire_status quire_drain_frames(struct quire *q);

/* Pages all CPUs keep of a zone; exact while they are idle. */
uint64_t quire_zone_kept_pages(const struct quire_zone *zone);

/*
 * Other tunables at run time: what writing the sysctls does. Watermarks, reserves and per-CPU sizes are computed anew;
 * boosts end. min_free_kbytes -1 goes back to the computed value. QUIRE_EINVAL, and a sentence in the log, for values out of
 * range (config.h); nothing is changed then. Requests on other CPUs see the old or the new marks meanwhile.
 */
enum quire_status quire_tunables_apply(struct quire *q, const struct quire_tunables *tunables);

/*
 * CPUs that come and go. offline: the CPU is no longer in the allocator and will not be; what it kept goes back to the
 * zones. QUIRE_EUNSUPPORTED: it is out of reach (no barrier_all); drain on the CPU itself before it goes. online: it may
 * allocate from now on, as a CPU of node nid. Every CPU of the boot count (quire_config.cpus) is online to begin with;
 * beyond it, the fronts of all zones move to larger tables. QUIRE_ENOENT: no such node. QUIRE_EINVAL: before
 * QUIRE_STAGE_WATERMARKS. QUIRE_ENOMEM, QUIRE_EUNSUPPORTED: it may allocate all the same, but has no front in some
 * zone, or (no meta_alloc, beyond the boot count) counts as one of node 0. One caller at a time for both, not
 * inside cpu_enter.
 */
enum quire_status quire_cpu_online(struct quire *q, unsigned cpu, int nid);
enum quire_status quire_cpu_offline(struct quire *q, unsigned cpu);

/* Pages of a zone that are set aside for atomic requests of high order. */
uint64_t quire_zone_highatomic_pages(const struct quire_zone *zone);

/* What was done for a request that no zone could serve as it was (explain.h tells it). */
struct quire_request_record {
	/* Counts such requests, from 1; 0: there was none. */
	uint64_t number;
	/* The request. */
	int nid;
	unsigned order;
	quire_gfp_t gfp;
	/* It got its block in the end. */
	bool served;
	/* The last compaction's enum quire_compact_result. */
	uint8_t compact_result;
	/* Since it had to reclaim, nanoseconds; 0: it was not allowed to, or the platform has no clock. */
	uint64_t ns;
	/* Rounds of shrinkers, and frames they said they freed; compactions; pauses in between. */
	uint32_t reclaims, compactions, pauses;
	uint64_t reclaimed;
	/* Pageblocks of the atomic reserve given up; calls of the out-of-memory hook. */
	uint32_t unreserved, kills;
};

/* What the allocator knows beside its zones. Part of struct quire; the engine's, all zero to begin with. */
struct quire_page_alloc {
	const struct quire_trace *trace;
	struct qi_debug *debug;			/* NULL: nothing of debug_options.h is on. Published */
	bool watched;				/* each frame is followed: CPUs keep none */
	struct qi_at_hand *at_hand;		/* CPUs' shortest roads, by CPU. Published, before the count that needs it */
	uint32_t at_hand_cpus;
	uint32_t changes;			/* of what those roads depend on */
	struct quire_shrinker *shrinkers;
	uint32_t lock;				/* shrinkers, and the counts below */
	uint32_t reclaiming;			/* how many are among the shrinkers now */
	uint64_t allocstall[QUIRE_ZONE_TYPES];
	uint64_t pageoutrun, stolen_background, stolen_direct, killed;
	uint64_t failed;			/* requests */
	uint64_t refused;			/* frees and requests that made no sense */
	uint64_t slow;				/* requests that failed, or were served after reclaim or compaction */
	struct quire_request_record last_failed, last_slow;
	uint8_t wanted[QUIRE_MAX_NODES];	/* the background reclaimer is wanted here */
	uint8_t hopeless[QUIRE_MAX_NODES];	/* its runs in a row that freed nothing */
};

#endif
