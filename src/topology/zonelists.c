/*
 * Zonelists: in which order a request that starts on a node looks at the zones of all nodes (spec 02 §6).
 *
 * Nodes come by distance. Among equally distant ones those after the local node come first, and the next tie is broken by
 * `load`: how often a node already was the first of its distance class in lists built before, so that the nodes of a class
 * take turns. Within one local node's list nothing the order depends on changes, hence it is a sort.
 */
#include "topology/topology_internal.h"

struct order {
	const struct quire_topology *t;
	int local;
	bool cpu_penalty;
	uint32_t *load;		/* by node id, kept from one local node to the next */
};

static uint64_t rank(const struct order *order, int nid)
{
	uint64_t value = quire_node_distance(order->t, order->local, nid);

	if (nid < order->local)
		value++;
	if (order->cpu_penalty && order->t->nodes[nid]->cpus)
		value++;
	return (value << order->t->config->geometry.nodes_shift) + order->load[nid];
}

static bool before(const struct order *order, int a, int b)
{
	uint64_t rank_a = rank(order, a), rank_b = rank(order, b);

	return rank_a != rank_b ? rank_a < rank_b : a < b;
}

static void sift_down(const struct order *order, int *nid, size_t root, size_t count)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		int swap;

		if (child + 1 < count && before(order, nid[child], nid[child + 1]))
			child++;
		if (!before(order, nid[root], nid[child]))
			return;
		swap = nid[root];
		nid[root] = nid[child];
		nid[child] = swap;
	}
}

static void sort_nodes(const struct order *order, int *nid, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(order, nid, i, count);
	for (size_t end = count; end-- > 1;) {
		int first = nid[0];

		nid[0] = nid[end];
		nid[end] = first;
		sift_down(order, nid, 0, end);
	}
}

/* The local node leads its list; without memory only under 6.1 rules, where it contributes no zones but is listed. */
static bool lists_itself(const struct quire_topology *t, const struct quire_node *node)
{
	return node->has_memory || t->config->rules < QUIRE_RULES_6_12;
}

static enum quire_status order_nodes(struct order *order, struct quire_node *node, size_t with_memory)
{
	struct quire_topology *t = (struct quire_topology *)order->t;
	struct quire_node *other;
	size_t count = 0, rest;
	int previous = node->nid;

	node->fallback = t->alloc(t->alloc_ctx, (with_memory + 1) * sizeof(int), sizeof(int), node->nid);
	if (!node->fallback)
		return QUIRE_ENOMEM;
	if (lists_itself(t, node))
		node->fallback[count++] = node->nid;
	rest = count;
	qi_for_each_node(t, other)
		if (other->has_memory && other != node)
			node->fallback[count++] = other->nid;
	order->local = node->nid;
	sort_nodes(order, node->fallback + rest, count - rest);
	node->fallback_count = count;
	for (size_t i = 0; i < count; i++) {
		int nid = node->fallback[i];

		if (quire_node_distance(t, node->nid, nid) != quire_node_distance(t, node->nid, previous))
			order->load[nid]++;
		previous = nid;
	}
	return QUIRE_OK;
}

static size_t populated_zones(const struct quire_node *node)
{
	size_t count = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		count += quire_zone_populated(&node->zones[type]);
	return count;
}

static void append_zones(struct quire_zonelist *list, struct quire_node *node)
{
	for (int type = QUIRE_ZONE_TYPES - 1; type >= 0; type--)
		if (quire_zone_populated(&node->zones[type]))
			list->zones[list->count++] = &node->zones[type];
}

static enum quire_status build_list(struct quire_topology *t, struct quire_node *node, struct quire_zonelist *list,
				    const int *nids, size_t count)
{
	size_t zones = 0;

	for (size_t i = 0; i < count; i++)
		zones += populated_zones(t->nodes[nids[i]]);
	list->count = 0;
	list->zones = NULL;
	if (!zones)
		return QUIRE_OK;
	list->zones = t->alloc(t->alloc_ctx, zones * sizeof(*list->zones), sizeof(void *), node->nid);
	if (!list->zones)
		return QUIRE_ENOMEM;
	for (size_t i = 0; i < count; i++)
		append_zones(list, t->nodes[nids[i]]);
	return QUIRE_OK;
}

enum quire_status qi_zonelists_build(struct quire_topology *t, bool cpu_penalty)
{
	struct order order = { .t = t, .cpu_penalty = cpu_penalty };
	struct quire_node *node;
	enum quire_status status = QUIRE_OK;
	size_t with_memory = 0;

	order.load = t->alloc(t->alloc_ctx, t->node_count * sizeof(*order.load), sizeof(*order.load), QUIRE_NO_NODE);
	if (!order.load)
		return QUIRE_ENOMEM;
	qi_for_each_node(t, node)
		with_memory += node->has_memory;
	qi_for_each_node(t, node) {
		if (!node->online)
			continue;
		status = order_nodes(&order, node, with_memory);
		if (!status)
			status = build_list(t, node, &node->zonelists[QUIRE_ZONELIST_FALLBACK], node->fallback,
					    node->fallback_count);
		if (!status)
			status = build_list(t, node, &node->zonelists[QUIRE_ZONELIST_NOFALLBACK], &node->nid, 1);
		if (status)
			return status;
	}
	return QUIRE_OK;
}

enum quire_status quire_topology_zonelists(struct quire_topology *t)
{
	/* At boot no node is known to have CPUs yet when the lists are built. */
	return qi_zonelists_build(t, false);
}

uint64_t quire_topology_total_pages(const struct quire_topology *t)
{
	struct quire_node *node;
	uint64_t pages = 0;

	qi_for_each_node(t, node) {
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &node->zones[type];
			uint64_t high = zone->watermark[QUIRE_WMARK_HIGH] + zone->watermark_boost;

			pages += zone->managed - qi_min(zone->managed, high);
		}
	}
	return pages;
}

bool quire_topology_mobility(const struct quire_topology *t)
{
	unsigned types = QUIRE_MIGRATE_TYPES;

	if (!t->config->cma_enabled)
		types--;
	if (qi_arch_is_i386(t->config->arch))
		types--;	/* built without memory isolation */
	return quire_topology_total_pages(t) >= (uint64_t)types << quire_pageblock_order(t->config);
}
