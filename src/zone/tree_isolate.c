/*
 * Isolating pageblocks: what is free in them, and what becomes free, is out of reach until that is undone or the frames
 * are removed. A block that is free as a whole is held in its level-1 node: no leaf, no descriptors; its word of `held` is
 * all there is to it.
 */
#include "zone/tree_internal.h"

static bool isolated(const struct qi_upper *mid, unsigned unit)
{
	return qi_child_type_bits(mid, unit) & QI_TYPE_ISOLATED && !qi_test(mid->node.map, unit) &&
	       !qi_test(mid->node.absent, unit);
}

enum quire_status qi_tree_isolate(struct qi_tree *tree, quire_pfn_t pfn)
{
	if (qi_tree_type(tree, pfn) == QUIRE_MIGRATE_ISOLATE)
		return QUIRE_EBUSY;
	return qi_tree_set_type(tree, pfn, QUIRE_MIGRATE_ISOLATE);
}

/* A part of a range: units [unit, unit + n) of a level-1 node, whole pageblocks. */
struct part {
	quire_pfn_t pfn;
	unsigned unit, n;
};

/* The part that begins at pfn, a pageblock's or a leaf's first frame. */
static struct part part_at(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end)
{
	unsigned unit = qi_mid_unit(pfn), group = qi_group(tree);
	uint64_t frames = qi_min(end - pfn, (uint64_t)(QI_FAN - unit) << QI_LEAF_SHIFT);

	return (struct part){ pfn, unit, (unsigned)qi_align_up((frames + QI_FAN - 1) >> QI_LEAF_SHIFT, group) };
}

static quire_pfn_t part_end(struct part part)
{
	return part.pfn + ((quire_pfn_t)part.n << QI_LEAF_SHIFT);
}

static quire_pfn_t first_of_block(const struct qi_tree *tree, quire_pfn_t pfn)
{
	return qi_align_down(pfn, (uint64_t)qi_group(tree) << QI_LEAF_SHIFT);
}

/* May all of it be isolated? Provides the nodes. *any: some of it is ours. */
static enum quire_status prepare(struct qi_tree *tree, struct part part, bool *any)
{
	struct qi_upper *top = qi_top_of(tree, part.pfn);
	unsigned unit = qi_top_unit(part.pfn);
	const struct qi_upper *mid;

	if (qi_test(top->node.absent, unit))
		return QUIRE_OK;
	*any |= !qi_test(top->broken, unit);
	/* Where there is no memory for nodes, a unit that is free pays for its own. */
	if (!qi_need_mids(tree, top, unit) && (!qi_test(top->node.map, unit) || !qi_break_mid(tree, top, unit)))
		return QUIRE_ENOMEM;
	if (!qi_test(top->broken, unit) && !qi_test(top->special, unit))
		return QUIRE_OK;
	mid = qi_child_mid(top, unit);
	QI_FOR_WORDS(part.unit, part.n, w, bits) {
		uint64_t rest = bits & ~mid->node.map[w] & ~mid->node.absent[w] & mid->special[w];

		*any |= (bits & ~mid->node.absent[w]) != 0;
		for (; rest; rest &= rest - 1)
			if (isolated(mid, w * 64 + qi_ctz(rest)))
				return QUIRE_EBUSY;
	}
	return QUIRE_OK;
}

/* Whole pageblocks among the free units from `unit` on. */
static unsigned free_units(const struct qi_tree *tree, const struct qi_upper *mid, unsigned unit, unsigned n)
{
	return unit & (qi_group(tree) - 1) ? 0 : qi_run(mid->node.map, unit, n) & ~(qi_group(tree) - 1);
}

uint64_t qi_tree_free_run(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end)
{
	const struct qi_upper *top = qi_tree_holds(tree, pfn, 1) ? qi_top_of(tree, pfn) : QI_ABSENT_TOP;
	quire_pfn_t stop = qi_align_down(pfn, 1ull << QI_MID_SHIFT);
	unsigned unit = qi_mid_unit(pfn);

	if (qi_test(top->node.map, qi_top_unit(pfn)))
		stop += 1ull << QI_MID_SHIFT;
	else if (qi_test(top->broken, qi_top_unit(pfn)))
		stop += (quire_pfn_t)(unit + free_units(tree, qi_child_mid(top, qi_top_unit(pfn)), unit, QI_FAN - unit))
			<< QI_LEAF_SHIFT;
	stop = qi_min(stop, end);
	return stop > pfn ? stop - pfn : 0;
}

/* Free units, which have no type and shall not get one from their past when they are no longer isolated. */
static void isolate_free(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	qi_set_children(mid, unit, n, QUIRE_MIGRATE_MOVABLE | QI_TYPE_ISOLATED);
	qi_set_range(mid->special, unit, n);
	qi_hold_units(tree, mid, unit, n);
}

static void isolate(struct qi_tree *tree, struct part part)
{
	unsigned group = qi_group(tree), end = part.unit + part.n, n;
	struct qi_upper *mid;

	if (qi_test(qi_top_of(tree, part.pfn)->node.absent, qi_top_unit(part.pfn)))
		return;
	mid = qi_mid_for_change(tree, part.pfn);
	for (unsigned i = part.unit; i < end; i += n) {
		n = free_units(tree, mid, i, end - i);
		if (n) {
			isolate_free(tree, mid, i, n);
			continue;
		}
		n = group;
		qi_set_block_type(tree, mid, i, QUIRE_MIGRATE_ISOLATE);
	}
}

enum quire_status qi_tree_isolate_range(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t end = qi_min(tree->end_pfn, count > QUIRE_PFN_NONE - pfn ? QUIRE_PFN_NONE : pfn + count);
	quire_pfn_t start = qi_max(pfn, tree->start_pfn);
	enum quire_status status = QUIRE_OK;
	bool any = false;

	for (quire_pfn_t at = first_of_block(tree, start); at < end && start < end && status == QUIRE_OK; ) {
		struct part part = part_at(tree, at, end);

		status = prepare(tree, part, &any);
		at = part_end(part);
	}
	if (status != QUIRE_OK || !any)
		return status != QUIRE_OK ? status : QUIRE_ENOENT;
	for (quire_pfn_t at = first_of_block(tree, start); at < end; ) {
		struct part part = part_at(tree, at, end);

		isolate(tree, part);
		at = part_end(part);
	}
	return QUIRE_OK;
}

/* Held units from `unit` on, whole pageblocks, whose types are ordinary: they are free for all again. */
static unsigned held_units(const struct qi_tree *tree, const struct qi_upper *mid, unsigned unit, unsigned n)
{
	unsigned run = unit & (qi_group(tree) - 1) ? 0 : qi_run(mid->held, unit, n), i = 0;

	while (i < run && !qi_special_type(qi_child_type_bits(mid, unit + i) & ~QI_TYPE_ISOLATED))
		i++;
	return i & ~(qi_group(tree) - 1);
}

static void unisolate_held(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	qi_set_children(mid, unit, n, QUIRE_MIGRATE_MOVABLE);
	qi_clear_range(mid->special, unit, n);
	qi_unhold_units(tree, mid, unit, n);
}

/* What is isolated gets back its type. A special type has its leaves since it was given. */
static void unisolate(struct qi_tree *tree, struct part part)
{
	const struct qi_upper *top = qi_top_of(tree, part.pfn);
	unsigned unit = qi_top_unit(part.pfn), group = qi_group(tree), end = part.unit + part.n, n;
	struct qi_upper *mid = qi_child_mid(top, unit);

	if (!qi_test(top->broken, unit) && !qi_test(top->special, unit))
		return;
	for (unsigned i = part.unit; i < end; i += n) {
		unsigned k = i;

		n = held_units(tree, mid, i, end - i);
		if (n) {
			unisolate_held(tree, mid, i, n);
			continue;
		}
		n = group;
		while (k < i + group && !isolated(mid, k))
			k++;
		if (k < i + group)
			qi_set_block_type(tree, mid, i, qi_child_type_bits(mid, k) & ~QI_TYPE_ISOLATED);
	}
	if (qi_test(top->broken, unit) && mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
}

void qi_tree_unisolate_range(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t end = qi_min(tree->end_pfn, count > QUIRE_PFN_NONE - pfn ? QUIRE_PFN_NONE : pfn + count);
	quire_pfn_t start = qi_max(pfn, tree->start_pfn);

	for (quire_pfn_t at = first_of_block(tree, start); at < end && start < end; ) {
		struct part part = part_at(tree, at, end);

		unisolate(tree, part);
		at = part_end(part);
	}
}

enum quire_status qi_tree_unisolate(struct qi_tree *tree, quire_pfn_t pfn, unsigned type)
{
	if (type >= QUIRE_MIGRATE_ISOLATE && type != QUIRE_MIGRATE_TYPES)
		return QUIRE_EINVAL;
	if (qi_tree_type(tree, pfn) != QUIRE_MIGRATE_ISOLATE)
		return QUIRE_ENOENT;
	if (type != QUIRE_MIGRATE_TYPES)
		return qi_tree_set_type(tree, pfn, type);
	qi_tree_unisolate_range(tree, pfn, 1);
	return QUIRE_OK;
}
