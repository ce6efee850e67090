/*
 * The road of a request: flags to zones, the zonelist with watermarks, the CPU's front, the tree.
 *
 * Two rounds over the zonelist: above the low watermark, then above the minimum with what the flags allow of the
 * reserves. (Reclaim and compaction belong between and after them.) Blocks that a front has at hand are given without
 * asking for watermarks: they left the zone's free count when the front took them.
 */
#include "page_alloc/page_alloc.h"

struct walk {
	struct quire *q;
	struct qi_request request;
	enum quire_zone_type highest;
	quire_gfp_t gfp;
	unsigned cpu;
	const struct quire_zonelist *list;
};

static unsigned enter_cpu(const struct quire *q, unsigned long *state)
{
	return q->platform->cpu_enter ? q->platform->cpu_enter(q->platform->ctx, state) : 0;
}

static void leave_cpu(const struct quire *q, unsigned long state)
{
	if (q->platform->cpu_leave)
		q->platform->cpu_leave(q->platform->ctx, state);
}

/* Pages of the zone that this request may not count on, or take. */
static uint64_t excluded(const struct qi_zone *za, const struct walk *walk)
{
	uint64_t pages = 0;

	if (!(walk->request.flags & QI_TREE_HIGHATOMIC))
		pages += qi_peek(&za->tree.free_special[QUIRE_MIGRATE_HIGHATOMIC]);
	if (!(walk->request.flags & QI_TREE_CMA))
		pages += qi_peek(&za->tree.free_special[QUIRE_MIGRATE_CMA]);
	return pages;
}

static enum quire_status try_list(struct walk *walk, enum quire_watermark wmark, quire_gfp_t reserves, quire_pfn_t *pfn)
{
	for (size_t i = 0; i < walk->list->count; i++) {
		struct quire_zone *zone = walk->list->zones[i];
		struct qi_zone *za = qi_zone_of(zone);
		uint64_t mark = zone->watermark[wmark] + zone->watermark_boost;

		if (zone->type > walk->highest || !za)
			continue;
		qi_zone_need_fronts(za);
		walk->request.floor = walk->gfp & QUIRE_GFP_MEMALLOC && wmark == QUIRE_WMARK_MIN ? 0 :
			qi_watermark_floor(zone, mark, walk->highest, reserves) + excluded(za, walk);
		if (qi_front_alloc(za, walk->cpu, &walk->request, pfn) == QUIRE_OK)
			return QUIRE_OK;
	}
	return QUIRE_ENOMEM;
}

static enum quire_status begin(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, struct walk *walk)
{
	enum quire_migratetype type;
	const struct quire_node *node;
	enum quire_status status = quire_gfp_zone(q->config.zone_mask, gfp, &walk->highest);

	if (status == QUIRE_OK)
		status = quire_gfp_migratetype(gfp, &type);
	if (status != QUIRE_OK || order >= QI_TREE_ORDERS || q->stage < QUIRE_STAGE_WATERMARKS)
		return QUIRE_EINVAL;
	if (nid == QUIRE_NO_NODE)
		nid = walk->cpu < q->topology.cpu_count ? q->topology.cpu_node[walk->cpu] : 0;
	node = quire_topology_node(&q->topology, nid);
	if (!node)
		return QUIRE_ENOENT;
	if (!q->watermarks.mobility_grouping)
		type = QUIRE_MIGRATE_UNMOVABLE;
	walk->q = q;
	walk->gfp = gfp;
	walk->list = &node->zonelists[gfp & QUIRE_GFP_THISNODE ? QUIRE_ZONELIST_NOFALLBACK : QUIRE_ZONELIST_FALLBACK];
	walk->request = (struct qi_request){ .order = order, .type = type };
	if (type == QUIRE_MIGRATE_MOVABLE)
		walk->request.flags |= QI_TREE_CMA;
	return QUIRE_OK;
}

enum quire_status quire_alloc_frames(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, quire_pfn_t *pfn)
{
	struct walk walk;
	unsigned long state = 0;
	enum quire_status status;

	walk.cpu = enter_cpu(q, &state);
	status = begin(q, nid, order, gfp, &walk);
	if (status == QUIRE_OK) {
		status = try_list(&walk, QUIRE_WMARK_LOW, QUIRE_GFP_DIRECT_RECLAIM, pfn);
		if (status != QUIRE_OK) {
			if (qi_gfp_reserves(gfp))
				walk.request.flags |= QI_TREE_HIGHATOMIC;
			status = try_list(&walk, QUIRE_WMARK_MIN, gfp, pfn);
		}
	}
	leave_cpu(q, state);
	return status;
}

/* The zone that a frame was handed over to. Spans may overlap between nodes. */
static struct qi_zone *zone_of_frame(const struct quire *q, quire_pfn_t pfn)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

			if (zone->tree && pfn - zone->start_pfn < zone->spanned && qi_tree_any_ours(zone->tree, pfn, 1))
				return qi_zone_of(zone);
		}
	return NULL;
}

enum quire_status quire_free_frames(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	struct qi_zone *za = zone_of_frame(q, pfn);
	unsigned long state = 0;
	enum quire_status status;
	unsigned cpu;

	if (!za)
		return QUIRE_ENOENT;
	cpu = enter_cpu(q, &state);
	status = qi_front_free(za, cpu, pfn, order);
	leave_cpu(q, state);
	return status == QUIRE_ERANGE ? QUIRE_ENOENT : status;
}

enum quire_status quire_drain_frames(struct quire *q)
{
	unsigned long state = 0;
	unsigned cpu = enter_cpu(q, &state);
	enum quire_status result = QUIRE_OK;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct qi_zone *za = qi_zone_of(&q->topology.nodes[nid]->zones[type]);

			if (!za)
				continue;
			qi_front_drain(za, cpu);
			if (qi_front_drain_all(za) != QUIRE_OK)
				result = QUIRE_EUNSUPPORTED;
		}
	leave_cpu(q, state);
	return result;
}

uint64_t quire_zone_kept_pages(const struct quire_zone *zone)
{
	const struct qi_zone *za = qi_zone_of(zone);
	uint64_t pages = 0;

	for (unsigned cpu = 0; za && cpu < za->cpus; cpu++)
		pages += qi_front_held(za, cpu);
	return pages;
}
