/*
 * Advice that is followed: over random machines in random states, each thing the closing sentence of an explanation names is
 * done, one at a time, and the request that had failed succeeds.
 */
#include <stdio.h>

#include "booted.h"

#include <quire/explain.h>

#define MACHINES 20u
#define REQUESTS 32u

struct world {
	struct booted *b;
	uint64_t seed;
	uint8_t *mine;			/* by frame: 0 not to be had, 1 free, 2 held by the test */
	char text[16384];
	size_t length;
	/* How often each kind was followed. */
	unsigned together, more, more_in_block, smaller, changed, larger_machine;
};

static uint64_t below(struct world *w, uint64_t n) { return booted_random(&w->seed) % n; }

static void collect(void *ctx, const char *text, size_t length)
{
	struct world *w = ctx;

	assert_true(w->length + length < sizeof(w->text));
	memcpy(w->text + w->length, text, length);
	w->length += length;
	w->text[w->length] = '\0';
}

static const char *explain(struct world *w, int nid, unsigned order, quire_gfp_t gfp)
{
	const struct quire_report_sink sink = { collect, w };

	w->length = 0;
	quire_explain_failure(&w->b->q, nid, order, gfp, &sink);
	return w->text;
}

/* --- machines ------------------------------------------------------------------------------------------------------- */

static unsigned movable_percent;
static enum quire_rules rules;

static void configure(struct quire_config *config)
{
	config->rules = rules;
	config->thp = false;
	if (movable_percent)
		config->options.movablecore = (struct quire_amount){ .percent = movable_percent, .given = true };
}

/* One or two nodes, pieces of all sizes with holes between them, some above 4 GiB. */
static void make_machine(struct world *w)
{
	struct booted_options options = { .init = QUIRE_INIT_EAGER, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA,
					  .configure = configure };
	quire_phys_t at = MIB;

	options.map_count = 1 + (unsigned)below(w, 4);
	for (unsigned i = 0; i < options.map_count; i++) {
		quire_phys_t size = (2 + below(w, 40)) * MIB + below(w, 512) * 4096;

		if (i + 1 == options.map_count && below(w, 2))
			at = 4 * GIB;
		options.map[i] = (struct quire_memory_range){ .base = at, .size = size, .nid = (int)(i % 2) };
		at += size + below(w, 3) * (4096 + below(w, 4) * MIB);
	}
	movable_percent = below(w, 3) ? 0 : 20 + (unsigned)below(w, 50);
	rules = below(w, 2) ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12;
	w->b = booted_open(&options);
	w->mine = calloc(w->b->end, 1);
	assert_non_null(w->mine);
}

static struct quire *q_of(struct world *w) { return &w->b->q; }

static const struct quire_zone *zone_of(struct world *w, quire_pfn_t pfn)
{
	return quire_topology_zone_of(&q_of(w)->topology, &q_of(w)->memblock, pfn);
}

/* --- what is held: single frames all of them ------------------------------------------------------------------------ */

static bool take(struct world *w, unsigned order, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames(q_of(w), QUIRE_NO_NODE, order, gfp | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return false;
	if (order)
		assert_int_equal(quire_split_frames(q_of(w), pfn, order, 0), QUIRE_OK);
	memset(w->mine + pfn, 2, 1u << order);
	return true;
}

static void give(struct world *w, quire_pfn_t pfn)
{
	assert_int_equal(w->mine[pfn], 2);
	assert_int_equal(quire_free_frames(q_of(w), pfn, 0), QUIRE_OK);
	w->mine[pfn] = 1;
}

/* All there is: what is known to be to be had. */
static void take_all(struct world *w)
{
	while (take(w, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC))
		;
}

/*
 * Runs of random lengths go back, so many that little, much or hardly anything is free; or many frames far from each
 * other.
 */
static void stir(struct world *w)
{
	uint64_t runs = 1ull << below(w, 9), longest = 1ull << below(w, 11);

	take_all(w);
	if (!below(w, 3)) {
		runs = w->b->end >> (2 + below(w, 6));
		longest = 1 + below(w, 8);
	}
	for (uint64_t i = 0; i < runs; i++) {
		quire_pfn_t pfn = below(w, w->b->end), end = pfn + 1 + below(w, longest);

		for (; pfn < end && pfn < w->b->end; pfn++)
			if (w->mine[pfn] == 2)
				give(w, pfn);
	}
	assert_int_equal(quire_drain_frames(q_of(w)), QUIRE_OK);
}

/* --- following ------------------------------------------------------------------------------------------------------ */

struct request {
	int nid;
	unsigned order;
	quire_gfp_t gfp;
};

static void expect(struct world *w, const struct request *r, enum quire_status wanted, const char *why)
{
	enum quire_status status;
	quire_pfn_t pfn;
	const char *would = strstr(w->text, "It would have");
	char advice[1024];

	assert_int_equal(quire_drain_frames(q_of(w)), QUIRE_OK);
	snprintf(advice, sizeof(advice), "%.1000s", would ? would : w->text);
	status = quire_alloc_frames(q_of(w), r->nid, r->order, r->gfp, &pfn);
	if (status == QUIRE_OK)
		assert_int_equal(quire_free_frames(q_of(w), pfn, r->order), QUIRE_OK);
	if (status != wanted)
		fail_msg("%s: node %d order %u flags %#x: %s\n%s\nnow: %s", why, r->nid, r->order, r->gfp,
			 quire_status_string(status), advice, explain(w, r->nid, r->order, r->gfp));
	assert_int_equal(quire_drain_frames(q_of(w)), QUIRE_OK);
}

static bool in_zone(struct world *w, quire_pfn_t pfn, int nid, const char *name)
{
	const struct quire_zone *zone = zone_of(w, pfn);

	return zone && zone->node->nid == nid && strcmp(quire_zone_name(zone->type), name) == 0;
}

/* An aligned block of the zone that consists of frames that can be had. QUIRE_PFN_NONE: there is none. */
static quire_pfn_t whole_block(struct world *w, unsigned order, int nid, const char *name)
{
	uint64_t blocks = w->b->end >> order, start = blocks ? below(w, blocks) : 0;

	for (uint64_t i = 0; i < blocks; i++) {
		quire_pfn_t pfn = (start + i) % blocks << order, at = pfn;

		while (at < pfn + (1ull << order) && w->mine[at] && in_zone(w, at, nid, name))
			at++;
		if (at == pfn + (1ull << order))
			return pfn;
	}
	return QUIRE_PFN_NONE;
}

/* Give back up to n frames of the zone. How many there were. */
static uint64_t give_some(struct world *w, uint64_t n, int nid, const char *name)
{
	quire_pfn_t start = below(w, w->b->end);
	uint64_t given = 0;

	for (uint64_t i = 0; i < w->b->end && given < n; i++) {
		quire_pfn_t pfn = (start + i) % w->b->end;

		if (w->mine[pfn] == 2 && in_zone(w, pfn, nid, name)) {
			give(w, pfn);
			given++;
		}
	}
	return given;
}

/* Frames in use in a block change places with free ones elsewhere in the zone: as many are free as before, but together. */
static void lay_together(struct world *w, const struct request *r)
{
	const char *advice = strstr(w->text, "if the ");
	unsigned long long pages;
	quire_pfn_t block, other = 0;
	char name[16];
	int nid;

	if (!advice || sscanf(advice, "if the %llu free pages of node %d %15s", &pages, &nid, name) != 3)
		return;
	assert_true(pages >= 1ull << r->order);
	block = whole_block(w, r->order, nid, name);
	for (quire_pfn_t pfn = block; block != QUIRE_PFN_NONE && pfn < block + (1ull << r->order); pfn++) {
		if (w->mine[pfn] != 2)
			continue;
		while (other < w->b->end && (w->mine[other] != 1 || other - block < 1ull << r->order ||
					     !in_zone(w, other, nid, name)))
			other++;
		assert_true(other < w->b->end);
		assert_int_equal(quire_zone_take_frames(zone_of(w, other), other, 1, QUIRE_MIGRATE_MOVABLE), QUIRE_OK);
		w->mine[other] = 2;
		give(w, pfn);
	}
	if (block == QUIRE_PFN_NONE)
		return;
	w->together++;
	expect(w, r, QUIRE_OK, "what was free lies together");
}

/* So many more free pages, no more; one less is not enough. */
static void give_more(struct world *w, const struct request *r)
{
	const char *advice = strstr(w->text, "It would have succeeded with ");
	bool in_block = strstr(w->text, " and a block of order ") != NULL;
	unsigned long long pages;
	quire_pfn_t block;
	uint64_t given = 0;
	char name[16];
	int nid;

	if (!advice || sscanf(advice, "It would have succeeded with %llu more free page%*s in node %d %15[A-Za-z0-9]",
			      &pages, &nid, name) != 3)
		return;
	if (in_block) {
		block = whole_block(w, r->order, nid, name);
		if (block == QUIRE_PFN_NONE)
			return;
		for (quire_pfn_t pfn = block; pfn < block + (1ull << r->order); pfn++)
			if (w->mine[pfn] == 2) {
				give(w, pfn);
				given++;
			}
	}
	if (given < pages && give_some(w, pages - given - 1, nid, name) == pages - given - 1) {
		expect(w, r, QUIRE_ENOMEM, "one page less than was asked for");
		if (!give_some(w, 1, nid, name))
			return;
	} else if (given < pages) {
		return;
	}
	w->more++;
	w->more_in_block += in_block;
	expect(w, r, QUIRE_OK, "that many more are free");
}

static void ask_for_less(struct world *w, const struct request *r)
{
	const char *advice = strstr(w->text, "with order ");
	struct request smaller = *r;

	if (!advice || sscanf(advice, "with order %u", &smaller.order) != 1)
		return;
	assert_true(smaller.order < r->order);
	w->smaller++;
	expect(w, &smaller, QUIRE_OK, "a smaller order");
}

static void change_flags(struct world *w, const struct request *r)
{
	static const struct { const char *text; quire_gfp_t set, clear; } changes[] = {
		{ "(without THISNODE)", 0, QUIRE_GFP_THISNODE },
		{ "(HIGHMEM)", QUIRE_GFP_HIGHMEM, QUIRE_GFP_DMA | QUIRE_GFP_DMA32 },
		{ "(HIGHMEM|MOVABLE)", QUIRE_GFP_HIGHMEM | QUIRE_GFP_MOVABLE,
		  QUIRE_GFP_DMA | QUIRE_GFP_DMA32 | QUIRE_GFP_RECLAIMABLE },
		{ "(HIGH)", QUIRE_GFP_HIGH, 0 },
		{ "(HIGH, no DIRECT_RECLAIM)", QUIRE_GFP_HIGH, QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_NOMEMALLOC },
		{ "(MEMALLOC)", QUIRE_GFP_MEMALLOC, QUIRE_GFP_NOMEMALLOC },
	};
	const char *closing = strstr(w->text, "It would have");
	struct request changed = *r;

	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (strstr(closing, changes[i].text)) {
			changed.gfp = (r->gfp & ~changes[i].clear) | changes[i].set;
			w->changed++;
			expect(w, &changed, QUIRE_OK, changes[i].text);
			return;
		}
}

/* Nothing helps here: not even if nobody else had anything. */
static void give_everything(struct world *w, const struct request *r)
{
	if (!strstr(w->text, "on a larger machine only"))
		return;
	for (quire_pfn_t pfn = 0; pfn < w->b->end; pfn++)
		if (w->mine[pfn] == 2)
			give(w, pfn);
	w->larger_machine++;
	expect(w, r, QUIRE_ENOMEM, "everything is free");
}

static void random_request(struct world *w, struct request *r)
{
	static const quire_gfp_t kinds[] = {
		QUIRE_GFP_NOWAIT, QUIRE_GFP_KERNEL, QUIRE_GFP_ATOMIC, QUIRE_GFP_HIGHUSER_MOVABLE,
		QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA,
		QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE,
	};

	r->nid = q_of(w)->topology.node_count > 1 ? (int)below(w, 2) : 0;
	r->order = (unsigned)(below(w, 2) ? below(w, 4) : below(w, 12));
	r->gfp = kinds[below(w, sizeof(kinds) / sizeof(kinds[0]))] | QUIRE_GFP_NOWARN;
	r->gfp |= below(w, 3) ? 0 : QUIRE_GFP_THISNODE;
	r->gfp |= below(w, 4) ? 0 : QUIRE_GFP_NOMEMALLOC;
}

static void one_request(struct world *w)
{
	static void (*const follow[])(struct world *, const struct request *) = {
		ask_for_less, change_flags, lay_together, give_more, give_everything,
	};
	struct request r;
	quire_pfn_t pfn;

	stir(w);
	random_request(w, &r);
	if (quire_alloc_frames(q_of(w), r.nid, r.order, r.gfp, &pfn) == QUIRE_OK) {
		assert_int_equal(quire_free_frames(q_of(w), pfn, r.order), QUIRE_OK);
		return;
	}
	quire_drain_frames(q_of(w));
	assert_non_null(strstr(explain(w, r.nid, r.order, r.gfp), "It would have succeeded"));
	/* The first two change nothing; of the others only one is ever advised. */
	for (unsigned i = 0; i < sizeof(follow) / sizeof(follow[0]); i++)
		follow[i](w, &r);
}

static void advice_that_is_followed_helps(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)state;
	assert_non_null(w);
	w->seed = 4711;
	for (unsigned i = 0; i < MACHINES; i++) {
		make_machine(w);
		for (unsigned n = 0; n < REQUESTS; n++)
			one_request(w);
		for (quire_pfn_t pfn = 0; pfn < w->b->end; pfn++)
			if (w->mine[pfn] == 2)
				give(w, pfn);
		booted_close(w->b);
		free(w->mine);
	}
	print_message("together %u, more %u (in a block %u), smaller %u, changed %u, larger machine %u\n", w->together,
		      w->more, w->more_in_block, w->smaller, w->changed, w->larger_machine);
	assert_true(w->together > 20 && w->more_in_block > 20 && w->more - w->more_in_block > 20);
	assert_true(w->smaller > 50 && w->changed > 50 && w->larger_machine > 5);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advice_that_is_followed_helps),
	};

	return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
