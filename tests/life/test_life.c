/*
 * Lives: machines drawn at random that go through random operations against the reference of life.h, each in a process
 * of its
 * own. One that ends badly is told again without the operations that do not matter.
 *
 *	test_life				a few short lives, as "make check" does
 *	test_life SEED OPS [SEED ...]		those lives
 *	test_life SEED OPS -o 3,17-20,41	a life of these operations only, told as it goes
 *
 * QUIRE_LIVES and QUIRE_LIFE_OPS: how many lives, from seed 1 on, and how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "life.h"

#define LIVES 10u
#define OPS 1000u
#define SHRINK_TRIALS 400u

/* Did it end well? */
static bool ends_well(uint64_t seed, unsigned ops, const uint8_t *skip, bool telling)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		if (!telling) {
			/* Sanitizers' reports of trials are of no interest. */
			fclose(stderr);
		}
		live(seed, ops, skip, telling);
		_exit(0);
	}
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Leave operations out, many at a time and then fewer, as long as it still ends badly. */
static void shrink(uint64_t seed, unsigned ops, uint8_t *skip)
{
	uint8_t *tried = malloc(ops + 1);
	unsigned trials = 0;

	assert_non_null(tried);
	for (unsigned step = ops / 2; step && trials < SHRINK_TRIALS; step /= 2)
		for (unsigned from = 1; from <= ops && trials < SHRINK_TRIALS; from += step) {
			unsigned n = from + step <= ops ? step : ops + 1 - from;

			memcpy(tried, skip, ops + 1);
			memset(tried + from, 1, n);
			if (!memcmp(tried, skip, ops + 1))
				continue;
			trials++;
			if (!ends_well(seed, ops, tried, false))
				memcpy(skip, tried, ops + 1);
		}
	free(tried);
}

static void print_left(uint64_t seed, unsigned ops, const uint8_t *skip)
{
	const char *comma = "";

	printf("again: %llu %u -o ", (unsigned long long)seed, ops);
	for (unsigned i = 1; i <= ops; i++) {
		unsigned last = i;

		if (skip[i])
			continue;
		while (last < ops && !skip[last + 1])
			last++;
		printf(last > i ? "%s%u-%u" : "%s%u", comma, i, last);
		comma = ",";
		i = last;
	}
	printf("\n");
}

static bool run(uint64_t seed, unsigned ops)
{
	uint8_t *skip;

	if (ends_well(seed, ops, NULL, false))
		return true;
	skip = calloc(ops + 1, 1);
	assert_non_null(skip);
	printf("life %llu ends badly within %u operations:\n", (unsigned long long)seed, ops);
	shrink(seed, ops, skip);
	ends_well(seed, ops, skip, true);
	print_left(seed, ops, skip);
	free(skip);
	return false;
}

static unsigned number_from(const char *name, unsigned usual)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 0) : usual;
}

static void lives(void **state)
{
	unsigned count = number_from("QUIRE_LIVES", LIVES), ops = number_from("QUIRE_LIFE_OPS", OPS), bad = 0;

	(void)state;
	for (unsigned seed = 1; seed <= count; seed++)
		bad += !run(seed, ops);
	assert_int_equal(bad, 0);
}

/* Only the operations of a list like 3,17-20. */
static void keep_only(const char *list, unsigned ops, uint8_t *skip)
{
	memset(skip, 1, ops + 1);
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long i = first; i <= last && i <= ops; i++)
			skip[i] = 0;
		list = *end ? end + 1 : end;
		if (end == list)
			break;
	}
}

static int replay(uint64_t seed, unsigned ops, const char *list)
{
	uint8_t *skip = calloc(ops + 1, 1);

	assert_non_null(skip);
	if (list)
		keep_only(list, ops, skip);
	live(seed, ops, skip, true);
	free(skip);
	printf("it ends well\n");
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lives) };
	unsigned ops = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 0;
	int bad = 0;

	if (argc < 3)
		return cmocka_run_group_tests_name("lives", tests, NULL, NULL);
	if (argc > 3 && !strcmp(argv[3], "-o"))
		return replay(strtoull(argv[1], NULL, 0), ops, argc > 4 ? argv[4] : NULL);
	bad += !run(strtoull(argv[1], NULL, 0), ops);
	for (int i = 3; i < argc; i++)
		bad += !run(strtoull(argv[i], NULL, 0), ops);
	return bad != 0;
}
