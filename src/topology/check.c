/* The checker: what must hold of nodes, zones and zonelists at any time after they were set up. */
#include "topology/topology_internal.h"

#define FAIL(t, ...)                                                                                                        \
	do {                                                                                                                \
		qi_log((t)->platform, QUIRE_LOG_ERROR, __VA_ARGS__);                                                        \
		return QUIRE_ECORRUPT;                                                                                      \
	} while (0)

static enum quire_status check_zone(const struct quire_topology *t, const struct quire_node *node, unsigned type)
{
	const struct quire_zone *zone = &node->zones[type];
	quire_pfn_t end = zone->start_pfn + zone->spanned;

	if (zone->node != node || (unsigned)zone->type != type)
		FAIL(t, "node %d, zone %u: back pointers are wrong", node->nid, type);
	if (zone->managed > zone->present || zone->present > zone->spanned || zone->present_early > zone->present)
		FAIL(t, "node %d, zone %s: managed %llu, present %llu, early %llu, spanned %llu", node->nid,
		     quire_zone_name(zone->type), QI_ULL(zone->managed), QI_ULL(zone->present), QI_ULL(zone->present_early),
		     QI_ULL(zone->spanned));
	if (!zone->spanned && zone->start_pfn)
		FAIL(t, "node %d, zone %s: empty, but starts at %#llx", node->nid, quire_zone_name(zone->type),
		     QI_ULL(zone->start_pfn));
	if (zone->spanned && !qi_zone_exists(t->config, type))
		FAIL(t, "node %d, zone %s: does not exist in this configuration", node->nid, quire_zone_name(zone->type));
	if (zone->spanned && (zone->start_pfn < node->start_pfn || end > node->end_pfn))
		FAIL(t, "node %d, zone %s: [%#llx, %#llx) is outside its node", node->nid, quire_zone_name(zone->type),
		     QI_ULL(zone->start_pfn), QI_ULL(end));
	for (unsigned mark = 1; mark < QUIRE_WMARKS; mark++)
		if (zone->watermark[mark] < zone->watermark[mark - 1])
			FAIL(t, "node %d, zone %s: watermarks fall", node->nid, quire_zone_name(zone->type));
	if (zone->pcp_high_min > zone->pcp_high_max)
		FAIL(t, "node %d, zone %s: per-CPU high falls", node->nid, quire_zone_name(zone->type));
	return QUIRE_OK;
}

static enum quire_status check_overlap(const struct quire_topology *t, const struct quire_memblock *mb,
				       const struct quire_node *node)
{
	quire_pfn_t at = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		/* Devices lie wherever they lie. */
		if (!zone->spanned || type == QUIRE_ZONE_DEVICE ||
		    (type == QUIRE_ZONE_MOVABLE && qi_movable_mirrored(t, mb)))
			continue;
		/* What came later may lie between what boot had. */
		if (zone->start_pfn < at && !t->changes)
			FAIL(t, "node %d, zone %s: starts inside the zone below", node->nid, quire_zone_name(zone->type));
		at = zone->start_pfn + zone->spanned;
	}
	return QUIRE_OK;
}

static enum quire_status check_node(const struct quire_topology *t, const struct quire_memblock *mb,
				    const struct quire_node *node)
{
	uint64_t spanned = 0, present = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		enum quire_status status = check_zone(t, node, type);

		if (status)
			return status;
		spanned += node->zones[type].spanned;
		present += node->zones[type].present;
	}
	if (spanned != node->spanned || present != node->present)
		FAIL(t, "node %d: sums differ from its zones': spanned %llu, present %llu", node->nid, QI_ULL(node->spanned),
		     QI_ULL(node->present));
	if (present && !node->has_memory)
		FAIL(t, "node %d: has pages but no memory", node->nid);
	if (node->has_memory && !node->online)
		FAIL(t, "node %d: has memory but is not online", node->nid);
	return check_overlap(t, mb, node);
}

static size_t nodes_with_memory(const struct quire_topology *t)
{
	struct quire_node *node;
	size_t count = 0;

	qi_for_each_node(t, node)
		count += node->has_memory;
	return count;
}

/* Every node with memory exactly once; the lists are what the order says, populated zones only, high before low. */
static enum quire_status check_fallback(const struct quire_topology *t, const struct quire_node *node)
{
	const struct quire_zonelist *list = &node->zonelists[QUIRE_ZONELIST_FALLBACK];
	struct qi_nodemask seen = { .word = { 0 } };
	size_t with_memory = 0, at = 0;

	for (size_t i = 0; i < node->fallback_count; i++) {
		const struct quire_node *other = quire_topology_node(t, node->fallback[i]);

		if (!other || qi_node_isset(&seen, other->nid))
			FAIL(t, "node %d: fallback order names node %d twice or without reason", node->nid,
			     node->fallback[i]);
		qi_node_set(&seen, other->nid);
		with_memory += other->has_memory;
		for (int type = QUIRE_ZONE_TYPES - 1; type >= 0; type--) {
			if (!quire_zone_populated(&other->zones[type]))
				continue;
			if (at >= list->count || list->zones[at++] != &other->zones[type])
				FAIL(t, "node %d: zonelist entry %zu is not zone %s of node %d", node->nid, at - 1,
				     quire_zone_name((enum quire_zone_type)type), other->nid);
		}
	}
	if (at != list->count || with_memory != nodes_with_memory(t))
		FAIL(t, "node %d: zonelist has %zu entries, %zu expected", node->nid, list->count, at);
	return QUIRE_OK;
}

static enum quire_status check_thisnode(const struct quire_topology *t, const struct quire_node *node)
{
	const struct quire_zonelist *list = &node->zonelists[QUIRE_ZONELIST_NOFALLBACK];
	size_t at = 0;

	for (int type = QUIRE_ZONE_TYPES - 1; type >= 0; type--) {
		if (!quire_zone_populated(&node->zones[type]))
			continue;
		if (at >= list->count || list->zones[at++] != &node->zones[type])
			FAIL(t, "node %d: own zonelist entry %zu is not its zone %s", node->nid, at - 1,
			     quire_zone_name((enum quire_zone_type)type));
	}
	if (at != list->count)
		FAIL(t, "node %d: own zonelist has %zu entries, %zu expected", node->nid, list->count, at);
	return QUIRE_OK;
}

enum quire_status quire_check_topology(const struct quire_topology *t, const struct quire_memblock *mb)
{
	struct quire_node *node;

	qi_for_each_node(t, node) {
		enum quire_status status = check_node(t, mb, node);

		if (!status && node->online && node->fallback)
			status = check_fallback(t, node);
		if (!status && node->online && node->fallback)
			status = check_thisnode(t, node);
		if (status)
			return status;
	}
	return QUIRE_OK;
}
