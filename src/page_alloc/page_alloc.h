/* Inside the page allocator. */
#ifndef QI_PAGE_ALLOC_H
#define QI_PAGE_ALLOC_H

#include <quire/page_alloc.h>
#include <quire/quire.h>

#include "zone/front.h"

/*
 * How many pages must stay free in a zone for a request to be served from it: the mark, less what the request may use
 * of the reserve, plus the lowmem reserve. A request of n pages passes if free >= floor + n (the field's strict
 * comparison).
 */
uint64_t qi_watermark_floor(const struct quire_zone *zone, uint64_t mark, enum quire_zone_type highest, quire_gfp_t gfp);

/* May the request use the highatomic reserve? */
static inline bool qi_gfp_reserves(quire_gfp_t gfp)
{
	return !(gfp & (QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_NOMEMALLOC)) && (gfp & QUIRE_GFP_HIGH);
}

#endif
