/* Compaction that nobody waits for: woken by requests, by a node's score, or by hand. */
#include "mobility/compact.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define PROACTIVE_PAUSE 500000000ull	/* between two looks, nanoseconds */
#define VAIN_SHIFT 6u			/* after a run in vain: 32 s */

static enum quire_compact_result compact_whole(struct qi_zone *za, enum qi_compact_priority priority, uint64_t stop_below,
					       uint64_t *moved)
{
	struct qi_compaction c = {
		.za = za, .order = quire_pageblock_order(&za->q->config), .priority = priority, .all = true,
		.stop_below = stop_below,
		.mode = priority == QI_COMPACT_FULL ? QUIRE_MIGRATE_SYNC : QUIRE_MIGRATE_SYNC_LIGHT,
	};
	enum quire_compact_result result = qi_compact_zone(&c);

	*moved += c.moved;
	return result;
}

/* Open zones of a node, or of all. */
static struct qi_zone *zone_at(const struct quire *q, unsigned i, int nid)
{
	const struct quire_node *node = q->topology.nodes[i / QUIRE_ZONE_TYPES];

	if (!node || (nid != QUIRE_NO_NODE && node->nid != nid))
		return NULL;
	return qi_zone_of(&node->zones[i % QUIRE_ZONE_TYPES]);
}

static unsigned zone_slots(const struct quire *q)
{
	return q->stage < QUIRE_STAGE_WATERMARKS ? 0 : q->topology.node_count * (unsigned)QUIRE_ZONE_TYPES;
}

enum quire_compact_result quire_compact_node(struct quire *q, int nid)
{
	enum quire_compact_result best = QUIRE_COMPACT_SKIPPED;
	uint64_t moved = 0;

	for (unsigned i = 0; i < zone_slots(q); i++) {
		struct qi_zone *za = zone_at(q, i, nid);

		if (za)
			best = (enum quire_compact_result)qi_max(best, compact_whole(za, QI_COMPACT_FULL, 0, &moved));
	}
	return best;
}

/* For the requests it was woken for. */
static uint64_t run_wanted(struct qi_zone *za)
{
	uint32_t wanted = __atomic_exchange_n(&za->compact.wanted, 0, __ATOMIC_ACQUIRE);
	struct qi_compaction c = { .za = za, .order = wanted - 1u, .priority = QI_COMPACT_SYNC,
				   .mode = QUIRE_MIGRATE_SYNC_LIGHT };
	enum quire_compact_result result;

	if (!wanted || qi_compaction_deferred(za, c.order))
		return 0;
	result = qi_compact_suitable(za, c.order, QUIRE_MIGRATE_MOVABLE, za->zone->type, QUIRE_WMARK_HIGH);
	if (result != QUIRE_COMPACT_PARTIAL)
		return 0;
	result = qi_compact_zone(&c);
	qi_zone_lock(za);
	qi_poke(&za->compact.stats.daemon_wake, za->compact.stats.daemon_wake + 1);
	qi_zone_unlock(za);
	if (result == QUIRE_COMPACT_SUCCESS)
		qi_compaction_helped(za, c.order);
	else if (result == QUIRE_COMPACT_COMPLETE || result == QUIRE_COMPACT_PARTIAL)
		qi_compaction_failed(za, c.order);
	return c.moved;
}

/* By its score, down to `low`. */
static uint64_t run_proactive(struct qi_zone *za, unsigned low, uint64_t now)
{
	uint64_t moved = 0;

	if (now < qi_peek(&za->compact.not_before) || qi_zone_score(za) <= low)
		return 0;
	compact_whole(za, QI_COMPACT_SYNC, low, &moved);
	qi_poke(&za->compact.not_before, now ? now + (moved ? PROACTIVE_PAUSE : PROACTIVE_PAUSE << VAIN_SHIFT) : 0);
	return moved;
}

uint64_t quire_compaction_tick(struct quire *q, int nid)
{
	unsigned proactiveness = q->config.tunables.compaction_proactiveness;
	unsigned low = (unsigned)qi_max(100 - proactiveness, 5), high = (unsigned)qi_min(low + 10, 100);
	uint64_t moved = 0, now = q->platform->now_ns ? q->platform->now_ns(q->platform->ctx) : 0;

	if (!__atomic_load_n(&q->mobility.owners, __ATOMIC_RELAXED))
		return 0;
	for (unsigned i = 0; i < zone_slots(q); i++) {
		struct qi_zone *za = zone_at(q, i, nid);

		if (!za)
			continue;
		moved += run_wanted(za);
		if (proactiveness && quire_fragmentation_score(q, za->zone->node->nid) > high)
			moved += run_proactive(za, low, now);
	}
	return moved;
}

bool quire_compaction_wanted(const struct quire *q)
{
	for (unsigned i = 0; i < zone_slots(q); i++) {
		const struct qi_zone *za = zone_at(q, i, QUIRE_NO_NODE);

		if (za && __atomic_load_n(&za->compact.wanted, __ATOMIC_ACQUIRE))
			return true;
	}
	return false;
}

void quire_zone_compact_stats(const struct quire_zone *zone, struct quire_compact_stats *stats)
{
	const struct qi_zone *za = qi_zone_of(zone);
	uint64_t *to = (uint64_t *)stats;

	*stats = (struct quire_compact_stats){ 0 };
	for (size_t i = 0; za && i < sizeof(*stats) / sizeof(*to); i++)
		to[i] = qi_peek((const uint64_t *)&za->compact.stats + i);
}

#endif
