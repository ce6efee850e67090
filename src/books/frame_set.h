/*
 * A sorted set of frames, each with a byte of what is known about it: failing frames, the pieces of a balloon.
 *
 * Keys lie in chunks of less than a page, found through an array of chunks, so a lookup is two binary searches and an
 * insertion moves half a page at most. Memory is had before the lock is taken, because having it may mean reclaim, and
 * reclaim may come back to a balloon. Chunks that become empty are kept for later.
 *
 * Locking: the caller's lock around everything.
 */
#ifndef QI_BOOKS_FRAME_SET_H
#define QI_BOOKS_FRAME_SET_H

#include <quire/quire.h>

#include "base/lock.h"

/* A key: frame number and a byte. Frame numbers have at most 52 bits (4 KiB pages, 64-bit addresses). */
#define QI_FRAME_INFO_BITS 8u
static inline uint64_t qi_frame_key(quire_pfn_t pfn, unsigned info) { return pfn << QI_FRAME_INFO_BITS | info; }
static inline quire_pfn_t qi_frame_of(uint64_t key) { return key >> QI_FRAME_INFO_BITS; }
static inline unsigned qi_frame_info(uint64_t key) { return (unsigned)(key & ((1u << QI_FRAME_INFO_BITS) - 1)); }

/* With the header of metadata chunks a page: chunks come one a page. */
#define QI_FRAME_CHUNK_KEYS 496u
/* Chunks kept for insertions that cannot wait for memory. */
#define QI_FRAME_SPARES 4u

struct qi_frame_chunk {
	struct qi_frame_chunk *next;		/* of the spare ones */
	uint32_t count;
	uint64_t keys[QI_FRAME_CHUNK_KEYS];
};

struct qi_frame_set {
	struct qi_frame_chunk **chunks;		/* in rising order, none empty */
	uint32_t chunk_count, room;
	struct qi_frame_chunk *spare;
	uint32_t spares;
	uint32_t promised;			/* insertions that must not fail later: so many spare chunks are theirs */
	uint64_t count;
};

/* An empty set; NULL: no memory. Takes no lock. It lives until the machine ends. */
struct qi_frame_set *qi_frame_set_new(struct quire *q);

/*
 * Take the lock, interrupts away (*state is for qi_unlock_irqrestore), when there is room for at least one insertion (and as
 * many spare chunks as shall be kept). False: no memory, and the lock is not held.
 */
bool qi_frame_set_lock(struct quire *q, struct qi_frame_set *set, struct qi_lock *lock, unsigned long *state);
/* May a key be inserted without asking for memory, now or (set->promised raised meanwhile) later? */
static inline bool qi_frame_set_ready(const struct qi_frame_set *set)
{
	return set->spares > set->promised && set->chunk_count + set->promised < set->room;
}

/* Insert a key whose frame is not in the set, which is ready. */
void qi_frame_set_insert(struct qi_frame_set *set, uint64_t key);
/* Take the frame out; false: it is not in it. */
bool qi_frame_set_erase(struct qi_frame_set *set, quire_pfn_t pfn);
/* The frame's byte becomes that of key. */
void qi_frame_set_change(struct qi_frame_set *set, uint64_t key);

/* The first key of a frame >= pfn; the last of a frame <= pfn. False: there is none. */
bool qi_frame_set_next(const struct qi_frame_set *set, quire_pfn_t pfn, uint64_t *key);
bool qi_frame_set_last(const struct qi_frame_set *set, quire_pfn_t pfn, uint64_t *key);

/* Sorted, counted, no chunk empty. For tests and the checker. */
bool qi_check_frame_set(const struct qi_frame_set *set);

#endif
