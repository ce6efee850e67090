/*
 * Taking particular frames. The range is cut at leaves; in each, the units above it are broken down as for any small
 * request, and the frames change state word by word. Two passes, so that a refusal changes nothing: the first only
 * looks; what the second may still lack is memory for nodes, and then it gives back what it took.
 */
#include "zone/tree_exact.h"

#include "zone/tree_internal.h"

/* A part of the range that lies in one leaf. */
struct part {
	quire_pfn_t pfn;
	unsigned count;
};

static struct part part_at(quire_pfn_t pfn, quire_pfn_t end)
{
	return (struct part){ pfn, (unsigned)qi_min(end - pfn, QI_FAN - qi_leaf_unit(pfn)) };
}

static enum quire_status unit_state(const struct qi_upper *upper, unsigned unit, bool *below)
{
	const struct qi_node *node = &upper->node;

	*below = qi_test(upper->broken, unit);
	if (*below || qi_test(node->map, unit) || qi_held(upper, unit))
		return QUIRE_OK;
	return qi_test(node->absent, unit) ? QUIRE_ENOENT : QUIRE_EBUSY;
}

static enum quire_status is_free(const struct qi_tree *tree, struct part part)
{
	const struct qi_upper *upper = qi_top_of(tree, part.pfn);
	const struct qi_node *leaf;
	bool below;
	enum quire_status status = unit_state(upper, qi_top_unit(part.pfn), &below);

	if (status != QUIRE_OK || !below)
		return status;
	upper = qi_mid_of(tree, part.pfn);
	status = unit_state(upper, qi_mid_unit(part.pfn), &below);
	if (status != QUIRE_OK || !below)
		return status;
	leaf = qi_leaf_of(tree, part.pfn);
	if (qi_all(leaf->map, qi_leaf_unit(part.pfn), part.count))
		return QUIRE_OK;
	return qi_any(leaf->absent, qi_leaf_unit(part.pfn), part.count) ? QUIRE_ENOENT : QUIRE_EBUSY;
}

/* The leaf of a frame that is free, broken for it if need be. NULL: no memory; nothing changed. */
static struct qi_node *leaf_at(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	struct qi_upper *top = qi_top_of(tree, pfn), *mid;
	unsigned unit = qi_mid_unit(pfn);
	struct qi_node *leaf = NULL;

	mid = qi_test(top->broken, qi_top_unit(pfn)) ? qi_mid_of(tree, pfn) : qi_break_mid(tree, top, qi_top_unit(pfn));
	if (!mid)
		return NULL;
	if (!qi_test(mid->node.map, unit)) {
		bool held = qi_held(mid, unit);

		if (held && !qi_need_leaves(tree, mid, unit))
			return NULL;
		if ((held || qi_child_leaf(mid, unit)->fresh) && qi_touch(tree, mid, unit, 1) != QUIRE_OK)
			return NULL;
		leaf = held ? qi_break_held(tree, mid, unit) : qi_child_leaf(mid, unit);
		leaf->fresh = 0;
		return leaf;
	}
	if (!qi_group_untyped(tree, mid, unit))
		type = qi_tree_type(tree, pfn);
	if (qi_touch(tree, mid, unit, 1) == QUIRE_OK)
		leaf = qi_break_leaf(tree, mid, unit, type);
	if (leaf) {
		leaf->fresh = 0;
		qi_type_units(tree, mid, unit, 1, type);
	} else if (mid->node.class == QI_FAN_SHIFT) {
		qi_merge_mid(tree, mid);
	}
	return leaf;
}

static bool take_part(struct qi_tree *tree, struct part part, unsigned type)
{
	struct qi_node *leaf = leaf_at(tree, part.pfn, type);

	if (!leaf)
		return false;
	QI_FOR_WORDS(qi_leaf_unit(part.pfn), part.count, w, bits) {
		leaf->mark[w] |= bits;
		leaf->map[w] &= ~bits;
		qi_has_update(leaf, w);
	}
	qi_count_free(tree, leaf, -(int64_t)part.count);
	qi_node_reclass(tree, leaf);
	return true;
}

enum quire_status qi_tree_take_frames(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count, unsigned type)
{
	quire_pfn_t end = pfn + count, at;
	struct part part;

	if (type >= QUIRE_MIGRATE_PCPTYPES)
		return QUIRE_EINVAL;
	if (!qi_tree_holds(tree, pfn, count))
		return QUIRE_ERANGE;
	for (at = pfn; at < end; at += part.count) {
		enum quire_status status;

		part = part_at(at, end);
		status = is_free(tree, part);
		if (status != QUIRE_OK)
			return status;
	}
	for (at = pfn; at < end; at += part.count) {
		part = part_at(at, end);
		if (take_part(tree, part, type))
			continue;
		while (at > pfn)
			qi_tree_free(tree, --at, 0);
		return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}
