/*
 * The watermark test: how many pages a zone must keep for a request of given flags.
 *
 * The field's second half, "is there a block of the order in a list the request may use", is not here: the tree answers it
 * exactly (qi_tree_might_have), including whole pageblocks that have no type yet and other types' blocks, which the request
 * may claim.
 */
#include "page_alloc/page_alloc.h"

unsigned qi_alloc_flags(quire_gfp_t gfp, unsigned order, unsigned type)
{
	unsigned flags = QUIRE_WMARK_MIN | (gfp & (QI_ALLOC_MIN_RESERVE | QI_ALLOC_KSWAPD));

	_Static_assert(QUIRE_GFP_HIGH == QI_ALLOC_MIN_RESERVE, "same bit");
	_Static_assert(QUIRE_GFP_KSWAPD_RECLAIM == QI_ALLOC_KSWAPD, "same bit");
	if (qi_gfp_reserves(gfp)) {
		flags |= QI_ALLOC_NON_BLOCK;
		if (order && (gfp & QUIRE_GFP_HIGH))
			flags |= QI_ALLOC_HIGHATOMIC;
	}
	if (type == QUIRE_MIGRATE_MOVABLE)
		flags |= QI_ALLOC_CMA;
	return flags;
}

uint64_t qi_mark_floor(const struct quire_zone *zone, uint64_t mark, enum quire_zone_type highest, unsigned flags)
{
	uint64_t min = mark;

	if (flags & QI_ALLOC_MIN_RESERVE) {
		min -= min / 2;
		if (flags & QI_ALLOC_NON_BLOCK)
			min -= min / 4;
	}
	if (flags & QI_ALLOC_OOM)
		min -= min / 2;
	return min + qi_peek(&zone->lowmem_reserve[highest]);
}

uint64_t qi_watermark_floor(const struct quire_zone *zone, uint64_t mark, enum quire_zone_type highest, quire_gfp_t gfp)
{
	return qi_mark_floor(zone, mark, highest, qi_alloc_flags(gfp, 0, QUIRE_MIGRATE_UNMOVABLE));
}

uint64_t qi_request_floor(const struct qi_zone *za, unsigned order, enum quire_zone_type highest, unsigned flags)
{
	const struct quire_zone *zone = za->zone;
	enum quire_watermark which = (enum quire_watermark)(flags & QI_ALLOC_MARK);
	uint64_t mark = qi_mark(zone, which), floor;

	if (flags & QI_ALLOC_NO_WATERMARKS)
		return 0;
	/* Boosts are there to have the reclaimer make room, not to stop who cannot wait for it. */
	if (!order && which == QUIRE_WMARK_MIN && (flags & QI_ALLOC_MIN_RESERVE))
		mark = qi_peek(&zone->watermark[which]);
	floor = qi_mark_floor(zone, mark, highest, flags);
	if (!(flags & QI_ALLOC_RESERVES))
		floor += qi_peek(&za->tree.free_special[QUIRE_MIGRATE_HIGHATOMIC]);
	if (!(flags & QI_ALLOC_CMA))
		floor += qi_peek(&za->tree.free_special[QUIRE_MIGRATE_CMA]);
	return floor;
}

bool quire_watermark_ok(const struct quire_zone *zone, unsigned order, uint64_t mark, enum quire_zone_type highest,
			quire_gfp_t gfp, uint64_t free, uint64_t reserved)
{
	uint64_t need = qi_watermark_floor(zone, mark, highest, gfp) + (1ull << order);

	return free >= reserved && free - reserved >= need;
}
