/*
 * Inside the free tree: from frame numbers to nodes, class lists, breaking a free unit into a node and merging it
 * back. Shared by the tree's own files only.
 */
#ifndef QI_ZONE_TREE_INTERNAL_H
#define QI_ZONE_TREE_INTERNAL_H

#include "base/pins.h"
#include "zone/node.h"
#include "zone/tree.h"

#define QI_LEAF_SHIFT QI_FAN_SHIFT			/* frames of a leaf */
#define QI_MID_SHIFT (2 * QI_FAN_SHIFT)			/* frames of a level-1 node */
#define QI_TOP_SHIFT (3 * QI_FAN_SHIFT)			/* frames of a level-2 node */
#define QI_TREE_ORDERS QI_TOP_SHIFT			/* orders 0 .. 26 */

static inline unsigned qi_leaf_unit(quire_pfn_t pfn) { return (unsigned)(pfn & (QI_FAN - 1)); }
static inline unsigned qi_mid_unit(quire_pfn_t pfn) { return (unsigned)(pfn >> QI_LEAF_SHIFT & (QI_FAN - 1)); }
static inline unsigned qi_top_unit(quire_pfn_t pfn) { return (unsigned)(pfn >> QI_MID_SHIFT & (QI_FAN - 1)); }

/* First frame of a node's child. */
static inline quire_pfn_t qi_child_pfn(const struct qi_upper *parent, unsigned unit)
{
	return parent->node.pfn + ((quire_pfn_t)unit << QI_FAN_SHIFT * parent->node.level);
}

static inline struct qi_upper *qi_upper_of(struct qi_node *node) { return (struct qi_upper *)(void *)node; }

extern const struct qi_absent_top qi_absent_top;
#define QI_ABSENT_TOP ((struct qi_upper *)(uintptr_t)&qi_absent_top.node)

static inline struct qi_top *qi_top_node(const struct qi_upper *top)
{
	return (struct qi_top *)((uintptr_t)top - offsetof(struct qi_top, upper));
}

static inline void *qi_directory_entry(const uintptr_t *directory, uint64_t number)
{
	uintptr_t at = __atomic_load_n(directory, __ATOMIC_ACQUIRE) + (uintptr_t)number * sizeof(void *);

	return __atomic_load_n((void **)at, __ATOMIC_ACQUIRE);
}

/* Nodes above a frame of the tree's range. Level 2: maybe QI_ABSENT_TOP; else NULL where no node was needed yet. */
static inline struct qi_upper *qi_top_of(const struct qi_tree *tree, quire_pfn_t pfn)
{
	return qi_directory_entry(&tree->tops, pfn >> QI_TOP_SHIFT);
}

static inline struct qi_upper *qi_child_mid(const struct qi_upper *top, unsigned unit)
{
	struct qi_upper *chunk = __atomic_load_n(&qi_top_node(top)->mids[unit / QI_MID_CHUNK], __ATOMIC_ACQUIRE);

	return chunk ? &chunk[unit % QI_MID_CHUNK] : NULL;
}

static inline struct qi_upper *qi_mid_of(const struct qi_tree *tree, quire_pfn_t pfn)
{
	uintptr_t flat = __atomic_load_n(&tree->flat, __ATOMIC_ACQUIRE);

	if (qi_likely(flat))
		return __atomic_load_n((struct qi_upper **)(flat + (uintptr_t)(pfn >> QI_MID_SHIFT) * sizeof(void *)),
				       __ATOMIC_ACQUIRE);
	return qi_child_mid(qi_top_of(tree, pfn), qi_top_unit(pfn));
}

/* All level-2 nodes that exist, in rising order. */
#define QI_FOR_TOPS(tree, top) \
	for (uint64_t qi_i = 0; (tree)->tops_directory && qi_i < (tree)->tops_directory->count; qi_i++) \
		for (struct qi_upper *top = (tree)->tops_directory->at[qi_i]; top && top != QI_ABSENT_TOP; top = NULL)

static inline struct qi_node *qi_child_leaf(const struct qi_upper *mid, unsigned unit)
{
	struct qi_node *chunk = __atomic_load_n(&mid->child[unit / QI_CHUNK], __ATOMIC_ACQUIRE);

	return chunk ? &chunk[unit % QI_CHUNK] : NULL;
}

static inline struct qi_node *qi_leaf_of(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *mid = qi_mid_of(tree, pfn);

	return mid ? qi_child_leaf(mid, qi_mid_unit(pfn)) : NULL;
}

/* Reads words that their lock's holder may be writing, on purpose: see qi_tree_vouches(). */
#define QI_RACES __attribute__((no_sanitize("thread")))
#define qi_glance(pointer) (*(const volatile uint64_t *)(pointer))	/* qi_peek would be a race to the sanitizer */

/*
 * Units of a word that are allocated blocks of one unit: marked, and the next is not the inside of a longer block. Also
 * used without the lock, where what it reads of others may be about to change. `upper`: the node if it is one, else NULL.
 */
static inline QI_RACES uint64_t qi_singles(const struct qi_node *node, const struct qi_upper *upper, unsigned w)
{
	uint64_t mark = qi_glance(&node->mark[w]), next = mark << 1 & 0xaaaaaaaaaaaaaaaaull;
	uint64_t inside = next & ~(qi_glance(&node->map[w]) | mark | (upper ? qi_glance(&upper->broken[w]) : 0));

	if (qi_unlikely(inside))
		inside &= ~(qi_glance(&node->absent[w]) | (upper ? qi_glance(&upper->held[w]) : 0));
	return mark & ~(inside >> 1);
}

/* Of a leaf, as far as the marks alone tell: those whose next frame is marked too or begins another pair. */
static inline QI_RACES uint64_t qi_sure(const struct qi_node *leaf, unsigned w)
{
	uint64_t mark = qi_glance(&leaf->mark[w]);

	return mark & (0xaaaaaaaaaaaaaaaaull | mark >> 1);
}

/* The same as far as the marks alone tell, if all of `bits` are among them: one cache line instead of two. */
static inline QI_RACES uint64_t qi_vouched(const struct qi_node *node, const struct qi_upper *upper, unsigned w,
					   uint64_t bits)
{
	uint64_t mark = qi_glance(&node->mark[w]), sure = mark & (0xaaaaaaaaaaaaaaaaull | mark >> 1);

	return (sure & bits) == bits ? sure : (mark & bits) == bits ? qi_singles(node, upper, w) : 0;
}

/*
 * Without the lock: blocks of a word that are allocated with this order, 0 or 9; `bits` among them if they are. For blocks
 * nobody else has business with, what is in it is the truth; `bits` may be missing due to a neighbour changing just now,
 * and are to be asked about again with the lock.
 */
static inline uint64_t qi_tree_vouches(const struct qi_tree *tree, unsigned order, uint64_t word, uint64_t bits)
{
	quire_pfn_t pfn = (word * 64) << order;
	const struct qi_upper *mid = qi_mid_of(tree, pfn);
	const struct qi_node *leaf;

	if (order)
		return mid ? qi_vouched(&mid->node, mid, (unsigned)(word % QI_WORDS), bits) : 0;
	leaf = mid ? qi_child_leaf(mid, qi_mid_unit(pfn)) : NULL;
	return leaf ? qi_vouched(leaf, NULL, (unsigned)(word % QI_WORDS), bits) : 0;
}

/*
 * Is [unit, unit + n) of a leaf exactly one allocated block? Within one word, which is all that most frees need: n < 64. Without
 * the lock as qi_tree_vouches(): for a block nobody else has business with, true is the truth.
 */
static inline QI_RACES bool qi_is_block_of_word(const struct qi_node *leaf, unsigned unit, unsigned n)
{
	unsigned w = unit >> 6, at = unit & 63;
	uint64_t bits = qi_bits(at, n), mark = qi_glance(&leaf->mark[w]);
	uint64_t taken = qi_glance(&leaf->map[w]) | qi_glance(&leaf->absent[w]);

	/* In one comparison: where the block lies is random, and so would be each branch. */
	uint64_t after = (taken | mark) >> ((at + n) & 63) | (unit & n ? 1 : 0);

	return !(((mark & bits) ^ 1ull << at) | (taken & bits) | (~after & 1));
}

static inline bool qi_tree_holds(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t end = qi_acquire(&tree->end_pfn);

	return pfn >= qi_acquire(&tree->start_pfn) && pfn < end && count <= end - pfn;
}

static inline bool qi_special_type(unsigned type) { return QI_SPECIAL_TYPES && type >= QUIRE_MIGRATE_PCPTYPES; }

static inline bool qi_isolated_type(unsigned type) { return QI_SPECIAL_TYPES && type == QUIRE_MIGRATE_ISOLATE; }
/* The unit is free as a whole and nobody gets it. */
static inline bool qi_held(const struct qi_upper *mid, unsigned unit)
{
	return QI_SPECIAL_TYPES && qi_test(mid->held, unit);
}

/*
 * Frames from pfn on, inside a level-1 node, of which one word tells that all are free (or held), or all absent: where that
 * ends. pfn: it tells neither.
 */
static inline quire_pfn_t qi_tree_alike(const struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t end, bool *free)
{
	unsigned unit = qi_mid_unit(pfn), w = unit >> 6, n = qi_ones(mid->node.map[w] | mid->held[w], unit & 63);

	*free = n != 0;
	if (!n)
		n = qi_ones(mid->node.absent[w], unit & 63);
	return n ? qi_min(end, qi_align_down(pfn, QI_FAN) + ((quire_pfn_t)n << QI_LEAF_SHIFT)) : pfn;
}

/* A leaf that is wholly free does not stay one. */
static inline bool qi_merges(const struct qi_node *leaf)
{
	return leaf->class == QI_LEAF_SHIFT && (!qi_special_type(leaf->type) || qi_isolated_type(leaf->type));
}

#ifdef QUIRE_PIN_PAGEBLOCK_ORDER
#define qi_tree_pageblock_order(tree) ((void)(tree), (unsigned)QUIRE_PIN_PAGEBLOCK_ORDER)
#else
#define qi_tree_pageblock_order(tree) ((tree)->config.pageblock_order)
#endif

/* Leaves that share a type. */
static inline unsigned qi_group(const struct qi_tree *tree)
{
	return qi_tree_pageblock_order(tree) > QI_LEAF_SHIFT ? 1u << (qi_tree_pageblock_order(tree) - QI_LEAF_SHIFT) : 1;
}

/* Does somebody want to know when a leaf is first taken from? */
static inline bool qi_tells_first_use(const struct qi_tree *tree)
{
	return QI_TELLS_FIRST_USE && tree->config.hooks->leaf_break;
}

/* The group of leaves `unit` lies in has no type: all that is ours in it is free for all. */
static inline bool qi_group_untyped(const struct qi_tree *tree, const struct qi_upper *mid, unsigned unit)
{
	unsigned group = qi_group(tree), first = unit & ~(group - 1);

	for (unsigned i = first; i < first + group; i++)
		if (!qi_test(mid->node.map, i) && !qi_test(mid->node.absent, i))
			return false;
	return true;
}

static inline void qi_add_free(struct qi_tree *tree, int64_t frames)
{
	qi_poke(&tree->free_pages, tree->free_pages + (uint64_t)frames);
}

static inline void qi_add_special(struct qi_tree *tree, unsigned type, int64_t frames)
{
	if (qi_unlikely(qi_special_type(type)))
		qi_poke(&tree->free_special[type], tree->free_special[type] + (uint64_t)frames);
}

/* Free frames in pageblocks that are not free as a whole. */
static inline void qi_add_loose(struct qi_tree *tree, int64_t frames)
{
	qi_poke(&tree->loose, tree->loose + (uint64_t)frames);
}

/* Frames of a leaf became free (or, negative, taken). */
static inline void qi_count_free(struct qi_tree *tree, const struct qi_node *leaf, int64_t frames)
{
	qi_add_free(tree, frames);
	qi_add_loose(tree, frames);
	qi_add_special(tree, leaf->type, frames);
}

/* The node's class changed, or (tree_type.c) its type: put it where it belongs. */
void qi_list_remove(struct qi_tree *tree, struct qi_node *node);
void qi_list_insert(struct qi_tree *tree, struct qi_node *node, unsigned class);

/* To be called after any change of node->has. */
static inline void qi_node_reclass(struct qi_tree *tree, struct qi_node *node)
{
	unsigned class = qi_class(node->has);

	if (qi_likely(class == node->class))
		return;
	qi_list_remove(tree, node);
	qi_list_insert(tree, node, class);
}

/*
 * To be called after a change of a word of node->map: `has` and class follow. False: neither changed. It is on the road
 * of every request, so each caller has a copy of its own; where size was asked for there is one (tree.c).
 */
#ifdef __OPTIMIZE_SIZE__
bool qi_word_changed(struct qi_tree *tree, struct qi_node *node, unsigned w);
#else
static inline bool qi_word_changed(struct qi_tree *tree, struct qi_node *node, unsigned w)
{
	if (!qi_has_update(node, w))
		return false;
	qi_node_reclass(tree, node);
	return true;
}
#endif

/* Units [unit, unit + n) of a node become free or cease to be; `has` and class follow. */
void qi_node_release(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n);
void qi_node_withdraw(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n);

/* The level-2 node exists; nodes for the children around `unit` exist. False: no memory. */
bool qi_need_top(struct qi_tree *tree, quire_pfn_t pfn);
bool qi_need_mids(struct qi_tree *tree, struct qi_upper *top, unsigned unit);
bool qi_need_leaves(struct qi_tree *tree, struct qi_upper *mid, unsigned unit);

/* A child node begins its life, wholly free or wholly absent; not on a list yet. */
void qi_node_start(struct qi_node *node, unsigned level, quire_pfn_t pfn, bool free);

/*
 * Turn a free unit into a broken child: a node that is wholly free until the caller takes something from it. NULL: no
 * memory.
 */
struct qi_upper *qi_break_mid(struct qi_tree *tree, struct qi_upper *top, unsigned unit);
struct qi_node *qi_break_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type);
/* The same for a held unit: a leaf of type ISOLATE. Nodes must exist. */
struct qi_node *qi_break_held(struct qi_tree *tree, struct qi_upper *mid, unsigned unit);

/*
 * A wholly free node goes back to being one bit of its parent (an isolated leaf: held), and its parent, if that makes it
 * wholly free.
 */
void qi_merge_leaf(struct qi_tree *tree, struct qi_upper *mid, struct qi_node *leaf);
void qi_merge_mid(struct qi_tree *tree, struct qi_upper *mid);

/* Units [unit, unit + n) of a word of level 1, free or about to be, come to be held, or the other way round. */
void qi_hold_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n);
void qi_unhold_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n);

/* Memory for nodes from meta_alloc, and back. */
void *qi_nodes_alloc(struct qi_tree *tree, size_t bytes);
void qi_nodes_free(struct qi_tree *tree, void *nodes, size_t bytes);

/* Directories (tree_directory.c): those of an empty tree, enter a level-1 chunk, give all back. */
enum quire_status qi_directories_init(struct qi_tree *tree);
void qi_enter_mids(struct qi_tree *tree, const struct qi_upper *top, unsigned unit, struct qi_upper *mids);
void qi_directories_free(struct qi_tree *tree);

/* leaf_break for level-1 units that never had it. A failure leaves nothing touched. */
enum quire_status qi_touch(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n);

/*
 * The level-1 node in which the type of a pageblock at pfn, that is ours, can be changed. NULL: no memory. Then the change,
 * for the pageblock around `unit`; CMA and HIGHATOMIC need leaves there.
 */
struct qi_upper *qi_mid_for_change(struct qi_tree *tree, quire_pfn_t pfn);
void qi_set_block_type(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type);

/* Remember the type of units that are no longer free: of the pageblocks they begin. */
void qi_type_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n, unsigned type);

#endif
