/*
 * Lines, log prefixes and scanners.
 */
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void assert_slice(struct text_slice slice, const char *expected)
{
	char *copy = input_slice_string(slice);

	assert_string_equal(copy, expected);
	free(copy);
}

static void check_lines(const char *text, size_t size, const char *const *expected, size_t count)
{
	struct textfile file;

	assert_int_equal(textfile_from_memory(&file, "name", text, size), QUIRE_OK);
	assert_int_equal(file.line_count, count);
	for (size_t i = 0; i < count; i++)
		assert_slice(textfile_line(&file, i), expected[i]);
	assert_int_equal(textfile_line(&file, count).length, 0);
	textfile_free(&file);
}

static void test_lines(void **state)
{
	(void)state;
	check_lines("", 0, NULL, 0);
	check_lines("\n", 1, (const char *const[]){ "" }, 1);
	check_lines("a", 1, (const char *const[]){ "a" }, 1);
	check_lines("a\nb\r\n\nc", 7, (const char *const[]){ "a", "b", "", "c" }, 4);
	check_lines("\r\n\r", 3, (const char *const[]){ "", "" }, 2);
}

static void test_lines_keep_nul_bytes(void **state)
{
	struct textfile file;

	(void)state;
	assert_int_equal(textfile_from_memory(&file, "name", "a\0b\nc", 5), QUIRE_OK);
	assert_int_equal(file.line_count, 2);
	assert_int_equal(textfile_line(&file, 0).length, 3);
	assert_memory_equal(textfile_line(&file, 0).at, "a\0b", 3);
	textfile_free(&file);
}

/* Every shape of prefix must uncover the same message; what only looks like a prefix must stay. */
static void test_prefixes(void **state)
{
	static const struct { const char *line, *message; } rows[] = {
		{ "BIOS-e820: x", "BIOS-e820: x" },
		{ "[    0.000000] BIOS-e820: x", "BIOS-e820: x" },
		{ "[12345.123456] BIOS-e820: x", "BIOS-e820: x" },
		{ "[    0.000000][    T0] BIOS-e820: x", "BIOS-e820: x" },
		{ "[    0.000000] [    T0] BIOS-e820: x", "BIOS-e820: x" },
		{ "[    0.000000][   C12] BIOS-e820: x", "BIOS-e820: x" },
		{ "<6>[    0.000000] BIOS-e820: x", "BIOS-e820: x" },
		{ "<30>BIOS-e820: x", "BIOS-e820: x" },
		{ "[Sat Nov 21 10:00:00 2026] BIOS-e820: x", "BIOS-e820: x" },
		{ "Nov 21 10:00:00 host kernel: BIOS-e820: x", "BIOS-e820: x" },
		{ "Nov 21 10:00:00 host kernel: [    0.000000] BIOS-e820: x", "BIOS-e820: x" },
		{ "Nov  1 10:00:00 host.example kernel: <6>[    0.000000] BIOS-e820: x", "BIOS-e820: x" },
		{ "2026-11-21T10:00:00.123456+00:00 host kernel: [    0.000000] BIOS-e820: x", "BIOS-e820: x" },
		{ "kern  :info  : [    0.000000] BIOS-e820: x", "BIOS-e820: x" },
		{ "6,12,0,-;BIOS-e820: x", "BIOS-e820: x" },
		{ "6,12,0,-,caller=T0;BIOS-e820: x", "BIOS-e820: x" },
		{ "[    0.000000]   node   0: x", "  node   0: x" },
		{ "[    0.000000] ", "" },
		{ "[    0.000000]", "" },
		{ "[mem 0x1-0x2] x", "[mem 0x1-0x2] x" },
		{ "[1.2", "[1.2" },
		{ "[]", "[]" },
		{ "<x>y", "<x>y" },
		{ "6,12,0", "6,12,0" },
		{ "Nov 21 no kernel here", "Nov 21 no kernel here" },
		{ "info: kernel: x", "info: kernel: x" },
		{ "kern: info: x", "kern: info: x" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_slice(text_strip_log_prefix(text_of(rows[i].line)), rows[i].message);
}

static void test_stamps(void **state)
{
	uint64_t stamp = 7;

	(void)state;
	assert_true(text_log_stamp(text_of("[   12.345678] x"), &stamp));
	assert_int_equal(stamp, 12345678);
	assert_true(text_log_stamp(text_of("6,1,99,-;x"), &stamp));
	assert_int_equal(stamp, 99);
	assert_false(text_log_stamp(text_of("x"), &stamp));
	assert_false(text_log_stamp(text_of("[Sat Nov 21 10:00:00 2026] x"), &stamp));
	assert_int_equal(stamp, 99);
}

static void test_numbers(void **state)
{
	static const struct { const char *text; bool decimal; uint64_t value; const char *rest; } rows[] = {
		{ "12x", true, 12, "x" }, { " \t7", true, 7, "" }, { "0x10 ", true, 16, " " }, { "0xg", true, 0, "xg" },
		{ "0x", true, 0, "x" }, { "18446744073709551615", true, UINT64_MAX, "" }, { "ff", false, 255, "" },
		{ "0xFFFFFFFFFFFFFFFF", true, UINT64_MAX, "" }, { "00000000000000000001", true, 1, "" },
	};
	static const char *const bad[] = { "", " ", "x", "-1", "18446744073709551616", "0x1ffffffffffffffff" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text_slice text = text_of(rows[i].text);
		uint64_t value;

		assert_true(rows[i].decimal ? text_take_number(&text, &value) : text_take_hex(&text, &value));
		assert_int_equal(value, rows[i].value);
		assert_slice(text, rows[i].rest);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct text_slice text = text_of(bad[i]);
		uint64_t value = 42;

		assert_false(text_take_number(&text, &value));
		assert_int_equal(value, 42);
		assert_slice(text, bad[i]);
	}
}

static void test_signed_numbers(void **state)
{
	struct text_slice text = text_of("-3 9223372036854775807 9223372036854775808");
	int64_t value;

	(void)state;
	assert_true(text_take_int(&text, &value));
	assert_int_equal(value, -3);
	assert_true(text_take_int(&text, &value));
	assert_int_equal(value, INT64_MAX);
	assert_false(text_take_int(&text, &value));
}

static void test_address_ranges(void **state)
{
	static const struct { const char *text; bool strict, loose; uint64_t first, last; } rows[] = {
		{ "[mem 0x1000-0x1fff] x", true, true, 0x1000, 0x1fff },
		{ "[0x0000000000000000-0xffffffffffffffff]", true, true, 0, UINT64_MAX },
		{ "[mem 1000-1fff]", true, true, 0x1000, 0x1fff },
		{ "[mem 0x2000-0x1fff]", false, true, 0x2000, 0x1fff },
		{ "[mem 0x2000-0x1fff", false, false, 0, 0 },
		{ "[mem 0x2000 0x3fff]", false, false, 0, 0 },
		{ "[mem ]", false, false, 0, 0 },
		{ "mem 0x1-0x2", false, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text_slice strict = text_of(rows[i].text), loose = strict;
		uint64_t first = 0, last = 0;

		assert_int_equal(text_take_range(&strict, &first, &last), rows[i].strict);
		assert_int_equal(text_take_range_loose(&loose, &first, &last), rows[i].loose);
		assert_int_equal(first, rows[i].first);
		assert_int_equal(last, rows[i].last);
	}
}

static void add_span(void *ctx, uint64_t first, uint64_t last)
{
	*(uint64_t *)ctx += last - first + 1;
}

static void test_lists(void **state)
{
	static const struct { const char *text; bool ok; uint64_t members; } rows[] = {
		{ "", true, 0 }, { "0-3,8,10-11", true, 7 }, { " 5 ", true, 1 }, { "3-1", false, 0 }, { "1,,2", false, 1 },
		{ "1 2", false, 1 }, { "x", false, 0 }, { "1-", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t members = 0;

		assert_int_equal(text_each_range(text_of(rows[i].text), add_span, &members), rows[i].ok);
		assert_int_equal(members, rows[i].members);
	}
}

static void test_words_and_searches(void **state)
{
	struct text_slice text = text_of("  one two  "), word;

	(void)state;
	assert_true(text_contains(text, "two"));
	assert_false(text_contains(text, "three"));
	assert_true(text_take_word(&text, &word));
	assert_slice(word, "one");
	assert_true(text_take_through(&text, "tw"));
	assert_slice(text, "o  ");
	assert_false(text_take_through(&text, "tw"));
	assert_true(text_take_word(&text, &word));
	assert_false(text_take_word(&text, &word));
	assert_slice(text_trim(text_of(" a b ")), "a b");
	assert_false(text_take(&text, "x"));
}

static void test_console_messages_are_taken_out(void **state)
{
	static const struct { const char *before, *after; size_t dropped; } rows[] = {
		{ "fd000[    2.220333] tsc: text\n00000-ff\n", "fd00000000-ff\n", 1 },
		{ "a\n[    2.220333] x\nb\n", "a\nb\n", 1 },
		{ "a[    2.220333] x\n[    3.220333] y\nb", "ab", 2 },
		{ "a[    2.220333] no end", "a", 1 },
		{ "[mem 1-2] a\n[1.2] b\n[  1.123456]c\n", "[mem 1-2] a\n[1.2] b\n[  1.123456]c\n", 0 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct textfile file;
		size_t lines = 0;

		assert_int_equal(textfile_from_memory(&file, "x", rows[i].before, strlen(rows[i].before)), QUIRE_OK);
		assert_int_equal(textfile_drop_messages(&file), rows[i].dropped);
		assert_string_equal(file.data, rows[i].after);
		for (const char *c = rows[i].after; *c; c++)
			lines += *c == '\n' || !c[1];
		assert_int_equal(file.line_count, lines);
		if (lines)
			assert_int_equal(textfile_line(&file, 0).length, strcspn(rows[i].after, "\n"));
		textfile_free(&file);
	}
}

static void test_unreadable_files(void **state)
{
	struct textfile file;
	char folder[256], path[512];

	(void)state;
	assert_int_equal(textfile_read(&file, "/no/such/file", 0), QUIRE_ENOENT);
	assert_int_equal(textfile_read(&file, "/", 0), QUIRE_EPLATFORM);
	temporary_folder(folder);
	write_file(folder, "f", "0123456789", 10);
	snprintf(path, sizeof(path), "%s/f", folder);
	assert_int_equal(textfile_read(&file, path, 9), QUIRE_ERANGE);
	assert_int_equal(file.size, 0);
	assert_null(file.data);
	assert_int_equal(textfile_read(&file, path, 10), QUIRE_OK);
	assert_int_equal(file.size, 10);
	textfile_free(&file);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_keep_nul_bytes),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_signed_numbers),
		cmocka_unit_test(test_address_ranges),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_words_and_searches),
		cmocka_unit_test(test_console_messages_are_taken_out),
		cmocka_unit_test(test_unreadable_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
