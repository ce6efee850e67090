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
			if (qi_zone_any_free(zone, pfn, 1))
				return zone;
		}
	return around;
}

struct sight {
	const struct quire_zone *zone;
	enum quire_status status;	/* qi_tree_lookup()'s */
	quire_pfn_t head;
	unsigned order, type;
};

/* Other CPUs go on allocating, so the tree is read under its lock and told of afterwards. */
static struct sight look(const struct quire *q, quire_pfn_t pfn)
{
	struct sight sight = { .zone = zone_around(q, pfn), .head = pfn };
	struct qi_zone *za = sight.zone ? qi_zone_of(sight.zone) : NULL;

	if (!za)
		return sight;
	qi_zone_lock(za);
	sight.type = qi_tree_type(&za->tree, pfn);
	sight.status = qi_tree_lookup(&za->tree, pfn, &sight.head, &sight.order);
	qi_zone_unlock(za);
	return sight;
}

void quire_explain_frame(const struct quire *q, quire_pfn_t pfn, const struct quire_report_sink *sink)
{
	const struct sight sight = look(q, pfn);

	qi_print(sink, "frame %#llx", (qi_ull)pfn);
	if (!sight.zone) {
		qi_print(sink, ": in no zone, there is no memory\n");
		return;
	}
	qi_print(sink, " of node %d %s: ", sight.zone->node->nid, quire_zone_name(sight.zone->type));
	switch (sight.status) {
	case QUIRE_OK:
		qi_print(sink, "allocated, in the block of order %u at %#llx (or kept by a CPU for reuse)",
			 sight.order, (qi_ull)sight.head);
		break;
	case QUIRE_EEXIST:
		qi_print(sink, "free");
		break;
	default:
		qi_print(sink, "never handed over: a hole or reserved since boot\n");
		return;
	}
	qi_print(sink, ", pageblock %s", quire_migratetype_name(sight.type));
	qi_debug_story(q, pfn, sink);
	qi_print(sink, "\n");
}
