/* What a kernel runs after boot: the engine's portable tests, the storm, and a fault to see that faults are told. */
#include "kernel.h"
#include "tests/portable/portable.h"

#define STORM_OPERATIONS 2000u
#define SEED 20260101u

static void say(void *ctx, const char *text)
{
	metal_print("  %s: %s\n", (const char *)ctx, text);
}

/* One test, and what must hold after each: the books as before, the checker content. */
static bool run_test(const struct portable_test *test)
{
	struct portable p = { .q = &metal.q, .say = say, .ctx = (void *)(uintptr_t)test->name };
	uint64_t before = portable_free_frames(&p), after;
	bool good;

	metal.provoked = test->provokes;
	good = test->run(&p);
	metal.provoked = false;
	after = portable_free_frames(&p);
	if (good && after != before)
		good = portable_fail(&p, "%llu frames were free before, %llu are now", (unsigned long long)before,
				     (unsigned long long)after);
	if (quire_check(&metal.q) != QUIRE_OK)
		good = portable_fail(&p, "the checker found something");
	return good;
}

unsigned metal_test_portable(void)
{
	struct portable p = { .q = &metal.q, .say = say, .ctx = (void *)(uintptr_t)"warm-up" };
	unsigned failed = !portable_warm_up(&p);

	for (size_t i = 0; i < portable_test_count; i++) {
		bool good = run_test(&portable_tests[i]);

		metal_print("test %s: %s\n", portable_tests[i].name, good ? "ok" : "FAILED");
		failed += !good;
	}
	metal_print("tests: %zu passed, %u failed\n", portable_test_count - failed, failed);
	return failed ? METAL_EXIT_FAILED : METAL_EXIT_OK;
}

static void work(void *arg, unsigned worker)
{
	portable_storm_work(arg, worker);
}

/* With intr=: a round while interrupts allocate. It is judged after the next one, which is quiet. */
static bool interrupted_round(struct portable_storm *storm)
{
	bool good;

	if (!metal.options.hertz)
		return true;
	good = metal_ticks_begin();
	if (good)
		metal_run_parallel(NULL, work, storm, storm->workers);
	return metal_ticks_end() && good;
}

unsigned metal_test_storm(unsigned seconds)
{
	static struct portable_storm storm;
	static struct portable p = { .q = &metal.q, .say = say, .ctx = (void *)(uintptr_t)"storm" };
	uint64_t end = arch_now_ns() + seconds * 1000000000ull, requests = 0, failures = 0, moved = 0;
	unsigned rounds = 0;
	bool good = portable_warm_up(&p);

	memset(&storm, 0, sizeof(storm));
	storm.p = &p;
	storm.workers = (unsigned)qi_min(metal.q.config.cpus, PORTABLE_STORM_WORKERS);
	storm.operations = STORM_OPERATIONS;
	good = portable_storm_begin(&storm, SEED) && good;
	for (; good && (!rounds || arch_now_ns() < end); rounds++)
		good = interrupted_round(&storm) && portable_storm_round(&storm);
	good = portable_storm_end(&storm) && good;
	good = metal_ticks_told() && good;
	for (unsigned i = 0; i < storm.workers; i++) {
		requests += storm.worker[i].requests;
		failures += storm.worker[i].failures;
		moved += storm.worker[i].moved;
	}
	metal_print("storm: %u workers, %u rounds, %llu requests, %llu without memory, %llu moved: %s\n", storm.workers, rounds,
		    (unsigned long long)requests, (unsigned long long)failures, (unsigned long long)moved, good ? "ok" : "FAILED");
	return good ? METAL_EXIT_OK : METAL_EXIT_FAILED;
}

unsigned metal_test_panic(void)
{
	/* Nothing is mapped there on any architecture; the exception must be told, and end the kernel. */
	*(volatile char *)((uintptr_t)-1 / 2 - 0xfff) = 1;
	metal_print("a write to nowhere went through\n");
	return METAL_EXIT_FAILED;
}

/* Deeper than any stack there is. The bytes are written, so that each turn needs its room. */
static unsigned dig(unsigned depth)
{
	volatile char room[1024];

	for (unsigned i = 0; i < sizeof(room); i += 256)
		room[i] = (char)depth;
	return depth < 2 * METAL_STACK_BYTES / sizeof(room) ? dig(depth + 1) + (unsigned)room[256] : depth;
}

unsigned metal_test_overflow(void)
{
	metal_print("a stack of %u bytes has room for twice as many (%u)\n", METAL_STACK_BYTES, dig(0));
	return METAL_EXIT_FAILED;
}
