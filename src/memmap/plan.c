/*
 * What boot will do, worked out from ledger and zones alone.
 *
 * The kernel initialises descriptors in one walk over memory ranges; its numbers (holes that get a descriptor, the point
 * where deferral begins) fall out of that walk page by page. Here the same walk goes range by range, so that a machine of
 * any size is planned in time proportional to its firmware map.
 */
#include "memmap/plan.h"

#include "base/base.h"

/* The whole pages of a memory region; false if it has none. */
static bool region_pages(const struct quire_memblock *mb, size_t index, unsigned page_shift, struct quire_pfn_range *range)
{
	const struct quire_memblock_region *region = &mb->memory.regions[index];

	range->start = qi_pfn_up(region->base, page_shift);
	range->end = qi_pfn_down(region->base + region->size, page_shift);
	range->nid = region->nid == QUIRE_NO_NODE ? 0 : region->nid;
	range->flags = region->flags;
	return range->start < range->end;
}

/* As quire_section_next_run(), looking no further than section `end`: what a run is cut at there does not matter. */
static bool next_run_below(const struct quire_config *config, const struct quire_memblock *mb, uint64_t end_section,
			   uint64_t *cursor, struct quire_section_run *run)
{
	unsigned page_shift = quire_page_shift(config), section_shift = quire_section_shift(config);
	unsigned shift = section_shift - page_shift;
	uint64_t limit = quire_section_limit(config);
	struct quire_section_run found = { 0 };
	struct quire_pfn_range range;

	if (*cursor >= limit)
		return false;
	for (size_t i = qi_table_ending_above(&mb->memory, *cursor << section_shift); i < mb->memory.cnt; i++) {
		uint64_t start, end;

		if (!region_pages(mb, i, page_shift, &range))
			continue;
		start = qi_max(range.start >> shift, *cursor);
		if (start >= end_section || found.end >= end_section)
			break;
		end = qi_min((qi_align_up(range.end, (uint64_t)1 << shift)) >> shift, limit);
		if (start >= end)
			continue;
		if (found.end && (start > found.end || range.nid != found.nid)) {
			if (end > found.end)
				break;
			continue;
		}
		if (!found.end)
			found = (struct quire_section_run){ .start = start, .nid = range.nid };
		found.end = qi_max(found.end, end);
	}
	if (!found.end)
		return false;
	*run = found;
	*cursor = found.end;
	return true;
}

bool quire_section_present(const struct quire_config *config, const struct quire_memblock *mb, uint64_t section)
{
	uint64_t cursor = section;
	struct quire_section_run run;

	return next_run_below(config, mb, section + 1, &cursor, &run);
}

bool quire_section_next_run(const struct quire_config *config, const struct quire_memblock *mb, uint64_t *cursor,
			    struct quire_section_run *run)
{
	return next_run_below(config, mb, UINT64_MAX, cursor, run);
}

/* Clip `range` to zone `type` of its node; false if nothing is left or the zone is empty. */
static bool clip_to_zone(const struct quire_topology *t, const struct quire_pfn_range *range, unsigned type,
			 struct quire_memmap_piece *piece)
{
	const struct quire_node *node = quire_topology_node(t, range->nid);
	const struct quire_zone *zone;

	if (!node)
		return false;
	zone = &node->zones[type];
	if (!quire_zone_populated(zone))
		return false;
	*piece = (struct quire_memmap_piece){
		.start = qi_max(range->start, zone->start_pfn),
		.end = qi_min(range->end, zone->start_pfn + zone->spanned),
		.nid = range->nid,
		.zone = (enum quire_zone_type)type,
		.flags = range->flags,
	};
	return piece->start < piece->end;
}

bool quire_memmap_next_piece(const struct quire_topology *t, const struct quire_memblock *mb, struct quire_memmap_walk *walk,
			     struct quire_memmap_piece *piece)
{
	unsigned page_shift = quire_page_shift(t->config);

	for (; walk->region < mb->memory.cnt; walk->region++, walk->inside = false) {
		if (!walk->inside) {
			if (!region_pages(mb, walk->region, page_shift, &walk->range))
				continue;
			walk->inside = true;
			walk->zone = 0;
		}
		while (walk->zone < QUIRE_ZONE_TYPES) {
			if (clip_to_zone(t, &walk->range, walk->zone++, piece))
				return true;
		}
	}
	return false;
}

/* A kernel's flat map begins at frame 0 on x86 and with the first memory elsewhere, and ends with the highest zone. */
static quire_pfn_t flat_start(const struct quire_topology *t, const struct quire_memblock *mb)
{
	if (quire_arch(t->config) != QUIRE_ARCH_ARM64 && quire_arch(t->config) != QUIRE_ARCH_RISCV64)
		return 0;
	return qi_pfn_down(quire_memblock_start_of_dram(mb), quire_page_shift(t->config));
}

static quire_pfn_t flat_end(const struct quire_topology *t)
{
	quire_pfn_t end = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		if (t->zone_low[type] < t->zone_high[type])
			end = qi_max(end, t->zone_high[type]);
	return qi_min(end, t->max_pfn);
}

/*
 * Frames of [start, end) that have a place for a descriptor. The kernel asks per pageblock, by its first frame, which shows
 * where a flat map ends inside a pageblock; sections are always whole pageblocks.
 */
static uint64_t described(const struct quire_topology *t, const struct quire_memblock *mb, quire_pfn_t start,
			  quire_pfn_t end)
{
	unsigned shift = quire_section_shift(t->config) - quire_page_shift(t->config);
	uint64_t cursor = start >> shift, end_section = qi_align_up(end, (uint64_t)1 << shift) >> shift, pages = 0;
	struct quire_section_run run;

	if (qi_model_is_flat(t->config)) {
		uint64_t block = (uint64_t)1 << quire_pageblock_order(t->config);

		start = qi_max(start, qi_align_up(flat_start(t, mb), block));
		end = qi_min(end, qi_align_up(flat_end(t), block));
		return start < end ? end - start : 0;
	}
	while (start < end && next_run_below(t->config, mb, end_section, &cursor, &run))
		pages += qi_min(run.end << shift, end) - qi_max(run.start << shift, start);
	return pages;
}

/* Where the walk stops looking: the end of memory, with sections the end of the last one. */
static quire_pfn_t walk_end(const struct quire_topology *t, const struct quire_memblock *mb)
{
	uint64_t align = qi_model_is_flat(t->config) ? 1 : quire_pages_per_section(t->config);
	struct quire_pfn_range range;

	for (size_t i = mb->memory.cnt; i-- > 0;) {
		if (region_pages(mb, i, quire_page_shift(t->config), &range))
			return qi_align_up(range.end, align);
	}
	return 0;
}

void quire_memmap_unavailable(const struct quire_topology *t, const struct quire_memblock *mb,
			      void (*emit)(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages), void *ctx)
{
	struct quire_memmap_walk walk = { 0 };
	struct quire_memmap_piece piece, last = { .nid = QUIRE_NO_NODE };
	quire_pfn_t hole = 0;
	uint64_t pages;

	while (quire_memmap_next_piece(t, mb, &walk, &piece)) {
		pages = described(t, mb, hole, piece.start);
		if (pages)
			emit(ctx, piece.nid, piece.zone, pages);
		hole = piece.end;
		last = piece;
	}
	if (last.nid == QUIRE_NO_NODE)
		return;
	pages = described(t, mb, hole, walk_end(t, mb));
	if (pages)
		emit(ctx, last.nid, last.zone, pages);
}

/* The last piece of all memory: owner of what lies above. */
static bool last_piece(const struct quire_topology *t, const struct quire_memblock *mb, struct quire_memmap_piece *last)
{
	for (size_t i = mb->memory.cnt; i-- > 0;) {
		struct quire_memmap_walk walk = { .region = i };
		struct quire_memmap_piece piece;
		bool found = false;

		while (quire_memmap_next_piece(t, mb, &walk, &piece)) {
			*last = piece;
			found = true;
		}
		if (found)
			return true;
	}
	return false;
}

bool qi_frame_home(const struct quire_topology *t, const struct quire_memblock *mb, quire_pfn_t pfn,
		   struct qi_frame_home *home)
{
	unsigned page_shift = quire_page_shift(t->config);
	struct quire_memmap_walk walk = { .region = qi_table_ending_above(&mb->memory, pfn << page_shift) };
	struct quire_memmap_piece piece;

	while (quire_memmap_next_piece(t, mb, &walk, &piece)) {
		if (piece.end <= pfn)
			continue;
		*home = (struct qi_frame_home){ .nid = piece.nid, .zone = piece.zone };
		home->is_hole = pfn < piece.start;
		home->end = home->is_hole ? piece.start : piece.end;
		home->flags = home->is_hole ? 0 : piece.flags;
		return true;
	}
	if (!last_piece(t, mb, &piece))
		return false;
	*home = (struct qi_frame_home){ .end = QUIRE_PFN_NONE, .nid = piece.nid, .zone = piece.zone, .is_hole = true };
	return true;
}
