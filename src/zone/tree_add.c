/*
 * Handing frames over: absent units become free (tree_remove.c is the opposite). A range is at most two partial units
 * per level and a run of whole ones between them, so it costs the same whatever its length. Two passes: the first checks
 * and provides nodes, the second cannot fail.
 */
#include "zone/tree_internal.h"

static void merge_if_whole(struct qi_tree *tree, struct qi_upper *mid, struct qi_node *leaf)
{
	if (qi_merges(leaf))
		qi_merge_leaf(tree, mid, leaf);
}

/* A leaf that begins with only some of its frames ours. It starts as MOVABLE, as the field's pageblocks do. */
static void start_partial_leaf(struct qi_upper *mid, unsigned unit, struct qi_node *leaf)
{
	qi_node_start(leaf, 0, qi_child_pfn(mid, unit), false);
	leaf->type = QUIRE_MIGRATE_MOVABLE;
	qi_clear(mid->node.absent, unit);
	qi_set(mid->broken, unit);
	qi_set_child_type(mid, unit, QUIRE_MIGRATE_MOVABLE);
}

static enum quire_status add_in_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned first, unsigned n,
				     bool commit)
{
	struct qi_node *leaf;
	bool absent = qi_test(mid->node.absent, unit);

	if (!absent && !qi_test(mid->broken, unit))
		return QUIRE_EEXIST;
	if (!qi_need_leaves(tree, mid, unit))
		return QUIRE_ENOMEM;
	leaf = qi_child_leaf(mid, unit);
	if (!absent && !qi_all(leaf->absent, first, n))
		return QUIRE_EEXIST;
	if (!commit)
		return QUIRE_OK;
	if (absent)
		start_partial_leaf(mid, unit, leaf);
	/* leaf_break has not seen these frames, whatever it saw of the leaf. */
	qi_clear(mid->touched, unit);
	leaf->fresh = qi_tells_first_use(tree);
	qi_clear_range(leaf->absent, first, n);
	qi_node_release(tree, leaf, first, n);
	qi_count_free(tree, leaf, n);
	merge_if_whole(tree, mid, leaf);
	return QUIRE_OK;
}

/*
 * Whole units [first, first + n): one bit each. A unit of which some frames came before is filled up frame by frame
 * instead.
 */
static enum quire_status add_whole_leaves(struct qi_tree *tree, struct qi_upper *mid, unsigned first, unsigned n,
					  bool commit)
{
	if (!qi_all(mid->node.absent, first, n))
		return QUIRE_EEXIST;
	if (!commit)
		return QUIRE_OK;
	qi_clear_range(mid->node.absent, first, n);
	qi_node_release(tree, &mid->node, first, n);
	qi_add_free(tree, (int64_t)n << QI_LEAF_SHIFT);
	return QUIRE_OK;
}

/* Frames [first, first + n) of a level-1 node that is or is about to be broken. */
static enum quire_status add_in_mid(struct qi_tree *tree, struct qi_upper *mid, uint64_t first, uint64_t n, bool commit)
{
	enum quire_status status = QUIRE_OK;
	uint64_t end = first + n;

	while (first < end && status == QUIRE_OK) {
		unsigned unit = (unsigned)(first >> QI_LEAF_SHIFT), at = qi_leaf_unit(first);
		uint64_t part = qi_min(end - first, QI_FAN - at);

		if (part < QI_FAN) {
			status = add_in_leaf(tree, mid, unit, at, (unsigned)part, commit);
		} else {
			part = qi_align_down(end - first, QI_FAN);
			status = add_whole_leaves(tree, mid, unit, (unsigned)(part >> QI_LEAF_SHIFT), commit);
		}
		first += part;
	}
	return status;
}

/* Leaves for frames at which a range begins or ends inside a pageblock. */
static bool need_end(struct qi_tree *tree, struct qi_upper *mid, uint64_t end)
{
	return !qi_leaf_unit(end) || qi_need_leaves(tree, mid, qi_mid_unit(end));
}

static enum quire_status add_part_of_mid(struct qi_tree *tree, struct qi_upper *top, unsigned unit, uint64_t first,
					 uint64_t n, bool commit)
{
	bool absent = qi_test(top->node.absent, unit);
	enum quire_status status;
	struct qi_upper *mid;

	if (!absent && !qi_test(top->broken, unit))
		return QUIRE_EEXIST;
	if (!qi_need_mids(tree, top, unit))
		return QUIRE_ENOMEM;
	mid = qi_child_mid(top, unit);
	if (absent && !commit)
		return need_end(tree, mid, first) && need_end(tree, mid, first + n) ? QUIRE_OK : QUIRE_ENOMEM;
	if (absent) {
		qi_node_start(&mid->node, 1, qi_child_pfn(top, unit), false);
		qi_clear(top->node.absent, unit);
		qi_set(top->broken, unit);
	}
	status = add_in_mid(tree, mid, first, n, commit);
	if (commit && mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
	return status;
}

static enum quire_status add_in_top(struct qi_tree *tree, struct qi_upper *top, uint64_t first, uint64_t n, bool commit)
{
	enum quire_status status = QUIRE_OK;
	uint64_t end = first + n, whole = 1ull << QI_MID_SHIFT;

	while (first < end && status == QUIRE_OK) {
		unsigned unit = (unsigned)(first >> QI_MID_SHIFT);
		uint64_t at = first & (whole - 1), part = qi_min(end - first, whole - at);

		if (part < whole) {
			status = add_part_of_mid(tree, top, unit, at, part, commit);
		} else {
			unsigned units = (unsigned)((end - first) >> QI_MID_SHIFT);

			part = (uint64_t)units << QI_MID_SHIFT;
			if (!qi_all(top->node.absent, unit, units)) {
				status = QUIRE_EEXIST;
			} else if (commit) {
				qi_clear_range(top->node.absent, unit, units);
				qi_node_release(tree, &top->node, unit, units);
				qi_add_free(tree, (int64_t)part);
			}
		}
		first += part;
	}
	return status;
}

static enum quire_status add_range(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count, bool commit)
{
	enum quire_status status = QUIRE_OK;
	quire_pfn_t end = pfn + count;

	while (pfn < end && status == QUIRE_OK) {
		uint64_t at = pfn & ((1ull << QI_TOP_SHIFT) - 1);
		uint64_t part = qi_min(end - pfn, (1ull << QI_TOP_SHIFT) - at);

		if (!qi_need_top(tree, pfn))
			return QUIRE_ENOMEM;
		status = add_in_top(tree, qi_top_of(tree, pfn), at, part, commit);
		pfn += part;
	}
	return status;
}

/* Nodes to keep a special type in, should the pageblock of several leaves at pfn have one. */
static bool provide_for_type(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	unsigned group = qi_group(tree), first = qi_mid_unit(pfn) & ~(group - 1);

	for (unsigned i = first; type < QUIRE_MIGRATE_TYPES && qi_special_type(type) && i < first + group; i++)
		if (!qi_need_leaves(tree, qi_mid_of(tree, pfn), i))
			return false;
	return true;
}

/* New leaves of a pageblock take the type the rest of it has. */
static void adopt_type(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	if (qi_group(tree) > 1)
		qi_tree_set_type(tree, pfn, type < QUIRE_MIGRATE_TYPES ? type : QUIRE_MIGRATE_MOVABLE);
}

enum quire_status qi_tree_add_free(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t last = pfn + count - 1;
	enum quire_status status;
	unsigned first_type, last_type;

	if (!count)
		return QUIRE_OK;
	if (!qi_tree_holds(tree, pfn, count))
		return QUIRE_ERANGE;
	status = add_range(tree, pfn, count, false);
	if (status != QUIRE_OK)
		return status;
	first_type = qi_tree_type(tree, pfn);
	last_type = qi_tree_type(tree, last);
	if (!provide_for_type(tree, pfn, first_type) || !provide_for_type(tree, last, last_type))
		return QUIRE_ENOMEM;
	tree->handed_over += count;
	add_range(tree, pfn, count, true);
	adopt_type(tree, pfn, first_type);
	adopt_type(tree, last, last_type);
	return QUIRE_OK;
}

static bool any_in_mid(const struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end)
{
	for (quire_pfn_t next; pfn < end; pfn = next) {
		unsigned unit = qi_mid_unit(pfn), at = qi_leaf_unit(pfn);

		next = qi_min(end, qi_align_down(pfn, QI_FAN) + QI_FAN);
		if (qi_test(mid->node.absent, unit))
			continue;
		if (!qi_test(mid->broken, unit) || !qi_all(qi_child_leaf(mid, unit)->absent, at, (unsigned)(next - pfn)))
			return true;
	}
	return false;
}

bool qi_tree_any_ours(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t end = qi_min(tree->end_pfn, count > QUIRE_PFN_NONE - pfn ? QUIRE_PFN_NONE : pfn + count);

	pfn = qi_max(pfn, tree->start_pfn);
	for (quire_pfn_t next; pfn < end; pfn = next) {
		const struct qi_upper *top = qi_top_of(tree, pfn);
		unsigned unit = qi_top_unit(pfn);

		next = qi_min(end, qi_align_down(pfn, 1ull << QI_MID_SHIFT) + (1ull << QI_MID_SHIFT));
		if (qi_test(top->node.absent, unit))
			continue;
		if (!qi_test(top->broken, unit) || any_in_mid(qi_mid_of(tree, pfn), pfn, next))
			return true;
	}
	return false;
}
