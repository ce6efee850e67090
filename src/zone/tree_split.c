/*
 * Splitting allocated blocks. Within a node it is a matter of marks. A unit that is to be blocks of a lower level becomes
 * a broken child in which everything is allocated: a node of no class, with a mark at each block. All nodes are had before
 * anything changes.
 */
#include "zone/tree_split.h"

#include "zone/tree_internal.h"

/* Blocks of n units each, side by side. */
static void mark_blocks(struct qi_node *node, unsigned first, unsigned units, unsigned n)
{
	for (unsigned i = first; i < first + units; i += n)
		qi_set(node->mark, i);
}

/* A node in which all is allocated. Marks are the caller's. */
static void start_taken(struct qi_node *node, unsigned level, uint64_t index)
{
	qi_node_start(node, level, index, false);
	memset(node->absent, 0, sizeof(node->absent));
}

static bool need_leaves(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	for (unsigned i = unit; i < unit + n; i++)
		if (!qi_need_leaves(tree, mid, i))
			return false;
	return true;
}

static void units_to_leaves(struct qi_upper *mid, unsigned unit, unsigned n, unsigned to)
{
	qi_clear(mid->node.mark, unit);
	for (unsigned i = unit; i < unit + n; i++) {
		struct qi_node *leaf = qi_child_leaf(mid, i);

		start_taken(leaf, 0, qi_child_pfn(mid, i));
		leaf->type = (uint8_t)qi_child_type(mid, i);
		mark_blocks(leaf, 0, QI_FAN, 1u << to);
		qi_set(mid->broken, i);
	}
}

static bool need_mids(struct qi_tree *tree, struct qi_upper *top, unsigned unit, unsigned n, unsigned to)
{
	for (unsigned i = unit; i < unit + n; i++) {
		if (!qi_need_mids(tree, top, i))
			return false;
		if (to < QI_LEAF_SHIFT && !need_leaves(tree, qi_child_mid(top, i), 0, QI_FAN))
			return false;
	}
	return true;
}

static void units_to_mids(struct qi_upper *top, unsigned unit, unsigned n, unsigned to)
{
	qi_clear(top->node.mark, unit);
	for (unsigned i = unit; i < unit + n; i++) {
		struct qi_upper *mid = qi_child_mid(top, i);

		/* Where a pageblock has a type of its own the node is there for it already. */
		if (!qi_test(top->special, i)) {
			start_taken(&mid->node, 1, qi_child_pfn(top, i));
			memset(mid->special, 0, sizeof(mid->special));
			for (unsigned k = 0; k < QI_FAN; k++)
				qi_set_child_type(mid, k, qi_child_type(top, i));
		}
		qi_clear(top->special, i);
		qi_set(top->broken, i);
		if (to >= QI_LEAF_SHIFT)
			mark_blocks(&mid->node, 0, QI_FAN, 1u << (to - QI_LEAF_SHIFT));
		else
			units_to_leaves(mid, 0, QI_FAN, to);
	}
}

static void split_in_leaf(struct qi_tree *tree, quire_pfn_t pfn, unsigned order, unsigned to)
{
	mark_blocks(qi_leaf_of(tree, pfn), qi_leaf_unit(pfn), 1u << order, 1u << to);
}

static bool split_in_mid(struct qi_tree *tree, quire_pfn_t pfn, unsigned order, unsigned to)
{
	struct qi_upper *mid = qi_mid_of(tree, pfn);
	unsigned unit = qi_mid_unit(pfn), n = 1u << (order - QI_LEAF_SHIFT);

	if (to >= QI_LEAF_SHIFT) {
		mark_blocks(&mid->node, unit, n, 1u << (to - QI_LEAF_SHIFT));
		return true;
	}
	if (!need_leaves(tree, mid, unit, n))
		return false;
	units_to_leaves(mid, unit, n, to);
	return true;
}

static bool split_in_top(struct qi_tree *tree, quire_pfn_t pfn, unsigned order, unsigned to)
{
	struct qi_upper *top = qi_top_of(tree, pfn);
	unsigned unit = qi_top_unit(pfn), n = 1u << (order - QI_MID_SHIFT);

	if (to >= QI_MID_SHIFT) {
		mark_blocks(&top->node, unit, n, 1u << (to - QI_MID_SHIFT));
		return true;
	}
	if (!need_mids(tree, top, unit, n, to))
		return false;
	units_to_mids(top, unit, n, to);
	return true;
}

enum quire_status qi_tree_split(struct qi_tree *tree, quire_pfn_t pfn, unsigned order, unsigned to)
{
	enum quire_status status;
	quire_pfn_t head;
	unsigned real;
	bool done = true;

	if (order >= QI_TREE_ORDERS || to > order || (pfn & ((1ull << order) - 1)))
		return QUIRE_EINVAL;
	status = qi_tree_lookup(tree, pfn, &head, &real);
	if (status != QUIRE_OK)
		return status;
	if (head != pfn || real != order)
		return QUIRE_EINVAL;
	if (order < QI_LEAF_SHIFT)
		split_in_leaf(tree, pfn, order, to);
	else
		done = order < QI_MID_SHIFT ? split_in_mid(tree, pfn, order, to) : split_in_top(tree, pfn, order, to);
	return done ? QUIRE_OK : QUIRE_ENOMEM;
}
