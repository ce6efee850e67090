/* Words of blocks of order 0 and 9 in a front; see front.h. Everything here runs inside the front. */
#include "zone/front_cpus.h"
#include "zone/front_internal.h"

#ifndef QUIRE_WITHOUT_FRONTS

void qi_words_reset(struct qi_word_cache *cache)
{
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		cache->serve[type] = (struct qi_word_entry){ .word = UINT64_MAX };
	memset(cache->ours, 0, sizeof(cache->ours));
	memset(cache->seen, 0, sizeof(cache->seen));
	cache->entries[0].word = UINT64_MAX;
	cache->newest = 0;
	cache->count = cache->vouched = 0;
	cache->stocked = 0;
	cache->spills = 0;
	cache->credit = QI_FRONT_CREDIT;
	cache->want = QI_FRONT_BATCH;
}

/* --- where a word is kept --------------------------------------------------------------------------------------------- */

static inline bool maybe_kept(const struct qi_word_cache *cache, uint64_t word)
{
	return cache->seen[word / 64 % QI_FRONT_SEEN] >> (word % 64) & 1;
}

static inline void note_kept(struct qi_word_cache *cache, uint64_t word)
{
	cache->seen[word / 64 % QI_FRONT_SEEN] |= 1ull << (word % 64);
}

/* The filter only grows otherwise: again from what there is, after a spill or when it misled. */
static void note_all_kept(struct qi_word_cache *cache)
{
	memset(cache->seen, 0, sizeof(cache->seen));
	for (unsigned i = 1; i <= cache->count; i++)
		note_kept(cache, cache->entries[i].word);
	for (unsigned i = 0; i < cache->stocked; i++)
		note_kept(cache, cache->stock[i].word);
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		note_kept(cache, cache->serve[type].word);
}

/* The entry of this word; 0: none. */
static unsigned entry_of(const struct qi_word_cache *cache, uint64_t word)
{
	unsigned i = cache->count;

	while (i && cache->entries[i].word != word)
		i--;
	return i;
}

/* All entries being vouched for. */
static void remove_entry(struct qi_word_cache *cache, unsigned i)
{
	cache->entries[i] = cache->entries[cache->count];
	cache->type[i] = cache->type[cache->count];
	cache->vouched = --cache->count;
	cache->newest = 0;
}

/* --- to the tree ------------------------------------------------------------------------------------------------------ */

/* Zone locked. */
static void give_word(struct qi_zone *za, unsigned order, uint64_t word, uint64_t mask)
{
	if (qi_likely(qi_tree_free_word(&za->tree, order, word, mask) == QUIRE_OK))
		return;
	for (; mask; mask &= mask - 1) {
		quire_pfn_t pfn = (word * 64 + qi_ctz(mask)) << order;

		if (qi_tree_free(&za->tree, pfn, order) != QUIRE_OK)
			qi_note_bad_free(za, pfn, order);
	}
}

/* Zone locked. The oldest n entries go to the tree. */
static void give_entries(struct qi_zone *za, struct qi_word_cache *cache, unsigned order, unsigned n,
			 struct qi_node *const *leaves)
{
	for (unsigned i = 0; i < n; i++) {
		if (!order)
			i += qi_tree_free_words(&za->tree, &cache->entries[1 + i], leaves + i, n - i);
		if (i < n)
			give_word(za, order, cache->entries[1 + i].word, cache->entries[1 + i].mask);
	}
	cache->count = (uint16_t)(cache->count - n);
	cache->vouched = cache->vouched > n ? (uint16_t)(cache->vouched - n) : 0;
	cache->newest = cache->count ? cache->newest : 0;
	memmove(&cache->entries[1], &cache->entries[1 + n], cache->count * sizeof(cache->entries[0]));
	memmove(&cache->type[1], &cache->type[1 + n], cache->count);
}

/* Zone locked. What is at hand and in stock goes, too. */
static void give_at_hand(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	for (unsigned i = 0; i < cache->stocked; i++)
		give_word(za, order, cache->stock[i].word, cache->stock[i].mask);
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		if (cache->serve[type].mask)
			give_word(za, order, cache->serve[type].word, cache->serve[type].mask);
	qi_words_reset(cache);
}

/*
 * The older half; all, if nothing was taken from the tree since the last time. Their leaves are on their way into the CPU's
 * cache while the lock is being taken.
 */
static void spill(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	struct qi_node *leaves[QI_FRONT_ENTRIES];
	unsigned spills = qi_min(cache->spills + 1u, QI_GIVING + 1), n = cache->count;
	uint64_t held = qi_moves_begin(za, cache), before;

	if (spills < QI_GIVING)
		n = (n + 1) / 2;
	if (!order)
		qi_tree_fetch_words(&za->tree, &cache->entries[1], leaves, n);
	qi_lock(&za->lock);
	before = za->bad_frees;
	give_entries(za, cache, order, n, leaves);
	if (spills >= QI_GIVING)
		give_at_hand(za, cache, order);
	qi_unlock(&za->lock);
	note_all_kept(cache);
	cache->spills = (uint8_t)spills;
	cache->credit = spills < QI_GIVING ? qi_front_credit(za, QI_FRONT_CREDIT) : 0;
	cache->want = QI_FRONT_BATCH;
	qi_poke(&cache->passed, 0);
	if (spills == QI_GIVING && !order)
		qi_front_gather(za, cache, 0);
	qi_report_bad_frees(za, before);
	qi_moves_end(za, cache, held);
}

void qi_words_flush(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	struct qi_node *leaves[QI_FRONT_ENTRIES];

	if (!order)
		qi_tree_fetch_words(&za->tree, &cache->entries[1], leaves, cache->count);
	give_entries(za, cache, order, cache->count, leaves);
	give_at_hand(za, cache, order);
}

/* Blocks the tree disowned, or would not vouch for at first glance: let it say, with its lock. */
static void give_doubtful(struct qi_zone *za, unsigned order, uint64_t word, uint64_t mask)
{
	uint64_t before;

	qi_lock(&za->lock);
	before = za->bad_frees;
	give_word(za, order, word, mask);
	qi_unlock(&za->lock);
	qi_report_bad_frees(za, before);
}

void qi_words_verify(struct qi_zone *za, struct qi_word_cache *cache, unsigned order)
{
	struct qi_node *leaves[QI_FRONT_ENTRIES];
	unsigned first = cache->vouched + 1u, kept = cache->vouched;

	if (!order && cache->count > first)
		qi_tree_fetch_words(&za->tree, &cache->entries[first], leaves, cache->count + 1 - first);
	for (unsigned i = first; i <= cache->count; i++) {
		uint64_t word = cache->entries[i].word, mask = cache->entries[i].mask;

		if (qi_unlikely(mask & ~qi_tree_vouches(&za->tree, order, word, mask))) {
			give_doubtful(za, order, word, mask);
			continue;
		}
		kept++;
		if (qi_unlikely(kept != i)) {
			cache->entries[kept] = cache->entries[i];
			cache->type[kept] = cache->type[i];
		}
	}
	cache->newest = 0;
	cache->count = cache->vouched = (uint16_t)kept;
}

/* --- taking ----------------------------------------------------------------------------------------------------------- */

/* What reusing this costs of the credit. A word that came back whole scatters nothing. */
static inline int32_t price(uint64_t mask)
{
	return mask == ~0ull ? 1 : (int32_t)qi_popcount(mask);
}

static inline void serve_from(struct qi_word_cache *cache, unsigned type, uint64_t word, uint64_t mask)
{
	cache->serve[type].word = word;
	cache->serve[type].mask = mask;
	cache->ours[type] = mask;
	cache->last = (uint8_t)type;
}

/*
 * Serve from this word: its first block now, the rest stays at hand. Word and mask come one by one: a load of both at
 * once would wait for the two stores of a free just before.
 */
static inline quire_pfn_t serve_word(struct qi_word_cache *cache, unsigned order, unsigned type, uint64_t word,
				     uint64_t mask)
{
	serve_from(cache, type, word, mask);
	cache->serve[type].mask = mask & (mask - 1);
	return (word * 64 + qi_ctz(mask)) << order;
}

quire_pfn_t qi_words_next(struct qi_word_cache *cache, unsigned order, unsigned type)
{
	const struct qi_word_entry *from;

	if (cache->stocked && cache->stock_type == type) {
		from = &cache->stock[--cache->stocked];
		return serve_word(cache, order, type, from->word, from->mask);
	}
	if (cache->credit <= 0 || !cache->count || cache->type[cache->count] != type)
		return QUIRE_PFN_NONE;
	from = &cache->entries[cache->count--];
	cache->vouched = cache->count;
	cache->newest = 0;
	cache->credit -= price(from->mask);
	return serve_word(cache, order, type, from->word, from->mask);
}

/* An entry of this type, wherever it is. */
quire_pfn_t qi_words_reuse(struct qi_word_cache *cache, const struct qi_request *request)
{
	for (unsigned i = cache->count; i; i--) {
		uint64_t word = cache->entries[i].word, mask = cache->entries[i].mask;

		if (cache->type[i] != request->type)
			continue;
		remove_entry(cache, i);
		cache->credit = QI_FRONT_CREDIT;
		return serve_word(cache, request->order, request->type, word, mask);
	}
	return QUIRE_PFN_NONE;
}

/* Zone locked. A word from the tree of which some is here already: that goes back, a word has one place. */
static void give_rest_of(struct qi_zone *za, struct qi_word_cache *cache, unsigned order, uint64_t word)
{
	unsigned i = maybe_kept(cache, word) ? entry_of(cache, word) : 0;

	if (!i)
		return;
	give_word(za, order, word, cache->entries[i].mask);
	remove_entry(cache, i);
}

/*
 * Zone locked. Up to `most` words with `enough` blocks, but no pageblock is broken only to have more than what is needed
 * now. Returns how many.
 */
static unsigned take_words(struct qi_zone *za, struct qi_word_cache *cache, const struct qi_request *request,
			   unsigned enough, struct qi_word_entry *words, unsigned most)
{
	unsigned flags = request->flags & QI_TREE_NOFRAGMENT, n = 0, some;

	if (request->order)
		return qi_tree_alloc_word(&za->tree, request->order, request->type, flags, cache->batch, &words->word,
					  &words->mask) == QUIRE_OK;
	while (enough && n < most && (!n || za->tree.leaf_mask[request->type])) {
		some = qi_tree_alloc_words(&za->tree, request->type, flags, enough, words + n, most - n);
		if (!some)
			break;
		for (; some; some--, n++)
			enough -= (unsigned)qi_min(enough, qi_popcount(words[n].mask));
	}
	return n;
}

/*
 * Words for `serve` and, if there is no stock of another type, a few more: memory that is mostly full gives one frame
 * a word. Special blocks are not kept, so not asked for: qi_front_alloc_slow() does, for the one block.
 */
static bool refill(struct qi_zone *za, struct qi_word_cache *cache, const struct qi_request *request)
{
	bool more = !request->order && !cache->stocked;
	struct qi_word_entry words[QI_FRONT_STOCK + 1];
	uint64_t held, before;
	unsigned n;

	if (!cache->limit || !qi_tree_may_serve(za, request))
		return false;
	held = qi_moves_begin(za, cache);
	qi_lock(&za->lock);
	before = za->bad_frees;
	n = take_words(za, cache, request, more ? cache->want : 1, words, more ? QI_FRONT_STOCK + 1 : 1);
	for (unsigned i = 0; i < n; i++) {
		give_rest_of(za, cache, request->order, words[i].word);
		note_kept(cache, words[i].word);
	}
	qi_unlock(&za->lock);
	if (n)
		cache->serve[request->type] = words[0];
	if (more && n > 1) {
		memcpy(cache->stock, words + 1, (n - 1) * sizeof(*words));
		cache->stocked = (uint8_t)(n - 1);
		cache->stock_type = (uint8_t)request->type;
	}
	cache->want = (uint16_t)qi_min(cache->want * 2u, cache->most);
	cache->spills = 0;
	qi_poke(&cache->passed, 0);
	qi_report_bad_frees(za, before);
	qi_moves_end(za, cache, held);
	return n;
}

quire_pfn_t qi_words_take(struct qi_zone *za, struct qi_word_cache *cache, const struct qi_request *request)
{
	struct qi_word_entry *serve = &cache->serve[request->type];
	quire_pfn_t pfn = qi_word_take(cache, request->order, request->type);

	qi_words_settle(za, cache, request->order);
	if (pfn == QUIRE_PFN_NONE)
		pfn = qi_words_next(cache, request->order, request->type);
	if (pfn == QUIRE_PFN_NONE && refill(za, cache, request))
		pfn = serve_word(cache, request->order, request->type, serve->word, serve->mask);
	return pfn != QUIRE_PFN_NONE ? pfn : qi_words_reuse(cache, request);
}

/* --- freeing ---------------------------------------------------------------------------------------------------------- */

/*
 * A word of pageblocks may fill up uncounted where that is not far beyond a CPU's share; in smaller zones each block is
 * counted, on the slow road.
 */
static inline bool may_join(const struct qi_word_cache *cache)
{
	return !cache->batch || cache->most >= 16;
}

static inline void push(struct qi_word_cache *cache, uint64_t word, uint64_t mask, unsigned type, uint64_t ours)
{
	unsigned i = ++cache->count;

	cache->entries[i].word = word;
	cache->entries[i].mask = mask;
	cache->type[i] = (uint8_t)type;
	cache->newest = ours;
}

/* The word is or was at hand, or in stock, perhaps twice, its blocks of different types: EEXIST: the block is there. */
static enum quire_status join_served(struct qi_word_cache *cache, uint64_t word, uint64_t bit, uint64_t *ours)
{
	struct qi_word_entry *home = NULL;

	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++) {
		if (cache->serve[type].word != word)
			continue;
		if (cache->serve[type].mask & bit)
			return QUIRE_EEXIST;
		if (cache->ours[type] & bit)
			home = &cache->serve[type];
		*ours &= ~cache->ours[type];
	}
	for (unsigned i = 0; i < cache->stocked; i++)
		if (cache->stock[i].word == word) {
			if (cache->stock[i].mask & bit)
				return QUIRE_EEXIST;
			*ours &= ~cache->stock[i].mask;
		}
	if (!home)
		return QUIRE_ENOENT;
	home->mask |= bit;
	return QUIRE_OK;
}

/* The word may be kept somewhere: then the block joins it there. ENOENT: it does not, and `ours` is what else may. */
static enum quire_status join(struct qi_word_cache *cache, uint64_t word, uint64_t bit, uint64_t *ours)
{
	unsigned i = entry_of(cache, word);
	enum quire_status status;

	if (i && (cache->entries[i].mask & bit))
		return QUIRE_EEXIST;
	status = join_served(cache, word, bit, ours);
	if (status != QUIRE_ENOENT || !i)
		return status;
	cache->entries[i].mask |= bit;
	if (i == cache->count)
		cache->newest = may_join(cache) ? *ours : 0;
	return QUIRE_OK;
}

/* Pageblocks are large: what counts against the front's share is blocks, not words. */
static bool too_many_blocks(const struct qi_word_cache *cache)
{
	unsigned blocks = 0;

	for (unsigned i = 1; i <= cache->count; i++)
		blocks += qi_popcount(cache->entries[i].mask);
	return blocks >= cache->most;
}

enum quire_status qi_words_keep(struct qi_zone *za, struct qi_word_cache *cache, quire_pfn_t pfn, unsigned order,
				unsigned type)
{
	uint64_t word = pfn >> order >> 6, bit = 1ull << (pfn >> order & 63), ours = ~0ull;
	enum quire_status status;

	if (qi_unlikely(!cache->limit))
		return QUIRE_ENOENT;
	if (qi_unlikely(cache->count >= cache->limit || (order && cache->count && too_many_blocks(cache))))
		spill(za, cache, order);
	if (qi_unlikely(maybe_kept(cache, word))) {
		ours = qi_tree_vouches(&za->tree, order, word, bit);
		if (!(ours & bit))
			return QUIRE_ENOENT;
		status = join(cache, word, bit, &ours);
		if (status != QUIRE_ENOENT)
			return status;
		note_all_kept(cache);
	}
	push(cache, word, bit, type, may_join(cache) ? ours : 0);
	note_kept(cache, word);
	return QUIRE_OK;
}

/* --- single frames, without a call ------------------------------------------------------------------------------------ */

static inline void put_at_hand(struct qi_word_cache *cache, uint64_t word, uint64_t bit, unsigned type, uint64_t ours)
{
	note_kept(cache, word);
	cache->credit--;
	serve_from(cache, type, word, bit);
	cache->ours[type] = ours;
}

/* The marks alone did not tell: one more look at the leaf. */
static QI_APART enum quire_status keep_doubtful(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned type)
{
	uint64_t word = pfn >> 6, bit = 1ull << (pfn & 63), ours = qi_tree_vouches(&za->tree, 0, word, bit);

	if (qi_unlikely(!(ours & bit))) {
		qi_front_leave(front);
		return qi_front_free_tree(za, pfn, 0);
	}
	put_at_hand(&front->frames, word, bit, type, ours);
	qi_poke(&front->stocked, 1);
	qi_front_leave(front);
	return QUIRE_OK;
}

/*
 * What would be reused next is put at hand at once. Written so that nothing is called but at the end: on this road each
 * register saved counts.
 */
enum quire_status qi_front_keep(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn)
{
	struct qi_word_cache *cache = &front->frames;
	uint64_t word = pfn >> 6, bit = 1ull << (pfn & 63), ours;
	const struct qi_upper *mid;
	const struct qi_node *leaf;
	unsigned type;

	if (qi_unlikely(!qi_tree_holds(&za->tree, pfn, 1)))
		return qi_front_keep_slow(za, front, pfn, 0);
	mid = qi_mid_of(&za->tree, pfn);
	if (qi_unlikely(!mid))
		return qi_front_keep_slow(za, front, pfn, 0);
	type = qi_child_type_bits(mid, qi_mid_unit(pfn));
	if (qi_unlikely(type >= QUIRE_MIGRATE_PCPTYPES || cache->count >= cache->limit || maybe_kept(cache, word)))
		return qi_front_keep_slow(za, front, pfn, 0);
	if (qi_likely(cache->serve[type].mask || cache->stocked || cache->credit <= 0)) {
		note_kept(cache, word);
		push(cache, word, bit, type, ~0ull);
	} else {
		leaf = qi_child_leaf(mid, qi_mid_unit(pfn));
		ours = leaf ? qi_sure(leaf, (unsigned)(word % QI_WORDS)) : 0;
		if (!(ours & bit))
			return keep_doubtful(za, front, pfn, type);
		put_at_hand(cache, word, bit, type, ours);
	}
	qi_poke(&front->stocked, 1);
	qi_front_leave(front);
	return QUIRE_OK;
}

/* What is in stock was the tree's to give long ago; what was freed here must be vouched for. */
quire_pfn_t qi_front_next(struct qi_front *front, unsigned type)
{
	struct qi_word_cache *cache = &front->frames;

	if (!cache->stocked || cache->stock_type != type)
		qi_words_settle(front->za, cache, 0);
	return qi_words_next(cache, 0, type);
}

quire_pfn_t qi_front_take_next(struct qi_front *front, unsigned type)
{
	quire_pfn_t pfn = qi_front_next(front, type);

	qi_front_leave(front);
	return pfn;
}

#endif
