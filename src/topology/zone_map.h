/*
 * From a frame to the zone it is online in, exactly: stretches of memory in rising order, each of one zone or of none.
 *
 * Spans cannot tell once memory comes and goes, because those of a node may overlap. Built at hand-over from the
 * ledger and the spans; hotplug keeps it. Between two stretches of one zone with nothing but a hole between them there
 * is no border, so an ordinary machine has as many entries as zones, whatever its number of memory regions.
 *
 * Read without a lock, by every free: the table changes in place, entry by entry, so a reader may land in a wrong
 * entry, but always in one whose zone exists. Who cannot check the answer himself (frame_map.c does) asks under a lock
 * that keeps hotplug away. Tables that were outgrown stay until the end of the machine.
 */
#ifndef QI_TOPOLOGY_ZONE_MAP_H
#define QI_TOPOLOGY_ZONE_MAP_H

#include <quire/topology.h>

#include "base/lock.h"

struct qi_zone_span {
	quire_pfn_t start;		/* up to the next entry's */
	struct quire_zone *zone;	/* NULL: none */
};

struct qi_zone_map {
	size_t count;			/* at least 1: spans[0].start is 0 */
	size_t max;
	struct qi_zone_span spans[];
};

/* The entry that holds pfn. */
static inline size_t qi_zone_map_find(const struct qi_zone_map *map, quire_pfn_t pfn)
{
	size_t low = 0, high = qi_peek(&map->count);

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (qi_peek(&map->spans[middle].start) <= pfn)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* From spans and regions, at hand-over. QUIRE_ENOMEM. */
enum quire_status qi_zone_map_build(struct quire_topology *t, const struct quire_memblock *mb);

/* See to room for `changes` calls of qi_zone_map_set. QUIRE_ENOMEM. */
enum quire_status qi_zone_map_room(struct quire_topology *t, size_t changes);
/* Frames [start, end) are of this zone from now on; NULL: of none. There must be room. One caller at a time. */
void qi_zone_map_set(struct quire_topology *t, quire_pfn_t start, quire_pfn_t end, struct quire_zone *zone);

/*
 * The zone of frame pfn, and if stop is not NULL where its stretch ends (QUIRE_PFN_NONE: never). Holes inside count.
 * NULL: none, or there is no map yet.
 */
struct quire_zone *qi_zone_map_at(const struct quire_topology *t, quire_pfn_t pfn, quire_pfn_t *stop);

/* The first and last stretch of a zone: [*start, *end). False: it has none. */
bool qi_zone_map_extent(const struct quire_topology *t, const struct quire_zone *zone, quire_pfn_t *start,
			quire_pfn_t *end);

#endif
