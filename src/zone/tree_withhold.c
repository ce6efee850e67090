/*
 * Frames the engine takes for itself; see tree_withhold.h. An allocated block becomes absent by exchanging its mark for absent
 * units: then a free of any of its frames, with whatever order, is refused as one of a hole is. What nodes are carved from
 * is withheld in the same way (tree.c).
 */
#include "zone/tree_withhold.h"

#include "zone/tree_internal.h"

/* The node and units that are the block; NULL: it is larger than what one level-1 node has. */
static struct qi_node *node_of(const struct qi_tree *tree, quire_pfn_t pfn, unsigned order, unsigned *unit, unsigned *units)
{
	struct qi_upper *mid = qi_mid_of(tree, pfn);

	if (order >= QI_MID_SHIFT)
		return NULL;
	if (order >= QI_LEAF_SHIFT) {
		*unit = qi_mid_unit(pfn);
		*units = 1u << (order - QI_LEAF_SHIFT);
		return &mid->node;
	}
	*unit = qi_leaf_unit(pfn);
	*units = 1u << order;
	return qi_child_leaf(mid, qi_mid_unit(pfn));
}

void qi_tree_withhold(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	unsigned unit, units;
	struct qi_node *node = node_of(tree, pfn, order, &unit, &units);

	if (!node)
		return;
	qi_clear(node->mark, unit);
	qi_set_range(node->absent, unit, units);
}

void qi_tree_release(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	unsigned unit, units;
	struct qi_node *node = node_of(tree, pfn, order, &unit, &units);

	if (!node || !qi_all(node->absent, unit, units))
		return;
	qi_clear_range(node->absent, unit, units);
	qi_set(node->mark, unit);
}
