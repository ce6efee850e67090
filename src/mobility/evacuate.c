/*
 * Clearing an isolated range.
 *
 * A batch: up to QUIRE_MOVES blocks are read off the tree, their owners named, targets taken for those that can move, each
 * owner called once, and what he let go of is given back, single frames by whole words. All of that costs a small part of
 * copying the frames. The end of a round is not the end: only a look at the tree that finds nothing in use is.
 *
 * Nothing here trusts what an owner writes into a move but its status.
 */
#include "mobility/mobility.h"

#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_MOBILITY

/* One batch of blocks. */
struct batch {
	struct qi_block blocks[QUIRE_MOVES];
	const struct quire_owner *owners[QUIRE_MOVES];
	quire_pfn_t to[QUIRE_MOVES];
	struct quire_move moves[QUIRE_MOVES];
	unsigned n;
};

/* Pageblocks of which descriptors are known to be there. */
struct known {
	quire_pfn_t from, to;
};

struct evacuation {
	struct quire *q;
	struct qi_evacuation *how;
	quire_pfn_t start;
	struct quire_obstacle first;	/* of this round */
	enum quire_status status;	/* not QUIRE_OK: it is over */
};

static void obstruct(struct evacuation *e, const struct qi_block *block, const struct quire_owner *owner,
		     const char *why)
{
	qi_obstacle_note(&e->first, qi_max(e->start, block->pfn), block, owner, why);
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

/*
 * Descriptors come into being by pageblocks, before a frame of one is handed out. So one look a pageblock is enough:
 * *known is the one that was looked at last.
 */
static bool described(const struct quire *q, quire_pfn_t pfn, quire_pfn_t *known)
{
	if (pfn >> QI_LEAF_SHIFT == *known)
		return true;
	if (!quire_pfn_initialised(&q->memmap, pfn))
		return false;
	*known = pfn >> QI_LEAF_SHIFT;
	return true;
}

/*
 * The target's descriptor says what the source's says, before its owner knows of the target: from then on he may do with it
 * what he likes. False: there is no memory for it.
 */
static bool copy_descriptor(struct quire *q, const struct qi_block *block, quire_pfn_t to, struct known *known)
{
	const struct quire_page *old;
	struct quire_page *new;

	if (!q->memmap.ready || !described(q, block->pfn, &known->from))
		return true;
	if (!described(q, to, &known->to) && quire_memmap_prepare(q, to, 1ull << block->order) != QUIRE_OK)
		return false;
	old = quire_pfn_to_page(&q->memmap, block->pfn);
	new = quire_pfn_to_page(&q->memmap, to);
	new->state = old->state;
	new->owner = old->owner;
	if (quire_page_test(old, QUIRE_PAGE_HEAD))
		quire_page_set(new, QUIRE_PAGE_HEAD);
	return true;
}

/* That of a frame the engine has again. */
static void clear_descriptor(struct quire *q, quire_pfn_t pfn, quire_pfn_t *known)
{
	struct quire_page *page;

	if (!q->memmap.ready || !described(q, pfn, known))
		return;
	page = quire_pfn_to_page(&q->memmap, pfn);
	page->state = 0;
	page->owner = 0;
	quire_page_clear(page, QUIRE_PAGE_HEAD);
}

/* --- what was moved goes back ------------------------------------------------------------------------------------ */

struct given {
	struct qi_zone *za;
	uint64_t word, mask;		/* single frames of one word, not given yet */
	uint64_t frames;		/* given so far */
	unsigned wrong;			/* blocks the tree would not have */
};

static void give_one(struct given *given, quire_pfn_t pfn, unsigned order)
{
	if (qi_tree_free(&given->za->tree, pfn, order) == QUIRE_OK)
		given->frames += 1ull << order;
	else
		given->wrong++;
}

/* Zone locked. One by one where the tree refuses the word: only what is wrong in it is to be lost. */
static void give_word(struct given *given)
{
	if (!given->mask)
		return;
	if (qi_tree_free_word(&given->za->tree, 0, given->word, given->mask) == QUIRE_OK)
		given->frames += qi_popcount(given->mask);
	else
		for (uint64_t rest = given->mask; rest; rest &= rest - 1)
			give_one(given, given->word * 64 + qi_ctz(rest), 0);
	given->mask = 0;
}

static void give_block(struct given *given, const struct qi_block *block)
{
	if (block->order) {
		give_one(given, block->pfn, block->order);
		return;
	}
	if (block->pfn / 64 != given->word)
		give_word(given);
	given->word = block->pfn / 64;
	given->mask |= 1ull << (block->pfn & 63);
}

/* Where debugging follows each frame, they go the way it watches. */
static uint64_t give_watched(struct quire *q, const struct qi_block *blocks, const struct quire_move *moves, unsigned n)
{
	uint64_t frames = 0;

	for (unsigned i = 0; i < n; i++)
		if (moves[i].status == QUIRE_OK && quire_free_frames(q, blocks[i].pfn, blocks[i].order) == QUIRE_OK)
			frames += 1ull << blocks[i].order;
	return frames;
}

/* Sources of the moves that succeeded. Returns how many frames that were. */
static uint64_t give_sources(struct qi_zone *za, const struct quire_owner *owner, const struct qi_block *blocks,
			     const struct quire_move *moves, unsigned n)
{
	struct given given = { .za = za };
	unsigned long state = 0;
	unsigned cpu;

	if (qi_unlikely(qi_debug_of(za->q) != NULL))
		return give_watched(za->q, blocks, moves, n);
	cpu = qi_enter_cpu(za->q, &state);
	qi_lock(&za->lock);
	for (unsigned i = 0; i < n; i++)
		if (moves[i].status == QUIRE_OK)
			give_block(&given, &blocks[i]);
	give_word(&given);
	qi_unlock(&za->lock);
	for (unsigned i = 0; i < n; i++)
		if (moves[i].status == QUIRE_OK)
			qi_trace(za->q, free, blocks[i].pfn, blocks[i].order);
	qi_count_freed(za, cpu, given.frames);
	qi_leave_cpu(za->q, state);
	if (given.wrong)
		qi_log(za->platform, QUIRE_LOG_ERROR, "%s moved %u blocks that were not his: they stay as they are",
		       owner->name, given.wrong);
	return given.frames;
}

uint64_t qi_move_blocks(struct qi_zone *za, const struct quire_owner *owner, const struct qi_block *blocks,
			const quire_pfn_t *to, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct known known = { QUIRE_PFN_NONE, QUIRE_PFN_NONE };

	for (unsigned i = 0; i < n; i++)
		moves[i] = (struct quire_move){ .from = blocks[i].pfn, .to = to[i], .order = blocks[i].order,
						.status = QUIRE_EBUSY };
	owner->migrate(owner->ctx, moves, n, mode);
	for (unsigned i = 0; i < n && qi_unlikely(qi_debug_of(za->q) != NULL); i++)
		if (moves[i].status == QUIRE_OK)
			qi_debug_moved(za->q, blocks[i].pfn, to[i]);
	for (unsigned i = 0; i < n; i++)
		clear_descriptor(za->q, moves[i].status == QUIRE_OK ? blocks[i].pfn : to[i],
				 moves[i].status == QUIRE_OK ? &known.from : &known.to);
	return give_sources(za, owner, blocks, moves, n);
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

static void swap_entries(struct batch *b, unsigned i, unsigned k)
{
	struct qi_block block = b->blocks[i];
	const struct quire_owner *owner = b->owners[i];

	b->blocks[i] = b->blocks[k];
	b->owners[i] = b->owners[k];
	b->blocks[k] = block;
	b->owners[k] = owner;
}

/* Keep those blocks that somebody can move. */
static void name_owners(struct evacuation *e, struct batch *b)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < b->n && e->status == QUIRE_OK; i++) {
		struct quire_held held;
		const char *why;
		const struct quire_owner *owner = qi_owner_of(e->q, &b->blocks[i], &held, &why);

		if (owner && held.movable && owner->migrate) {
			b->blocks[kept] = b->blocks[i];
			b->owners[kept++] = owner;
			continue;
		}
		if (owner)
			why = held.why ? held.why : "cannot be moved by its owner";
		obstruct(e, &b->blocks[i], owner, why ? why : "is in use, nobody says what for");
		if (owner || (e->how->flags & QI_RANGE_ONCE))
			e->status = QUIRE_EBUSY;
	}
	b->n = e->status == QUIRE_OK ? kept : 0;
}

/* Entries from `first` on that belong to its owner, brought together in order. How many. */
static unsigned gather_owner(struct batch *b, unsigned first)
{
	unsigned n = 1;

	for (unsigned i = first + 1; i < b->n; i++)
		if (b->owners[i] == b->owners[first])
			swap_entries(b, first + n++, i);
	return n;
}

static void judge_move(struct evacuation *e, const struct qi_block *block, const struct quire_owner *owner,
		       enum quire_status status)
{
	static const char *const reasons[2] = { "is busy", "is pinned" };
	bool pinned = status == QUIRE_EPERM;

	if (status == QUIRE_OK)
		return;
	obstruct(e, block, owner, reasons[pinned]);
	if (pinned || (e->how->flags & QI_RANGE_ONCE))
		e->status = QUIRE_EBUSY;
}

/* Keep those of entries [first, first + n) that have a target. */
static unsigned keep_with_target(struct evacuation *e, struct batch *b, unsigned first, unsigned n)
{
	struct known known = { QUIRE_PFN_NONE, QUIRE_PFN_NONE };
	unsigned kept = 0;

	for (unsigned i = first; i < first + n; i++) {
		if (b->to[i] != QUIRE_PFN_NONE && !copy_descriptor(e->q, &b->blocks[i], b->to[i], &known)) {
			qi_free_frames(e->q, b->to[i], b->blocks[i].order);
			b->to[i] = QUIRE_PFN_NONE;
		}
		if (b->to[i] == QUIRE_PFN_NONE) {
			obstruct(e, &b->blocks[i], b->owners[i], "could be moved, but there is no free block to move it to");
			e->status = QUIRE_ENOMEM;
			continue;
		}
		b->blocks[first + kept] = b->blocks[i];
		b->to[first + kept++] = b->to[i];
	}
	return kept;
}

static void move_of_owner(struct evacuation *e, struct qi_zone *za, struct batch *b, unsigned first, unsigned n)
{
	const struct quire_owner *owner = b->owners[first];
	uint64_t frames;

	n = keep_with_target(e, b, first, n);
	if (!n)
		return;
	frames = qi_move_blocks(za, owner, &b->blocks[first], &b->to[first], &b->moves[first], n, e->how->mode);
	e->how->moved += frames;
	qi_count_rare(e->q, &e->q->mobility.moved, frames);
	for (unsigned i = first; i < first + n; i++) {
		if (b->moves[i].status == QUIRE_OK)
			continue;
		qi_free_frames(e->q, b->to[i], b->blocks[i].order);
		judge_move(e, &b->blocks[i], owner, b->moves[i].status);
	}
}

static void move_batch(struct evacuation *e, struct qi_zone *za, struct batch *b)
{
	qi_owners_enter(e->q);
	name_owners(e, b);
	for (unsigned first = 0, n; first < b->n; first += n) {
		n = gather_owner(b, first);
		if (e->how->within)
			qi_targets_within(za, e->how->below, &b->blocks[first], n, &b->to[first]);
		else
			qi_targets_take(e->q, za->zone->node->nid, e->how->flags, e->how->gfp, &b->blocks[first], n,
					&b->to[first]);
		move_of_owner(e, za, b, first, n);
	}
	qi_owners_leave(e->q);
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

/* Once through a part. Frames that were found in use. */
static uint64_t clear_part(struct evacuation *e, const struct qi_part *part)
{
	struct batch batch;
	struct qi_scan scan = { .pfn = part->pfn, .end = part->end, .blocks = batch.blocks, .room = QUIRE_MOVES };
	bool more = true;

	e->start = part->pfn;
	while (more && e->status == QUIRE_OK) {
		if (e->how->cancel && __atomic_load_n(e->how->cancel, __ATOMIC_RELAXED)) {
			e->status = QUIRE_EINTR;
			break;
		}
		qi_zone_lock(part->za);
		more = qi_scan_blocks(&part->za->tree, &scan);
		qi_zone_unlock(part->za);
		batch.n = scan.n;
		if (batch.n)
			move_batch(e, part->za, &batch);
	}
	return scan.used;
}

static uint64_t clear_round(struct evacuation *e, quire_pfn_t pfn, uint64_t count)
{
	struct qi_part part = { 0 };
	uint64_t used = 0;

	e->first = qi_no_obstacle();
	qi_drain_range(e->q, pfn, count);
	while (e->status == QUIRE_OK && qi_next_part(e->q, pfn, pfn + count, &part))
		used += clear_part(e, &part);
	return used;
}

static void pause_between(const struct quire *q)
{
	if (q->platform->wait)
		q->platform->wait(q->platform->ctx);
	else
		qi_relax();
}

enum quire_status qi_evacuate_range(struct quire *q, quire_pfn_t pfn, uint64_t count, struct qi_evacuation *how,
				    struct quire_obstacle *obstacle)
{
	struct evacuation e = { .q = q, .how = how, .status = qi_judge_range(q, pfn, count) };
	unsigned rounds = how->rounds ? how->rounds : QI_RANGE_ROUNDS, idle = 0;
	uint64_t before;

	how->moved = 0;
	while (e.status == QUIRE_OK) {
		before = how->moved;
		if (!clear_round(&e, pfn, count))
			break;
		if (e.first.pfn == QUIRE_PFN_NONE || e.status != QUIRE_OK)
			continue;
		idle = how->moved > before ? 0 : idle + 1;
		if (idle >= rounds)
			e.status = QUIRE_EBUSY;
		else
			pause_between(q);
	}
	if (e.status != QUIRE_OK && obstacle)
		*obstacle = e.first;
	return e.status;
}

#endif
