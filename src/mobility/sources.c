/*
 * Which pageblock is worth clearing? The tree keeps pageblocks in use by type and largest free block, so those with much
 * free in one piece come first; of a few from each list the one with the least in use is taken. The field's scanner
 * takes pageblocks as they come, from the zone's start.
 *
 * Where the first of each list are known to be in vain, pageblocks are taken as they come after all, each once in a run.
 *
 * What could not be cleared is remembered in a filter of a few thousand bits. It may name others too; when nothing else is
 * left it is forgotten, and whoever insists does not ask it.
 */
#include "mobility/compact.h"

#include "zone/tree_internal.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define PER_CLASS 24u			/* leaves looked at in a list */
#define ENOUGH 96u			/* ... in all: the lock is held */
#define CHEAP 16u			/* one in so many frames in use: no need to look further */

static unsigned hint_bit(quire_pfn_t pfn)
{
	return (unsigned)((pfn >> QI_LEAF_SHIFT) * 0x9e3779b97f4a7c15ull >> 52) % QI_COMPACT_HINTS;
}

void qi_hint_vain(struct qi_compact_state *state, quire_pfn_t pfn)
{
	unsigned bit = hint_bit(pfn);

	state->hints[bit / 64] |= 1ull << bit % 64;
}

bool qi_hint_says_vain(const struct qi_compact_state *state, quire_pfn_t pfn)
{
	unsigned bit = hint_bit(pfn);

	return state->hints[bit / 64] >> bit % 64 & 1;
}

struct choice {
	quire_pfn_t pfn;
	unsigned used;
	unsigned seen;
};

/* The best block of 2^order frames in a leaf: no holes, least in use. */
static void consider(const struct qi_node *leaf, unsigned order, struct choice *best)
{
	unsigned n = 1u << order;

	for (unsigned at = 0; at < QI_FAN; at += n) {
		unsigned used = 0;
		bool holes = false;

		QI_FOR_WORDS(at, n, w, bits) {
			holes |= (leaf->absent[w] & bits) != 0;
			used += qi_popcount(bits & ~leaf->map[w]);
		}
		if (holes || used >= best->used || !used)
			continue;
		best->used = used;
		best->pfn = leaf->pfn + at;
	}
}

static void consider_type(const struct qi_zone *za, unsigned type, unsigned order, struct choice *best)
{
	const struct qi_tree *tree = &za->tree;

	for (int class = QI_LEAF_SHIFT - 1; class >= 0 && best->seen < ENOUGH && best->used * CHEAP > 1u << order; class--) {
		const struct qi_node *leaf = tree->leaves[type].head[class];

		for (unsigned n = 0; leaf && n < PER_CLASS && best->seen < ENOUGH; n++, leaf = leaf->next) {
			best->seen++;
			if (!qi_hint_says_vain(&za->compact, leaf->pfn))
				consider(leaf, order, best);
		}
	}
}

/* A pageblock in use that may be a source. */
static bool is_candidate(const struct qi_zone *za, const struct qi_upper *mid, quire_pfn_t pfn, bool any)
{
	const struct qi_node *leaf;

	if (!mid || !qi_test(mid->broken, qi_mid_unit(pfn)))
		return false;
	leaf = qi_child_leaf(mid, qi_mid_unit(pfn));
	return (leaf->type == QUIRE_MIGRATE_MOVABLE || (any && leaf->type < QUIRE_MIGRATE_PCPTYPES)) &&
	       leaf->class != QI_CLASS_NONE && !qi_hint_says_vain(&za->compact, leaf->pfn);
}

quire_pfn_t qi_compact_next_source(struct qi_zone *za, unsigned order, bool any, quire_pfn_t *position, uint64_t *used)
{
	const struct qi_tree *tree = &za->tree;
	struct choice best = { .pfn = QUIRE_PFN_NONE, .used = 1u << order };
	quire_pfn_t at = qi_align_down(qi_max(*position, tree->start_pfn), QI_FAN);

	for (unsigned n = 0; n < ENOUGH && at < tree->end_pfn && best.pfn == QUIRE_PFN_NONE; n++, at += QI_FAN) {
		const struct qi_upper *mid = qi_tree_holds(tree, at, 1) ? qi_mid_of(tree, at) : NULL;

		if (is_candidate(za, mid, at, any))
			consider(qi_child_leaf(mid, qi_mid_unit(at)), order, &best);
	}
	*position = at < tree->end_pfn ? at : QUIRE_PFN_NONE;
	*used = best.used;
	return best.pfn;
}

quire_pfn_t qi_compact_source(struct qi_zone *za, unsigned order, bool any, uint64_t *used, uint64_t *room)
{
	struct choice best = { .pfn = QUIRE_PFN_NONE, .used = 1u << order };
	const struct qi_tree *tree = &za->tree;
	uint64_t outside;

	consider_type(za, QUIRE_MIGRATE_MOVABLE, order, &best);
	if (any && best.pfn == QUIRE_PFN_NONE) {
		best.seen = 0;
		consider_type(za, QUIRE_MIGRATE_RECLAIMABLE, order, &best);
		consider_type(za, QUIRE_MIGRATE_UNMOVABLE, order, &best);
	}
	*used = best.used;
	outside = tree->free_special[QUIRE_MIGRATE_CMA] + tree->free_special[QUIRE_MIGRATE_HIGHATOMIC] +
		  tree->free_special[QUIRE_MIGRATE_ISOLATE] + (1u << order) - best.used;
	*room = tree->loose - qi_min(tree->loose, outside);
	return best.pfn;
}

#endif
