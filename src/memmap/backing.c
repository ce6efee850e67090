/*
 * Backing of descriptors that come and go singly: units under LAZY, and all of hot-added memory.
 *
 * Each unit (classic models: each section) has a word in its usage map that says whose the backing is, so that it can be
 * taken away again without a search.
 */
#include "memmap/internal.h"

/* Where a unit's backing is, in two words: frame number + 1, or that it is not ours to give back. 0: none. */
#define BACKING_LEDGER	(UINT64_C(1) << 63)	/* recorded as a chunk */
#define BACKING_HOST	(UINT64_C(1) << 62)	/* the platform's own */
#define BACKING_ALTMAP	(UINT64_C(1) << 61)	/* part of the memory described, its owner's business */

uint64_t *qi_backing_of(const struct quire_memmap *m, const struct quire_section *section, quire_pfn_t pfn)
{
	quire_pfn_t offset = pfn & (((quire_pfn_t)1 << m->section_pfn_shift) - 1);
	uint64_t *words = (uint64_t *)((uint32_t *)section->usage + m->usage_backing);

	return qi_is_vmemmap(m) ? &words[offset >> m->unit_shift] : words;
}

static uint64_t unit_bytes(const struct quire_memmap *m)
{
	return (uint64_t)1 << (m->unit_shift + m->stride_shift);
}

static uint64_t backing_word(const struct quire_memmap *m, const struct qi_chunk *chunk)
{
	switch (chunk->kind) {
	case QI_CHUNK_HOST:
		return BACKING_HOST;
	case QI_CHUNK_LEDGER:
		return BACKING_LEDGER;
	default:
		return (chunk->phys >> m->page_shift) + 1;
	}
}

/* Only what the ledger gave needs a record: everything else is found again by its backing word. */
static enum quire_status take_backing(struct quire *q, uint64_t size, int nid, bool unmapped, struct qi_chunk *chunk)
{
	struct qi_want want = { .size = size, .align = qi_min(size, (uint64_t)2 << 20), .nid = nid, .unmapped = unmapped };
	enum quire_status status = qi_mm_take_loose(q, &want, chunk);

	if (status != QUIRE_OK || chunk->kind != QI_CHUNK_LEDGER)
		return status;
	if (!qi_mm_record(q, chunk)) {
		qi_mm_drop(q, chunk);
		return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

/* As many pages of the range itself; the word only says so. */
static enum quire_status take_altmap(const struct quire *q, uint64_t size, struct quire_altmap *altmap,
				     struct qi_chunk *chunk)
{
	quire_pfn_t pfn = quire_altmap_take(altmap, size >> q->memmap.page_shift);

	*chunk = (struct qi_chunk){ .phys = pfn << q->memmap.page_shift, .size = size };
	return pfn == QUIRE_PFN_NONE ? QUIRE_ENOMEM : QUIRE_OK;
}

static void unmap_pages(struct quire *q, char *va, uint64_t size)
{
	uint64_t page = (uint64_t)1 << q->memmap.page_shift;

	for (uint64_t at = 0; at < size; at += page)
		q->platform->vmemmap_unmap(q->platform->ctx, va + at, page);
}

static enum quire_status map_unit(struct quire *q, char *va, quire_phys_t phys)
{
	uint64_t page = (uint64_t)1 << q->memmap.page_shift, size = unit_bytes(&q->memmap);

	for (uint64_t at = 0; at < size; at += page) {
		enum quire_status status = q->platform->vmemmap_map(q->platform->ctx, va + at,
								    phys == QUIRE_PHYS_MAX ? phys : phys + at, page);

		if (status != QUIRE_OK) {
			unmap_pages(q, va, at);
			return status;
		}
	}
	q->memmap.stats.base_mappings += size >> q->memmap.page_shift;
	return QUIRE_OK;
}

enum quire_status qi_back_unit(struct quire *q, const struct quire_section *section, quire_pfn_t pfn, int nid,
			       struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t *backing = qi_backing_of(m, section, pfn);
	struct qi_chunk_mark mark = qi_mm_mark(q);
	struct qi_chunk chunk;
	enum quire_status status;

	if (*backing)
		return QUIRE_OK;
	status = altmap ? take_altmap(q, unit_bytes(m), altmap, &chunk) : take_backing(q, unit_bytes(m), nid, true, &chunk);
	if (status != QUIRE_OK)
		return status;
	status = map_unit(q, (char *)quire_pfn_to_page(m, pfn), chunk.phys);
	if (status != QUIRE_OK) {
		if (!altmap && chunk.kind == QI_CHUNK_LEDGER)
			qi_mm_release(q, mark);
		else if (!altmap)
			qi_mm_drop(q, &chunk);
		return status;
	}
	*backing = altmap ? BACKING_ALTMAP : backing_word(m, &chunk);
	m->stats.descriptor_bytes += unit_bytes(m);
	q->metadata.descriptors = m->stats.descriptor_bytes;
	return QUIRE_OK;
}

struct quire_section *qi_section_room(struct quire *q, uint64_t number, int nid, uintptr_t *map)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_section *section = qi_section_enter(q, number, nid);
	struct qi_chunk chunk;

	if (!section)
		return NULL;
	if (!section->usage) {
		struct quire_usage *usage = qi_mm_small(q, m->usage_full_words * sizeof(uint32_t), nid);

		if (!usage)
			return NULL;
		__atomic_store_n(&section->usage, usage, __ATOMIC_RELEASE);
		m->stats.usage_bytes += m->usage_full_words * sizeof(uint32_t);
		q->metadata.sections = m->stats.table_bytes + m->stats.usage_bytes;
	}
	*map = m->map + (uintptr_t)(number << (m->section_pfn_shift + m->stride_shift));
	if (qi_is_vmemmap(m))
		return section;
	if (take_backing(q, qi_section_map_size(m), nid, false, &chunk) != QUIRE_OK)
		return NULL;
	*map = (uintptr_t)chunk.va;
	*qi_backing_of(m, section, 0) = backing_word(m, &chunk);
	m->stats.descriptor_bytes += qi_section_map_size(m);
	q->metadata.descriptors = m->stats.descriptor_bytes;
	return section;
}

void qi_units_clear(struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	struct qi_usage_ref ref = qi_usage_of(m, start);
	struct qi_usage_layout l = qi_usage_layout_at(m, &ref);

	for (uint64_t i = (start - ref.start) >> m->unit_shift; i < (end - ref.start) >> m->unit_shift; i++) {
		uint32_t bit = 1u << (i % 32);

		if (__atomic_fetch_and(&ref.words[l.done + i / 32], ~bit, __ATOMIC_RELEASE) & bit)
			m->stats.initialised -= (uint64_t)1 << m->unit_shift;
		__atomic_fetch_and(&ref.words[l.taken + i / 32], ~bit, __ATOMIC_RELEASE);
	}
}

bool qi_backing_is_ours(uint64_t backing)
{
	return backing && !(backing & (BACKING_LEDGER | BACKING_ALTMAP));
}

uint64_t qi_backing_drop(struct quire *q, uint64_t *backing, void *va, uint64_t size)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_chunk chunk = { .phys = (*backing - 1) << m->page_shift, .size = size, .kind = QI_CHUNK_SOURCE };

	if (*backing & BACKING_HOST)
		chunk = (struct qi_chunk){ .va = qi_is_vmemmap(m) ? NULL : va, .size = size, .kind = QI_CHUNK_HOST };
	if (qi_is_vmemmap(m))
		unmap_pages(q, va, size);
	if (qi_backing_is_ours(*backing))
		qi_mm_drop(q, &chunk);
	*backing = 0;
	m->stats.descriptor_bytes -= size;
	q->metadata.descriptors = m->stats.descriptor_bytes;
	return size;
}
