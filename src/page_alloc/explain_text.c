/*
 * Why a request fails, as text; see quire/explain.h.
 *
 * Remedies are found by asking again with one thing changed (a flag, the order, the node), so that the closing sentence
 * promises nothing that was not tried.
 */
#include <quire/compaction.h>

#include "page_alloc/explain.h"
#include "report/print.h"

static const char *const verdicts[QUIRE_VERDICTS] = {
	[QUIRE_VERDICT_SERVES] = "would serve it now",
	[QUIRE_VERDICT_TOO_HIGH] = "not allowed: above the highest zone of the request",
	[QUIRE_VERDICT_CLOSED] = "has no free memory to give: nothing of it was handed over",
	[QUIRE_VERDICT_TOO_FEW] = "too few free pages",
	[QUIRE_VERDICT_NO_BLOCK] = "enough free pages, but no block of this order",
};

static void print_largest(const struct quire *q, const struct quire_zone_explanation *e,
			  const struct quire_report_sink *sink)
{
	uint32_t mask = quire_migratetype_mask(&q->config);

	qi_print(sink, "      largest free order:");
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++) {
		if (!(mask >> type & 1))
			continue;
		if (e->largest[type] < 0)
			qi_print(sink, " %s none", quire_migratetype_name(type));
		else
			qi_print(sink, " %s %d%s", quire_migratetype_name(type), e->largest[type],
				 (unsigned)e->largest[type] == quire_max_order(&q->config) ? "+" : "");
	}
	qi_print(sink, "\n");
}

static void print_zone(const struct quire *q, const struct quire_zone *zone, const struct quire_zone_explanation *e,
		       const struct quire_report_sink *sink)
{
	qi_print(sink, "  node %d %s: %s\n", zone->node->nid, quire_zone_name(zone->type), verdicts[e->verdict]);
	if (e->verdict == QUIRE_VERDICT_TOO_HIGH || e->verdict == QUIRE_VERDICT_CLOSED)
		return;
	qi_print(sink, "      free %llu, needed %llu: watermark %llu (min %llu), lowmem reserve %llu", (qi_ull)e->free,
		 (qi_ull)e->need, (qi_ull)e->mark, (qi_ull)e->min, (qi_ull)e->lowmem_reserve);
	if (e->highatomic)
		qi_print(sink, ", highatomic %llu", (qi_ull)e->highatomic);
	if (e->cma)
		qi_print(sink, ", CMA %llu", (qi_ull)e->cma);
	qi_print(sink, "\n");
	if (e->kept)
		qi_print(sink, "      kept by CPUs: %llu\n", (qi_ull)e->kept);
	print_largest(q, e, sink);
}

/* What of all zones came nearest. */
struct nearest {
	const struct quire_zone *few, *broken;	/* fewest pages short; most free pages without a block */
	uint64_t shortage, pieces;
	bool few_has_block;			/* pages are all it lacks */
	int largest;				/* largest block that any of the broken ones has */
};

static void note_nearest(struct nearest *n, const struct quire_zone *zone, const struct quire_zone_explanation *e,
			 unsigned order)
{
	if (e->verdict == QUIRE_VERDICT_TOO_FEW && zone->managed >= 1ull << order &&
	    (!n->few || e->need - e->free < n->shortage)) {
		n->few = zone;
		n->shortage = e->need - e->free;
		n->few_has_block = e->largest_any >= (int)order;
	}
	if (e->verdict == QUIRE_VERDICT_NO_BLOCK) {
		if (!n->broken || e->free > n->pieces) {
			n->broken = zone;
			n->pieces = e->free;
		}
		if (e->largest_any > n->largest)
			n->largest = e->largest_any;
	}
}

/* Changes of flags, from the least to the most; the first that helps is named. */
static const struct { quire_gfp_t set, clear; const char *text; } changes[] = {
	{ 0, QUIRE_GFP_THISNODE, "from another node (without THISNODE)" },
	{ QUIRE_GFP_HIGHMEM, QUIRE_GFP_DMA | QUIRE_GFP_DMA32, "from a higher zone (HIGHMEM)" },
	{ QUIRE_GFP_HIGHMEM | QUIRE_GFP_MOVABLE, QUIRE_GFP_DMA | QUIRE_GFP_DMA32 | QUIRE_GFP_RECLAIMABLE,
	  "as a movable request (HIGHMEM|MOVABLE)" },
	{ QUIRE_GFP_HIGH, 0, "with half of the minimum (HIGH)" },
	{ QUIRE_GFP_HIGH, QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_NOMEMALLOC,
	  "with the atomic reserves (HIGH, no DIRECT_RECLAIM)" },
	{ QUIRE_GFP_MEMALLOC, QUIRE_GFP_NOMEMALLOC, "with all reserves (MEMALLOC)" },
};

static const char *find_change(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp)
{
	for (unsigned i = 0; i < QI_ARRAY_SIZE(changes); i++) {
		quire_gfp_t changed = (gfp & ~changes[i].clear) | changes[i].set;

		if (changed != gfp && quire_explain_outcome(q, nid, order, changed, NULL) == QUIRE_OK)
			return changes[i].text;
	}
	return NULL;
}

static const char *separator(unsigned *parts) { return (*parts)++ ? ", or" : ""; }

static void print_remedy(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp, const struct nearest *n,
			 const struct quire_report_sink *sink)
{
	const char *change = find_change(q, nid, order, gfp);
	int smaller = (int)order - 1;
	unsigned parts = 0;

	while (smaller >= 0 && quire_explain_outcome(q, nid, (unsigned)smaller, gfp, NULL) != QUIRE_OK)
		smaller--;
	qi_print(sink, "It would have succeeded");
	if (n->broken)
		qi_print(sink, "%s if the %llu free pages of node %d %s lay together (largest block: order %d)",
			 separator(&parts), (qi_ull)n->pieces, n->broken->node->nid, quire_zone_name(n->broken->type),
			 n->largest);
	if (n->few && !n->broken)
		qi_print(sink, "%s with %llu more free page%s in node %d %s", separator(&parts), (qi_ull)n->shortage,
			 n->shortage == 1 ? "" : "s", n->few->node->nid, quire_zone_name(n->few->type));
	if (n->few && !n->broken && order && !n->few_has_block)
		qi_print(sink, " and a block of order %u free", order);
	if (smaller >= 0)
		qi_print(sink, "%s with order %d", separator(&parts), smaller);
	if (change)
		qi_print(sink, "%s %s", separator(&parts), change);
	qi_print(sink, parts ? ".\n" : " on a larger machine only.\n");
}

static void print_bad_request(enum quire_status status, int nid, const struct quire_report_sink *sink)
{
	if (status == QUIRE_ENOENT)
		qi_print(sink, "There is no node %d.\n", nid);
	else
		qi_print(sink, "The order is too large, flags contradict each other, or the allocator is not open yet.\n");
}

void quire_explain_failure(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp,
			   const struct quire_report_sink *sink)
{
	const struct quire_node *node;
	const struct quire_zonelist *list = qi_explain_list(q, nid, gfp, &node);
	enum quire_status status = quire_explain_outcome(q, nid, order, gfp, NULL);
	struct quire_zone_explanation e;
	struct nearest nearest = { .largest = -1 };
	enum quire_migratetype type;
	char names[128];

	qi_print(sink, "order %u, %s", order, quire_gfp_names(gfp, names, sizeof(names)));
	if (quire_gfp_migratetype(gfp, &type) == QUIRE_OK)
		qi_print(sink, " (%s)", quire_migratetype_name(type));
	if (node)
		qi_print(sink, ", from node %d", node->nid);
	qi_print(sink, ": %s\n", status == QUIRE_OK ? "would be served now" : quire_status_string(status));
	if (status != QUIRE_OK && status != QUIRE_ENOMEM) {
		print_bad_request(status, nid, sink);
		return;
	}
	for (size_t i = 0; i < quire_zonelist_count(list); i++) {
		const struct quire_zone *zone = quire_zonelist_zone(list, i);

		if (quire_explain_zone(q, zone, order, gfp, &e) != QUIRE_OK)
			continue;
		print_zone(q, zone, &e, sink);
		note_nearest(&nearest, zone, &e, order);
	}
	if (status == QUIRE_OK)
		qi_print(sink, "It succeeds now: memory came back since, or nothing had failed.\n");
	else
		print_remedy(q, node->nid, order, gfp, &nearest, sink);
}

/* --- what was done ----------------------------------------------------------------------------------------------------- */

static void print_amount(const struct quire_report_sink *sink, unsigned *parts, uint64_t n, const char *one,
			 const char *many)
{
	if (n)
		qi_print(sink, "%s%llu %s", (*parts)++ ? ", " : ": ", (qi_ull)n, n == 1 ? one : many);
}

void quire_explain_record(const struct quire_request_record *record, const struct quire_report_sink *sink)
{
	char names[128];
	unsigned parts = 0;

	qi_print(sink, "request %llu, order %u, %s: %s", (qi_ull)record->number, record->order,
		 quire_gfp_names(record->gfp, names, sizeof(names)), record->served ? "served" : "failed");
	if (record->ns)
		qi_print(sink, " after %llu us", (qi_ull)qi_div64(record->ns, 1000));
	print_amount(sink, &parts, record->reclaims, "round of reclaim", "rounds of reclaim");
	if (record->reclaims)
		qi_print(sink, " that freed %llu pages", (qi_ull)record->reclaimed);
	print_amount(sink, &parts, record->compactions, "compaction", "compactions");
	if (record->compactions)
		qi_print(sink, " (the last: %s)",
			 quire_compact_result_name((enum quire_compact_result)record->compact_result));
	print_amount(sink, &parts, record->unreserved, "pageblock of the atomic reserve given up",
		     "pageblocks of the atomic reserve given up");
	print_amount(sink, &parts, record->kills, "call of the out-of-memory hook", "calls of the out-of-memory hook");
	print_amount(sink, &parts, record->pauses, "pause", "pauses");
	qi_print(sink, parts ? ".\n" : ": nothing could be done for it, it may not wait.\n");
}
