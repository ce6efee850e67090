/*
 * Pageblock types: reading, changing, isolating. A pageblock changes as a whole; what lies free in it changes lists
 * with its leaves.
 *
 * CMA or HIGHATOMIC on a pageblock that is wholly free breaks it down to leaves, so that it is on its type's lists; one
 * that is isolated is held, which takes no leaves; on one that is allocated, the `special` bits wait for the block to be
 * freed.
 */
#include "zone/tree_internal.h"

/* A leaf's free frames change lists with it. */
static void set_leaf_type(struct qi_tree *tree, struct qi_upper *mid, struct qi_node *leaf, unsigned type)
{
	unsigned class = leaf->class, frames = qi_weight(leaf->map);

	qi_list_remove(tree, leaf);
	qi_add_special(tree, leaf->type, -(int64_t)frames);
	leaf->type = (uint8_t)type;
	qi_add_special(tree, type, frames);
	qi_list_insert(tree, leaf, class);
	if (qi_merges(leaf))
		qi_merge_leaf(tree, mid, leaf);
}

/* Nodes for it exist. The node above may turn out to be wholly free: the caller merges it. */
static void set_unit_type(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	if (qi_special_type(type))
		qi_set(mid->special, unit);
	else
		qi_clear(mid->special, unit);
	qi_set_child_type(mid, unit, type);
	if (qi_test(mid->broken, unit)) {
		set_leaf_type(tree, mid, qi_child_leaf(mid, unit), type);
		return;
	}
	if (type == QUIRE_MIGRATE_ISOLATE) {
		if (qi_test(mid->node.map, unit))
			qi_hold_units(tree, mid, unit, 1);
		return;
	}
	if (qi_held(mid, unit))
		qi_unhold_units(tree, mid, unit, 1);
	if (qi_special_type(type) && qi_test(mid->node.map, unit)) {
		qi_break_leaf(tree, mid, unit, type);
		qi_add_special(tree, type, QI_FAN);
	}
}

/* The node for a level-2 unit that is allocated as a whole: it only holds types. */
static struct qi_upper *mid_for_types(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	struct qi_upper *mid;

	if (!qi_need_mids(tree, top, unit))
		return NULL;
	mid = qi_child_mid(top, unit);
	if (qi_test(top->special, unit))
		return mid;
	qi_node_start(&mid->node, 1, qi_child_pfn(top, unit), false);
	memset(mid->node.absent, 0, sizeof(mid->node.absent));
	memset(mid->special, 0, sizeof(mid->special));
	for (unsigned i = 0; i < QI_FAN; i++)
		qi_set_child_type(mid, i, qi_child_type(top, unit));
	return mid;
}

struct qi_upper *qi_mid_for_change(struct qi_tree *tree, quire_pfn_t pfn)
{
	struct qi_upper *top = qi_top_of(tree, pfn), *mid;
	unsigned unit = qi_top_unit(pfn);

	if (qi_test(top->broken, unit))
		return qi_mid_of(tree, pfn);
	if (qi_test(top->node.map, unit))
		return qi_break_mid(tree, top, unit);
	mid = mid_for_types(tree, top, unit);
	if (mid)
		qi_set(top->special, unit);
	return mid;
}

static void merge_if_whole(struct qi_tree *tree, struct qi_upper *mid)
{
	if (mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
}

void qi_set_block_type(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	unsigned group = qi_group(tree), first = unit & ~(group - 1);

	/* What has no type yet shall not get one from its past when it is no longer isolated. */
	if (type == QUIRE_MIGRATE_ISOLATE && qi_test(mid->node.map, unit) && qi_group_untyped(tree, mid, unit))
		qi_type_units(tree, mid, first, group, QUIRE_MIGRATE_MOVABLE);
	for (unsigned i = first; i < first + group; i++)
		if (!qi_test(mid->node.absent, i))
			set_unit_type(tree, mid, i, type);
	merge_if_whole(tree, mid);
}

enum quire_status qi_tree_set_type(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	unsigned group = qi_group(tree), first = qi_mid_unit(pfn) & ~(group - 1);
	const struct qi_upper *top;
	struct qi_upper *mid;

	if (type >= QUIRE_MIGRATE_TYPES)
		return QUIRE_EINVAL;
	top = qi_tree_holds(tree, pfn, 1) ? qi_top_of(tree, pfn) : NULL;
	if (!top || qi_test(top->node.absent, qi_top_unit(pfn)))
		return QUIRE_ENOENT;
	if (qi_test(top->node.map, qi_top_unit(pfn)) && !qi_special_type(type))
		return QUIRE_OK;
	mid = qi_mid_for_change(tree, pfn);
	if (!mid)
		return QUIRE_ENOMEM;
	if (qi_all(mid->node.absent, first, group))
		return QUIRE_ENOENT;
	for (unsigned i = first; qi_special_type(type) && type != QUIRE_MIGRATE_ISOLATE && i < first + group; i++) {
		if (qi_need_leaves(tree, mid, i))
			continue;
		merge_if_whole(tree, mid);
		return QUIRE_ENOMEM;
	}
	qi_set_block_type(tree, mid, first, type);
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

