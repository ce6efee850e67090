/* The cheapest ranges of a length, tried in turn; see windows.c. */
#ifndef QI_MOBILITY_WINDOWS_H
#define QI_MOBILITY_WINDOWS_H

#include "mobility/mobility.h"

#define QI_WINDOW_CHUNKS 8u		/* whole chunks of a window, at most */
#define QI_WINDOWS_BEST 16u		/* windows remembered by a look */

struct qi_window {
	quire_pfn_t pfn;
	uint64_t cost;
};

struct qi_search {
	uint64_t count;				/* frames of a window */
	uint64_t chunk;				/* windows begin at multiples of it: qi_window_chunk() */
	unsigned looks;				/* so many times the best windows are chosen; then ... */
	bool thorough;				/* ... all others are tried too */
	/* Have this range. True: the search is over. No lock is held. */
	bool (*attempt)(struct qi_search *s, struct qi_zone *za, quire_pfn_t pfn);
	/* The rest is the search's own. */
	struct qi_window best[QI_WINDOWS_BEST];	/* cheapest first, then highest */
	unsigned n;
	struct qi_window tried;			/* this one and cheaper ones were tried */
	bool sweep;				/* try each as it comes */
};

/* Try the windows of a zone that have no holes and no frames of a special type. True: an attempt succeeded. */
bool qi_search_zone(struct qi_search *s, struct qi_zone *za);

/* Chunks for windows of `count` frames, aligned to `align` (a power of two, or 0), count <= 2^40. */
uint64_t qi_window_chunk(uint64_t count, uint64_t align);

#endif
