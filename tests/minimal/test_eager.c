/*
 * Builds for eager descriptors only have no stock of frames, but their zones still run out of nodes: a zone of movable
 * memory, too, must go on handing out frames to the last then, through fronts as well as from the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <quire/quire.h>

#include "hosted.h"

#define MIB ((uint64_t)1 << 20)
#define RAM (3072 * MIB)
#define BASE (4096 * MIB)

static struct quire q;
static quire_pfn_t held[RAM >> 12];
static size_t count;

static const struct quire_zone *zone_of(enum quire_zone_type type) { return &q.topology.nodes[0]->zones[type]; }

static void take_all(unsigned order)
{
	quire_gfp_t gfp = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY;

	for (count = 0; quire_alloc_frames(&q, QUIRE_NO_NODE, order, gfp, &held[count]) == QUIRE_OK; count++)
		continue;
}

static void give_all(unsigned order)
{
	while (count)
		assert_int_equal(quire_free_frames(&q, held[--count], order), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&q), QUIRE_OK);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

static void test_nodes_do_not_run_out(void **state)
{
	struct quire_memory_range map[] = {
		{ .base = MIB, .size = 64 * MIB, .nid = QUIRE_NO_NODE }, { .base = BASE, .size = RAM, .nid = QUIRE_NO_NODE },
	};
	struct quire_machine machine = { .arch = QUIRE_ARCH_X86_64, .map = map, .map_count = 2, .map_max = 2 };
	struct quire_hosted_options options = { .flags = 0 };
	struct quire_config config;
	struct quire_hosted *host;
	uint64_t movable;

	(void)state;
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.options.movablecore = (struct quire_amount){ .percent = 50, .given = true };
	options.config = &config;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &machine, quire_hosted_platform(host)), QUIRE_OK);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	movable = zone_of(QUIRE_ZONE_MOVABLE)->managed;
	assert_true(movable > (RAM >> 12) / 3);

	/* Blocks of one frame are the front's, of 64 the tree's. */
	for (unsigned order = 0; order <= 6; order += 6) {
		take_all(order);
		assert_true(count << order > movable + zone_of(QUIRE_ZONE_NORMAL)->managed * 9 / 10);
		give_all(order);
	}
	quire_fini(&q);
	quire_hosted_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nodes_do_not_run_out) };

	return cmocka_run_group_tests_name("eager", tests, NULL, NULL);
}
