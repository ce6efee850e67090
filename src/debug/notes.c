/* The notes' memory; see debug.h. */
#include "debug/debug.h"

#include "boot/meta.h"

#ifndef QUIRE_WITHOUT_DEBUG

static size_t chunk_bytes(const struct qi_debug *d)
{
	return sizeof(struct qi_notes) + (d->options.page_owner ? QI_NOTES * sizeof(struct qi_owner_note) : 0);
}

struct qi_notes *qi_notes_find(const struct qi_debug *d, quire_pfn_t pfn)
{
	uint64_t i = pfn >> QI_NOTES_SHIFT;
	struct qi_notes **chunks;

	/* The table before its length: it only ever grows. */
	if (i >= __atomic_load_n(&d->chunk_count, __ATOMIC_ACQUIRE))
		return NULL;
	chunks = __atomic_load_n(&d->chunks, __ATOMIC_RELAXED);
	return __atomic_load_n(&chunks[i], __ATOMIC_ACQUIRE);
}

/* A longer table; the old one stays, somebody may be reading it. Locked, or nobody else is there. */
static enum quire_status grow_table(struct quire *q, struct qi_debug *d, size_t count)
{
	struct qi_notes **chunks = qi_meta_alloc(q, count * sizeof(*chunks), 64, QUIRE_NO_NODE, &q->metadata.debug);

	if (!chunks)
		return QUIRE_ENOMEM;
	if (d->chunk_count)
		memcpy(chunks, d->chunks, d->chunk_count * sizeof(*chunks));
	__atomic_store_n(&d->chunks, chunks, __ATOMIC_RELAXED);
	__atomic_store_n(&d->chunk_count, count, __ATOMIC_RELEASE);
	return QUIRE_OK;
}

static struct qi_notes *make_locked(struct quire *q, struct qi_debug *d, quire_pfn_t pfn)
{
	uint64_t i = pfn >> QI_NOTES_SHIFT;

	if (i >= d->chunk_count && grow_table(q, d, (size_t)qi_max(i + 1, 2 * d->chunk_count)) != QUIRE_OK)
		return NULL;
	if (!d->chunks[i])
		__atomic_store_n(&d->chunks[i], qi_meta_alloc(q, chunk_bytes(d), 64, QUIRE_NO_NODE, &q->metadata.debug),
				 __ATOMIC_RELEASE);
	return d->chunks[i];
}

struct qi_notes *qi_notes_make(struct quire *q, quire_pfn_t pfn)
{
	struct qi_debug *d = qi_debug_of(q);
	struct qi_notes *notes = qi_notes_find(d, pfn);
	unsigned long state;

	/*
	 * Taking frames for notes of frames would have no end: where that is what metadata is made of, boot made them
	 * all.
	 */
	if (qi_unlikely(!notes && q->platform->meta_alloc)) {
		state = qi_lock_irqsave(q->platform, &d->lock);
		notes = make_locked(q, d, pfn);
		qi_unlock_irqrestore(q->platform, &d->lock, state);
	}
	return notes;
}

/* For all memory there is, from the ledger. */
static enum quire_status make_all(struct quire *q, struct qi_debug *d)
{
	unsigned shift = quire_page_shift(&q->config) + QI_NOTES_SHIFT;
	struct quire_memblock_range range;
	uint64_t cursor;

	quire_memblock_for_each_memory(&q->memblock, cursor, &range)
		for (uint64_t i = range.start >> shift; i <= (range.end - 1) >> shift; i++)
			if (!make_locked(q, d, i << QI_NOTES_SHIFT))
				return QUIRE_ENOMEM;
	return QUIRE_OK;
}

enum quire_status qi_notes_open(struct quire *q, struct qi_debug *d)
{
	enum quire_status status = grow_table(q, d, (size_t)qi_div_up(qi_max(q->topology.max_pfn, 1), QI_NOTES));

	return status != QUIRE_OK || q->platform->meta_alloc ? status : make_all(q, d);
}

#endif
