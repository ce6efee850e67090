/*
 * The free tree's frame: nodes and where their memory comes from, class lists, breaking and merging.
 *
 * Level-2 nodes come with the first memory in them, level-1 nodes 8 at a time, leaves 64 at a time. A node whose parent
 * does not say "broken" is all zero in map, mark and absent, so frames are looked up without asking the parent first.
 */
#include "zone/tree_internal.h"

static struct qi_node_lists *lists_of(struct qi_tree *tree, const struct qi_node *node, uint16_t **mask)
{
	if (node->level) {
		*mask = &tree->upper_mask[node->level - 1];
		return &tree->uppers[node->level - 1];
	}
	*mask = &tree->leaf_mask[node->type];
	return &tree->leaves[node->type];
}

void qi_list_remove(struct qi_tree *tree, struct qi_node *node)
{
	struct qi_node_lists *lists;
	uint16_t *mask;

	if (node->class == QI_CLASS_NONE)
		return;
	lists = lists_of(tree, node, &mask);
	if (node->next)
		node->next->prev = node->prev;
	if (node->prev) {
		node->prev->next = node->next;
	} else {
		lists->head[node->class] = node->next;
		if (!node->next)
			qi_poke(mask, (uint16_t)(*mask & ~(1u << node->class)));
	}
	node->class = QI_CLASS_NONE;
}

void qi_list_insert(struct qi_tree *tree, struct qi_node *node, unsigned class)
{
	struct qi_node_lists *lists;
	struct qi_node *head;
	uint16_t *mask;

	node->class = (uint8_t)class;
	if (class == QI_CLASS_NONE)
		return;
	lists = lists_of(tree, node, &mask);
	head = lists->head[class];
	node->prev = NULL;
	node->next = head;
	if (head)
		head->prev = node;
	lists->head[class] = node;
	qi_poke(mask, (uint16_t)(*mask | 1u << class));
}

#ifdef __OPTIMIZE_SIZE__
bool qi_word_changed(struct qi_tree *tree, struct qi_node *node, unsigned w)
{
	bool changed = qi_has_update(node, w);

	if (changed)
		qi_node_reclass(tree, node);
	return changed;
}
#endif

/* Of a word that becomes all free or all taken, as most of a long range do, nobody needs to look for blocks. */
static void change_units(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n, bool free)
{
	QI_FOR_WORDS(unit, n, w, bits) {
		node->map[w] = free ? node->map[w] | bits : node->map[w] & ~bits;
		if (bits == ~0ull)
			qi_set_has(node, w, free ? QI_HAS_WORD : 0);
		else
			qi_has_update(node, w);
	}
	qi_node_reclass(tree, node);
}

void qi_node_release(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n)
{
	change_units(tree, node, unit, n, true);
}

void qi_node_withdraw(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n)
{
	change_units(tree, node, unit, n, false);
}

void qi_node_start(struct qi_node *node, unsigned level, quire_pfn_t pfn, bool free)
{
	uint64_t units = free ? ~0ull : 0;

	for (unsigned w = 0; w < QI_WORDS; w++) {
		node->map[w] = units;
		node->absent[w] = ~units;
	}
	node->has = units & QI_HAS_ALL;
	node->pfn = pfn;
	node->level = (uint8_t)level;
	node->class = QI_CLASS_NONE;
	node->fresh = 0;
}

void *qi_nodes_alloc(struct qi_tree *tree, size_t bytes)
{
	void *nodes = tree->config.hooks->meta_alloc(tree->config.hook_ctx, bytes);

	if (nodes)
		tree->meta_bytes += bytes;
	return nodes;
}

void qi_nodes_free(struct qi_tree *tree, void *nodes, size_t bytes)
{
	if (!nodes || !tree->config.hooks->meta_free)
		return;
	tree->config.hooks->meta_free(tree->config.hook_ctx, nodes, bytes);
	tree->meta_bytes -= bytes;
}

/* In the level-2 node first: a reader that finds no node there must not find one in the directory. */
static void enter_chunk(struct qi_tree *tree, struct qi_upper *top, unsigned unit, struct qi_upper *mids)
{
	__atomic_store_n(&qi_top_node(top)->mids[unit / QI_MID_CHUNK], mids, __ATOMIC_RELEASE);
	qi_enter_mids(tree, top, unit, mids);
}

bool qi_need_mids(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	struct qi_upper *mids;

	if (qi_child_mid(top, unit))
		return true;
	mids = qi_nodes_alloc(tree, QI_MID_CHUNK * sizeof(*mids));
	if (mids)
		enter_chunk(tree, top, unit, mids);
	return mids;
}

bool qi_need_leaves(struct qi_tree *tree, struct qi_upper *mid, unsigned unit)
{
	if (!mid->child[unit / QI_CHUNK])
		__atomic_store_n(&mid->child[unit / QI_CHUNK], qi_nodes_alloc(tree, QI_CHUNK * sizeof(struct qi_node)),
				 __ATOMIC_RELEASE);
	return mid->child[unit / QI_CHUNK];
}

/*
 * Pay for a child's nodes with the first frames of the free unit that is about to be broken: `bytes` of nodes, at
 * pfn. The frames are zeroed here and marked absent by the caller once the leaf is there.
 */
static void *nodes_carve(struct qi_tree *tree, quire_pfn_t pfn, size_t bytes, unsigned *frames)
{
	const struct qi_tree_hooks *hooks = tree->config.hooks;
	void *nodes;

	*frames = (unsigned)((bytes + (((size_t)1 << tree->config.page_shift) - 1)) >> tree->config.page_shift);
	if (!hooks->frame_address || *frames >= QI_FAN)
		return NULL;
	nodes = hooks->frame_address(tree->config.hook_ctx, pfn, *frames);
	if (nodes)
		memset(nodes, 0, bytes);
	return nodes;
}

static void withhold_carved(struct qi_tree *tree, struct qi_node *leaf, unsigned frames)
{
	qi_node_withdraw(tree, leaf, 0, frames);
	qi_set_range(leaf->absent, 0, frames);
	qi_count_free(tree, leaf, -(int64_t)frames);
	tree->meta_frames += frames;
}

/* The leaf of a unit that is neither free nor held any more; on its list. */
static struct qi_node *start_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	struct qi_node *leaf = qi_child_leaf(mid, unit);

	qi_set(mid->broken, unit);
	qi_add_loose(tree, QI_FAN);
	qi_node_start(leaf, 0, qi_child_pfn(mid, unit), true);
	leaf->type = (uint8_t)type;
	leaf->fresh = qi_tells_first_use(tree) && !qi_test(mid->touched, unit);
	qi_list_insert(tree, leaf, QI_FAN_SHIFT);
	return leaf;
}

struct qi_node *qi_break_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	struct qi_node *leaf;
	unsigned frames = 0;

	if (!qi_need_leaves(tree, mid, unit)) {
		void *nodes = nodes_carve(tree, qi_child_pfn(mid, unit), QI_CHUNK * sizeof(struct qi_node), &frames);

		if (!nodes)
			return NULL;
		__atomic_store_n(&mid->child[unit / QI_CHUNK], nodes, __ATOMIC_RELEASE);
		mid->node.carved |= 1ull << unit / QI_CHUNK;
	}
	qi_node_withdraw(tree, &mid->node, unit, 1);
	leaf = start_leaf(tree, mid, unit, type);
	if (frames)
		withhold_carved(tree, leaf, frames);
	return leaf;
}

struct qi_node *qi_break_held(struct qi_tree *tree, struct qi_upper *mid, unsigned unit)
{
	qi_clear(mid->held, unit);
	return start_leaf(tree, mid, unit, QUIRE_MIGRATE_ISOLATE);
}

void qi_hold_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	qi_node_withdraw(tree, &mid->node, unit, n);
	qi_set_range(mid->held, unit, n);
	qi_add_special(tree, QUIRE_MIGRATE_ISOLATE, (int64_t)n << QI_LEAF_SHIFT);
}

void qi_unhold_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	qi_clear_range(mid->held, unit, n);
	qi_add_special(tree, QUIRE_MIGRATE_ISOLATE, -((int64_t)n << QI_LEAF_SHIFT));
	qi_node_release(tree, &mid->node, unit, n);
}

/* Both levels at once from the unit's own first frames: level-1 nodes, then the first leaves. */
static struct qi_upper *break_mid_carved(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	size_t mids = QI_MID_CHUNK * sizeof(struct qi_upper);
	unsigned frames;
	uint8_t *nodes = nodes_carve(tree, qi_child_pfn(top, unit), mids + QI_CHUNK * sizeof(struct qi_node), &frames);
	struct qi_upper *mid;
	struct qi_node *leaf;

	if (!nodes)
		return NULL;
	enter_chunk(tree, top, unit, (struct qi_upper *)(void *)nodes);
	top->node.carved |= 1ull << unit / QI_MID_CHUNK;
	mid = qi_break_mid(tree, top, unit);
	__atomic_store_n(&mid->child[0], (struct qi_node *)(void *)(nodes + mids), __ATOMIC_RELEASE);
	mid->node.carved |= 1;
	qi_node_withdraw(tree, &mid->node, 0, 1);
	leaf = start_leaf(tree, mid, 0, QUIRE_MIGRATE_UNMOVABLE);
	qi_type_units(tree, mid, 0, 1, QUIRE_MIGRATE_UNMOVABLE);
	withhold_carved(tree, leaf, frames);
	return mid;
}

struct qi_upper *qi_break_mid(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	struct qi_upper *mid;

	if (!qi_need_mids(tree, top, unit))
		return break_mid_carved(tree, top, unit);
	mid = qi_child_mid(top, unit);
	qi_node_withdraw(tree, &top->node, unit, 1);
	qi_set(top->broken, unit);
	qi_node_start(&mid->node, 1, qi_child_pfn(top, unit), true);
	qi_list_insert(tree, &mid->node, QI_FAN_SHIFT);
	return mid;
}

void qi_merge_mid(struct qi_tree *tree, struct qi_upper *mid)
{
	quire_pfn_t pfn = mid->node.pfn;
	struct qi_upper *top = qi_top_of(tree, pfn);

	qi_list_remove(tree, &mid->node);
	memset(mid->node.map, 0, sizeof(mid->node.map));
	mid->node.has = 0;
	qi_clear(top->broken, qi_top_unit(pfn));
	qi_node_release(tree, &top->node, qi_top_unit(pfn), 1);
}

void qi_merge_leaf(struct qi_tree *tree, struct qi_upper *mid, struct qi_node *leaf)
{
	unsigned unit = qi_mid_unit(leaf->pfn);

	qi_list_remove(tree, leaf);
	qi_add_loose(tree, -(int64_t)QI_FAN);
	memset(leaf->map, 0, sizeof(leaf->map));
	leaf->has = 0;
	qi_clear(mid->broken, unit);
	if (qi_isolated_type(leaf->type)) {
		qi_set(mid->held, unit);
		return;
	}
	qi_node_release(tree, &mid->node, unit, 1);
	if (mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
}

enum quire_status qi_touch(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	const struct qi_tree_hooks *hooks = tree->config.hooks;
	enum quire_status status;

	if (!qi_tells_first_use(tree) || qi_all(mid->touched, unit, n))
		return QUIRE_OK;
	for (unsigned first = unit, end; first < unit + n; first = end) {
		end = first + 1;
		if (qi_test(mid->touched, first))
			continue;
		while (end < unit + n && !qi_test(mid->touched, end))
			end++;
		status = hooks->leaf_break(tree->config.hook_ctx, qi_child_pfn(mid, first),
					   (uint64_t)(end - first) << QI_LEAF_SHIFT);
		if (status != QUIRE_OK)
			return status;
		qi_set_range(mid->touched, first, end - first);
	}
	return QUIRE_OK;
}

void qi_type_units(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n, unsigned type)
{
	unsigned group = qi_group(tree), end = (unit + n + group - 1) & ~(group - 1);

	for (unsigned i = unit & ~(group - 1); i < end; i++)
		qi_set_child_type(mid, i, type);
}

static enum quire_status check_config(const struct qi_tree_config *config)
{
	uint64_t end;

	if (!config->span || !qi_add(config->start_pfn, config->span, &end) || !config->hooks || !config->hooks->meta_alloc)
		return QUIRE_EINVAL;
	if (config->max_order >= QI_TREE_ORDERS || config->pageblock_order >= QI_MID_SHIFT)
		return QUIRE_EINVAL;
	return QUIRE_OK;
}

enum quire_status qi_tree_init(struct qi_tree *tree, const struct qi_tree_config *config)
{
	enum quire_status status = check_config(config);

	if (status != QUIRE_OK)
		return status;
	memset(tree, 0, sizeof(*tree));
	tree->config = *config;
	tree->start_pfn = config->start_pfn;
	tree->end_pfn = config->start_pfn + config->span;
	status = qi_directories_init(tree);
	if (status != QUIRE_OK)
		qi_tree_destroy(tree);
	return status;
}

static void destroy_leaves(struct qi_tree *tree, struct qi_upper *mid)
{
	for (unsigned w = 0; w < QI_WORDS; w++)
		if (!(mid->node.carved >> w & 1))
			qi_nodes_free(tree, mid->child[w], QI_CHUNK * sizeof(struct qi_node));
}

void qi_tree_destroy(struct qi_tree *tree)
{
	QI_FOR_TOPS(tree, top) {
		struct qi_top *node = qi_top_node(top);

		for (unsigned w = 0; w < QI_FAN / QI_MID_CHUNK; w++) {
			for (unsigned k = 0; node->mids[w] && k < QI_MID_CHUNK; k++)
				destroy_leaves(tree, &node->mids[w][k]);
			if (!(top->node.carved >> w & 1))
				qi_nodes_free(tree, node->mids[w], QI_MID_CHUNK * sizeof(struct qi_upper));
		}
		qi_nodes_free(tree, node, sizeof(*node));
	}
	qi_directories_free(tree);
	memset(tree, 0, sizeof(*tree));
}
