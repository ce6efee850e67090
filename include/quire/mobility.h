/*
 * Owners: who holds which frames, and who can let go of them.
 *
 * Quire knows which frames are taken, as blocks with an order, but not what is in them. Whatever needs a particular
 * frame free (a contiguous range, a CMA area, a memory block to be taken offline, compaction, a failing frame) asks the
 * registered owners whose block it is, takes a new block elsewhere, and has the owner move. A block that no owner
 * claims cannot be moved; neither can one whose owner says so, and its owner's name and reason are what the report of
 * the failure names.
 *
 * The life of a move:
 *	1. holds(pfn): the owner tells the block that has this frame, and whether it can be moved now.
 *	2. The engine takes as many frames elsewhere, with the same order and of a type the range allows. If there are
 *	   descriptors the new block's first one is made to say what the old one's says: order, HEAD, references, owner
 *	   word.
 *	3. migrate(moves, n): for each move the owner makes sure that nobody uses `from` any more, copies, points whoever
 *	   used `from` to `to`, and sets the move's status.
 *	4. For moves with QUIRE_OK the engine has `from` back and clears its descriptor. For others `to` is given back and
 *	   `from` is the owner's as before.
 *
 * Between 1 and 3 the owner may have freed the block, and somebody else may have it: migrate() looks again, under the
 * owner's own lock, and answers QUIRE_ENOENT for what is not his any more.
 *
 * Who takes references to frames that can move sees to it himself, in migrate(), that none came or went since step 2:
 * with his own lock, or by answering QUIRE_EBUSY where the two descriptors differ.
 *
 * Locking: callbacks may be called from several CPUs at once, without any lock of the engine; they may free frames and
 * may take some without DIRECT_RECLAIM, but must not ask for ranges, hotplug or compaction. The list of owners may
 * change at any time.
 */
#ifndef QUIRE_MOBILITY_H
#define QUIRE_MOBILITY_H

#include <quire/page_alloc.h>

struct quire;

/* How long a move may take, and what for. */
enum quire_migrate_mode {
	/* At once or not at all: nobody may sleep or wait for a lock. */
	QUIRE_MIGRATE_ASYNC,
	/* May wait for locks, not for devices. */
	QUIRE_MIGRATE_SYNC_LIGHT,
	/* May wait for whatever it takes. */
	QUIRE_MIGRATE_SYNC,
};

/* A block an owner holds. */
struct quire_held {
	/* Its first frame and order, as it was taken. */
	quire_pfn_t pfn;
	unsigned order;
	/* It can be moved at this moment, as far as can be told. */
	bool movable;
	/* Why not, a static string ("pinned by a device"); NULL where movable. */
	const char *why;
};

/* A block that is to move. */
struct quire_move {
	/* First frames of two blocks of 2^order frames. `to` is the engine's, contents undefined. */
	quire_pfn_t from, to;
	unsigned order;
	/*
	 * The owner's answer. QUIRE_OK: `from` is the engine's now, `to` the owner's. QUIRE_EBUSY: not now, try again;
	 * QUIRE_EPERM: not as things are (pinned). QUIRE_ENOENT: it is not the owner's. QUIRE_EBUSY on entry.
	 */
	enum quire_status status;
};

/* Most moves of one call. */
#define QUIRE_MOVES 64u

/*
 * Somebody who holds frames. The structure is the embedder's and stays where it is while registered. An owner without
 * migrate names his blocks in reports, and that is all.
 */
struct quire_owner {
	const char *name;
	/* Does he hold frame pfn? If so *held tells the block. Required. Must be quick: asked for each block in the way. */
	bool (*holds)(void *ctx, quire_pfn_t pfn, struct quire_held *held);
	/* Move n <= QUIRE_MOVES blocks of his. Optional. */
	void (*migrate)(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode);
	/*
	 * The block at pfn has a frame that fails (poison.h): give up its contents or rescue them. QUIRE_OK: he does not use
	 * the block any more, and the engine has it back as if he had freed it. Optional.
	 */
	enum quire_status (*failing)(void *ctx, quire_pfn_t pfn, unsigned order, quire_pfn_t bad);
	void *ctx;
	/* The engine's. */
	struct quire_owner *next;
};

/* QUIRE_EINVAL: no name or no holds; QUIRE_EEXIST. Owners are asked in the order in which they were registered. */
enum quire_status quire_register_owner(struct quire *q, struct quire_owner *owner);
/* QUIRE_ENOENT; QUIRE_EBUSY: he is being asked just now, try again. */
enum quire_status quire_unregister_owner(struct quire *q, struct quire_owner *owner);

/* Why frames of a range could not be had: the first obstacle, and how many there are. */
struct quire_obstacle {
	/* The frame and the block it is part of. */
	quire_pfn_t pfn, head;
	unsigned order;
	/* Whose it is; NULL: nobody claims it. */
	const char *owner;
	/* A sentence's end: "is reserved", "is a hole", "is pinned by a device", "is isolated by somebody else" ... */
	const char *why;
};

/*
 * What is in [pfn, pfn + count): a dry run. Nothing is locked for longer than a pageblock takes, nothing changes, and
 * so the answer is of that moment.
 */
struct quire_survey {
	/* Frames that are free; kept by CPUs or unclaimed but free after a drain; to be moved; that cannot be moved. */
	uint64_t free, movable, unmovable;
	/* Frames nobody handed to the allocator: holes, reserved. They are no obstacle to offlining's own memmap only. */
	uint64_t absent;
	/* Poisoned frames, out of the allocator. */
	uint64_t poisoned;
	/* Blocks behind `movable`. */
	uint64_t moves;
	/* The first few of what stands in the way, in rising order; how many blocks there are in all. */
	struct quire_obstacle obstacle[8];
	uint64_t obstacles;
};
/* QUIRE_EINVAL: empty range or before hand-over. Frames in no zone count as absent. */
enum quire_status quire_survey_range(struct quire *q, quire_pfn_t pfn, uint64_t count, struct quire_survey *survey);

/* What the engine keeps about owners. Part of struct quire; the engine's, all zero to begin with. */
struct quire_mobility {
	struct quire_owner *owners;
	uint32_t lock;				/* owners, and the count below */
	uint32_t asking;			/* how many are among the owners now */
	/* Frames moved for whatever reason, since boot. */
	uint64_t moved;
};

#endif
