/* The stock of frames for descriptors; see stock.h. */
#include "zone/stock.h"

#include "zone/purse.h"

#include "base/base.h"
#include "base/pins.h"
#include "boot/meta.h"
#include "memmap/internal.h"
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
	unsigned shift = m->model == QUIRE_MODEL_SPARSEMEM_VMEMMAP ? qi_unit_shift(m) : qi_section_shift(m);

	return ((uint64_t)1 << (shift + qi_stride_shift(m))) >> quire_page_shift(&q->config);
}

/*
 * Frames that can still serve the largest demand. Single frames left over between larger ones must not pass for supply: a
 * stock of nothing else would look full and never be filled.
 */
static uint64_t usable(const struct qi_stock *stock)
{
	uint64_t free = qi_peek(&stock->free);

	return free - qi_min(qi_peek(&stock->stranded), free);
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

static enum quire_status take_of_node(struct quire *q, int nid, unsigned order, quire_pfn_t *pfn)
{
	struct qi_stock *stock = &q->stocks[nid];
	enum quire_status status = QUIRE_ENOMEM;

	qi_lock(&stock->lock);
	for (struct qi_stock_block *block = stock->blocks; block && status != QUIRE_OK; block = block->next) {
		*pfn = find_run(block, order);
		if (*pfn == QUIRE_PFN_NONE)
			continue;
		mark_run(block, *pfn, order, false);
		qi_poke(&stock->free, stock->free - (1ull << order));
		status = QUIRE_OK;
	}
	if (status != QUIRE_OK)
		qi_poke(&stock->stranded, stock->free);
	if (usable(stock) < low_mark(q) && stock->on)
		make_hungry(q, nid);
	qi_unlock(&stock->lock);
	return status;
}

/* What a node has not, another may. */
static enum quire_status take(void *ctx, int nid, unsigned order, quire_pfn_t *pfn)
{
	struct quire *q = ctx;
	enum quire_status status = nid == QUIRE_NO_NODE ? QUIRE_ENOMEM : take_of_node(q, nid, order, pfn);

	for (int other = 0; status != QUIRE_OK && other < (int)q->topology.node_count; other++)
		if (other != nid)
			status = take_of_node(q, other, order, pfn);
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
				qi_poke(&stock->free, stock->free + (1ull << order));
				qi_unlock(&stock->lock);
				return;
			}
		qi_unlock(&stock->lock);
	}
}

/* A block of up to 2^order frames from a zone whose lock is held. */
static struct qi_stock_block *cut_block(struct qi_zone *za, unsigned order, unsigned least)
{
	struct qi_stock_block *block;
	quire_pfn_t pfn;

	za->filling = true;
	block = qi_purse_cut(za, &order, least, &pfn);
	za->filling = false;
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
	qi_poke(&stock->free, stock->free + (1ull << block->order) - 1);
	/* What shares an aligned run with the block's head is too little for it. */
	qi_poke(&stock->stranded, stock->stranded + largest_demand(za->q) - 1);
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
	uint64_t described = (uint64_t)1 << order, unit = (uint64_t)1 << qi_unit_shift(&q->memmap);

	return ((described + 2 * unit) << qi_stride_shift(&q->memmap)) >> quire_page_shift(&q->config);
}

/* Up to `wanted` frames, from zones fit for it. */
static void fill_stock(struct qi_zone *za, struct qi_stock *stock, uint64_t wanted)
{
	struct qi_zone *from;
	size_t cursor = 0;

	while (usable(stock) < wanted && (from = qi_purse_source(za, &cursor))) {
		qi_purse_lock(za, from);
		while (usable(stock) < wanted && fill(from, stock, wanted - usable(stock)))
			continue;
		qi_purse_unlock(za, from);
	}
}

static bool stock_is_low(const struct quire *q, const struct qi_stock *stock)
{
	return stock->on && usable(stock) < low_mark(q);
}

void qi_stock_replenish(void *ctx, unsigned order)
{
	struct qi_zone *za = ctx;
	struct qi_stock *stock = &za->q->stocks[za->zone->node->nid];

	if (stock->on)
		fill_stock(za, stock, low_mark(za->q) + frames_for(za->q, order));
	/* What is cut for the purse wants descriptors, too. */
	if (!stock_is_low(za->q, stock))
		qi_purse_fill(za);
	qi_poke(&za->tree.hungry, stock_is_low(za->q, stock) || qi_purse_is_low(za));
}

void qi_stock_expect(struct qi_zone *za, uint64_t frames)
{
	if (!za->q->stocks || !za->q->stocks[za->zone->node->nid].on)
		return;
	qi_zone_lock(za);
	qi_stock_replenish(za, qi_log2_up(frames));
	qi_zone_unlock(za);
}

uint64_t qi_stock_frames(const struct quire *q, int nid)
{
	return q->stocks ? q->stocks[nid].free : 0;
}

static enum quire_status open_stocks(struct quire *q)
{
	const struct quire_frame_source source = { .take = take, .give = give, .ctx = q };
	size_t bytes = q->topology.node_count * sizeof(*q->stocks);

	q->stocks = qi_meta_alloc(q, bytes, _Alignof(struct qi_stock), QUIRE_NO_NODE, &q->metadata.trees);
	if (!q->stocks)
		return QUIRE_ENOMEM;
	quire_memmap_set_source(q, &source);
	/* The other policies have found theirs; with metadata outside the machine nothing needs frames. */
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		q->stocks[nid].on = q->topology.nodes[nid] && !q->platform->meta_alloc && !q->memmap.boot_room &&
				    q->memmap.model >= QUIRE_MODEL_SPARSEMEM;
	return QUIRE_OK;
}

enum quire_status qi_stock_open(struct quire *q)
{
	enum quire_status status = QI_MAY_BE_LAZY ? open_stocks(q) : QUIRE_OK;

	for (unsigned nid = 0; status == QUIRE_OK && QI_MAY_BE_HUNGRY && nid < q->topology.node_count; nid++)
		if (q->topology.nodes[nid] && !q->platform->meta_alloc)
			make_hungry(q, (int)nid);
	return status;
}
