/*
 * Shrinkers and who calls them: a request that is short, or the background reclaimer.
 *
 * The list of shrinkers is only ever changed under the lock and while nobody is in it, so it is walked without. A node's
 * state is two bytes: wanted, and how many runs in a row were for nothing.
 */
#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_RECLAIM

#define BACKGROUND_PRIORITY 12u
#define HOPELESS_RUNS 16u
#define DIRECT_TARGET 32u		/* a swap cluster */

enum quire_status quire_register_shrinker(struct quire *q, struct quire_shrinker *shrinker)
{
	struct quire_shrinker **end = &q->page_alloc.shrinkers;
	enum quire_status status = QUIRE_OK;
	unsigned long state;

	if (!shrinker || !shrinker->scan)
		return QUIRE_EINVAL;
	state = qi_alloc_lock(q);
	for (; *end; end = &(*end)->next)
		if (*end == shrinker)
			status = QUIRE_EEXIST;
	if (status == QUIRE_OK) {
		shrinker->next = NULL;
		__atomic_store_n(end, shrinker, __ATOMIC_RELEASE);
	}
	qi_alloc_unlock(q, state);
	return status;
}

enum quire_status quire_unregister_shrinker(struct quire *q, struct quire_shrinker *shrinker)
{
	struct quire_shrinker **at = &q->page_alloc.shrinkers;
	enum quire_status status = QUIRE_OK;
	unsigned long state = qi_alloc_lock(q);

	while (*at && *at != shrinker)
		at = &(*at)->next;
	if (!*at)
		status = QUIRE_ENOENT;
	else if (q->page_alloc.reclaiming)
		status = QUIRE_EBUSY;
	else
		__atomic_store_n(at, shrinker->next, __ATOMIC_RELEASE);
	qi_alloc_unlock(q, state);
	return status;
}

/* Nobody leaves the list between enter and leave. */
static void enter_shrinkers(struct quire *q, int step)
{
	unsigned long state = qi_alloc_lock(q);

	q->page_alloc.reclaiming += (uint32_t)step;
	qi_alloc_unlock(q, state);
}

static const struct quire_shrinker *next_of(struct quire_shrinker *const *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/* Ask all in turn until the target is reached. Frames freed, by their own account. */
static uint64_t run_shrinkers(struct quire *q, const struct quire_reclaim *wanted)
{
	struct quire_reclaim reclaim = *wanted;
	uint64_t freed = 0;

	if (!next_of(&q->page_alloc.shrinkers))
		return 0;
	enter_shrinkers(q, 1);
	for (const struct quire_shrinker *s = next_of(&q->page_alloc.shrinkers); s && freed < wanted->target;
	     s = next_of(&s->next)) {
		reclaim.target = wanted->target - freed;
		freed += s->scan(s->ctx, &reclaim);
	}
	enter_shrinkers(q, -1);
	qi_count_rare(q, wanted->background ? &q->page_alloc.stolen_background : &q->page_alloc.stolen_direct, freed);
	return freed;
}

uint64_t qi_reclaimable(struct quire *q, int nid)
{
	uint64_t pages = 0;

	if (!next_of(&q->page_alloc.shrinkers))
		return 0;
	enter_shrinkers(q, 1);
	for (const struct quire_shrinker *s = next_of(&q->page_alloc.shrinkers); s; s = next_of(&s->next))
		pages += s->count ? s->count(s->ctx, nid) : 0;
	enter_shrinkers(q, -1);
	return pages;
}

uint64_t qi_reclaim_direct(const struct qi_walk *walk, unsigned priority)
{
	struct quire_reclaim reclaim = {
		.highest = walk->highest, .order = walk->request.order, .priority = priority, .gfp = walk->gfp,
		.target = qi_max(DIRECT_TARGET, 1ull << walk->request.order),
	};
	struct quire *q = walk->q;
	const struct quire_node *last = NULL;
	uint64_t freed = 0;

	qi_count_rare(q, &q->page_alloc.allocstall[walk->highest], 1);
	for (size_t i = 0; i < quire_zonelist_count(walk->list) && freed < reclaim.target; i++) {
		const struct quire_zone *zone = quire_zonelist_zone(walk->list, i);
		uint64_t got;

		if (!qi_walk_allows(walk, zone) || zone->node == last)
			continue;
		last = zone->node;
		reclaim.nid = last->nid;
		got = run_shrinkers(q, &reclaim);
		if (got)
			__atomic_store_n(&q->page_alloc.hopeless[last->nid], 0, __ATOMIC_RELAXED);
		freed += got;
	}
	return freed;
}

/* --- the background ---------------------------------------------------------------------------------------------------- */

static bool zone_balanced(const struct quire_zone *zone)
{
	const struct qi_zone *za = qi_zone_of(zone);

	return !za || !zone->managed || qi_tree_free_pages(&za->tree) > qi_mark(zone, QUIRE_WMARK_HIGH);
}

/* Frames that would bring all zones above their high marks; *highest: the highest that is not. */
static uint64_t node_shortage(const struct quire_node *node, enum quire_zone_type *highest)
{
	uint64_t pages = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		if (zone_balanced(zone))
			continue;
		pages += qi_mark(zone, QUIRE_WMARK_HIGH) + 1 - qi_tree_free_pages(zone->tree);
		*highest = (enum quire_zone_type)type;
	}
	return pages;
}

void qi_wake_reclaimer(struct quire *q, const struct quire_node *node)
{
	uint8_t *wanted = &q->page_alloc.wanted[node->nid];
	enum quire_zone_type highest;
	bool boosted = false;

	if (!qi_has_reclaimer(q) || __atomic_load_n(&q->page_alloc.hopeless[node->nid], __ATOMIC_RELAXED) >= HOPELESS_RUNS)
		return;
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		boosted |= qi_peek(&node->zones[type].watermark_boost) != 0;
	if (!boosted && !node_shortage(node, &highest))
		return;
	__atomic_store_n(wanted, 1, __ATOMIC_RELEASE);
	if (q->platform->reclaim_wake)
		q->platform->reclaim_wake(q->platform->ctx, node->nid);
}

/* Boosts as they are now end with this run; what comes on top meanwhile stays. */
static void end_boosts(struct quire_node *node, const uint64_t boosts[QUIRE_ZONE_TYPES])
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone *zone = &node->zones[type];
		struct qi_zone *za = qi_zone_of(zone);

		if (!za || !boosts[type])
			continue;
		qi_zone_lock(za);
		qi_poke(&zone->watermark_boost, zone->watermark_boost - qi_min(zone->watermark_boost, boosts[type]));
		qi_zone_unlock(za);
	}
}

static uint64_t balance_node(struct quire *q, struct quire_node *node)
{
	struct quire_reclaim reclaim = { .nid = node->nid, .gfp = QUIRE_GFP_KERNEL, .background = true };
	uint64_t boosts[QUIRE_ZONE_TYPES], freed = 0;
	uint8_t *hopeless = &q->page_alloc.hopeless[node->nid];

	__atomic_store_n(&q->page_alloc.wanted[node->nid], 0, __ATOMIC_RELEASE);
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		boosts[type] = qi_peek(&node->zones[type].watermark_boost);
	reclaim.target = node_shortage(node, &reclaim.highest);
	if (reclaim.target)
		qi_count_rare(q, &q->page_alloc.pageoutrun, 1);
	for (reclaim.priority = BACKGROUND_PRIORITY; reclaim.target && reclaim.priority; reclaim.priority--) {
		freed += run_shrinkers(q, &reclaim);
		reclaim.target = node_shortage(node, &reclaim.highest);
	}
	end_boosts(node, boosts);
	if (freed || !reclaim.target)
		__atomic_store_n(hopeless, 0, __ATOMIC_RELAXED);
	else if (*hopeless < HOPELESS_RUNS)
		__atomic_store_n(hopeless, (uint8_t)(*hopeless + 1), __ATOMIC_RELAXED);
	return freed;
}

uint64_t quire_reclaim_tick(struct quire *q, int nid)
{
	uint64_t freed = 0;

	for (unsigned i = 0; q->stage >= QUIRE_STAGE_WATERMARKS && i < q->topology.node_count; i++) {
		struct quire_node *node = q->topology.nodes[i];

		if (!node || (nid != QUIRE_NO_NODE && nid != node->nid))
			continue;
		if (nid != QUIRE_NO_NODE || __atomic_load_n(&q->page_alloc.wanted[i], __ATOMIC_ACQUIRE))
			freed += balance_node(q, node);
	}
	return freed;
}

bool quire_reclaim_wanted(const struct quire *q)
{
	for (unsigned i = 0; i < q->topology.node_count; i++)
		if (__atomic_load_n(&q->page_alloc.wanted[i], __ATOMIC_ACQUIRE))
			return true;
	return false;
}

#endif
