/*
 * Zonelists: in which order a request that starts on a node looks at the zones of all nodes.
 *
 * Nodes come by distance. Among equally distant ones those after the local node come first, and the next tie is broken by
 * `load`: how often a node already was the first of its distance class in lists built before, so that the nodes of a class
 * take turns. Within one local node's list nothing the order depends on changes, hence it is a sort.
 *
 * Making room and filling are two steps, because hotplug must not fail once memory is on line. Lists are filled in place
 * while requests walk them: entries first where a list becomes longer, the count first where it becomes shorter, and what
 * lies beyond the count stays a zone. An array that was outgrown stays until the end of the machine, so arrays double.
 */
#include "topology/growth.h"
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
	uint64_t value = qi_node_distance(order->t, local, node->nid);

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
	return node->has_memory || quire_rules(t->config) < QUIRE_RULES_6_12;
}

static void order_nodes(struct order *order, struct quire_node *node)
{
	struct quire_topology *t = order->t;
	struct quire_node *other;
	size_t count = 0, others = 0;
	int previous = node->nid;

	if (lists_itself(t, node))
		node->fallback[count++] = node->nid;
	qi_for_each_node(t, other)
		if (other->has_memory && other != node)
			order->key[others++] = sort_key(order, node->nid, other);
	sort_keys(order->key, others);
	for (size_t i = 0; i < others; i++) {
		int nid = (int)(order->key[i] & ((1u << KEY_NID_BITS) - 1));

		node->fallback[count++] = nid;
		if (qi_node_distance(t, node->nid, nid) != qi_node_distance(t, node->nid, previous))
			order->load[nid]++;
		previous = nid;
	}
	node->fallback_count = count;
}

static size_t populated_zones(const struct quire_node *node)
{
	size_t count = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		count += quire_zone_populated(&node->zones[type]);
	return count;
}

static size_t append_zones(struct quire_zone **zones, size_t at, struct quire_node *node)
{
	for (int type = QUIRE_ZONE_TYPES - 1; type >= 0; type--)
		if (quire_zone_populated(&node->zones[type]))
			__atomic_store_n(&zones[at++], &node->zones[type], __ATOMIC_RELAXED);
	return at;
}

static void fill_list(struct quire_topology *t, struct quire_zonelist *list, const int *nids, size_t count)
{
	size_t total = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		total += populated_zones(t->nodes[nids[i]]);
	if (total < list->count)
		__atomic_store_n(&list->count, total, __ATOMIC_RELEASE);
	for (size_t i = 0; i < count; i++)
		at = append_zones(list->zones, at, t->nodes[nids[i]]);
	__atomic_store_n(&list->count, total, __ATOMIC_RELEASE);
}

void qi_zonelists_fill(struct quire_topology *t, bool cpu_penalty)
{
	struct order order = { .t = t, .cpu_penalty = cpu_penalty, .load = t->order_load, .key = t->order_key };
	struct quire_node *node;

	memset(order.load, 0, t->node_count * sizeof(*order.load));
	qi_for_each_node(t, node) {
		if (!node->online)
			continue;
		order_nodes(&order, node);
		fill_list(t, &node->zonelists[QUIRE_ZONELIST_FALLBACK], node->fallback, node->fallback_count);
		fill_list(t, &node->zonelists[QUIRE_ZONELIST_NOFALLBACK], &node->nid, 1);
	}
}

/* See that a list can have `wanted` entries. */
static bool list_room(struct quire_topology *t, const struct quire_node *node, struct quire_zonelist *list, size_t wanted)
{
	size_t max = qi_max(wanted, 2 * list->max);
	struct quire_zone **zones;

	if (wanted <= list->max)
		return true;
	zones = t->alloc(t->alloc_ctx, max * sizeof(*zones), sizeof(void *), node->nid);
	if (!zones)
		return false;
	if (list->count)
		memcpy(zones, list->zones, list->count * sizeof(*zones));
	list->max = max;
	__atomic_store_n(&list->zones, zones, __ATOMIC_RELEASE);
	return true;
}

/* Scratch for ordering, of all nodes there can ever be. */
static bool order_room(struct quire_topology *t)
{
	if (!t->order_load)
		t->order_load = t->alloc(t->alloc_ctx, t->node_count * sizeof(*t->order_load), sizeof(uint32_t),
					 QUIRE_NO_NODE);
	if (!t->order_key)
		t->order_key = t->alloc(t->alloc_ctx, t->node_count * sizeof(*t->order_key), sizeof(uint64_t),
					QUIRE_NO_NODE);
	return t->order_load && t->order_key;
}

static bool node_room(struct quire_topology *t, struct quire_node *node, size_t nodes, size_t zones)
{
	if (!node->fallback)
		node->fallback = t->alloc(t->alloc_ctx, nodes * sizeof(int), sizeof(int), node->nid);
	return node->fallback && list_room(t, node, &node->zonelists[QUIRE_ZONELIST_FALLBACK], zones) &&
	       list_room(t, node, &node->zonelists[QUIRE_ZONELIST_NOFALLBACK], QUIRE_ZONE_TYPES);
}

enum quire_status qi_zonelists_room(struct quire_topology *t, const struct quire_node *newcomer)
{
	size_t nodes = 0, zones = 1;
	struct quire_node *node;

	if (!order_room(t))
		return QUIRE_ENOMEM;
	qi_for_each_node(t, node) {
		nodes++;
		zones += populated_zones(node);
	}
	qi_for_each_node(t, node)
		if ((node->online || node == newcomer) && !node_room(t, node, nodes, zones))
			return QUIRE_ENOMEM;
	return QUIRE_OK;
}

enum quire_status quire_topology_zonelists(struct quire_topology *t)
{
	struct quire_node *node;
	enum quire_status status;

	/* What an attempt that failed took was given back for it. */
	t->order_load = NULL;
	t->order_key = NULL;
	qi_for_each_node(t, node) {
		node->fallback = NULL;
		memset(node->zonelists, 0, sizeof(node->zonelists));
	}
	status = qi_zonelists_room(t, NULL);
	/* At boot no node is known to have CPUs yet when the lists are built. */
	if (status == QUIRE_OK)
		qi_zonelists_fill(t, false);
	return status;
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
	if (qi_arch_is_i386(quire_arch(t->config)))
		types--;	/* built without memory isolation */
	return quire_topology_total_pages(t) >= (uint64_t)types << quire_pageblock_order(t->config);
}
