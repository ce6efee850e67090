/*
 * Lives (tests/life) under interrupts that allocate (stepper.h): at the beginning of each call after every instruction, then
 * in samples; and threads change CPUs wherever they may. With the reference of tests/life nothing goes wrong unseen.
 *
 *	test_life_interrupted			a few short lives, as "make check" does
 *	test_life_interrupted SEED OPS		that life, as QUIRE_STEPS says: steps in a call before samples; 0: all
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

#include "life/life.h"
#include "stepper.h"

#define LIVES 2u
#define OPS 100u
#define STEPS 40u

static bool may_run(void *ctx, unsigned cpu)
{
	const struct life *l = ctx;

	return !l->cpu_off[cpu] && strcmp(l->what, "cpu");
}

static void attach(struct life *l)
{
	const char *steps = getenv("QUIRE_STEPS");
	struct stepper_options options = { .cpus = CPUS, .may_run = may_run, .ctx = l,
					   .most = steps ? strtoull(steps, NULL, 0) : STEPS };

	stepper_attach(&l->q, &l->platform, &options);
}

static void report(uint64_t seed, const struct stepper_result *r)
{
	printf("life %llu: %llu steps, %llu interrupts, %llu requests served, %llu findings\n", (unsigned long long)seed,
	       (unsigned long long)r->steps, (unsigned long long)r->interrupts, (unsigned long long)r->served,
	       (unsigned long long)r->findings);
	fflush(stdout);
}

/* In a process of its own: a life that ends badly ends it. */
static bool ends_well(uint64_t seed, unsigned ops)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		struct stepper_result result;

		at_birth = attach;
		live(seed, ops, NULL, getenv("QUIRE_TELL") != NULL);
		result = stepper_take();
		report(seed, &result);
		_exit(result.findings != 0);
	}
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void lives(void **state)
{
	unsigned bad = 0;

	(void)state;
	if (!stepper_available())
		skip();
	for (unsigned seed = 1; seed <= LIVES; seed++)
		bad += !ends_well(seed, OPS);
	assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lives) };

	if (argc < 3)
		return cmocka_run_group_tests_name("lives with interrupts", tests, NULL, NULL);
	return !ends_well(strtoull(argv[1], NULL, 0), (unsigned)strtoul(argv[2], NULL, 0));
}
