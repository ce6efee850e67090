/*
 * Tests of a booted engine that run wherever it does: in a cmocka program over the hosted port, and in the kernels
 * under ports/metal/. Freestanding; they use the public calls and the platform's, and keep their books in the frames
 * they take.
 *
 * Accounting is exact: after a test as many frames are free as before. Before the first one portable_warm_up() takes
 * all memory frame by frame, so that descriptors and tree nodes that come into being on demand are there.
 */
#ifndef QUIRE_PORTABLE_H
#define QUIRE_PORTABLE_H

#include <quire/mobility.h>
#include <quire/quire.h>

struct portable {
	struct quire *q;
	/* One line about what went wrong, without newline. */
	void (*say)(void *ctx, const char *text);
	void *ctx;
};

struct portable_test {
	const char *name;
	bool (*run)(struct portable *p);	/* false: failed, and said why */
	bool provokes;				/* makes the engine complain: what it logs is no finding */
};
extern const struct portable_test portable_tests[];
extern const size_t portable_test_count;

/* Take everything there is in single frames and give it back, until that costs nothing any more. */
bool portable_warm_up(struct portable *p);

/* Frames free in all zones, after all CPUs' have been drained. */
uint64_t portable_free_frames(const struct portable *p);

/* Say what failed, printf-like; returns false. */
bool portable_fail(struct portable *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- the storm: random requests from all CPUs ------------------------------------------------------------------------- */

#define PORTABLE_STORM_WORKERS 16u
#define PORTABLE_STORM_SLOTS 512u
#define PORTABLE_STORM_MAIL 64u

struct portable_storm_worker {
	uint64_t random;
	uint64_t held;			/* frames */
	uint64_t requests, failures;	/* failures are for want of memory */
	uint64_t moved;			/* blocks the engine moved */
	const char *broken;		/* what was found wrong; NULL: nothing */
	quire_pfn_t broken_pfn;
	uint32_t lock;			/* slots: the engine moves blocks while the worker works. Not held in the engine */
	struct portable_storm_slot {
		quire_pfn_t pfn;
		uint8_t order;
		bool used, movable;
	} slots[PORTABLE_STORM_SLOTS];
};

struct portable_storm {
	struct portable *p;
	unsigned workers;		/* at most PORTABLE_STORM_WORKERS, and the engine's CPUs */
	unsigned operations;		/* of each worker in a round */
	bool pinned;			/* nothing is taken as movable */
	struct quire_owner owner;	/* of what was taken as movable */
	uint64_t baseline;		/* frames free when nothing is held */
	uint64_t own;			/* what the engine had of them then for the nodes of its trees */
	/* Single frames on their way to be freed by another CPU: pfn + 1, or 0. */
	uint32_t mail_lock;
	uint64_t mail[PORTABLE_STORM_MAIL];
	struct portable_storm_worker worker[PORTABLE_STORM_WORKERS];
};

/*
 * Zeroed but for p, workers and operations; `seed` decides everything a worker does on its own. The storm is an owner then:
 * what it took as movable can be moved, and each move is checked. False: it cannot be registered.
 */
bool portable_storm_begin(struct portable_storm *storm, uint64_t seed);
/* All workers at once; then, with everybody still: the checker, and every frame is free or held. */
bool portable_storm_round(struct portable_storm *storm);
/* One worker's part of a round, for callers who run workers themselves. Stops early when something is broken. */
void portable_storm_work(struct portable_storm *storm, unsigned worker);
/* Give everything back and begin to count anew, after something that costs the engine memory for good. */
bool portable_storm_settle(struct portable_storm *storm);
/* Give everything back; as many frames are free as in the beginning. */
bool portable_storm_end(struct portable_storm *storm);

#endif
