/*
 * Pageblock types: reading, changing, isolating. A pageblock changes as a whole; what lies free in it changes lists
 * with its leaves.
 *
 * A special type on a pageblock that is wholly free breaks it down to leaves, so that it has nodes to keep the type;
 * on one that is allocated, the `special` bits wait for the block to be freed.
 */
#include "zone/tree_internal.h"

static void set_unit_type(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	struct qi_node *leaf = qi_child_leaf(mid, unit);
	unsigned class, frames;

	if (qi_special_type(type))
		qi_set(mid->special, unit);
	else
		qi_clear(mid->special, unit);
	qi_set_child_type(mid, unit, type);
	if (qi_test(mid->node.map, unit)) {
		if (!qi_special_type(type))
			return;
		qi_break_leaf(tree, mid, unit, type);
		qi_add_special(tree, type, QI_FAN);
	} else if (qi_test(mid->broken, unit)) {
		frames = qi_weight(leaf->map);
		class = leaf->class;
		qi_list_remove(tree, leaf);
		qi_add_special(tree, leaf->type, -(int64_t)frames);
		leaf->type = (uint8_t)type;
		qi_add_special(tree, type, frames);
		qi_list_insert(tree, leaf, class);
		if (class == QI_LEAF_SHIFT && !qi_special_type(type))
			qi_merge_leaf(tree, mid, leaf);
	}
}

/* The node for a level-2 unit that is allocated as a whole: it only holds types. */
static struct qi_upper *mid_for_types(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	struct qi_upper *mid;

	if (!qi_need_mids(tree, top, unit))
		return NULL;
	mid = qi_child_mid(tree, top, unit);
	if (qi_test(top->special, unit))
		return mid;
	qi_node_start(&mid->node, 1, qi_child_index(tree, top, unit), false);
	memset(mid->node.absent, 0, sizeof(mid->node.absent));
	memset(mid->special, 0, sizeof(mid->special));
	for (unsigned i = 0; i < QI_FAN; i++)
		qi_set_child_type(mid, i, qi_child_type(top, unit));
	return mid;
}

enum quire_status qi_tree_set_type(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	unsigned group = qi_group(tree), first = qi_mid_unit(pfn) & ~(group - 1), unit = qi_top_unit(pfn);
	struct qi_upper *top, *mid;
	bool whole;

	if (type >= QUIRE_MIGRATE_TYPES)
		return QUIRE_EINVAL;
	if (!qi_tree_holds(tree, pfn, 1) || qi_test(qi_top_of(tree, pfn)->node.absent, unit))
		return QUIRE_ENOENT;
	top = qi_top_of(tree, pfn);
	if (qi_test(top->node.map, unit) && !qi_special_type(type))
		return QUIRE_OK;
	if (qi_test(top->node.map, unit))
		mid = qi_break_mid(tree, top, unit);
	else
		mid = qi_test(top->broken, unit) ? qi_mid_of(tree, pfn) : mid_for_types(tree, top, unit);
	if (!mid)
		return QUIRE_ENOMEM;
	if (qi_all(mid->node.absent, first, group))
		return QUIRE_ENOENT;
	for (unsigned i = first; qi_special_type(type) && i < first + group; i++) {
		if (qi_need_leaves(tree, mid, i))
			continue;
		if (mid->node.class == QI_FAN_SHIFT)
			qi_merge_mid(tree, mid);
		return QUIRE_ENOMEM;
	}
	whole = !qi_test(top->broken, unit);
	if (whole)
		qi_set(top->special, unit);
	for (unsigned i = first; i < first + group; i++)
		if (!qi_test(mid->node.absent, i))
			set_unit_type(tree, mid, i, type);
	return QUIRE_OK;
}

unsigned qi_tree_type(const struct qi_tree *tree, quire_pfn_t pfn)
{
	unsigned group = qi_group(tree), first = qi_mid_unit(pfn) & ~(group - 1), unit = qi_top_unit(pfn);
	const struct qi_upper *top, *mid;

	if (!qi_tree_holds(tree, pfn, 1))
		return QUIRE_MIGRATE_TYPES;
	top = qi_top_of(tree, pfn);
	if (qi_test(top->node.map, unit))
		return QUIRE_MIGRATE_MOVABLE;
	if (qi_test(top->node.absent, unit))
		return QUIRE_MIGRATE_TYPES;
	if (!qi_test(top->broken, unit) && !qi_test(top->special, unit))
		return qi_child_type(top, unit);
	mid = qi_mid_of(tree, pfn);
	for (unsigned i = first; i < first + group; i++)
		if (!qi_test(mid->node.map, i) && !qi_test(mid->node.absent, i))
			return qi_child_type(mid, i);
	return qi_all(mid->node.absent, first, group) ? QUIRE_MIGRATE_TYPES : QUIRE_MIGRATE_MOVABLE;
}

enum quire_status qi_tree_isolate(struct qi_tree *tree, quire_pfn_t pfn)
{
	if (qi_tree_type(tree, pfn) == QUIRE_MIGRATE_ISOLATE)
		return QUIRE_EBUSY;
	return qi_tree_set_type(tree, pfn, QUIRE_MIGRATE_ISOLATE);
}

enum quire_status qi_tree_unisolate(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	if (type >= QUIRE_MIGRATE_ISOLATE)
		return QUIRE_EINVAL;
	if (qi_tree_type(tree, pfn) != QUIRE_MIGRATE_ISOLATE)
		return QUIRE_ENOENT;
	return qi_tree_set_type(tree, pfn, type);
}
