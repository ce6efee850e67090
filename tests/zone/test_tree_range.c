/*
 * Trees whose range and memory change: growth by many steps, sparse spans, frames removed and brought back, pageblocks
 * isolated; what that costs, that a failure leaves everything as it was, and that readers without the lock may look on.
 */
#include <pthread.h>

#include "tree_fixture.h"
#include "zone/tree_internal.h"

#define BLOCK 0x8000ull		/* 128 MiB */
#define TIB (1ull << 28)

static void add(struct fixture *f, quire_pfn_t pfn, uint64_t count)
{
	assert_int_equal(qi_tree_extend(&f->tree, pfn, count), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&f->tree, pfn, count), QUIRE_OK);
}

/* 1 TiB in blocks, upwards, then downwards: a few directories, nodes by the GiB, nothing by the block. */
static void growth_costs_little(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;
	size_t nodes;

	(void)state;
	fixture_open(&f, TIB, BLOCK);
	for (quire_pfn_t at = TIB; at < TIB + TIB / 2; at += BLOCK)
		add(&f, at, BLOCK);
	check(&f.tree);
	for (quire_pfn_t at = TIB - BLOCK; at >= TIB / 2; at -= BLOCK)
		add(&f, at, BLOCK);
	check(&f.tree);
	assert_int_equal(qi_tree_free_pages(&f.tree), TIB);
	assert_int_equal(f.tree.start_pfn, TIB / 2);
	assert_int_equal(f.tree.end_pfn, TIB + TIB / 2);
	nodes = TIB >> (QI_MID_SHIFT + 3);
	assert_true(f.meta_calls <= nodes + 3 + 24);
	assert_true(f.meta_now < nodes * QI_MID_CHUNK * sizeof(struct qi_upper) + 64 * 1024);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(qi_tree_alloc(&f.tree, 26, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	fixture_close(&f);
}

/* Little memory at both ends of 4 PiB, and something in the middle. */
static void sparse_spans_are_cheap(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t span = 1ull << 40, pfn;

	(void)state;
	fixture_open(&f, 0, span);
	assert_true(f.meta_now <= 72 * 1024);
	assert_int_equal(f.meta_now, qi_tree_fixed_bytes(0, span));
	assert_int_equal(qi_tree_add_free(&f.tree, 0, TIB / 1024), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&f.tree, span - BLOCK, BLOCK), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&f.tree, span / 2 + 5, 100), QUIRE_OK);
	assert_true(f.meta_now <= 140 * 1024);
	assert_false(qi_tree_any_ours(&f.tree, TIB, TIB));
	assert_true(qi_tree_any_ours(&f.tree, span / 2, 6));
	assert_int_equal(qi_tree_type(&f.tree, TIB), QUIRE_MIGRATE_TYPES);
	assert_int_equal(qi_tree_set_type(&f.tree, TIB, QUIRE_MIGRATE_CMA), QUIRE_ENOENT);
	assert_int_equal(qi_tree_isolate_range(&f.tree, TIB, TIB), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free(&f.tree, TIB, 0), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free(&f.tree, TIB, 20), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, TIB / 64, 1), QUIRE_ENOENT);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(qi_tree_alloc(&f.tree, 14, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	check(&f.tree);
	fixture_close(&f);
}

static void nonsense_ranges(void **state)
{
	struct fixture f = { 0 };
	size_t before;

	(void)state;
	fixture_open(&f, TIB, BLOCK);
	before = f.meta_now;
	assert_int_equal(qi_tree_extend(&f.tree, 0, 0), QUIRE_EINVAL);
	assert_int_equal(qi_tree_extend(&f.tree, UINT64_MAX - 5, 10), QUIRE_EINVAL);
	assert_int_equal(qi_tree_extend(&f.tree, 0, (1ull << 41) + 1), QUIRE_ERANGE);
	assert_int_equal(qi_tree_extend(&f.tree, UINT64_MAX - 5, 5), QUIRE_ERANGE);
	assert_int_equal(qi_tree_extend(&f.tree, TIB + 5, 5), QUIRE_OK);
	assert_int_equal(f.meta_now, before);
	assert_int_equal(f.tree.end_pfn, TIB + BLOCK);
	assert_int_equal(qi_tree_remove_free(&f.tree, TIB - 1, 2), QUIRE_ERANGE);
	assert_int_equal(qi_tree_remove_free(&f.tree, UINT64_MAX, 2), QUIRE_ERANGE);
	assert_int_equal(qi_tree_remove_free(&f.tree, TIB, 0), QUIRE_OK);
	assert_int_equal(qi_tree_remove_free(&f.tree, TIB, 1), QUIRE_ENOENT);
	assert_int_equal(qi_tree_isolate_range(&f.tree, 0, 0), QUIRE_ENOENT);
	qi_tree_unisolate_range(&f.tree, 0, UINT64_MAX);
	check(&f.tree);
	fixture_close(&f);
}

/* A memory block goes and comes, in the middle of a GiB and at the border of two, isolated or not. */
static void a_block_goes_and_comes(void **state)
{
	static const quire_pfn_t starts[] = { BLOCK, 8 * BLOCK - BLOCK / 2, 1000, 17 * BLOCK + 77 };
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 32 * BLOCK);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 32 * BLOCK), QUIRE_OK);
	for (unsigned i = 0; i < 8; i++) {
		quire_pfn_t start = starts[i / 2];

		if (i % 2)
			assert_int_equal(qi_tree_isolate_range(&f.tree, start, BLOCK), QUIRE_OK);
		assert_int_equal(qi_tree_remove_free(&f.tree, start, BLOCK), QUIRE_OK);
		check(&f.tree);
		assert_int_equal(f.tree.free_pages, 31 * BLOCK);
		assert_int_equal(f.tree.handed_over, 31 * BLOCK);
		assert_false(qi_tree_any_ours(&f.tree, start, BLOCK));
		assert_true(qi_tree_any_ours(&f.tree, start - 1, 1) && qi_tree_any_ours(&f.tree, start + BLOCK, 1));
		assert_int_equal(qi_tree_remove_free(&f.tree, start + 5, 1), QUIRE_ENOENT);
		assert_int_equal(qi_tree_add_free(&f.tree, start, BLOCK), QUIRE_OK);
		if (i % 2)
			qi_tree_unisolate_range(&f.tree, start, BLOCK);
		check(&f.tree);
		/* As if nothing had been. */
		assert_int_equal(qi_tree_alloc(&f.tree, 20, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
		assert_int_equal(qi_tree_remove_free(&f.tree, pfn, BLOCK), QUIRE_EBUSY);
		assert_int_equal(qi_tree_free(&f.tree, pfn, 20), QUIRE_OK);
	}
	assert_int_equal(qi_tree_remove_free(&f.tree, 0, 32 * BLOCK), QUIRE_OK);
	assert_int_equal(f.tree.free_pages + f.tree.handed_over, 0);
	check(&f.tree);
	fixture_close(&f);
}

/* One frame that is taken keeps all of the range. */
static void all_or_nothing(void **state)
{
	struct fixture f = { 0 };
	uint64_t word, mask;

	(void)state;
	fixture_open(&f, 0, 32 * BLOCK);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 32 * BLOCK), QUIRE_OK);
	assert_int_equal(qi_tree_alloc_word(&f.tree, 0, QUIRE_MIGRATE_UNMOVABLE, 0, 1, &word, &mask), QUIRE_OK);
	for (quire_pfn_t at = word * 64 / BLOCK * BLOCK, n = BLOCK; n <= 32 * BLOCK; n *= 2) {
		uint64_t start = qi_align_down(at, n);

		assert_int_equal(qi_tree_remove_free(&f.tree, start, n), QUIRE_EBUSY);
		assert_int_equal(f.tree.free_pages, 32 * BLOCK - 1);
	}
	check(&f.tree);
	assert_int_equal(qi_tree_isolate(&f.tree, word * 64), QUIRE_OK);
	assert_int_equal(qi_tree_isolate_range(&f.tree, 0, 32 * BLOCK), QUIRE_EBUSY);
	assert_int_equal(f.tree.free_special[QUIRE_MIGRATE_ISOLATE], 511);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, word, mask), QUIRE_OK);
	assert_int_equal(f.tree.free_special[QUIRE_MIGRATE_ISOLATE], 512);
	assert_int_equal(qi_tree_remove_free(&f.tree, 0, 32 * BLOCK), QUIRE_OK);
	check(&f.tree);
	fixture_close(&f);
}

/* No leaf, no descriptors, no more than the level-1 nodes. */
static void isolating_untouched_blocks_costs_bits(void **state)
{
	struct fixture f = { 0 };
	size_t before;
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 32 * BLOCK);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 32 * BLOCK), QUIRE_OK);
	before = f.meta_now;
	assert_int_equal(qi_tree_isolate_range(&f.tree, BLOCK, BLOCK), QUIRE_OK);
	for (quire_pfn_t at = 3 * BLOCK; at < 4 * BLOCK; at += 512)
		assert_int_equal(qi_tree_isolate(&f.tree, at), QUIRE_OK);
	assert_int_equal(f.break_calls, 0);
	assert_int_equal(f.meta_now - before, QI_MID_CHUNK * sizeof(struct qi_upper));
	assert_int_equal(qi_tree_free_pages(&f.tree), 30 * BLOCK);
	assert_int_equal(f.tree.free_special[QUIRE_MIGRATE_ISOLATE], 2 * BLOCK);
	check(&f.tree);
	for (quire_pfn_t at = 3 * BLOCK; at < 4 * BLOCK; at += 512)
		assert_int_equal(qi_tree_unisolate(&f.tree, at, QUIRE_MIGRATE_TYPES), QUIRE_OK);
	qi_tree_unisolate_range(&f.tree, BLOCK, BLOCK);
	/* The GiB is whole again. */
	assert_int_equal(qi_tree_alloc(&f.tree, 20, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	check(&f.tree);
	fixture_close(&f);
}

/* Whatever becomes of a block meanwhile, it has its type back afterwards. */
static void types_come_back(void **state)
{
	static const unsigned types[] = { QUIRE_MIGRATE_UNMOVABLE, QUIRE_MIGRATE_MOVABLE, QUIRE_MIGRATE_RECLAIMABLE,
					  QUIRE_MIGRATE_HIGHATOMIC, QUIRE_MIGRATE_CMA };
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, BLOCK);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, BLOCK), QUIRE_OK);
	for (unsigned i = 0; i < 5; i++) {
		bool special = types[i] >= QUIRE_MIGRATE_PCPTYPES;

		/* Broken and partly taken; taken as a whole; wholly free. */
		for (unsigned taken = 0; taken < 3; taken++) {
			unsigned order = taken == 1 ? 3 : 9;

			if (special)
				assert_int_equal(qi_tree_set_type(&f.tree, 5 * 512, types[i]), QUIRE_OK);
			assert_int_equal(qi_tree_alloc(&f.tree, order, types[i], 0, &pfn), QUIRE_OK);
			if (!taken)
				assert_int_equal(qi_tree_free(&f.tree, pfn, 9), QUIRE_OK);
			assert_int_equal(qi_tree_isolate(&f.tree, pfn), QUIRE_OK);
			assert_int_equal(qi_tree_isolate_range(&f.tree, pfn, 1), QUIRE_EBUSY);
			check(&f.tree);
			assert_int_equal(qi_tree_unisolate(&f.tree, pfn, QUIRE_MIGRATE_TYPES), QUIRE_OK);
			assert_int_equal(qi_tree_type(&f.tree, pfn),
					 taken || special ? types[i] : QUIRE_MIGRATE_MOVABLE);
			/* Freed while it is isolated. */
			assert_int_equal(qi_tree_isolate(&f.tree, pfn), QUIRE_OK);
			if (taken)
				assert_int_equal(qi_tree_free(&f.tree, pfn, order), QUIRE_OK);
			assert_int_equal(f.tree.free_special[QUIRE_MIGRATE_ISOLATE], 512);
			check(&f.tree);
			qi_tree_unisolate_range(&f.tree, 0, BLOCK);
			assert_int_equal(qi_tree_type(&f.tree, pfn), special ? types[i] : QUIRE_MIGRATE_MOVABLE);
			assert_int_equal(f.tree.free_special[QUIRE_MIGRATE_ISOLATE], 0);
			check(&f.tree);
			if (special)
				assert_int_equal(qi_tree_set_type(&f.tree, pfn, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
			assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 10), BLOCK >> 10);
		}
	}
	fixture_close(&f);
}

/* --- faults ----------------------------------------------------------------------------------------------------------- */

struct print { uint64_t free, special, handed, start, end, ours; };

static struct print fingerprint(struct fixture *f)
{
	const struct qi_tree *tree = &f->tree;
	struct qi_tree_range_counts counts = qi_tree_count_range(tree, 0, 1ull << 30);

	check(tree);
	return (struct print){ tree->free_pages, tree->free_special[QUIRE_MIGRATE_ISOLATE], tree->handed_over,
			       tree->start_pfn, tree->end_pfn, counts.free + counts.allocated };
}

enum step { EXTEND_UP, ADD, EXTEND_DOWN, ADD_BELOW, ISOLATE, REMOVE_PART, FLAT_NO_MORE, REMOVE_ISOLATED, STEPS };

static enum quire_status take_step(struct fixture *f, enum step step)
{
	switch (step) {
	case EXTEND_UP:
		return qi_tree_extend(&f->tree, 4 * TIB / 1024 * 40, BLOCK);
	case ADD:
		return qi_tree_add_free(&f->tree, 4 * TIB / 1024 * 40 + 5, BLOCK - 10);
	case EXTEND_DOWN:
		return qi_tree_extend(&f->tree, 0, 100);
	case ADD_BELOW:
		return qi_tree_add_free(&f->tree, 3, 90);
	case ISOLATE:
		return qi_tree_isolate_range(&f->tree, 5 * BLOCK - 1, 20 * BLOCK);
	case REMOVE_PART:
		return qi_tree_remove_free(&f->tree, 40 * BLOCK + 1, 10 * BLOCK);
	case FLAT_NO_MORE:
		return qi_tree_extend(&f->tree, 2 * TIB, BLOCK);
	default:
		return qi_tree_remove_free(&f->tree, 5 * BLOCK + 7, 2 * BLOCK);
	}
}

/* With the n-th meta_alloc failing the step it hits changes nothing, and works when it is tried again. */
static size_t run_steps(size_t fail_at, unsigned *failed)
{
	struct fixture f = { .fail_at = fail_at };
	struct qi_tree_config config = fixture_config(&f, BLOCK, 63 * BLOCK);
	size_t calls;

	*failed = 0;
	if (qi_tree_init(&f.tree, &config) != QUIRE_OK || qi_tree_add_free(&f.tree, BLOCK, 63 * BLOCK) != QUIRE_OK) {
		++*failed;
		qi_tree_destroy(&f.tree);
		assert_int_equal(f.meta_now, 0);
		return f.meta_calls;
	}
	for (enum step step = 0; step < STEPS; step++) {
		struct print before = fingerprint(&f), after;

		if (take_step(&f, step) == QUIRE_OK)
			continue;
		++*failed;
		after = fingerprint(&f);
		assert_memory_equal(&before, &after, sizeof(before));
		assert_int_equal(take_step(&f, step), QUIRE_OK);
	}
	check(&f.tree);
	calls = f.meta_calls;
	fixture_close(&f);
	return calls;
}

static void every_meta_alloc_may_fail(void **state)
{
	unsigned failed;
	size_t calls = run_steps(0, &failed);

	(void)state;
	assert_int_equal(failed, 0);
	assert_true(calls >= 12);
	for (size_t n = 1; n <= calls; n++) {
		run_steps(n, &failed);
		assert_int_equal(failed, 1);
	}
}

/* --- readers ---------------------------------------------------------------------------------------------------------- */

struct reader { struct qi_tree *tree; bool stop; quire_pfn_t pfn; };

/* What fronts do without the lock, on a block that is this reader's all the time. */
static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct qi_word_entry entry = { r->pfn / 64, 1ull << r->pfn % 64 };
	struct qi_node *leaf;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		if (!qi_tree_holds(r->tree, r->pfn, 1) ||
		    !(qi_tree_vouches(r->tree, 0, entry.word, entry.mask) & entry.mask))
			abort();
		qi_tree_fetch_words(r->tree, &entry, &leaf, 1);
		if (!leaf || leaf->pfn != qi_align_down(r->pfn, 512))
			abort();
	}
	return NULL;
}

static void readers_look_on_while_it_grows(void **state)
{
	struct fixture f = { 0 };
	struct reader reader = { .tree = &f.tree };
	pthread_t thread;
	quire_pfn_t middle = 3 * TIB;

	(void)state;
	fixture_open(&f, middle, BLOCK);
	assert_int_equal(qi_tree_add_free(&f.tree, middle, BLOCK), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &reader.pfn), QUIRE_OK);
	assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
	for (uint64_t i = 1; i < 3000; i++) {
		add(&f, middle + i * BLOCK, BLOCK);
		add(&f, middle - i * BLOCK, BLOCK - 7);
		if (i > 20)
			assert_int_equal(qi_tree_remove_free(&f.tree, middle + (i - 10) * BLOCK, BLOCK), QUIRE_OK);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	check(&f.tree);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_costs_little),
		cmocka_unit_test(sparse_spans_are_cheap),
		cmocka_unit_test(nonsense_ranges),
		cmocka_unit_test(a_block_goes_and_comes),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(isolating_untouched_blocks_costs_bits),
		cmocka_unit_test(types_come_back),
		cmocka_unit_test(every_meta_alloc_may_fail),
		cmocka_unit_test(readers_look_on_while_it_grows),
	};

	return cmocka_run_group_tests_name("tree_range", tests, NULL, NULL);
}
