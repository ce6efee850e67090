/*
 * min_free_kbytes, the watermarks that follow from it, and lowmem reserves.
 *
 * The reserve is the square root of 16 times low memory in KiB: machines grow faster than what atomic requests need at
 * once. It is dealt out to zones in proportion to what they manage; zones the kernel cannot use for itself (high memory, and
 * movable from 6.12 on) get a token minimum but the same distance from mark to mark.
 */
#include "base/lock.h"
#include "topology/growth.h"
#include "topology/topology_internal.h"

#define MIN_FREE_LEAST 128u
#define MIN_FREE_MOST 262144u
#define HIGHMEM_MIN_LEAST 32u		/* pages: a swap cluster */
#define HIGHMEM_MIN_MOST 128u
#define THP_LEAST_BYTES (512ull << 20)	/* huge pages are off by default on smaller machines */

uint64_t quire_isqrt(uint64_t x)
{
	uint64_t root = 0, bit = 1ull << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return root;
}

bool qi_zone_is_highmem(const struct quire_topology *t, const struct quire_zone *zone)
{
	return zone->type == QUIRE_ZONE_HIGHMEM ||
	       (zone->type == QUIRE_ZONE_MOVABLE && t->movable_zone == QUIRE_ZONE_HIGHMEM);
}

/* Zones that do not count as low memory and get a token minimum. */
static bool token_minimum(const struct quire_topology *t, const struct quire_zone *zone)
{
	if (zone->type == QUIRE_ZONE_MOVABLE && quire_rules(t->config) >= QUIRE_RULES_6_12)
		return true;
	return qi_zone_is_highmem(t, zone);
}

static uint64_t high_mark(const struct quire_zone *zone)
{
	return zone->watermark[QUIRE_WMARK_HIGH] + zone->watermark_boost;
}

/*
 * floor(x * n / d), exact however wide the product: where it does not fit, the part of x below d is multiplied bit by bit. d
 * is below 2^63.
 */
static uint64_t fraction(uint64_t x, uint64_t n, uint64_t d)
{
	uint64_t part = qi_mod64(x, d), quotient = 0, rest = 0, product;

	if (qi_mul(part, n, &product))
		return qi_div64(x, d) * n + qi_div64(product, d);
	for (unsigned bit = 64; bit-- > 0;) {
		quotient <<= 1;
		rest <<= 1;
		if (n >> bit & 1)
			rest += part;
		/* rest < 3d here. No loop: a compiler would make it a division, and a call on 32 bits. */
		if (rest >= d) {
			rest -= d;
			quotient++;
		}
		if (rest >= d) {
			rest -= d;
			quotient++;
		}
	}
	return qi_div64(x, d) * n + quotient;
}

/* Pages kernel requests may use beyond the high watermarks: the field's nr_free_buffer_pages. */
static uint64_t free_lowmem(const struct quire_topology *t)
{
	struct quire_node *node;
	uint64_t pages = 0;

	qi_for_each_node(t, node) {
		for (unsigned type = 0; type <= QUIRE_ZONE_NORMAL; type++) {
			const struct quire_zone *zone = &node->zones[type];

			pages += zone->managed - qi_min(zone->managed, high_mark(zone));
		}
	}
	return pages;
}

static void set_zone_marks(const struct quire_topology *t, const struct quire_tunables *tunables, struct quire_zone *zone,
			   uint64_t pages_min, uint64_t lowmem)
{
	uint64_t share = lowmem ? fraction(zone->managed, pages_min, lowmem) : 0;
	uint64_t gap = qi_max(share / 4, fraction(zone->managed, tunables->watermark_scale_factor, 10000));
	uint64_t min = share;

	if (token_minimum(t, zone))
		min = qi_clamp(zone->managed / 1024, HIGHMEM_MIN_LEAST, HIGHMEM_MIN_MOST);
	qi_poke(&zone->watermark_boost, 0);
	qi_poke(&zone->watermark[QUIRE_WMARK_MIN], min);
	qi_poke(&zone->watermark[QUIRE_WMARK_LOW], min + gap);
	qi_poke(&zone->watermark[QUIRE_WMARK_HIGH], min + 2 * gap);
	qi_poke(&zone->watermark[QUIRE_WMARK_PROMO], min + 3 * gap);
}

static uint64_t total_reserve(const struct quire_topology *t)
{
	struct quire_node *node;
	uint64_t total = 0;

	qi_for_each_node(t, node) {
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &node->zones[type];
			uint64_t most = 0;

			for (unsigned upper = type; upper < QUIRE_ZONE_TYPES; upper++)
				most = qi_max(most, zone->lowmem_reserve[upper]);
			total += qi_min(most + high_mark(zone), zone->managed);
		}
	}
	return total;
}

void quire_watermarks_update(struct quire_topology *t, const struct quire_tunables *tunables, uint64_t min_free_kbytes,
			     struct quire_watermark_state *state)
{
	uint64_t pages_min = min_free_kbytes >> (quire_page_shift(t->config) - 10), lowmem = 0;
	struct quire_node *node;

	qi_for_each_node(t, node)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (!token_minimum(t, &node->zones[type]))
				lowmem += node->zones[type].managed;
	qi_for_each_node(t, node)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (qi_zone_exists(t->config, type))
				set_zone_marks(t, tunables, &node->zones[type], pages_min, lowmem);
	qi_pcp_update(t, tunables);
	state->min_free_kbytes = min_free_kbytes;
	state->lowmem_pages = lowmem;
	state->total_reserve_pages = total_reserve(t);
}

/* min_free_kbytes by the square-root rule; a user's wish wins unless it is smaller. */
static uint64_t computed_min_free(const struct quire_topology *t, const struct quire_tunables *tunables,
				  struct quire_watermark_state *state)
{
	uint64_t kbytes = free_lowmem(t) << (quire_page_shift(t->config) - 10);
	uint64_t root = quire_isqrt(kbytes * 16);

	state->min_free_kbytes_computed = qi_clamp(root, MIN_FREE_LEAST, MIN_FREE_MOST);
	if (tunables->min_free_kbytes < 0 || root > (uint64_t)tunables->min_free_kbytes)
		return state->min_free_kbytes_computed;
	qi_log(t->platform, QUIRE_LOG_WARNING,
	       "min_free_kbytes is not updated to %llu because user defined value %lld is preferred", QI_ULL(root),
	       (long long)tunables->min_free_kbytes);
	return (uint64_t)tunables->min_free_kbytes;
}

void quire_watermarks_init(struct quire_topology *t, const struct quire_tunables *tunables,
			   struct quire_watermark_state *state)
{
	uint64_t min_free = computed_min_free(t, tunables, state);

	state->thp_recommended_kbytes = 0;
	qi_poke(&state->mobility_grouping, quire_topology_mobility(t));
	quire_lowmem_reserve_update(t, tunables);
	quire_watermarks_update(t, tunables, min_free, state);
}

/* Two free pageblocks a zone, and one for each pair of types that can fall back on each other, so that they need not mix. */
static uint64_t thp_recommendation(const struct quire_topology *t)
{
	struct quire_node *node;
	uint64_t zones = 0, pages;

	qi_for_each_node(t, node)
		for (unsigned type = 0; type <= QUIRE_ZONE_NORMAL; type++)
			zones += quire_zone_populated(&node->zones[type]);
	pages = (zones * (2 + QUIRE_MIGRATE_PCPTYPES * QUIRE_MIGRATE_PCPTYPES)) << quire_pageblock_order(t->config);
	pages = qi_min(pages, qi_div64(free_lowmem(t), 20));
	return pages << (quire_page_shift(t->config) - 10);
}

static uint64_t managed_bytes(const struct quire_topology *t)
{
	struct quire_node *node;
	uint64_t pages = 0;

	qi_for_each_node(t, node)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			pages += node->zones[type].managed;
	return pages << quire_page_shift(t->config);
}

static void raise_for_thp(struct quire_topology *t, const struct quire_tunables *tunables,
			  struct quire_watermark_state *state)
{
	uint64_t min_free = state->min_free_kbytes, recommended = thp_recommendation(t);

	if (recommended > min_free) {
		if (tunables->min_free_kbytes >= 0)
			qi_log(t->platform, QUIRE_LOG_INFO,
			       "raising min_free_kbytes from %llu to %llu to help transparent hugepage allocations",
			       QI_ULL(min_free), QI_ULL(recommended));
		state->thp_recommended_kbytes = min_free = recommended;
	}
	quire_watermarks_update(t, tunables, min_free, state);
}

void quire_watermarks_thp(struct quire_topology *t, const struct quire_tunables *tunables,
			  struct quire_watermark_state *state)
{
	state->thp_recommended_kbytes = 0;
	state->thp = false;
	if (!t->config->thp || managed_bytes(t) < THP_LEAST_BYTES)
		return;
	if (t->config->options.thp_never) {
		/* Switched off by the user: the plain rule is applied again, now with high watermarks to subtract. */
		quire_watermarks_update(t, tunables, computed_min_free(t, tunables, state), state);
		return;
	}
	state->thp = true;
	raise_for_thp(t, tunables, state);
}

/* A zone that lost all its memory is as one that never had any. */
static void clear_sets(struct quire_zone *zone)
{
	zone->pcp_batch = 0;
	zone->pcp_high_min = zone->pcp_high_max = 0;
	zone->stat_threshold = 0;
}

void qi_watermarks_follow(struct quire_topology *t, const struct quire_tunables *tunables,
			  struct quire_watermark_state *state)
{
	struct quire_node *node;

	quire_watermarks_init(t, tunables, state);
	/* Whether there is a thread for huge pages was settled at boot. */
	if (state->thp)
		raise_for_thp(t, tunables, state);
	qi_for_each_node(t, node)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (!quire_zone_populated(&node->zones[type]))
				clear_sets(&node->zones[type]);
}

/* What requests that could use a higher zone must leave of a lower one: a share of all that lies above it on the node. */
static void set_zone_reserve(const struct quire_tunables *tunables, struct quire_node *node, unsigned type)
{
	struct quire_zone *zone = &node->zones[type];
	unsigned ratio = tunables->lowmem_reserve_ratio[type];
	uint64_t above = 0;

	for (unsigned upper = 0; upper < QUIRE_ZONE_TYPES; upper++) {
		if (upper > type)
			above += node->zones[upper].managed;
		qi_poke(&zone->lowmem_reserve[upper], upper > type && ratio && zone->managed ? qi_div64(above, ratio) : 0);
	}
}

void quire_lowmem_reserve_update(struct quire_topology *t, const struct quire_tunables *tunables)
{
	struct quire_node *node;

	qi_for_each_node(t, node)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			set_zone_reserve(tunables, node, type);
}
