/*
 * What searches learned.
 *
 * First fit from one end has a bad habit: allocations with alignment leave slivers, and every later search walks over all of
 * them again. So a search that had to walk far records "nothing of this size and alignment fits anywhere in [lo, hi)", and
 * later requests that are at least as demanding (no smaller, no less aligned, same node and flags) start behind that. The
 * answer is the same, only found sooner. The size recorded is the smallest that is certain: one more than the largest piece
 * seen, whatever its alignment, or, if the request failed on alignment only, its own size and alignment.
 *
 * A hint stays true as long as free space only shrinks. Where it grows, qi_hint_space_grew pulls in the hint's inner edge
 * (lo when searching down, hi when searching up), so that the grown piece lies outside. The inner edge is always an address
 * that no free piece straddles: the edge of a piece or of a reserved region; a candidate lies on one side of it or the
 * other.
 */
#include "memblock/internal.h"

/* Similar requests share a slot, different ones rarely do; a collision costs a walk and nothing else. */
static size_t slot_of(const struct qi_range_request *request)
{
	unsigned mix = qi_log2(request->size) + qi_log2(request->align) * 5 + (unsigned)(request->nid + 1) * 11;

	return mix % QUIRE_MEMBLOCK_HINTS;
}

static bool applies(const struct quire_memblock *mb, const struct quire_memblock_hint *hint,
		    const struct qi_range_request *request)
{
	return hint->lo < hint->hi && hint->size <= request->size && hint->align <= request->align &&
	       hint->nid == request->nid && hint->flags == request->flags &&
	       hint->bottom_up == mb->bottom_up && hint->movable_node == mb->movable_node;
}

const struct quire_memblock_hint *qi_hint_apply(const struct quire_memblock *mb, struct qi_range_request *request)
{
	const struct quire_memblock_hint *hint;

	if (!request->size)
		return NULL;
	hint = &mb->hints[slot_of(request)];
	if (!applies(mb, hint, request))
		return NULL;
	if (mb->bottom_up) {
		if (request->start < hint->lo || request->start >= hint->hi)
			return NULL;
		request->start = hint->hi;
	} else {
		if (request->end > hint->hi || request->end <= hint->lo)
			return NULL;
		request->end = hint->lo;
	}
	return hint;
}

void qi_hint_record(struct quire_memblock *mb, const struct qi_range_request *request, quire_phys_t size, quire_phys_t align,
		    struct qi_span window)
{
	if (window.start >= window.end || !request->size)
		return;
	mb->hints[slot_of(request)] = (struct quire_memblock_hint){
		.lo = window.start,
		.hi = window.end,
		.size = size,
		.align = align,
		.flags = request->flags,
		.nid = request->nid,
		.bottom_up = mb->bottom_up,
		.movable_node = mb->movable_node,
	};
}

/* The nearest address from which on, upward / downward, a free piece that touches [start, end] cannot reach. */
static quire_phys_t edge_above(const struct quire_memblock *mb, quire_phys_t end)
{
	size_t i = qi_table_starting_from(&mb->reserved, end);

	return i < mb->reserved.cnt ? mb->reserved.regions[i].base : QUIRE_PHYS_MAX;
}

static quire_phys_t edge_below(const struct quire_memblock *mb, quire_phys_t start)
{
	size_t i = qi_table_ending_above(&mb->reserved, start);

	return i ? qi_region_end(&mb->reserved.regions[i - 1]) : 0;
}

void qi_hint_space_grew(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end)
{
	for (size_t i = 0; i < QUIRE_MEMBLOCK_HINTS; i++) {
		struct quire_memblock_hint *hint = &mb->hints[i];

		if (hint->lo >= hint->hi || start > hint->hi || end < hint->lo)
			continue;
		if (hint->bottom_up)
			hint->hi = qi_min(hint->hi, edge_below(mb, start));
		else
			hint->lo = qi_max(hint->lo, edge_above(mb, end));
	}
}

void qi_hint_drop_all(struct quire_memblock *mb)
{
	memset(mb->hints, 0, sizeof(mb->hints));
}
