/*
 * Per-CPU fronts: nothing is handed out twice or lost, by one CPU and by several threads that drain each other;
 * bounds on what is kept; late refusals. Threads stand for CPUs; the barrier is membarrier(2).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree_fixture.h"

#include "zone/front.h"
#include "zone/front_bulk.h"

#define THREADS 4u
#define MEMBARRIER_PRIVATE_EXPEDITED 8
#define MEMBARRIER_REGISTER_PRIVATE_EXPEDITED 16

static bool have_barrier;

static void barrier_all(void *ctx)
{
	(void)ctx;
	if (have_barrier && syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0))
		abort();
}

static unsigned logged;

static void count_lines(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	(void)ctx; (void)level; (void)text; (void)len;
	logged++;
}

static const struct quire_platform platform = { .log = count_lines, .barrier_all = barrier_all };

struct rig {
	struct qi_zone zone;
	struct fixture f;
	struct qi_front *fronts;
	uint8_t *owner;			/* per frame, set atomically by who holds it */
	uint64_t frames;
};

static void *rig_alloc(void *ctx, size_t bytes) { return fixture_alloc(ctx, bytes); }
static void rig_free(void *ctx, void *memory, size_t bytes) { fixture_free(ctx, memory, bytes); }
static const struct qi_tree_hooks hooks = { .meta_alloc = rig_alloc, .meta_free = rig_free };

static void rig_open(struct rig *r, uint64_t frames, unsigned cpus)
{
	struct qi_tree_config config;

	memset(r, 0, sizeof(*r));
	config = fixture_config(&r->f, 0, frames);
	config.hooks = &hooks;
	r->frames = frames;
	r->zone.platform = &platform;
	assert_int_equal(qi_tree_init(&r->zone.tree, &config), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&r->zone.tree, 0, frames), QUIRE_OK);
	r->fronts = aligned_alloc(64, qi_fronts_bytes(cpus));
	memset(r->fronts, 0, qi_fronts_bytes(cpus));
	qi_fronts_init(&r->zone, r->fronts, cpus);
	qi_fronts_tune(&r->zone, frames);
	r->owner = calloc(frames, 1);
	logged = 0;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(qi_front_drain_all(&r->zone), QUIRE_OK);
	assert_int_equal(qi_tree_free_pages(&r->zone.tree), r->frames);
	assert_int_equal(r->zone.bad_frees, 0);
	check(&r->zone.tree);
	qi_tree_destroy(&r->zone.tree);
	assert_int_equal(r->f.meta_now, 0);
	free(r->fronts);
	free(r->owner);
}

static uint64_t rnd(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x2545f4914f6cdd1dull >> 16;
}

static void claim(struct rig *r, quire_pfn_t pfn, unsigned order)
{
	if ((pfn & ((1ull << order) - 1)) || pfn + (1ull << order) > r->frames)
		abort();
	for (uint64_t i = 0; i < 1ull << order; i++)
		if (__atomic_exchange_n(&r->owner[pfn + i], 1, __ATOMIC_RELAXED))
			abort();
}

static void yield_block(struct rig *r, quire_pfn_t pfn, unsigned order)
{
	for (uint64_t i = 0; i < 1ull << order; i++)
		__atomic_store_n(&r->owner[pfn + i], 0, __ATOMIC_RELAXED);
}

struct block { quire_pfn_t pfn; unsigned order; };

#define MANY 150u

/* Many at once, orders that are kept in words and others; then many of one order back, some of them neighbours. */
static size_t take_many(struct rig *r, unsigned cpu, uint64_t *seed, struct block *live, size_t room)
{
	static const unsigned orders[] = { 0, 0, 0, 1, 9 };
	struct qi_request request = { .order = orders[rnd(seed) % 5], .type = (unsigned)(rnd(seed) % 3) };
	quire_pfn_t pfns[MANY];
	size_t n = qi_front_alloc_many(&r->zone, cpu, &request, rnd(seed) % MANY % (room + 1), pfns);

	for (size_t i = 0; i < n; i++) {
		claim(r, pfns[i], request.order);
		live[i] = (struct block){ pfns[i], request.order };
	}
	return n;
}

static size_t give_many(struct rig *r, unsigned cpu, uint64_t *seed, struct block *live, size_t count)
{
	size_t k = rnd(seed) % count, n = 0, done;
	unsigned order = live[k].order;
	quire_pfn_t pfns[MANY];

	while (k < count && n < MANY)
		if (live[k].order == order) {
			pfns[n++] = live[k].pfn;
			yield_block(r, live[k].pfn, order);
			memmove(&live[k], &live[k + 1], (--count - k) * sizeof(*live));
		} else {
			k++;
		}
	if (qi_front_free_many(&r->zone, cpu, order, n, pfns, &done) != QUIRE_OK || done != n)
		abort();
	return count;
}

/* One CPU: random requests, its blocks in `live`; every so often it drains itself or everybody. */
static void churn(struct rig *r, unsigned cpu, unsigned cpus, unsigned ops, uint64_t seed)
{
	size_t cap = r->frames / cpus / 2 + 1, count = 0;
	struct block *live = malloc(cap * sizeof(*live));

	for (unsigned i = 0; i < ops; i++) {
		uint64_t what = rnd(&seed) % 1000;

		if (what < 2) {
			qi_front_drain(&r->zone, cpu);
		} else if (what < 3) {
			qi_front_drain_all(&r->zone);
		} else if (what < 13 && count < cap) {
			count += take_many(r, cpu, &seed, live + count, cap - count);
		} else if (what < 23 && count) {
			count = give_many(r, cpu, &seed, live, count);
		} else if (count < cap && what % 2) {
			struct qi_request request = { .order = (unsigned)__builtin_ctzll(rnd(&seed) | 1u << 10),
						      .type = (unsigned)(rnd(&seed) % 3) };
			quire_pfn_t pfn;

			if (qi_front_alloc(&r->zone, cpu, &request, &pfn) != QUIRE_OK)
				continue;
			claim(r, pfn, request.order);
			live[count++] = (struct block){ pfn, request.order };
		} else if (count) {
			size_t k = rnd(&seed) % count;

			yield_block(r, live[k].pfn, live[k].order);
			if (qi_front_free(&r->zone, cpu, live[k].pfn, live[k].order) != QUIRE_OK)
				abort();
			live[k] = live[--count];
		}
	}
	while (count--) {
		yield_block(r, live[count].pfn, live[count].order);
		if (qi_front_free(&r->zone, cpu, live[count].pfn, live[count].order) != QUIRE_OK)
			abort();
	}
	free(live);
}

static void one_cpu(void **state)
{
	static const uint64_t sizes[] = { 300, 5000, 40000, 300000 };
	struct rig r;

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		rig_open(&r, sizes[i], 1);
		churn(&r, 0, 1, 300000, 77 + i);
		rig_close(&r);
	}
}

struct thread { struct rig *r; unsigned cpu; pthread_t id; };

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	churn(t->r, t->cpu, THREADS, 100000, 1000 + t->cpu);
	return NULL;
}

/* Small memory, so that threads run dry and drain each other all the time. */
static void threads_drain_each_other(void **state)
{
	static const uint64_t sizes[] = { 4000, 60000 };
	struct thread threads[THREADS];
	struct rig r;

	(void)state;
	if (!have_barrier)
		skip();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		rig_open(&r, sizes[i], THREADS);
		for (unsigned cpu = 0; cpu < THREADS; cpu++) {
			threads[cpu] = (struct thread){ .r = &r, .cpu = cpu };
			assert_int_equal(pthread_create(&threads[cpu].id, NULL, thread_main, &threads[cpu]), 0);
		}
		for (unsigned cpu = 0; cpu < THREADS; cpu++)
			pthread_join(threads[cpu].id, NULL);
		rig_close(&r);
	}
}

/* Frames of CPU 0 come out of CPU 1's front when CPU 2 needs them; not without a barrier. */
static void the_last_frame_is_found(void **state)
{
	static const struct quire_platform no_barrier = { .log = count_lines };
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	struct rig r;
	quire_pfn_t pfn, first = 0;

	(void)state;
	rig_open(&r, 30000, 3);
	for (uint64_t i = 0; i < r.frames; i++)
		assert_int_equal(qi_front_alloc(&r.zone, 0, &one, i ? &pfn : &first), QUIRE_OK);
	assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn), QUIRE_ENOMEM);
	assert_int_equal(qi_front_free(&r.zone, 1, first, 0), QUIRE_OK);
	assert_int_equal(qi_front_held(&r.zone, 1), 1);
	r.zone.platform = &no_barrier;
	assert_int_equal(qi_front_alloc(&r.zone, 2, &one, &pfn), QUIRE_ENOMEM);
	r.zone.platform = &platform;
	assert_int_equal(qi_front_alloc(&r.zone, 2, &one, &pfn), QUIRE_OK);
	assert_int_equal(pfn, first);
	for (uint64_t i = 0; i < r.frames; i++)
		assert_int_equal(qi_front_free(&r.zone, (unsigned)(i % 3), i, 0), QUIRE_OK);
	rig_close(&r);
}

/* Together the fronts keep at most an eighth of the zone's order-0 and order-9 blocks, whatever is freed where. */
static void what_is_kept_is_bounded(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_UNMOVABLE };
	struct rig r;
	quire_pfn_t pfn;
	uint64_t held = 0;

	(void)state;
	rig_open(&r, 1 << 18, 2);
	for (uint64_t i = 0; i < r.frames; i++)
		assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn), QUIRE_OK);
	for (uint64_t i = 0; i < r.frames; i++)
		assert_int_equal(qi_front_free(&r.zone, (unsigned)(i / 64 % 2), i, 0), QUIRE_OK);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		held += qi_front_held(&r.zone, cpu);
	assert_true(held <= r.frames / 8);
	assert_int_equal(held + qi_tree_free_pages(&r.zone.tree), r.frames);
	r.zone.platform = &(const struct quire_platform){ .barrier_all = barrier_all };
	rig_close(&r);
}

/* Freed twice with much in between: at once if the front has it, else when the front gives it back. */
static void double_frees_are_refused(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	struct rig r;
	quire_pfn_t pfn[200];

	(void)state;
	rig_open(&r, 1 << 18, 1);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn[i]), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 0, pfn[0], 0), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 0, pfn[100], 0), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 0, pfn[0], 0), QUIRE_EEXIST);
	qi_front_drain(&r.zone, 0);
	assert_int_equal(qi_front_free(&r.zone, 0, pfn[0], 0), QUIRE_EEXIST);
	assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn[0]), QUIRE_OK);
	for (unsigned i = 0; i < 200; i++)
		if (i != 100)
			assert_int_equal(qi_front_free(&r.zone, 0, pfn[i], 0), QUIRE_OK);
	rig_close(&r);
}

/* Among many: those before the wrong one went, it and those behind it did not. */
static void wrong_ones_among_many(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	quire_pfn_t pfn[128], twice[128];
	struct rig r;
	size_t done;

	(void)state;
	rig_open(&r, 1 << 18, 1);
	assert_int_equal(qi_front_alloc_many(&r.zone, 0, &one, 128, pfn), 128);
	for (unsigned wrong = 1; wrong < 128; wrong += 3) {
		memcpy(twice, pfn, sizeof(twice));
		twice[wrong] = pfn[wrong / 2];
		assert_int_equal(qi_front_free_many(&r.zone, 0, 0, 128, twice, &done), QUIRE_EEXIST);
		assert_int_equal(done, wrong);
		assert_int_equal(qi_front_held(&r.zone, 0) + qi_tree_free_pages(&r.zone.tree), r.frames - 128 + wrong);
		assert_int_equal(qi_front_free_many(&r.zone, 0, 0, 127 - wrong, twice + wrong + 1, &done), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, pfn[wrong], 0), QUIRE_OK);
		qi_front_drain(&r.zone, 0);
		assert_int_equal(qi_front_alloc_many(&r.zone, 0, &one, 128, pfn), 128);
	}
	assert_int_equal(qi_front_free_many(&r.zone, 0, 0, 1, &r.frames, &done), QUIRE_ERANGE);
	assert_int_equal(done, 0);
	assert_int_equal(qi_front_free_many(&r.zone, 0, 0, 0, NULL, &done), QUIRE_OK);
	assert_int_equal(qi_front_free_many(&r.zone, 0, 0, 128, pfn, &done), QUIRE_OK);
	rig_close(&r);
}

/* The block handed out last comes back while another type's is newer, and again: it is in its stack, and nowhere else. */
static void blocks_freed_twice_are_refused(void **state)
{
	struct qi_request movable = { .order = 2, .type = QUIRE_MIGRATE_MOVABLE }, unmovable = { .order = 2 };
	quire_pfn_t a, b, c, first;
	struct rig r;

	(void)state;
	rig_open(&r, 1 << 18, 1);
	for (unsigned round = 0; round < 500; round++) {
		assert_int_equal(qi_front_alloc(&r.zone, 0, &movable, &a), QUIRE_OK);
		assert_int_equal(qi_front_alloc(&r.zone, 0, &unmovable, &b), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, a, 2), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, a, 2), QUIRE_EEXIST);
		assert_int_equal(qi_front_alloc(&r.zone, 0, &movable, &first), QUIRE_OK);
		assert_int_equal(qi_front_alloc(&r.zone, 0, &movable, &c), QUIRE_OK);
		assert_true(first != c);
		assert_int_equal(qi_front_free(&r.zone, 0, b, 2), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, round % 2 ? c : first, 2), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, round % 2 ? first : c, 2), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, c, 2), QUIRE_EEXIST);
	}
	rig_close(&r);
}

/* Two CPUs keep the same frame: the second to give it back is told. */
static void double_frees_by_two_cpus_are_reported(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	struct rig r;
	quire_pfn_t pfn;

	(void)state;
	rig_open(&r, 1 << 18, 2);
	assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 0, pfn, 0), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 1, pfn, 0), QUIRE_OK);
	qi_front_drain(&r.zone, 1);
	assert_int_equal(r.zone.bad_frees, 0);
	qi_front_drain(&r.zone, 0);
	assert_int_equal(r.zone.bad_frees, 1);
	assert_int_equal(r.zone.bad_pfn, pfn);
	assert_int_equal(logged, 1);
	r.zone.bad_frees = 0;
	rig_close(&r);
}

/* The first copy is in the tree already: the second is not handed out. */
static void a_copy_the_tree_has_is_not_handed_out(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	struct rig r;
	quire_pfn_t pfn[65], other;

	(void)state;
	rig_open(&r, 1 << 18, 2);
	for (unsigned i = 0; i < 65; i++)
		assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn[i]), QUIRE_OK);
	/* Something is at hand for CPU 1, so that what it frees now is not looked up at once. */
	assert_int_equal(qi_front_free(&r.zone, 1, pfn[64], 0), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 0, pfn[0], 0), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 1, pfn[0], 0), QUIRE_OK);
	qi_front_drain(&r.zone, 0);
	assert_int_equal(r.zone.bad_frees, 0);
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(qi_front_alloc(&r.zone, 1, &one, &other), QUIRE_OK);
		claim(&r, other, 0);
	}
	assert_int_equal(r.zone.bad_frees, 1);
	assert_int_equal(r.zone.bad_pfn, pfn[0]);
	for (quire_pfn_t at = 0; at < r.frames; at++)
		if (r.owner[at])
			assert_int_equal(qi_front_free(&r.zone, 1, at, 0), QUIRE_OK);
	for (unsigned i = 1; i < 64; i++)
		assert_int_equal(qi_front_free(&r.zone, 0, pfn[i], 0), QUIRE_OK);
	r.zone.bad_frees = 0;
	rig_close(&r);
}

/* Neither copy is: both are handed out, and the last to come back for good is told. */
static void two_owners_are_found_out_at_the_end(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	struct rig r;
	quire_pfn_t pfn, again[2];

	(void)state;
	rig_open(&r, 1 << 18, 2);
	assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn), QUIRE_OK);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		assert_int_equal(qi_front_free(&r.zone, cpu, pfn, 0), QUIRE_OK);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		assert_int_equal(qi_front_alloc(&r.zone, cpu, &one, &again[cpu]), QUIRE_OK);
	assert_int_equal(again[0], pfn);
	assert_int_equal(again[1], pfn);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		assert_int_equal(qi_front_free(&r.zone, cpu, pfn, 0), QUIRE_OK);
		qi_front_drain(&r.zone, cpu);
		assert_int_equal(r.zone.bad_frees, cpu);
	}
	assert_int_equal(r.zone.bad_pfn, pfn);
	r.zone.bad_frees = 0;
	rig_close(&r);
}

/* After isolating and draining no front has anything of the pageblock, and what is freed in it does not stay in one. */
/*
 * Somebody keeps the owner out of his front for a moment, and empties nothing: what was at hand is at hand still when he
 * comes back by the slow road.
 */
static void what_is_at_hand_survives_being_kept_out(void **state)
{
	(void)state;
	for (unsigned order = 0; order <= QI_FRONT_ORDERS; order++) {
		struct rig r;
		struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_MOVABLE };
		quire_pfn_t first, second, pfn;

		rig_open(&r, 1 << 16, 1);
		assert_int_equal(qi_front_alloc(&r.zone, 0, &request, &first), QUIRE_OK);
		assert_int_equal(qi_front_alloc(&r.zone, 0, &request, &second), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, first, order), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, second, order), QUIRE_OK);
		__atomic_store_n(&r.fronts[0].taken, 1, __ATOMIC_RELAXED);
		assert_int_equal(qi_front_take(&r.zone, 0, order, request.type), QUIRE_PFN_NONE);
		__atomic_store_n(&r.fronts[0].taken, 0, __ATOMIC_RELAXED);
		assert_int_equal(qi_front_alloc_slow(&r.zone, 0, &request, &pfn), QUIRE_OK);
		assert_int_equal(qi_front_free(&r.zone, 0, pfn, order), QUIRE_OK);
		rig_close(&r);
	}
}

static void isolated_blocks_are_not_kept(void **state)
{
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	struct rig r;
	quire_pfn_t pfn[512];
	struct qi_tree_range_counts counts;
	uint64_t taken = 0;

	(void)state;
	rig_open(&r, 1 << 18, 2);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(qi_front_alloc(&r.zone, i % 2, &one, &pfn[i]), QUIRE_OK);
	for (unsigned i = 0; i < 512; i += 3)
		assert_int_equal(qi_front_free(&r.zone, i / 3 % 2, pfn[i], 0), QUIRE_OK);
	assert_int_equal(qi_tree_isolate_range(&r.zone.tree, 0, r.frames), QUIRE_OK);
	assert_int_equal(qi_front_drain_all(&r.zone), QUIRE_OK);
	for (unsigned i = 0; i < 512; i++)
		if (i % 3)
			assert_int_equal(qi_front_free(&r.zone, i % 2, pfn[i], 0), QUIRE_OK);
	counts = qi_tree_count_range(&r.zone.tree, 0, r.frames);
	assert_int_equal(counts.free, r.frames);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		taken += qi_front_held(&r.zone, cpu);
	assert_int_equal(taken, 0);
	assert_int_equal(qi_front_alloc(&r.zone, 0, &one, &pfn[0]), QUIRE_ENOMEM);
	assert_int_equal(qi_tree_remove_free(&r.zone.tree, 0, r.frames), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&r.zone.tree, 0, r.frames), QUIRE_OK);
	qi_tree_unisolate_range(&r.zone.tree, 0, r.frames);
	rig_close(&r);
}

/* A block given back in pieces, or pieces as a block, is not handed out as such; the true owner can still free it. */
static void wrong_orders_are_not_reused(void **state)
{
	struct qi_request request = { .type = QUIRE_MIGRATE_MOVABLE };
	quire_pfn_t block[16], other;
	uint64_t refused;
	struct rig r;

	(void)state;
	for (unsigned order = 0; order <= 3; order++)
		for (unsigned wrong = 0; wrong <= 3; wrong++) {
			if (wrong == order)
				continue;
			rig_open(&r, 1 << 18, 1);
			refused = 0;
			request.order = order;
			for (unsigned i = 0; i < 16; i++) {
				assert_int_equal(qi_front_alloc(&r.zone, 0, &request, &block[i]), QUIRE_OK);
				claim(&r, block[i], order);
			}
			for (unsigned i = 0; i < 16; i++)
				refused += qi_front_free(&r.zone, 0, block[i] & ~((1ull << wrong) - 1), wrong) != QUIRE_OK;
			request.order = wrong;
			for (unsigned i = 0; i < 64; i++) {
				assert_int_equal(qi_front_alloc(&r.zone, 0, &request, &other), QUIRE_OK);
				claim(&r, other, wrong);
				assert_int_equal(qi_front_free(&r.zone, 8, other, wrong), QUIRE_OK);
				yield_block(&r, other, wrong);
				/* The front handed it out and does not know that it is back. */
				qi_front_drain(&r.zone, 0);
			}
			assert_int_equal(refused + r.zone.bad_frees, 16);
			r.zone.bad_frees = 0;
			for (unsigned i = 0; i < 16; i++)
				assert_int_equal(qi_front_free(&r.zone, 0, block[i], order), QUIRE_OK);
			rig_close(&r);
		}
}

/* Frees of anything in any order among proper use: no frame ever has two owners, and none is lost. */
static void hostile_frees_do_no_harm(void **state)
{
	static const unsigned orders[] = { 0, 0, 0, 1, 2, 3, 4, 9 };
	struct block live[600];
	uint64_t seed = 4711;
	unsigned count = 0;
	struct rig r;

	(void)state;
	rig_open(&r, 60000, 1);
	for (unsigned i = 0; i < 400000; i++) {
		unsigned order = orders[rnd(&seed) % 8], k, what = (unsigned)(rnd(&seed) % 16);
		quire_pfn_t pfn = rnd(&seed) % r.frames;

		if (what < 6) {
			/* Near what is in use as a rule; what is properly allocated like this is somebody's to free. */
			if (count && what)
				pfn = live[rnd(&seed) % count].pfn ^ (rnd(&seed) & rnd(&seed) & 7);
			pfn &= ~((1ull << order) - 1);
			for (k = 0; k < count && (live[k].pfn != pfn || live[k].order != order);)
				k++;
			if (k == count)
				qi_front_free(&r.zone, 0, pfn, order);
		} else if (what < 11 && count < 600) {
			struct qi_request request = { .order = order, .type = (unsigned)(rnd(&seed) % 3) };

			if (qi_front_alloc(&r.zone, 0, &request, &pfn) != QUIRE_OK)
				continue;
			claim(&r, pfn, order);
			live[count++] = (struct block){ pfn, order };
		} else if (count) {
			k = (unsigned)(rnd(&seed) % count);
			yield_block(&r, live[k].pfn, live[k].order);
			if (qi_front_free(&r.zone, 0, live[k].pfn, live[k].order) != QUIRE_OK)
				abort();
			live[k] = live[--count];
		}
	}
	while (count--)
		assert_int_equal(qi_front_free(&r.zone, 0, live[count].pfn, live[count].order), QUIRE_OK);
	qi_front_drain(&r.zone, 0);
	assert_true(r.zone.bad_frees > 0);
	r.zone.bad_frees = 0;
	rig_close(&r);
}

static void nonsense_is_refused(void **state)
{
	struct rig r;
	quire_pfn_t pfn;
	struct qi_request request = { .order = 27 };

	(void)state;
	rig_open(&r, 5000, 1);
	assert_int_equal(qi_front_alloc(&r.zone, 0, &request, &pfn), QUIRE_EINVAL);
	assert_int_equal(qi_front_free(&r.zone, 0, 5000, 0), QUIRE_ERANGE);
	assert_int_equal(qi_front_free(&r.zone, 0, UINT64_MAX, 0), QUIRE_ERANGE);
	assert_int_equal(qi_front_free(&r.zone, 0, 1, 1), QUIRE_EINVAL);
	assert_int_equal(qi_front_free(&r.zone, 0, 0, 64), QUIRE_EINVAL);
	/* A CPU without a front works on the tree. */
	request.order = 0;
	assert_int_equal(qi_front_alloc(&r.zone, 9, &request, &pfn), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 9, pfn, 0), QUIRE_OK);
	assert_int_equal(qi_front_free(&r.zone, 9, pfn, 0), QUIRE_EEXIST);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_cpu),
		cmocka_unit_test(threads_drain_each_other),
		cmocka_unit_test(the_last_frame_is_found),
		cmocka_unit_test(what_is_kept_is_bounded),
		cmocka_unit_test(double_frees_are_refused),
		cmocka_unit_test(wrong_ones_among_many),
		cmocka_unit_test(blocks_freed_twice_are_refused),
		cmocka_unit_test(double_frees_by_two_cpus_are_reported),
		cmocka_unit_test(a_copy_the_tree_has_is_not_handed_out),
		cmocka_unit_test(two_owners_are_found_out_at_the_end),
		cmocka_unit_test(what_is_at_hand_survives_being_kept_out),
		cmocka_unit_test(isolated_blocks_are_not_kept),
		cmocka_unit_test(wrong_orders_are_not_reused),
		cmocka_unit_test(hostile_frees_do_no_harm),
		cmocka_unit_test(nonsense_is_refused),
	};

	have_barrier = !syscall(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
