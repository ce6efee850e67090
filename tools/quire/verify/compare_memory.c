/* How much each zone manages, and the totals of the log. */
#include "compare.h"

#define KIB_PER_PAGE(c) (((uint64_t)1 << quire_page_shift(&(c)->q->config)) >> 10)

static void for_each_zone(struct compare *c, void (*fn)(struct compare *c, struct quire_zone *zone))
{
	for (unsigned nid = 0; nid < c->q->topology.node_count; nid++)
		for (unsigned type = 0; c->q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			fn(c, &c->q->topology.nodes[nid]->zones[type]);
}

/*
 * A CMA area must lie in one zone. If it does not, its pages go to the allocator all the same, as ordinary memory. Each
 * area counts once even where two were declared over the same pages.
 */
static void count_cma(struct compare *c)
{
	unsigned shift = quire_page_shift(&c->q->config);

	for (size_t i = 0; i < c->q->cma_count; i++) {
		const struct quire_cma_area *area = &c->q->cma[i];
		struct linux_count *one = calloc(1, sizeof(*one));
		bool single = false;

		if (!one)
			return;
		linux_count_range(c->q, one, area->base_pfn << shift, area->count << shift);
		for (unsigned nid = 0; nid < QUIRE_MAX_NODES; nid++)
			for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
				c->free.pages[nid][type] += one->pages[nid][type];
				if (one->pages[nid][type] == area->count && area->count) {
					c->cma.pages[nid][type] += area->count;
					single = true;
				}
			}
		if (!single && area->count)
			findings_number(c->f, c->o->memory.origin, 1, c->o->cma_inactive.count != 0,
					"CMA area %s cannot be activated", area->name);
		free(one);
	}
}

static void set_early(struct compare *c, struct quire_zone *zone)
{
	zone->managed = c->early.pages[zone->node->nid][zone->type];
	zone->cma_pages = c->cma.pages[zone->node->nid][zone->type];
}

void compare_managed(struct compare *c)
{
	linux_count_free(c->q, &c->free, NULL);
	count_cma(c);
	c->early = c->free;
	for (size_t i = 0; i < c->ledger->releases.count; i++) {
		const struct linux_release *r = &c->ledger->releases.items[i];
		struct linux_count *to = r->kind == LINUX_RELEASE_EARLY	     ? &c->early
					 : r->kind == LINUX_RELEASE_GIGANTIC ? &c->gigantic
									     : &c->late;

		linux_count_range(c->q, to, r->base, r->size);
	}
	for_each_zone(c, set_early);
}

static uint64_t cma_pages(const struct compare *c)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < c->q->cma_count; i++)
		pages += c->q->cma[i].count;
	return pages;
}

/* Pages the log says were released before its line `line`. */
static uint64_t released_before(const struct compare *c, size_t line)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < c->o->freed.count; i++)
		if (c->o->freed.items[i].origin.line < line)
			pages += c->o->freed.items[i].kbytes / KIB_PER_PAGE(c);
	return pages;
}

/* Free pages of a zone in [start, end). */
static uint64_t zone_free(const struct compare *c, const struct quire_zone *zone, quire_pfn_t start, quire_pfn_t end)
{
	unsigned shift = quire_page_shift(&c->q->config);
	quire_pfn_t zone_end = zone->start_pfn + zone->spanned;
	struct quire_memblock_range range;
	uint64_t cursor, pages = 0;

	start = start > zone->start_pfn ? start : zone->start_pfn;
	end = end < zone_end ? end : zone_end;
	quire_memblock_for_each_free(&c->q->memblock, cursor, zone->node->nid, QUIRE_MEMBLOCK_HOTPLUG, &range) {
		quire_pfn_t low = (range.start + ((quire_phys_t)1 << shift) - 1) >> shift, high = range.end >> shift;

		low = low > start ? low : start;
		high = high < end ? high : end;
		pages += low < high ? high - low : 0;
	}
	return pages;
}

/*
 * One step of bringing deferred memory forward: from the first free page at *split to a section's end, a section's
 * worth at least.
 */
static uint64_t grow(const struct compare *c, const struct quire_zone *zone, quire_pfn_t *split)
{
	quire_pfn_t section = quire_pages_per_section(&c->q->config), end = zone->start_pfn + zone->spanned, next;
	uint64_t pages = 0;

	for (next = *split; next < end && pages < section; next = (next / section + 1) * section)
		pages += zone_free(c, zone, next, (next / section + 1) * section);
	*split = next;
	return pages;
}

/*
 * 6.1 prints the line when only what was initialised early is free. Before that an x86_64 kernel has taken 64 pages, on
 * the node of the booting CPU, whatever zone comes first there: if that has nothing left more of it is initialised.
 */
static uint64_t taken_early(const struct compare *c, quire_pfn_t *split)
{
	const struct quire_topology *t = &c->q->topology;
	int nid = t->cpu_count ? t->cpu_node[0] : 0;
	const struct quire_node *node = quire_topology_node(t, nid);
	uint64_t wanted = 64, grown = 0;

	if (c->q->config.arch != QUIRE_ARCH_X86_64 || !node)
		return 0;
	for (size_t i = 0; i < node->zonelists[QUIRE_ZONELIST_FALLBACK].count && wanted; i++) {
		const struct quire_zone *zone = node->zonelists[QUIRE_ZONELIST_FALLBACK].zones[i];
		quire_pfn_t *edge = &split[zone->node->nid];
		uint64_t free, more;

		if (zone->type > QUIRE_ZONE_NORMAL)
			continue;
		free = zone_free(c, zone, 0, *edge);
		while (free < wanted && *edge < zone->start_pfn + zone->spanned &&
		       zone->start_pfn + zone->spanned == zone->node->end_pfn && (more = grow(c, zone, edge))) {
			free += more;
			grown += more;
		}
		wanted -= free < wanted ? free : wanted;
	}
	return 64 - wanted - grown;
}

static void available(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;
	quire_pfn_t *split = malloc(QUIRE_MAX_NODES * sizeof(*split));
	struct linux_count *count = calloc(1, sizeof(*count));

	for (unsigned nid = 0; split && nid < QUIRE_MAX_NODES; nid++)
		split[nid] = t->nodes[nid] ? quire_memmap_deferred_split(t, &c->q->memblock, (int)nid) : QUIRE_PFN_NONE;
	if (split && count) {
		linux_count_free(c->q, count, split);
		findings_number(c->f, c->o->memory.origin,
				(linux_count_total(count) - taken_early(c, split)) * KIB_PER_PAGE(c),
				c->o->memory.available_k, "Memory: available (K)");
	}
	free(split);
	free(count);
}

static void memory_line(struct compare *c)
{
	const struct observed_memory *m = &c->o->memory;
	const struct quire_topology *t = &c->q->topology;
	bool late = m->found && c->o->slub_origin.file && m->origin.line > c->o->slub_origin.line;
	uint64_t present = 0, free = linux_count_total(&c->free) - cma_pages(c);

	if (!m->found) {
		findings_missing(c->f, 4);
		return;
	}
	for (unsigned nid = 0; nid < t->node_count; nid++)
		present += t->nodes[nid] ? t->nodes[nid]->present : 0;
	findings_number(c->f, m->origin, present * KIB_PER_PAGE(c), m->physical_k, "Memory: physical (K)");
	/* Printed late (6.12), it counts what was given back meanwhile, gigantic pages included. */
	if (late)
		free += released_before(c, m->origin.line) + linux_count_total(&c->gigantic);
	if (!c->exact) {
		findings_estimate(c->f, m->origin, free * KIB_PER_PAGE(c), m->physical_k - m->reserved_k - m->cma_k,
				  "Memory: free at hand-over (K)");
		return;
	}
	findings_number(c->f, m->origin, free * KIB_PER_PAGE(c), m->physical_k - m->reserved_k - m->cma_k,
			"Memory: free at hand-over (K)");
	findings_number(c->f, m->origin, cma_pages(c) * KIB_PER_PAGE(c) + (c->ledger->cma_refused >> 10), m->cma_k,
			"Memory: cma-reserved (K)");
	if (!late && c->q->config.rules == QUIRE_RULES_6_1)
		available(c);
	else
		findings_missing(c->f, 1);
}

static void managed(struct compare *c)
{
	for (size_t i = 0; i < c->o->zones.count; i++) {
		const struct observed_zone *theirs = &c->o->zones.items[i];
		struct origin origin = theirs->origin;
		uint64_t ours = 0, cma = 0;

		if (theirs->nid < QUIRE_MAX_NODES) {
			ours = c->early.pages[theirs->nid][theirs->type] +
			       c->gigantic.pages[theirs->nid][theirs->type] + c->late.pages[theirs->nid][theirs->type];
			cma = c->cma.pages[theirs->nid][theirs->type];
		}
		if (c->exact)
			findings_number(c->f, origin, ours, theirs->managed, "managed of node %d zone %s", theirs->nid,
					quire_zone_name(theirs->type));
		else
			findings_estimate(c->f, origin, ours, theirs->managed, "managed of node %d zone %s",
					  theirs->nid, quire_zone_name(theirs->type));
		if (theirs->has_cma)
			findings_number(c->f, origin, cma, theirs->cma, "cma of node %d zone %s", theirs->nid,
					quire_zone_name(theirs->type));
	}
}

static void totals(struct compare *c)
{
	uint64_t total = linux_count_total(&c->early) + linux_count_total(&c->gigantic) + linux_count_total(&c->late);

	if (c->o->has_mem_total && c->exact)
		findings_number(c->f, c->o->mem_total_origin, total * KIB_PER_PAGE(c), c->o->mem_total_k,
				"MemTotal (K)");
	else
		findings_missing(c->f, 1);
	if (c->o->has_cma_total)
		findings_number(c->f, c->o->cma_total_origin, linux_count_total(&c->cma) * KIB_PER_PAGE(c),
				c->o->cma_total_k, "CmaTotal (K)");
}

/* Free pages of the node at and above `split`. */
static uint64_t deferred_free(const struct compare *c, int nid, quire_pfn_t split)
{
	unsigned shift = quire_page_shift(&c->q->config);
	struct quire_memblock_range range;
	uint64_t cursor, pages = 0;

	quire_memblock_for_each_free(&c->q->memblock, cursor, nid, QUIRE_MEMBLOCK_HOTPLUG, &range) {
		quire_pfn_t start = range.start >> shift, end = range.end >> shift;

		if (end > split)
			pages += end - (start > split ? start : split);
	}
	return pages;
}

/*
 * A node prints that its deferred pages were initialised exactly if something of it was deferred until then. An
 * allocation that fails early brings forward a section's worth at a time, so where no more than that is free it may all
 * be done, unseen, before.
 */
static void deferred(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;

	if (!c->o->online_cpus_origin.file || !c->o->has_log || c->o->panicked || !c->o->setup_nodes.count ||
	    c->o->kernel_major < 6) {
		findings_missing(c->f, 1);
		return;
	}
	for (unsigned nid = 0; nid < t->node_count; nid++) {
		struct origin origin = c->o->setup_nodes.items[0].origin;
		quire_pfn_t split;
		bool theirs = false;

		if (!t->nodes[nid] || !t->nodes[nid]->has_memory)
			continue;
		split = quire_memmap_deferred_split(t, &c->q->memblock, (int)nid);
		if (split != QUIRE_PFN_NONE &&
		    deferred_free(c, (int)nid, split) < quire_pages_per_section(&c->q->config)) {
			findings_missing(c->f, 1);
			continue;
		}
		for (size_t i = 0; i < c->o->deferred.count; i++) {
			if (c->o->deferred.items[i].nid != (int)nid)
				continue;
			theirs = true;
			origin = c->o->deferred.items[i].origin;
		}
		findings_number(c->f, origin, split != QUIRE_PFN_NONE, theirs, "initialisation of node %u is deferred",
				nid);
	}
}

void compare_memory_line(struct compare *c)
{
	memory_line(c);
	deferred(c);
}

void compare_memory(struct compare *c)
{
	if (!c->o->zones.count)
		findings_missing(c->f, 2);
	managed(c);
	totals(c);
}
