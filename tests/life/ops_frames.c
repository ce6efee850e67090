/*
 * Frames taken and given back: blocks, single ones in bulk, any number, with descriptors, split, and frees that are
 * wrong.
 */
#include "life.h"

#include "zone/tree.h"

struct request {
	quire_gfp_t gfp;
	unsigned order;
	int nid;
};

static struct request draw_request(struct life *l)
{
	static const quire_gfp_t flags[] = {
		QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_HIGHUSER,
		QUIRE_GFP_KERNEL, QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA,
		QUIRE_GFP_KERNEL | QUIRE_GFP_DMA32, QUIRE_GFP_ATOMIC, QUIRE_GFP_NOWAIT | QUIRE_GFP_MOVABLE,
		QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NORETRY, QUIRE_GFP_KERNEL | QUIRE_GFP_RETRY_MAYFAIL,
	};
	struct request r = { .gfp = flags[draw(l, 12)] | QUIRE_GFP_NOWARN };

	r.gfp |= (one_in(l, 4) ? QUIRE_GFP_THISNODE : 0) | (one_in(l, 16) ? QUIRE_GFP_ZERO : 0);
	r.order = (unsigned)(one_in(l, 8) ? draw(l, 12) : draw(l, 4));
	r.nid = (int)draw(l, l->q.topology.node_count + 1) - 1;
	/* What one node in five allows of reserves. */
	r.gfp |= one_in(l, 20) ? QUIRE_GFP_MEMALLOC : 0;
	return r;
}

/* What was handed out must be what was asked for. */
static void check_place(struct life *l, const struct request *r, quire_pfn_t pfn, uint64_t frames)
{
	enum quire_zone_type highest;
	const struct quire_zone *zone = zone_of(l, pfn);

	must(l, quire_gfp_zone(l->config.zone_mask, r->gfp, &highest) == QUIRE_OK);
	must(l, zone && zone->type <= highest && zone == zone_of(l, pfn + frames - 1));
	if ((r->gfp & QUIRE_GFP_THISNODE) && r->nid >= 0)
		must(l, zone->node->nid == r->nid);
	if (!(r->gfp & QUIRE_GFP_MOVABLE))
		must(l, !quire_cma_area_of(&l->q, pfn) && !quire_cma_area_of(&l->q, pfn + frames - 1));
}

static uint64_t area_frames(const struct life *l)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < l->q.cma_count; i++)
		frames += l->q.cma[i].count;
	return frames;
}

/* A single frame was refused to somebody who may wait: there must not have been plenty. */
static void check_refusal(struct life *l, const struct request *r)
{
	enum quire_zone_type highest;

	/* A node that is only possible has no list of zones. */
	if (r->order || l->plan.fault || !(r->gfp & QUIRE_GFP_DIRECT_RECLAIM) ||
	    (r->nid >= 0 && !l->q.topology.nodes[r->nid]->online))
		return;
	must(l, quire_gfp_zone(l->config.zone_mask, r->gfp, &highest) == QUIRE_OK);
	for (unsigned nid = 0; nid < l->q.topology.node_count; nid++)
		for (unsigned type = 0; l->q.topology.nodes[nid] && type <= (unsigned)highest; type++) {
			const struct quire_zone *z = &l->q.topology.nodes[nid]->zones[type];
			uint64_t has = z->tree ? qi_tree_free_pages(z->tree) : 0;
			uint64_t needs = z->watermark[QUIRE_WMARK_HIGH] + z->watermark_boost + z->lowmem_reserve[highest] +
					 quire_zone_highatomic_pages(z) + area_frames(l) + 64;

			if (z->tree && (!(r->gfp & QUIRE_GFP_THISNODE) || r->nid == (int)nid) && has > needs)
				broken(l, "a frame was refused, gfp %#x, although node %u, zone %s has %llu free",
						r->gfp, nid,
				       quire_zone_name(z->type), (unsigned long long)has);
		}
}

static bool full(const struct life *l) { return l->holding_count + 600 > l->holding_max; }

static void note_owner(struct life *l, uint32_t i, const struct request *r)
{
	struct holding *h = &l->holdings[i];

	if (h->kind != OWNED)
		return;
	h->owner = (uint8_t)(r->gfp & QUIRE_GFP_MOVABLE && !one_in(l, 200) ? draw(l, 2) : 2);
	h->pinned = one_in(l, 60) || h->owner == 2;
}

static enum quire_status alloc_block(struct life *l, const struct request *r, enum kind kind, quire_pfn_t *pfn)
{
	struct quire_page *page;
	enum quire_status status;

	if (kind != PAGES)
		return quire_alloc_frames(&l->q, r->nid, r->order, r->gfp, pfn);
	status = quire_alloc_pages(&l->q, r->nid, r->order, r->gfp | QUIRE_GFP_COMP, &page);
	if (status == QUIRE_OK)
		*pfn = quire_page_to_pfn(&l->q.memmap, page);
	return status;
}

static void alloc_one(struct life *l, const struct request *r)
{
	enum kind kind = r->gfp & QUIRE_GFP_MOVABLE ? OWNED : one_in(l, 3) ? OWNED : STRANGER;
	unsigned faults = l->plan.fault ? FAULTS : 0;
	quire_pfn_t pfn;
	uint32_t i;

	if (full(l))
		return;
	if (!l->plan.fault && one_in(l, 10))
		kind = PAGES;
	if (!answer(l, alloc_block(l, r, kind, &pfn), OK | STATUS(ENOMEM) | faults)) {
		check_refusal(l, r);
		return;
	}
	check_place(l, r, pfn, 1ull << r->order);
	must(l, (pfn & ((1ull << r->order) - 1)) == 0);
	i = take(l, pfn, 1ull << r->order, r->order, kind);
	note_owner(l, i, r);
}

void do_alloc(struct life *l)
{
	struct request r = draw_request(l);

	tell(l, "nid %d, order %u, gfp %#x", r.nid, r.order, r.gfp);
	alloc_one(l, &r);
}

void free_holding(struct life *l, uint32_t i)
{
	struct holding h = l->holdings[i];
	enum quire_status status;

	tell(l, "[%#llx, +%llu), order %u, kind %d", (unsigned long long)h.pfn, (unsigned long long)h.count, h.order,
			h.kind);
	if (h.kind == CMA) {
		const struct quire_cma_area *area = quire_cma_area_of(&l->q, h.pfn);

		must(l, area);
		status = quire_cma_release(&l->q, area, h.pfn, h.count);
	} else if (h.kind == RANGE) {
		uint64_t part = one_in(l, 3) ? 1 + draw(l, h.count) : h.count;

		must(l, quire_free_range(&l->q, h.pfn, part) == QUIRE_OK);
		give_part(l, i, part);
		return;
	} else if (h.kind == PAGES) {
		status = quire_put_page(&l->q, quire_pfn_to_page(&l->q.memmap, h.pfn));
	} else {
		status = quire_free_frames(&l->q, h.pfn, h.order);
	}
	if (status != QUIRE_OK)
		broken(l, "block %#llx, order %u, cannot be given back: %s", (unsigned long long)h.pfn, h.order,
		       quire_status_string(status));
	give(l, i);
}

#define KINDS(kind) (1u << (kind))
#define NOT_BALLOON (KINDS(STRANGER) | KINDS(OWNED) | KINDS(PAGES) | KINDS(RANGE) | KINDS(CMA))

void do_free(struct life *l)
{
	uint32_t i = some_holding(l, NOT_BALLOON);

	if (i != NOBODY)
		free_holding(l, i);
}

/* Fill up or thin out, so that the machine goes through all degrees of fullness. */
void do_churn(struct life *l)
{
	bool filling = (l->op / 400 + l->seed) % 3 != 0;
	unsigned n = 4 + (unsigned)draw(l, 60);

	tell(l, "%u times, %s", n, filling ? "filling" : "emptying");
	l->whispering = true;
	for (; n; n--) {
		if (one_in(l, 4) ? !filling : filling) {
			struct request r = draw_request(l);

			alloc_one(l, &r);
		} else {
			uint32_t i = some_holding(l, NOT_BALLOON);

			if (i != NOBODY)
				free_holding(l, i);
		}
	}
	l->whispering = false;
}

void do_bulk(struct life *l)
{
	quire_pfn_t pfns[300];
	struct request r = draw_request(l);
	size_t count = 1 + draw(l, 300), filled = 0, got;
	uint64_t hole;

	r.order = 0;
	r.gfp &= ~QUIRE_GFP_ZERO;
	hole = one_in(l, 2) ? draw(l, count) : count;
	if (full(l))
		return;
	for (size_t i = 0; i < count; i++)
		pfns[i] = i == hole ? 7 : QUIRE_PFN_NONE;
	got = quire_alloc_frames_bulk(&l->q, r.nid, r.gfp, count, pfns);
	tell(l, "%zu of %zu, nid %d, gfp %#x", got, count, r.nid, r.gfp);
	for (size_t i = 0; i < count; i++) {
		filled += pfns[i] != QUIRE_PFN_NONE;
		if (i == hole || pfns[i] == QUIRE_PFN_NONE)
			continue;
		check_place(l, &r, pfns[i], 1);
		take(l, pfns[i], 1, 0, STRANGER);
	}
	must(l, filled == got && (hole == count || pfns[hole] == 7));
	if (hole < count)
		pfns[hole] = QUIRE_PFN_NONE;
	/* Back with some of them, or all. */
	for (size_t i = 0; i < count; i++) {
		if (pfns[i] != QUIRE_PFN_NONE && one_in(l, 3))
			pfns[i] = QUIRE_PFN_NONE;
		else if (pfns[i] != QUIRE_PFN_NONE)
			give(l, l->holder[frame_of(l, pfns[i])]);
	}
	must(l, quire_free_frames_bulk(&l->q, count, pfns) == 0);
}

void do_split(struct life *l)
{
	uint32_t i = some_holding(l, KINDS(STRANGER) | KINDS(OWNED));
	struct holding h, piece;
	unsigned to;
	bool cut;

	if (i == NOBODY || l->holdings[i].count > 512 || full(l))
		return;
	h = l->holdings[i];
	to = (unsigned)draw(l, h.order + 1);
	cut = is_cut(l, &h);
	tell(l, "%#llx, order %u to %u", (unsigned long long)h.pfn, h.order, to);
	if (!answer(l, quire_split_frames(&l->q, h.pfn, h.order, to), cut ? STATUS(ENOENT) | STATUS(EINVAL) : OK |
		    (l->plan.fault ? FAULTS : 0)) || to == h.order)
		return;
	give(l, i);
	for (quire_pfn_t at = h.pfn; at < h.pfn + h.count; at += 1ull << to) {
		piece = h;
		l->holdings[take(l, at, 1ull << to, to, h.kind)].owner = piece.owner;
		l->holdings[l->holding_count - 1].pinned = piece.pinned;
	}
}

/*
 * What makes no sense is refused, and nothing happens. CPUs may notice a double free later, so those are for drained
 * ones.
 */
void do_wrong_free(struct life *l)
{
	quire_pfn_t pfn = one_in(l, 8) ? draw(l, UINT64_MAX) : some_pfn(l);
	uint32_t f = frame_of(l, pfn);
	unsigned order = (unsigned)draw(l, one_in(l, 8) ? 70 : 6);
	enum quire_status status;

	if (f != NO_FRAME && l->state[f] == TAKEN && l->holdings[l->holder[f]].pfn == pfn &&
	    l->holdings[l->holder[f]].order == order)
		return;
	/* Single ones are given back one by one; and so are, as far as the tree knows, those of a block that was cut. */
	if (f != NO_FRAME && l->state[f] == TAKEN && (is_cut(l, &l->holdings[l->holder[f]]) ||
						      (!order && l->holdings[l->holder[f]].order == 0)))
		return;
	must(l, quire_drain_frames(&l->q) == QUIRE_OK);
	if (one_in(l, 2)) {
		status = quire_free_frames(&l->q, pfn, order);
		tell(l, "free %#llx, order %u: %s", (unsigned long long)pfn, order, quire_status_string(status));
	} else {
		status = quire_split_frames(&l->q, pfn, order, order ? (unsigned)draw(l, order) : 0);
		tell(l, "split %#llx, order %u: %s", (unsigned long long)pfn, order, quire_status_string(status));
	}
	must(l, status == QUIRE_EEXIST || status == QUIRE_EINVAL || status == QUIRE_ENOENT);
	must(l, quire_drain_frames(&l->q) == QUIRE_OK);
}

void do_pin(struct life *l)
{
	uint32_t i = some_holding(l, KINDS(OWNED));

	if (i != NOBODY && l->holdings[i].owner != 2)
		l->holdings[i].pinned = one_in(l, 8);
}
