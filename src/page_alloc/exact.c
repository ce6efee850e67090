/* Particular frames: the zone's lock around what the tree can do. */
#include <quire/frames.h>

#include "page_alloc/page_alloc.h"
#include "zone/tree_exact.h"

void quire_zone_walk_free(const struct quire_zone *zone, bool (*visit)(void *ctx, quire_pfn_t pfn, uint64_t count),
			  void *ctx)
{
	struct qi_zone *za = qi_zone_of(zone);

	if (!za)
		return;
	qi_zone_lock(za);
	qi_tree_walk_free(&za->tree, visit, ctx);
	qi_zone_unlock(za);
}

enum quire_status quire_zone_take_frames(const struct quire_zone *zone, quire_pfn_t pfn, uint64_t count,
					 enum quire_migratetype type)
{
	struct qi_zone *za = qi_zone_of(zone);
	enum quire_status status;

	if (!za)
		return QUIRE_EINVAL;
	qi_zone_lock(za);
	status = qi_tree_take_frames(&za->tree, pfn, count, type);
	qi_zone_unlock(za);
	if (status == QUIRE_OK && qi_unlikely(qi_debug_of(za->q) != NULL))
		qi_debug_taken(za->q, pfn, count, 0, QI_SITE);
	return status;
}

/* The zone that has frames of the pageblock around pfn. Spans may overlap between nodes. */
static struct qi_zone *zone_of_block(struct quire *q, quire_pfn_t pfn)
{
	uint64_t frames = 1ull << quire_pageblock_order(&q->config);
	quire_pfn_t first = qi_align_down(pfn, frames);

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

			if (qi_zone_any_free(zone, first, frames))
				return qi_zone_of(zone);
		}
	return NULL;
}

enum quire_status quire_set_pageblock_type(struct quire *q, quire_pfn_t pfn, enum quire_migratetype type)
{
	struct qi_zone *za = zone_of_block(q, pfn);
	enum quire_status status;

	if (!za)
		return QUIRE_ENOENT;
	pfn = qi_min(qi_max(pfn, za->tree.start_pfn), za->tree.end_pfn - 1);
	qi_zone_lock(za);
	status = qi_tree_set_type(&za->tree, pfn, type);
	qi_zone_unlock(za);
	return status;
}

enum quire_migratetype quire_pageblock_type(struct quire *q, quire_pfn_t pfn)
{
	struct qi_zone *za = zone_of_block(q, pfn);
	enum quire_migratetype type;

	if (!za)
		return QUIRE_MIGRATE_TYPES;
	pfn = qi_min(qi_max(pfn, za->tree.start_pfn), za->tree.end_pfn - 1);
	qi_zone_lock(za);
	type = (enum quire_migratetype)qi_tree_type(&za->tree, pfn);
	qi_zone_unlock(za);
	return type;
}

void quire_zone_mixing(const struct quire_zone *zone, struct quire_mixing *mixing)
{
	struct qi_zone *za = qi_zone_of(zone);

	*mixing = (struct quire_mixing){ 0 };
	if (!za)
		return;
	qi_zone_lock(za);
	mixing->fallbacks = za->tree.fallbacks;
	mixing->claimed = za->tree.steals;
	qi_zone_unlock(za);
}
