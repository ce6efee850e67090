/* What was added: ranges in rising order, neighbours that are alike in one. */
#include "hotplug/hotplug.h"

#include "boot/meta.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define LEAST_ENTRIES 16u

bool qi_hot_table(struct quire *q, void **table, size_t *max, size_t count, size_t wanted, size_t size)
{
	size_t room = qi_max(qi_max(2 * *max, wanted), LEAST_ENTRIES);
	void *fresh;

	if (wanted <= *max)
		return true;
	fresh = qi_meta_alloc(q, room * size, 64, QUIRE_NO_NODE, &q->metadata.books);
	if (!fresh)
		return false;
	if (count)
		memcpy(fresh, *table, count * size);
	*table = fresh;
	*max = room;
	return true;
}

enum quire_status qi_hot_ranges_room(struct quire *q)
{
	struct quire_hotplug *h = &q->hotplug;
	void *table = h->ranges;

	if (!qi_hot_table(q, &table, &h->range_max, h->range_count, h->range_count + 1, sizeof(*h->ranges)))
		return QUIRE_ENOMEM;
	h->ranges = table;
	return QUIRE_OK;
}

static bool alike(const struct qi_hot_range *a, const struct qi_hot_range *b)
{
	return a->pfn + a->pages == b->pfn && a->block == b->block && a->own == b->own && a->nid == b->nid &&
	       a->group == b->group && a->name == b->name;
}

static void open_gap(struct quire_hotplug *h, size_t at)
{
	memmove(&h->ranges[at + 1], &h->ranges[at], (h->range_count - at) * sizeof(*h->ranges));
	h->range_count++;
}

static void close_gap(struct quire_hotplug *h, size_t at)
{
	h->range_count--;
	memmove(&h->ranges[at], &h->ranges[at + 1], (h->range_count - at) * sizeof(*h->ranges));
}

void qi_hot_ranges_insert(struct quire *q, const struct qi_hot_range *range)
{
	struct quire_hotplug *h = &q->hotplug;
	size_t at = h->range_count;

	while (at && h->ranges[at - 1].pfn > range->pfn)
		at--;
	open_gap(h, at);
	h->ranges[at] = *range;
	if (at + 1 < h->range_count && alike(&h->ranges[at], &h->ranges[at + 1])) {
		h->ranges[at].pages += h->ranges[at + 1].pages;
		close_gap(h, at + 1);
	}
	if (at && alike(&h->ranges[at - 1], &h->ranges[at])) {
		h->ranges[at - 1].pages += h->ranges[at].pages;
		close_gap(h, at);
	}
}

void qi_hot_ranges_delete(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	struct quire_hotplug *h = &q->hotplug;

	for (size_t i = 0; i < h->range_count;) {
		struct qi_hot_range *range = &h->ranges[i];
		quire_pfn_t stop = range->pfn + range->pages;

		if (range->pfn >= end || stop <= pfn) {
			i++;
		} else if (range->pfn >= pfn && stop <= end) {
			close_gap(h, i);
		} else if (range->pfn < pfn && stop > end) {
			open_gap(h, i);
			h->ranges[i].pages = pfn - h->ranges[i].pfn;
			h->ranges[i + 1].pfn = end;
			h->ranges[i + 1].pages = stop - end;
			return;
		} else if (range->pfn < pfn) {
			range->pages = pfn - range->pfn;
			i++;
		} else {
			range->pfn = end;
			range->pages = stop - end;
			i++;
		}
	}
}

bool qi_node_has_blocks(const struct quire *q, int nid)
{
	for (size_t i = 0; i < q->memblock.memory.cnt; i++)
		if (q->memblock.memory.regions[i].nid == nid)
			return true;
	return false;
}

#endif
