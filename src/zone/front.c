/*
 * Per-CPU fronts; see front.h. One CPU's way through its front, and the stacks of blocks; front_words.c has the words,
 * front_cpus.c what concerns all CPUs.
 */
#include "zone/front_internal.h"

#include "zone/front_cpus.h"

/* Most order-9 blocks taken at once. */
#define HUGE_BATCH 16u

void qi_fronts_init(struct qi_zone *za, struct qi_front *fronts, unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		struct qi_front *front = &fronts[cpu];

		qi_words_reset(&front->frames);
		qi_words_reset(&front->huge);
		front->taken = za->fronts_disabled != 0;
		for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
			for (unsigned i = 0; i < QI_FRONT_ORDERS; i++) {
				front->stacks[type][i].last = QUIRE_PFN_NONE;
				front->stacks[type][i].credit = QI_STACK_CREDIT;
			}
	}
	za->fronts = fronts;
	za->cpus = cpus;
	qi_fronts_tune(za, 0);
}

void qi_fronts_tune(struct qi_zone *za, uint64_t managed)
{
	uint64_t share = za->cpus ? qi_div64(managed, 8ull * za->cpus) : 0;

	for (unsigned cpu = 0; cpu < za->cpus; cpu++) {
		struct qi_front *front = &za->fronts[cpu];

		front->frames.limit = (uint16_t)qi_min(share / 2 / 64, QI_FRONT_ENTRIES);
		front->frames.most = (uint16_t)qi_clamp(share / 2 / 8, QI_FRONT_BATCH, QI_FRONT_BATCH_MOST);
		front->huge.limit = (uint16_t)qi_min(share / 2 / QI_FAN / 2, QI_FRONT_HUGE_ENTRIES);
		front->huge.most = (uint16_t)qi_clamp(share / 2 / QI_FAN, 1, QI_FRONT_HUGE_ENTRIES * 64);
		front->huge.batch = (uint8_t)qi_clamp(share / 2 / QI_FAN / 2, 1, HUGE_BATCH);
	}
}

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
			qi_note_bad_free(za, stack->block[i]);
	stack->count = (uint8_t)(stack->count - n);
	memmove(stack->block, stack->block + n, stack->count * sizeof(stack->block[0]));
	stack->credit = qi_front_credit(za, QI_STACK_CREDIT);
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

void qi_front_flush(struct qi_zone *za, struct qi_front *front)
{
	uint64_t held, before;

	if (!front->stocked)
		return;
	held = qi_moves_begin(za, front);
	qi_lock(&za->lock);
	before = za->bad_frees;
	qi_words_flush(za, &front->frames, 0);
	qi_words_flush(za, &front->huge, QI_LEAF_SHIFT);
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		for (unsigned order = 1; order <= QI_FRONT_ORDERS; order++) {
			struct qi_block_stack *stack = &front->stacks[type][order - 1];

			give_blocks(za, stack, order, stack->count);
			if (stack->hot && qi_tree_free(&za->tree, stack->last, order) != QUIRE_OK)
				qi_note_bad_free(za, stack->last);
			stack->hot = 0;
			stack->last = QUIRE_PFN_NONE;
		}
	qi_poke(&front->stocked, 0);
	qi_unlock(&za->lock);
	qi_report_bad_frees(za, before);
	qi_moves_end(za, front, held);
}

void qi_front_drain(struct qi_zone *za, unsigned cpu)
{
	if (cpu >= za->cpus || !qi_front_enter(&za->fronts[cpu]))
		return;
	qi_front_flush(za, &za->fronts[cpu]);
	qi_front_leave(&za->fronts[cpu]);
}

/* --- allocation ------------------------------------------------------------------------------------------------------ */

static enum quire_status tree_alloc(struct qi_zone *za, const struct qi_request *request, quire_pfn_t *pfn)
{
	enum quire_status status;

	if (!qi_tree_may_serve(za, request))
		return QUIRE_ENOMEM;
	qi_lock(&za->lock);
	status = qi_tree_alloc(&za->tree, request->order, request->type, request->flags, pfn);
	qi_unlock(&za->lock);
	return status;
}

/* From a stack, as far as its credit goes. */
static quire_pfn_t next_block(struct qi_front *front, unsigned order, unsigned type)
{
	struct qi_block_stack *stack = &front->stacks[type][order - 1];

	if (!stack->count || stack->credit <= 0)
		return QUIRE_PFN_NONE;
	stack->credit--;
	stack->last = stack->block[--stack->count];
	front->last[order] = (uint8_t)type;
	return stack->last;
}

/* The tree, then the stack whatever its credit. */
static quire_pfn_t take_stack_block(struct qi_zone *za, struct qi_front *front, const struct qi_request *request)
{
	struct qi_block_stack *stack = &front->stacks[request->type][request->order - 1];
	quire_pfn_t pfn = qi_stack_take(stack);

	if (pfn == QUIRE_PFN_NONE)
		pfn = next_block(front, request->order, request->type);
	if (pfn == QUIRE_PFN_NONE && tree_alloc(za, request, &pfn) != QUIRE_OK && stack->count)
		pfn = stack->block[--stack->count];
	stack->last = pfn;
	front->last[request->order] = (uint8_t)request->type;
	return pfn;
}

static bool take_kept(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn)
{
	struct qi_front *front = &za->fronts[cpu];

	if (!qi_front_enter(front))
		return false;
	*pfn = qi_word_order(request->order) ?
		qi_words_take(za, qi_front_cache(front, request->order), request) : take_stack_block(za, front, request);
	if (*pfn != QUIRE_PFN_NONE)
		qi_poke(&front->stocked, 1);
	else
		qi_front_flush(za, front);
	qi_front_leave(front);
	return *pfn != QUIRE_PFN_NONE;
}

static inline bool kept_order(unsigned order)
{
	return order <= QI_FRONT_ORDERS || order == QI_LEAF_SHIFT;
}

/* What this CPU has beyond what is at hand, without asking the tree for more. */
static inline bool take_next(struct qi_zone *za, struct qi_front *front, unsigned order, unsigned type, quire_pfn_t *pfn)
{
	if (!qi_front_enter(front))
		return false;
	qi_words_settle(za, &front->frames, 0);
	qi_words_settle(za, &front->huge, QI_LEAF_SHIFT);
	if (!kept_order(order))
		*pfn = QUIRE_PFN_NONE;
	else if (qi_likely(qi_word_order(order)))
		*pfn = qi_words_next(qi_front_cache(front, order), order, type);
	else
		*pfn = next_block(front, order, type);
	qi_front_leave(front);
	return *pfn != QUIRE_PFN_NONE;
}

/*
 * First of what is kept, then the tree; then what is kept here and elsewhere goes to the tree and it is asked again.
 * A request that cannot be met at all learns that from a few words read without a lock.
 */
enum quire_status qi_front_alloc_further(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn)
{
	bool own = cpu < za->cpus && qi_peek(&za->fronts[cpu].stocked), served;

	if (qi_unlikely(request->order >= QI_TREE_ORDERS || request->type >= QUIRE_MIGRATE_PCPTYPES))
		return QUIRE_EINVAL;
	if (own && take_next(za, &za->fronts[cpu], request->order, request->type, pfn))
		return QUIRE_OK;
	if (own || qi_tree_may_serve(za, request)) {
		served = cpu < za->cpus && kept_order(request->order) ? take_kept(za, cpu, request, pfn) : false;
		if (served || tree_alloc(za, request, pfn) == QUIRE_OK)
			return QUIRE_OK;
		if (own)
			qi_front_drain(za, cpu);
		if (own && tree_alloc(za, request, pfn) == QUIRE_OK)
			return QUIRE_OK;
	}
	if (!qi_others_stocked(za, cpu) || qi_front_drain_others(za, cpu) != QUIRE_OK)
		return QUIRE_ENOMEM;
	return tree_alloc(za, request, pfn);
}

/* --- freeing --------------------------------------------------------------------------------------------------------- */

enum quire_status qi_front_free_tree(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status;

	qi_lock(&za->lock);
	status = qi_tree_free(&za->tree, pfn, order);
	qi_unlock(&za->lock);
	return status;
}

/* Is it here already? Whatever its type: that of its pageblock may have changed. */
static bool in_stacks(const struct qi_front *front, quire_pfn_t pfn, unsigned order)
{
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++) {
		const struct qi_block_stack *stack = &front->stacks[type][order - 1];

		if (stack->hot && stack->last == pfn)
			return true;
		for (unsigned i = 0; i < stack->count; i++)
			if (qi_unlikely(stack->block[i] == pfn))
				return true;
	}
	return false;
}

static enum quire_status keep_stack_block(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order,
					  unsigned type)
{
	struct qi_block_stack *stack = &front->stacks[type][order - 1];

	if (qi_unlikely(!front->frames.limit || !qi_tree_vouches_block(&za->tree, order, pfn)))
		return QUIRE_ENOENT;
	if (qi_unlikely(in_stacks(front, pfn, order)))
		return QUIRE_EEXIST;
	if (!stack->hot && stack->credit > 0) {
		stack->credit--;
		stack->hot = 1;
		stack->last = pfn;
		front->last[order] = (uint8_t)type;
		return QUIRE_OK;
	}
	if (stack->count == QI_FRONT_DEPTH)
		spill_blocks(za, stack, order);
	stack->block[stack->count++] = pfn;
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

/* Of another CPU's front it reads what that CPU may be changing: counts, not places, so the worst is a wrong number. */
QI_RACES uint64_t qi_front_held(const struct qi_zone *za, unsigned cpu)
{
	const struct qi_front *front;
	uint64_t pages = 0;

	if (cpu >= za->cpus)
		return 0;
	front = &za->fronts[cpu];
	for (unsigned huge = 0; huge < 2; huge++) {
		const struct qi_word_cache *cache = huge ? &front->huge : &front->frames;
		unsigned shift = huge ? QI_LEAF_SHIFT : 0;

		for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
			pages += (uint64_t)qi_popcount(cache->serve[type].mask) << shift;
		for (unsigned i = 0; i < cache->stocked; i++)
			pages += (uint64_t)qi_popcount(cache->stock[i].mask) << shift;
		for (unsigned i = 1; i <= cache->count; i++)
			pages += (uint64_t)qi_popcount(cache->entries[i].mask) << shift;
	}
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		for (unsigned i = 0; i < QI_FRONT_ORDERS; i++)
			pages += (uint64_t)(front->stacks[type][i].count + front->stacks[type][i].hot) << (i + 1);
	return pages;
}
