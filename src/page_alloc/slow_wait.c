/*
 * The second half of the slow path: compaction, and making others give, for requests that may wait.
 *
 * Compaction is for requests of more than one frame (src/mobility/compact_direct.c), before reclaim only where the block
 * is large or would otherwise be taken from another type's pageblock. From round to round it tries harder.
 *
 * Every loop is bounded: rounds that free nothing by MAX_ROUNDS, others by MAX_PROGRESS (shrinkers may be mistaken), calls
 * of the out-of-memory hook by MAX_KILLS, and NOFAIL goes on only while something frees memory, or the platform has a wait
 * in which others may.
 */
#include "page_alloc/slow.h"

#include "mobility/direct.h"

#ifndef QUIRE_WITHOUT_RECLAIM

#define MAX_ROUNDS 16u			/* of reclaim without progress */
#define MAX_PROGRESS 4096u		/* rounds in which something was freed, or said to be, and others had it */
#define MAX_KILLS 16u
#define FIRST_PRIORITY 12u
/* Of compaction. */
#define WITHOUT_WAITING 2u
#define WITH_LOCKS 1u
#define ALL_OF_IT 0u

/* Could shrinkers, by what they say, bring any zone that has a block of the order to where it could serve? */
static bool worth_another_round(const struct qi_slow *slow)
{
	const struct qi_walk *walk = slow->walk;

	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		const struct quire_zone *zone = quire_zonelist_zone(walk->list, i);
		const struct qi_zone *za = qi_zone_of(zone);
		uint64_t need;

		if (!za || !qi_walk_allows(walk, zone))
			continue;
		need = qi_request_floor(za, walk->request.order, walk->highest, slow->flags) + (1ull << walk->request.order);
		if (walk->request.order && !qi_tree_might_have(&za->tree, walk->request.order, walk->request.type, 0))
			continue;
		if (qi_tree_free_pages(&za->tree) + qi_reclaimable(walk->q, zone->node->nid) >= need)
			return true;
	}
	return false;
}

static void pause_between(struct qi_slow *slow)
{
	const struct quire_platform *platform = slow->walk->q->platform;

	slow->did.pauses++;
	if (platform->wait)
		platform->wait(platform->ctx);
}

static uint64_t reclaim(struct qi_slow *slow, unsigned priority)
{
	uint64_t freed = qi_reclaim_direct(slow->walk, priority);

	slow->did.reclaims++;
	slow->did.reclaimed += freed;
	return freed;
}

static bool unreserve(struct qi_slow *slow, bool force)
{
	bool done = qi_unreserve_highatomic(slow->walk, force);

	slow->did.unreserved += done;
	return done;
}

/* --- compaction --------------------------------------------------------------------------------------------------- */

static bool compact(struct qi_slow *slow, unsigned priority)
{
	enum quire_compact_result result;

	if (!slow->walk->request.order)
		return false;
	result = qi_compact_direct(slow->walk, slow->flags, priority, slow->pfn);
	slow->did.compact_result = (uint8_t)result;
	if (result <= QUIRE_COMPACT_DEFERRED)
		return false;
	slow->did.compactions++;
	return result == QUIRE_COMPACT_SUCCESS || qi_slow_try(slow, slow->flags);
}

/* Before anybody is made to give. *hopeless: for who wants to try once only, it is over. */
static bool compact_first(struct qi_slow *slow, bool *hopeless)
{
	const struct qi_request *request = &slow->walk->request;
	bool costly = request->order > QI_COSTLY_ORDER, once = slow->walk->gfp & QUIRE_GFP_NORETRY;

	*hopeless = false;
	slow->priority = costly && once ? WITHOUT_WAITING : WITH_LOCKS;
	if (!costly && request->type == QUIRE_MIGRATE_MOVABLE)
		return false;
	if (compact(slow, WITHOUT_WAITING))
		return true;
	*hopeless = costly && once && slow->did.compact_result == QUIRE_COMPACT_DEFERRED;
	return false;
}

/* Is it worth another round, because compaction could try harder? */
static bool try_harder(struct qi_slow *slow)
{
	unsigned least = slow->walk->request.order > QI_COSTLY_ORDER ? WITH_LOCKS : ALL_OF_IT;

	if (!slow->walk->request.order || slow->did.compact_result == QUIRE_COMPACT_SKIPPED || slow->priority <= least)
		return false;
	slow->priority--;
	return true;
}

/* --- reclaim ------------------------------------------------------------------------------------------------------ */

/* One round of making others give. *progress: somebody freed something. */
static bool reclaim_round(struct qi_slow *slow, bool *progress)
{
	struct quire *q = slow->walk->q;

	*progress = reclaim(slow, slow->rounds < FIRST_PRIORITY ? FIRST_PRIORITY - slow->rounds : 1) > 0;
	if (*progress && qi_slow_try(slow, slow->flags))
		return true;
	if (!unreserve(slow, false) && !*progress)
		return false;
	quire_drain_frames(q);
	return qi_slow_try(slow, slow->flags);
}

/* The last resort. True: worth another round. */
static bool out_of_memory(struct qi_slow *slow, bool *served)
{
	const struct qi_walk *walk = slow->walk;
	struct quire *q = walk->q;
	unsigned high = QUIRE_WMARK_HIGH | (slow->flags & QI_ALLOC_CMA);

	*served = false;
	if (!q->platform->out_of_memory || walk->request.order > QI_COSTLY_ORDER || walk->highest < QUIRE_ZONE_NORMAL ||
	    (walk->gfp & (QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_THISNODE)) || slow->kills >= MAX_KILLS)
		return false;
	/* Somebody may have freed plenty meanwhile. */
	*served = qi_slow_try(slow, high);
	if (*served)
		return true;
	slow->kills++;
	slow->did.kills++;
	if (!q->platform->out_of_memory(q->platform->ctx, walk->nid, walk->request.order, walk->gfp))
		return false;
	qi_count_rare(q, &q->page_alloc.killed, 1);
	slow->rounds = 0;
	if (walk->gfp & QUIRE_GFP_NOFAIL)
		*served = qi_slow_try(slow, slow->flags | QI_ALLOC_NO_WATERMARKS);
	pause_between(slow);
	return true;
}

/* Rounds of reclaim until it is served or there is no point. */
static bool reclaim_until_served(struct qi_slow *slow)
{
	unsigned order = slow->walk->request.order;
	quire_gfp_t gfp = slow->walk->gfp;
	bool progress, served;

	for (;;) {
		if (reclaim_round(slow, &progress) || compact(slow, slow->priority))
			return true;
		if ((gfp & QUIRE_GFP_NORETRY) || (order > QI_COSTLY_ORDER && !(gfp & QUIRE_GFP_RETRY_MAYFAIL)))
			return false;
		progress = progress && slow->progressed++ < MAX_PROGRESS;
		slow->rounds = progress && order <= QI_COSTLY_ORDER ? 0 : slow->rounds + 1;
		if (try_harder(slow))
			continue;
		if (slow->rounds < MAX_ROUNDS && (progress || worth_another_round(slow))) {
			pause_between(slow);
			continue;
		}
		if (unreserve(slow, true)) {
			if (qi_slow_try(slow, slow->flags))
				return true;
			continue;
		}
		if (!out_of_memory(slow, &served))
			return false;
		if (served || qi_slow_try(slow, slow->flags))
			return true;
	}
}

/* Does not give up while memory may come back. */
static bool insist(struct qi_slow *slow)
{
	struct quire *q = slow->walk->q;
	uint64_t stolen;

	if (slow->walk->request.order > 1)
		qi_log(q->platform, QUIRE_LOG_WARNING, "a request of order %u must not fail: above 1 that is not safe",
		       slow->walk->request.order);
	do {
		if (qi_slow_try(slow, slow->flags | QI_ALLOC_MIN_RESERVE))
			return true;
		pause_between(slow);
		stolen = reclaim(slow, 1);
		slow->rounds = 0;
		slow->kills = 0;
		if (qi_slow_try(slow, slow->flags) || reclaim_until_served(slow))
			return true;
	} while (stolen || q->platform->wait);
	return false;
}

static uint64_t now(const struct quire *q)
{
	return q->platform->now_ns ? q->platform->now_ns(q->platform->ctx) : 0;
}

bool qi_slow_make_room(struct qi_slow *slow)
{
	uint64_t begin = now(slow->walk->q);
	bool hopeless;

	slow->did.served = compact_first(slow, &hopeless) || (!hopeless && reclaim_until_served(slow)) ||
			   ((slow->walk->gfp & QUIRE_GFP_NOFAIL) && insist(slow));
	slow->did.ns = now(slow->walk->q) - begin;
	if (slow->did.served)
		qi_note_slow(slow->walk, &slow->did);
	return slow->did.served;
}

#endif
