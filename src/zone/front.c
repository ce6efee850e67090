/* Per-CPU fronts; see front.h. Everything beyond the words at hand: refilling, spilling, stacks, draining. */
#include "zone/front.h"

/* Most order-9 blocks taken at once. */
#define HUGE_BATCH 16u

static void cache_reset(struct qi_word_cache *cache)
{
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		cache->serve[type] = (struct qi_word_entry){ .word = UINT64_MAX };
	cache->entries[0].word = UINT64_MAX;
	cache->count = 0;
	cache->stocked = 0;
	cache->credit = QI_FRONT_CREDIT;
}

void qi_fronts_init(struct qi_zone *za, struct qi_front *fronts, unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		struct qi_front *front = &fronts[cpu];

		cache_reset(&front->frames);
		cache_reset(&front->huge);
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
		front->huge.limit = (uint16_t)qi_min(share / 2 / QI_FAN / 2, QI_FRONT_HUGE_ENTRIES);
		front->huge.batch = (uint8_t)qi_clamp(share / 2 / QI_FAN / 2, 1, HUGE_BATCH);
	}
}

/* A refusal by the tree long after the fact: keep count, say so once the lock is gone. */
static void note_bad_free(struct qi_zone *za, quire_pfn_t pfn)
{
	za->bad_frees++;
	za->bad_pfn = pfn;
}

static void report_bad_frees(struct qi_zone *za, uint64_t before)
{
	if (qi_likely(za->bad_frees == before))
		return;
	qi_log(za->platform, QUIRE_LOG_ERROR, "frame %#llx was given back without being allocated: %llu such frees so far",
	       (unsigned long long)za->bad_pfn, (unsigned long long)za->bad_frees);
}

/* Zone locked. */
static void give_word(struct qi_zone *za, unsigned order, uint64_t word, uint64_t mask)
{
	if (qi_likely(qi_tree_free_word(&za->tree, order, word, mask) == QUIRE_OK))
		return;
	for (; mask; mask &= mask - 1) {
		quire_pfn_t pfn = (word * 64 + qi_ctz(mask)) << order;

		if (qi_tree_free(&za->tree, pfn, order) != QUIRE_OK)
			note_bad_free(za, pfn);
	}
}

/* Zone locked. The oldest n entries go to the tree. */
static void give_entries(struct qi_zone *za, struct qi_word_cache *cache, unsigned order, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		if (!order)
			i += qi_tree_free_words(&za->tree, &cache->entries[i], n + 1 - i);
		if (i <= n)
			give_word(za, order, cache->entries[i].word, cache->entries[i].mask);
	}
	cache->count = (uint16_t)(cache->count - n);
	memmove(&cache->entries[1], &cache->entries[1 + n], cache->count * sizeof(cache->entries[0]));
	memmove(&cache->type[1], &cache->type[1 + n], cache->count);
	cache->credit = QI_FRONT_CREDIT;
}

static void spill_words(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	uint64_t before;

	qi_lock(&za->lock);
	before = za->bad_frees;
	give_entries(za, cache, order, (cache->count + 1u) / 2);
	qi_unlock(&za->lock);
	report_bad_frees(za, before);
}

/* Zone locked. The oldest n blocks of a stack go to the tree. */
static void give_blocks(struct qi_zone *za, struct qi_block_stack *stack, unsigned order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (qi_tree_free(&za->tree, stack->block[i], order) != QUIRE_OK)
			note_bad_free(za, stack->block[i]);
	stack->count = (uint8_t)(stack->count - n);
	memmove(stack->block, stack->block + n, stack->count * sizeof(stack->block[0]));
	stack->credit = QI_STACK_CREDIT;
}

static void spill_blocks(struct qi_zone *za, struct qi_block_stack *stack, unsigned order)
{
	uint64_t before;

	qi_lock(&za->lock);
	before = za->bad_frees;
	give_blocks(za, stack, order, stack->count / 2u);
	qi_unlock(&za->lock);
	report_bad_frees(za, before);
}

static void give_cache(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	give_entries(za, cache, order, cache->count);
	for (unsigned i = 0; i < cache->stocked; i++)
		give_word(za, order, cache->stock[i].word, cache->stock[i].mask);
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		if (cache->serve[type].mask)
			give_word(za, order, cache->serve[type].word, cache->serve[type].mask);
	cache_reset(cache);
}

/* Everything a front holds goes back. The caller is inside it, or has taken it. */
static void flush(struct qi_zone *za, struct qi_front *front)
{
	uint64_t before;

	if (!front->stocked)
		return;
	qi_lock(&za->lock);
	before = za->bad_frees;
	give_cache(za, &front->frames, 0);
	give_cache(za, &front->huge, QI_LEAF_SHIFT);
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		for (unsigned order = 1; order <= QI_FRONT_ORDERS; order++) {
			struct qi_block_stack *stack = &front->stacks[type][order - 1];

			give_blocks(za, stack, order, stack->count);
			if (stack->hot && qi_tree_free(&za->tree, stack->last, order) != QUIRE_OK)
				note_bad_free(za, stack->last);
			stack->hot = 0;
			stack->last = QUIRE_PFN_NONE;
		}
	qi_poke(&front->stocked, 0);
	qi_unlock(&za->lock);
	report_bad_frees(za, before);
}

void qi_front_drain(struct qi_zone *za, unsigned cpu)
{
	if (cpu >= za->cpus || !qi_front_enter(&za->fronts[cpu]))
		return;
	flush(za, &za->fronts[cpu]);
	qi_front_leave(&za->fronts[cpu]);
}

static bool others_stocked(const struct qi_zone *za, unsigned self)
{
	for (unsigned cpu = 0; cpu < za->cpus; cpu++)
		if (cpu != self && qi_peek(&za->fronts[cpu].stocked))
			return true;
	return false;
}

/* Drain all fronts but `self`'s. The caller is in no front: two drainers must not wait for each other. */
static enum quire_status drain_others(struct qi_zone *za, unsigned self)
{
	void (*barrier)(void *ctx) = za->platform ? za->platform->barrier_all : NULL;

	if (!others_stocked(za, self))
		return QUIRE_OK;
	if (!barrier && za->cpus > 1)
		return QUIRE_EUNSUPPORTED;
	if (__atomic_exchange_n(&za->drain_lock.taken, 1, __ATOMIC_ACQUIRE))
		return QUIRE_EBUSY;
	for (unsigned cpu = 0; cpu < za->cpus; cpu++)
		if (cpu != self)
			__atomic_store_n(&za->fronts[cpu].taken, 1, __ATOMIC_RELEASE);
	if (barrier)
		barrier(za->platform->ctx);
	for (unsigned cpu = 0; cpu < za->cpus; cpu++) {
		struct qi_front *front = &za->fronts[cpu];

		if (cpu == self)
			continue;
		while (__atomic_load_n(&front->busy, __ATOMIC_ACQUIRE))
			qi_relax();
		flush(za, front);
		__atomic_store_n(&front->taken, 0, __ATOMIC_RELEASE);
	}
	qi_unlock(&za->drain_lock);
	return QUIRE_OK;
}

enum quire_status qi_front_drain_all(struct qi_zone *za)
{
	return drain_others(za, za->cpus);
}

/* --- allocation ------------------------------------------------------------------------------------------------------ */

/* May the tree be asked at all? Without the lock. */
static inline bool tree_may_serve(const struct qi_zone *za, const struct qi_request *request)
{
	uint64_t need = request->floor + (1ull << request->order);

	return qi_tree_free_pages(&za->tree) >= need &&
	       qi_tree_might_have(&za->tree, request->order, request->type, request->flags);
}

static enum quire_status tree_alloc(struct qi_zone *za, const struct qi_request *request, quire_pfn_t *pfn)
{
	enum quire_status status;

	if (!tree_may_serve(za, request))
		return QUIRE_ENOMEM;
	qi_lock(&za->lock);
	status = qi_tree_alloc(&za->tree, request->order, request->type, request->flags, pfn);
	qi_unlock(&za->lock);
	return status;
}

/*
 * Words for `serve` and, as long as they are thin, a few more in stock: memory that is mostly full gives one frame a
 * word. Special blocks are not kept, so not asked for: qi_front_alloc_slow() does, for the one block.
 */
static bool refill_from_tree(struct qi_zone *za, struct qi_word_cache *cache, const struct qi_request *request)
{
	unsigned flags = request->flags & QI_TREE_NOFRAGMENT, limit = request->order ? cache->batch : 64, got = 0;
	struct qi_word_entry *into = &cache->serve[request->type];
	unsigned enough = request->order ? 1 : QI_FRONT_BATCH;

	if (!cache->limit || cache->stocked || !tree_may_serve(za, request))
		return false;
	qi_lock(&za->lock);
	while (got < enough && cache->stocked < QI_FRONT_STOCK) {
		if (qi_tree_alloc_word(&za->tree, request->order, request->type, flags, limit, &into->word, &into->mask))
			break;
		if (got)
			cache->stocked++;
		got += qi_popcount(into->mask);
		into = &cache->stock[cache->stocked];
	}
	qi_unlock(&za->lock);
	cache->stock_type = (uint8_t)request->type;
	return got;
}

/*
 * Serve from this word: its first block now, the rest stays at hand. Word and mask are read one by one: a load of
 * both at once would wait for the two stores of a free just before.
 */
static inline quire_pfn_t serve_word(struct qi_word_cache *cache, const struct qi_request *request, uint64_t word,
				     uint64_t mask)
{
	struct qi_word_entry *serve = &cache->serve[request->type];

	serve->word = word;
	serve->mask = mask & (mask - 1);
	cache->last = (uint8_t)request->type;
	return (word * 64 + qi_ctz(mask)) << request->order;
}

/* From the newest entry. A word that came back whole scatters nothing. */
static quire_pfn_t reuse_newest(struct qi_word_cache *cache, const struct qi_request *request)
{
	const struct qi_word_entry *entry = &cache->entries[cache->count--];
	uint64_t word = entry->word, mask = entry->mask;

	cache->credit -= mask == ~0ull ? 1 : qi_popcount(mask);
	return serve_word(cache, request, word, mask);
}

/* The tree has nothing, so whatever the credit says: an entry of this type, wherever it is. */
static quire_pfn_t reuse_any(struct qi_word_cache *cache, const struct qi_request *request)
{
	for (unsigned i = cache->count; i; i--) {
		uint64_t word = cache->entries[i].word, mask = cache->entries[i].mask;

		if (cache->type[i] != request->type)
			continue;
		if (i != cache->count) {
			cache->entries[i] = cache->entries[cache->count];
			cache->type[i] = cache->type[cache->count];
		}
		cache->count--;
		cache->credit = QI_FRONT_CREDIT;
		return serve_word(cache, request, word, mask);
	}
	return QUIRE_PFN_NONE;
}

static bool take_word_block(struct qi_zone *za, struct qi_front *front, const struct qi_request *request,
			    quire_pfn_t *pfn)
{
	struct qi_word_cache *cache = qi_front_cache(front, request->order);
	struct qi_word_entry *serve = &cache->serve[request->type];

	if (serve->mask) {
		*pfn = qi_word_take(cache, request->order, request->type);
	} else if (cache->stocked && cache->stock_type == request->type) {
		cache->stocked--;
		*pfn = serve_word(cache, request, cache->stock[cache->stocked].word, cache->stock[cache->stocked].mask);
	} else if (cache->credit > 0 && cache->count && cache->type[cache->count] == request->type) {
		*pfn = reuse_newest(cache, request);
	} else if (refill_from_tree(za, cache, request)) {
		qi_poke(&front->stocked, 1);
		*pfn = serve_word(cache, request, serve->word, serve->mask);
	} else {
		*pfn = reuse_any(cache, request);
	}
	return *pfn != QUIRE_PFN_NONE;
}

/* A stack with credit was asked already: the tree, then the stack whatever its credit. */
static bool take_stack_block(struct qi_zone *za, struct qi_front *front, const struct qi_request *request, quire_pfn_t *pfn)
{
	struct qi_block_stack *stack = &front->stacks[request->type][request->order - 1];

	*pfn = qi_stack_take(stack);
	if (*pfn == QUIRE_PFN_NONE && tree_alloc(za, request, pfn) != QUIRE_OK) {
		if (!stack->count)
			return false;
		*pfn = stack->block[--stack->count];
	}
	stack->last = *pfn;
	qi_poke(&front->stocked, 1);
	front->last[request->order] = (uint8_t)request->type;
	return true;
}

static bool take_kept(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn)
{
	struct qi_front *front = &za->fronts[cpu];
	bool done;

	if (!qi_front_enter(front))
		return false;
	done = qi_word_order(request->order) ? take_word_block(za, front, request, pfn) :
					       take_stack_block(za, front, request, pfn);
	if (!done)
		flush(za, front);
	qi_front_leave(front);
	return done;
}

static inline bool kept_order(unsigned order)
{
	return order <= QI_FRONT_ORDERS || order == QI_LEAF_SHIFT;
}

/*
 * First of what is kept, then the tree; then what is kept here and elsewhere goes to the tree and it is asked again.
 * A request that cannot be met at all learns that from a few words read without a lock.
 */
enum quire_status qi_front_alloc_slow(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn)
{
	bool own = cpu < za->cpus && qi_peek(&za->fronts[cpu].stocked), served;

	if (qi_unlikely(request->order >= QI_TREE_ORDERS || request->type >= QUIRE_MIGRATE_PCPTYPES))
		return QUIRE_EINVAL;
	if (own || tree_may_serve(za, request)) {
		served = cpu < za->cpus && kept_order(request->order) ? take_kept(za, cpu, request, pfn) : false;
		if (served || tree_alloc(za, request, pfn) == QUIRE_OK)
			return QUIRE_OK;
		if (own)
			qi_front_drain(za, cpu);
		if (own && tree_alloc(za, request, pfn) == QUIRE_OK)
			return QUIRE_OK;
	}
	if (!others_stocked(za, cpu) || drain_others(za, cpu) != QUIRE_OK)
		return QUIRE_ENOMEM;
	return tree_alloc(za, request, pfn);
}

/* --- freeing --------------------------------------------------------------------------------------------------------- */

static enum quire_status tree_free(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status;

	qi_lock(&za->lock);
	status = qi_tree_free(&za->tree, pfn, order);
	qi_unlock(&za->lock);
	return status;
}

/* The type of an allocated block's pageblock, without the lock; QUIRE_MIGRATE_TYPES: none, do not keep it. */
static inline unsigned block_type(const struct qi_tree *tree, quire_pfn_t pfn)
{
	const struct qi_upper *mid = qi_mid_of(tree, pfn);

	return mid ? qi_child_type(mid, qi_mid_unit(pfn)) : QUIRE_MIGRATE_TYPES;
}

static enum quire_status keep_word_block(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order,
					 unsigned type)
{
	struct qi_word_cache *cache = qi_front_cache(front, order);
	uint64_t word = pfn >> order >> 6, bit = 1ull << (pfn >> order & 63);

	if (qi_unlikely(!cache->limit))
		return tree_free(za, pfn, order);
	if (qi_unlikely(cache->count >= cache->limit))
		spill_words(za, cache, order);
	cache->entries[++cache->count] = (struct qi_word_entry){ word, bit };
	cache->type[cache->count] = (uint8_t)type;
	qi_poke(&front->stocked, 1);
	return QUIRE_OK;
}

static enum quire_status keep_stack_block(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order,
					  unsigned type)
{
	struct qi_block_stack *stack = &front->stacks[type][order - 1];

	if (qi_unlikely(!front->frames.limit))
		return tree_free(za, pfn, order);
	if (stack->count == QI_FRONT_DEPTH)
		spill_blocks(za, stack, order);
	stack->block[stack->count++] = pfn;
	qi_poke(&front->stocked, 1);
	return QUIRE_OK;
}

/* Not at hand: keep it, or give it to the tree. */
enum quire_status qi_front_free_slow(struct qi_zone *za, unsigned cpu, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status;
	struct qi_front *front;
	unsigned type;

	if (qi_unlikely(order >= QI_TREE_ORDERS || (pfn & ((1ull << order) - 1))))
		return QUIRE_EINVAL;
	if (qi_unlikely(!qi_tree_holds(&za->tree, pfn, 1ull << order)))
		return QUIRE_ERANGE;
	if (cpu >= za->cpus || !kept_order(order))
		return tree_free(za, pfn, order);
	type = block_type(&za->tree, pfn);
	front = &za->fronts[cpu];
	if (qi_unlikely(type >= QUIRE_MIGRATE_PCPTYPES) || !qi_front_enter(front))
		return tree_free(za, pfn, order);
	status = qi_word_order(order) ? keep_word_block(za, front, pfn, order, type) :
					keep_stack_block(za, front, pfn, order, type);
	qi_front_leave(front);
	return status;
}

uint64_t qi_front_held(const struct qi_zone *za, unsigned cpu)
{
	const struct qi_front *front = &za->fronts[cpu];
	uint64_t pages = 0;

	if (cpu >= za->cpus)
		return 0;
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
