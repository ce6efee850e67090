/* Compaction: whole pageblocks come back, nothing is lost, nothing moves in vain; when it is not tried. */
#include "mobility/holder.h"

#include <quire/compaction.h>

#include "mobility/compact.h"
#include "mobility/direct.h"

#define REQUEST (QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_THISNODE)
#define NOWAIT (QUIRE_GFP_NOWAIT | QUIRE_GFP_THISNODE | QUIRE_GFP_NOWARN)
#define HERE (QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_THISNODE | QUIRE_GFP_MEMALLOC)

static uint64_t seed;
static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 8;
}

/* Every frame taken, then so many percent left, without order. */
static struct holder *scattered(struct machine *m, unsigned percent)
{
	struct holder *h = holder_open(m);

	seed = 88172645463325252u;
	for (int nid = 0; nid < 2; nid++)
		while (holder_take(h, nid, 0, HERE) != QUIRE_PFN_NONE)
			continue;
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (h->head[pfn] == pfn && rnd() % 100 >= percent)
			holder_give(h, pfn);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	return h;
}

static void close_all(struct machine *m, struct holder *h)
{
	holder_give_all(h);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
	holder_close(h);
}

static uint64_t whole_pageblocks(const struct holder *h, quire_pfn_t start)
{
	uint64_t whole = 0;

	for (quire_pfn_t block = start; block < start + ZONE_PAGES; block += 512) {
		unsigned used = 0;

		for (quire_pfn_t pfn = block; pfn < block + 512; pfn++)
			used += h->head[pfn] != NO_BLOCK;
		whole += !used;
	}
	return whole;
}

static uint64_t held_in(const struct holder *h, quire_pfn_t start)
{
	uint64_t held = 0;

	for (quire_pfn_t pfn = start; pfn < start + ZONE_PAGES; pfn++)
		held += h->head[pfn] != NO_BLOCK;
	return held;
}

static void all_there_can_be(void **state)
{
	struct machine *m = *state;

	for (unsigned percent = 10; percent < 100; percent += 20) {
		struct holder *h = scattered(m, percent);
		uint64_t sum = holder_sum(h), free = free_everywhere(m), held = held_in(h, NODE1_START), least;
		struct quire_compact_stats stats, earlier;

		quire_zone_compact_stats(zone_of(m, NODE1_START), &earlier);
		assert_int_equal(whole_pageblocks(h, NODE1_START), 0);
		assert_int_equal(quire_compact_node(&m->q, 1), QUIRE_COMPACT_SUCCESS);
		least = (held + 511) / 512;
		assert_in_range(whole_pageblocks(h, NODE1_START), 64 - least - 1, 64 - least);
		assert_int_equal(whole_pageblocks(h, NORMAL_START), 0);
		assert_int_equal(holder_sum(h), sum);
		assert_int_equal(free_everywhere(m), free);
		check_machine(m);
		quire_zone_compact_stats(zone_of(m, NODE1_START), &stats);
		assert_int_equal(stats.moved - earlier.moved, h->migrations);
		/* No frame moves more than about once. */
		assert_true(h->migrations < held * 11 / 10);
		close_all(m, h);
	}
}

static uint32_t before[FRAMES], heads[FRAMES];

/* A pinned frame in every other pageblock: those do not move at all. */
static void pinned_pageblocks_are_left_alone(void **state)
{
	struct machine *m = *state;
	struct holder *h = scattered(m, 30);
	uint64_t sum = holder_sum(h);

	/* The last one in use, so that all others come before it. */
	for (quire_pfn_t block = NODE1_START; block < FRAMES; block += 1024)
		for (quire_pfn_t pfn = block + 511; pfn >= block; pfn--)
			if (h->head[pfn] == pfn) {
				h->pinned[pfn] = 1;
				break;
			}
	memcpy(before, h->content, sizeof(before));
	memcpy(heads, h->head, sizeof(heads));
	assert_int_equal(quire_compact_node(&m->q, 1), QUIRE_COMPACT_SUCCESS);
	assert_true(whole_pageblocks(h, NODE1_START) >= 28);
	for (quire_pfn_t pfn = NODE1_START; pfn < FRAMES; pfn++)
		if (pfn / 512 % 2 == 0 && heads[pfn] != NO_BLOCK) {
			assert_int_equal(h->head[pfn], heads[pfn]);
			assert_int_equal(h->content[pfn], before[pfn]);
		}
	assert_int_equal(holder_sum(h), sum);
	check_machine(m);
	/* What nobody claims is in the way just the same. */
	h->deny = true;
	h->migrations = 0;
	assert_true(quire_compact_node(&m->q, 0) < QUIRE_COMPACT_SUCCESS);
	assert_int_equal(h->migrations, 0);
	h->deny = false;
	close_all(m, h);
}

/* Directly, for one request: the block is its own, and it is the cheapest that moves. */
static void captured_for_the_request(void **state)
{
	struct machine *m = *state;

	for (unsigned order = 2; order <= 11; order++)
		for (unsigned priority = 0; priority < 3; priority++) {
			struct holder *h = scattered(m, 60);
			uint64_t sum = holder_sum(h), free = free_everywhere(m);
			struct qi_walk walk;
			quire_pfn_t pfn = QUIRE_PFN_NONE;
			enum quire_compact_result result;
			bool had = order <= 4;

			assert_int_equal(qi_walk_begin(&m->q, 1, order, REQUEST, &walk), QUIRE_OK);
			result = qi_compact_direct(&walk, QUIRE_WMARK_MIN, priority, &pfn);
			/* Small blocks may be there without it. */
			if (!had) {
				assert_int_equal(result, QUIRE_COMPACT_SUCCESS);
				assert_true(pfn >= NODE1_START && pfn % (1u << order) == 0);
				assert_true(h->migrations < 1u << order);
			}
			assert_int_equal(holder_sum(h), sum);
			assert_int_equal(free_everywhere(m), free - (pfn != QUIRE_PFN_NONE ? 1u << order : 0));
			check_machine(m);
			if (pfn != QUIRE_PFN_NONE)
				assert_int_equal(quire_free_frames(&m->q, pfn, order), QUIRE_OK);
			close_all(m, h);
		}
}

static void too_little_memory(void **state)
{
	struct machine *m = *state;
	struct holder *h = scattered(m, 97);
	struct qi_walk walk;
	quire_pfn_t pfn;

	assert_int_equal(qi_walk_begin(&m->q, 1, 9, REQUEST, &walk), QUIRE_OK);
	assert_int_equal(qi_compact_direct(&walk, QUIRE_WMARK_MIN, QI_COMPACT_SYNC, &pfn), QUIRE_COMPACT_SKIPPED);
	assert_int_equal(h->migrations, 0);
	walk.no_compaction = true;
	assert_int_equal(qi_compact_direct(&walk, QUIRE_WMARK_MIN, QI_COMPACT_FULL, &pfn), QUIRE_COMPACT_SKIPPED);
	close_all(m, h);
}

/* What is free lies in few large blocks: too little memory, not scattered memory, by the threshold. */
static void not_scattered_enough(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = qi_zone_of(zone_of(m, NODE1_START));
	struct holder *h = holder_open(m);
	int index;

	while (holder_take(h, 1, 0, HERE) != QUIRE_PFN_NONE)
		continue;
	for (quire_pfn_t block = NODE1_START; block < NODE1_START + 12 * 512; block += 512)
		for (quire_pfn_t pfn = block; pfn < block + 256; pfn++)
			holder_give(h, pfn);
	quire_drain_frames(&m->q);
	index = quire_fragmentation_index(za->zone, 9);
	assert_in_range(index, 300, 499);
	assert_int_equal(qi_compact_suitable(za, 9, QUIRE_MIGRATE_MOVABLE, QUIRE_ZONE_NORMAL, QUIRE_WMARK_MIN),
			 QUIRE_COMPACT_SKIPPED);
	m->q.config.tunables.extfrag_threshold = (unsigned)index - 1;
	assert_int_equal(qi_compact_suitable(za, 9, QUIRE_MIGRATE_MOVABLE, QUIRE_ZONE_NORMAL, QUIRE_WMARK_MIN),
			 QUIRE_COMPACT_PARTIAL);
	m->q.config.tunables.extfrag_threshold = 500;
	close_all(m, h);
}

/* After k failures 2^k requests are put off, 64 at most; a success ends that. */
static void failures_are_remembered(void **state)
{
	struct machine *m = *state;
	struct qi_zone *za = qi_zone_of(zone_of(m, NODE1_START));

	for (unsigned k = 1; k <= 8; k++) {
		unsigned n = 0;

		qi_compaction_failed(za, 9);
		while (qi_compaction_deferred(za, 9))
			n++;
		assert_int_equal(n, (1u << (k < 6 ? k : 6)) - 1);
	}
	assert_false(qi_compaction_deferred(za, 0) && za->compact.failed_order > 0);
	qi_compaction_helped(za, 9);
	assert_int_equal(za->compact.failed_order, 10);
	assert_false(qi_compaction_deferred(za, 9));
	assert_false(qi_compaction_deferred(za, 10));
	qi_compaction_failed(za, 10);
	assert_true(qi_compaction_deferred(za, 10));
	assert_false(qi_compaction_deferred(za, 9));
}

static void one_at_a_time(void **state)
{
	struct machine *m = *state;
	struct holder *h = scattered(m, 50);
	struct qi_zone *za = qi_zone_of(zone_of(m, NODE1_START));

	qi_lock(&za->compact.turn);
	assert_int_equal(quire_compact_node(&m->q, 1), QUIRE_COMPACT_CONTENDED);
	assert_int_equal(h->migrations, 0);
	qi_unlock(&za->compact.turn);
	close_all(m, h);
}

static void indices(void **state)
{
	struct machine *m = *state;
	struct quire_zone *zone = zone_of(m, NODE1_START);
	struct holder *h;
	uint64_t blocks[3] = { 0 }, free = 0;

	assert_int_equal(quire_fragmentation_index(zone, 9), -1000);
	assert_int_equal(quire_unusable_index(zone, 9), 0);
	assert_int_equal(quire_fragmentation_score(&m->q, 1), 0);
	h = holder_open(m);
	while (holder_take(h, 1, 0, HERE) != QUIRE_PFN_NONE)
		continue;
	assert_int_equal(quire_fragmentation_index(zone, 0), 0);
	/* Blocks of one, two and four frames, by the formula of the index. */
	for (quire_pfn_t pfn = NODE1_START; pfn < NODE1_START + 8192; pfn += 16) {
		unsigned order = (unsigned)(pfn / 16 % 3);

		for (unsigned i = 0; i < 1u << order; i++)
			holder_give(h, pfn + i);
		blocks[order]++;
		free += 1u << order;
	}
	quire_drain_frames(&m->q);
	assert_int_equal(quire_fragmentation_index(zone, 2), -1000);
	assert_int_equal(quire_fragmentation_index(zone, 3),
			 1000 - (int)((1000 + free * 1000 / 8) / (blocks[0] + blocks[1] + blocks[2])));
	assert_int_equal(quire_unusable_index(zone, 1), blocks[0] * 1000 / free);
	assert_int_equal(quire_unusable_index(zone, 2), (blocks[0] + 2 * blocks[1]) * 1000 / free);
	assert_int_equal(quire_unusable_index(zone, 3), 1000);
	assert_int_equal(quire_fragmentation_score(&m->q, 1), 99);	/* 100 of a node of present + 1 */
	close_all(m, h);
}

static uint64_t time_now;
static uint64_t now_ns(void *ctx) { (void)ctx; return time_now; }

static void in_the_background(void **state)
{
	struct machine *m = *state;
	struct holder *h = scattered(m, 50);
	struct qi_walk walk;
	struct quire_compact_stats stats;

	platform.now_ns = now_ns;
	time_now = 1000000000;
	m->q.config.tunables.compaction_proactiveness = 0;
	assert_int_equal(quire_compaction_tick(&m->q, QUIRE_NO_NODE), 0);
	/* Woken by a request. */
	assert_false(quire_compaction_wanted(&m->q));
	assert_int_equal(qi_walk_begin(&m->q, 1, 9, REQUEST, &walk), QUIRE_OK);
	qi_wake_compactor(&walk);
	assert_true(quire_compaction_wanted(&m->q));
	assert_true(quire_compaction_tick(&m->q, QUIRE_NO_NODE) > 0);
	assert_false(quire_compaction_wanted(&m->q));
	assert_int_equal(whole_pageblocks(h, NODE1_START), 1);
	quire_zone_compact_stats(zone_of(m, NODE1_START), &stats);
	assert_int_equal(stats.daemon_wake, 1);
	/* By the score: down to 100 - proactiveness. */
	m->q.config.tunables.compaction_proactiveness = 40;
	assert_true(quire_compaction_tick(&m->q, 1) > 0);
	assert_in_range(quire_fragmentation_score(&m->q, 1), 50, 60);
	assert_true(quire_compaction_tick(&m->q, 1) == 0);
	check_machine(m);
	platform.now_ns = NULL;
	close_all(m, h);
}

/* Half a second between runs; half a minute after one in vain. */
static void in_vain_less_often(void **state)
{
	struct machine *m = *state;
	struct holder *h = scattered(m, 50);
	struct quire_compact_stats earlier, later;

	platform.now_ns = now_ns;
	time_now = 1000000000;
	m->q.config.tunables.compaction_proactiveness = 100;
	h->deny = true;
	assert_int_equal(quire_compaction_tick(&m->q, 1), 0);
	quire_zone_compact_stats(zone_of(m, NODE1_START), &earlier);
	assert_true(earlier.migrate_scanned > 0);
	time_now += 31000000000ull;
	assert_int_equal(quire_compaction_tick(&m->q, 1), 0);
	quire_zone_compact_stats(zone_of(m, NODE1_START), &later);
	assert_int_equal(later.migrate_scanned, earlier.migrate_scanned);
	time_now += 2000000000;
	h->deny = false;
	assert_true(quire_compaction_tick(&m->q, 1) > 0);
	platform.now_ns = NULL;
	close_all(m, h);
}

/* The whole road: an ordinary request, which finds no block, has one made. */
static void for_ordinary_requests(void **state)
{
	struct machine *m = *state;

	for (unsigned order = 6; order <= 10; order += 2) {
		struct holder *h = scattered(m, 50);
		uint64_t sum = holder_sum(h);
		quire_gfp_t here = QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE;
		quire_pfn_t pfn;

		/* Who cannot wait gets none, but the compactor is woken. */
		assert_int_equal(quire_alloc_frames(&m->q, 1, order, NOWAIT, &pfn), QUIRE_ENOMEM);
		assert_true(quire_compaction_wanted(&m->q));
		assert_int_equal(h->migrations, 0);
		assert_int_equal(quire_alloc_frames(&m->q, 1, order, here, &pfn), QUIRE_OK);
		assert_true(h->migrations > 0 && h->migrations < 2u << order);
		assert_int_equal(holder_sum(h), sum);
		check_machine(m);
		assert_int_equal(quire_free_frames(&m->q, pfn, order), QUIRE_OK);
		/* In the end with NORETRY too: what is asked for first does not wait. */
		assert_int_equal(quire_alloc_frames(&m->q, 1, order + 1, here | QUIRE_GFP_NORETRY, &pfn), QUIRE_OK);
		assert_int_equal(quire_free_frames(&m->q, pfn, order + 1), QUIRE_OK);
		quire_compaction_tick(&m->q, QUIRE_NO_NODE);
		close_all(m, h);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)
	const struct CMUnitTest tests[] = {
		TEST(all_there_can_be), TEST(pinned_pageblocks_are_left_alone), TEST(captured_for_the_request),
		TEST(too_little_memory), TEST(not_scattered_enough),
		TEST(failures_are_remembered), TEST(one_at_a_time), TEST(indices),
		TEST(in_the_background), TEST(in_vain_less_often), TEST(for_ordinary_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
