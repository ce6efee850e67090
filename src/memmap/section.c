/*
 * The section table: static (SPARSEMEM) or in two levels (EXTREME and VMEMMAP).
 *
 * Both are as long as the geometry demands, but only the part below the highest present section is ever zeroed or looked at:
 * a small machine under a wide geometry pays address space, not work.
 */
#include "memmap/internal.h"

const struct quire_section_run *qi_run_at(const struct quire_memmap *m, uint64_t section, uint64_t *next_start)
{
	size_t low = 0, high = m->run_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->runs[middle].end > section)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < m->run_count && m->runs[low].start <= section) {
		*next_start = low + 1 < m->run_count ? m->runs[low + 1].start : UINT64_MAX;
		return &m->runs[low];
	}
	*next_start = low < m->run_count ? m->runs[low].start : UINT64_MAX;
	return NULL;
}

static uint64_t roots_for(const struct quire_memmap *m, uint64_t sections)
{
	return (sections + ((uint64_t)1 << qi_root_shift(m)) - 1) >> qi_root_shift(m);
}

void qi_section_extend(struct quire_memmap *m, uint64_t end)
{
	uint64_t old = __atomic_load_n(&m->section_end, __ATOMIC_ACQUIRE);

	if (end <= old)
		return;
	if (m->table) {
		memset(&m->table[old], 0, (size_t)(end - old) * sizeof(*m->table));
	} else {
		uint64_t from = roots_for(m, old), to = roots_for(m, end);

		memset(&m->roots[from], 0, (size_t)(to - from) * sizeof(struct quire_section *));
	}
	__atomic_store_n(&m->section_end, (uintptr_t)end, __ATOMIC_RELEASE);
}

enum quire_status qi_section_tables(struct quire *q, uint64_t end, int nid)
{
	struct quire_memmap *m = &q->memmap;
	bool is_static = quire_memmap_model(m) == QUIRE_MODEL_SPARSEMEM;
	struct qi_want want = { .align = 64, .nid = nid };
	struct qi_chunk chunk;
	enum quire_status status;

	want.size = is_static ? m->section_limit * sizeof(*m->table) :
		    roots_for(m, m->section_limit) * sizeof(struct quire_section *);
	status = qi_mm_take(q, &want, &chunk);
	if (status != QUIRE_OK)
		return status;
	if (is_static)
		m->table = chunk.va;
	else
		m->roots = chunk.va;
	m->stats.table_bytes += chunk.size;
	qi_section_extend(m, end);
	return QUIRE_OK;
}

/* The node of all memory in a section, or 0xffff where several share it. */
static uint16_t only_node(const struct quire_memmap *m, uint64_t number, int nid)
{
	unsigned shift = qi_section_shift(m) + qi_page_shift(m);
	quire_phys_t end = (number + 1) << shift;

	for (size_t i = qi_table_ending_above(&m->ledger->memory, number << shift); i < m->ledger->memory.cnt; i++) {
		const struct quire_memblock_region *region = &m->ledger->memory.regions[i];

		if (region->base >= end)
			break;
		if (region->nid != nid && region->nid != QUIRE_NO_NODE)
			return 0xffff;
	}
	return (uint16_t)nid;
}

/* The root of a section, unless somebody else was quicker. NULL: no memory. */
static bool make_root(struct quire *q, bool hotplug, uint64_t number, int nid)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_section **root = &m->roots[number >> qi_root_shift(m)], *none = NULL;
	uint64_t size = sizeof(struct quire_section) << qi_root_shift(m);
	struct qi_want want = { .size = size, .align = size, .nid = nid, .zero = true, .hotplug = hotplug };
	struct qi_chunk_mark mark = qi_mm_mark(q, hotplug);
	struct qi_chunk chunk;

	if (__atomic_load_n(root, __ATOMIC_ACQUIRE))
		return true;
	if (qi_mm_take(q, &want, &chunk) != QUIRE_OK)
		return false;
	if (__atomic_compare_exchange_n(root, &none, (struct quire_section *)chunk.va, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		qi_account(q, hotplug, &m->stats.table_bytes, size);
	else
		qi_mm_release(q, hotplug, mark);
	return true;
}

struct quire_section *qi_section_enter(struct quire *q, bool hotplug, uint64_t number, int nid)
{
	struct quire_memmap *m = &q->memmap;

	qi_section_extend(m, number + 1);
	if (m->roots && !make_root(q, hotplug, number, nid))
		return NULL;
	return quire_section(m, number);
}

void qi_section_set_node(const struct quire_memmap *m, uint64_t number, struct quire_usage *usage, int nid)
{
	if (!m->layout.node_in_flags)
		((uint32_t *)usage)[m->usage_node] = only_node(m, number, nid);
}

void qi_section_fill(struct quire *q, uint64_t number, struct quire_section *section, uintptr_t map,
		     struct quire_usage *usage, int nid)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t start = number << qi_section_shift(m), end = (number + 1) << qi_section_shift(m);
	uintptr_t flags = QUIRE_SECTION_PRESENT | QUIRE_SECTION_HAS_MAP | QUIRE_SECTION_ONLINE | QUIRE_SECTION_EARLY;
	const struct quire_memblock_type *memory = &m->ledger->memory;

	if (qi_has_boot_room(m))
		flags |= QUIRE_SECTION_BOOT;
	for (size_t i = qi_table_ending_above(memory, start << qi_page_shift(m)); i < memory->cnt; i++) {
		const struct quire_memblock_region *region = &memory->regions[i];
		quire_pfn_t from = qi_max(qi_pfn_up(region->base, qi_page_shift(m)), start);
		quire_pfn_t to = qi_min(qi_pfn_down(region->base + region->size, qi_page_shift(m)), end);

		if (region->base >> qi_page_shift(m) >= end)
			break;
		if (from < to)
			qi_subsections_set(m, usage, from, to);
	}
	qi_section_set_node(m, number, usage, nid);
	__atomic_store_n(&section->usage, usage, __ATOMIC_RELEASE);
	/* Readers see the map last: a valid section has everything. */
	__atomic_store_n(&section->map, (map - ((uintptr_t)start << qi_stride_shift(m))) | flags, __ATOMIC_RELEASE);
	m->stats.valid_sections++;
}
