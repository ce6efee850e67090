/*
 * How a frame leaves a zone's tree and comes back, while its neighbours stay what they are.
 *
 * Only single allocated frames are withdrawn, so the leaf exists and keeps the pageblock's type, and nothing about free
 * blocks changes. The tree's own bits are used here (tree_internal.h): to it the frame becomes one that was never handed
 * over.
 */
#include "poison/poison.h"

#include "zone/tree_exact.h"
#include "zone/tree_internal.h"
#include "zone/tree_split.h"

#ifndef QUIRE_WITHOUT_POISON

void qi_poison_withdraw(struct qi_zone *za, quire_pfn_t pfn)
{
	struct qi_node *leaf = qi_leaf_of(&za->tree, pfn);

	qi_clear(leaf->mark, qi_leaf_unit(pfn));
	qi_set(leaf->absent, qi_leaf_unit(pfn));
	za->tree.handed_over--;
	qi_zone_count_failing(za, 1);
}

enum quire_status qi_poison_return(struct qi_zone *za, quire_pfn_t pfn)
{
	enum quire_status status = qi_tree_add_free(&za->tree, pfn, 1);

	if (status == QUIRE_OK)
		qi_zone_count_failing(za, -1);
	return status;
}

/* Nodes down to the leaf of a frame exist, used or not. */
static bool need_leaf(struct qi_tree *tree, quire_pfn_t pfn)
{
	struct qi_upper *top = qi_top_of(tree, pfn);

	return qi_need_mids(tree, top, qi_top_unit(pfn)) &&
	       qi_need_leaves(tree, qi_child_mid(top, qi_top_unit(pfn)), qi_mid_unit(pfn));
}

/* A block of a leaf, or less, becomes single frames. */
static enum quire_status split_leaf(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	return qi_tree_split(tree, qi_align_down(pfn, 1ull << order), order, 0);
}

enum quire_status qi_poison_cut(struct qi_zone *za, quire_pfn_t head, unsigned order, quire_pfn_t bad)
{
	struct qi_tree *tree = &za->tree;
	unsigned step = (unsigned)qi_min(order, QI_LEAF_SHIFT);
	enum quire_status status = QUIRE_OK;

	/* After this only the first split can fail. */
	if (order >= QI_LEAF_SHIFT && (!need_leaf(tree, head) || !need_leaf(tree, bad)))
		return QUIRE_ENOMEM;
	if (order > QI_LEAF_SHIFT)
		status = qi_tree_split(tree, head, order, QI_LEAF_SHIFT);
	if (status == QUIRE_OK)
		status = split_leaf(tree, head, step);
	if (status == QUIRE_OK && (bad ^ head) >> step)
		status = split_leaf(tree, bad, step);
	if (status != QUIRE_OK)
		return status;
	qi_poison_withdraw(za, head);
	if (bad != head)
		qi_poison_withdraw(za, bad);
	return QUIRE_OK;
}

void qi_poison_free_rest(struct quire *q, struct qi_zone *za, quire_pfn_t head, unsigned order)
{
	quire_pfn_t end = head + (1ull << order), first;
	uint64_t lost = 0;
	unsigned piece;

	for (quire_pfn_t at = head; at < end; at += 1ull << piece) {
		enum quire_status status = qi_tree_lookup(&za->tree, at, &first, &piece);

		if (status == QUIRE_OK) {
			qi_tree_free(&za->tree, at, piece);
			continue;
		}
		piece = 0;
		/* Absent, so failing, or the first frame of what was cut. */
		if (qi_poison_first(q, at, at + 1) != at)
			lost += qi_poison_return(za, at) != QUIRE_OK;
	}
	if (lost)
		qi_log(q->platform, QUIRE_LOG_ERROR,
		       "Memory failure: %#llx: no metadata to give all of it back, %llu frames "
		       "are lost",
		       (unsigned long long)head, (unsigned long long)lost);
}

void qi_poison_mark(struct quire *q, quire_pfn_t pfn, bool poisoned)
{
	struct quire_page *page;

	if (!quire_pfn_initialised(&q->memmap, pfn))
		return;
	page = quire_pfn_to_page(&q->memmap, pfn);
	if (poisoned)
		__atomic_fetch_or(&page->flags, QUIRE_PAGE_POISON, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&page->flags, ~QUIRE_PAGE_POISON, __ATOMIC_RELAXED);
}

#endif
