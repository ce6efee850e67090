/*
 * The storm: every CPU takes and gives blocks of all sizes and kinds, writes its name into every frame it holds and
 * looks for it when it gives it back; single frames also change hands and are freed by another CPU than the one that
 * took them.
 */
#include "portable.h"

#include "base/lock.h"
#include "page_alloc/page_alloc.h"

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

static void lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		qi_relax();
}

static void unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

/* Leave a single frame for another CPU, and free what was left there before. */
static bool exchange(struct portable_storm *s, struct portable_storm_worker *w, quire_pfn_t pfn, uint64_t random)
{
	uint64_t *box = &s->mail[random % PORTABLE_STORM_MAIL], got;

	lock(&s->mail_lock);
	got = *box;
	*box = pfn + 1;
	unlock(&s->mail_lock);
	return !got || give(s, w, got - 1, 0);
}

/* Take the slot's block out of the table: from here on nobody moves it. */
static struct portable_storm_slot empty(struct portable_storm_worker *w, struct portable_storm_slot *slot)
{
	struct portable_storm_slot block;

	lock(&w->lock);
	block = *slot;
	slot->used = false;
	unlock(&w->lock);
	w->held -= 1ull << block.order;
	return block;
}

/*
 * Other memory may come or go while we ask, and quire_topology_zone_of() wants a lock then. The engine's own look needs none
 * for a frame that we hold.
 */
static bool in_zone(const struct portable_storm *s, quire_pfn_t pfn, quire_gfp_t flags)
{
	const struct quire *q = s->p->q;
	const struct qi_zone *za = qi_zone_of_frame(q, pfn);
	enum quire_zone_type highest;

	return za && quire_gfp_zone(q->config.zone_mask, flags, &highest) == QUIRE_OK && za->zone->type <= highest;
}

static bool fill(struct portable_storm *s, struct portable_storm_worker *w, struct portable_storm_slot *slot,
		 uint64_t random)
{
	struct portable_storm_slot block = { .order = (uint8_t)pick_order(random), .used = true };
	quire_gfp_t flags = pick_flags(s, random >> 36);

	w->requests++;
	if (quire_alloc_frames(s->p->q, QUIRE_NO_NODE, block.order, flags, &block.pfn) != QUIRE_OK) {
		w->failures++;
		return true;
	}
	if (!mark(s, w, block.pfn, block.order))
		return false;
	if (!in_zone(s, block.pfn, flags))
		return broken(w, "a frame is of a zone above what was asked for", block.pfn);
	block.movable = flags & QUIRE_GFP_MOVABLE;
	w->held += 1ull << block.order;
	lock(&w->lock);
	*slot = block;
	unlock(&w->lock);
	return true;
}

static bool step(struct portable_storm *s, struct portable_storm_worker *w)
{
	uint64_t random = next_random(w);
	struct portable_storm_slot *slot = &w->slots[(random >> 8) % PORTABLE_STORM_SLOTS], block;

	if (!slot->used)
		return fill(s, w, slot, random);
	block = empty(w, slot);
	if (!block.order && !block.movable && (random >> 32 & 3) == 0)
		return exchange(s, w, block.pfn, random >> 40);
	return give(s, w, block.pfn, block.order);
}

/* --- the owner -------------------------------------------------------------------------------------------------------- */

/* The slot whose block has the frame, its worker locked; NULL: none, and nobody is locked. */
static struct portable_storm_slot *find(struct portable_storm *s, quire_pfn_t pfn, struct portable_storm_worker **worker)
{
	for (unsigned i = 0; i < s->workers; i++) {
		struct portable_storm_worker *w = &s->worker[i];

		lock(&w->lock);
		for (struct portable_storm_slot *slot = w->slots; slot < w->slots + PORTABLE_STORM_SLOTS; slot++)
			if (slot->used && pfn - slot->pfn < 1ull << slot->order) {
				*worker = w;
				return slot;
			}
		unlock(&w->lock);
	}
	return NULL;
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	struct portable_storm_worker *w;
	const struct portable_storm_slot *slot = find(ctx, pfn, &w);

	if (!slot)
		return false;
	*held = (struct quire_held){ .pfn = slot->pfn, .order = slot->order, .movable = slot->movable,
				     .why = slot->movable ? NULL : "was taken to stay" };
	unlock(&w->lock);
	return true;
}

/* Each frame of the block must bear its name before, and bears the new one afterwards. */
static enum quire_status move(struct portable_storm *s, const struct quire_move *m)
{
	struct portable_storm_worker *w;
	struct portable_storm_slot *slot = find(s, m->from, &w);
	enum quire_status status = QUIRE_OK;

	if (!slot)
		return QUIRE_ENOENT;
	if (slot->pfn != m->from || slot->order != m->order)
		status = QUIRE_ENOENT;
	else if (!slot->movable)
		status = QUIRE_EPERM;
	for (quire_pfn_t i = 0; i < 1ull << m->order && status == QUIRE_OK; i++) {
		uint64_t *from = frame(s, m->from + i), *to = frame(s, m->to + i);

		if (from && *from != stamp(m->from + i))
			broken(w, "a frame was written by somebody else before it moved", m->from + i);
		if (from)
			*from = 0;
		if (to)
			*to = stamp(m->to + i);
	}
	if (status == QUIRE_OK) {
		slot->pfn = m->to;
		w->moved++;
	}
	unlock(&w->lock);
	return status;
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	(void)mode;
	for (unsigned i = 0; i < n; i++)
		moves[i].status = move(ctx, &moves[i]);
}

/* --- rounds ----------------------------------------------------------------------------------------------------------- */

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
			struct portable_storm_slot block = empty(w, &w->slots[i]);

			if (!give(s, w, block.pfn, block.order))
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

/* Frames that the engine has for nodes of its trees, where it takes them from the zones: it may want more of them yet. */
static uint64_t own_frames(const struct quire *q)
{
	return q->platform->meta_alloc ? 0 : q->metadata.trees >> quire_page_shift(&q->config);
}

static void set_baseline(struct portable_storm *s)
{
	s->baseline = portable_free_frames(s->p);
	s->own = own_frames(s->p->q);
}

/* With nobody at work: what workers found, the checker, the books. */
static bool judge(struct portable_storm *s)
{
	uint64_t held = 0, left, own;

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
	own = own_frames(s->p->q) - s->own;
	return left + held + own == s->baseline ||
	       portable_fail(s->p, "%llu frames are free, %llu held and %llu the trees', of %llu", (unsigned long long)left,
			     (unsigned long long)held, (unsigned long long)own, (unsigned long long)s->baseline);
}

bool portable_storm_begin(struct portable_storm *s, uint64_t seed)
{
	set_baseline(s);
	for (unsigned i = 0; i < s->workers; i++)
		s->worker[i].random = (seed + i + 1) * 0x9e3779b97f4a7c15ull | 1;
	s->owner = (struct quire_owner){ .name = "storm", .holds = holds, .migrate = migrate, .ctx = s };
	return quire_register_owner(s->p->q, &s->owner) == QUIRE_OK || portable_fail(s->p, "the storm cannot be an owner");
}

bool portable_storm_round(struct portable_storm *s)
{
	run(s, work);
	return judge(s);
}

static bool give_everything(struct portable_storm *s)
{
	bool good = true;

	run(s, give_all);
	for (unsigned i = 0; i < PORTABLE_STORM_MAIL && good; i++)
		if (s->mail[i]) {
			good = give(s, &s->worker[0], s->mail[i] - 1, 0);
			s->mail[i] = 0;
		}
	return good;
}

bool portable_storm_settle(struct portable_storm *s)
{
	bool good = give_everything(s);

	set_baseline(s);
	return judge(s) && good;
}

bool portable_storm_end(struct portable_storm *s)
{
	bool good = give_everything(s);

	while (quire_unregister_owner(s->p->q, &s->owner) == QUIRE_EBUSY)
		qi_relax();
	return judge(s) && good;
}
