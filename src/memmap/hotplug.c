/*
 * Sections that come and go at run time.
 *
 * Added memory is described by 2 MiB sub-sections in the window model and by whole sections in the classic ones. Part of a
 * section from boot can only go in the books: its descriptors stay, because others in the section use them, and are used
 * again when the part comes back.
 */
#include "memmap/internal.h"

quire_pfn_t quire_altmap_take(struct quire_altmap *altmap, quire_pfn_t pages)
{
	quire_pfn_t next = altmap->base + altmap->reserve + altmap->alloc + altmap->align;
	quire_pfn_t taken = altmap->alloc + altmap->align, left = altmap->free > taken ? altmap->free - taken : 0;
	quire_pfn_t pad;

	if (!pages || pages > left)
		return QUIRE_PFN_NONE;
	pad = qi_align_up(next, pages & -pages) - next;
	if (pages + pad > left)
		return QUIRE_PFN_NONE;
	altmap->alloc += pages;
	altmap->align += pad;
	return next + pad;
}

static quire_pfn_t section_pages(const struct quire_memmap *m)
{
	return (quire_pfn_t)1 << m->section_pfn_shift;
}

static quire_pfn_t granule(const struct quire_memmap *m)
{
	quire_pfn_t sub = (quire_pfn_t)1 << (QUIRE_SUBSECTION_SHIFT - qi_min(m->page_shift, QUIRE_SUBSECTION_SHIFT));

	return qi_is_vmemmap(m) ? qi_max(sub, (uint64_t)1 << m->unit_shift) : section_pages(m);
}

static enum quire_status check_range(const struct quire *q, quire_pfn_t pfn, quire_pfn_t pages)
{
	const struct quire_memmap *m = &q->memmap;

	if (!m->ready || !qi_is_sparse(m))
		return QUIRE_EUNSUPPORTED;
	if (!pages || (pfn | pages) & (granule(m) - 1) || pfn + pages < pfn)
		return QUIRE_EINVAL;
	if ((pfn + pages - 1) >> m->section_pfn_shift >= m->section_limit)
		return QUIRE_ERANGE;
	if (qi_is_vmemmap(m) && q->platform->vmemmap_size < (pfn + pages) << m->stride_shift)
		return QUIRE_ERANGE;
	return QUIRE_OK;
}

static quire_pfn_t stop_in_section(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t end)
{
	return qi_min(qi_align_down(pfn, section_pages(m)) + section_pages(m), end);
}

/* A section that has, or under LAZY would have, descriptors. */
static const struct quire_section *valid_section(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section = quire_section(m, pfn >> m->section_pfn_shift);

	return section && (section->map & QUIRE_SECTION_HAS_MAP) ? section : NULL;
}

/* LAZY keeps sections from boot out of the table until they are touched; hotplug wants them in it. */
static enum quire_status enter_touched(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	struct quire_memmap *m = &q->memmap;
	enum quire_status status = QUIRE_OK;
	uint64_t next;

	for (; pfn < end && status == QUIRE_OK; pfn = stop_in_section(m, pfn, end)) {
		const struct quire_section_run *run = qi_run_at(m, pfn >> m->section_pfn_shift, &next);

		if (m->init == QUIRE_INIT_LAZY && run && quire_pfn_in_present_section(m, pfn))
			status = qi_enter_boot_section(q, pfn >> m->section_pfn_shift, run->nid);
	}
	return status;
}

/* How many granules of [start, end), inside one section, are there. */
static uint64_t count_there(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	const struct quire_section *section = valid_section(m, start);
	uint64_t count = 0;

	for (quire_pfn_t pfn = start; section && pfn < end; pfn += granule(m))
		count += qi_subsection_test(m, section->usage, pfn);
	return count;
}

static bool is_empty(const struct quire_memmap *m, const struct quire_section *section)
{
	for (quire_pfn_t pfn = 0; pfn < section_pages(m); pfn += granule(m))
		if (qi_subsection_test(m, section->usage, pfn))
			return false;
	return true;
}

/* Take [start, end), inside one section, out of the books, and its backing away unless that is from boot. */
static void remove_part(struct quire *q, quire_pfn_t start, quire_pfn_t end, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_section *section = quire_section(m, start >> m->section_pfn_shift);
	quire_pfn_t step = (quire_pfn_t)1 << m->unit_shift;
	void *first = quire_pfn_to_page(m, qi_align_down(start, section_pages(m)));
	uintptr_t kept = section->map & ~(uintptr_t)(QUIRE_SECTION_PRESENT | QUIRE_SECTION_EARLY | QUIRE_SECTION_ONLINE);

	qi_subsections_clear(m, section->usage, start, end);
	qi_units_clear(m, start, end);
	if (!(section->map & QUIRE_SECTION_BOOT) && qi_is_vmemmap(m)) {
		for (quire_pfn_t pfn = start; pfn < end; pfn += step) {
			uint64_t *backing = qi_backing_of(m, section, pfn);

			if (!*backing)
				continue;
			if (altmap && !qi_backing_is_ours(*backing))
				altmap->alloc -= (step << m->stride_shift) >> m->page_shift;
			qi_backing_drop(q, backing, quire_pfn_to_page(m, pfn), step << m->stride_shift);
		}
	}
	if (!is_empty(m, section))
		return;
	m->stats.valid_sections--;
	__atomic_store_n(&section->map, section->map & QUIRE_SECTION_BOOT ? kept : 0, __ATOMIC_RELEASE);
	if (!section->map && !qi_is_vmemmap(m) && *qi_backing_of(m, section, 0))
		qi_backing_drop(q, qi_backing_of(m, section, 0), first, qi_section_map_size(m));
}

/* Room for the units of [start, end) in the window; what was backed before a failure is taken away by the caller. */
static enum quire_status back_part(struct quire *q, const struct quire_section *section, quire_pfn_t start,
				   quire_pfn_t end, int nid, struct quire_altmap *altmap)
{
	enum quire_status status = QUIRE_OK;

	if (!qi_is_vmemmap(&q->memmap) || section->map & QUIRE_SECTION_BOOT)
		return QUIRE_OK;
	for (quire_pfn_t pfn = start; pfn < end && status == QUIRE_OK; pfn += (quire_pfn_t)1 << q->memmap.unit_shift)
		status = qi_back_unit(q, section, pfn, nid, altmap);
	return status;
}

/* Put [start, end), inside one section, into the books. */
static enum quire_status add_part(struct quire *q, int nid, quire_pfn_t start, quire_pfn_t end, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t number = start >> m->section_pfn_shift;
	struct quire_section *section = quire_section(m, number);
	bool fresh = !(section && (section->map & QUIRE_SECTION_PRESENT));
	enum quire_status status;
	uintptr_t map;

	if (!valid_section(m, start)) {
		section = qi_section_room(q, number, nid, &map);
		if (!section)
			return QUIRE_ENOMEM;
		map -= (uintptr_t)(number << m->section_pfn_shift) << m->stride_shift;
		__atomic_store_n(&section->map, map | QUIRE_SECTION_PRESENT | QUIRE_SECTION_HAS_MAP, __ATOMIC_RELEASE);
	}
	section->map |= QUIRE_SECTION_PRESENT;
	m->stats.valid_sections += fresh;
	/* Counted before it can fail: undoing looks for backing only if there ever was a hot section. */
	m->stats.hot_sections += fresh;
	status = back_part(q, section, start, end, nid, altmap);
	qi_subsections_set(m, section->usage, start, end);
	if (status != QUIRE_OK)
		remove_part(q, start, end, altmap);
	return status;
}

enum quire_status quire_memmap_add(struct quire *q, int nid, quire_pfn_t pfn, quire_pfn_t pages, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t end = pfn + pages, at;
	enum quire_status status = check_range(q, pfn, pages);
	struct quire_altmap before = { 0 };

	if (status == QUIRE_OK && altmap && !qi_is_vmemmap(m))
		status = QUIRE_EUNSUPPORTED;
	if (status == QUIRE_OK)
		status = enter_touched(q, pfn, end);
	for (at = pfn; at < end && status == QUIRE_OK; at = stop_in_section(m, at, end))
		if (count_there(m, at, stop_in_section(m, at, end)))
			status = QUIRE_EEXIST;
	if (status != QUIRE_OK)
		return status;
	if (altmap)
		before = *altmap;
	for (at = pfn; at < end && status == QUIRE_OK; at = stop_in_section(m, at, end))
		status = add_part(q, nid, at, stop_in_section(m, at, end), altmap);
	if (status == QUIRE_OK)
		return QUIRE_OK;
	/* The part that failed has undone itself; the ones before it follow. */
	for (quire_pfn_t undo = pfn; stop_in_section(m, undo, end) < at; undo = stop_in_section(m, undo, end))
		remove_part(q, undo, stop_in_section(m, undo, end), altmap);
	if (altmap)
		*altmap = before;
	return status;
}

enum quire_status quire_memmap_remove(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t end = pfn + pages, stop;
	enum quire_status status = check_range(q, pfn, pages);

	if (status == QUIRE_OK)
		status = enter_touched(q, pfn, end);
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at = stop) {
		stop = stop_in_section(m, at, end);
		if (count_there(m, at, stop) * granule(m) != stop - at)
			status = QUIRE_ENOENT;
		else if (valid_section(m, at)->map & QUIRE_SECTION_ONLINE)
			status = QUIRE_EBUSY;
	}
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at = stop) {
		stop = stop_in_section(m, at, end);
		remove_part(q, at, stop, altmap);
	}
	return status;
}

enum quire_status quire_memmap_set_online(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, bool online)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t end = pfn + pages;
	enum quire_status status = check_range(q, pfn, pages);

	if (status == QUIRE_OK && (pfn | pages) & (section_pages(m) - 1))
		status = QUIRE_EINVAL;
	if (status == QUIRE_OK)
		status = enter_touched(q, pfn, end);
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at += section_pages(m))
		if (!valid_section(m, at) || is_empty(m, valid_section(m, at)))
			status = QUIRE_ENOENT;
	if (status != QUIRE_OK)
		return status;
	for (quire_pfn_t at = pfn; at < end; at += section_pages(m)) {
		struct quire_section *section = quire_section(m, at >> m->section_pfn_shift);

		if (online) {
			section->map |= QUIRE_SECTION_ONLINE;
		} else {
			section->map &= ~(uintptr_t)QUIRE_SECTION_ONLINE;
			qi_units_clear(m, at, at + section_pages(m));
		}
	}
	return QUIRE_OK;
}
