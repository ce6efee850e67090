/* Who asks whom: fallback orders and zonelists; and how descriptors' flags are laid out. */
#include "compare.h"

#include <quire/report.h>

static void fallback_orders(struct compare *c)
{
	if (!c->o->fallbacks.count)
		findings_missing(c->f, 1);
	for (size_t i = 0; i < c->o->fallbacks.count; i++) {
		const struct observed_fallback *theirs = &c->o->fallbacks.items[i];
		const struct quire_node *node = quire_topology_node(&c->q->topology, theirs->nid);
		char text[sizeof(theirs->nodes)] = "";
		size_t length = 0;

		for (size_t k = 0; node && k < node->fallback_count && length < sizeof(text); k++)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%d", k ? " " : "",
						   node->fallback[k]);
		findings_text(c->f, theirs->origin, text, theirs->nodes, "fallback order of node %d", theirs->nid);
	}
}

/* What a request for zones up to `type` on this node sees. */
static void list_text(const struct quire_node *node, bool thisnode, enum quire_zone_type type, char *text, size_t size)
{
	const struct quire_zonelist *list =
		&node->zonelists[thisnode ? QUIRE_ZONELIST_NOFALLBACK : QUIRE_ZONELIST_FALLBACK];
	size_t length = 0;

	text[0] = 0;
	for (size_t k = 0; k < list->count && length < size; k++)
		if (list->zones[k]->type <= type)
			length += (size_t)snprintf(text + length, size - length, "%s%d:%s", length ? " " : "",
						   list->zones[k]->node->nid, quire_zone_name(list->zones[k]->type));
}

static void zonelists(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;
	size_t populated = 0, general = 0;

	if (!c->o->zonelists.count) {
		findings_missing(c->f, 1);
		return;
	}
	for (size_t i = 0; i < c->o->zonelists.count; i++) {
		const struct observed_zonelist *theirs = &c->o->zonelists.items[i];
		const struct quire_node *node = quire_topology_node(t, theirs->nid);
		char text[sizeof(theirs->zones)] = "";

		general += !theirs->thisnode;
		if (node)
			list_text(node, theirs->thisnode, theirs->type, text, sizeof(text));
		findings_text(c->f, theirs->origin, text, theirs->zones, "zonelist %s of node %d for %s",
			      theirs->thisnode ? "thisnode" : "general", theirs->nid, quire_zone_name(theirs->type));
	}
	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			populated += quire_zone_populated(&t->nodes[nid]->zones[type]);
	findings_number(c->f, c->o->zonelists.items[0].origin, populated, general, "number of zonelists shown");
}

/* Pages the first zone was charged with beside descriptors, where an older kernel says so. */
static uint64_t charged(const struct compare *c)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < c->o->reserved_pages.count; i++)
		pages += c->o->reserved_pages.items[i].pages;
	return pages;
}

static void built(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;
	const struct observed_built *b = &c->o->built;
	unsigned online = 0;

	if (!b->found) {
		findings_missing(c->f, 3);
		return;
	}
	for (unsigned nid = 0; nid < t->node_count; nid++)
		online += t->nodes[nid] && t->nodes[nid]->online;
	findings_number(c->f, b->origin, online, b->lists, "number of nodes with zonelists");
	/* What is charged before pages are counted changed somewhere between the two kernels whose rules we have. */
	if (c->o->kernel_major == 6 && c->o->kernel_minor > 1 && c->o->kernel_minor < 12)
		findings_missing(c->f, 1);
	else if (c->exact || c->q->config.rules != QUIRE_RULES_6_1)
		findings_number(c->f, b->origin, quire_total_pages(t, &c->q->memblock), b->total_pages, "Total pages");
	else if (c->o->reserved_pages.count) {
		struct quire_memblock none = { 0 };

		/* Without reservations nothing is charged for the lowest memory: take the kernel's word for that part.
		 */
		findings_number(c->f, b->origin, quire_total_pages(t, &none) - charged(c), b->total_pages,
				"Total pages");
	} else
		findings_estimate(c->f, b->origin, quire_total_pages(t, &c->q->memblock), b->total_pages,
				  "Total pages");
	if (!b->policy_zone[0])
		return;
	for (unsigned type = QUIRE_ZONE_TYPES; type-- > 0;) {
		bool populated = false;

		for (unsigned nid = 0; nid < t->node_count; nid++)
			populated |= t->nodes[nid] && quire_zone_populated(&t->nodes[nid]->zones[type]);
		if (!populated || type == QUIRE_ZONE_MOVABLE)
			continue;
		findings_text(c->f, b->policy_origin, quire_zone_name((enum quire_zone_type)type), b->policy_zone,
			      "policy zone");
		return;
	}
}

struct layout_lines {
	struct compare *c;
	size_t next;
};

static void layout_line(void *ctx, const char *line)
{
	struct layout_lines *l = ctx;
	const struct observed *o = l->c->o;

	if (l->next < o->layouts.count)
		findings_text(l->c->f, o->layouts.items[l->next].origin, line, o->layouts.items[l->next].text,
			      "page-flags layout %zu", l->next);
	l->next++;
}

static void layout(struct compare *c)
{
	struct quire_page_layout_params params;
	struct layout_lines lines = { c, 0 };
	struct quire_page_layout ours;
	const char *why = "";

	if (!c->o->layouts.count) {
		findings_missing(c->f, 1);
		return;
	}
	quire_page_layout_linux(&c->q->config, &params);
	if (quire_page_layout_compute(&params, &ours, &why) == QUIRE_OK)
		quire_page_layout_print(&ours, layout_line, &lines);
	findings_number(c->f, c->o->layouts.items[0].origin, lines.next, c->o->layouts.count,
			"lines of page-flags layout");
}

void compare_lists(struct compare *c)
{
	fallback_orders(c);
	zonelists(c);
	built(c);
	layout(c);
}
