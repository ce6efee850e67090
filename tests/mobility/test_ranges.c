/* Exact ranges: taken, refused and undone; what is in the way moves, or is named. */
#include "mobility/holder.h"

#define GREEDY (QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC | QUIRE_GFP_THISNODE)
#define AREA NORMAL_START		/* a few pageblocks of node 0's NORMAL zone */

/* Fill every frame of the zones with single frames of the holder's, then give back those that `keep` does not want. */
static void fill_and_thin(struct holder *h, unsigned keep_one_in)
{
	unsigned n = 0;

	for (int nid = 0; nid < 2; nid++)
		while (holder_take(h, nid, 0, GREEDY) != QUIRE_PFN_NONE)
			continue;
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (h->head[pfn] == pfn && n++ % keep_one_in)
			holder_give(h, pfn);
}

static void expect_type(struct machine *m, quire_pfn_t pfn, uint64_t count, enum quire_migratetype type)
{
	for (quire_pfn_t at = pfn; at < pfn + count; at += 512)
		assert_int_equal(quire_pageblock_type(&m->q, at), type);
}

static void free_range_is_taken(void **state)
{
	struct machine *m = *state;
	struct quire_obstacle obstacle;

	assert_int_equal(quire_alloc_range(&m->q, AREA + 100, 3000, QUIRE_GFP_KERNEL, &obstacle), QUIRE_OK);
	assert_int_equal(free_everywhere(m), ALL_FRAMES - 3000);
	check_machine(m);
	expect_type(m, AREA, 4096, QUIRE_MIGRATE_MOVABLE);
	/* Each is a block of its own. */
	assert_int_equal(quire_free_frames(&m->q, AREA + 100, 0), QUIRE_OK);
	assert_int_equal(quire_free_range(&m->q, AREA + 101, 2999), QUIRE_OK);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
}

static void what_is_in_the_way_moves(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	uint64_t sum, free_before;
	quire_pfn_t big;

	big = holder_take(h, 0, 6, QUIRE_GFP_HIGHUSER_MOVABLE);
	fill_and_thin(h, 4);
	sum = holder_sum(h);
	free_before = free_everywhere(m);
	for (unsigned i = 0; i < 8; i++) {
		quire_pfn_t pfn = AREA + i * 4096 + 77;

		assert_int_equal(quire_alloc_range(&m->q, pfn, 2000, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
		for (quire_pfn_t at = pfn; at < pfn + 2000; at++)
			assert_true(h->head[at] == NO_BLOCK);
	}
	assert_true(big != QUIRE_PFN_NONE);
	assert_true(h->migrations > 2000);
	assert_int_equal(holder_sum(h), sum);
	assert_int_equal(free_everywhere(m), free_before - 16000);
	check_machine(m);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(quire_free_range(&m->q, AREA + i * 4096 + 77, 2000), QUIRE_OK);
	holder_give_all(h);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	assert_int_equal(errors_logged, 0);
	check_machine(m);
	holder_close(h);
}

static void pinned_block_is_named(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	struct quire_obstacle obstacle = { 0 };
	uint64_t sum, free_before;
	quire_pfn_t pinned = QUIRE_PFN_NONE;

	fill_and_thin(h, 3);
	for (quire_pfn_t pfn = AREA + 1500; pinned == QUIRE_PFN_NONE; pfn++)
		if (h->head[pfn] == pfn)
			pinned = pfn;
	h->pinned[pinned] = 1;
	sum = holder_sum(h);
	free_before = free_everywhere(m);
	assert_int_equal(quire_alloc_range(&m->q, AREA, 4096, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_int_equal(obstacle.pfn, pinned);
	assert_int_equal(obstacle.head, pinned);
	assert_string_equal(obstacle.owner, "the holder");
	assert_string_equal(obstacle.why, "is pinned by the test");
	assert_int_equal(h->migrations, 0);
	assert_int_equal(holder_sum(h), sum);
	assert_int_equal(free_everywhere(m), free_before);
	expect_type(m, AREA, 4096, QUIRE_MIGRATE_MOVABLE);
	check_machine(m);
	/* Up to the pinned one it works. */
	assert_int_equal(quire_alloc_range(&m->q, AREA, pinned - AREA, QUIRE_GFP_KERNEL, &obstacle), QUIRE_OK);
	check_machine(m);
	holder_close(h);
}

static unsigned waits;
static void count_waits(void *ctx) { (void)ctx; waits++; }

static void unclaimed_frame_is_in_the_way(void **state)
{
	struct machine *m = *state;
	struct quire_obstacle obstacle = { 0 };
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(&m->q, 0, 3, QUIRE_GFP_HIGHUSER_MOVABLE, &pfn), QUIRE_OK);
	assert_int_equal(quire_alloc_range(&m->q, pfn + 2, 1000, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_int_equal(obstacle.pfn, pfn + 2);
	assert_int_equal(obstacle.head, pfn);
	assert_int_equal(obstacle.order, 3);
	assert_null(obstacle.owner);
	assert_non_null(obstacle.why);
	/* It could be on its way to an owner: that is waited for, but not by who does not want to. */
	platform.wait = count_waits;
	waits = 0;
	assert_int_equal(quire_alloc_range(&m->q, pfn, 1000, QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY, &obstacle), QUIRE_EBUSY);
	assert_int_equal(waits, 0);
	assert_int_equal(quire_alloc_range(&m->q, pfn, 1000, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_int_equal(waits, QI_RANGE_ROUNDS - 1);
	platform.wait = NULL;
	assert_int_equal(quire_free_frames(&m->q, pfn, 3), QUIRE_OK);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
}

/* A block that reaches over the range's edge moves as a whole; what it had outside is free afterwards. */
static void straddling_blocks_move_whole(void **state)
{
	struct machine *m = *state;

	for (unsigned order = 1; order <= 11; order++) {
		struct holder *h = holder_open(m);
		quire_pfn_t pfn = holder_take(h, 0, order, QUIRE_GFP_HIGHUSER_MOVABLE);
		uint64_t half = 1u << (order - 1);

		assert_true(pfn != QUIRE_PFN_NONE);
		assert_int_equal(quire_alloc_range(&m->q, pfn + half, 1, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
		assert_int_equal(h->migrations, 1);
		assert_int_equal(h->held, 1u << order);
		assert_int_equal(free_everywhere(m), ALL_FRAMES - (1u << order) - 1);
		check_machine(m);
		assert_int_equal(quire_free_range(&m->q, pfn + half, 1), QUIRE_OK);
		holder_give_all(h);
		holder_close(h);
		assert_int_equal(free_everywhere(m), ALL_FRAMES);
	}
}

static void borders_holes_and_nonsense(void **state)
{
	struct machine *m = *state;
	struct quire_obstacle obstacle = { 0 };

	/* DMA32 ends where a hole begins. */
	assert_int_equal(quire_alloc_range(&m->q, DMA32_START + ZONE_PAGES - 10, 20, QUIRE_GFP_KERNEL, &obstacle),
			 QUIRE_ENOENT);
	assert_int_equal(obstacle.pfn, DMA32_START + ZONE_PAGES);
	assert_non_null(obstacle.why);
	assert_int_equal(quire_alloc_range(&m->q, 10, 20, QUIRE_GFP_KERNEL, &obstacle), QUIRE_ENOENT);
	assert_int_equal(obstacle.pfn, 10);
	assert_int_equal(quire_alloc_range(&m->q, 0, 1ull << 60, QUIRE_GFP_KERNEL, &obstacle), QUIRE_ENOENT);
	assert_int_equal(quire_alloc_range(&m->q, 10, 0, QUIRE_GFP_KERNEL, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_range(&m->q, 10, UINT64_MAX, QUIRE_GFP_KERNEL, NULL), QUIRE_EINVAL);
	/* The zone's first pageblock begins in its middle. */
	assert_int_equal(quire_alloc_range(&m->q, DMA32_START, ZONE_PAGES, QUIRE_GFP_KERNEL, &obstacle), QUIRE_OK);
	check_machine(m);
	assert_int_equal(quire_free_range(&m->q, DMA32_START, ZONE_PAGES), QUIRE_OK);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	m->q.stage = QUIRE_STAGE_HANDOVER;
	assert_int_equal(quire_alloc_range(&m->q, AREA, 1, QUIRE_GFP_KERNEL, NULL), QUIRE_EINVAL);
	m->q.stage = QUIRE_STAGE_WATERMARKS;
}

static void isolated_and_cma_pageblocks(void **state)
{
	struct machine *m = *state;
	struct quire_obstacle obstacle = { 0 };

	assert_int_equal(qi_isolate_range(&m->q, AREA + 1024, 10, 0, NULL), QUIRE_OK);
	assert_int_equal(quire_pageblock_type(&m->q, AREA + 1024), QUIRE_MIGRATE_ISOLATE);
	assert_int_equal(quire_alloc_range(&m->q, AREA, 4096, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_int_equal(obstacle.pfn, AREA + 1024);
	assert_string_equal(obstacle.why, "is isolated by somebody else");
	assert_int_equal(quire_pageblock_type(&m->q, AREA), QUIRE_MIGRATE_MOVABLE);
	qi_unisolate_range(&m->q, AREA + 1024, 10);

	assert_int_equal(quire_set_pageblock_type(&m->q, AREA + 2048, QUIRE_MIGRATE_CMA), QUIRE_OK);
	assert_int_equal(quire_alloc_range(&m->q, AREA, 4096, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_int_equal(obstacle.pfn, AREA + 2048);
	assert_string_equal(obstacle.why, "is part of a CMA area");
	assert_int_equal(qi_alloc_range(&m->q, AREA + 2048, 512, QUIRE_GFP_KERNEL, QI_RANGE_CMA, NULL, NULL), QUIRE_OK);
	assert_int_equal(quire_pageblock_type(&m->q, AREA + 2048), QUIRE_MIGRATE_CMA);
	check_machine(m);
	assert_int_equal(quire_free_range(&m->q, AREA + 2048, 512), QUIRE_OK);
	assert_int_equal(quire_pageblock_type(&m->q, AREA + 2048), QUIRE_MIGRATE_CMA);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
}

/* Frames that other CPUs keep are no obstacle. */
static void kept_frames_are_drained(void **state)
{
	struct machine *m = *state;
	quire_pfn_t frames[200];

	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_HIGHUSER_MOVABLE, &frames[i]), QUIRE_OK);
	for (unsigned i = 0; i < 200; i++) {
		now_on = 1 + i % 3;
		assert_int_equal(quire_free_frames(&m->q, frames[i], 0), QUIRE_OK);
	}
	now_on = 0;
	assert_true(quire_zone_kept_pages(zone_of(m, frames[0])) >= 200);
	assert_int_equal(quire_alloc_range(&m->q, qi_align_down(frames[0], 512), 512, QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY,
					   NULL), QUIRE_OK);
	check_machine(m);
}

static void no_room_for_what_moves(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	struct quire_obstacle obstacle = { 0 };
	uint64_t sum, held;

	fill_and_thin(h, 1);
	sum = holder_sum(h);
	held = h->held;
	assert_int_equal(quire_alloc_range(&m->q, AREA, 512, QUIRE_GFP_KERNEL, &obstacle), QUIRE_ENOMEM);
	assert_int_equal(obstacle.pfn, AREA);
	assert_string_equal(obstacle.owner, "the holder");
	assert_int_equal(holder_sum(h), sum);
	assert_int_equal(h->held, held);
	expect_type(m, AREA, 512, QUIRE_MIGRATE_MOVABLE);
	check_machine(m);
	holder_give_all(h);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	holder_close(h);
}

static void offline_moves_elsewhere(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	struct qi_evacuation how = { .gfp = QUIRE_GFP_KERNEL, .flags = QI_RANGE_ELSEWHERE | QI_RANGE_OFFLINE };
	bool cancel = true;
	uint64_t held_there = 0;

	fill_and_thin(h, 4);
	assert_int_equal(qi_isolate_range(&m->q, AREA, 4096, QI_RANGE_OFFLINE, NULL), QUIRE_OK);
	how.cancel = &cancel;
	assert_int_equal(qi_evacuate_range(&m->q, AREA, 4096, &how, NULL), QUIRE_EINTR);
	assert_int_equal(h->migrations, 0);
	cancel = false;
	for (quire_pfn_t pfn = NODE1_START; pfn < FRAMES; pfn++)
		held_there += h->head[pfn] != NO_BLOCK;
	assert_int_equal(qi_evacuate_range(&m->q, AREA, 4096, &how, NULL), QUIRE_OK);
	assert_true(how.moved > 500);
	for (quire_pfn_t pfn = NODE1_START; pfn < FRAMES; pfn++)
		held_there -= h->head[pfn] != NO_BLOCK;
	assert_int_equal(-held_there, how.moved);
	qi_unisolate_range(&m->q, AREA, 4096);
	check_machine(m);
	holder_give_all(h);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	holder_close(h);
}

static void survey_counts(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	struct quire_survey survey;
	uint64_t held = 0, moves = 0;
	quire_pfn_t stranger, start = AREA - 100, count = 5000;

	assert_int_equal(quire_alloc_frames(&m->q, 0, 2, QUIRE_GFP_HIGHUSER_MOVABLE, &stranger), QUIRE_OK);
	for (unsigned i = 0; i < 300; i++)
		holder_take(h, 0, i % 6, QUIRE_GFP_HIGHUSER_MOVABLE);
	h->pinned[h->head[AREA + 600]] = 1;
	for (quire_pfn_t pfn = AREA; pfn < start + count; pfn++) {
		held += h->head[pfn] != NO_BLOCK && !h->pinned[h->head[pfn]];
		moves += h->head[pfn] == pfn && !h->pinned[pfn];
	}
	assert_int_equal(quire_survey_range(&m->q, start, count, &survey), QUIRE_OK);
	assert_int_equal(survey.absent, 100);
	assert_int_equal(survey.movable, held);
	assert_int_equal(survey.moves, moves);
	assert_int_equal(survey.unmovable, 4 + (1u << h->order[h->head[AREA + 600]]));
	assert_int_equal(survey.free, count - 100 - survey.movable - survey.unmovable);
	assert_int_equal(survey.obstacles, 2);
	assert_true(survey.obstacle[0].pfn < survey.obstacle[1].pfn);
	assert_int_equal(quire_survey_range(&m->q, start, 0, &survey), QUIRE_EINVAL);
	assert_int_equal(quire_free_frames(&m->q, stranger, 2), QUIRE_OK);
	holder_give_all(h);
	holder_close(h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)
	const struct CMUnitTest tests[] = {
		TEST(free_range_is_taken), TEST(what_is_in_the_way_moves), TEST(pinned_block_is_named),
		TEST(unclaimed_frame_is_in_the_way), TEST(straddling_blocks_move_whole), TEST(borders_holes_and_nonsense),
		TEST(isolated_and_cma_pageblocks), TEST(kept_frames_are_drained), TEST(no_room_for_what_moves),
		TEST(offline_moves_elsewhere), TEST(survey_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
