/* Making several allocated blocks of one, in the free tree. */
#ifndef QI_ZONE_TREE_SPLIT_H
#define QI_ZONE_TREE_SPLIT_H

#include "zone/tree.h"

/*
 * The allocated block of 2^order frames at pfn becomes 2^(order - to) allocated blocks of 2^to. QUIRE_EINVAL (to > order,
 * pfn not aligned, or not exactly such a block), QUIRE_EEXIST (free), QUIRE_ENOENT, QUIRE_ERANGE; QUIRE_ENOMEM: no node; the
 * block is as it was.
 */
enum quire_status qi_tree_split(struct qi_tree *tree, quire_pfn_t pfn, unsigned order, unsigned to);

#endif
