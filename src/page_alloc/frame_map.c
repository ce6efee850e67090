/*
 * From a frame to its zone: the borders of all zones, sorted, and between each two the zone whose span lies there.
 *
 * The table is only a short cut. It is built once, at hand-over; what it says is checked with the zone's tree, and where it
 * says nothing (spans of nodes that overlap, zones opened later) all zones are looked through. So it need not be kept up to
 * date and nobody needs a lock to read it.
 */
#include "page_alloc/page_alloc.h"

#include "boot/meta.h"

struct span {
	quire_pfn_t start;		/* up to the next entry's */
	const struct quire_zone *zone;	/* NULL: none, or more than one */
};

struct qi_frame_map {
	size_t count;			/* spans[0].start is 0 */
	struct span spans[];
};

static inline QI_RACES bool peek_bit(const uint64_t *map, unsigned i)
{
	return *(const volatile uint64_t *)&map[i >> 6] >> (i & 63) & 1;
}

/*
 * Was the frame handed over? Without the lock: for a frame that is somebody's the bits that decide stand still, only their
 * neighbours in the same words change. For others any answer will do: the tree has the last word.
 */
static QI_RACES bool is_ours(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *top = qi_top_of(tree, pfn), *mid;
	const struct qi_node *chunk;
	unsigned unit = qi_mid_unit(pfn);

	if (peek_bit(top->node.absent, qi_top_unit(pfn)))
		return false;
	mid = peek_bit(top->broken, qi_top_unit(pfn)) ? qi_mid_of(tree, pfn) : NULL;
	if (!mid)
		return true;
	if (peek_bit(mid->node.absent, unit))
		return false;
	chunk = peek_bit(mid->broken, unit) ? __atomic_load_n(&mid->child[unit / QI_CHUNK], __ATOMIC_RELAXED) : NULL;
	return !chunk || !peek_bit(chunk[unit % QI_CHUNK].absent, qi_leaf_unit(pfn));
}

static bool has_frame(const struct quire_zone *zone, quire_pfn_t pfn)
{
	return zone->tree && pfn - zone->start_pfn < zone->spanned && is_ours(zone->tree, pfn);
}

static struct qi_zone *search_zones(const struct quire *q, quire_pfn_t pfn)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			if (has_frame(&q->topology.nodes[nid]->zones[type], pfn))
				return qi_zone_of(&q->topology.nodes[nid]->zones[type]);
	return NULL;
}

struct qi_zone *qi_zone_of_frame(const struct quire *q, quire_pfn_t pfn)
{
	const struct qi_frame_map *map = q->page_alloc.map;
	size_t low = 0, high = map ? map->count : 0;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (map->spans[middle].start <= pfn)
			low = middle;
		else
			high = middle;
	}
	if (qi_likely(high && map->spans[low].zone && has_frame(map->spans[low].zone, pfn)))
		return qi_zone_of(map->spans[low].zone);
	return search_zones(q, pfn);
}

/* Nearly sorted already: nodes come in rising order. */
static void insert_border(struct qi_frame_map *map, quire_pfn_t border)
{
	size_t at = map->count;

	while (at && map->spans[at - 1].start > border)
		at--;
	if (at && map->spans[at - 1].start == border)
		return;
	memmove(&map->spans[at + 1], &map->spans[at], (map->count - at) * sizeof(map->spans[0]));
	map->spans[at] = (struct span){ .start = border };
	map->count++;
}

/* Enter the zone between its borders; where there is one already the answer is "more than one", for good. */
static void enter_zone(struct qi_frame_map *map, const struct quire_zone *zone, bool *shared)
{
	for (size_t i = 0; i < map->count; i++) {
		if (map->spans[i].start - zone->start_pfn >= zone->spanned)
			continue;
		shared[i] |= map->spans[i].zone != NULL;
		map->spans[i].zone = shared[i] ? NULL : zone;
	}
}

static void fill(const struct quire *q, struct qi_frame_map *map, bool *shared)
{
	insert_border(map, 0);
	for (int pass = 0; pass < 2; pass++)
		for (unsigned nid = 0; nid < q->topology.node_count; nid++)
			for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
				const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

				if (!zone->tree)
					continue;
				if (pass) {
					enter_zone(map, zone, shared);
				} else {
					insert_border(map, zone->start_pfn);
					insert_border(map, zone->start_pfn + zone->spanned);
				}
			}
}

enum quire_status qi_frame_map_build(struct quire *q)
{
	size_t borders = 1, bytes;
	struct qi_frame_map *map;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			borders += q->topology.nodes[nid]->zones[type].tree ? 2 : 0;
	bytes = sizeof(*map) + borders * sizeof(struct span);
	map = qi_meta_alloc(q, bytes + borders * sizeof(bool), 64, 0, &q->metadata.nodes);
	if (!map)
		return QUIRE_ENOMEM;
	fill(q, map, (bool *)((char *)map + bytes));
	q->page_alloc.map = map;
	return QUIRE_OK;
}
