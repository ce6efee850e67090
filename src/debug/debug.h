/*
 * Inside the debug features. The page allocator's public calls test one pointer, quire.page_alloc.debug; where it is not
 * NULL they go through here. Nothing else of the allocator knows that there are such features.
 *
 * What is known of a frame is in notes: a byte of flags and, with page_owner, a record. Notes come in chunks of 1024
 * frames: when one of them is first handed out, or, where metadata would come from frames, before hand-over for all
 * memory there is. Frames without notes are not watched. A note belongs to who holds the frame, so it is written
 * without a lock.
 */
#ifndef QI_DEBUG_H
#define QI_DEBUG_H

#include <quire/debug.h>

#include "page_alloc/page_alloc.h"

/* Flags of a frame. */
#define QI_NOTE_POISONED	0x1u	/* filled when it was given back */
#define QI_NOTE_GUARD		0x2u	/* next to a small block, unused */
#define QI_NOTE_USED		0x4u	/* handed out; kept right where there are guards only */
#define QI_NOTE_UNMAPPED	0x8u	/* out of the direct map */

/* page_owner's record. Only the first frame's of a block means something. */
struct qi_owner_note {
	struct quire_frame_event taken, freed;
	uint32_t gfp;
	uint8_t order;
	uint8_t held;
};

#define QI_NOTES_SHIFT 10u
#define QI_NOTES (1u << QI_NOTES_SHIFT)
struct qi_notes {
	uint8_t flags[QI_NOTES];
	struct qi_owner_note owner[];	/* QI_NOTES of them with page_owner, else none */
};

struct qi_debug {
	struct quire_debug_options options;	/* as they take effect; only the faults ever change, locked */
	bool faulty;				/* requests may be made to fail; read without the lock */
	bool watch;				/* notes are kept; fronts are off */
	struct qi_lock lock;			/* new chunks, guards, faults, counts */
	size_t chunk_count;
	struct qi_notes **chunks;		/* by frame number >> QI_NOTES_SHIFT */
	uint64_t random;			/* of the faults */
	uint64_t candidates;			/* requests of which every interval-th may fail */
	struct quire_debug_counts counts;
};

/* --- debug.c: the roads --- */

/* Of features that keep no notes, while the machine runs: the roads from now on. NULL: no memory. */
struct qi_debug *qi_debug_open_late(struct quire *q);

/* --- notes.c --- */

enum quire_status qi_notes_open(struct quire *q, struct qi_debug *d);
/* The notes that have this frame's; NULL: it is not watched. find: only if they are there. make: no lock is held. */
struct qi_notes *qi_notes_find(const struct qi_debug *d, quire_pfn_t pfn);
struct qi_notes *qi_notes_make(struct quire *q, quire_pfn_t pfn);

static inline unsigned qi_note_index(quire_pfn_t pfn) { return (unsigned)(pfn & (QI_NOTES - 1)); }

static inline unsigned qi_note_flags(const struct qi_debug *d, quire_pfn_t pfn)
{
	const struct qi_notes *notes = qi_notes_find(d, pfn);

	return notes ? __atomic_load_n(&notes->flags[qi_note_index(pfn)], __ATOMIC_RELAXED) : 0;
}

/* --- contents.c: what is in frames, and whether they are mapped --- */

/* A block is free from now on: filled, zeroed, out of the map, as the options want it. */
void qi_contents_freed(struct quire *q, quire_pfn_t pfn, unsigned order);
/* It is somebody's: back into the map, looked at. */
void qi_contents_taken(struct quire *q, quire_pfn_t pfn, unsigned order);

/* Frames that stay free: does the poison still hold? */
void qi_contents_check(struct quire *q, quire_pfn_t pfn, uint64_t count);

/* --- guard.c --- */

/* An allocated block of `around` has a block of `order` at its beginning; the rest becomes guards. QUIRE_ENOMEM. */
enum quire_status qi_guard_set(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned around);
/* The block at pfn was given back. If it was the last in its neighbourhood, guards go too. */
void qi_guard_release(struct quire *q, struct qi_zone *za, unsigned cpu, quire_pfn_t pfn);

/* --- faults.c --- */

bool qi_fault_due(struct quire *q, unsigned order, quire_gfp_t gfp);

/* --- owner.c --- */

void qi_owner_taken(struct quire *q, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, const void *site);
void qi_owner_freed(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned cpu, const void *site);

#endif
