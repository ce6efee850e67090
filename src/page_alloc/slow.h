/* Between the halves of the slow path: what needs no waiting (slow.c), and what does (slow_wait.c). */
#ifndef QI_PAGE_ALLOC_SLOW_H
#define QI_PAGE_ALLOC_SLOW_H

#include "page_alloc/page_alloc.h"

/* A request on the slow path. */
struct qi_slow {
	struct qi_walk *walk;
	const struct quire_nodemask *mask;
	quire_pfn_t *pfn;
	unsigned flags;
	unsigned rounds;		/* without progress */
	unsigned progressed;		/* rounds with */
	unsigned kills;
	unsigned priority;		/* of compaction */
	bool memalloc;			/* frees memory itself: no reclaim on its behalf */
	struct quire_request_record did;
};

static inline bool qi_slow_try(struct qi_slow *slow, unsigned flags)
{
	return qi_walk_list(slow->walk, flags, slow->pfn) == QUIRE_OK;
}

/* What only who may wait does. True: served. */
#ifdef QUIRE_WITHOUT_RECLAIM
static inline bool qi_slow_make_room(struct qi_slow *slow)
{
	(void)slow;
	return false;
}
#else
bool qi_slow_make_room(struct qi_slow *slow);
#endif

#endif
