/*
 * A request's beginning: what it asks for, whether that makes sense, and the first pass, above the low watermarks. What
 * finds nothing there goes on in slow.c.
 */
#include "page_alloc/at_hand.h"
#include "page_alloc/page_alloc.h"

#define RETRY_FLAGS (QUIRE_GFP_NOFAIL | QUIRE_GFP_NORETRY | QUIRE_GFP_RETRY_MAYFAIL)

static inline const char *judge(const struct quire *q, unsigned order, quire_gfp_t gfp, enum quire_zone_type *highest,
				enum quire_migratetype *type)
{
	quire_gfp_t retry = gfp & RETRY_FLAGS;

	if (q->stage < QUIRE_STAGE_WATERMARKS)
		return QI_TEXT("the allocator is not open yet");
	if (order >= QI_TREE_ORDERS)
		return QI_TEXT("there are no blocks of that order");
	if (quire_gfp_zone(q->config.zone_mask, gfp, highest) != QUIRE_OK)
		return QI_TEXT("at most one of DMA, DMA32 and HIGHMEM");
	if (quire_gfp_migratetype(gfp, type) != QUIRE_OK)
		return QI_TEXT("MOVABLE and RECLAIMABLE contradict each other");
	if (qi_unlikely(retry)) {
		if (retry & (retry - 1))
			return QI_TEXT("at most one of NOFAIL, NORETRY and RETRY_MAYFAIL");
		if ((retry & QUIRE_GFP_NOFAIL) && !(gfp & QUIRE_GFP_DIRECT_RECLAIM))
			return QI_TEXT("NOFAIL is for callers that can wait: it needs DIRECT_RECLAIM");
	}
	if (!qi_peek(&q->watermarks.mobility_grouping))
		*type = QUIRE_MIGRATE_UNMOVABLE;
	return NULL;
}

const char *qi_judge_request(const struct quire *q, unsigned order, quire_gfp_t gfp, enum quire_zone_type *highest,
			     enum quire_migratetype *type)
{
	return judge(q, order, gfp, highest, type);
}

static int own_node(const struct quire *q)
{
	unsigned long state = 0;
	unsigned cpu = qi_enter_cpu(q, &state);
	int nid = qi_node_of_cpu(q, cpu);

	qi_leave_cpu(q, state);
	return qi_node_with_lists(q, nid);
}

enum quire_status qi_walk_begin(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, struct qi_walk *walk)
{
	enum quire_migratetype type = QUIRE_MIGRATE_UNMOVABLE;
	const char *wrong = judge(q, order, gfp, &walk->highest, &type);
	const struct quire_node *node;

	if (qi_unlikely(wrong != NULL))
		return qi_refuse_request(q, QUIRE_EINVAL, order, gfp, wrong);
	if (nid == QUIRE_NO_NODE)
		nid = own_node(q);
	node = quire_topology_node(&q->topology, nid);
	if (qi_unlikely(!node))
		return qi_refuse_request(q, QUIRE_ENOENT, order, gfp, QI_TEXT("there is no such node"));
	walk->q = q;
	walk->gfp = gfp;
	walk->nid = nid;
	walk->list = &node->zonelists[gfp & QUIRE_GFP_THISNODE ? QUIRE_ZONELIST_NOFALLBACK : QUIRE_ZONELIST_FALLBACK];
	walk->mask = NULL;
	walk->interleave = false;
	walk->no_compaction = false;
	walk->charged_later = false;
	walk->request = (struct qi_request){ .order = order, .type = type };
	return QUIRE_OK;
}

/* Rather a lower zone than mixing types, where low memory below NORMAL is worth less to others than order is. */
static unsigned first_flags(const struct qi_walk *walk)
{
	const struct quire *q = walk->q;
	const struct quire_zone *zone = quire_zonelist_count(walk->list) ? quire_zonelist_zone(walk->list, 0) : NULL;
	unsigned flags = QUIRE_WMARK_LOW | (walk->gfp & QUIRE_GFP_KSWAPD_RECLAIM);

	if (walk->request.type == QUIRE_MIGRATE_MOVABLE)
		flags |= QI_ALLOC_CMA;
	if (!(q->config.zone_mask >> QUIRE_ZONE_DMA32 & 1) || !zone)
		return flags;
	if (zone->type > walk->highest || zone->type != QUIRE_ZONE_NORMAL)
		zone = qi_walk_preferred(walk);
	if (zone && zone->type == QUIRE_ZONE_NORMAL &&
	    (q->topology.node_count == 1 || zone->node->zones[QUIRE_ZONE_DMA32].present))
		flags |= QI_ALLOC_NOFRAGMENT;
	return flags;
}

/* A block that is to be zeroed, by whatever pieces the platform has mapped. */
enum quire_status qi_zero_frames(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	unsigned shift = quire_page_shift(&q->config);
	quire_phys_t size = (quire_phys_t)1 << (order + shift);
	enum quire_status status = QUIRE_OK;
	void *address = q->platform->phys_to_virt ? q->platform->phys_to_virt(q->platform->ctx, pfn << shift, size) : NULL;

	if (address) {
		memset(address, 0, (size_t)size);
		return QUIRE_OK;
	}
	if (!order)
		return QUIRE_EUNSUPPORTED;
	for (quire_pfn_t half = 0; half < 2; half++)
		if (qi_zero_frames(q, pfn + (half << (order - 1)), order - 1) != QUIRE_OK)
			status = QUIRE_EUNSUPPORTED;
	return status;
}

bool qi_walk_charge(const struct qi_walk *walk)
{
	const struct quire_platform *platform = walk->q->platform;
	unsigned order = walk->request.order;

	if (!(walk->gfp & QUIRE_GFP_ACCOUNT) || !platform->account || platform->account(platform->ctx, order))
		return true;
	qi_refuse_request(walk->q, QUIRE_ENOMEM, order, walk->gfp, QI_TEXT("over the limit of who asks"));
	return false;
}

/* The rarer wishes: zeroed, charged. */
enum quire_status qi_walk_finish(struct qi_walk *walk, quire_pfn_t pfn)
{
	unsigned order = walk->request.order;
	enum quire_status status = QUIRE_OK;

	if (walk->gfp & QUIRE_GFP_ZERO)
		status = qi_zero_frames(walk->q, pfn, order);
	if (status != QUIRE_OK)
		qi_refuse_request(walk->q, status, order, walk->gfp, QI_TEXT("the platform has no mapping to zero it by"));
	else if (!walk->charged_later && !qi_walk_charge(walk))
		status = QUIRE_ENOMEM;
	if (status != QUIRE_OK)
		qi_free_frames(walk->q, pfn, order);
	return status;
}

enum quire_status qi_walk_first(struct qi_walk *walk, quire_pfn_t *pfn)
{
	return qi_walk_list(walk, first_flags(walk), pfn);
}

enum quire_status qi_walk_take(struct qi_walk *walk, quire_pfn_t *pfn)
{
	enum quire_status status = qi_walk_list(walk, first_flags(walk), pfn);

	return qi_likely(status == QUIRE_OK) ? status : qi_alloc_slow(walk, pfn);
}

enum quire_status qi_walk_run_from(struct qi_walk *walk, const void *site, quire_pfn_t *pfn)
{
	quire_pfn_t got;
	enum quire_status status;

	if (qi_unlikely(qi_debug_of(walk->q) != NULL))
		return qi_debug_run(walk, site, pfn);
	status = qi_walk_list(walk, first_flags(walk), &got);
	if (qi_unlikely(status != QUIRE_OK))
		status = qi_alloc_slow(walk, &got);
	if (status == QUIRE_OK && qi_unlikely(walk->gfp & (QUIRE_GFP_ZERO | QUIRE_GFP_ACCOUNT)))
		status = qi_walk_finish(walk, got);
	if (status == QUIRE_OK)
		*pfn = got;
	return status;
}

static QI_APART enum quire_status whole_road(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, const void *site,
					     quire_pfn_t *pfn)
{
	struct qi_walk walk;
	enum quire_status status = qi_walk_begin(q, nid, order, gfp, &walk);

	return status == QUIRE_OK ? qi_walk_run_from(&walk, site, pfn) : status;
}

/* Blocks, and requests with rarer wishes. */
static QI_APART enum quire_status alloc_block(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, const void *site,
					      quire_pfn_t *pfn)
{
	quire_pfn_t got = qi_take_block_at_hand(q, nid, order, gfp);

	if (qi_unlikely(got == QUIRE_PFN_NONE))
		return whole_road(q, nid, order, gfp, site, pfn);
	*pfn = got;
	return QUIRE_OK;
}

/* A single frame, inside the front of the road, which is left. Nobody debugs, so nobody asks who called. */
static QI_APART enum quire_status alloc_next(struct quire *q, int nid, quire_gfp_t gfp, const struct qi_road *road,
					     unsigned long state, quire_pfn_t *pfn)
{
	quire_pfn_t got = qi_take_next_at_hand(q, road, state);

	if (qi_unlikely(got == QUIRE_PFN_NONE))
		return whole_road(q, nid, 0, gfp, NULL, pfn);
	*pfn = got;
	return QUIRE_OK;
}

/* Nothing is called but at the end where there is a word at hand: each register saved would count. */
enum quire_status quire_alloc_frames(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, quire_pfn_t *pfn)
{
	const struct qi_road *road;
	unsigned long state = 0;

	if (qi_unlikely(order || !qi_gfp_easy(gfp)))
		return alloc_block(q, nid, order, gfp, QI_SITE, pfn);
	road = qi_road_enter(q, nid, gfp, &state);
	if (qi_unlikely(!road))
		return whole_road(q, nid, 0, gfp, QI_SITE, pfn);
	if (qi_unlikely(!road->serve->mask))
		return alloc_next(q, nid, gfp, road, state, pfn);
	*pfn = qi_take_served(q, road, state);
	return QUIRE_OK;
}
