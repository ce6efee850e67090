/*
 * The free tree case by case: hand-over of huge and ragged ranges, worked traces of the spec, refusals, faults of the
 * hooks, carving.
 */
#include "tree_fixture.h"

#define TIB (1ull << 28)	/* frames */

static void handing_over_64_tib_writes_little(void **state)
{
	struct fixture f = { 0 };
	qi_tree_counts_t counts = { { 0 } };

	(void)state;
	fixture_open(&f, 0x100, 64 * TIB - 0x300);
	assert_int_equal(qi_tree_add_free(&f.tree, 0x100, 64 * TIB - 0x300), QUIRE_OK);
	assert_true(f.meta_now < 512 * 1024);
	assert_int_equal(qi_tree_free_pages(&f.tree), 64 * TIB - 0x300);
	qi_tree_counts(&f.tree, counts);
	/* [0x100, 0x400): orders 8 and 9; up to the last 4 MiB: order 10; then 0x200 and nothing of the last 0x200 */
	assert_int_equal(counts[QUIRE_MIGRATE_MOVABLE][8], 1);
	assert_int_equal(counts[QUIRE_MIGRATE_MOVABLE][9], 2);
	assert_int_equal(counts[QUIRE_MIGRATE_MOVABLE][10], 64 * TIB / 1024 - 2);
	check(&f.tree);
	fixture_close(&f);
}

/* A thousand ragged ranges in 1 TiB: the nodes of their ends, nothing for their length. */
static void ragged_ranges_cost_their_ends(void **state)
{
	struct fixture f = { 0 };
	uint64_t total = 0;

	(void)state;
	fixture_open(&f, 0, TIB);
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t start = (i << 18) + 77, end = ((i + 1) << 18) - 301;

		assert_int_equal(qi_tree_add_free(&f.tree, start, end - start), QUIRE_OK);
		total += end - start;
	}
	assert_int_equal(qi_tree_free_pages(&f.tree), total);
	assert_int_equal(f.tree.handed_over, total);
	assert_true(f.meta_now < 1000 * 2 * 17000 + 1200000);
	check(&f.tree);
	fixture_close(&f);
}

/* Spec 05 section 15: zone [0x100, 0x2100); an order-0 request takes 0x100 and leaves one block of each order below 8. */
static void worked_trace_of_splitting(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0x100, 0x2000);
	assert_int_equal(qi_tree_add_free(&f.tree, 0x100, 0x2000), QUIRE_OK);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 8), 2);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 9), 1);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 10), 7);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(pfn & 0xff, 0);
	for (unsigned order = 0; order < 8; order++)
		assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, order), 1);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 8), 1);
	assert_int_equal(qi_tree_free(&f.tree, pfn, 0), QUIRE_OK);
	for (unsigned order = 0; order < 8; order++)
		assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_TYPES, order), 0);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 8), 2);
	fixture_close(&f);
}

/* Each kind of request breaks a pageblock of its own while there are whole ones; small ones fill broken ones first. */
static void types_keep_apart(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t a, b, c, d;

	(void)state;
	fixture_open(&f, 0, 8192);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 8192), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_UNMOVABLE, 0, &a), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 3, QUIRE_MIGRATE_MOVABLE, 0, &b), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 1, QUIRE_MIGRATE_RECLAIMABLE, 0, &c), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 4, QUIRE_MIGRATE_UNMOVABLE, 0, &d), QUIRE_OK);
	assert_int_equal(a / 512, d / 512);
	assert_true(a / 512 != b / 512 && b / 512 != c / 512 && a / 512 != c / 512);
	assert_int_equal(qi_tree_type(&f.tree, a), QUIRE_MIGRATE_UNMOVABLE);
	assert_int_equal(qi_tree_type(&f.tree, b), QUIRE_MIGRATE_MOVABLE);
	assert_int_equal(qi_tree_type(&f.tree, c), QUIRE_MIGRATE_RECLAIMABLE);
	assert_int_equal(f.tree.fallbacks, 0);
	fixture_close(&f);
}

static void falling_back_and_stealing(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 512);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 512), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_UNMOVABLE, QI_TREE_NOFRAGMENT, &pfn), QUIRE_ENOMEM);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(f.tree.fallbacks, 1);
	assert_int_equal(f.tree.steals, 1);
	assert_int_equal(qi_tree_type(&f.tree, pfn), QUIRE_MIGRATE_UNMOVABLE);
	/* Less than half of it is free: MOVABLE then only borrows. */
	assert_int_equal(qi_tree_alloc(&f.tree, 8, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 5, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(f.tree.fallbacks, 2);
	assert_int_equal(f.tree.steals, 1);
	check(&f.tree);
	fixture_close(&f);
}

static void bad_frees_are_refused(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn, gib;

	(void)state;
	fixture_open(&f, 100, (3ull << 18) - 100);
	assert_int_equal(qi_tree_add_free(&f.tree, 101, (3ull << 18) - 201), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 4, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 18, QUIRE_MIGRATE_MOVABLE, 0, &gib), QUIRE_OK);
	assert_int_equal(qi_tree_free(&f.tree, 100, 0), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free(&f.tree, 99, 0), QUIRE_ERANGE);
	assert_int_equal(qi_tree_free(&f.tree, 3ull << 18, 0), QUIRE_ERANGE);
	assert_int_equal(qi_tree_free(&f.tree, QUIRE_PFN_NONE, 0), QUIRE_ERANGE);
	assert_int_equal(qi_tree_free(&f.tree, pfn + 1, 1), QUIRE_EINVAL);
	for (unsigned order = 0; order < 4; order++)
		assert_int_equal(qi_tree_free(&f.tree, pfn, order), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, pfn & ~31ull, 5), QUIRE_EEXIST);
	assert_int_equal(qi_tree_free(&f.tree, pfn + 4, 0), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, gib, 17), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, gib + 512, 9), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, gib + 512, 0), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, gib, 27), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, gib, 64), QUIRE_EINVAL);
	check(&f.tree);
	assert_int_equal(qi_tree_free(&f.tree, pfn, 4), QUIRE_OK);
	assert_int_equal(qi_tree_free(&f.tree, pfn, 4), QUIRE_EEXIST);
	assert_int_equal(qi_tree_free(&f.tree, gib, 18), QUIRE_OK);
	assert_int_equal(qi_tree_free(&f.tree, gib, 18), QUIRE_EEXIST);
	assert_int_equal(qi_tree_free_pages(&f.tree), (3ull << 18) - 201);
	fixture_close(&f);
}

/*
 * Order 0 at an even frame before a hole: the hole must not look like the rest of a larger block, nor the other way
 * round.
 */
static void last_frame_before_a_hole(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn, head;
	unsigned order;

	(void)state;
	fixture_open(&f, 0, 512);
	assert_int_equal(qi_tree_add_free(&f.tree, 64, 1), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(pfn, 64);
	assert_int_equal(qi_tree_lookup(&f.tree, 64, &head, &order), QUIRE_OK);
	assert_int_equal(order, 0);
	assert_int_equal(qi_tree_lookup(&f.tree, 65, &head, &order), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free(&f.tree, 64, 1), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, 1, 3), QUIRE_ENOENT);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, 1, 1), QUIRE_OK);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, 1, 1), QUIRE_EEXIST);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, UINT64_MAX, 1), QUIRE_ERANGE);
	fixture_close(&f);
}

/* An order-1 block is not two frames, whichever call says so. */
static void words_of_longer_blocks_are_refused(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 512);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 512), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 1, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, pfn / 64, 1ull << pfn % 64), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free_word(&f.tree, 0, pfn / 64, 3ull << pfn % 64), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, pfn, 1), QUIRE_OK);
	fixture_close(&f);
}

static void isolation_takes_frames_out_at_once(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 2048);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 2048), QUIRE_OK);
	for (quire_pfn_t block = 0; block < 2048; block += 512)
		assert_int_equal(qi_tree_isolate(&f.tree, block), QUIRE_OK);
	assert_int_equal(qi_tree_free_pages(&f.tree), 0);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_ISOLATE, 10), 2);
	for (unsigned order = 0; order < 12; order++)
		assert_int_equal(qi_tree_alloc(&f.tree, order, QUIRE_MIGRATE_MOVABLE, 7, &pfn), QUIRE_ENOMEM);
	assert_int_equal(qi_tree_unisolate(&f.tree, 512, QUIRE_MIGRATE_CMA), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_UNMOVABLE, QI_TREE_CMA, &pfn), QUIRE_ENOMEM);
	assert_int_equal(qi_tree_alloc(&f.tree, 9, QUIRE_MIGRATE_MOVABLE, QI_TREE_CMA, &pfn), QUIRE_OK);
	assert_int_equal(pfn, 512);
	/* Isolated while it is allocated: it comes back isolated. */
	assert_int_equal(qi_tree_isolate(&f.tree, 512), QUIRE_OK);
	assert_int_equal(qi_tree_free(&f.tree, 512, 9), QUIRE_OK);
	assert_int_equal(qi_tree_free_pages(&f.tree), 0);
	for (quire_pfn_t block = 0; block < 2048; block += 512)
		assert_int_equal(qi_tree_unisolate(&f.tree, block, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_MOVABLE, 10), 2);
	check(&f.tree);
	fixture_close(&f);
}

/* A pageblock inside an allocated 2 GiB block can be isolated; it matters when the block is freed. */
static void isolation_inside_a_gigantic_block(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 1ull << 19);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 1ull << 19), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 19, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(qi_tree_isolate(&f.tree, 0x40000 + 0x3e00), QUIRE_OK);
	assert_int_equal(qi_tree_type(&f.tree, 0x40000 + 0x3c00), QUIRE_MIGRATE_UNMOVABLE);
	check(&f.tree);
	assert_int_equal(qi_tree_free(&f.tree, 0, 18), QUIRE_EINVAL);
	assert_int_equal(qi_tree_free(&f.tree, 0, 19), QUIRE_OK);
	assert_int_equal(qi_tree_free_pages(&f.tree), (1ull << 19) - 512);
	check(&f.tree);
	assert_int_equal(qi_tree_unisolate(&f.tree, 0x40000 + 0x3e00, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 19, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn), QUIRE_OK);
	check(&f.tree);
	fixture_close(&f);
}

/*
 * One run of a fixed script; every step either succeeds or says ENOMEM and leaves a sound tree. Returns how many
 * steps failed.
 */
static unsigned script(struct fixture *f)
{
	struct qi_tree_config config = fixture_config(f, 1000, 3ull << 27);
	static const unsigned orders[] = { 0, 9, 20, 3, 12, 18, 8, 0 };
	quire_pfn_t got[8];
	unsigned failed = 0;
	enum quire_status status = qi_tree_init(&f->tree, &config);

	if (status != QUIRE_OK) {
		assert_int_equal(status, QUIRE_ENOMEM);
		return 1;
	}
	failed += qi_tree_add_free(&f->tree, 1000, 5000000) != QUIRE_OK;
	check(&f->tree);
	failed += qi_tree_add_free(&f->tree, 80000777, 70000000) != QUIRE_OK;
	check(&f->tree);
	for (unsigned i = 0; i < 8; i++) {
		uint64_t before = f->tree.free_pages;

		status = qi_tree_alloc(&f->tree, orders[i], i % 3, 0, &got[i]);
		assert_int_equal(f->tree.free_pages, before - (status == QUIRE_OK ? 1ull << orders[i] : 0));
		if (status != QUIRE_OK)
			got[i] = QUIRE_PFN_NONE;
		failed += status != QUIRE_OK;
		check(&f->tree);
	}
	failed += qi_tree_isolate(&f->tree, 90000000) == QUIRE_ENOMEM;
	check(&f->tree);
	failed += qi_tree_isolate(&f->tree, got[2] != QUIRE_PFN_NONE ? got[2] + 70000 : 1000) == QUIRE_ENOMEM;
	check(&f->tree);
	for (unsigned i = 0; i < 8; i++)
		if (got[i] != QUIRE_PFN_NONE)
			assert_int_equal(qi_tree_free(&f->tree, got[i], orders[i]), QUIRE_OK);
	check(&f->tree);
	return failed;
}

static void every_meta_alloc_may_fail(void **state)
{
	struct fixture good = { 0 };
	size_t calls;

	(void)state;
	assert_int_equal(script(&good), 0);
	calls = good.meta_calls;
	assert_true(calls > 6);
	fixture_close(&good);
	for (size_t n = 1; n <= calls; n++) {
		struct fixture f = { .fail_at = n };

		assert_true(script(&f) >= 1);
		fixture_close(&f);
	}
}

static void every_leaf_break_may_fail(void **state)
{
	struct fixture good = { 0 };

	(void)state;
	assert_int_equal(script(&good), 0);
	assert_true(good.break_calls > 4);
	for (size_t n = 1; n <= good.break_calls; n++) {
		struct fixture f = { .break_fail_at = n };

		script(&f);
		fixture_close(&f);
	}
	fixture_close(&good);
}

/* Without other metadata the nodes come from the memory that is split; those frames are nobody's to free. */
static void nodes_are_carved_from_the_memory_itself(void **state)
{
	uint64_t taken = 0, span = 4096;
	struct fixture f = { .page_bytes = 4096, .frame_count = span };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, span);
	f.frames = aligned_alloc(4096, span * 4096);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, span), QUIRE_OK);
	f.no_meta = true;
	while (qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn) == QUIRE_OK)
		taken++;
	assert_int_equal(taken, span - f.tree.meta_frames);
	assert_int_equal(f.tree.meta_frames, 4);
	check(&f.tree);
	assert_int_equal(qi_tree_free(&f.tree, 0, 0), QUIRE_ENOENT);
	fixture_close(&f);
	free(f.frames);
}

/* Level-1 nodes too are carved, together with the first leaves. */
static void both_levels_are_carved(void **state)
{
	static uint8_t frame_memory[64 * 4096] __attribute__((aligned(4096)));
	struct fixture f = { .page_bytes = 4096, .frame_count = 64 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 5ull << 27);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 5ull << 27), QUIRE_OK);
	f.no_meta = true;
	f.frames = frame_memory;
	assert_int_equal(qi_tree_alloc(&f.tree, 18, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(qi_tree_free(&f.tree, pfn, 18), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 3, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(f.tree.meta_frames, 6);
	assert_true(pfn % (1 << 18) >= 6);
	check(&f.tree);
	assert_int_equal(qi_tree_free(&f.tree, pfn, 3), QUIRE_OK);
	check(&f.tree);
	fixture_close(&f);
}

static void bad_configurations(void **state)
{
	struct fixture f = { 0 };
	struct qi_tree_config good = fixture_config(&f, 0, 100), config;
	static const struct qi_tree_hooks none = { 0 };

	(void)state;
	config = good;
	config.span = 0;
	assert_int_equal(qi_tree_init(&f.tree, &config), QUIRE_EINVAL);
	config = good;
	config.start_pfn = UINT64_MAX - 5;
	assert_int_equal(qi_tree_init(&f.tree, &config), QUIRE_EINVAL);
	config = good;
	config.max_order = 27;
	assert_int_equal(qi_tree_init(&f.tree, &config), QUIRE_EINVAL);
	config = good;
	config.pageblock_order = 18;
	assert_int_equal(qi_tree_init(&f.tree, &config), QUIRE_EINVAL);
	config = good;
	config.hooks = &none;
	assert_int_equal(qi_tree_init(&f.tree, &config), QUIRE_EINVAL);
	config = good;
	config.span = (1ull << 41) + 1;
	assert_int_equal(qi_tree_init(&f.tree, &config), QUIRE_ERANGE);
	assert_int_equal(f.meta_calls, 0);
}

static void bad_requests(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 4096);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_ENOMEM);
	assert_int_equal(qi_tree_alloc(&f.tree, 27, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_EINVAL);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_ISOLATE, 0, &pfn), QUIRE_EINVAL);
	assert_int_equal(qi_tree_set_type(&f.tree, 0, QUIRE_MIGRATE_TYPES), QUIRE_EINVAL);
	assert_int_equal(qi_tree_set_type(&f.tree, 0, QUIRE_MIGRATE_CMA), QUIRE_ENOENT);
	assert_int_equal(qi_tree_type(&f.tree, 0), QUIRE_MIGRATE_TYPES);
	assert_int_equal(qi_tree_add_free(&f.tree, 4000, 97), QUIRE_ERANGE);
	assert_int_equal(qi_tree_add_free(&f.tree, 4000, 96), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&f.tree, 3999, 2), QUIRE_EEXIST);
	assert_int_equal(qi_tree_free_pages(&f.tree), 96);
	check(&f.tree);
	fixture_close(&f);
}

/* The checker itself: each kind of damage is seen. */
static void the_checker_sees_damage(void **state)
{
	struct fixture f = { 0 };
	const char *what = NULL;
	quire_pfn_t pfn;
	struct qi_node *leaf;

	(void)state;
	fixture_open(&f, 0, 4096);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 4096), QUIRE_OK);
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	leaf = f.tree.leaves[QUIRE_MIGRATE_MOVABLE].head[8];
	assert_non_null(leaf);
	leaf->has ^= 1ull << 60;
	assert_int_equal(qi_check_tree(&f.tree, &what), QUIRE_ECORRUPT);
	leaf->has ^= 1ull << 60;
	leaf->mark[7] ^= 2;
	assert_int_equal(qi_check_tree(&f.tree, &what), QUIRE_ECORRUPT);
	leaf->mark[7] ^= 2;
	leaf->type = QUIRE_MIGRATE_UNMOVABLE;
	assert_int_equal(qi_check_tree(&f.tree, &what), QUIRE_ECORRUPT);
	leaf->type = QUIRE_MIGRATE_MOVABLE;
	f.tree.free_pages++;
	assert_int_equal(qi_check_tree(&f.tree, &what), QUIRE_ECORRUPT);
	f.tree.free_pages--;
	f.tree.leaf_mask[0] ^= 4;
	assert_int_equal(qi_check_tree(&f.tree, &what), QUIRE_ECORRUPT);
	f.tree.leaf_mask[0] ^= 4;
	check(&f.tree);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handing_over_64_tib_writes_little),
		cmocka_unit_test(ragged_ranges_cost_their_ends),
		cmocka_unit_test(worked_trace_of_splitting),
		cmocka_unit_test(types_keep_apart),
		cmocka_unit_test(falling_back_and_stealing),
		cmocka_unit_test(bad_frees_are_refused),
		cmocka_unit_test(last_frame_before_a_hole),
		cmocka_unit_test(words_of_longer_blocks_are_refused),
		cmocka_unit_test(isolation_takes_frames_out_at_once),
		cmocka_unit_test(isolation_inside_a_gigantic_block),
		cmocka_unit_test(every_meta_alloc_may_fail),
		cmocka_unit_test(every_leaf_break_may_fail),
		cmocka_unit_test(nodes_are_carved_from_the_memory_itself),
		cmocka_unit_test(both_levels_are_carved),
		cmocka_unit_test(bad_configurations),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(the_checker_sees_damage),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
