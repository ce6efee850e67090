/*
 * Tables that outgrow themselves (this build starts with four entries): where they go, what stops them, and that failing
 * costs nothing.
 */
#include "common.h"

#define RAM 0x100000u
#define RAM_SIZE 0x100000u

static struct quire_memblock mb;
static struct messages messages;
static char ram[RAM_SIZE];
static unsigned calls, fail_at;		/* the fail_at-th mapping fails; 0: none */
static size_t meta_live;

static void *map_or_fail(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	assert_true(phys >= RAM && phys + size <= RAM + RAM_SIZE);
	return ++calls == fail_at ? NULL : ram + (phys - RAM);
}

static void *meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	void *address;

	(void)ctx;
	(void)nid;
	if (++calls == fail_at)
		return NULL;
	meta_live++;
	address = aligned_alloc(align, (size + align - 1) / align * align);
	memset(address, 0, size);
	return address;
}

static void meta_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	memset(address, 0xee, size);
	free(address);
	meta_live--;
}

static const struct quire_platform mapping = { .ctx = &messages, .log = keep_message, .phys_to_virt = map_or_fail };
static const struct quire_platform outside = {
	.ctx = &messages, .log = keep_message, .meta_alloc = meta_alloc, .meta_free = meta_free,
};

static int setup(void **state)
{
	(void)state;
	memset(&mb, 0, sizeof(mb));
	memset(&messages, 0, sizeof(messages));
	memset(ram, 0xcc, sizeof(ram));
	calls = fail_at = 0;
	mb.platform = &mapping;
	quire_memblock_add(&mb, RAM, RAM_SIZE);
	return 0;
}

static enum quire_status reserve_nth(unsigned i) { return quire_memblock_reserve(&mb, RAM + 0x1000 + i * 0x200, 0x100); }

static void fill_reserved(void)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reserve_nth(i), QUIRE_OK);
}

static void full_and_not_allowed(void **state)
{
	(void)state;
	fill_reserved();
	assert_int_equal(reserve_nth(4), QUIRE_ENOMEM);
	assert_int_equal(messages.count[QUIRE_LOG_ERROR], 1);
	assert_non_null(strstr(messages.last[QUIRE_LOG_ERROR],
			       "memblock: Failed to double reserved array from 4 to 8 entries !"));
	assert_int_equal(mb.reserved.cnt, 4);
	assert_int_equal(calls, 0);
	/* What needs no slot still works: covered ranges, frees of whole regions. Cutting one in two does not. */
	assert_int_equal(quire_memblock_reserve(&mb, RAM + 0x1000, 0x80), QUIRE_OK);
	assert_int_equal(quire_memblock_phys_free(&mb, RAM + 0x1040, 0x40), QUIRE_ENOMEM);
	assert_int_equal(quire_memblock_phys_free(&mb, RAM + 0x1000, 0x100), QUIRE_OK);
	assert_int_equal(mb.reserved.cnt, 3);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x100, 0x100), RAM + RAM_SIZE - 0x100);
	assert_int_equal(quire_memblock_phys_alloc(&mb, 0x100, 0x1000), 0);
	assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
}

static void no_platform_no_growth(void **state)
{
	(void)state;
	mb.platform = NULL;
	quire_memblock_allow_resize(&mb);
	fill_reserved();
	assert_int_equal(reserve_nth(4), QUIRE_ENOMEM);
}

static void table_moves_to_the_top_and_is_reserved(void **state)
{
	(void)state;
	quire_memblock_allow_resize(&mb);
	fill_reserved();
	assert_int_equal(reserve_nth(4), QUIRE_OK);
	assert_int_equal(mb.reserved.max, 8);
	assert_int_equal(mb.reserved.table_base, RAM + RAM_SIZE - 0x1000);
	assert_true(quire_memblock_is_region_reserved(&mb, RAM + RAM_SIZE - 1, 1));
	assert_int_equal(mb.reserved.cnt, 6);
	/* The next table goes below this one, which becomes free. */
	for (unsigned i = 5; i < 200; i++)
		assert_int_equal(reserve_nth(i), QUIRE_OK);
	assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
	assert_int_equal(mb.reserved.cnt, 201);
	assert_int_equal(mb.reserved.max, 256);
	assert_int_equal(mb.reserved.table_base, RAM + RAM_SIZE - 0x1000 - 0x2000);
	assert_true(quire_memblock_is_reserved(&mb, mb.reserved.table_base + 0x1fff));
	assert_false(quire_memblock_is_reserved(&mb, RAM + RAM_SIZE - 0x1000));
	assert_int_equal(quire_memblock_reserved_size(&mb), 200 * 0x100 + 0x2000);
}

/* Free space only inside the range about to be reserved: the table must not go there. */
static void avoids_what_is_being_reserved(void **state)
{
	(void)state;
	quire_memblock_allow_resize(&mb);
	fill_reserved();
	assert_int_equal(quire_memblock_reserve(&mb, RAM + 0x2000, RAM_SIZE - 0x3000), QUIRE_OK);
	assert_int_equal(mb.reserved.table_base, RAM + RAM_SIZE - 0x1000);
	setup(state);
	quire_memblock_allow_resize(&mb);
	fill_reserved();
	assert_int_equal(quire_memblock_reserve(&mb, RAM + 0x2000, RAM_SIZE), QUIRE_OK);
	assert_int_equal(mb.reserved.table_base, RAM);
	setup(state);
	quire_memblock_allow_resize(&mb);
	fill_reserved();
	assert_int_equal(quire_memblock_reserve(&mb, RAM + 0x800, RAM_SIZE), QUIRE_ENOMEM);
	assert_int_equal(mb.reserved.cnt, 4);
	assert_int_equal(mb.reserved.max, 4);
}

static void avoids_what_is_being_removed(void **state)
{
	(void)state;
	quire_memblock_allow_resize(&mb);
	for (unsigned i = 1; i < 4; i++)
		quire_memblock_add(&mb, RAM + RAM_SIZE + i * 0x1000, 0x800);
	assert_int_equal(mb.memory.cnt, 4);
	assert_int_equal(quire_memblock_remove(&mb, RAM + 0x8000, RAM_SIZE - 0x8000 - 0x800), QUIRE_OK);
	assert_int_equal(mb.memory.max, 8);
	assert_int_equal(mb.memory.table_base, RAM + 0x7000);
	assert_true(quire_memblock_is_memory(&mb, mb.memory.table_base));
}

static void both_tables_at_once(void **state)
{
	(void)state;
	quire_memblock_allow_resize(&mb);
	for (unsigned i = 1; i < 4; i++)
		quire_memblock_add(&mb, RAM + RAM_SIZE + i * 0x1000, 0x800);
	fill_reserved();
	assert_int_equal(quire_memblock_add(&mb, RAM + RAM_SIZE + 0x8000, 0x800), QUIRE_OK);
	assert_int_equal(mb.memory.max, 8);
	assert_int_equal(mb.reserved.max, 16);
	assert_int_not_equal(mb.memory.table_base, mb.reserved.table_base);
	assert_true(quire_memblock_is_region_reserved(&mb, mb.memory.table_base, 0x1000));
	assert_true(quire_memblock_is_region_reserved(&mb, mb.reserved.table_base, 0x1000));
	assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
}

static void bottom_up_and_limit(void **state)
{
	(void)state;
	quire_memblock_allow_resize(&mb);
	quire_memblock_set_current_limit(&mb, RAM + 0x40000);
	fill_reserved();
	assert_int_equal(reserve_nth(4), QUIRE_OK);
	assert_int_equal(mb.reserved.table_base, RAM + 0x3f000);
	setup(state);
	quire_memblock_allow_resize(&mb);
	quire_memblock_set_bottom_up(&mb, true);
	fill_reserved();
	assert_int_equal(reserve_nth(4), QUIRE_OK);
	/* Above what is being reserved first, the direction applies there. */
	assert_int_equal(mb.reserved.table_base, RAM + 0x2000);
}

/* One operation of the run below: even ones reserve, odd ones add memory. */
static enum quire_status nth_operation(unsigned i)
{
	return i % 2 ? quire_memblock_add(&mb, RAM + RAM_SIZE + i * 0x1000, 0x800) : reserve_nth(i);
}

/* Let the n-th platform call fail, for all n, in a run that grows both tables several times. */
static void every_mapping_may_fail(const struct quire_platform *platform)
{
	unsigned total = 1, failed_runs = 0;

	for (unsigned n = 0; n <= total; n++) {
		unsigned refused = 0;

		setup(NULL);
		mb.platform = platform;
		quire_memblock_allow_resize(&mb);
		fail_at = n;
		for (unsigned i = 0; i < 200; i++) {
			struct quire_memblock before = mb;

			if (nth_operation(i) == QUIRE_OK)
				continue;
			refused++;
			assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
			assert_memory_equal(&mb.memory, &before.memory, sizeof(mb.memory));
			assert_memory_equal(&mb.reserved, &before.reserved, sizeof(mb.reserved));
			/* The same again succeeds, since only that one call failed. */
			assert_int_equal(nth_operation(i), QUIRE_OK);
		}
		if (n == 0)
			total = calls;
		assert_int_equal(refused, n != 0);
		failed_runs += refused;
		assert_int_equal(mb.memory.cnt, 1 + 100);
		for (unsigned i = 0; i < 200; i += 2)
			assert_true(quire_memblock_is_reserved(&mb, RAM + 0x1000 + i * 0x200));
		assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
		quire_memblock_discard(&mb);
		assert_int_equal(meta_live, 0);
	}
	assert_true(total >= 8);
	assert_int_equal(failed_runs, total);
}

static void every_mapping_may_fail_inside(void **state)
{
	(void)state;
	every_mapping_may_fail(&mapping);
}

static void every_mapping_may_fail_outside(void **state)
{
	(void)state;
	every_mapping_may_fail(&outside);
}

static void platform_tables_do_not_show(void **state)
{
	(void)state;
	mb.platform = &outside;
	quire_memblock_allow_resize(&mb);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(reserve_nth(i), QUIRE_OK);
	assert_int_equal(mb.reserved.cnt, 100);
	assert_int_equal(quire_memblock_reserved_size(&mb), 100 * 0x100);
	assert_int_equal(meta_live, 1);
	quire_memblock_discard(&mb);
	assert_int_equal(meta_live, 0);
	assert_int_equal(quire_memblock_add(&mb, RAM, RAM_SIZE), QUIRE_OK);
	EXPECT(&mb, &mb.memory, { RAM, RAM + RAM_SIZE, NONE, 0 });
}

static void own_tables_are_spared(void **state)
{
	quire_phys_t table;

	(void)state;
	quire_memblock_allow_resize(&mb);
	fill_reserved();
	assert_int_equal(reserve_nth(4), QUIRE_OK);
	table = mb.reserved.table_base;
	assert_int_equal(quire_memblock_phys_free(&mb, 0, QUIRE_PHYS_MAX), QUIRE_OK);
	EXPECT(&mb, &mb.reserved, { table, table + 0x1000, NONE, 0 });
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 1);
	assert_int_equal(quire_memblock_enforce_memory_limit(&mb, 0x1000), QUIRE_OK);
	EXPECT(&mb, &mb.reserved, { table, table + 0x1000, NONE, 0 });
}

/* Inserting at the front, at the back and in the middle of a table that floats must keep order and contents. */
static void floating_table(void **state)
{
	uint64_t random = 12345;
	unsigned low = 5000, high = 5001;

	(void)state;
	mb.platform = &outside;
	quire_memblock_allow_resize(&mb);
	for (unsigned i = 0; i < 6000; i++) {
		unsigned at = random_below(&random, 3) ? low-- : high++;

		assert_int_equal(quire_memblock_reserve(&mb, at * 0x10u, 8), QUIRE_OK);
	}
	assert_int_equal(quire_check_memblock(&mb), QUIRE_OK);
	assert_int_equal(mb.reserved.cnt, high - low - 1);
	for (size_t i = 0; i < mb.reserved.cnt; i++)
		assert_int_equal(mb.reserved.regions[i].base, (low + 1 + i) * 0x10);
	quire_memblock_discard(&mb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(full_and_not_allowed, setup),
		cmocka_unit_test_setup(no_platform_no_growth, setup),
		cmocka_unit_test_setup(table_moves_to_the_top_and_is_reserved, setup),
		cmocka_unit_test_setup(avoids_what_is_being_reserved, setup),
		cmocka_unit_test_setup(avoids_what_is_being_removed, setup),
		cmocka_unit_test_setup(both_tables_at_once, setup),
		cmocka_unit_test_setup(bottom_up_and_limit, setup),
		cmocka_unit_test_setup(every_mapping_may_fail_inside, setup),
		cmocka_unit_test_setup(every_mapping_may_fail_outside, setup),
		cmocka_unit_test_setup(platform_tables_do_not_show, setup),
		cmocka_unit_test_setup(own_tables_are_spared, setup),
		cmocka_unit_test_setup(floating_table, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
