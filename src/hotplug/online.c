/*
 * Memory goes on line.
 *
 * First half, block by block: the zone is chosen, tables and the zone's tree get room, notifiers are asked, sections are
 * marked, and map, spans and present include the block. Nobody has a frame of it yet, so all of this can be taken back.
 * Second half: the frames are handed over, and lists and watermarks follow.
 */
#include "hotplug/hotplug.h"

#include "topology/growth.h"
#include "topology/zone_map.h"
#include "zone/zone.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define WHAT "cannot come on line"

/* The node whose first memory this is. */
static int node_gaining(const struct qi_hot_work *work)
{
	return work->zone->node->present ? QUIRE_NO_NODE : work->zone->node->nid;
}

static bool is_early(const struct qi_hot_work *work)
{
	return !work->block.added;
}

/* Map, spans and sums include the block, or do so no more. */
static void enter(struct quire *q, const struct qi_hot_work *work)
{
	const struct qi_memory_block *block = &work->block;
	unsigned long state = 0;

	qi_change_begin(q, &state);
	qi_zone_map_set(&q->topology, block->pfn, qi_block_end(block), work->zone);
	qi_zone_span_grow(work->zone, block->pfn, block->pages);
	qi_zone_count_present(work->zone, (int64_t)block->pages, is_early(work));
	qi_change_end(q, state);
	qi_memory_group_count(q, work, 1);
}

void qi_block_leave_zone(struct quire *q, const struct qi_hot_work *work)
{
	const struct qi_memory_block *block = &work->block;
	unsigned long state = 0;

	qi_change_begin(q, &state);
	qi_zone_map_set(&q->topology, block->pfn, qi_block_end(block), NULL);
	qi_zone_count_present(work->zone, -(int64_t)block->pages, is_early(work));
	qi_zone_span_shrink(&q->topology, &q->memblock, work->zone, block->pfn, block->pages);
	qi_change_end(q, state);
	qi_memory_group_count(q, work, -1);
}

/* Tables, lists and the zone's tree can take the block. */
static enum quire_status make_room(struct quire *q, const struct qi_hot_work *work, struct quire_hotplug_failure *failure)
{
	const struct qi_memory_block *block = &work->block;
	enum quire_status status = qi_zone_map_room(&q->topology, 1);

	if (status == QUIRE_OK)
		status = qi_zonelists_room(&q->topology, NULL);
	if (status == QUIRE_OK)
		status = qi_zone_extend(q, work->zone, block->pfn, block->pages);
	if (status == QUIRE_OK)
		status = qi_zone_provide(qi_zone_of(work->zone), block->pfn, block->pages);
	if (status == QUIRE_OK)
		return status;
	return qi_hotplug_fail(q, failure, status, WHAT, block->pfn, block->pages, "tables", quire_status_string(status));
}

/* The descriptors learn their zone; those of the descriptors' own frames, that these are taken. */
static enum quire_status describe(struct quire *q, const struct qi_hot_work *work)
{
	const struct qi_memory_block *block = &work->block;
	enum quire_status status = quire_memmap_init_range(q, work->zone, block->pfn, block->pages);

	if (status == QUIRE_OK && block->own)
		status = quire_memmap_set_reserved(q, block->pfn, block->own, true);
	return status;
}

static enum quire_status prepare(struct quire *q, struct qi_hot_work *work, enum quire_online_type type,
				 struct quire_hotplug_failure *failure)
{
	const struct qi_memory_block *block = &work->block;
	enum quire_status status;

	work->zone = qi_online_zone(q, block, type);
	if (!work->zone)
		return qi_hotplug_fail(q, failure, QUIRE_EINVAL, WHAT, block->pfn, block->pages, "node", "it has none");
	work->managed = work->zone->managed;
	status = make_room(q, work, failure);
	if (status == QUIRE_OK)
		status = qi_notify_going(q, QUIRE_MEM_GOING_ONLINE, work, node_gaining(work), failure);
	if (status != QUIRE_OK)
		return status;
	status = quire_memmap_set_online(q, block->pfn, block->pages, true);
	if (status != QUIRE_OK) {
		qi_notify(q, QUIRE_MEM_CANCEL_ONLINE, work, node_gaining(work));
		return qi_hotplug_fail(q, failure, status, WHAT, block->pfn, block->pages, "sections",
				       quire_status_string(status));
	}
	enter(q, work);
	status = describe(q, work);
	if (status == QUIRE_OK)
		return status;
	qi_block_leave_zone(q, work);
	quire_memmap_set_online(q, block->pfn, block->pages, false);
	qi_notify(q, QUIRE_MEM_CANCEL_ONLINE, work, node_gaining(work));
	return qi_hotplug_fail(q, failure, status, WHAT, block->pfn, block->pages, "descriptors",
			       quire_status_string(status));
}

/* The first n blocks as they were. */
static void cancel(struct quire *q, size_t n)
{
	while (n-- > 0) {
		const struct qi_hot_work *work = &q->hotplug.work[n];

		qi_block_leave_zone(q, work);
		quire_memmap_set_online(q, work->block.pfn, work->block.pages, false);
		qi_notify(q, QUIRE_MEM_CANCEL_ONLINE, work, node_gaining(work));
	}
}

/* A zone or node that had nothing before this call. */
static bool any_newcomer(const struct quire *q)
{
	for (size_t i = 0; i < q->hotplug.work_count; i++)
		if (!q->hotplug.work[i].zone->managed)
			return true;
	return false;
}

enum quire_status qi_online_blocks(struct quire *q, enum quire_online_type type, struct quire_hotplug_failure *failure)
{
	struct quire_hotplug *h = &q->hotplug;
	enum quire_status status = QUIRE_OK;
	size_t done = 0;
	bool lists;

	while (done < h->work_count && status == QUIRE_OK) {
		status = prepare(q, &h->work[done], type, failure);
		done += status == QUIRE_OK;
	}
	/* Blocks behind one that failed have no zone yet. */
	lists = status == QUIRE_OK && any_newcomer(q);
	if (status == QUIRE_OK) {
		status = qi_work_hand_over(q);
		if (status != QUIRE_OK)
			qi_hotplug_fail(q, failure, status, WHAT, h->work[0].block.pfn, h->work[0].block.pages, "tree",
					quire_status_string(status));
	}
	if (status != QUIRE_OK) {
		cancel(q, done);
		return status;
	}
	if (h->work_count)
		qi_hotplug_settle(q, lists);
	for (size_t i = 0; i < h->work_count; i++)
		qi_notify(q, QUIRE_MEM_ONLINE, &h->work[i], QUIRE_NO_NODE);
	return QUIRE_OK;
}

enum quire_status quire_memory_online(struct quire *q, quire_pfn_t pfn, uint64_t pages, enum quire_online_type type,
				      struct quire_hotplug_failure *failure)
{
	enum quire_status status = qi_hotplug_ready(q, failure);

	if (status != QUIRE_OK)
		return status;
	if (type == QUIRE_ONLINE_NONE || type > QUIRE_ONLINE_MOVABLE)
		return qi_hotplug_fail(q, failure, QUIRE_EINVAL, WHAT, pfn, 0, "type", "there is no such way to be on line");
	qi_hotplug_enter(q);
	status = qi_work_collect(q, pfn, pages, true, WHAT, failure);
	if (status == QUIRE_OK)
		status = qi_online_blocks(q, type, failure);
	qi_hotplug_leave(q);
	return status;
}

#endif
