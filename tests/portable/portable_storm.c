/*
 * The storm: every CPU takes and gives blocks of all sizes and kinds, writes its name into every frame it holds and
 * looks for it when it gives it back; single frames also change hands and are freed by another CPU than the one that
 * took them.
 */
#include "portable.h"

#include "base/base.h"

#define GFP_BASE (QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY)

static uint64_t next_random(struct portable_storm_worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static uint64_t *frame(const struct portable_storm *s, quire_pfn_t pfn)
{
	const struct quire *q = s->p->q;
	unsigned shift = quire_page_shift(&q->config);

	return q->platform->phys_to_virt(q->platform->ctx, pfn << shift, (quire_phys_t)1 << shift);
}

static uint64_t stamp(quire_pfn_t pfn)
{
	return (pfn ^ 0x5bd1e995) * 0x9e3779b97f4a7c15ull;
}

static bool broken(struct portable_storm_worker *w, const char *what, quire_pfn_t pfn)
{
	w->broken = what;
	w->broken_pfn = pfn;
	return false;
}

/*
 * A frame that is free or new to us bears our stamp only if we forgot to wipe it: two holders would see each other's.
 */
static bool mark(struct portable_storm *s, struct portable_storm_worker *w, quire_pfn_t pfn, unsigned order)
{
	for (quire_pfn_t i = pfn; i < pfn + (1ull << order); i++) {
		uint64_t *at = frame(s, i);

		if (!at)
			continue;	/* highmem */
		if (*at == stamp(i))
			return broken(w, "a frame somebody holds was given out", i);
		*at = stamp(i);
	}
	return true;
}

static bool give(struct portable_storm *s, struct portable_storm_worker *w, quire_pfn_t pfn, unsigned order)
{
	for (quire_pfn_t i = pfn; i < pfn + (1ull << order); i++) {
		uint64_t *at = frame(s, i);

		if (at && *at != stamp(i))
			return broken(w, "a frame was written by somebody else", i);
		if (at)
			*at = 0;
	}
	return quire_free_frames(s->p->q, pfn, order) == QUIRE_OK || broken(w, "a block cannot be freed", pfn);
}

/* Mostly single frames, now and then a pageblock. */
static unsigned pick_order(uint64_t random)
{
	static const uint8_t orders[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 6, 9 };

	return orders[random & 15];
}

static quire_gfp_t pick_flags(const struct portable_storm *s, uint64_t random)
{
	static const quire_gfp_t flags[4] = { QUIRE_GFP_KERNEL, QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE, QUIRE_GFP_ATOMIC,
					      QUIRE_GFP_HIGHUSER_MOVABLE };

	return flags[(uint32_t)random % (s->pinned ? 3 : 4)] | GFP_BASE;
}

/* Leave a single frame for another CPU, and free what was left there before. */
static bool exchange(struct portable_storm *s, struct portable_storm_worker *w, unsigned slot, uint64_t random)
{
	uint64_t *box = &s->mail[random % PORTABLE_STORM_MAIL];
	uint64_t got;

	w->slots[slot].used = 0;
	w->held--;
	while (__atomic_exchange_n(&s->mail_lock, 1, __ATOMIC_ACQUIRE))
		continue;
	got = *box;
	*box = w->slots[slot].pfn + 1;
	__atomic_store_n(&s->mail_lock, 0, __ATOMIC_RELEASE);
	return !got || give(s, w, got - 1, 0);
}

static bool step(struct portable_storm *s, struct portable_storm_worker *w)
{
	uint64_t random = next_random(w);
	unsigned slot = (unsigned)(random >> 8) % PORTABLE_STORM_SLOTS, order = pick_order(random);
	quire_pfn_t pfn;

	if (w->slots[slot].used) {
		if (!w->slots[slot].order && (random >> 32 & 3) == 0)
			return exchange(s, w, slot, random >> 40);
		w->slots[slot].used = 0;
		w->held -= 1ull << w->slots[slot].order;
		return give(s, w, w->slots[slot].pfn, w->slots[slot].order);
	}
	w->requests++;
	if (quire_alloc_frames(s->p->q, QUIRE_NO_NODE, order, pick_flags(s, random >> 36), &pfn) != QUIRE_OK) {
		w->failures++;
		return true;
	}
	w->slots[slot].pfn = pfn;
	w->slots[slot].order = order;
	w->slots[slot].used = 1;
	w->held += 1ull << order;
	return mark(s, w, pfn, order);
}

void portable_storm_work(struct portable_storm *s, unsigned worker)
{
	for (unsigned i = 0; i < s->operations && !s->worker[worker].broken; i++)
		if (!step(s, &s->worker[worker]))
			return;
}

static void work(void *arg, unsigned worker)
{
	portable_storm_work(arg, worker);
}

static void give_all(void *arg, unsigned worker)
{
	struct portable_storm *s = arg;
	struct portable_storm_worker *w = &s->worker[worker];

	for (unsigned i = 0; i < PORTABLE_STORM_SLOTS; i++)
		if (w->slots[i].used) {
			w->slots[i].used = 0;
			w->held -= 1ull << w->slots[i].order;
			if (!give(s, w, w->slots[i].pfn, w->slots[i].order))
				return;
		}
}

static void run(struct portable_storm *s, void (*fn)(void *arg, unsigned worker))
{
	const struct quire_platform *platform = s->p->q->platform;

	if (platform->run_parallel)
		platform->run_parallel(platform->ctx, fn, s, s->workers);
	else
		for (unsigned i = 0; i < s->workers; i++)
			fn(s, i);
}

/* With nobody at work: what workers found, the checker, the books. */
static bool judge(struct portable_storm *s)
{
	uint64_t held = 0, left;

	for (unsigned i = 0; i < s->workers; i++) {
		if (s->worker[i].broken)
			return portable_fail(s->p, "worker %u: %s: %#llx", i, s->worker[i].broken,
					     (unsigned long long)s->worker[i].broken_pfn);
		held += s->worker[i].held;
	}
	for (unsigned i = 0; i < PORTABLE_STORM_MAIL; i++)
		held += s->mail[i] != 0;
	if (quire_check(s->p->q) != QUIRE_OK)
		return portable_fail(s->p, "the checker found something");
	left = portable_free_frames(s->p);
	return left + held == s->baseline || portable_fail(s->p, "%llu frames are free and %llu held, of %llu",
		(unsigned long long)left, (unsigned long long)held, (unsigned long long)s->baseline);
}

void portable_storm_begin(struct portable_storm *s, uint64_t seed)
{
	s->baseline = portable_free_frames(s->p);
	for (unsigned i = 0; i < s->workers; i++)
		s->worker[i].random = (seed + i + 1) * 0x9e3779b97f4a7c15ull | 1;
}

bool portable_storm_round(struct portable_storm *s)
{
	run(s, work);
	return judge(s);
}

bool portable_storm_end(struct portable_storm *s)
{
	bool good = true;

	run(s, give_all);
	for (unsigned i = 0; i < PORTABLE_STORM_MAIL && good; i++)
		if (s->mail[i]) {
			good = give(s, &s->worker[0], s->mail[i] - 1, 0);
			s->mail[i] = 0;
		}
	return judge(s) && good;
}
