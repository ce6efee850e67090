/*
 * From a frame to the zone whose allocator has it.
 *
 * The map (topology/zone_map.h) says where to look first; hotplug changes it while it is read, so what it says is checked
 * with the zone's tree, and where that does not agree all zones are looked through. A frame that is somebody's is found
 * by one of the two, because its zone does not let go of it; unless hotplug is moving spans at that moment, which
 * topology.changes tells. So nobody needs a lock to read it.
 */
#include "page_alloc/page_alloc.h"

#include "topology/zone_map.h"

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
	const struct qi_tree *tree = __atomic_load_n(&zone->tree, __ATOMIC_ACQUIRE);

	return tree && pfn - qi_peek(&zone->start_pfn) < qi_peek(&zone->spanned) && is_ours(tree, pfn);
}

static struct qi_zone *search_zones(const struct quire *q, quire_pfn_t pfn)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			if (has_frame(&q->topology.nodes[nid]->zones[type], pfn))
				return qi_zone_of(&q->topology.nodes[nid]->zones[type]);
	return NULL;
}

static struct qi_zone *search_until_certain(const struct quire *q, quire_pfn_t pfn)
{
	for (;;) {
		uint32_t changes = __atomic_load_n(&q->topology.changes, __ATOMIC_ACQUIRE);
		struct qi_zone *za = search_zones(q, pfn);

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (za || (!(changes & 1) && qi_peek(&q->topology.changes) == changes))
			return za;
		qi_relax();
	}
}

struct qi_zone *qi_zone_of_frame(const struct quire *q, quire_pfn_t pfn)
{
	const struct qi_zone_map *map = __atomic_load_n(&q->topology.zone_map, __ATOMIC_ACQUIRE);

	if (qi_likely(map != NULL)) {
		const struct quire_zone *zone = qi_peek(&map->spans[qi_zone_map_find(map, pfn)].zone);

		if (qi_likely(zone && has_frame(zone, pfn)))
			return qi_zone_of(zone);
	}
	return search_until_certain(q, pfn);
}
