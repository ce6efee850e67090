/* Memory short: shrinkers, the background reclaimer, boosts, the atomic reserve, the last resort, bounds of retrying. */
#include "machine.h"

#include <quire/explain.h>
#include <quire/frames.h>
#include <quire/reclaim.h>

/* Somebody who holds single frames of node 0 and gives some back when asked. */
struct cache {
	struct quire *q;
	quire_pfn_t frames[2 * ZONE_PAGES];
	size_t count;
	unsigned asked;
	uint64_t most;			/* at once */
};
static struct cache cache;

static uint64_t cache_count(void *ctx, int nid) { (void)nid; return ((struct cache *)ctx)->count; }

static uint64_t cache_scan(void *ctx, const struct quire_reclaim *reclaim)
{
	struct cache *c = ctx;
	uint64_t n = 0;

	c->asked++;
	assert_in_range(reclaim->priority, 1, 12);
	assert_true(reclaim->target > 0);
	while (c->count && n < reclaim->target && n < c->most) {
		/* From anywhere, so from all zones. */
		size_t i = (c->count * 2654435761u + n) % c->count;
		quire_pfn_t pfn = c->frames[i];

		c->frames[i] = c->frames[c->count - 1];
		c->frames[c->count - 1] = pfn;
		assert_int_equal(quire_free_frames(c->q, c->frames[--c->count], 0), QUIRE_OK);
		n++;
	}
	return n;
}

static struct quire_shrinker shrinker = { .name = "cache", .count = cache_count, .scan = cache_scan, .ctx = &cache };

static void fill_node0(struct machine *m, quire_gfp_t gfp)
{
	while (quire_alloc_frames(&m->q, 0, 0, gfp | QUIRE_GFP_THISNODE | QUIRE_GFP_NOWARN, &cache.frames[cache.count]) ==
	       QUIRE_OK)
		cache.count++;
}

static int open_full(void **state)
{
	int result = open_machine(state);

	cache.q = &((struct machine *)*state)->q;
	cache.count = 0;
	cache.asked = 0;
	cache.most = UINT64_MAX;
	return result;
}

static int close_full(void **state)
{
	platform.out_of_memory = NULL;
	platform.reclaim_wake = NULL;
	platform.wait = NULL;
	platform.task = NULL;
	return close_machine(state);
}

static void direct_reclaim_serves(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn;

	assert_int_equal(quire_register_shrinker(&m->q, &shrinker), QUIRE_OK);
	assert_int_equal(quire_register_shrinker(&m->q, &shrinker), QUIRE_EEXIST);
	fill_node0(m, QUIRE_GFP_NOWAIT);
	assert_int_equal(cache.asked, 0);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_NOWAIT | QUIRE_GFP_THISNODE, &pfn), QUIRE_ENOMEM);
	assert_int_equal(cache.asked, 0);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_OK);
	assert_true(cache.asked > 0);
	assert_true(quire_vmstat(&m->q, QUIRE_VM_ALLOCSTALL + QUIRE_ZONE_NORMAL) > 0);
	assert_true(quire_vmstat(&m->q, QUIRE_VM_PGSTEAL_DIRECT) > 0);
	assert_int_equal(quire_unregister_shrinker(&m->q, &shrinker), QUIRE_OK);
	assert_int_equal(quire_unregister_shrinker(&m->q, &shrinker), QUIRE_ENOENT);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

static struct quire_request_record seen;
static unsigned seen_count;
static void see_slow(void *ctx, const struct quire_request_record *record) { (void)ctx; seen = *record; seen_count++; }

static char told[512];
static void collect(void *ctx, const char *text, size_t length)
{
	size_t used = strlen(told);

	(void)ctx;
	assert_true(used + length < sizeof(told));
	memcpy(told + used, text, length);
	told[used + length] = '\0';
}

/* Who failed and who had to wait is on record, with what was done for them. */
static void slow_requests_are_recorded(void **state)
{
	const struct quire_trace trace = { .slow = see_slow };
	const struct quire_report_sink sink = { .write = collect };
	struct machine *m = *state;
	struct quire_request_record record;
	quire_pfn_t pfn;

	told[0] = '\0';
	quire_set_trace(&m->q, &trace);
	assert_false(quire_last_failed(&m->q, &record));
	assert_int_equal(quire_register_shrinker(&m->q, &shrinker), QUIRE_OK);
	fill_node0(m, QUIRE_GFP_NOWAIT);
	assert_true(quire_last_failed(&m->q, &record));
	assert_true(!record.served && record.order == 0 && record.nid == 0 && !record.reclaims &&
		    (record.gfp & QUIRE_GFP_THISNODE));
	assert_false(quire_last_slow(&m->q, &record));
	quire_explain_record(&seen, &sink);
	assert_non_null(strstr(told, "it may not wait"));
	seen_count = 0;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_OK);
	assert_int_equal(seen_count, 1);
	assert_true(quire_last_slow(&m->q, &record));
	assert_memory_equal(&record, &seen, sizeof(seen));
	assert_true(record.served && record.number == 2 && record.reclaims == 1 && record.reclaimed >= 32);
	told[0] = '\0';
	quire_explain_record(&record, &sink);
	assert_non_null(strstr(told, "served: 1 round of reclaim that freed"));
	/* Served without anybody's help: nothing to record. */
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(seen_count, 1);
	assert_int_equal(quire_unregister_shrinker(&m->q, &shrinker), QUIRE_OK);
}

/* Says it freed, and has not: every retry ends. */
static uint64_t liar_scan(void *ctx, const struct quire_reclaim *reclaim)
{
	unsigned *asked = ctx;

	(void)reclaim;
	return ++*asked < 1000 ? 0 : 1;
}
static uint64_t liar_count(void *ctx, int nid) { (void)ctx; (void)nid; return 1u << 30; }

static void retries_are_bounded(void **state)
{
	struct machine *m = *state;
	unsigned asked = 0;
	struct quire_shrinker liar = { .name = "liar", .count = liar_count, .scan = liar_scan, .ctx = &asked };
	quire_pfn_t pfn;

	fill_node0(m, QUIRE_GFP_NOWAIT);
	assert_int_equal(quire_register_shrinker(&m->q, &liar), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE | QUIRE_GFP_NORETRY, &pfn),
			 QUIRE_ENOMEM);
	assert_int_equal(asked, 1);
	asked = 0;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_ENOMEM);
	assert_in_range(asked, 2, 17);
	asked = 0;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 4, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_ENOMEM);
	assert_int_equal(asked, 1);
	/* Must not fail, and nothing comes back, and nobody waits: it ends all the same. */
	asked = 0;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 14, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE | QUIRE_GFP_NOFAIL, &pfn),
			 QUIRE_ENOMEM);
	assert_in_range(asked, 2, 100);
}

static unsigned killed;
static bool kill_one(void *ctx, int nid, unsigned order, uint32_t gfp)
{
	(void)ctx; (void)nid; (void)order; (void)gfp;
	if (++killed > 3)
		return false;
	for (unsigned i = 0; killed == 3 && i < 2000 && cache.count; i++)
		assert_int_equal(quire_free_frames(cache.q, cache.frames[--cache.count], 0), QUIRE_OK);
	return true;
}
static bool kill_nobody(void *ctx, int nid, unsigned order, uint32_t gfp)
{
	(void)ctx; (void)nid; (void)order; (void)gfp;
	killed++;
	return true;
}

static void the_last_resort(void **state)
{
	struct machine *m = *state;
	quire_gfp_t gfp = QUIRE_GFP_KERNEL;
	quire_pfn_t pfn;

	while (quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_NOWAIT | QUIRE_GFP_NOWARN, &cache.frames[cache.count]) == QUIRE_OK)
		if (cache.count + 1 < 2 * ZONE_PAGES)
			cache.count++;
	platform.out_of_memory = kill_one;
	killed = 0;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 4, gfp, &pfn), QUIRE_ENOMEM);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, gfp | QUIRE_GFP_RETRY_MAYFAIL, &pfn), QUIRE_ENOMEM);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, gfp | QUIRE_GFP_THISNODE, &pfn), QUIRE_ENOMEM);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, gfp | QUIRE_GFP_NORETRY, &pfn), QUIRE_ENOMEM);
	assert_int_equal(killed, 0);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, gfp, &pfn), QUIRE_OK);
	assert_int_equal(killed, 3);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_OOM_KILL), 3);
	platform.out_of_memory = kill_nobody;
	while (quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_NOWAIT | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK)
		;
	killed = 0;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, gfp, &pfn), QUIRE_ENOMEM);
	assert_in_range(killed, 1, 16);
}

static uint32_t task_now;
static uint32_t task(void *ctx) { (void)ctx; return task_now; }

/* Who frees memory himself may have all of it; who was chosen to die half of the minimum. */
static void tasks_reach_into_reserves(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = qi_zone_of(&m->nodes[0].zones[QUIRE_ZONE_NORMAL]);
	uint64_t blocks;
	quire_pfn_t pfn;

	platform.task = task;
	task_now = 0;
	while (quire_alloc_frames(&m->q, 0, 4, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK)
		;
	assert_in_range(qi_tree_free_pages(&za->tree), 1000, 1015);
	task_now = QUIRE_TASK_VICTIM;
	while (quire_alloc_frames(&m->q, 0, 4, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK)
		;
	assert_in_range(qi_tree_free_pages(&za->tree), 500, 516);
	task_now = QUIRE_TASK_MEMALLOC;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 4, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE | QUIRE_GFP_NOMEMALLOC, &pfn),
			 QUIRE_ENOMEM);
	for (blocks = 0; quire_alloc_frames(&m->q, 0, 4, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn) == QUIRE_OK; blocks++)
		;
	assert_true(blocks >= 31);
	assert_in_range(qi_tree_free_pages(&za->tree), 0, 15);
}

static unsigned woken;
static void wake(void *ctx, int nid) { (void)ctx; woken += nid == 0; }

static void the_background_restores_the_high_mark(void **state)
{
	struct machine *m = *state;
	struct quire_zone *normal = &m->nodes[0].zones[QUIRE_ZONE_NORMAL];

	platform.reclaim_wake = wake;
	woken = 0;
	assert_int_equal(quire_register_shrinker(&m->q, &shrinker), QUIRE_OK);
	assert_int_equal(quire_reclaim_tick(&m->q, QUIRE_NO_NODE), 0);
	fill_node0(m, QUIRE_GFP_NOWAIT);
	assert_true(woken > 0);
	assert_true(quire_reclaim_wanted(&m->q));
	assert_true(quire_reclaim_tick(&m->q, QUIRE_NO_NODE) > 0);
	assert_false(quire_reclaim_wanted(&m->q));
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_true(qi_tree_free_pages(normal->tree) > normal->watermark[QUIRE_WMARK_HIGH]);
	assert_true(quire_vmstat(&m->q, QUIRE_VM_PGSTEAL_KSWAPD) > 0);
	/* One that never yields is left alone after a while. */
	cache.most = 0;
	fill_node0(m, QUIRE_GFP_NOWAIT);
	for (unsigned i = 0; i < 20; i++)
		quire_reclaim_tick(&m->q, 0);
	woken = 0;
	fill_node0(m, QUIRE_GFP_NOWAIT);
	assert_int_equal(woken, 0);
}

/* Every leaf of the zone is MOVABLE and partly in use; then an unmovable request must mix. */
static void boosts_come_and_go(void **state)
{
	struct machine *m = *state;
	struct quire_zone *zone = &m->nodes[1].zones[QUIRE_ZONE_NORMAL];
	quire_gfp_t movable = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_THISNODE;
	quire_pfn_t pfn;

	for (quire_pfn_t block = NODE1_START; block < NODE1_START + ZONE_PAGES; block += 512)
		assert_int_equal(quire_zone_take_frames(zone, block, 300, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
	m->nodes[1].zonelists[QUIRE_ZONELIST_NOFALLBACK].count = 1;
	assert_int_equal(quire_alloc_frames(&m->q, 1, 2, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_OK);
	assert_int_equal(zone->watermark_boost, 0);
	quire_drain_frames(&m->q);
	/* The same with somebody there to make room. */
	assert_int_equal(quire_register_shrinker(&m->q, &shrinker), QUIRE_OK);
	for (unsigned i = 0; i < 40 && !zone->watermark_boost; i++)
		assert_int_equal(quire_alloc_frames(&m->q, 1, 6, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_OK);
	assert_int_equal(zone->watermark_boost, 512);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(quire_alloc_frames(&m->q, 1, 6, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &pfn), QUIRE_OK);
	/* high * 15000 / 10000 */
	assert_in_range(zone->watermark_boost, 513, 2250);
	assert_true(quire_reclaim_wanted(&m->q));
	quire_reclaim_tick(&m->q, QUIRE_NO_NODE);
	assert_int_equal(zone->watermark_boost, 0);
	(void)movable;
}

static void atomic_reserve(void **state)
{
	struct machine *m = *state;
	struct quire_zone *zone = &m->nodes[1].zones[QUIRE_ZONE_NORMAL];
	quire_gfp_t atomic = QUIRE_GFP_ATOMIC | QUIRE_GFP_THISNODE, kernel = QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE;
	quire_pfn_t pfn, kept;

	/* 6.12: a hundredth of 32768 is less than a pageblock, none. */
	zone->watermark[QUIRE_WMARK_LOW] = 2 * ZONE_PAGES;
	assert_int_equal(quire_alloc_frames(&m->q, 1, 4, atomic, &pfn), QUIRE_OK);
	assert_int_equal(quire_zone_highatomic_pages(zone), 0);
	m->q.config.rules = QUIRE_RULES_6_1;
	assert_int_equal(quire_alloc_frames(&m->q, 1, 4, atomic, &kept), QUIRE_OK);
	assert_int_equal(quire_zone_highatomic_pages(zone), 512);
	assert_int_equal(quire_pageblock_type(&m->q, kept), QUIRE_MIGRATE_HIGHATOMIC);
	/* One that can wait fills the rest of the zone and never that pageblock, until nothing else is left. */
	zone->watermark[QUIRE_WMARK_MIN] = 0;
	while (quire_alloc_frames(&m->q, 1, 4, kernel | QUIRE_GFP_NORETRY | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK)
		assert_true(pfn / 512 != kept / 512);
	assert_int_equal(quire_alloc_frames(&m->q, 1, 4, atomic, &pfn), QUIRE_OK);
	assert_int_equal(pfn / 512, kept / 512);
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, kernel, &pfn), QUIRE_OK);
	assert_int_equal(quire_zone_highatomic_pages(zone), 0);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

static void tunables(void **state)
{
	struct machine *m = *state;
	struct quire_tunables t = m->q.config.tunables;
	uint64_t low = m->nodes[0].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_LOW];

	t.watermark_scale_factor = 0;
	assert_int_equal(quire_tunables_apply(&m->q, &t), QUIRE_EINVAL);
	t.watermark_scale_factor = 3001;
	assert_int_equal(quire_tunables_apply(&m->q, &t), QUIRE_EINVAL);
	t.watermark_scale_factor = 10;
	t.percpu_pagelist_high_fraction = 7;
	assert_int_equal(quire_tunables_apply(&m->q, &t), QUIRE_EINVAL);
	assert_int_equal(m->nodes[0].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_LOW], low);
	t.percpu_pagelist_high_fraction = 0;
	t.min_free_kbytes = 12288;
	assert_int_equal(quire_tunables_apply(&m->q, &t), QUIRE_OK);
	/* A third of 3072 pages each, then a quarter of that as the gap. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(m->lists[0][0][i]->watermark[QUIRE_WMARK_MIN], 1024);
		assert_int_equal(m->lists[0][0][i]->watermark[QUIRE_WMARK_LOW], 1280);
	}
	t.watermark_scale_factor = 1000;
	assert_int_equal(quire_tunables_apply(&m->q, &t), QUIRE_OK);
	assert_int_equal(m->nodes[0].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_LOW], 1024 + ZONE_PAGES / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(direct_reclaim_serves, open_full, close_full),
		cmocka_unit_test_setup_teardown(slow_requests_are_recorded, open_full, close_full),
		cmocka_unit_test_setup_teardown(retries_are_bounded, open_full, close_full),
		cmocka_unit_test_setup_teardown(the_last_resort, open_full, close_full),
		cmocka_unit_test_setup_teardown(tasks_reach_into_reserves, open_full, close_full),
		cmocka_unit_test_setup_teardown(the_background_restores_the_high_mark, open_full, close_full),
		cmocka_unit_test_setup_teardown(boosts_come_and_go, open_full, close_full),
		cmocka_unit_test_setup_teardown(atomic_reserve, open_full, close_full),
		cmocka_unit_test_setup_teardown(tunables, open_full, close_full),
	};

	return cmocka_run_group_tests_name("reclaim", tests, NULL, NULL);
}
