/* Scripts as a whole: results and messages of hostile lines, blocks, limits, interruption, completion. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/firmware.h>

#include "script/complete.h"
#include "script/script.h"

struct rig {
	struct script s;
	char *out, *err;
	size_t out_size, err_size;
};

static int begin(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	script_init(&r->s, open_memstream(&r->out, &r->out_size), open_memstream(&r->err, &r->err_size));
	assert_int_equal(script_feed(&r->s, "boot --nodes 2x64M --cpus 2 --quiet"), SCRIPT_OK);
	*state = r;
	return 0;
}

static int end(void **state)
{
	struct rig *r = *state;

	script_free(&r->s);
	fclose(r->s.out);
	fclose(r->s.err);
	free(r->out);
	free(r->err);
	free(r);
	return 0;
}

/* The messages so far, and forget them. */
static const char *messages(struct rig *r)
{
	static char text[4096];

	fflush(r->s.err);
	snprintf(text, sizeof(text), "%s", r->err);
	rewind(r->s.err);
	return text;
}

static const char *output(struct rig *r)
{
	static char text[4096];

	fflush(r->s.out);
	snprintf(text, sizeof(text), "%s", r->out);
	rewind(r->s.out);
	return text;
}

static void lines_that_make_no_sense(void **state)
{
	static const struct { const char *line, *message; } cases[] = {
		{ "allocate", "there is no verb 'allocate'" },
		{ "alloc orde=1", "'orde=1' is not understood here" },
		{ "alloc order=27", "an order from 0 to 26" },
		{ "alloc order=-1", "an order from 0 to 26" },
		{ "alloc order=", "an order from 0 to 26" },
		{ "alloc node=1024", "a node's number" },
		{ "alloc type=purple", "unmovable, movable, reclaimable" },
		{ "alloc type=isolate", "unmovable, movable, reclaimable" },
		{ "alloc zone=device", "DMA, DMA32, Normal" },
		{ "alloc gfp=kernel+bogus", "flags by name" },
		{ "alloc count=many", "a number or 'all'" },
		{ "alloc as=1", "a name is wanted" },
		{ "alloc 7", "'7' is not understood here" },
		{ "free", "free: what?" },
		{ "free X", "there is no handle X" },
		{ "free A[0", "neither a name nor" },
		{ "free A[5]", "there is no A[5]" },
		{ "free A[0..9]", "there is no A[9]" },
		{ "free A random", "how many?" },
		{ "free A random 101%", "how many?" },
		{ "free A every 0", "random, first, last or every N" },
		{ "free A sometimes 3", "random, first, last or every N" },
		{ "free A[0] first 1", "'first' is not understood here" },
		{ "free pfn=x", "want numbers" },
		{ "churn", "there is no handle ''" },
		{ "churn A rounds=x", "a number is wanted" },
		{ "churn A orders=3..1", "a range of orders" },
		{ "churn A orders=0..27", "a range of orders" },
		{ "churn A live=50", "a percentage is wanted" },
		{ "show", "show: what?" },
		{ "show nonsense", "there is no report 'nonsense'" },
		{ "set a=1 b=2", "one NAME=VALUE" },
		{ "set bogus=1", "there is no tunable 'bogus'" },
		{ "set min_free_kbytes=x", "'x' is not a value" },
		{ "cpu 2", "from 0 to 1" },
		{ "cpu", "from 0 to 1" },
		{ "node 5", "the number of a node" },
		{ "seed x", "a number is wanted" },
		{ "explain X[0]", "neither 'last' nor a block" },
		{ "explain pfn=x", "wants a number" },
		{ "expect", "something is missing" },
		{ "expect 1 = 1", "== != < <= > >=" },
		{ "expect 1 <> 1", "== != < <= > >=" },
		{ "expect 1 === 1", "== != < <= > >=" },
		{ "expect 1 == 1 2", "'2' is not understood" },
		{ "expect 1 / 0", "division by zero" },
		{ "expect 1 % (2 - 2)", "division by zero" },
		{ "expect 9223372036854775807 + 1", "too large" },
		{ "expect 9223372036854775808", "this is no number" },
		{ "expect (-9223372036854775807 - 1) / -1", "too large" },
		{ "expect 4611686018427387904 * 2", "too large" },
		{ "expect ((1)", "a bracket is not closed" },
		{ "expect nonsense", "no variable, word or query 'nonsense'" },
		{ "expect nonsense()", "there is no query 'nonsense'" },
		{ "expect free(", "a bracket is not closed" },
		{ "expect free(color=red)", "makes no sense for a query" },
		{ "expect free(zone=Purple)", "is no zone" },
		{ "expect free(node=0 zone)", "KEY=VALUE is wanted" },
		{ "expect free(node=9)", "no such zone" },
		{ "expect count(A[0])", "a handle's name" },
		{ "expect count(X)", "there is no handle X" },
		{ "expect pfn(A)", "a block NAME[i]" },
		{ "expect pfn(A[7])", "there is no block" },
		{ "let", "NAME = EXPRESSION" },
		{ "let 1 = 2", "NAME = EXPRESSION" },
		{ "let last = 2", "has a meaning already" },
		{ "let x = 2 3", "'3' is not understood" },
		{ "print", "something is missing" },
		{ "time", NULL },
		{ "time time check", "once is enough" },
		{ "time repeat 3", "stands on a line of its own" },
		{ "end", "'end' without 'repeat'" },
		{ "source", "a file is wanted" },
		{ "source /nowhere/at/all", "No such file" },
		{ "quit now", "'now' is not understood" },
		{ "boot", "either an INPUT or --nodes" },
		{ "boot --nodes 1G input", "either an INPUT or --nodes" },
		{ "boot --bogus", "these options make no sense" },
		{ "echo \"x", "a quote is not closed" },
	};
	struct rig *r = *state;

	assert_int_equal(script_feed(&r->s, "alloc as=A"), SCRIPT_OK);
	r->s.line = 7;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum script_result result = script_feed(&r->s, cases[i].line);
		const char *text = messages(r);

		if (!cases[i].message) {
			assert_int_equal(result, SCRIPT_OK);
			continue;
		}
		if (result != SCRIPT_BAD || !strstr(text, cases[i].message))
			fail_msg("'%s': result %d, message '%s'", cases[i].line, result, text);
		assert_ptr_equal(strstr(text, "script:7: "), text);
	}
	/* Nothing of that touched the machine. */
	assert_int_equal(script_feed(&r->s, "expect count(A) == 1"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "check"), SCRIPT_OK);
}

static void an_expectation_that_fails_says_what_is(void **state)
{
	struct rig *r = *state;

	assert_int_equal(script_feed(&r->s, "alloc order=26 gfp=kernel"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "expect last == ok"), SCRIPT_UNMET);
	assert_non_null(strstr(messages(r), "expected last == ok, but the left side is nomem"));
	assert_int_equal(script_feed(&r->s, "expect 3 * 4 < 12 # never"), SCRIPT_UNMET);
	assert_non_null(strstr(messages(r), "expected 3 * 4 < 12, but the left side is 12"));
	assert_int_equal(script_feed(&r->s, "expect 0"), SCRIPT_UNMET);
}

static void blocks_nest_to_a_depth(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < SCRIPT_REPEAT_DEPTH; i++)
		assert_int_equal(script_feed(&r->s, "repeat 1"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "repeat 1"), SCRIPT_BAD);
	assert_non_null(strstr(messages(r), "nested more than 16 deep"));
	assert_int_equal(script_feed(&r->s, "let n = 0"), SCRIPT_OK);
	for (unsigned i = 0; i < SCRIPT_REPEAT_DEPTH; i++)
		assert_int_equal(script_feed(&r->s, "repeat 2"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "let n = n + 1"), SCRIPT_OK);
	for (unsigned i = 0; i < SCRIPT_REPEAT_DEPTH; i++)
		assert_int_equal(script_feed(&r->s, "end"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "expect n == 65536"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "repeat 3"), SCRIPT_OK);
	assert_int_equal(script_finish(&r->s), SCRIPT_BAD);
	assert_non_null(strstr(messages(r), "has no 'end'"));
	assert_int_equal(script_feed(&r->s, "repeat x"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "end"), SCRIPT_BAD);
}

static void messages_name_the_line(void **state)
{
	static const char *const lines[] = { "echo a", "repeat 2", "  echo b", "  nonsense", "end" };
	struct rig *r = *state;
	enum script_result result = SCRIPT_OK;

	r->s.source = "x.quire";
	for (unsigned i = 0; i < 5; i++) {
		r->s.line++;
		result = script_feed(&r->s, lines[i]);
	}
	assert_int_equal(result, SCRIPT_BAD);
	assert_int_equal(strncmp(messages(r), "x.quire:4: ", 11), 0);
	assert_int_equal(strncmp(output(r), "a\nb\n", 4), 0);
}

static void work_is_limited_and_interrupted(void **state)
{
	volatile sig_atomic_t stop = 1;
	struct rig *r = *state;

	r->s.work_left = 100;
	script_feed(&r->s, "repeat 1000000000000");
	assert_int_equal(script_feed(&r->s, "end"), SCRIPT_BAD);
	assert_non_null(strstr(messages(r), "more than it may"));
	r->s.work_left = 100;
	assert_int_equal(script_feed(&r->s, "alloc count=all"), SCRIPT_BAD);
	r->s.work_left = UINT64_MAX;
	messages(r);
	r->s.interrupted = &stop;
	assert_int_equal(script_feed(&r->s, "alloc count=all as=B"), SCRIPT_BAD);
	assert_non_null(strstr(messages(r), "interrupted"));
	assert_int_equal(script_feed(&r->s, "free all"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "check"), SCRIPT_OK);
}

static void a_failed_boot_keeps_the_machine(void **state)
{
	struct rig *r = *state;

	assert_int_equal(script_feed(&r->s, "alloc count=5 as=A"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "boot --nodes nonsense --quiet"), SCRIPT_BAD);
	assert_int_equal(script_feed(&r->s, "expect count(A) == 5"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "boot --nodes 64M --quiet"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "expect count(A) == 5"), SCRIPT_BAD);
	r->s.confined = true;
	assert_int_equal(script_feed(&r->s, "boot --nodes 64M"), SCRIPT_BAD);
	assert_int_equal(script_feed(&r->s, "source /dev/null"), SCRIPT_BAD);
}

static void nothing_works_without_a_machine(void **state)
{
	struct rig *r = *state;

	script_drop_machine(&r->s);
	for (const struct script_verb *verb = script_verbs; verb->name; verb++) {
		char line[64];

		if (strstr("boot repeat end quit help echo seed print let expect source time", verb->name))
			continue;
		snprintf(line, sizeof(line), "%s %s", verb->name, strcmp(verb->name, "show") ? "" : "buddyinfo");
		assert_int_equal(script_feed(&r->s, line), SCRIPT_BAD);
		assert_non_null(strstr(messages(r), "no machine is booted"));
	}
	assert_int_equal(script_feed(&r->s, "expect free() > 0"), SCRIPT_BAD);
}

/* All completions of the line's last word, joined by spaces. */
static const char *complete(struct rig *r, const char *line)
{
	static char all[2048];
	const char *word = strrchr(line, ' ') ? strrchr(line, ' ') + 1 : line;
	size_t at = 0;
	char *one;

	all[0] = '\0';
	while ((one = complete_word(&r->s, line, (size_t)(word - line), word, &at)) != NULL) {
		strcat(all, *all ? " " : "");
		strcat(all, one);
		free(one);
	}
	return all;
}

static void completion(void **state)
{
	struct rig *r = *state;

	assert_int_equal(script_feed(&r->s, "alloc as=pages_of_mine"), SCRIPT_OK);
	assert_string_equal(complete(r, "al"), "alloc");
	assert_string_equal(complete(r, "e"), "explain expect echo end");
	assert_string_equal(complete(r, "alloc or"), "order=");
	assert_string_equal(complete(r, "alloc type=m"), "type=movable");
	assert_string_equal(complete(r, "alloc zone=D"), "zone=DMA zone=DMA32");
	assert_string_equal(complete(r, "alloc gfp=at"), "gfp=atomic");
	assert_string_equal(complete(r, "free pa"), "pages_of_mine");
	assert_string_equal(complete(r, "show bud"), "buddyinfo");
	assert_string_equal(complete(r, "set compact"), "compaction_proactiveness=");
	for (const struct quire_sysctl *known = quire_sysctls; known->name; known++)
		assert_non_null(strstr(complete(r, "set "), known->name));
	assert_int_equal(script_feed(&r->s, "set extfrag_threshold=123"), SCRIPT_OK);
	assert_int_equal(script_feed(&r->s, "set"), SCRIPT_OK);
	fflush(r->s.out);
	assert_non_null(strstr(r->out, "extfrag_threshold              123 "));
	assert_non_null(strstr(r->out, "min_free_kbytes                computed "));
	assert_string_equal(complete(r, "time al"), "alloc");
	assert_string_equal(complete(r, "expect pa"), "pageblocks( pages( pages_of_mine");
	assert_string_equal(complete(r, "xyz a"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_that_make_no_sense, begin, end),
		cmocka_unit_test_setup_teardown(an_expectation_that_fails_says_what_is, begin, end),
		cmocka_unit_test_setup_teardown(blocks_nest_to_a_depth, begin, end),
		cmocka_unit_test_setup_teardown(messages_name_the_line, begin, end),
		cmocka_unit_test_setup_teardown(work_is_limited_and_interrupted, begin, end),
		cmocka_unit_test_setup_teardown(a_failed_boot_keeps_the_machine, begin, end),
		cmocka_unit_test_setup_teardown(nothing_works_without_a_machine, begin, end),
		cmocka_unit_test_setup_teardown(completion, begin, end),
	};

	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
