/* Reserves, watermarks and per-CPU sizes: the spec's worked examples and the edges of the rules. */
#include "fixture.h"

/* One node with these managed pages and so many CPUs; present is the same. */
static struct fixture *zones_of(enum quire_arch arch, enum quire_rules rules, uint64_t dma, uint64_t dma32, uint64_t normal,
				uint64_t highmem, uint64_t movable, unsigned cpus)
{
	const uint64_t managed[QUIRE_ZONE_TYPES] = { dma, dma32, normal, highmem, movable, 0 };
	struct fixture *f = fixture_new(arch, rules);
	struct quire_node *node = fixture_meta_alloc(f, sizeof(*node), 8, 0);
	quire_pfn_t at = 1;

	f->t.nodes[0] = node;
	f->t.node_count = 1;
	f->t.cpu_count = node->cpus = cpus;
	f->t.movable_zone = highmem ? QUIRE_ZONE_HIGHMEM : QUIRE_ZONE_NORMAL;
	node->online = node->has_memory = true;
	node->start_pfn = at;
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone *zone = &node->zones[type];

		zone->type = (enum quire_zone_type)type;
		zone->node = node;
		zone->spanned = zone->present = zone->managed = managed[type];
		zone->start_pfn = managed[type] ? at : 0;
		node->spanned += managed[type];
		at += managed[type];
	}
	node->present = node->spanned;
	node->end_pfn = at;
	return f;
}

static void assert_marks(const struct fixture *f, enum quire_zone_type type, uint64_t min, uint64_t low, uint64_t high)
{
	const struct quire_zone *zone = &f->t.nodes[0]->zones[type];

	assert_int_equal(zone->watermark[QUIRE_WMARK_MIN], min);
	assert_int_equal(zone->watermark[QUIRE_WMARK_LOW], low);
	assert_int_equal(zone->watermark[QUIRE_WMARK_HIGH], high);
	assert_int_equal(zone->watermark[QUIRE_WMARK_PROMO], high + (high - low));
}

static void assert_pcp(const struct fixture *f, enum quire_zone_type type, unsigned batch, uint64_t min, uint64_t max)
{
	const struct quire_zone *zone = &f->t.nodes[0]->zones[type];

	assert_int_equal(zone->pcp_batch, batch);
	assert_int_equal(zone->pcp_high_min, min);
	assert_int_equal(zone->pcp_high_max, max);
}

static void assert_reserve(const struct fixture *f, enum quire_zone_type type, uint64_t dma32, uint64_t normal,
			   uint64_t highmem, uint64_t movable)
{
	const uint64_t *reserve = f->t.nodes[0]->zones[type].lowmem_reserve;

	assert_int_equal(reserve[QUIRE_ZONE_DMA], 0);
	assert_int_equal(reserve[QUIRE_ZONE_DMA32], dma32);
	assert_int_equal(reserve[QUIRE_ZONE_NORMAL], normal);
	assert_int_equal(reserve[QUIRE_ZONE_HIGHMEM], highmem);
	assert_int_equal(reserve[QUIRE_ZONE_MOVABLE], movable);
}

static void init(struct fixture *f)
{
	quire_watermarks_init(&f->t, &f->config.tunables, &f->state);
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_OK);
}

static void test_isqrt(void **state)
{
	static const struct { uint64_t x, root; } cases[] = {
		{ 0, 0 }, { 1, 1 }, { 3, 1 }, { 4, 2 }, { 15, 3 }, { 16, 4 }, { UINT32_MAX, 65535 }, { 1ull << 32, 65536 },
		{ UINT64_MAX, UINT32_MAX }, { (uint64_t)UINT32_MAX * UINT32_MAX, UINT32_MAX },
		{ (uint64_t)UINT32_MAX * UINT32_MAX - 1, UINT32_MAX - 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(quire_isqrt(cases[i].x), cases[i].root);
	for (uint64_t x = 1; x < 3000000000ull; x += x / 3 + 1) {
		uint64_t root = quire_isqrt(x);

		assert_true(root * root <= x && (root + 1) * (root + 1) > x);
	}
}

/* Spec 02 §15.2, first machine. */
static void test_server(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_12, 3840, 765000, 3300000, 0, 0, 8);

	(void)state;
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 16137);
	assert_int_equal(f->state.lowmem_pages, 3840 + 765000 + 3300000);
	assert_marks(f, QUIRE_ZONE_DMA, 3, 6, 9);
	assert_marks(f, QUIRE_ZONE_DMA32, 758, 1523, 2288);
	assert_marks(f, QUIRE_ZONE_NORMAL, 3271, 6571, 9871);
	assert_marks(f, QUIRE_ZONE_MOVABLE, 32, 32, 32);
	assert_pcp(f, QUIRE_ZONE_DMA, 1, 4, 60);
	assert_pcp(f, QUIRE_ZONE_DMA32, 63, 252, 11953);
	assert_pcp(f, QUIRE_ZONE_NORMAL, 63, 821, 51562);
	assert_reserve(f, QUIRE_ZONE_DMA, 2988, 15878, 15878, 15878);
	assert_reserve(f, QUIRE_ZONE_DMA32, 0, 12890, 12890, 12890);
	assert_reserve(f, QUIRE_ZONE_NORMAL, 0, 0, 0, 0);
	assert_true(f->state.mobility_grouping);

	quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
	assert_int_equal(f->state.min_free_kbytes, 67584);
	assert_int_equal(f->state.thp_recommended_kbytes, 67584);
	assert_int_equal(f->state.min_free_kbytes_computed, 16137);
	assert_marks(f, QUIRE_ZONE_DMA, 15, 18, 21);
	assert_marks(f, QUIRE_ZONE_DMA32, 3176, 3970, 4764);
	assert_marks(f, QUIRE_ZONE_NORMAL, 13703, 17128, 20553);
	fixture_free(f);
}

/* Spec 02 §15.2, second machine: what 6.12 does differently with a movable zone. */
static void test_movable(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 3840, 480000, 1000000, 0, 2500000, 4);

	(void)state;
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 9745);
	assert_marks(f, QUIRE_ZONE_DMA, 2, 5, 8);
	assert_marks(f, QUIRE_ZONE_DMA32, 293, 773, 1253);
	assert_marks(f, QUIRE_ZONE_NORMAL, 611, 1611, 2611);
	assert_marks(f, QUIRE_ZONE_MOVABLE, 1528, 4028, 6528);
	assert_reserve(f, QUIRE_ZONE_NORMAL, 0, 0, 0, 78125);
	assert_pcp(f, QUIRE_ZONE_NORMAL, 63, 402, 402);
	fixture_free(f);

	f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_12, 3840, 480000, 1000000, 0, 2500000, 4);
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 9745);
	assert_marks(f, QUIRE_ZONE_DMA, 6, 9, 12);
	assert_marks(f, QUIRE_ZONE_DMA32, 788, 1268, 1748);
	assert_marks(f, QUIRE_ZONE_NORMAL, 1641, 2641, 3641);
	assert_marks(f, QUIRE_ZONE_MOVABLE, 128, 2628, 5128);
	assert_reserve(f, QUIRE_ZONE_NORMAL, 0, 0, 0, 78125);
	fixture_free(f);
}

/* Spec 02 §15.2, third machine. */
static void test_i386(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_I386_PAE, QUIRE_RULES_6_1, 3977, 0, 218000, 819200, 0, 2);

	(void)state;
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 3769);
	assert_marks(f, QUIRE_ZONE_DMA, 16, 20, 24);
	assert_marks(f, QUIRE_ZONE_NORMAL, 925, 1156, 1387);
	assert_marks(f, QUIRE_ZONE_HIGHMEM, 128, 997, 1866);
	assert_marks(f, QUIRE_ZONE_MOVABLE, 32, 32, 32);
	assert_reserve(f, QUIRE_ZONE_NORMAL, 0, 0, 25600, 25600);
	fixture_free(f);
}

/* The computed value for round machine sizes, and its two limits. */
static void test_size_table(void **state)
{
	static const struct { uint64_t mib, kbytes; } table[] = {
		{ 0, 128 }, { 1, 128 }, { 16, 512 }, { 64, 1024 }, { 1024, 4096 }, { 4096, 8192 }, { 16384, 16384 },
		{ 65536, 32768 }, { 1048576, 131072 }, { 4194304, 262144 }, { 67108864, 262144 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 0, 0, table[i].mib * 256, 0, 0, 1);

		init(f);
		assert_int_equal(f->state.min_free_kbytes, table[i].kbytes);
		fixture_free(f);
	}
}

static void test_user_value(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 3840, 480000, 1000000, 0, 0, 4);

	(void)state;
	f->config.tunables.min_free_kbytes = 5000;	/* computed 9745 is more and wins */
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 9745);
	f->config.tunables.min_free_kbytes = 20000;
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 20000);
	assert_logged(f, "user defined value 20000 is preferred");
	quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
	assert_int_equal(f->state.min_free_kbytes, 67584);
	assert_logged(f, "raising min_free_kbytes from 20000 to 67584");
	f->config.tunables.min_free_kbytes = 100000;
	init(f);
	quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
	assert_int_equal(f->state.min_free_kbytes, 100000);
	assert_int_equal(f->state.thp_recommended_kbytes, 0);
	fixture_free(f);
}

static void test_thp_decision(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 3840, 131072 - 3840 - 1, 0, 0, 0, 1);
	uint64_t first;

	(void)state;
	/* A page less than 512 MiB: off. */
	init(f);
	first = f->state.min_free_kbytes;
	quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
	assert_int_equal(f->state.min_free_kbytes, first);
	/* 512 MiB: on, and held back by the twentieth part. */
	f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].managed++;
	f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].present++;
	f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].spanned++;
	f->t.nodes[0]->end_pfn++;
	f->t.nodes[0]->spanned = ++f->t.nodes[0]->present;
	init(f);
	quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
	assert_in_range(f->state.min_free_kbytes, 131072 / 20 * 4 - 300, 131072 / 20 * 4);
	/* Off by option: computed again, now beyond the high marks. */
	f->config.options.thp_never = true;
	quire_watermarks_update(&f->t, &f->config.tunables, first, &f->state);
	quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
	assert_in_range(f->state.min_free_kbytes, first - 40, first - 1);
	fixture_free(f);
}

static void test_scale_factor(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 0, 0, 1000000, 0, 0, 1);

	(void)state;
	f->config.tunables.watermark_scale_factor = 3000;
	init(f);
	assert_marks(f, QUIRE_ZONE_NORMAL, 2000, 302000, 602000);
	fixture_free(f);
}

/* Nothing overflows: absurd wishes, absurd machines. */
static void test_extremes(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 3840, 1ull << 40, 3ull << 40, 0, 0, 1);

	(void)state;
	quire_watermarks_update(&f->t, &f->config.tunables, 4ull << 40, &f->state);
	/* pages_min is 2^40 of 2^42 and a bit: the zone of 2^40 gets very nearly a quarter. */
	assert_in_range(f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].watermark[QUIRE_WMARK_MIN], (1ull << 38) - 1000, 1ull << 38);
	assert_int_equal(f->state.total_reserve_pages > 1ull << 40, true);
	fixture_free(f);

	f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_12, 0, 0, 0, 0, 5000, 0);	/* no lowmem, no CPU */
	init(f);
	assert_int_equal(f->state.min_free_kbytes, 128);
	assert_marks(f, QUIRE_ZONE_MOVABLE, 32, 37, 42);
	assert_pcp(f, QUIRE_ZONE_MOVABLE, 1, 37, 625);
	fixture_free(f);

	f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_12, 64, 0, 0, 0, 0, 1);	/* low mark above an eighth */
	init(f);
	assert_marks(f, QUIRE_ZONE_DMA, 32, 40, 48);
	assert_pcp(f, QUIRE_ZONE_DMA, 1, 40, 40);
	fixture_free(f);
}

/* Batch as a function of zone size, at the steps of the rule. */
static void test_batch(void **state)
{
	static const struct { uint64_t managed; unsigned batch; } cases[] = {
		{ 1, 1 }, { 3840, 1 }, { 65536, 15 }, { 113205, 31 }, { 176127, 31 }, { 176128, 63 }, { 262144, 63 },
		{ 1ull << 34, 63 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 0, 0, cases[i].managed, 0, 0, 1);

		init(f);
		assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_NORMAL].pcp_batch, cases[i].batch);
		fixture_free(f);
	}
}

static void test_high_fraction(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_12, 0, 0, 800000, 0, 0, 4);

	(void)state;
	f->config.tunables.percpu_pagelist_high_fraction = 8;
	init(f);
	assert_pcp(f, QUIRE_ZONE_NORMAL, 63, 25000, 25000);
	f->config.tunables.percpu_pagelist_high_fraction = 100000;
	quire_pcp_update(&f->t, &f->config.tunables);
	assert_pcp(f, QUIRE_ZONE_NORMAL, 63, 252, 252);
	fixture_free(f);
}

static void test_mobility(void **state)
{
	struct fixture *f = zones_of(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1, 0, 5 * 512, 0, 0, 0, 1);

	(void)state;
	assert_true(quire_topology_mobility(&f->t));
	f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].managed--;
	assert_false(quire_topology_mobility(&f->t));
	f->config.cma_enabled = true;
	f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].managed = 6 * 512 - 1;
	assert_false(quire_topology_mobility(&f->t));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isqrt),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_movable),
		cmocka_unit_test(test_i386),
		cmocka_unit_test(test_size_table),
		cmocka_unit_test(test_user_value),
		cmocka_unit_test(test_thp_decision),
		cmocka_unit_test(test_scale_factor),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_high_fraction),
		cmocka_unit_test(test_mobility),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
