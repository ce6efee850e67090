/*
 * The slow path: what a request tries that found nothing above the low watermarks, in the field's order.
 *
 *	wake the reclaimer -> above the minimum -> as far as flags and task reach into the reserves -> compaction, without
 *	waiting -> shrinkers, then again -> atomic reserve and all CPUs' fronts given back, then again -> compaction ->
 *	another round while that helps -> the last resort
 *
 * Compaction is for requests of more than one frame (src/mobility/compact_direct.c), before reclaim only where the block
 * is large or would otherwise be taken from another type's pageblock. From round to round it tries harder.
 *
 * Every loop is bounded: rounds that free nothing by MAX_ROUNDS, others by MAX_PROGRESS (shrinkers may be mistaken), calls
 * of the out-of-memory hook by MAX_KILLS, and NOFAIL goes on only while something frees memory, or the platform has a wait
 * in which others may.
 */
#include "page_alloc/page_alloc.h"

#define MAX_ROUNDS 16u			/* of reclaim without progress */
#define MAX_PROGRESS 4096u		/* rounds in which something was freed, or said to be, and others had it */
#define MAX_KILLS 16u
#define FIRST_PRIORITY 12u
/* Of compaction. */
#define WITHOUT_WAITING 2u
#define WITH_LOCKS 1u
#define ALL_OF_IT 0u

struct slow {
	struct qi_walk *walk;
	const struct quire_nodemask *mask;
	quire_pfn_t *pfn;
	unsigned flags;
	unsigned rounds;		/* without progress */
	unsigned progressed;		/* rounds with */
	unsigned kills;
	unsigned priority;		/* of compaction */
	bool memalloc;			/* frees memory itself: no reclaim on its behalf */
	struct quire_request_record did;
};

static bool try_list(struct slow *slow, unsigned flags)
{
	return qi_walk_list(slow->walk, flags, slow->pfn) == QUIRE_OK;
}

static void wake_nodes(const struct qi_walk *walk)
{
	const struct quire_node *last = NULL;

	if (!qi_has_reclaimer(walk->q))
		return;
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		const struct quire_zone *zone = quire_zonelist_zone(walk->list, i);

		if (!qi_walk_allows(walk, zone) || zone->node == last)
			continue;
		last = zone->node;
		qi_wake_reclaimer(walk->q, last);
	}
}

static uint32_t task_of(const struct quire *q)
{
	return q->platform->task ? q->platform->task(q->platform->ctx) : 0;
}

unsigned qi_task_flags(const struct quire *q, quire_gfp_t gfp)
{
	uint32_t task = task_of(q);
	unsigned flags = task & QUIRE_TASK_REALTIME ? QI_ALLOC_MIN_RESERVE : 0;

	if (gfp & QUIRE_GFP_NOMEMALLOC)
		return flags;
	if (qi_gfp_no_watermarks(gfp) || (task & QUIRE_TASK_MEMALLOC))
		flags |= QI_ALLOC_NO_WATERMARKS;
	else if (task & QUIRE_TASK_VICTIM)
		flags |= QI_ALLOC_OOM;
	return flags;
}

static bool any_highatomic(const struct qi_walk *walk)
{
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		const struct qi_zone *za = qi_zone_of(quire_zonelist_zone(walk->list, i));

		if (za && qi_peek(&za->tree.free_special[QUIRE_MIGRATE_HIGHATOMIC]))
			return true;
	}
	return false;
}

/* All that can be had without anybody freeing anything. */
static bool try_reserves(struct slow *slow)
{
	unsigned before = slow->flags;

	if (try_list(slow, slow->flags))
		return true;
	slow->memalloc = task_of(slow->walk->q) & QUIRE_TASK_MEMALLOC;
	slow->flags |= qi_task_flags(slow->walk->q, slow->walk->gfp);
	if (slow->flags & (QI_ALLOC_NO_WATERMARKS | QI_ALLOC_OOM))
		slow->walk->mask = NULL;
	if ((slow->flags != before || slow->walk->mask != slow->mask) && try_list(slow, slow->flags))
		return true;
	/* The atomic reserve is a last resort for who cannot wait. */
	return (slow->flags & (QI_ALLOC_NON_BLOCK | QI_ALLOC_OOM)) && !(slow->flags & QI_ALLOC_HIGHATOMIC) &&
	       any_highatomic(slow->walk) && try_list(slow, slow->flags | QI_ALLOC_HIGHATOMIC);
}

/* Could shrinkers, by what they say, bring any zone that has a block of the order to where it could serve? */
static bool worth_another_round(const struct slow *slow)
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

static void pause_between(struct slow *slow)
{
	const struct quire_platform *platform = slow->walk->q->platform;

	slow->did.pauses++;
	if (platform->wait)
		platform->wait(platform->ctx);
}

static uint64_t reclaim(struct slow *slow, unsigned priority)
{
	uint64_t freed = qi_reclaim_direct(slow->walk, priority);

	slow->did.reclaims++;
	slow->did.reclaimed += freed;
	return freed;
}

static bool unreserve(struct slow *slow, bool force)
{
	bool done = qi_unreserve_highatomic(slow->walk, force);

	slow->did.unreserved += done;
	return done;
}

/* --- compaction --------------------------------------------------------------------------------------------------- */

static bool compact(struct slow *slow, unsigned priority)
{
	enum quire_compact_result result;

	if (!slow->walk->request.order)
		return false;
	result = qi_compact_direct(slow->walk, slow->flags, priority, slow->pfn);
	slow->did.compact_result = (uint8_t)result;
	if (result <= QUIRE_COMPACT_DEFERRED)
		return false;
	slow->did.compactions++;
	return result == QUIRE_COMPACT_SUCCESS || try_list(slow, slow->flags);
}

/* Before anybody is made to give. *hopeless: for who wants to try once only, it is over. */
static bool compact_first(struct slow *slow, bool *hopeless)
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
static bool try_harder(struct slow *slow)
{
	unsigned least = slow->walk->request.order > QI_COSTLY_ORDER ? WITH_LOCKS : ALL_OF_IT;

	if (!slow->walk->request.order || slow->did.compact_result == QUIRE_COMPACT_SKIPPED || slow->priority <= least)
		return false;
	slow->priority--;
	return true;
}

/* --- reclaim ------------------------------------------------------------------------------------------------------ */

/* One round of making others give. *progress: somebody freed something. */
static bool reclaim_round(struct slow *slow, bool *progress)
{
	struct quire *q = slow->walk->q;

	*progress = reclaim(slow, slow->rounds < FIRST_PRIORITY ? FIRST_PRIORITY - slow->rounds : 1) > 0;
	if (*progress && try_list(slow, slow->flags))
		return true;
	if (!unreserve(slow, false) && !*progress)
		return false;
	quire_drain_frames(q);
	return try_list(slow, slow->flags);
}

/* The last resort. True: worth another round. */
static bool out_of_memory(struct slow *slow, bool *served)
{
	const struct qi_walk *walk = slow->walk;
	struct quire *q = walk->q;
	unsigned high = QUIRE_WMARK_HIGH | (slow->flags & QI_ALLOC_CMA);

	*served = false;
	if (!q->platform->out_of_memory || walk->request.order > QI_COSTLY_ORDER || walk->highest < QUIRE_ZONE_NORMAL ||
	    (walk->gfp & (QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_THISNODE)) || slow->kills >= MAX_KILLS)
		return false;
	/* Somebody may have freed plenty meanwhile. */
	*served = try_list(slow, high);
	if (*served)
		return true;
	slow->kills++;
	slow->did.kills++;
	if (!q->platform->out_of_memory(q->platform->ctx, walk->nid, walk->request.order, walk->gfp))
		return false;
	qi_count_rare(q, &q->page_alloc.killed, 1);
	slow->rounds = 0;
	if (walk->gfp & QUIRE_GFP_NOFAIL)
		*served = try_list(slow, slow->flags | QI_ALLOC_NO_WATERMARKS);
	pause_between(slow);
	return true;
}

/* Rounds of reclaim until it is served or there is no point. */
static bool reclaim_until_served(struct slow *slow)
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
			if (try_list(slow, slow->flags))
				return true;
			continue;
		}
		if (!out_of_memory(slow, &served))
			return false;
		if (served || try_list(slow, slow->flags))
			return true;
	}
}

/* Does not give up while memory may come back. */
static bool insist(struct slow *slow)
{
	struct quire *q = slow->walk->q;
	uint64_t stolen;

	if (slow->walk->request.order > 1)
		qi_log(q->platform, QUIRE_LOG_WARNING, "a request of order %u must not fail: above 1 that is not safe",
		       slow->walk->request.order);
	do {
		if (try_list(slow, slow->flags | QI_ALLOC_MIN_RESERVE))
			return true;
		pause_between(slow);
		stolen = reclaim(slow, 1);
		slow->rounds = 0;
		slow->kills = 0;
		if (try_list(slow, slow->flags) || reclaim_until_served(slow))
			return true;
	} while (stolen || q->platform->wait);
	return false;
}

/* Did zonelists change while they were walked? Then a zone may have been missed. */
static bool lists_changed(const struct qi_walk *walk, uint32_t since)
{
	return (since & 1) || __atomic_load_n(&walk->q->topology.changes, __ATOMIC_ACQUIRE) != since;
}

static uint64_t now(const struct quire *q)
{
	return q->platform->now_ns ? q->platform->now_ns(q->platform->ctx) : 0;
}

/* What only who may wait does. */
static bool make_room(struct slow *slow)
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

enum quire_status qi_alloc_slow(struct qi_walk *walk, quire_pfn_t *pfn)
{
	struct slow slow = { .walk = walk, .mask = walk->mask, .pfn = pfn };
	uint32_t changes = __atomic_load_n(&walk->q->topology.changes, __ATOMIC_ACQUIRE);

	slow.flags = qi_alloc_flags(walk->gfp, walk->request.order, walk->request.type);
	if (slow.flags & QI_ALLOC_KSWAPD) {
		wake_nodes(walk);
		qi_wake_compactor(walk);
	}
	if (try_reserves(&slow))
		return QUIRE_OK;
	if ((walk->gfp & QUIRE_GFP_DIRECT_RECLAIM) && !slow.memalloc && make_room(&slow))
		return QUIRE_OK;
	/* Memory came or went meanwhile; by now hotplug has done with the lists. */
	if (lists_changed(walk, changes) && try_list(&slow, slow.flags))
		return QUIRE_OK;
	qi_note_slow(walk, &slow.did);
	return QUIRE_ENOMEM;
}
