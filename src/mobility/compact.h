/* Inside compaction: what its parts know of each other. */
#ifndef QI_MOBILITY_COMPACT_H
#define QI_MOBILITY_COMPACT_H

#include "mobility/mobility.h"
#include "page_alloc/page_alloc.h"

/* How hard to try, with the field's meanings and order: the highest is 0. */
enum qi_compact_priority {
	QI_COMPACT_FULL,		/* the whole zone, whatever is known to be in vain */
	QI_COMPACT_SYNC,
	QI_COMPACT_ASYNC,
};

/* A run over one zone. */
struct qi_compaction {
	struct qi_zone *za;
	unsigned order;			/* blocks that are wanted */
	enum qi_compact_priority priority;
	enum quire_migrate_mode mode;
	bool all;			/* not one block, but as many as there can be */
	uint64_t stop_below;		/* with all: until the score is not above this; 0: never mind */
	const struct qi_request *request;	/* for whom; NULL: nobody waits for a block */
	quire_pfn_t captured;		/* his block; QUIRE_PFN_NONE: none */
	uint64_t moved;			/* frames */
};

/* --- compact.c -------------------------------------------------------------------------------------------------------- */

/* Run. QUIRE_COMPACT_CONTENDED: somebody else is at it in this zone. */
enum quire_compact_result qi_compact_zone(struct qi_compaction *c);

/* Put off requests of this order? And how it went, when it was not put off. The turn need not be had. */
bool qi_compaction_deferred(struct qi_zone *za, unsigned order);
void qi_compaction_failed(struct qi_zone *za, unsigned order);
void qi_compaction_helped(struct qi_zone *za, unsigned order);

/* --- sources.c -------------------------------------------------------------------------------------------------------- */

/*
 * The aligned block of 2^order frames, order <= 9, that costs least to clear: of a MOVABLE pageblock, or (any) of any
 * ordinary type. Pageblocks in the filter are passed over. QUIRE_PFN_NONE: there is none. Zone locked. *used: frames in use
 * in it; *room: free frames of pageblocks that are in use, outside of it.
 */
quire_pfn_t qi_compact_source(struct qi_zone *za, unsigned order, bool any, uint64_t *used, uint64_t *room);

/*
 * The next pageblock in order of address that has such a block and is not in the filter, from *position on, which moves
 * behind it; QUIRE_PFN_NONE there: the end was reached. Looks at a few only: no block does not mean that there is none.
 */
quire_pfn_t qi_compact_next_source(struct qi_zone *za, unsigned order, bool any, quire_pfn_t *position, uint64_t *used);

/* The filter. One's turn. */
void qi_hint_vain(struct qi_compact_state *state, quire_pfn_t pfn);
bool qi_hint_says_vain(const struct qi_compact_state *state, quire_pfn_t pfn);

/* --- fragmentation.c -------------------------------------------------------------------------------------------------- */

/* Is there a point in it for a request? SUCCESS: there is a block. SKIPPED. PARTIAL: go on. */
enum quire_compact_result qi_compact_suitable(const struct qi_zone *za, unsigned order, unsigned type,
					      enum quire_zone_type highest, unsigned flags);
/* Percent of free memory that is in pageblocks in use; those of special types apart. */
unsigned qi_zone_score(const struct qi_zone *za);

#endif
