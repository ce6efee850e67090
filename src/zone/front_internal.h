/* Between the two halves of the fronts: front.c (CPUs, stacks, draining) and front_words.c (words of blocks). */
#ifndef QI_ZONE_FRONT_INTERNAL_H
#define QI_ZONE_FRONT_INTERNAL_H

#include "zone/front.h"

#define QI_STACK_CREDIT 64		/* orders 1 to 3 */
#define QI_CREDIT_AMPLE 512		/* nearly all free memory lies in whole pageblocks */

/* A refusal by the tree long after the fact: keep count, say so once the lock is gone. Zone locked. */
static inline void qi_note_bad_free(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	if (za->refused && za->refused(za, pfn, order))
		return;
	za->bad_frees++;
	za->bad_pfn = pfn;
}

void qi_log_bad_frees(const struct qi_zone *za);

static inline void qi_report_bad_frees(const struct qi_zone *za, uint64_t before)
{
	if (qi_unlikely(za->bad_frees != before))
		qi_log_bad_frees(za);
}

/*
 * For trace hooks: pages a front holds before the tree is asked or given something, and telling the difference afterwards.
 * `place` is anything inside the front. Where nobody traces it is one test per trip to the tree.
 */
#define QI_NOT_TRACED UINT64_MAX
uint64_t qi_front_held_at(const struct qi_zone *za, const void *place);
void qi_front_tell_moved(const struct qi_zone *za, const void *place, uint64_t before);

static inline uint64_t qi_moves_begin(const struct qi_zone *za, const void *place)
{
#ifndef QUIRE_NO_TRACE
	if (qi_unlikely(za->q && za->q->page_alloc.trace))
		return qi_front_held_at(za, place);
#else
	(void)za;
	(void)place;
#endif
	return QI_NOT_TRACED;
}

static inline void qi_moves_end(const struct qi_zone *za, const void *place, uint64_t before)
{
	if (qi_unlikely(before != QI_NOT_TRACED))
		qi_front_tell_moved(za, place, before);
}

/* Blocks that may be reused until the next spill: the more, the less there is to mend. */
static inline int32_t qi_front_credit(const struct qi_zone *za, int32_t least)
{
	return qi_peek(&za->tree.loose) <= qi_peek(&za->tree.free_pages) / 64 ? QI_CREDIT_AMPLE : least;
}

/* May the tree be asked at all? Without the lock. A few masks in one cache line say no to most that would be in vain. */
static inline bool qi_tree_may_serve(const struct qi_zone *za, const struct qi_request *request)
{
	const struct qi_tree *tree = &za->tree;
	unsigned order = request->order, any;

	if (qi_likely(order <= QI_LEAF_SHIFT && request->type < QUIRE_MIGRATE_PCPTYPES)) {
		any = (qi_peek(&tree->leaf_mask[0]) | qi_peek(&tree->leaf_mask[1]) | qi_peek(&tree->leaf_mask[2])) >> order;
		any |= qi_peek(&tree->upper_mask[0]) | qi_peek(&tree->upper_mask[1]);
		if (qi_likely(!any && !(request->flags & (QI_TREE_CMA | QI_TREE_HIGHATOMIC))))
			return false;
	}
	return qi_tree_free_pages(tree) >= request->floor + (1ull << order) &&
	       qi_tree_might_have(tree, order, request->type, request->flags);
}

/* From the tree itself, if that leaves the request's floor; and back to it. */
static inline enum quire_status qi_alloc_from_tree(struct qi_zone *za, const struct qi_request *request, quire_pfn_t *pfn)
{
	enum quire_status status;

	if (!qi_tree_may_serve(za, request))
		return QUIRE_ENOMEM;
	qi_lock(&za->lock);
	status = qi_tree_alloc(&za->tree, request->order, request->type, request->flags, pfn);
	qi_unlock(&za->lock);
	return status;
}

static inline enum quire_status qi_free_to_tree(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status;

	qi_lock(&za->lock);
	status = qi_tree_free(&za->tree, pfn, order);
	qi_unlock(&za->lock);
	return status;
}

/* The type of an allocated block's pageblock, without the lock; QUIRE_MIGRATE_PCPTYPES or more: do not keep it. */
static inline unsigned qi_block_type(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *mid = qi_mid_of(tree, pfn);

	return mid ? qi_child_type_bits(mid, qi_mid_unit(pfn)) : QUIRE_MIGRATE_TYPES;
}

/* Everything a front holds goes back. The caller is inside it, or has taken it. */
void qi_front_flush(struct qi_zone *za, struct qi_front *front);

/* Look up what was only freed so far. Before anything is reused or taken from the tree. */
void qi_words_verify(struct qi_zone *za, struct qi_word_cache *cache, unsigned order);
static inline void qi_words_settle(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	if (qi_unlikely(cache->vouched != cache->count))
		qi_words_verify(za, cache, order);
}

/* Words. All inside the front. An empty cache; everything to the tree (zone locked). */
void qi_words_reset(struct qi_word_cache *cache);
void qi_words_flush(struct qi_zone *za, struct qi_word_cache *cache, unsigned order);
/* Of what was stocked or, as far as credit goes, freed. */
quire_pfn_t qi_words_next(struct qi_word_cache *cache, unsigned order, unsigned type);
/* Reused whatever the credit says. */
quire_pfn_t qi_words_reuse(struct qi_word_cache *cache, const struct qi_request *request);
/* From wherever it can be had, the tree included. */
quire_pfn_t qi_words_take(struct qi_zone *za, struct qi_word_cache *cache, const struct qi_request *request);
/* Keep a freed block of a pageblock of this type. ENOENT: not this one. EEXIST: it has it already. */
enum quire_status qi_words_keep(struct qi_zone *za, struct qi_word_cache *cache, quire_pfn_t pfn, unsigned order,
				unsigned type);

#endif
