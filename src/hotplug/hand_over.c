/*
 * Frames change hands: blocks of the call become free in their zones' trees, or leave them. All or nothing, with all zones
 * locked, so that on the way back nobody has got a frame.
 *
 * Neighbouring blocks of one zone go in one piece. What is known to fail, and what a driver keeps back, stays out.
 */
#include "hotplug/hotplug.h"

#include "poison/poison.h"
#include "zone/zone.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

/* Who keeps pfn back; else NULL. *stop: up to where that is so. */
static const struct quire_memory_keeper *keeper_of(const struct quire *q, quire_pfn_t pfn, quire_pfn_t *stop)
{
	for (const struct quire_memory_keeper *k = q->hotplug.keepers; k; k = k->next) {
		quire_pfn_t end = *stop;
		bool keeps = k->keeps(k->ctx, pfn, &end);

		if (end > pfn && end < *stop)
			*stop = end;
		if (keeps)
			return k;
	}
	return NULL;
}

bool qi_usable_run(struct quire *q, quire_pfn_t *pfn, quire_pfn_t end, quire_pfn_t *stop)
{
	while (*pfn < end) {
		*stop = q->poison.count ? qi_poison_first(q, *pfn, end) : end;
		if (*stop == *pfn)
			*stop = *pfn + 1;
		else if (!keeper_of(q, *pfn, stop))
			return true;
		*pfn = *stop;
	}
	return false;
}

/* Pieces of the work, in order: work[i] and its neighbours as far as they are one piece; *end of it. Next index. */
static size_t piece(const struct quire_hotplug *h, size_t i, quire_pfn_t *start, quire_pfn_t *end)
{
	const struct qi_hot_work *first = &h->work[i];

	*start = first->block.pfn + first->block.own;
	*end = qi_block_end(&first->block);
	for (i++;
	     i < h->work_count && h->work[i].zone == first->zone && h->work[i].block.pfn == *end && !h->work[i].block.own;
	     i++)
		*end = qi_block_end(&h->work[i].block);
	return i;
}

/* Give [pfn, end) to the zone's tree, or take it; *done: how far that came. Locked. */
static enum quire_status move_piece(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, quire_pfn_t end, bool give,
				    quire_pfn_t *done)
{
	enum quire_status status = QUIRE_OK;
	quire_pfn_t stop;

	for (*done = pfn; status == QUIRE_OK && qi_usable_run(q, &pfn, end, &stop); pfn = stop) {
		status = give ? qi_tree_add_free(zone->tree, pfn, stop - pfn) :
				qi_tree_remove_free(zone->tree, pfn, stop - pfn);
		if (status != QUIRE_OK)
			break;
		qi_poke(&zone->managed, give ? zone->managed + (stop - pfn) : zone->managed - (stop - pfn));
		*done = stop;
	}
	return status;
}

/* Failing frames of the piece come and go without the tree, but are managed like the others. */
static void move_failing(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, quire_pfn_t end, bool give)
{
	enum qi_poison_state from = give ? QI_POISON_FOREIGN : QI_POISON_OUT, to = give ? QI_POISON_OUT : QI_POISON_FOREIGN;
	int64_t frames = 0;
	uint64_t key;

	for (quire_pfn_t stop; q->poison.count && (pfn = qi_poison_first(q, pfn, end)) < end; pfn++) {
		stop = pfn + 1;
		if (!qi_poison_key(q, pfn, &key) || qi_poison_state(key) != from || (give && keeper_of(q, pfn, &stop)))
			continue;
		qi_poison_set_state(q, pfn, to, 0);
		frames += give ? 1 : -1;
	}
	qi_zone_count_failing(qi_zone_of(zone), frames);
	qi_poke(&zone->managed, zone->managed + (uint64_t)frames);
}

/* All pieces before the failure the other way again. That cannot fail: nodes that were needed are still there. */
static void move_back(struct quire *q, size_t failed, quire_pfn_t done, bool give)
{
	quire_pfn_t start, end, ignored;

	for (size_t i = 0, next; i <= failed; i = next) {
		next = piece(&q->hotplug, i, &start, &end);
		if (i == failed)
			end = done;
		else
			move_failing(q, q->hotplug.work[i].zone, start, end, give);
		if (start < end && move_piece(q, q->hotplug.work[i].zone, start, end, give, &ignored) != QUIRE_OK)
			qi_panic(q->platform, "hotplug: frames could not be given back to where they came from");
	}
}

/* Somebody has a frame that the tree has no more. All zones locked. */
static bool any_pending(struct quire *q)
{
	for (size_t i = 0; i < q->hotplug.work_count; i++) {
		quire_pfn_t end = qi_block_end(&q->hotplug.work[i].block);

		if (qi_poison_first_pending(q, q->hotplug.work[i].block.pfn, end) < end)
			return true;
	}
	return false;
}

static enum quire_status move_all(struct quire *q, bool give)
{
	quire_pfn_t start, end, done;
	unsigned long state = 0;
	enum quire_status status = QUIRE_OK;

	qi_freeze(q, &state);
	if (!give && any_pending(q))
		status = QUIRE_EBUSY;
	for (size_t i = 0, next; status == QUIRE_OK && i < q->hotplug.work_count; i = next) {
		next = piece(&q->hotplug, i, &start, &end);
		status = move_piece(q, q->hotplug.work[i].zone, start, end, give, &done);
		if (status == QUIRE_OK)
			move_failing(q, q->hotplug.work[i].zone, start, end, give);
		else
			move_back(q, i, done, !give);
	}
	qi_thaw(q, state);
	return status;
}

enum quire_status qi_work_hand_over(struct quire *q)
{
	return move_all(q, true);
}

enum quire_status qi_work_take_back(struct quire *q)
{
	return move_all(q, false);
}

#endif
