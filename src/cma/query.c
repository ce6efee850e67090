/* What is known of areas: figures, whose frame it is, and what stands in the way. */
#include "cma/cma.h"

#include "base/base.h"
#include "base/lock.h"
#include "mobility/mobility.h"

#ifndef QUIRE_WITHOUT_CMA

static struct qi_lock *lock_of(const struct quire_cma_area *area)
{
	return (struct qi_lock *)(uintptr_t)&area->lock;
}

static bool is_active(const struct quire *q, const struct quire_cma_area *area)
{
	for (size_t i = 0; i < q->cma_count; i++)
		if (&q->cma[i] == area)
			return area->active;
	return false;
}

void quire_cma_stats(struct quire *q, const struct quire_cma_area *area, struct quire_cma_stats *stats)
{
	*stats = (struct quire_cma_stats){ 0 };
	if (!is_active(q, area))
		return;
	stats->count = area->count;
	qi_lock(lock_of(area));
	for (unsigned i = 0; i < area->range_count; i++) {
		const uint64_t *map = area->ranges[i].bitmap;
		uint64_t bits = qi_cma_bits(area, &area->ranges[i]);

		for (uint64_t at = 0, end; at < bits; at = end) {
			uint64_t set = qi_cma_next_bit(map, bits, at, true);

			end = qi_cma_next_bit(map, bits, set, false);
			stats->largest = qi_max(stats->largest, (set - at) << area->order_per_bit);
			stats->used += (end - set) << area->order_per_bit;
		}
	}
	stats->counters = area->counters;
	qi_unlock(lock_of(area));
}

const struct quire_cma_area *quire_cma_area_of(const struct quire *q, quire_pfn_t pfn)
{
	for (size_t i = 0; i < q->cma_count; i++)
		for (unsigned k = 0; q->cma[i].active && k < q->cma[i].range_count; k++)
			if (pfn - q->cma[i].ranges[k].base_pfn < q->cma[i].ranges[k].count)
				return &q->cma[i];
	return NULL;
}

/* A walk over what drivers do not have. */
struct walk {
	struct quire *q;
	bool (*visit)(void *ctx, const struct quire_obstacle *obstacle);
	void *ctx;
};

/* All obstacles among the allocator's frames. A survey names only the first few, so it is asked again behind them. */
static bool walk_blocks(const struct walk *walk, quire_pfn_t pfn, quire_pfn_t end)
{
	while (pfn < end) {
		struct quire_survey survey;
		unsigned named;

		if (quire_survey_range(walk->q, pfn, end - pfn, &survey) != QUIRE_OK)
			return true;
		named = (unsigned)qi_min(survey.obstacles, QI_ARRAY_SIZE(survey.obstacle));
		for (unsigned i = 0; i < named; i++)
			if (!walk->visit(walk->ctx, &survey.obstacle[i]))
				return false;
		if (named == survey.obstacles)
			return true;
		pfn = qi_max(survey.obstacle[named - 1].head + (1ull << survey.obstacle[named - 1].order),
			     survey.obstacle[named - 1].pfn + 1);
	}
	return true;
}

/* Of [pfn, end), frames that are not the allocator's, failing ones, between the others. False: stopped. */
static bool walk_frames(const struct walk *walk, quire_pfn_t pfn, quire_pfn_t end)
{
	while (pfn < end) {
		struct quire_obstacle absent = { .why = NULL };
		quire_pfn_t stop = qi_first_absent(walk->q, pfn, end - pfn, &absent.why);

		if (!walk_blocks(walk, pfn, qi_min(stop, end)))
			return false;
		if (stop >= end)
			return true;
		absent.pfn = absent.head = stop;
		if (!walk->visit(walk->ctx, &absent))
			return false;
		pfn = stop + 1;
	}
	return true;
}

static bool walk_range(const struct walk *walk, const struct quire_cma_area *area, const struct quire_cma_range *range)
{
	uint64_t bits = qi_cma_bits(area, range);
	uint64_t step = qi_max((1ull << quire_pageblock_order(&walk->q->config)) >> area->order_per_bit, 1);

	for (uint64_t at = 0, end; at < bits; at = end) {
		qi_lock(lock_of(area));
		at = qi_cma_next_bit(range->bitmap, bits, at, false);
		end = qi_cma_next_bit(range->bitmap, qi_min(at + step, bits), at, true);
		qi_unlock(lock_of(area));
		if (at < end && !walk_frames(walk, range->base_pfn + (at << area->order_per_bit),
					     range->base_pfn + (end << area->order_per_bit)))
			return false;
	}
	return true;
}

enum quire_status quire_cma_walk_obstacles(struct quire *q, const struct quire_cma_area *area,
					   bool (*visit)(void *ctx, const struct quire_obstacle *obstacle), void *ctx)
{
	const struct walk walk = { q, visit, ctx };

	if (!is_active(q, area) || q->stage < QUIRE_STAGE_WATERMARKS)
		return QUIRE_EINVAL;
	for (unsigned i = 0; i < area->range_count && walk_range(&walk, area, &area->ranges[i]); i++)
		continue;
	return QUIRE_OK;
}

#endif
