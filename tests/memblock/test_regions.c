/* Adding, reserving, removing, freeing, flags, nodes, isolating: the worked vectors and every kind of overlap. */
#include "ledger.h"

static void untouched_ledger_answers(void **state)
{
	const struct quire_memblock zero = { 0 };
	struct quire_memblock_range range;
	struct quire_pfn_range pfns;
	uint64_t cursor;
	size_t index;
	quire_pfn_t start, end;

	(void)state;
	assert_int_equal(quire_check_memblock(&zero), QUIRE_OK);
	quire_memblock_for_each_free(&zero, cursor, NONE, 0, &range)
		fail();
	quire_memblock_for_each_free_rev(&zero, cursor, NONE, 0, &range)
		fail();
	quire_memblock_for_each_memory(&zero, cursor, &range)
		fail();
	quire_memblock_for_each_reserved(&zero, cursor, &range)
		fail();
	quire_memblock_for_each_pfn_range(&zero, index, NONE, 12, &pfns)
		fail();
	assert_false(quire_memblock_is_memory(&zero, 0));
	assert_false(quire_memblock_is_region_reserved(&zero, 0, QUIRE_PHYS_MAX));
	assert_int_equal(quire_memblock_start_of_dram(&zero), 0);
	assert_int_equal(quire_memblock_end_of_dram(&zero), 0);
	assert_int_equal(quire_memblock_search_pfn_nid(&zero, 1, 12, &start, &end), NONE);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 64, 64), 0);
	assert_int_equal(quire_memblock_phys_free(&mb, 0x1000, 0x1000), QUIRE_OK);
	assert_int_equal(quire_memblock_remove(&mb, 0x1000, 0x1000), QUIRE_OK);
	quire_memblock_trim_memory(&mb, 4096);
	assert_int_equal(mb.memory.cnt + mb.reserved.cnt, 0);
	assert_int_equal(mb.memory.max, QUIRE_MEMBLOCK_REGIONS);
	assert_string_equal(mb.memory.name, "memory");
	assert_string_equal(mb.reserved.name, "reserved");
}

/* Existing [0x2000, 0x4000): add from every side; equal nid and flags, so all that touches becomes one. */
static void add_overlapping(void **state)
{
	static const struct { quire_phys_t base, size, start, end; unsigned cnt; } cases[] = {
		{ 0x0000, 0x1000, 0x0000, 0x1000, 2 },	/* below, apart */
		{ 0x1000, 0x1000, 0x1000, 0x4000, 1 },	/* below, touching */
		{ 0x1000, 0x2000, 0x1000, 0x4000, 1 },	/* over the start */
		{ 0x2800, 0x0800, 0x2000, 0x4000, 1 },	/* inside */
		{ 0x2000, 0x2000, 0x2000, 0x4000, 1 },	/* the same */
		{ 0x3000, 0x2000, 0x2000, 0x5000, 1 },	/* over the end */
		{ 0x4000, 0x1000, 0x2000, 0x5000, 1 },	/* above, touching */
		{ 0x1000, 0x5000, 0x1000, 0x6000, 1 },	/* all around */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		setup(state);
		assert_int_equal(quire_memblock_add(&mb, 0x2000, 0x2000), QUIRE_OK);
		assert_int_equal(quire_memblock_add(&mb, cases[i].base, cases[i].size), QUIRE_OK);
		assert_int_equal(mb.memory.cnt, cases[i].cnt);
		assert_int_equal(mb.memory.regions[0].base, cases[i].start);
		assert_int_equal(mb.memory.regions[0].size, cases[i].end - cases[i].start);
		assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
		assert_int_equal(messages.count[QUIRE_LOG_WARNING], 0);
	}
}

static void reserve_around_existing_merges(void **state)
{
	(void)state;
	quire_memblock_reserve(&mb, 0x2000, 0x800);
	quire_memblock_reserve(&mb, 0x1000, 0x2000);
	EXPECT(&mb, &mb.reserved, { 0x1000, 0x3000, NONE, 0 });
}

static void old_node_wins_with_one_warning(void **state)
{
	(void)state;
	quire_memblock_add_node(&mb, 0x1000, 0x1000, 0, 0);
	quire_memblock_add_node(&mb, 0, 0x4000, 1, 0);
	EXPECT(&mb, &mb.memory, { 0, 0x1000, 1, 0 }, { 0x1000, 0x2000, 0, 0 }, { 0x2000, 0x4000, 1, 0 });
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	assert_non_null(strstr(messages.last[QUIRE_LOG_WARNING], "0x0000000000000000-0x0000000000003fff"));
}

static void add_across_many(void **state)
{
	(void)state;
	quire_memblock_add_node(&mb, 0x1000, 0x1000, 0, 0);
	quire_memblock_add_node(&mb, 0x3000, 0x1000, 1, QUIRE_MEMBLOCK_HOTPLUG);
	quire_memblock_add_node(&mb, 0x5000, 0x1000, 0, 0);
	quire_memblock_add_node(&mb, 0x1800, 0x5000, 0, 0);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x3000, 0, 0 }, { 0x3000, 0x4000, 1, QUIRE_MEMBLOCK_HOTPLUG },
	       { 0x4000, 0x6800, 0, 0 });
}

static void strange_nodes_and_flags(void **state)
{
	(void)state;
	assert_int_equal(quire_memblock_add_node(&mb, 0, 0x1000, QUIRE_MAX_NODES, 0), QUIRE_OK);
	assert_int_equal(quire_memblock_add_node(&mb, 0x1000, 0x1000, -7, 0), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { 0, 0x2000, NONE, 0 });
	assert_int_equal(quire_memblock_add_node(&mb, 0x8000, 0x1000, 0, QUIRE_MEMBLOCK_RSRV_NOINIT), QUIRE_EINVAL);
	assert_int_equal(quire_memblock_add_node(&mb, 0x8000, 0x1000, 0, 0x80), QUIRE_EINVAL);
	EXPECT(&mb, &mb.memory, { 0, 0x2000, NONE, 0 });
	assert_int_equal(quire_memblock_set_node(&mb, 0, 0x1000, &(struct quire_memblock_type){ 0 }, 0), QUIRE_EINVAL);
}

static void sizes_are_clamped(void **state)
{
	(void)state;
	assert_int_equal(quire_memblock_add(&mb, QUIRE_PHYS_MAX, 0x1000), QUIRE_OK);
	assert_int_equal(quire_memblock_add(&mb, 0x1000, 0), QUIRE_OK);
	assert_int_equal(mb.memory.cnt, 0);
	assert_int_equal(quire_memblock_add(&mb, QUIRE_PHYS_MAX - 0xfff, QUIRE_PHYS_MAX), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { QUIRE_PHYS_MAX - 0xfff, QUIRE_PHYS_MAX, NONE, 0 });
	assert_false(quire_memblock_is_memory(&mb, QUIRE_PHYS_MAX));
	assert_true(quire_memblock_is_memory(&mb, QUIRE_PHYS_MAX - 1));
	assert_int_equal(quire_memblock_remove(&mb, QUIRE_PHYS_MAX - 0x7ff, QUIRE_PHYS_MAX), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { QUIRE_PHYS_MAX - 0xfff, QUIRE_PHYS_MAX - 0x7ff, NONE, 0 });
	assert_int_equal(quire_memblock_remove(&mb, 0, QUIRE_PHYS_MAX), QUIRE_OK);
	assert_int_equal(mb.memory.cnt, 0);
}

static void removal_and_free(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x1000, 0x5000);
	quire_memblock_remove(&mb, 0x2000, 0x1000);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x2000, NONE, 0 }, { 0x3000, 0x6000, NONE, 0 });
	quire_memblock_remove(&mb, 0x1800, 0x2000);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x1800, NONE, 0 }, { 0x3800, 0x6000, NONE, 0 });
	quire_memblock_remove(&mb, 0x2000, 0x1000);
	quire_memblock_remove(&mb, 0, 0x1000);
	assert_int_equal(mb.memory.cnt, 2);
	assert_int_equal(quire_memblock_phys_free(&mb, 0x1000, 0x1000), QUIRE_OK);
	quire_memblock_reserve(&mb, 0x1000, 0x3000);
	quire_memblock_phys_free(&mb, 0x1fff, 2);
	EXPECT(&mb, &mb.reserved, { 0x1000, 0x1fff, NONE, 0 }, { 0x2001, 0x4000, NONE, 0 });
}

static void flags_split_and_heal(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0, 0x10000);
	quire_memblock_mark_hotplug(&mb, 0x4000, 0x4000);
	quire_memblock_mark_nomap(&mb, 0x6000, 0x4000);
	EXPECT(&mb, &mb.memory, { 0, 0x4000, NONE, 0 }, { 0x4000, 0x6000, NONE, QUIRE_MEMBLOCK_HOTPLUG },
	       { 0x6000, 0x8000, NONE, QUIRE_MEMBLOCK_HOTPLUG | QUIRE_MEMBLOCK_NOMAP },
	       { 0x8000, 0xa000, NONE, QUIRE_MEMBLOCK_NOMAP }, { 0xa000, 0x10000, NONE, 0 });
	assert_true(quire_memblock_is_map_memory(&mb, 0x5fff));
	assert_false(quire_memblock_is_map_memory(&mb, 0x6000));
	quire_memblock_clear_hotplug(&mb, 0, QUIRE_PHYS_MAX);
	quire_memblock_clear_nomap(&mb, 0, QUIRE_PHYS_MAX);
	EXPECT(&mb, &mb.memory, { 0, 0x10000, NONE, 0 });
	quire_memblock_reserve(&mb, 0x1000, 0x2000);
	quire_memblock_reserved_mark_noinit(&mb, 0x2000, 0x4000);
	EXPECT(&mb, &mb.reserved, { 0x1000, 0x2000, NONE, 0 }, { 0x2000, 0x3000, NONE, QUIRE_MEMBLOCK_RSRV_NOINIT });
}

static void mirror_needs_to_be_wanted(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0, 0x10000);
	assert_int_equal(quire_memblock_mark_mirror(&mb, 0x4000, 0x4000), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { 0, 0x10000, NONE, 0 });
	assert_false(mb.has_mirror);
	mb.mirror_wanted = true;
	assert_int_equal(quire_memblock_mark_mirror(&mb, 0x4000, 0x4000), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { 0, 0x4000, NONE, 0 }, { 0x4000, 0x8000, NONE, QUIRE_MEMBLOCK_MIRROR },
	       { 0x8000, 0x10000, NONE, 0 });
	assert_true(mb.has_mirror);
}

static void nodes(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0, 0x10000);
	quire_memblock_set_node(&mb, 0x8000, QUIRE_PHYS_MAX, &mb.memory, 1);
	quire_memblock_set_node(&mb, 0, 0x8000, &mb.memory, 0);
	EXPECT(&mb, &mb.memory, { 0, 0x8000, 0, 0 }, { 0x8000, 0x10000, 1, 0 });
	quire_memblock_set_node(&mb, 0x8000, 0x8000, &mb.memory, 0);
	EXPECT(&mb, &mb.memory, { 0, 0x10000, 0, 0 });
	quire_memblock_reserve(&mb, 0x100, 0x100);
	quire_memblock_set_node(&mb, 0, 0x10000, &mb.reserved, 3);
	EXPECT(&mb, &mb.reserved, { 0x100, 0x200, 3, 0 });
}

static void isolate_gives_whole_regions(void **state)
{
	size_t first, last;

	(void)state;
	quire_memblock_add(&mb, 0x1000, 0x2000);
	quire_memblock_add(&mb, 0x4000, 0x4000);
	assert_int_equal(quire_memblock_isolate(&mb, &mb.memory, 0x2000, 0x3000, &first, &last), QUIRE_OK);
	assert_int_equal(first, 1);
	assert_int_equal(last, 3);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x2000, NONE, 0 }, { 0x2000, 0x3000, NONE, 0 }, { 0x4000, 0x5000, NONE, 0 },
	       { 0x5000, 0x8000, NONE, 0 });
	/* The next change heals the splits, wherever it happens. */
	quire_memblock_add(&mb, 0x10000, 0x1000);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x3000, NONE, 0 }, { 0x4000, 0x8000, NONE, 0 }, { 0x10000, 0x11000, NONE, 0 });
	assert_int_equal(quire_memblock_isolate(&mb, &mb.memory, 0x3000, 0x1000, &first, &last), QUIRE_OK);
	assert_int_equal(first, last);
	assert_int_equal(quire_memblock_isolate(&mb, NULL, 0x3000, 0x1000, &first, &last), QUIRE_EINVAL);
}

static void checker_sees(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x1000, 0x1000);
	quire_memblock_add(&mb, 0x4000, 0x1000);
	assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
	mb.memory.total_size++;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_ECORRUPT);
	mb.memory.total_size--;
	mb.memory.regions[1].base = 0x1800;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_ECORRUPT);
	mb.memory.regions[1].base = 0x2000;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_ECORRUPT);
	mb.memory.regions[1].nid = 1;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
	mb.memory.regions[1].flags = QUIRE_MEMBLOCK_RSRV_NOINIT;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_ECORRUPT);
	mb.memory.regions[1].flags = 0;
	mb.memory.regions[0].size = 0;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_ECORRUPT);
	mb.memory.regions[0].size = 0x1000;
	mb.memory.cnt = mb.memory.max + 1;
	assert_int_equal(quire_check_memblock(&mb), QUIRE_ECORRUPT);
}

static void collect(void *ctx, const char *line)
{
	strcat(ctx, line);
	strcat(ctx, "\n");
}

static void dump_format(void **state)
{
	char text[2048] = "";

	(void)state;
	quire_memblock_add_node(&mb, 0x1000, 0x9e000, 0, 0);
	quire_memblock_add_node(&mb, 0x100000, 0x7fee0000, NONE, QUIRE_MEMBLOCK_HOTPLUG);
	quire_memblock_reserve(&mb, 0, 0x10000);
	quire_memblock_dump(&mb, collect, text);
	assert_string_equal(text,
		"MEMBLOCK configuration:\n"
		" memory size = 0x000000007ff7e000 reserved size = 0x0000000000010000\n"
		" memory.cnt  = 0x2\n"
		" memory[0x0]\t[0x0000000000001000-0x000000000009efff], 0x000000000009e000 bytes on node 0 flags: 0x0\n"
		" memory[0x1]\t[0x0000000000100000-0x000000007ffdffff], 0x000000007fee0000 bytes flags: 0x1\n"
		" reserved.cnt  = 0x1\n"
		" reserved[0x0]\t[0x0000000000000000-0x000000000000ffff], 0x0000000000010000 bytes flags: 0x0\n");
	text[0] = '\0';
	mb.phys32 = true;
	quire_memblock_dump(&mb, collect, text);
	assert_non_null(strstr(text, " reserved[0x0]\t[0x00000000-0x0000ffff], 0x00010000 bytes flags: 0x0\n"));
}

static void debug_logs_calls(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x1000, 0x1000);
	assert_int_equal(messages.count[QUIRE_LOG_DEBUG], 0);
	mb.debug = true;
	quire_memblock_reserve(&mb, 0x1000, 0x1000);
	assert_string_equal(messages.last[QUIRE_LOG_DEBUG], "memblock_reserve: [0x0000000000001000-0x0000000000001fff]");
	quire_memblock_phys_alloc_range(&mb, 28672, 0x1000, 0, 0x100000);
	assert_string_equal(messages.last[QUIRE_LOG_DEBUG], "memblock_phys_alloc_range: 28672 bytes align=0x1000 "
			    "from=0x0000000000000000 max_addr=0x0000000000100000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(untouched_ledger_answers, setup),
		cmocka_unit_test_setup(add_overlapping, setup),
		cmocka_unit_test_setup(reserve_around_existing_merges, setup),
		cmocka_unit_test_setup(old_node_wins_with_one_warning, setup),
		cmocka_unit_test_setup(add_across_many, setup),
		cmocka_unit_test_setup(strange_nodes_and_flags, setup),
		cmocka_unit_test_setup(sizes_are_clamped, setup),
		cmocka_unit_test_setup(removal_and_free, setup),
		cmocka_unit_test_setup(flags_split_and_heal, setup),
		cmocka_unit_test_setup(mirror_needs_to_be_wanted, setup),
		cmocka_unit_test_setup(nodes, setup),
		cmocka_unit_test_setup(isolate_gives_whole_regions, setup),
		cmocka_unit_test_setup(checker_sees, setup),
		cmocka_unit_test_setup(dump_format, setup),
		cmocka_unit_test_setup(debug_logs_calls, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
