/*
 * What compaction remembers of a zone. Part of struct qi_zone; src/mobility/compact.c is where it is used. All zero to
 * begin with.
 */
#ifndef QI_ZONE_COMPACT_STATE_H
#define QI_ZONE_COMPACT_STATE_H

#include <quire/compaction.h>

#include "base/lock.h"

#define QI_COMPACT_HINTS 4096u		/* bits of the filter of pageblocks that could not be cleared */

struct qi_compact_state {
	struct qi_lock turn;			/* one run at a time; what follows is the run's, but for `wanted` */
	uint8_t shift;				/* after failures, so many times two requests are put off */
	uint8_t failed_order;			/* those of at least this order */
	uint16_t considered;			/* put off so far */
	uint32_t wanted;				/* 1 + the order the background compactor was woken for; 0: it was not */
	uint64_t hints[QI_COMPACT_HINTS / 64];
	uint64_t not_before;			/* proactive runs, nanoseconds: the last one was in vain */
	struct quire_compact_stats stats;
};

#endif
