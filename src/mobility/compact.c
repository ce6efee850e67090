/*
 * Compaction of a zone.
 *
 * The field has two scanners: one goes up from the zone's start and takes out what can be moved, one comes down from its
 * end and takes free frames for it, until they meet. That ends, because the scanners only go one way; and it moves much
 * that need not move, because neither asks whether the pageblock it is at will ever be whole.
 *
 * Here the tree knows. A source is a pageblock with little in use (sources.c), a target the fullest pageblock that has room
 * (qi_tree_alloc's ordinary choice). A run ends because each pageblock that is cleared takes 512 frames from what is
 * free in pageblocks in use, which is all that targets come from, and each that cannot be cleared goes into the
 * filter and is not chosen again. Before anything moves all of a source's blocks must have an owner who can move them:
 * one pinned frame in a pageblock costs a look, not half a pageblock of copies.
 *
 * A source is isolated while it is being cleared. What has become free is whole when the pageblock gets its type back, and
 * in the same breath, before anybody else can, the block is taken for the request that waits for it.
 *
 * Above pageblock size the windows of contiguous ranges are used (windows.c).
 */
#include "mobility/compact.h"

#include "mobility/windows.h"
#include "zone/tree_internal.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define ASYNC_TRIES 4u			/* sources for one request */
#define SYNC_TRIES 32u
#define CAPTURE_ORDER 15u		/* up to here a block is taken as it becomes whole: the lock is held meanwhile */
#define MAX_SHIFT 6u

/* --- deferral ----------------------------------------------------------------------------------------------------- */

bool qi_compaction_deferred(struct qi_zone *za, unsigned order)
{
	struct qi_compact_state *state = &za->compact;
	bool deferred = false;

	qi_zone_lock(za);
	if (order >= state->failed_order && ++state->considered < 1u << state->shift)
		deferred = true;
	else
		state->considered = (uint16_t)qi_min(state->considered, 1u << state->shift);
	qi_zone_unlock(za);
	return deferred;
}

void qi_compaction_failed(struct qi_zone *za, unsigned order)
{
	struct qi_compact_state *state = &za->compact;

	qi_zone_lock(za);
	state->considered = 0;
	state->shift = (uint8_t)qi_min(state->shift + 1u, MAX_SHIFT);
	state->failed_order = (uint8_t)qi_min(state->failed_order, order);
	qi_zone_unlock(za);
}

void qi_compaction_helped(struct qi_zone *za, unsigned order)
{
	struct qi_compact_state *state = &za->compact;

	qi_zone_lock(za);
	state->considered = 0;
	state->shift = 0;
	if (order >= state->failed_order)
		state->failed_order = (uint8_t)(order + 1);
	qi_zone_unlock(za);
}

/* --- one source --------------------------------------------------------------------------------------------------- */

static void bump(uint64_t *counter, uint64_t n) { qi_poke(counter, *counter + n); }

static bool all_can_move(struct quire *q, const struct qi_block *blocks, unsigned n)
{
	struct quire_held held;
	const char *why;

	for (unsigned i = 0; i < n; i++) {
		const struct quire_owner *owner = qi_owner_of(q, &blocks[i], &held, &why);

		if (!owner || !held.movable || !owner->migrate)
			return false;
	}
	return true;
}

static bool can_be_cleared(struct qi_compaction *c, quire_pfn_t pfn)
{
	struct qi_block blocks[QUIRE_MOVES];
	struct qi_scan scan = { .pfn = pfn, .end = pfn + (1ull << c->order), .blocks = blocks, .room = QUIRE_MOVES };
	bool more = true, good = true;

	while (more && good) {
		qi_zone_lock(c->za);
		more = qi_scan_blocks(&c->za->tree, &scan);
		qi_zone_unlock(c->za);
		qi_owners_enter(c->za->q);
		good = all_can_move(c->za->q, blocks, scan.n);
		qi_owners_leave(c->za->q);
	}
	bump(&c->za->compact.stats.migrate_scanned, scan.free + scan.used);
	return good;
}

/* Zone locked: the block that has just become whole, or one like it. */
static void capture(struct qi_compaction *c)
{
	const struct qi_request *r = c->request;

	if (!r || c->captured != QUIRE_PFN_NONE || qi_debug_of(c->za->q) ||
	    qi_tree_free_pages(&c->za->tree) < r->floor + (1ull << r->order))
		return;
	qi_tree_alloc(&c->za->tree, r->order, r->type, r->flags, &c->captured);
}

static void release_source(struct qi_compaction *c, quire_pfn_t pfn, bool whole)
{
	uint64_t count = 1ull << c->order;
	struct qi_part part = { 0 };

	while (qi_next_part(c->za->q, pfn, pfn + count, &part)) {
		if (part.za != c->za || !whole || c->order > CAPTURE_ORDER) {
			qi_unisolate_part(&part);
			continue;
		}
		qi_zone_lock(part.za);
		qi_tree_unisolate_range(&part.za->tree, part.pfn, part.end - part.pfn);
		capture(c);
		qi_zone_unlock(part.za);
	}
}

/* Clear one source. QUIRE_ENOMEM: there is no room for what is in it. */
static enum quire_status clear_source(struct qi_compaction *c, quire_pfn_t pfn)
{
	struct quire_compact_stats *stats = &c->za->compact.stats;
	bool async = c->priority == QI_COMPACT_ASYNC;
	struct qi_evacuation how = {
		.mode = c->mode, .rounds = async ? 1 : 2, .flags = async ? QI_RANGE_ONCE : 0, .within = c->za,
		.below = (unsigned)qi_min(c->order, QI_LEAF_SHIFT),
	};
	enum quire_status status = QUIRE_EBUSY;

	if (can_be_cleared(c, pfn))
		status = qi_isolate_range(c->za->q, pfn, 1ull << c->order, QI_RANGE_UNCHECKED, NULL);
	if (status == QUIRE_OK) {
		status = qi_evacuate_range(c->za->q, pfn, 1ull << c->order, &how, NULL);
		release_source(c, pfn, status == QUIRE_OK);
	}
	c->moved += how.moved;
	bump(&stats->moved, how.moved);
	bump(&stats->free_scanned, how.moved);
	bump(&stats->isolated, 2 * how.moved);
	if (status != QUIRE_OK) {
		bump(&stats->failed, 1);
		qi_hint_vain(&c->za->compact, pfn);
	}
	return status;
}

/* --- a run -------------------------------------------------------------------------------------------------------- */

static bool wanted_more(const struct qi_compaction *c)
{
	return c->all && (!c->stop_below || qi_zone_score(c->za) > c->stop_below);
}

/* The best of the lists; where those are in vain, the next by address. */
static quire_pfn_t next_source(const struct qi_compaction *c, quire_pfn_t *position, uint64_t *used, uint64_t *room)
{
	bool any = c->priority != QI_COMPACT_ASYNC;
	quire_pfn_t pfn;

	qi_zone_lock(c->za);
	pfn = qi_compact_source(c->za, c->order, any, used, room);
	qi_zone_unlock(c->za);
	while (pfn == QUIRE_PFN_NONE && any && *position != QUIRE_PFN_NONE) {
		qi_zone_lock(c->za);
		pfn = qi_compact_next_source(c->za, c->order, any, position, used);
		qi_zone_unlock(c->za);
	}
	return pfn;
}

static enum quire_compact_result run_small(struct qi_compaction *c)
{
	/* Each pageblock once, even if others keep making new ones worth it. */
	uint64_t every = (qi_peek(&c->za->tree.end_pfn) - qi_peek(&c->za->tree.start_pfn)) >> QI_LEAF_SHIFT;
	uint64_t tries = c->all || c->priority == QI_COMPACT_FULL ? every + 1 :
			 c->priority == QI_COMPACT_ASYNC ? ASYNC_TRIES : SYNC_TRIES;
	enum quire_compact_result result = QUIRE_COMPACT_NO_SUITABLE;
	uint64_t used, room;
	quire_pfn_t position = 0;

	for (; tries; tries--) {
		quire_pfn_t pfn = next_source(c, &position, &used, &room);

		if (pfn == QUIRE_PFN_NONE || room < used)
			return result;
		switch (clear_source(c, pfn)) {
		case QUIRE_OK:
			result = QUIRE_COMPACT_SUCCESS;
			if (!wanted_more(c))
				return result;
			break;
		case QUIRE_ENOMEM:
			return result == QUIRE_COMPACT_SUCCESS ? result : QUIRE_COMPACT_COMPLETE;
		default:
			if (result == QUIRE_COMPACT_NO_SUITABLE)
				result = QUIRE_COMPACT_COMPLETE;
		}
	}
	return result == QUIRE_COMPACT_COMPLETE ? QUIRE_COMPACT_PARTIAL : result;
}

/* Above pageblock size. */
struct windows {
	struct qi_search search;
	struct qi_compaction *c;
	enum quire_compact_result result;
};

static bool attempt(struct qi_search *search, struct qi_zone *za, quire_pfn_t pfn)
{
	struct windows *w = QI_CONTAINER_OF(search, struct windows, search);

	(void)za;
	w->result = clear_source(w->c, pfn) == QUIRE_OK ? QUIRE_COMPACT_SUCCESS : QUIRE_COMPACT_PARTIAL;
	return w->result == QUIRE_COMPACT_SUCCESS;
}

static enum quire_compact_result run_large(struct qi_compaction *c)
{
	uint64_t frames = 1ull << c->order;
	struct windows w = {
		.search = { .count = frames, .chunk = frames, .looks = 1, .thorough = c->priority == QI_COMPACT_FULL,
			    .attempt = attempt },
		.c = c, .result = QUIRE_COMPACT_NO_SUITABLE,
	};

	qi_search_zone(&w.search, c->za);
	return w.result;
}

enum quire_compact_result qi_compact_zone(struct qi_compaction *c)
{
	struct qi_compact_state *state = &c->za->compact;
	enum quire_compact_result result;

	c->captured = QUIRE_PFN_NONE;
	c->moved = 0;
	if (c->order >= QI_TREE_ORDERS)
		return QUIRE_COMPACT_NO_SUITABLE;
	if (__atomic_exchange_n(&state->turn.taken, 1, __ATOMIC_ACQUIRE))
		return QUIRE_COMPACT_CONTENDED;
	if (c->priority == QI_COMPACT_FULL)
		memset(state->hints, 0, sizeof(state->hints));
	qi_drain_range(c->za->q, qi_peek(&c->za->tree.start_pfn), 1);
	result = c->order <= QI_LEAF_SHIFT ? run_small(c) : run_large(c);
	/* Everything was gone through in vain: from now on what was known may have changed. */
	if (result == QUIRE_COMPACT_NO_SUITABLE || result == QUIRE_COMPACT_COMPLETE)
		memset(state->hints, 0, sizeof(state->hints));
	qi_unlock(&state->turn);
	return result;
}

#endif
