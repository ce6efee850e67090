/* Memory blocks, pageblocks, frames without a descriptor, and lists of nodes. */
#include "compare.h"

#include <quire/report.h>

#include <inttypes.h>

static void block_texts(const struct quire_memory_block *block, char *zones, size_t zones_size, char *nodes,
			size_t nodes_size)
{
	size_t length = 0;

	snprintf(zones, zones_size, "none");
	for (unsigned i = 0; i < block->zone_count && length < zones_size; i++)
		length += (size_t)snprintf(zones + length, zones_size - length, "%s%s", i ? " " : "",
					   quire_zone_name(block->zones[i]));
	length = 0;
	nodes[0] = 0;
	for (unsigned i = 0; i < block->node_count && i < QUIRE_BLOCK_NODES && length < nodes_size; i++)
		length += (size_t)snprintf(nodes + length, nodes_size - length, "%snode%d", i ? " " : "",
					   block->nodes[i]);
}

/* The node of an address nobody had memory at: firmware's records name it for what may be plugged there. */
static int plugged_nid(const struct compare *c, quire_phys_t address)
{
	const struct quire_machine *m = c->q->machine;

	if (!c->q->topology.numa_on)
		return 0;
	for (size_t i = 0; i < m->affinity_count; i++) {
		if (address - m->affinities[i].base >= m->affinities[i].size)
			continue;
		for (size_t k = 0; k < m->domain_count; k++)
			if (m->domains[k] == m->affinities[i].domain)
				return (int)k;
	}
	return 0;
}

/*
 * Memory the running kernel has and its boot did not know: plugged in before the capture was taken. False if the block
 * is none such. It is online only where that is the kernel's default.
 */
static bool plugged_block(const struct compare *c, const struct observed_block *theirs, quire_phys_t size,
			  struct quire_memory_block *block)
{
	const struct quire_boot_options *o = &c->q->config.options;
	quire_phys_t base = theirs->index * size;
	bool there = false;

	for (size_t i = 0; i < c->o->system_ram.count; i++)
		there |= c->o->system_ram.items[i].first <= base && c->o->system_ram.items[i].last >= base + size - 1;
	if (!there || quire_memblock_overlaps_region(&c->q->memblock, &c->q->memblock.memory, base, size))
		return false;
	quire_memory_block_describe_added(&c->q->topology, size, theirs->index, plugged_nid(c, base), block);
	block->online = o->memhp_online_given ? o->memhp_online : c->q->config.rules >= QUIRE_RULES_6_12;
	return true;
}

static void one_block(struct compare *c, const struct observed_block *theirs, quire_phys_t block_size)
{
	struct quire_memory_block block;
	char zones[64] = "no such block", nodes[96] = "no such block";
	bool plugged = plugged_block(c, theirs, block_size, &block);
	bool there = plugged || quire_memory_block_describe(&c->q->topology, &c->q->memblock, block_size, theirs->index,
							    &block) == QUIRE_OK;

	if (there)
		block_texts(&block, zones, sizeof(zones), nodes, sizeof(nodes));
	findings_text(c->f, theirs->origin,
		      !there	     ? "absent"
		      : block.online ? "online"
				     : "offline",
		      theirs->state, "state of memory%" PRIu64, theirs->index);
	findings_text(c->f, theirs->origin, zones, theirs->zones, "valid zones of memory%" PRIu64, theirs->index);
	findings_text(c->f, theirs->origin, nodes, theirs->nodes, "nodes of memory%" PRIu64, theirs->index);
}

static void memory_blocks(struct compare *c)
{
	quire_phys_t size = quire_memory_block_size(&c->q->config, c->q->machine, &c->q->memblock);
	uint64_t index = 0, count = 0;

	if (c->o->block_origin.file)
		findings_number(c->f, c->o->block_origin, size, c->o->block_size_log, "memory block size");
	else if (!c->o->block_size)
		findings_missing(c->f, 1);
	if (c->o->block_size)
		findings_number(c->f, c->o->block_size_origin, size, c->o->block_size, "memory block size");
	if (!c->o->blocks.count) {
		findings_missing(c->f, 3);
		return;
	}
	for (size_t i = 0; i < c->o->blocks.count; i++) {
		struct quire_memory_block unused;

		one_block(c, &c->o->blocks.items[i], size);
		count += plugged_block(c, &c->o->blocks.items[i], size, &unused);
	}
	while (size && quire_memory_block_next(&c->q->topology, &c->q->memblock, size, &index)) {
		index++;
		count++;
	}
	findings_number(c->f, c->o->blocks.items[0].origin, count, c->o->blocks.count, "number of memory blocks");
}

static void pageblocks(struct compare *c)
{
	uint64_t pages = (uint64_t)1 << quire_pageblock_order(&c->q->config);

	if (!c->o->pageblocks.count)
		findings_missing(c->f, 1);
	for (size_t i = 0; i < c->o->pageblocks.count; i++) {
		const struct observed_pageblocks *theirs = &c->o->pageblocks.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);

		findings_number(c->f, theirs->origin,
				zone ? quire_zone_pageblocks(&c->q->topology, &c->q->memblock, zone) : 0, theirs->total,
				"pageblocks of node %d zone %s", theirs->nid, quire_zone_name(theirs->type));
		if (c->q->config.cma_enabled)
			findings_number(c->f, theirs->origin, zone ? zone->cma_pages / pages : 0, theirs->cma,
					"CMA pageblocks of node %d zone %s", theirs->nid,
					quire_zone_name(theirs->type));
	}
}

/* Whether any memory lies in the sub-section (2 MiB) of pfn: only then its frames count as there. */
static bool touched(const struct compare *c, quire_pfn_t pfn, quire_pfn_t pages)
{
	unsigned shift = quire_page_shift(&c->q->config);

	return quire_memblock_overlaps_region(&c->q->memblock, &c->q->memblock.memory, pfn << shift, pages << shift);
}

/* Where the capture lists frames: those without a descriptor are exactly those of sub-sections without memory. */
static void frames(struct compare *c)
{
	quire_pfn_t pages = (quire_pfn_t)1 << (QUIRE_SUBSECTION_SHIFT - quire_page_shift(&c->q->config));
	uint64_t wrong = 0, first = 0;
	struct origin origin = { "kpageflags_rle.txt", 0 };

	if (!c->o->frames.count || c->q->config.model == QUIRE_MODEL_FLATMEM) {
		findings_missing(c->f, 1);
		return;
	}
	for (size_t i = 0; i < c->o->frames.count; i++) {
		const struct observed_frames *run = &c->o->frames.items[i];

		for (quire_pfn_t pfn = run->start; pfn < run->start + run->count; pfn = (pfn / pages + 1) * pages) {
			if (touched(c, pfn & ~(pages - 1), pages) == !run->absent || wrong++)
				continue;
			first = pfn;
			origin = run->origin;
		}
	}
	findings_number(c->f, origin, wrong, 0,
			"sub-sections present in one and not in the other, first at pfn %#" PRIx64, first);
}

/* "0-1,3" */
static void list_nodes(const struct compare *c, bool (*wanted)(const struct quire_node *node), char *text, size_t size)
{
	const struct quire_topology *t = &c->q->topology;
	size_t length = 0;

	text[0] = 0;
	for (unsigned nid = 0; nid < t->node_count && length < size; nid++) {
		unsigned last = nid;

		if (!t->nodes[nid] || !wanted(t->nodes[nid]))
			continue;
		while (last + 1 < t->node_count && t->nodes[last + 1] && wanted(t->nodes[last + 1]))
			last++;
		length += (size_t)snprintf(text + length, size - length, last == nid ? "%s%u" : "%s%u-%u",
					   length ? "," : "", nid, last);
		nid = last;
	}
}

static bool is_online(const struct quire_node *node)
{
	return node->online;
}

static bool has_memory(const struct quire_node *node)
{
	return node->has_memory;
}

static void distances(struct compare *c)
{
	const struct quire_topology *t = &c->q->topology;

	for (size_t i = 0; i < c->o->node_distances.count; i++) {
		const struct observed_layout *theirs = &c->o->node_distances.items[i];
		char row[sizeof(theirs->text)] = "";
		int nid = -1;
		size_t length;

		if (sscanf(theirs->text, "node%d", &nid) != 1)
			continue;
		length = (size_t)snprintf(row, sizeof(row), "node%d", nid);
		for (unsigned to = 0; to < t->node_count && length < sizeof(row); to++)
			if (t->nodes[to] && t->nodes[to]->online)
				length += (size_t)snprintf(row + length, sizeof(row) - length, " %u",
							   quire_node_distance(t, nid, (int)to));
		findings_text(c->f, theirs->origin, row, theirs->text, "distances of node %d", nid);
	}
}

static void node_lists(struct compare *c)
{
	char text[sizeof(c->o->online_nodes)];

	if (!c->o->online_nodes[0]) {
		findings_missing(c->f, 2);
		return;
	}
	list_nodes(c, is_online, text, sizeof(text));
	findings_text(c->f, c->o->online_nodes_origin, text, c->o->online_nodes, "online nodes");
	list_nodes(c, has_memory, text, sizeof(text));
	findings_text(c->f, c->o->memory_nodes_origin, text, c->o->memory_nodes, "nodes with memory");
	distances(c);
}

void compare_blocks(struct compare *c)
{
	memory_blocks(c);
	pageblocks(c);
	frames(c);
	node_lists(c);
}
