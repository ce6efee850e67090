/*
 * Per-CPU fronts; see front.h. One CPU's way through its front, and the stacks of blocks; front_words.c has the words,
 * front_cpus.c what concerns all CPUs, front_size.c how much each may keep.
 */
#include "zone/front_internal.h"

#include "zone/front_cpus.h"

#ifndef QUIRE_WITHOUT_FRONTS

void qi_log_bad_frees(const struct qi_zone *za)
{
	qi_log(za->platform, QUIRE_LOG_ERROR, "frame %#llx was given back without being allocated: %llu such frees so far",
	       (unsigned long long)za->bad_pfn, (unsigned long long)za->bad_frees);
}

/* Zone locked. The oldest n blocks of a stack go to the tree. */
static void give_blocks(struct qi_zone *za, struct qi_block_stack *stack, unsigned order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (qi_tree_free(&za->tree, stack->block[i], order) != QUIRE_OK)
			qi_note_bad_free(za, stack->block[i], order);
	stack->count = (uint8_t)(stack->count - n);
	memmove(stack->block, stack->block + n, stack->count * sizeof(stack->block[0]));
	stack->block[stack->count] = QUIRE_PFN_NONE;
	stack->spent = (int16_t)(stack->count - qi_front_credit(za, QI_STACK_CREDIT));
}

static void spill_blocks(struct qi_zone *za, struct qi_block_stack *stack, unsigned order)
{
	uint64_t held = qi_moves_begin(za, stack), before;

	qi_lock(&za->lock);
	before = za->bad_frees;
	give_blocks(za, stack, order, stack->count / 2u);
	qi_unlock(&za->lock);
	qi_report_bad_frees(za, before);
	qi_moves_end(za, stack, held);
}

/* Zone locked. */
static void flush_stacks(struct qi_zone *za, struct qi_front *front)
{
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		for (unsigned order = 1; order <= QI_FRONT_ORDERS; order++) {
			struct qi_block_stack *stack = &front->stacks[type][order - 1];

			give_blocks(za, stack, order, stack->count);
		}
	memset(front->seen, 0, sizeof(front->seen));
}

/* What is below pageblock size. */
static void flush_small(struct qi_zone *za, struct qi_front *front)
{
	uint64_t held = qi_moves_begin(za, front), before;

	qi_lock(&za->lock);
	before = za->bad_frees;
	qi_words_flush(za, &front->frames, 0);
	flush_stacks(za, front);
	qi_unlock(&za->lock);
	qi_report_bad_frees(za, before);
	qi_moves_end(za, front, held);
}

void qi_front_flush(struct qi_zone *za, struct qi_front *front)
{
	uint64_t held, before;
	unsigned long state;

	if (!front->stocked)
		return;
	/* Who drains another CPU's is not inside cpu_enter. */
	state = qi_irqsave(za->platform);
	held = qi_moves_begin(za, front);
	qi_lock(&za->lock);
	before = za->bad_frees;
	qi_words_flush(za, &front->frames, 0);
	qi_words_flush(za, &front->huge, QI_LEAF_SHIFT);
	flush_stacks(za, front);
	qi_poke(&front->stocked, 0);
	qi_unlock(&za->lock);
	qi_report_bad_frees(za, before);
	qi_moves_end(za, front, held);
	qi_irqrestore(za->platform, state);
}

void qi_front_drain(struct qi_zone *za, unsigned cpu)
{
	if (cpu >= qi_front_count(za) || !qi_front_enter(qi_front_of(za, cpu)))
		return;
	qi_front_flush(za, qi_front_of(za, cpu));
	qi_front_leave(qi_front_of(za, cpu));
}

/* --- stacks: which blocks may be in one ------------------------------------------------------------------------------- */

static inline uint64_t *seen_word(struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	return &front->seen[order - 1][pfn >> order >> 6 & (QI_FRONT_SEEN_BLOCKS - 1)];
}

static inline bool maybe_in_stacks(struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	return *seen_word(front, pfn, order) >> (pfn >> order & 63) & 1;
}

/* Also for the block handed out last: it may come back without further ado. */
static inline void note_in_stacks(struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	*seen_word(front, pfn, order) |= 1ull << (pfn >> order & 63);
}

/* A block that is not here yet; there is room. */
static inline void push_block(struct qi_front *front, struct qi_block_stack *stack, quire_pfn_t pfn, unsigned order,
			      unsigned type)
{
	note_in_stacks(front, pfn, order);
	stack->block[stack->count++] = pfn;
	stack->block[stack->count] = QUIRE_PFN_NONE;
	front->last[order] = (uint8_t)type;
}

/* The filter only grows otherwise: again from what there is, after a spill or when it misled. */
static void note_stacks(struct qi_front *front, unsigned order)
{
	memset(front->seen[order - 1], 0, sizeof(front->seen[0]));
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++) {
		const struct qi_block_stack *stack = &front->stacks[type][order - 1];

		for (unsigned i = 0; i <= stack->count; i++)
			if (stack->block[i] != QUIRE_PFN_NONE)
				note_in_stacks(front, stack->block[i], order);
	}
}

/* --- allocation ------------------------------------------------------------------------------------------------------ */

/*
 * Zone locked. A few more for the stack, which cost no credit, where a pageblock of the type is broken anyway and
 * they are little beside the CPU's share.
 */
static void stock_blocks(struct qi_zone *za, struct qi_front *front, const struct qi_request *request)
{
	struct qi_block_stack *stack = &front->stacks[request->type][request->order - 1];
	unsigned order = request->order, type = request->type, flags = request->flags & QI_TREE_NOFRAGMENT;
	quire_pfn_t pfn;

	if (front->frames.most <= QI_FRONT_BATCH || stack->count > QI_FRONT_DEPTH / 2)
		return;
	for (unsigned i = 0; i < QI_FRONT_BLOCKS && za->tree.leaf_mask[type] >> order; i++) {
		if (qi_tree_free_pages(&za->tree) < request->floor + (1ull << order))
			return;
		if (qi_tree_alloc(&za->tree, order, type, flags, &pfn) != QUIRE_OK)
			return;
		push_block(front, stack, pfn, order, type);
	}
}

static quire_pfn_t take_from_tree(struct qi_zone *za, struct qi_front *front, const struct qi_request *request)
{
	quire_pfn_t pfn = QUIRE_PFN_NONE;
	uint64_t held;

	if (!qi_tree_may_serve(za, request))
		return QUIRE_PFN_NONE;
	held = qi_moves_begin(za, front);
	qi_lock(&za->lock);
	if (qi_tree_alloc(&za->tree, request->order, request->type, request->flags, &pfn) == QUIRE_OK)
		stock_blocks(za, front, request);
	qi_unlock(&za->lock);
	qi_moves_end(za, front, held);
	return pfn;
}

/* The tree, then the stack whatever its credit. */
static quire_pfn_t take_stack_block(struct qi_zone *za, struct qi_front *front, const struct qi_request *request)
{
	struct qi_block_stack *stack = &front->stacks[request->type][request->order - 1];
	quire_pfn_t pfn = qi_stack_take(stack);

	if (pfn == QUIRE_PFN_NONE)
		pfn = take_from_tree(za, front, request);
	if (pfn == QUIRE_PFN_NONE && stack->count) {
		stack->block[stack->count--] = QUIRE_PFN_NONE;
		stack->spent = stack->count;
		pfn = stack->block[stack->count];
	}
	if (pfn == QUIRE_PFN_NONE)
		return pfn;
	if (stack->count < QI_FRONT_DEPTH) {
		stack->block[stack->count] = pfn;
		stack->block[stack->count + 1] = QUIRE_PFN_NONE;
	}
	note_in_stacks(front, pfn, request->order);
	front->last[request->order] = (uint8_t)request->type;
	return pfn;
}

static inline bool kept_order(unsigned order)
{
	return order <= QI_FRONT_ORDERS || order == QI_LEAF_SHIFT;
}

/* The same, where small zones keep less. */
static inline bool kept_here(const struct qi_front *front, unsigned order)
{
	return order <= QI_FRONT_ORDERS || (order == QI_LEAF_SHIFT && front->huge.limit);
}

/* Anything below pageblock size, but for what is at hand for other types. */
static bool keeps_small(const struct qi_front *front)
{
	bool any = front->frames.count;

	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		for (unsigned i = 0; i < QI_FRONT_ORDERS; i++)
			any |= front->stacks[type][i].count != 0;
	return any;
}

/* Without the lock: would the tree have to break a whole pageblock, or to mix types? */
static inline bool breaks_pageblock(const struct qi_zone *za, const struct qi_request *request)
{
	return request->order < QI_LEAF_SHIFT && !(qi_peek(&za->tree.leaf_mask[request->type]) >> request->order);
}

/*
 * The tree would break a whole pageblock for this request. Rather use what is kept here than do that: frames as they are,
 * for larger blocks they are given back, which may make up what is wanted.
 */
static quire_pfn_t spare_pageblock(struct qi_zone *za, struct qi_front *front, const struct qi_request *request)
{
	quire_pfn_t pfn = QUIRE_PFN_NONE;

	if (!breaks_pageblock(za, request))
		return QUIRE_PFN_NONE;
	if (!request->order)
		pfn = qi_words_reuse(&front->frames, request);
	if (pfn == QUIRE_PFN_NONE && keeps_small(front))
		flush_small(za, front);
	return pfn;
}

/* Nothing of what may be reused: the tree, and failing that whatever is here. Else what is here goes to the tree. */
static QI_APART quire_pfn_t take_more(struct qi_zone *za, struct qi_front *front, const struct qi_request *request)
{
	quire_pfn_t pfn = QUIRE_PFN_NONE;

	if (request->order < QI_LEAF_SHIFT && front->stocked) {
		if (front->frames.spills >= QI_GIVING)
			flush_small(za, front);
		pfn = spare_pageblock(za, front, request);
	}
	if (pfn == QUIRE_PFN_NONE && breaks_pageblock(za, request))
		qi_front_gather(za, front, QI_PASSED);
	if (pfn == QUIRE_PFN_NONE)
		pfn = qi_word_order(request->order) ?
			qi_words_take(za, qi_front_cache(front, request->order), request) :
			take_stack_block(za, front, request);
	if (pfn != QUIRE_PFN_NONE)
		qi_poke(&front->stocked, 1);
	else
		qi_front_flush(za, front);
	return pfn;
}

/*
 * As far as this CPU keeps such blocks. Words freed here are settled in any case: before something is taken from the tree,
 * what was free when it was freed must be told from what is somebody's now.
 */
static inline bool take_kept(struct qi_zone *za, struct qi_front *front, const struct qi_request *request,
			     quire_pfn_t *pfn)
{
	unsigned order = request->order, type = request->type;

	if (!qi_front_enter(front))
		return false;
	qi_words_settle(za, &front->frames, 0);
	qi_words_settle(za, &front->huge, QI_LEAF_SHIFT);
	/* The owner may have been kept out before, by somebody who emptied nothing: what is at hand comes first. */
	*pfn = qi_at_hand(front, order, type);
	if (*pfn == QUIRE_PFN_NONE && qi_word_order(order))
		*pfn = qi_words_next(qi_front_cache(front, order), order, type);
	if (*pfn == QUIRE_PFN_NONE && qi_likely(kept_here(front, order)))
		*pfn = take_more(za, front, request);
	qi_front_leave(front);
	return *pfn != QUIRE_PFN_NONE;
}

static QI_APART enum quire_status alloc_from_others(struct qi_zone *za, unsigned cpu, const struct qi_request *request,
						    quire_pfn_t *pfn)
{
	if (!qi_others_stocked(za, cpu) || qi_front_drain_others(za, cpu) != QUIRE_OK)
		return QUIRE_ENOMEM;
	return qi_alloc_from_tree(za, request, pfn);
}

/* What is kept, then the tree; then what is kept here goes to the tree and it is asked again. */
static QI_APART enum quire_status alloc_here(struct qi_zone *za, unsigned cpu, const struct qi_request *request,
					     quire_pfn_t *pfn)
{
	struct qi_front *front = cpu < qi_front_count(za) ? qi_front_of(za, cpu) : NULL;
	bool own = front && qi_peek(&front->stocked);

	if (front && (own || kept_order(request->order)) && take_kept(za, front, request, pfn))
		return QUIRE_OK;
	if (qi_alloc_from_tree(za, request, pfn) == QUIRE_OK)
		return QUIRE_OK;
	if (own)
		qi_front_drain(za, cpu);
	if (own && qi_alloc_from_tree(za, request, pfn) == QUIRE_OK)
		return QUIRE_OK;
	return alloc_from_others(za, cpu, request, pfn);
}

/* A request that cannot be met at all learns that here, from a few words read without a lock. */
enum quire_status qi_front_alloc_slow(struct qi_zone *za, unsigned cpu, const struct qi_request *request,
				      quire_pfn_t *pfn)
{
	if (qi_unlikely(request->order >= QI_TREE_ORDERS || request->type >= QUIRE_MIGRATE_PCPTYPES))
		return QUIRE_EINVAL;
	if ((cpu < qi_front_count(za) && qi_peek(&qi_front_of(za, cpu)->stocked)) || qi_tree_may_serve(za, request))
		return alloc_here(za, cpu, request, pfn);
	return cpu || qi_front_count(za) > 1 ? alloc_from_others(za, cpu, request, pfn) : QUIRE_ENOMEM;
}

/* --- freeing --------------------------------------------------------------------------------------------------------- */

enum quire_status qi_front_free_tree(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	return qi_free_to_tree(za, pfn, order);
}

/*
 * Is it here already? Whatever its type: that of its pageblock may have changed. If it is the one a stack handed out last,
 * it no longer is.
 */
static bool in_stacks(struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	if (qi_likely(!maybe_in_stacks(front, pfn, order)))
		return false;
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++) {
		struct qi_block_stack *stack = &front->stacks[type][order - 1];

		if (stack->block[stack->count] == pfn)
			stack->block[stack->count] = QUIRE_PFN_NONE;
		for (unsigned i = 0; i < stack->count; i++)
			if (qi_unlikely(stack->block[i] == pfn))
				return true;
	}
	note_stacks(front, order);
	return false;
}

static enum quire_status keep_stack_block(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order,
					  unsigned type)
{
	struct qi_block_stack *stack = &front->stacks[type][order - 1];
	const struct qi_node *leaf = qi_leaf_of(&za->tree, pfn);

	if (qi_unlikely(!front->frames.limit))
		return QUIRE_ENOENT;
	/* Nothing taken since the last spill: this CPU may be giving back, and who frees such blocks is at the end of it. */
	if (qi_unlikely(front->frames.spills))
		flush_small(za, front);
	if (qi_unlikely(!leaf || !qi_is_block_of_word(leaf, qi_leaf_unit(pfn), 1u << order)))
		return QUIRE_ENOENT;
	if (qi_unlikely(in_stacks(front, pfn, order)))
		return QUIRE_EEXIST;
	if (stack->count == QI_FRONT_DEPTH) {
		spill_blocks(za, stack, order);
		note_stacks(front, order);
	}
	push_block(front, stack, pfn, order, type);
	stack->spent++;
	return QUIRE_OK;
}

/* As qi_front_keep(): the usual case calls nothing. */
enum quire_status qi_front_keep_block(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	const struct qi_upper *mid;
	const struct qi_node *leaf;
	struct qi_block_stack *stack;
	unsigned type;

	if (qi_unlikely((pfn & ((1ull << order) - 1)) || !front->frames.limit || front->frames.spills ||
			maybe_in_stacks(front, pfn, order) || !qi_tree_holds(&za->tree, pfn, 1ull << order)))
		return qi_front_keep_slow(za, front, pfn, order);
	mid = qi_mid_of(&za->tree, pfn);
	if (qi_unlikely(!mid))
		return qi_front_keep_slow(za, front, pfn, order);
	type = qi_child_type_bits(mid, qi_mid_unit(pfn));
	leaf = qi_child_leaf(mid, qi_mid_unit(pfn));
	if (qi_unlikely(type >= QUIRE_MIGRATE_PCPTYPES || !leaf || !qi_is_block_of_word(leaf, qi_leaf_unit(pfn), 1u << order)))
		return qi_front_keep_slow(za, front, pfn, order);
	stack = &front->stacks[type][order - 1];
	if (qi_unlikely(stack->count == QI_FRONT_DEPTH))
		return qi_front_keep_slow(za, front, pfn, order);
	push_block(front, stack, pfn, order, type);
	stack->spent++;
	qi_poke(&front->stocked, 1);
	qi_front_leave(front);
	return QUIRE_OK;
}

enum quire_status qi_front_keep_slow(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status = QUIRE_ENOENT;
	unsigned type;

	if (qi_likely(kept_order(order) && !(pfn & ((1ull << order) - 1)) && qi_tree_holds(&za->tree, pfn, 1ull << order))) {
		type = qi_block_type(&za->tree, pfn);
		if (qi_likely(type < QUIRE_MIGRATE_PCPTYPES))
			status = qi_word_order(order) ?
				qi_words_keep(za, qi_front_cache(front, order), pfn, order, type) :
				keep_stack_block(za, front, pfn, order, type);
		if (qi_likely(status == QUIRE_OK))
			qi_poke(&front->stocked, 1);
	}
	qi_front_leave(front);
	return qi_likely(status != QUIRE_ENOENT) ? status : qi_front_free_tree(za, pfn, order);
}

#endif
