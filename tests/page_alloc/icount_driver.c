/*
 * Loops over public requests for scripts/icount-check.sh, on a booted machine whose CPU has what it needs at hand.
 */
#include "booted.h"

#include "icount.h"

#define FRAMES 40000u

static struct quire *q;
static quire_pfn_t held[FRAMES];

static void frames(unsigned order, unsigned n)
{
	quire_pfn_t pfn;

	for (unsigned i = 0; i < n; i++)
		if (quire_alloc_frames(q, 0, order, QUIRE_GFP_KERNEL, &pfn) != QUIRE_OK ||
		    quire_free_frames(q, pfn, order) != QUIRE_OK)
			abort();
}

static void pages(unsigned order, unsigned n)
{
	struct quire_page *page;

	for (unsigned i = 0; i < n; i++)
		if (quire_alloc_pages(q, 0, order, QUIRE_GFP_KERNEL, &page) != QUIRE_OK ||
		    quire_free_pages(q, page, order) != QUIRE_OK)
			abort();
}

/* Take n, give them back in an order that is scattered (a step without a common divisor) or not. */
static void bulk(unsigned n, unsigned step)
{
	for (unsigned i = 0; i < n; i++)
		if (quire_alloc_frames(q, 0, 0, QUIRE_GFP_HIGHUSER_MOVABLE, &held[i]) != QUIRE_OK)
			abort();
	for (unsigned i = 0, at = 0; i < n; i++, at = (at + step) % n)
		if (quire_free_frames(q, held[at], 0) != QUIRE_OK)
			abort();
}

static void frames0(unsigned n) { frames(0, n); }
static void frames3(unsigned n) { frames(3, n); }
static void pages0(unsigned n) { pages(0, n); }
static void pages3(unsigned n) { pages(3, n); }
static void in_order(unsigned n) { bulk(n, 1); }
static void scattered(unsigned n) { bulk(n, 7919); }

static const struct icount_loop loops[] = {
	{ "frames0", frames0 }, { "frames3", frames3 }, { "pages0", pages0 }, { "pages3", pages3 },
	{ "bulk-in-order", in_order }, { "bulk-scattered", scattered },
};

static void open_machine(void)
{
	static const struct booted_options options = { .map_count = 0 };

	q = &booted_open(&options)->q;
}

int main(int argc, char **argv)
{
	return icount_main(argc, argv, loops, sizeof(loops) / sizeof(loops[0]), FRAMES, open_machine);
}
