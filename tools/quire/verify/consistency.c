/*
 * What a capture says about the same thing in several places must agree. Where it does not, no result of ours could
 * match all of it: that is said as a note, and the comparisons show the rest.
 */
#include "compare.h"

#include <inttypes.h>

/* Memory plugged in while the kernel ran: totals of boot and of the running kernel then differ for a good reason. */
static bool plugged(const struct compare *c)
{
	for (size_t i = 0; i < c->o->system_ram.count; i++) {
		const struct observed_region *r = &c->o->system_ram.items[i];

		if (!quire_memblock_overlaps_region(&c->q->memblock, &c->q->memblock.memory, r->first,
						    r->last + 1 - r->first))
			return true;
	}
	return false;
}

static void totals(struct compare *c)
{
	uint64_t present = 0, managed = 0, cma = 0, page_k = ((uint64_t)1 << quire_page_shift(&c->q->config)) >> 10;
	const struct observed *o = c->o;

	for (size_t i = 0; i < o->zones.count; i++) {
		const struct observed_zone *zone = &o->zones.items[i];

		present += zone->present;
		managed += zone->managed;
		cma += zone->cma;
		if (zone->managed > zone->present || zone->present > zone->spanned)
			findings_remark(c->f, zone->origin,
					"the capture contradicts itself: node %d zone %s manages %" PRIu64
					", has %" PRIu64 " and spans %" PRIu64 " pages",
					zone->nid, quire_zone_name(zone->type), zone->managed, zone->present,
					zone->spanned);
	}
	if (!o->zones.count || plugged(c))
		return;
	if (o->memory.found && present * page_k != o->memory.physical_k)
		findings_remark(c->f, o->memory.origin,
				"the capture contradicts itself: zones have %" PRIu64 "K, the log says %" PRIu64 "K",
				present * page_k, o->memory.physical_k);
	if (o->has_mem_total && managed * page_k != o->mem_total_k)
		findings_remark(c->f, o->mem_total_origin,
				"the capture contradicts itself: zones manage %" PRIu64 "K, MemTotal is %" PRIu64 "K",
				managed * page_k, o->mem_total_k);
	if (o->has_cma_total && cma * page_k != o->cma_total_k)
		findings_remark(c->f, o->cma_total_origin,
				"the capture contradicts itself: zones have %" PRIu64 "K of CMA, CmaTotal is %" PRIu64
				"K",
				cma * page_k, o->cma_total_k);
}

/* Tables are sorted and disjoint, and their printed sum is theirs. Memory's sum may have lost track of trimmed pieces.
 */
static void tables(struct compare *c)
{
	for (size_t i = 0; i < c->o->dumps.count; i++) {
		const struct observed_tables *dump = &c->o->dumps.items[i];
		uint64_t sum = 0, end = 0;
		bool sorted = true;

		for (size_t k = 0; k < dump->reserved.count; k++) {
			const struct observed_region *r = &dump->reserved.items[k];

			sorted &= !k || r->first >= end;
			end = r->last + 1;
			sum += end - r->first;
		}
		if (!sorted)
			findings_remark(c->f, dump->origin,
					"the capture contradicts itself: regions of table %zu overlap", i + 1);
		if (dump->has_sizes && sum != dump->reserved_size)
			findings_remark(
				c->f, dump->origin,
				"the capture contradicts itself: reserved regions of table %zu sum up to %#" PRIx64
				", it says %#" PRIx64,
				i + 1, sum, dump->reserved_size);
	}
}

/* Which nodes have memory: by the log, by sysfs. */
static void ranges(struct compare *c)
{
	const struct observed *o = c->o;

	for (size_t i = 0; i < o->early_ranges.count; i++) {
		const struct observed_node_range *range = &o->early_ranges.items[i];
		bool inside = !o->setup_nodes.count;

		for (size_t k = 0; k < o->setup_nodes.count; k++)
			inside |= o->setup_nodes.items[k].nid == range->nid &&
				  o->setup_nodes.items[k].first <= range->first &&
				  o->setup_nodes.items[k].last >= range->last;
		if (!inside)
			findings_remark(c->f, range->origin,
					"the capture contradicts itself: [%#" PRIx64 "-%#" PRIx64
					"] lies outside node %d",
					range->first, range->last, range->nid);
	}
}

void compare_consistency(struct compare *c)
{
	totals(c);
	tables(c);
	ranges(c);
}
