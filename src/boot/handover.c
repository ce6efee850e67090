/*
 * Hand-over: what memblock says is free becomes the zones' free memory.
 *
 * Each free range is rounded inward to whole pages (partial pages are lost, as in the field), cut at zone borders and
 * given to the zone's tree in one call whatever its size. CMA areas follow: reserved until now, they become free
 * pageblocks of their own type. managed counts what was handed over; both totals come from one place, qi_zone_hand_over.
 */
#include "boot/handover.h"

#include "base/base.h"
#include "cma/cma.h"
#include "debug/road.h"
#include "page_alloc/page_alloc.h"
#include "poison/poison.h"
#include "topology/zone_map.h"
#include "zone/stock.h"
#include "zone/zone.h"

/* The part of [*start, end) that belongs to one zone of a node; *zone NULL if its first page is in none. Returns its end. */
static quire_pfn_t zone_run(const struct quire *q, quire_pfn_t start, quire_pfn_t end, struct quire_zone **zone)
{
	quire_pfn_t stop = end;

	*zone = NULL;
	/* Not by spans: those may overlap when memory came and went. */
	if (quire_topology_zone_of(&q->topology, &q->memblock, start))
		*zone = qi_zone_map_at(&q->topology, start, &stop);
	if (*zone)
		return qi_min(end, stop);
	stop = end;
	/* In no zone (beyond a forced end of memory): up to the next zone's start. */
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (int type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *other = &q->topology.nodes[nid]->zones[type];

			if (other->spanned && other->start_pfn > start)
				stop = qi_min(stop, other->start_pfn);
		}
	return stop;
}

static enum quire_status open_zones(struct quire *q)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (int type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];
			enum quire_status status;

			zone->managed = 0;
			zone->cma_pages = 0;
			if (!quire_zone_populated(zone))
				continue;
			status = qi_zone_open(q, zone);
			if (status != QUIRE_OK)
				return status;
		}
	return QUIRE_OK;
}

static enum quire_status hand_over_free(struct quire *q)
{
	unsigned shift = quire_page_shift(&q->config);
	struct quire_memblock_range range;
	uint64_t cursor;

	quire_memblock_for_each_free(&q->memblock, cursor, QUIRE_NO_NODE, QUIRE_MEMBLOCK_HOTPLUG, &range) {
		quire_pfn_t pfn = qi_pfn_up(range.start, shift), end = qi_pfn_down(range.end, shift);

		while (pfn < end) {
			struct quire_zone *zone;
			quire_pfn_t stop = zone_run(q, pfn, end, &zone);

			if (zone) {
				enum quire_status status = qi_zone_hand_over(q, zone, pfn, stop - pfn);

				if (status != QUIRE_OK)
					return status;
			}
			pfn = stop;
		}
	}
	return QUIRE_OK;
}

enum quire_status qi_hand_over(struct quire *q)
{
	enum quire_status status;

	qi_debug_open(q);
	qi_at_hand_open(q, q->topology.cpu_count);
	status = open_zones(q);
	if (status == QUIRE_OK)
		status = qi_stock_open(q);
	if (status == QUIRE_OK)
		status = qi_zone_map_build(&q->topology, &q->memblock);
	if (status == QUIRE_OK)
		status = qi_cma_prepare(q);
	/* From here on nothing is taken from the ledger. */
	if (status == QUIRE_OK)
		qi_memmap_mark_reserved(q);
	if (status == QUIRE_OK)
		status = hand_over_free(q);
	if (status == QUIRE_OK)
		status = qi_cma_activate(q);
	if (status != QUIRE_OK)
		qi_hand_over_undo(q);
	return status;
}

void qi_hand_over_undo(struct quire *q)
{
	qi_cma_deactivate(q);
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (int type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			qi_zone_close(q, &q->topology.nodes[nid]->zones[type]);
	q->topology.zone_map = NULL;
	q->page_alloc.debug = NULL;
	q->page_alloc.watched = false;
	q->page_alloc.at_hand_cpus = 0;
}

/* A frame that is known to fail, and was not known to be out before: managed without ever being free. */
static void manage_failing(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn)
{
	uint64_t key;

	if (!qi_poison_key(q, pfn, &key) || qi_poison_state(key) != QI_POISON_FOREIGN)
		return;
	qi_zone_lock(qi_zone_of(zone));
	qi_zone_count_failing(qi_zone_of(zone), 1);
	qi_poke(&zone->managed, zone->managed + 1);
	qi_zone_unlock(qi_zone_of(zone));
}

static enum quire_status give_late(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	enum quire_status status = qi_zone_provide(qi_zone_of(zone), pfn, count);

	return status == QUIRE_OK ? qi_zone_hand_over(q, zone, pfn, count) : status;
}

enum quire_status quire_free_late(struct quire *q, quire_phys_t base, quire_phys_t size)
{
	unsigned shift = quire_page_shift(&q->config);
	quire_pfn_t start = qi_pfn_up(base, shift), end, pfn;
	enum quire_status status;
	quire_phys_t last;

	if (q->stage < QUIRE_STAGE_DESCRIPTORS || !qi_add(base, size, &last))
		return QUIRE_EINVAL;
	end = qi_pfn_down(last, shift);
	for (pfn = start; pfn < end;) {
		struct quire_zone *zone;
		quire_pfn_t stop = zone_run(q, pfn, end, &zone);

		if (!zone || !zone->tree || !quire_memblock_is_region_memory(&q->memblock, pfn << shift,
				(stop - pfn) << shift))
			return QUIRE_ENOENT;
		if (qi_zone_any_free(zone, pfn, stop - pfn))
			return QUIRE_EEXIST;
		if (q->stage >= QUIRE_STAGE_HANDOVER)
			qi_stock_expect(qi_zone_of(zone), stop - pfn);
		pfn = stop;
	}
	/* Descriptors first: once the frames are free they are other people's business. */
	status = start < end ? quire_memmap_set_reserved(q, start, end - start, false) : QUIRE_OK;
	for (pfn = start; pfn < end && status == QUIRE_OK;) {
		struct quire_zone *zone;
		quire_pfn_t bad = qi_poison_first(q, pfn, end), stop = zone_run(q, pfn, bad, &zone);

		if (bad == pfn)
			manage_failing(q, zone, stop++);
		else
			status = give_late(q, zone, pfn, stop - pfn);
		if (status == QUIRE_OK)
			pfn = stop;
	}
	if (status != QUIRE_OK)
		quire_memmap_set_reserved(q, pfn, end - pfn, true);
	if (pfn > start)
		qi_poison_online(q, start, pfn - start);
	return status;
}
