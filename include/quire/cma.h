/*
 * Contiguous memory areas: ranges set aside at boot that movable allocations may use until their owner wants them whole.
 *
 * Declaring reserves the range in memblock; hand-over activates it: its pageblocks get the type CMA and become free memory for
 * movable requests. An area that does not lie inside one zone, or covers a hole, cannot be activated: its pages become
 * ordinary memory, and a message says so.
 */
#ifndef QUIRE_CMA_H
#define QUIRE_CMA_H

#include <quire/types.h>

struct quire;

#define QUIRE_CMA_AREAS 20
#define QUIRE_CMA_NAME_MAX 64

struct quire_cma_area {
	char name[QUIRE_CMA_NAME_MAX];
	quire_pfn_t base_pfn;
	uint64_t count;			/* pages; 0 after a failed activation */
	unsigned order_per_bit;		/* granularity of the owner's bitmap */
	int nid;			/* node asked for, or QUIRE_NO_NODE */
	bool active;
};

/* A request for an area. Sizes and addresses in bytes. */
struct quire_cma_request {
	quire_phys_t size;
	quire_phys_t base;		/* with fixed: exactly there; else the lowest address wanted, 0: any */
	quire_phys_t limit;		/* exclusive end; 0: end of memory */
	quire_phys_t alignment;		/* power of two, 0: a pageblock */
	unsigned order_per_bit;
	bool fixed;
	int nid;
	const char *name;
};

/*
 * Reserve an area; before hand-over only. On success *area points into the table of q. QUIRE_ENOSPC: QUIRE_CMA_AREAS are taken;
 * QUIRE_EINVAL: size 0, bad alignment, beyond the limit, a hole inside (with a logged sentence); QUIRE_EBUSY: fixed range
 * reserved already; QUIRE_ENOMEM: no room.
 */
enum quire_status quire_cma_declare(struct quire *q, const struct quire_cma_request *request, const struct quire_cma_area **area);

/* Register a range that is reserved in memblock already (a loader's, a device tree's reserved-memory, a recorded boot's). */
enum quire_status quire_cma_adopt(struct quire *q, quire_phys_t base, quire_phys_t size, const char *name,
				  const struct quire_cma_area **area);

#endif
