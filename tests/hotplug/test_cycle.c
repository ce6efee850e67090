/* Blocks through their life: absent, offline, online, and back, in every model and policy; zones and nodes with them. */
#include "plug.h"

static struct plug plug;

static void for_every_kind(void (*test)(struct plug *p, const struct plug_setup *setup))
{
	for (int model = PLUG_FIRST_MODEL; model <= PLUG_LAST_MODEL; model++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++)
			for (uint32_t flags = 0; flags <= QUIRE_HOSTED_OUTSIDE_METADATA;
			     flags += QUIRE_HOSTED_OUTSIDE_METADATA) {
				struct plug_setup setup = plug_ordinary;

				setup.model = (enum quire_model)model;
				setup.init = (enum quire_init_policy)init;
				setup.hosted_flags = flags;
				setup.rules = init == QUIRE_INIT_EAGER ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12;
				plug_make(&plug, &setup);
				test(&plug, &setup);
				plug_drop(&plug);
			}
}

/* Take everything there is in a range of frames, write it, and give it back. */
static void use_range(struct plug *p, int nid, quire_pfn_t pfn, uint64_t pages)
{
	static quire_pfn_t taken[1 << 18];
	size_t count = 0;
	uint64_t inside = 0;

	while (quire_alloc_frames(&p->q, nid, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN,
				  &taken[count]) == QUIRE_OK) {
		inside += taken[count] - pfn < pages;
		memset(p->q.platform->phys_to_virt(p->q.platform->ctx, taken[count] << 12, 4096), 0xa5, 4096);
		count++;
	}
	/* What the engine needs for itself comes from kernel memory. */
	assert_in_range(inside, pages - (p->q.platform->meta_alloc ? 0 : pages / 16), pages);
	while (count)
		assert_int_equal(quire_free_frames(&p->q, taken[--count], 0), QUIRE_OK);
	quire_drain_frames(&p->q);
}

static void life(struct plug *p, const struct plug_setup *setup)
{
	struct quire_zone *normal = plug_zone(p, 0, QUIRE_ZONE_NORMAL);
	quire_pfn_t pfn = plug_pfn(0);
	struct quire_block block;

	(void)setup;
	assert_int_equal(quire_block_at(&p->q, pfn, &block), QUIRE_ENOENT);
	assert_int_equal(plug_add(p, 0, 0, 4), QUIRE_OK);
	plug_check(p);
	assert_int_equal(quire_block_at(&p->q, pfn + BLOCK_PAGES + 5, &block), QUIRE_OK);
	assert_int_equal(block.pfn, pfn + BLOCK_PAGES);
	assert_int_equal(block.pages, BLOCK_PAGES);
	assert_int_equal(block.number, block.pfn >> 11);
	assert_int_equal(block.state, QUIRE_BLOCK_OFFLINE);
	assert_int_equal(block.nid, 0);
	assert_true(block.hotplugged && block.removable && !block.zone && !block.holes);
	assert_int_equal(normal->spanned, 0);
	assert_int_equal(plug_online(p, pfn, 2, QUIRE_ONLINE_AUTO), QUIRE_OK);
	plug_check(p);
	assert_int_equal(plug_state(p, pfn), QUIRE_BLOCK_ONLINE);
	assert_int_equal(plug_state(p, pfn + 2 * BLOCK_PAGES), QUIRE_BLOCK_OFFLINE);
	assert_int_equal(normal->start_pfn, pfn);
	assert_int_equal(normal->spanned, 2 * BLOCK_PAGES);
	assert_int_equal(normal->present, 2 * BLOCK_PAGES);
	assert_int_equal(normal->managed, 2 * BLOCK_PAGES);
	assert_int_equal(normal->present_early, 0);
	assert_true(normal->watermark[QUIRE_WMARK_LOW] > 0);
	assert_ptr_equal(p->q.topology.nodes[0]->zonelists[0].zones[0], normal);
	use_range(p, 0, pfn, 2 * BLOCK_PAGES);
	plug_check(p);
	assert_int_equal(plug_remove(p, pfn, 1), QUIRE_EBUSY);
	assert_int_equal(plug_remove(p, pfn + 3 * BLOCK_PAGES, 1), QUIRE_OK);
	assert_int_equal(quire_block_at(&p->q, pfn + 3 * BLOCK_PAGES, &block), QUIRE_ENOENT);
	plug_check(p);
	if (!p->q.platform->meta_alloc)
		return;
	assert_int_equal(plug_offline(p, pfn, 2), QUIRE_OK);
	plug_check(p);
	assert_int_equal(normal->spanned + normal->present + normal->managed + normal->start_pfn, 0);
	assert_int_equal(normal->watermark[QUIRE_WMARK_LOW], 0);
	assert_ptr_not_equal(p->q.topology.nodes[0]->zonelists[0].zones[0], normal);
	assert_int_equal(plug_remove(p, pfn, 3), QUIRE_OK);
	plug_check(p);
}

static void test_life(void **state)
{
	(void)state;
	for_every_kind(life);
}

/* Movable memory can go again, wherever the engine keeps its books. */
static void movable_life(struct plug *p, const struct plug_setup *setup)
{
	struct quire_zone *movable = plug_zone(p, 0, QUIRE_ZONE_MOVABLE);
	quire_pfn_t pfn = plug_pfn(0);

	(void)setup;
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(plug_add(p, 0, 0, 4), QUIRE_OK);
		assert_int_equal(plug_online(p, pfn, 4, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
		assert_int_equal(movable->managed, 4 * BLOCK_PAGES);
		use_range(p, 0, pfn, 4 * BLOCK_PAGES);
		plug_check(p);
		if (plug_offline(p, pfn, 4) != QUIRE_OK)
			fail_msg("%s", p->log);
		assert_int_equal(movable->spanned + movable->present + movable->managed, 0);
		plug_check(p);
		assert_int_equal(plug_remove(p, pfn, 4), QUIRE_OK);
		plug_check(p);
	}
}

static void test_movable_life(void **state)
{
	(void)state;
	for_every_kind(movable_life);
}

/* A node that was only possible. */
static void newborn(struct plug *p, const struct plug_setup *setup)
{
	struct quire_node *node = p->q.topology.nodes[2];
	quire_pfn_t pfn = plug_pfn(2), got;

	(void)setup;
	assert_false(node->online);
	assert_int_equal(plug_add(p, 2, 1, 2), QUIRE_OK);
	assert_true(node->online && !node->has_memory);
	assert_int_equal(node->zonelists[QUIRE_ZONELIST_NOFALLBACK].count, 0);
	assert_true(node->zonelists[QUIRE_ZONELIST_FALLBACK].count > 0);
	plug_check(p);
	assert_int_equal(plug_online(p, pfn + BLOCK_PAGES, 2, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_true(node->has_memory);
	assert_int_equal(node->start_pfn, pfn + BLOCK_PAGES);
	assert_int_equal(node->end_pfn, pfn + 3 * BLOCK_PAGES);
	assert_int_equal(node->zonelists[QUIRE_ZONELIST_NOFALLBACK].count, 1);
	plug_check(p);
	assert_int_equal(quire_alloc_frames(&p->q, 2, 3, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE, &got), QUIRE_OK);
	assert_int_equal(plug_offline(p, pfn + BLOCK_PAGES, 2), QUIRE_EBUSY);
	plug_check(p);
	assert_int_equal(quire_free_frames(&p->q, got, 3), QUIRE_OK);
	if (!p->q.platform->meta_alloc)
		return;
	assert_int_equal(plug_offline(p, pfn + BLOCK_PAGES, 2), QUIRE_OK);
	assert_false(node->has_memory);
	assert_true(node->online);
	assert_int_equal(plug_remove(p, pfn + BLOCK_PAGES, 2), QUIRE_OK);
	assert_false(node->online);
	plug_check(p);
}

static void test_newborn_node(void **state)
{
	(void)state;
	for_every_kind(newborn);
}

/* A zone in pieces: gaps do not shrink it, its ends do, and the next block stops it. */
static void test_spans(void **state)
{
	struct quire_zone *normal, *movable;
	quire_pfn_t pfn = plug_pfn(0);

	(void)state;
	plug_make(&plug, &plug_ordinary);
	normal = plug_zone(&plug, 0, QUIRE_ZONE_NORMAL);
	movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	assert_int_equal(plug_add(&plug, 0, 0, 16), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 8, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(plug_offline(&plug, pfn + 2 * BLOCK_PAGES, 2), QUIRE_OK);
	assert_int_equal(normal->spanned, 8 * BLOCK_PAGES);
	assert_int_equal(normal->present, 6 * BLOCK_PAGES);
	/* Another zone in the gap: spans overlap. */
	assert_int_equal(plug_online(&plug, pfn + 2 * BLOCK_PAGES, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn + 12 * BLOCK_PAGES, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(movable->spanned, 11 * BLOCK_PAGES);
	plug_check(&plug);
	assert_int_equal(plug_offline(&plug, pfn, 2), QUIRE_OK);
	assert_int_equal(normal->start_pfn, pfn + 4 * BLOCK_PAGES);
	assert_int_equal(normal->spanned, 4 * BLOCK_PAGES);
	assert_int_equal(plug_offline(&plug, pfn + 12 * BLOCK_PAGES, 1), QUIRE_OK);
	assert_int_equal(movable->spanned, BLOCK_PAGES);
	assert_int_equal(plug_offline(&plug, pfn + 4 * BLOCK_PAGES, 4), QUIRE_OK);
	assert_int_equal(normal->spanned, 0);
	plug_check(&plug);
	/* All blocks of a range, some of them in the wanted state already. */
	assert_int_equal(plug_online(&plug, pfn, 16, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(normal->present, 15 * BLOCK_PAGES);
	assert_int_equal(movable->present, BLOCK_PAGES);
	assert_int_equal(plug_offline(&plug, pfn, 16), QUIRE_OK);
	plug_check(&plug);
	plug_drop(&plug);
}

/* Memory from boot goes, comes back, and is removed. */
static void test_boot_memory(void **state)
{
	struct quire_zone *dma32, *movable;
	quire_pfn_t pfn = (120 * MIB) >> 12;
	struct quire_block block;
	uint64_t early, spanned;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	dma32 = plug_zone(&plug, 0, QUIRE_ZONE_DMA32);
	movable = plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE);
	early = dma32->present_early;
	spanned = dma32->spanned;
	/* What has holes, reserved frames or two zones stays. */
	assert_int_equal(plug_offline(&plug, 0, 1), QUIRE_EBUSY);
	assert_int_equal(plug_offline(&plug, (96 * MIB) >> 12, 1), QUIRE_EBUSY);
	assert_int_equal(quire_block_at(&plug.q, (24 * MIB) >> 12, &block), QUIRE_ENOENT);
	pfn = (112 * MIB) >> 12;
	assert_int_equal(quire_block_at(&plug.q, pfn, &block), QUIRE_OK);
	assert_true(!block.hotplugged && block.removable && block.zone == dma32);
	if (plug_offline(&plug, pfn, 1) != QUIRE_OK)
		fail_msg("%s", plug.log);
	assert_int_equal(dma32->present_early, early - BLOCK_PAGES);
	assert_int_equal(dma32->spanned, spanned);
	plug_check(&plug);
	/* Kernel memory by default: it lies within DMA32. */
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(dma32->present_early, early);
	assert_int_equal(plug_offline(&plug, pfn, 1), QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(movable->present_early, BLOCK_PAGES);
	plug_check(&plug);
	assert_int_equal(plug_offline(&plug, pfn, 1), QUIRE_OK);
	assert_int_equal(plug_remove(&plug, pfn, 1), QUIRE_OK);
	assert_int_equal(quire_block_at(&plug.q, pfn, &block), QUIRE_ENOENT);
	plug_check(&plug);
	/* What comes back there was plugged in. */
	assert_int_equal(quire_memory_add(&plug.q,
					  &(struct quire_memory_add){ .base = pfn << 12, .size = BLOCK, .nid = 0 }, NULL),
			 QUIRE_OK);
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_AUTO), QUIRE_OK);
	assert_int_equal(dma32->present_early, early - BLOCK_PAGES);
	assert_int_equal(dma32->present, early);
	plug_check(&plug);
	plug_drop(&plug);
}

static enum quire_zone_type zone_of_request(quire_gfp_t gfp)
{
	quire_pfn_t pfn;
	enum quire_zone_type type = QUIRE_ZONE_TYPES;

	assert_int_equal(quire_alloc_frames(&plug.q, 0, 0, gfp, &pfn), QUIRE_OK);
	for (unsigned i = 0; i < QUIRE_ZONE_TYPES; i++)
		if (pfn - plug.q.topology.nodes[0]->zones[i].start_pfn < plug.q.topology.nodes[0]->zones[i].spanned)
			type = (enum quire_zone_type)i;
	assert_int_equal(quire_free_frames(&plug.q, pfn, 0), QUIRE_OK);
	return type;
}

/* What was served from elsewhere until now goes to a better zone as soon as there is one, and back when it goes. */
static void test_requests_find_new_zones(void **state)
{
	(void)state;
	plug_make(&plug, &plug_ordinary);
	assert_int_equal(zone_of_request(QUIRE_GFP_KERNEL), QUIRE_ZONE_DMA32);
	assert_int_equal(zone_of_request(QUIRE_GFP_HIGHUSER_MOVABLE), QUIRE_ZONE_DMA32);
	assert_int_equal(plug_add(&plug, 0, 0, 4), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(0), 2, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	assert_int_equal(zone_of_request(QUIRE_GFP_KERNEL), QUIRE_ZONE_NORMAL);
	assert_int_equal(zone_of_request(QUIRE_GFP_HIGHUSER_MOVABLE), QUIRE_ZONE_NORMAL);
	assert_int_equal(plug_online(&plug, plug_pfn(0) + 2 * BLOCK_PAGES, 2, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	assert_int_equal(zone_of_request(QUIRE_GFP_KERNEL), QUIRE_ZONE_NORMAL);
	assert_int_equal(zone_of_request(QUIRE_GFP_HIGHUSER_MOVABLE), QUIRE_ZONE_MOVABLE);
	assert_int_equal(plug_offline(&plug, plug_pfn(0), 4), QUIRE_OK);
	assert_int_equal(zone_of_request(QUIRE_GFP_KERNEL), QUIRE_ZONE_DMA32);
	assert_int_equal(zone_of_request(QUIRE_GFP_HIGHUSER_MOVABLE), QUIRE_ZONE_DMA32);
	plug_drop(&plug);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_movable_life),
		cmocka_unit_test(test_newborn_node),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_boot_memory),
		cmocka_unit_test(test_requests_find_new_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
