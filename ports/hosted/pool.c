/*
 * The pool's threads and blocks. It is one zone of the engine on its own (no machine, no watermarks: a program wants its
 * last page too), frame 0 being the first page of the mapping.
 *
 * A thread finds its CPU number in a thread-local variable that remembers the pool it was used with last; a thread that
 * uses several pools pays a look-up by key when it changes. Pools are told apart by a number that is never used again,
 * so that what a thread remembers of a dead pool can do no harm.
 */
#define _GNU_SOURCE
#include "pool_internal.h"

#include "zone/front_bulk.h"

#define AT_ONCE 64u		/* blocks of a bulk call whose frame numbers are at hand */

static _Thread_local struct {
	uint64_t pool_id;
	unsigned cpu;
} here;

/* --- threads --------------------------------------------------------------------------------------------------------- */

void qi_pool_leave(void *value)
{
	struct qi_pool_slot *slot = value;
	struct quire_pool *pool = slot->pool;

	if (here.pool_id == pool->id)
		here.pool_id = 0;
	/* Nobody else may have the front just now: it could not be emptied, and nobody would come again. */
	qi_lock(&pool->zone.drain_lock);
	qi_front_drain(&pool->zone, slot->cpu);
	qi_unlock(&pool->zone.drain_lock);
	pthread_mutex_lock(&pool->lock);
	slot->used = false;
	__atomic_store_n(&pool->free_slots, pool->free_slots + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&pool->lock);
}

/* NULL: all are taken. */
static struct qi_pool_slot *join(struct quire_pool *pool)
{
	struct qi_pool_slot *slot = NULL;

	if (!__atomic_load_n(&pool->free_slots, __ATOMIC_RELAXED))
		return NULL;
	pthread_mutex_lock(&pool->lock);
	for (unsigned i = 0; pool->free_slots && i < pool->max_threads && !slot; i++)
		if (!pool->slots[i].used)
			slot = &pool->slots[i];
	if (slot && pthread_setspecific(pool->key, slot) != 0)
		slot = NULL;
	if (slot) {
		slot->used = true;
		__atomic_store_n(&pool->free_slots, pool->free_slots - 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&pool->lock);
	return slot;
}

/* No slot: a number beyond all fronts, with which requests go to the tree. */
static unsigned find_cpu(struct quire_pool *pool)
{
	struct qi_pool_slot *slot = pthread_getspecific(pool->key);

	if (!slot)
		slot = join(pool);
	if (!slot)
		return pool->max_threads;
	here.pool_id = pool->id;
	here.cpu = slot->cpu;
	return slot->cpu;
}

static inline unsigned this_cpu(struct quire_pool *pool)
{
	return qi_likely(here.pool_id == pool->id) ? here.cpu : find_cpu(pool);
}

/* --- blocks ---------------------------------------------------------------------------------------------------------- */

/* The number of a block's first frame. Not for NULL. */
static inline enum quire_status find(const struct quire_pool *pool, const void *block, unsigned order, quire_pfn_t *pfn)
{
	uint64_t offset = (uint64_t)((uintptr_t)block - (uintptr_t)pool->memory.base);

	if (qi_unlikely(offset >= pool->memory.size))
		return QUIRE_ENOENT;
	if (qi_unlikely(offset & (QUIRE_POOL_PAGE - 1) || order > QUIRE_POOL_MAX_ORDER ||
			(1ull << order << QI_POOL_SHIFT) > pool->memory.size - offset))
		return QUIRE_EINVAL;
	*pfn = offset >> QI_POOL_SHIFT;
	return QUIRE_OK;
}

void *quire_pool_alloc(struct quire_pool *pool, unsigned order)
{
	const struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_MOVABLE };
	unsigned cpu = this_cpu(pool);
	quire_pfn_t pfn;

	if (qi_unlikely(order > QUIRE_POOL_MAX_ORDER) || qi_front_alloc(&pool->zone, cpu, &request, &pfn) != QUIRE_OK)
		return NULL;
	return pool->memory.base + (pfn << QI_POOL_SHIFT);
}

enum quire_status quire_pool_free(struct quire_pool *pool, void *block, unsigned order)
{
	quire_pfn_t pfn;
	enum quire_status status;

	if (qi_unlikely(!block))
		return QUIRE_OK;
	status = find(pool, block, order, &pfn);
	return qi_likely(status == QUIRE_OK) ? qi_front_free(&pool->zone, this_cpu(pool), pfn, order) : status;
}

/* --- many blocks ----------------------------------------------------------------------------------------------------- */

size_t quire_pool_alloc_bulk(struct quire_pool *pool, unsigned order, void **blocks, size_t count)
{
	const struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_MOVABLE };
	unsigned cpu = this_cpu(pool);
	quire_pfn_t pfns[AT_ONCE];
	size_t n = 0, wanted, got;

	if (order > QUIRE_POOL_MAX_ORDER)
		return 0;
	do {
		wanted = qi_min(count - n, AT_ONCE);
		got = qi_front_alloc_many(&pool->zone, cpu, &request, wanted, pfns);
		for (size_t i = 0; i < got; i++)
			blocks[n + i] = pool->memory.base + (pfns[i] << QI_POOL_SHIFT);
		n += got;
	} while (n < count && got == wanted);
	return n;
}

/* The numbers of blocks' first frames, until one is NULL or none of the pool's. How many; *status: why it ended. */
static size_t find_many(const struct quire_pool *pool, unsigned order, size_t count, void *const *blocks, quire_pfn_t *pfns,
			enum quire_status *status)
{
	size_t n = 0;

	*status = QUIRE_OK;
	while (n < count && blocks[n] && (*status = find(pool, blocks[n], order, &pfns[n])) == QUIRE_OK)
		n++;
	return n;
}

/* One that is refused, by us or by the engine, is passed over. */
enum quire_status quire_pool_free_bulk(struct quire_pool *pool, unsigned order, void *const *blocks, size_t count)
{
	enum quire_status result = QUIRE_OK, status;
	unsigned cpu = this_cpu(pool);
	quire_pfn_t pfns[AT_ONCE];
	size_t n, done;

	for (size_t at = 0; at < count; at += done) {
		size_t some = qi_min(count - at, AT_ONCE);
		enum quire_status end;

		n = find_many(pool, order, some, blocks + at, pfns, &end);
		status = qi_front_free_many(&pool->zone, cpu, order, n, pfns, &done);
		if (done == n)
			status = end;
		if (result == QUIRE_OK)
			result = status;
		done += done < some && (status != QUIRE_OK || !blocks[at + done]);
	}
	return result;
}

enum quire_status quire_pool_drain(struct quire_pool *pool)
{
	qi_front_drain(&pool->zone, this_cpu(pool));
	return qi_front_drain_all(&pool->zone);
}
