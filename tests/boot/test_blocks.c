/*
 * Lazy descriptors on the allocation road: every huge block of a machine is handed out, each is RAM, each once, each with
 * its descriptors, although their frames have to be found in the same zones and run short on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <quire/page_alloc.h>
#include <quire/quire.h>
#include <quire/report.h>

#include "hosted.h"

#define GIB ((uint64_t)1 << 30)
#define ORDER 9u
#define BLOCKS 4096u

static struct quire q;
static bool taken[BLOCKS];

static uint64_t free_frames(void)
{
	struct quire_zone_counts counts;
	uint64_t frames = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		quire_zone_count(&q, &q.topology.nodes[0]->zones[type], &counts);
		frames += counts.free_pages;
	}
	return frames;
}

static void take_all(const struct quire_memory_range *map, size_t ranges)
{
	quire_pfn_t pfn;

	while (quire_alloc_frames(&q, 0, ORDER, 0, &pfn) == QUIRE_OK) {
		bool in_ram = false;

		assert_int_equal(pfn & ((1u << ORDER) - 1), 0);
		for (size_t i = 0; i < ranges; i++)
			in_ram |= pfn << 12 >= map[i].base && (pfn + (1u << ORDER)) << 12 <= map[i].base + map[i].size;
		assert_true(in_ram);
		assert_true(pfn >> ORDER < BLOCKS);
		assert_false(taken[pfn >> ORDER]);
		taken[pfn >> ORDER] = true;
		assert_true(quire_pfn_initialised(&q.memmap, pfn));
		assert_true(quire_pfn_initialised(&q.memmap, pfn + (1u << ORDER) - 1));
	}
}

static void test_every_huge_block(void **state)
{
	struct quire_memory_range map[] = {
		{ .base = 1 << 20, .size = 2 * GIB - (1 << 20), .nid = QUIRE_NO_NODE },
		{ .base = 4 * GIB, .size = 4 * GIB, .nid = QUIRE_NO_NODE },
	};
	struct quire_machine machine = { .arch = QUIRE_ARCH_X86_64, .map = map, .map_count = 2, .map_max = 2 };
	struct quire_config config;
	struct quire_hosted_options options = { .config = &config };
	struct quire_hosted *host;
	unsigned blocks = 0;

	(void)state;
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	assert_int_equal(config.init, QUIRE_INIT_LAZY);
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &machine, quire_hosted_platform(host)), QUIRE_OK);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	take_all(map, 2);
	for (unsigned i = 0; i < BLOCKS; i++)
		blocks += taken[i];
	/* All but what firmware's first MiB, watermarks and the frames of descriptors break up. */
	assert_in_range(blocks, 6 * 512 - 64, 6 * 512);
	assert_int_equal(quire_check(&q), QUIRE_OK);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (taken[i])
			assert_int_equal(quire_free_frames(&q, (quire_pfn_t)i << ORDER, ORDER), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&q), QUIRE_OK);
	assert_true(free_frames() >= (uint64_t)blocks << ORDER);
	assert_int_equal(quire_check(&q), QUIRE_OK);
	quire_hosted_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_huge_block) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
