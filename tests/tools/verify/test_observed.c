/* Lines of kernel logs become the right records, and what only looks like one does not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verify/observed.h"

static void read_log(struct observed *o, const char *text)
{
	assert_int_equal(observed_from_log(o, text, strlen(text)), QUIRE_OK);
}

static void zones_and_nodes(void **state)
{
	struct observed o;

	(void)state;
	read_log(&o, "[    0.0] Zone ranges:\n"
		     "[    0.0]   DMA32    [mem 0x0000000001000000-0x00000000ffffffff]\n"
		     "[    0.0]   Device   empty\n"
		     "[    0.0]   Dmax     [mem 0x1-0x2]\n"
		     "[    0.0] Movable zone start for each node\n"
		     "[    0.0]   Node 3: 0x0000000140400000\n"
		     "[    0.0] Early memory node ranges\n"
		     "[    0.0]   node   1: [mem 0x0000000180000000-0x000000027fffffff]\n"
		     "[    0.0] Initmem setup node 2 as memoryless\n"
		     "[    0.0] On node 0, zone Normal: 32 pages in unavailable ranges\n"
		     "[    0.0] Fallback order for Node 1: 1 0 \n"
		     "[    0.0] mminit::zonelist thisnode 1:Normal = 1:Normal \n"
		     "[    0.0] Built 2 zonelists, mobility grouping off.  Total pages: 77\n"
		     "[    0.0] Policy zone: Normal\n");
	assert_int_equal(o.zone_ranges.count, 2);
	assert_int_equal(o.zone_ranges.items[0].type, QUIRE_ZONE_DMA32);
	assert_int_equal(o.zone_ranges.items[0].first, 0x1000000);
	assert_int_equal(o.zone_ranges.items[0].last, 0xffffffff);
	assert_true(o.zone_ranges.items[1].empty);
	assert_int_equal(o.zone_ranges.items[1].origin.line, 3);
	assert_int_equal(o.movable.count, 1);
	assert_int_equal(o.movable.items[0].nid, 3);
	assert_int_equal(o.movable.items[0].first, 0x140400000);
	assert_int_equal(o.early_ranges.count, 1);
	assert_int_equal(o.early_ranges.items[0].nid, 1);
	assert_true(o.setup_nodes.items[0].nothing);
	assert_int_equal(o.unavailable.items[0].pages, 32);
	assert_string_equal(o.fallbacks.items[0].nodes, "1 0");
	assert_true(o.zonelists.items[0].thisnode);
	assert_string_equal(o.zonelists.items[0].zones, "1:Normal");
	assert_false(o.built.mobility);
	assert_int_equal(o.built.total_pages, 77);
	assert_string_equal(o.built.policy_zone, "Normal");
	observed_free(&o);
}

static void older_kernels(void **state)
{
	struct observed o;

	(void)state;
	read_log(&o, "On node 4 totalpages: 100\n  DMA zone: 64 pages used for memmap\n  DMA zone: 21 pages reserved\n"
		     "  DMA zone: 3992 pages, LIFO batch:31\nBuilt 1 zonelists in Node order, mobility grouping on.  "
		     "Total pages: 5\n");
	assert_int_equal(o.total_pages.items[0].first, 100);
	assert_int_equal(o.memmap_pages.items[0].nid, 4);
	assert_int_equal(o.memmap_pages.items[0].pages, 64);
	assert_int_equal(o.reserved_pages.items[0].pages, 21);
	assert_int_equal(o.zone_pages.items[0].pages, 3992);
	assert_int_equal(o.zone_pages.items[0].batch, 31);
	assert_int_equal(o.built.total_pages, 5);
	observed_free(&o);
}

static void totals(void **state)
{
	struct observed o;

	(void)state;
	read_log(&o, "Memory: 1K/2K available (3K kernel code, 4K rwdata, 5K reserved, 6K cma-reserved, 7K highmem)\n"
		     "Freeing unused kernel image (text/rodata gap) memory: 2040K\n"
		     "Freeing initrd memory: 964K\n"
		     "cma: Reserved 64 MiB at 0x00000000fc000000 on node -1\n"
		     "Reserved memory: created CMA memory pool at 0x00000001a0000000, size 32 MiB\n"
		     "HugeTLB: registered 1.00 GiB page size, pre-allocated 2 pages\n"
		     "x86/mm: Memory block size: 2048MB\n"
		     "crashkernel reserved: 0x00000000dc000000 - 0x00000000fc000000 (512 MB)\n"
		     "RAMDISK: [mem 0x7fee4000-0x7ffdffff]\n"
		     "Allocated new RAMDISK: [mem 0x36ef9000-0x36ffd8b6]\n"
		     "Move RAMDISK from [mem 0x1-0x2] to [mem 0x3-0x4]\n"
		     "node 1 deferred pages initialised in 188ms\n");
	assert_true(o.memory.found);
	assert_int_equal(o.memory.available_k, 1);
	assert_int_equal(o.memory.physical_k, 2);
	assert_int_equal(o.memory.reserved_k, 5);
	assert_int_equal(o.memory.cma_k, 6);
	assert_int_equal(o.memory.highmem_k, 7);
	assert_int_equal(o.freed.items[0].kind, FREED_TEXT_GAP);
	assert_int_equal(o.freed.items[1].kind, FREED_INITRD);
	assert_int_equal(o.freed.items[1].kbytes, 964);
	assert_int_equal(o.cma.items[0].base, 0xfc000000);
	assert_int_equal(o.cma.items[0].size, 64 << 20);
	assert_false(o.cma.items[0].pool);
	assert_true(o.cma.items[1].pool);
	assert_int_equal(o.hugepages.items[0].page_size, 1 << 30);
	assert_int_equal(o.hugepages.items[0].count, 2);
	assert_int_equal(o.block_size_log, 2048ull << 20);
	assert_int_equal(o.crash_size, 512 << 20);
	assert_int_equal(o.ramdisk_first, 0x36ef9000);
	assert_int_equal(o.deferred.items[0].nid, 1);
	observed_free(&o);
}

static void tables(void **state)
{
	struct observed o;

	(void)state;
	read_log(
		&o,
		"MEMBLOCK configuration:\n memory size = 0x10 reserved size = 0x20\n memory.cnt  = 0x1\n"
		" memory[0x0]\t[0x0000000000001000-0x000000000009efff], 0x000000000009e000 bytes on node 2 flags: 0x4\n"
		" reserved.cnt  = 0x1\n reserved[0x0]\t[0x0-0xfff], 0x1000 bytes flags: 0x0\nsomething else\n"
		" reserved[0x1]\t[0x2000-0x2fff], 0x1000 bytes flags: 0x0\n");
	assert_int_equal(o.dumps.count, 1);
	assert_int_equal(o.dumps.items[0].memory_size, 0x10);
	assert_int_equal(o.dumps.items[0].memory.count, 1);
	assert_int_equal(o.dumps.items[0].memory.items[0].nid, 2);
	assert_int_equal(o.dumps.items[0].memory.items[0].flags, 4);
	/* A table ends with the first line that is none of it. */
	assert_int_equal(o.dumps.items[0].reserved.count, 1);
	assert_int_equal(o.dumps.items[0].reserved.items[0].nid, QUIRE_NO_NODE);
	observed_free(&o);
}

/* Only the last boot of a log with several counts. */
static void several_boots(void **state)
{
	struct observed o;

	(void)state;
	read_log(&o, "Linux version 6.1.0-1\nFallback order for Node 0: 0 1\nLinux version 6.12.3 x\nFallback order "
		     "for Node 0: 0 2\n");
	assert_int_equal(o.fallbacks.count, 1);
	assert_string_equal(o.fallbacks.items[0].nodes, "0 2");
	assert_int_equal(o.kernel_minor, 12);
	observed_free(&o);
}

/* Lines cut short at every length must neither crash nor, cut before their value, make a record. */
static void truncated(void **state)
{
	static const char *const lines[] = {
		"Memory: 1K/2K available (3K kernel code, 5K reserved, 6K cma-reserved)",
		"mminit::zonelist general 0:DMA = 0:DMA",
		" memory[0x0]\t[0x0000000000001000-0x000000000009efff], 0x9e000 bytes on node 2 flags: 0x4",
		"On node 0, zone Normal: 32 pages in unavailable ranges",
		"cma: Reserved 64 MiB at 0x00000000fc000000",
		"Built 2 zonelists, mobility grouping on.  Total pages: 77",
		"Freeing initrd memory: 964K",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t length = 0; length < strlen(lines[i]); length++) {
			struct observed o;
			char *copy = malloc(length + 1);

			assert_non_null(copy);
			memcpy(copy, lines[i], length);
			assert_int_equal(observed_from_log(&o, copy, length), QUIRE_OK);
			free(copy);
			if (length < 10) {
				assert_int_equal(o.unavailable.count + o.cma.count + o.freed.count + o.zonelists.count,
						 0);
				assert_false(o.memory.found || o.built.found);
			}
			observed_free(&o);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_and_nodes), cmocka_unit_test(older_kernels), cmocka_unit_test(totals),
		cmocka_unit_test(tables),	   cmocka_unit_test(several_boots), cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
