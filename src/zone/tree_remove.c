/*
 * Taking frames out of the tree for good: free units become absent. The opposite of tree_add.c and like it in two passes:
 * the first checks and provides nodes, the second cannot fail. Whole units are one bit each; of a block that is free as a
 * whole and of which only a part goes, a node is made first.
 */
#include "zone/tree_internal.h"

/* --- first pass ------------------------------------------------------------------------------------------------------- */

static enum quire_status check_in_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned first, unsigned n)
{
	const struct qi_node *leaf;

	if (qi_test(mid->node.absent, unit))
		return QUIRE_ENOENT;
	if (qi_test(mid->node.map, unit) || qi_held(mid, unit))
		return n == QI_FAN || qi_need_leaves(tree, mid, unit) ? QUIRE_OK : QUIRE_ENOMEM;
	if (!qi_test(mid->broken, unit))
		return QUIRE_EBUSY;
	leaf = qi_child_leaf(mid, unit);
	if (qi_all(leaf->map, first, n))
		return QUIRE_OK;
	return qi_any(leaf->absent, first, n) ? QUIRE_ENOENT : QUIRE_EBUSY;
}

/* Leaves for the two ends of a range in a level-1 unit that is free as a whole. */
static enum quire_status provide_ends(struct qi_tree *tree, struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end)
{
	bool had = true;

	if (qi_leaf_unit(pfn))
		had = qi_need_leaves(tree, mid, qi_mid_unit(pfn));
	if (qi_leaf_unit(end))
		had = had && qi_need_leaves(tree, mid, qi_mid_unit(end));
	return had ? QUIRE_OK : QUIRE_ENOMEM;
}

/* Leaves from pfn on that lie in the range as a whole and are free or held: how many, as far as one word tells. */
static unsigned whole_units(const struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end)
{
	unsigned unit = qi_mid_unit(pfn), w = unit >> 6;

	if (qi_leaf_unit(pfn))
		return 0;
	return (unsigned)qi_min(qi_ones(mid->node.map[w] | mid->held[w], unit & 63), (end - pfn) >> QI_LEAF_SHIFT);
}

/* [pfn, end) lies in one unit of level 2. */
static enum quire_status check_in_top(struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end)
{
	struct qi_upper *top = qi_top_of(tree, pfn), *mid;
	unsigned unit = qi_top_unit(pfn);
	enum quire_status status = QUIRE_OK;

	if (qi_test(top->node.absent, unit))
		return QUIRE_ENOENT;
	if (qi_test(top->node.map, unit)) {
		if (end - pfn == 1ull << QI_MID_SHIFT)
			return QUIRE_OK;
		return qi_need_mids(tree, top, unit) ? provide_ends(tree, qi_child_mid(top, unit), pfn, end) : QUIRE_ENOMEM;
	}
	if (!qi_test(top->broken, unit))
		return QUIRE_EBUSY;
	mid = qi_child_mid(top, unit);
	for (quire_pfn_t next; pfn < end && status == QUIRE_OK; pfn = next) {
		unsigned n = whole_units(mid, pfn, end);

		next = pfn + ((quire_pfn_t)n << QI_LEAF_SHIFT);
		if (n)
			continue;
		next = qi_min(end, qi_align_down(pfn, QI_FAN) + QI_FAN);
		status = check_in_leaf(tree, mid, qi_mid_unit(pfn), qi_leaf_unit(pfn), (unsigned)(next - pfn));
	}
	return status;
}

/* --- second pass ------------------------------------------------------------------------------------------------------ */

/* A level-1 unit is absent from now on: nothing is known of it. */
static void forget_unit(struct qi_upper *mid, unsigned unit)
{
	qi_set(mid->node.absent, unit);
	qi_clear(mid->special, unit);
	qi_clear(mid->touched, unit);
	qi_set_child_type(mid, unit, QUIRE_MIGRATE_MOVABLE);
}

/* Level-1 units [unit, unit + n) of a word, free or held, are absent from now on: nothing is known of them. */
static void remove_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	QI_FOR_WORDS(unit, n, w, bits) {
		qi_add_special(tree, QUIRE_MIGRATE_ISOLATE, -((int64_t)qi_popcount(mid->held[w] & bits) << QI_LEAF_SHIFT));
		mid->held[w] &= ~bits;
		mid->special[w] &= ~bits;
		mid->touched[w] &= ~bits;
		mid->node.absent[w] |= bits;
	}
	qi_set_children(mid, unit, n, QUIRE_MIGRATE_MOVABLE);
	qi_node_withdraw(tree, &mid->node, unit, n);
	qi_add_free(tree, -((int64_t)n << QI_LEAF_SHIFT));
}

/* The leaf of a unit that is not allocated, made if there is none in use. */
static struct qi_node *leaf_for(struct qi_tree *tree, struct qi_upper *mid, unsigned unit)
{
	if (qi_test(mid->broken, unit))
		return qi_child_leaf(mid, unit);
	if (qi_held(mid, unit))
		return qi_break_held(tree, mid, unit);
	if (qi_group_untyped(tree, mid, unit))
		qi_type_units(tree, mid, unit, 1, QUIRE_MIGRATE_MOVABLE);
	return qi_break_leaf(tree, mid, unit, qi_child_type(mid, unit));
}

static void remove_in_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned first, unsigned n)
{
	struct qi_node *leaf;

	leaf = leaf_for(tree, mid, unit);
	qi_set_range(leaf->absent, first, n);
	QI_FOR_WORDS(first, n, w, bits) {
		leaf->map[w] &= ~bits;
		qi_has_update(leaf, w);
	}
	qi_count_free(tree, leaf, -(int64_t)n);
	qi_node_reclass(tree, leaf);
	/* What comes back here some day is seen by leaf_break again. */
	qi_clear(mid->touched, unit);
	leaf->fresh = qi_tells_first_use(tree);
	if (!qi_all(leaf->absent, 0, QI_FAN))
		return;
	memset(leaf->absent, 0, sizeof(leaf->absent));
	qi_clear(mid->broken, unit);
	forget_unit(mid, unit);
}

static void remove_in_mid(struct qi_tree *tree, struct qi_upper *top, struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end)
{
	unsigned unit = qi_top_unit(pfn);

	for (quire_pfn_t next; pfn < end; pfn = next) {
		unsigned n = whole_units(mid, pfn, end);

		next = pfn + ((quire_pfn_t)n << QI_LEAF_SHIFT);
		if (n) {
			remove_units(tree, mid, qi_mid_unit(pfn), n);
			continue;
		}
		next = qi_min(end, qi_align_down(pfn, QI_FAN) + QI_FAN);
		remove_in_leaf(tree, mid, qi_mid_unit(pfn), qi_leaf_unit(pfn), (unsigned)(next - pfn));
	}
	qi_clear(top->touched, unit);
	if (!qi_all(mid->node.absent, 0, QI_FAN))
		return;
	memset(mid->node.absent, 0, sizeof(mid->node.absent));
	qi_clear(top->broken, unit);
	qi_set(top->node.absent, unit);
}

static void remove_in_top(struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end)
{
	struct qi_upper *top = qi_top_of(tree, pfn), *mid = qi_child_mid(top, qi_top_unit(pfn));
	unsigned unit = qi_top_unit(pfn);

	if (qi_test(top->broken, unit) || end - pfn < 1ull << QI_MID_SHIFT) {
		if (!qi_test(top->broken, unit))
			qi_break_mid(tree, top, unit);
		remove_in_mid(tree, top, mid, pfn, end);
		return;
	}
	qi_node_withdraw(tree, &top->node, unit, 1);
	qi_set(top->node.absent, unit);
	qi_clear(top->touched, unit);
	qi_add_free(tree, -(int64_t)(end - pfn));
	if (mid)
		memset(mid->touched, 0, sizeof(mid->touched));
}

enum quire_status qi_tree_remove_free(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count)
{
	const uint64_t unit = 1ull << QI_MID_SHIFT;
	enum quire_status status = QUIRE_OK;
	quire_pfn_t end = pfn + count, next;

	if (!count)
		return QUIRE_OK;
	if (!qi_tree_holds(tree, pfn, count))
		return QUIRE_ERANGE;
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at = next) {
		next = qi_min(end, qi_align_down(at, unit) + unit);
		status = check_in_top(tree, at, next);
	}
	if (status != QUIRE_OK)
		return status;
	for (quire_pfn_t at = pfn; at < end; at = next) {
		next = qi_min(end, qi_align_down(at, unit) + unit);
		remove_in_top(tree, at, next);
	}
	tree->handed_over -= count;
	return QUIRE_OK;
}
