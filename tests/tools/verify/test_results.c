/* What verify prints and returns. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "verify/findings.h"

static char *printed(void (*print)(const struct findings *f, size_t count, const struct verify_options *options),
		     const struct findings *f, size_t count)
{
	struct verify_options options = { 0 };
	char *text = NULL;
	size_t size;

	options.out = open_memstream(&text, &size);
	assert_non_null(options.out);
	if (print)
		print(f, count, &options);
	else
		findings_print(f, &options);
	fclose(options.out);
	return text;
}

static void one_line_per_difference(void **state)
{
	struct findings f = { .capture = "box" };
	char file[] = "zoneinfo.txt", *text;

	(void)state;
	assert_true(findings_number(&f, (struct origin){ file, 1 }, 5, 5, "same"));
	assert_false(findings_number(&f, (struct origin){ file, 7 }, 5, 6, "managed of node %d", 3));
	assert_false(findings_address(&f, (struct origin){ 0 }, 0x1000, 0, "address"));
	assert_false(findings_text(&f, (struct origin){ file, 0 }, "a", "b", "list"));
	findings_estimate(&f, (struct origin){ 0 }, 101, 100, "guess");
	/* The name of the file may be gone before results are printed. */
	memset(file, 'x', sizeof(file) - 1);
	assert_int_equal(f.checked, 4);
	assert_int_equal(f.different, 3);
	assert_int_equal(f.estimates, 1);
	text = printed(NULL, &f, 1);
	assert_string_equal(text, "box: managed of node 3: ours 5 theirs 6 (zoneinfo.txt:7)\n"
				  "box: address: ours 0x1000 theirs 0\n"
				  "box: list: ours a theirs b (zoneinfo.txt)\n"
				  "box: guess: ours 101 (estimate, error +1, +1.000 %) theirs 100\n"
				  "box: 4 items checked, 3 differ\n");
	free(text);
	findings_free(&f);
}

static void json_is_escaped(void **state)
{
	struct findings f = { .capture = "a\"b\\c\x01" };
	char *text;

	(void)state;
	findings_text(&f, (struct origin){ "f", 2 }, "x\ny", "\"", "item");
	text = printed(findings_print_json, &f, 1);
	assert_non_null(strstr(text, "\"name\": \"a\\\"b\\\\c\\u0001\""));
	assert_non_null(strstr(text, "\"ours\": \"x\\u000ay\", \"theirs\": \"\\\"\", \"file\": \"f\", \"line\": 2"));
	assert_non_null(strstr(text, "\"different\": 1"));
	free(text);
	findings_free(&f);
}

/* A log may hold anything; what is quoted from it must not break the document. */
static void json_is_unicode(void **state)
{
	struct findings f = { .capture = "box" };
	char *text;

	(void)state;
	findings_text(&f, (struct origin){ 0 }, "a", "\xff\xc3\xa9", "item");
	text = printed(findings_print_json, &f, 1);
	assert_non_null(strstr(text, "\"theirs\": \"\\ufffd\xc3\xa9\""));
	free(text);
	findings_free(&f);
}

static void table_has_totals(void **state)
{
	struct findings f[2] = { { .capture = "one", .checked = 10 },
				 { .capture = "longer-name", .checked = 5, .different = 2 } };
	char *text;

	(void)state;
	text = printed(findings_print_table, f, 2);
	assert_non_null(strstr(text, "15 items checked, 2 differ\n"));
	assert_non_null(strstr(text, "longer-name         5       2"));
	free(text);
}

/* Bad input is a message and exit 2; what else was named is verified nevertheless. */
static void bad_input(void **state)
{
	char *paths[] = { "samples/machines/none", "samples/machines/i386-pae-4G", "samples/machines" }, *text = NULL;
	struct verify_options options = { 0 };
	size_t size;

	(void)state;
	options.out = open_memstream(&text, &size);
	assert_int_equal(verify_captures(&options, paths, 3), VERIFY_BAD_INPUT);
	fclose(options.out);
	assert_non_null(strstr(text, "none: could not be verified"));
	assert_non_null(strstr(text, "machines: could not be verified"));
	assert_non_null(strstr(text, "i386-pae-4G: "));
	assert_null(strstr(text, "i386-pae-4G: could not"));
	free(text);
	options.out = options.messages = open_memstream(&text, &size);
	assert_int_equal(verify_captures(&options, paths, 0), VERIFY_BAD_INPUT);
	fclose(options.out);
	free(text);
}

/* What merely lies among captures is named and left out; by itself it is bad input. */
static void other_files(void **state)
{
	char *paths[] = { "samples/machines/README.md", "samples/machines/i386-pae-4G" }, *text = NULL;
	struct verify_options options = { 0 };
	size_t size;

	(void)state;
	options.out = open_memstream(&text, &size);
	assert_int_equal(verify_captures(&options, paths, 2), VERIFY_EQUAL);
	fclose(options.out);
	assert_non_null(strstr(text, "README.md: note: not a kernel log"));
	assert_non_null(strstr(text, "README.md: skipped"));
	assert_null(strstr(text, "could not be verified"));
	free(text);
	options.out = open_memstream(&text, &size);
	assert_int_equal(verify_captures(&options, paths, 1), VERIFY_BAD_INPUT);
	fclose(options.out);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_per_difference),
		cmocka_unit_test(json_is_escaped),
		cmocka_unit_test(json_is_unicode),
		cmocka_unit_test(table_has_totals),
		cmocka_unit_test(bad_input),
		cmocka_unit_test(other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
