/*
 * The engine's own memory never settles in ZONE_MOVABLE: whatever was broken, filled and freed there, in the end every frame
 * of the zone is free again and every block of it can go off line. Metadata lies inside the machine.
 */
#include "../booted.h"

#include <quire/hotplug.h>

#define FRAMES (4 * GIB >> 12)
#define MOVABLE_START (FRAMES / 4)

static quire_pfn_t taken[FRAMES / 8];
static unsigned orders[FRAMES / 8];
static size_t count;
static uint64_t seed = 0x51ed270b;

static uint64_t below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * 0x2545f4914f6cdd1dull >> 16) % n;
}

static void most_is_movable(struct quire_config *config)
{
	config->options.movablecore = (struct quire_amount){ .given = true, .bytes = 3 * GIB };
}

static void fill(struct booted *b, unsigned order, quire_gfp_t gfp)
{
	while (quire_alloc_frames(&b->q, 0, order, gfp | QUIRE_GFP_NOWARN, &taken[count]) == QUIRE_OK)
		orders[count++] = order;
}

static void free_some(struct booted *b, unsigned percent)
{
	for (size_t i = count; i-- > 0;) {
		if (below(100) >= percent)
			continue;
		assert_int_equal(quire_free_frames(&b->q, taken[i], orders[i]), QUIRE_OK);
		count--;
		taken[i] = taken[count];
		orders[i] = orders[count];
	}
}

static void churn(struct booted *b, quire_gfp_t first)
{
	fill(b, 5, first);
	fill(b, 5, QUIRE_GFP_HIGHUSER_MOVABLE);
	assert_true(count > FRAMES / 32 * 3 / 4);
	free_some(b, 60);
	fill(b, 3, QUIRE_GFP_HIGHUSER_MOVABLE);
	free_some(b, 30);
	fill(b, 4, QUIRE_GFP_HIGHUSER_MOVABLE);
	free_some(b, 100);
	assert_int_equal(quire_drain_frames(&b->q), QUIRE_OK);
}

/* Blocks of the zone that can go off line now, as bits; they come back. What boot left in the others stays there. */
static unsigned can_go(struct booted *b)
{
	uint64_t block = quire_boot_block_size(&b->q) >> 12;
	unsigned bits = 0, i = 0;

	for (quire_pfn_t pfn = MOVABLE_START; pfn < FRAMES; pfn += block, i++)
		if (quire_memory_offline(&b->q, pfn, block, NULL) == QUIRE_OK) {
			assert_int_equal(quire_memory_online(&b->q, pfn, block, QUIRE_ONLINE_MOVABLE, NULL), QUIRE_OK);
			bits |= 1u << i;
		}
	return bits;
}

static void movable_stays_movable(enum quire_init_policy init, quire_gfp_t first)
{
	const struct booted_options options = {
		.init = init, .map_count = 1, .configure = most_is_movable,
		.map = { { .base = MIB, .size = 4 * GIB - MIB, .nid = QUIRE_NO_NODE } },
	};
	struct booted *b = booted_open(&options);
	struct quire_zone *movable = &b->q.topology.nodes[0]->zones[QUIRE_ZONE_MOVABLE];
	struct quire_zone_counts counts;
	unsigned blocks = can_go(b);

	assert_int_equal(movable->start_pfn, MOVABLE_START);
	assert_true(blocks & (blocks - 1));
	for (unsigned round = 0; round < 3; round++) {
		churn(b, first);
		quire_zone_count(&b->q, movable, &counts);
		assert_int_equal(counts.free_pages, movable->managed);
		assert_int_equal(can_go(b), blocks);
		booted_check(b);
	}
	booted_close(b);
}

static void test_movable_stays_movable(void **state)
{
	(void)state;
	for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
		movable_stays_movable((enum quire_init_policy)init, QUIRE_GFP_HIGHUSER_MOVABLE);
		/* Kernel memory is in use as far as an ordinary request gets before anything movable is wanted. */
		movable_stays_movable((enum quire_init_policy)init, QUIRE_GFP_KERNEL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_movable_stays_movable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
