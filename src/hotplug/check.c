/* The checker: ranges, ledger, map and zones tell one story. */
#include "hotplug/hotplug.h"

#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define FAIL(q, ...)                                                                                                        \
	do {                                                                                                                \
		qi_log((q)->platform, QUIRE_LOG_ERROR, __VA_ARGS__);                                                        \
		return QUIRE_ECORRUPT;                                                                                      \
	} while (0)
#define ULL(x) ((unsigned long long)(x))

static enum quire_status check_ranges(const struct quire *q)
{
	const struct quire_hotplug *h = &q->hotplug;
	quire_pfn_t at = 0;

	for (size_t i = 0; i < h->range_count; i++) {
		const struct qi_hot_range *range = &h->ranges[i];
		quire_pfn_t end = range->pfn + range->pages;
		struct qi_memory_found found = qi_memory_find(q, range->pfn, end);

		if (!range->pages || range->pfn < at || qi_mod64(range->pages, range->block) || range->own >= range->block)
			FAIL(q, "hotplug: range %zu at frame %#llx is out of order, or not whole blocks", i,
			     ULL(range->pfn));
		if (found.pages != range->pages || found.nid != range->nid || found.nodes & (found.nodes - 1))
			FAIL(q, "hotplug: the ledger does not know range [%#llx, %#llx) of node %d", ULL(range->pfn),
			     ULL(end), range->nid);
		at = end;
	}
	if (h->going_pages)
		FAIL(q, "hotplug: something is being taken off line though nobody does");
	return QUIRE_OK;
}

/* Memory of the zone by map and ledger, and whether its span has all of it. */
static enum quire_status check_zone(const struct quire *q, const struct quire_zone *zone)
{
	const struct qi_zone_map *map = q->topology.zone_map;
	unsigned shift = quire_page_shift(&q->config);
	struct quire_pfn_range range;
	uint64_t pages = 0;
	size_t index;

	if (zone->type == QUIRE_ZONE_DEVICE)
		return QUIRE_OK;
	quire_memblock_for_each_pfn_range(&q->memblock, index, zone->node->nid, shift, &range) {
		quire_pfn_t stop;

		for (quire_pfn_t pfn = range.start; pfn < range.end; pfn = stop) {
			size_t i = qi_zone_map_find(map, pfn);

			stop = i + 1 < map->count ? qi_min(range.end, map->spans[i + 1].start) : range.end;
			if (map->spans[i].zone != zone)
				continue;
			pages += stop - pfn;
			if (pfn < zone->start_pfn || stop > zone->start_pfn + zone->spanned)
				FAIL(q, "node %d, zone %s: [%#llx, %#llx) is its memory but not in its span",
				     zone->node->nid, quire_zone_name(zone->type), ULL(pfn), ULL(stop));
		}
	}
	if (pages != zone->present)
		FAIL(q, "node %d, zone %s: %llu pages present, the map has %llu", zone->node->nid,
		     quire_zone_name(zone->type), ULL(zone->present), ULL(pages));
	return QUIRE_OK;
}

static enum quire_status check_map(const struct quire *q)
{
	const struct qi_zone_map *map = q->topology.zone_map;

	if (map->spans[0].start || map->count > map->max)
		FAIL(q, "zone map: it does not begin at frame 0, or is too long");
	for (size_t i = 1; i < map->count; i++)
		if (map->spans[i].start <= map->spans[i - 1].start || map->spans[i].zone == map->spans[i - 1].zone)
			FAIL(q, "zone map: entry %zu is out of order, or no border", i);
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			enum quire_status status = check_zone(q, &q->topology.nodes[nid]->zones[type]);

			if (status != QUIRE_OK)
				return status;
		}
	return QUIRE_OK;
}

/* What groups have on line is what the blocks of their ranges say. */
static enum quire_status check_groups(const struct quire *q)
{
	const struct quire_hotplug *h = &q->hotplug;

	for (size_t g = 0; g < h->group_count; g++) {
		uint64_t added = 0, kernel = 0, movable = 0;

		for (size_t i = 0; i < h->range_count; i++) {
			const struct qi_hot_range *range = &h->ranges[i];
			quire_pfn_t end = range->pfn + range->pages, stop;

			if (range->group != g + 1)
				continue;
			added += range->pages;
			for (quire_pfn_t pfn = range->pfn; pfn < end; pfn = stop) {
				const struct quire_zone *zone = qi_zone_map_at(&q->topology, pfn, &stop);

				stop = qi_min(stop, end);
				*(zone && zone->type == QUIRE_ZONE_MOVABLE ? &movable : &kernel) += zone ? stop - pfn : 0;
			}
		}
		if (added != h->groups[g].added || kernel != h->groups[g].kernel || movable != h->groups[g].movable)
			FAIL(q, "hotplug: group %zu has %llu, %llu, %llu pages, its blocks %llu, %llu, %llu", g + 1,
			     ULL(h->groups[g].added), ULL(h->groups[g].kernel), ULL(h->groups[g].movable), ULL(added),
			     ULL(kernel), ULL(movable));
	}
	return QUIRE_OK;
}

enum quire_status qi_check_hotplug(const struct quire *q)
{
	enum quire_status status = check_ranges(q);

	if (status == QUIRE_OK)
		status = check_map(q);
	return status == QUIRE_OK ? check_groups(q) : status;
}

#endif
