/*
 * The tree's range: directories of its upper nodes, and widening them.
 *
 * Nodes hang off the level-2 nodes they belong to and never move. The directory of level-2 nodes finds those, one pointer
 * per 512 GiB of span (4 KiB pages), so a span with little memory in it costs little. Up to 512 GiB a second one finds the
 * level-1 nodes directly, to spare lookups two steps.
 *
 * Fronts look frames up without the lock. What they load is one word, the address at which number 0 would stand, so start
 * and contents of a directory cannot be mixed up; it is published before the range that needs it; and what it replaces is
 * kept until the tree ends.
 */
#include "zone/tree_internal.h"

#define FLAT_MIDS 512u
#define SPAN_MAX (1ull << 41)

const struct qi_absent_top qi_absent_top = {
	.node = { .level = 2, .class = QI_CLASS_NONE, .absent = { ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull } },
};

static uint64_t numbers(quire_pfn_t start, quire_pfn_t end, unsigned shift)
{
	return ((end - 1) >> shift) - (start >> shift) + 1;
}

static size_t directory_bytes(uint64_t count)
{
	return (size_t)qi_align_up(sizeof(struct qi_directory) + count * sizeof(void *), 64);
}

/*
 * A directory for numbers [first, end), of twice the size of `old` as far as `most` allows: the spare room is where growth
 * comes from. Entries that were not in the old one get `fill`. Not published yet. NULL: no memory.
 */
static struct qi_directory *enlarge(struct qi_tree *tree, struct qi_directory *old, uint64_t first, uint64_t end,
				    uint64_t most, void *fill)
{
	uint64_t wanted = qi_max(end - first, old ? qi_min(2 * old->count, most) : 0);
	struct qi_directory *directory = qi_nodes_alloc(tree, directory_bytes(wanted));

	if (!directory)
		return NULL;
	if (old && first < old->first)
		first = end - qi_min(end, wanted);
	*directory = (struct qi_directory){ .older = old, .first = first, .count = wanted };
	for (uint64_t i = 0; i < wanted; i++)
		directory->at[i] = old && first + i - old->first < old->count ? old->at[first + i - old->first] : fill;
	return directory;
}

static uintptr_t entry_zero(const struct qi_directory *directory)
{
	return (uintptr_t)directory->at - (uintptr_t)directory->first * sizeof(void *);
}

static void publish(struct qi_directory **slot, uintptr_t *published, struct qi_directory *directory)
{
	*slot = directory;
	__atomic_store_n(published, entry_zero(directory), __ATOMIC_RELEASE);
}

static bool covers(const struct qi_directory *directory, uint64_t first, uint64_t end)
{
	return first >= directory->first && end <= directory->first + directory->count;
}

size_t qi_tree_fixed_bytes(quire_pfn_t start_pfn, uint64_t span)
{
	uint64_t mids = numbers(start_pfn, start_pfn + span, QI_MID_SHIFT);

	return directory_bytes(numbers(start_pfn, start_pfn + span, QI_TOP_SHIFT)) +
	       (mids <= FLAT_MIDS ? directory_bytes(mids) : 0);
}

enum quire_status qi_directories_init(struct qi_tree *tree)
{
	quire_pfn_t start = tree->start_pfn, end = tree->end_pfn;
	struct qi_directory *tops, *flat = NULL;

	if (end - start > SPAN_MAX)
		return QUIRE_ERANGE;
	tops = enlarge(tree, NULL, start >> QI_TOP_SHIFT, ((end - 1) >> QI_TOP_SHIFT) + 1, 0,
		       QI_ABSENT_TOP);
	if (!tops)
		return QUIRE_ENOMEM;
	publish(&tree->tops_directory, &tree->tops, tops);
	if (numbers(start, end, QI_MID_SHIFT) > FLAT_MIDS)
		return QUIRE_OK;
	flat = enlarge(tree, NULL, start >> QI_MID_SHIFT, ((end - 1) >> QI_MID_SHIFT) + 1, 0, NULL);
	if (!flat)
		return QUIRE_ENOMEM;
	publish(&tree->flat_directory, &tree->flat, flat);
	return QUIRE_OK;
}

size_t qi_tree_extend_bytes(const struct qi_tree *tree, quire_pfn_t start, uint64_t span)
{
	quire_pfn_t end = qi_max(start + span, tree->end_pfn);
	uint64_t tops, flat = tree->flat ? FLAT_MIDS : 0;

	start = qi_min(start, tree->start_pfn);
	tops = qi_max(numbers(start, end, QI_TOP_SHIFT), 2 * tree->tops_directory->count);
	return directory_bytes(tops) + directory_bytes(flat);
}

static size_t end_bytes(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *mid = qi_tree_holds(tree, pfn, 1) ? qi_mid_of(tree, pfn) : NULL;
	size_t leaves = QI_CHUNK * sizeof(struct qi_node) * qi_max(qi_group(tree) / QI_CHUNK, 1), bytes = 0;

	if (pfn % (1ull << QI_MID_SHIFT) && !mid)
		bytes += QI_MID_CHUNK * sizeof(struct qi_upper);
	if ((pfn % QI_FAN || qi_group(tree) > 1) && !(mid && qi_child_leaf(mid, qi_mid_unit(pfn))))
		bytes += leaves;
	return bytes;
}

size_t qi_tree_range_bytes(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t count, bool isolate)
{
	const uint64_t chunk = (uint64_t)QI_MID_CHUNK << QI_MID_SHIFT;
	size_t bytes = end_bytes(tree, pfn) + end_bytes(tree, pfn + count - 1) + end_bytes(tree, pfn + count);

	if (!count || !qi_tree_holds(tree, pfn, count))
		return 0;
	for (uint64_t top = pfn >> QI_TOP_SHIFT; top <= (pfn + count - 1) >> QI_TOP_SHIFT; top++)
		if (qi_top_of(tree, top << QI_TOP_SHIFT) == QI_ABSENT_TOP)
			bytes += sizeof(struct qi_top);
	for (quire_pfn_t at = qi_align_down(pfn, chunk); isolate && at < pfn + count; at += chunk)
		if (!qi_child_mid(qi_top_of(tree, at), qi_top_unit(at)))
			bytes += QI_MID_CHUNK * sizeof(struct qi_upper);
	return bytes;
}

static void free_chain(struct qi_tree *tree, struct qi_directory *directory)
{
	while (directory) {
		struct qi_directory *older = directory->older;

		qi_nodes_free(tree, directory, directory_bytes(directory->count));
		directory = older;
	}
}

void qi_directories_free(struct qi_tree *tree)
{
	free_chain(tree, tree->tops_directory);
	free_chain(tree, tree->flat_directory);
}

static void enter_mids(struct qi_directory *flat, const struct qi_upper *top, unsigned unit, struct qi_upper *mids)
{
	uint64_t number = qi_child_pfn(top, unit & ~(QI_MID_CHUNK - 1)) >> QI_MID_SHIFT;

	for (unsigned i = 0; i < QI_MID_CHUNK; i++)
		if (number + i - flat->first < flat->count)
			__atomic_store_n(&flat->at[number + i - flat->first], &mids[i], __ATOMIC_RELEASE);
}

void qi_enter_mids(struct qi_tree *tree, const struct qi_upper *top, unsigned unit, struct qi_upper *mids)
{
	if (tree->flat)
		enter_mids(tree->flat_directory, top, unit, mids);
}

bool qi_need_top(struct qi_tree *tree, quire_pfn_t pfn)
{
	struct qi_directory *tops = tree->tops_directory;
	struct qi_top *top;

	if (qi_top_of(tree, pfn) != QI_ABSENT_TOP)
		return true;
	top = qi_nodes_alloc(tree, sizeof(*top));
	if (!top)
		return false;
	qi_node_start(&top->upper.node, 2, qi_align_down(pfn, 1ull << QI_TOP_SHIFT), false);
	__atomic_store_n(&tops->at[(pfn >> QI_TOP_SHIFT) - tops->first], &top->upper, __ATOMIC_RELEASE);
	return true;
}

/*
 * The directories that a range needs instead of those there are. NULL: they stay; *drop: too many level-1 nodes for a flat
 * one. False: no memory.
 */
static bool enlarge_both(struct qi_tree *tree, quire_pfn_t start, quire_pfn_t end, struct qi_directory **tops,
			 struct qi_directory **flat, bool *drop)
{
	struct qi_directory *old_tops = tree->tops_directory, *old_flat = tree->flat ? tree->flat_directory : NULL;
	uint64_t first = start >> QI_TOP_SHIFT, last = (end - 1) >> QI_TOP_SHIFT;

	*tops = *flat = NULL;
	if (!covers(old_tops, first, last + 1)) {
		*tops = enlarge(tree, old_tops, qi_min(first, old_tops->first),
				qi_max(last + 1, old_tops->first + old_tops->count), SPAN_MAX >> QI_TOP_SHIFT,
				QI_ABSENT_TOP);
		if (!*tops)
			return false;
	}
	first = start >> QI_MID_SHIFT;
	last = (end - 1) >> QI_MID_SHIFT;
	*drop = old_flat && last - first >= FLAT_MIDS;
	if (!old_flat || *drop || covers(old_flat, first, last + 1))
		return true;
	*flat = enlarge(tree, old_flat, first, last + 1, FLAT_MIDS, NULL);
	if (!*flat && *tops)
		qi_nodes_free(tree, *tops, directory_bytes((*tops)->count));
	return *flat;
}

/* The last chunk of level-1 nodes may reach beyond what the old directory had entries for: enter all of them. */
static void replace_flat(struct qi_tree *tree, struct qi_directory *flat)
{
	QI_FOR_TOPS(tree, top)
		for (unsigned unit = 0; unit < QI_FAN; unit += QI_MID_CHUNK)
			if (qi_child_mid(top, unit))
				enter_mids(flat, top, unit, qi_child_mid(top, unit));
	publish(&tree->flat_directory, &tree->flat, flat);
}

enum quire_status qi_tree_extend(struct qi_tree *tree, quire_pfn_t start, uint64_t span)
{
	struct qi_directory *flat, *tops;
	quire_pfn_t end;
	bool drop;

	if (!span || !qi_add(start, span, &end))
		return QUIRE_EINVAL;
	start = qi_min(start, tree->start_pfn);
	end = qi_max(end, tree->end_pfn);
	if (end - start > SPAN_MAX)
		return QUIRE_ERANGE;
	if (!enlarge_both(tree, start, end, &tops, &flat, &drop))
		return QUIRE_ENOMEM;
	if (tops)
		publish(&tree->tops_directory, &tree->tops, tops);
	if (flat)
		replace_flat(tree, flat);
	if (drop)
		__atomic_store_n(&tree->flat, 0, __ATOMIC_RELEASE);
	tree->config.start_pfn = start;
	tree->config.span = end - start;
	qi_release(&tree->start_pfn, start);
	qi_release(&tree->end_pfn, end);
	return QUIRE_OK;
}
