/*
 * page_owner: who holds what, from every way of taking frames; who gave what back; and frees that are wrong are refused with
 * that story, and leave everything as it was.
 */
#include "rig.h"

static const struct quire_debug_options owner_on = { .page_owner = true };
static char text[65536];

static void collect(void *ctx, const char *piece, size_t length)
{
	size_t used = strlen(text);

	(void)ctx;
	if (used + length < sizeof(text)) {
		memcpy(text + used, piece, length);
		text[used + length] = '\0';
	}
}
static const struct quire_report_sink sink = { .write = collect };

static struct quire_page_story story(quire_pfn_t pfn)
{
	struct quire_page_story s = { .order = 99 };

	assert_int_equal(quire_page_story(&q, pfn, &s), QUIRE_OK);
	return s;
}

static void a_block_has_a_story(void **state)
{
	struct quire_page_story s;
	quire_pfn_t pfn;

	(void)state;
	for (unsigned outside = 0; outside < 2; outside++) {
		assert_int_equal(rig_boot(&owner_on, outside), QUIRE_OK);
		assert_int_equal(quire_page_story(&q, 5000, &s), QUIRE_ENOENT);
		who = 42;
		rig_cpu = 1;
		pfn = take(3);
		s = story(pfn + 5);
		assert_true(s.held && s.head == pfn && s.order == 3 && s.gfp == QUIRE_GFP_KERNEL);
		assert_true(s.taken.by == 42 && s.taken.cpu == 1 && s.taken.site && s.taken.ns && !s.freed.known);
		who = 43;
		rig_cpu = 0;
		give(pfn, 3);
		s = story(pfn + 7);
		assert_true(!s.held && s.head == pfn && s.freed.by == 43 && s.freed.cpu == 0 && s.freed.ns > s.taken.ns);
		assert_true(s.freed.site && s.freed.site != s.taken.site);
		/* Taken again, in smaller pieces: the frame's present, not its past. */
		assert_int_equal(quire_zone_take_frames(quire_topology_zone_of(&q.topology, &q.memblock, pfn), pfn, 1,
							QUIRE_MIGRATE_UNMOVABLE), QUIRE_OK);
		assert_true(story(pfn).held && story(pfn).order == 0 && story(pfn).freed.by == 43);
		assert_false(story(pfn + 1).held);
		quire_fini(&q);
	}
	assert_int_equal(rig_boot(&(struct quire_debug_options){ .page_poison = true }, true), QUIRE_OK);
	assert_int_equal(quire_page_story(&q, take(0), &s), QUIRE_ENOENT);
}

static bool count_held(void *ctx, const struct quire_page_story *s)
{
	*(uint64_t *)ctx += 1ull << s->order;
	assert_true(s->held);
	return true;
}

static uint64_t held_pages(void)
{
	uint64_t pages = 0;

	quire_for_each_held(&q, count_held, &pages);
	return pages;
}

/* Every road in and out: bulk, exact, split, descriptors, masks, policies, frames by number. */
static void every_road_is_followed(void **state)
{
	const struct quire_nodemask mask = { { 1 } };
	struct quire_policy policy = { .mode = QUIRE_POLICY_INTERLEAVE, .nodes = { { 1 } } };
	quire_pfn_t pfn, many[5], run;
	struct quire_page *page;
	const struct quire_zone *zone;

	(void)state;
	assert_int_equal(rig_boot(&owner_on, true), QUIRE_OK);
	for (unsigned i = 0; i < 5; i++)
		many[i] = QUIRE_PFN_NONE;
	assert_int_equal(quire_alloc_frames_bulk(&q, 0, QUIRE_GFP_KERNEL, 5, many), 5);
	assert_int_equal(held_pages(), 5);
	assert_true(story(many[4]).held && story(many[4]).taken.site);
	assert_int_equal(quire_free_frames_bulk(&q, 5, many), 0);
	assert_int_equal(held_pages(), 0);
	assert_int_equal(quire_alloc_frames_exact(&q, 0, 11, QUIRE_GFP_KERNEL, &run), QUIRE_OK);
	assert_int_equal(held_pages(), 11);
	assert_true(story(run + 10).order == 0 && story(run + 10).taken.site == story(run).taken.site);
	assert_int_equal(quire_free_frames_exact(&q, run, 11), QUIRE_OK);
	pfn = take(4);
	assert_int_equal(quire_split_frames(&q, pfn, 4, 2), QUIRE_OK);
	assert_true(story(pfn + 13).head == pfn + 12 && story(pfn + 13).order == 2 && story(pfn + 13).held);
	give(pfn + 4, 2);
	assert_int_equal(held_pages(), 12);
	give(pfn, 2);
	give(pfn + 8, 2);
	give(pfn + 12, 2);
	assert_int_equal(quire_alloc_pages(&q, 0, 1, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP, &page), QUIRE_OK);
	assert_int_equal(held_pages(), 2);
	assert_int_equal(quire_put_page(&q, page), QUIRE_OK);
	assert_int_equal(quire_alloc_frames_mask(&q, 0, &mask, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(story(pfn).taken.site != 0);
	give(pfn, 0);
	assert_int_equal(quire_alloc_frames_policy(&q, &policy, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(story(pfn).taken.site != 0);
	give(pfn, 0);
	zone = quire_topology_zone_of(&q.topology, &q.memblock, pfn);
	assert_int_equal(quire_zone_take_frames(zone, pfn, 1, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
	assert_true(story(pfn).held);
	give(pfn, 0);
	assert_int_equal(held_pages(), 0);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

/* --- blocks that move ------------------------------------------------------------------------------------------------- */

/* An owner of a few blocks, who has some of them pinned. */
struct mover {
	quire_pfn_t pfn[8];
	bool pinned[8];
};

static bool mover_holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	const struct mover *m = ctx;

	for (unsigned i = 0; i < 8; i++)
		if (pfn >= m->pfn[i] && pfn < m->pfn[i] + 2) {
			*held = (struct quire_held){ .pfn = m->pfn[i], .order = 1, .movable = true };
			return true;
		}
	return false;
}

static void mover_migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct mover *m = ctx;

	(void)mode;
	for (unsigned k = 0; k < n; k++)
		for (unsigned i = 0; i < 8; i++)
			if (m->pfn[i] == moves[k].from) {
				moves[k].status = m->pinned[i] ? QUIRE_EPERM : QUIRE_OK;
				if (!m->pinned[i])
					m->pfn[i] = moves[k].to;
				break;
			}
}

/* Who took a block is who took it, wherever it lies by now: not the engine, which took the frames it moved to. */
static void stories_move_along(void **state)
{
	struct quire_page_story before[8], after;
	struct mover m = { { 0 }, { 0 } };
	struct quire_owner owner = { .name = "mover", .holds = mover_holds, .migrate = mover_migrate, .ctx = &m };
	quire_pfn_t block;

	(void)state;
	for (unsigned pinned = 0; pinned < 2; pinned++) {
		assert_int_equal(rig_boot(&owner_on, true), QUIRE_OK);
		for (unsigned i = 0; i < 8; i++) {
			who = 100 + i;
			assert_int_equal(quire_alloc_frames(&q, 0, 1, QUIRE_GFP_HIGHUSER_MOVABLE, &m.pfn[i]), QUIRE_OK);
			before[i] = story(m.pfn[i]);
			m.pinned[i] = pinned && i == 5;
		}
		assert_int_equal(quire_register_owner(&q, &owner), QUIRE_OK);
		who = 7;
		block = m.pfn[0] & ~511ull;
		assert_int_equal(quire_alloc_range(&q, block, 512, QUIRE_GFP_KERNEL, NULL), pinned ? QUIRE_EBUSY : QUIRE_OK);
		for (unsigned i = 0; i < 8; i++) {
			after = story(m.pfn[i] + 1);
			assert_true(m.pinned[i] || pinned || m.pfn[i] - block >= 512);
			assert_true(after.held && after.head == m.pfn[i] && after.order == 1);
			assert_int_equal(after.taken.by, 100 + i);
			assert_int_equal(after.gfp, before[i].gfp);
			assert_memory_equal(&after.taken, &before[i].taken, sizeof(after.taken));
		}
		assert_int_equal(held_pages(), pinned ? 16 : 16 + 512);
		assert_int_equal(quire_unregister_owner(&q, &owner), QUIRE_OK);
		assert_int_equal(quire_check(&q), QUIRE_OK);
		quire_fini(&q);
	}
}

__attribute__((noinline)) static quire_pfn_t take_here(void) { return take(0); }
__attribute__((noinline)) static quire_pfn_t take_there(void)
{
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(&q, 0, 2, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	return pfn;
}

static void holders_are_grouped(void **state)
{
	struct quire_holder groups[8], rest;
	quire_pfn_t first;
	uint64_t since;

	(void)state;
	assert_int_equal(rig_boot(&owner_on, true), QUIRE_OK);
	who = 7;
	first = take_here();
	for (unsigned i = 0; i < 9; i++)
		take_here();
	since = clock_ns + 1;
	who = 8;
	for (unsigned i = 0; i < 5; i++)
		take_there();
	assert_int_equal(quire_group_holders(&q, UINT64_MAX, groups, 8, NULL), 2);
	assert_true(groups[0].blocks == 5 && groups[0].pages == 20 && groups[0].by == 8);
	assert_true(groups[1].blocks == 10 && groups[1].pages == 10 && groups[1].by == 7 && groups[1].example == first);
	assert_true(groups[0].site != groups[1].site && groups[1].oldest_ns < groups[1].newest_ns);
	/* What is old. */
	assert_int_equal(quire_group_holders(&q, since, groups, 8, NULL), 1);
	assert_int_equal(groups[0].by, 7);
	/* One room for two. */
	assert_int_equal(quire_group_holders(&q, UINT64_MAX, groups, 1, &rest), 1);
	assert_true(groups[0].pages + rest.pages == 30 && groups[0].blocks + rest.blocks == 15 && rest.blocks);
	text[0] = '\0';
	quire_report_holders(&q, UINT64_MAX, &sink);
	assert_non_null(strstr(text, "        20          5"));
	text[0] = '\0';
	quire_report_page_owner(&q, &sink);
	assert_non_null(strstr(text, "Page allocated via order 2, mask 0xcc0(KERNEL), pid 8, tgid 8"));
}

/* --- frees that are wrong --------------------------------------------------------------------------------------------- */

/* Something of the engine's state, as far as frees show in it. */
static uint64_t state_now(void)
{
	uint64_t held = q.page_alloc.debug ? held_pages() : 0;

	return free_pages() * 100000 + held;
}

static void wrong_frees(bool told_at_once)
{
	quire_pfn_t pfn = take(2), single = take(0);
	uint64_t before = state_now();

	assert_int_equal(quire_free_frames(&q, pfn, 1), QUIRE_EINVAL);
	/* The frames behind it may be free, or somebody's. */
	assert_int_not_equal(quire_free_frames(&q, pfn, 3), QUIRE_OK);
	assert_int_equal(quire_free_frames(&q, pfn + 1, 0), QUIRE_EINVAL);
	assert_int_equal(quire_free_frames(&q, pfn + 1, 2), QUIRE_EINVAL);
	assert_int_equal(quire_free_frames(&q, 300, 0), QUIRE_ENOENT);		/* the kernel's */
	assert_int_equal(quire_free_frames(&q, HOLE_BASE >> 12, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&q, FRAMES + 5, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&q, 1ull << 50, 9), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&q, QUIRE_PFN_NONE, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&q, pfn, 64), QUIRE_EINVAL);
	assert_int_equal(state_now(), before);
	give(single, 0);
	assert_int_equal(quire_free_frames(&q, single, 0), QUIRE_EEXIST);
	give(pfn, 2);
	assert_int_equal(quire_free_frames(&q, pfn, 2), QUIRE_EEXIST);
	/* A third party's frames, where CPUs keep some: told now or when they leave. */
	if (told_at_once)
		assert_int_equal(quire_free_frames(&q, pfn, 0), QUIRE_EEXIST);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

static void wrong_frees_are_refused(void **state)
{
	static const struct quire_debug_options debug[] = {
		{ 0 }, { .page_owner = true }, { .page_poison = true }, { .init_on_free = true },
		{ .debug_pagealloc = true },
		{ .debug_pagealloc = true, .guardpage_minorder = 1, .page_owner = true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(debug) / sizeof(debug[0]); i++)
		for (unsigned outside = 0; outside < 2; outside++) {
			assert_int_equal(rig_boot(&debug[i], outside), QUIRE_OK);
			for (unsigned round = 0; round < 5; round++)
				wrong_frees(i == 1 || i == 2);
			quire_fini(&q);
		}
}

static void a_refusal_tells_the_story(void **state)
{
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(rig_boot(&owner_on, true), QUIRE_OK);
	who = 11;
	pfn = take(0);
	who = 12;
	rig_cpu = 1;
	give(pfn, 0);
	assert_int_equal(quire_free_frames(&q, pfn, 0), QUIRE_EEXIST);
	assert_non_null(strstr(logged, "not taken back: it is free already"));
	assert_non_null(strstr(logged, "taken on CPU 0 by 11 from"));
	assert_true(rig_logged("given back on CPU 1 by 12 from"));
}

/* The engine's own frames (fronts, nodes of trees, notes) are not for callers to give back, whatever order they name. */
static void the_engines_frames_are_not_given_away(void **state)
{
	static uint8_t mine[FRAMES];
	uint64_t before, strangers = 0;

	(void)state;
	assert_int_equal(rig_boot(&(struct quire_debug_options){ 0 }, false), QUIRE_OK);
	memset(mine, 0, sizeof(mine));
	for (unsigned i = 0; i < 3000; i++)
		mine[take(0)] = 1;
	before = free_pages();
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		for (unsigned order = 0; order < 11; order++)
			if (!mine[pfn] && quire_free_frames(&q, pfn, order) == QUIRE_OK)
				strangers++;
	assert_int_equal(strangers, 0);
	assert_int_equal(free_pages(), before);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_block_has_a_story), RIG_TEST(every_road_is_followed), RIG_TEST(stories_move_along),
		RIG_TEST(holders_are_grouped), RIG_TEST(wrong_frees_are_refused), RIG_TEST(a_refusal_tells_the_story),
		RIG_TEST(the_engines_frames_are_not_given_away),
	};

	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
