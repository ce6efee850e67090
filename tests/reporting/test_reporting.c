/*
 * Free page reporting: everything free is told once, what was used since is told again, what is in use never; nothing can
 * take what the host is being told about, and afterwards all is as it was.
 */
#define RAM_SIZE (256ull << 20)	/* a batch is 64 MiB */
#include "../debug/rig.h"

#include <quire/reporting.h>

#define BLOCK 512u

static uint8_t told[FRAMES], held[FRAMES];
static unsigned ranges_most;
static bool refuse, probe;

static enum quire_status tell_host(void *ctx, const struct quire_free_range *ranges, unsigned count)
{
	uint64_t blocks = 0;

	(void)ctx;
	assert_in_range(count, 1, QUIRE_REPORTING_BATCH);
	ranges_most = count > ranges_most ? count : ranges_most;
	if (refuse)
		return QUIRE_EBUSY;
	for (unsigned i = 0; i < count; i++) {
		assert_true(ranges[i].pfn % BLOCK == 0 && ranges[i].count % BLOCK == 0);
		blocks += ranges[i].count / BLOCK;
		for (quire_pfn_t pfn = ranges[i].pfn; pfn < ranges[i].pfn + ranges[i].count; pfn++) {
			assert_false(held[pfn]);
			assert_false(told[pfn]);
			told[pfn] = 1;
		}
	}
	assert_in_range(blocks, 1, QUIRE_REPORTING_BATCH);
	/* Out of reach while the host looks. */
	for (unsigned i = 0; probe && i < 50; i++) {
		quire_pfn_t pfn;

		if (quire_alloc_frames(&q, 0, 9, QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
			continue;
		for (unsigned k = 0; k < count; k++)
			assert_true(pfn < ranges[k].pfn || pfn >= ranges[k].pfn + ranges[k].count);
		/* Used: it will be told again. */
		memset(told + pfn, 0, BLOCK);
		assert_int_equal(quire_free_frames(&q, pfn, 9), QUIRE_OK);
	}
	return QUIRE_OK;
}

static struct quire_reporting r;

static void begin(void)
{
	assert_int_equal(rig_boot(&(struct quire_debug_options){ 0 }, true), QUIRE_OK);
	/* Low marks would keep most of so small a machine from being reported. */
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		memset(q.topology.nodes[0]->zones[type].watermark, 0, sizeof(q.topology.nodes[0]->zones[type].watermark));
	memset(told, 0, sizeof(told));
	memset(held, 0, sizeof(held));
	r = (struct quire_reporting){ .report = tell_host, .delay_ns = 1 };
	refuse = probe = false;
	assert_int_equal(quire_reporting_open(&q, &r), QUIRE_OK);
}

static uint64_t all_rounds(void)
{
	uint64_t reported = 0;

	quire_drain_frames(&q);
	for (unsigned i = 0; i < 20; i++)
		reported += quire_reporting_tick(&q, &r);
	return reported;
}

static uint64_t whole_blocks(void)
{
	uint64_t blocks = 0;
	struct quire_zone_counts counts;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		quire_zone_count(&q, &q.topology.nodes[0]->zones[type], &counts);
		for (unsigned t = 0; t < QUIRE_MIGRATE_TYPES; t++)
			blocks += counts.free_blocks[t][9] + 2 * counts.free_blocks[t][10];
	}
	return blocks;
}

static void told_once(void **state)
{
	uint64_t before, reported;

	(void)state;
	begin();
	before = free_pages();
	reported = all_rounds();
	/* A zone keeps a batch out of the business: the small DMA zone is below that. */
	assert_in_range(reported, BLOCK, whole_blocks() * BLOCK);
	assert_true(reported >= 10 * BLOCK);
	assert_int_equal(all_rounds(), 0);
	assert_int_equal(free_pages(), before);
	assert_int_equal(r.reported, reported);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

static void told_again_after_use(void **state)
{
	quire_pfn_t one, large;
	uint64_t again;

	(void)state;
	begin();
	all_rounds();
	one = take(0);
	large = take(10);
	give(one, 0);
	give(large, 10);
	memset(told, 0, sizeof(told));
	again = all_rounds();
	assert_true(told[one]);
	assert_int_equal(again, 1024 + BLOCK);
	for (unsigned i = 0; i < 1024; i++)
		assert_true(told[large + i]);
	assert_int_equal(all_rounds(), 0);
}

static void never_what_is_in_use(void **state)
{
	static quire_pfn_t blocks[4000];
	uint32_t seed = 3;

	(void)state;
	begin();
	probe = true;
	for (unsigned round = 0; round < 30; round++) {
		for (unsigned i = 0; i < 4000; i++) {
			seed = seed * 1664525 + 1013904223;
			if (blocks[i]) {
				held[blocks[i]] = 0;
				give(blocks[i], 0);
				blocks[i] = 0;
			} else if (seed >> 28 < 6 &&
				   quire_alloc_frames(&q, 0, 0, QUIRE_GFP_NOWAIT, &blocks[i]) == QUIRE_OK) {
				held[blocks[i]] = 1;
			}
		}
		/* The host forgets: only what is free may come. */
		memset(told, 0, sizeof(told));
		all_rounds();
		assert_int_equal(quire_check(&q), QUIRE_OK);
	}
	assert_true(r.reported > 0);
	memset(blocks, 0, sizeof(blocks));
}

static void refused_and_paced(void **state)
{
	(void)state;
	begin();
	refuse = true;
	assert_int_equal(all_rounds(), 0);
	assert_true(r.failed > 0 && r.failed == r.calls);
	refuse = false;
	assert_true(all_rounds() > 0);
	quire_fini(&q);
	begin();
	r.delay_ns = 1000000;
	assert_true(quire_reporting_tick(&q, &r) > 0);
	assert_int_equal(quire_reporting_tick(&q, &r), 0);
	r.report = NULL;
	assert_int_equal(quire_reporting_open(&q, &r), QUIRE_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(told_once), RIG_TEST(told_again_after_use), RIG_TEST(never_what_is_in_use),
		RIG_TEST(refused_and_paced),
	};

	return cmocka_run_group_tests_name("reporting", tests, NULL, NULL);
}
