/*
 * What requests ask of compaction. Where it was left out of the build (quire/options.h) the answer is that there is too
 * little to work with, which ends the matter.
 */
#ifndef QI_MOBILITY_DIRECT_H
#define QI_MOBILITY_DIRECT_H

#include <quire/compaction.h>

#include "page_alloc/page_alloc.h"

#ifdef QUIRE_WITHOUT_MOBILITY

static inline enum quire_compact_result qi_compact_direct(struct qi_walk *walk, unsigned flags, unsigned priority,
							  quire_pfn_t *pfn)
{
	(void)walk;
	(void)flags;
	(void)priority;
	(void)pfn;
	return QUIRE_COMPACT_SKIPPED;
}

static inline void qi_wake_compactor(const struct qi_walk *walk) { (void)walk; }

#else

/*
 * Compaction on a request's behalf; priority: 0 the whole zone, 1 with waiting for locks, 2 without.
 * QUIRE_COMPACT_SUCCESS: *pfn is the request's. PARTIAL and below: ask the zones again, it may have helped.
 */
enum quire_compact_result qi_compact_direct(struct qi_walk *walk, unsigned flags, unsigned priority, quire_pfn_t *pfn);
/* Requests like this one would like the background compactor to run. */
void qi_wake_compactor(const struct qi_walk *walk);

#endif

#endif
