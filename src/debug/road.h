/*
 * What the ordinary roads ask of debugging. Where it was left out of the build (quire/options.h), nobody is ever watched,
 * and compilers see to it that what depends on that is gone.
 */
#ifndef QI_DEBUG_ROAD_H
#define QI_DEBUG_ROAD_H

#include <quire/quire.h>

struct qi_walk;
struct qi_zone;

#ifdef QUIRE_WITHOUT_DEBUG

#define qi_debug_of(q) ((void)(q), (struct qi_debug *)NULL)
#define qi_watched(q) ((void)(q), false)
static inline void qi_debug_open(struct quire *q) { (void)q; }
/* Nobody gets to these. */
#define qi_debug_run(walk, site, pfn) ((void)(walk), (void)(site), (void)(pfn), QUIRE_EUNSUPPORTED)
#define qi_debug_free(q, za, cpu, pfn, order, site) ((void)(q), (void)(za), (void)(pfn), (void)(site), QUIRE_EUNSUPPORTED)
#define qi_debug_split(q, pfn, order, to) ((void)(q), (void)(pfn))
#define qi_debug_moved(q, from, to) ((void)(q), (void)(from), (void)(to))
#define qi_debug_taken(q, pfn, count, gfp, site) ((void)(q), (void)(pfn), (void)(count))
#define qi_debug_needed(q, pfn, count) ((void)(q), (void)(pfn))
#define qi_debug_story(q, pfn, sink) ((void)(q), (void)(pfn), (void)(sink))

#else

/*
 * Where each request and free take the roads below; NULL: nothing is on. Faults may be switched on at any time, so it may
 * appear; it never goes while requests may come.
 */
static inline struct qi_debug *qi_debug_of(const struct quire *q)
{
	return __atomic_load_n(&q->page_alloc.debug, __ATOMIC_ACQUIRE);
}
/* Are frames followed one by one, past all fronts? */
static inline bool qi_watched(const struct quire *q) { return q->page_alloc.watched; }

/* Before zones are opened: what the configuration wants. Without memory for it, a message, and boot goes on without. */
void qi_debug_open(struct quire *q);

/* A request, and a free, where debugging is on. */
enum quire_status qi_debug_run(struct qi_walk *walk, const void *site, quire_pfn_t *pfn);
enum quire_status qi_debug_free(struct quire *q, struct qi_zone *za, unsigned cpu, quire_pfn_t pfn, unsigned order,
				const void *site);
/* A block became blocks of order `to`. */
void qi_debug_split(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned to);
/* What was at `from` is at `to` now, which is taken: its story goes along. `from` is yet to be given back. */
void qi_debug_moved(struct quire *q, quire_pfn_t from, quire_pfn_t to);
/* Frames were taken by another road than a request, each is a block of its own. No lock is held. */
void qi_debug_taken(struct quire *q, quire_pfn_t pfn, uint64_t count, quire_gfp_t gfp, const void *site);
/*
 * The engine takes free frames of a zone for itself: debugging may have put them out of the direct map, they must be in it.
 * Any locks may be held. Only where frames are watched.
 */
void qi_debug_needed(struct quire *q, quire_pfn_t pfn, uint64_t count);
/* What page_owner knows of a frame, as text. */
#define qi_debug_story(q, pfn, sink) quire_report_story(q, pfn, sink)

#endif

#endif
