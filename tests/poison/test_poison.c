/* Frames that fail, whatever they are at that moment: who is told, what is left, and that nobody ever gets them again. */
#include "booted.h"

#include "page_alloc/page_alloc.h"
#include "poison/poison.h"

/* Metadata outside, so that frames can be counted. */
static struct booted *open_machine(void)
{
	const struct booted_options options = { .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };

	return booted_open(&options);
}

static void expect_counts(struct booted *b, uint64_t out, uint64_t pending, uint64_t foreign)
{
	struct quire_poison_counts counts;

	quire_poison_count(&b->q, 0, UINT64_MAX, &counts);
	assert_int_equal(counts.out, out);
	assert_int_equal(counts.pending, pending);
	assert_int_equal(counts.foreign, foreign);
	quire_poison_count_node(&b->q, b->q.topology.nodes[0], &counts);
	assert_int_equal(counts.out, out);
}

static enum quire_poison_result fail_frame(struct booted *b, quire_pfn_t pfn, enum quire_status expected)
{
	enum quire_poison_result result = QUIRE_POISON_IGNORED;

	assert_int_equal(quire_poison_frame(&b->q, pfn, QUIRE_POISON_TEST, &result), expected);
	assert_true(quire_frame_poisoned(&b->q, pfn));
	booted_check(b);
	return result;
}

/* Take and look at every frame there is: none is `bad`. */
static void nobody_gets(struct booted *b, quire_pfn_t bad)
{
	struct keeper *k = keeper_open(b);

	while (keeper_take(k, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC) != KEEPER_NONE)
		continue;
	assert_true(k->head[bad] == KEEPER_NONE);
	assert_int_equal(booted_free(b), 0);
	keeper_close(k);
	booted_check(b);
}

static void free_frames_are_taken_out(void **state)
{
	struct booted *b = open_machine();
	uint64_t free = booted_free(b), managed = booted_managed(b);
	struct quire_poison_counts counts;
	quire_pfn_t cursor = 0, pfn;

	(void)state;
	assert_int_equal(fail_frame(b, 0x4321, QUIRE_OK), QUIRE_POISON_RECOVERED);
	assert_non_null(strstr(b->told, "Memory failure: 0x4321: recovery action for free frame: Recovered"));
	assert_int_equal(booted_free(b), free - 1);
	assert_int_equal(booted_managed(b), managed);
	assert_int_equal(quire_poison_frame(&b->q, 0x4321, 0, NULL), QUIRE_EEXIST);
	assert_int_equal(quire_free_frames(&b->q, 0x4321, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&b->q, 0x4320, 1), QUIRE_EEXIST);
	nobody_gets(b, 0x4321);
	fail_frame(b, 0x4322, QUIRE_OK);
	expect_counts(b, 2, 0, 0);
	quire_poison_count(&b->q, 0x4322, 10, &counts);
	assert_int_equal(counts.out, 1);
	quire_poison_count_zone(&b->q, &b->q.topology.nodes[0]->zones[QUIRE_ZONE_DMA], &counts);
	assert_int_equal(counts.out, 0);
	quire_poison_count_zone(&b->q, &b->q.topology.nodes[0]->zones[QUIRE_ZONE_DMA32], &counts);
	assert_int_equal(counts.out, 2);
	assert_true(quire_poison_next(&b->q, &cursor, &pfn) && pfn == 0x4321);
	assert_true(quire_poison_next(&b->q, &cursor, &pfn) && pfn == 0x4322);
	assert_false(quire_poison_next(&b->q, &cursor, &pfn));
	assert_int_equal(quire_unpoison_frame(&b->q, 0x4321), QUIRE_OK);
	assert_int_equal(quire_unpoison_frame(&b->q, 0x4321), QUIRE_ENOENT);
	assert_int_equal(quire_unpoison_frame(&b->q, 0x4322), QUIRE_OK);
	assert_int_equal(booted_free(b), free);
	assert_int_equal(booted_managed(b), managed);
	/* The hardware's word is not taken back. */
	assert_int_equal(quire_poison_frame(&b->q, 0x4321, 0, NULL), QUIRE_OK);
	assert_int_equal(quire_unpoison_frame(&b->q, 0x4321), QUIRE_EPERM);
	booted_close(b);
}

/* The set lies in frames of the machine. */
static void books_inside_the_machine(void **state)
{
	const struct booted_options options = { 0 };
	struct booted *b = booted_open(&options);

	(void)state;
	for (quire_pfn_t pfn = 0x4000; pfn < 0x4000 + 2000; pfn += 2) {
		enum quire_status status = quire_poison_frame(&b->q, pfn, QUIRE_POISON_TEST, NULL);

		assert_true(status == QUIRE_OK || status == QUIRE_EBUSY);
	}
	booted_check(b);
	nobody_gets(b, 0x4000 + 1998);
	for (quire_pfn_t pfn = 0x4000; pfn < 0x4000 + 2000; pfn += 2) {
		enum quire_status status = quire_unpoison_frame(&b->q, pfn);

		assert_true(status == QUIRE_OK || status == QUIRE_EBUSY);
	}
	booted_close(b);
}

/* Nodes for cutting large blocks come out of the machine, too. */
static void large_blocks_inside_the_machine(void **state)
{
	const struct booted_options options = { 0 };
	struct booted *b = booted_open(&options);
	quire_pfn_t pfn[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(quire_alloc_frames(&b->q, 0, 9 + i % 3, QUIRE_GFP_KERNEL, &pfn[i]), QUIRE_OK);
		fail_frame(b, pfn[i] + 300, QUIRE_EBUSY);
	}
	expect_counts(b, 0, 16, 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(quire_free_frames(&b->q, pfn[i], 9 + i % 3), QUIRE_OK);
	expect_counts(b, 16, 0, 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(quire_unpoison_frame(&b->q, pfn[i] + 300), QUIRE_OK);
	booted_close(b);
}

static void nonsense_is_refused(void **state)
{
	const struct booted_options options = { 0 };
	struct booted *b = booted_prepare(&options);

	(void)state;
	assert_int_equal(quire_poison_frame(&b->q, 0x4321, 0, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_unpoison_frame(&b->q, 0x4321), QUIRE_ENOENT);
	assert_int_equal(quire_boot(&b->q), QUIRE_OK);
	assert_int_equal(quire_poison_frame(&b->q, 0x4321, 4, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_poison_frame(&b->q, b->end, 0, NULL), QUIRE_ENOENT);
	assert_int_equal(quire_poison_frame(&b->q, 1ull << 40, 0, NULL), QUIRE_ENOENT);
	assert_int_equal(quire_poison_frame(&b->q, QUIRE_PFN_NONE, 0, NULL), QUIRE_ENOENT);
	expect_counts(b, 0, 0, 0);
	booted_close(b);
}

/* A front keeps it, and would hand it out next. */
static void kept_frames_are_fetched(void **state)
{
	struct booted *b = open_machine();
	quire_pfn_t pfn, again;

	(void)state;
	for (unsigned order = 0; order <= 9; order++) {
		assert_int_equal(quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
		assert_int_equal(quire_free_frames(&b->q, pfn, order), QUIRE_OK);
		assert_int_equal(fail_frame(b, pfn, QUIRE_OK), QUIRE_POISON_RECOVERED);
		assert_int_equal(quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_KERNEL, &again), QUIRE_OK);
		assert_true(again != pfn);
		assert_int_equal(quire_free_frames(&b->q, again, order), QUIRE_OK);
		assert_int_equal(quire_unpoison_frame(&b->q, pfn), QUIRE_OK);
	}
	booted_close(b);
}

/* Nobody claims the block: its holder frees it some day, as ever. Each order, each place of the frame in the block. */
static void blocks_in_use_lose_the_frame_when_freed(void **state)
{
	struct booted *b = open_machine();
	uint64_t free = booted_free(b);

	(void)state;
	for (unsigned order = 0; order <= 14; order++)
		for (unsigned place = 0; place < 3; place++) {
			quire_pfn_t pfn, bad;

			assert_int_equal(quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
			bad = pfn + (place == 0 ? 0 : place == 1 ? (1ull << order) - 1 : (1ull << order) / 3);
			assert_int_equal(fail_frame(b, bad, QUIRE_EBUSY), QUIRE_POISON_IGNORED);
			expect_counts(b, 0, 1, 0);
			assert_int_equal(quire_unpoison_frame(&b->q, bad), QUIRE_EBUSY);
			/* It is still one block, and in use. */
			if (order) {
				assert_int_equal(quire_free_frames(&b->q, pfn, order - 1), QUIRE_EINVAL);
				assert_int_equal(quire_free_frames(&b->q, pfn, 0), QUIRE_EINVAL);
			}
			assert_int_equal(quire_free_frames(&b->q, pfn, order), QUIRE_OK);
			booted_check(b);
			expect_counts(b, 1, 0, 0);
			assert_int_equal(booted_free(b), free - 1);
			/* Pageblocks are judged when they reach the tree. */
			if (order != 9)
				assert_true(quire_free_frames(&b->q, pfn, order) != QUIRE_OK);
			assert_int_equal(quire_unpoison_frame(&b->q, bad), QUIRE_OK);
			assert_int_equal(booted_free(b), free);
			booted_check(b);
		}
	booted_close(b);
}

/* Several frames of one block, in any order: head, tail, in the pieces that are left. */
static void several_frames_of_a_block(void **state)
{
	static const unsigned orders[] = { 1, 3, 9, 11 };
	struct booted *b = open_machine();
	uint64_t free = booted_free(b), seed = 362436069;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned order = orders[round % 4], n = 0;
		quire_pfn_t pfn, cursor = 0, bad;
		struct quire_poison_counts counts;

		assert_int_equal(quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
		for (unsigned i = 0; i < 12; i++) {
			enum quire_status status = quire_poison_frame(&b->q, pfn + booted_random(&seed) % (1u << order),
								      QUIRE_POISON_TEST, NULL);

			assert_true(status == QUIRE_EBUSY || status == QUIRE_EEXIST);
			n += status == QUIRE_EBUSY;
			booted_check(b);
		}
		expect_counts(b, 0, n, 0);
		quire_poison_count(&b->q, pfn, 1u << order, &counts);
		assert_int_equal(counts.pending, n);
		assert_int_equal(quire_free_frames(&b->q, pfn, order), QUIRE_OK);
		expect_counts(b, n, 0, 0);
		assert_int_equal(booted_free(b), free - n);
		while (quire_poison_next(&b->q, &cursor, &bad))
			assert_int_equal(quire_unpoison_frame(&b->q, bad), QUIRE_OK);
		assert_int_equal(booted_free(b), free);
	}
	booted_close(b);
}

/* The owner is told. He lets go, or will, or cannot. */
static void owners_are_asked(void **state)
{
	struct booted *b = open_machine();
	struct keeper *k = keeper_open(b);
	uint64_t free;
	quire_pfn_t pfn;

	(void)state;
	for (unsigned order = 0; order <= 10; order += 5) {
		free = booted_free(b);
		pfn = keeper_take(k, order, QUIRE_GFP_HIGHUSER_MOVABLE);
		k->failing_status = QUIRE_OK;
		assert_int_equal(fail_frame(b, pfn + (1u << order) / 2, QUIRE_OK), QUIRE_POISON_RECOVERED);
		assert_int_equal(k->failed, pfn + (1u << order) / 2);
		assert_int_equal(booted_free(b), free - 1);
		pfn = keeper_take(k, order, QUIRE_GFP_HIGHUSER_MOVABLE);
		k->failing_status = QUIRE_EBUSY;
		assert_int_equal(fail_frame(b, pfn, QUIRE_EBUSY), QUIRE_POISON_DELAYED);
		assert_non_null(strstr(b->told, "frame of the keeper: Delayed"));
		keeper_give(k, pfn);
		assert_int_equal(booted_free(b), free - 2);
		pfn = keeper_take(k, order, QUIRE_GFP_HIGHUSER_MOVABLE);
		k->failing_status = QUIRE_EPERM;
		assert_int_equal(fail_frame(b, pfn, QUIRE_EBUSY), QUIRE_POISON_FAILED);
		keeper_give(k, pfn);
		assert_int_equal(booted_free(b), free - 3);
	}
	assert_int_equal(k->failures, 9);
	expect_counts(b, 9, 0, 0);
	keeper_close(k);
	booted_close(b);
}

/* Softly: what is in the frame is moved away; what cannot be moved stays, and the frame is as it was. */
static void contents_move_first(void **state)
{
	struct booted *b = open_machine();
	struct keeper *k = keeper_open(b);
	uint64_t free = booted_free(b);
	enum quire_poison_result result;
	quire_pfn_t pfn, elsewhere = KEEPER_NONE;

	(void)state;
	pfn = keeper_take(k, 3, QUIRE_GFP_HIGHUSER_MOVABLE);
	memset(booted_address(b, pfn + 5), 0x5a, 4096);
	k->pinned[pfn] = 1;
	assert_int_equal(quire_poison_frame(&b->q, pfn + 5, QUIRE_POISON_SOFT | QUIRE_POISON_TEST, &result), QUIRE_EPERM);
	assert_non_null(strstr(b->told, "of the keeper is pinned by the test"));
	assert_false(quire_frame_poisoned(&b->q, pfn + 5));
	expect_counts(b, 0, 0, 0);
	k->pinned[pfn] = 0;
	assert_int_equal(quire_poison_frame(&b->q, pfn + 5, QUIRE_POISON_SOFT | QUIRE_POISON_TEST, &result), QUIRE_OK);
	assert_int_equal(result, QUIRE_POISON_RECOVERED);
	assert_int_equal(k->failures, 0);
	assert_true(k->head[pfn] == KEEPER_NONE);
	for (quire_pfn_t at = 0; at < b->end; at++)
		if (k->head[at] == at)
			elsewhere = at;
	assert_int_equal(*(uint8_t *)booted_address(b, elsewhere + 5), 0x5a);
	assert_int_equal(booted_free(b), free - 8 - 1);
	/* A free frame needs no moving. */
	assert_int_equal(quire_poison_frame(&b->q, 0x7777, QUIRE_POISON_SOFT, &result), QUIRE_OK);
	expect_counts(b, 2, 0, 0);
	booted_check(b);
	keeper_close(k);
	nobody_gets(b, pfn + 5);
	booted_close(b);
}

/* Blocks with descriptors go the same way; the frame's descriptor says so. */
static void descriptors_tell(void **state)
{
	struct booted *b = open_machine();
	uint64_t free = booted_free(b);
	struct quire_page *page;
	quire_pfn_t pfn;

	(void)state;
	for (unsigned order = 0; order <= 9; order += 3) {
		assert_int_equal(quire_alloc_pages(&b->q, 0, order, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP, &page), QUIRE_OK);
		pfn = quire_page_to_pfn(&b->q.memmap, page);
		fail_frame(b, pfn + (1u << order) - 1, QUIRE_EBUSY);
		assert_true(quire_page_test(quire_pfn_to_page(&b->q.memmap, pfn + (1u << order) - 1), QUIRE_PAGE_POISON));
		assert_int_equal(quire_put_page(&b->q, page), QUIRE_OK);
		expect_counts(b, 1, 0, 0);
		assert_int_equal(quire_unpoison_frame(&b->q, pfn + (1u << order) - 1), QUIRE_OK);
		assert_false(quire_page_test(quire_pfn_to_page(&b->q.memmap, pfn + (1u << order) - 1), QUIRE_PAGE_POISON));
		assert_int_equal(booted_free(b), free);
	}
	/* All of memory with descriptors: none of a block that was cut is left in a state that is told as bad. */
	b->lines = 0;
	while (quire_alloc_pages(&b->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &page) == QUIRE_OK)
		quire_page_set_refs(page, 1);
	assert_int_equal(b->lines, 0);
	booted_close(b);
}

/* Single frames given back many at a time. */
static void frames_of_many_at_once(void **state)
{
	struct booted *b = open_machine();
	uint64_t free = booted_free(b);
	quire_pfn_t pfn, pfns[64];

	(void)state;
	assert_int_equal(quire_alloc_frames_exact(&b->q, 0, 1000, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	fail_frame(b, pfn + 321, QUIRE_EBUSY);
	assert_int_equal(quire_free_frames_exact(&b->q, pfn, 1000), QUIRE_OK);
	assert_int_equal(booted_free(b), free - 1);
	for (unsigned i = 0; i < 64; i++)
		pfns[i] = QUIRE_PFN_NONE;
	assert_int_equal(quire_alloc_frames_bulk(&b->q, 0, QUIRE_GFP_KERNEL, 64, pfns), 64);
	fail_frame(b, pfns[7], QUIRE_EBUSY);
	assert_int_equal(quire_free_frames_bulk(&b->q, 64, pfns), 0);
	assert_int_equal(booted_free(b), free - 2);
	expect_counts(b, 2, 0, 0);
	booted_close(b);
}

static void reserve_initrd(struct booted *b)
{
	assert_int_equal(quire_memblock_reserve(&b->q.memblock, 64 * MIB, MIB), QUIRE_OK);
}

/* Reserved memory: remembered, and left out when it is given to the allocator. */
static void reserved_frames_stay_out(void **state)
{
	const struct booted_options options = { .before_zones = reserve_initrd, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);
	uint64_t free = booted_free(b), managed = booted_managed(b);

	(void)state;
	assert_int_equal(fail_frame(b, (64 * MIB >> 12) + 9, QUIRE_EBUSY), QUIRE_POISON_IGNORED);
	fail_frame(b, (64 * MIB >> 12) + 10, QUIRE_EBUSY);
	fail_frame(b, (64 * MIB >> 12) + 255, QUIRE_EBUSY);
	fail_frame(b, 64 * MIB >> 12, QUIRE_EBUSY);
	expect_counts(b, 0, 0, 4);
	assert_int_equal(quire_unpoison_frame(&b->q, (64 * MIB >> 12) + 10), QUIRE_OK);
	assert_int_equal(quire_free_late(&b->q, 64 * MIB, MIB), QUIRE_OK);
	expect_counts(b, 3, 0, 0);
	assert_int_equal(booted_free(b), free + 256 - 3);
	assert_int_equal(booted_managed(b), managed + 256);
	assert_int_equal(quire_free_late(&b->q, 64 * MIB, MIB), QUIRE_EEXIST);
	assert_int_equal(quire_free_late(&b->q, (64 * MIB) + (9 << 12), 2 << 12), QUIRE_EEXIST);
	assert_int_equal(quire_free_late(&b->q, (64 * MIB) + (9 << 12), 1 << 12), QUIRE_OK);
	assert_int_equal(booted_managed(b), managed + 256);
	assert_int_equal(quire_unpoison_frame(&b->q, (64 * MIB >> 12) + 9), QUIRE_OK);
	assert_int_equal(booted_free(b), free + 256 - 2);
	booted_close(b);
}

/* Several CPUs, and no way to empty their fronts: free frames go, others are refused and nothing is remembered. */
static void fronts_out_of_reach(void **state)
{
	const struct booted_options options = { .cpus = 4 };
	struct booted *b = booted_open(&options);
	quire_pfn_t pfn;

	(void)state;
	b->platform.barrier_all = NULL;
	assert_int_equal(quire_alloc_frames(&b->q, 0, 3, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_poison_frame(&b->q, pfn, QUIRE_POISON_TEST, NULL), QUIRE_EUNSUPPORTED);
	assert_false(quire_frame_poisoned(&b->q, pfn));
	fail_frame(b, 0x4321, QUIRE_OK);
	assert_int_equal(quire_free_frames(&b->q, pfn, 3), QUIRE_OK);
	b->platform.barrier_all = quire_hosted_platform(b->host)->barrier_all;
	booted_close(b);
}

static void all_debugging(struct quire_config *config)
{
	config->options.debug =
		(struct quire_debug_options){ .page_poison = true, .page_owner = true, .init_on_free = true };
}

/* With every frame watched: what came back around a failing one raises no alarm when it is handed out again. */
static void with_debugging(void **state)
{
	const struct booted_options options = { .configure = all_debugging, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);
	uint64_t free = booted_free(b);
	quire_pfn_t pfn;

	(void)state;
	for (unsigned order = 0; order <= 10; order++) {
		assert_int_equal(quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
		fail_frame(b, pfn + (1u << order) / 2, QUIRE_EBUSY);
		assert_int_equal(quire_free_frames(&b->q, pfn, order), QUIRE_OK);
	}
	fail_frame(b, 0x4321, QUIRE_OK);
	expect_counts(b, 12, 0, 0);
	assert_int_equal(booted_free(b), free - 12);
	b->lines = 0;
	nobody_gets(b, 0x4321);
	assert_int_equal(b->lines, 0);
	booted_close(b);
}

/* Metadata fails at every n-th call: nothing has changed, or all has. */
static void without_metadata(void **state)
{
	bool all_went = false;

	(void)state;
	for (unsigned n = 1; !all_went; n++) {
		struct booted *b = open_machine();
		uint64_t free = booted_free(b), managed = booted_managed(b), gone = 0;
		quire_pfn_t block;
		enum quire_status status[3];

		assert_int_equal(quire_alloc_frames(&b->q, 0, 10, QUIRE_GFP_KERNEL, &block), QUIRE_OK);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, n);
		status[0] = quire_poison_frame(&b->q, 0x2345, QUIRE_POISON_TEST, NULL);
		status[1] = quire_poison_frame(&b->q, block + 700, QUIRE_POISON_TEST, NULL);
		status[2] = quire_free_frames(&b->q, block, 10);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 0);
		assert_true(status[0] == QUIRE_OK || status[0] == QUIRE_ENOMEM);
		assert_true(status[1] == QUIRE_EBUSY || status[1] == QUIRE_ENOMEM);
		assert_int_equal(status[2], QUIRE_OK);
		gone = (status[0] == QUIRE_OK) + (status[1] == QUIRE_EBUSY);
		expect_counts(b, gone, 0, 0);
		assert_int_equal(booted_free(b), free - gone);
		assert_int_equal(booted_managed(b), managed);
		all_went = gone == 2 && n > 12;
		booted_close(b);
		assert_true(n < 40);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_frames_are_taken_out),
		cmocka_unit_test(books_inside_the_machine),
		cmocka_unit_test(large_blocks_inside_the_machine),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(kept_frames_are_fetched),
		cmocka_unit_test(blocks_in_use_lose_the_frame_when_freed),
		cmocka_unit_test(several_frames_of_a_block),
		cmocka_unit_test(owners_are_asked),
		cmocka_unit_test(contents_move_first),
		cmocka_unit_test(descriptors_tell),
		cmocka_unit_test(frames_of_many_at_once),
		cmocka_unit_test(reserved_frames_stay_out),
		cmocka_unit_test(fronts_out_of_reach),
		cmocka_unit_test(with_debugging),
		cmocka_unit_test(without_metadata),
	};

	return cmocka_run_group_tests_name("poison", tests, NULL, NULL);
}
