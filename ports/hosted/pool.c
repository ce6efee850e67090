/*
 * The pool: one zone of the engine on its own (no machine, no watermarks: a program wants its last page too), frame 0
 * being the first page of the mapping.
 *
 * A thread finds its CPU number in a thread-local variable that remembers the pool it was used with last; a thread that
 * uses several pools pays a look-up by key when it changes. Pools are told apart by a number that is never used again,
 * so that what a thread remembers of a dead pool can do no harm.
 */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool_memory.h"
#include "zone/front.h"

#define PAGE_SHIFT 12u
#define MAX_THREADS 4096u
#define LARGE_META (64u << 10)		/* from here on metadata comes from mmap, which gives zeros for nothing */

struct slot {
	struct quire_pool *pool;
	unsigned cpu;
	bool used;
};

struct quire_pool {
	struct qi_zone zone;
	struct quire_platform platform;
	uint64_t id;
	struct qi_pool_memory memory;
	pthread_key_t key;
	pthread_mutex_t lock;		/* slots */
	struct slot *slots;
	unsigned free_slots;		/* read without the lock */
	unsigned max_threads;
	void *fronts;
	size_t fronts_bytes;
	uint64_t meta_bytes;		/* under the zone's lock */
	void (*log)(void *ctx, enum quire_log_level level, const char *text, size_t length);
	void *log_ctx;
};

static uint64_t last_id;		/* of all pools there ever were */

static _Thread_local struct {
	uint64_t pool_id;
	unsigned cpu;
} here;

/* --- what the engine asks for ---------------------------------------------------------------------------------------- */

static void *take_meta(size_t bytes)
{
	void *memory;

	if (bytes >= LARGE_META) {
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		return memory == MAP_FAILED ? NULL : memory;
	}
	memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	return memory ? memset(memory, 0, bytes) : NULL;
}

static void give_meta(void *address, size_t bytes)
{
	if (bytes >= LARGE_META)
		munmap(address, bytes);
	else
		free(address);
}

static void *meta_alloc(void *ctx, size_t bytes)
{
	struct quire_pool *pool = ctx;
	void *memory = take_meta(bytes);

	if (memory)
		pool->meta_bytes += bytes;
	return memory;
}

static void meta_free(void *ctx, void *address, size_t bytes)
{
	struct quire_pool *pool = ctx;

	pool->meta_bytes -= bytes;
	give_meta(address, bytes);
}

static const struct qi_tree_hooks hooks = { .meta_alloc = meta_alloc, .meta_free = meta_free };

static void barrier_all(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	struct quire_pool *pool = ctx;

	if (pool->log)
		pool->log(pool->log_ctx, level, text, length);
}

static void panic(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "quire pool: %s\n", text);
	abort();
}

/* --- threads --------------------------------------------------------------------------------------------------------- */

/* A thread that used the pool exits. */
static void leave(void *value)
{
	struct slot *slot = value;
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
static struct slot *join(struct quire_pool *pool)
{
	struct slot *slot = NULL;

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
	struct slot *slot = pthread_getspecific(pool->key);

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

static inline void *take(struct quire_pool *pool, unsigned cpu, unsigned order)
{
	const struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_MOVABLE };
	quire_pfn_t pfn;

	if (qi_unlikely(order > QUIRE_POOL_MAX_ORDER) || qi_front_alloc(&pool->zone, cpu, &request, &pfn) != QUIRE_OK)
		return NULL;
	return pool->memory.base + (pfn << PAGE_SHIFT);
}

static inline enum quire_status give(struct quire_pool *pool, unsigned cpu, void *block, unsigned order)
{
	uint64_t offset = (uint64_t)((uintptr_t)block - (uintptr_t)pool->memory.base);

	if (qi_unlikely(!block))
		return QUIRE_OK;
	if (qi_unlikely(offset >= pool->memory.size))
		return QUIRE_ENOENT;
	if (qi_unlikely(offset & (QUIRE_POOL_PAGE - 1) || order > QUIRE_POOL_MAX_ORDER ||
			(1ull << order << PAGE_SHIFT) > pool->memory.size - offset))
		return QUIRE_EINVAL;
	return qi_front_free(&pool->zone, cpu, offset >> PAGE_SHIFT, order);
}

void *quire_pool_alloc(struct quire_pool *pool, unsigned order)
{
	return take(pool, this_cpu(pool), order);
}

enum quire_status quire_pool_free(struct quire_pool *pool, void *block, unsigned order)
{
	return give(pool, this_cpu(pool), block, order);
}

size_t quire_pool_alloc_bulk(struct quire_pool *pool, unsigned order, void **blocks, size_t count)
{
	unsigned cpu = this_cpu(pool);
	size_t n = 0;

	while (n < count && (blocks[n] = take(pool, cpu, order)) != NULL)
		n++;
	return n;
}

enum quire_status quire_pool_free_bulk(struct quire_pool *pool, unsigned order, void *const *blocks, size_t count)
{
	enum quire_status result = QUIRE_OK;
	unsigned cpu = this_cpu(pool);

	for (size_t i = 0; i < count; i++) {
		enum quire_status status = give(pool, cpu, blocks[i], order);

		if (result == QUIRE_OK)
			result = status;
	}
	return result;
}

enum quire_status quire_pool_drain(struct quire_pool *pool)
{
	qi_front_drain(&pool->zone, this_cpu(pool));
	return qi_front_drain_all(&pool->zone);
}

/* --- making and unmaking --------------------------------------------------------------------------------------------- */

static enum quire_status check_options(const struct quire_pool_options *o)
{
	if ((!o->size && !o->path) || o->size > 1ull << 52 || o->max_threads > MAX_THREADS || o->pages > QUIRE_POOL_HUGETLB)
		return QUIRE_EINVAL;
	return QUIRE_OK;
}

static enum quire_status open_books(struct quire_pool *pool)
{
	struct qi_tree_config config = {
		.start_pfn = 0, .span = pool->memory.size >> PAGE_SHIFT, .max_order = QUIRE_POOL_MAX_ORDER,
		.pageblock_order = QI_LEAF_SHIFT, .page_shift = PAGE_SHIFT, .hooks = &hooks, .hook_ctx = pool,
	};
	enum quire_status status;

	pool->zone.platform = &pool->platform;
	pool->fronts_bytes = qi_fronts_bytes(pool->max_threads);
	pool->fronts = take_meta(pool->fronts_bytes);
	if (!pool->fronts)
		return QUIRE_ENOMEM;
	qi_fronts_init(&pool->zone, pool->fronts, pool->max_threads);
	qi_fronts_tune(&pool->zone, config.span);
	status = qi_tree_init(&pool->zone.tree, &config);
	return status == QUIRE_OK ? qi_tree_add_free(&pool->zone.tree, 0, config.span) : status;
}

static enum quire_status open_slots(struct quire_pool *pool)
{
	pool->slots = calloc(pool->max_threads, sizeof(*pool->slots));
	if (!pool->slots)
		return QUIRE_ENOMEM;
	for (unsigned i = 0; i < pool->max_threads; i++)
		pool->slots[i] = (struct slot){ .pool = pool, .cpu = i };
	pool->free_slots = pool->max_threads;
	return pthread_key_create(&pool->key, leave) == 0 ? QUIRE_OK : QUIRE_ENOSPC;
}

/* Everything but the key and the lock. */
static void close_books(struct quire_pool *pool)
{
	qi_tree_destroy(&pool->zone.tree);
	if (pool->fronts)
		give_meta(pool->fronts, pool->fronts_bytes);
	free(pool->slots);
	qi_pool_memory_unmap(&pool->memory);
	free(pool);
}

static struct quire_pool *new_pool(const struct quire_pool_options *options)
{
	struct quire_pool *pool = aligned_alloc(64, (sizeof(*pool) + 63) & ~(size_t)63);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!pool)
		return NULL;
	memset(pool, 0, sizeof(*pool));
	pool->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	pool->max_threads = options->max_threads ? options->max_threads :
						   (unsigned)qi_clamp(cpus > 0 ? (uint64_t)cpus * 4 : 4, 4, MAX_THREADS);
	pool->log = options->log;
	pool->log_ctx = options->log_ctx;
	pool->platform = (struct quire_platform){ .ctx = pool, .log = log_line, .panic = panic };
	/* Without it other threads' fronts are out of reach, no more. */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		pool->platform.barrier_all = barrier_all;
	return pool;
}

enum quire_status quire_pool_create(const struct quire_pool_options *options, struct quire_pool **result)
{
	enum quire_status status = check_options(options);
	const char *why = "the options make no sense";
	struct quire_pool *pool = status == QUIRE_OK ? new_pool(options) : NULL;

	if (!pool) {
		status = status == QUIRE_OK ? QUIRE_ENOMEM : status;
		if (options->log)
			options->log(options->log_ctx, QUIRE_LOG_ERROR, why, strlen(why));
		return status;
	}
	status = qi_pool_memory_map(&pool->memory, options, &why);
	if (status == QUIRE_OK) {
		why = "no memory for the books, or too many pools";
		status = open_books(pool);
	}
	if (status == QUIRE_OK)
		status = open_slots(pool);
	if (status != QUIRE_OK) {
		qi_log(&pool->platform, QUIRE_LOG_ERROR, "pool: %s%s%s", why, errno ? ": " : "",
		       errno ? strerror(errno) : "");
		close_books(pool);
		return status;
	}
	pthread_mutex_init(&pool->lock, NULL);
	*result = pool;
	return QUIRE_OK;
}

void quire_pool_destroy(struct quire_pool *pool)
{
	if (!pool)
		return;
	pthread_key_delete(pool->key);
	pthread_mutex_destroy(&pool->lock);
	close_books(pool);
}

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
	barrier_all(pool);
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

/* --- figures --------------------------------------------------------------------------------------------------------- */

void quire_pool_stats(struct quire_pool *pool, struct quire_pool_stats *stats)
{
	qi_tree_counts_t counts = { 0 };
	bool held = hold_fronts(pool);

	memset(stats, 0, sizeof(*stats));
	qi_lock(&pool->zone.lock);
	qi_tree_counts(&pool->zone.tree, counts);
	stats->free_bytes = qi_tree_free_pages(&pool->zone.tree) << PAGE_SHIFT;
	stats->metadata_bytes = pool->meta_bytes + pool->fronts_bytes + sizeof(*pool);
	stats->bad_frees = pool->zone.bad_frees;
	qi_unlock(&pool->zone.lock);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (unsigned order = 0; order <= QUIRE_POOL_MAX_ORDER; order++)
			stats->free_blocks[order] += counts[type][order];
	for (unsigned cpu = 0; held && cpu < pool->max_threads; cpu++)
		stats->kept_bytes += qi_front_held(&pool->zone, cpu) << PAGE_SHIFT;
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
