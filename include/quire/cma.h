/*
 * Contiguous memory areas: ranges set aside at boot that movable allocations may use until their owner wants them
 * whole.
 *
 * Declaring reserves the range in memblock; hand-over activates it: its pageblocks get the type CMA and become free
 * memory for movable requests. An area that does not lie inside one zone, or covers a hole, cannot be activated: its
 * pages become ordinary memory, and a message says so.
 *
 * Boot declares what cma= asks for, or the default area (quire_config.cma_default_size), and adopts those of a device
 * tree, between the stages NODES and ZONES. An embedder adds his own after quire_boot_until(q, QUIRE_STAGE_NODES) and
 * before QUIRE_STAGE_HANDOVER. Nothing here locks: one caller, as with all of boot.
 */
#ifndef QUIRE_CMA_H
#define QUIRE_CMA_H

#include <quire/types.h>

struct quire;

/* Areas one machine can have, and the longest name kept with its NUL (longer ones are cut). */
#define QUIRE_CMA_AREAS 20
#define QUIRE_CMA_NAME_MAX 64

/* An area. Lives in struct quire, as q->cma[0 .. q->cma_count - 1], until quire_fini(); read only. */
struct quire_cma_area {
	/* For messages and reports; "cma" where the request had none. */
	char name[QUIRE_CMA_NAME_MAX];
	/* First frame, a multiple of a pageblock. */
	quire_pfn_t base_pfn;
	/* Frames, a multiple of a pageblock; 0 after a failed activation. */
	uint64_t count;
	/* The owner's granularity: his bitmap has one bit for 1 << order_per_bit frames. Kept, not used. */
	unsigned order_per_bit;
	/* Node asked for, or QUIRE_NO_NODE. */
	int nid;
	/* Hand-over made its pageblocks CMA. */
	bool active;
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
	/* Copied to the area. */
	unsigned order_per_bit;
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
 * between base and limit. The request is not kept.
 *
 * On success the range is reserved, the log has a line, and *area (unless `area` is NULL) points into the table of q.
 *
 * QUIRE_ENOSPC: QUIRE_CMA_AREAS are taken. QUIRE_EINVAL, with a logged sentence: size 0, alignment no power of two, a
 * fixed base that is not aligned, beyond the limit or the end of memory, a hole or unmapped memory in a fixed range.
 * QUIRE_EBUSY: part of the fixed range is reserved already. QUIRE_ENOMEM: no room, or memblock's table is full. After
 * any of them nothing has changed.
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

#endif
