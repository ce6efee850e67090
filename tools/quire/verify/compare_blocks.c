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

/* A block plugged in and still offline. One that came online is in the ledger by now. */
static bool plugged_block(const struct compare *c, const struct observed_block *theirs, quire_phys_t size,
			  struct quire_memory_block *block)
{
	const struct plugged_range *range = plugged_at(c, theirs->index * size, size);

	if (!range || c->plugged_online)
		return false;
	quire_memory_block_describe_added(&c->q->topology, size, theirs->index, range->nid, block);
	block->online = false;
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

/* Runs of sub-sections (2 MiB) that hold some memory, ascending and apart: only their frames count as there. */
struct span {
	uint64_t first, last;
};
struct span_list {
	struct span *items;
	size_t count, room;
};

static bool touched_spans(const struct compare *c, struct span_list *spans)
{
	const struct quire_memblock_type *memory = &c->q->memblock.memory;

	for (size_t i = 0; i < memory->cnt; i++) {
		const struct quire_memblock_region *region = &memory->regions[i];
		uint64_t first = region->base >> QUIRE_SUBSECTION_SHIFT;
		uint64_t last = (region->base + region->size - 1) >> QUIRE_SUBSECTION_SHIFT;
		struct span *span = spans->count ? &spans->items[spans->count - 1] : NULL;

		if (!region->size)
			continue;
		if (!span || first > span->last + 1) {
			span = LIST_ADD(spans);
			if (!span)
				return false;
			span->first = first;
		}
		span->last = last;
	}
	return true;
}

/* The first span that does not end before `at`. */
static size_t span_from(const struct span_list *spans, uint64_t at)
{
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans->items[middle].last < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * How many sub-sections from `from` to `to` contradict the run: touched ones if its frames are absent, others if they
 * are there. *first becomes the first such. A run may be as long as a hostile file likes: it is never walked.
 */
static uint64_t contradicting(const struct span_list *spans, bool absent, uint64_t from, uint64_t to, uint64_t *first)
{
	size_t at = span_from(spans, from);
	uint64_t touched = 0, first_touched = UINT64_MAX, first_bare = from;

	for (size_t i = at; i < spans->count && spans->items[i].first <= to; i++) {
		uint64_t low = spans->items[i].first > from ? spans->items[i].first : from;
		uint64_t high = spans->items[i].last < to ? spans->items[i].last : to;

		if (i == at)
			first_touched = low;
		if (low == first_bare)
			first_bare = high + 1;
		touched += high - low + 1;
	}
	*first = absent ? first_touched : first_bare;
	return absent ? touched : to - from + 1 - touched;
}

/* Where the capture lists frames: those without a descriptor are exactly those of sub-sections without memory. */
static void frames(struct compare *c)
{
	unsigned order = QUIRE_SUBSECTION_SHIFT - quire_page_shift(&c->q->config);
	struct origin origin = { "kpageflags_rle.txt", 0 };
	struct span_list spans = { 0 };
	uint64_t wrong = 0, first = 0;

	if (!c->o->frames.count || c->q->config.model == QUIRE_MODEL_FLATMEM || !touched_spans(c, &spans)) {
		LIST_FREE(&spans);
		findings_missing(c->f, 1);
		return;
	}
	for (size_t i = 0; i < c->o->frames.count; i++) {
		const struct observed_frames *run = &c->o->frames.items[i];
		quire_pfn_t last = run->count - 1 > UINT64_MAX - run->start ? UINT64_MAX : run->start + run->count - 1;
		uint64_t at, bad = 0;

		if (run->count)
			bad = contradicting(&spans, run->absent, run->start >> order, last >> order, &at);
		if (bad && !wrong) {
			first = at << order > run->start ? at << order : run->start;
			origin = run->origin;
		}
		wrong += bad;
	}
	LIST_FREE(&spans);
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
		struct text_slice text = text_of(theirs->text);
		size_t length;
		int nid;

		if (!text_take(&text, "node") || !observed_take_nid(&text, &nid))
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
