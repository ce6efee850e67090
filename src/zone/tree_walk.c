/*
 * Looking at a range: how much of it is what, and which blocks are allocated. Whole units are passed over at the highest
 * level that knows them.
 */
#include "zone/tree_internal.h"

/* End of the unit of 2^shift frames around pfn, or of the range. */
static quire_pfn_t unit_end(quire_pfn_t pfn, quire_pfn_t end, unsigned shift)
{
	return qi_min(end, qi_align_down(pfn, 1ull << shift) + (1ull << shift));
}

/* --- counting --------------------------------------------------------------------------------------------------------- */

static void count_leaf(const struct qi_node *leaf, unsigned first, unsigned n, struct qi_tree_range_counts *counts)
{
	uint64_t free = 0, absent = 0;

	QI_FOR_WORDS(first, n, w, bits) {
		free += qi_popcount(leaf->map[w] & bits);
		absent += qi_popcount(leaf->absent[w] & bits);
	}
	counts->free += free;
	counts->absent += absent;
	counts->allocated += n - free - absent;
}

static void count_mid(const struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end, struct qi_tree_range_counts *counts)
{
	for (quire_pfn_t next; pfn < end; pfn = next) {
		unsigned unit = qi_mid_unit(pfn), n;
		bool free;

		next = qi_tree_alike(mid, pfn, end, &free);
		if (next > pfn) {
			*(free ? &counts->free : &counts->absent) += next - pfn;
			continue;
		}
		next = unit_end(pfn, end, QI_LEAF_SHIFT);
		n = (unsigned)(next - pfn);
		if (qi_test(mid->broken, unit))
			count_leaf(qi_child_leaf(mid, unit), qi_leaf_unit(pfn), n, counts);
		else
			counts->allocated += n;
	}
}

struct qi_tree_range_counts qi_tree_count_range(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end)
{
	struct qi_tree_range_counts counts = { 0 };
	quire_pfn_t stop = qi_min(end, tree->end_pfn), at = qi_max(pfn, tree->start_pfn);

	if (at >= stop)
		return (struct qi_tree_range_counts){ .absent = end > pfn ? end - pfn : 0 };
	counts.absent = (at - pfn) + (end - stop);
	for (quire_pfn_t next; at < stop; at = next) {
		const struct qi_upper *top = qi_top_of(tree, at);
		unsigned unit = qi_top_unit(at);

		next = unit_end(at, stop, QI_MID_SHIFT);
		if (qi_test(top->broken, unit))
			count_mid(qi_child_mid(top, unit), at, next, &counts);
		else if (qi_test(top->node.map, unit))
			counts.free += next - at;
		else if (qi_test(top->node.absent, unit))
			counts.absent += next - at;
		else
			counts.allocated += next - at;
	}
	return counts;
}

/* --- allocated blocks ------------------------------------------------------------------------------------------------- */

struct visitor {
	bool (*visit)(void *ctx, quire_pfn_t head, unsigned order);
	void *ctx;
	bool stopped;
};

/* First unit after `unit` that is not the inside of the block that begins there. */
static unsigned block_end(const struct qi_node *node, const struct qi_upper *upper, unsigned unit)
{
	unsigned at = unit + 1;

	while (at < QI_FAN) {
		unsigned w = at >> 6;
		uint64_t apart = node->map[w] | node->mark[w] | node->absent[w];

		if (upper)
			apart |= upper->broken[w] | upper->held[w];
		apart &= ~0ull << (at & 63);
		if (apart)
			return w * 64 + qi_ctz(apart);
		at = (w + 1) * 64;
	}
	return QI_FAN;
}

/* Heads among units [first, last] of a node. */
static void visit_marks(struct visitor *visitor, const struct qi_node *node, const struct qi_upper *upper, unsigned first,
			unsigned last)
{
	unsigned shift = QI_FAN_SHIFT * node->level;

	QI_FOR_WORDS(first, last - first + 1, w, bits) {
		for (uint64_t rest = node->mark[w] & bits; rest && !visitor->stopped; rest &= rest - 1) {
			unsigned unit = w * 64 + qi_ctz(rest), n = block_end(node, upper, unit) - unit;

			visitor->stopped = !visitor->visit(visitor->ctx, node->pfn + ((quire_pfn_t)unit << shift),
							   shift + qi_log2(n));
		}
	}
}

/* [pfn, end) of a level-1 node: marks of its own, and leaves. */
static void visit_mid(struct visitor *visitor, const struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end)
{
	for (quire_pfn_t next; pfn < end && !visitor->stopped; pfn = next) {
		unsigned unit = qi_mid_unit(pfn);

		next = unit_end(pfn, end, QI_LEAF_SHIFT);
		if (qi_test(mid->node.mark, unit))
			visit_marks(visitor, &mid->node, mid, unit, unit);
		else if (qi_test(mid->broken, unit))
			visit_marks(visitor, qi_child_leaf(mid, unit), NULL, qi_leaf_unit(pfn), qi_leaf_unit(next - 1));
	}
}

void qi_tree_walk_allocated(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end,
			    bool (*visit)(void *ctx, quire_pfn_t head, unsigned order), void *ctx)
{
	struct visitor visitor = { .visit = visit, .ctx = ctx };
	quire_pfn_t head;
	unsigned order;

	end = qi_min(end, tree->end_pfn);
	pfn = qi_max(pfn, tree->start_pfn);
	if (pfn < end && qi_tree_lookup(tree, pfn, &head, &order) == QUIRE_OK && head < pfn) {
		visitor.stopped = !visit(ctx, head, order);
		pfn = head + (1ull << order);
	}
	for (quire_pfn_t next; pfn < end && !visitor.stopped; pfn = next) {
		const struct qi_upper *top = qi_top_of(tree, pfn);
		unsigned unit = qi_top_unit(pfn);

		next = unit_end(pfn, end, QI_MID_SHIFT);
		if (qi_test(top->node.mark, unit))
			visit_marks(&visitor, &top->node, top, unit, unit);
		else if (qi_test(top->broken, unit))
			visit_mid(&visitor, qi_child_mid(top, unit), pfn, next);
	}
}
