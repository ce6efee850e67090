/*
 * Inside the room of failing memory, and what others ask of it.
 *
 * A failing frame is a key of the set (its byte: state, order of its block while that is in use, whose word it is). A
 * frame that is out is absent from its zone's tree, as if it had never been handed over; that costs the roads of
 * allocating and freeing nothing. A block in use keeps its failing frame in the books only: the frame and the block's
 * first one become absent, the rest of the block is cut into pieces that stay allocated. So when the holder frees his
 * block the ordinary road refuses, wherever it looks, and the refusal asks here: qi_poison_freed().
 *
 * Locks: zone, then the set's. Fronts are disabled while a block in use is cut, because they hand out again without
 * asking what they were told before.
 */
#ifndef QI_POISON_H
#define QI_POISON_H

#include <quire/poison.h>
#include <quire/quire.h>

#include "books/frame_set.h"
#include "zone/zone.h"

/* --- what others ask -------------------------------------------------------------------------------------------------- */

enum qi_poison_state { QI_POISON_OUT, QI_POISON_PENDING, QI_POISON_FOREIGN };

#ifdef QUIRE_WITHOUT_POISON

static inline bool qi_poison_key(struct quire *q, quire_pfn_t pfn, uint64_t *key)
{
	(void)q;
	(void)pfn;
	*key = 0;
	return false;
}

static inline bool qi_poison_known(struct quire *q, quire_pfn_t pfn)
{
	(void)q;
	(void)pfn;
	return false;
}

static inline void qi_poison_count(struct quire *q, quire_pfn_t pfn, uint64_t count, struct quire_poison_counts *counts)
{
	(void)q;
	(void)pfn;
	(void)count;
	*counts = (struct quire_poison_counts){ .out = 0 };
}

static inline quire_pfn_t qi_poison_first(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	(void)q;
	(void)pfn;
	return end;
}

static inline quire_pfn_t qi_poison_first_pending(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	return qi_poison_first(q, pfn, end);
}

static inline void qi_poison_online(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	(void)q;
	(void)pfn;
	(void)count;
}

static inline void qi_poison_set_state(struct quire *q, quire_pfn_t pfn, enum qi_poison_state state, unsigned order)
{
	(void)state;
	qi_poison_online(q, pfn, order);
}

static inline void qi_poison_offline(struct quire *q, quire_pfn_t pfn, uint64_t count) { qi_poison_online(q, pfn, count); }

static inline enum quire_status qi_poison_freed(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	qi_poison_online(q, pfn, order);
	return QUIRE_ENOENT;
}

static inline enum quire_status qi_check_poison(const struct quire *q)
{
	(void)q;
	return QUIRE_OK;
}

#else

/* A frame's state, and while pending the order of its block. */
void qi_poison_set_state(struct quire *q, quire_pfn_t pfn, enum qi_poison_state state, unsigned order);

/* The key of a frame (see below). False: it is not known to fail. */
bool qi_poison_key(struct quire *q, quire_pfn_t pfn, uint64_t *key);

/* The embedder's questions, asked by rooms of the engine. */
static inline bool qi_poison_known(struct quire *q, quire_pfn_t pfn) { return quire_frame_poisoned(q, pfn); }
static inline void qi_poison_count(struct quire *q, quire_pfn_t pfn, uint64_t count, struct quire_poison_counts *counts)
{
	quire_poison_count(q, pfn, count, counts);
}

/* Any failing frame in the range, of whatever state? */
bool qi_poison_any(struct quire *q, quire_pfn_t pfn, uint64_t count);
/* The first failing frame in [pfn, end); `end` if there is none. */
quire_pfn_t qi_poison_first(struct quire *q, quire_pfn_t pfn, quire_pfn_t end);

/*
 * The range has been handed over without its failing frames (qi_poison_first() tells the runs between them): foreign ones
 * are out now. Frames that are out are those qi_zone.failing counts, with the first ones of blocks that were cut.
 */
void qi_poison_online(struct quire *q, quire_pfn_t pfn, uint64_t count);

/*
 * The free of a block was refused. QUIRE_OK: it had a failing frame; the rest of it is free now. QUIRE_EINVAL: it has one,
 * but is a block of another order or begins elsewhere. QUIRE_ENOENT: none of this room's business.
 */
enum quire_status qi_poison_freed_block(struct quire *q, quire_pfn_t pfn, unsigned order);
static inline enum quire_status qi_poison_freed(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return qi_peek(&q->poison.pending) ? qi_poison_freed_block(q, pfn, order) : QUIRE_ENOENT;
}

/* The same for a front's frees that the tree refuses late (qi_zone.refused). Zone locked. */
bool qi_poison_refused(struct qi_zone *za, quire_pfn_t pfn, unsigned order);

/* The set is sound, and no frame of it that is out is the allocator's. QUIRE_ECORRUPT with a logged sentence. */
enum quire_status qi_check_poison(const struct quire *q);

#endif

/* --- set.c ------------------------------------------------------------------------------------------------------------ */


/* The byte of a key. */
#define QI_POISON_ORDER		0x1fu
#define QI_POISON_STATE_SHIFT	5u
#define QI_POISON_TESTED	0x80u
static inline unsigned qi_poison_info(enum qi_poison_state state, unsigned order, unsigned tested)
{
	return tested | (unsigned)state << QI_POISON_STATE_SHIFT | order;
}
static inline enum qi_poison_state qi_poison_state(uint64_t key)
{
	return (enum qi_poison_state)(qi_frame_info(key) >> QI_POISON_STATE_SHIFT & 3);
}
static inline unsigned qi_poison_order(uint64_t key) { return qi_frame_info(key) & QI_POISON_ORDER; }
/* First frame of the block that a pending frame is in. */
static inline quire_pfn_t qi_poison_head(uint64_t key)
{
	return qi_frame_of(key) & ~((1ull << qi_poison_order(key)) - 1);
}

/* Enter a frame, as foreign: nobody else works on it from now on. QUIRE_EEXIST, QUIRE_ENOMEM. */
enum quire_status qi_poison_claim(struct quire *q, quire_pfn_t pfn, unsigned flags);
/* It is not known to fail after all. */
void qi_poison_forget(struct quire *q, quire_pfn_t pfn);
/* A pending frame of the allocated block around pfn, whatever its order. For good only with the zone locked. */
bool qi_poison_pending_block(struct quire *q, quire_pfn_t pfn, uint64_t *key);
/* The first pending frame of [pfn, end); `end`: none. For good only with its zone locked. */
quire_pfn_t qi_poison_first_pending(struct quire *q, quire_pfn_t pfn, quire_pfn_t end);
/* All pending frames of the block are out. Zone locked. */
void qi_poison_settle(struct quire *q, quire_pfn_t head, unsigned order);

/* --- release.c -------------------------------------------------------------------------------------------------------- */

/* The zone a frame is in, also if it is absent from the zone's tree. NULL: none. */
struct qi_zone *qi_poison_zone(const struct quire *q, quire_pfn_t pfn);

/* --- excise.c: frames leave a tree. Zone locked. ---------------------------------------------------------------------- */

/* The single allocated frame is no longer the allocator's. */
void qi_poison_withdraw(struct qi_zone *za, quire_pfn_t pfn);
/* A withdrawn frame is free again. QUIRE_ENOMEM. */
enum quire_status qi_poison_return(struct qi_zone *za, quire_pfn_t pfn);
/*
 * Cut the allocated block, so that `bad` and the block's first frame are withdrawn and the rest stays allocated.
 * QUIRE_ENOMEM: no nodes for it; nothing has changed.
 */
enum quire_status qi_poison_cut(struct qi_zone *za, quire_pfn_t head, unsigned order, quire_pfn_t bad);
/* Free what is left of a block that was cut; but failing frames. */
void qi_poison_free_rest(struct quire *q, struct qi_zone *za, quire_pfn_t head, unsigned order);

/* Write POISON into the frame's descriptor, or clear it, if there is one. */
void qi_poison_mark(struct quire *q, quire_pfn_t pfn, bool poisoned);

#endif
