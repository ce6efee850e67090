/*
 * Counting what is free, from the bits, when somebody asks: nothing of this is kept up to date by allocations. Nodes
 * in whole chunks that do not exist cost nothing.
 */
#include "zone/tree_internal.h"

/*
 * Maximal aligned runs in a map whose units are blocks of order `base`, into row[order]; runs above order `cap` count
 * as several of that order.
 */
static void count_map(const uint64_t *map, unsigned base, unsigned cap, uint64_t *row)
{
	unsigned limit = cap > base ? cap - base : 0;
	uint64_t whole = 0;

	if (cap <= base) {
		row[cap] += (uint64_t)qi_weight(map) << (base - cap);
		return;
	}
	for (unsigned w = 0; w < QI_WORDS; w++) {
		uint64_t starts = map[w];

		for (unsigned k = 0; k < 6 && starts; k++) {
			uint64_t larger = k < limit ? qi_pairs(starts, k) : 0;

			row[base + k] += qi_popcount(starts & ~(larger | larger << (1u << k)));
			starts = larger;
		}
		whole |= (starts & 1) << w;
	}
	for (unsigned k = 0; k < 4 && whole; k++) {
		uint64_t larger = k + 6 < limit && k < 3 ? qi_pairs(whole, k) : 0;

		row[base + 6 + k] += qi_popcount(whole & ~(larger | larger << (1u << k)));
		whole = larger;
	}
}

/*
 * Level-1 units that are wholly free, by the type they count under: a broken special leaf with everything free is one
 * of them.
 */
static void whole_leaves(const struct qi_tree *tree, const struct qi_upper *mid, uint64_t maps[][QI_WORDS])
{
	for (unsigned i = 0; i < QI_FAN; i++) {
		unsigned type = qi_child_type(mid, i);

		if (qi_test(mid->node.map, i))
			qi_set(maps[qi_group_untyped(tree, mid, i) ? QUIRE_MIGRATE_MOVABLE : type], i);
		else if (qi_held(mid, i))
			qi_set(maps[QUIRE_MIGRATE_ISOLATE], i);
		else if (qi_test(mid->broken, i) && qi_child_leaf(mid, i)->class == QI_LEAF_SHIFT)
			qi_set(maps[type], i);
	}
}

static void count_mid(const struct qi_tree *tree, const struct qi_upper *mid, qi_tree_counts_t counts)
{
	uint64_t maps[QUIRE_MIGRATE_TYPES][QI_WORDS];
	unsigned cap = tree->config.max_order;

	memset(maps, 0, sizeof(maps));
	whole_leaves(tree, mid, maps);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		count_map(maps[type], QI_LEAF_SHIFT, cap, counts[type]);
	for (unsigned w = 0; w < QI_WORDS; w++) {
		for (uint64_t rest = mid->broken[w]; rest; rest &= rest - 1) {
			const struct qi_node *leaf = qi_child_leaf(mid, w * 64 + qi_ctz(rest));

			if (leaf->class != QI_LEAF_SHIFT)
				count_map(leaf->map, 0, cap, counts[leaf->type]);
		}
	}
}

void qi_tree_counts(const struct qi_tree *tree, qi_tree_counts_t counts)
{
	QI_FOR_TOPS(tree, top) {
		count_map(top->node.map, QI_MID_SHIFT, tree->config.max_order, counts[QUIRE_MIGRATE_MOVABLE]);
		for (unsigned w = 0; w < QI_WORDS; w++)
			for (uint64_t rest = top->broken[w]; rest; rest &= rest - 1)
				count_mid(tree, qi_child_mid(top, w * 64 + qi_ctz(rest)), counts);
	}
}

/* Pageblocks of a leaf: more than one where they are smaller; those without a frame of ours do not count. */
static unsigned leaf_pageblocks(const struct qi_tree *tree, const struct qi_upper *mid, unsigned unit)
{
	unsigned order = tree->config.pageblock_order, n = 0;
	const struct qi_node *leaf = qi_child_leaf(mid, unit);

	if (!qi_test(mid->broken, unit))
		return QI_FAN >> order;
	for (unsigned i = 0; i < QI_FAN; i += 1u << order)
		n += !qi_all(leaf->absent, i, 1u << order);
	return n;
}

static void mid_pageblocks(const struct qi_tree *tree, const struct qi_upper *mid, uint64_t *counts)
{
	quire_pfn_t pfn = mid->node.pfn;
	unsigned group = qi_group(tree);

	for (unsigned i = 0; i < QI_FAN; i += group) {
		quire_pfn_t block = pfn + ((quire_pfn_t)i << QI_LEAF_SHIFT);
		unsigned type;

		if (qi_all(mid->node.absent, i, group))
			continue;
		type = qi_tree_type(tree, qi_max(block, tree->start_pfn));
		counts[type] += tree->config.pageblock_order >= QI_LEAF_SHIFT ? 1 : leaf_pageblocks(tree, mid, i);
	}
}

void qi_tree_pageblocks(const struct qi_tree *tree, uint64_t counts[QUIRE_MIGRATE_TYPES])
{
	uint64_t per_mid = 1ull << (QI_MID_SHIFT - tree->config.pageblock_order);

	QI_FOR_TOPS(tree, top) {
		counts[QUIRE_MIGRATE_MOVABLE] += qi_weight(top->node.map) * per_mid;
		for (unsigned i = 0; i < QI_FAN; i++) {
			if (qi_test(top->node.map, i) || qi_test(top->node.absent, i))
				continue;
			if (qi_test(top->broken, i) || qi_test(top->special, i))
				mid_pageblocks(tree, qi_child_mid(top, i), counts);
			else
				counts[qi_child_type(top, i)] += per_mid;
		}
	}
}

/* A run being collected. */
struct walk {
	bool (*visit)(void *ctx, quire_pfn_t pfn, uint64_t count);
	void *ctx;
	quire_pfn_t start;
	uint64_t count;
	bool stopped;
};

static void walk_run(struct walk *walk, quire_pfn_t pfn, uint64_t count)
{
	if (walk->stopped)
		return;
	if (walk->count && walk->start + walk->count == pfn) {
		walk->count += count;
		return;
	}
	if (walk->count)
		walk->stopped = !walk->visit(walk->ctx, walk->start, walk->count);
	walk->start = pfn;
	walk->count = count;
}

static void walk_leaf(struct walk *walk, const struct qi_node *leaf, quire_pfn_t pfn)
{
	for (unsigned w = 0; w < QI_WORDS; w++, pfn += 64) {
		for (uint64_t rest = leaf->map[w], n; rest; rest &= n == 64 ? 0 : ~0ull << n) {
			unsigned first = qi_ctz(rest);
			uint64_t after = ~(rest >> first);

			n = first + qi_min(after ? qi_ctz(after) : 64, 64 - first);
			walk_run(walk, pfn + first, n - first);
		}
	}
}

static void walk_mid(struct walk *walk, const struct qi_upper *mid)
{
	quire_pfn_t pfn = mid->node.pfn;

	for (unsigned i = 0; i < QI_FAN && !walk->stopped; i++, pfn += QI_FAN) {
		if (qi_test(mid->node.map, i) || qi_held(mid, i))
			walk_run(walk, pfn, QI_FAN);
		else if (qi_test(mid->broken, i))
			walk_leaf(walk, qi_child_leaf(mid, i), pfn);
	}
}

void qi_tree_walk_free(const struct qi_tree *tree, bool (*visit)(void *ctx, quire_pfn_t pfn, uint64_t count), void *ctx)
{
	struct walk walk = { .visit = visit, .ctx = ctx };

	QI_FOR_TOPS(tree, top) {
		quire_pfn_t pfn = top->node.pfn;

		for (unsigned i = 0; i < QI_FAN && !walk.stopped; i++, pfn += 1ull << QI_MID_SHIFT) {
			if (qi_test(top->node.map, i))
				walk_run(&walk, pfn, 1ull << QI_MID_SHIFT);
			else if (qi_test(top->broken, i))
				walk_mid(&walk, qi_child_mid(top, i));
		}
	}
	if (walk.count && !walk.stopped)
		visit(ctx, walk.start, walk.count);
}
