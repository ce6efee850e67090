/* What a frame is; see quire/explain.h. */
#include <quire/debug.h>
#include <quire/explain.h>

#include "page_alloc/page_alloc.h"
#include "report/print.h"

/* The zone that has the frame, else one whose span it lies in, else NULL. */
static const struct quire_zone *zone_around(const struct quire *q, quire_pfn_t pfn)
{
	const struct quire_zone *around = NULL;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

			if (!zone->tree || pfn - zone->start_pfn >= zone->spanned)
				continue;
			around = zone;
			if (qi_tree_any_ours(zone->tree, pfn, 1))
				return zone;
		}
	return around;
}

void quire_explain_frame(const struct quire *q, quire_pfn_t pfn, const struct quire_report_sink *sink)
{
	const struct quire_zone *zone = zone_around(q, pfn);
	unsigned order = 0, type;
	quire_pfn_t head = pfn;

	qi_print(sink, "frame %#llx", (qi_ull)pfn);
	if (!zone) {
		qi_print(sink, ": in no zone, there is no memory\n");
		return;
	}
	qi_print(sink, " of node %d %s: ", zone->node->nid, quire_zone_name(zone->type));
	type = qi_tree_type(zone->tree, pfn);
	switch (qi_tree_lookup(zone->tree, pfn, &head, &order)) {
	case QUIRE_OK:
		qi_print(sink, "allocated, in the block of order %u at %#llx (or kept by a CPU for reuse)", order,
			 (qi_ull)head);
		break;
	case QUIRE_EEXIST:
		qi_print(sink, "free");
		break;
	default:
		qi_print(sink, "never handed over: a hole or reserved since boot\n");
		return;
	}
	qi_print(sink, ", pageblock %s", quire_migratetype_name(type));
	qi_debug_story(q, pfn, sink);
	qi_print(sink, "\n");
}
