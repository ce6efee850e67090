/*
 * A booted machine on the hosted port, and a naive owner of frames on it: what tests of the rooms above the allocator
 * stand on. Zeroed options mean 255 MiB in one node, one CPU, descriptors on demand.
 */
#ifndef TESTS_BOOTED_H
#define TESTS_BOOTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/contig.h>
#include <quire/frames.h>
#include <quire/pages.h>
#include <quire/quire.h>
#include <quire/report.h>

#include "hosted.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

struct booted {
	struct quire q;
	struct quire_config config;
	struct quire_machine machine;
	struct quire_memory_range map[4];
	struct quire_platform platform;
	struct quire_hosted *host;
	char told[512];			/* the last warning or error */
	unsigned lines;			/* how many there were */
	quire_pfn_t end;		/* one past the highest frame */
};

/* Set before booted_open: options beyond the ordinary. */
struct booted_options {
	enum quire_init_policy init;
	enum quire_model model;
	bool model_given;
	unsigned cpus;
	uint32_t hosted;		/* QUIRE_HOSTED_* */
	quire_phys_t highest_address;	/* the window reaches at least there */
	struct quire_memory_range map[4];
	unsigned map_count;
	/* Between the nodes and the zones. */
	void (*before_zones)(struct booted *b);
	/* The configuration as a last word. */
	void (*configure)(struct quire_config *config);
};

static struct booted *booted_logging;

static void booted_log(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	(void)ctx;
	if (level != QUIRE_LOG_WARNING && level != QUIRE_LOG_ERROR)
		return;
	booted_logging->lines++;
	memcpy(booted_logging->told, text, len < 511 ? len : 511);
	booted_logging->told[len < 511 ? len : 511] = '\0';
}

/* The machine, not booted yet. */
static struct booted *booted_prepare(const struct booted_options *options)
{
	static const struct quire_memory_range usual = { .base = MIB, .size = 255 * MIB, .nid = QUIRE_NO_NODE };
	struct booted *b = calloc(1, sizeof(*b));
	struct quire_hosted_options hosted = { .config = &b->config, .flags = options->hosted,
					       .highest_address = options->highest_address };

	assert_non_null(b);
	quire_config_defaults(&b->config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	b->config.init = options->init;
	if (options->model_given)
		b->config.model = options->model;
	b->config.cpus = options->cpus ? options->cpus : 1;
	if (options->configure)
		options->configure(&b->config);
	b->map[0] = usual;
	for (unsigned i = 0; i < options->map_count; i++)
		b->map[i] = options->map[i];
	b->machine.arch = b->config.arch;
	b->machine.map = b->map;
	b->machine.map_count = b->machine.map_max = options->map_count ? options->map_count : 1;
	for (unsigned i = 0; i < b->machine.map_count; i++)
		if ((b->map[i].base + b->map[i].size) >> 12 > b->end)
			b->end = (b->map[i].base + b->map[i].size) >> 12;
	assert_int_equal(quire_hosted_create_machine(&b->machine, &hosted, &b->host), QUIRE_OK);
	b->platform = *quire_hosted_platform(b->host);
	b->platform.log = booted_log;
	booted_logging = b;
	assert_int_equal(quire_init(&b->q, &b->config, &b->machine, &b->platform), QUIRE_OK);
	return b;
}

static inline struct booted *booted_open(const struct booted_options *options)
{
	struct booted *b = booted_prepare(options);

	assert_int_equal(quire_boot_until(&b->q, QUIRE_STAGE_NODES), QUIRE_OK);
	if (options->before_zones)
		options->before_zones(b);
	assert_int_equal(quire_boot(&b->q), QUIRE_OK);
	return b;
}

static inline void booted_check(struct booted *b)
{
	assert_int_equal(quire_check(&b->q), QUIRE_OK);
}

/* Free frames of all zones, fronts emptied; isolated ones too. */
static inline uint64_t booted_free(struct booted *b)
{
	uint64_t pages = 0;

	assert_int_equal(quire_drain_frames(&b->q), QUIRE_OK);
	for (unsigned nid = 0; nid < b->q.topology.node_count; nid++)
		for (unsigned type = 0; b->q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone_counts counts;

			quire_zone_count(&b->q, &b->q.topology.nodes[nid]->zones[type], &counts);
			pages += counts.free_pages;
		}
	return pages;
}

static inline uint64_t booted_managed(const struct booted *b)
{
	uint64_t pages = 0;

	for (unsigned nid = 0; nid < b->q.topology.node_count; nid++)
		for (unsigned type = 0; b->q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			pages += b->q.topology.nodes[nid]->zones[type].managed;
	return pages;
}

static inline void booted_close(struct booted *b)
{
	booted_check(b);
	quire_fini(&b->q);
	quire_hosted_destroy(b->host);
	free(b);
}

/* --- an owner --------------------------------------------------------------------------------------------------------- */

#define KEEPER_NONE UINT64_MAX

/* One entry per frame says what block it is part of. Contents are the frames' own. */
struct keeper {
	struct booted *b;
	struct quire_owner owner;
	quire_pfn_t *head;		/* KEEPER_NONE: not held */
	uint8_t *order, *pinned;	/* at heads */
	uint64_t held;
	/* What `failing` answers, and what it was told. */
	enum quire_status failing_status;
	unsigned failures;
	quire_pfn_t failed;
};

static void *booted_address(struct booted *b, quire_pfn_t pfn)
{
	return b->platform.phys_to_virt(b->platform.ctx, pfn << 12, 4096);
}

static bool keeper_holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	struct keeper *k = ctx;
	quire_pfn_t head = pfn < k->b->end ? k->head[pfn] : KEEPER_NONE;

	if (head == KEEPER_NONE)
		return false;
	*held = (struct quire_held){ .pfn = head, .order = k->order[head], .movable = !k->pinned[head],
				     .why = k->pinned[head] ? "is pinned by the test" : NULL };
	return true;
}

static void keeper_note(struct keeper *k, quire_pfn_t pfn, unsigned order)
{
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		assert_true(at < k->b->end);
		assert_true(k->head[at] == KEEPER_NONE);
		k->head[at] = pfn;
	}
	k->order[pfn] = (uint8_t)order;
	k->pinned[pfn] = 0;
	k->held += 1ull << order;
}

static void keeper_forget(struct keeper *k, quire_pfn_t pfn)
{
	unsigned order = k->order[pfn];

	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		assert_true(k->head[at] == pfn);
		k->head[at] = KEEPER_NONE;
	}
	k->held -= 1ull << order;
}

static void keeper_migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct keeper *k = ctx;

	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		struct quire_move *move = &moves[i];

		move->status = QUIRE_ENOENT;
		if (k->head[move->from] != move->from || k->order[move->from] != move->order)
			continue;
		move->status = k->pinned[move->from] ? QUIRE_EPERM : QUIRE_OK;
		if (move->status != QUIRE_OK)
			continue;
		for (quire_pfn_t at = 0; at < 1ull << move->order; at++)
			memcpy(booted_address(k->b, move->to + at), booted_address(k->b, move->from + at), 4096);
		keeper_forget(k, move->from);
		keeper_note(k, move->to, move->order);
	}
}

static enum quire_status keeper_failing(void *ctx, quire_pfn_t pfn, unsigned order, quire_pfn_t bad)
{
	struct keeper *k = ctx;

	k->failures++;
	k->failed = bad;
	assert_true(k->head[pfn] == pfn && k->order[pfn] == order && bad - pfn < 1ull << order);
	if (k->failing_status == QUIRE_OK)
		keeper_forget(k, pfn);
	return k->failing_status;
}

static inline struct keeper *keeper_open(struct booted *b)
{
	struct keeper *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	k->b = b;
	k->head = malloc(b->end * sizeof(*k->head));
	k->order = calloc(b->end, 1);
	k->pinned = calloc(b->end, 1);
	memset(k->head, 0xff, b->end * sizeof(*k->head));
	k->owner = (struct quire_owner){ .name = "the keeper", .holds = keeper_holds, .migrate = keeper_migrate,
					 .failing = keeper_failing, .ctx = k };
	assert_int_equal(quire_register_owner(&b->q, &k->owner), QUIRE_OK);
	return k;
}

/* A block of the keeper's, its first frame marked with its number. KEEPER_NONE: none to be had. */
static inline quire_pfn_t keeper_take(struct keeper *k, unsigned order, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames(&k->b->q, QUIRE_NO_NODE, order, gfp | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return KEEPER_NONE;
	keeper_note(k, pfn, order);
	return pfn;
}

static inline void keeper_give(struct keeper *k, quire_pfn_t pfn)
{
	unsigned order = k->order[pfn];

	keeper_forget(k, pfn);
	assert_int_equal(quire_free_frames(&k->b->q, pfn, order), QUIRE_OK);
}

static inline void keeper_close(struct keeper *k)
{
	for (quire_pfn_t pfn = 0; pfn < k->b->end; pfn++)
		if (k->head[pfn] == pfn)
			keeper_give(k, pfn);
	assert_int_equal(k->held, 0);
	assert_int_equal(quire_unregister_owner(&k->b->q, &k->owner), QUIRE_OK);
	free(k->head);
	free(k->order);
	free(k->pinned);
	free(k);
}

static inline uint64_t booted_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#endif
