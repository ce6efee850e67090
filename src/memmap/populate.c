/*
 * Second stage: room for descriptors, usage maps, and the sections' entries, one run of sections of one node after the
 * other.
 *
 * LAZY mostly has nothing to do here for sparse models: a section gets its room when somebody first takes a frame of it.
 */
#include "memmap/internal.h"

static uint64_t classic_size(const struct quire_memmap *m)
{
	return qi_align_up(qi_section_map_size(m), (uint64_t)1 << qi_page_shift(m));
}

/* Classic sparse: one buffer for the run on its node, if it has that much in one piece. */
static void classic_buffer(struct quire *q, const struct quire_section_run *run, struct qi_chunk *buffer)
{
	uint64_t size = classic_size(&q->memmap);
	struct qi_want want = { .size = size * (run->end - run->start), .align = size, .nid = run->nid, .exact = true };

	if (qi_mm_take(q, &want, buffer) == QUIRE_OK)
		q->memmap.stats.descriptor_bytes += want.size;
	else
		*buffer = (struct qi_chunk){ .va = NULL };
}

/* … the map of one section out of it; without it from wherever there is room. */
static enum quire_status classic_map(struct quire *q, uint64_t index, int nid, const struct qi_chunk *buffer, uintptr_t *map)
{
	uint64_t size = classic_size(&q->memmap);
	struct qi_want want = { .size = size, .align = size, .nid = nid };
	struct qi_chunk chunk;
	enum quire_status status;

	if (buffer->va) {
		*map = (uintptr_t)buffer->va + (uintptr_t)(index * size);
		return QUIRE_OK;
	}
	status = qi_mm_take(q, &want, &chunk);
	if (status == QUIRE_OK) {
		*map = (uintptr_t)chunk.va;
		q->memmap.stats.descriptor_bytes += size;
	}
	return status;
}

static enum quire_status populate_run(struct quire *q, const struct quire_section_run *run, struct qi_usage_said *said)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t count = run->end - run->start;
	size_t usage_size = qi_align_up(m->usage_words * sizeof(uint32_t), 8);
	struct qi_chunk usage, buffer = { .va = NULL };
	enum quire_status status = qi_usage_take(q, run, usage_size * count, said, &usage);

	if (status != QUIRE_OK)
		return status;
	m->stats.usage_bytes += usage.size;
	if (qi_is_vmemmap(m))
		status = qi_window_populate(q, run->start << qi_section_shift(m), run->end << qi_section_shift(m),
					    run->nid);
	else
		classic_buffer(q, run, &buffer);
	for (uint64_t i = 0; i < count && status == QUIRE_OK; i++) {
		uint64_t number = run->start + i;
		uintptr_t map = m->map + (uintptr_t)(number << (qi_section_shift(m) + qi_stride_shift(m)));

		if (!qi_is_vmemmap(m))
			status = classic_map(q, i, run->nid, &buffer, &map);
		if (status == QUIRE_OK)
			qi_section_fill(q, number, quire_section(m, number), map,
					(struct quire_usage *)((char *)usage.va + i * usage_size), run->nid);
	}
	return status;
}

enum quire_status qi_memmap_populate(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_usage_said said = { 0, 0 };
	enum quire_status status = QUIRE_OK;

	if (!qi_is_sparse(m))
		status = qi_flat_populate(q);
	for (size_t i = 0; i < m->run_count && qi_has_boot_room(m) && status == QUIRE_OK; i++)
		status = populate_run(q, &m->runs[i], &said);
	if (status != QUIRE_OK) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "no room for page descriptors (%llu KiB were placed): %s",
		       (unsigned long long)(m->stats.descriptor_bytes >> 10), quire_status_string(status));
		qi_memmap_fini(q);
		return status;
	}
	m->ready = m->complete = true;
	q->metadata.sections = m->stats.table_bytes + m->stats.usage_bytes;
	q->metadata.descriptors = m->stats.descriptor_bytes;
	return QUIRE_OK;
}
