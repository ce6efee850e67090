/*
 * Contiguous ranges: frames wanted at a place or in a length that no free block has. What is in the way is moved out.
 *
 * A range goes through: isolate its pageblocks (nothing free in them can be taken any more), drain CPUs, move out what
 * is in use (mobility.h), take the range, give the pageblocks back their types. Whatever fails on the way, the
 * pageblocks are as they were; blocks that have moved meanwhile stay where they went.
 *
 * Locking: any CPU, contexts that may wait (the owners' migrate is called with QUIRE_MIGRATE_SYNC). Two calls that want
 * the same pageblock: the second gets QUIRE_EBUSY. Available from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_CONTIG_H
#define QUIRE_CONTIG_H

#include <quire/mobility.h>

struct quire;

/*
 * Take exactly frames [pfn, pfn + count), any numbers, each as a block of order 0; they may lie in several zones. gfp:
 * for the frames what moves goes to (its zone bits are ignored, the engine asks where movable memory may be); NORETRY:
 * give up at the first obstacle, else what is busy for the moment is tried again, 5 rounds in which nothing moves.
 *
 * QUIRE_EBUSY: something could not be moved, *obstacle (unless NULL) says what. QUIRE_ENOMEM: nowhere to move it to.
 * QUIRE_ENOENT: a frame is not the allocator's (obstacle). QUIRE_EINVAL: no frames, or too early.
 */
enum quire_status quire_alloc_range(struct quire *q, quire_pfn_t pfn, uint64_t count, quire_gfp_t gfp,
				    struct quire_obstacle *obstacle);

/*
 * Take `count` neighbouring frames anywhere: `align` is a power of two in frames (0: none); nid and gfp as for
 * quire_alloc_frames (zones allowed, THISNODE, ZERO, NOWARN). Free blocks are used where there are some; else ranges
 * that can be cleared are looked for, those with the least to move first, each zone from its end down. Watermarks are
 * kept: a zone that would fall below its low mark is passed over. Pageblocks of CMA areas and of the atomic reserve are
 * left alone. ACCOUNT has no effect on ranges that are cleared.
 *
 * QUIRE_ENOMEM: no range could be cleared; *obstacle: what stood in the way in the best of them.
 */
enum quire_status quire_alloc_contig(struct quire *q, int nid, uint64_t count, uint64_t align, quire_gfp_t gfp,
				     quire_pfn_t *pfn, struct quire_obstacle *obstacle);

/* Give frames of a range back, all or a part. As quire_free_frames_exact. */
enum quire_status quire_free_range(struct quire *q, quire_pfn_t pfn, uint64_t count);

#endif
