/*
 * Pageblocks set aside for atomic requests of high order: one whenever such a request had to break a pageblock for it, up
 * to a hundredth of the zone; given up again when others are short.
 */
#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_RECLAIM

static uint64_t block_pages(const struct quire *q) { return 1ull << quire_pageblock_order(&q->config); }

static uint64_t highatomic_limit(const struct quire *q, const struct quire_zone *zone)
{
	uint64_t percent = qi_div64(zone->managed, 100), block = block_pages(q);

	if (quire_rules(&q->config) == QUIRE_RULES_6_1)
		return percent + block;
	return percent < block ? 0 : qi_align_up(percent, block);
}

void qi_reserve_highatomic(struct qi_zone *za, quire_pfn_t pfn)
{
	uint64_t limit = highatomic_limit(za->q, za->zone);

	if (qi_peek(&za->highatomic_pages) >= limit)
		return;
	qi_zone_lock(za);
	if (za->highatomic_pages < limit && qi_tree_type(&za->tree, pfn) < QUIRE_MIGRATE_PCPTYPES &&
	    qi_tree_set_type(&za->tree, pfn, QUIRE_MIGRATE_HIGHATOMIC) == QUIRE_OK)
		qi_poke(&za->highatomic_pages, za->highatomic_pages + block_pages(za->q));
	qi_zone_unlock(za);
}

/* Zone locked. The pageblock of the smallest free block there is in the reserve. */
static bool unreserve_block(struct qi_zone *za, unsigned type)
{
	unsigned mask = za->tree.leaf_mask[QUIRE_MIGRATE_HIGHATOMIC];
	quire_pfn_t pfn;

	if (!mask)
		return false;
	pfn = za->tree.leaves[QUIRE_MIGRATE_HIGHATOMIC].head[qi_ctz(mask)]->pfn;
	pfn = qi_clamp(pfn, za->tree.start_pfn, za->tree.end_pfn - 1);
	if (qi_tree_set_type(&za->tree, pfn, type) != QUIRE_OK)
		return false;
	qi_poke(&za->highatomic_pages, za->highatomic_pages - qi_min(za->highatomic_pages, block_pages(za->q)));
	return true;
}

bool qi_unreserve_highatomic(const struct qi_walk *walk, bool force)
{
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct qi_zone *za = qi_zone_of(quire_zonelist_zone(walk->list, i));
		bool done;

		if (!za || quire_zonelist_zone(walk->list, i)->type > walk->highest ||
		    qi_peek(&za->highatomic_pages) <= (force ? 0 : block_pages(walk->q)))
			continue;
		qi_zone_lock(za);
		done = unreserve_block(za, walk->request.type);
		qi_zone_unlock(za);
		if (done)
			return true;
	}
	return false;
}

#endif
