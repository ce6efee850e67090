/* Base pages of 16 and 64 KiB, pageblocks of several leaves: failing frames, a CMA area and a device as with 4 KiB. */
#include "booted.h"

#include "poison/poison.h"

static unsigned page_shift;

static void large_pages(struct quire_config *config)
{
	quire_config_defaults(config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_12);
	config->geometry.page_shift = page_shift;
	config->geometry.section_shift = 29;
	config->geometry.max_order = config->geometry.pageblock_order = page_shift == 16 ? 13 : 11;
	config->cma_default_size = 0;
	config->init = QUIRE_INIT_LAZY;
	config->cpus = 1;
}

static void declare(struct booted *b)
{
	const struct quire_cma_request request = { .size = GIB, .nid = QUIRE_NO_NODE, .name = "area" };

	assert_int_equal(quire_cma_declare(&b->q, &request, NULL), QUIRE_OK);
}

static void fail_in_blocks(struct booted *b)
{
	uint64_t before = booted_free(b);

	for (unsigned order = 0; order <= b->config.geometry.max_order; order++) {
		quire_pfn_t pfn, bad, last;

		assert_int_equal(quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_HIGHUSER_MOVABLE, &pfn), QUIRE_OK);
		bad = pfn + (1u << order) / 3;
		last = pfn + (1u << order) - 1;
		assert_int_equal(quire_poison_frame(&b->q, bad, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
		assert_int_equal(quire_poison_frame(&b->q, last, QUIRE_POISON_TEST, NULL),
				 bad == last ? QUIRE_EEXIST : QUIRE_EBUSY);
		booted_check(b);
		assert_int_equal(quire_free_frames(&b->q, pfn, order), QUIRE_OK);
		booted_check(b);
		assert_int_equal(booted_free(b), before - 1 - (bad != last));
		assert_int_equal(quire_unpoison_frame(&b->q, bad), QUIRE_OK);
		assert_int_equal(quire_unpoison_frame(&b->q, last), bad == last ? QUIRE_ENOENT : QUIRE_OK);
		booted_check(b);
		assert_int_equal(booted_free(b), before);
	}
}

static void pages_of_any_size(void **state)
{
	(void)state;
	for (page_shift = 14; page_shift <= 16; page_shift += 2) {
		const struct booted_options options = {
			.configure = large_pages, .before_zones = declare, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA,
			.map_count = 1, .map = { { .base = GIB, .size = 4 * GIB, .nid = QUIRE_NO_NODE } },
			.highest_address = 32 * GIB,
		};
		const struct quire_device_range range = { 16 * GIB >> page_shift, 512 * MIB >> page_shift };
		struct quire_device device = {
			.name = "dax", .type = QUIRE_DEVICE_FS_DAX, .ranges = &range, .range_count = 1
		};
		struct booted *b = booted_open(&options);
		const struct quire_cma_area *area = &b->q.cma[0];
		uint64_t before = booted_free(b);
		quire_pfn_t pfn;

		fail_in_blocks(b);
		assert_int_equal(quire_cma_alloc(&b->q, area, 5000, 3, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_OK);
		assert_int_equal(quire_pageblock_type(&b->q, pfn + 4999), QUIRE_MIGRATE_CMA);
		booted_check(b);
		assert_int_equal(quire_cma_release(&b->q, area, pfn, 5000), QUIRE_OK);
		assert_int_equal(booted_free(b), before);
		assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
		booted_check(b);
		assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
		booted_close(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_any_size),
	};

	return cmocka_run_group_tests_name("larger pages", tests, NULL, NULL);
}
