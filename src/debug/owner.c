/*
 * Who holds what: writing the records, and finding a frame's. A record is its block's first frame's; when blocks are split
 * each piece gets a copy, when they merge the old ones stay as the story of who gave them back.
 */
#include "debug/debug.h"

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

	if (!q->page_alloc.debug->options.page_owner)
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

	if (!q->page_alloc.debug->options.page_owner)
		return;
	note = note_of(qi_notes_make(q, pfn), pfn);
	if (!note)
		return;
	note->freed = event_now(q, cpu, site);
	note->order = (uint8_t)order;
	note->held = 0;
}

void qi_debug_split(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned to)
{
	struct qi_owner_note *first;

	if (!q->page_alloc.debug->options.page_owner)
		return;
	first = note_of(qi_notes_find(q->page_alloc.debug, pfn), pfn);
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

	if (!q->page_alloc.debug->options.page_owner)
		return;
	old = note_of(qi_notes_find(q->page_alloc.debug, from), from);
	new = note_of(qi_notes_find(q->page_alloc.debug, to), to);
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

/* A block that is held is what covers the frame; of those given back the last that did. */
enum quire_status quire_page_story(const struct quire *q, quire_pfn_t pfn, struct quire_page_story *story)
{
	const struct qi_debug *d = q->page_alloc.debug;
	bool found = false;

	if (!d || !d->options.page_owner)
		return QUIRE_ENOENT;
	for (unsigned order = 0; order < QI_TREE_ORDERS; order++) {
		quire_pfn_t head = qi_align_down(pfn, 1ull << order);
		const struct qi_owner_note *note = note_of(qi_notes_find(d, head), head);

		if (!note || !(note->taken.known || note->freed.known) || head + (1ull << note->order) <= pfn)
			continue;
		if (found && !note->held && note->freed.ns <= story->freed.ns)
			continue;
		*story = story_of(note, head);
		found = true;
		if (note->held)
			break;
	}
	return found ? QUIRE_OK : QUIRE_ENOENT;
}

void quire_for_each_held(const struct quire *q, bool (*visit)(void *ctx, const struct quire_page_story *story), void *ctx)
{
	const struct qi_debug *d = q->page_alloc.debug;

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
	uint64_t since_ns;
};

static bool group_block(void *ctx, const struct quire_page_story *story)
{
	struct grouping *g = ctx;
	struct quire_holder *group = g->groups;
	size_t known = (size_t)qi_min(g->count, g->room), i = 0;

	if (story->taken.ns >= g->since_ns && g->since_ns != UINT64_MAX)
		return true;
	while (i < known && (group[i].site != story->taken.site || group[i].by != story->taken.by))
		i++;
	if (i == known) {
		g->count++;
		if (i == g->room)
			return true;
		group[i] = (struct quire_holder){ .site = story->taken.site, .by = story->taken.by, .oldest_ns = UINT64_MAX };
	}
	group[i].blocks++;
	group[i].pages += 1ull << story->order;
	if (story->taken.ns < group[i].oldest_ns) {
		group[i].oldest_ns = story->taken.ns;
		group[i].example = story->head;
	}
	group[i].newest_ns = qi_max(group[i].newest_ns, story->taken.ns);
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

size_t quire_group_holders(const struct quire *q, uint64_t since_ns, struct quire_holder *groups, size_t room)
{
	struct grouping g = { .groups = groups, .room = room, .since_ns = since_ns };

	quire_for_each_held(q, group_block, &g);
	sort_groups(groups, (size_t)qi_min(g.count, room));
	return g.count;
}
