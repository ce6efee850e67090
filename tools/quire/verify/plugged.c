/*
 * Memory the running kernel has and its boot did not know: plugged in before the capture was taken. It shows in iomem
 * alone. Each range is offline blocks, or, where that is the kernel's default, online in the zone the policy chooses;
 * then spans, pages, watermarks and reserves of that zone are those after the last range came online.
 */
#include "compare.h"

#include <quire/report.h>

/* The node of an address nobody had memory at: firmware's records name it for what may be plugged there. */
static int plugged_nid(const struct compare *c, quire_phys_t address)
{
	const struct quire_machine *m = c->q->machine;

	if (!c->q->topology.numa_on)
		return 0;
	for (size_t i = 0; i < m->affinity_count; i++) {
		if (address - m->affinities[i].base >= m->affinities[i].size)
			continue;
		for (size_t k = 0; k < m->domain_count; k++)
			if (m->domains[k] == m->affinities[i].domain)
				return (int)k;
	}
	return 0;
}

void plugged_find(struct compare *c)
{
	const struct quire_boot_options *o = &c->q->config.options;
	const struct quire_memblock *mb = &c->q->memblock;
	quire_phys_t block = quire_memory_block_size(&c->q->config, c->q->machine, mb);

	c->plugged_online = o->memhp_online_given ? o->memhp_online : c->q->config.rules >= QUIRE_RULES_6_12;
	for (size_t i = 0; i < c->o->system_ram.count; i++) {
		const struct observed_region *r = &c->o->system_ram.items[i];
		quire_phys_t size = r->last + 1 - r->first;
		struct quire_memory_block described;
		struct plugged_range *range;

		if (!block || r->first % block || size % block || r->last < r->first ||
		    quire_memblock_overlaps_region(mb, &mb->memory, r->first, size))
			continue;
		range = LIST_ADD(&c->plugged);
		if (!range)
			return;
		range->base = r->first;
		range->size = size;
		range->nid = plugged_nid(c, r->first);
		quire_memory_block_describe_added(&c->q->topology, block, r->first / block, range->nid, &described);
		range->zone = described.zone_count ? described.zones[0] : QUIRE_ZONE_NORMAL;
	}
}

const struct plugged_range *plugged_at(const struct compare *c, quire_phys_t base, quire_phys_t size)
{
	for (size_t i = 0; i < c->plugged.count; i++)
		if (base >= c->plugged.items[i].base &&
		    base - c->plugged.items[i].base + size <= c->plugged.items[i].size)
			return &c->plugged.items[i];
	return NULL;
}

static void extend(struct quire_zone *zone, quire_pfn_t start, quire_pfn_t end)
{
	quire_pfn_t old_end = zone->start_pfn + zone->spanned;

	if (!zone->spanned || start < zone->start_pfn)
		zone->start_pfn = start;
	zone->spanned = (old_end > end ? old_end : end) - zone->start_pfn;
	zone->present += end - start;
	zone->managed += end - start;
	zone->node->present += end - start;
}

bool plugged_bring_online(struct compare *c)
{
	unsigned shift = quire_page_shift(&c->q->config);

	for (size_t i = 0; c->plugged_online && i < c->plugged.count; i++) {
		const struct plugged_range *range = &c->plugged.items[i];
		struct quire_zone *zone = compare_zone(c, range->nid, range->zone);

		if (!zone)
			continue;
		extend(zone, range->base >> shift, (range->base + range->size) >> shift);
		c->late.pages[range->nid][range->zone] += range->size >> shift;
	}
	return c->plugged_online && c->plugged.count;
}

void plugged_enter_ledger(struct compare *c)
{
	for (size_t i = 0; c->plugged_online && i < c->plugged.count; i++)
		quire_memblock_add_node(&c->q->memblock, c->plugged.items[i].base, c->plugged.items[i].size,
					c->plugged.items[i].nid, 0);
}
