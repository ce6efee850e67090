/*
 * CMA at run time: placing, what is in the way moves or is passed over, failures told,
 * areas of several ranges, releases that make no sense.
 */
#include "booted.h"

#include "cma/cma.h"

#define AREA_PAGES 4096u
#define AREA_BASE 0x8000ull		/* 128 MiB: fixed, so that alignment can be reckoned with */

static const struct quire_cma_request plain = {
	.size = AREA_PAGES * 4096ull, .base = AREA_BASE << 12, .fixed = true, .nid = QUIRE_NO_NODE, .name = "camera"
};

static const struct quire_cma_request *wanted;

static void declare(struct booted *b)
{
	assert_int_equal(quire_cma_declare(&b->q, wanted, NULL), QUIRE_OK);
}

static struct booted *open_with(const struct quire_cma_request *request, uint32_t hosted)
{
	const struct booted_options options = { .before_zones = declare, .hosted = hosted };

	wanted = request;
	return booted_open(&options);
}

static const struct quire_cma_area *area_of(struct booted *b)
{
	const struct quire_cma_area *area = quire_cma_area_of(&b->q, AREA_BASE);

	assert_non_null(area);
	return area;
}

static quire_pfn_t take(struct booted *b, const struct quire_cma_area *area, uint64_t count, unsigned align)
{
	quire_pfn_t pfn;

	assert_int_equal(quire_cma_alloc(&b->q, area, count, align, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_OK);
	for (quire_pfn_t at = pfn; at < pfn + count; at++)
		assert_int_equal(quire_pageblock_type(&b->q, at), QUIRE_MIGRATE_CMA);
	return pfn;
}

static void give(struct booted *b, const struct quire_cma_area *area, quire_pfn_t pfn, uint64_t count)
{
	assert_int_equal(quire_cma_release(&b->q, area, pfn, count), QUIRE_OK);
}

/* Spec 06 F4: base 0x10200 with bits 0 .. 9 taken: 256 pages at order 8 and 10. The example is about remainders only. */
static void bits_are_found_as_in_the_example(void **state)
{
	uint64_t map[64] = { 0x3ff };

	(void)state;
	assert_int_equal(qi_cma_find_bits(map, 4096, 0, 256, 255, 0), 256);
	assert_int_equal(0x10200 + qi_cma_find_bits(map, 4096, 0, 256, 255, 0x10200 & 255), 0x10300);
	assert_int_equal(qi_cma_find_bits(map, 4096, 0, 256, 1023, 0x10200 & 1023), 512);
	assert_int_equal(0x10200 + qi_cma_find_bits(map, 4096, 0, 256, 1023, 0x10200 & 1023), 0x10400);
}

/* Against one bit at a time. */
static void bits_are_found_as_a_naive_search_does(void **state)
{
	uint64_t map[8], seed = 2463534242u;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		uint64_t bits = 1 + booted_random(&seed) % 500, n = 1 + booted_random(&seed) % 70, naive = QI_CMA_NO_BIT;
		uint64_t mask = (1ull << booted_random(&seed) % 7) - 1, offset = booted_random(&seed) % (mask + 1);
		uint64_t from = booted_random(&seed) % 40;

		memset(map, 0, sizeof(map));
		for (unsigned i = 0; i < round % 12; i++) {
			uint64_t at = booted_random(&seed) % bits, count = 1 + booted_random(&seed) % 60;

			count = count < bits - at ? count : bits - at;
			qi_cma_set_bits(map, at, count, true);
			assert_true(qi_cma_all_set(map, at, count));
		}
		for (uint64_t at = from; at + n <= bits && naive == QI_CMA_NO_BIT; at++) {
			bool clear = !((at + offset) & mask);

			for (uint64_t i = at; clear && i < at + n; i++)
				clear = !(map[i / 64] >> i % 64 & 1);
			naive = clear ? at : naive;
		}
		assert_int_equal(qi_cma_find_bits(map, bits, from, n, mask, offset), naive);
	}
}

static void frames_come_in_order_and_go_back(void **state)
{
	struct booted *b = open_with(&plain, 0);
	const struct quire_cma_area *area = area_of(b);
	struct quire_cma_stats stats;
	uint64_t before = booted_free(b);

	(void)state;
	assert_string_equal(area->name, "camera");
	assert_int_equal(take(b, area, 10, 0), AREA_BASE);
	assert_int_equal(take(b, area, 256, 8), AREA_BASE + 256);
	assert_int_equal(take(b, area, 256, 10), AREA_BASE + 1024);
	assert_int_equal(take(b, area, 7, 0), AREA_BASE + 10);
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.count, AREA_PAGES);
	assert_int_equal(stats.used, 10 + 256 + 256 + 7);
	assert_int_equal(stats.largest, AREA_PAGES - 1280);
	assert_int_equal(stats.counters.successes, 4);
	assert_int_equal(booted_free(b), before - stats.used);
	booted_check(b);
	/* In parts, and together. */
	give(b, area, AREA_BASE + 256, 100);
	give(b, area, AREA_BASE + 356, 156);
	give(b, area, AREA_BASE, 17);
	give(b, area, AREA_BASE + 1024, 256);
	assert_int_equal(booted_free(b), before);
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.used, 0);
	assert_int_equal(stats.largest, AREA_PAGES);
	booted_close(b);
}

/* order_per_bit 4: 100 pages are 7 bits; the rest of the last is nobody's until they go back. */
static void granularity_is_kept(void **state)
{
	struct quire_cma_request request = plain;
	struct booted *b;
	const struct quire_cma_area *area;
	struct quire_cma_stats stats;
	uint64_t before;

	(void)state;
	request.order_per_bit = 4;
	b = open_with(&request, 0);
	area = area_of(b);
	before = booted_free(b);
	assert_int_equal(take(b, area, 100, 0), AREA_BASE);
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.used, 112);
	assert_int_equal(booted_free(b), before - 100);
	assert_int_equal(take(b, area, 1, 0), AREA_BASE + 112);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE + 8, 16), QUIRE_EINVAL);
	give(b, area, AREA_BASE, 100);
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.used, 16);
	give(b, area, AREA_BASE + 112, 1);
	assert_int_equal(booted_free(b), before);
	booted_close(b);
}

static void nonsense_is_refused(void **state)
{
	struct booted *b = open_with(&plain, 0);
	const struct quire_cma_area *area = area_of(b);
	struct quire_cma_area copy = *area;
	struct quire_cma_failure failure;
	quire_pfn_t pfn = 1;

	(void)state;
	assert_int_equal(quire_cma_alloc(&b->q, area, 0, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_cma_alloc(&b->q, area, 1, 27, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_cma_alloc(&b->q, &copy, 1, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_cma_alloc(&b->q, NULL, 1, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_cma_alloc(&b->q, area, AREA_PAGES + 1, 0, QUIRE_GFP_KERNEL, &pfn, &failure), QUIRE_ENOMEM);
	assert_int_equal(failure.available, AREA_PAGES);
	assert_int_equal(failure.largest, AREA_PAGES);
	assert_int_equal(failure.tried, 0);
	assert_int_equal(quire_cma_alloc(&b->q, area, UINT64_MAX, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_ENOMEM);
	/* Aligned to a GiB: there is no such place in the area. */
	assert_int_equal(quire_cma_alloc(&b->q, area, 1, 18, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_ENOMEM);
	assert_int_equal(pfn, 1);
	assert_int_equal(take(b, area, 20, 0), AREA_BASE);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE - 1, 2), QUIRE_ENOENT);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE, AREA_PAGES + 1), QUIRE_ENOENT);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE, UINT64_MAX), QUIRE_ENOENT);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE, 0), QUIRE_EINVAL);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE, 21), QUIRE_EEXIST);
	give(b, area, AREA_BASE, 20);
	assert_int_equal(quire_cma_release(&b->q, area, AREA_BASE, 20), QUIRE_EEXIST);
	booted_close(b);
}

/* Movable memory all over the area: taken first by others, then wanted whole. */
static void fill(struct keeper *k)
{
	while (keeper_take(k, 0, QUIRE_GFP_HIGHUSER_MOVABLE) != KEEPER_NONE)
		continue;
}

static unsigned held_in_area(const struct keeper *k)
{
	unsigned n = 0;

	for (quire_pfn_t pfn = AREA_BASE; pfn < AREA_BASE + AREA_PAGES; pfn++)
		n += k->head[pfn] != KEEPER_NONE;
	return n;
}

/* Give back single frames outside the area: room to move to. */
static void make_room(struct keeper *k, unsigned pages)
{
	for (quire_pfn_t pfn = k->b->end - 1; pages && pfn; pfn--)
		if (k->head[pfn] == pfn && pfn - AREA_BASE >= AREA_PAGES) {
			keeper_give(k, pfn);
			pages--;
		}
}

static void what_is_in_the_way_moves(void **state)
{
	struct booted *b = open_with(&plain, 0);
	const struct quire_cma_area *area = area_of(b);
	struct keeper *k = keeper_open(b);
	struct quire_cma_stats stats;
	unsigned before, inside = 0;
	quire_pfn_t pfn;

	(void)state;
	fill(k);
	before = held_in_area(k);
	assert_in_range(before, AREA_PAGES / 2, AREA_PAGES);
	for (quire_pfn_t at = 0; at < b->end; at++)
		if (k->head[at] == at)
			*(uint64_t *)booted_address(b, at) = 1;
	make_room(k, 6000);
	for (quire_pfn_t at = AREA_BASE; at < AREA_BASE + 2048; at++)
		inside += k->head[at] != KEEPER_NONE;
	pfn = take(b, area, 2048, 9);
	assert_int_equal(pfn, AREA_BASE);
	assert_int_equal(held_in_area(k), before - inside);
	for (quire_pfn_t at = pfn; at < pfn + 2048; at++)
		assert_true(k->head[at] == KEEPER_NONE);
	for (quire_pfn_t at = 0; at < b->end; at++)
		if (k->head[at] == at)
			assert_int_equal(*(uint64_t *)booted_address(b, at), 1);
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.counters.moved, inside);
	give(b, area, pfn, 2048);
	keeper_close(k);
	booted_close(b);
}

struct seen {
	unsigned n;
	quire_pfn_t pfn[64];
	unsigned stop;
};

static bool see(void *ctx, const struct quire_obstacle *obstacle)
{
	struct seen *seen = ctx;

	assert_non_null(obstacle->why);
	if (seen->n < 64)
		seen->pfn[seen->n] = obstacle->pfn;
	return ++seen->n != seen->stop;
}

/* Pinned frames are passed over; where none is left out, each is named, with its owner. */
static void pinned_frames_are_passed_over(void **state)
{
	struct booted *b = open_with(&plain, 0);
	const struct quire_cma_area *area = area_of(b);
	struct keeper *k = keeper_open(b);
	struct quire_cma_failure failure;
	struct quire_cma_stats stats;
	struct seen seen = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fill(k);
	make_room(k, 6000);
	k->pinned[AREA_BASE + 5] = k->pinned[AREA_BASE + 700] = 1;
	pfn = take(b, area, 512, 0);
	assert_int_equal(pfn, AREA_BASE + 6);
	give(b, area, pfn, 512);
	pfn = take(b, area, 512, 9);
	assert_int_equal(pfn, AREA_BASE + 1024);
	give(b, area, pfn, 512);
	/* One in each 400 pages: nothing of 512 is left. */
	for (unsigned i = 5; i < AREA_PAGES; i += 400) {
		quire_pfn_t at = AREA_BASE + i;

		while (k->head[at] != at)
			at++;
		k->pinned[at] = 1;
	}
	assert_int_equal(quire_cma_alloc(&b->q, area, 1024, 0, QUIRE_GFP_KERNEL, &pfn, &failure), QUIRE_EBUSY);
	assert_string_equal(failure.why, "something in each place cannot be moved");
	assert_int_equal(failure.available, AREA_PAGES);
	assert_in_range(failure.obstacles, 3, 8);
	assert_in_range(failure.tried, failure.obstacles, 12);
	assert_string_equal(failure.obstacle[0].owner, "the keeper");
	assert_string_equal(failure.obstacle[0].why, "is pinned by the test");
	assert_non_null(strstr(b->told, "of the keeper is pinned by the test"));
	for (unsigned i = 1; i < failure.obstacles; i++)
		assert_true(failure.obstacle[i].pfn > failure.obstacle[i - 1].pfn);
	/* Everything that stands in the way, in order, and stopped when told. */
	assert_int_equal(quire_cma_walk_obstacles(&b->q, area, see, &seen), QUIRE_OK);
	for (quire_pfn_t at = AREA_BASE, n = 0; at < AREA_BASE + AREA_PAGES; at++)
		if (k->head[at] == at && k->pinned[at])
			assert_int_equal(seen.pfn[n++], at);
	seen = (struct seen){ .stop = 2 };
	quire_cma_walk_obstacles(&b->q, area, see, &seen);
	assert_int_equal(seen.n, 2);
	/* Not a bit is left behind. */
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.used, 0);
	assert_true(stats.counters.failures == 1 && stats.counters.passed_over > 3);
	keeper_close(k);
	booted_close(b);
}

/* Frames that fail are not drivers' either; a driver's own are his until he gives them back. */
static void failing_frames_are_passed_over(void **state)
{
	struct booted *b = open_with(&plain, QUIRE_HOSTED_OUTSIDE_METADATA);
	const struct quire_cma_area *area = area_of(b);
	uint64_t before = booted_free(b);
	struct quire_cma_failure failure;
	struct seen seen = { 0 };
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(quire_poison_frame(&b->q, AREA_BASE + 100, QUIRE_POISON_TEST, NULL), QUIRE_OK);
	assert_int_equal(take(b, area, 512, 0), AREA_BASE + 101);
	assert_int_equal(take(b, area, 100, 0), AREA_BASE);
	assert_int_equal(quire_cma_alloc(&b->q, area, 3800, 0, QUIRE_GFP_KERNEL, &pfn, &failure), QUIRE_ENOMEM);
	assert_int_equal(quire_cma_walk_obstacles(&b->q, area, see, &seen), QUIRE_OK);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.pfn[0], AREA_BASE + 100);
	assert_int_equal(quire_poison_frame(&b->q, AREA_BASE + 200, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	give(b, area, AREA_BASE + 101, 512);
	give(b, area, AREA_BASE, 100);
	assert_int_equal(booted_free(b), before - 2);
	assert_int_equal(quire_cma_alloc(&b->q, area, AREA_PAGES, 0, QUIRE_GFP_KERNEL, &pfn, &failure), QUIRE_EBUSY);
	assert_int_equal(quire_unpoison_frame(&b->q, AREA_BASE + 100), QUIRE_OK);
	assert_int_equal(quire_unpoison_frame(&b->q, AREA_BASE + 200), QUIRE_OK);
	give(b, area, take(b, area, AREA_PAGES, 0), AREA_PAGES);
	assert_int_equal(booted_free(b), before);
	booted_close(b);
}

/* Nowhere to move to: everything is taken. */
static void no_room_to_move_to(void **state)
{
	struct booted *b = open_with(&plain, 0);
	const struct quire_cma_area *area = area_of(b);
	struct keeper *k = keeper_open(b);
	struct quire_cma_failure failure;
	struct quire_cma_stats stats;
	quire_pfn_t pfn;

	(void)state;
	while (keeper_take(k, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC) != KEEPER_NONE)
		continue;
	assert_int_equal(quire_cma_alloc(&b->q, area, 1024, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn, &failure),
			 QUIRE_ENOMEM);
	assert_string_equal(failure.why, "there is no room to move what is in it to");
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.used, 0);
	keeper_close(k);
	booted_close(b);
}

/* --- several ranges --------------------------------------------------------------------------------------------------- */

static void split_memory(struct booted *b)
{
	const struct quire_cma_request several = { .size = 96 * MIB, .base = 20 * MIB, .most_ranges = 8,
						   .nid = QUIRE_NO_NODE, .name = "pieces" };
	struct quire_cma_request fewer = several;
	const struct quire_cma_area *area;

	/* Something in the way every 40 MiB or so. */
	for (quire_phys_t at = 40 * MIB; at < 256 * MIB; at += 40 * MIB)
		assert_int_equal(quire_memblock_reserve(&b->q.memblock, at, 4096), QUIRE_OK);
	fewer.most_ranges = 2;
	assert_int_equal(quire_cma_declare(&b->q, &fewer, NULL), QUIRE_ENOMEM);
	fewer.most_ranges = 9;
	assert_int_equal(quire_cma_declare(&b->q, &fewer, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_cma_declare(&b->q, &several, &area), QUIRE_OK);
	assert_int_equal(area->count, 96 * MIB >> 12);
	assert_int_equal(area->range_count, 3);
	for (unsigned i = 1; i < area->range_count; i++)
		assert_true(area->ranges[i].base_pfn > area->ranges[i - 1].base_pfn);
}

static void areas_in_pieces_serve_from_each(void **state)
{
	const struct booted_options options = { .before_zones = split_memory };
	struct booted *b = booted_open(&options);
	const struct quire_cma_area *area = &b->q.cma[0];
	quire_pfn_t pfns[3], pfn;
	struct quire_cma_failure failure;
	struct quire_cma_stats stats;
	uint64_t got = 0;

	(void)state;
	assert_true(area->active);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t count = area->ranges[i].count;

		pfns[i] = take(b, area, count, 0);
		assert_int_equal(pfns[i], area->ranges[i].base_pfn);
		got += count;
	}
	assert_int_equal(got, area->count);
	assert_int_equal(quire_cma_alloc(&b->q, area, 1, 0, QUIRE_GFP_KERNEL, &pfn, &failure), QUIRE_ENOMEM);
	assert_int_equal(failure.available, 0);
	/* A release does not reach over a range's end. */
	assert_int_equal(quire_cma_release(&b->q, area, pfns[0], area->ranges[0].count + 1), QUIRE_ENOENT);
	for (unsigned i = 0; i < 3; i++)
		give(b, area, pfns[i], area->ranges[i].count);
	quire_cma_stats(&b->q, area, &stats);
	assert_int_equal(stats.largest, 38 * MIB >> 12);
	booted_close(b);
}

/* --- where areas go --------------------------------------------------------------------------------------------------- */

static void expect_refusal(struct booted *b, const struct quire_cma_request *request, enum quire_status status,
			   const char *why)
{
	const struct quire_memblock_type *reserved = &b->q.memblock.reserved;
	quire_phys_t before = reserved->total_size;
	size_t areas = b->q.cma_count;

	b->told[0] = '\0';
	assert_int_equal(quire_cma_declare(&b->q, request, NULL), status);
	assert_true(!why || strstr(b->told, why));
	assert_int_equal(reserved->total_size, before);
	assert_int_equal(b->q.cma_count, areas);
}

static void places_are_judged(void **state)
{
	const struct booted_options options = { .map_count = 2,
						.map = { { .base = MIB, .size = 255 * MIB, .nid = QUIRE_NO_NODE },
							 { .base = 4 * GIB, .size = GIB, .nid = QUIRE_NO_NODE } } };
	struct quire_cma_request request = { .size = 16 * MIB, .nid = QUIRE_NO_NODE }, r;
	struct booted *b = booted_prepare(&options);
	const struct quire_cma_area *area;

	(void)state;
	assert_int_equal(quire_boot_until(&b->q, QUIRE_STAGE_NODES), QUIRE_OK);
	r = request;
	r.order_per_bit = 27;
	expect_refusal(b, &r, QUIRE_EINVAL, "granularity");
	r.order_per_bit = 13;
	expect_refusal(b, &r, QUIRE_EINVAL, "granularity");
	r = request;
	r.size = 0;
	expect_refusal(b, &r, QUIRE_EINVAL, "zero");
	r.size = UINT64_MAX;
	expect_refusal(b, &r, QUIRE_EINVAL, "too large");
	r = request;
	r.alignment = 3 * MIB;
	expect_refusal(b, &r, QUIRE_EINVAL, "power of two");
	r = request;
	r.fixed = true;
	r.base = 9 * MIB;
	expect_refusal(b, &r, QUIRE_EINVAL, "not aligned");
	r.base = 250 * MIB;
	expect_refusal(b, &r, QUIRE_EINVAL, "not memory");
	r.base = 5 * GIB;
	expect_refusal(b, &r, QUIRE_EINVAL, "beyond");
	r = request;
	r.size = 128 * MIB;
	r.limit = 64 * MIB;
	expect_refusal(b, &r, QUIRE_EINVAL, "not so much room");
	r.size = 2 * GIB;
	r.limit = 0;
	r.most_ranges = 8;
	expect_refusal(b, &r, QUIRE_ENOMEM, NULL);
	r = request;
	r.nid = 5;
	expect_refusal(b, &r, QUIRE_ENOMEM, NULL);
	/* Anywhere: above 4 GiB, from below. Under a limit: below it. */
	assert_int_equal(quire_cma_declare(&b->q, &request, &area), QUIRE_OK);
	assert_int_equal(area->base_pfn << 12, 4 * GIB);
	request.limit = 200 * MIB;
	request.nid = 0;
	assert_int_equal(quire_cma_declare(&b->q, &request, &area), QUIRE_OK);
	assert_true((area->base_pfn + area->count) << 12 <= 200 * MIB);
	assert_int_equal(area->nid, 0);
	request = (struct quire_cma_request){ .size = 16 * MIB, .base = 64 * MIB, .fixed = true, .nid = QUIRE_NO_NODE };
	assert_int_equal(quire_cma_declare(&b->q, &request, &area), QUIRE_OK);
	expect_refusal(b, &request, QUIRE_EBUSY, NULL);
	assert_int_equal(quire_boot(&b->q), QUIRE_OK);
	for (size_t i = 0; i < b->q.cma_count; i++)
		give(b, &b->q.cma[i], take(b, &b->q.cma[i], 4096, 0), 4096);
	booted_close(b);
}

/* --- a device tree's reserved memory ---------------------------------------------------------------------------------- */

static void reserved_memory_without_a_place(void **state)
{
	const struct booted_options options = { 0 };
	struct booted *b = booted_prepare(&options);
	struct quire_reservation reservations[2] = {
		{ .base = QUIRE_PHYS_MAX, .size = 16 * MIB, .align = 8 * MIB, .min = 32 * MIB, .max = 128 * MIB,
		  .kind = QUIRE_RESERVE_CMA, .name = "display" },
		{ .base = QUIRE_PHYS_MAX, .size = 8 * MIB, .kind = QUIRE_RESERVE_CMA, .is_default_cma = true,
		  .name = "linux,cma" },
	};

	(void)state;
	b->machine.reservations = reservations;
	b->machine.reservation_count = b->machine.reservation_max = 2;
	/* An area without a place from the machine's own list takes the place of the default one. */
	b->q.config.cma_enabled = true;
	b->q.config.cma_default_size = 32 * MIB;
	assert_int_equal(quire_boot(&b->q), QUIRE_OK);
	assert_int_equal(b->q.cma_count, 2);
	assert_string_equal(b->q.cma[0].name, "display");
	assert_true(b->q.cma[0].active && b->q.cma[1].active);
	assert_in_range(b->q.cma[0].base_pfn << 12, 32 * MIB, 112 * MIB);
	assert_int_equal((b->q.cma[0].base_pfn << 12) % (8 * MIB), 0);
	give(b, &b->q.cma[0], take(b, &b->q.cma[0], 4096, 0), 4096);
	booted_close(b);
}

/* --- faults ----------------------------------------------------------------------------------------------------------- */

/* Every metadata allocation of boot and of a request fails once: boot says so, requests leave nothing behind. */
static void boot_without_room_for_bitmaps(void **state)
{
	const struct booted_options options = { .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	bool booted = false;

	(void)state;
	for (unsigned n = 1; !booted; n++) {
		struct booted *b = booted_prepare(&options);

		assert_int_equal(quire_boot_until(&b->q, QUIRE_STAGE_DESCRIPTORS), QUIRE_OK);
		assert_int_equal(quire_cma_declare(&b->q, &plain, NULL), QUIRE_OK);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, n);
		booted = quire_boot(&b->q) == QUIRE_OK;
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 0);
		if (!booted) {
			assert_false(b->q.cma[0].active);
			assert_int_equal(quire_boot(&b->q), QUIRE_OK);
		}
		give(b, &b->q.cma[0], take(b, &b->q.cma[0], 4096, 0), 4096);
		booted_close(b);
		assert_true(n < 200);
	}
}

static void requests_without_metadata(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 8; n++) {
		struct booted *b = open_with(&plain, QUIRE_HOSTED_OUTSIDE_METADATA);
		const struct quire_cma_area *area = area_of(b);
		struct keeper *k = keeper_open(b);
		struct quire_cma_stats stats;
		enum quire_status status;
		quire_pfn_t pfn;

		fill(k);
		make_room(k, 6000);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, n);
		status = quire_cma_alloc(&b->q, area, 1024, 9, QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY, &pfn, NULL);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 0);
		quire_cma_stats(&b->q, area, &stats);
		assert_int_equal(stats.used, status == QUIRE_OK ? 1024 : 0);
		booted_check(b);
		if (stats.used)
			give(b, area, pfn, 1024);
		keeper_close(k);
		booted_close(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_found_as_in_the_example),
		cmocka_unit_test(bits_are_found_as_a_naive_search_does),
		cmocka_unit_test(frames_come_in_order_and_go_back),
		cmocka_unit_test(granularity_is_kept),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(what_is_in_the_way_moves),
		cmocka_unit_test(pinned_frames_are_passed_over),
		cmocka_unit_test(failing_frames_are_passed_over),
		cmocka_unit_test(no_room_to_move_to),
		cmocka_unit_test(areas_in_pieces_serve_from_each),
		cmocka_unit_test(places_are_judged),
		cmocka_unit_test(reserved_memory_without_a_place),
		cmocka_unit_test(boot_without_room_for_bitmaps),
		cmocka_unit_test(requests_without_metadata),
	};

	return cmocka_run_group_tests_name("cma", tests, NULL, NULL);
}
