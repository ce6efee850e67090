/* Frame requests over a hand-made machine of two nodes: zones by flags, watermarks to the page, fallback, bad requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/page_alloc.h>
#include <quire/quire.h>

#include "zone/front.h"
#include "zone/zone.h"

#define DMA32_START 256u
#define NORMAL_START 65536u
#define NODE1_START 131072u
#define ZONE_PAGES 32768u

static size_t meta_now;

static void *meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	void *memory = aligned_alloc(align < 64 ? 64 : align, (size + 63) / 64 * 64);

	(void)ctx;
	(void)nid;
	assert_non_null(memory);
	memset(memory, 0, size);
	meta_now += size;
	return memory;
}

static void meta_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	meta_now -= size;
	free(address);
}

static unsigned now_on;		/* the CPU the test pretends to be on */
static unsigned cpu_enter(void *ctx, unsigned long *state) { (void)ctx; (void)state; return now_on; }
static void cpu_leave(void *ctx, unsigned long state) { (void)ctx; (void)state; }
static void barrier_all(void *ctx) { (void)ctx; }
static void no_panic(void *ctx, const char *text) { (void)ctx; fail_msg("%s", text); abort(); }
static unsigned errors_logged;
static void count_errors(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	(void)ctx; (void)text; (void)len;
	errors_logged += level == QUIRE_LOG_ERROR;
}

static const struct quire_platform platform = {
	.log = count_errors, .panic = no_panic, .meta_alloc = meta_alloc, .meta_free = meta_free,
	.cpu_enter = cpu_enter, .cpu_leave = cpu_leave, .barrier_all = barrier_all,
};

struct machine {
	struct quire q;
	struct quire_node nodes[2];
	struct quire_zone *lists[2][2][3];
	int cpu_node[4];
};

static void add_zone(struct machine *m, int nid, enum quire_zone_type type, quire_pfn_t start)
{
	struct quire_zone *zone = &m->nodes[nid].zones[type];

	*zone = (struct quire_zone){ .type = type, .node = &m->nodes[nid], .start_pfn = start, .spanned = ZONE_PAGES,
				     .present = ZONE_PAGES, .watermark = { 1000, 1250, 1500, 1750 } };
	assert_int_equal(qi_zone_open(&m->q, zone), QUIRE_OK);
	assert_int_equal(qi_zone_hand_over(&m->q, zone, start, ZONE_PAGES), QUIRE_OK);
	assert_int_equal(zone->managed, ZONE_PAGES);
}

static int open_machine(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));

	quire_config_defaults(&m->q.config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	m->q.config.cpus = 4;
	m->q.platform = &platform;
	m->q.stage = QUIRE_STAGE_WATERMARKS;
	m->q.watermarks.mobility_grouping = true;
	m->q.topology.node_count = 2;
	m->q.topology.cpu_node = m->cpu_node;
	m->q.topology.cpu_count = 4;
	m->cpu_node[2] = m->cpu_node[3] = 1;
	for (int nid = 0; nid < 2; nid++) {
		m->q.topology.nodes[nid] = &m->nodes[nid];
		m->nodes[nid].nid = nid;
	}
	add_zone(m, 0, QUIRE_ZONE_DMA32, DMA32_START);
	add_zone(m, 0, QUIRE_ZONE_NORMAL, NORMAL_START);
	add_zone(m, 1, QUIRE_ZONE_NORMAL, NODE1_START);
	m->nodes[0].zones[QUIRE_ZONE_DMA32].lowmem_reserve[QUIRE_ZONE_NORMAL] = 2988;
	for (int nid = 0; nid < 2; nid++) {
		struct quire_zone **all = m->lists[nid][0], **own = m->lists[nid][1];
		size_t n = 0, k = 0;

		for (int i = 0; i < 2; i++) {
			int other = i ? !nid : nid;

			for (int type = QUIRE_ZONE_NORMAL; type >= QUIRE_ZONE_DMA32; type--) {
				struct quire_zone *zone = &m->nodes[other].zones[type];

				if (!zone->present)
					continue;
				all[n++] = zone;
				if (!i)
					own[k++] = zone;
			}
		}
		m->nodes[nid].zonelists[QUIRE_ZONELIST_FALLBACK] = (struct quire_zonelist){ all, n };
		m->nodes[nid].zonelists[QUIRE_ZONELIST_NOFALLBACK] = (struct quire_zonelist){ own, k };
	}
	now_on = 0;
	errors_logged = 0;
	*state = m;
	return 0;
}

static struct quire_zone *zone_of(struct machine *m, quire_pfn_t pfn)
{
	if (pfn >= NODE1_START)
		return &m->nodes[1].zones[QUIRE_ZONE_NORMAL];
	return &m->nodes[0].zones[pfn >= NORMAL_START ? QUIRE_ZONE_NORMAL : QUIRE_ZONE_DMA32];
}

static int close_machine(void **state)
{
	struct machine *m = *state;

	for (int nid = 0; nid < 2; nid++)
		for (int type = 0; type < QUIRE_ZONE_TYPES; type++)
			qi_zone_close(&m->q, &m->nodes[nid].zones[type]);
	assert_int_equal(m->q.metadata.percpu, 0);
	free(m);
	return 0;
}

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

/* free must stay strictly above mark + reserve after the request, spec 05 section 6. */
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
