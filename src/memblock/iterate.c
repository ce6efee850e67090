/*
 * Walks over "A without B".
 *
 * The cursor holds two indexes: low half, the region of A; high half, the gap of B, where gap k lies between regions k - 1
 * and k, reaches from 0 if k is 0 and to the top if k is B's count. The field uses the same cursor, with the same end mark.
 * Gaps that do not reach A's region are skipped by bisection, so a walk costs what it yields.
 */
#include "memblock/internal.h"

bool qi_memblock_skip(const struct quire_memblock *mb, const qi_region *region, int nid, uint32_t flags)
{
	uint32_t lacking = region->flags & ~flags;

	return (nid != QUIRE_NO_NODE && nid != region->nid) || (mb->movable_node && (lacking & QUIRE_MEMBLOCK_HOTPLUG)) ||
	       ((flags & ~region->flags) & QUIRE_MEMBLOCK_MIRROR) ||
	       (lacking & (QUIRE_MEMBLOCK_NOMAP | QUIRE_MEMBLOCK_DRIVER_MANAGED));
}

static uint64_t cursor_of(size_t a, size_t gap) { return (uint64_t)gap << 32 | (uint32_t)a; }

static void yield(const qi_region *region, quire_phys_t start, quire_phys_t end, struct quire_memblock_range *range)
{
	*range = (struct quire_memblock_range){ start, end, region->nid, region->flags };
}

static quire_phys_t gap_start(const qi_type *b, size_t gap) { return gap ? qi_region_end(&b->regions[gap - 1]) : 0; }
static quire_phys_t gap_end(const qi_type *b, size_t gap) { return gap < b->cnt ? b->regions[gap].base : QUIRE_PHYS_MAX; }

bool quire_memblock_next_range(const struct quire_memblock *mb, uint64_t *cursor, int nid, uint32_t flags,
			       const struct quire_memblock_type *a, const struct quire_memblock_type *b,
			       struct quire_memblock_range *range)
{
	size_t i = (uint32_t)*cursor, gap = (size_t)(*cursor >> 32);

	nid = qi_memblock_nid(nid);
	for (; i < a->cnt; i++) {
		const qi_region *region = &a->regions[i];
		quire_phys_t end = qi_region_end(region);

		if (a == &mb->memory && qi_memblock_skip(mb, region, nid, flags))
			continue;
		if (!b) {
			yield(region, region->base, end, range);
			*cursor = cursor_of(i + 1, 0);
			return true;
		}
		if (gap < b->cnt && gap_end(b, gap) <= region->base)
			gap = qi_max(gap, qi_table_ending_above(b, region->base));
		/* Gaps may be empty where regions touch that differ. */
		for (; gap <= b->cnt && gap_start(b, gap) < end; gap++) {
			quire_phys_t from = qi_max(region->base, gap_start(b, gap)), to = qi_min(end, gap_end(b, gap));

			if (from >= to)
				continue;
			yield(region, from, to, range);
			*cursor = end <= gap_end(b, gap) ? cursor_of(i + 1, gap) : cursor_of(i, gap + 1);
			return true;
		}
	}
	*cursor = QUIRE_MEMBLOCK_CURSOR_END;
	return false;
}

bool quire_memblock_next_range_rev(const struct quire_memblock *mb, uint64_t *cursor, int nid, uint32_t flags,
				   const struct quire_memblock_type *a, const struct quire_memblock_type *b,
				   struct quire_memblock_range *range)
{
	/* One past the region, and the gap, to look at next; both count down. */
	size_t i = (uint32_t)*cursor, gap = (size_t)(*cursor >> 32);

	nid = qi_memblock_nid(nid);
	if (*cursor == QUIRE_MEMBLOCK_CURSOR_END) {
		i = a->cnt;
		gap = b ? b->cnt + 1 : 0;
	}
	for (; i > 0; i--) {
		const qi_region *region = &a->regions[i - 1];
		quire_phys_t end = qi_region_end(region);

		if (a == &mb->memory && qi_memblock_skip(mb, region, nid, flags))
			continue;
		if (!b) {
			yield(region, region->base, end, range);
			*cursor = cursor_of(i - 1, 0);
			return true;
		}
		if (gap > 0 && gap_start(b, gap - 1) >= end)
			gap = qi_min(gap, qi_table_starting_from(b, end) + 1);
		for (; gap > 0 && gap_end(b, gap - 1) > region->base; gap--) {
			quire_phys_t from = qi_max(region->base, gap_start(b, gap - 1));
			quire_phys_t to = qi_min(end, gap_end(b, gap - 1));

			if (from >= to)
				continue;
			yield(region, from, to, range);
			*cursor = gap_start(b, gap - 1) <= region->base ? cursor_of(i - 1, gap) : cursor_of(i, gap - 1);
			return true;
		}
	}
	*cursor = 0;
	return false;
}

bool quire_memblock_next_pfn_range(const struct quire_memblock *mb, size_t *index, int nid, unsigned page_shift,
				   struct quire_pfn_range *range)
{
	nid = qi_memblock_nid(nid);
	while (*index < mb->memory.cnt) {
		const qi_region *region = &mb->memory.regions[(*index)++];
		quire_pfn_t start = qi_pfn_up(region->base, page_shift);
		quire_pfn_t end = qi_pfn_down(qi_region_end(region), page_shift);

		if (start >= end || (nid != QUIRE_NO_NODE && nid != region->nid))
			continue;
		*range = (struct quire_pfn_range){ start, end, region->nid, region->flags };
		return true;
	}
	return false;
}
