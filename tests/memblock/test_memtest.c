/* The memory test, on memory whose bad words are made by the platform: it damages what it maps for reading. */
#include "common.h"

#define RAM 0x100000u
#define RAM_SIZE 0x40000u

static struct quire_memblock mb;
static struct messages messages;
static uint64_t ram[RAM_SIZE / 8];
static unsigned mappings;
static quire_phys_t stuck[4];		/* words that always read as 1 */
static quire_phys_t mapped_end;

/* Maps a chunk twice a pass, once to write and once to read; stuck words are put in before either. */
static void *map(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	assert_true(phys >= RAM && phys + size <= RAM + RAM_SIZE);
	mappings++;
	if (phys + size > mapped_end)
		return NULL;
	for (size_t i = 0; i < sizeof(stuck) / sizeof(*stuck); i++)
		if (stuck[i])
			ram[(stuck[i] - RAM) / 8] = 1;
	return (char *)ram + (phys - RAM);
}

static const struct quire_platform platform = { .ctx = &messages, .log = keep_message, .phys_to_virt = map };

static int setup(void **state)
{
	(void)state;
	memset(&mb, 0, sizeof(mb));
	memset(&messages, 0, sizeof(messages));
	memset(ram, 0xab, sizeof(ram));
	memset(stuck, 0, sizeof(stuck));
	mapped_end = RAM + RAM_SIZE;
	mappings = 0;
	mb.platform = &platform;
	quire_memblock_add(&mb, RAM, RAM_SIZE);
	return 0;
}

static bool all_are(quire_phys_t from, quire_phys_t to, uint64_t value)
{
	for (quire_phys_t at = from; at < to; at += 8)
		if (ram[(at - RAM) / 8] != value)
			return false;
	return true;
}

static void good_memory_ends_zeroed(void **state)
{
	(void)state;
	assert_int_equal(quire_memblock_memtest(&mb, 0, QUIRE_PHYS_MAX, 17), 0);
	assert_true(all_are(RAM, RAM + RAM_SIZE, 0));
	assert_int_equal(mb.reserved.cnt, 0);
	assert_int_equal(quire_memblock_memtest(&mb, 0, QUIRE_PHYS_MAX, 0), 0);
}

static void only_free_memory_in_the_range(void **state)
{
	(void)state;
	quire_memblock_reserve(&mb, RAM + 0x1000, 0x1000);
	assert_int_equal(quire_memblock_memtest(&mb, RAM + 0x801, RAM + 0x3004, 1), 0);
	assert_true(all_are(RAM, RAM + 0x808, 0xababababababababull));
	assert_true(all_are(RAM + 0x808, RAM + 0x1000, 0));
	assert_true(all_are(RAM + 0x1000, RAM + 0x2000, 0xababababababababull));
	assert_true(all_are(RAM + 0x2000, RAM + 0x3000, 0));
	assert_true(all_are(RAM + 0x3000, RAM + RAM_SIZE, 0xababababababababull));
}

static void bad_words_are_reserved(void **state)
{
	(void)state;
	stuck[0] = RAM + 0x100;
	stuck[1] = RAM + 0x108;
	stuck[2] = RAM + 0x200;
	stuck[3] = RAM + RAM_SIZE - 8;
	assert_int_equal(quire_memblock_memtest(&mb, 0, QUIRE_PHYS_MAX, 17), 32);
	EXPECT(&mb, &mb.reserved, { RAM + 0x100, RAM + 0x110, NONE, 0 }, { RAM + 0x200, RAM + 0x208, NONE, 0 },
	       { RAM + RAM_SIZE - 8, RAM + RAM_SIZE, NONE, 0 });
	assert_int_equal(messages.count[QUIRE_LOG_WARNING], 3);
	/* Known bad words are not found again. */
	assert_int_equal(quire_memblock_memtest(&mb, 0, QUIRE_PHYS_MAX, 2), 0);
}

static void unmapped_memory_is_skipped(void **state)
{
	(void)state;
	mapped_end = RAM + RAM_SIZE / 2;
	assert_int_equal(quire_memblock_memtest(&mb, 0, QUIRE_PHYS_MAX, 2), 0);
	assert_true(all_are(RAM, RAM + RAM_SIZE / 2, 0));
	assert_true(all_are(RAM + RAM_SIZE / 2, RAM + RAM_SIZE, 0xababababababababull));
	mb.platform = NULL;
	assert_int_equal(quire_memblock_memtest(&mb, 0, QUIRE_PHYS_MAX, 2), 0);
}

/* The pattern of each pass, as seen by whoever is asked to map memory for reading it back. */
static uint64_t seen[64];
static unsigned seen_count;

static void *map_and_look(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)phys;
	(void)size;
	if (mappings++ % 2)
		seen[seen_count++] = ram[0];
	return ram;
}

static void patterns_in_order(void **state)
{
	static const uint64_t expected[] = {
		0xffffffffffffffffull, 0, 0x7a6c7258554e494cull, 0xeeeeeeeeeeeeeeeeull,
		0xddddddddddddddddull, 0xbbbbbbbbbbbbbbbbull, 0x7777777777777777ull, 0xccccccccccccccccull,
		0x9999999999999999ull, 0x6666666666666666ull, 0x3333333333333333ull, 0x8888888888888888ull,
		0x4444444444444444ull, 0x2222222222222222ull, 0x1111111111111111ull, 0xaaaaaaaaaaaaaaaaull,
		0x5555555555555555ull, 0xffffffffffffffffull, 0,
	};
	struct quire_platform looking = { .phys_to_virt = map_and_look };

	(void)state;
	mb.platform = &looking;
	quire_memblock_memtest(&mb, RAM, RAM + 0x1000, 19);
	assert_int_equal(seen_count, 19);
	assert_memory_equal(seen, expected, sizeof(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_memory_ends_zeroed, setup),
		cmocka_unit_test_setup(only_free_memory_in_the_range, setup),
		cmocka_unit_test_setup(bad_words_are_reserved, setup),
		cmocka_unit_test_setup(unmapped_memory_is_skipped, setup),
		cmocka_unit_test_setup(patterns_in_order, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
