/*
 * Requests that make no sense, policies, groups, notifiers, drivers that keep frames back, descriptors on their own
 * memory.
 */
#include "plug.h"

static struct plug plug;

static int setup(void **state)
{
	(void)state;
	plug_make(&plug, &plug_ordinary);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plug_check(&plug);
	plug_drop(&plug);
	return 0;
}

static enum quire_status add(quire_phys_t base, quire_phys_t size, int nid, quire_phys_t block, unsigned group,
			     struct quire_hotplug_failure *failure)
{
	struct quire_memory_add add = { .base = base, .size = size, .nid = nid, .block_size = block, .group = group };

	return quire_memory_add(&plug.q, &add, failure);
}

#define REFUSED(status, wanted, text)                                                                                       \
	do {                                                                                                                \
		struct quire_hotplug_failure failure;                                                                       \
		assert_int_equal(status, wanted);                                                                           \
		assert_string_equal(failure.step, text);                                                                    \
		assert_non_null(failure.why);                                                                               \
	} while (0)

static void test_nonsense(void **state)
{
	const quire_phys_t base = plug_base(0);
	quire_pfn_t pfn = base >> 12;

	(void)state;
	REFUSED(add(base, 0, 0, 0, 0, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(add(base + 4096, BLOCK, 0, 0, 0, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(add(base, BLOCK + 4096, 0, 0, 0, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(add(base, 2 * BLOCK, 0, BLOCK / 2, 0, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(add(base + BLOCK, 2 * BLOCK, 0, 2 * BLOCK, 0, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(add(UINT64_MAX - BLOCK + 1, 2 * BLOCK, 0, 0, 0, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(add(1ull << 34, BLOCK, 0, 0, 0, &failure), QUIRE_ERANGE, "resource");
	REFUSED(add(120 * MIB, BLOCK, 0, 0, 0, &failure), QUIRE_EEXIST, "resource");
	REFUSED(add(3 * GIB, BLOCK, 0, 0, 0, &failure), QUIRE_EEXIST, "resource");
	REFUSED(add(base, BLOCK, 3, 0, 0, &failure), QUIRE_EINVAL, "node");
	REFUSED(add(base, BLOCK, -1, 0, 0, &failure), QUIRE_EINVAL, "node");
	REFUSED(add(base, BLOCK, 0, 0, 1, &failure), QUIRE_EINVAL, "group");
	REFUSED(quire_memory_online(&plug.q, pfn, BLOCK_PAGES, QUIRE_ONLINE_AUTO, &failure), QUIRE_ENOENT, "sections");
	assert_int_equal(add(base, 4 * BLOCK, 0, 0, 0, NULL), QUIRE_OK);
	REFUSED(add(base, BLOCK, 0, 0, 0, &failure), QUIRE_EEXIST, "resource");
	REFUSED(quire_memory_online(&plug.q, pfn, BLOCK_PAGES, QUIRE_ONLINE_NONE, &failure), QUIRE_EINVAL, "type");
	REFUSED(quire_memory_online(&plug.q, pfn, BLOCK_PAGES, (enum quire_online_type)9, &failure), QUIRE_EINVAL, "type");
	REFUSED(quire_memory_online(&plug.q, pfn + 1, BLOCK_PAGES, QUIRE_ONLINE_AUTO, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_online(&plug.q, pfn, BLOCK_PAGES - 1, QUIRE_ONLINE_AUTO, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_online(&plug.q, pfn, 0, QUIRE_ONLINE_AUTO, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_online(&plug.q, pfn, UINT64_MAX, QUIRE_ONLINE_AUTO, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_online(&plug.q, pfn, 5 * BLOCK_PAGES, QUIRE_ONLINE_AUTO, &failure), QUIRE_ENOENT, "sections");
	REFUSED(quire_memory_offline(&plug.q, (24 * MIB) >> 12, BLOCK_PAGES, &failure), QUIRE_ENOENT, "sections");
	REFUSED(quire_memory_remove(&plug.q, base, 4096, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_remove(&plug.q, base + 1, BLOCK, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_remove(&plug.q, base, 5 * BLOCK, &failure), QUIRE_ENOENT, "sections");
	assert_int_equal(plug_online(&plug, pfn + BLOCK_PAGES, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
	REFUSED(quire_memory_remove(&plug.q, base, 4 * BLOCK, &failure), QUIRE_EBUSY, "blocks");
	assert_int_equal(plug_state(&plug, pfn), QUIRE_BLOCK_OFFLINE);
	REFUSED(quire_memory_withdraw(&plug.q, pfn, 512, &failure), QUIRE_EINVAL, "alignment");
	REFUSED(quire_memory_withdraw(&plug.q, pfn + BLOCK_PAGES + 1, 512, &failure), QUIRE_EINVAL, "alignment");
	assert_int_equal(quire_memory_group_add(&plug.q, 9, false, 512, &(unsigned){ 0 }), QUIRE_EINVAL);
	assert_int_equal(quire_memory_group_add(&plug.q, 0, true, 3 * BLOCK_PAGES, &(unsigned){ 0 }), QUIRE_EINVAL);
	assert_int_equal(quire_memory_group_remove(&plug.q, 1), QUIRE_ENOENT);
	assert_int_equal(quire_register_memory_notifier(&plug.q, &(struct quire_memory_notifier){ 0 }), QUIRE_EINVAL);
}

static void test_too_early(void **state)
{
	static struct quire q;
	struct quire_hotplug_failure failure;

	(void)state;
	q.config = plug.config;
	assert_int_equal(quire_memory_online(&q, 0, 1, QUIRE_ONLINE_AUTO, &failure), QUIRE_EINVAL);
	assert_string_equal(failure.step, "boot");
	q.stage = QUIRE_STAGE_LATE;
	assert_int_equal(quire_memory_online(&q, 0, 1, QUIRE_ONLINE_AUTO, &failure), QUIRE_EUNSUPPORTED);
}

/* Blocks of unlike sizes side by side, one beginning where memory from boot ends within its block. */
static void test_block_sizes(void **state)
{
	static const uint64_t sizes[] = { 4, 1, 1, 2, 2 };
	struct quire_block block;
	uint64_t cursor = plug_pfn(0), count = 0;

	(void)state;
	assert_int_equal(add(plug_base(0), 4 * BLOCK, 0, 4 * BLOCK, 0, NULL), QUIRE_OK);
	assert_int_equal(add(plug_base(0) + 4 * BLOCK, 2 * BLOCK, 0, 0, 0, NULL), QUIRE_OK);
	assert_int_equal(add(plug_base(0) + 6 * BLOCK, 4 * BLOCK, 0, 2 * BLOCK, 0, NULL), QUIRE_OK);

	while (quire_block_next(&plug.q, &cursor, &block))
		assert_int_equal(block.pages, sizes[count++] * BLOCK_PAGES);
	assert_int_equal(count, 5);
	assert_int_equal(plug_online(&plug, plug_pfn(0), 10, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(plug_offline(&plug, plug_pfn(0), 1), QUIRE_EINVAL);
	assert_int_equal(plug_offline(&plug, plug_pfn(0) + 6 * BLOCK_PAGES, 2), QUIRE_OK);
	assert_int_equal(plug_remove(&plug, plug_pfn(0) + 6 * BLOCK_PAGES, 2), QUIRE_OK);
	plug_check(&plug);
	assert_int_equal(quire_block_at(&plug.q, plug_pfn(0) + 9 * BLOCK_PAGES, &block), QUIRE_OK);
	assert_int_equal(block.pages, 2 * BLOCK_PAGES);
}

/* --- notifiers -------------------------------------------------------------------------------------------------------- */

struct listener {
	struct quire_memory_notifier notifier;
	unsigned heard[6];
	int refuse_at;			/* the n-th GOING_ event; -1: none */
	int nid;
};

static enum quire_status listen(void *ctx, const struct quire_memory_notice *notice)
{
	struct listener *l = ctx;
	bool going = notice->event == QUIRE_MEM_GOING_ONLINE || notice->event == QUIRE_MEM_GOING_OFFLINE;

	l->heard[notice->event]++;
	if (going)
		l->nid = notice->nid_changed;
	return going && l->refuse_at-- == 0 ? QUIRE_EPERM : QUIRE_OK;
}

static void test_notifiers(void **state)
{
	struct listener a = { .notifier = { "a", listen, &a, NULL }, .refuse_at = -1 };
	struct listener b = { .notifier = { "b", listen, &b, NULL }, .refuse_at = 2 };
	struct quire_hotplug_failure failure;
	quire_pfn_t pfn = plug_pfn(2);

	(void)state;
	assert_int_equal(quire_register_memory_notifier(&plug.q, &a.notifier), QUIRE_OK);
	assert_int_equal(quire_register_memory_notifier(&plug.q, &b.notifier), QUIRE_OK);
	assert_int_equal(quire_register_memory_notifier(&plug.q, &a.notifier), QUIRE_EEXIST);
	assert_int_equal(plug_add(&plug, 2, 0, 4), QUIRE_OK);
	/* Two blocks are ready when the third is refused: all are told, and nothing has changed. */
	assert_int_equal(quire_memory_online(&plug.q, pfn, 4 * BLOCK_PAGES, QUIRE_ONLINE_AUTO, &failure), QUIRE_EPERM);
	assert_string_equal(failure.step, "notifier");
	assert_string_equal(failure.who, "b");
	assert_int_equal(a.heard[QUIRE_MEM_GOING_ONLINE], 3);
	assert_int_equal(a.heard[QUIRE_MEM_CANCEL_ONLINE], 3);
	assert_int_equal(b.heard[QUIRE_MEM_CANCEL_ONLINE], 3);
	assert_int_equal(a.heard[QUIRE_MEM_ONLINE], 0);
	assert_int_equal(plug.q.topology.nodes[2]->present, 0);
	assert_int_equal(plug_zone(&plug, 2, QUIRE_ZONE_NORMAL)->spanned, 0);
	plug_check(&plug);
	b.refuse_at = -1;
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(a.nid, 2);
	assert_int_equal(plug_online(&plug, pfn, 4, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(a.nid, QUIRE_NO_NODE);
	assert_int_equal(a.heard[QUIRE_MEM_ONLINE], 4);
	b.refuse_at = 1;
	assert_int_equal(plug_offline(&plug, pfn, 4), QUIRE_EPERM);
	assert_int_equal(a.heard[QUIRE_MEM_CANCEL_OFFLINE], 2);
	assert_int_equal(plug_state(&plug, pfn), QUIRE_BLOCK_ONLINE);
	plug_check(&plug);
	assert_int_equal(quire_unregister_memory_notifier(&plug.q, &b.notifier), QUIRE_OK);
	assert_int_equal(quire_unregister_memory_notifier(&plug.q, &b.notifier), QUIRE_ENOENT);
	assert_int_equal(plug_offline(&plug, pfn, 4), QUIRE_OK);
	assert_int_equal(a.heard[QUIRE_MEM_OFFLINE], 4);
	assert_int_equal(quire_unregister_memory_notifier(&plug.q, &a.notifier), QUIRE_OK);
}

/* --- policies --------------------------------------------------------------------------------------------------------- */

static enum quire_zone_type zone_at(quire_pfn_t pfn)
{
	struct quire_block block;

	assert_int_equal(quire_block_at(&plug.q, pfn, &block), QUIRE_OK);
	assert_non_null(block.zone);
	return block.zone->type;
}

static void valid_zones(quire_pfn_t pfn, const char *expected)
{
	char text[64];

	assert_string_equal(quire_memory_valid_zones(&plug.q, pfn, text, sizeof(text)), expected);
}

static void test_contiguous_zones(void **state)
{
	quire_pfn_t pfn = plug_pfn(0);

	(void)state;
	assert_int_equal(plug_add(&plug, 0, 0, 16), QUIRE_OK);
	valid_zones(pfn, "Normal Movable");
	valid_zones(0, "DMA");
	valid_zones((112 * MIB) >> 12, "DMA32");
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn + 4 * BLOCK_PAGES, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	/* Between movable memory: movable. Beyond it: kernel memory. Within both: the ordinary answer. */
	valid_zones(pfn + 2 * BLOCK_PAGES, "Movable Normal");
	assert_int_equal(plug_online(&plug, pfn + 2 * BLOCK_PAGES, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(zone_at(pfn + 2 * BLOCK_PAGES), QUIRE_ZONE_MOVABLE);
	assert_int_equal(plug_online(&plug, pfn + 8 * BLOCK_PAGES, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(zone_at(pfn + 8 * BLOCK_PAGES), QUIRE_ZONE_NORMAL);
	valid_zones(pfn + 8 * BLOCK_PAGES, "Normal");
	assert_int_equal(plug_online(&plug, pfn + BLOCK_PAGES, 1, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	valid_zones(pfn + 3 * BLOCK_PAGES, "Normal Movable");
}

/* Spec 06 F3 in the small: movable memory up to a share of the kernel memory of boot, here globally. */
static void test_auto_movable(void **state)
{
	struct quire_hotplug_policy policy = *quire_hotplug_policy(&plug.q);
	struct quire_movable_advice advice;
	uint64_t kernel = 0, movable = 0;
	quire_pfn_t pfn = plug_pfn(0);

	(void)state;
	for (int nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_MOVABLE; type++)
			kernel += plug_zone(&plug, nid, type)->present_early;
	policy.online_policy = QUIRE_ONLINE_AUTO_MOVABLE;
	policy.auto_movable_numa_aware = false;
	policy.auto_movable_ratio = 201;
	assert_int_equal(quire_hotplug_set_policy(&plug.q, &policy), QUIRE_OK);
	assert_int_equal(plug_add(&plug, 0, 0, 64), QUIRE_OK);
	for (unsigned i = 0; i < 64; i++) {
		bool fits = movable + BLOCK_PAGES <= kernel * 201 / 100;

		quire_memory_movable_advice(&plug.q, QUIRE_NO_NODE, BLOCK_PAGES, &advice);
		assert_int_equal(advice.imbalanced, !fits);
		assert_int_equal(advice.most_pages, kernel * 201 / 100);
		assert_int_equal(plug_online(&plug, pfn + i * BLOCK_PAGES, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
		assert_int_equal(zone_at(pfn + i * BLOCK_PAGES), fits ? QUIRE_ZONE_MOVABLE : QUIRE_ZONE_NORMAL);
		movable += fits ? BLOCK_PAGES : 0;
	}
	assert_true(movable < 64 * BLOCK_PAGES);
	policy.auto_movable_ratio = 20000;
	assert_int_equal(quire_hotplug_set_policy(&plug.q, &policy), QUIRE_EINVAL);
}

static void test_groups(void **state)
{
	struct quire_hotplug_policy policy = *quire_hotplug_policy(&plug.q);
	unsigned dimm, device;

	(void)state;
	policy.online_policy = QUIRE_ONLINE_AUTO_MOVABLE;
	policy.auto_online = QUIRE_ONLINE_AUTO;
	assert_int_equal(quire_hotplug_set_policy(&plug.q, &policy), QUIRE_OK);
	assert_int_equal(quire_memory_group_add(&plug.q, 0, false, 8 * BLOCK_PAGES, &dimm), QUIRE_OK);
	assert_int_equal(quire_memory_group_add(&plug.q, 1, true, 4 * BLOCK_PAGES, &device), QUIRE_OK);
	assert_int_not_equal(dimm, device);
	/* The group's node counts. All of the DIMM fits, so its first block is movable already. */
	assert_int_equal(add(plug_base(0), 4 * BLOCK, 2, 0, dimm, NULL), QUIRE_OK);
	assert_int_equal(zone_at(plug_pfn(0)), QUIRE_ZONE_MOVABLE);
	assert_int_equal(add(plug_base(0) + 4 * BLOCK, 8 * BLOCK, 0, 0, dimm, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_memory_group_remove(&plug.q, dimm), QUIRE_EBUSY);
	/* A unit with kernel memory in it stays kernel memory. */
	assert_int_equal(add(plug_base(1), 4 * BLOCK, 1, 0, device, NULL), QUIRE_OK);
	assert_int_equal(zone_at(plug_pfn(1) + 3 * BLOCK_PAGES), QUIRE_ZONE_MOVABLE);
	assert_int_equal(plug_offline(&plug, plug_pfn(1), 4), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(1), 1, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(1), 4, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(zone_at(plug_pfn(1) + 3 * BLOCK_PAGES), QUIRE_ZONE_NORMAL);
	plug_check(&plug);
	assert_int_equal(plug_offline(&plug, plug_pfn(1), 4), QUIRE_OK);
	assert_int_equal(plug_remove(&plug, plug_pfn(1), 4), QUIRE_OK);
	assert_int_equal(quire_memory_group_remove(&plug.q, device), QUIRE_OK);
	assert_int_equal(quire_memory_group_remove(&plug.q, device), QUIRE_ENOENT);
}

/* --- descriptors on their own memory, drivers, failing frames --------------------------------------------------------- */

static void test_own_memmap(void **state)
{
	struct quire_memory_add add = { .base = plug_base(0), .size = 4 * BLOCK, .nid = 0, .memmap_on_memory = true };
	struct quire_zone *movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	struct quire_block block;
	quire_pfn_t pfn;

	(void)state;
	if (quire_model(&plug.config) != QUIRE_MODEL_SPARSEMEM_VMEMMAP)
		skip();
	assert_int_equal(quire_memory_add(&plug.q, &add, NULL), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(0), 4, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(quire_block_at(&plug.q, plug_pfn(0) + BLOCK_PAGES, &block), QUIRE_OK);
	assert_int_equal(block.own_memmap, 512);
	assert_int_equal(movable->present, 4 * BLOCK_PAGES);
	assert_int_equal(movable->managed, 4 * (BLOCK_PAGES - 512));
	plug_check(&plug);
	while (quire_alloc_frames(&plug.q, 0, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_THISNODE | QUIRE_GFP_NOWARN,
				  &pfn) == QUIRE_OK) {
		if (pfn < plug_pfn(0))
			break;
		assert_true((pfn - plug_pfn(0)) % BLOCK_PAGES >= 512);
		assert_true(quire_pfn_initialised(&plug.q.memmap, pfn));
		assert_int_equal(quire_free_frames(&plug.q, pfn, 0), QUIRE_OK);
		if (movable->tree->free_pages % 7 == 0)
			break;
		assert_int_equal(quire_alloc_frames(&plug.q, 0, 3, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NOWARN, &pfn),
				 QUIRE_OK);
		assert_int_equal(quire_free_frames(&plug.q, pfn, 3), QUIRE_OK);
		break;
	}
	assert_int_equal(plug_offline(&plug, plug_pfn(0) + BLOCK_PAGES, 2), QUIRE_OK);
	assert_int_equal(plug_remove(&plug, plug_pfn(0) + BLOCK_PAGES, 2), QUIRE_OK);
	plug_check(&plug);
	assert_int_equal(plug_offline(&plug, plug_pfn(0), 1), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(0), 1, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(plug_zone(&plug, 0, QUIRE_ZONE_NORMAL)->managed, BLOCK_PAGES - 512);
	plug_check(&plug);
}

/* Keeps the upper half of every block. */
static bool upper_half(void *ctx, quire_pfn_t pfn, quire_pfn_t *stop)
{
	quire_pfn_t half = BLOCK_PAGES / 2, border = pfn / half * half + half;

	(void)ctx;
	*stop = *stop < border ? *stop : border;
	return pfn / half % 2;
}

static void test_keeper(void **state)
{
	struct quire_memory_keeper keeper = { .name = "device", .keeps = upper_half };
	struct quire_zone *movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	quire_pfn_t pfn = plug_pfn(0);
	uint64_t low;

	(void)state;
	assert_int_equal(quire_register_memory_keeper(&plug.q, &keeper), QUIRE_OK);
	assert_int_equal(plug_add(&plug, 0, 0, 2), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 2, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(movable->present, 2 * BLOCK_PAGES);
	assert_int_equal(movable->managed, BLOCK_PAGES);
	low = movable->watermark[QUIRE_WMARK_LOW];
	assert_int_equal(quire_free_late(&plug.q, (pfn + BLOCK_PAGES / 2) << 12, BLOCK / 2), QUIRE_OK);
	assert_int_equal(movable->managed, BLOCK_PAGES * 3 / 2);
	assert_int_equal(quire_memory_withdraw(&plug.q, pfn + BLOCK_PAGES / 2, BLOCK_PAGES / 2, NULL), QUIRE_OK);
	assert_int_equal(movable->managed, BLOCK_PAGES);
	assert_int_equal(movable->watermark[QUIRE_WMARK_LOW], low);
	plug_check(&plug);
	assert_int_equal(plug_offline(&plug, pfn, 2), QUIRE_OK);
	assert_int_equal(movable->managed, 0);
	assert_int_equal(quire_unregister_memory_keeper(&plug.q, &keeper), QUIRE_OK);
}

/* The same until it lets go: *ctx. */
static bool upper_half_until(void *ctx, quire_pfn_t pfn, quire_pfn_t *stop)
{
	return upper_half(NULL, pfn, stop) && !*(const bool *)ctx;
}

/* What fails is managed from when it would have been handed over, and counted once. */
static void test_keeper_of_failing(void **state)
{
	bool released = false;
	struct quire_memory_keeper keeper = { .name = "device", .keeps = upper_half_until, .ctx = &released };
	struct quire_zone *movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	const uint64_t half = BLOCK_PAGES / 2;
	quire_pfn_t pfn = plug_pfn(0);

	(void)state;
	assert_int_equal(quire_register_memory_keeper(&plug.q, &keeper), QUIRE_OK);
	assert_int_equal(plug_add(&plug, 0, 0, 1), QUIRE_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(quire_poison_frame(&plug.q, pfn + i * half + 77, QUIRE_POISON_TEST, NULL), QUIRE_EBUSY);
	for (unsigned round = 0; round < 2; round++) {
		released = false;
		assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
		assert_int_equal(movable->managed, half);
		plug_check(&plug);
		released = true;
		assert_int_equal(quire_free_late(&plug.q, (pfn + half) << 12, BLOCK / 2), QUIRE_OK);
		assert_int_equal(movable->managed, 2 * half);
		plug_check(&plug);
		assert_int_equal(plug_offline(&plug, pfn, 1), QUIRE_OK);
		assert_int_equal(movable->managed, 0);
		plug_check(&plug);
	}
	assert_int_equal(quire_unregister_memory_keeper(&plug.q, &keeper), QUIRE_OK);
}

static void test_failing_frames(void **state)
{
	struct quire_zone *movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	quire_pfn_t pfn = plug_pfn(0), bad = pfn + 1234;
	struct quire_block block;

	(void)state;
	assert_int_equal(plug_add(&plug, 0, 0, 2), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 2, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(quire_poison_frame(&plug.q, bad, QUIRE_POISON_TEST, NULL), QUIRE_OK);
	assert_int_equal(movable->managed, 2 * BLOCK_PAGES);
	assert_int_equal(plug_offline(&plug, pfn, 2), QUIRE_OK);
	assert_int_equal(movable->managed, 0);
	plug_check(&plug);
	assert_int_equal(plug_online(&plug, pfn, 2, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(movable->managed, 2 * BLOCK_PAGES);
	assert_int_equal(quire_block_at(&plug.q, pfn, &block), QUIRE_OK);
	assert_int_equal(block.poisoned, 1);
	assert_true(quire_frame_poisoned(&plug.q, bad));
	plug_check(&plug);
	assert_int_equal(quire_unpoison_frame(&plug.q, bad), QUIRE_OK);
	assert_int_equal(movable->managed, 2 * BLOCK_PAGES);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nonsense), CASE(test_too_early), CASE(test_block_sizes), CASE(test_notifiers),
		CASE(test_contiguous_zones), CASE(test_auto_movable), CASE(test_groups), CASE(test_own_memmap),
		CASE(test_keeper), CASE(test_keeper_of_failing), CASE(test_failing_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
