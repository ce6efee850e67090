/*
 * When a front gives back: two spills in a row, what others' pageblocks are broken for, and what a refill does not break.
 */
#include "tree_fixture.h"

#include "zone/front.h"
#include "zone/front_cpus.h"

#define FRAMES (1u << 18)

static void no_barrier_needed(void *ctx) { (void)ctx; }

static const struct quire_platform platform = { .barrier_all = no_barrier_needed };
static void *rig_alloc(void *ctx, size_t bytes) { return fixture_alloc(ctx, bytes); }
static void rig_free(void *ctx, void *memory, size_t bytes) { fixture_free(ctx, memory, bytes); }
static const struct qi_tree_hooks hooks = { .meta_alloc = rig_alloc, .meta_free = rig_free };
static const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };

struct rig {
	struct qi_zone zone;
	struct fixture f;
	struct qi_front *fronts;
	quire_pfn_t pfn[FRAMES];
};

static struct rig *rig_open(unsigned cpus)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct qi_tree_config config = fixture_config(&r->f, 0, FRAMES);

	config.hooks = &hooks;
	r->zone.platform = &platform;
	assert_int_equal(qi_tree_init(&r->zone.tree, &config), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&r->zone.tree, 0, FRAMES), QUIRE_OK);
	r->fronts = aligned_alloc(64, qi_fronts_bytes(cpus));
	memset(r->fronts, 0, qi_fronts_bytes(cpus));
	qi_fronts_init(&r->zone, r->fronts, cpus);
	qi_fronts_tune(&r->zone, FRAMES);
	return r;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(r->zone.bad_frees, 0);
	assert_int_equal(qi_front_drain_all(&r->zone), QUIRE_OK);
	check(&r->zone.tree);
	qi_tree_destroy(&r->zone.tree);
	assert_int_equal(r->f.meta_now, 0);
	free(r->fronts);
	free(r);
}

static void take(struct rig *r, unsigned cpu, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		assert_int_equal(qi_front_alloc(&r->zone, cpu, &one, &r->pfn[i]), QUIRE_OK);
}

static void give(struct rig *r, unsigned cpu, unsigned i)
{
	assert_int_equal(qi_front_free(&r->zone, cpu, r->pfn[i], 0), QUIRE_OK);
}

/* One frame of each word, so that words fill the front. Returns how many frees until this CPU keeps no more than `pages`. */
static unsigned give_until(struct rig *r, unsigned first, unsigned most, uint64_t pages)
{
	for (unsigned n = 1; n <= most; n++) {
		give(r, 0, first + (n - 1) * 64);
		if (qi_front_held(&r->zone, 0) <= pages)
			return n;
	}
	return 0;
}

static void two_spills_in_a_row_give_all(void **state)
{
	struct rig *r = rig_open(1);
	unsigned limit = r->fronts[0].frames.limit, n;

	(void)state;
	take(r, 0, 0, 64 * 400 + 7);
	assert_true(qi_front_held(&r->zone, 0) > 1);
	/* All but the frame that came after it; before, never less than half. */
	n = give_until(r, 0, 4 * limit, 1);
	assert_true(n > limit && n <= 2 * limit);
	/* As long as nothing is taken, every time. */
	assert_int_equal(give_until(r, 64 * n, limit, 0), 0);
	assert_int_equal(give_until(r, 64 * (n + limit), 1, 2), 1);
	rig_close(r);
}

static void taking_between_spills_keeps_half(void **state)
{
	struct rig *r = rig_open(1);
	unsigned limit = r->fronts[0].frames.limit, at = 64 * 400 + 7, spills = 0;

	(void)state;
	take(r, 0, 0, at);
	for (unsigned i = 0; i < 300; i++) {
		unsigned before = r->fronts[0].frames.spills;

		give(r, 0, i * 64);
		assert_true(r->fronts[0].frames.spills < QI_GIVING);
		if (r->fronts[0].frames.spills == before)
			continue;
		spills++;
		assert_true(r->fronts[0].frames.count >= limit / 2);
		/* Beyond what may be reused: from the tree. */
		while (r->fronts[0].frames.spills)
			take(r, 0, at++, 1);
	}
	assert_true(spills >= 3);
	rig_close(r);
}

/* What is kept goes before this CPU takes again. */
static void who_gave_back_takes_from_the_tree(void **state)
{
	struct rig *r = rig_open(1);
	unsigned n;

	(void)state;
	take(r, 0, 0, 64 * 400 + 7);
	n = give_until(r, 0, 400, 1);
	for (unsigned i = n; i < n + 20; i++)
		give(r, 0, i * 64);
	assert_true(r->fronts[0].frames.count >= 20);
	take(r, 0, 64 * 400 + 7, 1);
	assert_int_equal(r->fronts[0].frames.count, 0);
	assert_int_equal(r->fronts[0].frames.spills, 0);
	rig_close(r);
}

/* A process that ends frees its stack at last, a block of order 1 to 3: with it goes what else is kept. */
static void a_larger_block_ends_it(void **state)
{
	struct qi_request three = { .order = 3, .type = QUIRE_MIGRATE_MOVABLE };
	struct rig *r = rig_open(1);
	quire_pfn_t pfn[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(qi_front_alloc(&r->zone, 0, &three, &pfn[i]), QUIRE_OK);
	take(r, 0, 0, 64 * 400);
	for (unsigned i = 0; i <= r->fronts[0].frames.limit; i++)
		give(r, 0, i * 64);
	assert_int_equal(r->fronts[0].frames.spills, 1);
	assert_true(qi_front_held(&r->zone, 0) > 8);
	assert_int_equal(qi_front_free(&r->zone, 0, pfn[0], 3), QUIRE_OK);
	assert_int_equal(qi_front_held(&r->zone, 0), 8);
	assert_int_equal(qi_front_free(&r->zone, 0, pfn[0], 3), QUIRE_EEXIST);
	assert_int_equal(qi_front_free(&r->zone, 0, pfn[1], 3), QUIRE_OK);
	rig_close(r);
}

/* Frames in pageblocks that are broken, taken or not. */
static uint64_t broken(const struct rig *r)
{
	return FRAMES - (r->zone.tree.free_pages - r->zone.tree.loose);
}

static void a_supply_breaks_no_pageblock(void **state)
{
	struct rig *r = rig_open(1);
	quire_pfn_t pfn;

	(void)state;
	/* Seven words are left of the first pageblock. Refills take 1, 1, 2, and then 4 if there were so many. */
	assert_int_equal(qi_tree_alloc(&r->zone.tree, 6, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	take(r, 0, 0, 7 * 64);
	assert_int_equal(broken(r), 512);
	take(r, 0, 7 * 64, 1);
	assert_int_equal(broken(r), 1024);
	rig_close(r);
}

static void what_an_idle_cpu_keeps_is_gathered(void **state)
{
	struct rig *r = rig_open(2);
	uint64_t kept;

	(void)state;
	take(r, 1, 0, 1);
	kept = qi_front_held(&r->zone, 1);
	assert_true(kept >= 31);
	/* Inside his front: not to be waited for, nor to be kept out afterwards. */
	r->fronts[1].busy = 1;
	take(r, 0, 1, 8 * 512);
	assert_int_equal(qi_front_held(&r->zone, 1), kept);
	assert_int_equal(r->fronts[1].taken, 0);
	r->fronts[1].busy = 0;
	take(r, 0, 1 + 8 * 512, 4 * 512);
	assert_int_equal(qi_front_held(&r->zone, 1), 0);
	assert_int_equal(r->fronts[1].taken, 0);
	/* Nobody's pageblocks are broken for nothing: what he had is in use. */
	assert_true(broken(r) <= 1 + 12 * 512 + 512);
	take(r, 1, 1 + 12 * 512, 1);
	rig_close(r);
}

static void who_is_at_work_is_left_alone(void **state)
{
	struct rig *r = rig_open(2);
	unsigned at = 0;

	(void)state;
	/* Both go to the tree in turn. */
	for (unsigned i = 0; i < 16; i++) {
		take(r, 0, at, 512);
		take(r, 1, at + 512, 512);
		at += 1024;
		assert_int_equal(r->zone.gathered_at, 0);
	}
	rig_close(r);
}

static void without_a_barrier_nobody_is_asked(void **state)
{
	struct rig *r = rig_open(2);
	uint64_t kept;

	(void)state;
	r->zone.platform = NULL;
	take(r, 1, 0, 1);
	kept = qi_front_held(&r->zone, 1);
	take(r, 0, 1, 12 * 512);
	assert_int_equal(qi_front_held(&r->zone, 1), kept);
	r->zone.platform = &platform;
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_spills_in_a_row_give_all),
		cmocka_unit_test(taking_between_spills_keeps_half),
		cmocka_unit_test(who_gave_back_takes_from_the_tree),
		cmocka_unit_test(a_larger_block_ends_it),
		cmocka_unit_test(a_supply_breaks_no_pageblock),
		cmocka_unit_test(what_an_idle_cpu_keeps_is_gathered),
		cmocka_unit_test(who_is_at_work_is_left_alone),
		cmocka_unit_test(without_a_barrier_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
