/*
 * CMA areas under random use. Alone: what a request gets is the first place a naive search finds, and it fails only where
 * that finds none. With threads: nobody has a frame that somebody else has.
 */
#include "booted.h"

#include <pthread.h>

#define AREAS 2u

static void declare(struct booted *b)
{
	const struct quire_cma_request plain = { .size = 16 * MIB, .base = 128 * MIB, .fixed = true, .nid = QUIRE_NO_NODE };
	const struct quire_cma_request pieces = { .size = 24 * MIB, .base = 160 * MIB, .most_ranges = 4,
						  .nid = QUIRE_NO_NODE, .order_per_bit = 2, .name = "pieces" };

	for (quire_phys_t at = 168 * MIB; at < 256 * MIB; at += 12 * MIB)
		assert_int_equal(quire_memblock_reserve(&b->q.memblock, at, 4096), QUIRE_OK);
	assert_int_equal(quire_cma_declare(&b->q, &plain, NULL), QUIRE_OK);
	assert_int_equal(quire_cma_declare(&b->q, &pieces, NULL), QUIRE_OK);
	assert_true(b->q.cma[1].range_count > 1);
}

struct grant {
	const struct quire_cma_area *area;
	quire_pfn_t pfn;
	uint64_t count;
};

struct model {
	struct booted *b;
	struct keeper *k;
	uint8_t *driver;		/* by frame: a driver has it, or its granule */
	struct grant grants[200];
	unsigned n;
};

static uint64_t rounded(const struct quire_cma_area *area, uint64_t count)
{
	uint64_t granule = 1ull << area->order_per_bit;

	return (count + granule - 1) / granule * granule;
}

/* May a request have these frames? Pins last, all else can be moved. */
static bool feasible(const struct model *m, quire_pfn_t pfn, uint64_t count, uint64_t whole)
{
	for (quire_pfn_t at = pfn; at < pfn + whole; at++)
		if (m->driver[at])
			return false;
	for (quire_pfn_t at = pfn; at < pfn + count; at++)
		if (m->k->head[at] != KEEPER_NONE && m->k->pinned[m->k->head[at]])
			return false;
	return true;
}

static quire_pfn_t first_place(const struct model *m, const struct quire_cma_area *area, uint64_t count, unsigned align)
{
	uint64_t whole = rounded(area, count), step = 1ull << area->order_per_bit;

	for (unsigned i = 0; i < area->range_count; i++) {
		const struct quire_cma_range *r = &area->ranges[i];

		for (quire_pfn_t at = r->base_pfn; at + whole <= r->base_pfn + r->count; at += step)
			if (!(at & ((1ull << align) - 1)) && feasible(m, at, count, whole))
				return at;
	}
	return KEEPER_NONE;
}

static void step_alloc(struct model *m, uint64_t r)
{
	const struct quire_cma_area *area = &m->b->q.cma[r % AREAS];
	uint64_t count = 1 + (r >> 8) % ((r >> 40) % 4 ? 60 : 1500);
	unsigned align = (unsigned)(r >> 32) % 8;
	quire_pfn_t expected = first_place(m, area, count, align), pfn = 0;
	enum quire_status status;

	if (m->n == 200)
		return;
	status = quire_cma_alloc(&m->b->q, area, count, align, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn, NULL);
	assert_int_equal(status == QUIRE_OK, expected != KEEPER_NONE);
	if (status != QUIRE_OK)
		return;
	assert_int_equal(pfn, expected);
	for (quire_pfn_t at = pfn; at < pfn + count; at++)
		assert_true(m->k->head[at] == KEEPER_NONE);
	memset(m->driver + pfn, 1, rounded(area, count));
	m->grants[m->n++] = (struct grant){ area, pfn, count };
}

static void step_release(struct model *m, uint64_t r)
{
	struct grant *g;

	if (!m->n)
		return;
	g = &m->grants[(r >> 8) % m->n];
	assert_int_equal(quire_cma_release(&m->b->q, g->area, g->pfn, g->count), QUIRE_OK);
	memset(m->driver + g->pfn, 0, rounded(g->area, g->count));
	*g = m->grants[--m->n];
}

static void step_movable(struct model *m, uint64_t r)
{
	quire_pfn_t pfn = (r >> 20) % m->b->end;

	if (r & 1) {
		pfn = keeper_take(m->k, (unsigned)(r >> 8) % 5, QUIRE_GFP_HIGHUSER_MOVABLE);
		if (pfn != KEEPER_NONE)
			m->k->pinned[pfn] = (r >> 50) % 40 == 0;
		return;
	}
	while (pfn < m->b->end && m->k->head[pfn] != pfn)
		pfn++;
	if (pfn < m->b->end)
		keeper_give(m->k, pfn);
}

static void random_steps(void **state)
{
	const struct booted_options options = { .before_zones = declare, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);
	struct model *m = calloc(1, sizeof(*m));
	uint64_t seed = 2463534242u, before = booted_free(b), used = 0;

	(void)state;
	*m = (struct model){ .b = b, .k = keeper_open(b), .driver = calloc(b->end, 1) };
	/* Enough movable memory that areas are in use too, and room for what moves. */
	while (m->k->held < 52000)
		assert_true(keeper_take(m->k, booted_random(&seed) % 4, QUIRE_GFP_HIGHUSER_MOVABLE) != KEEPER_NONE);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t r = booted_random(&seed);

		if (r >> 60 < 5)
			step_alloc(m, r);
		else if (r >> 60 < 9)
			step_release(m, r);
		else
			for (unsigned k = 0; k < 8; k++)
				step_movable(m, booted_random(&seed));
		if (i % 50)
			continue;
		used = 0;
		for (unsigned k = 0; k < m->n; k++)
			used += m->grants[k].count;
		assert_int_equal(booted_free(b), before - used - m->k->held);
		booted_check(b);
	}
	while (m->n)
		step_release(m, 0);
	for (unsigned i = 0; i < AREAS; i++) {
		struct quire_cma_stats stats;

		quire_cma_stats(&b->q, &b->q.cma[i], &stats);
		assert_int_equal(stats.used, 0);
		assert_true(stats.counters.moved > 100 && stats.counters.passed_over > 5);
	}
	keeper_close(m->k);
	free(m->driver);
	free(m);
	booted_close(b);
}

/* --- threads ---------------------------------------------------------------------------------------------------------- */

/* Who has a frame: 0 nobody. Under the lock, which is what the keeper's owner takes too. */
struct shared {
	struct booted *b;
	struct keeper *k;
	struct quire_owner owner;
	uint8_t *holder;
	pthread_mutex_t lock;
	uint64_t granted;
};

struct worker {
	struct shared *s;
	unsigned cpu;
	pthread_t thread;
};

static bool shared_holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	struct shared *s = ctx;
	bool holds;

	pthread_mutex_lock(&s->lock);
	holds = keeper_holds(s->k, pfn, held);
	pthread_mutex_unlock(&s->lock);
	return holds;
}

static void shared_migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct shared *s = ctx;

	pthread_mutex_lock(&s->lock);
	keeper_migrate(s->k, moves, n, mode);
	pthread_mutex_unlock(&s->lock);
}

static void mark(struct shared *s, quire_pfn_t pfn, uint64_t count, uint8_t from, uint8_t to)
{
	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		assert_int_equal(s->holder[at], from);
		s->holder[at] = to;
	}
}

static void *drive(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->s;
	uint64_t seed = 1299709 * (w->cpu + 1);

	quire_hosted_bind_cpu(w->cpu);
	for (unsigned i = 0; i < 150; i++) {
		uint64_t r = booted_random(&seed), count = 1 + (r >> 8) % 900;
		const struct quire_cma_area *area = &s->b->q.cma[r % AREAS];
		quire_pfn_t pfn;

		if (quire_cma_alloc(&s->b->q, area, count, (r >> 32) % 8, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn, NULL))
			continue;
		pthread_mutex_lock(&s->lock);
		mark(s, pfn, count, 0, (uint8_t)(w->cpu + 1));
		for (quire_pfn_t at = pfn; at < pfn + count; at++)
			assert_true(s->k->head[at] == KEEPER_NONE);
		s->granted++;
		mark(s, pfn, count, (uint8_t)(w->cpu + 1), 0);
		pthread_mutex_unlock(&s->lock);
		assert_int_equal(quire_cma_release(&s->b->q, area, pfn, count), QUIRE_OK);
	}
	return NULL;
}

static void *churn(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->s;
	uint64_t seed = 15485863 * (w->cpu + 1);

	quire_hosted_bind_cpu(w->cpu);
	for (unsigned i = 0; i < 15000; i++) {
		uint64_t r = booted_random(&seed);
		quire_pfn_t pfn = (r >> 16) % s->b->end;
		unsigned order = (unsigned)(r >> 8) % 4;

		if (r & 1) {
			if (quire_alloc_frames(&s->b->q, 0, order, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NOWARN, &pfn))
				continue;
			pthread_mutex_lock(&s->lock);
			keeper_note(s->k, pfn, order);
			for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++)
				assert_int_equal(s->holder[at], 0);
			pthread_mutex_unlock(&s->lock);
			continue;
		}
		pthread_mutex_lock(&s->lock);
		for (unsigned k = 0; k < 2000 && pfn < s->b->end && s->k->head[pfn] != pfn; k++)
			pfn++;
		if (pfn < s->b->end && s->k->head[pfn] == pfn) {
			order = s->k->order[pfn];
			keeper_forget(s->k, pfn);
		} else {
			pfn = KEEPER_NONE;
		}
		pthread_mutex_unlock(&s->lock);
		if (pfn != KEEPER_NONE)
			assert_int_equal(quire_free_frames(&s->b->q, pfn, order), QUIRE_OK);
	}
	return NULL;
}

static void drivers_and_others(void **state)
{
	const struct booted_options options = { .before_zones = declare, .cpus = 4,
						.hosted = QUIRE_HOSTED_OUTSIDE_METADATA };
	struct booted *b = booted_open(&options);
	struct shared s = { .b = b, .k = keeper_open(b), .holder = calloc(b->end, 1), .lock = PTHREAD_MUTEX_INITIALIZER };
	uint64_t before = booted_free(b), seed = 42;
	struct worker workers[4];
	struct quire_cma_stats stats;

	(void)state;
	s.owner = (struct quire_owner){ .name = "shared", .holds = shared_holds, .migrate = shared_migrate, .ctx = &s };
	assert_int_equal(quire_unregister_owner(&b->q, &s.k->owner), QUIRE_OK);
	assert_int_equal(quire_register_owner(&b->q, &s.owner), QUIRE_OK);
	while (s.k->held < 40000)
		assert_true(keeper_take(s.k, (unsigned)booted_random(&seed) % 4, QUIRE_GFP_HIGHUSER_MOVABLE) != KEEPER_NONE);
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .s = &s, .cpu = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, i & 1 ? churn : drive, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(workers[i].thread, NULL);
	quire_hosted_bind_cpu(0);
	assert_true(s.granted > 50);
	assert_int_equal(booted_free(b), before - s.k->held);
	for (unsigned i = 0; i < AREAS; i++) {
		quire_cma_stats(&b->q, &b->q.cma[i], &stats);
		assert_int_equal(stats.used, 0);
	}
	assert_int_equal(quire_unregister_owner(&b->q, &s.owner), QUIRE_OK);
	assert_int_equal(quire_register_owner(&b->q, &s.k->owner), QUIRE_OK);
	keeper_close(s.k);
	free(s.holder);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
		cmocka_unit_test(drivers_and_others),
	};

	return cmocka_run_group_tests_name("cma model", tests, NULL, NULL);
}
