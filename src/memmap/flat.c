/*
 * FLATMEM and DISCONTIGMEM: descriptors in one array for all, or one per node.
 *
 * An array begins and ends on whole blocks of the highest order, so that the buddy of an edge frame has a descriptor. Nodes
 * of DISCONTIGMEM may interleave: a table by chunks, no larger than the finest border between two nodes, says whose a frame
 * is.
 */
#include "memmap/internal.h"

const struct quire_flat_map *quire_flat_map_of(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_flat_map *flat = m->flat;

	if (quire_memmap_model(m) == QUIRE_MODEL_DISCONTIGMEM) {
		uint64_t chunk = pfn >> m->chunk_shift;

		if (chunk >= m->chunk_count || m->chunk_flat[chunk] == 0xffff)
			return NULL;
		flat = &m->flat[m->chunk_flat[chunk]];
	}
	return flat && pfn >= flat->start && pfn < flat->end ? flat : NULL;
}

static uint64_t grain(const struct quire *q)
{
	return (uint64_t)1 << qi_max(qi_unit_shift(&q->memmap), quire_max_order(&q->config));
}

static struct quire_flat_map *map_of_node(struct quire_memmap *m, int nid)
{
	for (size_t i = 0; i < m->flat_count; i++)
		if (m->flat[i].nid == nid)
			return &m->flat[i];
	return NULL;
}

/* The arrays' bounds from the ledger. */
static void find_bounds(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	bool single = quire_memmap_model(m) == QUIRE_MODEL_FLATMEM;
	struct quire_pfn_range range;
	size_t index = 0;

	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, qi_page_shift(m), &range) {
		int nid = range.nid == QUIRE_NO_NODE ? 0 : range.nid;
		struct quire_flat_map *flat = single && m->flat_count ? m->flat : map_of_node(m, nid);

		if (!flat) {
			flat = &m->flat[m->flat_count++];
			*flat = (struct quire_flat_map){ .start = qi_align_down(range.start, grain(q)), .nid = nid };
		}
		flat->end = qi_align_up(range.end, grain(q));
	}
}

/* A chunk may hold memory of one node only: find the largest power of two for which that is so. */
static enum quire_status choose_chunk(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_pfn_range range, before = { .nid = QUIRE_NO_NODE };
	unsigned shift = qi_section_shift(m);
	size_t index = 0;

	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, qi_page_shift(m), &range) {
		if (before.nid != QUIRE_NO_NODE && before.nid != range.nid)
			shift = (unsigned)qi_min(shift, qi_log2((before.end - 1) ^ range.start));
		before = range;
	}
	if ((uint64_t)1 << shift < grain(q)) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "memory model discontig cannot describe this machine: two nodes "
		       "share a block of %llu pages", (unsigned long long)grain(q));
		return QUIRE_EUNSUPPORTED;
	}
	m->chunk_shift = (uint8_t)shift;
	return QUIRE_OK;
}

static enum quire_status fill_chunks(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_want want = { .align = 64, .nid = QUIRE_NO_NODE };
	struct quire_pfn_range range;
	struct qi_chunk chunk;
	enum quire_status status;
	size_t index = 0;

	m->chunk_count = (qi_memmap_end(m) >> m->chunk_shift) + 1;
	want.size = m->chunk_count * sizeof(*m->chunk_flat);
	status = qi_mm_take(q, &want, &chunk);
	if (status != QUIRE_OK)
		return status;
	m->chunk_flat = chunk.va;
	m->stats.table_bytes += chunk.size;
	memset(m->chunk_flat, 0xff, (size_t)want.size);
	/* Holes first, by span; then memory, by owner. */
	for (size_t i = 0; i < m->flat_count; i++)
		for (uint64_t c = m->flat[i].start >> m->chunk_shift; c <= (m->flat[i].end - 1) >> m->chunk_shift; c++)
			m->chunk_flat[c] = (uint16_t)i;
	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, qi_page_shift(m), &range) {
		int nid = range.nid == QUIRE_NO_NODE ? 0 : range.nid;
		uint16_t owner = (uint16_t)(map_of_node(m, nid) - m->flat);

		for (uint64_t c = range.start >> m->chunk_shift; c <= (range.end - 1) >> m->chunk_shift; c++)
			m->chunk_flat[c] = owner;
	}
	return QUIRE_OK;
}

static uint64_t descriptor_bytes(const struct quire_memmap *m)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < m->flat_count; i++)
		bytes += (m->flat[i].end - m->flat[i].start) << qi_stride_shift(m);
	return bytes;
}

enum quire_status qi_flat_plan(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	size_t arrays = quire_memmap_model(m) == QUIRE_MODEL_FLATMEM ? 1 : qi_max(q->topology.node_count, 1);
	struct qi_want want = { .size = arrays * sizeof(*m->flat), .align = 64, .nid = QUIRE_NO_NODE, .zero = true };
	struct qi_chunk chunk;
	enum quire_status status = qi_mm_take(q, &want, &chunk);

	if (status != QUIRE_OK)
		return status;
	m->flat = chunk.va;
	m->stats.table_bytes += chunk.size;
	find_bounds(q);
	if (descriptor_bytes(m) > quire_memblock_phys_mem_size(&q->memblock) / 2) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "memory model %s cannot describe this machine: with its holes it needs "
		       "%llu MiB of descriptors for %llu MiB of memory", quire_model_name(quire_memmap_model(m)),
		       (unsigned long long)(descriptor_bytes(m) >> 20),
		       (unsigned long long)(quire_memblock_phys_mem_size(&q->memblock) >> 20));
		return QUIRE_EUNSUPPORTED;
	}
	if (quire_memmap_model(m) == QUIRE_MODEL_FLATMEM)
		return QUIRE_OK;
	status = choose_chunk(q);
	return status == QUIRE_OK ? fill_chunks(q) : status;
}

enum quire_status qi_flat_populate(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;

	for (size_t i = 0; i < m->flat_count; i++) {
		struct quire_flat_map *flat = &m->flat[i];
		uint64_t frames = flat->end - flat->start;
		struct qi_usage_layout l = qi_usage_layout(m, frames, false, false);
		struct qi_want want = { .size = frames << qi_stride_shift(m), .align = (uint64_t)1 << qi_page_shift(m),
					.nid = flat->nid };
		struct qi_chunk chunk;
		enum quire_status status = qi_mm_take(q, &want, &chunk);

		if (status != QUIRE_OK)
			return status;
		flat->map = (uintptr_t)chunk.va - ((uintptr_t)flat->start << qi_stride_shift(m));
		m->stats.descriptor_bytes += chunk.size;
		want = (struct qi_want){ .size = l.words * sizeof(uint32_t), .align = 64, .nid = flat->nid, .zero = true };
		status = qi_mm_take(q, &want, &chunk);
		if (status != QUIRE_OK)
			return status;
		flat->usage = chunk.va;
		m->stats.usage_bytes += chunk.size;
	}
	if (m->flat_count && quire_memmap_model(m) == QUIRE_MODEL_FLATMEM)
		m->map = m->flat[0].map;
	return QUIRE_OK;
}
