/*
 * Who holds what: writing the records, and finding a frame's. While a block is held its record is its first frame's; when
 * it is split each piece gets a copy. When it is given back each of its frames gets one: whatever becomes of the
 * neighbours, a frame remembers its own last.
 */
#include "debug/debug.h"

#ifndef QUIRE_WITHOUT_DEBUG

static struct quire_frame_event event_now(const struct quire *q, unsigned cpu, const void *site)
{
	const struct quire_platform *platform = q->platform;

	return (struct quire_frame_event){
		.ns = platform->now_ns ? platform->now_ns(platform->ctx) : 0, .site = (uintptr_t)site,
		.by = platform->caller ? platform->caller(platform->ctx) : 0, .cpu = cpu, .known = true,
	};
}

static struct qi_owner_note *note_of(struct qi_notes *notes, quire_pfn_t pfn)
{
	return notes ? &notes->owner[qi_note_index(pfn)] : NULL;
}

void qi_owner_taken(struct quire *q, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, const void *site)
{
	struct qi_owner_note *note;
	unsigned long state = 0;
	unsigned cpu;

	if (!qi_debug_of(q)->options.page_owner)
		return;
	note = note_of(qi_notes_make(q, pfn), pfn);
	if (!note)
		return;
	cpu = qi_enter_cpu(q, &state);
	qi_leave_cpu(q, state);
	note->taken = event_now(q, cpu, site);
	note->gfp = gfp;
	note->order = (uint8_t)order;
	note->held = 1;
}

void qi_owner_freed(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned cpu, const void *site)
{
	struct qi_owner_note *note;

	if (!qi_debug_of(q)->options.page_owner)
		return;
	note = note_of(qi_notes_make(q, pfn), pfn);
	if (!note)
		return;
	note->freed = event_now(q, cpu, site);
	note->order = (uint8_t)order;
	note->held = 0;
	for (quire_pfn_t at = pfn + 1; at < pfn + (1ull << order); at++) {
		struct qi_owner_note *other = note_of(qi_notes_make(q, at), at);

		if (other)
			*other = *note;
	}
}

void qi_debug_split(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned to)
{
	struct qi_owner_note *first;

	if (!qi_debug_of(q)->options.page_owner)
		return;
	first = note_of(qi_notes_find(qi_debug_of(q), pfn), pfn);
	if (!first)
		return;
	first->order = (uint8_t)to;
	for (quire_pfn_t at = pfn + (1ull << to); at < pfn + (1ull << order); at += 1ull << to) {
		struct qi_owner_note *note = note_of(qi_notes_make(q, at), at);

		if (note)
			*note = *first;
	}
}

void qi_debug_moved(struct quire *q, quire_pfn_t from, quire_pfn_t to)
{
	const struct qi_owner_note *old;
	struct qi_owner_note *new;

	if (!qi_debug_of(q)->options.page_owner)
		return;
	old = note_of(qi_notes_find(qi_debug_of(q), from), from);
	new = note_of(qi_notes_find(qi_debug_of(q), to), to);
	if (!old || !new)
		return;
	new->taken = old->taken;
	new->gfp = old->gfp;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static struct quire_page_story story_of(const struct qi_owner_note *note, quire_pfn_t head)
{
	return (struct quire_page_story){
		.held = note->held, .head = head, .order = note->order, .gfp = note->gfp, .taken = note->taken,
		.freed = note->freed,
	};
}

enum quire_status quire_page_story(const struct quire *q, quire_pfn_t pfn, struct quire_page_story *story)
{
	const struct qi_debug *d = qi_debug_of(q);
	const struct qi_owner_note *note;

	if (!d || !d->options.page_owner)
		return QUIRE_ENOENT;
	for (unsigned order = 0; order < QI_TREE_ORDERS; order++) {
		quire_pfn_t head = qi_align_down(pfn, 1ull << order);

		note = note_of(qi_notes_find(d, head), head);
		if (!note || !note->held || head + (1ull << note->order) <= pfn)
			continue;
		*story = story_of(note, head);
		return QUIRE_OK;
	}
	note = note_of(qi_notes_find(d, pfn), pfn);
	if (!note || !note->freed.known)
		return QUIRE_ENOENT;
	*story = story_of(note, qi_align_down(pfn, 1ull << note->order));
	return QUIRE_OK;
}

void quire_for_each_held(const struct quire *q, bool (*visit)(void *ctx, const struct quire_page_story *story), void *ctx)
{
	const struct qi_debug *d = qi_debug_of(q);

	for (size_t i = 0; d && d->options.page_owner && i < d->chunk_count; i++) {
		const struct qi_notes *notes = qi_notes_find(d, (quire_pfn_t)i << QI_NOTES_SHIFT);

		for (unsigned k = 0; notes && k < QI_NOTES; k++) {
			struct quire_page_story story;

			if (!notes->owner[k].held)
				continue;
			story = story_of(&notes->owner[k], ((quire_pfn_t)i << QI_NOTES_SHIFT) + k);
			if (!visit(ctx, &story))
				return;
		}
	}
}

struct grouping {
	struct quire_holder *groups;
	size_t room, count;
	struct quire_holder rest;
	uint64_t since_ns;
};

static void add_to_group(struct quire_holder *group, const struct quire_page_story *story)
{
	group->blocks++;
	group->pages += 1ull << story->order;
	if (group->blocks == 1 || story->taken.ns < group->oldest_ns) {
		group->oldest_ns = story->taken.ns;
		group->example = story->head;
	}
	group->newest_ns = qi_max(group->newest_ns, story->taken.ns);
}

static bool group_block(void *ctx, const struct quire_page_story *story)
{
	struct grouping *g = ctx;
	size_t i = 0;

	if (story->taken.ns >= g->since_ns && g->since_ns != UINT64_MAX)
		return true;
	while (i < g->count && (g->groups[i].site != story->taken.site || g->groups[i].by != story->taken.by))
		i++;
	if (i == g->count && i < g->room)
		g->groups[g->count++] = (struct quire_holder){ .site = story->taken.site, .by = story->taken.by };
	add_to_group(i < g->count ? &g->groups[i] : &g->rest, story);
	return true;
}

/* By insertion: there are few. */
static void sort_groups(struct quire_holder *groups, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct quire_holder group = groups[i];
		size_t at = i;

		for (; at && groups[at - 1].pages < group.pages; at--)
			groups[at] = groups[at - 1];
		groups[at] = group;
	}
}

size_t quire_group_holders(const struct quire *q, uint64_t since_ns, struct quire_holder *groups, size_t room,
			   struct quire_holder *rest)
{
	struct grouping g = { .groups = groups, .room = room, .since_ns = since_ns };

	quire_for_each_held(q, group_block, &g);
	sort_groups(groups, g.count);
	if (rest)
		*rest = g.rest;
	return g.count;
}

#endif
