/*
 * Frames for the asking: requests by node, order and flags over the zones of a booted machine.
 *
 * A request names a node to begin with, an order (a naturally aligned block of 2^order frames) and flags: which zones
 * are allowed, what the frames are for, how far into the reserves it may reach. Zones are tried in the order of the
 * node's zonelist; a zone serves a request only while more pages stay free than its watermark and its lowmem reserve
 * for the request's highest zone.
 *
 * These calls hand out frame numbers and touch no descriptors. They may be used from any CPU at the same time, from
 * any context in which the platform's cpu_enter works. Frames kept by a CPU (its front) count as taken: they are in
 * no zone's free count.
 *
 * Available from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_PAGE_ALLOC_H
#define QUIRE_PAGE_ALLOC_H

#include <quire/types.h>

struct quire;
struct quire_zone;

/* Request flags, with the field's values (spec 05 section 8). */
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
/* Only the named node. */
#define QUIRE_GFP_THISNODE		0x200000u

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
 * Would the zone still be above its mark after a request of 2^order pages (spec 05 section 6)? `free` is the zone's
 * count of free pages, `reserved` what of it the request must not count on (highatomic, CMA). Order-0 rule only:
 * whether a block of the order exists is not asked.
 */
bool quire_watermark_ok(const struct quire_zone *zone, unsigned order, uint64_t mark, enum quire_zone_type highest,
			quire_gfp_t gfp, uint64_t free, uint64_t reserved);

/*
 * Take a block. nid: the node to begin with, QUIRE_NO_NODE: the calling CPU's. QUIRE_OK and *pfn; QUIRE_ENOMEM: no
 * zone can serve it above its watermark; QUIRE_EINVAL: order or flags make no sense, boot has not come far enough;
 * QUIRE_ENOENT: no such node.
 */
enum quire_status quire_alloc_frames(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, quire_pfn_t *pfn);

/*
 * Give back a block, with the order it was taken with. Refused with everything as it was: QUIRE_EEXIST (free
 * already), QUIRE_EINVAL (wrong order, not aligned), QUIRE_ENOENT (no such frame, or reserved). What a CPU only keeps
 * for reuse may be judged later, when it reaches the tree: it is then refused there and logged.
 */
enum quire_status quire_free_frames(struct quire *q, quire_pfn_t pfn, unsigned order);

/* Give what CPUs keep back to the zones. QUIRE_EUNSUPPORTED: other CPUs' frames are out of reach (no barrier_all). */
enum quire_status quire_drain_frames(struct quire *q);

/* Pages all CPUs keep of a zone; exact while they are idle. */
uint64_t quire_zone_kept_pages(const struct quire_zone *zone);

#endif
