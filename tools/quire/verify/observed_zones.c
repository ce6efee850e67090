/* The log's lines about zones, nodes and zonelists. */
#include "observed.h"

static bool zone_range(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_zone_range range = { .origin = origin }, *added;
	struct text_slice name;

	if (!text_take_word(&text, &name) || !observed_zone_type(name, &range.type))
		return false;
	text_skip_blanks(&text);
	range.empty = text_equals(text, "empty");
	if (!range.empty && !text_take_range(&text, &range.first, &range.last))
		return false;
	added = LIST_ADD(&o->zone_ranges);
	if (added)
		*added = range;
	return true;
}

/* "Node 0: 0x100000000" below "Movable zone start for each node" */
static bool movable_start(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_node_range *added;
	uint64_t start;
	int nid;

	if (!o->movable_header || !text_take(&text, "Node ") || !observed_take_nid(&text, &nid) ||
	    !text_take(&text, ": ") || !text_take_number(&text, &start))
		return false;
	added = LIST_ADD(&o->movable);
	if (added) {
		added->origin = origin;
		added->nid = nid;
		added->first = start;
	}
	return true;
}

/* "node   0: [mem …]" below "Early memory node ranges" */
static bool early_range(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_node_range range = { .origin = origin }, *added;
	int nid;

	if (!text_take(&text, "node ") || !observed_take_nid(&text, &nid) || !text_take(&text, ": ") ||
	    !text_take_range(&text, &range.first, &range.last))
		return false;
	range.nid = nid;
	added = LIST_ADD(&o->early_ranges);
	if (added)
		*added = range;
	return true;
}

static bool setup_node(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_node_range range = { .origin = origin }, *added;
	int nid;

	if (!text_take(&text, "Initmem setup node ") || !observed_take_nid(&text, &nid))
		return false;
	text_skip_blanks(&text);
	range.nid = nid;
	range.nothing = text_starts(text, "as memoryless");
	if (!range.nothing && !text_take_range_loose(&text, &range.first, &range.last))
		return false;
	added = LIST_ADD(&o->setup_nodes);
	if (added)
		*added = range;
	return true;
}

/* "On node 0, zone DMA: 97 pages in unavailable ranges"; "On node 0 totalpages: 33530385" */
static bool node_pages(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_zone_pages *zone;
	struct text_slice name;
	enum quire_zone_type type;
	uint64_t pages;
	int nid;

	if (!text_take(&text, "On node ") || !observed_take_nid(&text, &nid))
		return false;
	if (text_take(&text, " totalpages: ")) {
		struct observed_node_range *node;

		if (!text_take_number(&text, &pages) || !(node = LIST_ADD(&o->total_pages)))
			return false;
		node->origin = origin;
		node->nid = nid;
		node->first = pages;
		return true;
	}
	if (!text_take(&text, ", zone "))
		return false;
	name = text;
	if (!text_take_through(&text, ": "))
		return false;
	name.length = (size_t)(text.at - name.at) - 2;
	if (!observed_zone_type(text_trim(name), &type) || !text_take_number(&text, &pages) ||
	    !text_contains(text, "unavailable ranges"))
		return false;
	zone = LIST_ADD(&o->unavailable);
	if (zone)
		*zone = (struct observed_zone_pages){ origin, nid, type, pages, 0 };
	return true;
}

/* Older kernels, below "On node …": "DMA zone: 64 pages used for memmap", "DMA zone: 3992 pages, LIFO batch:0" */
static bool classic_pages(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_zone_pages zone = { .origin = origin }, *added;
	struct text_slice name;
	uint64_t batch = 0;

	if (!o->total_pages.count || !text_take_word(&text, &name) || !observed_zone_type(name, &zone.type) ||
	    !text_take(&text, " zone: ") || !text_take_number(&text, &zone.pages))
		return false;
	zone.nid = o->total_pages.items[o->total_pages.count - 1].nid;
	if (text_starts(text, " pages used for memmap")) {
		added = LIST_ADD(&o->memmap_pages);
	} else if (text_starts(text, " pages reserved")) {
		added = LIST_ADD(&o->reserved_pages);
	} else if (text_take(&text, " pages, LIFO batch:") && text_take_number(&text, &batch)) {
		zone.batch = (unsigned)batch;
		added = LIST_ADD(&o->zone_pages);
	} else {
		return false;
	}
	if (added)
		*added = zone;
	return true;
}

static bool fallback_order(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_fallback *order;
	int nid;

	if (!text_take(&text, "Fallback order for Node ") || !observed_take_nid(&text, &nid) || !text_take(&text, ":"))
		return false;
	order = observed_room(o, o->fallbacks.count) ? LIST_ADD(&o->fallbacks) : NULL;
	if (order) {
		order->origin = origin;
		order->nid = nid;
		observed_copy(order->nodes, sizeof(order->nodes), text_trim(text));
	}
	return true;
}

/* "mminit::zonelist general 0:Normal = 0:Normal 0:DMA32 0:DMA 1:Normal " */
static bool zonelist(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_zonelist *list;
	struct text_slice name;
	enum quire_zone_type type;
	bool thisnode;
	int nid;

	if (!text_take(&text, "mminit::zonelist "))
		return false;
	thisnode = text_take(&text, "thisnode ");
	if ((!thisnode && !text_take(&text, "general ")) || !observed_take_nid(&text, &nid) || !text_take(&text, ":") ||
	    !text_take_word(&text, &name) || !observed_zone_type(name, &type) || !text_take(&text, " ="))
		return false;
	list = observed_room(o, o->zonelists.count) ? LIST_ADD(&o->zonelists) : NULL;
	if (list) {
		list->origin = origin;
		list->thisnode = thisnode;
		list->nid = nid;
		list->type = type;
		observed_copy(list->zones, sizeof(list->zones), text_trim(text));
	}
	return true;
}

/* "Built 2 zonelists, mobility grouping on.  Total pages: 2064096"; "Policy zone: Normal" */
static bool built(struct observed *o, struct text_slice text, struct origin origin)
{
	uint64_t lists;

	if (text_take(&text, "Policy zone: ")) {
		observed_copy(o->built.policy_zone, sizeof(o->built.policy_zone), text_trim(text));
		o->built.policy_origin = origin;
		return true;
	}
	if (o->built.found || !text_take(&text, "Built ") || !text_take_number(&text, &lists) ||
	    !text_take(&text, " zonelists") || !text_take_through(&text, "mobility grouping "))
		return false;
	o->built.mobility = text_starts(text, "on");
	o->built.lists = lists;
	o->built.origin = origin;
	o->built.found = text_take_through(&text, "Total pages: ") && text_take_number(&text, &o->built.total_pages);
	return true;
}

bool observed_log_zones(struct observed *o, struct text_slice text, struct origin origin)
{
	if (text_starts(text, "mminit::pageflags_layout_")) {
		struct observed_layout *layout = LIST_ADD(&o->layouts);

		if (layout) {
			layout->origin = origin;
			observed_copy(layout->text, sizeof(layout->text), text_trim(text));
		}
		return true;
	}
	if (text_starts(text, "Movable zone start for each node")) {
		o->movable_header = true;
		o->movable_origin = origin;
		return true;
	}
	return early_range(o, text, origin) || movable_start(o, text, origin) || setup_node(o, text, origin) ||
	       node_pages(o, text, origin) || fallback_order(o, text, origin) || zonelist(o, text, origin) ||
	       built(o, text, origin) || classic_pages(o, text, origin) || zone_range(o, text, origin);
}
