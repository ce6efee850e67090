/*
 * The tree's checker: every invariant tree.h and the files beside it rely on. Read-only; for tests, and for whoever
 * suspects something.
 */
#include "zone/tree_internal.h"

struct check {
	const struct qi_tree *tree;
	const char *what;			/* NULL so far */
	uint64_t free, loose, special[QUIRE_MIGRATE_TYPES];
	uint64_t listed[QI_LEVELS];		/* nodes that ought to be on a list */
};

static void expect(struct check *check, bool condition, const char *what)
{
	if (!condition && !check->what)
		check->what = what;
}

/* What is true of every node in use. */
static void check_node(struct check *check, const struct qi_node *node, const struct qi_upper *upper, unsigned level,
		       quire_pfn_t pfn)
{
	uint64_t has = 0;

	expect(check, node->level == level, "a node has the wrong level");
	expect(check, node->pfn == pfn, "a node has the wrong first frame");
	for (unsigned w = 0; w < QI_WORDS; w++) {
		uint64_t others = node->map[w] | node->mark[w] | node->absent[w];

		has |= (uint64_t)qi_word_has(node->map[w]) << w * 8;
		expect(check, !(node->map[w] & node->mark[w]), "a free unit is marked allocated");
		expect(check, !(node->map[w] & node->absent[w]), "an absent unit is free");
		expect(check, !(node->mark[w] & node->absent[w]), "an absent unit is allocated");
		expect(check, !upper || !(upper->broken[w] & others), "a broken unit is something else too");
		expect(check, !upper || !(upper->held[w] & (others | upper->broken[w])), "a held unit is something else too");
	}
	expect(check, node->has == has, "`has` does not say what the map says");
	expect(check, node->class == qi_class(has), "a node is in the wrong class");
	if (node->class != QI_CLASS_NONE)
		check->listed[level]++;
}

/* A node whose parent does not say "broken" must look empty. */
static void check_unused(struct check *check, const struct qi_node *node)
{
	for (unsigned w = 0; w < QI_WORDS; w++)
		expect(check, !(node->map[w] | node->mark[w] | node->absent[w]), "a node that is not in use is not empty");
	expect(check, !node->has, "a node that is not in use has free units");
	expect(check, node->class == QI_CLASS_NONE || !node->level, "a node that is not in use has a class");
}

static bool apart(const struct qi_upper *upper, unsigned unit)
{
	return upper && (qi_test(upper->broken, unit) || qi_held(upper, unit));
}

/* Every unit that is in none of the states must lie inside a marked block. */
static void check_inner(struct check *check, const struct qi_node *node, const struct qi_upper *upper)
{
	unsigned marked = 0, seen = 0;

	for (unsigned i = 0; i < QI_FAN; i++) {
		bool none = !qi_test(node->map, i) && !qi_test(node->absent, i) && !apart(upper, i);

		if (none && qi_test(node->mark, i)) {
			unsigned align = i ? 1u << qi_ctz(i) : QI_FAN, n = 1;

			while (n < align && i + n < QI_FAN && !qi_test(node->map, i + n) && !qi_test(node->mark, i + n) &&
			       !qi_test(node->absent, i + n) && !apart(upper, i + n))
				n++;
			expect(check, qi_is_pow2(n), "an allocated block has no power of two units");
			seen += n;
		}
		marked += none;
	}
	expect(check, marked == seen, "a taken unit belongs to no block");
}

static void check_leaf(struct check *check, const struct qi_upper *mid, unsigned unit, quire_pfn_t pfn)
{
	const struct qi_node *leaf = qi_child_leaf(mid, unit);
	unsigned free;

	expect(check, leaf != NULL, "a broken leaf does not exist");
	if (!leaf)
		return;
	check_node(check, leaf, NULL, 0, pfn);
	check_inner(check, leaf, NULL);
	free = qi_weight(leaf->map);
	check->free += free;
	check->loose += free;
	expect(check, leaf->type == qi_child_type(mid, unit), "a leaf and its parent disagree about its type");
	expect(check, qi_special_type(leaf->type) == qi_test(mid->special, unit), "a leaf's special bit is wrong");
	expect(check, !qi_merges(leaf), "a wholly free leaf was not merged");
	if (qi_special_type(leaf->type))
		check->special[leaf->type] += free;
}

static void check_types(struct check *check, const struct qi_upper *mid)
{
	unsigned group = qi_group(check->tree);

	for (unsigned i = 0; i < QI_FAN; i++) {
		unsigned first = i & ~(group - 1);
		bool ours = !qi_test(mid->node.absent, i) && !qi_test(mid->node.absent, first);

		if (qi_test(mid->node.map, i))
			expect(check, !qi_test(mid->special, i), "a special pageblock is free as a whole");
		if (qi_held(mid, i))
			expect(check, qi_child_type(mid, i) == QUIRE_MIGRATE_ISOLATE && qi_test(mid->special, i),
			       "a held pageblock is not isolated");
		if (ours && !qi_group_untyped(check->tree, mid, i))
			expect(check, qi_child_type(mid, i) == qi_child_type(mid, first), "a pageblock has two types");
	}
}

static void check_mid(struct check *check, const struct qi_upper *mid, quire_pfn_t pfn, bool broken)
{
	if (broken) {
		check_node(check, &mid->node, mid, 1, pfn);
		check_inner(check, &mid->node, mid);
		check_types(check, mid);
		expect(check, mid->node.class != QI_FAN_SHIFT, "a wholly free level-1 node was not merged");
		check->free += (uint64_t)(qi_weight(mid->node.map) + qi_weight(mid->held)) << QI_LEAF_SHIFT;
		check->special[QUIRE_MIGRATE_ISOLATE] += (uint64_t)qi_weight(mid->held) << QI_LEAF_SHIFT;
	} else {
		expect(check, !qi_any(mid->held, 0, QI_FAN), "a level-1 node that is not in use holds units");
		check_unused(check, &mid->node);
	}
	for (unsigned i = 0; i < QI_FAN; i++) {
		if (!qi_child_leaf(mid, i))
			continue;
		if (broken && qi_test(mid->broken, i))
			check_leaf(check, mid, i, pfn + ((quire_pfn_t)i << QI_LEAF_SHIFT));
		else
			check_unused(check, qi_child_leaf(mid, i));
	}
}

static void check_top(struct check *check, const struct qi_upper *top, quire_pfn_t pfn)
{
	const struct qi_tree *tree = check->tree;

	check_node(check, &top->node, top, 2, pfn);
	check_inner(check, &top->node, top);
	check->free += (uint64_t)qi_weight(top->node.map) << QI_MID_SHIFT;
	for (unsigned i = 0; i < QI_FAN; i++, pfn += 1ull << QI_MID_SHIFT) {
		bool inside = pfn + (1ull << QI_MID_SHIFT) > tree->start_pfn && pfn < tree->end_pfn;
		const struct qi_upper *mid = qi_child_mid(top, i);

		expect(check, inside || qi_test(top->node.absent, i), "a unit outside the tree is not absent");
		expect(check, !inside || qi_mid_of(tree, pfn) == mid, "a directory is wrong");
		expect(check, mid || !qi_test(top->broken, i), "a broken level-1 node does not exist");
		expect(check, !qi_held(top, i), "a level-2 unit is held");
		if (mid)
			check_mid(check, mid, pfn, qi_test(top->broken, i));
	}
}

static uint64_t check_lists(struct check *check, const struct qi_node_lists *lists, unsigned mask, unsigned level,
			    unsigned type)
{
	uint64_t nodes = 0;

	for (unsigned class = 0; class < QI_CLASSES; class++) {
		const struct qi_node *before = NULL;

		expect(check, (mask >> class & 1) == (lists->head[class] != NULL), "a class mask is wrong");
		for (const struct qi_node *node = lists->head[class]; node && !check->what; node = node->next) {
			expect(check, node->prev == before, "a list is not linked back");
			expect(check, node->class == class && node->level == level, "a node is on the wrong list");
			expect(check, level || node->type == type, "a leaf is on another type's list");
			before = node;
			nodes++;
		}
	}
	return nodes;
}

enum quire_status qi_check_tree(const struct qi_tree *tree, const char **what)
{
	struct check check = { .tree = tree };
	uint64_t leaves = 0;

	for (uint64_t t = 0; tree->tops_directory && t < tree->tops_directory->count; t++)
		if (tree->tops_directory->at[t] != QI_ABSENT_TOP)
			check_top(&check, tree->tops_directory->at[t], (tree->tops_directory->first + t) << QI_TOP_SHIFT);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++) {
		leaves += check_lists(&check, &tree->leaves[type], tree->leaf_mask[type], 0, type);
		expect(&check, tree->free_special[type] == check.special[type], "frames of a special type are miscounted");
	}
	expect(&check, leaves == check.listed[0], "a leaf is on no list, or on one though it is not in use");
	for (unsigned level = 1; level < QI_LEVELS; level++)
		expect(&check, check_lists(&check, &tree->uppers[level - 1], tree->upper_mask[level - 1], level, 0) ==
		       check.listed[level], "a node is on no list, or on one though it is not in use");
	expect(&check, tree->free_pages == check.free, "free frames are miscounted");
	expect(&check, tree->loose == check.loose, "free frames in broken pageblocks are miscounted");
	if (!check.what)
		return QUIRE_OK;
	*what = check.what;
	return QUIRE_ECORRUPT;
}
