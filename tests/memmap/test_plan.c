/* Planning on hand-made machines: worked vectors, and a page-by-page model of the kernel's walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture.h"

static struct capture machine;

static void start(unsigned zones)
{
	static const quire_pfn_t low[] = { 1, 0x1000, 0x100000 }, high[] = { 0x1000, 0x100000, 1ull << 40 };

	memset(&machine, 0, sizeof(machine));
	machine.config = (struct quire_config){ .arch = QUIRE_ARCH_X86_64, .zone_mask = 0x37,
						.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP, .page_stride = 16,
						.geometry = { 12, 27, 46, 10, 10, 9, 64 } };
	machine.topology.config = &machine.config;
	for (unsigned i = 0; i < zones; i++) {
		machine.topology.zone_low[i] = low[i];
		machine.topology.zone_high[i] = high[i];
	}
}

static quire_pfn_t split(int nid)
{
	quire_pfn_t movable[CAPTURE_NODES] = { 0 };

	for (unsigned i = 0; i < machine.topology.node_count; i++)
		memset(&machine.nodes[i], 0, sizeof(machine.nodes[i]));
	capture_zone_spans(&machine, movable);
	return quire_memmap_deferred_split(&machine.topology, &machine.mb, nid);
}

static void test_split_vectors(void **state)
{
	(void)state;
	start(3);
	capture_add(&machine, 1, 0x9f, 0, 0);
	capture_add(&machine, 0x100, 0x7ffe0, 0, 0);
	capture_add(&machine, 0x100000, 0x8000000, 0, 0);
	capture_add(&machine, 0x8000000, 0x10000000, 1, 0);
	assert_int_equal(split(0), 0x108000);
	assert_int_equal(split(1), 0x8008000);

	start(3);
	capture_add(&machine, 0x100000, 0x104321, 0, 0);
	capture_add(&machine, 0x110000, 0x480000, 0, 0);
	assert_int_equal(split(0), 0x118000);

	start(3);
	capture_add(&machine, 1, 0x9f, 0, 0);
	capture_add(&machine, 0x100, 0xc0000, 0, 0);
	assert_int_equal(split(0), 0x10000);

	/* A last zone of one section has nothing left to defer; neither has a 32-bit machine. */
	start(3);
	capture_add(&machine, 0x100000, 0x108000, 0, 0);
	assert_true(split(0) == QUIRE_PFN_NONE);
	machine.config.arch = QUIRE_ARCH_I386_PAE;
	capture_add(&machine, 0x108000, 0x208000, 0, 0);
	assert_true(split(0) == QUIRE_PFN_NONE);
}

/* 1 GiB gigantic page over the early part: the first allocation brings a section forward; over all of it: nothing is
 * left. */
static void test_split_at_work(void **state)
{
	struct quire_memblock_type *reserved = &machine.mb.reserved;

	(void)state;
	start(3);
	capture_add(&machine, 0x100000, 0x200000, 0, 0);
	*reserved = (struct quire_memblock_type){ .cnt = 1, .max = 1, .regions = machine.reserved };
	machine.reserved[0] = (struct quire_memblock_region){ 0x100000000, 0x40000000, 0, QUIRE_NO_NODE };
	assert_int_equal(split(0), 0x108000);
	assert_int_equal(quire_memmap_deferred_at_work(&machine.topology, &machine.mb, 0), 0x148000);
	machine.reserved[0].size = 0x7f00000;
	assert_int_equal(quire_memmap_deferred_at_work(&machine.topology, &machine.mb, 0), 0x108000);
	machine.reserved[0].size = 0x100000000 - 0x400000;
	assert_true(quire_memmap_deferred_at_work(&machine.topology, &machine.mb, 0) == QUIRE_PFN_NONE);
}

static void test_section_vectors(void **state)
{
	uint64_t cursor = 0;
	struct quire_section_run run;

	(void)state;
	start(3);
	capture_add(&machine, 0, 0xa0, 0, 0);
	capture_add(&machine, 0x100, 0x7fe0, 0, 0);
	capture_add(&machine, 0x100000, 0x101234, 0, 0);
	capture_add(&machine, 0x101234, 0x118000, 1, 0);
	assert_true(quire_section_next_run(&machine.config, &machine.mb, &cursor, &run));
	assert_true(run.start == 0 && run.end == 1 && run.nid == 0);
	assert_true(quire_section_next_run(&machine.config, &machine.mb, &cursor, &run));
	assert_true(run.start == 32 && run.end == 33 && run.nid == 0);
	assert_true(quire_section_next_run(&machine.config, &machine.mb, &cursor, &run));
	assert_true(run.start == 33 && run.end == 35 && run.nid == 1);
	assert_false(quire_section_next_run(&machine.config, &machine.mb, &cursor, &run));
	assert_true(quire_section_present(&machine.config, &machine.mb, 34));
	assert_false(quire_section_present(&machine.config, &machine.mb, 35));
	assert_false(quire_section_present(&machine.config, &machine.mb, 1));
	assert_false(quire_section_present(&machine.config, &machine.mb, ~0ull));
}

/* --- the naive model: one frame at a time, as the specification words it ------------------------------------------- */

#define FRAMES 8192u

struct line { int nid; enum quire_zone_type zone; uint64_t pages; };
static struct line theirs[64], ours[64];
static size_t their_count, our_count;

static bool in_present_section(quire_pfn_t pfn)
{
	unsigned shift = machine.config.geometry.page_shift, section = machine.config.geometry.section_shift - shift;

	for (size_t i = 0; i < machine.mb.memory.cnt; i++) {
		const struct quire_memblock_region *r = &machine.mb.memory.regions[i];

		if ((r->base >> shift >> section) <= pfn >> section &&
		    ((r->base + r->size - 1) >> shift >> section) >= pfn >> section)
			return true;
	}
	return false;
}

static void naive_hole(quire_pfn_t from, quire_pfn_t to, int nid, enum quire_zone_type zone)
{
	uint64_t pages = 0;

	for (quire_pfn_t pfn = from; pfn < to; pfn++)
		pages += in_present_section(pfn & ~(quire_pfn_t)((1u << machine.config.geometry.pageblock_order) - 1));
	if (pages)
		theirs[their_count++] = (struct line){ nid, zone, pages };
}

static void naive_walk(quire_pfn_t *deferred)
{
	quire_pfn_t hole = 0, zone_end_before = 0, pps = quire_pages_per_section(&machine.config), last_end = 0;
	struct line last = { 0 };
	uint64_t count = 0;

	their_count = 0;
	for (unsigned i = 0; i < CAPTURE_NODES; i++)
		deferred[i] = QUIRE_PFN_NONE;
	for (size_t i = 0; i < machine.mb.memory.cnt; i++) {
		const struct quire_memblock_region *r = &machine.mb.memory.regions[i];
		quire_pfn_t s = r->base >> 12, e = (r->base + r->size) >> 12;

		for (unsigned j = 0; j < QUIRE_ZONE_TYPES; j++) {
			const struct quire_zone *z = &machine.nodes[r->nid].zones[j];
			quire_pfn_t a = s > z->start_pfn ? s : z->start_pfn, end = z->start_pfn + z->spanned;
			quire_pfn_t b = e < end ? e : end;

			if (!z->present || a >= b)
				continue;
			for (quire_pfn_t pfn = a; pfn < b; pfn++) {
				if (end != zone_end_before) {
					zone_end_before = end;
					count = 0;
				}
				if (end < machine.nodes[r->nid].end_pfn)
					break;
				if (deferred[r->nid] != QUIRE_PFN_NONE)
					break;
				if (++count > pps && pfn % pps == 0) {
					deferred[r->nid] = pfn;
					break;
				}
			}
			naive_hole(hole, a, r->nid, (enum quire_zone_type)j);
			hole = b;
			last = (struct line){ r->nid, (enum quire_zone_type)j, 0 };
		}
		last_end = e;
	}
	naive_hole(hole, (last_end + pps - 1) / pps * pps, last.nid, last.zone);
}

static void our_line(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages)
{
	(void)ctx;
	ours[our_count++] = (struct line){ nid, zone, pages };
}

static uint64_t pages_added;

static void add_line(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages)
{
	(void)ctx;
	(void)nid;
	(void)zone;
	pages_added += pages;
}

static void test_against_naive_walk(void **state)
{
	quire_pfn_t deferred[CAPTURE_NODES];

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 3000; round++) {
		quire_pfn_t pfn = (quire_pfn_t)(rand() % 64);
		unsigned nodes = 1 + (unsigned)rand() % 3, step = 1u << rand() % 10;

		start(3);
		machine.config.geometry.section_shift = 12 + 7 + (unsigned)rand() % 3;
		machine.config.geometry.physmem_bits = 40;
		machine.config.geometry.pageblock_order = 5 + (unsigned)rand() % 3;
		machine.topology.zone_high[0] = machine.topology.zone_low[1] = 1 + (unsigned)rand() % 600;
		machine.topology.zone_low[2] = machine.topology.zone_high[0] + (unsigned)rand() % 4096;
		machine.topology.zone_high[1] = machine.topology.zone_low[2];
		while (pfn < FRAMES && machine.mb.memory.cnt < 20) {
			quire_pfn_t end = pfn + 1 + (unsigned)rand() % (2 * step);

			capture_add(&machine, pfn, end, rand() % (int)nodes, 0);
			pfn = end + (rand() % 3 ? 0 : (unsigned)rand() % (2 * step));
		}
		(void)split(0);
		naive_walk(deferred);
		our_count = 0;
		quire_memmap_unavailable(&machine.topology, &machine.mb, our_line, NULL);
		assert_int_equal(our_count, their_count);
		for (size_t i = 0; i < our_count; i++) {
			assert_int_equal(ours[i].nid, theirs[i].nid);
			assert_int_equal(ours[i].zone, theirs[i].zone);
			assert_int_equal(ours[i].pages, theirs[i].pages);
		}
		for (unsigned nid = 0; nid < nodes; nid++)
			assert_true(quire_memmap_deferred_split(&machine.topology, &machine.mb, (int)nid) == deferred[nid]);
	}
}

/* Memory in a hundred thousand pieces, as no firmware reports it but a command line may: linear, not quadratic, work. */
static void test_many_pieces(void **state)
{
	enum { PIECES = 100000 };
	struct quire_memblock_region *regions = calloc(PIECES, sizeof(*regions));
	struct quire_section_run run;
	uint64_t cursor = 0;
	clock_t begin;

	(void)state;
	assert_non_null(regions);
	start(3);
	capture_add(&machine, 0x100000, 0x100000 + 2 * PIECES, 0, 0);
	(void)split(0);
	for (unsigned i = 0; i < PIECES; i++)
		regions[i] = (struct quire_memblock_region){ (0x100000ull + 2 * i) << 12, 4096, 0, 0 };
	machine.mb.memory.regions = regions;
	machine.mb.memory.cnt = machine.mb.memory.max = PIECES;
	our_count = 0;
	begin = clock();
	quire_memmap_unavailable(&machine.topology, &machine.mb, add_line, NULL);
	assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
	/* One page below each piece but the first, where no section is, and the rest of the last section. */
	assert_int_equal(pages_added, PIECES - 1 + ((2 * PIECES + 32767) / 32768 * 32768 - (2 * PIECES - 1)));
	for (uint64_t section = 0; section < 50; section++)
		assert_int_equal(quire_section_present(&machine.config, &machine.mb, section),
				 section >= 32 && section < 32 + (2 * PIECES + 32767) / 32768);
	assert_true(quire_section_next_run(&machine.config, &machine.mb, &cursor, &run));
	assert_int_equal(run.start, 32);
	assert_int_equal(run.end, 32 + (2 * PIECES + 32767) / 32768);
	assert_false(quire_section_next_run(&machine.config, &machine.mb, &cursor, &run));
	free(regions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_vectors),
		cmocka_unit_test(test_split_at_work),
		cmocka_unit_test(test_section_vectors),
		cmocka_unit_test(test_against_naive_walk),
		cmocka_unit_test(test_many_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
