/* See handler.h. */
#include "handler.h"

#include <quire/pages.h>

#define MANY 40u

uint64_t handler_draw(struct handler *h, uint64_t n)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random % n;
}

static bool block(struct handler *h, unsigned order, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames(h->q, QUIRE_NO_NODE, order, gfp | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return true;
	h->served++;
	return quire_free_frames(h->q, pfn, order) == QUIRE_OK;
}

static bool many(struct handler *h)
{
	quire_pfn_t pfns[MANY];

	for (unsigned i = 0; i < MANY; i++)
		pfns[i] = QUIRE_PFN_NONE;
	h->served += quire_alloc_frames_bulk(h->q, QUIRE_NO_NODE, QUIRE_GFP_ATOMIC | QUIRE_GFP_NOWARN, MANY, pfns) != 0;
	return quire_free_frames_bulk(h->q, MANY, pfns) == 0;
}

static bool exact(struct handler *h)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames_exact(h->q, QUIRE_NO_NODE, 5, QUIRE_GFP_ATOMIC | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return true;
	h->served++;
	return quire_free_frames_exact(h->q, pfn, 5) == QUIRE_OK;
}

/* One object with references. */
static bool counted(struct handler *h)
{
	const quire_gfp_t gfp = QUIRE_GFP_ATOMIC | QUIRE_GFP_COMP | QUIRE_GFP_NOWARN;
	struct quire_page *page;

	if (quire_alloc_pages(h->q, QUIRE_NO_NODE, 2, gfp, &page) != QUIRE_OK)
		return true;
	h->served++;
	quire_page_get(page);
	return quire_put_page(h->q, page) == QUIRE_OK && quire_put_page(h->q, page) == QUIRE_OK;
}

static void keep_one(struct handler *h)
{
	if (h->hoarded < HANDLER_HOARD && quire_alloc_frames(h->q, QUIRE_NO_NODE, 9, QUIRE_GFP_NOWAIT | QUIRE_GFP_NOWARN,
							     &h->kept[h->hoarded]) == QUIRE_OK)
		h->hoarded++;
}

bool handler_run(struct handler *h)
{
	unsigned kind = (unsigned)handler_draw(h, 64);

	if (h->hoard && !handler_draw(h, h->hoard)) {
		keep_one(h);
		return true;
	}
	if (kind < 40)
		return block(h, 0, QUIRE_GFP_ATOMIC);
	if (kind < 50)
		return block(h, 0, QUIRE_GFP_NOWAIT | QUIRE_GFP_MOVABLE | QUIRE_GFP_HIGHMEM);
	if (kind < 60)
		return block(h, (unsigned)handler_draw(h, 5), QUIRE_GFP_ATOMIC);
	if (kind < 61)
		return exact(h);
	if (kind < 62)
		return counted(h);
	if (kind < 63)
		return block(h, 9, QUIRE_GFP_NOWAIT | QUIRE_GFP_MOVABLE | QUIRE_GFP_HIGHMEM);
	return many(h);
}

void handler_give_back(struct handler *h)
{
	while (h->hoarded)
		quire_free_frames(h->q, h->kept[--h->hoarded], 9);
}
