/* The JSON writer: commas, nesting, rows, and texts no one should have put into a log. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json.h"

static char *output;
static size_t output_size;

static struct json *start(void)
{
	static struct json json;

	json_init(&json, open_memstream(&output, &output_size));
	return &json;
}

static void expect(struct json *json, const char *expected)
{
	fclose(json->out);
	assert_string_equal(output, expected);
	free(output);
}

static void structure(void **state)
{
	struct json *json = start();

	(void)state;
	json_open(json, NULL, '{');
	json_unsigned(json, "largest", UINT64_MAX);
	json_signed(json, "smallest", INT64_MIN);
	json_open(json, "empty", '[');
	json_close(json);
	json_open(json, "list", '[');
	json_bool(json, NULL, true);
	json_null(json, NULL);
	json_row(json, NULL, '{');
	json_text(json, "a", "b");
	json_row(json, "c", '[');
	json_unsigned(json, NULL, 1);
	json_unsigned(json, NULL, 2);
	json_close(json);
	json_row(json, "d", '{');
	json_close(json);
	json_close(json);
	json_close(json);
	json_text(json, "none", NULL);
	json_close(json);
	expect(json, "{\n  \"largest\": 18446744073709551615,\n  \"smallest\": -9223372036854775808,\n  \"empty\": [],\n"
		     "  \"list\": [\n    true,\n    null,\n    { \"a\": \"b\", \"c\": [1, 2], \"d\": {} }\n  ],\n"
		     "  \"none\": null\n}\n");
}

static void strings(void **state)
{
	static const struct { const char *text, *written; } cases[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
		{ "tab\tline\n\x01\x7f", "\"tab\\u0009line\\u000a\\u0001\\u007f\"" },
		{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82\"" },
		{ "lone \xa9, cut \xe2\x82", "\"lone \\ufffd, cut \\ufffd\\ufffd\"" },
		{ "overlong \xc0\xaf", "\"overlong \\ufffd\\ufffd\"" },
		{ "surrogate \xed\xa0\x80", "\"surrogate \\ufffd\\ufffd\\ufffd\"" },
		{ "beyond \xf4\x90\x80\x80", "\"beyond \\ufffd\\ufffd\\ufffd\\ufffd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *json = start();

		json_text(json, NULL, cases[i].text);
		expect(json, cases[i].written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
