/*
 * The small texts of /proc, /sys and captures.
 */
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Enough RAM for input_finish() to go on. */
static void give_ram(struct input *in)
{
	assert_int_equal(feed(in, input_read_dmesg,
			      "Linux version 6.1.0-amd64\nBIOS-e820: [mem 0x100000-0x3fffffff] usable\n"),
			 QUIRE_OK);
}

static void test_iomem(void **state)
{
	static const char text[] =
		"00000000-00000fff : Reserved\n"
		"00001000-0009fbff : System RAM\n"
		"000a0000-000bffff : PCI Bus 0000:00\n"
		"00100000-7ffdffff : System RAM\n"
		"  01000000-01e01d31 : Kernel code\n"
		"  02a00000-02c489bf : Kernel data\n"
		"  30000000-3fffffff : Crash kernel\n"
		"7ffe0000-7fffffff : ACPI Tables\n"
		"140000000-17fffffff : hmem.0\n"
		"  140000000-17fffffff : System RAM (kmem)\n"
		"fee00000-fee00fff : Local APIC\n";
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_iomem, text), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.machine.map_count, 5);
	assert_map(&in.machine, 1, 0x1000, 0x9ec00, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 3, 0x7ffe0000, 0x20000, QUIRE_MEMORY_ACPI);
	assert_map(&in.machine, 4, 0x140000000, 0x40000000, QUIRE_MEMORY_RAM);
	assert_int_equal(in.machine.reservation_count, 1);
	assert_int_equal(in.machine.reservations[0].kind, QUIRE_RESERVE_KERNEL);
	assert_int_equal(in.machine.reservations[0].base, 0x1000000);
	assert_int_equal(in.machine.reservations[0].size, 0x2c489c0 - 0x1000000);
	assert_true(has_note(&in, QUIRE_LOG_INFO, 0, "after its own cuts"));
	input_free(&in);
}

static void test_iomem_without_rights(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_iomem, "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n"),
			 QUIRE_EFORMAT);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "without root's rights"));
	assert_int_equal(input_finish(&in), QUIRE_EFORMAT);
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "no usable memory"));
	input_free(&in);
}

static void test_iomem_oddities(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_iomem,
			      "00100000-001fffff : System RAM\nnonsense\n00300000-002fffff : System RAM\n"
			      "0-ffffffffffffffff : System RAM\n00400000-004fffff : System RAM"),
			 QUIRE_OK);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 2, "no resource"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 3, "ends before it begins"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 4, "left out"));
	assert_int_equal(in.facts->maps[INPUT_MAP_IOMEM].count, 2);
	input_free(&in);
}

static void test_firmware_memmap(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_memmap_text,
			      "0 0x0 0x9fbff System RAM\n1 0x9fc00 0x9ffff Reserved\n2 0x100000 0x1fffff Strange thing\n"
			      "3 0x200000\n4 0x300000 0x2fffff Reserved\n5 0x400000 0x4fffff ACPI Non-volatile Storage\n"),
			 QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.machine.map_count, 4);
	assert_map(&in.machine, 2, 0x100000, 0x100000, QUIRE_MEMORY_RESERVED);
	assert_map(&in.machine, 3, 0x400000, 0x100000, QUIRE_MEMORY_NVS);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 3, "unknown memory type"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 4, "no memory-map entry"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 5, "no memory-map entry"));
	input_free(&in);
}

static void test_tunables(void **state)
{
	const struct quire_tunables *t;
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	give_ram(&in);
	assert_int_equal(feed(&in, input_read_sysctl_text,
			      "min_free_kbytes 90112\nlowmem_reserve_ratio 64\t32\t16\t0\t1\nwatermark_scale_factor 200\n"
			      "watermark_boost_factor x\nmin_slab_ratio 900\npercpu_pagelist_high_fraction 16\n"
			      "extfrag_threshold 700\ncompaction_proactiveness 0\n"
			      "nproc 4 cpus_online 0-1,3 possible 0-3 present 0-3\n"),
			 QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	t = &in.config.tunables;
	/* What the kernel computed is not taken for what somebody set. */
	assert_int_equal(t->min_free_kbytes, -1);
	assert_int_equal(t->watermark_scale_factor, 200);
	assert_int_equal(t->watermark_boost_factor, 15000);
	assert_int_equal(t->min_slab_ratio, 5);
	assert_int_equal(t->percpu_pagelist_high_fraction, 16);
	assert_int_equal(t->lowmem_reserve_ratio[QUIRE_ZONE_DMA], 64);
	assert_int_equal(t->lowmem_reserve_ratio[QUIRE_ZONE_NORMAL], 16);
	assert_int_equal(t->lowmem_reserve_ratio[QUIRE_ZONE_MOVABLE], 0);
	assert_int_equal(cpus_enabled(&in.machine), 3);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 4, "not a value it can have"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 5, "not a value it can have"));
	assert_int_equal(t->extfrag_threshold, 700);
	assert_int_equal(t->compaction_proactiveness, 0);
	input_free(&in);
}

static void test_nodes_and_distances(void **state)
{
	static const uint8_t expected[] = { 10, 21, 31, 10 };
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(
		feed(&in, input_read_dmesg,
		     "Linux version 6.12.0-amd64\nBIOS-e820: [mem 0x100000-0x3fffffff] usable\n"
		     "ACPI: SRAT: Node 0 PXM 1 [mem 0x0-0x1fffffff]\nACPI: SRAT: Node 1 PXM 0 [mem 0x20000000-0x3fffffff]\n"
		     "smp: Brought up 2 nodes, 3 CPUs\n"),
		QUIRE_OK);
	assert_int_equal(feed(&in, input_read_node_text,
			      "online 0-1\n== node0/cpulist\n0,2\n== node0/distance\n10 31\n== node1/cpulist\n1\n"
			      "== node1/distance\n21 10\n== node1/meminfo\nNode 1 MemTotal: 1 kB\n"),
			 QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	/* Node 0 is proximity domain 1 here and node 1 domain 0: both CPUs and distances are turned round. */
	assert_int_equal(in.machine.cpu_count, 3);
	assert_int_equal(in.machine.cpus[0].domain, 1);
	assert_int_equal(in.machine.cpus[1].domain, 0);
	assert_int_equal(in.machine.cpus[2].domain, 1);
	assert_int_equal(in.machine.distance_count, 2);
	assert_memory_equal(in.machine.distances, expected, 4);
	input_free(&in);
}

static void test_node_nonsense(void **state)
{
	static const char *const bad[] = {
		"== node0/cpulist\n3-1\n",
		"== node0/cpulist\n0-99999999\n",
		"== node0/distance\n10 300\n",
		"== node0/cpulist\nx\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct input in;

		assert_int_equal(input_init(&in, NULL), QUIRE_OK);
		give_ram(&in);
		assert_int_equal(feed(&in, input_read_node_text, bad[i]), QUIRE_OK);
		assert_true(has_note(&in, QUIRE_LOG_WARNING, 2, ""));
		assert_int_equal(input_finish(&in), QUIRE_OK);
		assert_int_equal(in.machine.distance_count, 0);
		input_free(&in);
	}
}

static void test_texts_without_their_subject(void **state)
{
	static const text_reader readers[] = { input_read_dmesg,       input_read_memmap_text, input_read_node_text,
					       input_read_sysctl_text, input_read_cpuinfo,     input_read_version,
					       input_read_iomem };

	(void)state;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		struct input in;

		assert_int_equal(input_init(&in, NULL), QUIRE_OK);
		assert_int_equal(feed(&in, readers[i], "The quick brown fox\n\njumps over\n"), QUIRE_EFORMAT);
		assert_int_equal(feed(&in, readers[i], ""), QUIRE_EFORMAT);
		input_free(&in);
	}
}

static void test_version_and_cpuinfo(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_version, "Linux version 6.6.10-arm64 (x) #1\n"), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_cpuinfo, "processor\t: 0\nmodel\t: 1\n\nprocessor\t: 1\n"), QUIRE_OK);
	assert_int_equal(feed(&in, input_read_iomem, "40000000-7fffffff : System RAM\n"), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.machine.arch, QUIRE_ARCH_ARM64);
	assert_int_equal(in.kernel_minor, 6);
	assert_true(in.rules_approximate);
	assert_int_equal(cpus_enabled(&in.machine), 2);
	input_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iomem),
		cmocka_unit_test(test_iomem_without_rights),
		cmocka_unit_test(test_iomem_oddities),
		cmocka_unit_test(test_firmware_memmap),
		cmocka_unit_test(test_tunables),
		cmocka_unit_test(test_nodes_and_distances),
		cmocka_unit_test(test_node_nonsense),
		cmocka_unit_test(test_texts_without_their_subject),
		cmocka_unit_test(test_version_and_cpuinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
