/*
 * Random requests against a naive reference: a byte per frame says whether it is handed out and as part of what. After
 * every step what was handed out must have been free, lie in an allowed zone, be aligned; what was refused must have been
 * too much; now and then everything is counted.
 */
#include "machine.h"

#define FRAMES (NODE1_START + ZONE_PAGES)
#define LIVE 600u
#define STEPS 30000u

struct block {
	quire_pfn_t pfn;
	uint64_t count;			/* frames; a block of the order, or (exact) single ones */
	unsigned order;
	bool exact;
};

static uint8_t taken[FRAMES];
static struct block live[LIVE];
static size_t live_count;
static uint64_t taken_count;
static uint64_t seed;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 11) % n;
}

static void mark(quire_pfn_t pfn, uint64_t count, uint8_t from)
{
	for (uint64_t i = 0; i < count; i++) {
		assert_true(pfn + i < FRAMES);
		assert_int_equal(taken[pfn + i], from);
		taken[pfn + i] = !from;
	}
	taken_count += from ? -count : count;
}

static void remember(quire_pfn_t pfn, uint64_t count, unsigned order, bool exact)
{
	mark(pfn, count, 0);
	live[live_count++] = (struct block){ pfn, count, order, exact };
}

static void take(struct machine *m)
{
	static const quire_gfp_t flags[] = {
		QUIRE_GFP_KERNEL, QUIRE_GFP_ATOMIC, QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE,
		QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32, QUIRE_GFP_NOWAIT, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE,
	};
	quire_gfp_t gfp = flags[random_below(sizeof(flags) / sizeof(flags[0]))] | QUIRE_GFP_NOWARN;
	unsigned order = random_below(4) ? random_below(4) : random_below(12), kind = random_below(8);
	struct quire_nodemask mask = { { 1ull << random_below(2) } };
	int nid = (int)random_below(2);
	uint64_t count = 1ull << order;
	quire_pfn_t pfn;
	enum quire_status status;

	now_on = random_below(4);
	if (kind == 0) {
		count = 1 + random_below(1u << order);
		status = quire_alloc_frames_exact(&m->q, nid, count, gfp, &pfn);
	} else if (kind == 1) {
		status = quire_alloc_frames_mask(&m->q, nid, &mask, order, gfp, &pfn);
	} else {
		status = quire_alloc_frames(&m->q, nid, order, gfp, &pfn);
	}
	if (status != QUIRE_OK) {
		assert_int_equal(status, QUIRE_ENOMEM);
		return;
	}
	if (kind == 1)
		assert_true(quire_nodemask_test(&mask, zone_of(m, pfn)->node->nid));
	if (gfp & QUIRE_GFP_DMA32)
		assert_int_equal(zone_of(m, pfn)->type, QUIRE_ZONE_DMA32);
	if (kind && (gfp & QUIRE_GFP_THISNODE))
		assert_int_equal(zone_of(m, pfn)->node->nid, nid);
	if (kind)
		assert_int_equal(pfn % count, 0);
	remember(pfn, count, order, !kind);
}

static void give(struct machine *m)
{
	size_t i = random_below((unsigned)live_count);
	struct block block = live[i];

	now_on = random_below(4);
	if (!block.exact && random_below(8) == 0 && block.order) {
		unsigned to = random_below(block.order + 1);

		assert_int_equal(quire_split_frames(&m->q, block.pfn, block.order, to), QUIRE_OK);
		for (uint64_t at = 0; at < block.count; at += 1ull << to)
			assert_int_equal(quire_free_frames(&m->q, block.pfn + at, to), QUIRE_OK);
	} else if (block.exact) {
		assert_int_equal(quire_free_frames_exact(&m->q, block.pfn, block.count), QUIRE_OK);
	} else {
		assert_int_equal(quire_free_frames(&m->q, block.pfn, block.order), QUIRE_OK);
	}
	mark(block.pfn, block.count, 1);
	live[i] = live[--live_count];
}

static void count_all(struct machine *m)
{
	uint64_t free = 0;

	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
	for (unsigned i = 0; i < 3; i++)
		free += qi_tree_free_pages(m->lists[0][0][i]->tree);
	assert_int_equal(free + taken_count, 3 * ZONE_PAGES);
}

static void random_requests(void **state)
{
	static const uint64_t seeds[] = { 88172645463325252ull, 12345, 987654321 };
	struct machine *m = *state;

	for (unsigned run = 0; run < 3; run++) {
		seed = seeds[run];
		m->q.config.rules = run ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12;
		for (unsigned step = 0; step < STEPS; step++) {
			unsigned full = step / 3000 % 2 ? 7 : 5;

			if (live_count < LIVE && (!live_count || random_below(12) < full))
				take(m);
			else
				give(m);
			if (step % 2000 == 0)
				count_all(m);
		}
		while (live_count)
			give(m);
		count_all(m);
		assert_int_equal(taken_count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_requests, open_machine, close_machine),
	};

	return cmocka_run_group_tests_name("requests model", tests, NULL, NULL);
}
