/* The watermark test (spec 05 section 6). */
#include "page_alloc/page_alloc.h"

uint64_t qi_watermark_floor(const struct quire_zone *zone, uint64_t mark, enum quire_zone_type highest, quire_gfp_t gfp)
{
	uint64_t min = mark;

	if (gfp & QUIRE_GFP_HIGH) {
		min -= min / 2;
		if (!(gfp & (QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_NOMEMALLOC)))
			min -= min / 4;
	}
	return min + zone->lowmem_reserve[highest];
}

bool quire_watermark_ok(const struct quire_zone *zone, unsigned order, uint64_t mark, enum quire_zone_type highest,
			quire_gfp_t gfp, uint64_t free, uint64_t reserved)
{
	uint64_t need = qi_watermark_floor(zone, mark, highest, gfp) + (1ull << order);

	return free >= reserved && free - reserved >= need;
}
