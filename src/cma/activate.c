/*
 * Areas come to life at hand-over: reserved until now, they become free pageblocks of type CMA. An area that cannot be
 * one is worth more as ordinary memory than reserved.
 */
#include "cma/cma.h"

#include "base/base.h"
#include "boot/meta.h"
#include "zone/zone.h"

#ifndef QUIRE_WITHOUT_CMA

enum quire_status qi_cma_prepare(struct quire *q)
{
	for (size_t i = 0; i < q->cma_count; i++)
		for (unsigned k = 0; k < q->cma[i].range_count; k++) {
			struct quire_cma_range *range = &q->cma[i].ranges[k];
			size_t bytes = (size_t)(qi_cma_bits(&q->cma[i], range) / 64 + 1) * sizeof(uint64_t);

			range->bitmap = qi_meta_alloc(q, bytes, 64, q->cma[i].nid, &q->metadata.books);
			if (!range->bitmap)
				return QUIRE_ENOMEM;
		}
	return QUIRE_OK;
}

/* The zone that has all of the range; NULL: none. */
static struct quire_zone *single_zone(const struct quire *q, const struct quire_cma_range *range)
{
	quire_pfn_t last = range->base_pfn + range->count - 1;
	struct quire_zone *zone = quire_topology_zone_of(&q->topology, &q->memblock, range->base_pfn);

	if (!zone || last >= zone->start_pfn + zone->spanned)
		return NULL;
	return quire_topology_zone_of(&q->topology, &q->memblock, last) == zone ? zone : NULL;
}

static enum quire_status give_up(struct quire *q, struct quire_cma_area *area)
{
	unsigned shift = quire_page_shift(&q->config);
	enum quire_status status = QUIRE_OK;

	qi_log(q->platform, QUIRE_LOG_ERROR, "cma: CMA area %s could not be activated", area->name);
	for (unsigned i = 0; i < area->range_count && status == QUIRE_OK; i++)
		status = quire_free_late(q, area->ranges[i].base_pfn << shift, area->ranges[i].count << shift);
	area->count = 0;
	return status;
}

static enum quire_status activate(struct quire *q, struct quire_cma_area *area)
{
	enum quire_status status = QUIRE_OK;

	for (unsigned i = 0; i < area->range_count; i++)
		if (!single_zone(q, &area->ranges[i]))
			return give_up(q, area);
	for (unsigned i = 0; i < area->range_count && status == QUIRE_OK; i++) {
		struct quire_cma_range *range = &area->ranges[i];

		status = qi_zone_hand_over_cma(q, single_zone(q, range), range->base_pfn, range->count);
	}
	area->active = status == QUIRE_OK;
	/* Those that are written say what the ledger said. */
	for (unsigned i = 0; i < area->range_count && status == QUIRE_OK; i++)
		status = quire_memmap_set_reserved(q, area->ranges[i].base_pfn, area->ranges[i].count, false);
	return status;
}

enum quire_status qi_cma_activate(struct quire *q)
{
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < q->cma_count && status == QUIRE_OK; i++)
		status = activate(q, &q->cma[i]);
	return status;
}

void qi_cma_deactivate(struct quire *q)
{
	for (size_t i = 0; i < q->cma_count; i++) {
		q->cma[i].active = false;
		for (unsigned k = 0; k < q->cma[i].range_count; k++)
			q->cma[i].ranges[k].bitmap = NULL;
	}
}

#endif
