/*
 * What is in frames: the poison of free ones, zeroes, and whether they are in the direct map at all.
 *
 * A frame is filled when it is given back, not at boot: what was never handed out is not touched (it may be terabytes),
 * and not looked at when it is. Frames the platform has no mapping for (highmem) are left alone.
 */
#include "debug/debug.h"

#ifndef QUIRE_WITHOUT_DEBUG

#define POISON_WORD (0x0101010101010101ull * QUIRE_POISON_BYTE)
#define TOLD_IN_FULL 10u

static void *frame_address(const struct quire *q, quire_pfn_t pfn)
{
	unsigned shift = quire_page_shift(&q->config);

	return q->platform->phys_to_virt(q->platform->ctx, pfn << shift, 1ull << shift);
}

/* --- the map --------------------------------------------------------------------------------------------------------- */

static void set_mapped(const struct quire *q, quire_pfn_t pfn, bool mapped)
{
	unsigned shift = quire_page_shift(&q->config);

	q->platform->set_mapped(q->platform->ctx, pfn << shift, 1ull << shift, mapped);
}

/* --- poison ---------------------------------------------------------------------------------------------------------- */

/* Where, how much and what. */
static void measure(const uint8_t *bytes, unsigned size, struct quire_debug_counts *found)
{
	found->changed = 0;
	memset(found->found, 0, sizeof(found->found));
	for (unsigned i = 0; i < size; i++) {
		if (bytes[i] == QUIRE_POISON_BYTE)
			continue;
		if (!found->changed++)
			found->first = i;
		found->last = i;
	}
	for (unsigned i = 0; i < sizeof(found->found) && found->first + i < size; i++)
		found->found[i] = bytes[found->first + i];
}

static void tell(const struct quire *q, const struct quire_debug_counts *found, bool single)
{
	char bytes[3 * sizeof(found->found) + 1];
	struct quire_page_story story;
	char who[96] = "";

	if (quire_page_story(q, found->pfn, &story) == QUIRE_OK && story.freed.known)
		qi_snprintf(who, sizeof(who), "; given back by CPU %u from %#llx, owner %llu", story.freed.cpu,
			    (unsigned long long)story.freed.site, (unsigned long long)story.freed.by);
	if (single) {
		qi_log(q->platform, QUIRE_LOG_ERROR,
		       "single bit error in free frame %#llx: byte %#x is %02x, expected %02x%s",
		       (unsigned long long)found->pfn, found->first, found->found[0], QUIRE_POISON_BYTE, who);
		return;
	}
	for (unsigned i = 0; i < sizeof(found->found); i++)
		qi_snprintf(bytes + 3 * i, 4, "%02x ", found->found[i]);
	bytes[3 * sizeof(found->found) - 1] = '\0';
	qi_log(q->platform, QUIRE_LOG_ERROR,
	       "memory corruption in free frame %#llx: %u bytes changed, from %#x to %#x, expected %02x, found %s%s",
	       (unsigned long long)found->pfn, found->changed, found->first, found->last, QUIRE_POISON_BYTE, bytes, who);
}

static void report(struct quire *q, quire_pfn_t pfn, const uint8_t *bytes)
{
	struct quire_debug_counts found = { .pfn = pfn };
	struct qi_debug *d = qi_debug_of(q);
	bool single;
	uint64_t n;
	unsigned long state;

	measure(bytes, 1u << quire_page_shift(&q->config), &found);
	single = found.changed == 1 && qi_is_pow2(found.found[0] ^ QUIRE_POISON_BYTE);
	state = qi_lock_irqsave(q->platform, &d->lock);
	n = ++d->counts.corrupted;
	d->counts.single_bit += single;
	d->counts.pfn = pfn;
	d->counts.first = found.first;
	d->counts.last = found.last;
	d->counts.changed = found.changed;
	memcpy(d->counts.found, found.found, sizeof(found.found));
	qi_unlock_irqrestore(q->platform, &d->lock, state);
	if (n <= TOLD_IN_FULL || qi_is_pow2(n))
		tell(q, &found, single);
}

static void look_at(struct quire *q, quire_pfn_t pfn)
{
	const uint64_t *words = frame_address(q, pfn);
	unsigned n = 1u << (quire_page_shift(&q->config) - 3);
	uint64_t changed = 0;

	for (unsigned i = 0; words && i < n; i++)
		changed |= words[i] ^ POISON_WORD;
	if (qi_unlikely(changed))
		report(q, pfn, (const uint8_t *)words);
}

/* --- both ------------------------------------------------------------------------------------------------------------ */

static bool fill(const struct quire *q, quire_pfn_t pfn, int byte)
{
	void *address = frame_address(q, pfn);

	if (address)
		memset(address, byte, (size_t)1 << quire_page_shift(&q->config));
	return address;
}

/* A frame that is given back. Returns its flags. */
static unsigned frame_freed(struct quire *q, const struct quire_debug_options *o, quire_pfn_t pfn)
{
	unsigned flags = 0;

	if (o->page_poison && fill(q, pfn, QUIRE_POISON_BYTE))
		flags |= QI_NOTE_POISONED;
	if (o->init_on_free)
		fill(q, pfn, 0);
	if (o->debug_pagealloc) {
		set_mapped(q, pfn, false);
		flags |= QI_NOTE_UNMAPPED;
	}
	return flags;
}

void qi_contents_freed(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	const struct qi_debug *d = qi_debug_of(q);

	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		struct qi_notes *notes = d->watch ? qi_notes_make(q, at) : NULL;

		if (notes)
			__atomic_store_n(&notes->flags[qi_note_index(at)], (uint8_t)frame_freed(q, &d->options, at),
					 __ATOMIC_RELAXED);
		else if (d->options.init_on_free)
			fill(q, at, 0);
	}
}

void qi_contents_check(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	const struct qi_debug *d = qi_debug_of(q);

	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		unsigned flags = qi_note_flags(d, at);

		if ((flags & QI_NOTE_POISONED) && !(flags & QI_NOTE_UNMAPPED))
			look_at(q, at);
	}
}

void qi_debug_needed(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	const struct qi_debug *d = qi_debug_of(q);

	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		struct qi_notes *notes = qi_notes_find(d, at);

		if (!notes)
			continue;
		if (notes->flags[qi_note_index(at)] & QI_NOTE_UNMAPPED)
			set_mapped(q, at, true);
		__atomic_store_n(&notes->flags[qi_note_index(at)], 0, __ATOMIC_RELAXED);
	}
}

void qi_contents_taken(struct quire *q, quire_pfn_t pfn, unsigned order)
{
	const struct qi_debug *d = qi_debug_of(q);

	for (quire_pfn_t at = pfn; d->watch && at < pfn + (1ull << order); at++) {
		struct qi_notes *notes = qi_notes_make(q, at);
		unsigned flags = notes ? notes->flags[qi_note_index(at)] : 0;

		if (flags & QI_NOTE_UNMAPPED)
			set_mapped(q, at, true);
		if (flags & QI_NOTE_POISONED)
			look_at(q, at);
		if (notes)
			__atomic_store_n(&notes->flags[qi_note_index(at)], QI_NOTE_USED, __ATOMIC_RELAXED);
	}
}

#endif
