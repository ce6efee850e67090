/* Questions about frames: is there a descriptor, is it online, has it been written; and the walk over all of them. */
#include "memmap/internal.h"

bool qi_is_untouched(const struct quire_memmap *m, uint64_t number)
{
	const struct quire_section *section = quire_section(m, number);
	uint64_t next;

	if (!qi_is_lazy(m) || !qi_run_at(m, number, &next))
		return false;
	/* A usage map without descriptors is a section that was trimmed (present) or removed (not). */
	return !section || !__atomic_load_n(&section->usage, __ATOMIC_ACQUIRE) ||
	       (__atomic_load_n(&section->map, __ATOMIC_ACQUIRE) & (QUIRE_SECTION_PRESENT | QUIRE_SECTION_HAS_MAP)) ==
	       QUIRE_SECTION_PRESENT;
}

bool quire_pfn_in_present_section(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section;

	if (!qi_is_sparse(m))
		return quire_flat_map_of(m, pfn) != NULL;
	section = quire_section(m, pfn >> qi_section_shift(m));
	if (section && (__atomic_load_n(&section->map, __ATOMIC_ACQUIRE) & QUIRE_SECTION_PRESENT))
		return true;
	return qi_is_untouched(m, pfn >> qi_section_shift(m));
}

bool quire_pfn_valid(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section;
	uintptr_t map;

	if (!qi_is_sparse(m))
		return quire_flat_map_of(m, pfn) != NULL;
	section = quire_section(m, pfn >> qi_section_shift(m));
	map = section ? __atomic_load_n(&section->map, __ATOMIC_ACQUIRE) : 0;
	if (!(map & QUIRE_SECTION_HAS_MAP))
		return qi_is_untouched(m, pfn >> qi_section_shift(m));
	return (map & QUIRE_SECTION_EARLY) || qi_subsection_test(m, section->usage, pfn);
}

bool quire_pfn_online(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section;
	uintptr_t map;

	if (!qi_is_sparse(m))
		return quire_flat_map_of(m, pfn) != NULL;
	section = quire_section(m, pfn >> qi_section_shift(m));
	map = section ? __atomic_load_n(&section->map, __ATOMIC_ACQUIRE) : 0;
	if (map & QUIRE_SECTION_HAS_MAP)
		return (map & QUIRE_SECTION_ONLINE) && qi_subsection_test(m, section->usage, pfn);
	return qi_is_untouched(m, pfn >> qi_section_shift(m)) &&
	       quire_memblock_is_memory(m->ledger, pfn << qi_page_shift(m));
}

bool quire_pfn_initialised(const struct quire_memmap *m, quire_pfn_t pfn)
{
	return qi_unit_done(m, pfn);
}

struct quire_page *quire_pfn_to_online_page(const struct quire_memmap *m, quire_pfn_t pfn)
{
	struct quire_page *page = quire_pfn_online(m, pfn) && qi_unit_done(m, pfn) ? quire_pfn_to_page(m, pfn) : NULL;

	/* Device memory may share a section with RAM. */
	return page && quire_page_zone(m, page) != QUIRE_ZONE_DEVICE ? page : NULL;
}

int quire_page_nid(const struct quire_memmap *m, const struct quire_page *page)
{
	const struct quire_section *section;
	uint32_t nid;

	if (m->layout.node_in_flags)
		return (int)quire_page_field_get(page->flags, m->layout.node);
	section = quire_section(m, quire_page_field_get(page->flags, m->layout.section));
	nid = ((const uint32_t *)section->usage)[m->usage_node];
	if (nid == 0xffff) {
		/* Nodes meet inside this section: the frame's own memory, or the memory its hole belongs to, tells. */
		struct qi_frame_home home = { .nid = 0 };
		bool named;

		qi_home_of(m, quire_page_to_pfn(m, page), &home, &named);
		return home.nid;
	}
	return (int)nid;
}

uint64_t quire_page_zone_id(const struct quire_memmap *m, const struct quire_page *page)
{
	return (uint64_t)quire_page_nid(m, page) << 3 | quire_page_zone(m, page);
}

void quire_page_get(struct quire_page *page)
{
	uint32_t old = __atomic_load_n(&page->state, __ATOMIC_RELAXED);

	do {
		if ((old & QUIRE_PAGE_REF_MAX) == QUIRE_PAGE_REF_MAX)
			return;
	} while (!__atomic_compare_exchange_n(&page->state, &old, old + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

bool quire_page_put(struct quire_page *page)
{
	uint32_t old = __atomic_load_n(&page->state, __ATOMIC_RELAXED), refs;

	do {
		refs = old & QUIRE_PAGE_REF_MAX;
		if (refs == QUIRE_PAGE_REF_MAX || !refs)
			return false;
	} while (!__atomic_compare_exchange_n(&page->state, &old, old - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return refs == 1;
}

/* --- the walk ----------------------------------------------------------------------------------------------------- */

static quire_pfn_t section_start(const struct quire_memmap *m, uint64_t number)
{
	return number == UINT64_MAX ? QUIRE_PFN_NONE : number << qi_section_shift(m);
}

/* Frames that have room: by whole usage map where all of it is initialised, else by unit. */
static enum quire_pfn_state unit_state(const struct quire_memmap *m, const struct qi_usage_ref *ref, quire_pfn_t pfn,
				       quire_pfn_t *end)
{
	const uint32_t *done = ref->words + qi_usage_layout_at(m, ref).done;
	uint64_t unit = (pfn - ref->start) >> qi_unit_shift(m), units = (ref->end - ref->start) >> qi_unit_shift(m);
	bool first = qi_bit_load(done, unit);

	while (++unit < units) {
		uint32_t word = __atomic_load_n(&done[unit / 32], __ATOMIC_ACQUIRE);

		/* Whole words of one kind go by at once. */
		if (unit % 32 == 0 && unit + 32 <= units && word == (first ? UINT32_MAX : 0))
			unit += 31;
		else if ((word >> (unit % 32) & 1) != first)
			break;
	}
	*end = ref->start + (qi_min(unit, units) << qi_unit_shift(m));
	return first ? QUIRE_PFN_READY : QUIRE_PFN_UNTOUCHED;
}

/* A section without entry: nothing, or for LAZY memory that has not been touched. As far as that is known to go on. */
static enum quire_pfn_state unentered(const struct quire_memmap *m, uint64_t number, uint64_t known_end, quire_pfn_t *end)
{
	uint64_t next;
	const struct quire_section_run *run = qi_run_at(m, number, &next);

	*end = section_start(m, qi_min(run ? run->end : next, known_end));
	return qi_is_untouched(m, number) ? QUIRE_PFN_UNTOUCHED : QUIRE_PFN_ABSENT;
}

static enum quire_pfn_state section_state(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t *end)
{
	uint64_t number = pfn >> qi_section_shift(m);
	const struct quire_section *section = quire_section(m, number);
	struct qi_usage_ref ref = qi_usage_of(m, pfn);
	enum quire_pfn_state state;
	uintptr_t map;

	if (number >= m->section_end)
		return unentered(m, number, UINT64_MAX, end);
	if (!section)
		return unentered(m, number, ((number >> qi_root_shift(m)) + 1) << qi_root_shift(m), end);
	map = __atomic_load_n(&section->map, __ATOMIC_ACQUIRE);
	if (!(map & QUIRE_SECTION_HAS_MAP) || !ref.words)
		return unentered(m, number, number + 1, end);
	state = unit_state(m, &ref, pfn, end);
	if (!(map & QUIRE_SECTION_EARLY)) {
		quire_pfn_t step = (quire_pfn_t)1 << (QUIRE_SUBSECTION_SHIFT - qi_page_shift(m));

		*end = qi_min(*end, qi_align_down(pfn, step) + step);
		if (!qi_subsection_test(m, section->usage, pfn))
			return QUIRE_PFN_ABSENT;
	}
	return map & QUIRE_SECTION_ONLINE ? state : QUIRE_PFN_OFFLINE;
}

static enum quire_pfn_state flat_state(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t *end)
{
	struct qi_usage_ref ref = qi_usage_of(m, pfn);
	quire_pfn_t contiguous;

	qi_contiguous(m, pfn, &contiguous);
	if (!ref.words) {
		*end = contiguous;
		return QUIRE_PFN_ABSENT;
	}
	enum quire_pfn_state state = unit_state(m, &ref, pfn, end);

	*end = qi_min(*end, contiguous);
	return state;
}

static enum quire_pfn_state step(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t *end)
{
	if (pfn >= qi_memmap_end(m)) {
		*end = QUIRE_PFN_NONE;
		return QUIRE_PFN_ABSENT;
	}
	return qi_is_sparse(m) ? section_state(m, pfn, end) : flat_state(m, pfn, end);
}

bool quire_memmap_next_run(const struct quire_memmap *m, quire_pfn_t *cursor, quire_pfn_t end, struct quire_pfn_run *run)
{
	quire_pfn_t next;

	if (*cursor >= end)
		return false;
	run->start = *cursor;
	run->state = step(m, run->start, &next);
	run->end = qi_min(next, end);
	while (run->end < end && step(m, run->end, &next) == run->state)
		run->end = qi_min(next, end);
	*cursor = run->end;
	return true;
}
