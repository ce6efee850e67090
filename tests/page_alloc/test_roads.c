/*
 * What CPUs remember of the roads requests take (at_hand.h): that they do remember, and that they forget when something it
 * depends on has changed. Which zones come and go is hotplug's to try (tests/hotplug/test_cycle.c).
 */
#include "machine.h"

#include <quire/frames.h>
#include <quire/vmstat.h>

#include "page_alloc/at_hand.h"

static quire_pfn_t take(struct machine *m, int nid, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(&m->q, nid, 0, gfp, &pfn), QUIRE_OK);
	return pfn;
}

static void give(struct machine *m, quire_pfn_t pfn)
{
	assert_int_equal(quire_free_frames(&m->q, pfn, 0), QUIRE_OK);
}

/* Each kind of request by itself, and each CPU. */
static void roads_are_learnt(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn, block;

	assert_int_equal(qi_take_at_hand(&m->q, 0, 0, QUIRE_GFP_KERNEL), QUIRE_PFN_NONE);
	give(m, take(m, 0, QUIRE_GFP_KERNEL));
	pfn = qi_take_at_hand(&m->q, 0, 0, QUIRE_GFP_KERNEL);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[0].zones[QUIRE_ZONE_NORMAL]);
	assert_true(qi_give_at_hand(&m->q, pfn));
	/* Other flags for the same zone and type go there, too; but not who wants more than what is at hand. */
	pfn = qi_take_at_hand(&m->q, QUIRE_NO_NODE, 0, QUIRE_GFP_ATOMIC);
	assert_int_not_equal(pfn, QUIRE_PFN_NONE);
	assert_true(qi_give_at_hand(&m->q, pfn));
	assert_int_equal(qi_take_at_hand(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_ZERO), QUIRE_PFN_NONE);
	assert_int_equal(qi_take_at_hand(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_MOVABLE), QUIRE_PFN_NONE);
	assert_int_equal(qi_take_at_hand(&m->q, 1, 0, QUIRE_GFP_KERNEL), QUIRE_PFN_NONE);
	now_on = 1;
	assert_int_equal(qi_take_at_hand(&m->q, 0, 0, QUIRE_GFP_KERNEL), QUIRE_PFN_NONE);
	now_on = 0;
	/* Blocks: the one given back is at hand. */
	assert_int_equal(quire_alloc_frames(&m->q, 0, 3, QUIRE_GFP_KERNEL, &block), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, block, 3), QUIRE_OK);
	assert_int_equal(qi_take_at_hand(&m->q, 0, 3, QUIRE_GFP_KERNEL), block);
	assert_int_equal(quire_free_frames(&m->q, block, 3), QUIRE_OK);
}

/* A road is another zone's only as long as the best one has nothing. */
static void second_best_is_not_remembered(void **state)
{
	struct machine *m = *state;
	struct quire_zone *normal = &m->nodes[0].zones[QUIRE_ZONE_NORMAL];
	uint64_t low = normal->watermark[QUIRE_WMARK_LOW];
	quire_pfn_t pfn;

	normal->watermark[QUIRE_WMARK_LOW] = ZONE_PAGES + 1;
	pfn = take(m, 0, QUIRE_GFP_KERNEL);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[0].zones[QUIRE_ZONE_DMA32]);
	give(m, pfn);
	normal->watermark[QUIRE_WMARK_LOW] = low;
	pfn = take(m, 0, QUIRE_GFP_KERNEL);
	assert_ptr_equal(zone_of(m, pfn), normal);
	give(m, pfn);
}

/* Frames of other zones than the one before, in words that are at hand and in others: each gets home. */
static void frees_go_where_they_belong(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn[3][200];

	for (unsigned i = 0; i < 200; i++) {
		pfn[0][i] = take(m, 0, QUIRE_GFP_KERNEL);
		pfn[1][i] = take(m, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32);
		pfn[2][i] = take(m, 1, QUIRE_GFP_HIGHUSER_MOVABLE);
	}
	for (unsigned i = 0; i < 600; i++)
		give(m, pfn[i * 7 % 3][i * 7 % 600 / 3]);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (int nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			struct qi_zone *za = qi_zone_of(&m->nodes[nid].zones[type]);

			assert_true(!za || (qi_tree_free_pages(&za->tree) == ZONE_PAGES && !za->bad_frees));
		}
}

struct counts {
	unsigned allocs, frees;
};

static void count_alloc(void *ctx, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, enum quire_migratetype type)
{
	(void)pfn; (void)order; (void)gfp; (void)type;
	((struct counts *)ctx)->allocs++;
}

static void count_free(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)pfn; (void)order;
	((struct counts *)ctx)->frees++;
}

static void who_watches_sees_the_next_request(void **state)
{
	struct machine *m = *state;
	struct counts counts = { 0 };
	const struct quire_trace trace = { .ctx = &counts, .alloc = count_alloc, .free = count_free };

	give(m, take(m, 0, QUIRE_GFP_KERNEL));
	give(m, take(m, 0, QUIRE_GFP_KERNEL));
	quire_set_trace(&m->q, &trace);
	for (unsigned i = 1; i <= 3; i++) {
		give(m, take(m, 0, QUIRE_GFP_KERNEL));
		assert_int_equal(counts.allocs, i);
		assert_int_equal(counts.frees, i);
	}
	quire_set_trace(&m->q, NULL);
	give(m, take(m, 0, QUIRE_GFP_KERNEL));
	assert_int_equal(counts.allocs, 3);
}

static void a_cpu_that_moves_asks_its_new_node(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn;

	now_on = 1;
	give(m, take(m, QUIRE_NO_NODE, QUIRE_GFP_KERNEL));
	assert_int_equal(quire_cpu_online(&m->q, 1, 1), QUIRE_OK);
	pfn = take(m, QUIRE_NO_NODE, QUIRE_GFP_KERNEL);
	assert_int_equal(zone_of(m, pfn)->node->nid, 1);
	give(m, pfn);
	now_on = 0;
}

static void mobility_that_is_grouped_from_now_on(void **state)
{
	struct machine *m = *state;
	struct quire_tunables tunables = m->q.config.tunables;
	quire_pfn_t pfn;

	m->q.watermarks.mobility_grouping = false;
	pfn = take(m, 0, QUIRE_GFP_HIGHUSER_MOVABLE);
	assert_int_equal(quire_pageblock_type(&m->q, pfn), QUIRE_MIGRATE_UNMOVABLE);
	m->q.config.tunables.min_free_kbytes = 4000;
	tunables.min_free_kbytes = -1;
	assert_int_equal(quire_tunables_apply(&m->q, &tunables), QUIRE_OK);
	assert_true(m->q.watermarks.mobility_grouping);
	give(m, pfn);
	pfn = take(m, 0, QUIRE_GFP_HIGHUSER_MOVABLE);
	assert_int_equal(quire_pageblock_type(&m->q, pfn), QUIRE_MIGRATE_MOVABLE);
	give(m, pfn);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(roads_are_learnt),
		CASE(second_best_is_not_remembered),
		CASE(frees_go_where_they_belong),
		CASE(who_watches_sees_the_next_request),
		CASE(a_cpu_that_moves_asks_its_new_node),
		CASE(mobility_that_is_grouped_from_now_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
