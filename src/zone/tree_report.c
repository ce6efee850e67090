/*
 * Whole free pageblocks, and whether they were used; see tree_report.h. `touched` tells: it is set when something of a unit
 * is first taken, for the sake of leaf_break, and may be cleared for a free unit, since leaf_break is fit to be called
 * again. So no request has anything more to do.
 */
#include "zone/tree_report.h"

#include "zone/tree_internal.h"

bool qi_tree_block_free(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *top = qi_top_of(tree, pfn), *mid;
	unsigned unit = qi_top_unit(pfn), n = qi_group(tree);

	if (qi_test(top->node.map, unit))
		return true;
	if (!qi_test(top->broken, unit))
		return false;
	mid = qi_child_mid(top, unit);
	return qi_all(mid->node.map, qi_mid_unit(pfn), n);
}

bool qi_tree_block_used(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *top = qi_top_of(tree, pfn), *mid = qi_child_mid(top, qi_top_unit(pfn));

	return qi_test(top->touched, qi_top_unit(pfn)) || (mid && qi_any(mid->touched, qi_mid_unit(pfn), qi_group(tree)));
}

void qi_tree_block_forget(struct qi_tree *tree, quire_pfn_t pfn)
{
	struct qi_upper *top = qi_top_of(tree, pfn), *mid = qi_child_mid(top, qi_top_unit(pfn));

	qi_clear(top->touched, qi_top_unit(pfn));
	if (mid)
		qi_clear_range(mid->touched, qi_mid_unit(pfn), qi_group(tree));
}
