/* Frames that fail and are well again, balloons, devices' memory. */
#include "life.h"

/* --- a frame fails ---------------------------------------------------------------------------------------------------- */

/* Frames of a leaf of the tree. */
#define LEAF 512u

static bool leaf_is_cut(const struct life *l, quire_pfn_t leaf)
{
	for (quire_pfn_t at = leaf; at < leaf + LEAF; at++)
		if (l->failing[frame_of(l, at)] == FAILS_PENDING)
			return true;
	return false;
}

static void becomes_pending(struct life *l, uint32_t f)
{
	const struct holding *h = &l->holdings[l->holder[f]];
	quire_pfn_t leaf = pfn_of(l, f) & -(quire_pfn_t)LEAF;

	/*
	 * The first one cuts the block, a leaf at its beginning and one where the frame is into single frames: the
	 * first frame
	 * is no block any more. A second one may cut another leaf.
	 */
	if (h->kind != RANGE && h->kind != CMA && !is_cut(l, h))
		set_gone(l, frame_of(l, h->pfn), true);
	else if (h->order > 9 && leaf != h->pfn && !leaf_is_cut(l, leaf))
		set_gone(l, frame_of(l, leaf), true);
	set_failing(l, f, FAILS_PENDING);
}

/* Would its holder let go of it? */
static bool gives_up(const struct life *l, const struct holding *h)
{
	if (is_cut(l, h))
		return false;
	if (h->kind == BALLOON)
		return l->plan.hypervisor_at != 1;
	return h->kind == OWNED && h->owner != 1 && l->plan.failing == QUIRE_OK;
}

static void fail_softly(struct life *l, quire_pfn_t pfn, unsigned flags)
{
	struct contents c = look(l, pfn, 1);
	unsigned mask = OK | STATUS(ENOMEM) | (l->plan.refuse_at || l->plan.hypervisor_at ? STATUS(EPERM) : 0);
	uint32_t f = frame_of(l, pfn);

	if (c.of[FREE])
		mask = OK | (l->exact ? 0 : STATUS(EBUSY) | STATUS(ENOMEM) | STATUS(EPERM));
	else if (c.fixed)
		mask = STATUS(EPERM) | STATUS(ENOMEM);
	if (l->plan.fault)
		mask |= FAULTS | STATUS(EPERM);
	if (!answer(l, quire_poison_frame(&l->q, pfn, flags, NULL), mask)) {
		/* It is the engine's, for its metadata. */
		if (!l->exact && quire_frame_poisoned(&l->q, pfn))
			set_failing(l, f, FAILS_FOREIGN);
		return;
	}
	/* Who was in it has moved, or gone. */
	must(l, l->state[f] == FREE);
	set_failing(l, f, FAILS_OUT);
	set_state(l, f, OUT);
}

static void fail_in_use(struct life *l, quire_pfn_t pfn, unsigned flags)
{
	uint32_t f = frame_of(l, pfn), i = l->holder[f];
	struct holding h = l->holdings[i];
	bool given = gives_up(l, &h);
	unsigned faults = l->plan.fault || !l->exact ? FAULTS : 0;

	if (answer(l, quire_poison_frame(&l->q, pfn, flags, NULL), (given ? OK : STATUS(EBUSY)) | faults)) {
		set_failing(l, f, FAILS_PENDING);
		/* The balloon's hypervisor has told the reference already. */
		if (h.kind == BALLOON) {
			set_failing(l, f, FAILS_OUT);
			set_state(l, f, OUT);
		} else {
			give(l, i);
		}
		return;
	}
	/* Who was told that it is gone must not have it still. */
	must(l, !l->plan.gave_up);
	if (l->failing[f] == SOUND && quire_frame_poisoned(&l->q, pfn))
		becomes_pending(l, f);
}

static void fail_elsewhere(struct life *l, quire_pfn_t pfn, unsigned flags)
{
	uint32_t f = frame_of(l, pfn);
	unsigned mask = STATUS(EBUSY);

	if (l->state[f] == FREE)
		mask = OK | (l->exact ? 0 : STATUS(EBUSY));
	else if (l->state[f] == ABSENT && !quire_device_of(&l->q, pfn))
		mask = STATUS(ENOENT);
	if (l->plan.fault || !l->exact)
		mask |= FAULTS;
	if (answer(l, quire_poison_frame(&l->q, pfn, flags, NULL), mask)) {
		set_failing(l, f, FAILS_OUT);
		set_state(l, f, OUT);
	} else if (quire_frame_poisoned(&l->q, pfn)) {
		set_failing(l, f, FAILS_FOREIGN);
	}
}

void do_poison(struct life *l)
{
	unsigned flags = (one_in(l, 40) ? 0 : QUIRE_POISON_TEST) | (one_in(l, 3) ? QUIRE_POISON_SOFT : 0);
	uint32_t some = some_holding(l, ~0u), f;
	quire_pfn_t pfn = some_pfn(l);

	if (some != NOBODY && one_in(l, 3))
		pfn = l->holdings[some].pfn + draw(l, l->holdings[some].count);
	f = frame_of(l, pfn);
	tell(l, "%#llx, flags %u, it is %u", (unsigned long long)pfn, flags, l->state[f]);
	if (l->failing[f] != SOUND) {
		answer(l, quire_poison_frame(&l->q, pfn, flags, NULL), STATUS(EEXIST));
		return;
	}
	/* Where metadata is inside, what should be free may be the engine's. */
	if (l->out + l->pending + l->foreign > l->frames / 50 || (!l->exact && l->state[f] == FREE))
		return;
	if ((flags & QUIRE_POISON_SOFT) && (l->state[f] == FREE || l->state[f] == TAKEN) && !l->gone[f])
		fail_softly(l, pfn, flags);
	else if (l->state[f] == TAKEN)
		fail_in_use(l, pfn, flags);
	else
		fail_elsewhere(l, pfn, flags);
	l->tested[f] = l->failing[f] != SOUND && (flags & QUIRE_POISON_TEST);
}

void do_unpoison(struct life *l)
{
	quire_pfn_t from = some_pfn(l), pfn;
	unsigned mask = OK | (l->plan.fault || !l->exact ? STATUS(ENOMEM) : 0);
	uint32_t f;

	if (one_in(l, 10) || !quire_poison_next(&l->q, &from, &pfn))
		pfn = some_pfn(l);
	f = frame_of(l, pfn);
	tell(l, "%#llx, it is %u", (unsigned long long)pfn, l->state[f]);
	if (l->failing[f] == SOUND)
		mask = STATUS(ENOENT);
	else if (!l->tested[f])
		mask = STATUS(EPERM);
	else if (l->failing[f] == FAILS_PENDING)
		mask = STATUS(EBUSY);
	if (!answer(l, quire_unpoison_frame(&l->q, pfn), mask))
		return;
	if (l->failing[f] == FAILS_OUT)
		set_state(l, f, FREE);
	set_failing(l, f, SOUND);
	l->tested[f] = 0;
}

/* --- a balloon -------------------------------------------------------------------------------------------------------- */

static uint64_t in_balloon(const struct life *l)
{
	uint64_t frames = 0;

	for (uint32_t i = 0; i < l->holding_count; i++)
		frames += l->holdings[i].kind == BALLOON ? l->holdings[i].count : 0;
	return frames;
}

void do_balloon(struct life *l)
{
	uint64_t before = in_balloon(l), wanted = 1 + draw(l, one_in(l, 3) ? 8000 : 1500), got;
	int nid = (int)draw(l, l->q.topology.node_count + 1) - 1;
	struct quire_balloon_stats stats;

	if (one_in(l, 2) && l->holding_count + wanted + 600 < l->holding_max) {
		unsigned flags = (one_in(l, 4) ? QUIRE_BALLOON_SMALL : 0) | (one_in(l, 4) ? QUIRE_BALLOON_RECLAIM : 0);

		got = quire_balloon_inflate(&l->balloon, nid, wanted, flags);
		tell(l, "%llu of %llu more, node %d, flags %u", (unsigned long long)got, (unsigned long long)wanted,
				nid, flags);
		/* With RECLAIM its own shrinker may have given back some meanwhile. */
		must(l, got <= wanted && ((flags & QUIRE_BALLOON_RECLAIM) || in_balloon(l) == before + got ||
				l->plan.fault));
	} else {
		got = quire_balloon_deflate(&l->balloon, wanted);
		tell(l, "%llu of %llu less", (unsigned long long)got, (unsigned long long)wanted);
		must(l, in_balloon(l) == before - got && (got >= wanted || !in_balloon(l) || l->plan.hypervisor_at));
	}
	quire_balloon_stats(&l->balloon, &stats);
	must(l, stats.frames == in_balloon(l));
}

/* --- a device --------------------------------------------------------------------------------------------------------- */

static void page_free(void *ctx, quire_pfn_t pfn, struct quire_page *page)
{
	struct life *l = ctx;

	must(l, page && pfn - l->device_range.pfn < l->device_range.count && l->device_users);
	l->device_users--;
}

static void add_device(struct life *l)
{
	uint64_t granule = (2ull << 20) >> shift_of(l);
	unsigned mask = OK | STATUS(ENOMEM) | STATUS(EUNSUPPORTED) | (l->plan.fault ? FAULTS : 0), nid =
			(unsigned)draw(l, WINDOWS);
	struct contents c;

	l->device_range.pfn = some_pfn(l) & -granule;
	l->device_range.count = granule * (1 + draw(l, 4));
	c = look(l, l->device_range.pfn, l->device_range.count);
	l->device = (struct quire_device){ .name = "device", .type = QUIRE_DEVICE_PRIVATE, .nid = (int)nid, .ranges =
			&l->device_range,
					   .range_count = 1, .page_free = page_free, .ctx = l };
	if (!(l->config.zone_mask >> QUIRE_ZONE_DEVICE & 1))
		mask = STATUS(EUNSUPPORTED);
	else if (!quire_topology_node(&l->q.topology, (int)nid))
		mask = STATUS(ENOENT);
	else if (c.of[ABSENT] != l->device_range.count)
		mask = STATUS(EEXIST);
	/* The window of descriptors ends somewhere; classic sections are described as a whole. */
	else if (l->config.model != QUIRE_MODEL_SPARSEMEM_VMEMMAP ||
		 (1ull << l->config.geometry.pageblock_order) > granule ||
		 frame_of(l, l->device_range.pfn + l->device_range.count - 1) == NO_FRAME)
		mask |= STATUS(EINVAL) | STATUS(EEXIST) | STATUS(ERANGE);
	tell(l, "add [%#llx, +%#llx), node %u", (unsigned long long)l->device_range.pfn,
			(unsigned long long)l->device_range.count, nid);
	l->device_there = answer(l, quire_device_add(&l->q, &l->device), mask);
}

void do_device(struct life *l)
{
	quire_pfn_t pfn = l->device_range.pfn + draw(l, l->device_range.count), busy;
	struct quire_page *page;

	if (!l->device_there) {
		add_device(l);
	} else if (one_in(l, 3)) {
		tell(l, "remove");
		l->device_there = !answer(l, quire_device_remove(&l->q, &l->device, &busy), l->device_users ? STATUS(EBUSY) :
					  OK | (l->plan.fault ? FAULTS : 0) | (l->exact ? 0 : STATUS(ENOMEM)));
	} else if (one_in(l, 2)) {
		tell(l, "take %#llx", (unsigned long long)pfn);
		l->device_users += answer(l, quire_device_take(&l->q, &l->device, pfn, &page), OK | STATUS(EBUSY));
	} else {
		tell(l, "put %#llx", (unsigned long long)pfn);
		answer(l, quire_put_page(&l->q, quire_pfn_to_page(&l->q.memmap, pfn)), OK | STATUS(EEXIST));
	}
}
