/* Which whole pageblocks are free, and were not used since they were last looked at. */
#ifndef QI_ZONE_TREE_REPORT_H
#define QI_ZONE_TREE_REPORT_H

#include "zone/tree.h"

/* Are all frames of the pageblock at pfn free, and in no isolated one? */
bool qi_tree_block_free(const struct qi_tree *tree, quire_pfn_t pfn);
/* Was something of it taken since qi_tree_block_forget()? Of a free pageblock. */
bool qi_tree_block_used(const struct qi_tree *tree, quire_pfn_t pfn);
void qi_tree_block_forget(struct qi_tree *tree, quire_pfn_t pfn);

#endif
