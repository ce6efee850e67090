/* The hosted pool: blocks that do not overlap, exhaustion, refused frees, threads that come, go and are too many. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool.h"

#define MIB (1ull << 20)

static unsigned errors;
static char last_error[256];

static void note_error(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	(void)ctx;
	if (level != QUIRE_LOG_ERROR)
		return;
	errors++;
	snprintf(last_error, sizeof(last_error), "%.*s", (int)length, text);
}

static struct quire_pool *make(uint64_t size, unsigned max_threads)
{
	struct quire_pool_options options = { .size = size, .max_threads = max_threads, .log = note_error };
	struct quire_pool *pool = NULL;

	errors = 0;
	assert_int_equal(quire_pool_create(&options, &pool), QUIRE_OK);
	return pool;
}

/* Everything is back: one piece again, and the books are in order. */
static void finish(struct quire_pool *pool)
{
	struct quire_pool_stats stats;

	assert_int_equal(quire_pool_drain(pool), QUIRE_OK);
	quire_pool_stats(pool, &stats);
	assert_int_equal(stats.kept_bytes, 0);
	assert_int_equal(stats.free_bytes, stats.bytes);
	assert_int_equal(quire_pool_check(pool), QUIRE_OK);
	quire_pool_destroy(pool);
}

static void blocks_are_aligned_and_apart(void **state)
{
	struct quire_pool *pool = make(64 * MIB, 0);
	unsigned char *blocks[12];
	uint64_t sum = 0;

	(void)state;
	for (unsigned order = 0; order < 12; order++) {
		size_t size = (size_t)QUIRE_POOL_PAGE << order;

		blocks[order] = quire_pool_alloc(pool, order);
		assert_non_null(blocks[order]);
		assert_int_equal((uintptr_t)blocks[order] & (size - 1) & (2 * MIB - 1), 0);
		assert_true(blocks[order] >= (unsigned char *)quire_pool_base(pool));
		assert_true(blocks[order] + size <= (unsigned char *)quire_pool_base(pool) + quire_pool_size(pool));
		for (size_t i = 0; i < size; i++)
			sum += blocks[order][i];
		memset(blocks[order], (int)order + 1, size);
	}
	assert_int_equal(sum, 0);
	for (unsigned order = 0; order < 12; order++) {
		for (size_t i = 0; i < (size_t)QUIRE_POOL_PAGE << order; i++)
			assert_int_equal(blocks[order][i], order + 1);
		assert_int_equal(quire_pool_free(pool, blocks[order], order), QUIRE_OK);
	}
	finish(pool);
}

static void all_of_it_can_be_had(void **state)
{
	struct quire_pool *pool = make(16 * MIB, 0);
	size_t count = 16 * MIB / QUIRE_POOL_PAGE, got;
	void **blocks = calloc(count + 1, sizeof(*blocks));
	struct quire_pool_stats stats;

	(void)state;
	got = quire_pool_alloc_bulk(pool, 0, blocks, count + 1);
	assert_int_equal(got, count);
	assert_null(quire_pool_alloc(pool, 0));
	assert_null(quire_pool_alloc(pool, 9));
	quire_pool_stats(pool, &stats);
	assert_int_equal(stats.free_bytes + stats.kept_bytes, 0);
	/* Each page once. */
	for (size_t i = 0; i < count; i++) {
		uint64_t *word = blocks[i];

		assert_int_equal(*word, 0);
		*word = i + 1;
	}
	assert_int_equal(quire_pool_free(pool, blocks[7], 0), QUIRE_OK);
	assert_ptr_equal(quire_pool_alloc(pool, 0), blocks[7]);
	assert_int_equal(quire_pool_free_bulk(pool, 0, blocks, count), QUIRE_OK);
	assert_non_null(blocks[0] = quire_pool_alloc(pool, 11));
	assert_int_equal(quire_pool_free(pool, blocks[0], 11), QUIRE_OK);
	assert_int_equal(errors, 0);
	finish(pool);
	free(blocks);
}

static void wrong_frees_are_refused(void **state)
{
	struct quire_pool *pool = make(32 * MIB, 0);
	char *page = quire_pool_alloc(pool, 0), *block = quire_pool_alloc(pool, 5);
	struct quire_pool_stats stats;

	(void)state;
	assert_int_equal(quire_pool_free(pool, &stats, 0), QUIRE_ENOENT);
	assert_int_equal(quire_pool_free(pool, (char *)quire_pool_base(pool) + quire_pool_size(pool), 0), QUIRE_ENOENT);
	assert_int_equal(quire_pool_free(pool, page + 1, 0), QUIRE_EINVAL);
	assert_int_equal(quire_pool_free(pool, page, 19), QUIRE_EINVAL);
	assert_int_equal(quire_pool_free(pool, page, UINT32_MAX), QUIRE_EINVAL);
	assert_int_equal(quire_pool_free(pool, block, 4), QUIRE_EINVAL);
	assert_int_equal(quire_pool_free(pool, block + QUIRE_POOL_PAGE, 5), QUIRE_EINVAL);
	assert_int_equal(quire_pool_free(pool, NULL, 3), QUIRE_OK);
	assert_int_equal(quire_pool_free(pool, block, 5), QUIRE_OK);
	assert_int_equal(quire_pool_free(pool, block, 5), QUIRE_EEXIST);
	assert_int_equal(quire_pool_free(pool, page, 0), QUIRE_OK);
	assert_int_equal(quire_pool_free(pool, page, 0), QUIRE_EEXIST);
	assert_int_equal(errors, 0);
	/* One whose frame has gone back to the tree meanwhile. */
	assert_int_equal(quire_pool_drain(pool), QUIRE_OK);
	assert_int_equal(quire_pool_free(pool, page, 0), QUIRE_EEXIST);
	assert_int_equal(quire_pool_drain(pool), QUIRE_OK);
	quire_pool_stats(pool, &stats);
	assert_int_equal(stats.bad_frees, 0);
	assert_int_equal(errors, 0);
	finish(pool);
}

/* Given back once more: what is no longer at hand is found out when the thread's buffer is emptied, and counted. */
static void free_again(struct quire_pool *pool, unsigned order, void *const *blocks, uint64_t n)
{
	struct quire_pool_stats before, after;
	uint64_t refused = 0;

	quire_pool_stats(pool, &before);
	for (uint64_t i = 0; i < n; i++)
		refused += quire_pool_free(pool, blocks[i], order) == QUIRE_EEXIST;
	quire_pool_drain(pool);
	quire_pool_stats(pool, &after);
	assert_int_equal(refused + after.bad_frees - before.bad_frees, n);
}

/* Some that are nothing, wrong, free already or twice in one call: the others go, and the first refusal is what is told. */
static void wrong_ones_among_many(void **state)
{
	struct quire_pool *pool = make(64 * MIB, 0);
	void *blocks[300], *mixed[300];
	struct quire_pool_stats stats;

	(void)state;
	assert_int_equal(quire_pool_alloc_bulk(pool, 19, blocks, 300), 0);
	assert_int_equal(quire_pool_alloc_bulk(pool, 0, blocks, 0), 0);
	assert_int_equal(quire_pool_free_bulk(pool, 0, blocks, 0), QUIRE_OK);
	for (unsigned order = 0; order < 10; order += 3) {
		size_t got = quire_pool_alloc_bulk(pool, order, blocks, 300);
		size_t want = 16384u >> order < 300 ? 16384u >> order : 300;

		assert_int_equal(got, want);
		memcpy(mixed, blocks, sizeof(mixed));
		mixed[3] = NULL;
		mixed[5] = blocks[4];
		mixed[7] = (char *)blocks[7] + 8;
		mixed[9] = &stats;
		mixed[got - 1] = mixed[got - 2];
		assert_int_equal(quire_pool_free_bulk(pool, order, mixed, got), QUIRE_EEXIST);
		mixed[0] = blocks[3];
		mixed[1] = blocks[7];
		mixed[2] = blocks[5];
		mixed[3] = blocks[9];
		mixed[4] = blocks[got - 1];
		assert_int_equal(quire_pool_free_bulk(pool, order, mixed, 5), QUIRE_OK);
		free_again(pool, order, mixed, 5);
		quire_pool_stats(pool, &stats);
		assert_int_equal(stats.free_bytes, stats.bytes);
	}
	mixed[0] = &stats;
	mixed[1] = (char *)quire_pool_base(pool) + 1;
	assert_int_equal(quire_pool_free_bulk(pool, 0, mixed, 2), QUIRE_ENOENT);
	assert_int_equal(quire_pool_free_bulk(pool, 0, mixed + 1, 1), QUIRE_EINVAL);
	finish(pool);
}

static void options_that_make_no_sense(void **state)
{
	static const struct {
		struct quire_pool_options options;
		enum quire_status status;
	} cases[] = {
		{ { .size = 0 }, QUIRE_EINVAL },
		{ { .size = UINT64_MAX }, QUIRE_EINVAL },
		{ { .size = 1ull << 52 }, QUIRE_ENOMEM },
		{ { .size = MIB, .max_threads = 1u << 30 }, QUIRE_EINVAL },
		{ { .size = MIB, .path = "/nowhere/at/all" }, QUIRE_EPLATFORM },
		{ { .size = MIB, .bind = true, .node = 1023 }, QUIRE_EPLATFORM },
		{ { .size = MIB, .bind = true, .node = 1024 }, QUIRE_EINVAL },
		{ { .size = 1ull << 36, .pages = QUIRE_POOL_HUGETLB }, QUIRE_EUNSUPPORTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct quire_pool_options options = cases[i].options;
		struct quire_pool *pool = (void *)&errors;

		options.log = note_error;
		errors = 0;
		assert_int_equal(quire_pool_create(&options, &pool), cases[i].status);
		assert_ptr_equal(pool, &errors);
		assert_int_equal(errors, 1);
		assert_true(strlen(last_error) > 10);
	}
	quire_pool_destroy(NULL);
}

static void a_file_holds_what_was_written(void **state)
{
	char path[] = "/tmp/quire-pool-XXXXXX";
	int file = mkstemp(path);
	struct quire_pool_options options = { .size = 3 * MIB, .path = path };
	struct quire_pool *pool;
	struct stat st;
	char *page, back[6];
	off_t at;

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(quire_pool_create(&options, &pool), QUIRE_OK);
	assert_int_equal(quire_pool_size(pool), 4 * MIB);
	page = quire_pool_alloc(pool, 0);
	strcpy(page, "quire");
	at = page - (char *)quire_pool_base(pool);
	assert_int_equal(quire_pool_free(pool, page, 0), QUIRE_OK);
	finish(pool);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_size, 4 * MIB);
	assert_int_equal(pread(file, back, sizeof(back), at), sizeof(back));
	assert_string_equal(back, "quire");
	/* Once more, as long as it is. */
	options.size = 0;
	assert_int_equal(quire_pool_create(&options, &pool), QUIRE_OK);
	assert_int_equal(quire_pool_size(pool), 4 * MIB);
	assert_string_equal((char *)quire_pool_base(pool) + at, "quire");
	finish(pool);
	close(file);
	unlink(path);
}

/* --- threads --------------------------------------------------------------------------------------------------------- */

struct worker {
	struct quire_pool *pool;
	unsigned seed, rounds;
	pthread_t thread;
};

/* Each block is marked by its holder while it is held; a block given to two would be noticed. */
static void *work(void *argument)
{
	struct worker *w = argument;
	uint64_t *held[64] = { 0 };
	unsigned orders[64], random = w->seed * 2654435761u + 1;

	for (unsigned i = 0; i < w->rounds; i++) {
		unsigned at = (random >> 8) % 64, order = (random >> 16) % 16;

		random = random * 1664525u + 1013904223u;
		if (held[at]) {
			assert_int_equal(*held[at], (uintptr_t)&held[at]);
			assert_int_equal(quire_pool_free(w->pool, held[at], orders[at]), QUIRE_OK);
			held[at] = NULL;
			continue;
		}
		orders[at] = order < 8 ? 0 : order < 14 ? order - 8 : 9;
		held[at] = quire_pool_alloc(w->pool, orders[at]);
		if (held[at])
			*held[at] = (uintptr_t)&held[at];
	}
	for (unsigned at = 0; at < 64; at++)
		quire_pool_free(w->pool, held[at], orders[at]);
	return NULL;
}

/* Meanwhile somebody looks at the figures and checks the books. */
static void run_workers(struct quire_pool *pool, unsigned count, unsigned rounds)
{
	struct quire_pool_stats stats;
	struct worker workers[16];

	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){ .pool = pool, .seed = i, .rounds = rounds };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		quire_pool_stats(pool, &stats);
		assert_true(stats.free_bytes + stats.kept_bytes <= stats.bytes);
		assert_int_equal(quire_pool_check(pool), QUIRE_OK);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
}

static void threads_share_a_pool(void **state)
{
	struct quire_pool *pool = make(48 * MIB, 8);
	struct quire_pool_stats stats;

	(void)state;
	run_workers(pool, 4, 40000);
	/* They are gone, and took nothing with them. */
	quire_pool_stats(pool, &stats);
	assert_int_equal(stats.threads, 0);
	assert_int_equal(stats.kept_bytes, 0);
	assert_int_equal(stats.free_bytes, stats.bytes);
	assert_int_equal(errors, 0);
	finish(pool);
}

static void threads_beyond_the_most_are_served(void **state)
{
	struct quire_pool *pool = make(48 * MIB, 2);
	struct quire_pool_stats stats;

	(void)state;
	assert_int_equal(quire_pool_free(pool, quire_pool_alloc(pool, 0), 0), QUIRE_OK);
	run_workers(pool, 6, 10000);
	quire_pool_stats(pool, &stats);
	assert_int_equal(stats.max_threads, 2);
	assert_int_equal(stats.threads, 1);
	assert_int_equal(errors, 0);
	finish(pool);
}

/* Little memory, so that threads empty each other's fronts all the time. */
static void threads_drain_each_other(void **state)
{
	struct quire_pool *pool = make(4 * MIB, 4);

	(void)state;
	run_workers(pool, 4, 10000);
	assert_int_equal(errors, 0);
	finish(pool);
}

static void *take_page(void *pool) { return quire_pool_alloc(pool, 0); }
static void *take_and_keep(void *pool)
{
	assert_int_equal(quire_pool_free(pool, quire_pool_alloc(pool, 0), 0), QUIRE_OK);
	return NULL;
}

static void blocks_outlive_their_thread(void **state)
{
	struct quire_pool *pool = make(4 * MIB, 1), *other = make(4 * MIB, 1);
	pthread_t thread;
	void *page;

	(void)state;
	/* One place, many threads one after the other: each exit frees it. Two pools at the same time. */
	for (unsigned i = 0; i < 20; i++) {
		struct quire_pool_stats stats;

		assert_int_equal(pthread_create(&thread, NULL, take_page, i & 1 ? other : pool), 0);
		pthread_join(thread, &page);
		assert_non_null(page);
		assert_int_equal(quire_pool_free(i & 1 ? pool : other, page, 0), QUIRE_ENOENT);
		assert_int_equal(quire_pool_free(i & 1 ? other : pool, page, 0), QUIRE_OK);
		if (i)
			continue;
		/* The main thread has the place in `pool` now. */
		quire_pool_stats(pool, &stats);
		assert_int_equal(stats.threads, 1);
		assert_int_equal(pthread_create(&thread, NULL, take_and_keep, pool), 0);
		pthread_join(thread, NULL);
	}
	finish(pool);
	finish(other);
}

/* --- ends ------------------------------------------------------------------------------------------------------------ */

struct survivor {
	pthread_barrier_t *met;
	struct quire_pool *pools[2];
};

static void *survive(void *argument)
{
	struct survivor *s = argument;

	assert_non_null(quire_pool_alloc(s->pools[0], 0));
	pthread_barrier_wait(s->met);
	/* Here the first pool is destroyed and a second one made. */
	pthread_barrier_wait(s->met);
	assert_int_equal(quire_pool_free(s->pools[1], quire_pool_alloc(s->pools[1], 3), 3), QUIRE_OK);
	return NULL;
}

/* Blocks die with their pool; a thread that has used it lives on, uses another, and exits in peace. */
static void a_pool_goes_with_what_is_out(void **state)
{
	struct quire_pool_stats stats;
	pthread_barrier_t met;
	struct survivor s = { .met = &met };
	pthread_t thread;
	void *blocks[40];

	(void)state;
	pthread_barrier_init(&met, NULL, 2);
	s.pools[0] = make(32 * MIB, 4);
	for (unsigned order = 0; order < 11; order++)
		assert_int_equal(quire_pool_alloc_bulk(s.pools[0], order, blocks, 3), 3);
	assert_int_equal(pthread_create(&thread, NULL, survive, &s), 0);
	pthread_barrier_wait(&met);
	quire_pool_stats(s.pools[0], &stats);
	assert_int_equal(stats.threads, 2);
	assert_true(stats.free_bytes + stats.kept_bytes < stats.bytes);
	quire_pool_destroy(s.pools[0]);
	s.pools[1] = make(32 * MIB, 4);
	pthread_barrier_wait(&met);
	pthread_join(thread, NULL);
	quire_pool_stats(s.pools[1], &stats);
	assert_int_equal(stats.threads, 0);
	assert_int_equal(stats.free_bytes, stats.bytes);
	finish(s.pools[1]);
	pthread_barrier_destroy(&met);
}

/* A child has a copy of private memory and must leave the pool alone; what it does to its copy, and its end, are its own. */
static void a_child_changes_nothing(void **state)
{
	struct quire_pool *pool = make(16 * MIB, 2);
	char *page = quire_pool_alloc(pool, 0);
	struct quire_pool_stats before, after;
	pid_t child;
	int status;

	(void)state;
	strcpy(page, "parent");
	quire_pool_stats(pool, &before);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		bool right = strcmp(page, "parent") == 0;

		strcpy(page, "child");
		_exit(right ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(page, "parent");
	quire_pool_stats(pool, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(quire_pool_free(pool, page, 0), QUIRE_OK);
	finish(pool);
}

/* What the figures say, block by block: taken, kept by this thread, free in which sizes. */
static void figures_add_up(void **state)
{
	struct quire_pool *pool = make(16 * MIB, 3);
	struct quire_pool_stats stats;
	uint64_t held = 0;
	void *blocks[30];

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		blocks[i] = quire_pool_alloc(pool, i % 6);
		held += (uint64_t)QUIRE_POOL_PAGE << i % 6;
	}
	for (unsigned i = 0; i <= 30; i++) {
		uint64_t sum = 0;

		quire_pool_stats(pool, &stats);
		assert_int_equal(stats.bytes, 16 * MIB);
		assert_int_equal(stats.max_threads, 3);
		assert_int_equal(stats.threads, 1);
		assert_int_equal(stats.free_bytes + stats.kept_bytes + held, stats.bytes);
		for (unsigned order = 0; order <= QUIRE_POOL_MAX_ORDER; order++)
			sum += stats.free_blocks[order] << order;
		assert_int_equal(sum * QUIRE_POOL_PAGE, stats.free_bytes);
		assert_true(stats.metadata_bytes > 0 && stats.metadata_bytes < MIB);
		if (i == 30)
			break;
		assert_int_equal(quire_pool_free(pool, blocks[i], i % 6), QUIRE_OK);
		held -= (uint64_t)QUIRE_POOL_PAGE << i % 6;
	}
	finish(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_and_apart),
		cmocka_unit_test(all_of_it_can_be_had),
		cmocka_unit_test(wrong_frees_are_refused),
		cmocka_unit_test(wrong_ones_among_many),
		cmocka_unit_test(options_that_make_no_sense),
		cmocka_unit_test(a_file_holds_what_was_written),
		cmocka_unit_test(threads_share_a_pool),
		cmocka_unit_test(threads_beyond_the_most_are_served),
		cmocka_unit_test(threads_drain_each_other),
		cmocka_unit_test(blocks_outlive_their_thread),
		cmocka_unit_test(a_pool_goes_with_what_is_out),
		cmocka_unit_test(a_child_changes_nothing),
		cmocka_unit_test(figures_add_up),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
