/*
 * Memory for the memmap itself.
 *
 * Descriptors want exact sizes, odd alignments and no zeroing, and backing of the window wants frames without an address, so
 * they do not come with headers in front: every chunk is written down in a record page, and a stage that fails goes back to
 * a mark. Hotplug keeps books of its own: it takes from the ordinary allocator and so may not hold the lock that orders
 * demand, while demand, inside a zone's lock, may not wait for it.
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
	bool x86 = quire_arch(&q->config) != QUIRE_ARCH_ARM64 && quire_arch(&q->config) != QUIRE_ARCH_RISCV64;

	return x86 ? (quire_phys_t)16 << 20 : 0;
}

static enum quire_status from_ledger(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	quire_phys_t low = want->low || want->high ? want->low : lowest_address(q);
	quire_phys_t high = want->high ? want->high : QUIRE_MEMBLOCK_ACCESSIBLE;

	chunk->kind = QI_CHUNK_LEDGER;
	if (want->exact)
		chunk->phys = quire_memblock_alloc_exact_nid_raw(&q->memblock, want->size, want->align, low, high,
								 want->nid);
	else
		chunk->phys = quire_memblock_alloc_try_nid_raw(&q->memblock, want->size, want->align, low, high, want->nid);
	return chunk->phys ? QUIRE_OK : QUIRE_ENOMEM;
}

static enum quire_status from_frames(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	const struct quire_frame_allocator *allocator = &q->memmap.allocator;
	const struct quire_frame_source *source = &q->memmap.source;
	unsigned order = qi_log2_up(qi_max(want->size, want->align) >> qi_page_shift(&q->memmap));
	bool ordinary = want->hotplug && allocator->take;
	enum quire_status status = QUIRE_ENOMEM;
	quire_pfn_t pfn;

	if (ordinary)
		status = allocator->take(allocator->ctx, want->nid, order, &pfn);
	else if (source->take)
		status = source->take(source->ctx, want->nid, order, &pfn);
	if (status != QUIRE_OK)
		return status;
	chunk->kind = ordinary ? QI_CHUNK_ALLOCATOR : QI_CHUNK_SOURCE;
	chunk->phys = pfn << qi_page_shift(&q->memmap);
	chunk->size = (uint64_t)1 << (order + qi_page_shift(&q->memmap));
	return QUIRE_OK;
}

/* Nothing is taken later where neither demand nor hotplug can want it. */
static bool from_ledger_still(const struct quire *q)
{
	return (!QI_MAY_BE_LAZY && !QI_MAY_GROW) || q->stage < QUIRE_STAGE_HANDOVER;
}

enum quire_status qi_mm_take_loose(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	enum quire_status status;

	*chunk = (struct qi_chunk){ .size = want->size };
	if (q->platform->meta_alloc)
		return from_platform(q, want, chunk);
	status = from_ledger_still(q) ? from_ledger(q, want, chunk) : from_frames(q, want, chunk);
	if (status == QUIRE_OK && want->unmapped && chunk->kind == QI_CHUNK_LEDGER)
		chunk->va = want->at;
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

static unsigned order_of(const struct quire *q, uint64_t size)
{
	return qi_log2(size >> qi_page_shift(&q->memmap));
}

void qi_mm_drop(struct quire *q, const struct qi_chunk *chunk)
{
	const struct quire_platform *p = q->platform;
	const struct quire_frame_allocator *allocator = &q->memmap.allocator;
	const struct quire_frame_source *source = &q->memmap.source;

	if (!chunk->size)
		return;
	switch (chunk->kind) {
	case QI_CHUNK_HOST:
		if (chunk->va)
			p->meta_free(p->ctx, chunk->va, (size_t)chunk->size);
		break;
	case QI_CHUNK_LEDGER:
		quire_memblock_phys_free(&q->memblock, chunk->phys, chunk->size);
		break;
	case QI_CHUNK_SOURCE:
		source->give(source->ctx, chunk->phys >> qi_page_shift(&q->memmap), order_of(q, chunk->size));
		break;
	case QI_CHUNK_ALLOCATOR:
		allocator->give(allocator->ctx, chunk->phys >> qi_page_shift(&q->memmap), order_of(q, chunk->size));
		break;
	case QI_CHUNK_WINDOW:
		p->vmemmap_unmap(p->ctx, chunk->va, chunk->size);
		break;
	}
}

static struct quire_memmap_books *books_of(struct quire *q, bool hotplug)
{
	return hotplug ? &q->memmap.hot_books : &q->memmap.books;
}

/* A fresh page of records, its own memory being its first record. */
static bool open_page(struct quire *q, bool hotplug)
{
	struct qi_want want = { .size = RECORD_PAGE, .align = RECORD_PAGE, .nid = QUIRE_NO_NODE };
	struct quire_memmap_books *books = books_of(q, hotplug);
	struct qi_chunk_page *page;
	struct qi_chunk chunk;

	/* Only LAZY records in boot's books when everybody runs. */
	want.hotplug = hotplug || !qi_is_lazy(&q->memmap);
	if (qi_mm_take_loose(q, &want, &chunk) != QUIRE_OK)
		return false;
	page = chunk.va;
	page->before = books->chunks;
	page->count = 1;
	page->max = (uint32_t)((RECORD_PAGE - sizeof(*page)) / sizeof(page->entries[0]));
	page->entries[0] = chunk;
	books->chunks = page;
	qi_account(q, hotplug, &q->memmap.stats.table_bytes, chunk.size);
	return true;
}

/* Room for `count` records, at most a page of them, without another page. */
static bool make_room(struct quire *q, bool hotplug, uint32_t count)
{
	const struct qi_chunk_page *page = books_of(q, hotplug)->chunks;

	return (page && page->max - page->count >= count) || open_page(q, hotplug);
}

struct qi_chunk *qi_mm_record(struct quire *q, bool hotplug, const struct qi_chunk *chunk)
{
	struct qi_chunk_page *page;

	if (!make_room(q, hotplug, 1))
		return NULL;
	page = books_of(q, hotplug)->chunks;
	page->entries[page->count] = *chunk;
	return &page->entries[page->count++];
}

enum quire_status qi_mm_take(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	enum quire_status status = qi_mm_take_loose(q, want, chunk);

	if (status == QUIRE_OK && !qi_mm_record(q, want->hotplug, chunk)) {
		qi_mm_drop(q, chunk);
		status = QUIRE_ENOMEM;
	}
	return status;
}

void *qi_mm_small(struct quire *q, bool hotplug, size_t size, int nid)
{
	struct quire_memmap_books *books = books_of(q, hotplug);
	uint64_t page = (uint64_t)1 << qi_page_shift(&q->memmap);
	struct qi_chunk chunk;
	char *space;

	size = qi_align_up(size, 16);
	if ((size_t)(books->small_end - books->small) < size) {
		struct qi_want want = { .size = qi_align_up(size, page), .align = page, .nid = nid, .zero = true,
					.hotplug = hotplug };

		if (qi_mm_take(q, &want, &chunk) != QUIRE_OK)
			return NULL;
		books->small = chunk.va;
		books->small_end = books->small + chunk.size;
		qi_account(q, hotplug, &q->memmap.stats.usage_bytes, chunk.size);
	}
	space = books->small;
	books->small += size;
	return space;
}

struct qi_chunk_mark qi_mm_mark(struct quire *q, bool hotplug)
{
	struct qi_chunk_page *page = books_of(q, hotplug)->chunks;

	return (struct qi_chunk_mark){ page, page ? page->count : 0 };
}

void qi_mm_release(struct quire *q, bool hotplug, struct qi_chunk_mark mark)
{
	struct quire_memmap_books *books = books_of(q, hotplug);

	while (books->chunks && (books->chunks != mark.page || books->chunks->count > mark.count)) {
		struct qi_chunk chunk = books->chunks->entries[--books->chunks->count];

		if (!books->chunks->count) {
			books->chunks = books->chunks->before;
			qi_account(q, hotplug, &q->memmap.stats.table_bytes, -chunk.size);
		}
		qi_mm_drop(q, &chunk);
	}
	books->small = books->small_end = NULL;
}

/* Boot's frames, or the window, at [va, va + size) go back to where memory is kept now. */
static void give_part(struct quire *q, const struct qi_chunk *chunk, char *va, uint64_t size)
{
	const struct quire_frame_allocator *allocator = &q->memmap.allocator;
	struct qi_chunk part = { .va = va, .size = size, .kind = chunk->kind };
	unsigned page_shift = qi_page_shift(&q->memmap);

	part.phys = chunk->phys + (uint64_t)(va - (char *)chunk->va);
	if (part.kind == QI_CHUNK_LEDGER && q->stage >= QUIRE_STAGE_HANDOVER && allocator->release)
		allocator->release(allocator->ctx, part.phys >> page_shift, size >> page_shift);
	else
		qi_mm_drop(q, &part);
}

/* The part of a chunk inside [va, end), which goes; what is left of it, one or two records, stays. */
static void cut_chunk(struct quire *q, struct qi_chunk *chunk, char *va, char *end)
{
	char *first = chunk->va, *last = first + chunk->size;
	struct qi_chunk before = *chunk, rest = *chunk;

	va = first > va ? first : va;
	end = last < end ? last : end;
	rest.va = end;
	rest.phys = chunk->phys + (uint64_t)(end - first);
	rest.size = (uint64_t)(last - end);
	chunk->size = (uint64_t)(va - first);
	if (!chunk->size)
		*chunk = rest;
	else if (rest.size)
		qi_mm_record(q, false, &rest);
	give_part(q, &before, va, (uint64_t)(end - va));
}

bool qi_mm_cut(struct quire *q, void *va, uint64_t size)
{
	char *start = va, *end = start + size;

	/* Of each kind at most one chunk reaches over both ends and becomes two. */
	if (!make_room(q, false, 2))
		return false;
	for (struct qi_chunk_page *page = q->memmap.books.chunks; page; page = page->before) {
		/* The first record is the page's own. */
		for (uint32_t i = 1; i < page->count; i++) {
			struct qi_chunk *chunk = &page->entries[i];
			bool cuttable = chunk->kind == QI_CHUNK_LEDGER || chunk->kind == QI_CHUNK_WINDOW;
			char *at = chunk->va;

			if (cuttable && at < end && at + chunk->size > start)
				cut_chunk(q, chunk, start, end);
		}
	}
	return true;
}
