/*
 * Why a request fails, zone by zone; see quire/explain.h.
 *
 * The rules are those of alloc.c's last round: minimum watermarks, less what the flags allow of the reserves, then
 * whether the tree has a block. Remedies are found by asking again with one thing changed (a flag, the order, the node),
 * so that the closing sentence promises nothing that was not tried.
 */
#include <quire/explain.h>

#include "page_alloc/page_alloc.h"
#include "report/print.h"

/* --- one zone -------------------------------------------------------------------------------------------------------- */

static unsigned tree_flags(quire_gfp_t gfp, enum quire_migratetype type)
{
	return (type == QUIRE_MIGRATE_MOVABLE ? QI_TREE_CMA : 0) | (qi_gfp_reserves(gfp) ? QI_TREE_HIGHATOMIC : 0);
}

static int largest_of_type(const struct quire_zone_counts *counts, unsigned type)
{
	for (int order = QUIRE_MAX_ORDERS - 1; order >= 0; order--)
		if (counts->free_blocks[type][order])
			return order;
	return -1;
}

/* By type: this walks what is broken in the zone, so only for a zone that is shown. */
static void blocks_by_type(const struct quire *q, const struct quire_zone *zone, struct quire_zone_explanation *e)
{
	struct quire_zone_counts counts;

	quire_zone_count(q, zone, &counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		e->largest[type] = largest_of_type(&counts, type);
}

static void blocks_for_request(const struct quire_zone *zone, unsigned type, unsigned flags,
			       struct quire_zone_explanation *e)
{
	e->largest_any = QI_TREE_ORDERS - 1;
	while (e->largest_any >= 0 && !qi_tree_might_have(zone->tree, (unsigned)e->largest_any, type, flags))
		e->largest_any--;
}

static enum quire_zone_verdict judge(const struct quire_zone *zone, unsigned order, enum quire_zone_type highest,
				     const struct quire_zone_explanation *e)
{
	if (zone->type > highest)
		return QUIRE_VERDICT_TOO_HIGH;
	if (!zone->tree)
		return QUIRE_VERDICT_CLOSED;
	if (e->free < e->need)
		return QUIRE_VERDICT_TOO_FEW;
	return e->largest_any < (int)order ? QUIRE_VERDICT_NO_BLOCK : QUIRE_VERDICT_SERVES;
}

/* Flags and order that make sense. */
static enum quire_status read_request(const struct quire *q, unsigned order, quire_gfp_t gfp,
				      enum quire_zone_type *highest, enum quire_migratetype *type)
{
	enum quire_status status = quire_gfp_zone(q->config.zone_mask, gfp, highest);

	if (status == QUIRE_OK)
		status = quire_gfp_migratetype(gfp, type);
	if (status == QUIRE_OK && (order >= QI_TREE_ORDERS || q->stage < QUIRE_STAGE_WATERMARKS))
		status = QUIRE_EINVAL;
	if (status == QUIRE_OK && !q->watermarks.mobility_grouping)
		*type = QUIRE_MIGRATE_UNMOVABLE;
	return status;
}

/* All but the blocks by type. */
static enum quire_status weigh_zone(const struct quire *q, const struct quire_zone *zone, unsigned order, quire_gfp_t gfp,
				    struct quire_zone_explanation *e)
{
	enum quire_migratetype type;
	enum quire_zone_type highest;
	enum quire_status status = read_request(q, order, gfp, &highest, &type);
	unsigned flags;

	if (status != QUIRE_OK)
		return status;
	memset(e, 0, sizeof(*e));
	memset(e->largest, -1, sizeof(e->largest));
	e->largest_any = -1;
	flags = tree_flags(gfp, type);
	e->min = zone->watermark[QUIRE_WMARK_MIN] + zone->watermark_boost;
	if (!(gfp & QUIRE_GFP_MEMALLOC)) {
		e->lowmem_reserve = zone->lowmem_reserve[highest];
		e->mark = qi_watermark_floor(zone, e->min, highest, gfp) - e->lowmem_reserve;
	}
	if (zone->tree) {
		e->free = qi_tree_free_pages(zone->tree);
		e->kept = quire_zone_kept_pages(zone);
		if (!(flags & QI_TREE_HIGHATOMIC) && !(gfp & QUIRE_GFP_MEMALLOC))
			e->highatomic = zone->tree->free_special[QUIRE_MIGRATE_HIGHATOMIC];
		if (!(flags & QI_TREE_CMA) && !(gfp & QUIRE_GFP_MEMALLOC))
			e->cma = zone->tree->free_special[QUIRE_MIGRATE_CMA];
		blocks_for_request(zone, type, flags, e);
	}
	e->need = e->mark + e->lowmem_reserve + e->highatomic + e->cma + (1ull << order);
	e->verdict = judge(zone, order, highest, e);
	return QUIRE_OK;
}

enum quire_status quire_explain_zone(const struct quire *q, const struct quire_zone *zone, unsigned order,
				     quire_gfp_t gfp, struct quire_zone_explanation *e)
{
	enum quire_status status = weigh_zone(q, zone, order, gfp, e);

	if (status == QUIRE_OK && zone->tree)
		blocks_by_type(q, zone, e);
	return status;
}

/* --- the whole list -------------------------------------------------------------------------------------------------- */

static const struct quire_node *start_node(const struct quire *q, int nid)
{
	unsigned long state = 0;
	unsigned cpu = 0;

	if (nid == QUIRE_NO_NODE && q->platform->cpu_enter) {
		cpu = q->platform->cpu_enter(q->platform->ctx, &state);
		if (q->platform->cpu_leave)
			q->platform->cpu_leave(q->platform->ctx, state);
	}
	if (nid == QUIRE_NO_NODE)
		nid = qi_node_of_cpu(q, cpu);
	return quire_topology_node(&q->topology, nid);
}

static const struct quire_zonelist *list_of(const struct quire_node *node, quire_gfp_t gfp)
{
	return &node->zonelists[gfp & QUIRE_GFP_THISNODE ? QUIRE_ZONELIST_NOFALLBACK : QUIRE_ZONELIST_FALLBACK];
}

enum quire_status quire_explain_outcome(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp,
					const struct quire_zone **zone)
{
	const struct quire_node *node = start_node(q, nid);
	struct quire_zone_explanation e;
	enum quire_migratetype type;
	enum quire_zone_type highest;
	enum quire_status status = read_request(q, order, gfp, &highest, &type);
	const struct quire_zonelist *list;

	if (status != QUIRE_OK)
		return status;
	if (!node)
		return QUIRE_ENOENT;
	list = list_of(node, gfp);
	for (size_t i = 0; i < quire_zonelist_count(list); i++) {
		if (weigh_zone(q, quire_zonelist_zone(list, i), order, gfp, &e) != QUIRE_OK || e.verdict != QUIRE_VERDICT_SERVES)
			continue;
		if (zone)
			*zone = quire_zonelist_zone(list, i);
		return QUIRE_OK;
	}
	return QUIRE_ENOMEM;
}

/* --- names ----------------------------------------------------------------------------------------------------------- */

static const struct { quire_gfp_t bits; const char *name; } gfp_names[] = {
	{ QUIRE_GFP_KERNEL, "KERNEL" }, { QUIRE_GFP_DMA, "DMA" }, { QUIRE_GFP_DMA32, "DMA32" },
	{ QUIRE_GFP_HIGHMEM, "HIGHMEM" }, { QUIRE_GFP_MOVABLE, "MOVABLE" }, { QUIRE_GFP_RECLAIMABLE, "RECLAIMABLE" },
	{ QUIRE_GFP_HIGH, "HIGH" }, { QUIRE_GFP_MEMALLOC, "MEMALLOC" }, { QUIRE_GFP_NOMEMALLOC, "NOMEMALLOC" },
	{ QUIRE_GFP_IO, "IO" }, { QUIRE_GFP_FS, "FS" }, { QUIRE_GFP_DIRECT_RECLAIM, "DIRECT_RECLAIM" },
	{ QUIRE_GFP_KSWAPD_RECLAIM, "KSWAPD_RECLAIM" }, { QUIRE_GFP_THISNODE, "THISNODE" },
};

const char *quire_gfp_names(quire_gfp_t gfp, char *text, size_t size)
{
	size_t at = 0;

	qi_snprintf(text, size, gfp ? "" : "0");
	for (unsigned i = 0; i < QI_ARRAY_SIZE(gfp_names) && at < size; i++) {
		if ((gfp & gfp_names[i].bits) != gfp_names[i].bits)
			continue;
		gfp &= ~gfp_names[i].bits;
		at += (size_t)qi_snprintf(text + at, size - at, "%s%s", at ? "|" : "", gfp_names[i].name);
	}
	if (gfp && at < size)
		qi_snprintf(text + at, size - at, "%s%#x", at ? "|" : "", gfp);
	return text;
}

/* --- the report ------------------------------------------------------------------------------------------------------ */

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
	int largest;				/* largest block that any of the broken ones has */
};

static void note_nearest(struct nearest *n, const struct quire_zone *zone, const struct quire_zone_explanation *e,
			 unsigned order)
{
	if (e->verdict == QUIRE_VERDICT_TOO_FEW && zone->managed >= 1ull << order &&
	    (!n->few || e->need - e->free < n->shortage)) {
		n->few = zone;
		n->shortage = e->need - e->free;
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
		qi_print(sink, "%s with %llu more free page%s in node %d %s%s", separator(&parts), (qi_ull)n->shortage,
			 n->shortage == 1 ? "" : "s", n->few->node->nid, quire_zone_name(n->few->type),
			 order ? ", in one block" : "");
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
	const struct quire_node *node = start_node(q, nid);
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
	for (size_t i = 0; i < list_of(node, gfp)->count; i++) {
		const struct quire_zone *zone = list_of(node, gfp)->zones[i];

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

/* --- one frame ------------------------------------------------------------------------------------------------------- */

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
	qi_print(sink, ", pageblock %s\n", quire_migratetype_name(type));
}
