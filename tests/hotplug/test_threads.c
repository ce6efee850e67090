/*
 * Threads allocate, hand over and free, on both roads, while blocks go on and off line under them; an owner lets movable
 * blocks be moved. A frame that two hold shows by its stamp. At the end nothing is lost.
 */
#include "plug.h"

#include <pthread.h>

#define THREADS 3u
#define BLOCKS 16u
#define SLOTS 256u

static struct plug plug;
static bool stop;
static unsigned wrong;
static uint8_t stamps[BLOCKS * BLOCK_PAGES];	/* of frames of the plugged range */

/* Movable frames of nobody in particular: pfn, or 0. Who takes one out of its slot has it to himself. */
static uint64_t slots[SLOTS];

static void stamp(quire_pfn_t pfn, uint8_t from, uint8_t to)
{
	if (pfn - plug_pfn(0) < BLOCKS * BLOCK_PAGES &&
	    __atomic_exchange_n(&stamps[pfn - plug_pfn(0)], to, __ATOMIC_RELAXED) != from)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	(void)ctx;
	for (unsigned i = 0; i < SLOTS; i++)
		if (__atomic_load_n(&slots[i], __ATOMIC_RELAXED) == pfn) {
			*held = (struct quire_held){ .pfn = pfn, .movable = true };
			return true;
		}
	return false;
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	(void)ctx;
	(void)mode;
	for (unsigned k = 0; k < n; k++) {
		moves[k].status = QUIRE_ENOENT;
		for (unsigned i = 0; i < SLOTS; i++) {
			uint64_t from = moves[k].from;

			/* Out of reach of everybody for the moment. */
			if (!__atomic_compare_exchange_n(&slots[i], &from, UINT64_MAX, false, __ATOMIC_ACQ_REL,
							 __ATOMIC_RELAXED))
				continue;
			stamp(moves[k].from, 1, 0);
			stamp(moves[k].to, 0, 1);
			__atomic_store_n(&slots[i], moves[k].to, __ATOMIC_RELEASE);
			moves[k].status = QUIRE_OK;
			break;
		}
	}
}

static void give(quire_pfn_t pfn)
{
	stamp(pfn, 1, 0);
	if (quire_free_frames(&plug.q, pfn, 0) != QUIRE_OK)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void swap_slot(unsigned i, quire_pfn_t pfn)
{
	uint64_t old = __atomic_load_n(&slots[i], __ATOMIC_RELAXED);

	while (old == UINT64_MAX ||
	       !__atomic_compare_exchange_n(&slots[i], &old, pfn, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		old = old == UINT64_MAX ? __atomic_load_n(&slots[i], __ATOMIC_RELAXED) : old;
	if (old)
		give(old);
}

static void *storm(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg, seed = cpu * 7919;

	quire_hosted_bind_cpu(cpu);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		quire_pfn_t pfn;

		seed = seed * 1103515245u + 12345u;
		if (quire_alloc_frames(&plug.q, 0, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY,
				       &pfn) == QUIRE_OK) {
			stamp(pfn, 0, 1);
			swap_slot(seed >> 16 & (SLOTS - 1), pfn);
		}
		if (quire_alloc_frames(&plug.q, 1, seed >> 20 & 3, QUIRE_GFP_NOWAIT | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK &&
		    quire_free_frames(&plug.q, pfn, seed >> 20 & 3) != QUIRE_OK)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static unsigned plug_and_unplug(unsigned rounds)
{
	unsigned seed = 1, offlined = 0;

	for (unsigned round = 0; round < rounds; round++) {
		uint64_t block = (seed = seed * 1103515245u + 12345u) >> 16 & (BLOCKS - 1);
		quire_pfn_t pfn = plug_pfn(0) + block * BLOCK_PAGES;

		if (plug_state(&plug, pfn) == QUIRE_BLOCK_OFFLINE) {
			if (seed >> 24 & 1 && plug_remove(&plug, pfn, 1) == QUIRE_OK)
				assert_int_equal(plug_add(&plug, 0, block, 1), QUIRE_OK);
			assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
		} else {
			offlined += plug_offline(&plug, pfn, 1) == QUIRE_OK;
		}
	}
	return offlined;
}

static void test_storm(void **state)
{
	struct quire_owner owner = { .name = "slots", .holds = holds, .migrate = migrate };
	struct plug_setup setup = plug_ordinary;
	const struct quire_zone *movable;
	pthread_t threads[THREADS];
	uint64_t held = 0;

	(void)state;
	setup.cpus = THREADS + 1;
	plug_make(&plug, &setup);
	movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	assert_int_equal(plug_add(&plug, 0, 0, BLOCKS), QUIRE_OK);
	assert_int_equal(quire_register_owner(&plug.q, &owner), QUIRE_OK);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, storm, (void *)(i + 1)), 0);
	assert_true(plug_and_unplug(400) > 20);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(quire_drain_frames(&plug.q), QUIRE_OK);
	for (unsigned i = 0; i < SLOTS; i++)
		held += slots[i] - plug_pfn(0) < BLOCKS * BLOCK_PAGES;
	assert_int_equal(qi_tree_free_pages(movable->tree) + held, movable->managed);
	plug_check(&plug);
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i])
			give(slots[i]);
	assert_int_equal(wrong, 0);
	assert_int_equal(plug_offline(&plug, plug_pfn(0), BLOCKS), QUIRE_OK);
	plug_check(&plug);
	assert_int_equal(quire_unregister_owner(&plug.q, &owner), QUIRE_OK);
	plug_drop(&plug);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_storm) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
