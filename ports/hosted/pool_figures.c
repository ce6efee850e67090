/* What can be read of a pool: figures, which need every thread out of its front for a moment, and the checker. */
#include "pool_internal.h"

#include <string.h>

/*
 * Keep all threads out of their fronts for a moment (they go to the tree meanwhile), the way the engine does to drain them:
 * see zone/front.h. False: the host has no barrier for it.
 */
static bool hold_fronts(struct quire_pool *pool)
{
	if (!pool->platform.barrier_all)
		return false;
	qi_lock(&pool->zone.drain_lock);
	for (unsigned cpu = 0; cpu < pool->max_threads; cpu++)
		__atomic_store_n(&pool->zone.fronts[cpu].taken, 1, __ATOMIC_RELEASE);
	pool->platform.barrier_all(pool);
	for (unsigned cpu = 0; cpu < pool->max_threads; cpu++)
		while (__atomic_load_n(&pool->zone.fronts[cpu].busy, __ATOMIC_ACQUIRE))
			qi_relax();
	return true;
}

static void release_fronts(struct quire_pool *pool)
{
	for (unsigned cpu = 0; cpu < pool->max_threads; cpu++)
		__atomic_store_n(&pool->zone.fronts[cpu].taken, 0, __ATOMIC_RELEASE);
	qi_unlock(&pool->zone.drain_lock);
}

void quire_pool_stats(struct quire_pool *pool, struct quire_pool_stats *stats)
{
	qi_tree_counts_t counts = { 0 };
	bool held = hold_fronts(pool);

	memset(stats, 0, sizeof(*stats));
	qi_lock(&pool->zone.lock);
	qi_tree_counts(&pool->zone.tree, counts);
	stats->free_bytes = qi_tree_free_pages(&pool->zone.tree) << QI_POOL_SHIFT;
	stats->metadata_bytes = pool->meta_bytes + pool->fronts_bytes + sizeof(*pool);
	stats->bad_frees = pool->zone.bad_frees;
	qi_unlock(&pool->zone.lock);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (unsigned order = 0; order <= QUIRE_POOL_MAX_ORDER; order++)
			stats->free_blocks[order] += counts[type][order];
	for (unsigned cpu = 0; held && cpu < pool->max_threads; cpu++)
		stats->kept_bytes += qi_front_held(&pool->zone, cpu) << QI_POOL_SHIFT;
	if (held)
		release_fronts(pool);
	stats->bytes = pool->memory.size;
	stats->max_threads = pool->max_threads;
	stats->threads = pool->max_threads - __atomic_load_n(&pool->free_slots, __ATOMIC_RELAXED);
}

enum quire_status quire_pool_check(struct quire_pool *pool)
{
	const char *what = "";
	enum quire_status status;

	qi_lock(&pool->zone.lock);
	status = qi_check_tree(&pool->zone.tree, &what);
	qi_unlock(&pool->zone.lock);
	if (status != QUIRE_OK)
		qi_log(&pool->platform, QUIRE_LOG_ERROR, "pool: %s", what);
	return status;
}

void *quire_pool_base(const struct quire_pool *pool)
{
	return pool->memory.base;
}

uint64_t quire_pool_size(const struct quire_pool *pool)
{
	return pool->memory.size;
}
