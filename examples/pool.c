/*
 * A user program's own page allocator: five lines of it, then several threads at work.
 *
 *	pool [THREADS [MEGABYTES]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "pool.h"

#define PAIRS 200000
#define HELD 32

static struct quire_pool *pool;

/* What any program needs. */
static int five_lines(void)
{
	char *block;

	if (quire_pool_create(&(struct quire_pool_options){ .size = 64 << 20, .pages = QUIRE_POOL_TRANSPARENT }, &pool))
		return 1;
	block = quire_pool_alloc(pool, 9);
	block[0] = 'q';
	quire_pool_free(pool, block, 9);
	quire_pool_destroy(pool);
	return 0;
}

/* Threads need not be announced: the first call makes one known, its exit gives back what it kept. */
static void *work(void *argument)
{
	char *held[HELD] = { 0 };

	(void)argument;
	for (unsigned i = 0; i < PAIRS; i++) {
		char **place = &held[i * 7 % HELD];

		quire_pool_free(pool, *place, 0);
		*place = quire_pool_alloc(pool, 0);
		if (*place)
			**place = 1;
	}
	for (unsigned i = 0; i < HELD; i++)
		quire_pool_free(pool, held[i], 0);
	return NULL;
}

static void print_stats(const char *when)
{
	struct quire_pool_stats stats;

	quire_pool_stats(pool, &stats);
	printf("%-8s %llu KiB, %llu free, %llu kept by %u of %u threads; books take %llu KiB; refused late: %llu\n", when,
	       (unsigned long long)stats.bytes >> 10, (unsigned long long)stats.free_bytes >> 10,
	       (unsigned long long)stats.kept_bytes >> 10, stats.threads, stats.max_threads,
	       (unsigned long long)stats.metadata_bytes >> 10, (unsigned long long)stats.bad_frees);
}

static void complain(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "%.*s\n", (int)length, text);
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
	struct quire_pool_options options = { .size = (argc > 2 ? strtoull(argv[2], NULL, 10) : 256) << 20,
					      .log = complain };
	pthread_t *handles = calloc(threads ? threads : 1, sizeof(*handles));
	unsigned started = 0;

	if (!handles || five_lines() || quire_pool_create(&options, &pool) != QUIRE_OK)
		return 1;
	print_stats("before");
	while (started < threads && pthread_create(&handles[started], NULL, work, NULL) == 0)
		started++;
	work(NULL);
	print_stats("at work");
	for (unsigned i = 0; i < started; i++)
		pthread_join(handles[i], NULL);
	quire_pool_drain(pool);
	print_stats("after");
	free(handles);
	quire_pool_destroy(pool);
	return 0;
}
