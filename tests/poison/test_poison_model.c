/*
 * Frames fail while others allocate and free. Against a naive machine, one entry a frame, after every step; then with
 * threads: nobody ever holds a frame that is out, and in the end nothing is missing.
 */
#include "booted.h"

#include <pthread.h>
#include <sched.h>

#include "poison/poison.h"

#define BLOCKS 4000u

enum state { SOUND, OUT, PENDING };

struct model {
	struct booted *b;
	struct keeper *k;
	uint8_t *state;
	uint64_t free, out, pending;	/* frames */
	quire_pfn_t block[BLOCKS];
	unsigned blocks;
};

static void expect(struct model *m, bool thorough)
{
	struct quire_poison_counts counts;

	quire_poison_count(&m->b->q, 0, UINT64_MAX, &counts);
	assert_int_equal(counts.out, m->out);
	assert_int_equal(counts.pending, m->pending);
	assert_int_equal(counts.foreign, 0);
	if (!thorough)
		return;
	assert_int_equal(booted_free(m->b), m->free);
	booted_check(m->b);
}

static void step_take(struct model *m, uint64_t r)
{
	unsigned order = r % 8 ? (unsigned)(r >> 8) % 4 : (unsigned)(r >> 8) % 12;
	quire_pfn_t pfn;

	if (m->blocks == BLOCKS)
		return;
	pfn = keeper_take(m->k, order, QUIRE_GFP_HIGHUSER_MOVABLE);
	if (pfn == KEEPER_NONE)
		return;
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++)
		assert_int_equal(m->state[at], SOUND);
	m->block[m->blocks++] = pfn;
	m->free -= 1ull << order;
}

/* The model's part of a block that is given back: what was pending is out. */
static void note_given(struct model *m, quire_pfn_t pfn, unsigned order)
{
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		if (m->state[at] == PENDING) {
			m->state[at] = OUT;
			m->pending--;
			m->out++;
		} else {
			m->free++;
		}
	}
}

static void forget_block(struct model *m, quire_pfn_t pfn)
{
	for (unsigned i = 0; i < m->blocks; i++)
		if (m->block[i] == pfn)
			m->block[i] = m->block[--m->blocks];
}

static void step_give(struct model *m, uint64_t r)
{
	quire_pfn_t pfn;

	if (!m->blocks)
		return;
	pfn = m->block[r % m->blocks];
	note_given(m, pfn, m->k->order[pfn]);
	forget_block(m, pfn);
	keeper_give(m->k, pfn);
}

static void step_fail(struct model *m, uint64_t r)
{
	quire_pfn_t pfn = (r >> 8) % (m->b->end - 256) + 256, head = m->k->head[pfn];
	enum quire_status status, expected = QUIRE_OK;
	unsigned order = head == KEEPER_NONE ? 0 : m->k->order[head];
	bool cut = false;

	if (m->state[pfn] != SOUND) {
		expected = QUIRE_EEXIST;
	} else if (head != KEEPER_NONE) {
		/* The owner is only asked while all of the block is in order. */
		for (quire_pfn_t at = head; at < head + (1ull << order); at++)
			cut |= m->state[at] == PENDING;
		m->k->failing_status = r & 1 ? QUIRE_OK : QUIRE_EBUSY;
		expected = cut || !(r & 1) ? QUIRE_EBUSY : QUIRE_OK;
	}
	status = quire_poison_frame(&m->b->q, pfn, QUIRE_POISON_TEST, NULL);
	assert_int_equal(status, expected);
	if (status == QUIRE_EBUSY) {
		m->state[pfn] = PENDING;
		m->pending++;
	} else if (status == QUIRE_OK && head == KEEPER_NONE) {
		m->state[pfn] = OUT;
		m->out++;
		m->free--;
	} else if (status == QUIRE_OK) {
		m->state[pfn] = PENDING;
		m->pending++;
		note_given(m, head, order);
		forget_block(m, head);
	}
}

static void step_recover(struct model *m, uint64_t r)
{
	quire_pfn_t cursor = (r >> 8) % m->b->end, pfn;
	static const enum quire_status expected[] = { QUIRE_ENOENT, QUIRE_OK, QUIRE_EBUSY };

	if (!quire_poison_next(&m->b->q, &cursor, &pfn))
		return;
	assert_true(m->state[pfn] != SOUND);
	assert_int_equal(quire_unpoison_frame(&m->b->q, pfn), expected[m->state[pfn]]);
	if (m->state[pfn] == OUT) {
		m->state[pfn] = SOUND;
		m->out--;
		m->free++;
	}
}

static void random_steps(void **state)
{
	const struct booted_options options = { .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);
	struct model *m = calloc(1, sizeof(*m));
	uint64_t seed = 521288629;

	(void)state;
	*m = (struct model){ .b = b, .k = keeper_open(b), .state = calloc(b->end, 1), .free = booted_free(b) };
	for (unsigned i = 0; i < 6000; i++) {
		uint64_t r = booted_random(&seed), what = (r >> 50) % 16;

		if (what < 6)
			step_take(m, r);
		else if (what < 10)
			step_give(m, r);
		else if (what < 14)
			step_fail(m, r);
		else
			step_recover(m, r);
		expect(m, i % 200 == 0);
	}
	assert_true(m->out > 30);
	while (m->blocks)
		step_give(m, 0);
	expect(m, true);
	while (m->out)
		step_recover(m, 0);
	expect(m, true);
	keeper_close(m->k);
	free(m->state);
	free(m);
	booted_close(b);
}

/* --- threads ---------------------------------------------------------------------------------------------------------- */

struct storm {
	struct booted *b;
	uint8_t *out;			/* by frame: surely out now */
	quire_pfn_t hint[3];		/* what each thread took last */
	bool stop;
};

struct worker {
	struct storm *storm;
	unsigned cpu;
	pthread_t thread;
};

static void *allocate_and_free(void *arg)
{
	static const unsigned orders[] = { 0, 0, 0, 1, 2, 3, 5, 9 };
	struct worker *w = arg;
	quire_pfn_t held[64];
	uint8_t order[64];
	unsigned n = 0;
	uint64_t seed = 7919 * (w->cpu + 1);

	quire_hosted_bind_cpu(w->cpu);
	while (!__atomic_load_n(&w->storm->stop, __ATOMIC_ACQUIRE)) {
		uint64_t r = booted_random(&seed);

		if (n < 64 && r & 1) {
			unsigned wanted = orders[(r >> 8) % 8];

			if (quire_alloc_frames(&w->storm->b->q, 0, wanted, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &held[n]))
				continue;
			__atomic_store_n(&w->storm->hint[w->cpu], held[n] + (r >> 16) % (1u << wanted), __ATOMIC_RELAXED);
			for (quire_pfn_t at = held[n]; at < held[n] + (1ull << wanted); at++)
				assert_int_equal(__atomic_load_n(&w->storm->out[at], __ATOMIC_ACQUIRE), 0);
			order[n++] = (uint8_t)wanted;
		} else if (n) {
			unsigned which = (unsigned)(r >> 8) % n;

			assert_int_equal(quire_free_frames(&w->storm->b->q, held[which], order[which]), QUIRE_OK);
			held[which] = held[--n];
			order[which] = order[n];
		}
	}
	while (n--)
		assert_int_equal(quire_free_frames(&w->storm->b->q, held[n], order[n]), QUIRE_OK);
	return NULL;
}

static void frames_fail_in_a_storm(void **state)
{
	const struct booted_options options = { .cpus = 4, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);
	struct storm storm = { .b = b, .out = calloc(b->end, 1) };
	uint64_t before = booted_free(b), seed = 1234567, recovered = 0, busy = 0;
	struct worker workers[3];
	quire_pfn_t cursor = 0, pfn;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		workers[i] = (struct worker){ .storm = &storm, .cpu = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, allocate_and_free, &workers[i]), 0);
	}
	quire_hosted_bind_cpu(3);
	/* The threads may take their time to begin. */
	for (unsigned i = 0; i < 600 || (busy < 60 && i < 1000000); i++) {
		quire_pfn_t hint = __atomic_exchange_n(&storm.hint[i % 3], 0, __ATOMIC_RELAXED);
		enum quire_status status;

		/* Where the threads are at work, or anywhere. */
		if ((i & 1 || i >= 600) && !hint) {
			sched_yield();
			continue;
		}
		pfn = i & 1 || i >= 600 ? hint : 4096 + booted_random(&seed) % (b->end - 4096);
		if (storm.out[pfn]) {
			__atomic_store_n(&storm.out[pfn], 0, __ATOMIC_RELEASE);
			assert_int_equal(quire_unpoison_frame(&b->q, pfn), QUIRE_OK);
			continue;
		}
		status = quire_poison_frame(&b->q, pfn, QUIRE_POISON_TEST, NULL);
		assert_true(status == QUIRE_OK || status == QUIRE_EBUSY || status == QUIRE_EEXIST);
		if (status == QUIRE_OK)
			__atomic_store_n(&storm.out[pfn], 1, __ATOMIC_RELEASE);
		recovered += status == QUIRE_OK;
		busy += status == QUIRE_EBUSY;
	}
	__atomic_store_n(&storm.stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(workers[i].thread, NULL);
	assert_int_equal(quire_drain_frames(&b->q), QUIRE_OK);
	booted_check(b);
	assert_true(recovered > 20);
	while (quire_poison_next(&b->q, &cursor, &pfn))
		assert_int_equal(quire_unpoison_frame(&b->q, pfn), QUIRE_OK);
	assert_int_equal(booted_free(b), before);
	assert_true(busy >= 60);
	quire_hosted_bind_cpu(0);
	free(storm.out);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
		cmocka_unit_test(frames_fail_in_a_storm),
	};

	return cmocka_run_group_tests_name("poison model", tests, NULL, NULL);
}
