/* Lines and values of the script language: what is understood, and texts nobody should have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/words.h"

static void a_line_is_cut_into_words(void **state)
{
	struct script_line line;

	(void)state;
	assert_null(script_line_parse(&line, "  alloc order=9\ttype=movable  \"as=A b\" x=\"1 # 2\" last# comment\n"));
	assert_string_equal(line.verb, "alloc");
	assert_string_equal(line.rest, "order=9\ttype=movable  \"as=A b\" x=\"1 # 2\" last");
	assert_int_equal(line.count, 5);
	assert_string_equal(line.words[0].key, "order");
	assert_string_equal(line.words[0].text, "9");
	assert_string_equal(line.words[0].whole, "order=9");
	assert_null(line.words[2].key);
	assert_string_equal(line.words[2].text, "as=A b");
	assert_string_equal(line.words[3].text, "1 # 2");
	assert_string_equal(script_next_word(&line), "as=A b");
	assert_string_equal(script_next_word(&line), "last");
	assert_null(script_next_word(&line));
	assert_string_equal(script_setting(&line, "order"), "9");
	assert_null(script_setting(&line, "orde"));
	assert_string_equal(script_left_over(&line), "type=movable");
	assert_string_equal(script_setting(&line, "type"), "movable");
	assert_string_equal(script_setting(&line, "x"), "1 # 2");
	assert_null(script_left_over(&line));
	script_line_free(&line);
}

static void empty_lines(void **state)
{
	static const char *const texts[] = { "", " ", "\n", "\t\r\n", "# all comment", "   #", "#\"" };
	struct script_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_null(script_line_parse(&line, texts[i]));
		assert_string_equal(line.verb, "");
		assert_string_equal(line.rest, "");
		assert_int_equal(line.count, 0);
		script_line_free(&line);
	}
}

static void lines_that_are_refused(void **state)
{
	char *text = malloc(SCRIPT_LINE_MAX + 2);
	struct script_line line;

	(void)state;
	assert_non_null(script_line_parse(&line, "echo \"open"));
	script_line_free(&line);
	memset(text, 'a', SCRIPT_LINE_MAX + 1);
	text[SCRIPT_LINE_MAX + 1] = '\0';
	assert_non_null(script_line_parse(&line, text));
	script_line_free(&line);
	text[SCRIPT_LINE_MAX] = '\0';
	assert_null(script_line_parse(&line, text));
	script_line_free(&line);
	for (size_t i = 1; i < SCRIPT_LINE_MAX; i += 2)
		text[i] = ' ';
	assert_non_null(script_line_parse(&line, text));
	assert_true(line.count <= SCRIPT_WORDS);
	script_line_free(&line);
	free(text);
}

/* Words that look like settings and are none. */
static void odd_settings(void **state)
{
	struct script_line line;

	(void)state;
	assert_null(script_line_parse(&line, "v =x --cpus=4 a==b a= \"\" é=1"));
	assert_int_equal(line.count, 6);
	assert_null(line.words[0].key);
	assert_null(line.words[1].key);
	assert_string_equal(line.words[2].key, "a");
	assert_string_equal(line.words[2].text, "=b");
	assert_string_equal(line.words[3].text, "");
	assert_string_equal(line.words[4].text, "");
	assert_null(line.words[5].key);
	script_line_free(&line);
}

static void numbers(void **state)
{
	static const struct { const char *text; bool fine; uint64_t value; } cases[] = {
		{ "0", true, 0 }, { "4096", true, 4096 }, { "0x1F", true, 31 }, { "4K", true, 4096 },
		{ "2M", true, 2097152 },
		{ "18446744073709551615", true, UINT64_MAX }, { "18446744073709551616", false, 0 }, { "17E", false, 0 },
		{ "", false, 0 }, { "-1", false, 0 }, { "+1", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 },
		{ "1x", false, 0 }, { "0x", false, 0 }, { "K", false, 0 }, { "1KK", false, 0 }, { "1.5", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 77;

		assert_int_equal(script_number(cases[i].text, &value), cases[i].fine);
		assert_int_equal(value, cases[i].fine ? cases[i].value : 77);
	}
}

static void percentages_and_ranges(void **state)
{
	static const char *const bad_percent[] = { "", "%", "101%", "5", "5%%", "-5%", "0005%", "999%", "1e1%" };
	static const char *const bad_range[] = { "", "..", "3..", "..3", "3..2", "1...2", "1..2..3", "1.2", "0x1",
		"9999999999", "1..9999999999", "a", "1..b" };
	unsigned low, high, percent;

	(void)state;
	assert_true(script_percent("0%", &percent) && percent == 0);
	assert_true(script_percent("100%", &percent) && percent == 100);
	for (size_t i = 0; i < sizeof(bad_percent) / sizeof(bad_percent[0]); i++)
		assert_false(script_percent(bad_percent[i], &percent));
	assert_true(script_range("3", &low, &high) && low == 3 && high == 3);
	assert_true(script_range("0..10", &low, &high) && low == 0 && high == 10);
	for (size_t i = 0; i < sizeof(bad_range) / sizeof(bad_range[0]); i++)
		assert_false(script_range(bad_range[i], &low, &high));
}

static void names_of_things(void **state)
{
	enum quire_zone_type zone;
	enum quire_migratetype type;
	quire_gfp_t gfp;

	(void)state;
	assert_true(script_zone("dma32", &zone) && zone == QUIRE_ZONE_DMA32);
	assert_true(script_zone("Normal", &zone) && zone == QUIRE_ZONE_NORMAL);
	assert_false(script_zone("DMA3", &zone));
	assert_false(script_zone("", &zone));
	assert_true(script_migratetype("MOVABLE", &type) && type == QUIRE_MIGRATE_MOVABLE);
	assert_false(script_migratetype("movabl", &type));
	assert_true(script_gfp("kernel", &gfp) && gfp == QUIRE_GFP_KERNEL);
	assert_true(script_gfp("KERNEL+thisnode|movable", &gfp) &&
		    gfp == (QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE | QUIRE_GFP_MOVABLE));
	assert_true(script_gfp("0xcc0", &gfp) && gfp == QUIRE_GFP_KERNEL);
	assert_false(script_gfp("", &gfp));
	assert_false(script_gfp("kernel+", &gfp));
	assert_false(script_gfp("+kernel", &gfp));
	assert_false(script_gfp("kernels", &gfp));
	assert_false(script_gfp("0x100000000", &gfp));
}

static void references(void **state)
{
	static const char *const bad[] = { "", "[", "[1]", "A[", "A[]", "A[1", "A[1]]", "A[1]x", "A[-1]", "A[3..1]", "1A",
		"A B",
		"A[99999999999999999999]", "a_name_that_is_thirty_two_bytes_x" };
	char name[32];
	uint64_t low, high;

	(void)state;
	assert_true(script_handle_ref("A", name, sizeof(name), &low, &high) && low == UINT64_MAX);
	assert_string_equal(name, "A");
	assert_true(script_handle_ref("a_1[3]", name, sizeof(name), &low, &high) && low == 3 && high == 3);
	assert_true(script_handle_ref("x[3..9]", name, sizeof(name), &low, &high) && low == 3 && high == 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(script_handle_ref(bad[i], name, sizeof(name), &low, &high));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_cut_into_words),
		cmocka_unit_test(empty_lines),
		cmocka_unit_test(lines_that_are_refused),
		cmocka_unit_test(odd_settings),
		cmocka_unit_test(numbers),
		cmocka_unit_test(percentages_and_ranges),
		cmocka_unit_test(names_of_things),
		cmocka_unit_test(references),
	};

	return cmocka_run_group_tests_name("script words", tests, NULL, NULL);
}
