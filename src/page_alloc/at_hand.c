/* What CPUs remember of the whole road; see at_hand.h. */
#include "page_alloc/at_hand.h"

#include "boot/meta.h"

#ifndef QUIRE_WITHOUT_FRONTS

void qi_at_hand_open(struct quire *q, unsigned cpus)
{
	struct quire_page_alloc *pa = &q->page_alloc;
	struct qi_at_hand *table;

	if (cpus <= pa->at_hand_cpus)
		return;
	table = qi_meta_alloc(q, cpus * sizeof(*table), 64, QUIRE_NO_NODE, &q->metadata.percpu);
	if (!table)
		return;
	__atomic_store_n(&pa->at_hand, table, __ATOMIC_RELEASE);
	/* A row as it comes has learnt before there was any change: there has been one. */
	qi_at_hand_void(q);
	__atomic_store_n(&pa->at_hand_cpus, cpus, __ATOMIC_RELEASE);
}

/*
 * The CPU's row, with nothing in it that is void. What is learnt is read after the count of changes: if it changes while it
 * is being read, the row is void, too.
 */
static struct qi_at_hand *valid_row(const struct quire *q, unsigned cpu)
{
	uint32_t changes = __atomic_load_n(&q->page_alloc.changes, __ATOMIC_ACQUIRE);
	struct qi_at_hand *row;

	if (cpu >= __atomic_load_n(&q->page_alloc.at_hand_cpus, __ATOMIC_ACQUIRE))
		return NULL;
	row = &__atomic_load_n(&q->page_alloc.at_hand, __ATOMIC_ACQUIRE)[cpu];
	if (row->changes != changes) {
		memset(row, 0, sizeof(*row));
		row->changes = changes;
		row->nid = qi_node_of_cpu(q, cpu);
	}
	return row;
}

static bool nobody_watches(const struct quire *q)
{
	return !qi_debug_of(q) && (QI_NO_TRACE || !q->page_alloc.trace);
}

static inline unsigned type_of(const struct qi_road *road)
{
	return (unsigned)(road->serve - road->front->frames.serve);
}

/* Would any request with these zone bits that this CPU makes of its node be served like that, as long as it can? */
static bool goes_for_all(const struct qi_walk *walk, const struct qi_zone *za, const struct qi_at_hand *row)
{
	return qi_gfp_easy(walk->gfp) && !walk->mask && !walk->interleave && walk->nid == row->nid &&
	       za->zone->node->nid == row->nid && qi_walk_preferred(walk) == za->zone && nobody_watches(walk->q);
}

void qi_at_hand_learn_alloc(const struct qi_walk *walk, struct qi_zone *za, unsigned cpu)
{
	struct qi_at_hand *row = valid_row(walk->q, cpu);
	struct qi_front *front;
	struct qi_road *road;

	if (!row || cpu >= qi_front_count(za))
		return;
	road = &row->roads[walk->gfp & QI_GFP_ZONE_BITS];
	front = qi_front_of(za, cpu);
	if (road->front != front && goes_for_all(walk, za, row))
		*road = (struct qi_road){ front, &front->frames.serve[walk->request.type] };
}

void qi_at_hand_learn_free(const struct quire *q, struct qi_zone *za, unsigned cpu)
{
	struct qi_at_hand *row = valid_row(q, cpu);

	if (row && cpu < qi_front_count(za) && nobody_watches(q))
		row->freed = qi_front_of(za, cpu);
}

quire_pfn_t qi_take_block_at_hand(struct quire *q, int nid, unsigned order, quire_gfp_t gfp)
{
	const struct qi_road *road;
	unsigned long state = 0;
	struct qi_front *front;
	quire_pfn_t pfn;

	road = qi_gfp_easy(gfp) ? qi_road_enter(q, nid, gfp, &state) : NULL;
	if (!road)
		return QUIRE_PFN_NONE;
	front = road->front;
	pfn = qi_at_hand(front, order, type_of(road));
	if (qi_likely(pfn != QUIRE_PFN_NONE)) {
		qi_count_at_hand(front);
		qi_poke(&front->events.more_pages, front->events.more_pages + (1ull << order) - 1);
	}
	qi_at_hand_leave(q, front, state);
	return pfn;
}

quire_pfn_t qi_take_next_at_hand(struct quire *q, const struct qi_road *road, unsigned long state)
{
	struct qi_front *front = road->front;
	quire_pfn_t pfn = qi_front_next(front, type_of(road));

	if (qi_likely(pfn != QUIRE_PFN_NONE))
		qi_count_at_hand(front);
	qi_at_hand_leave(q, front, state);
	return pfn;
}

/* Into the word freed last; else, if the frame is of the front's zone at all, wherever the front has room for it. */
bool qi_keep_at_hand(struct quire *q, quire_pfn_t pfn, struct qi_front *front, unsigned long state)
{
	enum quire_status status = qi_word_put(&front->frames, pfn >> 6, 1ull << (pfn & 63));

	if (status == QUIRE_ENOENT && qi_zone_of_frame(q, pfn) == front->za)
		status = qi_front_keep(front->za, front, pfn);
	else
		qi_front_leave(front);
	if (qi_likely(status == QUIRE_OK))
		qi_poke(&front->events.freed_pages, front->events.freed_pages + 1);
	qi_leave_cpu(q, state);
	return status == QUIRE_OK;
}

#endif
