/*
 * Zone limits, the movable zone and spans: worked vectors, arithmetic at the edges, and random machines against a reference
 * that looks at every single frame.
 */
#include "fixture.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static void assert_limits(const struct fixture *f, enum quire_zone_type type, quire_pfn_t low, quire_pfn_t high)
{
	assert_int_equal(f->t.zone_low[type], low);
	assert_int_equal(f->t.zone_high[type], high);
}

static void test_x86_64_limits(void **state)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);

	(void)state;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_ENOMEM);
	add_memory(f, 4096, 3 * GIB);
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_DMA, 1, 4096);
	assert_limits(f, QUIRE_ZONE_DMA32, 4096, 3 * GIB >> 12);
	assert_limits(f, QUIRE_ZONE_NORMAL, 3 * GIB >> 12, 3 * GIB >> 12);
	assert_int_equal(f->t.movable_zone, QUIRE_ZONE_DMA32);
	add_memory(f, 4 * GIB, 5 * GIB);
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_DMA32, 4096, 4 * GIB >> 12);
	assert_limits(f, QUIRE_ZONE_NORMAL, 4 * GIB >> 12, 5 * GIB >> 12);
	assert_int_equal(f->t.movable_zone, QUIRE_ZONE_NORMAL);
	fixture_free(f);
}

static struct fixture *i386(enum quire_arch arch, quire_phys_t end)
{
	struct fixture *f = fixture_new(arch, QUIRE_RULES_6_1);

	add_memory(f, 4096, end);
	return f;
}

/* The captured borders, and what highmem= and vmalloc= do to them. */
static void test_i386_limits(void **state)
{
	struct fixture *f = i386(QUIRE_ARCH_I386_PAE, 8 * GIB);

	(void)state;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_NORMAL, 4096, 0x36ffe);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 0x36ffe, 8 * GIB >> 12);
	assert_int_equal(f->t.movable_zone, QUIRE_ZONE_HIGHMEM);
	f->config.options.vmalloc = 384 * MIB;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_int_equal(f->t.max_low_pfn, 0x267fe);
	f->config.options.vmalloc = UINT64_MAX;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_int_equal(f->t.max_low_pfn, 0);
	f->config.options.vmalloc = 0;
	f->config.options.highmem_given = true;
	f->config.options.highmem = 512 * MIB;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 0x36ffe, 0x56ffe);
	f->config.options.highmem = 0;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 0x36ffe, 0x36ffe);
	f->config.options.highmem = 100 * GIB;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 0x36ffe, 8 * GIB >> 12);
	fixture_free(f);

	f = i386(QUIRE_ARCH_I386, 8 * GIB);
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 0x36bfe, 1 << 20);
	assert_logged(f, "only 4GB of memory can be addressed");
	fixture_free(f);

	f = i386(QUIRE_ARCH_I386_PAE, 80 * GIB);
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 0x36ffe, 1 << 24);
	assert_logged(f, "only 64GB of memory can be addressed");
	fixture_free(f);
}

static void test_i386_forced_highmem(void **state)
{
	struct fixture *f = i386(QUIRE_ARCH_I386_PAE, 512 * MIB);

	(void)state;
	f->config.options.highmem_given = true;
	f->config.options.highmem = 448 * MIB;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 64 * MIB >> 12, 512 * MIB >> 12);
	f->config.options.highmem = 448 * MIB + 4096;
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_limits(f, QUIRE_ZONE_HIGHMEM, 512 * MIB >> 12, 512 * MIB >> 12);
	assert_logged(f, "less than 64 MiB");
	fixture_free(f);
}

/* arm64's DMA zone: by address bits before 6.12, by the address itself from then on. */
static void test_arm64_limits(void **state)
{
	static const struct {
		quire_phys_t start, end, limit;
		quire_phys_t dma_61, dma32_61, dma_612, dma32_612;
	} cases[] = {
		{ 1 * GIB, 9 * GIB, 0, 4 * GIB, 4 * GIB, 4 * GIB, 4 * GIB },
		{ 1 * GIB, 2 * GIB, 0, 2 * GIB, 2 * GIB, 2 * GIB, 2 * GIB },
		{ 1 * GIB, 9 * GIB, 2 * GIB, 2 * GIB, 4 * GIB, 2 * GIB, 4 * GIB },
		{ 0, 8 * GIB, 1 * GIB, 1 * GIB, 4 * GIB, 1 * GIB, 4 * GIB },
		{ 0, 8 * GIB, 3 * GIB, 4 * GIB, 4 * GIB, 3 * GIB, 4 * GIB },	/* not a power of two */
		{ 3 * GIB, 8 * GIB, 1 * GIB, 4 * GIB, 4 * GIB, 3 * GIB, 4 * GIB },	/* memory starts above the limit */
		{ 4 * GIB, 8 * GIB, 0, 8 * GIB, 8 * GIB, 8 * GIB, 8 * GIB },
		{ 1 * GIB, 9 * GIB, 64 * GIB, 4 * GIB, 4 * GIB, 4 * GIB, 4 * GIB },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		enum quire_rules rules = i & 1 ? QUIRE_RULES_6_12 : QUIRE_RULES_6_1;
		struct fixture *f = fixture_new(QUIRE_ARCH_ARM64, rules);

		add_memory(f, cases[i / 2].start, cases[i / 2].end);
		f->machine.dma_limit = cases[i / 2].limit;
		assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
		assert_int_equal(f->t.zone_high[QUIRE_ZONE_DMA], (i & 1 ? cases[i / 2].dma_612 : cases[i / 2].dma_61) >> 12);
		assert_int_equal(f->t.zone_high[QUIRE_ZONE_DMA32],
				 (i & 1 ? cases[i / 2].dma32_612 : cases[i / 2].dma32_61) >> 12);
		assert_int_equal(f->t.zone_high[QUIRE_ZONE_NORMAL], cases[i / 2].end >> 12);
		fixture_free(f);
	}
}

/* The spec's machine of §15.3. */
static struct fixture *two_nodes(void)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);

	add_memory_node(f, 0x1000, 0x9f000, 0);
	add_memory_node(f, 0x100000, 0xc0000000, 0);
	add_memory_node(f, 0x100000000, 0x240000000, 0);
	add_memory_node(f, 0x240000000, 0x440000000, 1);
	nodes_from_ledger(f);
	return f;
}

static void assert_movable(struct fixture *f, quire_pfn_t first, quire_pfn_t second)
{
	plan_zones(f);
	assert_int_equal(f->t.nodes[0]->movable_pfn, first);
	assert_int_equal(f->t.nodes[1]->movable_pfn, second);
}

static void test_movable_amounts(void **state)
{
	struct fixture *f = two_nodes();
	struct quire_boot_options *options = &f->config.options;
	uint64_t total = 0x9e + 0xbff00 + 0x140000 + 0x200000;

	(void)state;
	options->kernelcore = (struct quire_amount){ .given = true, .bytes = 4 * GIB };
	assert_movable(f, 0x120400, 0x260400);
	options->kernelcore.given = false;
	options->movablecore = (struct quire_amount){ .given = true, .bytes = 4 * GIB };
	assert_movable(f, 0x1c0400, 0x3c0000);
	/* 4 GiB as the larger kernel share decides. */
	options->kernelcore = (struct quire_amount){ .given = true, .bytes = 1 * GIB };
	assert_movable(f, 0x1c0400, 0x3c0000);
	/* All of memory for the kernel, or more: nothing is movable. */
	options->movablecore.given = false;
	options->kernelcore.bytes = total << 12;
	assert_movable(f, 0, 0);
	options->kernelcore.bytes = UINT64_MAX;
	assert_movable(f, 0, 0);
	options->kernelcore = (struct quire_amount){ .given = true, .percent = 100 };
	assert_movable(f, 0, 0);
	options->kernelcore.percent = 4000000000u;
	assert_movable(f, 0, 0);
	options->kernelcore.given = false;
	/* All of it movable: no kernel share is left to place, so there is no movable zone either. */
	options->movablecore = (struct quire_amount){ .given = true, .bytes = UINT64_MAX };
	assert_movable(f, 0, 0);
	fixture_free(f);

	f = fixture_new(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	add_memory_node(f, 0x100000, 0xc0000000, 0);
	add_memory_node(f, 0x100000000, 0x440000000, 0);
	add_memory_node(f, 0x440000000, 0x480000000, 1);
	nodes_from_ledger(f);
	f->config.options.kernelcore = (struct quire_amount){ .given = true, .bytes = 6 * GIB };
	assert_movable(f, 0x180400, 0);
	fixture_free(f);
}

static void test_movable_without_zone(void **state)
{
	struct fixture *f = two_nodes();

	(void)state;
	f->config.zone_mask &= ~(1u << QUIRE_ZONE_MOVABLE);
	f->config.options.kernelcore = (struct quire_amount){ .given = true, .bytes = 4 * GIB };
	assert_movable(f, 0, 0);
	fixture_free(f);
}

static void test_movable_node(void **state)
{
	struct fixture *f = two_nodes();

	(void)state;
	f->config.options.movable_node = true;
	f->config.options.kernelcore = (struct quire_amount){ .given = true, .bytes = 4 * GIB };	/* weaker */
	assert_int_equal(quire_memblock_mark_hotplug(&f->mb, 0x2c0000000, 0x180000000), QUIRE_OK);
	assert_movable(f, 0, 0x2c0000);
	assert_int_equal(f->t.nodes[1]->zones[QUIRE_ZONE_NORMAL].spanned, 0x80000);
	assert_int_equal(f->t.nodes[1]->zones[QUIRE_ZONE_MOVABLE].present, 0x180000);
	fixture_free(f);
}

/* Spans of Normal and Movable overlap under kernelcore=mirror, and each counts its own frames. */
static void test_mirror(void **state)
{
	struct fixture *f = two_nodes();

	(void)state;
	f->config.options.kernelcore_mirror = f->mb.mirror_wanted = true;
	assert_int_equal(quire_memblock_mark_mirror(&f->mb, 0x240000000, 0x40000000), QUIRE_OK);
	assert_int_equal(quire_memblock_mark_mirror(&f->mb, 0x300000000, 0x40000000), QUIRE_OK);
	assert_movable(f, 0x100000, 0x280000);
	assert_logged(f, "This configuration results in unmirrored kernel memory.");
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_NORMAL].spanned, 0);
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_MOVABLE].present, 0x140000);
	assert_int_equal(f->t.nodes[1]->zones[QUIRE_ZONE_NORMAL].spanned, 0x200000);
	assert_int_equal(f->t.nodes[1]->zones[QUIRE_ZONE_NORMAL].present, 0x80000);
	assert_int_equal(f->t.nodes[1]->zones[QUIRE_ZONE_MOVABLE].spanned, 0x1c0000);
	assert_int_equal(f->t.nodes[1]->zones[QUIRE_ZONE_MOVABLE].present, 0x180000);
	assert_int_equal(quire_topology_zone_of(&f->t, &f->mb, 0x310000)->type, QUIRE_ZONE_NORMAL);
	assert_int_equal(quire_topology_zone_of(&f->t, &f->mb, 0x350000)->type, QUIRE_ZONE_MOVABLE);
	fixture_free(f);
}

/* The movable zone starts at a block; what is not mirrored but lies below stays with the zone it was in, and is not lost. */
static void test_mirror_unaligned(void **state)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);

	(void)state;
	f->config.options.kernelcore_mirror = f->mb.mirror_wanted = true;
	add_memory_node(f, 4096, 2 * GIB, 0);
	add_memory_node(f, 4 * GIB + 5 * 4096, 6 * GIB, 0);
	nodes_from_ledger(f);
	plan_zones(f);
	assert_int_equal(f->t.nodes[0]->movable_pfn, 0x100400);
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_NORMAL].present, 1024 - 5);
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_MOVABLE].present, 0x80000 - 1024);
	assert_int_equal(quire_topology_zone_of(&f->t, &f->mb, 0x100006)->type, QUIRE_ZONE_NORMAL);
	fixture_free(f);

	/* Mirrored memory above the movable start keeps its zone. */
	f = two_nodes();
	f->config.options.kernelcore_mirror = f->mb.mirror_wanted = true;
	assert_int_equal(quire_memblock_mark_mirror(&f->mb, 0x200000000, 0x40000000), QUIRE_OK);
	assert_movable(f, 0x100000, 0x240000);
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_NORMAL].present, 0x40000);
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_MOVABLE].present, 0x100000);
	fixture_free(f);
}

/* 6.12 asks first whether there is any mirrored memory. */
static void test_mirror_without_mirror(void **state)
{
	struct fixture *f = two_nodes();

	(void)state;
	f->config.options.kernelcore_mirror = true;
	assert_movable(f, 0x100000, 0x240000);
	f->config.rules = QUIRE_RULES_6_12;
	assert_movable(f, 0, 0);
	assert_logged(f, "no mirror memory");
	fixture_free(f);
}

/* --- random machines ----------------------------------------------------------------------------------------------- */

#define FRAMES 0x2400u	/* 36 MiB: small enough to look at each frame, and beyond 16 MiB so that there are two zones */

/* Nodes of frames, -1 for holes, in pieces that may start and end inside a page. */
static struct fixture *random_machine(int *frame_node, unsigned *nodes)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_X86_64, rand() & 1 ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12);
	quire_phys_t at = 4096;

	*nodes = 1 + (unsigned)rand() % 4;
	memset(frame_node, -1, FRAMES * sizeof(int));
	while (at < (quire_phys_t)FRAMES << 12) {
		quire_phys_t end = at + ((quire_phys_t)rand() % 0x400000) + (rand() % 4 ? 0 : 0x1000000);
		int nid = (int)((unsigned)rand() % *nodes);

		if (rand() % 3)
			end &= ~0xfffull;
		if (end > (quire_phys_t)FRAMES << 12)
			end = (quire_phys_t)FRAMES << 12;
		if (rand() % 4 && end > at) {
			add_memory_node(f, at, end, nid);
			for (quire_pfn_t pfn = (at + 4095) >> 12; pfn < end >> 12; pfn++)
				frame_node[pfn] = nid;
		}
		/* A page split between two pieces that touch would be whole again in the ledger: keep them apart. */
		at = end + (end % 4096 || rand() % 4 == 0 ? 4096 : 0);
	}
	return f;
}

static bool all_have_frames(const int *frame_node, unsigned nodes)
{
	for (unsigned nid = 0; nid < nodes; nid++) {
		bool found = false;

		for (unsigned pfn = 0; pfn < FRAMES && !found; pfn++)
			found = frame_node[pfn] == (int)nid;
		if (!found)
			return false;
	}
	return true;
}

/* Which zone a frame of a node is in, from first principles: by address, and movable from movable_pfn on. */
static enum quire_zone_type naive_zone(const struct fixture *f, const struct quire_node *node, quire_pfn_t pfn)
{
	if (node->movable_pfn && pfn >= node->movable_pfn)
		return QUIRE_ZONE_MOVABLE;
	for (unsigned type = 0; type < QUIRE_ZONE_MOVABLE; type++)
		if (pfn >= f->t.zone_low[type] && pfn < f->t.zone_high[type])
			return (enum quire_zone_type)type;
	return QUIRE_ZONE_TYPES;
}

static void compare_with_frames(const struct fixture *f, const int *frame_node, unsigned nodes)
{
	for (unsigned nid = 0; nid < nodes; nid++) {
		const struct quire_node *node = f->t.nodes[nid];
		uint64_t present[QUIRE_ZONE_TYPES] = { 0 };

		for (unsigned pfn = 0; pfn < FRAMES; pfn++) {
			enum quire_zone_type type;

			if (frame_node[pfn] != (int)nid)
				continue;
			assert_in_range(pfn, node->start_pfn, node->end_pfn - 1);
			type = naive_zone(f, node, pfn);
			assert_int_not_equal(type, QUIRE_ZONE_TYPES);
			present[type]++;
			assert_ptr_equal(quire_topology_zone_of(&f->t, &f->mb, pfn), &node->zones[type]);
		}
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			assert_int_equal(node->zones[type].present, present[type]);
	}
}

/* What kernelcore= promises: every node's movable zone starts at a block, and the kernel keeps at least what was asked for.
 */
static void check_movable(const struct fixture *f, unsigned nodes, uint64_t kernelcore)
{
	uint64_t kernel = 0, total = 0;
	bool movable = false;

	for (unsigned nid = 0; nid < nodes; nid++) {
		const struct quire_node *node = f->t.nodes[nid];

		assert_int_equal(node->movable_pfn % 1024, 0);
		total += node->present;
		kernel += node->present - node->zones[QUIRE_ZONE_MOVABLE].present;
		movable |= node->movable_pfn != 0;
	}
	/* The last pages that do not divide among nodes may be forgotten: up to one a node. */
	if (movable)
		assert_true(kernel + nodes >= kernelcore);
	if (kernelcore >= total)
		assert_false(movable);
}

static void test_random_machines(void **state)
{
	static int frame_node[FRAMES];
	unsigned planned = 0;

	(void)state;
	srand(2);
	for (unsigned round = 0; round < 400; round++) {
		unsigned nodes;
		struct fixture *f = random_machine(frame_node, &nodes);
		uint64_t kernelcore = round % 2 ? (uint64_t)rand() % FRAMES : 0;

		if (all_have_frames(frame_node, nodes)) {
			nodes_from_ledger(f);
			f->config.options.kernelcore =
				(struct quire_amount){ .given = kernelcore != 0, .bytes = kernelcore << 12 };
			plan_zones(f);
			compare_with_frames(f, frame_node, nodes);
			check_movable(f, nodes, kernelcore);
			planned++;
		}
		fixture_free(f);
	}
	assert_true(planned > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_64_limits),
		cmocka_unit_test(test_i386_limits),
		cmocka_unit_test(test_i386_forced_highmem),
		cmocka_unit_test(test_arm64_limits),
		cmocka_unit_test(test_movable_amounts),
		cmocka_unit_test(test_movable_without_zone),
		cmocka_unit_test(test_movable_node),
		cmocka_unit_test(test_mirror),
		cmocka_unit_test(test_mirror_unaligned),
		cmocka_unit_test(test_mirror_without_mirror),
		cmocka_unit_test(test_random_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
