/*
 * Taking blocks. Best fit throughout: the list with the smallest sufficient largest-free-order, in that node the
 * word, in that word the block. Small requests so eat from pageblocks that are broken most already, and whole ones
 * stay whole.
 *
 * Order of search for a block below pageblock size: HIGHATOMIC reserve (if allowed), leaves of the own type, a whole
 * pageblock that becomes one of that type, CMA (if allowed), then other types' leaves by the field's fallback rules.
 * CMA goes first when more than half of what is free lies there.
 */
#include "zone/tree_internal.h"

/* How far to look past leaves whose descriptors cannot be had. */
#define FRESH_SEARCH 32u

static void take_from_leaf(struct qi_tree *tree, struct qi_node *leaf, unsigned unit, unsigned order)
{
	qi_set(leaf->mark, unit);
	qi_count_free(tree, leaf, -((int64_t)1 << order));
	if (order <= 6) {
		leaf->map[unit >> 6] &= ~qi_bits(unit & 63, 1u << order);
		qi_word_changed(tree, leaf, unit >> 6);
	} else {
		qi_node_withdraw(tree, leaf, unit, 1u << order);
	}
}

/* Before something is taken from a leaf for the first time. */
static bool leaf_ready(struct qi_tree *tree, struct qi_node *leaf)
{
	quire_pfn_t pfn;

	if (qi_likely(!QI_TELLS_FIRST_USE || !leaf->fresh))
		return true;
	pfn = leaf->pfn;
	if (qi_touch(tree, qi_mid_of(tree, pfn), qi_mid_unit(pfn), 1) != QUIRE_OK)
		return false;
	leaf->fresh = 0;
	return true;
}

/* A leaf of this type with a free block of at least 2^order. NULL: none that can be used. */
static struct qi_node *find_leaf(struct qi_tree *tree, unsigned type, unsigned order)
{
	for (unsigned mask = tree->leaf_mask[type] >> order << order; mask; mask &= mask - 1) {
		struct qi_node *leaf = tree->leaves[type].head[qi_ctz(mask)];

		for (unsigned tries = 0; leaf && tries < FRESH_SEARCH; leaf = leaf->next, tries++)
			if (leaf_ready(tree, leaf))
				return leaf;
	}
	return NULL;
}

/* page_alloc.shuffle: whole pageblocks in random order. */
static inline bool shuffles(const struct qi_tree *tree) { return QI_WITH_BOOT_OPTIONS && tree->shuffle; }

/* The next random number below n, and state that is never 0. */
static unsigned random_below(struct qi_tree *tree, unsigned n)
{
	tree->shuffle ^= tree->shuffle << 13;
	tree->shuffle ^= tree->shuffle >> 7;
	tree->shuffle ^= tree->shuffle << 17;
	return (unsigned)qi_mod64(tree->shuffle >> 32, n);
}

/* A random word of a node that has something free of the order, below 6. */
static unsigned random_word(struct qi_tree *tree, const struct qi_node *node, unsigned order)
{
	unsigned w = random_below(tree, QI_WORDS);

	while (!(qi_word_has(node->map[w]) >> order))
		w = (w + 1) % QI_WORDS;
	return w;
}

/* One of the free blocks of 2^order units, order below 6, that the word has. */
static unsigned random_block(struct qi_tree *tree, uint64_t map, unsigned order)
{
	uint64_t starts = map;
	unsigned skip;

	for (unsigned k = 0; k < order; k++)
		starts &= starts >> (1u << k);
	starts &= qi_block_starts[order];
	for (skip = random_below(tree, qi_popcount(starts)); skip; skip--)
		starts &= starts - 1;
	return qi_ctz(starts);
}

/* A free block of 2^order units of an upper node that has one: the best fit, or with page_alloc.shuffle any. */
static unsigned pick_unit(struct qi_tree *tree, const struct qi_node *node, unsigned order)
{
	unsigned w;

	if (qi_likely(!shuffles(tree)) || order >= 6)
		return qi_node_find(node, order);
	w = random_word(tree, node, order);
	return w * 64 + random_block(tree, node->map[w], order);
}

/* A level-1 node with 2^order free units in a row, by breaking a level-2 unit if need be. */
static struct qi_upper *find_mid(struct qi_tree *tree, unsigned order)
{
	unsigned mask = tree->upper_mask[0] >> order << order;
	struct qi_node *top;

	if (mask)
		return qi_upper_of(tree->uppers[0].head[qi_ctz(mask)]);
	mask = tree->upper_mask[1];
	if (!mask)
		return NULL;
	top = tree->uppers[1].head[qi_ctz(mask)];
	return qi_break_mid(tree, qi_upper_of(top), pick_unit(tree, top, 0));
}

/* Undo find_mid's breaking if nothing was taken after all. */
static void put_mid(struct qi_tree *tree, struct qi_upper *mid)
{
	if (mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
}

/*
 * Where pageblocks have several leaves: a free unit whose pageblock is wholly free, or has this type already. Others
 * are taken only if there is nothing better, and keep their type: the field's stealing of less than a pageblock.
 */
static struct qi_upper *find_unit_of_type(struct qi_tree *tree, unsigned type, unsigned *unit, unsigned *leaf_type)
{
	unsigned group = qi_group(tree), group_order = qi_log2(group);
	struct qi_upper *mid = find_mid(tree, 0);

	if (!mid)
		return NULL;
	*unit = pick_unit(tree, &mid->node, 0);
	*leaf_type = type;
	if (qi_group_untyped(tree, mid, *unit) || qi_child_type(mid, *unit) == type)
		return mid;
	if (tree->upper_mask[0] >> group_order || tree->upper_mask[1]) {
		struct qi_upper *other = find_mid(tree, group_order);

		if (other) {
			*unit = pick_unit(tree, &other->node, group_order);
			return other;
		}
	}
	*leaf_type = qi_child_type(mid, *unit);
	return mid;
}

/* Break a whole pageblock for this type. */
static struct qi_node *new_leaf(struct qi_tree *tree, unsigned type)
{
	unsigned unit, leaf_type;
	struct qi_upper *mid = find_unit_of_type(tree, type, &unit, &leaf_type);
	struct qi_node *leaf;

	if (!mid)
		return NULL;
	leaf = qi_touch(tree, mid, unit, 1) == QUIRE_OK ? qi_break_leaf(tree, mid, unit, leaf_type) : NULL;
	if (!leaf) {
		put_mid(tree, mid);
		return NULL;
	}
	leaf->fresh = 0;
	qi_type_units(tree, mid, unit, 1, leaf_type);
	return leaf;
}

static void retype_leaf(struct qi_tree *tree, struct qi_node *leaf, unsigned type)
{
	unsigned class = leaf->class;
	quire_pfn_t pfn = leaf->pfn;

	qi_list_remove(tree, leaf);
	leaf->type = (uint8_t)type;
	qi_list_insert(tree, leaf, class);
	qi_set_child_type(qi_mid_of(tree, pfn), qi_mid_unit(pfn), type);
}

static const uint8_t fallbacks[QUIRE_MIGRATE_PCPTYPES][2] = {
	[QUIRE_MIGRATE_UNMOVABLE] = { QUIRE_MIGRATE_RECLAIMABLE, QUIRE_MIGRATE_MOVABLE },
	[QUIRE_MIGRATE_MOVABLE] = { QUIRE_MIGRATE_RECLAIMABLE, QUIRE_MIGRATE_UNMOVABLE },
	[QUIRE_MIGRATE_RECLAIMABLE] = { QUIRE_MIGRATE_UNMOVABLE, QUIRE_MIGRATE_MOVABLE },
};

/* First fallback type that has a leaf of exactly this class. */
static struct qi_node *leaf_of_others(struct qi_tree *tree, unsigned type, unsigned class)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned other = fallbacks[type][i];

		if (tree->leaf_mask[other] >> class & 1 && leaf_ready(tree, tree->leaves[other].head[class]))
			return tree->leaves[other].head[class];
	}
	return NULL;
}

/*
 * From another type's leaf (spec 05 section 4): the largest block there is, so that the next such request need not
 * mix again; but MOVABLE, which can be moved away later, takes the smallest if the largest is small. A leaf that is
 * at least half free becomes ours, where a pageblock is one leaf.
 */
static struct qi_node *steal_leaf(struct qi_tree *tree, unsigned type, unsigned order)
{
	struct qi_node *leaf = NULL;
	unsigned class;
	bool keep;

	for (class = QI_LEAF_SHIFT - 1; class + 1 > order && !leaf; class--) {
		leaf = leaf_of_others(tree, type, class);
		if (!class)
			break;
	}
	if (!leaf)
		return NULL;
	keep = leaf->class >= QI_LEAF_SHIFT / 2 || type != QUIRE_MIGRATE_MOVABLE;
	for (class = order; !keep && class < leaf->class; class++) {
		struct qi_node *smaller = leaf_of_others(tree, type, class);

		if (smaller)
			leaf = smaller;
	}
	qi_poke(&tree->fallbacks, tree->fallbacks + 1);
	if (keep && qi_group(tree) == 1 && qi_weight(leaf->map) >= QI_FAN / 2) {
		retype_leaf(tree, leaf, type);
		tree->steals++;
	}
	return leaf;
}

/* A leaf to take 2^order frames from. */
static struct qi_node *leaf_for(struct qi_tree *tree, unsigned order, unsigned type, unsigned flags)
{
	struct qi_node *leaf = NULL;
	uint64_t free_cma = tree->free_special[QUIRE_MIGRATE_CMA];
	bool cma = QI_SPECIAL_TYPES && (flags & QI_TREE_CMA) && type == QUIRE_MIGRATE_MOVABLE && free_cma;

	if (QI_SPECIAL_TYPES && qi_unlikely(flags & QI_TREE_HIGHATOMIC) && type < QUIRE_MIGRATE_PCPTYPES)
		leaf = find_leaf(tree, QUIRE_MIGRATE_HIGHATOMIC, order);
	if (!leaf && qi_unlikely(cma && free_cma > qi_tree_free_pages(tree) / 2))
		leaf = find_leaf(tree, QUIRE_MIGRATE_CMA, order);
	if (!leaf)
		leaf = find_leaf(tree, type, order);
	if (leaf || qi_special_type(type))
		return leaf;
	leaf = new_leaf(tree, type);
	if (!leaf && cma)
		leaf = find_leaf(tree, QUIRE_MIGRATE_CMA, order);
	if (!leaf && !(flags & QI_TREE_NOFRAGMENT))
		leaf = steal_leaf(tree, type, order);
	return leaf;
}

/* One whole special leaf, for requests of pageblock size. */
static enum quire_status take_special(struct qi_tree *tree, unsigned type, quire_pfn_t *pfn)
{
	struct qi_node *leaf;
	struct qi_upper *mid;

	if (!(tree->leaf_mask[type] >> QI_LEAF_SHIFT & 1))
		return QUIRE_ENOMEM;
	leaf = tree->leaves[type].head[QI_LEAF_SHIFT];
	if (!leaf_ready(tree, leaf))
		return QUIRE_ENOMEM;
	*pfn = leaf->pfn;
	mid = qi_mid_of(tree, *pfn);
	qi_list_remove(tree, leaf);
	memset(leaf->map, 0, sizeof(leaf->map));
	leaf->has = 0;
	qi_count_free(tree, leaf, -(int64_t)QI_FAN);
	qi_clear(mid->broken, qi_mid_unit(*pfn));
	qi_set(mid->node.mark, qi_mid_unit(*pfn));
	return QUIRE_OK;
}

/* Orders 9 .. 17: units of a level-1 node. */
static enum quire_status alloc_leaves(struct qi_tree *tree, unsigned order, unsigned type, quire_pfn_t *pfn)
{
	struct qi_upper *mid = find_mid(tree, order - QI_LEAF_SHIFT);
	unsigned unit, n = 1u << (order - QI_LEAF_SHIFT);

	if (!mid)
		return QUIRE_ENOMEM;
	unit = pick_unit(tree, &mid->node, order - QI_LEAF_SHIFT);
	if (qi_touch(tree, mid, unit, n) != QUIRE_OK) {
		put_mid(tree, mid);
		return QUIRE_ENOMEM;
	}
	if (qi_group_untyped(tree, mid, unit))
		qi_type_units(tree, mid, unit, n, type);
	qi_set(mid->node.mark, unit);
	qi_node_withdraw(tree, &mid->node, unit, n);
	qi_add_free(tree, -(1ll << order));
	*pfn = qi_child_pfn(mid, unit);
	return QUIRE_OK;
}

/* Orders 18 .. 26: units of a level-2 node. */
static enum quire_status alloc_mids(struct qi_tree *tree, unsigned order, unsigned type, quire_pfn_t *pfn)
{
	unsigned above = order - QI_MID_SHIFT, mask = tree->upper_mask[1] >> above << above, unit, n = 1u << above;
	const struct qi_tree_hooks *hooks = tree->config.hooks;
	struct qi_upper *top;
	quire_pfn_t start;

	if (!mask)
		return QUIRE_ENOMEM;
	top = qi_upper_of(tree->uppers[1].head[qi_ctz(mask)]);
	unit = qi_node_find(&top->node, above);
	start = qi_child_pfn(top, unit);
	if (qi_tells_first_use(tree) && !qi_all(top->touched, unit, n)) {
		if (hooks->leaf_break(tree->config.hook_ctx, start, 1ull << order) != QUIRE_OK)
			return QUIRE_ENOMEM;
		qi_set_range(top->touched, unit, n);
	}
	for (unsigned i = unit; i < unit + n; i++)
		qi_set_child_type(top, i, type);
	qi_set(top->node.mark, unit);
	qi_node_withdraw(tree, &top->node, unit, n);
	qi_add_free(tree, -(1ll << order));
	*pfn = start;
	return QUIRE_OK;
}

static enum quire_status alloc_large(struct qi_tree *tree, unsigned order, unsigned type, unsigned flags, quire_pfn_t *pfn)
{
	bool cma = QI_SPECIAL_TYPES && (flags & QI_TREE_CMA) && type == QUIRE_MIGRATE_MOVABLE;
	enum quire_status status = QUIRE_ENOMEM;

	if (QI_SPECIAL_TYPES && order == QI_LEAF_SHIFT && type < QUIRE_MIGRATE_PCPTYPES && (flags & QI_TREE_HIGHATOMIC))
		status = take_special(tree, QUIRE_MIGRATE_HIGHATOMIC, pfn);
	if (status != QUIRE_OK && qi_special_type(type))
		return order == QI_LEAF_SHIFT ? take_special(tree, type, pfn) : QUIRE_ENOMEM;
	if (status != QUIRE_OK)
		status = order < QI_MID_SHIFT ? alloc_leaves(tree, order, type, pfn) : alloc_mids(tree, order, type, pfn);
	if (status != QUIRE_OK && cma && order == QI_LEAF_SHIFT)
		status = take_special(tree, QUIRE_MIGRATE_CMA, pfn);
	return status;
}

enum quire_status qi_tree_alloc(struct qi_tree *tree, unsigned order, unsigned type, unsigned flags, quire_pfn_t *pfn)
{
	struct qi_node *leaf;
	unsigned unit;

	if (order >= QI_TREE_ORDERS || type >= QUIRE_MIGRATE_ISOLATE)
		return QUIRE_EINVAL;
	if (QI_MAY_BE_HUNGRY && qi_unlikely(tree->hungry))
		tree->config.hooks->replenish(tree->config.hook_ctx, order);
	if (order >= QI_LEAF_SHIFT)
		return alloc_large(tree, order, type, flags, pfn);
	leaf = leaf_for(tree, order, type, flags);
	if (!leaf)
		return QUIRE_ENOMEM;
	unit = qi_node_find(leaf, order);
	take_from_leaf(tree, leaf, unit, order);
	*pfn = leaf->pfn + unit;
	return QUIRE_OK;
}

/* At most `limit` of the units in a word, the lowest. */
static inline uint64_t first_units(uint64_t word, unsigned limit)
{
	uint64_t rest = word;

	if (limit >= 64)
		return word;
	for (; limit && rest; limit--)
		rest &= rest - 1;
	return word & ~rest;
}

static enum quire_status alloc_word_of_leaves(struct qi_tree *tree, unsigned type, unsigned limit, uint64_t *word,
					      uint64_t *mask)
{
	struct qi_upper *mid;
	quire_pfn_t pfn;
	uint64_t units;
	unsigned w;

	if (qi_group(tree) > 1 || limit < 2 || type >= QUIRE_MIGRATE_PCPTYPES) {
		enum quire_status status = qi_tree_alloc(tree, QI_LEAF_SHIFT, type, 0, &pfn);

		if (status == QUIRE_OK) {
			*word = pfn >> QI_LEAF_SHIFT >> 6;
			*mask = 1ull << (pfn >> QI_LEAF_SHIFT & 63);
		}
		return status;
	}
	mid = find_mid(tree, 0);
	if (!mid)
		return QUIRE_ENOMEM;
	w = qi_unlikely(shuffles(tree)) ? random_word(tree, &mid->node, 0) : qi_find_word(mid->node.has, 0);
	units = first_units(mid->node.map[w], limit);
	for (uint64_t rest = units; rest; rest &= rest - 1) {
		if (qi_tells_first_use(tree) && qi_touch(tree, mid, w * 64 + qi_ctz(rest), 1) != QUIRE_OK) {
			put_mid(tree, mid);
			return QUIRE_ENOMEM;
		}
		qi_set_child_type(mid, w * 64 + qi_ctz(rest), type);
	}
	*mask = units;
	*word = (mid->node.pfn >> QI_LEAF_SHIFT) / 64 + w;
	mid->node.mark[w] |= units;
	mid->node.map[w] &= ~units;
	qi_word_changed(tree, &mid->node, w);
	qi_add_free(tree, -((int64_t)qi_popcount(units) << QI_LEAF_SHIFT));
	return QUIRE_OK;
}

enum quire_status qi_tree_alloc_word(struct qi_tree *tree, unsigned order, unsigned type, unsigned flags, unsigned limit,
				     uint64_t *word, uint64_t *mask)
{
	struct qi_node *leaf;
	unsigned w;

	if (type >= QUIRE_MIGRATE_ISOLATE || !limit || (order && order != QI_LEAF_SHIFT))
		return QUIRE_EINVAL;
	if (QI_MAY_BE_HUNGRY && qi_unlikely(tree->hungry))
		tree->config.hooks->replenish(tree->config.hook_ctx, order ? QI_LEAF_SHIFT + 6 : 0);
	if (order)
		return alloc_word_of_leaves(tree, type, limit, word, mask);
	leaf = leaf_for(tree, 0, type, flags);
	if (!leaf)
		return QUIRE_ENOMEM;
	w = qi_find_word(leaf->has, 0);
	*mask = first_units(leaf->map[w], limit);
	*word = leaf->pfn / 64 + w;
	leaf->mark[w] |= *mask;
	leaf->map[w] &= ~*mask;
	qi_count_free(tree, leaf, -(int64_t)qi_popcount(*mask));
	qi_word_changed(tree, leaf, w);
	return QUIRE_OK;
}

/* Nothing is read: it may be beyond its chunk. */
static inline void fetch_node(const struct qi_node *node)
{
	for (size_t line = 0; line < sizeof(*node); line += 64)
		__builtin_prefetch((const char *)node + line, 1);
}

unsigned qi_tree_alloc_words(struct qi_tree *tree, unsigned type, unsigned flags, unsigned enough,
			     struct qi_word_entry *words, unsigned most)
{
	unsigned n = 0, got = 0;
	struct qi_node *leaf;

	if (QI_MAY_BE_HUNGRY && qi_unlikely(tree->hungry))
		tree->config.hooks->replenish(tree->config.hook_ctx, 0);
	leaf = leaf_for(tree, 0, type, flags);
	for (; leaf && leaf->has && got < enough && n < most; n++) {
		/* Who takes all of the leaf need not choose. */
		unsigned w = enough >= QI_FAN ? qi_ctz(leaf->has) / 8 : qi_find_word(leaf->has, 0);
		uint64_t mask = leaf->map[w];

		words[n].word = leaf->pfn / 64 + w;
		words[n].mask = mask;
		leaf->mark[w] |= mask;
		leaf->map[w] = 0;
		leaf->has &= ~(0xffull << w * 8);
		got += qi_popcount(mask);
	}
	if (!n)
		return 0;
	qi_count_free(tree, leaf, -(int64_t)got);
	qi_node_reclass(tree, leaf);
	/* Who took all of it wants more soon, most likely from the pageblock beside it. */
	if (!leaf->has)
		fetch_node(leaf + 1);
	return n;
}

bool qi_tree_might_have(const struct qi_tree *tree, unsigned order, unsigned type, unsigned flags)
{
	unsigned mask;

	if (order >= QI_MID_SHIFT)
		return order < QI_TREE_ORDERS && qi_peek(&tree->upper_mask[1]) >> (order - QI_MID_SHIFT);
	mask = qi_peek(&tree->upper_mask[0]);
	if (order > QI_LEAF_SHIFT)
		mask >>= order - QI_LEAF_SHIFT;
	if (mask | qi_peek(&tree->upper_mask[1]))
		return true;
	mask = (unsigned)qi_peek(&tree->leaf_mask[type]) >> order;
	for (unsigned i = 0; i < 2 && type < QUIRE_MIGRATE_PCPTYPES && !(flags & QI_TREE_NOFRAGMENT); i++)
		mask |= order < QI_LEAF_SHIFT ? (unsigned)qi_peek(&tree->leaf_mask[fallbacks[type][i]]) >> order : 0;
	if (flags & QI_TREE_CMA)
		mask |= (unsigned)qi_peek(&tree->leaf_mask[QUIRE_MIGRATE_CMA]) >> order;
	if (flags & QI_TREE_HIGHATOMIC)
		mask |= (unsigned)qi_peek(&tree->leaf_mask[QUIRE_MIGRATE_HIGHATOMIC]) >> order;
	return mask;
}
