/*
 * The slow path: what a request tries that found nothing above the low watermarks, in the field's order.
 *
 *	wake the reclaimer -> above the minimum -> as far as flags and task reach into the reserves -> compaction, without
 *	waiting -> shrinkers, then again -> atomic reserve and all CPUs' fronts given back, then again -> compaction ->
 *	another round while that helps -> the last resort
 *
 * Here is what nobody has to wait for; from compaction on it is slow_wait.c.
 */
#include "page_alloc/slow.h"

#include "mobility/direct.h"

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
static bool try_reserves(struct qi_slow *slow)
{
	unsigned before = slow->flags;

	if (qi_slow_try(slow, slow->flags))
		return true;
	slow->memalloc = task_of(slow->walk->q) & QUIRE_TASK_MEMALLOC;
	slow->flags |= qi_task_flags(slow->walk->q, slow->walk->gfp);
	if (slow->flags & (QI_ALLOC_NO_WATERMARKS | QI_ALLOC_OOM))
		slow->walk->mask = NULL;
	if ((slow->flags != before || slow->walk->mask != slow->mask) && qi_slow_try(slow, slow->flags))
		return true;
	/* The atomic reserve is a last resort for who cannot wait. */
	return (slow->flags & (QI_ALLOC_NON_BLOCK | QI_ALLOC_OOM)) && !(slow->flags & QI_ALLOC_HIGHATOMIC) &&
	       any_highatomic(slow->walk) && qi_slow_try(slow, slow->flags | QI_ALLOC_HIGHATOMIC);
}

/* Did zonelists change while they were walked? Then a zone may have been missed. */
static bool lists_changed(const struct qi_walk *walk, uint32_t since)
{
	return (since & 1) || __atomic_load_n(&walk->q->topology.changes, __ATOMIC_ACQUIRE) != since;
}

enum quire_status qi_alloc_slow(struct qi_walk *walk, quire_pfn_t *pfn)
{
	struct qi_slow slow = { .walk = walk, .mask = walk->mask, .pfn = pfn };
	uint32_t changes = __atomic_load_n(&walk->q->topology.changes, __ATOMIC_ACQUIRE);

	slow.flags = qi_alloc_flags(walk->gfp, walk->request.order, walk->request.type);
	if (slow.flags & QI_ALLOC_KSWAPD) {
		wake_nodes(walk);
		qi_wake_compactor(walk);
	}
	if (try_reserves(&slow))
		return QUIRE_OK;
	if ((walk->gfp & QUIRE_GFP_DIRECT_RECLAIM) && !slow.memalloc && qi_slow_make_room(&slow))
		return QUIRE_OK;
	/* Memory came or went meanwhile; by now hotplug has done with the lists. */
	if (lists_changed(walk, changes) && qi_slow_try(&slow, slow.flags))
		return QUIRE_OK;
	qi_note_slow(walk, &slow.did);
	return QUIRE_ENOMEM;
}
