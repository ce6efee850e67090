/*
 * Fixed loops over a zone's fast paths, for counting instructions (scripts/icount-check.sh): each loop runs twice, with N
 * and with 2 N operations, so that the difference is the operations' own.
 */
#include "icount.h"
#include "zone/front.h"

#define FRAMES (1u << 18)

static struct qi_zone zone;
static quire_pfn_t held[FRAMES];

static void *meta_alloc(void *ctx, size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	(void)ctx;
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

static const struct qi_tree_hooks hooks = { .meta_alloc = meta_alloc };

static void open_zone(void)
{
	const struct qi_tree_config config = {
		.span = FRAMES, .max_order = 10, .pageblock_order = 9, .page_shift = 12, .hooks = &hooks,
	};

	if (qi_tree_init(&zone.tree, &config) != QUIRE_OK || qi_tree_add_free(&zone.tree, 0, FRAMES) != QUIRE_OK)
		abort();
	qi_fronts_init(&zone, meta_alloc(NULL, qi_fronts_bytes(1)), 1);
	qi_fronts_tune(&zone, FRAMES);
}

static quire_pfn_t take(unsigned order)
{
	const struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_MOVABLE };
	quire_pfn_t pfn;

	return qi_front_alloc(&zone, 0, &request, &pfn) == QUIRE_OK ? pfn : QUIRE_PFN_NONE;
}

static void give(quire_pfn_t pfn, unsigned order)
{
	if (qi_front_free(&zone, 0, pfn, order) != QUIRE_OK)
		abort();
}

static void pairs(unsigned order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		give(take(order), order);
}

/* Take n, give them back in an order that is scattered (a step without a common divisor) or not. */
static void bulk(unsigned n, unsigned step)
{
	for (unsigned i = 0; i < n; i++)
		held[i] = take(0);
	for (unsigned i = 0, at = 0; i < n; i++, at = (at + step) % n)
		give(held[at], 0);
}

/* All is taken but one frame. */
static void last(unsigned n)
{
	quire_pfn_t pfn;
	unsigned count = 0;

	while ((pfn = take(0)) != QUIRE_PFN_NONE)
		held[count++] = pfn;
	for (unsigned i = 0, at = 0; i < n; i++, at = (at + 7919) % count) {
		give(held[at], 0);
		held[at] = take(0);
	}
}

static void fail(unsigned n)
{
	while (take(0) != QUIRE_PFN_NONE)
		;
	for (unsigned i = 0; i < n; i++)
		if (take(0) != QUIRE_PFN_NONE)
			abort();
}

static void pairs0(unsigned n) { pairs(0, n); }
static void pairs3(unsigned n) { pairs(3, n); }
static void pairs9(unsigned n) { pairs(9, n); }
static void in_order(unsigned n) { bulk(n, 1); }
static void scattered(unsigned n) { bulk(n, 7919); }

static const struct icount_loop loops[] = {
	{ "pair0", pairs0 }, { "pair3", pairs3 }, { "pair9", pairs9 }, { "bulk-in-order", in_order },
	{ "bulk-scattered", scattered }, { "last", last }, { "fail", fail },
};

int main(int argc, char **argv)
{
	return icount_main(argc, argv, loops, sizeof(loops) / sizeof(loops[0]), FRAMES, open_zone);
}
