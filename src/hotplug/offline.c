/*
 * Memory goes off line.
 *
 * First half: the blocks are judged, isolated, notifiers asked, and what is in use moves out; until the last frame of the
 * last block is free and isolated, all of it can be taken back, but for what has moved. Second half: the frames leave the
 * trees, the blocks their zones, and lists and watermarks follow.
 */
#include "hotplug/hotplug.h"

#include "mobility/mobility.h"
#include "page_alloc/page_alloc.h"
#include "poison/poison.h"
#include "topology/growth.h"
#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define WHAT "cannot go off line"
#define ISOLATION (QI_RANGE_OFFLINE | QI_RANGE_ELSEWHERE)

static quire_pfn_t usable_start(const struct qi_memory_block *block) { return block->pfn + block->own; }
static uint64_t usable_pages(const struct qi_memory_block *block) { return block->pages - block->own; }

/* The node whose last memory this is. */
static int node_losing(const struct qi_hot_work *work)
{
	return work->zone->node->present == work->block.pages ? work->zone->node->nid : QUIRE_NO_NODE;
}

static uint64_t count_absent(struct quire *q, struct qi_zone *za, quire_pfn_t pfn, quire_pfn_t end)
{
	struct qi_tree_range_counts counts;
	unsigned long state = 0;

	qi_enter_cpu(q, &state);
	qi_lock(&za->lock);
	counts = qi_tree_count_range(&za->tree, pfn, end);
	qi_unlock(&za->lock);
	qi_leave_cpu(q, state);
	return counts.absent;
}

/* What of the block is absent from the tree though nobody keeps it back and it does not fail: reserved. */
static bool find_reserved(struct quire *q, const struct qi_hot_work *work, struct quire_obstacle *obstacle)
{
	quire_pfn_t pfn = usable_start(&work->block), end = qi_block_end(&work->block), stop;

	/* A frame that fails and is out does no harm; one that somebody still has would be gone with its block. */
	pfn = qi_poison_first_pending(q, pfn, end);
	if (pfn < end) {
		*obstacle = (struct quire_obstacle){ .pfn = pfn, .head = pfn, .why =
				"is known to fail, and in use all the same" };
		return true;
	}
	for (pfn = usable_start(&work->block); qi_usable_run(q, &pfn, qi_block_end(&work->block), &stop); pfn = stop) {
		const char *why = "is reserved";
		quire_pfn_t absent;

		if (!count_absent(q, qi_zone_of(work->zone), pfn, stop))
			continue;
		absent = qi_first_absent(q, pfn, stop - pfn, &why);
		*obstacle = (struct quire_obstacle){ .pfn = absent, .head = absent, .why = why };
		return true;
	}
	return false;
}

/* Areas are not given up. */
static bool find_area(const struct quire *q, const struct qi_memory_block *block, struct quire_obstacle *obstacle)
{
	for (size_t i = 0; i < q->cma_count; i++)
		for (unsigned k = 0; q->cma[i].active && k < q->cma[i].range_count; k++) {
			const struct quire_cma_range *range = &q->cma[i].ranges[k];
			quire_pfn_t at = qi_max(range->base_pfn, block->pfn);

			if (at >= qi_min(range->base_pfn + range->count, qi_block_end(block)))
				continue;
			*obstacle = (struct quire_obstacle){ .pfn = at, .head = at, .owner = q->cma[i].name,
							     .why = "is part of a CMA area" };
			return true;
		}
	return false;
}

/* Could it ever go? */
static enum quire_status judge(struct quire *q, const struct qi_hot_work *work, struct quire_obstacle *obstacle,
			       const char **step, const char **why)
{
	const struct qi_memory_block *block = &work->block;
	struct qi_memory_found found = qi_memory_find(q, block->pfn, qi_block_end(block));

	*step = "holes";
	*why = "it has holes, so it cannot go as a whole";
	if (found.pages != block->pages)
		return QUIRE_EINVAL;
	*step = "zones";
	*why = "it is in several zones or nodes";
	if (!work->zone || found.nodes & (found.nodes - 1))
		return QUIRE_EINVAL;
	*step = "isolation";
	*why = "something in it cannot be moved";
	return find_area(q, block, obstacle) || find_reserved(q, work, obstacle) ? QUIRE_EBUSY : QUIRE_OK;
}

static enum quire_status judge_all(struct quire *q, struct quire_hotplug_failure *failure)
{
	struct quire_obstacle obstacle = qi_no_obstacle();
	const char *step, *why;

	for (size_t i = 0; i < q->hotplug.work_count; i++) {
		const struct qi_hot_work *work = &q->hotplug.work[i];
		enum quire_status status = judge(q, work, &obstacle, &step, &why);

		if (status == QUIRE_OK)
			continue;
		if (failure)
			failure->obstacle = obstacle;
		return qi_hotplug_fail(q, failure, status, WHAT, work->block.pfn, work->block.pages, step, why);
	}
	return QUIRE_OK;
}

static void note_obstacle(struct quire_hotplug_failure *failure, const struct quire_obstacle *obstacle)
{
	if (!failure || obstacle->pfn == QUIRE_PFN_NONE)
		return;
	failure->obstacle = *obstacle;
	failure->who = obstacle->owner;
}

static void release(struct quire *q, const struct qi_hot_work *work)
{
	qi_unisolate_range(q, usable_start(&work->block), usable_pages(&work->block));
}

/* A driver may keep all of the block back. */
static bool has_frames(const struct qi_hot_work *work)
{
	return qi_zone_any_free(work->zone, usable_start(&work->block), usable_pages(&work->block));
}

/* Isolated, and all who have a say agree. */
static enum quire_status isolate(struct quire *q, const struct qi_hot_work *work, struct quire_hotplug_failure *failure)
{
	const struct qi_memory_block *block = &work->block;
	struct quire_obstacle obstacle = qi_no_obstacle();
	enum quire_status status = qi_zone_map_room(&q->topology, 1);

	if (status == QUIRE_OK)
		status = qi_zone_provide(qi_zone_of(work->zone), block->pfn, block->pages);
	if (status == QUIRE_OK && has_frames(work))
		status = qi_isolate_range(q, usable_start(block), usable_pages(block), ISOLATION, &obstacle);
	if (status != QUIRE_OK) {
		note_obstacle(failure, &obstacle);
		return qi_hotplug_fail(q, failure, status, WHAT, block->pfn, block->pages, "isolation",
				       obstacle.why ? obstacle.why : quire_status_string(status));
	}
	status = qi_notify_going(q, QUIRE_MEM_GOING_OFFLINE, work, node_losing(work), failure);
	if (status != QUIRE_OK)
		release(q, work);
	return status;
}

static enum quire_status evacuate(struct quire *q, const struct qi_hot_work *work, struct quire_hotplug_failure *failure)
{
	const struct qi_memory_block *block = &work->block;
	struct quire_obstacle obstacle = qi_no_obstacle();
	struct qi_evacuation how = {
		.gfp = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_NOWARN, .mode = QUIRE_MIGRATE_SYNC,
		.flags = ISOLATION, .cancel = &q->hotplug.cancel,
	};
	enum quire_status status = QUIRE_OK;

	if (has_frames(work))
		status = qi_evacuate_range(q, usable_start(block), usable_pages(block), &how, &obstacle);
	if (status == QUIRE_OK)
		return status;
	note_obstacle(failure, &obstacle);
	return qi_hotplug_fail(q, failure, status, WHAT, block->pfn, block->pages, "migration",
			       obstacle.why ? obstacle.why : quire_status_string(status));
}

/* The first n blocks were isolated: give them back. */
static void cancel(struct quire *q, size_t n)
{
	while (n-- > 0) {
		release(q, &q->hotplug.work[n]);
		qi_notify(q, QUIRE_MEM_CANCEL_OFFLINE, &q->hotplug.work[n], node_losing(&q->hotplug.work[n]));
	}
}

static void set_going(struct quire_hotplug *h, bool going)
{
	const struct qi_hot_work *last = &h->work[h->work_count - 1];

	h->going_pfn = h->work[0].block.pfn;
	h->going_pages = going ? qi_block_end(&last->block) - h->going_pfn : 0;
}

/* The blocks are out of the trees: out of the zones, too. */
static void leave_zones(struct quire *q)
{
	struct quire_hotplug *h = &q->hotplug;
	bool lists = false;

	for (size_t i = 0; i < h->work_count; i++) {
		const struct qi_hot_work *work = &h->work[i];

		qi_block_leave_zone(q, work);
		quire_memmap_set_online(q, work->block.pfn, work->block.pages, false);
		lists |= !work->zone->present;
	}
	qi_hotplug_settle(q, lists);
}

static enum quire_status empty_blocks(struct quire *q, struct quire_hotplug_failure *failure)
{
	struct quire_hotplug *h = &q->hotplug;
	enum quire_status status = QUIRE_OK;
	size_t isolated = 0;

	while (isolated < h->work_count && status == QUIRE_OK) {
		status = isolate(q, &h->work[isolated], failure);
		isolated += status == QUIRE_OK;
	}
	for (size_t i = 0; i < isolated && status == QUIRE_OK; i++)
		status = evacuate(q, &h->work[i], failure);
	if (status == QUIRE_OK) {
		status = qi_work_take_back(q);
		if (status != QUIRE_OK)
			qi_hotplug_fail(q, failure, status, WHAT, h->work[0].block.pfn, h->work[0].block.pages, "tree",
					quire_status_string(status));
	}
	if (status != QUIRE_OK)
		cancel(q, isolated);
	return status;
}

static enum quire_status offline_blocks(struct quire *q, struct quire_hotplug_failure *failure)
{
	struct quire_hotplug *h = &q->hotplug;
	enum quire_status status;

	if (!h->work_count)
		return QUIRE_OK;
	status = judge_all(q, failure);
	if (status != QUIRE_OK)
		return status;
	set_going(h, true);
	status = empty_blocks(q, failure);
	set_going(h, false);
	if (status != QUIRE_OK)
		return status;
	leave_zones(q);
	for (size_t i = 0; i < h->work_count; i++)
		qi_notify(q, QUIRE_MEM_OFFLINE, &h->work[i], QUIRE_NO_NODE);
	return QUIRE_OK;
}

enum quire_status quire_memory_offline(struct quire *q, quire_pfn_t pfn, uint64_t pages,
				       struct quire_hotplug_failure *failure)
{
	enum quire_status status = qi_hotplug_ready(q, failure);

	if (status != QUIRE_OK)
		return status;
	qi_hotplug_enter(q);
	__atomic_store_n(&q->hotplug.cancel, false, __ATOMIC_RELAXED);
	status = qi_work_collect(q, pfn, pages, false, WHAT, failure);
	if (status == QUIRE_OK)
		status = offline_blocks(q, failure);
	qi_hotplug_leave(q);
	return status;
}

void quire_memory_cancel(struct quire *q)
{
	__atomic_store_n(&q->hotplug.cancel, true, __ATOMIC_RELAXED);
}

/* --- the dry run ------------------------------------------------------------------------------------------------------ */

static void add_survey(struct quire_survey *sum, const struct quire_survey *one)
{
	const size_t room = QI_ARRAY_SIZE(sum->obstacle);

	for (uint64_t i = 0; i < one->obstacles && i < room && sum->obstacles + i < room; i++)
		sum->obstacle[sum->obstacles + i] = one->obstacle[i];
	sum->obstacles += one->obstacles;
	sum->free += one->free;
	sum->movable += one->movable;
	sum->unmovable += one->unmovable;
	sum->absent += one->absent;
	sum->poisoned += one->poisoned;
	sum->moves += one->moves;
}

/* Free memory outside the blocks of this call, above the low marks. */
static uint64_t room_elsewhere(const struct quire *q, uint64_t inside)
{
	uint64_t free = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];
			uint64_t has = zone->tree ? qi_tree_free_pages(zone->tree) : 0;

			free += has - qi_min(has, zone->watermark[QUIRE_WMARK_LOW]);
		}
	return free - qi_min(free, inside);
}

static enum quire_status survey_blocks(struct quire *q, struct quire_survey *survey, struct quire_hotplug_failure *failure)
{
	enum quire_status status = judge_all(q, failure);
	const struct qi_hot_work *first = q->hotplug.work;

	for (size_t i = 0; i < q->hotplug.work_count; i++) {
		const struct qi_memory_block *block = &q->hotplug.work[i].block;
		struct quire_survey one;

		if (quire_survey_range(q, usable_start(block), usable_pages(block), &one) == QUIRE_OK)
			add_survey(survey, &one);
	}
	if (status != QUIRE_OK)
		return status;
	if (survey->unmovable) {
		if (survey->obstacles)
			note_obstacle(failure, &survey->obstacle[0]);
		return qi_hotplug_fail(q, failure, QUIRE_EBUSY, WHAT, first->block.pfn, first->block.pages, "migration",
				       survey->obstacles ? survey->obstacle[0].why : "something in it cannot be moved");
	}
	if (survey->movable > room_elsewhere(q, survey->free))
		return qi_hotplug_fail(q, failure, QUIRE_ENOMEM, WHAT, first->block.pfn, first->block.pages, "migration",
				       "there is no room elsewhere for what is in it");
	return QUIRE_OK;
}

enum quire_status quire_memory_offline_survey(struct quire *q, quire_pfn_t pfn, uint64_t pages,
					      struct quire_survey *survey, struct quire_hotplug_failure *failure)
{
	enum quire_status status = qi_hotplug_ready(q, failure);

	*survey = (struct quire_survey){ 0 };
	if (status != QUIRE_OK)
		return status;
	qi_hotplug_enter(q);
	status = qi_work_collect(q, pfn, pages, false, WHAT, failure);
	if (status == QUIRE_OK && q->hotplug.work_count)
		status = survey_blocks(q, survey, failure);
	qi_hotplug_leave(q);
	return status;
}

#endif
