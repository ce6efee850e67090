/*
 * A pool: page frames for a program, from a mapping of its own.
 *
 *	struct quire_pool *pool;
 *	quire_pool_create(&(struct quire_pool_options){ .size = 1ull << 30 }, &pool);
 *	void *block = quire_pool_alloc(pool, 9);		(2^9 pages of 4 KiB: 2 MiB)
 *	quire_pool_free(pool, block, 9);
 *	quire_pool_destroy(pool);
 *
 * The engine's free tree with its per-CPU fronts, where a CPU is a thread: a thread is registered by its first call and
 * what it keeps goes back when it exits. No page of the pool holds anything of the allocator's, so memory that was
 * never handed out is never touched, and a block written beyond its end corrupts no list.
 *
 * All functions but create and destroy may be called from any number of threads at the same time; a block may be freed by
 * another thread than the one that took it. None may be called from a signal handler. Blocks are aligned to their size up
 * to 2 MiB, in pools of 1 GiB and more up to 1 GiB. Fresh memory is zero; freed memory comes back as it was left.
 *
 * A free of what is free already, of another size than was taken, or of a pointer that is no block is refused and leaves
 * the pool as it was: at once, or, where the block rests in a thread's front, when it leaves that (then it is logged
 * and counted).
 */
#ifndef QUIRE_POOL_H
#define QUIRE_POOL_H

#include <quire/platform.h>

struct quire_pool;

#define QUIRE_POOL_PAGE 4096u		/* bytes of order 0, on every host */
#define QUIRE_POOL_MAX_ORDER 18u	/* 1 GiB: largest block */

/* What the memory is made of. */
enum quire_pool_pages {
	QUIRE_POOL_SMALL,		/* the host's base pages, huge ones never */
	QUIRE_POOL_TRANSPARENT,		/* transparent huge pages where the host has them */
	QUIRE_POOL_HUGETLB,		/* from the host's reserve of huge pages; fails if that is too small */
};

/* Zeroed but for `size`: private memory, anywhere, as many threads as the host has CPUs, fourfold. */
struct quire_pool_options {
	uint64_t size;			/* bytes, rounded up to 2 MiB; 0 with `path`: the length of that file */
	bool bind;			/* memory from node `node` only */
	unsigned node;
	enum quire_pool_pages pages;	/* without `path` */
	/*
	 * A file to map, shared: an ordinary one, or one on a hugetlbfs (size is then rounded up to its pages). Made if it
	 * is not there, made longer if it is too short; never shortened or removed. What is allocated is not kept in it.
	 */
	const char *path;
	unsigned max_threads;		/* with fronts of their own; further ones are served more slowly */
	/* Where sentences about refused frees and failures go; NULL: nowhere. May be called from any thread. */
	void (*log)(void *ctx, enum quire_log_level level, const char *text, size_t length);
	void *log_ctx;
};

/*
 * Make a pool. QUIRE_EINVAL: no size, or numbers that make no sense; QUIRE_ENOMEM: the host gives no memory or no address
 * space; QUIRE_EPLATFORM: file, or binding to the node; QUIRE_EUNSUPPORTED: no huge pages of that kind. On failure a
 * sentence was logged and *pool is untouched.
 */
enum quire_status quire_pool_create(const struct quire_pool_options *options, struct quire_pool **pool);

/*
 * Unmap it; blocks die with it. No thread may be in a call, and none that used the pool may exit meanwhile. Threads that
 * go on living are fine. NULL is fine.
 */
void quire_pool_destroy(struct quire_pool *pool);

/* A block of 2^order pages. NULL: the order is too large, or there is no such block, in other threads' fronts either. */
void *quire_pool_alloc(struct quire_pool *pool, unsigned order);

/*
 * Give a block back, with the order it was taken with. QUIRE_EEXIST: it is free already; QUIRE_EINVAL: not the beginning of
 * a block of this order; QUIRE_ENOENT: not of this pool. NULL is fine.
 */
enum quire_status quire_pool_free(struct quire_pool *pool, void *block, unsigned order);

/* Up to `count` blocks into blocks[]; how many there were. */
size_t quire_pool_alloc_bulk(struct quire_pool *pool, unsigned order, void **blocks, size_t count);
/* Give back blocks[0 .. count - 1]. One that is refused does not stop the others; the first refusal's status. */
enum quire_status quire_pool_free_bulk(struct quire_pool *pool, unsigned order, void *const *blocks, size_t count);

/* Take back what all threads keep. QUIRE_EUNSUPPORTED: the host has no membarrier(2); only the caller's came. */
enum quire_status quire_pool_drain(struct quire_pool *pool);

struct quire_pool_stats {
	uint64_t bytes;			/* of the pool */
	uint64_t free_bytes;		/* in the pool, kept ones not included */
	uint64_t kept_bytes;		/* in threads' fronts, in nobody's hands; 0 without membarrier(2) */
	uint64_t metadata_bytes;	/* of the host's memory that the books take */
	uint64_t bad_frees;		/* refused ones that were found late */
	unsigned threads, max_threads;	/* registered now; most there can be */
	uint64_t free_blocks[QUIRE_POOL_MAX_ORDER + 1];	/* maximal ones, by order */
};
/* Takes microseconds, during which threads work without their fronts: not for inner loops. */
void quire_pool_stats(struct quire_pool *pool, struct quire_pool_stats *stats);

/* The checker of the books, for tests; takes time that grows with what is in use. QUIRE_ECORRUPT with a logged sentence. */
enum quire_status quire_pool_check(struct quire_pool *pool);

/* Where it lies: [base, base + size). */
void *quire_pool_base(const struct quire_pool *pool);
uint64_t quire_pool_size(const struct quire_pool *pool);

#endif
