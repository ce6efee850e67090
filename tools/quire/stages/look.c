/*
 * Comparing a machine with a recording of it. Zones, pages, marks and sums by the comparisons of a boot; memory blocks as
 * they stand now.
 */
#include "stages.h"

#include <inttypes.h>

static void take_bounds(struct stages *st)
{
	const struct quire_topology *t = &st->s.q->topology;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			if (t->nodes[nid]->zones[type].pcp_high_max > st->pcp_most[nid][type])
				st->pcp_most[nid][type] = t->nodes[nid]->zones[type].pcp_high_max;
}

/* The figures the comparisons of a boot work out from a ledger are the zones' own by now. */
static void take_figures(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &t->nodes[nid]->zones[type];

			c->early.pages[nid][type] = zone->managed;
			c->cma.pages[nid][type] = zone->cma_pages;
			memcpy(c->protection[nid][type], zone->lowmem_reserve, sizeof(c->protection[nid][type]));
		}
}

/* "node0 node1" */
static void node_links(const struct quire_block *block, char *text, size_t size)
{
	size_t length = 0;

	text[0] = 0;
	for (int nid = 0; nid < 64 && length < size; nid++)
		if (block->nodes >> nid & 1)
			length += (size_t)snprintf(text + length, size - length, "%snode%d", length ? " " : "", nid);
}

static void look_at_block(struct stages *st, const struct observed_block *theirs)
{
	static const char *const states[] = { "offline", "online", "going-offline" };
	quire_pfn_t pfn = theirs->index * (st->block_size >> quire_page_shift(&st->s.q->config));
	char zones[64] = "no such block", nodes[400] = "no such block";
	struct quire_block block;
	bool there = quire_block_at(st->s.q, pfn, &block) == QUIRE_OK;

	if (there) {
		quire_memory_valid_zones(st->s.q, pfn, zones, sizeof(zones));
		node_links(&block, nodes, sizeof(nodes));
	}
	findings_text(st->f, theirs->origin, there ? states[block.state] : "absent", theirs->state,
		      "state of memory%" PRIu64, theirs->index);
	findings_text(st->f, theirs->origin, zones, theirs->zones, "valid zones of memory%" PRIu64, theirs->index);
	findings_text(st->f, theirs->origin, nodes, theirs->nodes, "nodes of memory%" PRIu64, theirs->index);
}

static void blocks(struct stages *st)
{
	uint64_t cursor = 0, count = 0;
	struct quire_block block;

	if (!st->now.blocks.count) {
		findings_missing(st->f, 1);
		return;
	}
	for (size_t i = 0; i < st->now.blocks.count; i++)
		look_at_block(st, &st->now.blocks.items[i]);
	while (quire_block_next(st->s.q, &cursor, &block))
		count++;
	findings_number(st->f, st->now.blocks.items[0].origin, count, st->now.blocks.count, "number of memory blocks");
}

void stage_look(struct stages *st)
{
	struct compare *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	take_bounds(st);
	*c = (struct compare){ .f = st->f, .o = &st->now, .q = st->s.q, .exact = st->s.replayed, .pcp_most = st->pcp_most };
	take_figures(c);
	compare_zone_sizes(c);
	compare_memory(c);
	compare_marks(c);
	blocks(st);
	free(c);
}
