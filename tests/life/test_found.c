/* What lives found, each once and small: descriptors of memory that was reserved, areas, failing frames, balloons. */
#include "booted.h"

#include <quire/balloon.h>
#include <quire/poison.h>

#define AREA (64 * MIB)
#define AREA_SIZE (16 * MIB)
#define INITRD (100 * MIB)

static void declare(struct booted *b)
{
	const struct quire_cma_request request = { .size = AREA_SIZE, .base = AREA, .fixed = true, .nid = QUIRE_NO_NODE };

	assert_int_equal(quire_cma_declare(&b->q, &request, NULL), QUIRE_OK);
	assert_int_equal(quire_memblock_reserve(&b->q.memblock, INITRD, MIB), QUIRE_OK);
}

static bool not_reserved(void *ctx, quire_pfn_t pfn, uint64_t count)
{
	struct booted *b = ctx;

	for (quire_pfn_t at = pfn; at < pfn + count; at++)
		assert_true(quire_cma_area_of(&b->q, at) || !quire_memblock_is_reserved(&b->q.memblock, at << 12));
	return true;
}

/* Take all there is with its descriptor and give it back. What lay in [base, base + size). */
static uint64_t take_pages(struct booted *b, quire_phys_t base, quire_phys_t size)
{
	struct quire_page *page, *first = NULL;
	enum quire_status status;
	uint64_t inside = 0;

	for (;;) {
		status = quire_alloc_pages(&b->q, 0, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC |
				QUIRE_GFP_NOWARN, &page);
		if (status != QUIRE_OK)
			break;
		inside += (quire_page_to_pfn(&b->q.memmap, page) << 12) - base < size;
		page->owner = (uint64_t)(uintptr_t)first;
		first = page;
	}
	/* Not "bad page state": a block that is lost for what its descriptor says. */
	assert_int_equal(status, QUIRE_ENOMEM);
	for (; first; first = page) {
		page = (struct quire_page *)(uintptr_t)first->owner;
		assert_int_equal(quire_free_pages(&b->q, first, 0), QUIRE_OK);
	}
	return inside;
}

static void for_every_kind(void (*test)(struct booted *b))
{
	for (int model = QUIRE_MODEL_FLATMEM; model < QUIRE_MODELS; model++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++)
			for (uint32_t flags = 0; flags <= QUIRE_HOSTED_OUTSIDE_METADATA; flags +=
					QUIRE_HOSTED_OUTSIDE_METADATA) {
				const struct booted_options options = {
					.model = (enum quire_model)model, .model_given = true, .hosted = flags,
					.init = (enum quire_init_policy)init, .before_zones = declare,
				};
				struct booted *b;

#ifdef QUIRE_PIN_MODEL
				if (model != QUIRE_PIN_MODEL)
					continue;
#endif
				b = booted_open(&options);
				test(b);
				booted_close(b);
			}
}

/* Descriptors of an area said that its frames were reserved. Nothing that is reserved is dealt out but areas. */
static void area(struct booted *b)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		quire_zone_walk_free(&b->q.topology.nodes[0]->zones[type], not_reserved, b);
	assert_int_equal(take_pages(b, AREA, AREA_SIZE), AREA_SIZE >> 12);
}

static void areas_have_descriptors_of_their_own(void **state)
{
	(void)state;
	for_every_kind(area);
}

/* Under LAZY descriptors that came after an initrd had been given back still called it reserved. */
static void initrd(struct booted *b)
{
	assert_int_equal(quire_free_late(&b->q, INITRD, MIB), QUIRE_OK);
	/* The engine may need a few of them itself. */
	assert_in_range(take_pages(b, INITRD, MIB), (MIB >> 12) - (b->platform.meta_alloc ? 0 : 64), MIB >> 12);
}

static void what_comes_late_is_like_the_rest(void **state)
{
	(void)state;
	for_every_kind(initrd);
}

static void reserve_around_a_hole(struct booted *b)
{
	assert_int_equal(quire_memblock_reserve(&b->q.memblock, 98 * MIB, 6 * MIB), QUIRE_OK);
}

/* A hole inside a range that was given back late became free memory. */
static void holes_do_not_become_memory(void **state)
{
	const struct booted_options options = {
		.hosted = QUIRE_HOSTED_OUTSIDE_METADATA, .before_zones = reserve_around_a_hole, .map_count = 2,
		.map = { { .base = MIB, .size = 99 * MIB, .nid = QUIRE_NO_NODE },
			 { .base = 101 * MIB, .size = 99 * MIB, .nid = QUIRE_NO_NODE } },
	};
	struct booted *b = booted_open(&options);
	uint64_t before = booted_managed(b);

	(void)state;
	assert_int_equal(quire_free_late(&b->q, 98 * MIB, 6 * MIB), QUIRE_ENOENT);
	assert_int_equal(booted_managed(b), before);
	assert_int_equal(quire_free_late(&b->q, 98 * MIB, 2 * MIB), QUIRE_OK);
	assert_int_equal(quire_free_late(&b->q, 101 * MIB, 3 * MIB), QUIRE_OK);
	assert_int_equal(booted_managed(b), before + (5 * MIB >> 12));
	booted_close(b);
}

/* --- no metadata ------------------------------------------------------------------------------------------------------ */

static bool dry;

static void *alloc_unless_dry(void *ctx, size_t size, size_t align, int nid)
{
	const struct booted *b = booted_logging;

	return dry ? NULL : quire_hosted_platform(b->host)->meta_alloc(ctx, size, align, nid);
}

static struct booted *open_dry(void)
{
	const struct booted_options options = { .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);

	b->platform.meta_alloc = alloc_unless_dry;
	return b;
}

/* Without metadata to cut his block an owner was asked all the same, gave it up, and it was lost. */
static void nobody_gives_up_a_block_in_vain(void **state)
{
	struct booted *b = open_dry();
	struct keeper *k = keeper_open(b);
	enum quire_status status = QUIRE_OK;
	uint64_t before;

	(void)state;
	/* The books are opened. */
	assert_int_equal(quire_poison_frame(&b->q, 600, QUIRE_POISON_TEST, NULL), QUIRE_OK);
	dry = true;
	for (unsigned n = 0; n < 20 && status == QUIRE_OK; n++) {
		quire_pfn_t pfn;

		before = booted_free(b);
		pfn = keeper_take(k, 11, QUIRE_GFP_HIGHUSER_MOVABLE);
		if (pfn == KEEPER_NONE)
			break;
		k->failures = 0;
		status = quire_poison_frame(&b->q, pfn + 1500, QUIRE_POISON_TEST, NULL);
		booted_check(b);
		if (status == QUIRE_OK) {
			assert_int_equal(booted_free(b), before - 1);
			continue;
		}
		assert_int_equal(status, QUIRE_ENOMEM);
		assert_int_equal(k->failures, 0);
		keeper_give(k, pfn);
		assert_int_equal(booted_free(b), before);
	}
	dry = false;
	assert_int_equal(status, QUIRE_ENOMEM);
	keeper_close(k);
	booted_close(b);
}

static enum quire_status take_it(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)ctx;
	(void)pfn;
	(void)order;
	return QUIRE_OK;
}

static enum quire_status keep_it(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)ctx;
	(void)pfn;
	(void)order;
	return QUIRE_EPLATFORM;
}

/* A piece for which there was no room in the books was lost when the hypervisor would not give it again. */
static void no_piece_is_lost(void **state)
{
	struct booted *b = open_dry();
	struct quire_balloon balloon = { .release = take_it, .populate = keep_it, .least_order = 1, .most_order = 1 };
	struct quire_balloon_stats stats;
	uint64_t before = booted_free(b);

	(void)state;
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_OK);
	for (unsigned i = 0; i < 200; i++) {
		dry = true;
		quire_balloon_inflate(&balloon, 0, 100, 0);
		dry = false;
		quire_balloon_stats(&balloon, &stats);
		assert_int_equal(booted_free(b) + stats.frames, before);
	}
	balloon.populate = take_it;
	while (quire_balloon_deflate(&balloon, UINT64_MAX))
		continue;
	assert_int_equal(booted_free(b), before);
	assert_int_equal(quire_balloon_unregister(&balloon), QUIRE_OK);
	booted_close(b);
}

static void movable_half(struct quire_config *config)
{
	config->options.movablecore.given = true;
	config->options.movablecore.bytes = 256 * MIB;
}

/* Descriptors made after the span of another zone had grown over their memory named that zone. */
static void descriptors_name_their_zone(void **state)
{
	const struct booted_options options = {
		.hosted = QUIRE_HOSTED_OUTSIDE_METADATA, .init = QUIRE_INIT_LAZY, .highest_address = 8 * GIB, .map_count = 2,
		.configure = movable_half,
		.map = { { .base = MIB, .size = 255 * MIB, .nid = QUIRE_NO_NODE },
			 { .base = 4 * GIB, .size = 512 * MIB, .nid = QUIRE_NO_NODE } },
	};
	const struct quire_memory_add add = { .base = 4 * GIB + 512 * MIB, .size = 128 * MIB };
	struct booted *b = booted_open(&options);
	quire_pfn_t pfn = (4 * GIB + 500 * MIB) >> 12, plugged = add.base >> 12;
	const struct quire_zone *zones = b->q.topology.nodes[0]->zones;

	(void)state;
	assert_int_equal(quire_hosted_add_ram(b->host, add.base, add.size), QUIRE_OK);
	assert_true(pfn - zones[QUIRE_ZONE_MOVABLE].start_pfn < zones[QUIRE_ZONE_MOVABLE].spanned);
	assert_int_equal(quire_memory_add(&b->q, &add, NULL), QUIRE_OK);
	assert_int_equal(quire_memory_offline(&b->q, plugged, 128 * MIB >> 12, NULL), QUIRE_OK);
	assert_int_equal(quire_memory_online(&b->q, plugged, 128 * MIB >> 12, QUIRE_ONLINE_KERNEL, NULL), QUIRE_OK);
	assert_true(pfn - zones[QUIRE_ZONE_NORMAL].start_pfn < zones[QUIRE_ZONE_NORMAL].spanned);
	assert_int_equal(quire_memmap_prepare(&b->q, pfn, 1), QUIRE_OK);
	assert_int_equal(quire_page_zone(&b->q.memmap, quire_pfn_to_page(&b->q.memmap, pfn)), QUIRE_ZONE_MOVABLE);
	booted_close(b);
}

static void declare_high(struct booted *b)
{
	const struct quire_cma_request request = { .size = AREA_SIZE, .base = 300 * MIB, .fixed = true, .nid =
			QUIRE_NO_NODE };

	assert_int_equal(quire_cma_declare(&b->q, &request, NULL), QUIRE_OK);
}

/* An area keeps its block on line for ever, and the dry run said that it could go. */
static void dry_run_knows_of_areas(void **state)
{
	const struct booted_options options = {
		.hosted = QUIRE_HOSTED_OUTSIDE_METADATA, .before_zones = declare_high, .map_count = 1,
		.map = { { .base = MIB, .size = 383 * MIB, .nid = QUIRE_NO_NODE } },
	};
	struct booted *b = booted_open(&options);
	struct quire_hotplug_failure failure;
	struct quire_survey survey;

	(void)state;
	assert_int_equal(quire_memory_offline_survey(&b->q, 256 * MIB >> 12, 128 * MIB >> 12, &survey, &failure),
			QUIRE_EBUSY);
	assert_int_equal(failure.obstacle.pfn, 300 * MIB >> 12);
	assert_string_equal(failure.obstacle.why, "is part of a CMA area");
	assert_int_equal(quire_memory_offline(&b->q, 256 * MIB >> 12, 128 * MIB >> 12, &failure), QUIRE_EBUSY);
	assert_int_equal(failure.obstacle.pfn, 300 * MIB >> 12);
	assert_int_equal(quire_memory_offline_survey(&b->q, 128 * MIB >> 12, 128 * MIB >> 12, &survey, NULL), QUIRE_OK);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_have_descriptors_of_their_own),
		cmocka_unit_test(what_comes_late_is_like_the_rest),
		cmocka_unit_test(holes_do_not_become_memory),
		cmocka_unit_test(nobody_gives_up_a_block_in_vain),
		cmocka_unit_test(no_piece_is_lost),
		cmocka_unit_test(descriptors_name_their_zone),
		cmocka_unit_test(dry_run_knows_of_areas),
	};

	return cmocka_run_group_tests_name("found by lives", tests, NULL, NULL);
}
