/* The state beside a trace, and figures of free lists against worked values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "replay/play.h"

#define TAKE(function, object, text) function(object, text, strlen(text))

static void flags(void **state)
{
	struct recorded recorded = { 0 };

	(void)state;
	assert_int_equal(TAKE(recorded_take_flags, &recorded, "nothing of it\n"), QUIRE_EFORMAT);
	assert_false(recorded.has_free);
	assert_int_equal(TAKE(recorded_take_flags, &recorded,
			      "0+100 reserved\n100+20 buddy\n120+10 buddy\n130+10 -\nffffffffffffffff+1 buddy\n140+0 buddy\n"
			      "110+10 buddy\n200 buddy\n200+zz buddy\n200+ffffffffffffffff buddy\n1000+1 buddy"), QUIRE_OK);
	assert_true(recorded.has_free);
	assert_int_equal(recorded.free_count, 2);
	assert_int_equal(recorded.free[0].pfn, 0x100);
	assert_int_equal(recorded.free[0].count, 0x30);
	assert_int_equal(recorded.free[1].pfn, 0x1000);
	/* What is in use is memory, too. */
	assert_int_equal(recorded.memory_count, 2);
	assert_int_equal(recorded.memory[0].pfn, 0x100);
	assert_int_equal(recorded.memory[0].count, 0x40);
	assert_int_equal(recorded.memory[1].count, 1);
	recorded_free(&recorded);
}

static void tables(void **state)
{
	struct recorded recorded = { 0 };
	const struct recorded_line *line;

	(void)state;
	assert_int_equal(TAKE(recorded_take_table, &recorded.unusable,
			      "Node 0, zone      DMA -1.000 0.186 0.5 12 \nNode 1, zone   Normal 1 2 3 x 4\n"
			      "Node 0, zone  Nowhere 1\n"
			      "Node 99999999, zone DMA 1\nNode 0, zone Movable\n"), QUIRE_OK);
	assert_int_equal(recorded.unusable.count, 2);
	line = recorded_zone(&recorded.unusable, 0, QUIRE_ZONE_DMA);
	assert_int_equal(line->orders, 4);
	assert_int_equal(line->value[0], -1000);
	assert_int_equal(line->value[1], 186);
	assert_int_equal(line->value[2], 500);
	assert_int_equal(line->value[3], 12);
	assert_int_equal(recorded_zone(&recorded.unusable, 1, QUIRE_ZONE_NORMAL)->orders, 3);
	assert_null(recorded_zone(&recorded.unusable, 1, QUIRE_ZONE_DMA));
	assert_int_equal(TAKE(recorded_take_phases, &recorded,
			      "Node 0, zone DMA 9\n== /tmp/bi0\nNode 0, zone DMA 1 \n== /tmp/bi_hog mix\n"
			      "Node 0, zone DMA 2\n== x\n"),
			 QUIRE_OK);
	assert_int_equal(recorded.phase_count, 3);
	assert_int_equal(recorded_zone(recorded_phase(&recorded, "0"), 0, QUIRE_ZONE_DMA)->value[0], 1);
	assert_non_null(recorded_phase(&recorded, "hog?mix"));
	assert_int_equal(recorded_phase(&recorded, "x")->count, 0);
	assert_null(recorded_phase(&recorded, "y"));
	recorded_free(&recorded);
}

static void names(void **state)
{
	static const char *const pairs[][2] = {
		{ "a/x.trace.gz", "a/x.state" }, { "x.trace", "x.state" }, { "a.b/x", "a.b/x.state" },
		{ ".gz", ".gz.state" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *name = recorded_directory_for(pairs[i][0]);

		assert_string_equal(name, pairs[i][1]);
		free(name);
	}
	assert_null(recorded_directory_for("-"));
}

static void indices(void **state)
{
	static const struct free_blocks small = { .blocks = { 10000, 2000, 100 } }, tiny = { .blocks = { 100 } };
	static const struct free_blocks threes = { .blocks = { [3] = 500 } }, eights = { .blocks = { [8] = 10 } };
	static const struct free_blocks mixed = { .blocks = { 1000, 500, [9] = 3, [10] = 1 } }, none = { .known = true };

	(void)state;
	assert_int_equal(fragmentation_index(&small, 9), 998);
	assert_int_equal(fragmentation_index(&tiny, 9), 989);
	assert_int_equal(fragmentation_index(&threes, 4), 498);
	assert_int_equal(fragmentation_index(&eights, 9), 400);
	assert_int_equal(fragmentation_index(&mixed, 9), -1000);
	assert_int_equal(unusable_index(&mixed, 9) / 10, 43);
	assert_int_equal(suitable_blocks(&mixed, 9), 5);
	assert_int_equal(free_pages(&mixed), 2000 + 5 * 512);
	assert_int_equal(fragmentation_index(&none, 9), 0);
	assert_int_equal(unusable_index(&none, 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags), cmocka_unit_test(tables), cmocka_unit_test(names), cmocka_unit_test(indices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
