/*
 * Threads as CPUs: frames and blocks taken, stamped, handed to others, given back; bulk, exact, split, atomic reserves,
 * shrinkers and drains in between. A frame that two hold shows by its stamp. At the end all is free again.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <quire/reclaim.h>

#define THREADS 4u
#define ROUNDS 4000u
#define FRAMES (NODE1_START + ZONE_PAGES)

static _Thread_local unsigned my_cpu;
static unsigned thread_cpu(void *ctx, unsigned long *state) { (void)ctx; (void)state; return my_cpu; }
static void barrier(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static uint8_t stamps[FRAMES];
/* A place to hand blocks over: pfn << 5 | order, 0: empty. */
static uint64_t handover[64];
static unsigned wrong;

static void stamp(quire_pfn_t pfn, unsigned order, uint8_t from, uint8_t to)
{
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++)
		if (__atomic_exchange_n(&stamps[at], to, __ATOMIC_RELAXED) != from)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void give(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	stamp(pfn, order, 1, 0);
	if (quire_free_frames(q, pfn, order) != QUIRE_OK)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

/* Put a block into a slot, give back what was there. */
static void exchange(struct quire *q, unsigned slot, quire_pfn_t pfn, unsigned order)
{
	uint64_t old = __atomic_exchange_n(&handover[slot], pfn << 5 | order, __ATOMIC_ACQ_REL);

	if (old)
		give(q, old >> 5, old & 31);
}

static uint64_t scan(void *ctx, const struct quire_reclaim *reclaim)
{
	struct quire *q = ctx;
	uint64_t freed = 0;

	for (unsigned slot = 0; slot < 64 && freed < reclaim->target; slot++) {
		uint64_t old = __atomic_exchange_n(&handover[slot], 0, __ATOMIC_ACQ_REL);

		if (!old)
			continue;
		give(q, old >> 5, old & 31);
		freed += 1ull << (old & 31);
	}
	return freed;
}

static void one_round(struct quire *q, unsigned round, unsigned random)
{
	static const quire_gfp_t flags[] = { QUIRE_GFP_KERNEL, QUIRE_GFP_ATOMIC, QUIRE_GFP_HIGHUSER_MOVABLE,
					     QUIRE_GFP_NOWAIT };
	unsigned order = random % 7 ? random % 4 : random % 11, slot = random >> 8 & 63;
	quire_gfp_t gfp = flags[random >> 16 & 3] | QUIRE_GFP_NOWARN;
	quire_pfn_t pfn, many[70];

	if (quire_alloc_frames(q, (int)(random >> 20 & 1), order, gfp, &pfn) == QUIRE_OK) {
		stamp(pfn, order, 0, 1);
		if (random % 5 == 0 && order && quire_split_frames(q, pfn, order, 0) == QUIRE_OK)
			for (unsigned i = 0; i < 1u << order; i++)
				give(q, pfn + i, 0);
		else
			exchange(q, slot, pfn, order);
	}
	if (round % 16 == 0) {
		size_t n;

		for (unsigned i = 0; i < 70; i++)
			many[i] = QUIRE_PFN_NONE;
		n = quire_alloc_frames_bulk(q, QUIRE_NO_NODE, gfp, 70, many);
		for (unsigned i = 0; i < n; i++)
			stamp(many[i], 0, 0, 1);
		for (unsigned i = 0; i < n; i++)
			stamp(many[i], 0, 1, 0);
		if (quire_free_frames_bulk(q, 70, many))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	if (round % 64 == 1 && quire_alloc_frames_exact(q, QUIRE_NO_NODE, 1 + random % 600, gfp, &pfn) == QUIRE_OK) {
		for (unsigned i = 0; i < 1 + random % 600; i++) {
			stamp(pfn + i, 0, 0, 1);
			give(q, pfn + i, 0);
		}
	}
	if (round % 500 == 2)
		quire_drain_frames(q);
	if (round % 100 == 3)
		quire_reclaim_tick(q, QUIRE_NO_NODE);
}

struct job {
	struct quire *q;
	unsigned cpu;
};

static void *work(void *arg)
{
	struct job *job = arg;
	uint32_t random = 2463534242u + job->cpu * 7919;

	my_cpu = job->cpu;
	for (unsigned round = 0; round < ROUNDS; round++) {
		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		one_round(job->q, round, random);
	}
	return NULL;
}

static void threads_as_cpus(void **state)
{
	struct machine *m = *state;
	struct quire_shrinker shrinker = { .name = "slots", .scan = scan, .ctx = &m->q };
	struct job jobs[THREADS];
	pthread_t threads[THREADS];
	const struct quire_reclaim everything = { .target = UINT64_MAX };

	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	m->q.config.rules = QUIRE_RULES_6_1;
	assert_int_equal(quire_register_shrinker(&m->q, &shrinker), QUIRE_OK);
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ &m->q, i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	scan(&m->q, &everything);
	assert_int_equal(wrong, 0);
	assert_int_equal(errors_logged, 0);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(qi_tree_free_pages(m->lists[0][0][i]->tree), ZONE_PAGES);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
	assert_int_equal(quire_unregister_shrinker(&m->q, &shrinker), QUIRE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(threads_as_cpus, open_machine, close_machine),
	};

	platform.cpu_enter = thread_cpu;
	platform.barrier_all = barrier;
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
