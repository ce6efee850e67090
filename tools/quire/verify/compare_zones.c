/* Zone ranges, nodes, spans and holes. */
#include "compare.h"

#include <quire/report.h>

#include <inttypes.h>

static unsigned shift_of(const struct compare *c)
{
	return quire_page_shift(&c->q->config);
}

static void describe(char *text, size_t size, bool empty, uint64_t first, uint64_t last)
{
	if (empty)
		snprintf(text, size, "empty");
	else
		snprintf(text, size, "[%#" PRIx64 "-%#" PRIx64 "]", first, last);
}

static void zone_ranges(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;

	if (!c->o->zone_ranges.count)
		findings_missing(c->f, 1);
	for (size_t i = 0; i < c->o->zone_ranges.count; i++) {
		const struct observed_zone_range *theirs = &c->o->zone_ranges.items[i];
		quire_pfn_t low = t->zone_low[theirs->type], high = t->zone_high[theirs->type];
		char a[64], b[64];

		describe(a, sizeof(a), low >= high, low << shift_of(c), (high << shift_of(c)) - 1);
		describe(b, sizeof(b), theirs->empty, theirs->first, theirs->last);
		findings_text(c->f, theirs->origin, a, b, "zone range %s", quire_zone_name(theirs->type));
	}
}

static void movable_starts(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;

	if (!c->o->movable_header) {
		findings_missing(c->f, 1);
		return;
	}
	for (unsigned nid = 0; nid < t->node_count; nid++) {
		struct origin origin = c->o->movable_origin;
		uint64_t theirs = 0;

		if (!t->nodes[nid])
			continue;
		for (size_t i = 0; i < c->o->movable.count; i++) {
			if (c->o->movable.items[i].nid != (int)nid)
				continue;
			theirs = c->o->movable.items[i].first;
			origin = c->o->movable.items[i].origin;
		}
		findings_address(c->f, origin, t->nodes[nid]->movable_pfn << shift_of(c), theirs,
				 "movable zone start of node %u", nid);
	}
}

static void early_ranges(struct compare *c)
{
	struct quire_pfn_range range;
	size_t index, n = 0;

	if (!c->o->early_ranges.count) {
		findings_missing(c->f, 1);
		return;
	}
	quire_memblock_for_each_pfn_range(&c->q->memblock, index, QUIRE_NO_NODE, shift_of(c), &range) {
		const struct observed_node_range *theirs =
			n < c->o->early_ranges.count ? &c->o->early_ranges.items[n] : NULL;
		char a[80], b[80] = "nothing";

		snprintf(a, sizeof(a), "node %d [%#" PRIx64 "-%#" PRIx64 "]", range.nid, range.start << shift_of(c),
			 (range.end << shift_of(c)) - 1);
		if (theirs)
			snprintf(b, sizeof(b), "node %d [%#" PRIx64 "-%#" PRIx64 "]", theirs->nid, theirs->first,
				 theirs->last);
		findings_text(c->f, theirs ? theirs->origin : c->o->early_ranges.items[0].origin, a, b,
			      "early memory range %zu", n);
		n++;
	}
	findings_number(c->f, c->o->early_ranges.items[0].origin, n, c->o->early_ranges.count,
			"number of early memory ranges");
}

static void node_spans(struct compare *c)
{
	if (!c->o->setup_nodes.count)
		findings_missing(c->f, 1);
	for (size_t i = 0; i < c->o->setup_nodes.count; i++) {
		const struct observed_node_range *theirs = &c->o->setup_nodes.items[i];
		const struct quire_node *node = quire_topology_node(&c->q->topology, theirs->nid);
		char a[64] = "no such node", b[64];

		if (node)
			describe(a, sizeof(a), node->start_pfn == node->end_pfn, node->start_pfn << shift_of(c),
				 (node->end_pfn << shift_of(c)) - 1);
		/* Older kernels print a memoryless node as [0-0) and the like. */
		describe(b, sizeof(b), theirs->nothing || theirs->last + 1 == theirs->first || !theirs->last,
			 theirs->first, theirs->last);
		findings_text(c->f, theirs->origin, a, b, "span of node %d", theirs->nid);
	}
}

struct unavailable {
	struct compare *c;
	size_t next;
};

static void unavailable_line(void *ctx, int nid, enum quire_zone_type type, uint64_t pages)
{
	struct unavailable *u = ctx;
	const struct observed *o = u->c->o;
	const struct observed_zone_pages *theirs =
		u->next < o->unavailable.count ? &o->unavailable.items[u->next] : NULL;
	char a[96], b[96] = "nothing";

	snprintf(a, sizeof(a), "node %d zone %s: %" PRIu64, nid, quire_zone_name(type), pages);
	if (theirs)
		snprintf(b, sizeof(b), "node %d zone %s: %" PRIu64, theirs->nid, quire_zone_name(theirs->type),
			 theirs->pages);
	findings_text(u->c->f, theirs ? theirs->origin : o->setup_nodes.items[0].origin, a, b, "unavailable range %zu",
		      u->next);
	u->next++;
}

/* The lines exist since 5.11; before them nothing is known. */
static void unavailable(struct compare *c)
{
	struct unavailable u = { c, 0 };

	if (!c->o->setup_nodes.count || (!c->o->unavailable.count && c->o->kernel_major < 6)) {
		findings_missing(c->f, 1);
		return;
	}
	quire_memmap_unavailable(&c->q->topology, &c->q->memblock, unavailable_line, &u);
	findings_number(c->f, c->o->setup_nodes.items[0].origin, u.next, c->o->unavailable.count,
			"number of unavailable ranges");
}

static void classic_counts(struct compare *c)
{
	for (size_t i = 0; i < c->o->total_pages.count; i++) {
		const struct observed_node_range *theirs = &c->o->total_pages.items[i];
		const struct quire_node *node = quire_topology_node(&c->q->topology, theirs->nid);

		findings_number(c->f, theirs->origin, node ? node->present : 0, theirs->first, "totalpages of node %d",
				theirs->nid);
	}
	for (size_t i = 0; i < c->o->memmap_pages.count; i++) {
		const struct observed_zone_pages *theirs = &c->o->memmap_pages.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);

		findings_number(c->f, theirs->origin, zone ? quire_zone_memmap_pages(&c->q->topology, zone) : 0,
				theirs->pages, "memmap pages of node %d zone %s", theirs->nid,
				quire_zone_name(theirs->type));
	}
	for (size_t i = 0; i < c->o->zone_pages.count; i++) {
		const struct observed_zone_pages *theirs = &c->o->zone_pages.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);

		findings_number(c->f, theirs->origin, zone ? zone->present : 0, theirs->pages,
				"pages of node %d zone %s", theirs->nid, quire_zone_name(theirs->type));
	}
}

void compare_zone_sizes(struct compare *c)
{
	if (!c->o->zones.count)
		findings_missing(c->f, 3);
	for (size_t i = 0; i < c->o->zones.count; i++) {
		const struct observed_zone *theirs = &c->o->zones.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);
		const char *name = quire_zone_name(theirs->type);

		findings_number(c->f, theirs->origin, zone ? zone->spanned : 0, theirs->spanned,
				"spanned of node %d zone %s", theirs->nid, name);
		findings_number(c->f, theirs->origin, zone ? zone->present : 0, theirs->present,
				"present of node %d zone %s", theirs->nid, name);
		if (theirs->populated)
			findings_address(c->f, theirs->origin, zone ? zone->start_pfn : 0, theirs->start_pfn,
					 "start_pfn of node %d zone %s", theirs->nid, name);
	}
}

void compare_zones(struct compare *c)
{
	zone_ranges(c);
	movable_starts(c);
	early_ranges(c);
	node_spans(c);
	unavailable(c);
	classic_counts(c);
}
