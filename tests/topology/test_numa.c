/*
 * From firmware's records to nodes: numbering, the reasons for which tables are refused, hot-plug marks, emulation, CPUs;
 * and hostile tables, which may be refused but must not lose memory or break anything.
 */
#include "fixture.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* 8 GiB as a PC has it: 2 below the device hole, 6 above 4 GiB. */
static struct fixture *pc(enum quire_rules rules)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_X86_64, rules);

	add_memory(f, 0x1000, 0x9f000);
	add_memory(f, 1 * MIB, 2 * GIB);
	add_memory(f, 4 * GIB, 10 * GIB);
	return f;
}

static int node_at(const struct fixture *f, quire_phys_t address)
{
	quire_pfn_t start, end;

	return quire_memblock_search_pfn_nid(&f->mb, address >> 12, 12, &start, &end);
}

static int reserved_node_at(const struct fixture *f, quire_phys_t address)
{
	for (size_t i = 0; i < f->mb.reserved.cnt; i++) {
		const struct quire_memblock_region *region = &f->mb.reserved.regions[i];

		if (address >= region->base && address - region->base < region->size)
			return region->nid;
	}
	return -2;
}

static uint64_t planned_pages(const struct fixture *f)
{
	uint64_t pages = 0;

	for (unsigned nid = 0; nid < f->t.node_count; nid++)
		pages += f->t.nodes[nid] ? f->t.nodes[nid]->present : 0;
	return pages;
}

static uint64_t ledger_pages(const struct fixture *f)
{
	struct quire_pfn_range range;
	uint64_t pages = 0;
	size_t index;

	quire_memblock_for_each_pfn_range(&f->mb, index, QUIRE_NO_NODE, 12, &range)
		pages += range.end - range.start;
	return pages;
}

static void assert_one_node(const struct fixture *f)
{
	assert_int_equal(f->t.node_count, 1);
	assert_false(f->t.numa_on);
	assert_int_equal(f->t.nodes[0]->present, ledger_pages(f));
}

static void test_no_tables(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.cpus = 3;
	quire_memblock_reserve(&f->mb, 0, MIB);
	plan_all(f);
	assert_one_node(f);
	assert_logged(f, "No NUMA configuration found\nFaking a node at [mem 0x0000000000000000-0x000000027fffffff]\n");
	assert_int_equal(reserved_node_at(f, 0), 0);
	assert_int_equal(f->t.nodes[0]->cpus, 3);
	assert_int_equal(f->t.cpu_count, 3);
	assert_int_equal(quire_node_distance(&f->t, 0, 0), 10);
	assert_int_equal(quire_node_distance(&f->t, 0, 7), 20);
	fixture_free(f);
}

/* 6.12 does not reach below the first byte of memory: page 0, reserved, has no node. */
static void test_page_zero(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_12);

	(void)state;
	quire_memblock_reserve(&f->mb, 0, MIB);
	plan_all(f);
	assert_int_equal(reserved_node_at(f, 0), QUIRE_NO_NODE);
	assert_int_equal(reserved_node_at(f, 4096), 0);
	fixture_free(f);
}

/* Domains get node numbers as they appear, CPUs before memory, disabled records not at all. */
static void test_numbering(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);
	struct quire_memory_affinity disabled = { .base = 0, .size = 10 * GIB, .domain = 99 };

	(void)state;
	quire_machine_add_affinity(&f->machine, &disabled);
	add_affinity(f, 4000000000u, 0, 2 * GIB, 0);
	add_affinity(f, 7, 4 * GIB, 6 * GIB, 0);
	add_affinity(f, 300, 6 * GIB, 10 * GIB, 0);
	add_cpu(f, 7);
	add_cpu(f, 4000000000u);
	add_cpu(f, 55);		/* a node with CPUs only */
	add_cpu(f, 7);
	plan_all(f);
	assert_true(f->t.numa_on);
	assert_int_equal(f->t.node_count, 4);
	assert_int_equal(node_at(f, 4 * GIB), 0);
	assert_int_equal(node_at(f, 1 * GIB), 1);
	assert_int_equal(node_at(f, 6 * GIB), 3);
	assert_true(f->t.nodes[2]->online);
	assert_false(f->t.nodes[2]->has_memory);
	assert_int_equal(f->t.nodes[0]->cpus, 2);
	assert_int_equal(f->t.nodes[3]->cpus, 0);
	assert_int_equal(f->t.cpu_node[0], 0);
	assert_int_equal(f->t.cpu_node[1], 1);
	assert_int_equal(f->t.cpu_node[2], 2);
	assert_int_equal(f->t.cpu_node[3], 0);
	assert_logged(f, "SRAT: PXM 4000000000 -> APIC 0x01 -> Node 1\n");
	assert_logged(f, "ACPI: SRAT: Node 3 PXM 300 [mem 0x180000000-0x27fffffff]\n");
	fixture_free(f);
}

/* A SLIT is read by domain, and only if all of it is sane. */
static void test_distances(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	add_affinity(f, 2, 0, 2 * GIB, 0);
	add_affinity(f, 0, 4 * GIB, 10 * GIB, 0);
	quire_machine_set_distance(&f->machine, 2, 0, 17);
	quire_machine_set_distance(&f->machine, 0, 2, 23);
	plan_all(f);
	assert_int_equal(quire_node_distance(&f->t, 0, 1), 17);
	assert_int_equal(quire_node_distance(&f->t, 1, 0), 23);
	assert_int_equal(quire_node_distance(&f->t, 1, 1), 10);
	fixture_free(f);

	f = pc(QUIRE_RULES_6_1);
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 1, 4 * GIB, 10 * GIB, 0);
	quire_machine_set_distance(&f->machine, 0, 1, 30);
	quire_machine_set_distance(&f->machine, 1, 0, 10);
	plan_all(f);
	assert_logged(f, "SLIT table looks invalid");
	assert_int_equal(f->t.node_count, 2);
	assert_int_equal(quire_node_distance(&f->t, 0, 1), 20);
	fixture_free(f);
}

static void test_overlap_refused(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 0, 4 * GIB, 7 * GIB, 0);
	add_affinity(f, 1, 7 * GIB - 1, 10 * GIB, 0);
	quire_machine_set_distance(&f->machine, 0, 1, 30);
	plan_all(f);
	assert_one_node(f);
	assert_logged(f, "node 0 [mem 0x100000000-0x1bfffffff] overlaps with node 1 [mem 0x1bfffffff-0x27fffffff]\n"
			 "No NUMA configuration found\n");
	assert_int_equal(f->t.distance_count, 0);
	fixture_free(f);
}

/* Overlaps beyond the end of memory are cut off before anybody looks. */
static void test_overlap_beyond_memory(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 1, 4 * GIB, 64 * GIB, QUIRE_AFFINITY_HOTPLUG);
	add_affinity(f, 2, 12 * GIB, 1024 * GIB, QUIRE_AFFINITY_HOTPLUG);
	plan_all(f);
	assert_int_equal(f->t.node_count, 3);
	assert_false(f->t.nodes[2]->online);
	assert_int_equal(f->t.nodes[2]->fallback_count, 0);
	assert_int_equal(node_at(f, 9 * GIB), 1);
	fixture_free(f);
}

static void test_self_overlap(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	add_affinity(f, 0, 0, 5 * GIB, 0);
	add_affinity(f, 0, 4 * GIB, 6 * GIB, 0);
	add_affinity(f, 1, 6 * GIB, 10 * GIB, 0);
	plan_all(f);
	assert_int_equal(f->t.node_count, 2);
	assert_logged(f,
		      "Warning: node 0 [mem 0x00000000-0x13fffffff] overlaps with itself [mem 0x100000000-0x17fffffff]\n");
	assert_logged(f, "-> [mem 0x00000000-0x17fffffff]\n");
	fixture_free(f);
}

/* One MiB of memory outside all nodes is too much; a page less is tolerated, and lost with a warning. */
static void test_coverage(void **state)
{
	for (unsigned pages = 255; pages <= 256; pages++) {
		struct fixture *f = pc(QUIRE_RULES_6_1);

		(void)state;
		add_affinity(f, 0, 0, 2 * GIB, 0);
		add_affinity(f, 1, 4 * GIB + pages * 4096, 10 * GIB, 0);
		plan_all(f);
		if (pages == 256) {
			assert_one_node(f);
			assert_logged(f, "NUMA: nodes only cover 8190MB of your 8191MB e820 RAM. Not used.\n");
		} else {
			assert_int_equal(f->t.node_count, 2);
			assert_int_equal(planned_pages(f) + 255, ledger_pages(f));
			assert_logged(f, "NUMA: 1020KB of RAM are in no node's range");
		}
		fixture_free(f);
	}
}

/* Reserved ranges in holes belong to the node around them, unless another node lies in the hole. */
static void test_holes(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	quire_memblock_reserve(&f->mb, 3 * GIB, MIB);
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 0, 4 * GIB, 6 * GIB, 0);
	add_affinity(f, 1, 6 * GIB, 10 * GIB, 0);
	plan_all(f);
	assert_int_equal(reserved_node_at(f, 3 * GIB), 0);
	fixture_free(f);

	f = pc(QUIRE_RULES_6_1);
	add_memory(f, 2 * GIB + 512 * MIB, 3 * GIB);
	quire_memblock_reserve(&f->mb, 3 * GIB, MIB);
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 1, 2 * GIB, 3 * GIB, 0);
	add_affinity(f, 0, 4 * GIB, 10 * GIB, 0);
	plan_all(f);
	assert_int_equal(reserved_node_at(f, 3 * GIB), QUIRE_NO_NODE);
	assert_int_equal(f->t.nodes[0]->zones[QUIRE_ZONE_DMA32].spanned, (4 * GIB >> 12) - 4096);
	fixture_free(f);
}

/* A node the kernel sits on is not hot-pluggable any more; others stay so. */
static void test_hotplug_marks(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.options.movable_node = f->mb.movable_node = true;
	quire_memblock_reserve(&f->mb, 5 * GIB, MIB);
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 1, 4 * GIB, 6 * GIB, QUIRE_AFFINITY_HOTPLUG);
	add_affinity(f, 2, 6 * GIB, 10 * GIB, QUIRE_AFFINITY_HOTPLUG);
	quire_memblock_set_bottom_up(&f->mb, true);
	plan_all(f);
	assert_int_equal(f->t.nodes[1]->movable_pfn, 0);
	assert_int_equal(f->t.nodes[2]->movable_pfn, 6 * GIB >> 12);
	assert_false(f->mb.bottom_up);
	fixture_free(f);
}

static void test_numa_off(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.options.numa = QUIRE_NUMA_OFF;
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 1, 4 * GIB, 10 * GIB, QUIRE_AFFINITY_HOTPLUG);
	add_cpu(f, 0);
	add_cpu(f, 1);
	plan_all(f);
	assert_one_node(f);
	assert_int_equal(f->t.nodes[0]->cpus, 2);
	assert_logged(f, "NUMA turned off\nFaking a node");
	assert_not_logged(f, "SRAT");
	fixture_free(f);
}

/* CPUs nobody placed are dealt out over nodes with memory, by their number. */
static void test_unplaced_cpus(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.cpus = 5;
	add_affinity(f, 0, 0, 2 * GIB, 0);
	add_affinity(f, 1, 4 * GIB, 10 * GIB, 0);
	add_cpu(f, 1);
	plan_all(f);
	assert_int_equal(f->t.cpu_node[0], 0);	/* domain 1 came first and is node 0 */
	assert_int_equal(f->t.cpu_node[1], 1);
	assert_int_equal(f->t.cpu_node[2], 0);
	assert_int_equal(f->t.cpu_node[3], 1);
	assert_int_equal(f->t.cpu_node[4], 0);
	fixture_free(f);
}

static void test_initiator(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);
	struct quire_cpu initiator = { .domain = 9, .enabled = true, .initiator = true };

	(void)state;
	add_affinity(f, 0, 0, 10 * GIB, 0);
	add_cpu(f, 0);
	quire_machine_add_cpu(&f->machine, &initiator);
	plan_all(f);
	assert_int_equal(f->t.node_count, 2);
	assert_true(f->t.nodes[1]->online);
	assert_int_equal(f->t.nodes[1]->cpus, 0);
	assert_int_equal(f->t.cpu_count, 1);
	fixture_free(f);
}

/* --- device trees -------------------------------------------------------------------------------------------------- */

static struct fixture *arm64(enum quire_rules rules, int first, int second)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_ARM64, rules);

	add_memory(f, 1 * GIB, 5 * GIB);
	quire_memblock_reserve(&f->mb, 1 * GIB, 16 * MIB);
	quire_machine_add_range(&f->machine, 1 * GIB, 2 * GIB, QUIRE_MEMORY_RAM, 0, first);
	quire_machine_add_range(&f->machine, 3 * GIB, 2 * GIB, QUIRE_MEMORY_RAM, 0, second);
	return f;
}

/* Ids are taken as they stand. Reserved ranges get nodes from 6.12 on only. */
static void test_device_tree(void **state)
{
	(void)state;
	for (unsigned rules = QUIRE_RULES_6_1; rules <= QUIRE_RULES_6_12; rules++) {
		struct fixture *f = arm64((enum quire_rules)rules, 3, 1);

		add_cpu(f, 3);
		add_cpu(f, 8);
		add_cpu(f, 1000);	/* no such node: the CPU is as good as not placed */
		plan_all(f);
		assert_int_equal(f->t.node_count, 9);
		assert_int_equal(f->t.cpu_node[1], 8);
		assert_int_equal(f->t.cpu_node[2], 1);
		assert_int_equal(node_at(f, 1 * GIB), 3);
		assert_int_equal(node_at(f, 3 * GIB), 1);
		assert_null(f->t.nodes[0]);
		assert_true(f->t.nodes[8]->online);
		assert_int_equal(reserved_node_at(f, 1 * GIB), rules == QUIRE_RULES_6_1 ? QUIRE_NO_NODE : 3);
		fixture_free(f);
	}
}

static void test_device_tree_broken(void **state)
{
	struct fixture *f = arm64(QUIRE_RULES_6_1, 0, QUIRE_NO_NODE);

	(void)state;
	plan_all(f);
	assert_one_node(f);
	assert_logged(
		f,
		"NUMA: Warning: invalid memblk node -1 [mem 0xc0000000-0x13fffffff]\n"
		"NUMA: No NUMA configuration found\nNUMA: Faking a node at [mem 0x0000000040000000-0x000000013fffffff]\n");
	fixture_free(f);

	f = arm64(QUIRE_RULES_6_1, 0, 16);	/* more than 16 nodes are not to be numbered */
	plan_all(f);
	assert_one_node(f);
	fixture_free(f);

	f = arm64(QUIRE_RULES_6_1, 0, 1);
	f->machine.numa_broken = true;
	plan_all(f);
	assert_one_node(f);
	fixture_free(f);

	f = arm64(QUIRE_RULES_6_1, 0, 1);
	quire_machine_set_distance(&f->machine, 0, 1, 10);
	plan_all(f);
	assert_one_node(f);
	fixture_free(f);
}

/* --- numa=fake= ---------------------------------------------------------------------------------------------------- */

static void test_fake_count(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.options.numa = QUIRE_NUMA_FAKE_COUNT;
	f->config.options.numa_fake_count = 4;
	f->config.cpus = 4;
	plan_all(f);
	assert_int_equal(f->t.node_count, 4);
	assert_logged(f, "Faking node 0 at [mem 0x0000000000000000-0x00000000ffffffff] (4096MB)\n"
			 "Faking node 1 at [mem 0x0000000100000000-0x000000017fffffff] (2048MB)\n");
	assert_int_equal(planned_pages(f), ledger_pages(f));
	for (int nid = 0; nid < 4; nid++) {
		assert_int_equal(f->t.nodes[nid]->cpus, 4);
		assert_int_equal(f->t.cpu_node[nid], nid);
		assert_int_equal(quire_node_distance(&f->t, 0, nid), 10);
	}
	assert_fallback(f, 2, "2 3 0 1");
	fixture_free(f);
}

/* Cut from two physical nodes: distances and CPUs are those of the node a part was cut from. */
static void test_fake_of_two(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.options.numa = QUIRE_NUMA_FAKE_UNIFORM;
	f->config.options.numa_fake_count = 2;
	add_affinity(f, 0, 0, 6 * GIB, 0);
	add_affinity(f, 1, 6 * GIB, 10 * GIB, 0);
	add_cpu(f, 0);
	add_cpu(f, 1);
	add_cpu(f, 1);
	quire_machine_set_distance(&f->machine, 0, 1, 40);
	quire_machine_set_distance(&f->machine, 1, 0, 41);
	plan_all(f);
	assert_int_equal(f->t.node_count, 4);
	assert_int_equal(node_at(f, 7 * GIB), 2);
	assert_int_equal(quire_node_distance(&f->t, 0, 3), 40);
	assert_int_equal(quire_node_distance(&f->t, 3, 0), 41);
	assert_int_equal(quire_node_distance(&f->t, 2, 3), 10);
	assert_int_equal(f->t.nodes[3]->cpus, 2);
	assert_int_equal(f->t.cpu_node[2], 2);
	assert_fallback(f, 0, "0 1 2 3");
	fixture_free(f);
}

static void test_fake_distances(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);
	static const uint8_t given[] = { 10, 33, 34 };

	(void)state;
	f->config.options.numa = QUIRE_NUMA_FAKE_COUNT;
	f->config.options.numa_fake_count = 2;
	memcpy(f->config.options.numa_fake_distances, given, sizeof(given));
	f->config.options.numa_fake_distance_count = 3;
	plan_all(f);
	assert_int_equal(quire_node_distance(&f->t, 0, 1), 33);
	assert_int_equal(quire_node_distance(&f->t, 1, 0), 34);
	assert_int_equal(quire_node_distance(&f->t, 1, 1), 10);
	fixture_free(f);
}

static void test_fake_size(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.options.numa = QUIRE_NUMA_FAKE_SIZE;
	f->config.options.numa_fake_size = 1 * GIB + 5 * MIB;
	plan_all(f);
	assert_int_equal(planned_pages(f), ledger_pages(f));
	for (unsigned nid = 0; nid < f->t.node_count; nid++)
		assert_true(f->t.nodes[nid]->present >= (1 * GIB - 2 * MIB) >> 12);
	assert_in_range(f->t.node_count, 6, 8);
	fixture_free(f);
}

/* What cannot be done is said and leaves the physical nodes. */
static void test_fake_impossible(void **state)
{
	static const struct { enum quire_numa_mode mode; uint64_t count; quire_phys_t size;
	} wishes[] = {
		{ QUIRE_NUMA_FAKE_COUNT, 0, 0 },	  { QUIRE_NUMA_FAKE_COUNT, 1000, 0 },
		{ QUIRE_NUMA_FAKE_COUNT, UINT64_MAX, 0 }, { QUIRE_NUMA_FAKE_UNIFORM, 0, 0 },
		{ QUIRE_NUMA_FAKE_UNIFORM, 4000, 0 },	  { QUIRE_NUMA_FAKE_UNIFORM, UINT64_MAX, 0 },
		{ QUIRE_NUMA_FAKE_SIZE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct fixture *f = pc(QUIRE_RULES_6_1);

		f->config.options.numa = wishes[i].mode;
		f->config.options.numa_fake_count = wishes[i].count;
		f->config.options.numa_fake_size = wishes[i].size;
		add_affinity(f, 0, 0, 6 * GIB, 0);
		add_affinity(f, 1, 6 * GIB, 10 * GIB, 0);
		plan_all(f);
		assert_int_equal(f->t.node_count, 2);
		assert_int_equal(planned_pages(f), ledger_pages(f));
		assert_logged(f, "numa=fake= ignored");
		fixture_free(f);
	}
}

/* --- hostile tables ------------------------------------------------------------------------------------------------ */

static void test_too_many_domains(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);

	(void)state;
	f->config.geometry.nodes_shift = 2;
	for (uint32_t i = 0; i < 5; i++)
		add_affinity(f, i * 1000, i * 2 * GIB, (i + 1) * 2 * GIB, 0);
	plan_all(f);
	assert_one_node(f);
	assert_logged(f, "NUMA: domain 4000 is beyond the 4 nodes");
	fixture_free(f);
}

static void test_wrapping_record(void **state)
{
	struct fixture *f = pc(QUIRE_RULES_6_1);
	struct quire_memory_affinity record = {
		.base = 6 * GIB, .size = UINT64_MAX, .domain = 1, .flags = QUIRE_AFFINITY_ENABLED
	};

	(void)state;
	quire_machine_add_affinity(&f->machine, &record);
	add_affinity(f, 0, 0, 10 * GIB, 0);
	plan_all(f);
	assert_int_equal(f->t.node_count, 1);
	assert_logged(f, "wraps around the address space, ignored");
	assert_int_equal(planned_pages(f), ledger_pages(f));
	fixture_free(f);
}

static quire_phys_t random_address(void)
{
	quire_phys_t address = (quire_phys_t)((unsigned)rand() % 48) << 28;

	return rand() % 3 ? address : rand() % 2 ? address + (unsigned)rand() % 100000 : (quire_phys_t)rand() << 33;
}

/* Any records, any options: no failure, a sound topology, and no more than 1 MiB without a node. */
static void test_random_tables(void **state)
{
	unsigned with_nodes = 0;

	(void)state;
	srand(3);
	for (unsigned round = 0; round < 1500; round++) {
		struct fixture *f = pc((enum quire_rules)(rand() % 2));
		unsigned records = (unsigned)rand() % 8;
		quire_phys_t at = 0;

		f->config.options.numa = (enum quire_numa_mode)(rand() % 12 < 5 ? rand() % 5 : 0);
		f->config.options.numa_fake_count = (unsigned)rand() % 9;
		f->config.options.numa_fake_size = ((quire_phys_t)rand() % 4000) << 20;
		f->config.options.movable_node = rand() % 2;
		quire_memblock_reserve(&f->mb, random_address(), (quire_phys_t)rand() % (64 * MIB));
		for (unsigned i = 0; i < records; i++) {
			quire_phys_t end = round % 2 ? at + 12 * GIB / records + 1 : random_address();

			if (round % 2 == 0)
				at = random_address();
			if (end > at)
				add_affinity(f, (uint32_t)rand() % 5, at, end, (uint32_t)rand() % 8);
			at = end;
		}
		for (unsigned i = 0; i < (unsigned)rand() % 6; i++)
			add_cpu(f, rand() % 4 ? (uint32_t)rand() % 7 : QUIRE_DOMAIN_NONE);
		quire_machine_set_distance(&f->machine, (uint32_t)rand() % 5, (uint32_t)rand() % 5, (uint8_t)(rand() % 40));
		plan_all(f);
		assert_int_equal(quire_check_memblock(&f->mb), QUIRE_OK);
		assert_true(planned_pages(f) + 256 > ledger_pages(f) && planned_pages(f) <= ledger_pages(f));
		with_nodes += f->t.node_count > 1;
		quire_watermarks_init(&f->t, &f->config.tunables, &f->state);
		quire_watermarks_thp(&f->t, &f->config.tunables, &f->state);
		assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_OK);
		fixture_free(f);
	}
	assert_true(with_nodes > 300);
}

static void test_out_of_memory(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (int allowed = 0;; allowed++) {
		struct fixture *f = pc(QUIRE_RULES_6_1);
		enum quire_status status;

		add_affinity(f, 0, 0, 6 * GIB, 0);
		add_affinity(f, 1, 6 * GIB, 10 * GIB, 0);
		f->config.options.numa = QUIRE_NUMA_FAKE_COUNT;
		f->config.options.numa_fake_count = 3;
		f->allocations_left = allowed;
		status = quire_topology_numa_init(&f->t, &f->mb);
		failed += status != QUIRE_OK;
		assert_true(status == QUIRE_OK || status == QUIRE_ENOMEM);
		assert_int_equal(quire_check_memblock(&f->mb), QUIRE_OK);
		fixture_free(f);
		if (status == QUIRE_OK)
			break;
	}
	assert_true(failed > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_tables),
		cmocka_unit_test(test_page_zero),
		cmocka_unit_test(test_numbering),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_overlap_refused),
		cmocka_unit_test(test_overlap_beyond_memory),
		cmocka_unit_test(test_self_overlap),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_hotplug_marks),
		cmocka_unit_test(test_numa_off),
		cmocka_unit_test(test_unplaced_cpus),
		cmocka_unit_test(test_initiator),
		cmocka_unit_test(test_device_tree),
		cmocka_unit_test(test_device_tree_broken),
		cmocka_unit_test(test_fake_count),
		cmocka_unit_test(test_fake_of_two),
		cmocka_unit_test(test_fake_distances),
		cmocka_unit_test(test_fake_size),
		cmocka_unit_test(test_fake_impossible),
		cmocka_unit_test(test_too_many_domains),
		cmocka_unit_test(test_wrapping_record),
		cmocka_unit_test(test_random_tables),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
