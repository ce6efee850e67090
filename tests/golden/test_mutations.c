/*
 * Verify must see what is wrong: one fact of a capture is changed, and exactly the item about it has to differ. Without
 * this a check that compares nothing would look like success.
 */
#include "machines.h"

#include <stdio.h>
#include <string.h>

#define X86 "samples/machines/x86_64-q35-2n-8G"
#define ARM "samples/machines/arm64-virt-2n-4G-k612"
#define PAE "samples/machines/i386-pae-4G"
#define EPYC "samples/machines/real-epyc-7601-8n-1T"

static const struct mutation {
	const char *machine, *file, *needle, *from, *to;
	const char *item; /* what the output must name */
} mutations[] = {
	{ X86, "dmesg.txt", "  DMA32    [mem 0x", "0x00000000ffffffff", "0x00000000fffeffff", "zone range DMA32" },
	{ X86, "dmesg.txt", "Early memory node ranges", "Early memory", "  Node 1: 0x1c0000000\nEarly memory",
	  "movable zone start of node 1" },
	{ X86, "dmesg.txt", "  node   1: [mem 0x0000000180000000", "0000000180000000", "0000000180001000",
	  "early memory range" },
	{ X86, "dmesg.txt", "Initmem setup node 1", "0x0000000180000000", "0x0000000180001000", "span of node 1" },
	{ X86, "dmesg.txt", "97 pages in unavailable", "97", "98", "unavailable range" },
	{ X86, "dmesg.txt", "Fallback order for Node 1", "1 0", "0 1", "fallback order of node 1" },
	{ X86, "dmesg.txt", "zonelist general 0:Normal", "1:Normal", "1:Movable", "zonelist general of node 0" },
	{ X86, "dmesg.txt", "zonelist thisnode 0:DMA32", "0:DMA32 0:DMA", "0:DMA32", "zonelist thisnode of node 0" },
	{ X86, "dmesg.txt", "Built 2 zonelists", "Total pages: 2064096", "Total pages: 2064097", "Total pages" },
	{ X86, "dmesg.txt", "Policy zone", "Normal", "DMA32", "policy zone" },
	{ X86, "dmesg.txt", "pageflags_layout_widths", "Zone 3", "Zone 2", "page-flags layout" },
	{ X86, "dmesg.txt", "Memory: 2238028K", "2238028K/", "2238032K/", "Memory: available" },
	{ X86, "dmesg.txt", "Memory: 2238028K", "8388088K", "8388092K", "Memory: physical" },
	{ X86, "dmesg.txt", "Memory: 2238028K", "253752K", "253756K", "Memory: free at hand-over" },
	{ X86, "dmesg.txt", "Memory block size", "128MB", "256MB", "memory block size" },
	{ X86, "dmesg.txt", "node 1 deferred pages", "node 1 deferred", "node 1 prepared",
	  "initialisation of node 1 is deferred" },
	{ X86, "dmesg.txt", "0x000000017be00000-0x000000017fdfffff", "0x000000017be00000", "0x000000017bc00000",
	  "allocation of" },
	{ X86, "dmesg.txt", "reserved[0x3]\t[0x000000017ffd5000", "0x000000017ffd5000", "0x000000017ffd4000",
	  "reserved[3]" },
	{ X86, "dmesg.txt", "memory[0x3]\t[0x0000000180000000", "on node 1", "on node 0", "memory[3]" },
	{ X86, "zoneinfo.txt", "spanned  4095", "4095", "4096", "spanned of node 0 zone DMA" },
	{ X86, "zoneinfo.txt", "present  3998", "3998", "3997", "present of node 0 zone DMA" },
	{ X86, "zoneinfo.txt", "managed  3840", "3840", "3841", "managed of node 0 zone DMA" },
	{ X86, "zoneinfo.txt", "min      5430", "5430", "5431", "min watermark of node 0 zone DMA32" },
	{ X86, "zoneinfo.txt", "low      6787", "6787", "6788", "low watermark of node 0 zone DMA32" },
	{ X86, "zoneinfo.txt", "high     8144", "8144", "8145", "high watermark of node 0 zone DMA32" },
	{ X86, "zoneinfo.txt", "protection: (0, 1914", "3898, 3898)", "3898, 3899)", "protection of node 0 zone DMA" },
	{ X86, "zoneinfo.txt", "high:  26", "26", "27", "high of node 0 zone DMA cpu 0" },
	{ X86, "zoneinfo.txt", "batch: 63", "63", "31", "batch of node 0 zone DMA32 cpu 0" },
	{ X86, "zoneinfo.txt", "start_pfn:           4096", "4096", "4097", "start_pfn of node 0 zone DMA32" },
	{ X86, "sysctl.txt", "min_free_kbytes 90112", "90112", "90113", "min_free_kbytes" },
	{ X86, "memory_blocks.txt", "memory1 ", "[DMA32]", "[Normal]", "valid zones of memory1" },
	{ X86, "memory_blocks.txt", "memory1 ", "[node0]", "[node1]", "nodes of memory1" },
	{ X86, "memory_blocks.txt", "memory1 ", "[online]", "[offline]", "state of memory1" },
	{ X86, "memory_blocks.txt", "block_size_bytes 8000000", "8000000", "10000000", "memory block size" },
	{ X86, "pagetypeinfo.txt", "Node 0, zone      DMA            1", "            1", "            2",
	  "pageblocks of node 0 zone DMA" },
	{ X86, "node.txt", "has_memory 0-1", "0-1", "0", "nodes with memory" },
	{ X86, "meminfo.txt", "MemTotal:", "MemTotal:        ", "MemTotal:       1", "MemTotal" },
	{ ARM, "zoneinfo.txt", "promo    ", "promo    1", "promo    2", "promo watermark" },
	{ ARM, "zoneinfo.txt", "batch: 63", "63", "64", "batch of node 0 zone DMA cpu 0" },
	{ ARM, "dmesg.txt", "cma-reserved)", "65536K cma", "65540K cma", "Memory: cma-reserved" },
	{ ARM, "memblock_debugfs.txt", "0x0000000048200000..", "48200000", "48201000", "debugfs reserved" },
	{ ARM, "meminfo.txt", "CmaTotal:", "65536", "65540", "CmaTotal" },
	{ ARM, "dmesg.txt", "0x00000000fc000000-0x00000000ffffffff] memblock_alloc", "fc000000-", "f8000000-",
	  "by cma" },
	{ PAE, "dmesg.txt", "  HighMem  [mem 0x", "0000000036ffe000", "0000000036fff000", "zone range HighMem" },
	{ EPYC, "dmesg.txt", "On node 3 totalpages: 33554304", "33554304", "33554305", "totalpages of node 3" },
	{ EPYC, "dmesg.txt", "DMA32 zone: 12924 pages used for memmap", "12924", "12925",
	  "memmap pages of node 0 zone DMA32" },
};

/* Verify a copy of a machine in which something was changed; see machine_copy(). The output is the caller's to free. */
static int verify_changed(const char *machine, const char *file, const char *needle, const char *from, const char *to,
			  char **output)
{
	char path[64], *one = path;
	int result;

	machine_copy(machine, file, needle, from, to, path, sizeof(path));
	*output = NULL;
	result = verify_to_text(&one, 1, output);
	machine_remove(path);
	return result;
}

static void changed_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++) {
		const struct mutation *m = &mutations[i];
		char *output;
		int result = verify_changed(m->machine, m->file, m->needle, m->from, m->to, &output);

		if (result != 1 || !strstr(output, m->item))
			fail_msg("%s: '%s' for '%s' went unnoticed:\n%s", m->machine, m->to, m->from, output);
		free(output);
	}
}

/* Without one of its files a capture has fewer items, and still none that differs. */
static void missing_files(void **state)
{
	static const char *const files[] = { "zoneinfo.txt",	  "iomem.txt",	      "sysctl.txt", "node.txt",
					     "memory_blocks.txt", "pagetypeinfo.txt", "meminfo.txt" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *output;

		if (verify_changed(X86, files[i], NULL, NULL, NULL, &output) != 0)
			fail_msg("without %s:\n%s", files[i], output);
		free(output);
	}
}

/* A capture that says two things about one fact is told so. */
static void contradictions(void **state)
{
	char *output;

	(void)state;
	assert_int_equal(verify_changed(X86, "zoneinfo.txt", "present  3998", "3998", "4998", &output), 1);
	assert_non_null(strstr(output, "contradicts itself"));
	free(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_facts),
		cmocka_unit_test(missing_files),
		cmocka_unit_test(contradictions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
