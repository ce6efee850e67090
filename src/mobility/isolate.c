/*
 * Isolation of ranges, by pageblocks: all or nothing.
 *
 * Owners are asked first, while nothing has changed yet: most ranges that cannot be cleared are known for it then, and cost
 * nobody anything. What nobody claims is no reason: it may be kept by a CPU or be on its way to an owner.
 */
#include "mobility/mobility.h"

#include "zone/tree_internal.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define BLOCKS_AT_ONCE 32u	/* pageblocks per stay under the zone's lock */
#define NO_METADATA "is in a pageblock that cannot be isolated: no metadata"

/* Frames that change type together: leaves at least. */
static uint64_t isolation_frames(const struct qi_tree *tree)
{
	return 1ull << qi_max(tree->config.pageblock_order, QI_LEAF_SHIFT);
}

/* --- may it be isolated? ------------------------------------------------------------------------------------------ */

static void check_batch(struct quire *q, const struct qi_block *blocks, unsigned n, quire_pfn_t start,
			struct quire_obstacle *first)
{
	struct quire_held held;
	const char *why;

	for (unsigned i = 0; i < n; i++) {
		const struct quire_owner *owner = qi_owner_of(q, &blocks[i], &held, &why);

		if (owner && (!held.movable || !owner->migrate))
			qi_obstacle_note(first, qi_max(start, blocks[i].pfn), &blocks[i], owner,
					 held.why ? held.why : "cannot be moved by its owner");
	}
}

/* Frames of the part that are the allocator's; *first: what cannot be moved. */
static uint64_t check_part(struct quire *q, const struct qi_part *part, bool ask, struct quire_obstacle *first)
{
	struct qi_block blocks[QUIRE_MOVES];
	struct qi_scan scan = { .pfn = part->pfn, .end = part->end, .blocks = blocks, .room = ask ? QUIRE_MOVES : 0 };
	bool more = true;

	while (more && first->pfn == QUIRE_PFN_NONE) {
		qi_zone_lock(part->za);
		more = qi_scan_blocks(&part->za->tree, &scan);
		qi_zone_unlock(part->za);
		if (!scan.n)
			continue;
		qi_owners_enter(q);
		check_batch(q, blocks, scan.n, part->pfn, first);
		qi_owners_leave(q);
	}
	return scan.free + scan.used;
}

static enum quire_status check_range(struct quire *q, quire_pfn_t pfn, uint64_t count, unsigned flags,
				     struct quire_obstacle *first)
{
	bool ask = !(flags & QI_RANGE_UNCHECKED) && __atomic_load_n(&q->mobility.owners, __ATOMIC_RELAXED);
	struct qi_part part = { 0 };
	struct qi_block frame;
	uint64_t ours = 0;

	while (qi_next_part(q, pfn, pfn + count, &part)) {
		ours += check_part(q, &part, ask, first);
		if (first->pfn != QUIRE_PFN_NONE)
			return QUIRE_EBUSY;
	}
	if (ours == count || (ours && (flags & QI_RANGE_OFFLINE)))
		return QUIRE_OK;
	*first = qi_no_obstacle();
	frame.pfn = qi_first_absent(q, pfn, count, &first->why);
	frame.order = 0;
	qi_obstacle_note(first, frame.pfn, &frame, NULL, first->why);
	return QUIRE_ENOENT;
}

/* --- pageblocks --------------------------------------------------------------------------------------------------- */

/* Why not; NULL: it is isolated now, or there is nothing of it in this zone. Zone locked. */
static const char *isolate_block(struct qi_tree *tree, quire_pfn_t pfn, unsigned flags, enum quire_status *status)
{
	unsigned type = qi_tree_type(tree, pfn);

	*status = QUIRE_EBUSY;
	if (type == QUIRE_MIGRATE_TYPES)
		return NULL;
	if (type == QUIRE_MIGRATE_CMA && !(flags & QI_RANGE_CMA))
		return "is part of a CMA area";
	if (type == QUIRE_MIGRATE_ISOLATE)
		return "is isolated by somebody else";
	*status = qi_tree_isolate(tree, pfn);
	return *status == QUIRE_OK ? NULL : NO_METADATA;
}

/* Pageblocks that are free as a whole: all of them at once, whatever their number. As isolate_block(). */
static const char *isolate_free(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count, enum quire_status *status)
{
	*status = qi_tree_isolate_range(tree, pfn, count);
	return *status == QUIRE_OK ? NULL : NO_METADATA;
}

/* Up to `end`, some pageblocks at a time. */
static void unisolate_up_to(const struct qi_part *part, quire_pfn_t end)
{
	uint64_t step = BLOCKS_AT_ONCE * isolation_frames(&part->za->tree);

	for (quire_pfn_t at = part->pfn, next; at < end; at = next) {
		next = qi_min(end, qi_align_down(at, step) + step);
		qi_zone_lock(part->za);
		qi_tree_unisolate_range(&part->za->tree, at, next - at);
		qi_zone_unlock(part->za);
	}
}

void qi_unisolate_part(const struct qi_part *part)
{
	unisolate_up_to(part, part->end);
}

/* How far it came: part->end, or the first frame of the pageblock that stood in the way. */
static quire_pfn_t isolate_part(struct qi_part *part, unsigned flags, enum quire_status *status, const char **why)
{
	struct qi_tree *tree = &part->za->tree;
	uint64_t frames = isolation_frames(tree);
	quire_pfn_t at = part->pfn;

	*why = NULL;
	while (at < part->end) {
		uint64_t free;

		qi_zone_lock(part->za);
		free = qi_tree_free_run(tree, at, part->end);
		if (free)
			*why = isolate_free(tree, at, free, status);
		at += *why ? 0 : free;
		for (unsigned n = 0; n < BLOCKS_AT_ONCE && at < part->end && !*why && !free; n++) {
			*why = isolate_block(tree, at, flags, status);
			if (!*why)
				at = qi_align_down(at, frames) + frames;
		}
		qi_zone_unlock(part->za);
		if (*why)
			return at;
	}
	return part->end;
}

void qi_unisolate_range(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	struct qi_part part = { 0 };

	while (qi_next_part(q, pfn, pfn + count, &part))
		qi_unisolate_part(&part);
}

enum quire_status qi_isolate_range(struct quire *q, quire_pfn_t pfn, uint64_t count, unsigned flags,
				   struct quire_obstacle *obstacle)
{
	struct quire_obstacle first = qi_no_obstacle();
	struct qi_part part = { 0 }, undo = { 0 };
	enum quire_status status = qi_judge_range(q, pfn, count);
	const char *why = NULL;
	quire_pfn_t reached = 0;

	if (status == QUIRE_OK)
		status = check_range(q, pfn, count, flags, &first);
	while (status == QUIRE_OK && qi_next_part(q, pfn, pfn + count, &part)) {
		enum quire_status blocked;

		reached = isolate_part(&part, flags, &blocked, &why);
		if (why)
			status = blocked;
	}
	if (why) {
		const struct qi_block frame = { .pfn = reached };

		qi_obstacle_note(&first, reached, &frame, NULL, why);
		while (qi_next_part(q, pfn, pfn + count, &undo) && undo.next < part.next)
			qi_unisolate_part(&undo);
		unisolate_up_to(&undo, reached);
	}
	if (status != QUIRE_OK && obstacle)
		*obstacle = first;
	return status;
}

#endif
