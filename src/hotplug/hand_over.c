/*
 * Frames change hands: blocks of the call become free in their zones' trees, or leave them. All or nothing, with all zones
 * locked, so that on the way back nobody has got a frame.
 *
 * Neighbouring blocks of one zone go in one piece. What is known to fail, and what a driver keeps back, stays out.
 */
#include "hotplug/hotplug.h"

#include "poison/poison.h"
#include "zone/zone.h"

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
	for (i++; i < h->work_count && h->work[i].zone == first->zone && h->work[i].block.pfn == *end && !h->work[i].block.own; i++)
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
		status = give ? qi_tree_add_free(zone->tree, pfn, stop - pfn) : qi_tree_remove_free(zone->tree, pfn, stop - pfn);
		if (status != QUIRE_OK)
			break;
		qi_poke(&zone->managed, give ? zone->managed + (stop - pfn) : zone->managed - (stop - pfn));
		*done = stop;
	}
	return status;
}

/* All pieces before the failure the other way again. That cannot fail: nodes that were needed are still there. */
static void move_back(struct quire *q, size_t failed, quire_pfn_t done, bool give)
{
	quire_pfn_t start, end, ignored;

	for (size_t i = 0, next; i <= failed; i = next) {
		next = piece(&q->hotplug, i, &start, &end);
		if (i == failed)
			end = done;
		if (start < end && move_piece(q, q->hotplug.work[i].zone, start, end, give, &ignored) != QUIRE_OK)
			qi_panic(q->platform, "hotplug: frames could not be given back to where they came from");
	}
}

static enum quire_status move_all(struct quire *q, bool give)
{
	quire_pfn_t start, end, done;
	unsigned long state = 0;
	enum quire_status status = QUIRE_OK;

	qi_freeze(q, &state);
	for (size_t i = 0, next; status == QUIRE_OK && i < q->hotplug.work_count; i = next) {
		next = piece(&q->hotplug, i, &start, &end);
		status = move_piece(q, q->hotplug.work[i].zone, start, end, give, &done);
		if (status != QUIRE_OK)
			move_back(q, i, done, !give);
	}
	qi_thaw(q, state);
	return status;
}

static void tell_poison(struct quire *q, void (*tell)(struct quire *q, quire_pfn_t pfn, uint64_t count))
{
	for (size_t i = 0; q->poison.count && i < q->hotplug.work_count; i++)
		tell(q, q->hotplug.work[i].block.pfn, q->hotplug.work[i].block.pages);
}

enum quire_status qi_work_hand_over(struct quire *q)
{
	enum quire_status status;

	tell_poison(q, qi_poison_online);
	status = move_all(q, true);
	if (status != QUIRE_OK)
		tell_poison(q, qi_poison_offline);
	return status;
}

enum quire_status qi_work_take_back(struct quire *q)
{
	enum quire_status status = move_all(q, false);

	if (status == QUIRE_OK)
		tell_poison(q, qi_poison_offline);
	return status;
}
