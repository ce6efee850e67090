/*
 * Where deferred initialisation begins, as the kernel's walk finds it, and how far the first allocations push it.
 */
#include "memmap/plan.h"

#include "base/base.h"

/* The state of the kernel's walk: pages of the node's last zone seen so far, restarted whenever the zone's end changes. */
struct deferral {
	quire_pfn_t zone_end;
	uint64_t seen;
};

/* Walk one piece; the first frame to defer in it, or QUIRE_PFN_NONE. */
static quire_pfn_t defer_in_piece(struct deferral *state, const struct quire_memmap_piece *piece,
				  const struct quire_node *node, uint64_t section_pages)
{
	const struct quire_zone *zone = &node->zones[piece->zone];
	quire_pfn_t zone_end = zone->start_pfn + zone->spanned, from = piece->start, split;

	if (zone_end != state->zone_end)
		*state = (struct deferral){ .zone_end = zone_end };
	if (zone_end < node->end_pfn)
		return QUIRE_PFN_NONE;
	if (state->seen < section_pages)
		from += section_pages - state->seen;
	split = qi_align_up(from, section_pages);
	if (split < piece->end)
		return split;
	state->seen += piece->end - piece->start;
	return QUIRE_PFN_NONE;
}

quire_pfn_t qi_deferred_split(const struct quire_topology *t, const struct quire_memblock *mb, int nid)
{
	uint64_t section_pages = quire_pages_per_section(t->config);
	struct quire_memmap_walk walk = { 0 };
	struct deferral state = { 0 };
	struct quire_memmap_piece piece;

	while (quire_memmap_next_piece(t, mb, &walk, &piece)) {
		const struct quire_node *node = quire_topology_node(t, piece.nid);
		quire_pfn_t split;

		/* Mirrored memory under kernelcore=mirror is passed over in the movable zone's turn. */
		if (t->config->options.kernelcore_mirror && piece.zone == QUIRE_ZONE_MOVABLE &&
		    (piece.flags & QUIRE_MEMBLOCK_MIRROR))
			continue;
		split = defer_in_piece(&state, &piece, node, section_pages);
		if (piece.nid == nid && split != QUIRE_PFN_NONE)
			return split;
	}
	return QUIRE_PFN_NONE;
}

quire_pfn_t quire_memmap_deferred_split(const struct quire_topology *t, const struct quire_memblock *mb, int nid)
{
	bool narrow = quire_arch(t->config) == QUIRE_ARCH_I386 || quire_arch(t->config) == QUIRE_ARCH_I386_PAE;

	return narrow || qi_model_is_flat(t->config) ? QUIRE_PFN_NONE : qi_deferred_split(t, mb, nid);
}

/* The first free range of whole pages in [from, zone end) of the node, after `cursor`. */
static bool next_free(const struct quire_memblock *mb, uint64_t *cursor, const struct quire_zone *zone, unsigned page_shift,
		      quire_pfn_t from, struct quire_pfn_range *range)
{
	struct quire_memblock_range r;

	while (quire_memblock_next_range(mb, cursor, zone->node->nid, QUIRE_MEMBLOCK_HOTPLUG, &mb->memory, &mb->reserved,
					 &r)) {
		range->start = qi_max(qi_pfn_up(r.start, page_shift), from);
		range->end = qi_min(qi_pfn_down(r.end, page_shift), zone->start_pfn + zone->spanned);
		if (range->start < range->end)
			return true;
	}
	return false;
}

/*
 * Growth (spec 04 §7): from `first` on, free stretches of the zone no longer than a block of the highest order are
 * initialised until a section's worth is there and a section border was crossed. The new first deferred frame, or that
 * nothing is left.
 */
static quire_pfn_t grow(const struct quire_topology *t, const struct quire_memblock *mb, const struct quire_zone *zone,
			quire_pfn_t first)
{
	uint64_t section = quire_pages_per_section(t->config), block = (uint64_t)1 << quire_max_order(t->config);
	uint64_t seen = 0, cursor = 0;
	struct quire_pfn_range range;
	bool more = next_free(mb, &cursor, zone, quire_page_shift(t->config), first, &range);

	while (more) {
		quire_pfn_t from = range.start, to = qi_min(qi_align_up(from + 1, block), range.end), next = to;

		seen += to - from;
		range.start = to;
		if (to == range.end) {
			more = next_free(mb, &cursor, zone, quire_page_shift(t->config), first, &range);
			next = range.start;
		}
		if (more && (from ^ next) >= section && seen >= section)
			return next;
	}
	return QUIRE_PFN_NONE;
}

quire_pfn_t quire_memmap_deferred_at_work(const struct quire_topology *t, const struct quire_memblock *mb, int nid)
{
	quire_pfn_t split = quire_memmap_deferred_split(t, mb, nid);
	struct quire_pfn_range range;
	struct qi_frame_home home;
	const struct quire_zone *zone;
	uint64_t cursor = 0;

	if (split == QUIRE_PFN_NONE || !qi_frame_home(t, mb, split, &home))
		return split;
	zone = &quire_topology_node(t, nid)->zones[home.zone];
	if (next_free(mb, &cursor, zone, quire_page_shift(t->config), zone->start_pfn, &range) && range.start < split)
		return split;
	return grow(t, mb, zone, split);
}
