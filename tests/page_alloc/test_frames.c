/* Frame requests over a hand-made machine of two nodes: zones by flags, watermarks to the page, fallback, bad requests. */
#include "machine.h"

static void flags_choose_the_zone(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[0].zones[QUIRE_ZONE_NORMAL]);
	assert_int_equal(quire_free_frames(&m->q, pfn, 0), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 3, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32, &pfn), QUIRE_OK);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[0].zones[QUIRE_ZONE_DMA32]);
	assert_int_equal(quire_free_frames(&m->q, pfn, 3), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&m->q, 1, 9, QUIRE_GFP_HIGHUSER_MOVABLE, &pfn), QUIRE_OK);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[1].zones[QUIRE_ZONE_NORMAL]);
	assert_int_equal(quire_free_frames(&m->q, pfn, 9), QUIRE_OK);
	/* Node 1 has no DMA32: the neighbour's, or nobody's. */
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32, &pfn), QUIRE_OK);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[0].zones[QUIRE_ZONE_DMA32]);
	assert_int_equal(quire_free_frames(&m->q, pfn, 0), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32 | QUIRE_GFP_THISNODE, &pfn),
			 QUIRE_ENOMEM);
	now_on = 3;
	assert_int_equal(quire_alloc_frames(&m->q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_ptr_equal(zone_of(m, pfn), &m->nodes[1].zones[QUIRE_ZONE_NORMAL]);
	assert_int_equal(quire_free_frames(&m->q, pfn, 0), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(qi_tree_free_pages(m->lists[0][0][i]->tree), ZONE_PAGES);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

/* Order 4: fronts take such blocks one by one, so that the marks are met to the block. */
static uint64_t exhaust(struct machine *m, int nid, quire_gfp_t gfp, uint64_t *per_zone)
{
	uint64_t blocks = 0;
	quire_pfn_t pfn;

	while (quire_alloc_frames(&m->q, nid, 4, gfp, &pfn) == QUIRE_OK) {
		per_zone[pfn >= NODE1_START ? 2 : pfn >= NORMAL_START]++;
		blocks++;
	}
	return blocks;
}

/* free must stay strictly above mark + reserve after the request. */
static uint64_t blocks_above(uint64_t mark) { return (ZONE_PAGES - mark) / 16; }

static void watermarks_stop_to_the_page(void **state)
{
	struct machine *m = *state;
	uint64_t got[3] = { 0 };

	/* An ordinary request without reserves stops at the minimum: the second round is asked with that. */
	exhaust(m, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, got);
	assert_int_equal(got[1], blocks_above(1000));
	assert_int_equal(got[0], blocks_above(1000 + 2988));
	assert_int_equal(got[2], 0);
	/* High: half of it; and without direct reclaim a quarter of the rest more. */
	got[0] = got[1] = 0;
	exhaust(m, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_HIGH | QUIRE_GFP_THISNODE, got);
	assert_int_equal(got[1], blocks_above(500) - blocks_above(1000));
	got[0] = got[1] = 0;
	exhaust(m, 0, QUIRE_GFP_ATOMIC | QUIRE_GFP_THISNODE, got);
	assert_int_equal(got[1], blocks_above(375) - blocks_above(500));
	got[0] = got[1] = 0;
	exhaust(m, 0, QUIRE_GFP_ATOMIC | QUIRE_GFP_MEMALLOC | QUIRE_GFP_THISNODE, got);
	assert_int_equal(got[1], blocks_above(0) - blocks_above(375));
}

static void the_other_node_is_asked_before_reserves(void **state)
{
	struct machine *m = *state;
	uint64_t got[3] = { 0 };

	exhaust(m, 0, QUIRE_GFP_KERNEL, got);
	assert_int_equal(got[1], blocks_above(1000));
	assert_int_equal(got[2], blocks_above(1000));
}

/* Spec 05 section 15: the worked numbers. */
static void worked_watermarks(void **state)
{
	struct quire_zone zone = { .watermark = { 1000, 1250 }, .lowmem_reserve = { [QUIRE_ZONE_NORMAL] = 2988 } };

	(void)state;
	assert_true(quire_watermark_ok(&zone, 0, 1250, QUIRE_ZONE_NORMAL, QUIRE_GFP_KERNEL, 5000, 512));
	assert_true(quire_watermark_ok(&zone, 0, 1000, QUIRE_ZONE_NORMAL, QUIRE_GFP_ATOMIC, 5000, 0));
	assert_false(quire_watermark_ok(&zone, 0, 1250, QUIRE_ZONE_NORMAL, QUIRE_GFP_KERNEL, 3400, 0));
	assert_true(quire_watermark_ok(&zone, 0, 1000, QUIRE_ZONE_NORMAL, QUIRE_GFP_ATOMIC, 3400, 0));
	assert_false(quire_watermark_ok(&zone, 3, 1250, QUIRE_ZONE_NORMAL, QUIRE_GFP_KERNEL, 1250 + 2988 + 7, 0));
	assert_true(quire_watermark_ok(&zone, 3, 1250, QUIRE_ZONE_NORMAL, QUIRE_GFP_KERNEL, 1250 + 2988 + 8, 0));
	assert_false(quire_watermark_ok(&zone, 0, 0, QUIRE_ZONE_DMA, QUIRE_GFP_KERNEL, 5, 6));
}

static void bad_requests(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn = 7;

	assert_int_equal(quire_alloc_frames(&m->q, 0, 27, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames(&m->q, 2, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_ENOENT);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_DMA | QUIRE_GFP_DMA32, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_MOVABLE | QUIRE_GFP_RECLAIMABLE, &pfn), QUIRE_EINVAL);
	m->q.stage = QUIRE_STAGE_HANDOVER;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	m->q.stage = QUIRE_STAGE_WATERMARKS;
	assert_int_equal(pfn, 7);
	assert_int_equal(quire_free_frames(&m->q, 0, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&m->q, QUIRE_PFN_NONE, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&m->q, NORMAL_START + 1, 1), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 7, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, pfn, 8), QUIRE_EEXIST);
	assert_int_equal(quire_free_frames(&m->q, pfn, 7), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, pfn, 7), QUIRE_EEXIST);
}

/* A double free is refused at once, or by the tree when the front gives it back, then logged; nothing else is harmed. */
static void double_frees_are_reported(void **state)
{
	struct machine *m = *state;
	enum quire_status status;
	quire_pfn_t a, b;

	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL, &a), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL, &b), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, a, 0), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, a, 0), QUIRE_EEXIST);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	status = quire_free_frames(&m->q, a, 0);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_true(status == QUIRE_EEXIST || (status == QUIRE_OK && errors_logged == 1));
	assert_int_equal(quire_free_frames(&m->q, b, 0), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(qi_tree_free_pages(m->lists[0][0][i]->tree), ZONE_PAGES);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

/* What one CPU keeps is there for another that finds nothing else. */
static void kept_pages_are_drained_for_others(void **state)
{
	struct machine *m = *state;
	static quire_pfn_t got[ZONE_PAGES];
	size_t n = 0;

	m->nodes[1].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_LOW] = 0;
	m->nodes[1].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_MIN] = 0;
	while (quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &got[n]) == QUIRE_OK)
		n++;
	assert_int_equal(n, ZONE_PAGES);
	now_on = 1;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(quire_free_frames(&m->q, got[i * 5000], 0), QUIRE_OK);
	assert_int_equal(quire_zone_kept_pages(&m->nodes[1].zones[QUIRE_ZONE_NORMAL]), 6);
	now_on = 2;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &got[i]), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &got[0]), QUIRE_ENOMEM);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

static void replaced_zones(void **state)
{
	const uint32_t common = 1u << QUIRE_ZONE_DMA | 1u << QUIRE_ZONE_NORMAL | 1u << QUIRE_ZONE_MOVABLE;
	const uint32_t x86_64 = common | 1u << QUIRE_ZONE_DMA32, i386 = common | 1u << QUIRE_ZONE_HIGHMEM;
	enum quire_zone_type highest;

	(void)state;
	assert_int_equal(quire_gfp_zone(x86_64, QUIRE_GFP_HIGHUSER, &highest), QUIRE_OK);
	assert_int_equal(highest, QUIRE_ZONE_NORMAL);
	assert_int_equal(quire_gfp_zone(i386, QUIRE_GFP_HIGHUSER, &highest), QUIRE_OK);
	assert_int_equal(highest, QUIRE_ZONE_HIGHMEM);
	assert_int_equal(quire_gfp_zone(i386, QUIRE_GFP_HIGHUSER_MOVABLE, &highest), QUIRE_OK);
	assert_int_equal(highest, QUIRE_ZONE_MOVABLE);
	assert_int_equal(quire_gfp_zone(i386, QUIRE_GFP_DMA32, &highest), QUIRE_OK);
	assert_int_equal(highest, QUIRE_ZONE_NORMAL);
	assert_int_equal(quire_gfp_zone(x86_64, QUIRE_GFP_MOVABLE, &highest), QUIRE_OK);
	assert_int_equal(highest, QUIRE_ZONE_NORMAL);
	assert_int_equal(quire_gfp_zone(x86_64, QUIRE_GFP_DMA, &highest), QUIRE_OK);
	assert_int_equal(highest, QUIRE_ZONE_DMA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flags_choose_the_zone, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(watermarks_stop_to_the_page, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(the_other_node_is_asked_before_reserves, open_machine, close_machine),
		cmocka_unit_test(worked_watermarks),
		cmocka_unit_test_setup_teardown(bad_requests, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(double_frees_are_reported, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(kept_pages_are_drained_for_others, open_machine, close_machine),
		cmocka_unit_test(replaced_zones),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
