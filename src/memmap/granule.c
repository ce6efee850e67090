/* By what frames come and go at run time, and which of them are there. */
#include "memmap/internal.h"

quire_pfn_t qi_granule(const struct quire_memmap *m)
{
	quire_pfn_t sub = (quire_pfn_t)1 << (QUIRE_SUBSECTION_SHIFT - qi_min(qi_page_shift(m), QUIRE_SUBSECTION_SHIFT));

	return qi_is_vmemmap(m) ? qi_max(sub, (uint64_t)1 << qi_unit_shift(m)) : qi_section_pages(m);
}

quire_pfn_t qi_stop_in_section(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t end)
{
	return qi_min(qi_align_down(pfn, qi_section_pages(m)) + qi_section_pages(m), end);
}

/* A section that has, or under LAZY would have, descriptors. */
const struct quire_section *qi_valid_section(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section = quire_section(m, pfn >> qi_section_shift(m));

	return section && (section->map & QUIRE_SECTION_HAS_MAP) ? section : NULL;
}

bool qi_all_there(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end, bool *any)
{
	const struct quire_section *section = qi_valid_section(m, start);

	*any = false;
	return section && section->usage && !qi_subsections_absent(m, section->usage, start, end, any);
}

bool qi_any_there(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	quire_pfn_t stop;

	for (; start < end; start = stop) {
		const struct quire_section *section = quire_section(m, start >> qi_section_shift(m));
		bool any = false;

		stop = qi_stop_in_section(m, start, end);
		if (section && section->map & QUIRE_SECTION_PRESENT)
			qi_all_there(m, start, stop, &any);
		if (any)
			return true;
	}
	return false;
}
