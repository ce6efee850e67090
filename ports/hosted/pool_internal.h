/* Inside the pool: pool.c has threads and blocks, pool_make.c what is done once, pool_figures.c what is only read. */
#ifndef QI_HOSTED_POOL_INTERNAL_H
#define QI_HOSTED_POOL_INTERNAL_H

#include "pool.h"

#include <pthread.h>

#include "pool_memory.h"
#include "zone/front.h"

#define QI_POOL_SHIFT 12u

/* A thread's place: the front with its number. */
struct qi_pool_slot {
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
	struct qi_pool_slot *slots;
	unsigned free_slots;		/* read without the lock */
	unsigned max_threads;
	void *fronts;
	size_t fronts_bytes;
	uint64_t meta_bytes;		/* under the zone's lock */
	void (*log)(void *ctx, enum quire_log_level level, const char *text, size_t length);
	void *log_ctx;
};

/* A thread that used the pool exits; value is its slot. */
void qi_pool_leave(void *value);

#endif
