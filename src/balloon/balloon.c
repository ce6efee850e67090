/*
 * A balloon: pieces of memory that are the hypervisor's for the time being.
 *
 * The set of pieces is what the balloon is; a piece is in it exactly while the hypervisor has it. Inflating releases a
 * piece before it enters the set. Who deflates or moves marks a piece busy, has the hypervisor give it, and only then
 * takes it out: callbacks are called without the lock, no piece is in two hands, and taking memory out of the balloon
 * never needs memory.
 *
 * Pieces are taken above the high watermarks by one pass over the zonelist, which neither waits nor wakes anybody. That is
 * stricter than any request is.
 */
#include "balloon/balloon.h"

#ifndef QUIRE_WITHOUT_GUEST

#define LARGE_SHIFT 21u			/* bytes of a piece that keeps large mappings whole */
#define CALL_FLAGS (QUIRE_BALLOON_SMALL | QUIRE_BALLOON_RECLAIM)
#define CANDIDATES 32u			/* pieces of which the smallest goes */
#define LOOK_AT 4096u			/* pieces looked at for one that helps */

enum quire_status qi_balloon_populate(struct quire_balloon *b, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status = b->populate ? b->populate(b->ctx, pfn, order) : QUIRE_OK;

	if (status == QUIRE_OK)
		return QUIRE_OK;
	qi_lock(qi_balloon_lock(b));
	b->stats.refusals++;
	qi_unlock(qi_balloon_lock(b));
	return status;
}

void qi_balloon_settle(struct quire_balloon *b, quire_pfn_t pfn, unsigned order, bool gone)
{
	qi_lock(qi_balloon_lock(b));
	if (gone) {
		qi_frame_set_erase(b->set, pfn);
		b->stats.pieces--;
		b->stats.frames -= 1ull << order;
	} else {
		qi_frame_set_change(b->set, qi_frame_key(pfn, order));
	}
	qi_unlock(qi_balloon_lock(b));
}

/* --- inflating -------------------------------------------------------------------------------------------------------- */

static enum quire_status take_piece(struct quire_balloon *b, int nid, unsigned order, unsigned flags, quire_pfn_t *pfn)
{
	quire_gfp_t gfp = QUIRE_GFP_MOVABLE | QUIRE_GFP_HIGHMEM | QUIRE_GFP_NOWARN | QUIRE_GFP_NOMEMALLOC;
	struct qi_walk walk;
	enum quire_status status;

	if (nid != QUIRE_NO_NODE)
		gfp |= QUIRE_GFP_THISNODE;
	if (flags & QUIRE_BALLOON_RECLAIM)
		return quire_alloc_frames(b->q, nid, order, gfp | QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY, pfn);
	status = qi_walk_begin(b->q, nid, order, gfp, &walk);
	return status == QUIRE_OK ? qi_walk_list(&walk, QUIRE_WMARK_HIGH, pfn) : status;
}

/*
 * The piece is the hypervisor's, and in the set; or it goes back. Room in the set is seen to first: he may not give it
 * again.
 */
static bool put_in(struct quire_balloon *b, quire_pfn_t pfn, unsigned order)
{
	unsigned long state;
	bool released;

	if (!qi_frame_set_lock(b->q, b->set, qi_balloon_lock(b), &state)) {
		quire_free_frames(b->q, pfn, order);
		return false;
	}
	b->set->promised++;
	qi_unlock_irqrestore(b->q->platform, qi_balloon_lock(b), state);
	released = b->release(b->ctx, pfn, order) == QUIRE_OK;
	qi_lock(qi_balloon_lock(b));
	b->set->promised--;
	if (released) {
		qi_frame_set_insert(b->set, qi_frame_key(pfn, order));
		b->stats.pieces++;
		b->stats.frames += 1ull << order;
		b->stats.inflated += 1ull << order;
	}
	qi_unlock(qi_balloon_lock(b));
	if (!released)
		quire_free_frames(b->q, pfn, order);
	return released;
}

uint64_t quire_balloon_inflate(struct quire_balloon *b, int nid, uint64_t frames, unsigned flags)
{
	unsigned least = flags & QUIRE_BALLOON_SMALL ? 0 : b->least_order, order = b->most_order;
	uint64_t taken = 0;

	if (!b->q || flags & ~CALL_FLAGS)
		return 0;
	for (;;) {
		quire_pfn_t pfn;

		while (order > least && frames - taken < 1ull << order)
			order--;
		if (frames - taken < 1ull << order)
			return taken;
		if (take_piece(b, nid, order, flags, &pfn) != QUIRE_OK) {
			if (order == least)
				return taken;
			order--;
			continue;
		}
		if (!put_in(b, pfn, order))
			return taken;
		taken += 1ull << order;
	}
}

/* --- deflating -------------------------------------------------------------------------------------------------------- */

/* Would giving this piece back help whoever reclaims? */
static bool helps(const struct quire_balloon *b, quire_pfn_t pfn, const struct quire_reclaim *reclaim)
{
	const struct qi_zone *za = reclaim ? qi_zone_of_frame(b->q, pfn) : NULL;

	return !reclaim || (za && za->zone->node->nid == reclaim->nid && za->zone->type <= reclaim->highest);
}

/* Mark one piece busy: the smallest of the first few, so that large ones last. False: there is none. */
static bool choose(struct quire_balloon *b, const struct quire_reclaim *reclaim, uint64_t *key)
{
	unsigned candidates = 0, looked = 0;
	quire_pfn_t at = 0;
	uint64_t next;

	qi_lock(qi_balloon_lock(b));
	while (candidates < CANDIDATES && looked++ < LOOK_AT && qi_frame_set_next(b->set, at, &next)) {
		at = qi_frame_of(next) + 1;
		if (qi_balloon_busy(next) || !helps(b, qi_frame_of(next), reclaim))
			continue;
		if (!candidates || qi_balloon_order(next) < qi_balloon_order(*key))
			*key = next;
		candidates++;
	}
	if (candidates)
		qi_frame_set_change(b->set, *key | QI_BALLOON_BUSY);
	qi_unlock(qi_balloon_lock(b));
	return candidates;
}

uint64_t qi_balloon_deflate(struct quire_balloon *b, uint64_t frames, const struct quire_reclaim *reclaim)
{
	bool willing = true;
	uint64_t given = 0, key;

	while (willing && given < frames && choose(b, reclaim, &key)) {
		quire_pfn_t pfn = qi_frame_of(key);
		unsigned order = qi_balloon_order(key);

		willing = qi_balloon_populate(b, pfn, order) == QUIRE_OK;
		qi_balloon_settle(b, pfn, order, willing);
		if (!willing)
			break;
		quire_free_frames(b->q, pfn, order);
		given += 1ull << order;
	}
	qi_lock(qi_balloon_lock(b));
	b->stats.deflated += given;
	b->stats.shrunk += reclaim ? given : 0;
	qi_unlock(qi_balloon_lock(b));
	return given;
}

uint64_t quire_balloon_deflate(struct quire_balloon *b, uint64_t frames)
{
	return b->q ? qi_balloon_deflate(b, frames, NULL) : 0;
}

void quire_balloon_stats(struct quire_balloon *b, struct quire_balloon_stats *stats)
{
	qi_lock(qi_balloon_lock(b));
	*stats = b->stats;
	qi_unlock(qi_balloon_lock(b));
}

/* --- coming and going ------------------------------------------------------------------------------------------------- */

static uint64_t shrink_count(void *ctx, int nid)
{
	struct quire_balloon *b = ctx;

	(void)nid;
	return qi_peek(&b->stats.frames);
}

static uint64_t shrink_scan(void *ctx, const struct quire_reclaim *reclaim)
{
	return qi_balloon_deflate(ctx, reclaim->target, reclaim);
}

static enum quire_status judge(const struct quire *q, struct quire_balloon *b)
{
	unsigned shift = quire_page_shift(&q->config), largest = quire_max_order(&q->config);

	if (q->stage < QUIRE_STAGE_WATERMARKS || !b->release || b->flags & ~QUIRE_BALLOON_SHRINK)
		return QUIRE_EINVAL;
	if (!b->most_order)
		b->most_order = largest;
	if (!b->least_order)
		b->least_order = (unsigned)qi_min(b->most_order, shift < LARGE_SHIFT ? LARGE_SHIFT - shift : 0);
	return b->least_order > b->most_order || b->most_order >= QI_TREE_ORDERS ? QUIRE_EINVAL : QUIRE_OK;
}

enum quire_status quire_balloon_register(struct quire *q, struct quire_balloon *b)
{
	enum quire_status status;

	if (b->q)
		return QUIRE_EEXIST;
	status = judge(q, b);
	if (status != QUIRE_OK)
		return status;
	b->set = qi_frame_set_new(q);
	if (!b->set)
		return QUIRE_ENOMEM;
	b->lock = 0;
	b->stats = (struct quire_balloon_stats){ 0 };
	b->owner = (struct quire_owner){ .name = b->name ? b->name : "balloon", .holds = qi_balloon_holds,
					 .migrate = qi_balloon_migrate, .failing = qi_balloon_failing, .ctx = b };
	b->shrinker = (struct quire_shrinker){ .name = b->owner.name, .count = shrink_count, .scan = shrink_scan, .ctx = b };
	b->q = q;
	status = quire_register_owner(q, &b->owner);
	if (status == QUIRE_OK && b->flags & QUIRE_BALLOON_SHRINK)
		quire_register_shrinker(q, &b->shrinker);
	if (status != QUIRE_OK)
		b->q = NULL;
	return status;
}

enum quire_status quire_balloon_unregister(struct quire_balloon *b)
{
	enum quire_status status;

	if (!b->q)
		return QUIRE_ENOENT;
	if (qi_peek(&b->stats.frames))
		return QUIRE_EBUSY;
	status = b->flags & QUIRE_BALLOON_SHRINK ? quire_unregister_shrinker(b->q, &b->shrinker) : QUIRE_OK;
	if (status != QUIRE_OK)
		return status;
	status = quire_unregister_owner(b->q, &b->owner);
	if (status == QUIRE_OK)
		b->q = NULL;
	else if (b->flags & QUIRE_BALLOON_SHRINK)
		quire_register_shrinker(b->q, &b->shrinker);
	return status;
}

#endif
