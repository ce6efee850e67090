/* The books of failing frames: what is known of each, and the questions others have. */
#include "poison/poison.h"

#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_POISON

static struct qi_lock *lock_of(struct quire *q) { return (struct qi_lock *)&q->poison.lock; }

/* A free from an interrupt may be of a block that has a failing frame. */
static unsigned long hold(struct quire *q) { return qi_lock_irqsave(q->platform, lock_of(q)); }
static void let(struct quire *q, unsigned long state) { qi_unlock_irqrestore(q->platform, lock_of(q), state); }

static void change(struct quire *q, uint64_t old, enum qi_poison_state state, unsigned order)
{
	unsigned tested = qi_frame_info(old) & QI_POISON_TESTED;
	uint32_t pending = q->poison.pending;

	pending += state == QI_POISON_PENDING;
	pending -= qi_poison_state(old) == QI_POISON_PENDING;
	__atomic_store_n(&q->poison.pending, pending, __ATOMIC_RELAXED);
	qi_frame_set_change(q->poison.set, qi_frame_key(qi_frame_of(old), qi_poison_info(state, order, tested)));
}

/* The first to come makes the set; what a second made at the same time stays unused. */
static struct qi_frame_set *need_set(struct quire *q)
{
	struct qi_frame_set *set = __atomic_load_n(&q->poison.set, __ATOMIC_ACQUIRE);
	unsigned long state;

	if (set)
		return set;
	set = qi_frame_set_new(q);
	state = hold(q);
	if (set && !q->poison.set)
		__atomic_store_n(&q->poison.set, set, __ATOMIC_RELEASE);
	let(q, state);
	return __atomic_load_n(&q->poison.set, __ATOMIC_ACQUIRE);
}

/* Locked. The first key in [pfn, end). */
static bool next_in(const struct quire *q, quire_pfn_t pfn, quire_pfn_t end, uint64_t *key)
{
	return q->poison.set && pfn < end && qi_frame_set_next(q->poison.set, pfn, key) && qi_frame_of(*key) < end;
}

static quire_pfn_t end_of(quire_pfn_t pfn, uint64_t count)
{
	return count > QUIRE_PFN_NONE - pfn ? QUIRE_PFN_NONE : pfn + count;
}

enum quire_status qi_poison_claim(struct quire *q, quire_pfn_t pfn, unsigned flags)
{
	struct qi_frame_set *set = need_set(q);
	unsigned tested = flags & QUIRE_POISON_TEST ? QI_POISON_TESTED : 0;
	enum quire_status status = QUIRE_OK;
	uint64_t key;
	unsigned long state;

	if (!set || !qi_frame_set_lock(q, set, lock_of(q), &state))
		return QUIRE_ENOMEM;
	if (next_in(q, pfn, pfn + 1, &key)) {
		status = QUIRE_EEXIST;
	} else {
		qi_frame_set_insert(set, qi_frame_key(pfn, qi_poison_info(QI_POISON_FOREIGN, 0, tested)));
		q->poison.count++;
	}
	let(q, state);
	return status;
}

void qi_poison_forget(struct quire *q, quire_pfn_t pfn)
{
	uint64_t key;
	unsigned long state;

	state = hold(q);
	if (next_in(q, pfn, pfn + 1, &key)) {
		change(q, key, QI_POISON_FOREIGN, 0);
		qi_frame_set_erase(q->poison.set, pfn);
		q->poison.count--;
	}
	let(q, state);
}

void qi_poison_set_state(struct quire *q, quire_pfn_t pfn, enum qi_poison_state state, unsigned order)
{
	unsigned long irq_state = hold(q);
	uint64_t key;

	if (next_in(q, pfn, pfn + 1, &key))
		change(q, key, state, order);
	let(q, irq_state);
}

/* The first key in [pfn, end). There may be many: the lock is let go between them. */
static bool first_in(struct quire *q, quire_pfn_t pfn, quire_pfn_t end, uint64_t *key)
{
	unsigned long state = hold(q);
	bool found = next_in(q, pfn, end, key);

	let(q, state);
	return found;
}

bool qi_poison_key(struct quire *q, quire_pfn_t pfn, uint64_t *key)
{
	return first_in(q, pfn, end_of(pfn, 1), key);
}

/* Locked. A pending frame of exactly this block. */
static bool pending_in(const struct quire *q, quire_pfn_t head, unsigned order, uint64_t *key)
{
	quire_pfn_t end = end_of(head, 1ull << order);

	for (quire_pfn_t at = head; next_in(q, at, end, key); at = qi_frame_of(*key) + 1)
		if (qi_poison_state(*key) == QI_POISON_PENDING && qi_poison_order(*key) == order)
			return true;
	return false;
}

bool qi_poison_pending_block(struct quire *q, quire_pfn_t pfn, uint64_t *key)
{
	bool found = false;
	unsigned long state;

	state = hold(q);
	for (unsigned order = 0; order < QUIRE_MAX_ORDERS && !found; order++)
		found = pending_in(q, qi_align_down(pfn, 1ull << order), order, key);
	let(q, state);
	return found;
}

void qi_poison_settle(struct quire *q, quire_pfn_t head, unsigned order)
{
	uint64_t key;
	unsigned long state;

	state = hold(q);
	while (pending_in(q, head, order, &key))
		change(q, key, QI_POISON_OUT, 0);
	let(q, state);
}

/* --- what others ask -------------------------------------------------------------------------------------------------- */

bool qi_poison_any(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t end = end_of(pfn, count);

	return qi_poison_first(q, pfn, end) != end;
}

quire_pfn_t qi_poison_first(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	uint64_t key;
	bool found;
	unsigned long state;

	if (!__atomic_load_n(&q->poison.set, __ATOMIC_ACQUIRE))
		return end;
	state = hold(q);
	found = next_in(q, pfn, end, &key);
	let(q, state);
	return found ? qi_frame_of(key) : end;
}

quire_pfn_t qi_poison_first_pending(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	quire_pfn_t found = end;
	uint64_t key;
	unsigned long state;

	if (!__atomic_load_n(&q->poison.pending, __ATOMIC_RELAXED))
		return end;
	state = hold(q);
	for (; found == end && next_in(q, pfn, end, &key); pfn = qi_frame_of(key) + 1)
		if (qi_poison_state(key) == QI_POISON_PENDING)
			found = qi_frame_of(key);
	let(q, state);
	return found;
}

void qi_poison_online(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	quire_pfn_t end = end_of(pfn, count);
	uint64_t key;
	unsigned long state;

	state = hold(q);
	for (; next_in(q, pfn, end, &key); pfn = qi_frame_of(key) + 1)
		if (qi_poison_state(key) == QI_POISON_FOREIGN)
			change(q, key, QI_POISON_OUT, 0);
	let(q, state);
}

bool quire_frame_poisoned(struct quire *q, quire_pfn_t pfn)
{
	return qi_poison_any(q, pfn, 1);
}

bool quire_poison_next(struct quire *q, quire_pfn_t *cursor, quire_pfn_t *pfn)
{
	quire_pfn_t found = qi_poison_first(q, *cursor, QUIRE_PFN_NONE);

	if (found == QUIRE_PFN_NONE)
		return false;
	*pfn = found;
	*cursor = found + 1;
	return true;
}

/* --- counting --------------------------------------------------------------------------------------------------------- */

/* Frames in [pfn, end), of one zone or node only if that is named. */
static void count_keys(struct quire *q, quire_pfn_t pfn, quire_pfn_t end, const struct quire_node *node,
		       const struct quire_zone *zone, struct quire_poison_counts *counts)
{
	uint64_t key;

	*counts = (struct quire_poison_counts){ 0 };
	for (; first_in(q, pfn, end, &key); pfn = qi_frame_of(key) + 1) {
		const struct quire_zone *home = NULL;

		if (node || zone)
			home = qi_zone_map_at(&q->topology, qi_frame_of(key), NULL);
		if ((zone && home != zone) || (node && (!home || home->node != node)))
			continue;
		counts->out += qi_poison_state(key) == QI_POISON_OUT;
		counts->pending += qi_poison_state(key) == QI_POISON_PENDING;
		counts->foreign += qi_poison_state(key) == QI_POISON_FOREIGN;
	}
}

void quire_poison_count(struct quire *q, quire_pfn_t pfn, uint64_t frames, struct quire_poison_counts *counts)
{
	count_keys(q, pfn, end_of(pfn, frames), NULL, NULL, counts);
}

void quire_poison_count_zone(struct quire *q, const struct quire_zone *zone, struct quire_poison_counts *counts)
{
	count_keys(q, zone->start_pfn, end_of(zone->start_pfn, zone->spanned), NULL, zone, counts);
}

void quire_poison_count_node(struct quire *q, const struct quire_node *node, struct quire_poison_counts *counts)
{
	count_keys(q, 0, QUIRE_PFN_NONE, node, NULL, counts);
}

#endif
