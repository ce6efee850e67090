/* mem=, capping, trimming: what stays and what goes. */
#include "ledger.h"

static void two_banks(void)
{
	quire_memblock_add(&mb, 0x1000, 0x2000);
	quire_memblock_add(&mb, 0x8000, 0x2000);
	quire_memblock_reserve(&mb, 0x8800, 0x1000);
	quire_memblock_reserve(&mb, 0x20000, 0x1000);
}

static void limit_counts_memory_only(void **state)
{
	(void)state;
	two_banks();
	assert_int_equal(quire_memblock_enforce_memory_limit(&mb, 0x3000), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x3000, NONE, 0 }, { 0x8000, 0x9000, NONE, 0 });
	EXPECT(&mb, &mb.reserved, { 0x8800, 0x9000, NONE, 0 });
}

static void limit_at_the_end_of_a_region(void **state)
{
	(void)state;
	two_banks();
	quire_memblock_enforce_memory_limit(&mb, 0x2000);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x3000, NONE, 0 });
	assert_int_equal(mb.reserved.cnt, 0);
}

static void limits_without_effect(void **state)
{
	static const quire_phys_t limits[] = { 0, 0x4001, QUIRE_PHYS_MAX };

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		setup(state);
		two_banks();
		assert_int_equal(quire_memblock_enforce_memory_limit(&mb, limits[i]), QUIRE_OK);
		assert_int_equal(quire_memblock_mem_limit_remove_map(&mb, limits[i]), QUIRE_OK);
		assert_int_equal(mb.memory.cnt, 2);
		assert_int_equal(mb.reserved.cnt, 2);
	}
}

static void cap_keeps_nomap(void **state)
{
	(void)state;
	two_banks();
	quire_memblock_mark_nomap(&mb, 0x9000, 0x800);
	quire_memblock_mark_nomap(&mb, 0x1000, 0x100);
	assert_int_equal(quire_memblock_cap_memory_range(&mb, 0x1080, 0x8000), QUIRE_OK);
	/* The NOMAP regions stay whole, though the cap's end cuts the second. */
	EXPECT(&mb, &mb.memory, { 0x1000, 0x1100, NONE, QUIRE_MEMBLOCK_NOMAP }, { 0x1100, 0x3000, NONE, 0 },
	       { 0x8000, 0x9000, NONE, 0 }, { 0x9000, 0x9800, NONE, QUIRE_MEMBLOCK_NOMAP });
	EXPECT(&mb, &mb.reserved, { 0x8800, 0x9080, NONE, 0 });
}

static void cap_to_nothing(void **state)
{
	(void)state;
	assert_int_equal(quire_memblock_cap_memory_range(&mb, 0x1000, 0x1000), QUIRE_OK);
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	two_banks();
	quire_memblock_mark_nomap(&mb, 0x9000, 0x800);
	assert_int_equal(quire_memblock_cap_memory_range(&mb, 0x1000, 0), QUIRE_OK);
	assert_int_equal(mb.memory.cnt, 4);
	assert_int_equal(quire_memblock_cap_memory_range(&mb, 0x4000, 0x1000), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { 0x9000, 0x9800, NONE, QUIRE_MEMBLOCK_NOMAP });
	assert_int_equal(mb.reserved.cnt, 0);
}

static void arm64_limit_keeps_nomap(void **state)
{
	(void)state;
	two_banks();
	quire_memblock_mark_nomap(&mb, 0x9800, 0x800);
	quire_memblock_mem_limit_remove_map(&mb, 0x1000);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x2000, NONE, 0 }, { 0x9800, 0xa000, NONE, QUIRE_MEMBLOCK_NOMAP });
}

static void trimming(void **state)
{
	(void)state;
	quire_memblock_add(&mb, 0x1080, 0x2f80);
	quire_memblock_add(&mb, 0x5100, 0x800);
	quire_memblock_add_node(&mb, 0x8000, 0x1801, 0, 0);
	quire_memblock_add_node(&mb, 0x9801, 0x1000, 1, 0);
	quire_memblock_add(&mb, QUIRE_PHYS_MAX - 0x10, 0x10);
	quire_memblock_trim_memory(&mb, 3);
	assert_int_equal(mb.memory.cnt, 5);
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	quire_memblock_trim_memory(&mb, 0x1000);
	EXPECT(&mb, &mb.memory, { 0x2000, 0x4000, NONE, 0 }, { 0x8000, 0x9000, 0, 0 });
	assert_int_equal(quire_memblock_phys_mem_size(&mb), 0x3000);
}

/* Out of slots: one reserved region that the cap must cut in two places, in a full table. */
static void failing_cap_changes_nothing(void **state)
{
	size_t first_split = 0x1800;

	(void)state;
	quire_memblock_add(&mb, 0x1000, 0x2000);
	for (unsigned i = 1; mb.memory.cnt < mb.memory.max; i++)
		quire_memblock_add(&mb, 0x10000 + i * 0x2000, 0x1000);
	quire_memblock_mark_nomap(&mb, 0x1000, 0x2000);
	quire_memblock_reserve(&mb, 0x1000, 0x2000);
	assert_int_equal(quire_memblock_cap_memory_range(&mb, first_split, 0x100), QUIRE_ENOMEM);
	assert_int_equal(mb.memory.cnt, mb.memory.max);
	EXPECT(&mb, &mb.reserved, { 0x1000, 0x3000, NONE, 0 });
	assert_int_equal(quire_memblock_enforce_memory_limit(&mb, 0x1000), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { 0x1000, 0x2000, NONE, QUIRE_MEMBLOCK_NOMAP });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(limit_counts_memory_only, setup),
		cmocka_unit_test_setup(limit_at_the_end_of_a_region, setup),
		cmocka_unit_test_setup(limits_without_effect, setup),
		cmocka_unit_test_setup(cap_keeps_nomap, setup),
		cmocka_unit_test_setup(cap_to_nothing, setup),
		cmocka_unit_test_setup(arm64_limit_keeps_nomap, setup),
		cmocka_unit_test_setup(trimming, setup),
		cmocka_unit_test_setup(failing_cap_changes_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
