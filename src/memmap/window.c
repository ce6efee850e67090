/*
 * SPARSEMEM_VMEMMAP: frames behind the window of descriptors.
 *
 * The middle of a stretch is mapped by huge pages out of one allocation on the node; where the node, or the platform, has no
 * huge page to give, the same 2 MiB are made of base pages. Edges, which a neighbour's descriptors share, are base pages
 * always.
 */
#include "memmap/internal.h"

struct window_job {
	struct quire *q;
	struct qi_chunk *mapped;	/* record of the stretch of the window in use, grown as it goes */
	int nid;
};

static char *end_of_stretch(const struct window_job *job)
{
	return (char *)job->mapped->va + job->mapped->size;
}

/* Put frames from phys on at the end of the stretch, `step` bytes at a time. */
static enum quire_status map_pages(struct window_job *job, quire_phys_t phys, uint64_t size, uint64_t step)
{
	const struct quire_platform *p = job->q->platform;
	struct quire_memmap_stats *stats = &job->q->memmap.stats;

	for (uint64_t at = 0; at < size; at += step) {
		char *va = end_of_stretch(job);
		enum quire_status status = p->vmemmap_map(p->ctx, va, phys == QUIRE_PHYS_MAX ? phys : phys + at, step);

		if (status != QUIRE_OK)
			return status;
		job->mapped->size += step;
		if (step == QI_HUGE_SIZE)
			stats->huge_mappings++;
		else
			stats->base_mappings++;
	}
	return QUIRE_OK;
}

/* Count backing, and how much of it is on another node than what it describes. */
static void account(struct window_job *job, const struct qi_chunk *chunk)
{
	struct quire_memmap *m = &job->q->memmap;
	quire_pfn_t start, end;
	int nid;

	m->stats.descriptor_bytes += chunk->size;
	if (chunk->kind != QI_CHUNK_LEDGER)
		return;
	nid = quire_memblock_search_pfn_nid(&job->q->memblock, chunk->phys >> qi_page_shift(m), qi_page_shift(m), &start,
					    &end);
	if (nid != QUIRE_NO_NODE && nid != job->nid)
		m->stats.offnode_bytes += chunk->size;
}

static uint64_t page_size(const struct window_job *job)
{
	return (uint64_t)1 << qi_page_shift(&job->q->memmap);
}

/* `size` bytes of the window by base pages: contiguous frames if there are any, else one by one, from any node at last. */
static enum quire_status map_base(struct window_job *job, uint64_t size)
{
	struct qi_want want = { .size = size, .align = page_size(job), .nid = job->nid, .exact = true, .unmapped = true,
				.at = end_of_stretch(job) };
	enum quire_status status = QUIRE_OK;
	struct qi_chunk chunk;

	if (!size)
		return QUIRE_OK;
	if (qi_mm_take(job->q, &want, &chunk) == QUIRE_OK) {
		account(job, &chunk);
		return map_pages(job, chunk.phys, size, page_size(job));
	}
	want.size = page_size(job);
	want.exact = false;
	for (uint64_t at = 0; at < size && status == QUIRE_OK; at += want.size) {
		want.at = end_of_stretch(job);
		status = qi_mm_take(job->q, &want, &chunk);
		if (status != QUIRE_OK)
			break;
		account(job, &chunk);
		status = map_pages(job, chunk.phys, want.size, want.size);
	}
	return status;
}

/* Frames of one allocation by huge pages, or by base pages where the platform has no others. */
static enum quire_status map_chunk(struct window_job *job, const struct qi_chunk *chunk, uint64_t size)
{
	enum quire_status status;

	account(job, chunk);
	status = map_pages(job, chunk->phys, size, QI_HUGE_SIZE);
	return status == QUIRE_EUNSUPPORTED ? map_pages(job, chunk->phys, size, page_size(job)) : status;
}

/* Whole huge pages: all from one allocation, else each for itself, else of base pages. */
static enum quire_status map_huge(struct window_job *job, uint64_t size)
{
	struct qi_want want = { .size = size, .align = QI_HUGE_SIZE, .nid = job->nid, .exact = true, .unmapped = true,
				.at = end_of_stretch(job) };
	enum quire_status status = QUIRE_OK;
	struct qi_chunk chunk;

	if (!size)
		return QUIRE_OK;
	if (qi_mm_take(job->q, &want, &chunk) == QUIRE_OK)
		return map_chunk(job, &chunk, size);
	want.size = QI_HUGE_SIZE;
	want.exact = false;
	for (uint64_t at = 0; at < size && status == QUIRE_OK; at += QI_HUGE_SIZE) {
		want.at = end_of_stretch(job);
		if (qi_mm_take(job->q, &want, &chunk) == QUIRE_OK)
			status = map_chunk(job, &chunk, QI_HUGE_SIZE);
		else
			status = map_base(job, QI_HUGE_SIZE);
	}
	return status;
}

enum quire_status qi_window_populate(struct quire *q, quire_pfn_t start, quire_pfn_t end, int nid)
{
	uint64_t from = (uint64_t)start << qi_stride_shift(&q->memmap), to = (uint64_t)end << qi_stride_shift(&q->memmap);
	uint64_t huge_from = qi_min(qi_align_up(from, QI_HUGE_SIZE), to);
	uint64_t huge_to = qi_max(qi_align_down(to, QI_HUGE_SIZE), huge_from);
	struct window_job job = { .q = q, .nid = nid };
	struct qi_chunk stretch = { .va = (char *)q->memmap.map + from, .kind = QI_CHUNK_WINDOW };
	enum quire_status status;

	job.mapped = qi_mm_record(q, false, &stretch);
	if (!job.mapped)
		return QUIRE_ENOMEM;
	status = map_base(&job, huge_from - from);
	if (status == QUIRE_OK)
		status = map_huge(&job, huge_to - huge_from);
	if (status == QUIRE_OK)
		status = map_base(&job, to - huge_to);
	return status;
}
