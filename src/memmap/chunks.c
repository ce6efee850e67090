/*
 * Memory for the memmap itself.
 *
 * Descriptors want exact sizes, odd alignments and no zeroing, and backing of the window wants frames without an address, so
 * they do not come with headers in front: every chunk is written down in a record page, and a stage that fails goes back to
 * a mark.
 */
#include "memmap/internal.h"

#define RECORD_PAGE 4096u

static enum quire_status from_platform(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	if (want->size > SIZE_MAX)
		return QUIRE_ENOMEM;
	chunk->kind = QI_CHUNK_HOST;
	chunk->phys = QUIRE_PHYS_MAX;
	if (want->unmapped)
		return QUIRE_OK;
	chunk->va = q->platform->meta_alloc(q->platform->ctx, (size_t)want->size, (size_t)want->align, want->nid);
	return chunk->va ? QUIRE_OK : QUIRE_ENOMEM;
}

/* x86 keeps descriptors out of the first 16 MiB, which belong to old devices; the ledger drops the bound if it must. */
static quire_phys_t lowest_address(const struct quire *q)
{
	bool x86 = q->config.arch != QUIRE_ARCH_ARM64 && q->config.arch != QUIRE_ARCH_RISCV64;

	return x86 ? (quire_phys_t)16 << 20 : 0;
}

static enum quire_status from_ledger(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	quire_phys_t low = lowest_address(q);

	chunk->kind = QI_CHUNK_LEDGER;
	if (want->exact)
		chunk->phys = quire_memblock_alloc_exact_nid_raw(&q->memblock, want->size, want->align, low,
								 QUIRE_MEMBLOCK_ACCESSIBLE, want->nid);
	else
		chunk->phys = quire_memblock_alloc_try_nid_raw(&q->memblock, want->size, want->align, low,
							       QUIRE_MEMBLOCK_ACCESSIBLE, want->nid);
	return chunk->phys ? QUIRE_OK : QUIRE_ENOMEM;
}

static enum quire_status from_source(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	const struct quire_frame_source *source = &q->memmap.source;
	unsigned order = qi_log2_up(qi_max(want->size, want->align) >> q->memmap.page_shift);
	quire_pfn_t pfn;
	enum quire_status status;

	if (!source->take)
		return QUIRE_ENOMEM;
	status = source->take(source->ctx, want->nid, order, &pfn);
	if (status != QUIRE_OK)
		return status;
	chunk->kind = QI_CHUNK_SOURCE;
	chunk->phys = pfn << q->memmap.page_shift;
	chunk->size = (uint64_t)1 << (order + q->memmap.page_shift);
	return QUIRE_OK;
}

enum quire_status qi_mm_take_loose(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	enum quire_status status;

	*chunk = (struct qi_chunk){ .size = want->size };
	if (q->platform->meta_alloc)
		return from_platform(q, want, chunk);
	status = q->stage < QUIRE_STAGE_HANDOVER ? from_ledger(q, want, chunk) : from_source(q, want, chunk);
	if (status != QUIRE_OK || want->unmapped)
		return status;
	chunk->va = q->platform->phys_to_virt(q->platform->ctx, chunk->phys, chunk->size);
	if (!chunk->va || chunk->size > SIZE_MAX) {
		qi_mm_drop(q, chunk);
		return QUIRE_EPLATFORM;
	}
	if (want->zero)
		memset(chunk->va, 0, (size_t)chunk->size);
	return QUIRE_OK;
}

void qi_mm_drop(struct quire *q, const struct qi_chunk *chunk)
{
	const struct quire_platform *p = q->platform;
	const struct quire_frame_source *source = &q->memmap.source;

	switch (chunk->kind) {
	case QI_CHUNK_HOST:
		if (chunk->va)
			p->meta_free(p->ctx, chunk->va, (size_t)chunk->size);
		break;
	case QI_CHUNK_LEDGER:
		quire_memblock_phys_free(&q->memblock, chunk->phys, chunk->size);
		break;
	case QI_CHUNK_SOURCE:
		source->give(source->ctx, chunk->phys >> q->memmap.page_shift, qi_log2(chunk->size >> q->memmap.page_shift));
		break;
	case QI_CHUNK_WINDOW:
		if (chunk->size)
			p->vmemmap_unmap(p->ctx, chunk->va, chunk->size);
		break;
	}
}

/* A fresh page of records, its own memory being its first record. */
static bool open_page(struct quire *q)
{
	struct qi_want want = { .size = RECORD_PAGE, .align = RECORD_PAGE, .nid = QUIRE_NO_NODE };
	struct qi_chunk_page *page;
	struct qi_chunk chunk;

	if (qi_mm_take_loose(q, &want, &chunk) != QUIRE_OK)
		return false;
	page = chunk.va;
	page->before = q->memmap.chunks;
	page->count = 1;
	page->max = (uint32_t)((RECORD_PAGE - sizeof(*page)) / sizeof(page->entries[0]));
	page->entries[0] = chunk;
	q->memmap.chunks = page;
	return true;
}

struct qi_chunk *qi_mm_record(struct quire *q, const struct qi_chunk *chunk)
{
	struct qi_chunk_page *page = q->memmap.chunks;

	if (!page || page->count == page->max) {
		if (!open_page(q))
			return NULL;
		page = q->memmap.chunks;
	}
	page->entries[page->count] = *chunk;
	return &page->entries[page->count++];
}

enum quire_status qi_mm_take(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	enum quire_status status = qi_mm_take_loose(q, want, chunk);

	if (status == QUIRE_OK && !qi_mm_record(q, chunk)) {
		qi_mm_drop(q, chunk);
		status = QUIRE_ENOMEM;
	}
	return status;
}

void *qi_mm_small(struct quire *q, size_t size, int nid)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t page = (uint64_t)1 << m->page_shift;
	struct qi_chunk chunk;
	char *space;

	size = qi_align_up(size, 16);
	if ((size_t)(m->small_end - m->small) < size) {
		struct qi_want want = { .size = qi_align_up(size, page), .align = page, .nid = nid, .zero = true };

		if (qi_mm_take(q, &want, &chunk) != QUIRE_OK)
			return NULL;
		m->small = chunk.va;
		m->small_end = m->small + chunk.size;
	}
	space = m->small;
	m->small += size;
	return space;
}

struct qi_chunk_mark qi_mm_mark(const struct quire *q)
{
	const struct qi_chunk_page *page = q->memmap.chunks;

	return (struct qi_chunk_mark){ q->memmap.chunks, page ? page->count : 0 };
}

void qi_mm_release(struct quire *q, struct qi_chunk_mark mark)
{
	struct quire_memmap *m = &q->memmap;

	while (m->chunks && (m->chunks != mark.page || m->chunks->count > mark.count)) {
		struct qi_chunk chunk = m->chunks->entries[--m->chunks->count];

		if (!m->chunks->count)
			m->chunks = m->chunks->before;
		qi_mm_drop(q, &chunk);
	}
	m->small = m->small_end = NULL;
}
