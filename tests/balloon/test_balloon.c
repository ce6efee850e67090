/*
 * Balloons: what the hypervisor has is what the balloon holds, always; nobody is hurt; frames come back; pieces move. The
 * hypervisor is a naive one: a byte per frame says whether it has it, and each call must fit that.
 */
#include "booted.h"

#include <pthread.h>

#include "balloon/balloon.h"

struct guest {
	struct booted *b;
	struct quire_balloon balloon;
	uint8_t *taken;			/* by frame: the hypervisor has it */
	uint64_t frames;
	unsigned releases, populates;
	/* The n-th call is refused; 0: none. */
	unsigned refuse_release, refuse_populate;
	bool discard;			/* really: holes in the machine's file */
	pthread_mutex_t lock;
};

static enum quire_status release(void *ctx, quire_pfn_t pfn, unsigned order)
{
	struct guest *g = ctx;
	bool refused;

	pthread_mutex_lock(&g->lock);
	refused = ++g->releases == g->refuse_release;
	for (quire_pfn_t at = pfn; !refused && at < pfn + (1ull << order); at++) {
		assert_int_equal(g->taken[at], 0);
		g->taken[at] = 1;
		g->frames++;
	}
	pthread_mutex_unlock(&g->lock);
	if (g->discard && !refused)
		assert_int_equal(quire_hosted_discard(g->b->host, pfn << 12, 4096ull << order), QUIRE_OK);
	return refused ? QUIRE_EPLATFORM : QUIRE_OK;
}

static enum quire_status populate(void *ctx, quire_pfn_t pfn, unsigned order)
{
	struct guest *g = ctx;
	bool refused;

	pthread_mutex_lock(&g->lock);
	refused = ++g->populates == g->refuse_populate;
	for (quire_pfn_t at = pfn; !refused && at < pfn + (1ull << order); at++) {
		assert_int_equal(g->taken[at], 1);
		g->taken[at] = 0;
		g->frames--;
	}
	pthread_mutex_unlock(&g->lock);
	return refused ? QUIRE_EPLATFORM : QUIRE_OK;
}

static void begin(struct guest *g, struct booted *b, unsigned flags)
{
	*g = (struct guest){ .b = b, .taken = calloc(b->end, 1), .lock = PTHREAD_MUTEX_INITIALIZER };
	g->balloon = (struct quire_balloon){ .name = "virtio", .release = release, .populate = populate, .ctx = g,
					     .flags = flags };
	assert_int_equal(quire_balloon_register(&b->q, &g->balloon), QUIRE_OK);
}

/* The balloon's own account, the hypervisor's, and the set's are one. */
static void agree(struct guest *g)
{
	struct quire_balloon_stats stats;
	struct quire_held held;
	uint64_t frames = 0;

	quire_balloon_stats(&g->balloon, &stats);
	assert_int_equal(stats.frames, g->frames);
	assert_true(qi_check_frame_set(g->balloon.set));
	for (quire_pfn_t pfn = 0; pfn < g->b->end; pfn++) {
		bool holds = g->balloon.owner.holds(g->balloon.owner.ctx, pfn, &held);

		assert_int_equal(holds, g->taken[pfn]);
		frames += holds;
	}
	assert_int_equal(frames, g->frames);
	booted_check(g->b);
}

static void end(struct guest *g)
{
	quire_balloon_deflate(&g->balloon, UINT64_MAX);
	agree(g);
	assert_int_equal(g->frames, 0);
	assert_int_equal(quire_balloon_unregister(&g->balloon), QUIRE_OK);
	assert_int_equal(quire_balloon_unregister(&g->balloon), QUIRE_ENOENT);
	free(g->taken);
}

static struct booted *open_machine(uint32_t hosted)
{
	const struct booted_options options = { .hosted = hosted };

	return booted_open(&options);
}

static void taken_and_given_back(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	uint64_t free_before = booted_free(b);
	struct quire_balloon_stats stats;
	struct guest g;

	(void)state;
	begin(&g, b, 0);
	assert_int_equal(quire_balloon_register(&b->q, &g.balloon), QUIRE_EEXIST);
	/* Whole pieces: 10 MiB is two of 4 and one of 2; what is less than 2 MiB is not taken. */
	assert_int_equal(quire_balloon_inflate(&g.balloon, 0, 2560 + 511, 0), 2560);
	agree(&g);
	quire_balloon_stats(&g.balloon, &stats);
	assert_int_equal(stats.pieces, 3);
	assert_int_equal(booted_free(b), free_before - 2560);
	assert_int_equal(quire_balloon_inflate(&g.balloon, 0, 7, QUIRE_BALLOON_SMALL), 7);
	agree(&g);
	assert_int_equal(quire_balloon_unregister(&g.balloon), QUIRE_EBUSY);
	/* The small ones go first: seven pages in three pieces. */
	assert_int_equal(quire_balloon_deflate(&g.balloon, 7), 7);
	agree(&g);
	assert_int_equal(quire_balloon_deflate(&g.balloon, 1), 512);
	assert_int_equal(quire_balloon_deflate(&g.balloon, 100000), 2048);
	assert_int_equal(quire_balloon_deflate(&g.balloon, 1), 0);
	quire_balloon_stats(&g.balloon, &stats);
	assert_int_equal(stats.inflated, 2567);
	assert_int_equal(stats.deflated, 2567);
	assert_int_equal(booted_free(b), free_before);
	end(&g);
	booted_close(b);
}

static void options_that_make_no_sense(void **state)
{
	const struct booted_options options = { 0 };
	struct booted *b = booted_prepare(&options);
	struct quire_balloon balloon = { .release = release };

	(void)state;
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_EINVAL);
	assert_int_equal(quire_boot(&b->q), QUIRE_OK);
	balloon = (struct quire_balloon){ 0 };
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_EINVAL);
	balloon = (struct quire_balloon){ .release = release, .least_order = 5, .most_order = 4 };
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_EINVAL);
	balloon = (struct quire_balloon){ .release = release, .most_order = 27 };
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_EINVAL);
	balloon = (struct quire_balloon){ .release = release, .flags = QUIRE_BALLOON_SMALL };
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_EINVAL);
	assert_int_equal(quire_balloon_inflate(&balloon, 0, 1000, 0), 0);
	assert_int_equal(quire_balloon_deflate(&balloon, 1000), 0);
	balloon = (struct quire_balloon){ .release = release };
	assert_int_equal(quire_balloon_register(&b->q, &balloon), QUIRE_OK);
	assert_int_equal(quire_balloon_inflate(&balloon, 0, 1000, QUIRE_BALLOON_SHRINK), 0);
	assert_int_equal(quire_balloon_inflate(&balloon, 77, 1000, 0), 0);
	assert_int_equal(quire_balloon_unregister(&balloon), QUIRE_OK);
	booted_close(b);
}

/* It takes what it can get above the high marks, and nobody's shrinker is asked for it. */
static unsigned asked;
static uint64_t count_asking(void *ctx, const struct quire_reclaim *reclaim)
{
	(void)ctx;
	(void)reclaim;
	asked++;
	return 0;
}

static void others_are_not_hurt(void **state)
{
	struct booted *b = open_machine(0);
	struct quire_shrinker shrinker = { .name = "asked", .scan = count_asking };
	struct guest g;

	(void)state;
	asked = 0;
	assert_int_equal(quire_register_shrinker(&b->q, &shrinker), QUIRE_OK);
	begin(&g, b, 0);
	assert_true(quire_balloon_inflate(&g.balloon, QUIRE_NO_NODE, 1 << 20, QUIRE_BALLOON_SMALL) > 30000);
	assert_int_equal(asked, 0);
	assert_false(quire_reclaim_wanted(&b->q));
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &b->q.topology.nodes[0]->zones[type];
		struct quire_zone_counts counts;

		if (!zone->managed)
			continue;
		quire_zone_count(&b->q, zone, &counts);
		assert_true(counts.free_pages + quire_zone_kept_pages(zone) >= zone->watermark[QUIRE_WMARK_HIGH]);
	}
	agree(&g);
	/* As an ordinary request it may go further, and asks. */
	assert_true(quire_balloon_inflate(&g.balloon, 0, 1 << 20, QUIRE_BALLOON_SMALL | QUIRE_BALLOON_RECLAIM) > 0);
	assert_true(asked > 0);
	agree(&g);
	end(&g);
	assert_int_equal(quire_unregister_shrinker(&b->q, &shrinker), QUIRE_OK);
	booted_close(b);
}

/* Memory runs short: the balloon gives back by itself, and the request succeeds. */
static void it_gives_under_pressure(void **state)
{
	struct booted *b = open_machine(0);
	struct keeper *k = keeper_open(b);
	struct quire_balloon_stats stats;
	struct guest g;
	uint64_t before;

	(void)state;
	begin(&g, b, QUIRE_BALLOON_SHRINK);
	quire_balloon_inflate(&g.balloon, 0, 40000, 0);
	before = g.frames;
	for (unsigned i = 0; i < 50000; i++)
		assert_true(keeper_take(k, 0, QUIRE_GFP_HIGHUSER_MOVABLE) != KEEPER_NONE);
	agree(&g);
	quire_balloon_stats(&g.balloon, &stats);
	assert_true(stats.shrunk > 20000);
	assert_int_equal(stats.shrunk, before - g.frames);
	keeper_close(k);
	end(&g);
	booted_close(b);
}

/* A range is wanted where pieces are: they move, by swapping. */
static void pieces_move(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	struct quire_balloon_stats stats;
	struct quire_held held;
	quire_pfn_t at = 0x8000;
	struct guest g;

	(void)state;
	begin(&g, b, 0);
	assert_int_equal(quire_balloon_inflate(&g.balloon, 0, 20480, 0), 20480);
	for (at = 0; !g.taken[at]; at++)
		continue;
	assert_true(g.balloon.owner.holds(g.balloon.owner.ctx, at + 3, &held));
	assert_int_equal(held.pfn, at);
	assert_int_equal(quire_alloc_range(&b->q, at, 1ull << held.order, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
	for (quire_pfn_t pfn = at; pfn < at + (1ull << held.order); pfn++)
		assert_int_equal(g.taken[pfn], 0);
	agree(&g);
	quire_balloon_stats(&g.balloon, &stats);
	assert_int_equal(stats.moved, 1ull << held.order);
	assert_int_equal(stats.frames, 20480);
	assert_int_equal(quire_free_range(&b->q, at, 1ull << held.order), QUIRE_OK);
	/* The hypervisor will not give, or not take: everything is as it was. */
	while (!g.taken[at])
		at++;
	for (unsigned i = 0; i < 2; i++) {
		g.refuse_populate = i ? 0 : g.populates + 1;
		g.refuse_release = i ? g.releases + 1 : 0;
		assert_int_equal(quire_alloc_range(&b->q, at, 512, QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY, NULL), QUIRE_EBUSY);
		agree(&g);
		assert_int_equal(g.taken[at], 1);
	}
	end(&g);
	booted_close(b);
}

/* A frame of a piece fails: the piece is given up, all but the frame. */
static void a_frame_fails(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	uint64_t free_before = booted_free(b);
	enum quire_poison_result result;
	quire_pfn_t at = 0;
	struct guest g;

	(void)state;
	begin(&g, b, 0);
	quire_balloon_inflate(&g.balloon, 0, 8192, 0);
	while (!g.taken[at])
		at++;
	assert_int_equal(quire_poison_frame(&b->q, at + 77, QUIRE_POISON_TEST, &result), QUIRE_OK);
	assert_int_equal(result, QUIRE_POISON_RECOVERED);
	agree(&g);
	assert_int_equal(g.taken[at], 0);
	assert_int_equal(booted_free(b), free_before - g.frames - 1);
	end(&g);
	booted_close(b);
}

/* Whatever the hypervisor refuses, at whichever call; whatever metadata fails. */
static void refusals_leave_no_trace(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	uint64_t free_before = booted_free(b);
	struct guest g;

	(void)state;
	begin(&g, b, 0);
	for (unsigned n = 1; n <= 6; n++) {
		g.refuse_release = g.releases + n;
		assert_int_equal(quire_balloon_inflate(&g.balloon, 0, 5 * 1024, 0), (n - 1) * 1024);
		agree(&g);
		g.refuse_release = 0;
		assert_int_equal(quire_balloon_deflate(&g.balloon, UINT64_MAX), (n - 1) * 1024);
		assert_int_equal(booted_free(b), free_before);
	}
	for (unsigned n = 1; n <= 4; n++) {
		assert_int_equal(quire_balloon_inflate(&g.balloon, 0, 4096, 0), 4096);
		g.refuse_populate = g.populates + n;
		assert_int_equal(quire_balloon_deflate(&g.balloon, 4096), (n - 1) * 1024);
		agree(&g);
		assert_int_equal(g.frames, 4096 - (n - 1) * 1024);
		assert_int_equal(quire_balloon_deflate(&g.balloon, 4096), 4096 - (n - 1) * 1024);
	}
	end(&g);
	booted_close(b);
	for (unsigned n = 1; n < 20; n++) {
		b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
		begin(&g, b, 0);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, n);
		quire_balloon_inflate(&g.balloon, 0, 20000, QUIRE_BALLOON_SMALL);
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 0);
		agree(&g);
		assert_int_equal(booted_free(b) + g.frames, booted_managed(b));
		end(&g);
		booted_close(b);
	}
}

/* --- many at once ----------------------------------------------------------------------------------------------------- */

struct worker {
	struct guest *g;
	unsigned cpu;
	pthread_t thread;
};

static void *inflate_and_deflate(void *arg)
{
	struct worker *w = arg;
	uint64_t seed = 977 * (w->cpu + 1);

	quire_hosted_bind_cpu(w->cpu);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t r = booted_random(&seed);

		if (r & 1)
			quire_balloon_inflate(&w->g->balloon, 0, (r >> 8) % 6000, r & 2 ? QUIRE_BALLOON_SMALL : 0);
		else
			quire_balloon_deflate(&w->g->balloon, (r >> 8) % 6000);
	}
	return NULL;
}

static void *move_pieces(void *arg)
{
	struct worker *w = arg;
	uint64_t seed = 31 * (w->cpu + 1);

	quire_hosted_bind_cpu(w->cpu);
	for (unsigned i = 0; i < 100; i++) {
		quire_pfn_t pfn = 0x2000 + booted_random(&seed) % 0xd000;

		if (quire_alloc_range(&w->g->b->q, pfn, 700, QUIRE_GFP_KERNEL, NULL) == QUIRE_OK)
			assert_int_equal(quire_free_range(&w->g->b->q, pfn, 700), QUIRE_OK);
	}
	return NULL;
}

static void threads_share_a_balloon(void **state)
{
	const struct booted_options options = { .cpus = 4 };
	struct booted *b = booted_open(&options);
	struct worker workers[4];
	struct guest g;

	(void)state;
	begin(&g, b, QUIRE_BALLOON_SHRINK);
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .g = &g, .cpu = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, i < 3 ? inflate_and_deflate : move_pieces,
						&workers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(workers[i].thread, NULL);
	agree(&g);
	end(&g);
	booted_close(b);
}

/* The hosted port: what is in the balloon has no memory behind it. */
static void memory_of_the_host_falls(void **state)
{
	struct booted *b = open_machine(0);
	struct keeper *k = keeper_open(b);
	uint64_t full, inflated;
	struct guest g;

	(void)state;
	begin(&g, b, 0);
	g.discard = true;
	/* Somebody used most of it once. */
	for (unsigned i = 0; i < 100; i++) {
		quire_pfn_t pfn = keeper_take(k, 9, QUIRE_GFP_HIGHUSER_MOVABLE);

		memset(b->platform.phys_to_virt(b->platform.ctx, pfn << 12, 2 * MIB), 0xaa, 2 * MIB);
	}
	keeper_close(k);
	assert_int_equal(quire_drain_frames(&b->q), QUIRE_OK);
	full = quire_hosted_resident(b->host);
	assert_int_equal(quire_balloon_inflate(&g.balloon, 0, 55 * 1024, 0), 55 * 1024);
	inflated = quire_hosted_resident(b->host);
	assert_true(inflated + 160 * MIB < full);
	assert_int_equal(quire_balloon_deflate(&g.balloon, 55 * 1024), 55 * 1024);
	assert_true(quire_hosted_resident(b->host) < inflated + MIB);
	end(&g);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_and_given_back),
		cmocka_unit_test(options_that_make_no_sense),
		cmocka_unit_test(others_are_not_hurt),
		cmocka_unit_test(it_gives_under_pressure),
		cmocka_unit_test(pieces_move),
		cmocka_unit_test(a_frame_fails),
		cmocka_unit_test(refusals_leave_no_trace),
		cmocka_unit_test(threads_share_a_balloon),
		cmocka_unit_test(memory_of_the_host_falls),
	};

	return cmocka_run_group_tests_name("balloon", tests, NULL, NULL);
}
