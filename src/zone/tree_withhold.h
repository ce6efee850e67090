/* Frames the engine takes for itself: no caller may give them back. */
#ifndef QI_ZONE_TREE_WITHHOLD_H
#define QI_ZONE_TREE_WITHHOLD_H

#include "zone/tree.h"

/*
 * An allocated block of up to 2^17 frames is not the allocator's any more (absent, as frames never handed over), though it
 * stays managed. Larger ones are left as they are. release: it is an allocated block again, as it was.
 */
void qi_tree_withhold(struct qi_tree *tree, quire_pfn_t pfn, unsigned order);
void qi_tree_release(struct qi_tree *tree, quire_pfn_t pfn, unsigned order);

#endif
