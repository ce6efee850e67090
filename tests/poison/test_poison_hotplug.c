/* Failing frames, devices and blocks that go on and off line: what fails stays out, whatever happens to its block. */
#include "booted.h"

#include <quire/hotplug.h>

#include "poison/poison.h"

#define PLUGGED (4 * GIB >> 12)
#define BLOCK (128 * MIB >> 12)

static struct booted *open_machine(uint32_t hosted)
{
	const struct booted_options options = { .hosted = hosted, .highest_address = 16 * GIB };
	struct booted *b = booted_open(&options);
	const struct quire_memory_add add = { .base = 4 * GIB, .size = 256 * MIB };
	struct quire_hotplug_policy policy = *quire_hotplug_policy(&b->q);

	policy.auto_online = QUIRE_ONLINE_NONE;
	assert_int_equal(quire_hotplug_set_policy(&b->q, &policy), QUIRE_OK);
	assert_int_equal(quire_hosted_add_ram(b->host, 4 * GIB, 256 * MIB), QUIRE_OK);
	assert_int_equal(quire_memory_add(&b->q, &add, NULL), QUIRE_OK);
	return b;
}

static void expect(struct booted *b, uint64_t out, uint64_t pending, uint64_t foreign)
{
	struct quire_poison_counts counts;

	quire_poison_count(&b->q, 0, UINT64_MAX, &counts);
	assert_int_equal(counts.out, out);
	assert_int_equal(counts.pending, pending);
	assert_int_equal(counts.foreign, foreign);
	booted_check(b);
}

static uint64_t managed(struct booted *b)
{
	return b->q.topology.nodes[0]->zones[QUIRE_ZONE_MOVABLE].managed;
}

static void blocks_remember(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	struct quire_block block;
	struct keeper *k;

	(void)state;
	/* Offline: nobody could be asked. The first and the last frame of a block, and one of the other. */
	assert_int_equal(quire_poison_frame(&b->q, PLUGGED, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	assert_int_equal(quire_poison_frame(&b->q, PLUGGED + BLOCK - 1, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	assert_int_equal(quire_poison_frame(&b->q, PLUGGED + BLOCK + 700, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	expect(b, 0, 0, 3);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(quire_memory_online(&b->q, PLUGGED, 2 * BLOCK, QUIRE_ONLINE_MOVABLE, NULL), QUIRE_OK);
		expect(b, 3 + round, 0, 0);
		assert_int_equal(managed(b), 2 * BLOCK);
		assert_int_equal(quire_block_at(&b->q, PLUGGED, &block), QUIRE_OK);
		assert_int_equal(block.poisoned, 2 + round);
		/* In use, by somebody who can move; and one more frame fails meanwhile. */
		b->end = PLUGGED + 2 * BLOCK;
		k = keeper_open(b);
		for (unsigned i = 0; i < 20000; i++)
			assert_true(keeper_take(k, 0, QUIRE_GFP_HIGHUSER_MOVABLE) != KEEPER_NONE);
		assert_true(k->head[PLUGGED] == KEEPER_NONE && k->head[PLUGGED + BLOCK + 700] == KEEPER_NONE);
		k->failing_status = QUIRE_OK;
		assert_int_equal(quire_poison_frame(&b->q, PLUGGED + 4000 + round, QUIRE_POISON_TEST, NULL), QUIRE_OK);
		assert_int_equal(quire_memory_offline(&b->q, PLUGGED, 2 * BLOCK, NULL), QUIRE_OK);
		keeper_close(k);
		expect(b, 0, 0, 4 + round);
		assert_int_equal(managed(b), 0);
	}
	/* Sound again while offline: nothing goes to the allocator now, all of it later. */
	assert_int_equal(quire_unpoison_frame(&b->q, PLUGGED), QUIRE_OK);
	assert_int_equal(quire_memory_online(&b->q, PLUGGED, BLOCK, QUIRE_ONLINE_MOVABLE, NULL), QUIRE_OK);
	expect(b, 4, 0, 1);
	assert_int_equal(managed(b), BLOCK);
	for (quire_pfn_t cursor = 0, pfn; quire_poison_next(&b->q, &cursor, &pfn);)
		assert_int_equal(quire_unpoison_frame(&b->q, pfn), QUIRE_OK);
	assert_int_equal(managed(b), BLOCK);
	expect(b, 0, 0, 0);
	booted_close(b);
}

/* A block whose holder cannot let go of a failing frame stays; when he has given it back it can go. */
static void pending_frames_hold_a_block(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(quire_memory_online(&b->q, PLUGGED, 2 * BLOCK, QUIRE_ONLINE_MOVABLE, NULL), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&b->q, 0, 3, QUIRE_GFP_HIGHUSER_MOVABLE, &pfn), QUIRE_OK);
	assert_true(pfn >= PLUGGED);
	assert_int_equal(quire_poison_frame(&b->q, pfn + 2, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	assert_int_equal(quire_memory_offline(&b->q, PLUGGED, 2 * BLOCK, NULL), QUIRE_EBUSY);
	expect(b, 0, 1, 0);
	assert_int_equal(quire_free_frames(&b->q, pfn, 3), QUIRE_OK);
	expect(b, 1, 0, 0);
	assert_int_equal(quire_memory_offline(&b->q, PLUGGED, 2 * BLOCK, NULL), QUIRE_OK);
	expect(b, 0, 0, 1);
	booted_close(b);
}

/* Devices and memory keep clear of each other, in both orders. */
static void devices_and_memory(void **state)
{
	const struct quire_device_range same[] = { { PLUGGED, 512 } }, free_range[] = { { PLUGGED + 4 * BLOCK, BLOCK } };
	const struct quire_memory_add over = { .base = (4 * GIB) + 512 * MIB, .size = 128 * MIB };
	struct booted *b = open_machine(0);
	struct quire_device device = { .name = "pmem", .type = QUIRE_DEVICE_FS_DAX, .ranges = same, .range_count = 1 };

	(void)state;
	assert_int_equal(quire_device_add(&b->q, &device), QUIRE_EEXIST);
	device.ranges = free_range;
	assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
	assert_int_equal(quire_hosted_add_ram(b->host, over.base, over.size), QUIRE_OK);
	assert_int_equal(quire_memory_add(&b->q, &over, NULL), QUIRE_EEXIST);
	assert_int_equal(quire_memory_online(&b->q, PLUGGED, 2 * BLOCK, QUIRE_ONLINE_MOVABLE, NULL), QUIRE_OK);
	booted_check(b);
	assert_int_equal(quire_memory_offline(&b->q, PLUGGED, 2 * BLOCK, NULL), QUIRE_OK);
	assert_int_equal(quire_memory_remove(&b->q, 4 * GIB, 256 * MIB, NULL), QUIRE_OK);
	/* The node still spans its device. */
	assert_int_equal(b->q.topology.nodes[0]->end_pfn, PLUGGED + 5 * BLOCK);
	booted_check(b);
	assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
	assert_int_equal(b->q.topology.nodes[0]->end_pfn, 0x10000);
	assert_int_equal(quire_memory_add(&b->q, &over, NULL), QUIRE_OK);
	booted_check(b);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_remember),
		cmocka_unit_test(pending_frames_hold_a_block),
		cmocka_unit_test(devices_and_memory),
	};

	return cmocka_run_group_tests_name("poison hotplug", tests, NULL, NULL);
}
