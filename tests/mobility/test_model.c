/*
 * Random blocks taken, given back, pinned; ranges wanted here and anywhere, surveyed, isolated; against an array of frames
 * that knows who has what. What a range call answers must follow from the array; contents must survive; the trees must
 * agree with the array and with themselves.
 */
#include "mobility/holder.h"

#include <quire/compaction.h>

#define STEPS 6000u
#define CLOSELY 600u		/* steps after each of which everything is compared */
#define STRANGERS 24u
#define RANGES 48u

struct range {
	quire_pfn_t pfn;
	uint64_t count;
};

struct model {
	struct machine *m;
	struct holder *h;
	uint64_t seed;
	struct { quire_pfn_t pfn; unsigned order; } strangers[STRANGERS];
	struct range ranges[RANGES];
	uint8_t other[FRAMES];			/* a stranger's, or of a range */
	uint64_t others;
	unsigned outcomes[QUIRE_STATUSES];
};

static uint64_t rnd(struct model *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed >> 8;
}

static void mark_others(struct model *t, quire_pfn_t pfn, uint64_t count, uint8_t value)
{
	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		assert_int_equal(t->other[at], !value);
		assert_true(t->h->head[at] == NO_BLOCK);
		t->other[at] = value;
	}
	t->others += value ? count : -count;
}

static bool is_memory(quire_pfn_t pfn)
{
	return pfn - DMA32_START < ZONE_PAGES || pfn - NORMAL_START < ZONE_PAGES || pfn - NODE1_START < ZONE_PAGES;
}

/* What can be in the way of [pfn, pfn + count), by the array. */
struct contents {
	uint64_t absent, fixed, held, free, largest;
	quire_pfn_t first_fixed;
};

static struct contents look(const struct model *t, quire_pfn_t pfn, uint64_t count)
{
	struct contents c = { .first_fixed = QUIRE_PFN_NONE };

	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		uint32_t head = at < FRAMES ? t->h->head[at] : NO_BLOCK;
		bool fixed = at < FRAMES && (t->other[at] || (head != NO_BLOCK && t->h->pinned[head]));

		c.absent += !is_memory(at);
		c.fixed += fixed;
		c.held += head != NO_BLOCK && !fixed;
		c.free += is_memory(at) && head == NO_BLOCK && !fixed;
		if (fixed && c.first_fixed == QUIRE_PFN_NONE)
			c.first_fixed = at;
		if (head != NO_BLOCK)
			c.largest = t->h->order[head] > c.largest ? t->h->order[head] : c.largest;
	}
	return c;
}

static void compare(struct model *t)
{
	check_machine(t->m);
	assert_int_equal(free_everywhere(t->m), ALL_FRAMES - t->h->held - t->others);
}

static struct range random_range(struct model *t)
{
	static const uint64_t lengths[] = { 1, 3, 64, 100, 512, 700, 2048, 5000 };
	struct range r = { .count = 1 + rnd(t) % lengths[rnd(t) % 8] };

	r.pfn = DMA32_START - 8 + rnd(t) % (FRAMES - DMA32_START);
	/* Mostly where memory is. */
	while (rnd(t) % 16 && !(is_memory(r.pfn) && is_memory(r.pfn + r.count - 1)))
		r.pfn = DMA32_START + rnd(t) % (FRAMES - DMA32_START);
	return r;
}

static struct range *empty_range(struct model *t)
{
	for (unsigned i = 0; i < RANGES; i++)
		if (!t->ranges[i].count)
			return &t->ranges[i];
	return NULL;
}

static void want_range(struct model *t)
{
	struct range r = random_range(t), *slot = empty_range(t);
	struct contents before = look(t, r.pfn, r.count);
	struct quire_obstacle obstacle = { .pfn = QUIRE_PFN_NONE };
	uint64_t sum = holder_sum(t->h);
	enum quire_status status;

	if (!slot)
		return;
	status = quire_alloc_range(&t->m->q, r.pfn, r.count, rnd(t) % 2 ? QUIRE_GFP_KERNEL : QUIRE_GFP_NORETRY, &obstacle);
	t->outcomes[status]++;
	assert_int_equal(holder_sum(t->h), sum);
	if (before.absent)
		assert_true(status == QUIRE_ENOENT || (status == QUIRE_EBUSY && before.fixed));
	else if (before.fixed)
		assert_true(status == QUIRE_EBUSY || (status == QUIRE_ENOMEM && before.held));
	else
		assert_true(status == QUIRE_OK || (status == QUIRE_ENOMEM && before.held && (before.largest > 3 ||
			    free_everywhere(t->m) < ALL_FRAMES / 8)));
	if (status != QUIRE_OK) {
		assert_in_range(obstacle.pfn, r.pfn, r.pfn + r.count - 1);
		assert_non_null(obstacle.why);
		return;
	}
	*slot = r;
	mark_others(t, r.pfn, r.count, 1);
}

static void want_anywhere(struct model *t)
{
	struct range r = { .count = 1 + rnd(t) % 1500 }, *slot = empty_range(t);
	uint64_t align = rnd(t) % 3 ? 0 : 1ull << rnd(t) % 11, sum = holder_sum(t->h);
	quire_gfp_t gfp = rnd(t) % 2 ? QUIRE_GFP_KERNEL : QUIRE_GFP_HIGHUSER_MOVABLE;

	if (!slot || quire_alloc_contig(&t->m->q, (int)(rnd(t) % 2), r.count, align, gfp | QUIRE_GFP_NOWARN, &r.pfn, NULL) !=
		     QUIRE_OK)
		return;
	assert_int_equal(holder_sum(t->h), sum);
	assert_true(!align || r.pfn % align == 0);
	*slot = r;
	mark_others(t, r.pfn, r.count, 1);
}

static void give_range(struct model *t)
{
	struct range *r = &t->ranges[rnd(t) % RANGES];
	uint64_t part;

	if (!r->count)
		return;
	part = 1 + rnd(t) % r->count;
	mark_others(t, r->pfn, part, 0);
	assert_int_equal(quire_free_range(&t->m->q, r->pfn, part), QUIRE_OK);
	r->pfn += part;
	r->count -= part;
}

static void survey(struct model *t)
{
	struct range r = random_range(t);
	struct contents c = look(t, r.pfn, r.count);
	struct quire_survey s;

	assert_int_equal(quire_survey_range(&t->m->q, r.pfn, r.count, &s), QUIRE_OK);
	assert_int_equal(s.absent, c.absent);
	assert_int_equal(s.free, c.free);
	assert_int_equal(s.movable, c.held);
	assert_int_equal(s.unmovable, c.fixed);
	assert_true(!s.obstacles == !c.fixed);
	if (s.obstacles)
		assert_int_equal(s.obstacle[0].pfn, c.first_fixed);
	for (unsigned i = 1; i < s.obstacles && i < 8; i++)
		assert_true(s.obstacle[i].pfn > s.obstacle[i - 1].pfn);
}

/* Two want overlapping ranges; the second is refused and leaves the first as it was. */
static void isolate_twice(struct model *t)
{
	struct range r = random_range(t);

	unsigned flags = QI_RANGE_OFFLINE | QI_RANGE_UNCHECKED;
	quire_pfn_t before = r.pfn - qi_min(r.pfn, 5000);

	if (qi_isolate_range(&t->m->q, r.pfn, r.count, flags, NULL) != QUIRE_OK)
		return;
	assert_int_equal(qi_isolate_range(&t->m->q, before, r.pfn - before + r.count, flags, NULL), QUIRE_EBUSY);
	assert_int_equal(qi_isolate_range(&t->m->q, r.pfn, r.count + 600, flags, NULL), QUIRE_EBUSY);
	check_machine(t->m);
	qi_unisolate_range(&t->m->q, r.pfn, r.count);
	for (quire_pfn_t at = before; at < r.pfn + r.count + 600; at += 64)
		assert_int_not_equal(quire_pageblock_type(&t->m->q, at), QUIRE_MIGRATE_ISOLATE);
}

static void stranger(struct model *t)
{
	unsigned i = (unsigned)(rnd(t) % STRANGERS), order = (unsigned)(rnd(t) % 4);

	if (t->strangers[i].pfn) {
		mark_others(t, t->strangers[i].pfn, 1ull << t->strangers[i].order, 0);
		assert_int_equal(quire_free_frames(&t->m->q, t->strangers[i].pfn, t->strangers[i].order), QUIRE_OK);
		t->strangers[i].pfn = 0;
	} else if (quire_alloc_frames(&t->m->q, (int)(rnd(t) % 2), order, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN,
				      &t->strangers[i].pfn) == QUIRE_OK) {
		t->strangers[i].order = order;
		mark_others(t, t->strangers[i].pfn, 1ull << order, 1);
	} else {
		t->strangers[i].pfn = 0;
	}
}

/* Fill up or thin out, so that the machine goes through all degrees of fullness. */
static void churn(struct model *t, bool take)
{
	for (unsigned n = 0; n < 300; n++) {
		quire_pfn_t pfn = rnd(t) % FRAMES;

		if (take)
			holder_take(t->h, (int)(rnd(t) % 2), rnd(t) % 8 ? 0 : (unsigned)(rnd(t) % 10),
				    rnd(t) % 9 ? QUIRE_GFP_HIGHUSER_MOVABLE : QUIRE_GFP_KERNEL);
		else if (t->h->head[pfn] != NO_BLOCK)
			holder_give(t->h, t->h->head[pfn]);
	}
}

/* Compaction, with an owner who refuses somewhere in between. */
static void compact(struct model *t)
{
	uint64_t sum = holder_sum(t->h);
	unsigned order = 4 + (unsigned)(rnd(t) % 7);
	quire_gfp_t gfp = QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN;
	quire_pfn_t pfn;

	t->h->refuse_at = rnd(t) % 2 ? 0 : t->h->migrations + 1 + (unsigned)(rnd(t) % 200);
	t->h->refusal = rnd(t) % 2 ? QUIRE_EBUSY : QUIRE_EPERM;
	if (rnd(t) % 8 == 0)
		quire_compact_node(&t->m->q, (int)(rnd(t) % 2));
	else if (quire_alloc_frames(&t->m->q, (int)(rnd(t) % 2), order, gfp, &pfn) == QUIRE_OK)
		assert_int_equal(quire_free_frames(&t->m->q, pfn, order), QUIRE_OK);
	quire_compaction_tick(&t->m->q, QUIRE_NO_NODE);
	t->h->refuse_at = 0;
	assert_int_equal(holder_sum(t->h), sum);
}

static void pin(struct model *t)
{
	uint32_t head = t->h->head[rnd(t) % FRAMES];

	if (head != NO_BLOCK)
		t->h->pinned[head] = rnd(t) % 8 == 0;
}

static void step(struct model *t, bool filling)
{
	switch (rnd(t) % 16) {
	case 0: case 1: case 2: want_range(t); break;
	case 3: want_anywhere(t); break;
	case 4: case 5: case 6: give_range(t); break;
	case 7: survey(t); break;
	case 8: isolate_twice(t); break;
	case 9: stranger(t); break;
	case 10: case 11: pin(t); break;
	case 12: compact(t); break;
	default: churn(t, rnd(t) % 8 ? filling : !filling); break;
	}
	now_on = (unsigned)(rnd(t) % 4);
}

static void end(struct model *t)
{
	for (unsigned i = 0; i < RANGES; i++)
		if (t->ranges[i].count)
			assert_int_equal(quire_free_range(&t->m->q, t->ranges[i].pfn, t->ranges[i].count), QUIRE_OK);
	for (unsigned i = 0; i < STRANGERS; i++)
		if (t->strangers[i].pfn)
			quire_free_frames(&t->m->q, t->strangers[i].pfn, t->strangers[i].order);
	holder_give_all(t->h);
	assert_int_equal(free_everywhere(t->m), ALL_FRAMES);
	check_machine(t->m);
}

static void run(struct machine *m, uint64_t seed)
{
	struct model *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->m = m;
	t->h = holder_open(m);
	t->seed = seed * 2654435761u + 88172645463325252u;
	for (unsigned i = 0; i < STEPS; i++) {
		step(t, i / 700 % 2 == 0);
		if (i < CLOSELY || i % 50 == 0)
			compare(t);
	}
	/* The test is worth something only if all of it happened. */
	assert_true(t->outcomes[QUIRE_OK] > 50 && t->outcomes[QUIRE_EBUSY] > 50 && t->outcomes[QUIRE_ENOENT] > 3);
	end(t);
	assert_int_equal(errors_logged, 0);
	holder_close(t->h);
	free(t);
}

static void random_ranges(void **state) { run(*state, 1); }
static void random_ranges_again(void **state) { run(*state, 2); }

/* Pageblocks of four leaves, as on machines without PAE or with larger pages. */
static void large_pageblocks(void **state)
{
	run(*state, 3);
}

static int open_large(void **state)
{
	struct machine *m;

	open_machine(state);
	m = *state;
	m->q.config.geometry.pageblock_order = 11;
	for (int nid = 0; nid < 2; nid++)
		for (int type = 0; type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone *zone = &m->nodes[nid].zones[type];

			if (!zone->tree)
				continue;
			qi_zone_close(&m->q, zone);
			assert_int_equal(qi_zone_open(&m->q, zone), QUIRE_OK);
			assert_int_equal(qi_zone_hand_over(&m->q, zone, zone->start_pfn, ZONE_PAGES), QUIRE_OK);
			assert_int_equal(zone->tree->config.pageblock_order, 11);
		}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_ranges, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(random_ranges_again, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(large_pageblocks, open_large, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
