/*
 * First stage of the memmap: can this model describe this machine, and where will its tables be.
 *
 * Everything that can be refused is refused here, by arithmetic over the ledger, before a byte is taken.
 */
#include "memmap/internal.h"

/* Frames in one piece that a stock can be expected to have when a section is first touched. */
#define MOST_ON_DEMAND 256u

static enum quire_status refuse(struct quire *q, const char *why)
{
	qi_log(q->platform, QUIRE_LOG_ERROR, "memory model %s cannot describe this machine: %s",
	       quire_model_name(quire_memmap_model(&q->memmap)), why);
	return QUIRE_EUNSUPPORTED;
}

static void set_geometry(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	unsigned per_root;

	*m = (struct quire_memmap){ .model = quire_model(&q->config), .init = quire_init_policy(&q->config) };
	m->topology = &q->topology;
	m->ledger = &q->memblock;
	m->page_shift = (uint8_t)quire_page_shift(&q->config);
	m->stride_shift = (uint8_t)qi_log2(quire_page_stride(&q->config));
	m->section_pfn_shift = (uint8_t)(quire_section_shift(&q->config) - m->page_shift);
	per_root = (1u << m->page_shift) / sizeof(struct quire_section);
	m->root_shift = (uint8_t)qi_log2(per_root);
	m->block_shift = (uint8_t)quire_pageblock_order(&q->config);
	m->unit_shift = (uint8_t)qi_max(m->block_shift, m->page_shift - m->stride_shift);
	m->section_limit = quire_section_limit(&q->config);
	m->boot_room = !qi_is_lazy(m) ||
		       (qi_is_sparse(m) && !qi_is_vmemmap(m) && !q->platform->meta_alloc &&
			qi_section_map_size(m) > (uint64_t)MOST_ON_DEMAND << m->page_shift);
}

static enum quire_status check_geometry(struct quire *q, quire_pfn_t end)
{
	const struct quire_geometry *g = &q->config.geometry;
	const struct quire_memmap *m = &q->memmap;

	if (!qi_is_pow2(quire_page_stride(&q->config)) || qi_stride_shift(m) < 4 || qi_stride_shift(m) > qi_page_shift(m))
		return refuse(q, "the stride of descriptors must be a power of two, 16 at least");
	if (end > (quire_pfn_t)1 << (g->physmem_bits - qi_page_shift(m))) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "memory reaches %#llx, beyond %u physical address bits",
		       (unsigned long long)(end << qi_page_shift(m)), g->physmem_bits);
		return QUIRE_ERANGE;
	}
	if (q->topology.node_count > 1u << g->nodes_shift) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "%u nodes do not fit %u bits", q->topology.node_count, g->nodes_shift);
		return QUIRE_ERANGE;
	}
	if (end << qi_stride_shift(m) > UINTPTR_MAX)
		return refuse(q, "the descriptors of its highest frame lie beyond this processor's addresses");
	if (qi_is_sparse(m) && qi_unit_shift(m) > qi_section_shift(m))
		return refuse(q, "a pageblock, or a page of descriptors, is larger than a section");
	return QUIRE_OK;
}

static enum quire_status check_window(struct quire *q, quire_pfn_t end)
{
	const struct quire_platform *p = q->platform;
	uint64_t section = (uint64_t)1 << qi_section_shift(&q->memmap);

	if (!p->vmemmap_base || !p->vmemmap_map || !p->vmemmap_unmap)
		return refuse(q, "the platform has no window for descriptors");
	if (p->vmemmap_size < qi_align_up(end, section) << qi_stride_shift(&q->memmap))
		return refuse(q, "the platform's window for descriptors is too small");
	q->memmap.map = (uintptr_t)p->vmemmap_base;
	return QUIRE_OK;
}

static enum quire_status check_static_table(struct quire *q)
{
	uint64_t bytes = q->memmap.section_limit * sizeof(struct quire_section);

	if (bytes > quire_memblock_phys_mem_size(&q->memblock) / 2) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "the static section table takes %llu KiB",
		       (unsigned long long)(bytes >> 10));
		return refuse(q, "a table of all sections the geometry can hold takes more than half of memory");
	}
	return QUIRE_OK;
}

static enum quire_status check_layout(struct quire *q)
{
	struct quire_page_layout_params params;
	const char *why = "";

	quire_page_layout_own(&q->config, &params);
	if (quire_page_layout_compute(&params, &q->memmap.layout, &why) != QUIRE_OK)
		return refuse(q, why);
	return QUIRE_OK;
}

static size_t count_runs(const struct quire *q)
{
	struct quire_section_run run;
	uint64_t cursor = 0;
	size_t count = 0;

	while (quire_section_next_run(&q->config, &q->memblock, &cursor, &run))
		count++;
	return count;
}

static enum quire_status find_runs(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	size_t count = count_runs(q);
	struct qi_want want = { .size = qi_max(count, 1) * sizeof(*m->runs), .align = 16, .nid = QUIRE_NO_NODE };
	struct qi_chunk chunk;
	uint64_t cursor = 0;
	enum quire_status status = qi_mm_take(q, &want, &chunk);

	if (status != QUIRE_OK)
		return status;
	m->runs = chunk.va;
	m->stats.table_bytes += chunk.size;
	while (m->run_count < count &&
	       quire_section_next_run(&q->config, &q->memblock, &cursor, &m->runs[m->run_count])) {
		m->stats.present_sections += m->runs[m->run_count].end - m->runs[m->run_count].start;
		m->run_count++;
	}
	return QUIRE_OK;
}

/* LAZY leaves the tables empty: the runs say all there is to say about memory nobody has touched. */
static enum quire_status enter_sections(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	const struct quire_section_run *last = m->run_count ? &m->runs[m->run_count - 1] : NULL;
	enum quire_status status = qi_section_tables(q, last ? last->end : 0, last ? m->runs[0].nid : QUIRE_NO_NODE);

	if (status != QUIRE_OK || !qi_has_boot_room(m))
		return status;
	for (size_t i = 0; i < m->run_count; i++) {
		for (uint64_t number = m->runs[i].start; number < m->runs[i].end; number++) {
			struct quire_section *section = qi_section_enter(q, false, number, m->runs[i].nid);

			if (!section)
				return QUIRE_ENOMEM;
			section->map = QUIRE_SECTION_PRESENT | QUIRE_SECTION_ONLINE;
		}
	}
	return QUIRE_OK;
}

static quire_pfn_t memory_end(const struct quire *q)
{
	return qi_pfn_down(quire_memblock_end_of_dram(&q->memblock), quire_page_shift(&q->config));
}

static enum quire_status enter(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_usage_layout l;
	enum quire_status status;

	if (!qi_is_sparse(m))
		return qi_flat_plan(q);
	l = qi_usage_layout(m, (uint64_t)1 << qi_section_shift(m), true, !qi_has_boot_room(m));
	m->usage_blocks = l.blocks;
	m->usage_taken = l.taken;
	m->usage_done = l.done;
	m->usage_node = l.node;
	m->usage_backing = l.backing;
	m->usage_words = l.words;
	l = qi_usage_layout(m, (uint64_t)1 << qi_section_shift(m), true, true);
	m->usage_homes = l.homes;
	m->usage_full_words = l.words;
	status = find_runs(q);
	return status == QUIRE_OK ? enter_sections(q) : status;
}

enum quire_status qi_memmap_present(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;
	enum quire_status status;

	set_geometry(q);
	status = check_geometry(q, memory_end(q));
	if (status == QUIRE_OK)
		status = check_layout(q);
	if (status == QUIRE_OK && qi_is_vmemmap(m))
		status = check_window(q, memory_end(q));
	if (status == QUIRE_OK && quire_memmap_model(m) == QUIRE_MODEL_SPARSEMEM)
		status = check_static_table(q);
	if (status == QUIRE_OK) {
		status = enter(q);
		if (status == QUIRE_ENOMEM)
			qi_log(q->platform, QUIRE_LOG_ERROR, "no memory for the tables of memory model %s",
			       quire_model_name(quire_memmap_model(m)));
	}
	if (status != QUIRE_OK)
		qi_memmap_fini(q);
	else
		q->metadata.sections = m->stats.table_bytes;
	return status;
}

void qi_memmap_fini(struct quire *q)
{
	qi_demand_undo(q);
	qi_mm_release(q, true, (struct qi_chunk_mark){ NULL, 0 });
	qi_mm_release(q, false, (struct qi_chunk_mark){ NULL, 0 });
	q->memmap = (struct quire_memmap){ .ready = false };
	q->metadata.sections = 0;
	q->metadata.descriptors = 0;
}
