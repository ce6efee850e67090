/* Making and unmaking a pool: its books, its threads' places, its memory. */
#define _GNU_SOURCE
#include "pool_internal.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_THREADS 4096u
#define LARGE_META (64u << 10)		/* from here on metadata comes from mmap, which gives zeros for nothing */

static uint64_t last_id;		/* of all pools there ever were */

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
		.start_pfn = 0, .span = pool->memory.size >> QI_POOL_SHIFT, .max_order = QUIRE_POOL_MAX_ORDER,
		.pageblock_order = QI_LEAF_SHIFT, .page_shift = QI_POOL_SHIFT, .hooks = &hooks, .hook_ctx = pool,
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
		pool->slots[i] = (struct qi_pool_slot){ .pool = pool, .cpu = i };
	pool->free_slots = pool->max_threads;
	return pthread_key_create(&pool->key, qi_pool_leave) == 0 ? QUIRE_OK : QUIRE_ENOSPC;
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
