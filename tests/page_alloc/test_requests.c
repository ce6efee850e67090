/* Requests beyond single blocks: exact counts, bulk, split, masks and policies, contradictions, counters, hooks. */
#include "machine.h"
#include "topology/zone_map.h"

#include <quire/vmstat.h>

static uint64_t free_everywhere(struct machine *m)
{
	uint64_t pages = 0;

	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
	for (unsigned i = 0; i < 3; i++)
		pages += qi_tree_free_pages(m->lists[0][0][i]->tree);
	return pages;
}

static void exact_counts(void **state)
{
	static const uint64_t counts[] = { 1, 2, 3, 5, 31, 64, 65, 511, 512, 513, 1000, 1024, 1537, 5000 };
	struct machine *m = *state;
	quire_pfn_t pfn;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t n = counts[i], align = 1;

		while (align < n)
			align *= 2;
		assert_int_equal(quire_alloc_frames_exact(&m->q, 0, n, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
		assert_int_equal(pfn % align, 0);
		assert_int_equal(free_everywhere(m), 3 * ZONE_PAGES - n);
		/* Single frames, in any order, and no more than n. */
		assert_int_equal(quire_free_frames(&m->q, pfn + n, 0), QUIRE_EEXIST);
		assert_int_equal(quire_free_frames(&m->q, pfn + n - 1, 0), QUIRE_OK);
		if (n > 1)
			assert_int_equal(quire_free_frames_exact(&m->q, pfn, n - 1), QUIRE_OK);
		assert_int_equal(free_everywhere(m), 3 * ZONE_PAGES);
	}
	assert_int_equal(quire_alloc_frames_exact(&m->q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames_exact(&m->q, 0, 3, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames_exact(&m->q, 0, UINT64_MAX, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames_exact(&m->q, 0, ZONE_PAGES + 1, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn),
			 QUIRE_ENOMEM);
}

/* A block of every order split to every order: pieces go back in a scattered order and become one again. */
static void split_to_every_order(void **state)
{
	struct machine *m = *state;
	quire_pfn_t pfn;

	for (unsigned order = 0; order <= 14; order++)
		for (unsigned to = 0; to <= order; to++) {
			uint64_t pieces = 1ull << (order - to);

			assert_int_equal(quire_alloc_frames(&m->q, 0, order, QUIRE_GFP_KERNEL | QUIRE_GFP_MEMALLOC, &pfn),
					 QUIRE_OK);
			assert_int_equal(quire_split_frames(&m->q, pfn, order, to), QUIRE_OK);
			assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
			if (to < order)
				assert_int_equal(quire_split_frames(&m->q, pfn, order, to), QUIRE_EINVAL);
			for (uint64_t i = 0; i < pieces; i++)
				assert_int_equal(quire_free_frames(&m->q, pfn + ((i * 5 + 3) % pieces << to), to), QUIRE_OK);
			assert_int_equal(free_everywhere(m), 3 * ZONE_PAGES);
		}
	assert_int_equal(quire_split_frames(&m->q, NORMAL_START, 3, 0), QUIRE_EEXIST);
	assert_int_equal(quire_split_frames(&m->q, 1, 0, 0), QUIRE_ENOENT);
	assert_int_equal(quire_split_frames(&m->q, NORMAL_START, 0, 1), QUIRE_EINVAL);
}

static void bulk(void **state)
{
	static quire_pfn_t pfns[40000];
	struct machine *m = *state;
	size_t n = sizeof(pfns) / sizeof(pfns[0]), got;

	for (size_t i = 0; i < n; i++)
		pfns[i] = QUIRE_PFN_NONE;
	pfns[5] = 42;
	assert_int_equal(quire_alloc_frames_bulk(&m->q, 1, QUIRE_GFP_KERNEL, 300, pfns), 300);
	assert_int_equal(pfns[5], 42);
	for (size_t i = 0; i < 300; i++)
		assert_true(i == 5 || pfns[i] >= NODE1_START);
	assert_int_equal(quire_alloc_frames_bulk(&m->q, 1, QUIRE_GFP_KERNEL, 300, pfns), 300);
	pfns[5] = QUIRE_PFN_NONE;
	pfns[6]++;		/* somebody else's, or nobody's: pfns[7] most likely; given back twice then */
	got = quire_free_frames_bulk(&m->q, 300, pfns);
	for (size_t i = 0; i < 300; i++)
		got -= pfns[i] != QUIRE_PFN_NONE;
	assert_int_equal(got, 0);
	/* More than a zone has: one frame at least, by an ordinary request. */
	for (size_t i = 0; i < n; i++)
		pfns[i] = QUIRE_PFN_NONE;
	got = quire_alloc_frames_bulk(&m->q, 1, QUIRE_GFP_KERNEL, n, pfns);
	assert_int_equal(got, 1);
	assert_int_equal(quire_free_frames_bulk(&m->q, n, pfns), 0);
	/* All that is above the low mark, not one more. */
	quire_drain_frames(&m->q);
	got = (size_t)(qi_tree_free_pages(m->nodes[1].zones[QUIRE_ZONE_NORMAL].tree) - 1250);
	assert_int_equal(quire_alloc_frames_bulk(&m->q, 1, QUIRE_GFP_KERNEL, got, pfns), got);
	assert_int_equal(quire_free_frames_bulk(&m->q, got, pfns), 0);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

static void masks_and_policies(void **state)
{
	struct machine *m = *state;
	struct quire_nodemask mask = { { 0 } }, none = { { 0 } };
	struct quire_policy policy = { .mode = QUIRE_POLICY_INTERLEAVE };
	unsigned on_node[2] = { 0 };
	quire_pfn_t pfn;

	quire_nodemask_set(&mask, 1);
	quire_nodemask_set(&none, 7);
	assert_int_equal(quire_alloc_frames_mask(&m->q, 0, &mask, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(pfn >= NODE1_START);
	assert_int_equal(quire_alloc_frames_mask(&m->q, 0, &mask, 14, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_alloc_frames_mask(&m->q, 0, &mask, 14, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn),
			 QUIRE_ENOMEM);
	/* Who may take everything leaves the mask in the end. */
	assert_int_equal(quire_alloc_frames_mask(&m->q, 0, &mask, 14, QUIRE_GFP_ATOMIC | QUIRE_GFP_MEMALLOC, &pfn),
			 QUIRE_OK);
	assert_true(pfn < NODE1_START);
	assert_int_equal(quire_alloc_frames_mask(&m->q, 0, &none, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	m->nodes[0].present = m->nodes[1].present = ZONE_PAGES;
	policy.nodes.bits[0] = 3;
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(quire_alloc_frames_policy(&m->q, &policy, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
		on_node[pfn >= NODE1_START]++;
	}
	assert_int_equal(on_node[0], 50);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_NUMA_INTERLEAVE), 100);
	policy.mode = QUIRE_POLICY_BIND;
	policy.nodes = mask;
	assert_int_equal(quire_alloc_frames_policy(&m->q, &policy, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(pfn >= NODE1_START);
	policy.mode = QUIRE_POLICY_PREFERRED;
	policy.preferred = 1;
	assert_int_equal(quire_alloc_frames_policy(&m->q, &policy, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(pfn >= NODE1_START);
	policy.mode = (enum quire_policy_mode)9;
	assert_int_equal(quire_alloc_frames_policy(&m->q, &policy, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	policy = (struct quire_policy){ .mode = QUIRE_POLICY_INTERLEAVE, .nodes = none };
	assert_int_equal(quire_alloc_frames_policy(&m->q, &policy, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
}

static unsigned warnings;
static void count_warnings(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	(void)ctx; (void)text; (void)len;
	warnings += level == QUIRE_LOG_WARNING;
}

static void contradictions_are_told(void **state)
{
	static const quire_gfp_t bad[] = {
		QUIRE_GFP_DMA | QUIRE_GFP_HIGHMEM, QUIRE_GFP_MOVABLE | QUIRE_GFP_RECLAIMABLE,
		QUIRE_GFP_NOFAIL | QUIRE_GFP_ATOMIC,
		QUIRE_GFP_KERNEL | QUIRE_GFP_NOFAIL | QUIRE_GFP_NORETRY,
		QUIRE_GFP_KERNEL | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_NORETRY,
	};
	struct machine *m = *state;
	quire_pfn_t pfn = 7;

	platform.log = count_warnings;
	warnings = 0;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(quire_alloc_frames(&m->q, 0, 0, bad[i], &pfn), QUIRE_EINVAL);
		assert_int_equal(warnings, i + 1);
	}
	assert_int_equal(quire_free_frames(&m->q, NORMAL_START, 4), QUIRE_EEXIST);
	assert_int_equal(warnings, sizeof(bad) / sizeof(bad[0]) + 1);
	assert_int_equal(quire_alloc_frames(&m->q, 0, 20, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn), QUIRE_ENOMEM);
	assert_int_equal(warnings, sizeof(bad) / sizeof(bad[0]) + 1);
	/* A loop does not drown the log. */
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(quire_alloc_frames(&m->q, 0, 20, QUIRE_GFP_NOWAIT, &pfn), QUIRE_ENOMEM);
	assert_in_range(warnings, 10, 40);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_FAILED), 10001);
	/* There is no mapping to zero by. */
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_ZERO, &pfn), QUIRE_EUNSUPPORTED);
	assert_int_equal(pfn, 7);
	assert_int_equal(free_everywhere(m), 3 * ZONE_PAGES);
	platform.log = count_errors;
}

static unsigned allocs, frees;
static void saw_alloc(void *ctx, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, enum quire_migratetype type)
{
	(void)ctx; (void)pfn; (void)order; (void)gfp; (void)type;
	allocs++;
}
static void saw_free(void *ctx, quire_pfn_t pfn, unsigned order) { (void)ctx; (void)pfn; (void)order; frees++; }

static void counters_and_hooks(void **state)
{
	static const struct quire_trace trace = { .alloc = saw_alloc, .free = saw_free };
	struct machine *m = *state;
	struct quire_zone_events events;
	quire_pfn_t pfns[10], pfn;
	char name[32];

	allocs = frees = 0;
	quire_set_trace(&m->q, &trace);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(quire_alloc_frames(&m->q, 0, 1, QUIRE_GFP_KERNEL, &pfns[i]), QUIRE_OK);
	/* The CPU is node 0's: node 1 preferred and served is a hit, and other. */
	assert_int_equal(quire_alloc_frames(&m->q, 1, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, pfns[0], 1), QUIRE_OK);
	assert_int_equal(allocs, 11);
	assert_int_equal(frees, 1);
	quire_set_trace(&m->q, NULL);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_PGALLOC + QUIRE_ZONE_NORMAL), 21);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_PGALLOC + QUIRE_ZONE_DMA32), 0);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_PGFREE), 2);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_NUMA_HIT), 11);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_NUMA_LOCAL), 10);
	assert_int_equal(quire_vmstat(&m->q, QUIRE_VM_NUMA_OTHER), 1);
	/* Node 1 full: what is meant for it comes from node 0: a miss there, foreign here. */
	m->nodes[1].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_MIN] = 2 * ZONE_PAGES;
	m->nodes[1].zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_LOW] = 2 * ZONE_PAGES;
	assert_int_equal(quire_alloc_frames(&m->q, 1, 5, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	quire_node_vmstat(&m->nodes[0], &events);
	assert_int_equal(events.numa_miss, 1);
	assert_int_equal(events.pgalloc, 20 + 32);
	quire_zone_vmstat(&m->nodes[1].zones[QUIRE_ZONE_NORMAL], &events);
	assert_int_equal(events.numa_foreign, 1);
	assert_int_equal(events.numa_hit, 1);
	assert_string_equal(quire_vm_name(QUIRE_VM_PGALLOC + QUIRE_ZONE_DMA32, name, sizeof(name)), "pgalloc_dma32");
	assert_string_equal(quire_vm_name(QUIRE_VM_NUMA_OTHER, name, sizeof(name)), "numa_other");
	assert_string_equal(quire_vm_name(QUIRE_VM_FAILED, name, sizeof(name)), "alloc_failed");
	assert_string_equal(quire_vm_name(QUIRE_VM_ITEMS, name, sizeof(name)), "?");
}

static void *map_alloc(void *ctx, size_t size, size_t align, int nid)
{
	return qi_meta_alloc(ctx, size, align, nid, NULL);
}

/* The table answers as a search through all zones does, borders and holes included. */
static void frames_find_their_zone(void **state)
{
	struct machine *m = *state;
	static const quire_pfn_t at[] = { 0,	 255,	256,	257,	33023,	33024,	65535,	       65536,
					  98303, 98304, 131071, 131072, 163839, 163840, QUIRE_PFN_NONE };
	struct qi_zone *expected[sizeof(at) / sizeof(at[0])];
	struct qi_meta_chunk *before = qi_meta_mark(&m->q);

	assert_int_equal(quire_memblock_add_node(&m->q.memblock, DMA32_START << 12, ZONE_PAGES << 12, 0, 0), QUIRE_OK);
	assert_int_equal(quire_memblock_add_node(&m->q.memblock, NORMAL_START << 12, ZONE_PAGES << 12, 0, 0), QUIRE_OK);
	assert_int_equal(quire_memblock_add_node(&m->q.memblock, NODE1_START << 12, ZONE_PAGES << 12, 1, 0), QUIRE_OK);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		expected[i] = qi_zone_of_frame(&m->q, at[i]);
	assert_null(expected[1]);
	assert_ptr_equal(expected[2]->zone, &m->nodes[0].zones[QUIRE_ZONE_DMA32]);
	assert_null(expected[5]);
	assert_ptr_equal(expected[12]->zone, &m->nodes[1].zones[QUIRE_ZONE_NORMAL]);
	m->q.topology.alloc = map_alloc;
	m->q.topology.alloc_ctx = &m->q;
	assert_int_equal(qi_zone_map_build(&m->q.topology, &m->q.memblock), QUIRE_OK);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		assert_ptr_equal(qi_zone_of_frame(&m->q, at[i]), expected[i]);
	m->q.topology.zone_map = NULL;
	qi_meta_release(&m->q, before);
}

/* A zone NORMAL that is full of movable blocks, but for every second frame of some: no pageblock of it is whole. */
static void crowd(struct machine *m, int nid)
{
	struct quire_zone *zone = &m->nodes[nid].zones[QUIRE_ZONE_NORMAL];
	quire_pfn_t blocks[ZONE_PAGES / 512];

	memset(zone->watermark, 0, sizeof(zone->watermark));
	for (size_t i = 0; i < ZONE_PAGES / 512; i++) {
		assert_int_equal(quire_alloc_frames(&m->q, nid, 9, QUIRE_GFP_HIGHUSER_MOVABLE, &blocks[i]), QUIRE_OK);
		assert_ptr_equal(zone_of(m, blocks[i]), zone);
	}
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(quire_split_frames(&m->q, blocks[i], 9, 0), QUIRE_OK);
		for (quire_pfn_t pfn = blocks[i]; pfn < blocks[i] + 512; pfn += 2)
			assert_int_equal(quire_free_frames(&m->q, pfn, 0), QUIRE_OK);
	}
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
}

static struct quire_zone *serves(struct machine *m, int nid, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(&m->q, nid, 0, gfp, &pfn), QUIRE_OK);
	return zone_of(m, pfn);
}

/* Low memory of the node is worth less than unmixed pageblocks; another node's memory is worth more. */
static void rather_a_lower_zone_than_mixed_types(void **state)
{
	struct machine *m = *state;
	struct quire_zone *dma32 = &m->nodes[0].zones[QUIRE_ZONE_DMA32];

	crowd(m, 0);
	crowd(m, 1);
	assert_ptr_equal(serves(m, 0, QUIRE_GFP_HIGHUSER_MOVABLE), &m->nodes[0].zones[QUIRE_ZONE_NORMAL]);
	assert_ptr_equal(serves(m, 0, QUIRE_GFP_KERNEL), dma32);
	/* A node without DMA32 has nothing lower: it mixes. */
	assert_ptr_equal(serves(m, 1, QUIRE_GFP_KERNEL), &m->nodes[1].zones[QUIRE_ZONE_NORMAL]);
	/* Nor is there anything lower when DMA32 is below its mark. */
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	dma32->watermark[QUIRE_WMARK_LOW] = ZONE_PAGES;
	assert_ptr_equal(serves(m, 0, QUIRE_GFP_KERNEL), &m->nodes[0].zones[QUIRE_ZONE_NORMAL]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exact_counts, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(split_to_every_order, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(bulk, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(masks_and_policies, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(contradictions_are_told, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(counters_and_hooks, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(frames_find_their_zone, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(rather_a_lower_zone_than_mixed_types, open_machine, close_machine),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
