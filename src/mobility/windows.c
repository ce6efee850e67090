/*
 * Windows: where in a zone is the range of a given length that costs least to clear?
 *
 * A zone is gone through from its end down by chunks; a window is some chunks in a row and perhaps a part of one more, so
 * that each chunk is counted once however many windows it is part of. What a window costs is what is in use in it; in
 * pageblocks of other types than MOVABLE that will hardly move and counts several times. The cheapest windows are tried
 * first, in a few rounds of looking; after those, if wanted, the rest in order of address, so that a range that can be
 * cleared is found if there is one among the windows.
 */
#include "mobility/windows.h"

#include "zone/tree_internal.h"

#ifndef QUIRE_WITHOUT_MOBILITY

#define FRAMES_AT_ONCE 32768u		/* counted per stay under the zone's lock */
#define UNMOVABLE_COST 16u
#define UNUSABLE UINT64_MAX

static bool before(const struct qi_window *a, const struct qi_window *b)
{
	return a->cost != b->cost ? a->cost < b->cost : a->pfn > b->pfn;
}

/* --- what a range costs ------------------------------------------------------------------------------------------- */

/* Zone locked. A leaf or a part of one. */
static uint64_t leaf_cost(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t frames)
{
	struct qi_tree_range_counts counts = qi_tree_count_range(tree, pfn, pfn + frames);
	unsigned type = qi_tree_type(tree, pfn);

	if (type >= QUIRE_MIGRATE_PCPTYPES || counts.absent)
		return UNUSABLE;
	return type == QUIRE_MIGRATE_MOVABLE ? counts.allocated : counts.allocated * UNMOVABLE_COST;
}

static uint64_t range_cost(struct qi_zone *za, quire_pfn_t pfn, uint64_t frames)
{
	quire_pfn_t end = pfn + frames;
	uint64_t cost = 0, part = 0;

	while (pfn < end && part != UNUSABLE) {
		quire_pfn_t stop = qi_min(end, qi_align_down(pfn, FRAMES_AT_ONCE) + FRAMES_AT_ONCE);

		qi_zone_lock(za);
		for (quire_pfn_t next; pfn < stop && part != UNUSABLE; pfn = next) {
			next = qi_min(stop, qi_align_down(pfn, QI_FAN) + QI_FAN);
			part = leaf_cost(&za->tree, pfn, next - pfn);
			cost += part;
		}
		qi_zone_unlock(za);
	}
	return part == UNUSABLE ? UNUSABLE : cost;
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

static void remember(struct qi_search *s, const struct qi_window *window)
{
	unsigned at = s->n < QI_WINDOWS_BEST ? s->n++ : QI_WINDOWS_BEST;

	while (at && before(window, &s->best[at - 1])) {
		if (at < QI_WINDOWS_BEST)
			s->best[at] = s->best[at - 1];
		at--;
	}
	if (at < QI_WINDOWS_BEST)
		s->best[at] = *window;
}

/* All windows of a zone, from its end down. True: one was taken. */
static bool look(struct qi_search *s, struct qi_zone *za)
{
	uint64_t chunks[QI_WINDOW_CHUNKS], whole = qi_div64(s->count, s->chunk), rest = s->count - whole * s->chunk;
	quire_pfn_t start = qi_peek(&za->tree.start_pfn), end = qi_peek(&za->tree.end_pfn);
	unsigned turn = 0;

	if (end - start < s->count)
		return false;
	for (unsigned i = 0; i < QI_WINDOW_CHUNKS; i++)
		chunks[i] = UNUSABLE;
	/* The windows at the end get their upper chunks first. */
	for (quire_pfn_t at = qi_align_down(end, s->chunk); at >= start; at -= s->chunk) {
		struct qi_window window = { .pfn = at };

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
				else if (s->attempt(s, za, window.pfn))
					return true;
			}
		}
		if (at < s->chunk)
			break;
	}
	return false;
}

bool qi_search_zone(struct qi_search *s, struct qi_zone *za)
{
	s->tried = (struct qi_window){ .pfn = QUIRE_PFN_NONE };
	s->sweep = false;
	for (unsigned looks = 0; looks < s->looks; looks++) {
		s->n = 0;
		look(s, za);
		for (unsigned i = 0; i < s->n; i++) {
			if (s->attempt(s, za, s->best[i].pfn))
				return true;
			s->tried = s->best[i];
		}
		if (s->n < QI_WINDOWS_BEST)
			return false;
	}
	s->sweep = s->thorough;
	return s->thorough && look(s, za);
}

uint64_t qi_window_chunk(uint64_t count, uint64_t align)
{
	uint64_t power = 1ull << qi_log2_up(count);

	return qi_max(align, qi_max(power / QI_WINDOW_CHUNKS, qi_min(power, QI_FAN)));
}

#endif
