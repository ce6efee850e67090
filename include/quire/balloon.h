/*
 * Ballooning: a guest gives frames back to its hypervisor and takes them again.
 *
 * Inflating takes frames that nobody needs, in pieces as large as can be had (a piece of 2 MiB or more keeps the
 * hypervisor's large mappings whole), and tells the hypervisor, who discards what is in them. Deflating tells the
 * hypervisor first and then frees them. The balloon is an owner (mobility.h): what it holds can be moved, by letting
 * the hypervisor swap one frame for another; nothing is copied.
 *
 * It never hurts others: it takes from a zone only what lies above its high watermark, empties nobody's cache and wakes
 * nobody, unless RECLAIM is given. With SHRINK it also gives frames back by itself when memory runs short (reclaim.h).
 *
 * Locking: any CPU, several at once; the callbacks are called without locks. Available from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_BALLOON_H
#define QUIRE_BALLOON_H

#include <quire/mobility.h>
#include <quire/reclaim.h>

struct quire;

/* Pieces smaller than least_order, down to single frames, where no larger ones are to be had. */
#define QUIRE_BALLOON_SMALL	0x1u
/* Ask as an ordinary request: below the high marks, shrinkers and background reclaim included; not the last resort. */
#define QUIRE_BALLOON_RECLAIM	0x2u
/* Give back when memory runs short: the balloon is a shrinker too. At registration only. */
#define QUIRE_BALLOON_SHRINK	0x4u

/* Frames, but for `pieces` and `refusals`. */
struct quire_balloon_stats {
	/* In the balloon now. */
	uint64_t frames, pieces;
	/* Since registration: taken, given back, given back as a shrinker, moved. */
	uint64_t inflated, deflated, shrunk, moved;
	/* Times the hypervisor would not give frames again. */
	uint64_t refusals;
};

/* A balloon. The embedder's, zeroed but for what he fills in, and stays where it is while registered. */
struct quire_balloon {
	/* For messages and obstacles; "balloon" if NULL. */
	const char *name;
	/*
	 * The 2^order frames from pfn on are not used: discard them (madvise, a hole in the file, a hypercall). Required.
	 * QUIRE_OK or they stay as they are and go back to the allocator.
	 */
	enum quire_status (*release)(void *ctx, quire_pfn_t pfn, unsigned order);
	/*
	 * They will be used again. Contents are undefined. Optional, for hypervisors that must be told; anything but
	 * QUIRE_OK: they stay in the balloon.
	 */
	enum quire_status (*populate)(void *ctx, quire_pfn_t pfn, unsigned order);
	void *ctx;
	/* Orders of pieces. least 0: 2 MiB or the largest block if that is smaller; most 0: the allocator's largest. */
	unsigned least_order, most_order;
	unsigned flags;

	/* --- the engine's --- */

	struct quire *q;
	struct quire_owner owner;
	struct quire_shrinker shrinker;
	struct qi_frame_set *set;
	uint32_t lock;
	struct quire_balloon_stats stats;
};

/*
 * Begin; the balloon is empty. QUIRE_EINVAL: no release, orders or flags make no sense, too early. QUIRE_EEXIST.
 * QUIRE_ENOMEM.
 */
enum quire_status quire_balloon_register(struct quire *q, struct quire_balloon *balloon);

/* End. QUIRE_EBUSY: it is not empty, or just being asked for frames; QUIRE_ENOENT. */
enum quire_status quire_balloon_unregister(struct quire_balloon *balloon);

/*
 * Take up to `frames` frames more of node nid (QUIRE_NO_NODE: of any) and release them. flags: SMALL, RECLAIM. Returns
 * how many it took: fewer than asked for if no piece that fits into what is wanted can be had without hurting others.
 */
uint64_t quire_balloon_inflate(struct quire_balloon *balloon, int nid, uint64_t frames, unsigned flags);

/*
 * Give frames back: whole pieces, of those with the lowest frames the smallest first, until at least `frames` are back,
 * the hypervisor refuses, or the balloon is empty. Returns how many went back.
 */
uint64_t quire_balloon_deflate(struct quire_balloon *balloon, uint64_t frames);

/* At this moment. */
void quire_balloon_stats(struct quire_balloon *balloon, struct quire_balloon_stats *stats);

#endif
