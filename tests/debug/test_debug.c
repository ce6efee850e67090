/* Debug features one by one: what they find is told, what they refuse leaves everything as it was. */
#include "rig.h"

/* --- poison ---------------------------------------------------------------------------------------------------------- */

static void poison_is_written_and_kept(void **state)
{
	(void)state;
	for (unsigned outside = 0; outside < 2; outside++) {
		struct quire_debug_counts counts;
		quire_pfn_t pfn;

		assert_int_equal(rig_boot(&(struct quire_debug_options){ .page_poison = true }, outside), QUIRE_OK);
		pfn = take(1);
		memset(ram + pfn * 4096, 7, 8192);
		give(pfn, 1);
		for (unsigned i = 0; i < 8192; i++)
			assert_int_equal((uint8_t)ram[pfn * 4096 + i], QUIRE_POISON_BYTE);
		assert_int_equal(take(1), pfn);
		quire_debug_counts(&q, &counts);
		assert_int_equal(counts.corrupted, 0);
		quire_fini(&q);
	}
}

static void a_single_bit_is_told_from_a_stray_write(void **state)
{
	const struct quire_debug_options options = { .page_poison = true, .page_owner = true };
	struct quire_debug_counts counts;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(rig_boot(&options, true), QUIRE_OK);
	pfn = take(0);
	who = 77;
	rig_cpu = 1;
	give(pfn, 0);
	ram[pfn * 4096 + 0x123] ^= 0x10;
	assert_int_equal(take(0), pfn);
	assert_true(rig_logged("single bit error in free frame"));
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.corrupted, 1);
	assert_int_equal(counts.single_bit, 1);
	assert_true(counts.pfn == pfn && counts.first == 0x123 && counts.last == 0x123 && counts.changed == 1);
	assert_int_equal(counts.found[0], 0xba);
	give(pfn, 0);
	memset(ram + pfn * 4096 + 4090, 0, 6);
	assert_int_equal(take(0), pfn);
	assert_non_null(strstr(logged, "6 bytes changed, from 0xffa to 0xfff"));
	assert_true(rig_logged("given back by CPU 1"));
	quire_debug_counts(&q, &counts);
	assert_true(counts.corrupted == 2 && counts.single_bit == 1 && counts.first == 4090 && counts.last == 4095);
}

/* Two bits in one byte, one bit in each of two bytes: not a single bit. */
static void two_bits_are_not_one(void **state)
{
	struct quire_debug_counts counts;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .page_poison = true }, true), QUIRE_OK);
	pfn = take(0);
	give(pfn, 0);
	ram[pfn * 4096] ^= 3;
	assert_int_equal(take(0), pfn);
	give(pfn, 0);
	ram[pfn * 4096 + 8] ^= 1;
	ram[pfn * 4096 + 9] ^= 1;
	assert_int_equal(take(0), pfn);
	quire_debug_counts(&q, &counts);
	assert_true(counts.corrupted == 2 && counts.single_bit == 0);
}

/* --- zeroes ---------------------------------------------------------------------------------------------------------- */

static bool all_zero(quire_pfn_t pfn, unsigned order)
{
	for (uint64_t i = 0; i < 4096ull << order; i++)
		if (ram[pfn * 4096 + i])
			return false;
	return true;
}

static void init_on_alloc_and_on_free(void **state)
{
	quire_pfn_t pfn, many[4] = { QUIRE_PFN_NONE, QUIRE_PFN_NONE, QUIRE_PFN_NONE, QUIRE_PFN_NONE };

	(void)state;
	memset(ram, 5, RAM_SIZE);
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .init_on_alloc = true }, true), QUIRE_OK);
	pfn = take(2);
	assert_true(all_zero(pfn, 2));
	memset(ram + pfn * 4096, 5, 4 * 4096);
	give(pfn, 2);
	assert_false(all_zero(pfn, 2));
	assert_int_equal(quire_alloc_frames_bulk(&q, 0, QUIRE_GFP_KERNEL, 4, many), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(all_zero(many[i], 0));
	quire_fini(&q);
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .init_on_free = true }, true), QUIRE_OK);
	pfn = take(3);
	memset(ram + pfn * 4096, 5, 8 * 4096);
	/* What is refused is not touched. */
	assert_int_equal(quire_free_frames(&q, pfn, 2), QUIRE_EINVAL);
	assert_false(all_zero(pfn, 0));
	give(pfn, 3);
	assert_true(all_zero(pfn, 3));
	quire_fini(&q);
	/* Poison takes the place of both. */
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .init_on_free = true, .page_poison = true }, true),
			 QUIRE_OK);
	pfn = take(0);
	give(pfn, 0);
	assert_int_equal((uint8_t)ram[pfn * 4096], QUIRE_POISON_BYTE);
}

/* --- the direct map -------------------------------------------------------------------------------------------------- */

/* phys_to_virt fails the test if the engine asks for what is not mapped: its own tables come from such frames here. */
static void free_frames_are_out_of_the_map(void **state)
{
	static quire_pfn_t all[FRAMES];
	size_t n = 0;

	(void)state;
	rig_platform.set_mapped = rig_set_mapped;
	for (unsigned outside = 0; outside < 2; outside++) {
		assert_int_equal(rig_boot(&(struct quire_debug_options){ .debug_pagealloc = true, .page_poison = true },
					  outside),
				 QUIRE_OK);
		for (n = 0; quire_alloc_frames(&q, 0, 0, QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN, &all[n]) == QUIRE_OK; n++)
			ram[all[n] * 4096] = 1;
		for (size_t i = 0; i < n; i++) {
			assert_false(unmapped[all[i]]);
			give(all[i], 0);
			assert_true(unmapped[all[i]]);
		}
		/* Broken up again, in other places than before. */
		for (n = 0; quire_alloc_frames(&q, 0, 3, QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN, &all[n]) == QUIRE_OK; n++)
			assert_false(unmapped[all[n] + 7]);
		assert_true(n > 1000);
		for (size_t i = 0; i < n; i++)
			give(all[i], 3);
		assert_int_equal(quire_check(&q), QUIRE_OK);
		quire_fini(&q);
	}
}

/* --- guards ---------------------------------------------------------------------------------------------------------- */

static const struct quire_debug_options guarded = { .debug_pagealloc = true, .guardpage_minorder = 3 };

static void small_blocks_have_their_neighbourhood(void **state)
{
	struct quire_debug_counts counts;
	uint64_t before;
	quire_pfn_t a, b;

	(void)state;
	assert_int_equal(rig_boot(&guarded, true), QUIRE_OK);
	before = free_pages();
	a = take(0);
	b = take(1);
	assert_int_equal(a % 8, 0);
	assert_int_equal(b % 8, 0);
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.guards, 7 + 6);
	assert_int_equal(quire_free_frames(&q, a + 1, 0), QUIRE_EPERM);
	assert_true(rig_logged("guard frame"));
	assert_int_equal(quire_free_frames(&q, a, 3), QUIRE_EINVAL);
	give(a, 0);
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.guards, 6);
	/* A guarded block may be split like any other; guards stay until the last piece is gone. */
	assert_int_equal(quire_split_frames(&q, b, 1, 0), QUIRE_OK);
	give(b, 0);
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.guards, 6);
	give(b + 1, 0);
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.guards, 0);
	assert_int_equal(free_pages(), before);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

static void running_over_the_end_is_found(void **state)
{
	struct quire_debug_counts counts;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(rig_boot(&guarded, true), QUIRE_OK);
	pfn = take(0);
	memset(ram + pfn * 4096, 1, 4096 + 3);
	give(pfn, 0);
	assert_true(rig_logged("memory corruption in free frame"));
	quire_debug_counts(&q, &counts);
	assert_true(counts.corrupted == 1 && counts.pfn == pfn + 1 && counts.first == 0 && counts.last == 2);
}

/* Where no room is left for guards, requests are served without. */
static void guards_do_not_cost_the_last_frames(void **state)
{
	static quire_pfn_t all[FRAMES];
	struct quire_debug_counts counts;
	uint64_t before;
	size_t n = 0;

	(void)state;
	assert_int_equal(rig_boot(&guarded, true), QUIRE_OK);
	before = free_pages();
	/* Every second frame of what is left is in use. */
	for (;; n += 2) {
		if (quire_alloc_frames_exact(&q, 0, 8, QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN, &all[n]) != QUIRE_OK)
			break;
		for (unsigned i = 1; i < 8; i++)
			give(all[n] + i, 0);
		assert_int_equal(quire_alloc_frames(&q, 0, 0, QUIRE_GFP_MEMALLOC, &all[n + 1]), QUIRE_OK);
	}
	while (quire_alloc_frames(&q, 0, 0, QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN, &all[n]) == QUIRE_OK)
		n++;
	quire_debug_counts(&q, &counts);
	assert_true(counts.guards > 0);
	assert_int_equal(counts.guards + n, before);
	while (n--)
		give(all[n], 0);
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.guards, 0);
	assert_int_equal(free_pages(), before);
}

/* --- faults ---------------------------------------------------------------------------------------------------------- */

static unsigned failures(unsigned order, quire_gfp_t gfp, unsigned n, uint64_t *pattern)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < n; i++) {
		quire_pfn_t pfn;

		if (quire_alloc_frames(&q, 0, order, gfp, &pfn) == QUIRE_OK) {
			give(pfn, order);
			continue;
		}
		failed++;
		if (pattern)
			*pattern |= 1ull << (i & 63);
	}
	return failed;
}

static void faults_follow_their_rules(void **state)
{
	struct quire_debug_options options = { .faults = { .probability = 100, .times = -1 } };
	struct quire_fault_options faults = options.faults;
	struct quire_debug_counts counts;

	(void)state;
	assert_int_equal(rig_boot(&options, true), QUIRE_OK);
	assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 10, NULL), 10);
	assert_int_equal(failures(0, QUIRE_GFP_KERNEL | QUIRE_GFP_NOFAIL, 10, NULL), 0);
	faults.times = 3;
	assert_int_equal(quire_debug_set_faults(&q, &faults), QUIRE_OK);
	assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 10, NULL), 3);
	faults = (struct quire_fault_options){ .probability = 100, .times = -1, .interval = 5 };
	quire_debug_set_faults(&q, &faults);
	assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 50, NULL), 10);
	/* 8 pages may be had first: 8 > 1 while 7 requests of one page pass, the eighth finds 1 left, which is not more. */
	faults = (struct quire_fault_options){ .probability = 100, .times = -1, .space = 8 };
	quire_debug_set_faults(&q, &faults);
	assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 10, NULL), 3);
	faults = (struct quire_fault_options){ .probability = 100, .times = -1, .min_order = 1, .ignore_highmem = true,
					       .ignore_reclaim = true };
	quire_debug_set_faults(&q, &faults);
	assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 5, NULL), 0);
	assert_int_equal(failures(1, QUIRE_GFP_KERNEL, 5, NULL), 0);
	assert_int_equal(failures(1, QUIRE_GFP_HIGHMEM, 5, NULL), 0);
	assert_int_equal(failures(1, QUIRE_GFP_NOWAIT, 5, NULL), 5);
	quire_debug_counts(&q, &counts);
	assert_int_equal(counts.injected, 10 + 3 + 10 + 3 + 5);
	faults.probability = 101;
	assert_int_equal(quire_debug_set_faults(&q, &faults), QUIRE_EINVAL);
}

/* Nothing of debugging was on at boot: faults come when they are asked for, or there is no memory and nothing changes. */
static void faults_of_a_running_machine(void **state)
{
	const struct quire_fault_options all = { .probability = 100, .times = -1 }, none = { .times = -1 };
	uint64_t kept;

	(void)state;
	for (unsigned outside = 0; outside < 2; outside++) {
		assert_int_equal(rig_boot(&(struct quire_debug_options){ 0 }, outside), QUIRE_OK);
		kept = q.metadata.debug;
		assert_int_equal(kept, 0);
		assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 10, NULL), 0);
		assert_int_equal(quire_debug_set_faults(&q, &none), QUIRE_OK);
		assert_int_equal(q.metadata.debug, 0);
		fail_meta = outside;
		if (outside)
			assert_int_equal(quire_debug_set_faults(&q, &all), QUIRE_ENOMEM);
		assert_int_equal(q.metadata.debug, 0);
		assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 10, NULL), 0);
		assert_int_equal(quire_debug_set_faults(&q, &all), QUIRE_OK);
		assert_true(q.metadata.debug > 0);
		assert_int_equal(failures(0, QUIRE_GFP_NOWAIT, 10, NULL), 10);
		assert_int_equal(quire_debug_set_faults(&q, &none), QUIRE_OK);
		kept = q.metadata.debug;
		assert_int_equal(failures(3, QUIRE_GFP_NOWAIT, 10, NULL), 0);
		assert_int_equal(quire_debug_set_faults(&q, &all), QUIRE_OK);
		assert_int_equal(q.metadata.debug, kept);
		assert_int_equal(quire_check(&q), QUIRE_OK);
		quire_fini(&q);
	}
	assert_int_equal(quire_debug_set_faults(&q, &all), QUIRE_EINVAL);
}

static void equal_seeds_fail_equally(void **state)
{
	struct quire_fault_options faults = { .probability = 30, .times = -1, .seed = 5 };
	uint64_t first = 0, again = 0, other = 0;
	unsigned failed;

	(void)state;
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .faults = faults }, true), QUIRE_OK);
	failures(0, QUIRE_GFP_NOWAIT, 64, &first);
	quire_debug_set_faults(&q, &faults);
	failures(0, QUIRE_GFP_NOWAIT, 64, &again);
	faults.seed = 6;
	quire_debug_set_faults(&q, &faults);
	failures(0, QUIRE_GFP_NOWAIT, 64, &other);
	assert_true(first == again && first != other);
	failed = failures(0, QUIRE_GFP_NOWAIT, 10000, NULL);
	assert_in_range(failed, 2800, 3200);
}

/* --- shuffle ---------------------------------------------------------------------------------------------------------- */

/* The order in which whole pageblocks are handed out, and frames broken out of them. */
static void pageblocks_in_turn(uint64_t seed, bool shuffle, quire_pfn_t order9[10], quire_pfn_t order0[10])
{
	rig_shuffle = shuffle;
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .shuffle_seed = seed }, true), QUIRE_OK);
	rig_shuffle = false;
	for (unsigned i = 0; i < 10; i++)
		order9[i] = take(9);
	for (unsigned i = 0; i < 10; i++) {
		/* As much as a pageblock each, so that the next breaks another one. */
		order0[i] = take(0);
		for (unsigned n = 1; n < 512 && i < 9; n++)
			take(0);
	}
	assert_int_equal(quire_check(&q), QUIRE_OK);
	quire_fini(&q);
}

static void shuffled_by_its_seed(void **state)
{
	quire_pfn_t plain[2][10], one[2][10], again[2][10], other[2][10];

	(void)state;
	pageblocks_in_turn(0, false, plain[0], plain[1]);
	pageblocks_in_turn(1, true, one[0], one[1]);
	pageblocks_in_turn(1, true, again[0], again[1]);
	pageblocks_in_turn(2, true, other[0], other[1]);
	assert_memory_equal(one, again, sizeof(one));
	assert_memory_not_equal(one[0], other[0], sizeof(one[0]));
	assert_memory_not_equal(one[1], plain[1], sizeof(one[1]));
	assert_memory_not_equal(one[0], plain[0], sizeof(one[0]));
}

/* --- no memory for it ------------------------------------------------------------------------------------------------- */

/* Whichever piece of metadata is missing: the machine runs, or its boot is refused, and nothing is left behind. */
static void without_memory_for_notes(void **state)
{
	const struct quire_debug_options options = { .page_poison = true, .page_owner = true, .debug_pagealloc = true,
						     .guardpage_minorder = 2 };
	unsigned booted = 0;

	(void)state;
	for (unsigned n = 1; n < 60; n++) {
		quire_pfn_t pfn;

		fail_meta = n;
		if (rig_boot(&options, true) == QUIRE_OK) {
			booted++;
			for (unsigned i = 0; i < 40; i++)
				if (quire_alloc_frames(&q, 0, i % 4, QUIRE_GFP_KERNEL, &pfn) == QUIRE_OK)
					give(pfn, i % 4);
			assert_int_equal(quire_check(&q), QUIRE_OK);
		}
		fail_meta = 0;
		quire_fini(&q);
	}
	assert_true(booted > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(poison_is_written_and_kept), RIG_TEST(a_single_bit_is_told_from_a_stray_write),
		RIG_TEST(two_bits_are_not_one), RIG_TEST(init_on_alloc_and_on_free),
		RIG_TEST(free_frames_are_out_of_the_map),
		RIG_TEST(small_blocks_have_their_neighbourhood), RIG_TEST(running_over_the_end_is_found),
		RIG_TEST(guards_do_not_cost_the_last_frames), RIG_TEST(faults_follow_their_rules),
		RIG_TEST(faults_of_a_running_machine),
		RIG_TEST(equal_seeds_fail_equally), RIG_TEST(shuffled_by_its_seed), RIG_TEST(without_memory_for_notes),
	};

	return cmocka_run_group_tests_name("debug", tests, NULL, NULL);
}
