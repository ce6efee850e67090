/*
 * An area in several pieces, where memory has no free range of its whole size: the largest piece first, so that there
 * are few of them.
 */
#include "cma/cma.h"

#include "base/base.h"

#ifndef QUIRE_WITHOUT_CMA

struct piece {
	quire_phys_t base, size;
};

/* The largest free piece, `most` bytes of it at most. */
static struct piece largest_piece(struct quire *q, const struct quire_cma_request *request, quire_phys_t most,
				  quire_phys_t alignment, quire_phys_t limit)
{
	struct piece best = { 0, 0 };
	struct quire_memblock_range free;
	uint64_t cursor;

	quire_memblock_for_each_free(&q->memblock, cursor, request->nid, 0, &free) {
		quire_phys_t start = qi_max(free.start, request->base);
		quire_phys_t end = qi_align_down(qi_min(free.end, limit), alignment);

		if (start > QUIRE_PHYS_MAX - alignment)
			continue;
		start = qi_align_up(start, alignment);
		/* Address 0 stands for "none" elsewhere. */
		start = start ? start : alignment;
		if (start < end && end - start > best.size)
			best = (struct piece){ start, end - start };
		if (best.size >= most)
			break;
	}
	best.size = qi_min(best.size, most);
	return best;
}

/* Keeps ranges in rising order. */
static void insert(struct quire_cma_range *ranges, unsigned n, struct piece piece, unsigned shift)
{
	unsigned at = n;

	while (at && ranges[at - 1].base_pfn > piece.base >> shift)
		at--;
	memmove(&ranges[at + 1], &ranges[at], (n - at) * sizeof(ranges[0]));
	ranges[at] = (struct quire_cma_range){ .base_pfn = piece.base >> shift, .count = piece.size >> shift };
}

unsigned qi_cma_find_pieces(struct quire *q, const struct quire_cma_request *request, quire_phys_t size,
			    quire_phys_t alignment, quire_phys_t limit, struct quire_cma_range *ranges)
{
	unsigned n = 0, shift = quire_page_shift(&q->config);

	for (; size && n < request->most_ranges; n++) {
		struct piece piece = largest_piece(q, request, size, alignment, limit);

		if (!piece.size || quire_memblock_reserve(&q->memblock, piece.base, piece.size) != QUIRE_OK)
			break;
		insert(ranges, n, piece, shift);
		size -= piece.size;
	}
	if (!size)
		return n;
	while (n--)
		quire_memblock_phys_free(&q->memblock, ranges[n].base_pfn << shift, ranges[n].count << shift);
	return 0;
}

#endif
