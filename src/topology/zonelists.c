/*
 * Zonelists: in which order a request that starts on a node looks at the zones of all nodes (spec 02 §6).
 *
 * Nodes come by distance. Among equally distant ones those after the local node come first, and the next tie is broken by
 * `load`: how often a node already was the first of its distance class in lists built before, so that the nodes of a class
 * take turns. Within one local node's list nothing the order depends on changes, hence it is a sort.
 */
#include "topology/topology_internal.h"

struct order {
	struct quire_topology *t;
	bool cpu_penalty;
	uint32_t *load;		/* by node id, kept from one local node to the next */
	uint64_t *key;		/* of the nodes still to be ordered: rank above, node id below */
};

#define KEY_NID_BITS 24

static uint64_t sort_key(const struct order *order, int local, const struct quire_node *node)
{
	uint64_t value = quire_node_distance(order->t, local, node->nid);

	if (node->nid < local)
		value++;
	if (order->cpu_penalty && node->cpus)
		value++;
	value = (value << order->t->config->geometry.nodes_shift) + order->load[node->nid];
	return value << KEY_NID_BITS | (uint64_t)node->nid;
}

static void sift_down(uint64_t *key, size_t root, size_t count)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		uint64_t swap = key[root];

		if (child + 1 < count && key[child] < key[child + 1])
			child++;
		if (swap >= key[child])
			return;
		key[root] = key[child];
		key[child] = swap;
	}
}

static void sort_keys(uint64_t *key, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(key, i, count);
	for (size_t end = count; end-- > 1;) {
		uint64_t first = key[0];

		key[0] = key[end];
		key[end] = first;
		sift_down(key, 0, end);
	}
}

/* The local node leads its list; without memory only under 6.1 rules, where it contributes no zones but is listed. */
static bool lists_itself(const struct quire_topology *t, const struct quire_node *node)
{
	return node->has_memory || t->config->rules < QUIRE_RULES_6_12;
}

static enum quire_status order_nodes(struct order *order, struct quire_node *node, size_t with_memory)
{
	struct quire_topology *t = order->t;
	struct quire_node *other;
	size_t count = 0, others = 0;
	int previous = node->nid;

	node->fallback = t->alloc(t->alloc_ctx, (with_memory + 1) * sizeof(int), sizeof(int), node->nid);
	if (!node->fallback)
		return QUIRE_ENOMEM;
	if (lists_itself(t, node))
		node->fallback[count++] = node->nid;
	qi_for_each_node(t, other)
		if (other->has_memory && other != node)
			order->key[others++] = sort_key(order, node->nid, other);
	sort_keys(order->key, others);
	for (size_t i = 0; i < others; i++) {
		int nid = (int)(order->key[i] & ((1u << KEY_NID_BITS) - 1));

		node->fallback[count++] = nid;
		if (quire_node_distance(t, node->nid, nid) != quire_node_distance(t, node->nid, previous))
			order->load[nid]++;
		previous = nid;
	}
	node->fallback_count = count;
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
	order.key = t->alloc(t->alloc_ctx, t->node_count * sizeof(*order.key), sizeof(*order.key), QUIRE_NO_NODE);
	if (!order.load || !order.key)
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
