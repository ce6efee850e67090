/*
 * The ledger under test and the naive model of it, side by side, and what the model says about tables that grow: whether
 * one does, and where the new one goes.
 */
#ifndef TEST_MEMBLOCK_WORLD_H
#define TEST_MEMBLOCK_WORLD_H

#include "model.h"

struct world {
	struct quire_memblock mb;
	struct model model;
	struct quire_platform platform;
	uint64_t random;
	unsigned fail_one_in;		/* platform calls that fail; 0: none */
	unsigned failures;
	unsigned episode, step;
	size_t meta_live;
	char tables[2 * SPACE];		/* where phys_to_virt maps the space */
};
extern struct world world;

static inline uint64_t below(uint64_t bound) { return random_below(&world.random, bound); }

struct prediction {
	bool certain;		/* false: the model cannot tell (random failures, two tables at once) */
	bool grows;
	quire_phys_t base;	/* of the new table; 0: from the platform */
	quire_phys_t bytes;
	bool room;
};

/* Where memory ends for allocations. */
quire_phys_t limit_of(void);
/* What adding up to `wanted` entries, `needed` of them for sure, does to a table; [start, end) is to be kept free. */
struct prediction predict_room(const struct quire_memblock_type *type, size_t wanted, size_t needed, bool avoid,
			       quire_phys_t start, quire_phys_t end);

/* What the ledger's tables themselves occupy, taken before an operation, to follow where they go. */
struct tables {
	quire_phys_t base[2], end[2];
	size_t max[2];
};
struct tables tables_now(void);
/* Tell the model of tables that moved: the old place is free, the new one reserved. It must have been free. */
void follow_tables(const struct tables *before);
/* The ledger did as predicted. */
void hold_to(const struct prediction *p, const struct quire_memblock_type *type, const struct tables *before,
	     enum quire_status status);

#endif
