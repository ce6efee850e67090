/*
 * The free tree's frame: nodes and where their memory comes from, class lists, breaking and merging.
 *
 * The two upper levels are laid out at init (level 1 only up to 512 GiB at 4 KiB pages; above that 64 nodes at a
 * time), leaves come 64 at a time. A node whose parent does not say "broken" is all zero in map, mark and absent, so
 * frames are looked up without asking the parent first.
 */
#include "zone/tree_internal.h"

#define FLAT_MIDS 512u

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

void qi_node_release(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n)
{
	QI_FOR_WORDS(unit, n, w, bits) {
		node->map[w] |= bits;
		qi_has_update(node, w);
	}
	qi_node_reclass(tree, node);
}

void qi_node_withdraw(struct qi_tree *tree, struct qi_node *node, unsigned unit, unsigned n)
{
	QI_FOR_WORDS(unit, n, w, bits) {
		node->map[w] &= ~bits;
		qi_has_update(node, w);
	}
	qi_node_reclass(tree, node);
}

void qi_node_start(struct qi_node *node, unsigned level, uint64_t index, bool free)
{
	memset(node->map, free ? 0xff : 0, sizeof(node->map));
	memset(node->absent, free ? 0 : 0xff, sizeof(node->absent));
	node->has = free ? QI_HAS_ALL : 0;
	node->index = (uint32_t)index;
	node->level = (uint8_t)level;
	node->class = QI_CLASS_NONE;
	node->fresh = 0;
}

static void *nodes_alloc(struct qi_tree *tree, size_t bytes)
{
	void *nodes = tree->config.hooks->meta_alloc(tree->config.hook_ctx, bytes);

	if (nodes)
		tree->meta_bytes += bytes;
	return nodes;
}

static void nodes_free(struct qi_tree *tree, void *nodes, size_t bytes)
{
	if (!nodes || !tree->config.hooks->meta_free)
		return;
	tree->config.hooks->meta_free(tree->config.hook_ctx, nodes, bytes);
	tree->meta_bytes -= bytes;
}

bool qi_need_mids(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	if (!tree->mid && !top->child[unit / QI_CHUNK])
		__atomic_store_n(&top->child[unit / QI_CHUNK], nodes_alloc(tree, QI_CHUNK * sizeof(struct qi_upper)),
				 __ATOMIC_RELEASE);
	return tree->mid || top->child[unit / QI_CHUNK];
}

bool qi_need_leaves(struct qi_tree *tree, struct qi_upper *mid, unsigned unit)
{
	if (!mid->child[unit / QI_CHUNK])
		__atomic_store_n(&mid->child[unit / QI_CHUNK], nodes_alloc(tree, QI_CHUNK * sizeof(struct qi_node)),
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

static struct qi_node *start_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	struct qi_node *leaf = qi_child_leaf(mid, unit);

	qi_node_withdraw(tree, &mid->node, unit, 1);
	qi_set(mid->broken, unit);
	qi_add_loose(tree, QI_FAN);
	qi_node_start(leaf, 0, qi_child_index(tree, mid, unit), true);
	leaf->type = (uint8_t)type;
	leaf->fresh = tree->config.hooks->leaf_break && !qi_test(mid->touched, unit);
	return leaf;
}

struct qi_node *qi_break_leaf(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned type)
{
	quire_pfn_t pfn = qi_node_pfn(tree, &mid->node) + ((quire_pfn_t)unit << QI_LEAF_SHIFT);
	struct qi_node *leaf;
	unsigned frames = 0;

	if (!qi_need_leaves(tree, mid, unit)) {
		void *nodes = nodes_carve(tree, pfn, QI_CHUNK * sizeof(struct qi_node), &frames);

		if (!nodes)
			return NULL;
		__atomic_store_n(&mid->child[unit / QI_CHUNK], nodes, __ATOMIC_RELEASE);
		mid->carved |= (uint8_t)(1u << unit / QI_CHUNK);
	}
	leaf = start_leaf(tree, mid, unit, type);
	qi_list_insert(tree, leaf, qi_class(leaf->has));
	if (frames)
		withhold_carved(tree, leaf, frames);
	return leaf;
}

/* Both levels at once from the unit's own first frames: level-1 nodes, then the first leaves. */
static struct qi_upper *break_mid_carved(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	quire_pfn_t pfn = qi_node_pfn(tree, &top->node) + ((quire_pfn_t)unit << QI_MID_SHIFT);
	size_t mids = QI_CHUNK * sizeof(struct qi_upper);
	unsigned frames;
	uint8_t *nodes = nodes_carve(tree, pfn, mids + QI_CHUNK * sizeof(struct qi_node), &frames);
	struct qi_upper *mid;
	struct qi_node *leaf;

	if (!nodes)
		return NULL;
	__atomic_store_n(&top->child[unit / QI_CHUNK], nodes, __ATOMIC_RELEASE);
	top->carved |= (uint8_t)(1u << unit / QI_CHUNK);
	mid = qi_break_mid(tree, top, unit);
	__atomic_store_n(&mid->child[0], nodes + mids, __ATOMIC_RELEASE);
	mid->carved |= 1;
	leaf = start_leaf(tree, mid, 0, QUIRE_MIGRATE_UNMOVABLE);
	qi_type_units(tree, mid, 0, 1, QUIRE_MIGRATE_UNMOVABLE);
	qi_list_insert(tree, leaf, qi_class(leaf->has));
	withhold_carved(tree, leaf, frames);
	return mid;
}

struct qi_upper *qi_break_mid(struct qi_tree *tree, struct qi_upper *top, unsigned unit)
{
	struct qi_upper *mid;

	if (!qi_need_mids(tree, top, unit))
		return break_mid_carved(tree, top, unit);
	mid = qi_child_mid(tree, top, unit);
	qi_node_withdraw(tree, &top->node, unit, 1);
	qi_set(top->broken, unit);
	qi_node_start(&mid->node, 1, qi_child_index(tree, top, unit), true);
	qi_list_insert(tree, &mid->node, qi_class(mid->node.has));
	return mid;
}

void qi_merge_mid(struct qi_tree *tree, struct qi_upper *mid)
{
	quire_pfn_t pfn = qi_node_pfn(tree, &mid->node);
	struct qi_upper *top = qi_top_of(tree, pfn);

	qi_list_remove(tree, &mid->node);
	memset(mid->node.map, 0, sizeof(mid->node.map));
	mid->node.has = 0;
	qi_clear(top->broken, qi_top_unit(pfn));
	qi_node_release(tree, &top->node, qi_top_unit(pfn), 1);
}

void qi_merge_leaf(struct qi_tree *tree, struct qi_upper *mid, struct qi_node *leaf)
{
	unsigned unit = qi_mid_unit(qi_node_pfn(tree, leaf));

	qi_list_remove(tree, leaf);
	qi_add_loose(tree, -(int64_t)QI_FAN);
	memset(leaf->map, 0, sizeof(leaf->map));
	leaf->has = 0;
	qi_clear(mid->broken, unit);
	qi_node_release(tree, &mid->node, unit, 1);
	if (mid->node.class == QI_FAN_SHIFT)
		qi_merge_mid(tree, mid);
}

enum quire_status qi_touch(struct qi_tree *tree, struct qi_upper *mid, unsigned unit, unsigned n)
{
	const struct qi_tree_hooks *hooks = tree->config.hooks;
	quire_pfn_t pfn = qi_node_pfn(tree, &mid->node);
	enum quire_status status;

	if (!hooks->leaf_break || qi_all(mid->touched, unit, n))
		return QUIRE_OK;
	for (unsigned first = unit, end; first < unit + n; first = end) {
		end = first + 1;
		if (qi_test(mid->touched, first))
			continue;
		while (end < unit + n && !qi_test(mid->touched, end))
			end++;
		status = hooks->leaf_break(tree->config.hook_ctx, pfn + ((quire_pfn_t)first << QI_LEAF_SHIFT),
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
	return config->span > 1ull << 41 ? QUIRE_ERANGE : QUIRE_OK;
}

enum quire_status qi_tree_init(struct qi_tree *tree, const struct qi_tree_config *config)
{
	enum quire_status status = check_config(config);
	uint64_t tops, mids;

	if (status != QUIRE_OK)
		return status;
	memset(tree, 0, sizeof(*tree));
	tree->config = *config;
	tree->start_pfn = config->start_pfn;
	tree->end_pfn = config->start_pfn + config->span;
	for (unsigned level = 0; level < QI_LEVELS; level++)
		tree->base[level] = tree->start_pfn >> QI_FAN_SHIFT * (level + 1);
	tops = ((tree->end_pfn - 1) >> QI_TOP_SHIFT) - tree->base[2] + 1;
	mids = ((tree->end_pfn - 1) >> QI_MID_SHIFT) - tree->base[1] + 1;
	tree->top = nodes_alloc(tree, tops * sizeof(*tree->top));
	if (!tree->top)
		return QUIRE_ENOMEM;
	tree->top_count = (uint32_t)tops;
	if (mids <= FLAT_MIDS) {
		tree->mid = nodes_alloc(tree, mids * sizeof(*tree->mid));
		if (!tree->mid) {
			qi_tree_destroy(tree);
			return QUIRE_ENOMEM;
		}
		tree->mid_count = (uint32_t)mids;
	}
	for (uint32_t i = 0; i < tree->top_count; i++)
		qi_node_start(&tree->top[i].node, 2, i, false);
	return QUIRE_OK;
}

uint64_t qi_tree_flat_span(void)
{
	return (uint64_t)(FLAT_MIDS - 1) << QI_MID_SHIFT;
}

size_t qi_tree_fixed_bytes(quire_pfn_t start_pfn, uint64_t span)
{
	quire_pfn_t last = start_pfn + span - 1;
	uint64_t tops = (last >> QI_TOP_SHIFT) - (start_pfn >> QI_TOP_SHIFT) + 1;
	uint64_t mids = (last >> QI_MID_SHIFT) - (start_pfn >> QI_MID_SHIFT) + 1;

	return (size_t)((tops + (mids <= FLAT_MIDS ? mids : 0)) * sizeof(struct qi_upper));
}

static void destroy_leaves(struct qi_tree *tree, struct qi_upper *mid)
{
	for (unsigned w = 0; w < QI_WORDS; w++)
		if (!(mid->carved >> w & 1))
			nodes_free(tree, mid->child[w], QI_CHUNK * sizeof(struct qi_node));
}

void qi_tree_destroy(struct qi_tree *tree)
{
	for (uint32_t i = 0; i < tree->mid_count; i++)
		destroy_leaves(tree, &tree->mid[i]);
	for (uint32_t i = 0; i < tree->top_count; i++) {
		struct qi_upper *top = &tree->top[i];

		for (unsigned w = 0; w < QI_WORDS; w++) {
			struct qi_upper *mids = top->child[w];

			for (unsigned k = 0; mids && k < QI_CHUNK; k++)
				destroy_leaves(tree, &mids[k]);
			if (!(top->carved >> w & 1))
				nodes_free(tree, mids, QI_CHUNK * sizeof(struct qi_upper));
		}
	}
	if (tree->mid)
		nodes_free(tree, tree->mid, tree->mid_count * sizeof(*tree->mid));
	if (tree->top)
		nodes_free(tree, tree->top, tree->top_count * sizeof(*tree->top));
	memset(tree, 0, sizeof(*tree));
}
