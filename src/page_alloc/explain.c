/*
 * What a request would meet at each zone; see quire/explain.h.
 *
 * The rules are those of the most a request tries over its zonelist before anybody frees anything for it (slow.c,
 * try_reserves): the minimum watermarks, less what flags and task allow of the reserves, then whether the tree has a block.
 * They are asked for at the same places (qi_request_floor, qi_tree_might_have), and a test holds verdicts and requests
 * against each other over random states (tests/page_alloc/test_explain.c).
 */
#include "page_alloc/explain.h"

/* A request as the walk understands it. */
struct reading {
	enum quire_zone_type highest;
	enum quire_migratetype type;
	unsigned order, flags;			/* QI_ALLOC_*: the most it may try */
};

static enum quire_status read_request(const struct quire *q, unsigned order, quire_gfp_t gfp, struct reading *r)
{
	if (qi_judge_request(q, order, gfp, &r->highest, &r->type))
		return QUIRE_EINVAL;
	r->order = order;
	r->flags = qi_alloc_flags(gfp, order, r->type) | qi_task_flags(q, gfp);
	if (gfp & QUIRE_GFP_NOFAIL)
		r->flags |= QI_ALLOC_MIN_RESERVE;
	if (r->flags & (QI_ALLOC_NON_BLOCK | QI_ALLOC_OOM))
		r->flags |= QI_ALLOC_HIGHATOMIC;
	return QUIRE_OK;
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

/* What the zone keeps back from the request, part by part. */
static void weigh_marks(const struct quire_zone *zone, const struct reading *r, struct quire_zone_explanation *e)
{
	e->min = qi_mark(zone, QUIRE_WMARK_MIN);
	if (r->flags & QI_ALLOC_NO_WATERMARKS)
		return;
	e->lowmem_reserve = zone->lowmem_reserve[r->highest];
	if (!zone->tree)
		return;
	if (!(r->flags & QI_ALLOC_RESERVES))
		e->highatomic = qi_peek(&zone->tree->free_special[QUIRE_MIGRATE_HIGHATOMIC]);
	if (!(r->flags & QI_ALLOC_CMA))
		e->cma = qi_peek(&zone->tree->free_special[QUIRE_MIGRATE_CMA]);
	e->mark = qi_request_floor(qi_zone_of(zone), r->order, r->highest, r->flags) - e->lowmem_reserve - e->highatomic -
		  e->cma;
}

static enum quire_zone_verdict judge(const struct quire_zone *zone, const struct reading *r,
				     const struct quire_zone_explanation *e)
{
	if (zone->type > r->highest)
		return QUIRE_VERDICT_TOO_HIGH;
	if (!zone->tree)
		return QUIRE_VERDICT_CLOSED;
	if (e->free < e->need)
		return QUIRE_VERDICT_TOO_FEW;
	return e->largest_any < (int)r->order ? QUIRE_VERDICT_NO_BLOCK : QUIRE_VERDICT_SERVES;
}

/* All but the blocks by type. */
static void weigh_zone(const struct quire_zone *zone, const struct reading *r, struct quire_zone_explanation *e)
{
	unsigned flags = qi_tree_flags(r->flags);

	memset(e, 0, sizeof(*e));
	memset(e->largest, -1, sizeof(e->largest));
	e->largest_any = -1;
	weigh_marks(zone, r, e);
	if (zone->tree) {
		e->free = qi_tree_free_pages(zone->tree);
		e->kept = quire_zone_kept_pages(zone);
		e->largest_any = QI_TREE_ORDERS - 1;
		while (e->largest_any >= 0 && !qi_tree_might_have(zone->tree, (unsigned)e->largest_any, r->type, flags))
			e->largest_any--;
	}
	e->need = e->mark + e->lowmem_reserve + e->highatomic + e->cma + (1ull << r->order);
	e->verdict = judge(zone, r, e);
}

enum quire_status quire_explain_zone(const struct quire *q, const struct quire_zone *zone, unsigned order,
				     quire_gfp_t gfp, struct quire_zone_explanation *e)
{
	struct reading r;
	enum quire_status status = read_request(q, order, gfp, &r);

	if (status != QUIRE_OK)
		return status;
	weigh_zone(zone, &r, e);
	if (zone->tree)
		blocks_by_type(q, zone, e);
	return QUIRE_OK;
}

/* --- the whole list -------------------------------------------------------------------------------------------------- */

const struct quire_zonelist *qi_explain_list(const struct quire *q, int nid, quire_gfp_t gfp,
					     const struct quire_node **start)
{
	const struct quire_node *node;
	unsigned long state = 0;
	unsigned cpu = 0;

	if (nid == QUIRE_NO_NODE) {
		cpu = qi_enter_cpu(q, &state);
		qi_leave_cpu(q, state);
		nid = qi_node_of_cpu(q, cpu);
	}
	node = quire_topology_node(&q->topology, nid);
	if (start)
		*start = node;
	if (!node)
		return NULL;
	return &node->zonelists[gfp & QUIRE_GFP_THISNODE ? QUIRE_ZONELIST_NOFALLBACK : QUIRE_ZONELIST_FALLBACK];
}

enum quire_status quire_explain_outcome(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp,
					const struct quire_zone **zone)
{
	const struct quire_zonelist *list = qi_explain_list(q, nid, gfp, NULL);
	struct reading r;
	enum quire_status status = read_request(q, order, gfp, &r);

	if (status != QUIRE_OK)
		return status;
	if (!list)
		return QUIRE_ENOENT;
	for (size_t i = 0; i < quire_zonelist_count(list); i++) {
		struct quire_zone_explanation e;

		weigh_zone(quire_zonelist_zone(list, i), &r, &e);
		if (e.verdict != QUIRE_VERDICT_SERVES)
			continue;
		if (zone)
			*zone = quire_zonelist_zone(list, i);
		return QUIRE_OK;
	}
	return QUIRE_ENOMEM;
}
