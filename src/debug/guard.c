/*
 * Guards: unused neighbours of small blocks.
 *
 * A small request takes a block of the guards' order and splits it; the requester's block lies at its beginning, the
 * others are guards: allocated to the tree, in nobody's hands. The requester's block is a block like any other, to be
 * split and given back piece by piece. When nothing in the neighbourhood is used any more, guards are given back too and
 * all merges.
 */
#include "debug/debug.h"

#include "zone/tree_split.h"

#ifndef QUIRE_WITHOUT_DEBUG

static void change_flags(struct qi_notes *notes, quire_pfn_t pfn, uint64_t count, unsigned clear, unsigned set)
{
	for (uint64_t i = 0; i < count; i++) {
		uint8_t *flags = &notes->flags[qi_note_index(pfn + i)];

		__atomic_store_n(flags, (uint8_t)((*flags & ~clear) | set), __ATOMIC_RELAXED);
	}
}

enum quire_status qi_guard_set(struct quire *q, quire_pfn_t pfn, unsigned order, unsigned around)
{
	struct qi_notes *notes = qi_notes_make(q, pfn);
	struct qi_debug *d = qi_debug_of(q);
	struct qi_zone *za = qi_zone_of_frame(q, pfn);
	uint64_t pages = (1ull << around) - (1ull << order);
	enum quire_status status;
	unsigned long state;

	if (!notes || !za)
		return QUIRE_ENOMEM;
	qi_zone_lock(za);
	status = qi_tree_split(&za->tree, pfn, around, order);
	qi_zone_unlock(za);
	if (status != QUIRE_OK)
		return status;
	for (quire_pfn_t at = pfn + (1ull << order); at < pfn + (1ull << around); at++)
		qi_contents_freed(q, at, 0);
	state = qi_lock_irqsave(q->platform, &d->lock);
	change_flags(notes, pfn + (1ull << order), pages, 0, QI_NOTE_GUARD);
	d->counts.guards += pages;
	qi_unlock_irqrestore(q->platform, &d->lock, state);
	return QUIRE_OK;
}

/* Give the guards among [pfn, pfn + count) back, by the blocks they are in the tree. Zone locked. */
static uint64_t free_guards(struct qi_zone *za, struct qi_notes *notes, quire_pfn_t pfn, uint64_t count)
{
	uint64_t freed = 0;

	for (quire_pfn_t at = pfn; at < pfn + count;) {
		quire_pfn_t head;
		unsigned order = 0;

		if (!(notes->flags[qi_note_index(at)] & QI_NOTE_GUARD) ||
		    qi_tree_lookup(&za->tree, at, &head, &order) != QUIRE_OK ||
		    qi_tree_free(&za->tree, at, order) != QUIRE_OK) {
			at++;
			continue;
		}
		change_flags(notes, at, 1ull << order, QI_NOTE_GUARD, 0);
		freed += 1ull << order;
		at += 1ull << order;
	}
	return freed;
}

void qi_guard_release(struct quire *q, struct qi_zone *za, unsigned cpu, quire_pfn_t pfn)
{
	struct qi_debug *d = qi_debug_of(q);
	uint64_t pages = 1ull << d->options.guardpage_minorder, freed = 0;
	struct qi_notes *notes = qi_notes_find(d, pfn);
	unsigned all = 0;

	if (!notes)
		return;
	pfn = qi_align_down(pfn, pages);
	qi_contents_check(q, pfn, pages);
	qi_lock(&d->lock);
	for (uint64_t i = 0; i < pages; i++)
		all |= notes->flags[qi_note_index(pfn + i)];
	if ((all & QI_NOTE_GUARD) && !(all & QI_NOTE_USED)) {
		qi_lock(&za->lock);
		freed = free_guards(za, notes, pfn, pages);
		qi_unlock(&za->lock);
		d->counts.guards -= freed;
	}
	qi_unlock(&d->lock);
	if (freed)
		qi_count_freed(za, cpu, freed);
}

#endif
