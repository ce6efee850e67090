/* What is in a range, and what would stand in the way of having it: a look that changes nothing but empties CPUs' fronts. */
#include "mobility/mobility.h"

#include "page_alloc/page_alloc.h"
#include "poison/poison.h"

#ifndef QUIRE_WITHOUT_MOBILITY

static const char *absent_reason(struct quire *q, quire_pfn_t pfn)
{
	quire_phys_t address = pfn << quire_page_shift(&q->config);

	if (qi_poison_known(q, pfn))
		return "is known to fail";
	if (!quire_memblock_is_memory(&q->memblock, address))
		return "is a hole";
	return quire_memblock_is_reserved(&q->memblock, address) ? "is reserved" : "is not the allocator's";
}

quire_pfn_t qi_first_absent(struct quire *q, quire_pfn_t pfn, uint64_t count, const char **why)
{
	for (quire_pfn_t at = pfn; at < pfn + count; at++)
		if (!qi_zone_of_frame(q, at)) {
			*why = absent_reason(q, at);
			return at;
		}
	return QUIRE_PFN_NONE;
}

static uint64_t frames_inside(const struct qi_part *part, const struct qi_block *block)
{
	return qi_min(block->pfn + (1ull << block->order), part->end) - qi_max(block->pfn, part->pfn);
}

/* In rising order, though zones need not come in it. */
static void add_obstacle(struct quire_survey *survey, const struct quire_obstacle *obstacle)
{
	unsigned n = (unsigned)qi_min(survey->obstacles, QI_ARRAY_SIZE(survey->obstacle)), at = n;

	survey->obstacles++;
	while (at && survey->obstacle[at - 1].pfn > obstacle->pfn)
		at--;
	if (at == QI_ARRAY_SIZE(survey->obstacle))
		return;
	n = (unsigned)qi_min(n, QI_ARRAY_SIZE(survey->obstacle) - 1);
	memmove(&survey->obstacle[at + 1], &survey->obstacle[at], (n - at) * sizeof(survey->obstacle[0]));
	survey->obstacle[at] = *obstacle;
}

static void survey_block(struct quire *q, const struct qi_part *part, const struct qi_block *block,
			 struct quire_survey *survey)
{
	struct quire_obstacle obstacle = qi_no_obstacle();
	struct quire_held held;
	const char *why;
	const struct quire_owner *owner = qi_owner_of(q, block, &held, &why);

	if (owner && held.movable && owner->migrate) {
		survey->movable += frames_inside(part, block);
		survey->moves++;
		return;
	}
	if (owner)
		why = held.why ? held.why : "cannot be moved by its owner";
	else if (!why)
		why = "is in use, nobody says what for";
	survey->unmovable += frames_inside(part, block);
	qi_obstacle_note(&obstacle, qi_max(block->pfn, part->pfn), block, owner, why);
	add_obstacle(survey, &obstacle);
}

/* Frames that are the zone's. */
static uint64_t survey_part(struct quire *q, const struct qi_part *part, struct quire_survey *survey)
{
	struct qi_block blocks[QUIRE_MOVES];
	struct qi_scan scan = { .pfn = part->pfn, .end = part->end, .blocks = blocks, .room = QUIRE_MOVES };
	bool more = true;

	while (more) {
		qi_zone_lock(part->za);
		more = qi_scan_blocks(&part->za->tree, &scan);
		qi_zone_unlock(part->za);
		qi_owners_enter(q);
		for (unsigned i = 0; i < scan.n; i++)
			survey_block(q, part, &blocks[i], survey);
		qi_owners_leave(q);
	}
	survey->free += scan.free;
	return scan.free + scan.used;
}

enum quire_status quire_survey_range(struct quire *q, quire_pfn_t pfn, uint64_t count, struct quire_survey *survey)
{
	enum quire_status status = qi_judge_range(q, pfn, count);
	struct quire_poison_counts bad;
	struct qi_part part = { 0 };
	uint64_t ours = 0;

	if (status != QUIRE_OK)
		return status;
	*survey = (struct quire_survey){ 0 };
	qi_drain_range(q, pfn, count);
	while (qi_next_part(q, pfn, pfn + count, &part))
		ours += survey_part(q, &part, survey);
	qi_poison_count(q, pfn, count, &bad);
	survey->poisoned = qi_min(bad.out, count - qi_min(count, ours));
	survey->absent = count - qi_min(count, ours) - survey->poisoned;
	return QUIRE_OK;
}

#endif
