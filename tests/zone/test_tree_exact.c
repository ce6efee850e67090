/* Taking frames by number: against a bitmap, refusals that change nothing, pageblock types, lack of memory. */
#include "tree_fixture.h"

#include "zone/tree_exact.h"

#define START 300u
#define SPAN 4000u
#define HOLE 1000u		/* frames START + HOLE … + HOLE_PAGES are not ours */
#define HOLE_PAGES 700u

static void open_holed(struct fixture *f)
{
	fixture_open(f, START, SPAN);
	assert_int_equal(qi_tree_add_free(&f->tree, START, HOLE), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&f->tree, START + HOLE + HOLE_PAGES, SPAN - HOLE - HOLE_PAGES), QUIRE_OK);
}

static unsigned seed = 12345;
static unsigned pick(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

enum { FREE, TAKEN, ABSENT };

/* What the range asks for, frame by frame; the tree looks leaf by leaf, so a mixed range may be refused for either. */
static bool expect(const uint8_t *model, unsigned at, unsigned n, bool *taken, bool *absent)
{
	*taken = *absent = false;
	for (unsigned i = at; i < at + n; i++) {
		*taken |= model[i] == TAKEN;
		*absent |= model[i] == ABSENT;
	}
	return !*taken && !*absent;
}

static void compare(const struct qi_tree *tree, const uint8_t *model)
{
	uint64_t free = 0;

	check(tree);
	for (unsigned i = 0; i < SPAN; i++) {
		static const enum quire_status want[] = { QUIRE_EEXIST, QUIRE_OK, QUIRE_ENOENT };
		quire_pfn_t head;
		unsigned order;

		assert_int_equal(qi_tree_lookup(tree, START + i, &head, &order), want[model[i]]);
		if (model[i] == TAKEN) {
			assert_int_equal(head, START + i);
			assert_int_equal(order, 0);
		}
		free += model[i] == FREE;
	}
	assert_int_equal(tree->free_pages, free);
}

static void model(void **state)
{
	uint8_t model[SPAN] = { 0 };
	struct fixture f = { 0 };

	(void)state;
	open_holed(&f);
	memset(model + HOLE, ABSENT, HOLE_PAGES);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned at = pick(SPAN), n = 1 + pick(step % 3 ? 40 : 1500);
		bool taken, absent;
		enum quire_status status;

		n = n < SPAN - at ? n : SPAN - at;
		if (pick(2)) {
			status = qi_tree_take_frames(&f.tree, START + at, n, pick(3));
			if (expect(model, at, n, &taken, &absent)) {
				assert_int_equal(status, QUIRE_OK);
				memset(model + at, TAKEN, n);
			} else {
				assert_true((taken && status == QUIRE_EBUSY) || (absent && status == QUIRE_ENOENT));
			}
		} else {
			for (unsigned i = at; i < at + n; i++) {
				if (model[i] == TAKEN) {
					assert_int_equal(qi_tree_free(&f.tree, START + i, 0), QUIRE_OK);
					model[i] = FREE;
				}
			}
		}
		if (step % 50 == 0)
			compare(&f.tree, model);
	}
	compare(&f.tree, model);
	fixture_close(&f);
}

static void types(void **state)
{
	struct fixture f = { 0 };
	quire_pfn_t pfn;

	(void)state;
	fixture_open(&f, 0, 8192);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 8192), QUIRE_OK);
	assert_int_equal(qi_tree_take_frames(&f.tree, 600, 1, QUIRE_MIGRATE_RECLAIMABLE), QUIRE_OK);
	assert_int_equal(qi_tree_type(&f.tree, 600), QUIRE_MIGRATE_RECLAIMABLE);
	/* The pageblock keeps the type it has; the next one is new. */
	assert_int_equal(qi_tree_take_frames(&f.tree, 601, 512, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
	assert_int_equal(qi_tree_type(&f.tree, 601), QUIRE_MIGRATE_RECLAIMABLE);
	assert_int_equal(qi_tree_type(&f.tree, 1024), QUIRE_MIGRATE_MOVABLE);
	/* A request goes to the pageblock of its type. */
	assert_int_equal(qi_tree_alloc(&f.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, &pfn), QUIRE_OK);
	assert_int_equal(pfn / 512, 2);
	assert_int_equal(qi_tree_take_frames(&f.tree, 0, 1, QUIRE_MIGRATE_CMA), QUIRE_EINVAL);
	assert_int_equal(qi_tree_take_frames(&f.tree, 8191, 2, QUIRE_MIGRATE_MOVABLE), QUIRE_ERANGE);
	assert_int_equal(qi_tree_take_frames(&f.tree, UINT64_MAX, 2, QUIRE_MIGRATE_MOVABLE), QUIRE_ERANGE);
	check(&f.tree);
	fixture_close(&f);
}

/* Taken and given back, the zone is one piece again. */
static void whole_again(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	fixture_open(&f, 0, 4096);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 4096), QUIRE_OK);
	assert_int_equal(qi_tree_take_frames(&f.tree, 0, 4096, QUIRE_MIGRATE_UNMOVABLE), QUIRE_OK);
	assert_int_equal(f.tree.free_pages, 0);
	check(&f.tree);
	for (quire_pfn_t pfn = 0; pfn < 4096; pfn++)
		assert_int_equal(qi_tree_free(&f.tree, pfn, 0), QUIRE_OK);
	check(&f.tree);
	assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_TYPES, 10), 4);
	fixture_close(&f);
}

/* Whichever allocation or descriptor fails, nothing is taken. */
static void no_memory(void **state)
{
	bool refused = true;

	(void)state;
	for (size_t call = 1; refused; call++) {
		struct fixture f = { .break_fail_at = call };

		fixture_open(&f, 0, 1u << 16);
		assert_int_equal(qi_tree_add_free(&f.tree, 0, 1u << 16), QUIRE_OK);
		refused = qi_tree_take_frames(&f.tree, 100, 5000, QUIRE_MIGRATE_MOVABLE) != QUIRE_OK;
		if (refused) {
			assert_int_equal(f.tree.free_pages, 1u << 16);
			assert_int_equal(count_of(&f.tree, QUIRE_MIGRATE_TYPES, 10), 64);
		}
		check(&f.tree);
		assert_true(call > 1 || refused);
		fixture_close(&f);
	}
	struct fixture f = { 0 };

	fixture_open(&f, 0, 1u << 20);
	assert_int_equal(qi_tree_add_free(&f.tree, 0, 1u << 20), QUIRE_OK);
	f.no_meta = true;
	assert_int_equal(qi_tree_take_frames(&f.tree, 5, 1u << 18, QUIRE_MIGRATE_MOVABLE), QUIRE_ENOMEM);
	assert_int_equal(f.tree.free_pages, 1u << 20);
	check(&f.tree);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(model), cmocka_unit_test(types), cmocka_unit_test(whole_again), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
