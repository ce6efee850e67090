/* Node structures, the nodes of CPUs, and lookups by node id or frame. */
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

/* The node firmware gives a CPU, in terms of the nodes in force: the first emulated one cut from its own, if any is. */
static int firmware_node(const struct qi_numa *numa, const struct quire_cpu *cpu)
{
	bool told = numa->from_firmware && cpu->domain != QUIRE_DOMAIN_NONE;
	int nid = told ? qi_numa_domain_node(numa, cpu->domain) : QUIRE_NO_NODE;

	if (nid == QUIRE_NO_NODE || !numa->faked)
		return nid;
	for (unsigned i = 0; i < numa->fake_count; i++)
		if (numa->phys_of[i] == nid)
			return (int)i;
	return 0;
}

/* CPUs nobody gave a node: x86 deals nodes with memory out in turn, counting every CPU, others take the first node. */
static int spare_node(const struct quire_topology *t, unsigned cpu)
{
	struct quire_node *node;
	unsigned with_memory = 0, turn;

	qi_for_each_node(t, node)
		with_memory += node->has_memory;
	if (!with_memory || t->config->arch != QUIRE_ARCH_X86_64) {
		node = qi_next_node(t, -1);
		return node ? node->nid : QUIRE_NO_NODE;
	}
	turn = cpu % with_memory;
	qi_for_each_node(t, node)
		if (node->has_memory && turn-- == 0)
			return node->nid;
	return QUIRE_NO_NODE;
}

/* Count the CPU in its node, or in all nodes emulated from its physical one. */
static void count_cpu(const struct qi_numa *numa, int nid)
{
	struct quire_node *node;

	if (nid == QUIRE_NO_NODE)
		return;
	qi_for_each_node(numa->t, node) {
		bool same = node->nid == nid || (numa->faked && numa->phys_of[node->nid] == numa->phys_of[nid]);

		node->cpus += same;
		node->online |= same;
	}
}

static bool is_cpu(const struct quire_cpu *cpu)
{
	return cpu->enabled && !cpu->initiator;
}

static unsigned machine_cpus(const struct quire_machine *machine)
{
	unsigned count = 0;

	for (size_t i = 0; i < machine->cpu_count; i++)
		count += is_cpu(&machine->cpus[i]);
	return count;
}

enum quire_status qi_nodes_assign_cpus(struct qi_numa *numa)
{
	struct quire_topology *t = numa->t;
	const struct quire_machine *machine = t->machine;
	unsigned known = machine_cpus(machine);
	size_t next = 0;

	t->cpu_count = t->config->cpus ? t->config->cpus : (unsigned)qi_max(known, 1);
	t->cpu_node = t->alloc(t->alloc_ctx, t->cpu_count * sizeof(int), sizeof(int), QUIRE_NO_NODE);
	if (!t->cpu_node)
		return QUIRE_ENOMEM;
	for (unsigned cpu = 0; cpu < t->cpu_count; cpu++) {
		int nid = QUIRE_NO_NODE;

		while (next < machine->cpu_count && !is_cpu(&machine->cpus[next]))
			next++;
		if (next < machine->cpu_count)
			nid = firmware_node(numa, &machine->cpus[next++]);
		if (nid == QUIRE_NO_NODE)
			nid = spare_node(t, cpu);
		t->cpu_node[cpu] = nid;
		count_cpu(numa, nid);
	}
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
