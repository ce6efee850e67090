/*
 * Exact ranges: isolate, clear, take, and give the pageblocks back their types.
 *
 * Nobody else can take anything out of an isolated range, so it may be taken piece by piece, each under the zone's lock for
 * a short time only.
 */
#include "mobility/mobility.h"

#include "page_alloc/page_alloc.h"
#include "zone/tree_exact.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define TAKE_AT_ONCE 32768u	/* frames per stay under the zone's lock */

/*
 * Take the frames of an aligned piece if all of them are free, or see that none of them is the zone's. QUIRE_ENOSPC: it is
 * mixed, try smaller ones.
 */
static enum quire_status take_piece(struct qi_zone *za, quire_pfn_t pfn, uint64_t frames, uint64_t *taken)
{
	struct qi_tree_range_counts counts;
	enum quire_status status = QUIRE_OK;

	qi_zone_lock(za);
	counts = qi_tree_count_range(&za->tree, pfn, pfn + frames);
	if (counts.allocated)
		status = QUIRE_EBUSY;
	else if (counts.free == frames)
		status = qi_tree_take_frames(&za->tree, pfn, frames, QUIRE_MIGRATE_MOVABLE);
	else if (counts.free)
		status = QUIRE_ENOSPC;
	qi_zone_unlock(za);
	if (status == QUIRE_OK)
		*taken += counts.free;
	return status;
}

/* Give back what was taken of a part up to `end`. */
static void untake_part(const struct qi_part *part, quire_pfn_t end)
{
	for (quire_pfn_t pfn = part->pfn; pfn < end; pfn++) {
		qi_zone_lock(part->za);
		qi_tree_free(&part->za->tree, pfn, 0);
		qi_zone_unlock(part->za);
	}
}

static enum quire_status take_part(const struct qi_part *part, uint64_t *taken)
{
	uint64_t frames = TAKE_AT_ONCE;

	for (quire_pfn_t at = part->pfn; at < part->end;) {
		enum quire_status status;

		while (frames > part->end - at || (at & (frames - 1)))
			frames /= 2;
		status = take_piece(part->za, at, frames, taken);
		if (status == QUIRE_ENOSPC) {
			frames /= 2;
			continue;
		}
		if (status != QUIRE_OK) {
			untake_part(part, at);
			return status;
		}
		at += frames;
		frames = TAKE_AT_ONCE;
	}
	return QUIRE_OK;
}

enum quire_status qi_take_range(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	struct qi_part part = { 0 }, undo = { 0 };
	enum quire_status status = QUIRE_OK;
	unsigned failed = UINT32_MAX;
	uint64_t taken = 0;

	while (status == QUIRE_OK && qi_next_part(q, pfn, pfn + count, &part))
		status = take_part(&part, &taken);
	if (status != QUIRE_OK)
		failed = part.next;
	else if (taken != count)
		status = QUIRE_ENOENT;
	/* The part that failed has undone its own. */
	while (status != QUIRE_OK && qi_next_part(q, pfn, pfn + count, &undo))
		if (undo.next < failed)
			untake_part(&undo, undo.end);
	return status;
}

enum quire_status qi_alloc_range(struct quire *q, quire_pfn_t pfn, uint64_t count, quire_gfp_t gfp, unsigned flags,
				 struct quire_obstacle *obstacle, uint64_t *moved)
{
	struct qi_evacuation how = {
		.gfp = gfp, .mode = QUIRE_MIGRATE_SYNC, .flags = flags | (gfp & QUIRE_GFP_NORETRY ? QI_RANGE_ONCE : 0),
	};
	enum quire_status status = qi_isolate_range(q, pfn, count, flags, obstacle);

	if (moved)
		*moved = 0;
	if (status != QUIRE_OK)
		return status;
	status = qi_evacuate_range(q, pfn, count, &how, obstacle);
	if (status == QUIRE_OK)
		status = qi_take_range(q, pfn, count);
	qi_unisolate_range(q, pfn, count);
	if (status == QUIRE_OK && qi_unlikely(qi_debug_of(q) != NULL))
		qi_debug_taken(q, pfn, count, gfp, QI_SITE);
	if (moved)
		*moved = how.moved;
	return status;
}

enum quire_status quire_alloc_range(struct quire *q, quire_pfn_t pfn, uint64_t count, quire_gfp_t gfp,
				    struct quire_obstacle *obstacle)
{
	return qi_alloc_range(q, pfn, count, gfp, 0, obstacle, NULL);
}

enum quire_status quire_free_range(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	return quire_free_frames_exact(q, pfn, count);
}

#endif
