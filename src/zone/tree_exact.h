/* Taking particular frames from the free tree: a kernel's recorded state, ranges a caller names. */
#ifndef QI_ZONE_TREE_EXACT_H
#define QI_ZONE_TREE_EXACT_H

#include "zone/tree.h"

/*
 * Take exactly frames [pfn, pfn + count), each as a block of order 0. A pageblock that is broken for it becomes one of
 * `type`; one that is broken already keeps its own. All or nothing: QUIRE_EBUSY if some of them are not free,
 * QUIRE_ENOENT if some were never handed over, QUIRE_ERANGE, QUIRE_EINVAL (type), QUIRE_ENOMEM (no node, no descriptors).
 */
enum quire_status qi_tree_take_frames(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count, unsigned type);

#endif
