/*
 * First fit in memory minus reserved.
 *
 * Walks memory regions from the chosen end, and inside each the gaps between reservations; where to begin is found by
 * bisection, in memory by the request's bound and in reserved by the region's. Two adjacent memory regions are never joined,
 * so what is found never spans regions that differ.
 */
#include "memblock/internal.h"

/* What a walk has come to. */
struct walk {
	const struct qi_range_request *request;
	size_t steps;			/* regions and gaps looked at */
	quire_phys_t largest;		/* size of the largest piece, as far as it lies in the request, that did not do */
	quire_phys_t found;		/* 0: nothing yet */
	struct qi_span piece;		/* the free piece of it, not clamped to the request */
};

static bool try_piece(struct walk *walk, struct qi_span piece, bool bottom_up)
{
	const struct qi_range_request *request = walk->request;
	quire_phys_t start = qi_max(piece.start, request->start), end = qi_min(piece.end, request->end), candidate;

	walk->steps++;
	if (start >= end)
		return false;
	if (end - start < request->size) {
		walk->largest = qi_max(walk->largest, end - start);
		return false;
	}
	candidate = bottom_up ? qi_align_up(start, request->align) : qi_align_down(end - request->size, request->align);
	/* Rounding up may wrap, past the last address. */
	if (candidate < start || candidate >= end || end - candidate < request->size) {
		walk->largest = qi_max(walk->largest, end - start);
		return false;
	}
	walk->found = candidate;
	walk->piece = piece;
	return true;
}

/* Gap i of reserved, from the end of region i - 1 to the start of region i, cut to a memory region. May be inverted. */
static struct qi_span gap_in(const qi_type *reserved, size_t i, const qi_region *region)
{
	struct qi_span gap = { region->base, qi_region_end(region) };

	if (i > 0)
		gap.start = qi_max(gap.start, qi_region_end(&reserved->regions[i - 1]));
	if (i < reserved->cnt)
		gap.end = qi_min(gap.end, reserved->regions[i].base);
	return gap;
}

static bool down_in_region(const qi_type *reserved, const qi_region *region, struct walk *walk)
{
	quire_phys_t top = qi_min(qi_region_end(region), walk->request->end);
	quire_phys_t bottom = qi_max(region->base, walk->request->start);

	for (size_t i = qi_table_starting_from(reserved, top);; i--) {
		struct qi_span gap = gap_in(reserved, i, region);

		if (gap.start < gap.end && try_piece(walk, gap, false))
			return true;
		if (gap.start <= bottom || i == 0)
			return false;
	}
}

static bool up_in_region(const qi_type *reserved, const qi_region *region, struct walk *walk)
{
	quire_phys_t top = qi_min(qi_region_end(region), walk->request->end);
	quire_phys_t bottom = qi_max(region->base, walk->request->start);

	for (size_t i = qi_table_ending_above(reserved, bottom);; i++) {
		struct qi_span gap = gap_in(reserved, i, region);

		if (gap.start < gap.end && try_piece(walk, gap, true))
			return true;
		if (gap.end >= top || i == reserved->cnt)
			return false;
	}
}

static void walk_down(const struct quire_memblock *mb, struct walk *walk)
{
	const struct qi_range_request *request = walk->request;

	for (size_t i = qi_table_starting_from(&mb->memory, request->end); i-- > 0; walk->steps++) {
		const qi_region *region = &mb->memory.regions[i];

		if (qi_region_end(region) <= request->start)
			return;
		if (!qi_memblock_skip(mb, region, request->nid, request->flags) &&
		    down_in_region(&mb->reserved, region, walk))
			return;
	}
}

static void walk_up(const struct quire_memblock *mb, struct walk *walk)
{
	const struct qi_range_request *request = walk->request;

	for (size_t i = qi_table_ending_above(&mb->memory, request->start); i < mb->memory.cnt; i++, walk->steps++) {
		const qi_region *region = &mb->memory.regions[i];

		if (region->base >= request->end)
			return;
		if (!qi_memblock_skip(mb, region, request->nid, request->flags) &&
		    up_in_region(&mb->reserved, region, walk))
			return;
	}
}

/*
 * A long walk is worth remembering, together with what its own hint had ruled out before. A failed one only if the request
 * reached to the end of memory it was walking to: elsewhere its bound may lie inside a piece.
 */
static void learn(struct quire_memblock *mb, const struct walk *walk, const struct qi_range_request *asked,
		  const struct quire_memblock_hint *used)
{
	bool by_size = walk->largest < asked->size;
	quire_phys_t size = by_size ? walk->largest + 1 : asked->size, align = by_size ? 1 : asked->align;
	struct qi_span window = { asked->start, asked->end };

	if (used) {
		size = qi_max(size, used->size);
		align = qi_max(align, used->align);
		window = (struct qi_span){ qi_min(window.start, used->lo), qi_max(window.end, used->hi) };
	}
	if (mb->bottom_up) {
		if (!walk->found && asked->end < quire_memblock_end_of_dram(mb))
			return;
		window.end = walk->found ? walk->piece.start : QUIRE_PHYS_MAX;
	} else {
		if (!walk->found && asked->start > qi_memblock_page(mb))
			return;
		window.start = walk->found ? walk->piece.end : 0;
	}
	qi_hint_record(mb, asked, size, align, window);
}

quire_phys_t qi_memblock_find(struct quire_memblock *mb, const struct qi_range_request *request)
{
	struct qi_range_request asked = *request, narrowed;
	struct walk walk = { .request = &narrowed };
	const struct quire_memblock_hint *used;

	/* Page 0 is never handed out: so 0 can mean failure. */
	asked.start = qi_max(asked.start, qi_memblock_page(mb));
	narrowed = asked;
	used = qi_hint_apply(mb, &narrowed);
	if (narrowed.end <= narrowed.start)
		return 0;
	if (mb->bottom_up)
		walk_up(mb, &walk);
	else
		walk_down(mb, &walk);
	if (walk.steps > QI_MEMBLOCK_HINT_STEPS)
		learn(mb, &walk, &asked, used);
	return walk.found;
}

quire_phys_t quire_memblock_find_in_range_node(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					       quire_phys_t start, quire_phys_t end, int nid, uint32_t flags)
{
	struct qi_range_request request = { size, align, start, end, qi_memblock_nid(nid), flags };

	if (!qi_is_pow2(align)) {
		qi_log(mb->platform, QUIRE_LOG_ERROR,
		       "memblock: alignment 0x%llx is not a power of two; nothing is searched",
		       (unsigned long long)align);
		return 0;
	}
	if (end == QUIRE_MEMBLOCK_ACCESSIBLE || end == QUIRE_MEMBLOCK_NOLEAKTRACE)
		request.end = qi_memblock_limit(mb);
	return qi_memblock_find(mb, &request);
}
