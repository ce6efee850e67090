/*
 * The free tree against the dullest possible model (tree_model.h). Random operations, good and bad ones, over trees of odd
 * shapes. The model knows no nodes, words or lists.
 */
#include "tree_model.h"

static void take(struct model *m, quire_pfn_t pfn, unsigned order)
{
	assert_int_equal(pfn & ((1ull << order) - 1), 0);
	assert_true(pfn >= m->start && (1ull << order) <= m->span && pfn - m->start <= m->span - (1ull << order));
	for (uint64_t i = 0; i < 1ull << order; i++) {
		assert_int_equal(m->state[pfn - m->start + i], FREE);
		assert_int_equal(m->f.broken[pfn - m->start + i], 1);
		m->state[pfn - m->start + i] = TAKEN;
	}
	m->order[pfn - m->start] = (int8_t)order;
	m->free -= 1ull << order;
	if (m->count == m->cap)
		m->live = realloc(m->live, (m->cap = m->cap * 2 + 64) * sizeof(*m->live));
	m->live[m->count].pfn = pfn;
	m->live[m->count++].order = order;
}

static bool may_take(unsigned have, unsigned type, unsigned flags)
{
	if (have < QUIRE_MIGRATE_PCPTYPES)
		return type < QUIRE_MIGRATE_PCPTYPES;
	if (have == QUIRE_MIGRATE_HIGHATOMIC && (flags & QI_TREE_HIGHATOMIC) && type < QUIRE_MIGRATE_PCPTYPES)
		return true;
	if (have == QUIRE_MIGRATE_CMA && (flags & QI_TREE_CMA) && type == QUIRE_MIGRATE_MOVABLE)
		return true;
	return have == type;
}

/* A refusal is right only if no block of ordinary type (or of the special type asked for) was there. */
static void check_refusal(struct model *m, unsigned order, unsigned type)
{
	uint64_t n = 1ull << order;

	for (quire_pfn_t pfn = (m->start + n - 1) / n * n; pfn + n <= m->start + m->span; pfn += n) {
		unsigned have = type_at(m, pfn);

		if (type >= QUIRE_MIGRATE_PCPTYPES && order > 9)
			return;
		bool ours = type < QUIRE_MIGRATE_PCPTYPES ? have < QUIRE_MIGRATE_PCPTYPES : have == type;

		if (ours && is_free_block(m, pfn, order))
			fail_msg("order %u type %u refused though %#lx is free", order, type, pfn);
	}
}

static unsigned random_order(struct model *m)
{
	unsigned order = (unsigned)__builtin_ctzll(rnd(m) | 1ull << 12);

	if (!below(m, 20))
		order = (unsigned)below(m, m->max_request + 1);
	return order > m->max_request ? m->max_request : order;
}

static void op_alloc(struct model *m)
{
	unsigned order = random_order(m), type = (unsigned)below(m, 40) ? (unsigned)below(m, 3) : 3 + (unsigned)below(m, 2);
	unsigned flags = below(m, 4) ? 0 : (unsigned)below(m, 8);
	bool hint = qi_tree_might_have(&m->f.tree, order, type, flags);
	quire_pfn_t pfn;
	unsigned have;

	if (qi_tree_alloc(&m->f.tree, order, type, flags, &pfn) != QUIRE_OK) {
		m->refused++;
		if (!(flags & QI_TREE_NOFRAGMENT) && m->refused % 8 == 0)
			check_refusal(m, order, type);
		return;
	}
	assert_true(hint);
	take(m, pfn, order);
	have = type_at(m, pfn);
	assert_true(may_take(have, type, flags));
}

static void op_word(struct model *m)
{
	unsigned type = (unsigned)below(m, 3), order = below(m, 8) ? 0 : 9, limit = 1 + (unsigned)below(m, 70);
	uint64_t word, mask;

	if (qi_tree_alloc_word(&m->f.tree, order, type, 0, limit, &word, &mask) != QUIRE_OK) {
		check_refusal(m, order, type);
		return;
	}
	assert_true(mask != 0 && (unsigned)__builtin_popcountll(mask) <= limit);
	for (; mask; mask &= mask - 1)
		take(m, (word * 64 + (unsigned)__builtin_ctzll(mask)) << order, order);
}

/* Several words at once: of one pageblock, all that is free in each, no more of them than asked for or needed. */
static void op_words(struct model *m)
{
	unsigned type = (unsigned)below(m, 3), most = 1 + (unsigned)below(m, 9);
	unsigned enough = 1 + (unsigned)below(m, 600), got = 0;
	struct qi_word_entry words[9];
	unsigned n = qi_tree_alloc_words(&m->f.tree, type, 0, enough, words, most);

	if (!n)
		check_refusal(m, 0, type);
	assert_true(n <= most);
	for (unsigned i = 0; i < n; i++) {
		assert_true(got < enough);
		assert_int_equal(words[i].word / 8, words[0].word / 8);
		got += (unsigned)__builtin_popcountll(words[i].mask);
		for (uint64_t mask = words[i].mask; mask; mask &= mask - 1)
			take(m, words[i].word * 64 + (unsigned)__builtin_ctzll(mask), 0);
		for (unsigned b = 0; b < 64; b++) {
			quire_pfn_t pfn = words[i].word * 64 + b;

			assert_true(pfn < m->start || pfn >= m->start + m->span || m->state[pfn - m->start] != FREE);
		}
	}
}

/* A block of order 0 or 9 together with some of its like in the same word. */
static void free_with_neighbours(struct model *m, quire_pfn_t pfn, unsigned order)
{
	uint64_t word = pfn >> order >> 6, mask = 0;

	for (unsigned b = 0; b < 64; b++) {
		quire_pfn_t p = (word * 64 + b) << order;

		if (p < m->start || p >= m->start + m->span || m->order[p - m->start] != (int8_t)order)
			continue;
		if (p == pfn || below(m, 2))
			mask |= 1ull << b;
	}
	assert_int_equal(qi_tree_free_word(&m->f.tree, order, word, mask), QUIRE_OK);
	for (size_t k = 0; k < m->count;) {
		quire_pfn_t p = m->live[k].pfn;

		if (m->live[k].order != order || p >> order >> 6 != word || !(mask >> (p >> order) % 64 & 1)) {
			k++;
			continue;
		}
		memset(m->state + (p - m->start), FREE, 1ull << order);
		m->order[p - m->start] = -1;
		m->free += 1ull << order;
		m->live[k] = m->live[--m->count];
	}
}

static void op_free(struct model *m)
{
	size_t i;
	quire_pfn_t pfn, head;
	unsigned order, seen;

	if (!m->count)
		return;
	i = below(m, m->count);
	pfn = m->live[i].pfn;
	order = m->live[i].order;
	assert_int_equal(qi_tree_lookup(&m->f.tree, pfn + below(m, 1ull << order), &head, &seen), QUIRE_OK);
	assert_int_equal(head, pfn);
	assert_int_equal(seen, order);
	if ((!order || order == 9) && below(m, 2)) {
		free_with_neighbours(m, pfn, order);
		return;
	}
	assert_int_equal(qi_tree_free(&m->f.tree, pfn, order), QUIRE_OK);
	memset(m->state + (pfn - m->start), FREE, 1ull << order);
	m->order[pfn - m->start] = -1;
	m->free += 1ull << order;
	m->live[i] = m->live[--m->count];
}

/* A free of something that is not an allocated block with this order: refused with the right reason, nothing changes. */
static void op_bad_free(struct model *m)
{
	unsigned order = below(m, 2) ? 0 : (unsigned)below(m, m->max_request + 1);
	quire_pfn_t pfn = m->start + below(m, m->span);
	enum quire_status status;
	uint64_t before = m->f.tree.free_pages, n;
	bool any_free = false, any_absent = false;

	if (m->count && below(m, 2))
		pfn = m->live[below(m, m->count)].pfn;
	if (below(m, 8))
		pfn &= ~((1ull << order) - 1);
	n = 1ull << order;
	if (pfn >= m->start && pfn < m->start + m->span && m->order[pfn - m->start] == (int8_t)order)
		return;
	status = qi_tree_free(&m->f.tree, pfn, order);
	assert_int_equal(m->f.tree.free_pages, before);
	if (pfn & (n - 1)) {
		assert_int_equal(status, QUIRE_EINVAL);
		return;
	}
	if (pfn < m->start || n > m->span || pfn - m->start > m->span - n) {
		assert_int_equal(status, QUIRE_ERANGE);
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		any_free |= m->state[pfn - m->start + i] == FREE;
		any_absent |= m->state[pfn - m->start + i] == ABSENT;
	}
	if (status == QUIRE_EEXIST)
		assert_true(any_free);
	else if (status == QUIRE_ENOENT)
		assert_true(any_absent);
	else
		assert_int_equal(status, QUIRE_EINVAL);
	if (!order && any_free)
		assert_int_equal(status, QUIRE_EEXIST);
	if (!order && any_absent)
		assert_int_equal(status, QUIRE_ENOENT);
}

static void op_type(struct model *m)
{
	quire_pfn_t pfn = m->start + below(m, m->span);
	unsigned now = type_at(m, pfn), type = (unsigned)below(m, QUIRE_MIGRATE_ISOLATE);
	enum quire_status status;

	if (now == QUIRE_MIGRATE_ISOLATE) {
		assert_int_equal(qi_tree_isolate(&m->f.tree, pfn), QUIRE_EBUSY);
		status = qi_tree_unisolate(&m->f.tree, pfn, type);
	} else if (below(m, 2)) {
		assert_int_equal(qi_tree_unisolate(&m->f.tree, pfn, type), QUIRE_ENOENT);
		status = qi_tree_isolate(&m->f.tree, pfn);
		type = QUIRE_MIGRATE_ISOLATE;
	} else {
		status = qi_tree_set_type(&m->f.tree, pfn, type);
	}
	if (now == QUIRE_MIGRATE_TYPES) {
		assert_int_equal(status, QUIRE_ENOENT);
		return;
	}
	assert_int_equal(status, QUIRE_OK);
	if (type >= QUIRE_MIGRATE_PCPTYPES)
		assert_int_equal(type_at(m, pfn), type);
}

/* Hand over a run of frames: some of it may be there already. */
static void op_add(struct model *m)
{
	quire_pfn_t pfn = m->start + below(m, m->span);
	uint64_t room = m->start + m->span - pfn, n = 1 + below(m, below(m, 3) ? 700 : m->span);
	uint64_t before = m->f.tree.free_pages;
	bool fresh = true;
	enum quire_status status;

	if (n > room)
		n = room;
	for (uint64_t i = 0; i < n; i++)
		fresh &= m->state[pfn - m->start + i] == ABSENT;
	status = qi_tree_add_free(&m->f.tree, pfn, n);
	assert_int_equal(status, fresh ? QUIRE_OK : QUIRE_EEXIST);
	assert_int_equal(m->f.tree.free_pages, before + (fresh ? n : 0));
	if (!fresh)
		return;
	memset(m->state + (pfn - m->start), FREE, n);
	m->free += n;
}

/* Pageblocks of a range are isolated; some blocks in them come back; then they have the types they had. */
static void op_isolate_range(struct model *m)
{
	uint64_t block = 1ull << (m->f.tree.config.pageblock_order > 9 ? m->f.tree.config.pageblock_order : 9);
	quire_pfn_t pfn = m->start + below(m, m->span), first = pfn & ~(block - 1);
	uint64_t n = 1 + below(m, m->start + m->span - pfn), blocks = (pfn + n - first + block - 1) / block;
	uint8_t *types = malloc(blocks);
	bool any = false, isolated = false;
	enum quire_status status;

	for (uint64_t i = 0; i < blocks; i++) {
		types[i] = (uint8_t)block_type(m, first + i * block, block);
		any |= types[i] != QUIRE_MIGRATE_TYPES;
		isolated |= types[i] == QUIRE_MIGRATE_ISOLATE;
	}
	status = qi_tree_isolate_range(&m->f.tree, pfn, n);
	assert_int_equal(status, isolated ? QUIRE_EBUSY : any ? QUIRE_OK : QUIRE_ENOENT);
	for (uint64_t i = 0; status == QUIRE_OK && i < blocks; i++)
		assert_int_equal(block_type(m, first + i * block, block),
				 types[i] == QUIRE_MIGRATE_TYPES ? QUIRE_MIGRATE_TYPES : QUIRE_MIGRATE_ISOLATE);
	for (unsigned i = 0; i < 20; i++)
		op_free(m);
	if (status == QUIRE_OK && below(m, 8)) {
		qi_tree_unisolate_range(&m->f.tree, pfn, n);
		for (uint64_t i = 0; i < blocks; i++) {
			unsigned type = block_type(m, first + i * block, block);

			if (type != types[i])
				assert_true(type == QUIRE_MIGRATE_MOVABLE && types[i] < QUIRE_MIGRATE_PCPTYPES &&
					    !any_taken(m, first + i * block, block));
		}
	}
	free(types);
}

/* Pageblocks the tree says are free as a whole. */
static void op_free_run(struct model *m)
{
	uint64_t block = 1ull << (m->f.tree.config.pageblock_order > 9 ? m->f.tree.config.pageblock_order : 9);
	quire_pfn_t pfn = m->start + below(m, m->span), end = pfn + 1 + below(m, m->start + m->span - pfn);
	uint64_t run = qi_tree_free_run(&m->f.tree, pfn, end);

	assert_true(run <= end - pfn);
	for (quire_pfn_t at = pfn & ~(block - 1); run && at < pfn + run; at += block) {
		assert_int_equal(block_type(m, at, block), QUIRE_MIGRATE_MOVABLE);
		assert_false(any_taken(m, at, block));
	}
}

struct shape {
	quire_pfn_t start;
	uint64_t span;
	unsigned pageblock_order, max_order, max_request;
	unsigned ops, every;		/* checker and counts after every so many operations */
};

static void model_open(struct model *m, const struct shape *shape, uint64_t seed)
{
	struct qi_tree_config config;

	memset(m, 0, sizeof(*m));
	m->world_start = shape->start;
	m->world_span = shape->span;
	m->seed = seed * 0x9e3779b97f4a7c15ull | 1;
	m->max_request = shape->max_request;
	m->state = calloc(shape->span, 1);
	m->f.broken = calloc(shape->span, 1);
	m->order = malloc(shape->span);
	memset(m->order, -1, shape->span);
	/* Three quarters of the world at first. */
	m->start = shape->start + below(m, shape->span / 4 + 1);
	m->span = shape->span * 3 / 4;
	m->state += m->start - shape->start;
	m->order += m->start - shape->start;
	m->f.broken += m->start - shape->start;
	config = fixture_config(&m->f, m->start, m->span);
	config.pageblock_order = shape->pageblock_order;
	config.max_order = shape->max_order;
	assert_int_equal(qi_tree_init(&m->f.tree, &config), QUIRE_OK);
}

static void model_close(struct model *m)
{
	while (m->count) {
		m->count--;
		assert_int_equal(qi_tree_free(&m->f.tree, m->live[m->count].pfn, m->live[m->count].order), QUIRE_OK);
		memset(m->state + (m->live[m->count].pfn - m->start), FREE, 1ull << m->live[m->count].order);
		m->free += 1ull << m->live[m->count].order;
	}
	check(&m->f.tree);
	compare_counts(m);
	fixture_close(&m->f);
	free(m->state - (m->start - m->world_start));
	free(m->order - (m->start - m->world_start));
	free(m->f.broken - (m->start - m->world_start));
	free(m->live);
}

static void rare(struct model *m)
{
	switch (below(m, 8)) {
	case 0:
		op_isolate_range(m);
		break;
	case 1:
		op_extend(m);
		break;
	case 2:
		op_remove(m);
		break;
	case 3:
	case 4:
		op_free_run(m);
		break;
	default:
		op_add(m);
	}
}

/* Instrumented builds are several times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 4
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

static void run(const struct shape *shape, uint64_t seed)
{
	struct model m;
	unsigned leaning = 2, ops = shape->ops / SLOWER;

	model_open(&m, shape, seed);
	for (unsigned i = 0; i < 3; i++)
		op_add(&m);
	for (unsigned i = 0; i < ops; i++) {
		unsigned what = (unsigned)below(&m, 100);

		if (i % 2000 == 0)
			leaning = (unsigned)below(&m, 4);	/* growing, even, shrinking */
		if (what < 35 + 10 * leaning)
			below(&m, 30) ? op_alloc(&m) : below(&m, 2) ? op_word(&m) : op_words(&m);
		else if (what < 90)
			op_free(&m);
		else if (what < 97)
			op_bad_free(&m);
		else if (what < 99)
			op_type(&m);
		else
			rare(&m);
		if (i % shape->every == 0) {
			check(&m.f.tree);
			compare_counts(&m);
			compare_walk(&m);
			compare_range(&m);
		}
	}
	model_close(&m);
}

static void small_trees_checked_at_each_step(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct shape shape = { .start = seed * 331, .span = 900 + seed * 217, .pageblock_order = 9, .max_order = 10,
				       .max_request = 11, .ops = 500, .every = 1 };

		run(&shape, seed);
	}
}

/* Pageblocks of 4, 8, 32 MiB and below 2 MiB; caps below, at and above the pageblock. */
static void odd_geometries(void **state)
{
	static const unsigned geometry[][2] = {
		{ 10, 10 }, { 11, 11 }, { 13, 13 }, { 10, 14 }, { 13, 10 }, { 7, 10 }, { 9, 8 }, { 9, 18 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(geometry) / sizeof(*geometry); i++) {
		struct shape shape = { .start = 12345 * i, .span = 40000 + i * 777, .pageblock_order = geometry[i][0],
				       .max_order = geometry[i][1], .max_request = 14, .ops = 20000, .every = 500 };

		run(&shape, 100 + i);
	}
}

/* Across GiB and 512 GiB borders, blocks up to 2^19 frames. */
static void large_trees(void **state)
{
	static const quire_pfn_t starts[] = { 0, (1ull << 27) - 300000, (7ull << 36) + 13, (1ull << 18) - 5 };

	(void)state;
	for (unsigned i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		struct shape shape = { .start = starts[i], .span = (3ull << 18) + 12345 * i, .pageblock_order = 9,
				       .max_order = i % 2 ? 26 : 10, .max_request = 19, .ops = 60000, .every = 10000 };

		run(&shape, 200 + i);
	}
}

static void many_seeds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct shape shape = { .start = seed * 100003, .span = 5000 + seed * 3001, .pageblock_order = 9,
				       .max_order = 10, .max_request = 13, .ops = 50000, .every = 10000 };

		run(&shape, 300 + seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_trees_checked_at_each_step),
		cmocka_unit_test(odd_geometries),
		cmocka_unit_test(large_trees),
		cmocka_unit_test(many_seeds),
	};

	return cmocka_run_group_tests_name("tree_model", tests, NULL, NULL);
}
