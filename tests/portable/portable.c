/* The tests of one CPU. Blocks a test holds are a chain through their own first words. */
#include "portable.h"

#include <quire/pages.h>
#include <quire/report.h>

#include "base/base.h"

#define GFP (QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY)
#define WARM_UPS 6u
#define STAMP 0x9e3779b97f4a7c15ull

/* At the start of every block held. */
struct held {
	quire_pfn_t next;
	uint64_t stamp;
	uint32_t order;
};

bool portable_fail(struct portable *p, const char *format, ...)
{
	char line[200];
	va_list arguments;

	va_start(arguments, format);
	qi_vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	p->say(p->ctx, line);
	return false;
}

uint64_t portable_free_frames(const struct portable *p)
{
	uint64_t sum = 0;

	quire_drain_frames(p->q);
	for (unsigned nid = 0; nid < p->q->topology.node_count; nid++)
		for (int type = 0; p->q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone_counts counts;

			quire_zone_count(p->q, &p->q->topology.nodes[nid]->zones[type], &counts);
			sum += counts.free_pages;
		}
	return sum;
}

static struct held *at(const struct portable *p, quire_pfn_t pfn)
{
	unsigned shift = quire_page_shift(&p->q->config);

	return p->q->platform->phys_to_virt(p->q->platform->ctx, pfn << shift, (quire_phys_t)1 << shift);
}

/* --- a chain of blocks ------------------------------------------------------------------------------------------------ */

/* Take a block and stamp each of its frames. */
static enum quire_status take(struct portable *p, quire_pfn_t *chain, unsigned order)
{
	quire_pfn_t pfn;
	enum quire_status status = quire_alloc_frames(p->q, QUIRE_NO_NODE, order, GFP, &pfn);

	if (status != QUIRE_OK)
		return status;
	if (pfn & ((1ull << order) - 1))
		return QUIRE_ECORRUPT;
	for (quire_pfn_t i = 0; i < 1ull << order; i++)
		at(p, pfn + i)->stamp = (pfn + i) * STAMP;
	at(p, pfn)->next = *chain;
	at(p, pfn)->order = order;
	*chain = pfn;
	return QUIRE_OK;
}

/* Give all of them back; every stamp must be as it was written. */
static bool give_all(struct portable *p, quire_pfn_t chain)
{
	while (chain != QUIRE_PFN_NONE) {
		struct held block = *at(p, chain);
		enum quire_status status;

		for (quire_pfn_t i = 0; i < 1ull << block.order; i++)
			if (at(p, chain + i)->stamp != (chain + i) * STAMP)
				return portable_fail(p, "frame %#llx was written by somebody else",
						     (unsigned long long)(chain + i));
		status = quire_free_frames(p->q, chain, block.order);
		if (status != QUIRE_OK)
			return portable_fail(p, "block %#llx of order %u cannot be freed: %s", (unsigned long long)chain,
					     block.order, quire_status_string(status));
		chain = block.next;
	}
	return true;
}

/* Everything there is, from blocks of `order` down. */
static bool take_everything(struct portable *p, unsigned order)
{
	quire_pfn_t chain = QUIRE_PFN_NONE;
	enum quire_status status;

	for (;; order--) {
		do
			status = take(p, &chain, order);
		while (status == QUIRE_OK);
		if (status != QUIRE_ENOMEM)
			return portable_fail(p, "order %u: %s", order, quire_status_string(status));
		if (!order)
			return give_all(p, chain);
	}
}

/* High memory cannot hold the chain: a frame of it is taken for the sake of its descriptor, and given back. */
static bool touch_high_memory(struct portable *p)
{
	quire_pfn_t pfn;
	enum quire_status status = quire_alloc_frames(p->q, QUIRE_NO_NODE, 0, GFP | QUIRE_GFP_HIGHMEM, &pfn);

	return status != QUIRE_OK || quire_free_frames(p->q, pfn, 0) == QUIRE_OK;
}

bool portable_warm_up(struct portable *p)
{
	uint64_t before, after = portable_free_frames(p);

	for (unsigned times = 0; times < WARM_UPS; times++) {
		before = after;
		if (!take_everything(p, 0) || !touch_high_memory(p))
			return false;
		after = portable_free_frames(p);
		if (after == before)
			return true;
	}
	return portable_fail(p, "taking everything %u times still costs memory", WARM_UPS);
}

/* --- the tests -------------------------------------------------------------------------------------------------------- */

static bool every_order(struct portable *p)
{
	for (unsigned order = 0; order <= quire_max_order(&p->q->config); order++) {
		quire_pfn_t chain = QUIRE_PFN_NONE;

		for (unsigned i = 0; i < 4; i++) {
			enum quire_status status = take(p, &chain, order);

			if (status != QUIRE_OK)
				return portable_fail(p, "order %u: %s", order, quire_status_string(status));
		}
		if (!give_all(p, chain))
			return false;
	}
	return true;
}

static bool everything_twice(struct portable *p)
{
	return take_everything(p, quire_max_order(&p->q->config)) && take_everything(p, 3);
}

/* Wrong frees change nothing, whether they are told at once or when the CPU's front is emptied. */
static bool mistakes(struct portable *p)
{
	quire_pfn_t pfn, other;

	if (quire_alloc_frames(p->q, QUIRE_NO_NODE, 3, GFP, &pfn) != QUIRE_OK)
		return portable_fail(p, "no block of order 3");
	if (quire_free_frames(p->q, pfn, 2) == QUIRE_OK)
		return portable_fail(p, "a block of order 3 was freed as order 2");
	if (quire_free_frames(p->q, pfn + 1, 3) != QUIRE_EINVAL)
		return portable_fail(p, "a block that is not aligned was freed");
	if (quire_free_frames(p->q, (quire_pfn_t)1 << 50, 0) == QUIRE_OK)
		return portable_fail(p, "a frame beyond all memory was freed");
	if (quire_free_frames(p->q, pfn, 3) != QUIRE_OK)
		return portable_fail(p, "the block cannot be freed any more");
	if (quire_free_frames(p->q, pfn, 3) != QUIRE_EEXIST)
		return portable_fail(p, "a double free was not refused");
	if (quire_alloc_frames(p->q, QUIRE_NO_NODE, 3, GFP, &pfn) != QUIRE_OK ||
	    quire_alloc_frames(p->q, QUIRE_NO_NODE, 3, GFP, &other) != QUIRE_OK || pfn == other)
		return portable_fail(p, "after a double free one block was given out twice");
	return quire_free_frames(p->q, pfn, 3) == QUIRE_OK && quire_free_frames(p->q, other, 3) == QUIRE_OK;
}

/* A request that names a zone is never served from one above it. */
static bool zones(struct portable *p)
{
	static const quire_gfp_t wishes[] = { GFP, GFP | QUIRE_GFP_DMA, GFP | QUIRE_GFP_DMA32, GFP | QUIRE_GFP_HIGHMEM };

	for (size_t i = 0; i < QI_ARRAY_SIZE(wishes); i++) {
		enum quire_zone_type highest;
		const struct quire_zone *zone;
		enum quire_status status;
		quire_pfn_t pfn;

		if (quire_gfp_zone(p->q->config.zone_mask, wishes[i], &highest) != QUIRE_OK)
			return portable_fail(p, "flags %#x have no zone", wishes[i]);
		status = quire_alloc_frames(p->q, QUIRE_NO_NODE, 0, wishes[i], &pfn);
		if (status == QUIRE_ENOMEM)
			continue;		/* the zone may be empty, or all of it reserve */
		if (status != QUIRE_OK)
			return portable_fail(p, "flags %#x: %s", wishes[i], quire_status_string(status));
		zone = quire_topology_zone_of(&p->q->topology, &p->q->memblock, pfn);
		if (!zone || zone->type > highest)
			return portable_fail(p, "flags %#x were served above zone %s", wishes[i], quire_zone_name(highest));
		if (quire_free_frames(p->q, pfn, 0) != QUIRE_OK)
			return portable_fail(p, "frame %#llx cannot be freed", (unsigned long long)pfn);
	}
	return true;
}

/* A compound block: one object under its references, found from any of its pages. */
static bool descriptors(struct portable *p)
{
	const struct quire_memmap *m = &p->q->memmap;
	struct quire_page *page;
	quire_pfn_t pfn;

	if (quire_alloc_pages(p->q, QUIRE_NO_NODE, 2, GFP | QUIRE_GFP_COMP, &page) != QUIRE_OK)
		return portable_fail(p, "no block with descriptors");
	pfn = quire_page_to_pfn(m, page);
	if (quire_pfn_to_page(m, pfn) != page || !quire_pfn_valid(m, pfn) || !quire_pfn_initialised(m, pfn))
		return portable_fail(p, "frame %#llx and its descriptor do not find each other", (unsigned long long)pfn);
	if (quire_page_head(p->q, quire_pfn_to_page(m, pfn + 3)) != page || quire_page_refs(page) != 1)
		return portable_fail(p, "frame %#llx: the head is not found, or has %u references", (unsigned long long)pfn,
				     quire_page_refs(page));
	quire_page_get(page);
	if (quire_put_page(p->q, page) != QUIRE_OK || quire_page_refs(page) != 1)
		return portable_fail(p, "a block with two references went away with the first");
	if (quire_put_page(p->q, page) != QUIRE_OK)
		return portable_fail(p, "the last reference cannot be dropped");
	return quire_free_frames(p->q, pfn, 2) == QUIRE_EEXIST || portable_fail(p, "the last reference freed nothing");
}

static bool other_numbers(struct portable *p)
{
	quire_pfn_t pfn, single[40];

	for (size_t i = 0; i < QI_ARRAY_SIZE(single); i++)
		single[i] = QUIRE_PFN_NONE;
	if (quire_alloc_frames_exact(p->q, QUIRE_NO_NODE, 37, GFP, &pfn) != QUIRE_OK)
		return portable_fail(p, "no 37 frames side by side");
	if (quire_alloc_frames_bulk(p->q, QUIRE_NO_NODE, GFP, QI_ARRAY_SIZE(single), single) != QI_ARRAY_SIZE(single))
		return portable_fail(p, "no 40 single frames");
	for (size_t i = 0; i < QI_ARRAY_SIZE(single); i++)
		if (single[i] - pfn < 37)
			return portable_fail(p, "frame %#llx was given out twice", (unsigned long long)single[i]);
	if (quire_free_frames_bulk(p->q, QI_ARRAY_SIZE(single), single))
		return portable_fail(p, "frames taken in bulk cannot be freed");
	return quire_free_frames_exact(p->q, pfn, 37) == QUIRE_OK || portable_fail(p, "37 frames cannot be freed");
}

static bool zeroed(struct portable *p)
{
	quire_pfn_t chain = QUIRE_PFN_NONE, pfn;
	const unsigned char *bytes;

	if (take(p, &chain, 0) != QUIRE_OK || !give_all(p, chain))
		return portable_fail(p, "no frame");
	if (quire_alloc_frames(p->q, QUIRE_NO_NODE, 0, GFP | QUIRE_GFP_ZERO, &pfn) != QUIRE_OK)
		return portable_fail(p, "no zeroed frame");
	bytes = (const void *)at(p, pfn);
	for (size_t i = 0; i < (size_t)1 << quire_page_shift(&p->q->config); i++)
		if (bytes[i])
			return portable_fail(p, "byte %zu of a zeroed frame is %#x", i, bytes[i]);
	return quire_free_frames(p->q, pfn, 0) == QUIRE_OK;
}

const struct portable_test portable_tests[] = {
	{ .name = "every order", .run = every_order },
	{ .name = "everything twice", .run = everything_twice },
	{ .name = "mistakes", .run = mistakes, .provokes = true },
	{ .name = "zones", .run = zones },
	{ .name = "descriptors", .run = descriptors, .provokes = true },
	{ .name = "other numbers", .run = other_numbers },
	{ .name = "zeroed", .run = zeroed },
};
const size_t portable_test_count = QI_ARRAY_SIZE(portable_tests);
