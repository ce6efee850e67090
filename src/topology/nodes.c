/* Node structures, CPUs, and lookups by node id or frame. */
#include "topology/topology_internal.h"
#include "topology/zone_map.h"

static struct quire_node *new_node(struct quire_topology *t, int nid)
{
	struct quire_node *node = t->alloc(t->alloc_ctx, sizeof(*node), sizeof(uint64_t), nid);

	if (!node)
		return NULL;
	node->nid = nid;
	node->first_deferred_pfn = QUIRE_PFN_NONE;
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		node->zones[type].type = (enum quire_zone_type)type;
		node->zones[type].node = node;
	}
	return node;
}

static void note_memory(struct quire_topology *t, const struct quire_memblock *mb)
{
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, quire_page_shift(t->config), &range) {
		struct quire_node *node = quire_topology_node(t, range.nid);

		if (!node)
			continue;
		if (!node->has_memory || range.start < node->start_pfn)
			node->start_pfn = range.start;
		if (!node->has_memory || range.end > node->end_pfn)
			node->end_pfn = range.end;
		node->has_memory = node->online = true;
	}
}

enum quire_status qi_nodes_create(struct qi_numa *numa)
{
	struct quire_topology *t = numa->t;

	for (unsigned i = 0; i < numa->ranges.count; i++)
		qi_node_set(&numa->possible, numa->ranges.range[i].nid);
	for (unsigned nid = 0; nid < numa->max_nodes; nid++) {
		if (!qi_node_isset(&numa->possible, (int)nid))
			continue;
		t->nodes[nid] = new_node(t, (int)nid);
		if (!t->nodes[nid])
			return QUIRE_ENOMEM;
		t->node_count = nid + 1;
		t->nodes[nid]->online = qi_node_isset(&numa->initiators, (int)nid);
	}
	note_memory(t, numa->mb);
	return QUIRE_OK;
}

static unsigned machine_cpus(const struct quire_machine *machine)
{
	unsigned count = 0;

	for (size_t i = 0; i < machine->cpu_count; i++)
		count += qi_is_cpu(&machine->cpus[i]);
	return count;
}

enum quire_status qi_nodes_assign_cpus(struct qi_numa *numa)
{
	struct quire_topology *t = numa->t;

	t->cpu_count = t->config->cpus ? t->config->cpus : (unsigned)qi_max(machine_cpus(t->machine), 1);
	t->cpu_node = t->alloc(t->alloc_ctx, t->cpu_count * sizeof(int), sizeof(int), QUIRE_NO_NODE);
	if (!t->cpu_node)
		return QUIRE_ENOMEM;
	qi_numa_place_cpus(numa);
	return QUIRE_OK;
}

struct quire_node *quire_topology_node(const struct quire_topology *t, int nid)
{
	return nid >= 0 && (unsigned)nid < t->node_count ? t->nodes[nid] : NULL;
}

/* The memory region that holds an address, by bisection. */
static const struct quire_memblock_region *find_region(const struct quire_memblock *mb, quire_phys_t address)
{
	size_t low = 0, high = mb->memory.cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct quire_memblock_region *region = &mb->memory.regions[middle];

		if (address < region->base)
			high = middle;
		else if (address - region->base >= region->size)
			low = middle + 1;
		else
			return region;
	}
	return NULL;
}

struct quire_zone *quire_topology_zone_of(const struct quire_topology *t, const struct quire_memblock *mb, quire_pfn_t pfn)
{
	const struct quire_memblock_region *region;
	struct quire_node *node;
	bool mirrored;

	if (pfn > QUIRE_PHYS_MAX >> quire_page_shift(t->config))
		return NULL;
	region = find_region(mb, pfn << quire_page_shift(t->config));
	node = region ? quire_topology_node(t, region->nid) : NULL;
	if (!node)
		return NULL;
	if (t->zone_map)
		return qi_zone_map_at(t, pfn, NULL);
	/* With kernelcore=mirror the spans of Normal and Movable overlap, and mirroring says which one a frame is in. */
	mirrored = qi_movable_mirrored(t, mb) && (region->flags & QUIRE_MEMBLOCK_MIRROR);
	for (int type = QUIRE_ZONE_TYPES - 1; type >= 0; type--) {
		struct quire_zone *zone = &node->zones[type];

		if (type == QUIRE_ZONE_MOVABLE && mirrored)
			continue;
		if (zone->spanned && pfn >= zone->start_pfn && pfn - zone->start_pfn < zone->spanned)
			return zone;
	}
	return NULL;
}
