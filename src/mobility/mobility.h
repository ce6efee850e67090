/*
 * Inside the room of mobility, and what the rooms above it build on: owners asked, ranges isolated, cleared and taken.
 *
 * A range is worked on in parts, one for each zone whose tree reaches into it. Within a part everything goes by batches of
 * up to QUIRE_MOVES blocks: they are read off the tree with the zone locked, their owners are asked without any lock, and
 * what is said is true only as far as the owner says it again when he is to move. So nothing here may rely on a block
 * being what it was a moment ago; that a frame is free and isolated is the only thing that lasts.
 *
 * The caller of these functions holds no lock, is on no CPU's front and may wait.
 */
#ifndef QI_MOBILITY_H
#define QI_MOBILITY_H

#include <quire/contig.h>
#include <quire/mobility.h>
#include <quire/quire.h>

#include "zone/zone.h"

#define QI_RANGE_ROUNDS 5u	/* the field's number of tries */

/* What a range is wanted for. */
#define QI_RANGE_CMA		0x1u	/* its pageblocks may be of type CMA; else those are an obstacle */
#define QI_RANGE_OFFLINE	0x2u	/* frames that are not the allocator's are no obstacle */
#define QI_RANGE_ELSEWHERE	0x4u	/* move to other nodes as long as they have room, then to the own one */
#define QI_RANGE_ONCE		0x8u	/* the first obstacle of any kind is the end */
#define QI_RANGE_UNCHECKED	0x10u	/* isolate without asking owners whether it can be cleared */

/* --- parts.c: the zones of a range ------------------------------------------------------------------------------------ */

/* Frames [pfn, end) of a range that lie within one zone's tree; others' frames may lie among them. */
struct qi_part {
	struct qi_zone *za;
	quire_pfn_t pfn, end;
	unsigned next;			/* where to look for the next part */
};

/* The next zone that reaches into [pfn, end); zero *part before the first call. False: that was all. */
bool qi_next_part(const struct quire *q, quire_pfn_t pfn, quire_pfn_t end, struct qi_part *part);

/* Empty the fronts of all zones of the range. QUIRE_EUNSUPPORTED: other CPUs' are out of reach; one's own is empty. */
enum quire_status qi_drain_range(struct quire *q, quire_pfn_t pfn, uint64_t count);

/* QUIRE_EINVAL: no frames, they wrap around, or the allocator is not open yet. */
enum quire_status qi_judge_range(const struct quire *q, quire_pfn_t pfn, uint64_t count);

/* --- blocks.c: allocated blocks, read off a tree ---------------------------------------------------------------------- */

struct qi_block {
	quire_pfn_t pfn;		/* first frame */
	unsigned order;
};

/* A look at frames [pfn, end). Zero the rest to begin with. */
struct qi_scan {
	quire_pfn_t pfn, end;		/* pfn: how far it has come */
	struct qi_block *blocks;	/* room for this many; NULL, 0: only count */
	unsigned room;
	unsigned n;			/* blocks the last call found */
	bool begun;
	uint64_t free, used;		/* frames so far; the rest is absent */
};

/*
 * Go on until there is no room for another block, or for as long as one may hold the zone's lock. A block that reaches
 * into the range from outside is found too. False: the end was reached, by this call or before. Zone locked.
 */
bool qi_scan_blocks(const struct qi_tree *tree, struct qi_scan *scan);

/* --- owners.c --------------------------------------------------------------------------------------------------------- */

/* Nobody leaves the list of owners between enter and leave. */
void qi_owners_enter(struct quire *q);
void qi_owners_leave(struct quire *q);
/* Whose block is this? NULL: nobody says so, or who does describes another one (*why then, else NULL). Entered. */
const struct quire_owner *qi_owner_of(const struct quire *q, const struct qi_block *block, struct quire_held *held,
				      const char **why);
/* What stands in the way: the first in rising order is kept. */
void qi_obstacle_note(struct quire_obstacle *first, quire_pfn_t pfn, const struct qi_block *block,
		      const struct quire_owner *owner, const char *why);
static inline struct quire_obstacle qi_no_obstacle(void) { return (struct quire_obstacle){ .pfn = QUIRE_PFN_NONE }; }

/* --- survey.c --------------------------------------------------------------------------------------------------------- */

/* First frame of the range that is not the allocator's, and a word for it. QUIRE_PFN_NONE: there is none. */
quire_pfn_t qi_first_absent(struct quire *q, quire_pfn_t pfn, uint64_t count, const char **why);

/* --- isolate.c -------------------------------------------------------------------------------------------------------- */

/*
 * Isolate all pageblocks that [pfn, pfn + count) touches: what is free in them cannot be taken any more, what is freed
 * into them stays. Fronts are not drained yet (qi_evacuate_range does that). Flags: QI_RANGE_*.
 *
 * QUIRE_EBUSY: one is isolated already, is of type CMA, or holds something within the range that cannot be moved;
 * QUIRE_ENOENT: a frame is not the allocator's (with QI_RANGE_OFFLINE: none of them is); QUIRE_ENOMEM: no metadata. Nothing
 * has changed then, and *obstacle, unless NULL, tells what it was.
 */
enum quire_status qi_isolate_range(struct quire *q, quire_pfn_t pfn, uint64_t count, unsigned flags,
				   struct quire_obstacle *obstacle);
/* Give the same range's pageblocks back the types they had. */
void qi_unisolate_range(struct quire *q, quire_pfn_t pfn, uint64_t count);
/* One zone's part of it. */
void qi_unisolate_part(const struct qi_part *part);

/* --- targets.c -------------------------------------------------------------------------------------------------------- */

/*
 * For each of n blocks as many frames elsewhere: to[i], or QUIRE_PFN_NONE. From node nid first; without compaction, which
 * may be what asks.
 */
void qi_targets_take(struct quire *q, int nid, unsigned flags, quire_gfp_t gfp, const struct qi_block *blocks, unsigned n,
		     quire_pfn_t *to);
/*
 * The same for compaction: from pageblocks of a zone that are in use, the fullest first, from free blocks smaller than
 * 2^below. Without regard to watermarks: as much will be free again at once.
 */
void qi_targets_within(struct qi_zone *za, unsigned below, const struct qi_block *blocks, unsigned n, quire_pfn_t *to);

/* --- evacuate.c ------------------------------------------------------------------------------------------------------- */

struct qi_evacuation {
	quire_gfp_t gfp;		/* for targets; zone bits, ZERO, ACCOUNT, COMP and NOFAIL are ignored */
	enum quire_migrate_mode mode;
	unsigned flags;			/* QI_RANGE_* */
	unsigned rounds;		/* without anything moved; 0: QI_RANGE_ROUNDS */
	const bool *cancel;		/* NULL, or set by somebody: stop */
	/* Compaction: targets from this zone's pageblocks in use, from free blocks below this order; NULL: from anywhere. */
	struct qi_zone *within;
	unsigned below;
	uint64_t moved;			/* result: frames */
};

/*
 * Move everything that is in use out of an isolated range, until all of it is free. What is busy, or claimed by nobody
 * (it may be on its way to an owner, or back), is tried again in further rounds.
 *
 * QUIRE_EBUSY: something cannot be moved (*obstacle, unless NULL); QUIRE_ENOMEM: nowhere to move it to (obstacle);
 * QUIRE_EINTR: *cancel was set. What has moved stays where it went.
 */
enum quire_status qi_evacuate_range(struct quire *q, quire_pfn_t pfn, uint64_t count, struct qi_evacuation *how,
				    struct quire_obstacle *obstacle);

/*
 * Have blocks of one zone moved to `to`, which the caller took, by the owner; what he moved is given back to the zone's
 * tree. moves: what the owner sees, room for n. The status of each is in moves[i].status; `to` of the others is still
 * the caller's. Returns frames moved. Entered.
 */
uint64_t qi_move_blocks(struct qi_zone *za, const struct quire_owner *owner, const struct qi_block *blocks,
			const quire_pfn_t *to, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode);

/* --- range.c ---------------------------------------------------------------------------------------------------------- */

/* Take an isolated range of which all is free, each frame as a block of order 0. All or nothing, statuses as the tree's. */
enum quire_status qi_take_range(struct quire *q, quire_pfn_t pfn, uint64_t count);

/* quire_alloc_range with QI_RANGE_CMA or without; *moved, unless NULL: frames that had to move. */
enum quire_status qi_alloc_range(struct quire *q, quire_pfn_t pfn, uint64_t count, quire_gfp_t gfp, unsigned flags,
				 struct quire_obstacle *obstacle, uint64_t *moved);

#endif
