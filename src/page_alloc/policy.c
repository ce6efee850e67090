/*
 * What keeps fragmentation away beside the tree's own choices: watermarks raised when types had to mix; and the tunables.
 *
 * Which of the field's rules the tree replaces:
 *  - "Largest fallback block first, all free pages of its pageblock change lists, the pageblock is retagged when half of
 *    it is free or alike": the tree takes the other type's pageblock with the largest free block, and retypes it when half
 *    of it is free; there are no lists to move pages between, the pageblock's type is its list. How many pages in it are
 *    movable is not known without page states, so only free ones count.
 *  - "MOVABLE takes the smallest fallback block if the largest is small": the same.
 *  - "A whole pageblock is retagged": whole pageblocks have no type in the tree; they are taken before any other type's
 *    broken one, with NOFRAGMENT too, and that is no fragmentation event.
 *  - 6.12's claim and steal modes are one step here: a request takes no more from the other type than a front's refill.
 */
#include "page_alloc/page_alloc.h"

#include <quire/watermark.h>

static uint64_t block_pages(const struct quire *q) { return 1ull << quire_pageblock_order(&q->config); }

/* Zone locked. So that the reclaimer makes room for whole pageblocks; pointless without one. */
static bool boost(struct qi_zone *za)
{
	const struct quire *q = za->q;
	struct quire_zone *zone = za->zone;
	uint64_t block = block_pages(q), most;
	unsigned factor = q->config.tunables.watermark_boost_factor;

	if (!factor || 4 * block > zone->managed || !qi_has_reclaimer(q))
		return false;
	most = qi_div64(qi_peek(&zone->watermark[QUIRE_WMARK_HIGH]) * factor, 10000);
	if (!most)
		return false;
	qi_poke(&zone->watermark_boost, qi_min(zone->watermark_boost + block, qi_max(most, block)));
	return true;
}

void qi_note_fallbacks(struct qi_zone *za, const struct qi_walk *walk, quire_pfn_t pfn, bool wake)
{
	enum quire_migratetype type = (enum quire_migratetype)walk->request.type, block_type;
	bool boosted = false, news;

	if (qi_likely(qi_peek(&za->tree.fallbacks) == qi_peek(&za->seen_fallbacks)))
		return;
	qi_lock(&za->lock);
	news = za->tree.fallbacks != za->seen_fallbacks;
	if (news)
		boosted = boost(za);
	qi_poke(&za->seen_fallbacks, za->tree.fallbacks);
	block_type = (enum quire_migratetype)qi_tree_type(&za->tree, pfn);
	qi_unlock(&za->lock);
	if (news)
		qi_trace(walk->q, fallback, pfn, walk->request.order, type, block_type);
	if (boosted && wake)
		qi_wake_reclaimer(walk->q, za->zone->node);
}

uint64_t quire_zone_highatomic_pages(const struct quire_zone *zone)
{
	const struct qi_zone *za = qi_zone_of(zone);

	return za ? qi_peek(&za->highatomic_pages) : 0;
}

static const char *judge_tunables(const struct quire_tunables *t)
{
	if (t->min_free_kbytes < -1)
		return "min_free_kbytes is a number of KiB, or -1";
	if (t->watermark_scale_factor < 1 || t->watermark_scale_factor > 3000)
		return "watermark_scale_factor is 1 to 3000";
	if (t->percpu_pagelist_high_fraction && t->percpu_pagelist_high_fraction < 8)
		return "percpu_pagelist_high_fraction is 0 or at least 8";
	if (t->min_unmapped_ratio > 100 || t->min_slab_ratio > 100)
		return "min_unmapped_ratio and min_slab_ratio are percent";
	if (t->extfrag_threshold > 1000 || t->compaction_proactiveness > 100)
		return "extfrag_threshold is 0 to 1000, compaction_proactiveness percent";
	return NULL;
}

enum quire_status quire_tunables_apply(struct quire *q, const struct quire_tunables *tunables)
{
	const char *wrong = q->stage < QUIRE_STAGE_WATERMARKS ? "the allocator is not open yet" : judge_tunables(tunables);
	const struct quire_tunables *now = &q->config.tunables;
	bool computed = tunables->min_free_kbytes < 0 && now->min_free_kbytes >= 0;
	uint64_t kbytes = q->watermarks.min_free_kbytes;

	if (wrong) {
		qi_log(q->platform, QUIRE_LOG_WARNING, "tunables refused: %s", wrong);
		return QUIRE_EINVAL;
	}
	q->config.tunables = *tunables;
	quire_lowmem_reserve_update(&q->topology, now);
	if (computed) {
		quire_watermarks_init(&q->topology, now, &q->watermarks);
		quire_watermarks_thp(&q->topology, now, &q->watermarks);
		qi_at_hand_void(q);
		return QUIRE_OK;
	}
	if (tunables->min_free_kbytes >= 0)
		kbytes = (uint64_t)tunables->min_free_kbytes;
	quire_watermarks_update(&q->topology, now, kbytes, &q->watermarks);
	return QUIRE_OK;
}
