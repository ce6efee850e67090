/* The stock of frames for descriptors; see stock.h. */
#include "zone/stock.h"

#include "base/base.h"
#include "boot/meta.h"
#include "zone/tree_withhold.h"
#include "zone/zone.h"

#define BLOCK_ORDER_MAX 9u	/* 512 frames: one bitmap */
#define BLOCK_WORDS 8u
#define LOW_FRAMES 16u		/* below this a node's zones are hungry: roots, usage maps, a few units */

/* Stands in the first frame of the block it describes. */
struct qi_stock_block {
	struct qi_stock_block *next;
	quire_pfn_t pfn;
	unsigned order;
	uint64_t map[BLOCK_WORDS];	/* 1: frame is free */
};

/* Frames that the largest single demand asks for, aligned: a unit's, in the classic models a section's whole array. */
static uint64_t largest_demand(const struct quire *q)
{
	const struct quire_memmap *m = &q->memmap;
	unsigned shift = m->model == QUIRE_MODEL_SPARSEMEM_VMEMMAP ? m->unit_shift : m->section_pfn_shift;

	return ((uint64_t)1 << (shift + m->stride_shift)) >> quire_page_shift(&q->config);
}

/*
 * Frames that can still serve the largest demand. Single frames left over between larger ones must not pass for supply: a
 * stock of nothing else would look full and never be filled.
 */
static uint64_t usable(const struct qi_stock *stock)
{
	return stock->free - qi_min(stock->stranded, stock->free);
}

static uint64_t low_mark(const struct quire *q)
{
	return LOW_FRAMES + 2 * largest_demand(q);
}

/* First aligned run of 2^order free frames in the block, or QUIRE_PFN_NONE. */
static quire_pfn_t find_run(const struct qi_stock_block *block, unsigned order)
{
	unsigned count = 1u << order;

	for (unsigned at = 0; at + count <= 1u << block->order; at += count) {
		unsigned i = at;

		while (i < at + count && block->map[i / 64] >> (i % 64) & 1)
			i++;
		if (i == at + count)
			return block->pfn + at;
	}
	return QUIRE_PFN_NONE;
}

static void mark_run(struct qi_stock_block *block, quire_pfn_t pfn, unsigned order, bool free)
{
	for (unsigned i = (unsigned)(pfn - block->pfn), end = i + (1u << order); i < end; i++)
		if (free)
			block->map[i / 64] |= 1ull << (i % 64);
		else
			block->map[i / 64] &= ~(1ull << (i % 64));
}

static void make_hungry(struct quire *q, int nid)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

		if (zone->tree)
			qi_poke(&zone->tree->hungry, true);
	}
}

static enum quire_status take(void *ctx, int nid, unsigned order, quire_pfn_t *pfn)
{
	struct quire *q = ctx;
	struct qi_stock *stock = &q->stocks[nid == QUIRE_NO_NODE ? 0 : nid];
	enum quire_status status = QUIRE_ENOMEM;

	if (nid == QUIRE_NO_NODE)
		for (nid = 0; (unsigned)nid + 1 < q->topology.node_count && !q->stocks[nid].free; nid++)
			stock = &q->stocks[nid + 1];
	qi_lock(&stock->lock);
	for (struct qi_stock_block *block = stock->blocks; block && status != QUIRE_OK; block = block->next) {
		*pfn = find_run(block, order);
		if (*pfn == QUIRE_PFN_NONE)
			continue;
		mark_run(block, *pfn, order, false);
		stock->free -= 1ull << order;
		status = QUIRE_OK;
	}
	if (status != QUIRE_OK)
		stock->stranded = stock->free;
	if (usable(stock) < low_mark(q) && stock->on)
		make_hungry(q, nid);
	qi_unlock(&stock->lock);
	return status;
}

static void give(void *ctx, quire_pfn_t pfn, unsigned order)
{
	struct quire *q = ctx;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		struct qi_stock *stock = &q->stocks[nid];

		qi_lock(&stock->lock);
		for (struct qi_stock_block *block = stock->blocks; block; block = block->next)
			if (pfn >= block->pfn && pfn < block->pfn + (1ull << block->order)) {
				mark_run(block, pfn, order, true);
				stock->free += 1ull << order;
				qi_unlock(&stock->lock);
				return;
			}
		qi_unlock(&stock->lock);
	}
}

/* May descriptors live here? They never move, and are written through the direct map. */
static bool fit_for_descriptors(const struct quire_zone *zone)
{
	return zone->tree && zone->type != QUIRE_ZONE_MOVABLE && zone->type != QUIRE_ZONE_HIGHMEM;
}

/* A block of up to 2^order frames from a zone whose lock is held. */
static struct qi_stock_block *cut_block(struct qi_zone *za, unsigned order, unsigned least)
{
	const struct quire_platform *platform = za->q->platform;
	unsigned shift = quire_page_shift(&za->q->config);
	bool hungry = za->tree.hungry;
	struct qi_stock_block *block = NULL;
	quire_pfn_t pfn = QUIRE_PFN_NONE;

	za->filling = true;
	za->tree.hungry = false;
	while (qi_tree_alloc(&za->tree, order, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn) != QUIRE_OK && order > least)
		order--;
	if (pfn != QUIRE_PFN_NONE) {
		if (za->q->page_alloc.watched)
			qi_debug_needed(za->q, pfn, 1ull << order);
		block = platform->phys_to_virt(platform->ctx, pfn << shift, (quire_phys_t)1 << (order + shift));
		if (block)
			qi_tree_withhold(&za->tree, pfn, order);
		else
			qi_tree_free(&za->tree, pfn, order);
	}
	za->filling = false;
	za->tree.hungry = hungry;
	if (!block)
		return NULL;
	*block = (struct qi_stock_block){ .pfn = pfn, .order = order };
	mark_run(block, pfn + 1, 0, true);
	for (unsigned i = 2; i < 1u << order; i++)
		mark_run(block, pfn + i, 0, true);
	return block;
}

/*
 * One more block for the node from this zone, locked. Its own leaf was taken from without descriptors: make them now. False:
 * no block, or none that serves the largest demand.
 */
static bool fill(struct qi_zone *za, struct qi_stock *stock, uint64_t frames)
{
	unsigned least = qi_log2_up(largest_demand(za->q) + 1), order = qi_log2_up(frames + 1);
	struct qi_stock_block *block;
	bool served;

	least = (unsigned)qi_max(least, 2);
	order = (unsigned)qi_clamp(order, qi_max(least, 6), BLOCK_ORDER_MAX);
	block = cut_block(za, order, least);
	if (!block)
		return false;
	qi_lock(&stock->lock);
	block->next = stock->blocks;
	stock->blocks = block;
	stock->free += (1ull << block->order) - 1;
	/* What shares an aligned run with the block's head is too little for it. */
	stock->stranded += largest_demand(za->q) - 1;
	served = 1ull << block->order > largest_demand(za->q);
	qi_unlock(&stock->lock);
	quire_memmap_prepare(za->q, block->pfn, 1ull << block->order);
	return served;
}

enum quire_status qi_stock_leaf_break(void *ctx, quire_pfn_t pfn, uint64_t frames)
{
	struct qi_zone *za = ctx;

	/* A zone may be used without a memmap: then nobody wants descriptors. */
	if (za->filling || !za->q->memmap.ready)
		return QUIRE_OK;
	return quire_memmap_prepare(za->q, pfn, frames);
}

/* Frames that the descriptors of 2^order frames need, at most. */
static uint64_t frames_for(const struct quire *q, unsigned order)
{
	uint64_t described = (uint64_t)1 << order, unit = (uint64_t)1 << q->memmap.unit_shift;

	return ((described + 2 * unit) << q->memmap.stride_shift) >> quire_page_shift(&q->config);
}

void qi_stock_replenish(void *ctx, unsigned order)
{
	struct qi_zone *za = ctx;
	struct quire_node *node = za->zone->node;
	struct qi_stock *stock = &za->q->stocks[node->nid];
	uint64_t wanted = low_mark(za->q) + frames_for(za->q, order);
	int lowest = fit_for_descriptors(za->zone) ? (int)za->zone->type : 0;

	for (int type = (int)za->zone->type; type >= lowest && usable(stock) < wanted; type--) {
		struct quire_zone *zone = &node->zones[type];
		struct qi_zone *from = zone->tree && fit_for_descriptors(zone) ? qi_zone_of(zone) : NULL;

		if (!from)
			continue;
		if (from != za)
			qi_lock(&from->lock);
		while (usable(stock) < wanted && fill(from, stock, wanted - usable(stock)))
			continue;
		if (from != za)
			qi_unlock(&from->lock);
	}
	/* A node without a zone fit for it: better unmovable frames there than no memory at all. */
	while (!fit_for_descriptors(za->zone) && usable(stock) < low_mark(za->q) && fill(za, stock, wanted - usable(stock)))
		continue;
	qi_poke(&za->tree.hungry, usable(stock) < low_mark(za->q));
}

uint64_t qi_stock_frames(const struct quire *q, int nid)
{
	return q->stocks ? q->stocks[nid].free : 0;
}

enum quire_status qi_stock_open(struct quire *q)
{
	const struct quire_frame_source source = { .take = take, .give = give, .ctx = q };
	size_t bytes = q->topology.node_count * sizeof(*q->stocks);

	q->stocks = qi_meta_alloc(q, bytes, _Alignof(struct qi_stock), QUIRE_NO_NODE, &q->metadata.trees);
	if (!q->stocks)
		return QUIRE_ENOMEM;
	quire_memmap_set_source(q, &source);
	/* With metadata outside the machine descriptors need no frames, and the other policies have found theirs. */
	if (q->platform->meta_alloc || q->memmap.boot_room || q->memmap.model < QUIRE_MODEL_SPARSEMEM)
		return QUIRE_OK;
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		if (q->topology.nodes[nid]) {
			q->stocks[nid].on = true;
			make_hungry(q, (int)nid);
		}
	return QUIRE_OK;
}
