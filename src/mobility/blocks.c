/*
 * Reading allocated blocks off a tree, in rising order, many at a time.
 *
 * In a leaf it goes by words: free frames and those in use are counted in one go, marks say where blocks begin, and nearly
 * all blocks are single frames, which one look at the word tells. Only the order of larger ones is looked up.
 */
#include "mobility/mobility.h"

#include "zone/tree_internal.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define UNITS_AT_ONCE 64u	/* leaves, or free or allocated units above them, per stay under the lock */

static bool has_room(const struct qi_scan *scan) { return scan->n < scan->room || !scan->room; }

static void found(struct qi_scan *scan, quire_pfn_t pfn, unsigned order)
{
	scan->blocks[scan->n++] = (struct qi_block){ .pfn = pfn, .order = order };
}

/* The part of one word that scan->pfn is in. */
static void scan_word(const struct qi_tree *tree, const struct qi_node *leaf, struct qi_scan *scan)
{
	quire_pfn_t base = qi_align_down(scan->pfn, 64), stop = qi_min(base + 64, scan->end);
	unsigned w = qi_leaf_unit(base) >> 6, first = (unsigned)(scan->pfn - base);
	uint64_t bits = qi_bits(first, (unsigned)(stop - scan->pfn)), singles = qi_singles(leaf, NULL, w), heads;

	heads = scan->room ? leaf->mark[w] & bits : 0;
	for (; heads && scan->n < scan->room; heads &= heads - 1) {
		quire_pfn_t pfn = base + qi_ctz(heads), head;
		unsigned order = 0;

		if (!(singles >> qi_ctz(heads) & 1))
			qi_tree_lookup(tree, pfn, &head, &order);
		found(scan, pfn, order);
	}
	if (heads) {
		stop = base + qi_ctz(heads);
		bits = stop > scan->pfn ? qi_bits(first, (unsigned)(stop - scan->pfn)) : 0;
	}
	scan->free += qi_popcount(leaf->map[w] & bits);
	scan->used += qi_popcount(bits & ~(leaf->map[w] | leaf->absent[w]));
	scan->pfn = stop;
}

static void scan_leaf(const struct qi_tree *tree, const struct qi_node *leaf, struct qi_scan *scan)
{
	quire_pfn_t end = qi_min(qi_align_down(scan->pfn, QI_FAN) + QI_FAN, scan->end);

	while (scan->pfn < end && has_room(scan))
		scan_word(tree, leaf, scan);
}

/* A unit above the leaves that is all free, all absent, or part of one block. */
static void scan_whole(const struct qi_tree *tree, const struct qi_node *node, unsigned unit, uint64_t frames,
		       struct qi_scan *scan)
{
	quire_pfn_t end = qi_min(qi_align_down(scan->pfn, frames) + frames, scan->end), head;
	enum quire_status status = QUIRE_ENOENT;
	unsigned order;

	if (!qi_test(node->absent, unit))
		status = qi_tree_lookup(tree, scan->pfn, &head, &order);
	if (status == QUIRE_EEXIST) {
		scan->free += end - scan->pfn;
	} else if (status == QUIRE_OK) {
		if (scan->room && head == scan->pfn)
			found(scan, head, order);
		end = qi_min(head + (1ull << order), scan->end);
		scan->used += end - scan->pfn;
	}
	scan->pfn = end;
}

static void scan_unit(const struct qi_tree *tree, struct qi_scan *scan)
{
	const struct qi_upper *top = qi_top_of(tree, scan->pfn), *mid;
	unsigned unit = qi_top_unit(scan->pfn);
	quire_pfn_t alike;
	bool free;

	if (!qi_test(top->broken, unit)) {
		scan_whole(tree, &top->node, unit, 1ull << QI_MID_SHIFT, scan);
		return;
	}
	mid = qi_mid_of(tree, scan->pfn);
	alike = qi_tree_alike(mid, scan->pfn, scan->end, &free);
	if (alike > scan->pfn) {
		scan->free += free ? alike - scan->pfn : 0;
		scan->pfn = alike;
		return;
	}
	unit = qi_mid_unit(scan->pfn);
	if (qi_test(mid->broken, unit))
		scan_leaf(tree, qi_child_leaf(mid, unit), scan);
	else
		scan_whole(tree, &mid->node, unit, QI_FAN, scan);
}

bool qi_scan_blocks(const struct qi_tree *tree, struct qi_scan *scan)
{
	quire_pfn_t head;
	unsigned order;

	scan->n = 0;
	if (!scan->begun && scan->room && scan->pfn < scan->end &&
	    qi_tree_lookup(tree, scan->pfn, &head, &order) == QUIRE_OK && head < scan->pfn)
		found(scan, head, order);
	scan->begun = true;
	for (unsigned units = 0; units < UNITS_AT_ONCE && scan->pfn < scan->end && has_room(scan); units++)
		scan_unit(tree, scan);
	return scan->pfn < scan->end;
}

#endif
