/* The map from frames to zones; see zone_map.h. */
#include "topology/zone_map.h"

#include "topology/topology_internal.h"

#define SPARE_ENTRIES 8u	/* for the first changes, and to be doubled */

static struct qi_zone_map *new_map(struct quire_topology *t, size_t max)
{
	size_t bytes = sizeof(struct qi_zone_map) + max * sizeof(struct qi_zone_span);
	struct qi_zone_map *map = t->alloc(t->alloc_ctx, bytes, 64, QUIRE_NO_NODE);

	if (map)
		map->max = max;
	return map;
}

/* --- building ------------------------------------------------------------------------------------------------------- */

/* The zone memory of this kind has at pfn, and where that ends at the latest. */
static struct quire_zone *zone_in_node(struct quire_node *node, bool mirrored, bool mirror, quire_pfn_t pfn,
				       quire_pfn_t *end)
{
	struct quire_zone *found = NULL;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone *zone = &node->zones[type];
		quire_pfn_t start = zone->start_pfn, stop = start + zone->spanned;

		if (!zone->spanned || (type == QUIRE_ZONE_MOVABLE && mirrored && mirror))
			continue;
		/* With kernelcore=mirror the movable zone lies inside others. */
		if (pfn >= start && pfn < stop) {
			found = zone;
			*end = qi_min(*end, stop);
		} else if (pfn < start) {
			*end = qi_min(*end, start);
		}
	}
	return found;
}

struct cursor {
	struct qi_zone_map *map;	/* NULL: count only */
	struct quire_zone *zone;	/* of the last entry, and where it starts */
	quire_pfn_t start;
	size_t count;
};

static void put(struct cursor *cursor, quire_pfn_t start, struct quire_zone *zone)
{
	if (cursor->count && cursor->zone == zone)
		return;
	/* Memory may begin at frame 0, where nothing begins otherwise. */
	if (cursor->count && cursor->start == start)
		cursor->count--;
	if (cursor->map)
		cursor->map->spans[cursor->count] = (struct qi_zone_span){ start, zone };
	cursor->count++;
	cursor->zone = zone;
	cursor->start = start;
}

static size_t go_over_memory(struct quire_topology *t, const struct quire_memblock *mb, struct qi_zone_map *map)
{
	bool mirrored = qi_movable_mirrored(t, mb);
	struct cursor cursor = { .map = map };
	struct quire_pfn_range range;
	quire_pfn_t end = 0;
	size_t index;

	put(&cursor, 0, NULL);
	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, quire_page_shift(t->config), &range) {
		struct quire_node *node = quire_topology_node(t, range.nid);

		for (quire_pfn_t pfn = range.start; node && pfn < range.end; pfn = end) {
			struct quire_zone *zone;

			end = range.end;
			zone = zone_in_node(node, mirrored, range.flags & QUIRE_MEMBLOCK_MIRROR, pfn, &end);
			put(&cursor, pfn, zone);
		}
	}
	put(&cursor, end, NULL);
	return cursor.count;
}

enum quire_status qi_zone_map_build(struct quire_topology *t, const struct quire_memblock *mb)
{
	struct qi_zone_map *map = new_map(t, go_over_memory(t, mb, NULL) + SPARE_ENTRIES);

	if (!map)
		return QUIRE_ENOMEM;
	map->count = go_over_memory(t, mb, map);
	t->zone_map = map;
	return QUIRE_OK;
}

/* --- changing ------------------------------------------------------------------------------------------------------- */

enum quire_status qi_zone_map_room(struct quire_topology *t, size_t changes)
{
	struct qi_zone_map *old = t->zone_map, *map;

	if (!old)
		return QUIRE_EINVAL;
	if (old->count + 2 * changes <= old->max)
		return QUIRE_OK;
	map = new_map(t, 2 * old->max + 2 * changes);
	if (!map)
		return QUIRE_ENOMEM;
	map->count = old->count;
	memcpy(map->spans, old->spans, old->count * sizeof(old->spans[0]));
	__atomic_store_n(&t->zone_map, map, __ATOMIC_RELEASE);
	return QUIRE_OK;
}

static void write_entry(struct qi_zone_map *map, size_t i, struct qi_zone_span span)
{
	qi_poke(&map->spans[i].start, span.start);
	__atomic_store_n(&map->spans[i].zone, span.zone, __ATOMIC_RELAXED);
}

/* Entries [at, count) move by `by`. */
static void move_entries(struct qi_zone_map *map, size_t at, int by)
{
	size_t count = map->count;

	if (by > 0)
		for (size_t i = count; i-- > at;)
			write_entry(map, i + (size_t)by, map->spans[i]);
	else if (by < 0)
		for (size_t i = at; i < count; i++)
			write_entry(map, i - (size_t)-by, map->spans[i]);
	qi_poke(&map->count, by < 0 ? count - (size_t)-by : count + (size_t)by);
}

/* Entries [first, last) give way to the n in `fresh`. */
static void replace(struct qi_zone_map *map, size_t first, size_t last, const struct qi_zone_span *fresh, size_t n)
{
	move_entries(map, last, (int)n - (int)(last - first));
	for (size_t i = 0; i < n; i++)
		write_entry(map, first + i, fresh[i]);
}

void qi_zone_map_set(struct quire_topology *t, quire_pfn_t start, quire_pfn_t end, struct quire_zone *zone)
{
	struct qi_zone_map *map = t->zone_map;
	size_t first = qi_zone_map_find(map, start), last = qi_zone_map_find(map, end - 1) + 1, n = 0;
	quire_pfn_t stop = last < map->count ? map->spans[last].start : QUIRE_PFN_NONE;
	struct quire_zone *before = map->spans[first].zone, *after = map->spans[last - 1].zone;
	struct qi_zone_span fresh[3];

	/* Entry `first` keeps what lies below; where it has nothing below, what is before it may be of the same zone. */
	if (map->spans[first].start < start)
		fresh[n++] = (struct qi_zone_span){ map->spans[first].start, before };
	else
		before = first ? map->spans[first - 1].zone : NULL;
	if ((!first && !n) || before != zone)
		fresh[n++] = (struct qi_zone_span){ start, zone };
	if (end < stop) {
		if (after != zone)
			fresh[n++] = (struct qi_zone_span){ end, after };
	} else if (last < map->count && map->spans[last].zone == zone) {
		last++;
	}
	replace(map, first, last, fresh, n);
}

/* --- questions ------------------------------------------------------------------------------------------------------ */

struct quire_zone *qi_zone_map_at(const struct quire_topology *t, quire_pfn_t pfn, quire_pfn_t *stop)
{
	const struct qi_zone_map *map = __atomic_load_n(&t->zone_map, __ATOMIC_ACQUIRE);
	size_t i = map ? qi_zone_map_find(map, pfn) : 0;

	if (stop)
		*stop = map && i + 1 < qi_peek(&map->count) ? qi_peek(&map->spans[i + 1].start) : QUIRE_PFN_NONE;
	return map ? __atomic_load_n(&map->spans[i].zone, __ATOMIC_RELAXED) : NULL;
}

bool qi_zone_map_extent(const struct quire_topology *t, const struct quire_zone *zone, quire_pfn_t *start, quire_pfn_t *end)
{
	const struct qi_zone_map *map = t->zone_map;
	bool found = false;

	for (size_t i = 0; i < map->count; i++) {
		if (map->spans[i].zone != zone)
			continue;
		if (!found)
			*start = map->spans[i].start;
		*end = i + 1 < map->count ? map->spans[i + 1].start : QUIRE_PFN_NONE;
		found = true;
	}
	return found;
}
