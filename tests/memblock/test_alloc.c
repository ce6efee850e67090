/* Where allocations land: the worked vectors, the order of attempts, bounds that are dropped, and mappings that fail. */
#include "ledger.h"

static void worked_vector(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x1080, 0x2000);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 0x100, 0x1000, 0, 0, NONE, 0), 0x2000);
	quire_memblock_set_bottom_up(&mb, true);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 0x100, 0x1000, 0, 0, NONE, 0), 0x2000);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 0x100, 0x10, 0, 0, NONE, 0), 0x1080);
	quire_memblock_set_bottom_up(&mb, false);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 0x100, 0x10, 0, 0, NONE, 0), 0x2f80);
	assert_int_equal(mb.reserved.cnt, 0);
}

static void small_neighbours_pack(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x10000, 0x10000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x40, 0x40), 0x1ffc0);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x30, 0x10), 0x1ff90);
	EXPECT(&mb, &mb.reserved, { 0x1ff90, 0x20000, NONE, 0 });
}

static void page_zero_is_never_given(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0, 0x3000);
	mb.bottom_up = true;
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x1000, 0x10), 0x1000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x1000, 0x1000), 0x2000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 1, 1), 0);
	setup(state);
	mb.page_shift = 16;
	mb.bottom_up = true;
	quire_memblock_add(&mb, 0, 0x20000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 16, 16), 0x10000);
}

static void alignment(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x10000, 0x10000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 8, 3), 0);
	assert_int_equal(messages.count[QUIRE_LOG_ERROR], 1);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 8, 0), 0x1ffc0);
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 8, 1ull << 63), 0);
}

static void top_of_the_address_space(void **state)
{
	(void)state;
	quire_memblock_add(&mb, QUIRE_PHYS_MAX - 0x2fff, 0x3000);
	mb.bottom_up = true;
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x10, 0x100000), 0);	/* rounding up wraps */
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x10, 0x1000), QUIRE_PHYS_MAX - 0x2fff);
	mb.bottom_up = false;
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0xff, 0x100), QUIRE_PHYS_MAX - 0xff);
	assert_int_equal(quire_memblock_phys_alloc(&mb, QUIRE_PHYS_MAX, 1), 0);
}

static void bounds_and_limit(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x100000, 0x100000);
	assert_int_equal(quire_memblock_phys_alloc_range(&mb, 0x1000, 0x1000, 0x120000, 0x140800), 0x13f000);
	assert_int_equal(quire_memblock_phys_alloc_range(&mb, 0x1000, 0x1000, 0x140000, 0x140800), 0);
	assert_int_equal(quire_memblock_phys_alloc_range(&mb, 0x1000, 0x1000, 0x180000, 0x140000), 0);
	quire_memblock_set_current_limit(&mb, 0x110000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x1000, 0x1000), 0x10f000);
	assert_int_equal(quire_memblock_phys_alloc_range(&mb, 0x1000, 0x1000, 0, QUIRE_MEMBLOCK_NOLEAKTRACE), 0x10e000);
	/* The phys family may go beyond the limit if told to; the family with bounds may not. */
	assert_int_equal(quire_memblock_phys_alloc_range(&mb, 0x1000, 0x1000, 0, QUIRE_MEMBLOCK_ANYWHERE), 0x1ff000);
	assert_int_equal(quire_memblock_alloc_try_nid_raw(&mb, 0x1000, 0x1000, 0, QUIRE_MEMBLOCK_ANYWHERE, NONE), 0x10d000);
}

static void lower_bound_is_dropped(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x100000, 0x100000);
	assert_int_equal(quire_memblock_alloc_try_nid_raw(&mb, 0x1000, 0x1000, 0x180000, 0, NONE), 0x1ff000);
	assert_int_equal(quire_memblock_alloc_try_nid_raw(&mb, 0x1000, 0x1000, 0x200000, 0, NONE), 0x1fe000);
	assert_int_equal(quire_memblock_alloc_try_nid_raw(&mb, 0x1000, 0x1000, 0x180000, 0x140000, NONE), 0x13f000);
	assert_int_equal(quire_memblock_phys_alloc_range(&mb, 0x1000, 0x1000, 0x200000, 0), 0);
}

static void node_falls_back_unless_exact(void **state)
{
	(void)state;
	quire_memblock_add_node(&mb, 0x100000, 0x2000, 0, 0);
	quire_memblock_add_node(&mb, 0x102000, 0x2000, 1, 0);
	assert_int_equal(quire_memblock_phys_alloc_try_nid(&mb, 0x1000, 0x1000, 0), 0x101000);
	assert_int_equal(quire_memblock_alloc_exact_nid_raw(&mb, 0x1000, 0x1000, 0, 0, 0), 0x100000);
	assert_int_equal(quire_memblock_alloc_exact_nid_raw(&mb, 0x1000, 0x1000, 0, 0, 0), 0);
	assert_int_equal(quire_memblock_phys_alloc_try_nid(&mb, 0x1000, 0x1000, 0), 0x103000);
	/* Touching regions of different nodes are never spanned. */
	quire_memblock_phys_free(&mb, 0x100000, 0x4000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x3000, 0x1000), 0);
	/* A node that cannot exist is no node. */
	assert_int_equal(quire_memblock_phys_alloc_try_nid(&mb, 0x1000, 0x1000, 5000), 0x103000);
}

static void mirror_anywhere_beats_plain_on_node(void **state)
{
	(void)state;
	mb.mirror_wanted = true;
	quire_memblock_add_node(&mb, 0x100000, 0x10000, 0, 0);
	quire_memblock_add_node(&mb, 0x110000, 0x10000, 1, 0);
	quire_memblock_mark_mirror(&mb, 0x100000, 0x1000);
	assert_int_equal(quire_memblock_alloc_exact_nid_raw(&mb, 0x1000, 0x1000, 0, 0, 1), 0x11f000);
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	assert_int_equal(quire_memblock_phys_alloc_try_nid(&mb, 0x1000, 0x1000, 1), 0x100000);
	assert_int_equal(quire_memblock_phys_alloc_try_nid(&mb, 0x1000, 0x1000, 1), 0x11e000);
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	assert_string_equal(messages.last[QUIRE_LOG_WARNING], "Could not allocate 4096 bytes of mirrored memory");
}

static void unwilling_regions(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x100000, 0x1000);
	quire_memblock_add_node(&mb, 0x101000, 0x1000, NONE, QUIRE_MEMBLOCK_HOTPLUG);
	quire_memblock_add_node(&mb, 0x102000, 0x1000, NONE, QUIRE_MEMBLOCK_NOMAP);
	quire_memblock_add_node(&mb, 0x103000, 0x1000, NONE, QUIRE_MEMBLOCK_DRIVER_MANAGED);
	mb.movable_node = true;
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 8, 8, 0, 0, NONE, QUIRE_MEMBLOCK_DRIVER_MANAGED), 0x103ff8);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 8, 8, 0, 0, NONE, QUIRE_MEMBLOCK_NOMAP), 0x102ff8);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 8, 8, 0, 0, NONE, QUIRE_MEMBLOCK_HOTPLUG), 0x101ff8);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 8, 8, 0, 0, NONE, 0), 0x100ff8);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 8, 8, 0, 0, NONE, QUIRE_MEMBLOCK_MIRROR), 0);
	mb.movable_node = false;
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 8, 8, 0, 0, NONE, 0), 0x101ff8);
}

/* A crowded end leaves hints; freeing inside it must be seen, and requests that are less demanding must not be fooled. */
static void hints_stay_true(void **state)
{
	(void)state;
	mb.can_resize = false;
	quire_memblock_add(&mb, 0x100000, 0x100000);
	for (int i = 0; i < 60; i++)
		assert_int_not_equal(quire_memblock_phys_alloc(&mb, 0x60, 0x40), 0);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x20, 0x20), 0x1fffe0);
	quire_memblock_phys_free(&mb, 0x1fff80, 0x60);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x60, 0x40), 0x1fff80);
	quire_memblock_remove(&mb, 0x1ff000, 0x1000);
	quire_memblock_add(&mb, 0x300000, 0x1000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x60, 0x40), 0x300f80);
}

/*
 * A hint learned from pieces that failed on alignment, then extended over pieces that failed on size, still knows of the
 * alignment: a request that is larger, but aligned less, shares its slot and must find the first of those pieces.
 */
static void hints_remember_alignment(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x100000, 0x100000);
	quire_memblock_reserve(&mb, 0x100000, 0x100000);
	for (unsigned i = 0; i < 40; i++) {
		quire_memblock_phys_free(&mb, 0x180200 + i * 0x400, 0x80);
		quire_memblock_phys_free(&mb, 0x160000 + i * 0x400, 1);
	}
	quire_memblock_phys_free(&mb, 0x17fc00, 2);
	quire_memblock_phys_free(&mb, 0x140000, 0x1000);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 2, 0x400), 0x17fc00);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 2, 0x400), 0x140c00);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x40, 0x200), 0x180200 + 39 * 0x400);
}

/* What a search learned while a region was split is not true of the whole one. */
static void hints_end_with_splits(void **state)
{
	size_t first, last;

	(void)state;
	quire_memblock_add(&mb, 0x100000, 0x100000);
	quire_memblock_reserve(&mb, 0x100000, 0x100000);
	for (unsigned i = 0; i < 40; i++)
		quire_memblock_phys_free(&mb, 0x1c0000 + i * 0x400, 1);
	quire_memblock_phys_free(&mb, 0x180000, 0x1000);
	quire_memblock_phys_free(&mb, 0x140000, 0x1000);
	assert_int_equal(quire_memblock_isolate(&mb, &mb.memory, 0x180000, 0x800, &first, &last), QUIRE_OK);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 0xc00, 0x100, 0, 0, NONE, 0), 0x140400);
	assert_int_equal(quire_memblock_set_node(&mb, 0x1000, 1, &mb.memory, 0), QUIRE_OK);
	assert_int_equal(mb.memory.cnt, 1);
	assert_int_equal(quire_memblock_find_in_range_node(&mb, 0xc00, 0x100, 0, 0, NONE, 0), 0x180400);
}

/* Half of memory is mapped. */
static void *map_below_140000(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	return phys >= 0x100000 && phys + size <= 0x140000 ? (char *)ctx + (phys - 0x100000) : NULL;
}

static void mapped_and_zeroed(void **state)
{
	static char memory[0x40000];
	struct quire_platform mapping = { .ctx = memory, .phys_to_virt = map_below_140000 };
	quire_phys_t phys = 0;

	(void)state;
	memset(memory, 0xff, sizeof(memory));
	quire_memblock_add(&mb, 0x100000, 0x80000);
	mb.platform = NULL;
	assert_null(quire_memblock_alloc_try_nid(&mb, 0x100, 0x40, 0, 0, NONE, &phys));
	mb.platform = &mapping;
	assert_null(quire_memblock_alloc_try_nid(&mb, 0x100, 0x40, 0, 0, NONE, &phys));
	assert_int_equal(mb.reserved.cnt, 0);
	assert_int_equal(phys, 0);
	mb.current_limit = 0x140000;
	assert_ptr_equal(quire_memblock_alloc_try_nid(&mb, 0x100, 0x40, 0, 0, NONE, &phys), memory + 0x3ff00);
	assert_int_equal(phys, 0x13ff00);
	for (int i = 0; i < 0x100; i++)
		assert_int_equal(memory[0x3ff00 + i], 0);
	assert_int_equal(memory[0x3feff], -1);
	EXPECT(&mb, &mb.reserved, { 0x13ff00, 0x140000, NONE, 0 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(worked_vector, setup),
		cmocka_unit_test_setup(small_neighbours_pack, setup),
		cmocka_unit_test_setup(page_zero_is_never_given, setup),
		cmocka_unit_test_setup(alignment, setup),
		cmocka_unit_test_setup(top_of_the_address_space, setup),
		cmocka_unit_test_setup(bounds_and_limit, setup),
		cmocka_unit_test_setup(lower_bound_is_dropped, setup),
		cmocka_unit_test_setup(node_falls_back_unless_exact, setup),
		cmocka_unit_test_setup(mirror_anywhere_beats_plain_on_node, setup),
		cmocka_unit_test_setup(unwilling_regions, setup),
		cmocka_unit_test_setup(hints_stay_true, setup),
		cmocka_unit_test_setup(hints_remember_alignment, setup),
		cmocka_unit_test_setup(hints_end_with_splits, setup),
		cmocka_unit_test_setup(mapped_and_zeroed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
