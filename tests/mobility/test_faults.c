/* Owners that refuse, vanish, lie; memory that is not there for what moves or for the engine's books. Nothing is lost. */
#include "mobility/holder.h"

#define AREA NORMAL_START
#define LENGTH 1536u

static bool same_owner(const struct quire_obstacle *obstacle, const struct holder *h)
{
	return obstacle->owner && strcmp(obstacle->owner, h->owner.name) == 0;
}

/* Some blocks of several orders in the area and around. */
static struct holder *some_blocks(struct machine *m)
{
	struct holder *h = holder_open(m);

	for (unsigned i = 0; i < 400; i++)
		assert_true(holder_take(h, 0, i % 5 ? 0 : i % 4, QUIRE_GFP_HIGHUSER_MOVABLE) != QUIRE_PFN_NONE);
	quire_drain_frames(h->q);
	return h;
}

static void all_is_as_before(struct machine *m, const struct holder *h, uint64_t sum, uint64_t held)
{
	assert_int_equal(holder_sum(h), sum);
	assert_int_equal(h->held, held);
	assert_int_equal(free_everywhere(m), ALL_FRAMES - held);
	for (quire_pfn_t pfn = AREA; pfn < AREA + LENGTH; pfn += 512)
		assert_int_equal(quire_pageblock_type(&m->q, pfn), QUIRE_MIGRATE_MOVABLE);
	check_machine(m);
}

static void close_all(struct machine *m, struct holder *h)
{
	holder_give_all(h);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
	holder_close(h);
}

static void refuses_from_the_nth_on(void **state)
{
	struct machine *m = *state;

	for (unsigned nth = 1; nth < 120; nth = nth * 3 / 2 + 1)
		for (unsigned pinned = 0; pinned < 2; pinned++) {
			struct holder *h = some_blocks(m);
			struct quire_obstacle obstacle;
			uint64_t sum = holder_sum(h), held = h->held;

			h->refuse_at = nth;
			h->refusal = pinned ? QUIRE_EPERM : QUIRE_EBUSY;
			assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
			assert_true(same_owner(&obstacle, h));
			assert_string_equal(obstacle.why, pinned ? "is pinned" : "is busy");
			all_is_as_before(m, h, sum, held);
			/* Those that were moved stay where they went; once he has changed his mind it works. */
			h->refuse_at = 0;
			assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, &obstacle), QUIRE_OK);
			assert_int_equal(quire_free_range(&m->q, AREA, LENGTH), QUIRE_OK);
			close_all(m, h);
		}
}

/* Busy for some rounds, then not: worth the wait, but not to who does not want to wait. */
static unsigned waits;
static struct holder *waiting;
static void wait_a_moment(void *ctx)
{
	(void)ctx;
	if (++waits == 3)
		waiting->refuse_at = 0;
}

static void busy_for_a_while(void **state)
{
	struct machine *m = *state;
	struct holder *h = some_blocks(m);
	unsigned before;

	platform.wait = wait_a_moment;
	waiting = h;
	h->refuse_at = 1;
	assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY, NULL), QUIRE_EBUSY);
	assert_int_equal(waits, 0);
	before = h->migrations;
	assert_in_range(before, 1, QUIRE_MOVES);
	assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
	assert_int_equal(waits, 3);
	assert_int_equal(quire_free_range(&m->q, AREA, LENGTH), QUIRE_OK);
	platform.wait = NULL;
	close_all(m, h);
}

static void freed_meanwhile(void **state)
{
	struct machine *m = *state;

	for (unsigned nth = 1; nth < 120; nth = nth * 3 / 2 + 1) {
		struct holder *h = some_blocks(m);

		h->vanish_at = nth;
		assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
		assert_int_equal(free_everywhere(m), ALL_FRAMES - LENGTH - h->held);
		check_machine(m);
		assert_int_equal(quire_free_range(&m->q, AREA, LENGTH), QUIRE_OK);
		close_all(m, h);
	}
}

static void no_target_for_the_nth(void **state)
{
	struct machine *m = *state;

	for (unsigned left = 0; left < 100; left = left * 2 + 1) {
		struct holder *h = holder_open(m);
		struct quire_obstacle obstacle;
		uint64_t sum, held;

		for (int nid = 0; nid < 2; nid++)
			while (holder_take(h, nid, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC) != QUIRE_PFN_NONE)
				continue;
		/* Beyond the minimum, so many frames are left for targets. */
		for (unsigned i = 0; i < 1000 + 1 + left; i++)
			holder_give(h, NODE1_START + i);
		for (unsigned i = 0; i < 1000; i++)
			holder_give(h, NORMAL_START + 20000 + i);
		quire_drain_frames(h->q);
		sum = holder_sum(h);
		held = h->held;
		assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, &obstacle), QUIRE_ENOMEM);
		assert_true(same_owner(&obstacle, h));
		/* A CPU's front fetches more than one frame at a time, so it may be some more. */
		assert_in_range(h->migrations, left + 1, left + 600);
		all_is_as_before(m, h, sum, held);
		close_all(m, h);
	}
}

static void lies(void **state)
{
	struct machine *m = *state;
	struct holder *h = some_blocks(m);
	struct quire_obstacle obstacle;
	uint64_t sum = holder_sum(h), held = h->held;

	h->lie_about_order = true;
	assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_string_equal(obstacle.why, "is not the block its owner takes it for");
	assert_int_equal(h->migrations, 0);
	all_is_as_before(m, h, sum, held);
	h->lie_about_order = false;
	h->deny = true;
	assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_null(obstacle.owner);
	all_is_as_before(m, h, sum, held);
	h->deny = false;
	close_all(m, h);
}

/* Says that he let go of what he gave back long ago, and writes nonsense into the moves. */
static void muddle(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct holder *h = ctx;

	holder_migrate(ctx, moves, n, mode);
	for (unsigned i = 0; i < n; i++) {
		if (moves[i].status == QUIRE_OK && i == 0)
			assert_int_equal(quire_free_frames(h->q, moves[i].from, moves[i].order), QUIRE_OK);
		moves[i].from = moves[i].to = 12345678;
		moves[i].order = 26;
	}
}

static void nonsense_in_moves(void **state)
{
	struct machine *m = *state;
	struct holder *h = some_blocks(m);
	uint64_t sum = holder_sum(h), held = h->held;

	h->owner.migrate = muddle;
	assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
	assert_true(errors_logged > 0);
	assert_int_equal(quire_free_range(&m->q, AREA, LENGTH), QUIRE_OK);
	all_is_as_before(m, h, sum, held);
	close_all(m, h);
}

/* --- the list of owners --------------------------------------------------------------------------------------------- */

static struct quire_owner second;
static bool never(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	(void)pfn; (void)held;
	/* He is being asked just now. */
	assert_int_equal(quire_unregister_owner(ctx, &second), QUIRE_EBUSY);
	return false;
}

static void list_of_owners(void **state)
{
	struct machine *m = *state;
	struct quire_owner nobody = { .holds = never }, mute = { .name = "mute" };
	struct quire_obstacle obstacle;
	struct holder *h;
	quire_pfn_t pfn;

	second = (struct quire_owner){ .name = "second", .holds = never, .ctx = &m->q };
	assert_int_equal(quire_register_owner(&m->q, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_register_owner(&m->q, &nobody), QUIRE_EINVAL);
	assert_int_equal(quire_register_owner(&m->q, &mute), QUIRE_EINVAL);
	assert_int_equal(quire_unregister_owner(&m->q, &second), QUIRE_ENOENT);
	assert_int_equal(quire_register_owner(&m->q, &second), QUIRE_OK);
	assert_int_equal(quire_register_owner(&m->q, &second), QUIRE_EEXIST);
	h = some_blocks(m);
	assert_int_equal(quire_alloc_range(&m->q, AREA, LENGTH, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
	assert_int_equal(quire_unregister_owner(&m->q, &second), QUIRE_OK);
	assert_int_equal(quire_free_range(&m->q, AREA, LENGTH), QUIRE_OK);
	/* One without migrate is named, and that is all. */
	h->owner.migrate = NULL;
	for (pfn = AREA; h->head[pfn] != pfn; pfn++)
		continue;
	assert_int_equal(quire_alloc_range(&m->q, pfn, 1, QUIRE_GFP_KERNEL, &obstacle), QUIRE_EBUSY);
	assert_true(same_owner(&obstacle, h));
	close_all(m, h);
}

/* --- the engine's books ----------------------------------------------------------------------------------------------- */

static unsigned calls_left;
static void *failing_meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	return calls_left && --calls_left ? meta_alloc(ctx, size, align, nid) : NULL;
}

static void no_metadata(void **state)
{
	struct machine *m = *state;

	for (unsigned nth = 1; nth < 12; nth++) {
		enum quire_status status;

		calls_left = nth;
		platform.meta_alloc = failing_meta_alloc;
		status = quire_alloc_range(&m->q, NODE1_START + 100, 20000, QUIRE_GFP_KERNEL, NULL);
		platform.meta_alloc = meta_alloc;
		assert_true(status == QUIRE_OK || status == QUIRE_ENOMEM);
		check_machine(m);
		for (quire_pfn_t pfn = NODE1_START; pfn < NODE1_START + 20480; pfn += 512)
			assert_int_equal(quire_pageblock_type(&m->q, pfn), QUIRE_MIGRATE_MOVABLE);
		if (status == QUIRE_OK)
			assert_int_equal(quire_free_range(&m->q, NODE1_START + 100, 20000), QUIRE_OK);
		assert_int_equal(free_everywhere(m), ALL_FRAMES);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)
	const struct CMUnitTest tests[] = {
		TEST(refuses_from_the_nth_on), TEST(busy_for_a_while), TEST(freed_meanwhile), TEST(no_target_for_the_nth),
		TEST(lies), TEST(nonsense_in_moves), TEST(list_of_owners), TEST(no_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
