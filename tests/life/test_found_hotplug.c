/* What lives found about memory that comes and goes, each once and small. */
#include "hotplug/plug.h"

#include <quire/poison.h>

static struct plug plug;

static enum quire_status refuse(void *ctx, const struct quire_memory_notice *notice)
{
	(void)ctx;
	return notice->event == QUIRE_MEM_GOING_ONLINE ? QUIRE_EBUSY : QUIRE_OK;
}

/* Blocks behind one that was refused had no zone yet, and were asked for it. */
static void first_of_several_is_refused(void **state)
{
	struct quire_memory_notifier notifier = { .name = "refuser", .notify = refuse };
	quire_pfn_t pfn = plug_pfn(0);

	(void)state;
	plug_make(&plug, &plug_ordinary);
	assert_int_equal(plug_add(&plug, 0, 0, 4), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(quire_register_memory_notifier(&plug.q, &notifier), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 4, QUIRE_ONLINE_KERNEL), QUIRE_EPERM);
	assert_int_equal(plug_state(&plug, pfn), QUIRE_BLOCK_ONLINE);
	assert_int_equal(plug_state(&plug, pfn + BLOCK_PAGES), QUIRE_BLOCK_OFFLINE);
	plug_check(&plug);
	plug_drop(&plug);
}

/* A zone from boot with a hole behind it, emptied, began at its end. */
static void zones_vanish(void **state)
{
	struct quire_zone *zone;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	zone = plug_zone(&plug, 0, QUIRE_ZONE_DMA32);
	assert_int_equal(quire_free_late(&plug.q, 98 * MIB, 4096), QUIRE_OK);
	assert_int_equal(plug_offline(&plug, (16 * MIB) >> 12, 1), QUIRE_OK);
	assert_int_equal(plug_offline(&plug, (32 * MIB) >> 12, 12), QUIRE_OK);
	assert_int_equal(zone->start_pfn + zone->spanned + zone->present, 0);
	plug_check(&plug);
	assert_int_equal(plug_online(&plug, (32 * MIB) >> 12, 12, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	plug_check(&plug);
	plug_drop(&plug);
}

/* A hole that is the map's for one zone, behind its tree: the answer was "beyond the geometry". */
static void what_is_no_memory_cannot_fail(void **state)
{
	(void)state;
	plug_make(&plug, &plug_ordinary);
	for (quire_pfn_t pfn = (128 * MIB) >> 12; pfn < GIB >> 12; pfn += 9999)
		assert_int_equal(quire_poison_frame(&plug.q, pfn, QUIRE_POISON_TEST, NULL), QUIRE_ENOENT);
	plug_drop(&plug);
}

/* --- what a driver keeps back ----------------------------------------------------------------------------------------- */

static quire_pfn_t kept;

static bool keeps(void *ctx, quire_pfn_t pfn, quire_pfn_t *stop)
{
	(void)ctx;
	if (pfn < kept && *stop > kept)
		*stop = kept;
	if (pfn - kept < 512 && *stop > kept + 512)
		*stop = kept + 512;
	return pfn - kept < 512;
}

/* Frames let go of across a border of blocks, within the spans of both blocks' zones, all went to the first one's. */
static void late_frames_go_to_their_zone(void **state)
{
	struct quire_memory_keeper keeper = { .name = "keeper", .keeps = keeps };
	struct quire_zone *normal, *movable;
	quire_pfn_t pfn = plug_pfn(0);

	(void)state;
	plug_make(&plug, &plug_ordinary);
	normal = plug_zone(&plug, 0, QUIRE_ZONE_NORMAL);
	movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	kept = pfn + 2 * BLOCK_PAGES - 256;
	assert_int_equal(quire_register_memory_keeper(&plug.q, &keeper), QUIRE_OK);
	assert_int_equal(plug_add(&plug, 0, 0, 4), QUIRE_OK);
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(plug_online(&plug, pfn + k * BLOCK_PAGES, 1, k % 2 ? QUIRE_ONLINE_MOVABLE :
				QUIRE_ONLINE_KERNEL),
				 QUIRE_OK);
	assert_int_equal(normal->managed, 2 * BLOCK_PAGES - 256);
	assert_int_equal(movable->managed, 2 * BLOCK_PAGES - 256);
	kept = 0;
	assert_int_equal(quire_free_late(&plug.q, (pfn + 2 * BLOCK_PAGES - 256) << 12, 512 << 12), QUIRE_OK);
	assert_int_equal(normal->managed, 2 * BLOCK_PAGES);
	assert_int_equal(movable->managed, 2 * BLOCK_PAGES);
	plug_check(&plug);
	plug_drop(&plug);
}

/* A frame that failed while its driver kept it, or that holds descriptors, could be had after unpoisoning. */
static void failing_frames_are_not_set_free(void **state)
{
	struct quire_memory_keeper keeper = { .name = "keeper", .keeps = keeps };
	struct quire_memory_add add = { .base = plug_base(0), .size = BLOCK, .nid = 0, .memmap_on_memory = true };
	quire_pfn_t pfn = plug_pfn(0);
	struct quire_poison_counts counts;
	struct quire_zone *movable;
	struct quire_block block;
	uint64_t managed;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	if (plug.config.model != QUIRE_MODEL_SPARSEMEM_VMEMMAP) {
		plug_drop(&plug);
		return;
	}
	movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	kept = pfn + 1024;
	assert_int_equal(quire_register_memory_keeper(&plug.q, &keeper), QUIRE_OK);
	assert_int_equal(quire_memory_add(&plug.q, &add, NULL), QUIRE_OK);
	assert_int_equal(quire_block_at(&plug.q, pfn, &block), QUIRE_OK);
	assert_true(block.own_memmap > 0);
	assert_int_equal(quire_poison_frame(&plug.q, pfn, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	assert_int_equal(quire_poison_frame(&plug.q, kept + 7, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	quire_poison_count(&plug.q, 0, UINT64_MAX, &counts);
	assert_int_equal(counts.foreign, 2);
	managed = movable->managed;
	assert_int_equal(quire_unpoison_frame(&plug.q, pfn), QUIRE_OK);
	assert_int_equal(quire_unpoison_frame(&plug.q, kept + 7), QUIRE_OK);
	assert_int_equal(movable->managed, managed);
	plug_check(&plug);
	plug_drop(&plug);
}

/* --- in use ----------------------------------------------------------------------------------------------------------- */

/* A single frame that failed in use did not keep its block from going, and could not be given back then. */
static void failing_frames_in_use_hold_their_block(void **state)
{
	quire_pfn_t pfn = plug_pfn(2), held;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	assert_int_equal(plug_add(&plug, 2, 0, 1), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&plug.q, 2, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_THISNODE, &held),
			QUIRE_OK);
	assert_int_equal(quire_poison_frame(&plug.q, held, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	assert_int_equal(plug_offline(&plug, pfn, 1), QUIRE_EBUSY);
	assert_int_equal(quire_free_frames(&plug.q, held, 0), QUIRE_OK);
	assert_int_equal(plug_offline(&plug, pfn, 1), QUIRE_OK);
	plug_check(&plug);
	plug_drop(&plug);
}

/* A CPU of a node that has no memory yet could allocate nothing. */
static void cpus_come_before_memory(void **state)
{
	quire_pfn_t pfn;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	assert_int_equal(quire_cpu_online(&plug.q, 1, 2), QUIRE_OK);
	quire_hosted_bind_cpu(1);
	assert_int_equal(quire_alloc_frames(&plug.q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_free_frames(&plug.q, pfn, 0), QUIRE_OK);
	assert_int_equal(plug_add(&plug, 2, 0, 1), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(2), 1, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&plug.q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(pfn - plug_pfn(2) < BLOCK_PAGES);
	assert_int_equal(quire_free_frames(&plug.q, pfn, 0), QUIRE_OK);
	quire_hosted_bind_cpu(0);
	plug_drop(&plug);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_of_several_is_refused),
		cmocka_unit_test(zones_vanish),
		cmocka_unit_test(what_is_no_memory_cannot_fail),
		cmocka_unit_test(late_frames_go_to_their_zone),
		cmocka_unit_test(failing_frames_are_not_set_free),
		cmocka_unit_test(failing_frames_in_use_hold_their_block),
		cmocka_unit_test(cpus_come_before_memory),
	};

	return cmocka_run_group_tests_name("found by lives: hotplug", tests, NULL, NULL);
}
