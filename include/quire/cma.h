/*
 * Contiguous memory areas: ranges set aside at boot that movable allocations may use until their owner wants them
 * whole.
 *
 * Declaring reserves the range in memblock; hand-over activates it: its pageblocks get the type CMA and become free
 * memory for movable requests. An area of which a range does not lie inside one zone, or covers a hole, cannot be
 * activated: its pages become ordinary memory, and a message says so.
 *
 * Boot declares what cma= asks for, or the default area (quire_config.cma_default_size), and adopts those of a device
 * tree, between the stages NODES and ZONES. An embedder adds his own after quire_boot_until(q, QUIRE_STAGE_NODES) and
 * before QUIRE_STAGE_HANDOVER. Nothing in that part locks: one caller, as with all of boot.
 *
 * From QUIRE_STAGE_WATERMARKS on drivers take frames of an area and give them back. Each range of it has a bitmap of
 * what drivers have; what movable allocations have is moved out when it is in the way (contig.h).
 */
#ifndef QUIRE_CMA_H
#define QUIRE_CMA_H

#include <quire/contig.h>
#include <quire/types.h>

struct quire;

/* Areas one machine can have, and the longest name kept with its NUL (longer ones are cut). */
#define QUIRE_CMA_AREAS 20
#define QUIRE_CMA_NAME_MAX 64
/* Ranges one area can consist of. */
#define QUIRE_CMA_RANGES 8

/* What drivers asked of an area, since hand-over. Requests, but for the frames moved. */
struct quire_cma_counters {
	uint64_t successes, failures, releases;
	/* Frames moved out of the way. */
	uint64_t moved;
	/* Places tried that had to be given up because something in them could not be moved. */
	uint64_t passed_over;
};

/* One range of an area. */
struct quire_cma_range {
	/* First frame and frames, both multiples of a pageblock. */
	quire_pfn_t base_pfn;
	uint64_t count;
	/* The engine's: a bit for each 1 << order_per_bit frames, set while a driver has them. NULL: not active. */
	uint64_t *bitmap;
};

/* An area. Lives in struct quire, as q->cma[0 .. q->cma_count - 1], until quire_fini(); read only. */
struct quire_cma_area {
	/* For messages and reports; "cma" where the request had none. */
	char name[QUIRE_CMA_NAME_MAX];
	/* First frame of its first range. */
	quire_pfn_t base_pfn;
	/* Frames of all ranges; 0 after a failed activation. */
	uint64_t count;
	/* Ranges, in rising order of their frames; at least one. */
	struct quire_cma_range ranges[QUIRE_CMA_RANGES];
	unsigned range_count;
	/* Granularity: what drivers get is a multiple of 1 << order_per_bit frames, and the bitmap has a bit for each. */
	unsigned order_per_bit;
	/* Node asked for, or QUIRE_NO_NODE. */
	int nid;
	/* Hand-over made its pageblocks CMA. */
	bool active;
	/* The engine's. lock: bitmaps and counters; turn: held while frames are moved out, so that neighbours wait. */
	uint32_t lock, turn;
	struct quire_cma_counters counters;
};

/* A request for an area. Sizes and addresses in bytes. */
struct quire_cma_request {
	/* Rounded up to the alignment; not 0. */
	quire_phys_t size;
	/* With fixed: exactly there; else the lowest address wanted, 0: any. */
	quire_phys_t base;
	/* Exclusive end; 0, or beyond memory: end of memory. Rounded down to the alignment. */
	quire_phys_t limit;
	/* Power of two; less than a pageblock, and 0, mean a pageblock. */
	quire_phys_t alignment;
	/* Copied to the area; at most 26. The rounded size must be a multiple of 1 << order_per_bit frames. */
	unsigned order_per_bit;
	/* Where one range of that size is not to be had: up to so many smaller ones. 0 and 1: one range; not with fixed. */
	unsigned most_ranges;
	/* `base` is the place. */
	bool fixed;
	/* The only node to take it from; QUIRE_NO_NODE: any. */
	int nid;
	/* Copied, cut if too long; NULL: "cma". */
	const char *name;
};

/*
 * Reserve an area; before hand-over only. Where it is not fixed, and both memory and limit reach far enough, the lowest
 * free place above 4 GiB is taken, to leave low memory to devices that cannot reach further; else what memblock finds
 * between base and limit; else, with most_ranges, the largest free pieces there, a multiple of the alignment each. The
 * request is not kept.
 *
 * On success the ranges are reserved, the log has a line, and *area (unless `area` is NULL) points into the table of q.
 *
 * QUIRE_ENOSPC: QUIRE_CMA_AREAS are taken. QUIRE_EINVAL, with a logged sentence: size 0, alignment no power of two,
 * order_per_bit or most_ranges out of range, a fixed base that is not aligned, beyond the limit or the end of memory, a
 * hole or unmapped memory in a fixed range. QUIRE_EBUSY: part of the fixed range is reserved already. QUIRE_ENOMEM: no
 * room, or memblock's table is full. After any of them nothing has changed.
 */
enum quire_status quire_cma_declare(struct quire *q, const struct quire_cma_request *request,
				    const struct quire_cma_area **area);

/*
 * Register [base, base + size), bytes, that is reserved in memblock already (a loader's, a device tree's
 * reserved-memory, a recorded boot's); before hand-over only. That it is reserved is the caller's word: it is not
 * checked.
 *
 * QUIRE_ENOSPC: QUIRE_CMA_AREAS are taken. QUIRE_EINVAL, with a logged sentence: base or size is not a multiple of a
 * pageblock, size 0, or a hole or unmapped memory inside.
 */
enum quire_status quire_cma_adopt(struct quire *q, quire_phys_t base, quire_phys_t size, const char *name,
				  const struct quire_cma_area **area);

/* --- at run time -------------------------------------------------------------------------------------------------- */

/* Why an area could not serve a request. */
struct quire_cma_failure {
	/* A sentence's end: "no run of free bits is long enough", "something in each place cannot be moved" ... */
	const char *why;
	/* Frames drivers do not have, and the longest run of them in one range, at the moment of failing. */
	uint64_t available, largest;
	/* Places tried, and what stood in the way in the first few of them, in rising order. */
	uint64_t tried;
	struct quire_obstacle obstacle[8];
	unsigned obstacles;
};

/*
 * Take `count` neighbouring frames of an area, rounded up to its granularity, the first aligned to 1 << align_order
 * frames of physical memory. Places are tried from the area's start; one in which something cannot be moved is passed
 * over. What was moved out is given frames elsewhere under gfp, as quire_alloc_range() has it. With NORETRY frames that
 * are only busy are not tried again; with NOWARN the log says nothing of a failure.
 *
 * The frames are single blocks in pageblocks that stay CMA. Any CPU; may wait, also for another request to the same
 * area.
 *
 * QUIRE_ENOMEM: the area has no such run of frames, or nowhere to move to. QUIRE_EBUSY: it has, but none could be
 * cleared. Both: *failure (unless NULL) says more. QUIRE_EINVAL: no frames, an alignment of 1 << 27 or more, `area` is
 * none of q's or not active, too early.
 */
enum quire_status quire_cma_alloc(struct quire *q, const struct quire_cma_area *area, uint64_t count,
				  unsigned align_order, quire_gfp_t gfp, quire_pfn_t *pfn,
				  struct quire_cma_failure *failure);

/*
 * Give frames back, all of a request (with the same count) or a part that begins and ends with the granularity. They
 * serve movable requests again at once.
 *
 * QUIRE_ENOENT: not inside one range of the area. QUIRE_EINVAL: not of its granularity, or the area is not active.
 * QUIRE_EEXIST: a driver does not have some of them. Nothing has changed then. What single frames are refused for
 * (their holder freed them himself) is returned as quire_free_range() has it; the others are given back.
 */
enum quire_status quire_cma_release(struct quire *q, const struct quire_cma_area *area, quire_pfn_t pfn,
				    uint64_t count);

/* An area at this moment. Frames. */
struct quire_cma_stats {
	/* Of all ranges; what drivers have; the longest run they do not have. */
	uint64_t count, used, largest;
	struct quire_cma_counters counters;
};
void quire_cma_stats(struct quire *q, const struct quire_cma_area *area, struct quire_cma_stats *stats);

/* The active area that has this frame, or NULL. Any CPU. */
const struct quire_cma_area *quire_cma_area_of(const struct quire *q, quire_pfn_t pfn);

/*
 * Everything that stands in the way of having the whole area, frame by frame: calls visit for each block that drivers
 * do not have and that cannot be moved out, in rising order, until it returns false. A dry run as
 * quire_survey_range(). QUIRE_EINVAL: no active area of q's.
 */
enum quire_status quire_cma_walk_obstacles(struct quire *q, const struct quire_cma_area *area,
					   bool (*visit)(void *ctx, const struct quire_obstacle *obstacle), void *ctx);

#endif
