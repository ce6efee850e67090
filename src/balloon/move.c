/*
 * The balloon as an owner: its pieces can be moved without copying, because the hypervisor gives one and takes another.
 *
 * Room for the new piece in the set is promised before anything is done, so that nothing can fail once the hypervisor has
 * given `from`.
 */
#include "balloon/balloon.h"

#ifndef QUIRE_WITHOUT_GUEST

bool qi_balloon_holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	struct quire_balloon *b = ctx;
	uint64_t key;
	bool found;

	qi_lock(qi_balloon_lock(b));
	found = qi_frame_set_last(b->set, pfn, &key) && pfn - qi_frame_of(key) < 1ull << qi_balloon_order(key);
	qi_unlock(qi_balloon_lock(b));
	if (!found)
		return false;
	*held = (struct quire_held){ .pfn = qi_frame_of(key),
				     .order = qi_balloon_order(key),
				     .movable = !qi_balloon_busy(key),
				     .why = qi_balloon_busy(key) ? "is on its way out of the balloon" : NULL };
	return true;
}

/* Mark the piece, if it is the balloon's; promise room for one in its place. */
static enum quire_status begin(struct quire_balloon *b, quire_pfn_t pfn, unsigned order, uint32_t promise)
{
	enum quire_status status = QUIRE_ENOENT;
	uint64_t key;

	qi_lock(qi_balloon_lock(b));
	if (qi_frame_set_next(b->set, pfn, &key) && qi_frame_of(key) == pfn && qi_balloon_order(key) == order)
		status = qi_balloon_busy(key) || (promise && !qi_frame_set_ready(b->set)) ? QUIRE_EBUSY : QUIRE_OK;
	if (status == QUIRE_OK) {
		qi_frame_set_change(b->set, key | QI_BALLOON_BUSY);
		b->set->promised += promise;
	}
	qi_unlock(qi_balloon_lock(b));
	return status;
}

static void end(struct quire_balloon *b, const struct quire_move *move)
{
	qi_lock(qi_balloon_lock(b));
	b->set->promised--;
	if (move->status == QUIRE_OK) {
		qi_frame_set_erase(b->set, move->from);
		qi_frame_set_insert(b->set, qi_frame_key(move->to, move->order));
		b->stats.moved += 1ull << move->order;
	} else {
		qi_frame_set_change(b->set, qi_frame_key(move->from, move->order));
	}
	qi_unlock(qi_balloon_lock(b));
}

static enum quire_status swap(struct quire_balloon *b, const struct quire_move *move)
{
	if (qi_balloon_populate(b, move->from, move->order) != QUIRE_OK)
		return QUIRE_EBUSY;
	if (b->release(b->ctx, move->to, move->order) == QUIRE_OK)
		return QUIRE_OK;
	/* Back to what it was. Should the hypervisor not take it again, it is the balloon's all the same. */
	b->release(b->ctx, move->from, move->order);
	return QUIRE_EBUSY;
}

void qi_balloon_migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct quire_balloon *b = ctx;

	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		moves[i].status = begin(b, moves[i].from, moves[i].order, 1);
		if (moves[i].status != QUIRE_OK)
			continue;
		moves[i].status = swap(b, &moves[i]);
		end(b, &moves[i]);
	}
}

enum quire_status qi_balloon_failing(void *ctx, quire_pfn_t pfn, unsigned order, quire_pfn_t bad)
{
	struct quire_balloon *b = ctx;
	enum quire_status status = begin(b, pfn, order, 0);

	(void)bad;
	if (status != QUIRE_OK)
		return status;
	status = qi_balloon_populate(b, pfn, order) == QUIRE_OK ? QUIRE_OK : QUIRE_EBUSY;
	qi_balloon_settle(b, pfn, order, status == QUIRE_OK);
	return status;
}

#endif
