/* Walks and questions. */
#include "common.h"

static struct quire_memblock mb;

static int setup(void **state)
{
	(void)state;
	memset(&mb, 0, sizeof(mb));
	return 0;
}

static void expect_walk(bool reverse, int nid, uint32_t flags, const struct quire_memblock_type *b,
			const struct expected *expected,
			size_t count)
{
	uint64_t cursor = reverse ? QUIRE_MEMBLOCK_CURSOR_END : 0;
	struct quire_memblock_range range;
	size_t i = 0;

	while (reverse ? quire_memblock_next_range_rev(&mb, &cursor, nid, flags, &mb.memory, b, &range) :
			 quire_memblock_next_range(&mb, &cursor, nid, flags, &mb.memory, b, &range)) {
		const struct expected *want = &expected[reverse ? count - 1 - i : i];

		assert_true(i++ < count);
		assert_int_equal(range.start, want->start);
		assert_int_equal(range.end, want->end);
		assert_int_equal(range.nid, want->nid);
		assert_int_equal(range.flags, want->flags);
	}
	assert_int_equal(i, count);
}

#define EXPECT_WALKS(nid, flags, b, ...)                                                                                \
	do {                                                                                                            \
		const struct expected expected[] = { __VA_ARGS__ };                                                     \
		expect_walk(false, nid, flags, b, expected, sizeof(expected) / sizeof(*expected));                      \
		expect_walk(true, nid, flags, b, expected, sizeof(expected) / sizeof(*expected));                       \
	} while (0)

static void free_ranges(void **state)
{
	(void)state;
	quire_memblock_add_node(&mb, 0, 0x4000, 0, 0);
	quire_memblock_add_node(&mb, 0x4000, 0x4000, 1, 0);
	quire_memblock_add_node(&mb, 0xa000, 0x1000, 1, 0);
	quire_memblock_reserve(&mb, 0, 0x100);
	quire_memblock_reserve(&mb, 0x3000, 0x2000);
	quire_memblock_reserve(&mb, 0x7fff, 0x2002);
	quire_memblock_reserve(&mb, 0x20000, 0x1000);
	EXPECT_WALKS(NONE, 0, &mb.reserved, { 0x100, 0x3000, 0, 0 }, { 0x5000, 0x7fff, 1, 0 }, { 0xa001, 0xb000, 1, 0 });
	EXPECT_WALKS(0, 0, &mb.reserved, { 0x100, 0x3000, 0, 0 });
	EXPECT_WALKS(1, 0, &mb.reserved, { 0x5000, 0x7fff, 1, 0 }, { 0xa001, 0xb000, 1, 0 });
	EXPECT_WALKS(NONE, 0, NULL, { 0, 0x4000, 0, 0 }, { 0x4000, 0x8000, 1, 0 }, { 0xa000, 0xb000, 1, 0 });
	quire_memblock_reserve(&mb, 0, QUIRE_PHYS_MAX);
	expect_walk(false, NONE, 0, &mb.reserved, NULL, 0);
	expect_walk(true, NONE, 0, &mb.reserved, NULL, 0);
}

static void flags_decide_who_sees(void **state)
{
	const uint32_t hotplug = QUIRE_MEMBLOCK_HOTPLUG, mirror = QUIRE_MEMBLOCK_MIRROR, nomap = QUIRE_MEMBLOCK_NOMAP,
		       driver = QUIRE_MEMBLOCK_DRIVER_MANAGED;
	struct quire_memblock_range range;
	uint64_t cursor;
	unsigned seen = 0;

	(void)state;
	quire_memblock_add_node(&mb, 0x0000, 0x1000, 0, 0);
	quire_memblock_add_node(&mb, 0x1000, 0x1000, 0, hotplug);
	quire_memblock_add_node(&mb, 0x2000, 0x1000, 0, mirror);
	quire_memblock_add_node(&mb, 0x3000, 0x1000, 0, nomap);
	quire_memblock_add_node(&mb, 0x4000, 0x1000, 0, driver);
	EXPECT_WALKS(NONE, 0, NULL, { 0, 0x1000, 0, 0 }, { 0x1000, 0x2000, 0, hotplug }, { 0x2000, 0x3000, 0, mirror });
	EXPECT_WALKS(NONE, mirror, NULL, { 0x2000, 0x3000, 0, mirror });
	EXPECT_WALKS(NONE, nomap | driver, NULL, { 0, 0x1000, 0, 0 }, { 0x1000, 0x2000, 0, hotplug },
		     { 0x2000, 0x3000, 0, mirror }, { 0x3000, 0x4000, 0, nomap }, { 0x4000, 0x5000, 0, driver });
	mb.movable_node = true;
	EXPECT_WALKS(NONE, 0, NULL, { 0, 0x1000, 0, 0 }, { 0x2000, 0x3000, 0, mirror });
	quire_memblock_for_each_memory(&mb, cursor, &range) {
		assert_int_not_equal(range.flags, nomap);
		seen++;
	}
	assert_int_equal(seen, 4);
}

static void page_ranges(void **state)
{
	struct quire_pfn_range range;
	size_t index;
	unsigned seen = 0;

	(void)state;
	quire_memblock_add_node(&mb, 0x0800, 0x1000, 0, 0);				/* no whole page */
	quire_memblock_add_node(&mb, 0x2800, 0x3000, 0, QUIRE_MEMBLOCK_NOMAP);		/* pages 3 and 4 */
	quire_memblock_add_node(&mb, 0x8000, 0x2000, 1, 0);
	quire_memblock_for_each_pfn_range(&mb, index, NONE, 12, &range) {
		assert_int_equal(range.start, seen ? 8 : 3);
		assert_int_equal(range.end, seen ? 10 : 5);
		assert_int_equal(range.flags, seen ? 0 : QUIRE_MEMBLOCK_NOMAP);
		assert_int_equal(range.nid, seen++);
	}
	assert_int_equal(seen, 2);
	quire_memblock_for_each_pfn_range(&mb, index, 1, 12, &range)
		assert_int_equal(range.start, 8);
	quire_memblock_for_each_pfn_range(&mb, index, NONE, 14, &range)
		fail();
}

static void questions(void **state)
{
	quire_pfn_t start = 0, end = 0;

	(void)state;
	quire_memblock_add_node(&mb, 0x1000, 0x1000, 0, 0);
	quire_memblock_add_node(&mb, 0x2000, 0x2000, 1, 0);
	quire_memblock_reserve(&mb, 0x10000, 0x1000);
	assert_true(quire_memblock_is_memory(&mb, 0x1000));
	assert_false(quire_memblock_is_memory(&mb, 0xfff));
	assert_true(quire_memblock_is_memory(&mb, 0x3fff));
	assert_false(quire_memblock_is_memory(&mb, 0x4000));
	assert_true(quire_memblock_is_region_memory(&mb, 0x2000, 0x2000));
	/* Touching regions that differ are two. */
	assert_false(quire_memblock_is_region_memory(&mb, 0x1000, 0x2000));
	assert_false(quire_memblock_is_region_memory(&mb, 0x3000, QUIRE_PHYS_MAX));
	assert_true(quire_memblock_is_reserved(&mb, 0x10fff));
	assert_true(quire_memblock_is_region_reserved(&mb, 0, QUIRE_PHYS_MAX));
	assert_false(quire_memblock_is_region_reserved(&mb, 0, 0x10000));
	assert_true(quire_memblock_overlaps_region(&mb, &mb.memory, 0x3fff, 1));
	assert_false(quire_memblock_overlaps_region(&mb, &mb.memory, 0x4000, 0x10000));
	assert_int_equal(quire_memblock_start_of_dram(&mb), 0x1000);
	assert_int_equal(quire_memblock_end_of_dram(&mb), 0x4000);
	assert_int_equal(quire_memblock_phys_mem_size(&mb), 0x3000);
	assert_int_equal(quire_memblock_reserved_size(&mb), 0x1000);
	assert_int_equal(quire_memblock_search_pfn_nid(&mb, 3, 12, &start, &end), 1);
	assert_int_equal(start, 2);
	assert_int_equal(end, 4);
	assert_int_equal(quire_memblock_search_pfn_nid(&mb, 4, 12, &start, &end), NONE);
	assert_int_equal(quire_memblock_search_pfn_nid(&mb, (1ull << 60) + 3, 12, &start, &end), NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(free_ranges, setup),
		cmocka_unit_test_setup(flags_decide_who_sees, setup),
		cmocka_unit_test_setup(page_ranges, setup),
		cmocka_unit_test_setup(questions, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
