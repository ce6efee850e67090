/* Memory for metadata that must not come from what it describes; see purse.h. */
#include "zone/purse.h"

#include "base/base.h"
#include "base/pins.h"
#include "boot/meta.h"
#include "debug/road.h"
#include "zone/tree_internal.h"
#include "zone/tree_withhold.h"

bool qi_purse_fits(const struct quire_zone *zone)
{
	return zone->tree && zone->type != QUIRE_ZONE_MOVABLE && zone->type != QUIRE_ZONE_HIGHMEM;
}

static bool any_fits(const struct quire *q)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			if (q->topology.nodes[nid]->zones[type].managed && qi_purse_fits(&q->topology.nodes[nid]->zones[type]))
				return true;
	return false;
}

bool qi_purse_may_carve(const struct qi_zone *za)
{
	return !QI_NEEDS_PURSE || qi_purse_fits(za->zone) || !any_fits(za->q);
}

struct qi_zone *qi_purse_source(struct qi_zone *za, size_t *cursor)
{
	const struct quire_zonelist *list = &za->zone->node->zonelists[QUIRE_ZONELIST_FALLBACK];

	if (qi_purse_may_carve(za))
		return (*cursor)++ ? NULL : za;
	while (*cursor < quire_zonelist_count(list)) {
		struct quire_zone *zone = quire_zonelist_zone(list, (*cursor)++);

		if (zone->type < za->zone->type && qi_purse_fits(zone))
			return qi_zone_of(zone);
	}
	return NULL;
}

void qi_purse_lock(struct qi_zone *za, struct qi_zone *from)
{
	if (from != za)
		qi_lock(&from->lock);
}

void qi_purse_unlock(struct qi_zone *za, struct qi_zone *from)
{
	if (from != za)
		qi_unlock(&from->lock);
}

/* What one search may need: a chunk of level-1 nodes, and the leaves of a pageblock. */
static size_t least_bytes(const struct qi_zone *za)
{
	return QI_MID_CHUNK * sizeof(struct qi_upper) +
	       qi_max(qi_group(&za->tree) / QI_CHUNK, 1) * QI_CHUNK * sizeof(struct qi_node);
}

bool qi_purse_is_low(const struct qi_zone *za)
{
	return QI_NEEDS_PURSE && !za->platform->meta_alloc && za->pool_bytes < least_bytes(za);
}

void *qi_purse_cut(struct qi_zone *za, unsigned *order, unsigned least, quire_pfn_t *pfn)
{
	const struct quire_platform *platform = za->q->platform;
	unsigned shift = quire_page_shift(&za->q->config);
	bool hungry = za->tree.hungry;
	void *space = NULL;

	/* It is being fed: no search of ours may ask for more. */
	qi_poke(&za->tree.hungry, false);
	*pfn = QUIRE_PFN_NONE;
	while (qi_tree_alloc(&za->tree, *order, QUIRE_MIGRATE_UNMOVABLE, 0, pfn) != QUIRE_OK && *order > least)
		--*order;
	if (*pfn != QUIRE_PFN_NONE) {
		if (qi_watched(za->q))
			qi_debug_needed(za->q, *pfn, 1ull << *order);
		space = platform->phys_to_virt(platform->ctx, *pfn << shift, (quire_phys_t)1 << (*order + shift));
		if (space)
			qi_tree_withhold(&za->tree, *pfn, *order);
		else
			qi_tree_free(&za->tree, *pfn, *order);
	}
	qi_poke(&za->tree.hungry, hungry || qi_purse_is_low(za));
	return space;
}

static bool fill_from(struct qi_zone *za, struct qi_zone *from)
{
	unsigned shift = quire_page_shift(&za->q->config), least = qi_log2_up(least_bytes(za)), order;
	quire_pfn_t pfn;
	void *space;

	least -= qi_min(least, shift);
	order = least + 1;
	space = qi_purse_cut(from, &order, least, &pfn);
	if (!space)
		return false;
	za->pool = space;
	za->pool_bytes = (size_t)1 << (order + shift);
	qi_meta_charge(za->q, &za->q->metadata.trees, (int64_t)za->pool_bytes);
	return true;
}

void qi_purse_fill(struct qi_zone *za)
{
	struct qi_zone *from;
	size_t cursor = 0;
	bool filled = false;

	while (qi_purse_is_low(za) && !filled && (from = qi_purse_source(za, &cursor))) {
		qi_purse_lock(za, from);
		filled = fill_from(za, from);
		qi_purse_unlock(za, from);
	}
}

void qi_purse_replenish(void *ctx, unsigned order)
{
	struct qi_zone *za = ctx;

	(void)order;
	qi_purse_fill(za);
	qi_poke(&za->tree.hungry, qi_purse_is_low(za));
}
