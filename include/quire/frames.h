/*
 * Particular frames: what is free where, taking frames by number, the mobility type of a pageblock, how often types
 * had to be mixed.
 *
 * For those who bring a state with them (a recorded one, another allocator's, a guest's) or look at one in detail.
 * Requests for just any frames are quire/page_alloc.h.
 *
 * Frames that CPUs keep (their fronts) are not free here: drain them first (quire_drain_frames) to have them seen.
 * All calls may be made from any CPU, by threads; they take the zone's lock for as long as they run, with interrupts kept
 * away (platform.h): for walking a large zone or taking many frames at once that is long.
 *
 * Available from QUIRE_STAGE_HANDOVER on.
 */
#ifndef QUIRE_FRAMES_H
#define QUIRE_FRAMES_H

#include <quire/types.h>

struct quire;
struct quire_zone;

/*
 * Maximal runs of free frames of a zone, in rising order, until `visit` returns false. It must not call back into the
 * zone. A zone that is not open has none.
 */
void quire_zone_walk_free(const struct quire_zone *zone, bool (*visit)(void *ctx, quire_pfn_t pfn, uint64_t count),
			  void *ctx);

/*
 * Take exactly frames [pfn, pfn + count) of the zone, each as a block of order 0, whatever the watermarks: each may be
 * given back alone with quire_free_frames(). Pageblocks broken for it become `type` (UNMOVABLE, MOVABLE, RECLAIMABLE);
 * others keep theirs. All or nothing: QUIRE_EBUSY (some are not free), QUIRE_ENOENT (some are not the allocator's),
 * QUIRE_ERANGE (beyond the zone), QUIRE_EINVAL (type; the zone is not open), QUIRE_ENOMEM (no metadata).
 */
enum quire_status quire_zone_take_frames(const struct quire_zone *zone, quire_pfn_t pfn, uint64_t count,
					 enum quire_migratetype type);

/*
 * Give the pageblock at pfn a mobility type; what is free in it follows at once. On a pageblock that is wholly free
 * UNMOVABLE, MOVABLE and RECLAIMABLE say nothing: it becomes what the request that breaks it is. QUIRE_ENOENT: nothing
 * there is the allocator's; QUIRE_EINVAL, QUIRE_ENOMEM.
 */
enum quire_status quire_set_pageblock_type(struct quire *q, quire_pfn_t pfn, enum quire_migratetype type);

/* The type of the pageblock at pfn; QUIRE_MIGRATE_TYPES if nothing there is the allocator's. */
enum quire_migratetype quire_pageblock_type(struct quire *q, quire_pfn_t pfn);

/* How often types met in one pageblock, since boot. */
struct quire_mixing {
	uint64_t fallbacks;		/* trips to another type's pageblock that was in use already, refills included */
	uint64_t claimed;		/* of those: the pageblock was mostly free and changed its type */
};
void quire_zone_mixing(const struct quire_zone *zone, struct quire_mixing *mixing);

#endif
