/*
 * The usual case, in one piece: a request without rarer wishes that this CPU's front of its best zone can serve, and the
 * free of a single frame to the front that got the last one. Anything else takes the whole road (alloc.c, free.c), which
 * would have come to the same end: these are shorter only by what they need not ask.
 *
 * They need not, because each CPU remembers what the whole road found: which front serves requests whose flags name zone and
 * mobility like this, and which one frees went to. Roads are void as soon as page_alloc.changes says that something they
 * depend on has changed: zonelists, mobility grouping, a CPU's node, who watches requests. Who changes such a thing calls
 * qi_at_hand_void() afterwards. A front that was replaced (zone/front_cpus.c) stays shut for ever, so a road to it does no
 * harm.
 */
#ifndef QI_PAGE_ALLOC_AT_HAND_H
#define QI_PAGE_ALLOC_AT_HAND_H

#include "page_alloc/page_alloc.h"

/* Bits that say nothing as long as there is something at hand. */
#define QI_GFP_EASY (QUIRE_GFP_IO | QUIRE_GFP_FS | QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_KSWAPD_RECLAIM | QUIRE_GFP_HIGH | \
		     QUIRE_GFP_NOWARN | QUIRE_GFP_COMP)
/* Zones and mobility. */
#define QI_GFP_ZONE_BITS 0x1fu

struct qi_road {
	struct qi_front *front;			/* NULL: not known */
	struct qi_word_entry *serve;		/* where it keeps single frames of that mobility */
};

/* What a CPU remembers; its own, inside cpu_enter. */
struct qi_at_hand {
	uint32_t changes;			/* page_alloc.changes when the rest was learnt */
	int nid;				/* the CPU's node */
	struct qi_front *freed;			/* NULL: not known */
	struct qi_road roads[QI_GFP_ZONE_BITS + 1];
} __attribute__((aligned(64)));

#ifdef QUIRE_WITHOUT_FRONTS
/* Nothing is ever at hand. */
#define qi_at_hand_learn_alloc(walk, za, cpu) ((void)(walk), (void)(za), (void)(cpu))
#define qi_at_hand_learn_free(q, za, cpu) ((void)(q), (void)(za), (void)(cpu))
#define qi_take_block_at_hand(q, nid, order, gfp) ((void)(q), (void)(nid), (void)(order), (void)(gfp), QUIRE_PFN_NONE)
#define qi_take_next_at_hand(q, road, state) ((void)(q), (void)(road), (void)(state), QUIRE_PFN_NONE)
#define qi_keep_at_hand(q, pfn, front, state) ((void)(q), (void)(pfn), (void)(front), (void)(state), false)
#else
/* The whole road served a request from this zone, or gave a frame to it; inside cpu_enter. */
void qi_at_hand_learn_alloc(const struct qi_walk *walk, struct qi_zone *za, unsigned cpu);
void qi_at_hand_learn_free(const struct quire *q, struct qi_zone *za, unsigned cpu);

/* A block of any order but 0, if one is at hand. */
quire_pfn_t qi_take_block_at_hand(struct quire *q, int nid, unsigned order, quire_gfp_t gfp);

/*
 * What goes on where the word at hand does not do, inside the front and cpu_enter, which they leave: take a single frame of
 * what else the front has; give one to it that was not served from that word. QUIRE_PFN_NONE, false: take the whole road,
 * nothing has changed.
 */
quire_pfn_t qi_take_next_at_hand(struct quire *q, const struct qi_road *road, unsigned long state);
bool qi_keep_at_hand(struct quire *q, quire_pfn_t pfn, struct qi_front *front, unsigned long state);
#endif

/* Is there anything in the flags that takes more than what is at hand? */
static inline bool qi_gfp_easy(quire_gfp_t gfp) { return !(gfp & ~(QI_GFP_EASY | QI_GFP_ZONE_BITS)); }

/* What this CPU knows, and may still go by; NULL: nothing. */
static inline struct qi_at_hand *qi_at_hand_of(const struct quire *q, unsigned cpu)
{
	struct qi_at_hand *known;

	if (qi_unlikely(cpu >= __atomic_load_n(&q->page_alloc.at_hand_cpus, __ATOMIC_ACQUIRE)))
		return NULL;
	known = &__atomic_load_n(&q->page_alloc.at_hand, __ATOMIC_ACQUIRE)[cpu];
	return qi_likely(known->changes == qi_peek(&q->page_alloc.changes)) ? known : NULL;
}

/* Take the road for such a request: inside its front, and cpu_enter. NULL: it is not known, and neither was entered. */
static inline const struct qi_road *qi_road_enter(const struct quire *q, int nid, quire_gfp_t gfp, unsigned long *state)
{
	const struct qi_at_hand *known;

	if (!QI_FRONTS)
		return NULL;
	known = qi_at_hand_of(q, qi_enter_cpu(q, state));
	if (qi_likely(known && (nid == known->nid || nid == QUIRE_NO_NODE))) {
		const struct qi_road *road = &known->roads[gfp & QI_GFP_ZONE_BITS];

		if (qi_likely(road->front && qi_front_enter(road->front)))
			return road;
	}
	qi_leave_cpu(q, *state);
	return NULL;
}

/* The same for what is given back: the front. */
static inline struct qi_front *qi_freed_enter(const struct quire *q, unsigned long *state)
{
	const struct qi_at_hand *known;
	struct qi_front *front;

	if (!QI_FRONTS)
		return NULL;
	known = qi_at_hand_of(q, qi_enter_cpu(q, state));
	front = qi_likely(known) ? known->freed : NULL;
	if (qi_likely(front && qi_front_enter(front)))
		return front;
	qi_leave_cpu(q, *state);
	return NULL;
}

static inline void qi_at_hand_leave(const struct quire *q, struct qi_front *front, unsigned long state)
{
	qi_front_leave(front);
	qi_leave_cpu(q, state);
}

/* A request like most: of the CPU's own node, served by it. */
static inline void qi_count_at_hand(struct qi_front *front)
{
	qi_poke(&front->events.allocs, front->events.allocs + 1);
}

/* The next single frame of the word at hand, which has one. Leaves the road. */
static inline quire_pfn_t qi_take_served(const struct quire *q, const struct qi_road *road, unsigned long state)
{
	struct qi_front *front = road->front;
	quire_pfn_t pfn = qi_entry_take(road->serve);

	qi_count_at_hand(front);
	qi_at_hand_leave(q, front, state);
	return pfn;
}

/*
 * A single frame back into the word it was served from: that it was says whose it is, and that it is taken. False: it was
 * not, and the caller is still in the front.
 */
static inline bool qi_served_back(struct quire *q, quire_pfn_t pfn, struct qi_front *front, unsigned long state)
{
	if (qi_unlikely(qi_served_put(&front->frames, pfn >> 6, 1ull << (pfn & 63)) != QUIRE_OK))
		return false;
	qi_poke(&front->events.freed_pages, front->events.freed_pages + 1);
	qi_at_hand_leave(q, front, state);
	return true;
}

/* All of it together. A block, or QUIRE_PFN_NONE: take the whole road. */
static inline quire_pfn_t qi_take_at_hand(struct quire *q, int nid, unsigned order, quire_gfp_t gfp)
{
	const struct qi_road *road;
	unsigned long state = 0;

	if (qi_unlikely(order))
		return qi_take_block_at_hand(q, nid, order, gfp);
	road = qi_likely(qi_gfp_easy(gfp)) ? qi_road_enter(q, nid, gfp, &state) : NULL;
	if (qi_unlikely(!road))
		return QUIRE_PFN_NONE;
	if (qi_unlikely(!road->serve->mask))
		return qi_take_next_at_hand(q, road, state);
	return qi_take_served(q, road, state);
}

/* Give back a single frame. False: take the whole road. */
static inline bool qi_give_at_hand(struct quire *q, quire_pfn_t pfn)
{
	unsigned long state = 0;
	struct qi_front *front = qi_freed_enter(q, &state);

	if (qi_unlikely(!front))
		return false;
	return qi_likely(qi_served_back(q, pfn, front, state)) || qi_keep_at_hand(q, pfn, front, state);
}

#endif
