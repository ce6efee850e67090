/*
 * Contiguous frames anywhere: from a free block that holds them if there is one, else from the range that costs least to
 * clear.
 */
#include "mobility/windows.h"

#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define LOOKS 4u

struct contig {
	struct qi_search search;
	struct quire *q;
	quire_gfp_t gfp;
	quire_pfn_t pfn;			/* the result */
	struct quire_obstacle obstacle;		/* of the first that was tried */
};

static bool attempt(struct qi_search *search, struct qi_zone *za, quire_pfn_t pfn)
{
	struct contig *s = QI_CONTAINER_OF(search, struct contig, search);
	struct quire_obstacle obstacle = qi_no_obstacle();

	if (qi_alloc_range(za->q, pfn, search->count, s->gfp, 0, &obstacle, NULL) == QUIRE_OK) {
		s->pfn = pfn;
		return true;
	}
	if (s->obstacle.pfn == QUIRE_PFN_NONE)
		s->obstacle = obstacle;
	return false;
}

/* Zones the request may use that can spare so much. */
static bool search_zones(struct contig *s, const struct qi_walk *walk)
{
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct qi_zone *za = qi_zone_of(quire_zonelist_zone(walk->list, i));

		if (!za || !qi_walk_allows(walk, za->zone) || qi_tree_free_pages(&za->tree) <
		    qi_request_floor(za, 0, walk->highest, QUIRE_WMARK_LOW) + s->search.count)
			continue;
		if (qi_search_zone(&s->search, za))
			return true;
	}
	return false;
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static enum quire_status zero_frames(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	unsigned shift = quire_page_shift(&q->config);

	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		void *address = q->platform->phys_to_virt ?
			q->platform->phys_to_virt(q->platform->ctx, at << shift, (quire_phys_t)1 << shift) : NULL;

		if (!address)
			return QUIRE_EUNSUPPORTED;
		memset(address, 0, (size_t)1 << shift);
	}
	return QUIRE_OK;
}

/* As long as there is a free block that holds it, nothing needs to move. */
static bool from_free_block(struct contig *s, int nid, uint64_t align)
{
	unsigned order = qi_log2_up(s->search.count);
	quire_gfp_t gfp = (s->gfp & ~(QUIRE_GFP_RECLAIM | QUIRE_GFP_NOFAIL | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_ACCOUNT)) |
			  QUIRE_GFP_NOWARN;

	return order < QI_TREE_ORDERS && align <= 1ull << order &&
	       quire_alloc_frames_exact(s->q, nid, s->search.count, gfp, &s->pfn) == QUIRE_OK;
}

static enum quire_status refuse(struct contig *s, struct quire_obstacle *obstacle)
{
	if (s->obstacle.pfn == QUIRE_PFN_NONE)
		s->obstacle.why = "no zone has so much to spare in one piece, holes and others' areas apart";
	if (!(s->gfp & QUIRE_GFP_NOWARN))
		qi_log(s->q->platform, QUIRE_LOG_WARNING, "no %llu frames side by side: frame %#llx %s (%s)",
		       (unsigned long long)s->search.count, (unsigned long long)s->obstacle.pfn, s->obstacle.why,
		       s->obstacle.owner ? s->obstacle.owner : "nobody's");
	if (obstacle)
		*obstacle = s->obstacle;
	return QUIRE_ENOMEM;
}

enum quire_status quire_alloc_contig(struct quire *q, int nid, uint64_t count, uint64_t align, quire_gfp_t gfp,
				     quire_pfn_t *pfn, struct quire_obstacle *obstacle)
{
	struct contig s = { .search = { .count = count, .looks = LOOKS, .thorough = true, .attempt = attempt }, .q = q,
			    .gfp = gfp & ~QUIRE_GFP_ZERO, .obstacle = qi_no_obstacle() };
	struct qi_walk walk;
	enum quire_status status = qi_walk_begin(q, nid, 0, gfp, &walk);

	if (status != QUIRE_OK)
		return status;
	if (!count || count > 1ull << 40 || (align & (align - 1)) || align > 1ull << 40)
		return qi_refuse_request(q, QUIRE_EINVAL, 0, gfp, "no such alignment or number of frames");
	s.search.chunk = qi_window_chunk(count, align);
	if (!from_free_block(&s, walk.nid, align) && !search_zones(&s, &walk))
		return refuse(&s, obstacle);
	if (gfp & QUIRE_GFP_ZERO)
		status = zero_frames(q, s.pfn, count);
	if (status == QUIRE_OK)
		*pfn = s.pfn;
	else
		quire_free_range(q, s.pfn, count);
	return status;
}

#endif
