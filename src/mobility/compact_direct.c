/* Compaction for a request that waits, and for those that will come: whom the background compactor is woken for. */
#include "mobility/compact.h"
#include "mobility/direct.h"

#ifndef QUIRE_WITHOUT_MOBILITY

static bool compact_for(struct qi_walk *walk, struct qi_zone *za, unsigned flags, enum qi_compact_priority priority,
			enum quire_compact_result *result, quire_pfn_t *pfn)
{
	struct qi_request request = walk->request;
	struct qi_compaction c = {
		.za = za, .order = request.order, .priority = priority, .request = &request,
		.mode = priority == QI_COMPACT_ASYNC ? QUIRE_MIGRATE_ASYNC : QUIRE_MIGRATE_SYNC_LIGHT,
	};

	*result = qi_compact_suitable(za, request.order, request.type, walk->highest, flags);
	if (*result != QUIRE_COMPACT_PARTIAL)
		return false;
	request.flags = 0;
	request.floor = qi_request_floor(za, request.order, walk->highest, flags);
	*result = qi_compact_zone(&c);
	if (c.captured != QUIRE_PFN_NONE)
		*pfn = c.captured;
	return c.captured != QUIRE_PFN_NONE;
}

static void note(struct qi_zone *za, const struct qi_walk *walk, enum qi_compact_priority priority,
		 enum quire_compact_result result)
{
	if (result == QUIRE_COMPACT_SUCCESS)
		qi_compaction_helped(za, walk->request.order);
	else if (priority != QI_COMPACT_ASYNC && (result == QUIRE_COMPACT_COMPLETE || result == QUIRE_COMPACT_PARTIAL ||
						  result == QUIRE_COMPACT_NO_SUITABLE))
		qi_compaction_failed(za, walk->request.order);
}

/* The block is the request's. */
static void hand_out(struct qi_walk *walk, struct qi_zone *za, quire_pfn_t pfn)
{
	unsigned long state = 0;
	unsigned cpu = qi_enter_cpu(walk->q, &state);

	qi_count_allocs(za, cpu, walk, 1);
	qi_trace(walk->q, alloc, pfn, walk->request.order, walk->gfp, (enum quire_migratetype)walk->request.type);
	qi_leave_cpu(walk->q, state);
}

static void count_run(struct qi_zone *za, bool served)
{
	struct quire_compact_stats *stats = &za->compact.stats;

	qi_zone_lock(za);
	qi_poke(&stats->stall, stats->stall + 1);
	if (served)
		qi_poke(&stats->success, stats->success + 1);
	else
		qi_poke(&stats->fail, stats->fail + 1);
	qi_zone_unlock(za);
}

enum quire_compact_result qi_compact_direct(struct qi_walk *walk, unsigned flags, unsigned priority, quire_pfn_t *pfn)
{
	enum quire_compact_result best = QUIRE_COMPACT_SKIPPED;

	if (walk->no_compaction || !__atomic_load_n(&walk->q->mobility.owners, __ATOMIC_RELAXED))
		return best;
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct qi_zone *za = qi_zone_of(quire_zonelist_zone(walk->list, i));
		enum quire_compact_result result;
		bool served;

		if (!za || !qi_walk_allows(walk, za->zone))
			continue;
		if (priority != QI_COMPACT_FULL && qi_compaction_deferred(za, walk->request.order)) {
			best = (enum quire_compact_result)qi_max(best, QUIRE_COMPACT_DEFERRED);
			continue;
		}
		served = compact_for(walk, za, flags, (enum qi_compact_priority)priority, &result, pfn);
		note(za, walk, (enum qi_compact_priority)priority, result);
		if (result > QUIRE_COMPACT_DEFERRED)
			count_run(za, result == QUIRE_COMPACT_SUCCESS);
		best = (enum quire_compact_result)qi_max(best, result);
		if (served) {
			hand_out(walk, za, *pfn);
			return QUIRE_COMPACT_SUCCESS;
		}
	}
	return best == QUIRE_COMPACT_SUCCESS ? QUIRE_COMPACT_PARTIAL : best;
}

void qi_wake_compactor(const struct qi_walk *walk)
{
	uint8_t wanted = (uint8_t)(walk->request.order + 1);

	if (walk->no_compaction || !walk->request.order || !__atomic_load_n(&walk->q->mobility.owners, __ATOMIC_RELAXED))
		return;
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct qi_zone *za = qi_zone_of(quire_zonelist_zone(walk->list, i));

		if (za && qi_walk_allows(walk, za->zone) && __atomic_load_n(&za->compact.wanted, __ATOMIC_RELAXED) < wanted)
			__atomic_store_n(&za->compact.wanted, wanted, __ATOMIC_RELEASE);
	}
}

#endif
