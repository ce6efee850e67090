/*
 * Contiguous frames anywhere: where is the range that costs least to clear?
 *
 * A zone is gone through from its end down by chunks; a window is some chunks in a row and perhaps a part of one more, so
 * that each chunk is counted once however many windows it is part of. What a window costs is what is in use in it; in
 * pageblocks of other types than MOVABLE that will hardly move and counts several times. The cheapest windows are tried
 * first, in a few rounds of looking; after those the rest in order of address, so that a range that can be cleared is found
 * if there is one among the windows.
 */
#include "mobility/mobility.h"

#include "page_alloc/page_alloc.h"

#define CHUNKS 8u			/* of a window */
#define BEST 16u			/* windows remembered by a look */
#define LOOKS 4u
#define FRAMES_AT_ONCE 32768u		/* counted per stay under the zone's lock */
#define UNMOVABLE_COST 16u
#define UNUSABLE UINT64_MAX

struct window {
	quire_pfn_t pfn;
	uint64_t cost;
};

struct search {
	struct quire *q;
	quire_gfp_t gfp;
	uint64_t count, chunk;
	struct window best[BEST];		/* cheapest first, then highest */
	unsigned n;
	struct window tried;			/* these and cheaper ones were tried */
	bool sweep;				/* try each as it comes */
	quire_pfn_t pfn;			/* the result */
	struct quire_obstacle obstacle;		/* of the first that was tried */
};

static bool before(const struct window *a, const struct window *b)
{
	return a->cost != b->cost ? a->cost < b->cost : a->pfn > b->pfn;
}

/* --- what a range costs ------------------------------------------------------------------------------------------- */

/* Zone locked. A leaf or a part of one. */
static uint64_t leaf_cost(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t frames)
{
	struct qi_scan scan = { .pfn = pfn, .end = pfn + frames };
	unsigned type = qi_tree_type(tree, pfn);

	qi_scan_blocks(tree, &scan);
	if (type >= QUIRE_MIGRATE_PCPTYPES || scan.free + scan.used != frames)
		return UNUSABLE;
	return type == QUIRE_MIGRATE_MOVABLE ? scan.used : scan.used * UNMOVABLE_COST;
}

static uint64_t range_cost(struct qi_zone *za, quire_pfn_t pfn, uint64_t frames)
{
	quire_pfn_t end = pfn + frames;
	uint64_t cost = 0, part = 0;

	while (pfn < end && part != UNUSABLE) {
		quire_pfn_t stop = qi_min(end, qi_align_down(pfn, FRAMES_AT_ONCE) + FRAMES_AT_ONCE);

		qi_lock(&za->lock);
		for (quire_pfn_t next; pfn < stop && part != UNUSABLE; pfn = next) {
			next = qi_min(stop, qi_align_down(pfn, QI_FAN) + QI_FAN);
			part = leaf_cost(&za->tree, pfn, next - pfn);
			cost += part;
		}
		qi_unlock(&za->lock);
	}
	return part == UNUSABLE ? UNUSABLE : cost;
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

static bool try_window(struct search *s, const struct window *window)
{
	struct quire_obstacle obstacle = qi_no_obstacle();

	if (qi_alloc_range(s->q, window->pfn, s->count, s->gfp, 0, &obstacle, NULL) == QUIRE_OK) {
		s->pfn = window->pfn;
		return true;
	}
	if (s->obstacle.pfn == QUIRE_PFN_NONE)
		s->obstacle = obstacle;
	return false;
}

static void remember(struct search *s, const struct window *window)
{
	unsigned at = s->n < BEST ? s->n++ : BEST;

	while (at && before(window, &s->best[at - 1])) {
		if (at < BEST)
			s->best[at] = s->best[at - 1];
		at--;
	}
	if (at < BEST)
		s->best[at] = *window;
}

/* All windows of a zone, from its end down. True: one was taken. */
static bool look(struct search *s, struct qi_zone *za)
{
	uint64_t chunks[CHUNKS], whole = qi_div64(s->count, s->chunk), rest = s->count - whole * s->chunk;
	quire_pfn_t start = za->tree.start_pfn, end = za->tree.end_pfn;
	unsigned turn = 0;

	if (end - start < s->count)
		return false;
	for (unsigned i = 0; i < CHUNKS; i++)
		chunks[i] = UNUSABLE;
	/* The windows at the end get their upper chunks first. */
	for (quire_pfn_t at = qi_align_down(end, s->chunk); at >= start; at -= s->chunk) {
		struct window window = { .pfn = at };

		if (whole) {
			chunks[turn] = end - at < s->chunk ? UNUSABLE : range_cost(za, at, s->chunk);
			turn = turn + 1 < whole ? turn + 1 : 0;
		}
		if (end - at >= s->count) {
			window.cost = rest ? range_cost(za, at + whole * s->chunk, rest) : 0;
			for (unsigned i = 0; i < whole && window.cost != UNUSABLE; i++)
				window.cost = chunks[i] == UNUSABLE ? UNUSABLE : window.cost + chunks[i];
			if (window.cost != UNUSABLE && before(&s->tried, &window)) {
				if (!s->sweep)
					remember(s, &window);
				else if (try_window(s, &window))
					return true;
			}
		}
		if (at < s->chunk)
			break;
	}
	return false;
}

static bool search_zone(struct search *s, struct qi_zone *za)
{
	s->tried = (struct window){ .pfn = QUIRE_PFN_NONE };
	s->sweep = false;
	for (unsigned looks = 0; looks < LOOKS; looks++) {
		s->n = 0;
		look(s, za);
		for (unsigned i = 0; i < s->n; i++) {
			if (try_window(s, &s->best[i]))
				return true;
			s->tried = s->best[i];
		}
		if (s->n < BEST)
			return false;
	}
	s->sweep = true;
	return look(s, za);
}

/* Zones the request may use that can spare so much. */
static bool search_zones(struct search *s, const struct qi_walk *walk)
{
	for (size_t i = 0; i < quire_zonelist_count(walk->list); i++) {
		struct qi_zone *za = qi_zone_of(quire_zonelist_zone(walk->list, i));

		if (!za || !qi_walk_allows(walk, za->zone) || qi_tree_free_pages(&za->tree) <
		    qi_request_floor(za, 0, walk->highest, QUIRE_WMARK_LOW) + s->count)
			continue;
		if (search_zone(s, za))
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
static bool from_free_block(struct search *s, int nid, uint64_t align)
{
	unsigned order = qi_log2_up(s->count);
	quire_gfp_t gfp = (s->gfp & ~(QUIRE_GFP_RECLAIM | QUIRE_GFP_NOFAIL | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_ACCOUNT)) |
			  QUIRE_GFP_NOWARN;

	return order < QI_TREE_ORDERS && align <= 1ull << order &&
	       quire_alloc_frames_exact(s->q, nid, s->count, gfp, &s->pfn) == QUIRE_OK;
}

static uint64_t chunk_frames(uint64_t count, uint64_t align)
{
	uint64_t power = 1ull << qi_log2_up(count);

	return qi_max(align, qi_max(power / CHUNKS, qi_min(power, QI_FAN)));
}

static enum quire_status refuse(struct search *s, struct quire_obstacle *obstacle)
{
	if (s->obstacle.pfn == QUIRE_PFN_NONE)
		s->obstacle.why = "no zone has so much to spare in one piece, holes and others' areas apart";
	if (!(s->gfp & QUIRE_GFP_NOWARN))
		qi_log(s->q->platform, QUIRE_LOG_WARNING, "no %llu frames side by side: frame %#llx %s (%s)",
		       (unsigned long long)s->count, (unsigned long long)s->obstacle.pfn, s->obstacle.why,
		       s->obstacle.owner ? s->obstacle.owner : "nobody's");
	if (obstacle)
		*obstacle = s->obstacle;
	return QUIRE_ENOMEM;
}

enum quire_status quire_alloc_contig(struct quire *q, int nid, uint64_t count, uint64_t align, quire_gfp_t gfp,
				     quire_pfn_t *pfn, struct quire_obstacle *obstacle)
{
	struct search s = { .q = q, .gfp = gfp & ~QUIRE_GFP_ZERO, .count = count, .obstacle = qi_no_obstacle() };
	struct qi_walk walk;
	enum quire_status status = qi_walk_begin(q, nid, 0, gfp, &walk);

	if (status != QUIRE_OK)
		return status;
	if (!count || count > 1ull << 40 || (align & (align - 1)) || align > 1ull << 40)
		return qi_refuse_request(q, QUIRE_EINVAL, 0, gfp, "no such alignment or number of frames");
	s.chunk = chunk_frames(count, align);
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
