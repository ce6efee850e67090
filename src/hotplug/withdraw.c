/*
 * Frames of online blocks that a driver wants back (hotplug.h: keepers): emptied as for going off line, and out of the tree;
 * but their block stays, and so do spans, present and watermarks.
 */
#include "hotplug/hotplug.h"

#include "mobility/mobility.h"
#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define WHAT "cannot be withdrawn"

struct withdrawal {
	quire_pfn_t pfn;
	uint64_t pages;
	struct quire_hotplug_failure *failure;
};

static enum quire_status refuse(struct quire *q, const struct withdrawal *w, enum quire_status status, const char *step,
				const struct quire_obstacle *obstacle)
{
	if (w->failure && obstacle->pfn != QUIRE_PFN_NONE) {
		w->failure->obstacle = *obstacle;
		w->failure->who = obstacle->owner;
	}
	return qi_hotplug_fail(q, w->failure, status, WHAT, w->pfn, w->pages, step,
			       obstacle->why ? obstacle->why : quire_status_string(status));
}

/* The zone all of it is in; NULL: it is not whole pageblocks of one. */
static struct quire_zone *zone_of(const struct quire *q, const struct withdrawal *w)
{
	uint64_t block = 1ull << quire_pageblock_order(&q->config);
	struct quire_zone *zone;
	quire_pfn_t end, stop;

	if (!w->pages || (w->pfn | w->pages) & (block - 1) || !qi_add(w->pfn, w->pages, &end))
		return NULL;
	zone = qi_zone_map_at(&q->topology, w->pfn, &stop);
	return zone && stop >= end ? zone : NULL;
}

static enum quire_status withdraw(struct quire *q, const struct withdrawal *w, struct quire_zone *zone)
{
	struct qi_evacuation how = {
		.gfp = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_NOWARN, .mode = QUIRE_MIGRATE_SYNC,
		.cancel = &q->hotplug.cancel,
	};
	struct quire_obstacle obstacle = qi_no_obstacle();
	enum quire_status status = qi_zone_provide(qi_zone_of(zone), w->pfn, w->pages);

	if (status == QUIRE_OK)
		status = qi_isolate_range(q, w->pfn, w->pages, 0, &obstacle);
	if (status != QUIRE_OK)
		return refuse(q, w, status, "isolation", &obstacle);
	status = qi_evacuate_range(q, w->pfn, w->pages, &how, &obstacle);
	/* Others may have used what was had for isolating. */
	if (status == QUIRE_OK)
		status = qi_zone_provide(qi_zone_of(zone), w->pfn, w->pages);
	if (status == QUIRE_OK)
		status = qi_zone_remove(q, zone, w->pfn, w->pages);
	if (status == QUIRE_OK)
		return status;
	qi_unisolate_range(q, w->pfn, w->pages);
	return refuse(q, w, status, "migration", &obstacle);
}

enum quire_status quire_memory_withdraw(struct quire *q, quire_pfn_t pfn, uint64_t pages,
					struct quire_hotplug_failure *failure)
{
	const struct withdrawal w = { pfn, pages, failure };
	enum quire_status status = qi_hotplug_ready(q, failure);
	struct quire_zone *zone;

	if (status != QUIRE_OK)
		return status;
	qi_hotplug_enter(q);
	__atomic_store_n(&q->hotplug.cancel, false, __ATOMIC_RELAXED);
	zone = zone_of(q, &w);
	if (zone)
		status = withdraw(q, &w, zone);
	else
		status = qi_hotplug_fail(q, failure, QUIRE_EINVAL, WHAT, pfn, 0, "alignment",
					 "it must be whole pageblocks that are on line in one zone");
	qi_hotplug_leave(q);
	return status;
}

#endif
