/* Those the engine calls back: owners, a notifier, a keeper, a balloon's hypervisor. Each can be planned to refuse. */
#include <string.h>

#include "life.h"

/* The n-th call is the one that was planned to go wrong. */
static bool due(unsigned *calls, unsigned at)
{
	return ++*calls == at;
}

/* --- owners ----------------------------------------------------------------------------------------------------------- */

/* Which of the owners it is, by where he stands. */
static struct life *life_of(void *ctx, unsigned *number)
{
	struct one_owner *one = ctx;

	*number = one->number;
	return one->life;
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	unsigned number;
	struct life *l = life_of(ctx, &number);
	uint32_t f = frame_of(l, pfn), i = f == NO_FRAME ? NOBODY : l->holder[f];
	const struct holding *h = i == NOBODY ? NULL : &l->holdings[i];

	if (!h || h->kind != OWNED || h->owner != number)
		return false;
	*held = (struct quire_held){ .pfn = h->pfn, .order = h->order, .movable = !h->pinned,
				     .why = h->pinned ? "is pinned for this life" : NULL };
	return true;
}

static enum quire_status move_one(struct life *l, unsigned number, const struct quire_move *m)
{
	uint32_t f = frame_of(l, m->from), i = f == NO_FRAME ? NOBODY : l->holder[f];
	struct plan *plan = &l->plan;

	must(l, m->status == QUIRE_EBUSY);
	if (++plan->moves == plan->cancel_at)
		quire_memory_cancel(&l->q);
	if (i == NOBODY || l->holdings[i].pfn != m->from || l->holdings[i].order != m->order ||
	    l->holdings[i].kind != OWNED || l->holdings[i].owner != number)
		return QUIRE_ENOENT;
	if (plan->moves == plan->vanish_at) {
		give(l, i);
		must(l, quire_free_frames(&l->q, m->from, m->order) == QUIRE_OK);
		return QUIRE_ENOENT;
	}
	if (l->holdings[i].pinned || (plan->refuse_at && plan->moves >= plan->refuse_at))
		return l->holdings[i].pinned ? QUIRE_EPERM : plan->refusal;
	move(l, i, m->to);
	return QUIRE_OK;
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	unsigned number;
	struct life *l = life_of(ctx, &number);

	(void)mode;
	must(l, n && n <= QUIRE_MOVES);
	for (unsigned k = 0; k < n; k++)
		moves[k].status = move_one(l, number, &moves[k]);
}

static enum quire_status failing(void *ctx, quire_pfn_t pfn, unsigned order, quire_pfn_t bad)
{
	unsigned number;
	struct life *l = life_of(ctx, &number);
	const struct holding *h = &l->holdings[l->holder[frame_of(l, bad)]];

	must(l, h->pfn == pfn && h->order == order && h->kind == OWNED && h->owner == number);
	l->plan.gave_up = l->plan.failing == QUIRE_OK;
	return l->plan.failing;
}

/* --- a notifier ------------------------------------------------------------------------------------------------------- */

static enum quire_status notify(void *ctx, const struct quire_memory_notice *notice)
{
	struct life *l = ctx;
	bool going = notice->event == QUIRE_MEM_GOING_ONLINE || notice->event == QUIRE_MEM_GOING_OFFLINE;

	must(l, notice->pages && frame_of(l, notice->pfn) != NO_FRAME);
	l->going += going ? 1 : UINT64_MAX;
	if (going && due(&l->plan.questions, l->plan.veto_at))
		return QUIRE_EBUSY;
	return QUIRE_OK;
}

/* --- a keeper --------------------------------------------------------------------------------------------------------- */

static bool keeps(void *ctx, quire_pfn_t pfn, quire_pfn_t *stop)
{
	struct life *l = ctx;
	uint32_t f = frame_of(l, pfn);
	bool kept = f != NO_FRAME && l->kept[f];
	quire_pfn_t end = pfn + 1;

	while (end < *stop && frame_of(l, end) != NO_FRAME && l->kept[frame_of(l, end)] == kept)
		end++;
	*stop = end;
	return kept;
}

/* --- a balloon's hypervisor ------------------------------------------------------------------------------------------- */

static enum quire_status release(void *ctx, quire_pfn_t pfn, unsigned order)
{
	struct life *l = ctx;

	if (due(&l->plan.calls, l->plan.hypervisor_at))
		return QUIRE_EPLATFORM;
	take(l, pfn, 1ull << order, order, BALLOON);
	return QUIRE_OK;
}

static enum quire_status populate(void *ctx, quire_pfn_t pfn, unsigned order)
{
	struct life *l = ctx;
	uint32_t f = frame_of(l, pfn), i = f == NO_FRAME ? NOBODY : l->holder[f];

	must(l, i != NOBODY && l->holdings[i].kind == BALLOON && l->holdings[i].pfn == pfn && l->holdings[i].order == order);
	if (due(&l->plan.calls, l->plan.hypervisor_at))
		return QUIRE_EPLATFORM;
	give(l, i);
	return QUIRE_OK;
}

static enum quire_status report(void *ctx, const struct quire_free_range *ranges, unsigned count)
{
	struct life *l = ctx;

	must(l, count && count <= QUIRE_REPORTING_BATCH);
	for (unsigned i = 0; i < count; i++)
		for (quire_pfn_t at = ranges[i].pfn; at < ranges[i].pfn + ranges[i].count; at++)
			must(l, frame_of(l, at) != NO_FRAME && (l->state[frame_of(l, at)] == FREE || !l->exact));
	return due(&l->plan.calls, l->plan.hypervisor_at) ? QUIRE_EPLATFORM : QUIRE_OK;
}

/* --- all of them ------------------------------------------------------------------------------------------------------ */

void open_holders(struct life *l)
{
	static const char *const names[OWNERS] = { "anna", "bert", "carl" };

	for (unsigned i = 0; i < OWNERS; i++) {
		l->one[i] = (struct one_owner){ l, i };
		l->owners[i] = (struct quire_owner){ .name = names[i], .holds = holds, .migrate = i == 2 ? NULL : migrate,
						     .failing = i == 1 ? NULL : failing, .ctx = &l->one[i] };
		must(l, quire_register_owner(&l->q, &l->owners[i]) == QUIRE_OK);
	}
	l->balloon = (struct quire_balloon){ .name = "balloon", .release = release, .populate = populate, .ctx = l,
					     .flags = QUIRE_BALLOON_SHRINK };
	must(l, quire_balloon_register(&l->q, &l->balloon) == QUIRE_OK);
	l->reporting = (struct quire_reporting){ .report = report, .ctx = l, .delay_ns = 1 };
	must(l, quire_reporting_open(&l->q, &l->reporting) == QUIRE_OK);
	l->notifier = (struct quire_memory_notifier){ .name = "notifier", .notify = notify, .ctx = l };
	l->keeper = (struct quire_memory_keeper){ .name = "keeper", .keeps = keeps, .ctx = l };
	must(l, quire_register_memory_notifier(&l->q, &l->notifier) == QUIRE_OK);
	must(l, quire_register_memory_keeper(&l->q, &l->keeper) == QUIRE_OK);
}

void close_holders(struct life *l)
{
	must(l, quire_unregister_memory_keeper(&l->q, &l->keeper) == QUIRE_OK);
	must(l, quire_unregister_memory_notifier(&l->q, &l->notifier) == QUIRE_OK);
	must(l, quire_balloon_unregister(&l->balloon) == QUIRE_OK);
	for (unsigned i = 0; i < OWNERS; i++)
		must(l, quire_unregister_owner(&l->q, &l->owners[i]) == QUIRE_OK);
}
