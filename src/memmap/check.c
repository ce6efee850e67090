/* The memmap's own books against ledger and zones. */
#include "memmap/internal.h"

static enum quire_status broken(const struct quire *q, const char *what, quire_pfn_t pfn)
{
	qi_log(q->platform, QUIRE_LOG_ERROR, "memmap: frame %#llx: %s", (unsigned long long)pfn, what);
	return QUIRE_ECORRUPT;
}

/* A descriptor finds its frame, node and zone again. */
static enum quire_status check_frame(const struct quire *q, quire_pfn_t pfn)
{
	const struct quire_memmap *m = &q->memmap;
	const struct quire_page *page = quire_pfn_to_page(m, pfn);
	struct qi_frame_home home;
	bool named;

	if (quire_page_to_pfn(m, page) != pfn)
		return broken(q, "its descriptor leads to another frame", pfn);
	if (!quire_pfn_valid(m, pfn))
		return broken(q, "initialised but not valid", pfn);
	if (!qi_home_of(m, pfn, &home, &named) || home.is_hole)
		return QUIRE_OK;
	if (quire_page_nid(m, page) != home.nid)
		return broken(q, "its descriptor names the wrong node", pfn);
	if (quire_page_zone(m, page) != home.zone)
		return broken(q, "its descriptor names the wrong zone", pfn);
	return QUIRE_OK;
}

/* All memory of the ledger has, or under LAZY can have, descriptors. */
static enum quire_status check_memory(const struct quire *q)
{
	const struct quire_memmap *m = &q->memmap;
	struct quire_pfn_range range;
	size_t index = 0;

	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, qi_page_shift(m), &range) {
		if (!quire_pfn_valid(m, range.start))
			return broken(q, "memory without a descriptor", range.start);
		if (!quire_pfn_valid(m, range.end - 1))
			return broken(q, "memory without a descriptor", range.end - 1);
	}
	return QUIRE_OK;
}

enum quire_status quire_check_memmap(const struct quire *q)
{
	const struct quire_memmap *m = &q->memmap;
	enum quire_status status;
	struct quire_pfn_run run;
	quire_pfn_t cursor = 0;
	uint64_t ready = 0;

	if (!m->ready)
		return QUIRE_OK;
	status = check_memory(q);
	while (status == QUIRE_OK && quire_memmap_next_run(m, &cursor, qi_memmap_end(m), &run)) {
		if (run.state != QUIRE_PFN_READY)
			continue;
		ready += run.end - run.start;
		status = check_frame(q, run.start);
		if (status == QUIRE_OK)
			status = check_frame(q, run.end - 1);
	}
	if (status == QUIRE_OK && ready > m->stats.initialised)
		return broken(q, "more descriptors are initialised than were counted", ready);
	return status;
}
