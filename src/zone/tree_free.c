/*
 * Giving blocks back, and reading a frame's state from the bits.
 *
 * A free is believed only if the bits say that exactly this block was allocated: a mark at its first unit, nothing
 * free or marked in the rest, and it does not go on after its end. Only the last is not one look: a unit that is
 * neither free nor marked nor broken is the inside of a longer block or absent, so there `absent` decides.
 */
#include "zone/tree_internal.h"

/* A unit of an upper node that is broken or held: not the inside of a block. */
static inline bool apart(const struct qi_upper *upper, unsigned unit)
{
	return qi_test(upper->broken, unit) || qi_held(upper, unit);
}

/* Does the block that begins at `unit` go on at `next`, the buddy it would merge with? */
static inline bool goes_on(const struct qi_node *node, const struct qi_upper *upper, unsigned unit, unsigned n)
{
	unsigned next = unit + n;

	if ((unit & n) || next >= QI_FAN)
		return false;
	if (qi_test(node->map, next) || qi_test(node->mark, next) || (upper && apart(upper, next)))
		return false;
	return !qi_test(node->absent, next);
}

/* Is [unit, unit + n) exactly one allocated block? */
static bool is_block(const struct qi_node *node, const struct qi_upper *upper, unsigned unit, unsigned n)
{
	if (!qi_test(node->mark, unit))
		return false;
	if (n > 1 && qi_any(node->mark, unit + 1, n - 1))
		return false;
	if (n > 1 && (qi_any(node->map, unit, n) || qi_any(node->absent, unit, n)))
		return false;
	if (n > 1 && upper && (qi_any(upper->broken, unit, n) || qi_any(upper->held, unit, n)))
		return false;
	return !goes_on(node, upper, unit, n);
}

/* The block at `unit` of a node in which it has a mark at or before: its first unit and order. */
static void block_at(const struct qi_node *node, const struct qi_upper *upper, unsigned unit, unsigned *first,
		     unsigned *order)
{
	for (*order = 0; *order < QI_FAN_SHIFT; (*order)++) {
		*first = unit & ~((1u << *order) - 1);
		if (qi_test(node->mark, *first) && is_block(node, upper, *first, 1u << *order))
			return;
	}
	*first = unit;
	*order = 0;
}

static enum quire_status lookup_in_mid(const struct qi_upper *mid, quire_pfn_t pfn, quire_pfn_t *head, unsigned *order)
{
	unsigned unit = qi_mid_unit(pfn), first;
	const struct qi_node *leaf;

	if (qi_test(mid->node.map, unit) || qi_held(mid, unit))
		return QUIRE_EEXIST;
	if (qi_test(mid->node.absent, unit))
		return QUIRE_ENOENT;
	if (!qi_test(mid->broken, unit)) {
		block_at(&mid->node, mid, unit, &first, order);
		*head = qi_align_down(pfn, 1ull << QI_MID_SHIFT) + ((quire_pfn_t)first << QI_LEAF_SHIFT);
		*order += QI_LEAF_SHIFT;
		return QUIRE_OK;
	}
	leaf = qi_child_leaf(mid, unit);
	unit = qi_leaf_unit(pfn);
	if (qi_test(leaf->map, unit))
		return QUIRE_EEXIST;
	if (qi_test(leaf->absent, unit))
		return QUIRE_ENOENT;
	block_at(leaf, NULL, unit, &first, order);
	*head = qi_align_down(pfn, QI_FAN) + first;
	return QUIRE_OK;
}

enum quire_status qi_tree_lookup(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t *head, unsigned *order)
{
	const struct qi_upper *top;
	unsigned unit, first;

	if (!qi_tree_holds(tree, pfn, 1))
		return QUIRE_ERANGE;
	top = qi_top_of(tree, pfn);
	unit = qi_top_unit(pfn);
	if (qi_test(top->node.map, unit))
		return QUIRE_EEXIST;
	if (qi_test(top->node.absent, unit))
		return QUIRE_ENOENT;
	if (qi_test(top->broken, unit))
		return lookup_in_mid(qi_mid_of(tree, pfn), pfn, head, order);
	block_at(&top->node, top, unit, &first, order);
	*head = qi_child_pfn(top, first);
	*order += QI_MID_SHIFT;
	return QUIRE_OK;
}

/* How many blocks to look at for the reason of a refusal: the lock is held. */
#define DIAGNOSE_LIMIT 512u

/* Why a free was refused: the first frame of the block that is free or absent says it, else the order was wrong. */
static enum quire_status diagnose(const struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	quire_pfn_t head, end = pfn + (1ull << order);
	unsigned real;

	for (unsigned n = 0; pfn < end && n < DIAGNOSE_LIMIT; n++, pfn += 1ull << real) {
		enum quire_status status = qi_tree_lookup(tree, pfn, &head, &real);

		if (status != QUIRE_OK)
			return status;
		pfn = head;
	}
	return QUIRE_EINVAL;
}

static enum quire_status free_in_leaf(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	struct qi_upper *mid = qi_mid_of(tree, pfn);
	struct qi_node *leaf = mid ? qi_child_leaf(mid, qi_mid_unit(pfn)) : NULL;
	unsigned unit = qi_leaf_unit(pfn);

	if (!leaf || !(order < 6 ? qi_is_block_of_word(leaf, unit, 1u << order) : is_block(leaf, NULL, unit, 1u << order)))
		return diagnose(tree, pfn, order);
	qi_clear(leaf->mark, unit);
	qi_count_free(tree, leaf, (int64_t)1 << order);
	if (order <= 6) {
		leaf->map[unit >> 6] |= qi_bits(unit & 63, 1u << order);
		if (!qi_word_changed(tree, leaf, unit >> 6))
			return QUIRE_OK;
	} else {
		qi_node_release(tree, leaf, unit, 1u << order);
	}
	if (qi_merges(leaf))
		qi_merge_leaf(tree, mid, leaf);
	return QUIRE_OK;
}

/*
 * A special pageblock was allocated as a whole or as part of a larger block: it is held, or becomes a wholly free leaf of
 * its own.
 */
static void free_special_unit(struct qi_tree *tree, struct qi_upper *mid, unsigned unit)
{
	struct qi_node *leaf = qi_child_leaf(mid, unit);

	if (qi_child_type(mid, unit) == QUIRE_MIGRATE_ISOLATE) {
		qi_set(mid->held, unit);
		qi_add_free(tree, QI_FAN);
		qi_add_special(tree, QUIRE_MIGRATE_ISOLATE, QI_FAN);
		return;
	}
	qi_set(mid->broken, unit);
	qi_node_start(leaf, 0, qi_child_pfn(mid, unit), true);
	leaf->type = (uint8_t)qi_child_type(mid, unit);
	qi_count_free(tree, leaf, QI_FAN);
	qi_list_insert(tree, leaf, QI_LEAF_SHIFT);
}

/* Level-1 units [unit, unit + n) that belonged to an allocated block become free. */
static void release_leaves(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	if (qi_likely(!qi_any(mid->special, unit, n))) {
		qi_add_free(tree, (int64_t)n << QI_LEAF_SHIFT);
		qi_node_release(tree, &mid->node, unit, n);
	} else {
		for (unsigned i = unit; i < unit + n; i++) {
			if (qi_test(mid->special, i)) {
				free_special_unit(tree, mid, i);
				continue;
			}
			qi_add_free(tree, QI_FAN);
			qi_node_release(tree, &mid->node, i, 1);
		}
	}
	if (mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
}

static enum quire_status free_in_mid(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	struct qi_upper *mid = qi_mid_of(tree, pfn);
	unsigned unit = qi_mid_unit(pfn), n = 1u << (order - QI_LEAF_SHIFT);

	if (!mid || !is_block(&mid->node, mid, unit, n))
		return diagnose(tree, pfn, order);
	qi_clear(mid->node.mark, unit);
	release_leaves(tree, mid, unit, n);
	return QUIRE_OK;
}

static enum quire_status free_in_top(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	struct qi_upper *top = qi_top_of(tree, pfn);
	unsigned unit = qi_top_unit(pfn), n = 1u << (order - QI_MID_SHIFT);

	if (!is_block(&top->node, top, unit, n))
		return diagnose(tree, pfn, order);
	qi_clear(top->node.mark, unit);
	for (unsigned i = unit; i < unit + n; i++) {
		if (qi_unlikely(qi_test(top->special, i))) {
			struct qi_upper *mid = qi_child_mid(top, i);

			/* Somebody gave a pageblock in here a special type: the node for it exists, all of it allocated. */
			qi_clear(top->special, i);
			qi_set(top->broken, i);
			release_leaves(tree, mid, 0, QI_FAN);
			continue;
		}
		qi_add_free(tree, 1ll << QI_MID_SHIFT);
		qi_node_release(tree, &top->node, i, 1);
	}
	return QUIRE_OK;
}

enum quire_status qi_tree_free(struct qi_tree *tree, quire_pfn_t pfn, unsigned order)
{
	if (order >= QI_TREE_ORDERS || (pfn & ((1ull << order) - 1)))
		return QUIRE_EINVAL;
	if (!qi_tree_holds(tree, pfn, 1ull << order))
		return QUIRE_ERANGE;
	if (order < QI_LEAF_SHIFT)
		return free_in_leaf(tree, pfn, order);
	return order < QI_MID_SHIFT ? free_in_mid(tree, pfn, order) : free_in_top(tree, pfn, order);
}

/* Why a word was refused. */
static enum quire_status diagnose_word(const struct qi_tree *tree, unsigned order, uint64_t word, uint64_t mask)
{
	for (; mask; mask &= mask - 1) {
		quire_pfn_t head;
		unsigned real;
		enum quire_status status = qi_tree_lookup(tree, (word * 64 + qi_ctz(mask)) << order, &head, &real);

		if (status != QUIRE_OK)
			return status;
	}
	return QUIRE_EINVAL;
}

static enum quire_status free_word_of_leaves(struct qi_tree *tree, quire_pfn_t pfn, unsigned w, uint64_t mask)
{
	struct qi_upper *mid = qi_mid_of(tree, pfn);

	if (!mid || (mask & ~qi_singles(&mid->node, mid, w)))
		return diagnose_word(tree, QI_LEAF_SHIFT, pfn >> QI_LEAF_SHIFT >> 6, mask);
	mid->node.mark[w] &= ~mask;
	if (qi_unlikely(mid->special[w] & mask)) {
		for (uint64_t rest = mask; rest; rest &= rest - 1)
			release_leaves(tree, mid, w * 64 + qi_ctz(rest), 1);
		return QUIRE_OK;
	}
	mid->node.map[w] |= mask;
	qi_add_free(tree, (int64_t)qi_popcount(mask) << QI_LEAF_SHIFT);
	if (qi_word_changed(tree, &mid->node, w) && qi_unlikely(mid->node.class == QI_FAN_SHIFT))
		qi_merge_mid(tree, mid);
	return QUIRE_OK;
}

/*
 * The leaf holds exactly these single frames as allocated? Then they are free. Counting them is left to the caller, who
 * may have more of them.
 */
static inline bool leaf_takes_back(struct qi_tree *tree, struct qi_node *leaf, unsigned w, uint64_t mask)
{
	if (qi_unlikely(mask & ~qi_singles(leaf, NULL, w)))
		return false;
	leaf->mark[w] &= ~mask;
	leaf->map[w] |= mask;
	if (qi_word_changed(tree, leaf, w) && qi_unlikely(qi_merges(leaf)))
		qi_merge_leaf(tree, qi_mid_of(tree, leaf->pfn), leaf);
	return true;
}

static enum quire_status free_word_of_frames(struct qi_tree *tree, quire_pfn_t pfn, unsigned w, uint64_t mask)
{
	struct qi_node *leaf = qi_leaf_of(tree, pfn);

	if (qi_unlikely(!leaf || !leaf_takes_back(tree, leaf, w, mask)))
		return diagnose_word(tree, 0, pfn / 64, mask);
	qi_count_free(tree, leaf, qi_popcount(mask));
	return QUIRE_OK;
}

void qi_tree_fetch_words(const struct qi_tree *tree, const struct qi_word_entry *entries, struct qi_node **leaves,
			 unsigned n)
{
	uint64_t first = (qi_acquire(&tree->start_pfn) + 63) / 64, end = qi_acquire(&tree->end_pfn) / 64;
	uint64_t words = end > first ? end - first : 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t word = entries[i].word;
		struct qi_node *leaf = NULL;

		if (qi_likely(word - first < words))
			leaf = qi_leaf_of(tree, word * 64);
		leaves[i] = leaf;
		if (qi_unlikely(!leaf))
			continue;
		__builtin_prefetch(&leaf->map[word % QI_WORDS], 1);
		__builtin_prefetch(&leaf->has, 1);
		__builtin_prefetch(&leaf->mark[word % QI_WORDS], 1);
	}
}

unsigned qi_tree_free_words(struct qi_tree *tree, const struct qi_word_entry *entries, struct qi_node *const *leaves,
			    unsigned n)
{
	int64_t taken = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		uint64_t word = entries[i].word, mask = entries[i].mask;
		struct qi_node *leaf = leaves[i];

		if (qi_unlikely(!leaf || !leaf_takes_back(tree, leaf, (unsigned)(word % QI_WORDS), mask)))
			break;
		taken += qi_popcount(mask);
		qi_add_special(tree, leaf->type, qi_popcount(mask));
	}
	qi_add_free(tree, taken);
	qi_add_loose(tree, taken);
	return i;
}

enum quire_status qi_tree_free_word(struct qi_tree *tree, unsigned order, uint64_t word, uint64_t mask)
{
	quire_pfn_t pfn = (word * 64) << order, first, last;
	unsigned w = (unsigned)(word % QI_WORDS);

	if (!mask)
		return QUIRE_OK;
	if (order && order != QI_LEAF_SHIFT)
		return QUIRE_EINVAL;
	first = (word * 64 + qi_ctz(mask)) << order;
	last = ((word * 64 + qi_log2(mask) + 1) << order) - 1;
	if (qi_unlikely(word > QUIRE_PFN_NONE >> (order + 7) || first < tree->start_pfn || last >= tree->end_pfn))
		return QUIRE_ERANGE;
	return order ? free_word_of_leaves(tree, pfn, w, mask) : free_word_of_frames(tree, pfn, w, mask);
}
