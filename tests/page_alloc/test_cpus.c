/*
 * CPUs that come and go, and zones whose fronts are switched off: nothing is kept then, nothing is lost, and what was
 * counted stays counted. Threads allocate meanwhile.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <quire/vmstat.h>

#include "zone/front_cpus.h"

#define THREADS 3u
#define ROUNDS 30000u

static _Thread_local int my_cpu = -1;
static unsigned this_cpu(void *ctx, unsigned long *state)
{
	(void)ctx; (void)state;
	return my_cpu < 0 ? now_on : (unsigned)my_cpu;
}

static void barrier(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static struct qi_zone *normal(struct machine *m) { return qi_zone_of(&m->nodes[0].zones[QUIRE_ZONE_NORMAL]); }

/* One frame taken and given back on a CPU, so that its front keeps something if it may. */
static void touch(struct machine *m, unsigned cpu)
{
	quire_pfn_t pfn;

	now_on = cpu;
	assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_free_frames(&m->q, pfn, 0), QUIRE_OK);
	now_on = 0;
}

static void disabled_zone_keeps_nothing(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = normal(m);

	touch(m, 0);
	touch(m, 3);
	assert_true(quire_zone_kept_pages(za->zone) > 0);
	assert_int_equal(qi_front_disable(za), QUIRE_OK);
	assert_int_equal(qi_front_disable(za), QUIRE_OK);
	assert_int_equal(quire_zone_kept_pages(za->zone), 0);
	assert_int_equal(qi_tree_free_pages(&za->tree), ZONE_PAGES);
	qi_front_enable(za);
	touch(m, 0);
	touch(m, 1);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	touch(m, 2);
	assert_int_equal(quire_zone_kept_pages(za->zone), 0);
	qi_front_enable(za);
	touch(m, 1);
	assert_true(quire_zone_kept_pages(za->zone) > 0);
}

/* Before the zone was ever used: fronts that are opened later must not slip by. */
static void disabled_before_first_use(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = normal(m);

	za->fronts_disabled = 1;
	touch(m, 0);
	assert_int_equal(quire_zone_kept_pages(za->zone), 0);
	qi_front_enable(za);
	touch(m, 0);
	assert_true(quire_zone_kept_pages(za->zone) > 0);
}

static void needs_a_barrier(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = normal(m);
	void (*had)(void *ctx) = platform.barrier_all;

	platform.barrier_all = NULL;
	touch(m, 1);
	assert_int_equal(qi_front_disable(za), QUIRE_EUNSUPPORTED);
	assert_int_equal(quire_cpu_offline(&m->q, 1), QUIRE_EUNSUPPORTED);
	platform.barrier_all = had;
	assert_true(quire_zone_kept_pages(za->zone) > 0);
	touch(m, 1);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

static void offline_gives_back(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = normal(m);

	touch(m, 2);
	assert_true(qi_front_held(za, 2) > 0);
	assert_int_equal(quire_cpu_offline(&m->q, 2), QUIRE_OK);
	assert_int_equal(qi_front_held(za, 2), 0);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	/* A straggler is served, and keeps nothing. */
	touch(m, 2);
	assert_int_equal(qi_front_held(za, 2), 0);
	assert_int_equal(quire_cpu_online(&m->q, 2, 1), QUIRE_OK);
	assert_int_equal(m->q.topology.cpu_node[2], 1);
	touch(m, 2);
	assert_true(qi_front_held(za, 2) > 0);
	assert_int_equal(quire_cpu_online(&m->q, 2, 9), QUIRE_ENOENT);
	assert_int_equal(quire_cpu_online(&m->q, 1u << 20, 0), QUIRE_EINVAL);
}

/* What CPUs of a node may keep is dealt out to those it has. */
static void sizes_follow_the_cpus_of_a_node(void **state)
{
	struct machine *m = *state;
	struct quire_zone *zone = &m->nodes[1].zones[QUIRE_ZONE_NORMAL];
	uint64_t two;

	m->q.config.rules = QUIRE_RULES_6_1;
	m->nodes[0].cpus = m->nodes[1].cpus = 2;
	zone->watermark[QUIRE_WMARK_LOW] = 100000;
	quire_pcp_update(&m->q.topology, &m->q.config.tunables);
	two = zone->pcp_high_max;
	assert_int_equal(two, 50000);
	assert_int_equal(quire_cpu_offline(&m->q, 3), QUIRE_OK);
	assert_int_equal(quire_cpu_offline(&m->q, 3), QUIRE_OK);
	assert_int_equal(m->nodes[1].cpus, 1);
	assert_int_equal(zone->pcp_high_max, 2 * two);
	assert_int_equal(quire_cpu_online(&m->q, 3, 1), QUIRE_OK);
	assert_int_equal(quire_cpu_online(&m->q, 3, 1), QUIRE_OK);
	assert_int_equal(m->nodes[1].cpus, 2);
	assert_int_equal(zone->pcp_high_max, two);
	/* A node without any deals out to all there are. */
	assert_int_equal(quire_cpu_offline(&m->q, 2), QUIRE_OK);
	assert_int_equal(quire_cpu_offline(&m->q, 3), QUIRE_OK);
	assert_int_equal(m->nodes[1].cpus, 0);
	assert_int_equal(zone->pcp_high_max, two);
}

static void more_cpus_than_at_boot(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = normal(m);
	struct quire_zone_events before, after;

	for (unsigned cpu = 0; cpu < 4; cpu++)
		touch(m, cpu);
	touch(m, 9);				/* no front yet: served by the tree */
	quire_zone_vmstat(za->zone, &before);
	assert_int_equal(before.pgalloc, 5);
	assert_int_equal(quire_cpu_offline(&m->q, 1), QUIRE_OK);
	assert_int_equal(quire_cpu_online(&m->q, 9, 1), QUIRE_OK);
	assert_true(za->cpus > 9);
	assert_int_equal(m->q.topology.cpu_count, 10);
	assert_int_equal(m->q.topology.cpu_node[9], 1);
	quire_zone_vmstat(za->zone, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	touch(m, 9);
	touch(m, 1);
	touch(m, 3);
	assert_true(qi_front_held(za, 9) > 0);
	assert_int_equal(qi_front_held(za, 1), 0);
	assert_true(qi_front_held(za, 3) > 0);
	assert_int_equal(quire_cpu_online(&m->q, 40, 0), QUIRE_OK);
	touch(m, 40);
	quire_zone_vmstat(za->zone, &after);
	assert_int_equal(after.pgalloc, 9);
	assert_int_equal(after.pgfree, 9);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_int_equal(qi_tree_free_pages(&za->tree), ZONE_PAGES);
}

static int64_t moved[4];
static unsigned refills, returns;
static void count_moves(void *ctx, const struct quire_zone *zone, unsigned cpu, int64_t pages)
{
	assert_ptr_equal(zone, ctx);
	assert_true(cpu < 4 && pages);
	moved[cpu] += pages;
	*(pages > 0 ? &refills : &returns) += 1;
}

/* What hooks see of fronts adds up to what they hold, at any moment. */
static void moves_add_up(void **state)
{
	static quire_pfn_t held[4][2000];
	struct machine *m = *state;
	struct qi_zone *za = normal(m);
	const struct quire_trace trace = { .ctx = za->zone, .move = count_moves };

	quire_set_trace(&m->q, &trace);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 8000; i++) {
			now_on = i % 4;
			assert_int_equal(quire_alloc_frames(&m->q, 0, 0, QUIRE_GFP_KERNEL, &held[now_on][i / 4]), QUIRE_OK);
			assert_int_equal(moved[now_on], i / 4 + 1 + qi_front_held(za, now_on));
		}
		for (unsigned i = 0; i < 8000; i++) {
			now_on = i % 4;
			assert_int_equal(quire_free_frames(&m->q, held[now_on][1999 - i / 4], 0), QUIRE_OK);
			assert_int_equal(moved[now_on], 1999 - i / 4 + qi_front_held(za, now_on));
		}
	}
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (unsigned cpu = 0; cpu < 4; cpu++)
		assert_int_equal(moved[cpu], 0);
	assert_true(refills > 50 && returns > 50);
	quire_set_trace(&m->q, NULL);
}

struct job {
	struct machine *m;
	int cpu;
	unsigned wrong;
};

static void *work(void *arg)
{
	struct job *job = arg;
	quire_pfn_t held[32] = { 0 };
	uint8_t orders[32] = { 0 };
	uint32_t random = 88172645u + (uint32_t)job->cpu;

	my_cpu = job->cpu;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned i;

		random = random * 1664525 + 1013904223;
		i = random >> 27;
		if (held[i])
			job->wrong += quire_free_frames(&job->m->q, held[i], orders[i]) != QUIRE_OK;
		orders[i] = (uint8_t)(random >> 20 & 3);
		if (quire_alloc_frames(&job->m->q, 0, orders[i], QUIRE_GFP_NOWAIT, &held[i]) != QUIRE_OK)
			held[i] = 0;
	}
	for (unsigned i = 0; i < 32; i++)
		if (held[i])
			job->wrong += quire_free_frames(&job->m->q, held[i], orders[i]) != QUIRE_OK;
	return NULL;
}

static void under_load(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = normal(m);
	struct job jobs[THREADS];
	pthread_t threads[THREADS];

	my_cpu = 3;
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ .m = m, .cpu = (int)i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	}
	for (unsigned round = 0; round < 150; round++) {
		assert_int_equal(qi_front_disable(za), QUIRE_OK);
		assert_int_equal(quire_zone_kept_pages(za->zone), 0);
		assert_int_equal(quire_cpu_offline(&m->q, 3), QUIRE_OK);
		qi_front_enable(za);
		assert_int_equal(quire_cpu_online(&m->q, round == 75 ? 20 : 3, 0), QUIRE_OK);
		quire_drain_frames(&m->q);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(jobs[i].wrong, 0);
	}
	my_cpu = -1;
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_int_equal(qi_tree_free_pages(&za->tree), ZONE_PAGES);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
	assert_int_equal(za->bad_frees, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(disabled_zone_keeps_nothing), CASE(disabled_before_first_use), CASE(needs_a_barrier),
		CASE(offline_gives_back), CASE(sizes_follow_the_cpus_of_a_node), CASE(moves_add_up), CASE(under_load),
		CASE(offline_gives_back), CASE(more_cpus_than_at_boot), CASE(moves_add_up), CASE(under_load),
	};

	platform.cpu_enter = this_cpu;
	platform.barrier_all = barrier;
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
