/*
 * Where what moves goes to. Single frames come in bulk through the CPU's front; larger blocks one by one. Isolated
 * pageblocks give nothing, so targets are outside the range by themselves.
 */
#include "mobility/mobility.h"

#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_MOBILITY

/* Bits of the caller's flags that make sense for targets. */
#define TARGET_FLAGS (QUIRE_GFP_RECLAIM | QUIRE_GFP_IO | QUIRE_GFP_FS | QUIRE_GFP_HIGH | QUIRE_GFP_NORETRY | \
		      QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_NOMEMALLOC)

static bool missing(unsigned n, const quire_pfn_t *to)
{
	for (unsigned i = 0; i < n; i++)
		if (to[i] == QUIRE_PFN_NONE)
			return true;
	return false;
}

static void take_singles(struct quire *q, int nid, quire_gfp_t gfp, const struct qi_block *blocks, unsigned n,
			 quire_pfn_t *to)
{
	quire_pfn_t frames[QUIRE_MOVES];
	unsigned wanted = 0, at = 0;
	size_t filled = 0, before;

	for (unsigned i = 0; i < n; i++)
		if (!blocks[i].order && to[i] == QUIRE_PFN_NONE)
			frames[wanted++] = QUIRE_PFN_NONE;
	/* Each call takes from one zone as much as it has to spare, the last ones frame by frame. */
	do {
		before = filled;
		filled = quire_alloc_frames_bulk(q, nid, gfp, wanted, frames);
	} while (filled < wanted && filled > before);
	for (unsigned i = 0; i < n; i++)
		if (!blocks[i].order && to[i] == QUIRE_PFN_NONE)
			to[i] = frames[at++];
}

static void take_larger(struct quire *q, int nid, quire_gfp_t gfp, const struct qi_block *blocks, unsigned n,
			quire_pfn_t *to)
{
	for (unsigned i = 0; i < n; i++) {
		struct qi_walk walk;

		if (!blocks[i].order || to[i] != QUIRE_PFN_NONE)
			continue;
		if (qi_walk_begin(q, nid, blocks[i].order, gfp, &walk) != QUIRE_OK)
			return;
		walk.no_compaction = true;
		qi_walk_run(&walk, &to[i]);
	}
}

static void take_from(struct quire *q, int nid, quire_gfp_t gfp, const struct qi_block *blocks, unsigned n,
		      quire_pfn_t *to)
{
	take_singles(q, nid, gfp, blocks, n, to);
	take_larger(q, nid, gfp, blocks, n, to);
}

void qi_targets_take(struct quire *q, int nid, unsigned flags, quire_gfp_t gfp, const struct qi_block *blocks, unsigned n,
		     quire_pfn_t *to)
{
	const struct quire_node *node = quire_topology_node(&q->topology, nid);
	const struct quire_zonelist *list = node ? &node->zonelists[QUIRE_ZONELIST_FALLBACK] : NULL;
	const struct quire_node *last = node;

	gfp = (gfp & TARGET_FLAGS) | QUIRE_GFP_MOVABLE | QUIRE_GFP_HIGHMEM | QUIRE_GFP_NOWARN;
	for (unsigned i = 0; i < n; i++)
		to[i] = QUIRE_PFN_NONE;
	for (size_t i = 0; list && (flags & QI_RANGE_ELSEWHERE) && i < quire_zonelist_count(list) && missing(n, to); i++) {
		const struct quire_node *other = quire_zonelist_zone(list, i)->node;

		if (other == node || other == last)
			continue;
		last = other;
		take_from(q, other->nid, (gfp & ~QUIRE_GFP_DIRECT_RECLAIM) | QUIRE_GFP_THISNODE, blocks, n, to);
	}
	if (missing(n, to))
		take_from(q, nid, gfp, blocks, n, to);
}

/* --- within a zone ------------------------------------------------------------------------------------------------ */

/* Is there a free block of 2^order, in a pageblock whose largest is below 2^below? The tree takes the smallest there is. */
static bool has_scrap(const struct qi_tree *tree, unsigned order, unsigned below)
{
	unsigned mask = (unsigned)tree->leaf_mask[QUIRE_MIGRATE_MOVABLE] >> order;

	return below > order && (mask & ((1u << (below - order)) - 1));
}

/* Zone locked. Single frames by words. */
static void take_scraps(struct qi_tree *tree, unsigned below, const struct qi_block *blocks, unsigned n, quire_pfn_t *to)
{
	unsigned type = QUIRE_MIGRATE_MOVABLE, flags = QI_TREE_NOFRAGMENT;
	uint64_t word = 0, mask = 0;

	for (unsigned i = 0; i < n; i++) {
		if (blocks[i].order)
			continue;
		if (!mask && !has_scrap(tree, 0, below))
			return;
		if (!mask && qi_tree_alloc_word(tree, 0, type, flags, n - i, &word, &mask) != QUIRE_OK)
			return;
		to[i] = word * 64 + qi_ctz(mask);
		mask &= mask - 1;
	}
	if (mask)
		qi_tree_free_word(tree, 0, word, mask);
}

void qi_targets_within(struct qi_zone *za, unsigned below, const struct qi_block *blocks, unsigned n, quire_pfn_t *to)
{
	if (qi_unlikely(qi_debug_of(za->q) != NULL)) {
		qi_targets_take(za->q, za->zone->node->nid, 0, QUIRE_GFP_NORETRY, blocks, n, to);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		to[i] = QUIRE_PFN_NONE;
	qi_zone_lock(za);
	for (unsigned i = 0; i < n; i++)
		if (blocks[i].order && has_scrap(&za->tree, blocks[i].order, below) &&
		    qi_tree_alloc(&za->tree, blocks[i].order, QUIRE_MIGRATE_MOVABLE, QI_TREE_NOFRAGMENT, &to[i]) != QUIRE_OK)
			to[i] = QUIRE_PFN_NONE;
	take_scraps(&za->tree, below, blocks, n, to);
	qi_zone_unlock(za);
}

#endif
