/*
 * Sections that come and go at run time.
 *
 * Added memory is described by 2 MiB sub-sections in the window model and by whole sections in the classic ones. Adding
 * first makes table entries, then room, and only then says that anything is there: until then every step is undone by
 * looking at what no sub-section uses. Part of a section from boot can only go in the books; when all that shares its
 * backing is gone, that goes too.
 */
#include "memmap/internal.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

enum quire_status qi_hotplug_range(const struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, quire_pfn_t grain)
{
	const struct quire_memmap *m = &q->memmap;

	if (!m->ready || !qi_is_sparse(m))
		return QUIRE_EUNSUPPORTED;
	if (!pages || (pfn | pages) & (grain - 1) || pfn + pages < pfn)
		return QUIRE_EINVAL;
	if ((pfn + pages - 1) >> qi_section_shift(m) >= m->section_limit)
		return QUIRE_ERANGE;
	if (qi_is_vmemmap(m) && q->platform->vmemmap_size < (pfn + pages) << qi_stride_shift(m))
		return QUIRE_ERANGE;
	return QUIRE_OK;
}

static void count_sections(struct quire *q, const struct quire_section *section, uint64_t delta)
{
	struct quire_memmap_stats *stats = &q->memmap.stats;
	unsigned long state;

	quire_memmap_hold(q, &state);
	stats->present_sections += delta;
	stats->valid_sections += delta;
	if (!(section->map & (QUIRE_SECTION_EARLY | QUIRE_SECTION_BOOT)))
		stats->hot_sections += delta;
	quire_memmap_let(q, state);
}

/* The section has nothing any more: it is absent. Descriptors from boot are kept in mind, in case it comes back. */
static void leave(struct quire *q, uint64_t number)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_section *section = quire_section(m, number);
	uintptr_t gone = QUIRE_SECTION_PRESENT | QUIRE_SECTION_EARLY | QUIRE_SECTION_ONLINE;
	quire_pfn_t first = number << qi_section_shift(m);

	count_sections(q, section, (uint64_t)-1);
	if (section->map & QUIRE_SECTION_BOOT) {
		__atomic_store_n(&section->map, section->map & ~gone, __ATOMIC_RELEASE);
		return;
	}
	if (!qi_is_vmemmap(m) && *qi_backing_of(m, section, 0)) {
		void *map = quire_pfn_to_page(m, first);

		__atomic_store_n(&section->map, 0, __ATOMIC_RELEASE);
		qi_backing_drop(q, true, qi_backing_of(m, section, 0), map, qi_section_map_size(m));
	} else {
		__atomic_store_n(&section->map, 0, __ATOMIC_RELEASE);
	}
}

/* Take [start, end) out of the books, section by section, then away what nobody needs any more. */
static void take_out(struct quire *q, quire_pfn_t start, quire_pfn_t end, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	unsigned long state;
	quire_pfn_t stop;

	for (quire_pfn_t at = start; at < end; at = stop) {
		struct quire_section *section = quire_section(m, at >> qi_section_shift(m));

		stop = qi_stop_in_section(m, at, end);
		quire_memmap_hold(q, &state);
		qi_subsections_clear(m, section->usage, at, stop);
		qi_units_clear(m, at, stop);
		quire_memmap_let(q, state);
		qi_homes_set(m, at, stop, NULL);
	}
	if (qi_is_vmemmap(m))
		qi_unback_range(q, start, end, altmap);
	for (quire_pfn_t at = start; at < end; at = qi_stop_in_section(m, at, end)) {
		uint64_t number = at >> qi_section_shift(m);
		quire_pfn_t first = qi_align_down(at, qi_section_pages(m));

		if (qi_any_there(m, first, first + qi_section_pages(m)))
			continue;
		leave(q, number);
		if (quire_section(m, number)->map & QUIRE_SECTION_BOOT)
			qi_unback_boot(q, number);
	}
}

/* The entry of the section at pfn, present, with a usage map and in classic models with an array. */
static enum quire_status enter(struct quire *q, int nid, quire_pfn_t pfn)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t number = pfn >> qi_section_shift(m);
	struct quire_section *section = quire_section(m, number);
	uintptr_t flags = QUIRE_SECTION_PRESENT | QUIRE_SECTION_HAS_MAP | QUIRE_SECTION_ZONED, map;

	if (section && section->map & QUIRE_SECTION_PRESENT && section->map & QUIRE_SECTION_HAS_MAP)
		return QUIRE_OK;
	if (!qi_valid_section(m, pfn)) {
		section = qi_section_room(q, true, number, nid, &map);
		if (!section)
			return QUIRE_ENOMEM;
		map -= (uintptr_t)(number << qi_section_shift(m)) << qi_stride_shift(m);
		qi_section_set_node(m, number, section->usage, nid);
		__atomic_store_n(&section->map, map | flags, __ATOMIC_RELEASE);
	}
	section->map |= QUIRE_SECTION_PRESENT;
	m->was_hot = true;
	count_sections(q, section, 1);
	return QUIRE_OK;
}

static enum quire_status check_absent(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t end)
{
	bool any = false;

	for (; pfn < end && !any; pfn = qi_stop_in_section(m, pfn, end))
		qi_all_there(m, pfn, qi_stop_in_section(m, pfn, end), &any);
	return any ? QUIRE_EEXIST : QUIRE_OK;
}

enum quire_status quire_memmap_add(struct quire *q, int nid, quire_pfn_t pfn, quire_pfn_t pages, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_altmap before = { 0 };
	quire_pfn_t end = pfn + pages, at, stop;
	enum quire_status status = qi_hotplug_range(q, pfn, pages, qi_granule(m));
	unsigned long state;

	if (status == QUIRE_OK && altmap && !qi_is_vmemmap(m))
		status = QUIRE_EUNSUPPORTED;
	if (status == QUIRE_OK)
		status = qi_enter_touched(q, pfn, end);
	if (status == QUIRE_OK)
		status = check_absent(m, pfn, end);
	if (status != QUIRE_OK)
		return status;
	if (altmap)
		before = *altmap;
	for (at = pfn; at < end && status == QUIRE_OK; at = qi_stop_in_section(m, at, end))
		status = enter(q, nid, at);
	if (status == QUIRE_OK && qi_is_vmemmap(m))
		status = qi_back_range(q, pfn, end, nid, altmap);
	else if (status != QUIRE_OK)
		end = qi_align_down(at - 1, qi_section_pages(m));
	if (status != QUIRE_OK) {
		take_out(q, pfn, end, altmap);
		if (altmap)
			*altmap = before;
		return status;
	}
	quire_memmap_hold(q, &state);
	for (at = pfn; at < end; at = stop) {
		stop = qi_stop_in_section(m, at, end);
		qi_subsections_set(m, quire_section(m, at >> qi_section_shift(m))->usage, at, stop);
	}
	quire_memmap_let(q, state);
	return QUIRE_OK;
}

/* Is some of [start, end), inside one valid section, on line? Device memory never is, though RAM in its section may be. */
static bool is_online(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	if (!(qi_valid_section(m, start)->map & QUIRE_SECTION_ONLINE))
		return false;
	for (quire_pfn_t pfn = start; pfn < end; pfn += qi_granule(m))
		if (!qi_unit_done(m, pfn) || quire_page_zone(m, quire_pfn_to_page(m, pfn)) != QUIRE_ZONE_DEVICE)
			return true;
	return false;
}

enum quire_status quire_memmap_remove(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t end = pfn + pages, stop;
	enum quire_status status = qi_hotplug_range(q, pfn, pages, qi_granule(m));

	if (status == QUIRE_OK)
		status = qi_enter_touched(q, pfn, end);
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at = stop) {
		bool any;

		stop = qi_stop_in_section(m, at, end);
		if (!qi_all_there(m, at, stop, &any))
			status = QUIRE_ENOENT;
		else if (is_online(m, at, stop))
			status = QUIRE_EBUSY;
	}
	if (status == QUIRE_OK)
		take_out(q, pfn, end, altmap);
	return status;
}

/* The whole section changes sides. */
static void turn(struct quire *q, quire_pfn_t pfn, bool online)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_section *section = quire_section(m, pfn >> qi_section_shift(m));
	unsigned long state;

	if (online) {
		__atomic_fetch_or(&section->map, QUIRE_SECTION_ONLINE, __ATOMIC_RELEASE);
		return;
	}
	__atomic_fetch_and(&section->map, ~(uintptr_t)QUIRE_SECTION_ONLINE, __ATOMIC_RELEASE);
	quire_memmap_hold(q, &state);
	qi_units_clear(m, pfn, pfn + qi_section_pages(m));
	quire_memmap_let(q, state);
	qi_homes_set(m, pfn, pfn + qi_section_pages(m), NULL);
}

enum quire_status quire_memmap_set_online(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, bool online)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t end = pfn + pages;
	enum quire_status status = qi_hotplug_range(q, pfn, pages, qi_granule(m));

	if (status == QUIRE_OK && (pfn | pages) & (qi_section_pages(m) - 1))
		status = QUIRE_EINVAL;
	if (status == QUIRE_OK)
		status = qi_enter_touched(q, pfn, end);
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at += qi_section_pages(m)) {
		bool any;

		qi_all_there(m, at, at + qi_section_pages(m), &any);
		status = any ? QUIRE_OK : QUIRE_ENOENT;
	}
	for (quire_pfn_t at = pfn; at < end && status == QUIRE_OK; at += qi_section_pages(m))
		turn(q, at, online);
	return status;
}

#endif
