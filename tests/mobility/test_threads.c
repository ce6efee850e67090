/*
 * Threads as CPUs: some take and give back what an owner holds, some want ranges of it, some look. A frame that two hold
 * shows by its stamp; at the end all is free again.
 */
#define _GNU_SOURCE
#include "page_alloc/machine.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <quire/compaction.h>
#include <quire/contig.h>
#include <quire/mobility.h>

#include "mobility/mobility.h"

#define FRAMES (NODE1_START + ZONE_PAGES)
#define ALL_FRAMES (3 * ZONE_PAGES)
#define THREADS 4u
#define ROUNDS 3000u
#define LIVE 12000u			/* blocks a thread that churns holds */

static _Thread_local unsigned my_cpu;
static unsigned thread_cpu(void *ctx, unsigned long *state) { (void)ctx; (void)state; return my_cpu; }
static void wait_a_moment(void *ctx) { (void)ctx; sched_yield(); }
static void barrier(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

/* The owner's table. */
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static uint32_t slot_of[FRAMES];	/* at heads: slot + 1 */
static uint64_t slots[2 * LIVE];	/* pfn << 5 | order, 0: empty */
static uint8_t stamps[FRAMES];
static unsigned wrong, outcomes[QUIRE_STATUSES];
static uint64_t moves;

static void stamp(quire_pfn_t pfn, uint64_t count, uint8_t from, uint8_t to)
{
	for (quire_pfn_t at = pfn; at < pfn + count; at++)
		if (__atomic_exchange_n(&stamps[at], to, __ATOMIC_RELAXED) != from)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	uint32_t slot;

	(void)ctx;
	pthread_mutex_lock(&table);
	for (unsigned order = 0; order < 10; order++) {
		quire_pfn_t head = qi_align_down(pfn, 1ull << order);

		slot = slot_of[head];
		if (!slot || (slots[slot - 1] & 31) < order)
			continue;
		*held = (struct quire_held){ .pfn = head, .order = (unsigned)(slots[slot - 1] & 31), .movable = true };
		pthread_mutex_unlock(&table);
		return true;
	}
	pthread_mutex_unlock(&table);
	return false;
}

static void migrate(void *ctx, struct quire_move *list, unsigned n, enum quire_migrate_mode mode)
{
	(void)ctx;
	(void)mode;
	pthread_mutex_lock(&table);
	for (unsigned i = 0; i < n; i++) {
		uint32_t slot = slot_of[list[i].from];

		list[i].status = QUIRE_ENOENT;
		if (!slot || slots[slot - 1] != (list[i].from << 5 | list[i].order))
			continue;
		stamp(list[i].to, 1ull << list[i].order, 0, 1);
		stamp(list[i].from, 1ull << list[i].order, 1, 0);
		slot_of[list[i].from] = 0;
		slot_of[list[i].to] = slot;
		slots[slot - 1] = list[i].to << 5 | list[i].order;
		list[i].status = QUIRE_OK;
		moves++;
	}
	pthread_mutex_unlock(&table);
}

static void fill_slot(struct quire *q, unsigned slot, unsigned order)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames(q, QUIRE_NO_NODE, order, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return;
	pthread_mutex_lock(&table);
	stamp(pfn, 1ull << order, 0, 1);
	slots[slot] = pfn << 5 | order;
	slot_of[pfn] = slot + 1;
	pthread_mutex_unlock(&table);
}

static void empty_slot(struct quire *q, unsigned slot)
{
	uint64_t block;

	pthread_mutex_lock(&table);
	block = slots[slot];
	if (block) {
		stamp(block >> 5, 1ull << (block & 31), 1, 0);
		slot_of[block >> 5] = 0;
		slots[slot] = 0;
	}
	pthread_mutex_unlock(&table);
	if (block && quire_free_frames(q, block >> 5, block & 31) != QUIRE_OK)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static uint32_t next(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

/* With `count` frames behind it that are all memory. */
static quire_pfn_t random_frame(uint32_t *random, uint64_t count)
{
	return (next(random) % 2 ? NORMAL_START : NODE1_START) + next(random) % (ZONE_PAGES - count);
}

static void churn(struct quire *q, unsigned cpu, uint32_t *random)
{
	for (unsigned i = 0; i < 40; i++) {
		unsigned slot = cpu * LIVE + next(random) % LIVE;

		empty_slot(q, slot);
		fill_slot(q, slot, next(random) % 8 ? 0 : next(random) % 6);
	}
}

static void want_range(struct quire *q, uint32_t *random)
{
	uint64_t count = 1 + next(random) % 2000;
	quire_pfn_t pfn = random_frame(random, count);
	bool anywhere = next(random) % 4 == 0;
	enum quire_status status = anywhere ?
		quire_alloc_contig(q, QUIRE_NO_NODE, count, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn, NULL) :
		quire_alloc_range(q, pfn, count, QUIRE_GFP_KERNEL, NULL);

	__atomic_fetch_add(&outcomes[status], 1, __ATOMIC_RELAXED);
	if (status != QUIRE_OK)
		return;
	stamp(pfn, count, 0, 2);
	stamp(pfn, count, 2, 0);
	if (quire_free_range(q, pfn, count) != QUIRE_OK)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void look(struct quire *q, uint32_t *random)
{
	uint64_t count = 1 + next(random) % 4000;
	quire_pfn_t pfn = random_frame(random, count);
	struct quire_survey s;

	if (quire_survey_range(q, pfn, count, &s) != QUIRE_OK || s.absent)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

/* A large block, which compaction may have to make. */
static void want_block(struct quire *q, uint32_t *random)
{
	unsigned order = 5 + next(random) % 6;
	quire_pfn_t pfn;

	if (quire_alloc_frames(q, QUIRE_NO_NODE, order, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK) {
		stamp(pfn, 1ull << order, 0, 2);
		stamp(pfn, 1ull << order, 2, 0);
		if (quire_free_frames(q, pfn, order) != QUIRE_OK)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	quire_compaction_tick(q, QUIRE_NO_NODE);
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
	for (unsigned i = 0; job->cpu < 2 && i < LIVE; i++)
		fill_slot(job->q, job->cpu * LIVE + i, 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (job->cpu < 2)
			churn(job->q, job->cpu, &random);
		else if (round % 8 == 0)
			want_range(job->q, &random);
		else if (round % 16 == 1)
			look(job->q, &random);
		else if (round % 16 == 2)
			want_block(job->q, &random);
		else if (round % 256 == 3)
			quire_compact_node(job->q, (int)(next(&random) % 2));
	}
	return NULL;
}

/* All frames taken once and given back: what the trees need of the test's metadata they have then. */
static void touch_everything(struct quire *q)
{
	quire_gfp_t all = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOWARN;
	quire_pfn_t pfn;

	while (quire_alloc_frames(q, 0, 0, all, &pfn) == QUIRE_OK)
		stamp(pfn, 1, 0, 1);
	for (pfn = 0; pfn < FRAMES; pfn++)
		if (stamps[pfn]) {
			stamp(pfn, 1, 1, 0);
			assert_int_equal(quire_free_frames(q, pfn, 0), QUIRE_OK);
		}
}

static void storm(void **state)
{
	struct machine *m = *state;
	struct quire_owner owner = { .name = "threads", .holds = holds, .migrate = migrate };
	struct job jobs[THREADS];
	pthread_t threads[THREADS];

	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	platform.cpu_enter = thread_cpu;
	platform.barrier_all = barrier;
	platform.wait = wait_a_moment;
	touch_everything(&m->q);
	assert_int_equal(quire_register_owner(&m->q, &owner), QUIRE_OK);
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ &m->q, i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 2 * LIVE; i++)
		empty_slot(&m->q, i);
	assert_int_equal(wrong, 0);
	assert_int_equal(quire_unregister_owner(&m->q, &owner), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (int nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (m->nodes[nid].zones[type].tree)
				assert_int_equal(m->nodes[nid].zones[type].tree->free_pages, ZONE_PAGES);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
	/* Nobody pins anything: ranges are to be had, but where two want the same, or something is on its way for long. */
	assert_true(outcomes[QUIRE_OK] > 3 * (outcomes[QUIRE_EBUSY] + outcomes[QUIRE_ENOMEM]));
	assert_int_equal(outcomes[QUIRE_ENOENT] + outcomes[QUIRE_EINVAL], 0);
	assert_true(moves > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(storm, open_machine, close_machine) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
