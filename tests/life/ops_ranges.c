/* Ranges wanted exactly, anywhere, of an area; from single frames to gigantic. */
#include "life.h"

/* What disturbs a move. */
static unsigned disturbed(const struct life *l, const struct contents *c)
{
	const struct plan *p = &l->plan;

	return (c->movable && (p->refuse_at || p->hypervisor_at) ? STATUS(EBUSY) : 0) | (c->movable ? STATUS(ENOMEM) : 0) |
	       (p->fault ? FAULTS | STATUS(EBUSY) : 0) | (l->exact ? 0 : STATUS(ENOMEM) | STATUS(EBUSY) | STATUS(ENOENT));
}

static bool full(const struct life *l) { return l->holding_count + 10 > l->holding_max; }

void do_range(struct life *l)
{
	static const uint64_t lengths[] = { 1, 3, 64, 100, 512, 700, 2048, 5000 };
	uint64_t frames = 1 + draw(l, lengths[draw(l, 8)]);
	quire_pfn_t pfn = some_pfn(l);
	struct quire_obstacle obstacle = { .pfn = QUIRE_PFN_NONE };
	struct contents c;
	unsigned mask;

	if (one_in(l, 50))
		frames = draw(l, 2) ? 0 : UINT64_MAX - draw(l, 1000);
	if (full(l))
		return;
	tell(l, "[%#llx, +%llu)", (unsigned long long)pfn, (unsigned long long)frames);
	if (!frames || frames > 1 << 20) {
		answer(l, quire_alloc_range(&l->q, pfn, frames, QUIRE_GFP_KERNEL, &obstacle), STATUS(EINVAL) |
				STATUS(ENOENT) |
		       STATUS(EBUSY));
		return;
	}
	c = look(l, pfn, frames);
	if (c.of[FREE] + c.of[TAKEN] != frames || c.pending || c.reserved)
		mask = STATUS(ENOENT) | STATUS(EBUSY) | disturbed(l, &c);
	else if (c.fixed || c.cma)
		mask = STATUS(EBUSY) | disturbed(l, &c);
	else
		mask = OK | disturbed(l, &c);
	/* Whole pageblocks are isolated, so one of an area may be in the way although the range does not touch it. */
	if (l->q.cma_count)
		mask |= STATUS(EBUSY);
	if (!answer(l, quire_alloc_range(&l->q, pfn, frames, one_in(l, 2) ? QUIRE_GFP_KERNEL : QUIRE_GFP_NORETRY,
			&obstacle), mask)) {
		must(l, obstacle.why || l->plan.fault);
		return;
	}
	take(l, pfn, frames, 0, RANGE);
}

void do_contig(struct life *l)
{
	uint64_t frames = 1 + draw(l, one_in(l, 3) ? 6000 : 900), align = one_in(l, 2) ? 0 : 1ull << draw(l, 12);
	quire_gfp_t gfp = (one_in(l, 2) ? QUIRE_GFP_KERNEL : QUIRE_GFP_HIGHUSER_MOVABLE) | QUIRE_GFP_NOWARN;
	unsigned mask = OK | STATUS(ENOMEM) | (l->plan.fault ? FAULTS : 0);
	int nid = (int)draw(l, l->q.topology.node_count + 1) - 1;
	quire_pfn_t pfn;

	if (full(l))
		return;
	if (one_in(l, 40)) {
		align = 3;
		mask = STATUS(EINVAL);
	}
	tell(l, "%llu frames, aligned to %llu, node %d", (unsigned long long)frames, (unsigned long long)align, nid);
	if (!answer(l, quire_alloc_contig(&l->q, nid, frames, align, gfp, &pfn, NULL), mask))
		return;
	must(l, !align || pfn % align == 0);
	take(l, pfn, frames, 0, RANGE);
}

static uint64_t rounded(const struct quire_cma_area *area, uint64_t frames)
{
	uint64_t granule = 1ull << area->order_per_bit;

	return (frames + granule - 1) / granule * granule;
}

/* May a request have these frames? */
static bool feasible(struct life *l, quire_pfn_t pfn, uint64_t frames, uint64_t whole, bool *moves)
{
	struct contents c = look(l, pfn, frames), around = look(l, pfn, whole);

	*moves |= c.movable > 0;
	return !around.driver && !c.fixed && c.of[FREE] + c.of[TAKEN] == frames && !c.pending && !c.reserved;
}

static quire_pfn_t first_place(struct life *l, const struct quire_cma_area *area, uint64_t frames, unsigned align,
		bool *moves)
{
	uint64_t whole = rounded(area, frames), step = 1ull << area->order_per_bit;

	for (unsigned i = 0; i < area->range_count; i++) {
		const struct quire_cma_range *r = &area->ranges[i];

		for (quire_pfn_t at = r->base_pfn; at + whole <= r->base_pfn + r->count; at += step)
			if (!(at & ((1ull << align) - 1)) && feasible(l, at, frames, whole, moves))
				return at;
	}
	return QUIRE_PFN_NONE;
}

void do_cma(struct life *l)
{
	const struct quire_cma_area *area = &l->q.cma[draw(l, l->q.cma_count ? l->q.cma_count : 1)];
	uint64_t frames = 1 + draw(l, one_in(l, 4) ? 1500 : 60);
	unsigned align = (unsigned)draw(l, 8), mask = OK;
	quire_pfn_t expected, pfn;
	bool moves = false, disturbed;

	if (full(l) || !l->q.cma_count || !area->active)
		return;
	expected = first_place(l, area, frames, align, &moves);
	/* Where things move, some of what stands in the way may turn out to stay. */
	disturbed = l->plan.fault || l->plan.refuse_at || l->plan.hypervisor_at || l->plan.vanish_at || moves || !l->exact;
	mask = expected == QUIRE_PFN_NONE ? STATUS(ENOMEM) | STATUS(EBUSY) :
	       OK | (disturbed ? STATUS(ENOMEM) | STATUS(EBUSY) | FAULTS : 0);
	if (l->plan.fault)
		mask |= FAULTS;
	/* Owners who go away make room. */
	if (l->plan.vanish_at)
		mask |= OK;
	tell(l, "%s, %llu frames, order %u", area->name, (unsigned long long)frames, align);
	if (!answer(l, quire_cma_alloc(&l->q, area, frames, align, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn, NULL), mask))
		return;
	must(l, disturbed || pfn == expected);
	must(l, !(pfn & ((1ull << align) - 1)) && quire_cma_area_of(&l->q, pfn) == area);
	take(l, pfn, frames, 0, CMA);
}

void do_cma_release(struct life *l)
{
	uint32_t i = some_holding(l, 1u << CMA);
	const struct quire_cma_area *area;
	quire_pfn_t pfn = some_pfn(l);
	uint32_t f = frame_of(l, pfn);

	if (i != NOBODY && !one_in(l, 10)) {
		free_holding(l, i);
		return;
	}
	/* What no driver has cannot be released. */
	area = quire_cma_area_of(&l->q, pfn);
	if (area && !(l->state[f] == TAKEN && l->holdings[l->holder[f]].kind == CMA))
		answer(l, quire_cma_release(&l->q, area, pfn, 1), STATUS(EEXIST) | STATUS(EINVAL));
	else if (!area && l->q.cma_count && l->q.cma[0].active)
		answer(l, quire_cma_release(&l->q, &l->q.cma[0], pfn, 1), STATUS(ENOENT));
}
