/*
 * Descriptors on demand.
 *
 * Under LAZY a section enters the table when the first frame in it is taken, and each unit gets backing of its own, whole
 * pages that can be given back when nobody needs the unit any more. The classic models have one array per section and so
 * take its backing whole. Under the other policies only the writing can be outstanding, which needs no lock.
 */
#include "memmap/internal.h"

/* Where a unit's backing is, in two words: frame number + 1, or that it is not ours to give back. 0: none. */
#define BACKING_LEDGER	(UINT64_C(1) << 63)	/* recorded as a chunk */
#define BACKING_HOST	(UINT64_C(1) << 62)	/* the platform's own */

static uint64_t *backing_of(const struct quire_memmap *m, const struct quire_section *section, quire_pfn_t pfn)
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

/* Backing is loose if a backing word can find it again, recorded if only the records can. */
static enum quire_status take_backing(struct quire *q, uint64_t size, int nid, bool unmapped, struct qi_chunk *chunk)
{
	struct qi_want want = { .size = size, .align = qi_min(size, (uint64_t)2 << 20), .nid = nid, .unmapped = unmapped };
	enum quire_status status = qi_mm_take_loose(q, &want, chunk);
	bool found_again = chunk->kind == QI_CHUNK_SOURCE || (chunk->kind == QI_CHUNK_HOST && unmapped);

	if (status != QUIRE_OK || found_again)
		return status;
	if (!qi_mm_record(q, chunk)) {
		qi_mm_drop(q, chunk);
		return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

static void unmap_pages(struct quire *q, quire_pfn_t pfn, uint64_t size)
{
	char *va = (char *)quire_pfn_to_page(&q->memmap, pfn);
	uint64_t page = (uint64_t)1 << q->memmap.page_shift;

	for (uint64_t at = 0; at < size; at += page)
		q->platform->vmemmap_unmap(q->platform->ctx, va + at, page);
}

/* VMEMMAP: back the window's part for one unit. */
static enum quire_status back_unit(struct quire *q, const struct quire_section *section, quire_pfn_t pfn, int nid)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t *backing = backing_of(m, section, pfn), page = (uint64_t)1 << m->page_shift;
	struct qi_chunk_mark mark = qi_mm_mark(q);
	struct qi_chunk chunk;
	enum quire_status status;

	if (*backing)
		return QUIRE_OK;
	status = take_backing(q, unit_bytes(m), nid, true, &chunk);
	if (status != QUIRE_OK)
		return status;
	for (uint64_t at = 0; at < unit_bytes(m); at += page) {
		quire_phys_t phys = chunk.phys == QUIRE_PHYS_MAX ? chunk.phys : chunk.phys + at;

		status = q->platform->vmemmap_map(q->platform->ctx, (char *)quire_pfn_to_page(m, pfn) + at, phys, page);
		if (status == QUIRE_OK)
			continue;
		unmap_pages(q, pfn, at);
		if (chunk.kind == QI_CHUNK_LEDGER)
			qi_mm_release(q, mark);
		else
			qi_mm_drop(q, &chunk);
		return status;
	}
	m->stats.base_mappings += unit_bytes(m) >> m->page_shift;
	m->stats.descriptor_bytes += unit_bytes(m);
	q->metadata.descriptors = m->stats.descriptor_bytes;
	*backing = backing_word(m, &chunk);
	return QUIRE_OK;
}

/* Enter a present section: entry, usage map, and for the classic models its array. */
static enum quire_status enter_section(struct quire *q, uint64_t number, int nid)
{
	struct quire_memmap *m = &q->memmap;
	uintptr_t map = m->map + (uintptr_t)(number << (m->section_pfn_shift + m->stride_shift));
	struct quire_section *section = qi_section_enter(q, number, nid);
	struct qi_chunk chunk = { .va = NULL };
	struct quire_usage *usage;
	enum quire_status status;

	if (!section)
		return QUIRE_ENOMEM;
	if (section->map & QUIRE_SECTION_HAS_MAP)
		return QUIRE_OK;
	usage = section->usage ? section->usage : qi_mm_small(q, m->usage_words * sizeof(uint32_t), nid);
	if (!usage)
		return QUIRE_ENOMEM;
	m->stats.usage_bytes += section->usage ? 0 : m->usage_words * sizeof(uint32_t);
	section->usage = usage;
	if (!qi_is_vmemmap(m)) {
		uint64_t size = qi_align_up(qi_section_map_size(m), (uint64_t)1 << m->page_shift);

		status = take_backing(q, size, nid, false, &chunk);
		if (status != QUIRE_OK)
			return status;
		map = (uintptr_t)chunk.va;
		*backing_of(m, section, 0) = chunk.kind == QI_CHUNK_SOURCE ? backing_word(m, &chunk) : BACKING_LEDGER;
		m->stats.descriptor_bytes += size;
	}
	qi_section_fill(q, number, section, map, usage);
	q->metadata.sections = m->stats.table_bytes + m->stats.usage_bytes;
	q->metadata.descriptors = m->stats.descriptor_bytes;
	return QUIRE_OK;
}

/* LAZY, lock held: make room for the unit at pfn. */
static enum quire_status make_room(struct quire *q, quire_pfn_t pfn)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t number = pfn >> m->section_pfn_shift, next;
	const struct quire_section *section = quire_section(m, number);
	const struct quire_section_run *run = qi_run_at(m, number, &next);
	enum quire_status status;
	int nid;

	if (!run)
		return section && (section->map & QUIRE_SECTION_HAS_MAP) ? QUIRE_OK : QUIRE_ERANGE;
	nid = run->nid;
	status = enter_section(q, number, nid);
	if (status == QUIRE_OK && qi_is_vmemmap(m))
		status = back_unit(q, quire_section(m, number), pfn, nid);
	return status;
}

static enum quire_status prepare_unit(struct quire *q, quire_pfn_t pfn)
{
	struct quire_memmap *m = &q->memmap;
	enum quire_status status = QUIRE_OK;
	uint64_t frames;

	if (m->init == QUIRE_INIT_LAZY && qi_is_sparse(m)) {
		qi_spin_lock(&m->lock);
		status = make_room(q, pfn);
		qi_spin_unlock(&m->lock);
	} else if (!qi_usage_of(m, pfn).words) {
		status = QUIRE_ERANGE;
	}
	if (status != QUIRE_OK)
		return status;
	frames = qi_describe_units(q, pfn, pfn + ((quire_pfn_t)1 << m->unit_shift));
	if (frames)
		qi_count_initialised(m, frames);
	/* Somebody else may have taken it a moment ago and be still writing. */
	while (!qi_unit_done(m, pfn))
		continue;
	return QUIRE_OK;
}

enum quire_status quire_memmap_prepare(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages)
{
	quire_pfn_t unit = (quire_pfn_t)1 << q->memmap.unit_shift, end = pfn + pages;

	if (!q->memmap.ready || end < pfn)
		return QUIRE_ERANGE;
	for (pfn = qi_align_down(pfn, unit); pfn < end; pfn += unit) {
		enum quire_status status = qi_unit_done(&q->memmap, pfn) ? QUIRE_OK : prepare_unit(q, pfn);

		if (status != QUIRE_OK)
			return status;
	}
	return QUIRE_OK;
}

void quire_memmap_set_source(struct quire *q, const struct quire_frame_source *source)
{
	q->memmap.source = *source;
}

/* --- giving back
 * ----------------------------------------------------------------------------------------------------------------- */

static void clear_bits(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	struct qi_usage_ref ref = qi_usage_of(m, start);
	struct qi_usage_layout l = qi_usage_layout_at(m, &ref);

	for (uint64_t i = (start - ref.start) >> m->unit_shift; i < (end - ref.start) >> m->unit_shift; i++) {
		__atomic_fetch_and(&ref.words[l.done + i / 32], ~(1u << (i % 32)), __ATOMIC_RELEASE);
		__atomic_fetch_and(&ref.words[l.taken + i / 32], ~(1u << (i % 32)), __ATOMIC_RELEASE);
	}
}

/* Give a backing word's memory back; bytes. */
static uint64_t drop_backing(struct quire *q, uint64_t *backing, quire_pfn_t pfn, uint64_t size)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_chunk chunk = { .phys = (*backing - 1) << m->page_shift, .size = size, .kind = QI_CHUNK_SOURCE };

	if (qi_is_vmemmap(m))
		unmap_pages(q, pfn, size);
	if (*backing < BACKING_HOST)
		qi_mm_drop(q, &chunk);
	*backing = 0;
	m->stats.descriptor_bytes -= size;
	return size;
}

static uint64_t trim_section(struct quire *q, uint64_t number, struct quire_section *section,
			     bool (*is_free)(void *ctx, quire_pfn_t start, quire_pfn_t end), void *ctx)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t start = number << m->section_pfn_shift, end = (number + 1) << m->section_pfn_shift;
	quire_pfn_t step = qi_is_vmemmap(m) ? (quire_pfn_t)1 << m->unit_shift : end - start;
	uint64_t bytes = 0;

	for (quire_pfn_t pfn = start; pfn < end; pfn += step) {
		uint64_t *backing = backing_of(m, section, pfn), described = 0;

		if (!*backing || *backing & BACKING_LEDGER || !is_free(ctx, pfn, pfn + step))
			continue;
		for (quire_pfn_t unit = pfn; unit < pfn + step; unit += (quire_pfn_t)1 << m->unit_shift)
			described += qi_unit_done(m, unit);
		clear_bits(m, pfn, pfn + step);
		m->stats.initialised -= described << m->unit_shift;
		if (!qi_is_vmemmap(m)) {
			__atomic_store_n(&section->map, 0, __ATOMIC_RELEASE);
			m->stats.valid_sections--;
		}
		bytes += drop_backing(q, backing, pfn, step << m->stride_shift);
	}
	return bytes;
}

uint64_t quire_memmap_trim(struct quire *q, bool (*is_free)(void *ctx, quire_pfn_t start, quire_pfn_t end), void *ctx)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t bytes = 0;

	if (m->init != QUIRE_INIT_LAZY || !qi_is_sparse(m) || !m->ready)
		return 0;
	qi_spin_lock(&m->lock);
	for (uint64_t number = 0; number < m->section_end; number++) {
		struct quire_section *section = quire_section(m, number);

		if (!section)
			number |= ((uint64_t)1 << m->root_shift) - 1;
		else if ((section->map & QUIRE_SECTION_HAS_MAP) && (section->map & QUIRE_SECTION_EARLY))
			bytes += trim_section(q, number, section, is_free, ctx);
	}
	q->metadata.descriptors = m->stats.descriptor_bytes;
	qi_spin_unlock(&m->lock);
	return bytes;
}

void qi_demand_undo(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;

	if (m->init != QUIRE_INIT_LAZY || !qi_is_sparse(m) || !(m->table || m->roots))
		return;
	for (uint64_t number = 0; number < m->section_end; number++) {
		struct quire_section *section = quire_section(m, number);
		quire_pfn_t start = number << m->section_pfn_shift, pfn = start;
		quire_pfn_t step = (quire_pfn_t)1 << (qi_is_vmemmap(m) ? m->unit_shift : m->section_pfn_shift);

		if (!section) {
			number |= ((uint64_t)1 << m->root_shift) - 1;
			continue;
		}
		for (; section->usage && pfn < start + ((quire_pfn_t)1 << m->section_pfn_shift); pfn += step)
			if (*backing_of(m, section, pfn))
				drop_backing(q, backing_of(m, section, pfn), pfn, step << m->stride_shift);
	}
}
