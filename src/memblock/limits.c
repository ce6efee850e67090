/*
 * Bounds: what of memory is kept (mem=, trimming), where allocation may go.
 *
 * A limit edits both tables. Room for every split is made before either is touched, so that a failure leaves in them what
 * was there (though one may have grown).
 */
#include "memblock/internal.h"

void quire_memblock_allow_resize(struct quire_memblock *mb) { mb->can_resize = true; }
void quire_memblock_set_bottom_up(struct quire_memblock *mb, bool enable) { mb->bottom_up = enable; }
void quire_memblock_set_current_limit(struct quire_memblock *mb, quire_phys_t limit) { mb->current_limit = limit; }

void quire_memblock_trim_memory(struct quire_memblock *mb, quire_phys_t align)
{
	qi_type *memory = &mb->memory;
	size_t kept = 0;

	if (!qi_is_pow2(align)) {
		qi_log(mb->platform, QUIRE_LOG_WARNING,
		       "memblock: cannot trim memory to 0x%llx, which is not a power of two",
		       (unsigned long long)align);
		return;
	}
	qi_memblock_ready(mb);
	for (size_t i = 0; i < memory->cnt; i++) {
		qi_region region = memory->regions[i];
		quire_phys_t start = qi_align_up(region.base, align), end = qi_align_down(qi_region_end(&region), align);

		memory->total_size -= region.size;
		/* Rounding up may also wrap, past the last address. */
		if (start < region.base || start >= end)
			continue;
		region.base = start;
		region.size = end - start;
		memory->total_size += region.size;
		memory->regions[kept++] = region;
	}
	memory->cnt = kept;
}

/*
 * Room for keeping only [start, end) of both tables. Memory first: if it grows, that changes `reserved`. Holes in reserved
 * are counted for both sides together, since they are made one after the other.
 */
static enum quire_status make_room_to_keep(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end,
					   size_t memory_splits)
{
	struct qi_avoid outside = { 2, { { 0, start }, { end, QUIRE_PHYS_MAX } } };
	enum quire_status status = qi_memblock_make_room(mb, &mb->memory, 2, memory_splits, &outside);
	size_t holes;

	if (status != QUIRE_OK)
		return status;
	holes = qi_memblock_count_release(mb, 0, start) + qi_memblock_count_release(mb, end, QUIRE_PHYS_MAX);
	return qi_memblock_make_room(mb, &mb->reserved, qi_max(holes, 2), holes, &outside);
}

/* Where `limit` bytes of memory are used up, holes not counted; QUIRE_PHYS_MAX if there is not as much. */
static quire_phys_t find_max_addr(const struct quire_memblock *mb, quire_phys_t limit)
{
	for (size_t i = 0; i < mb->memory.cnt; i++) {
		const qi_region *region = &mb->memory.regions[i];

		if (limit <= region->size)
			return region->base + limit;
		limit -= region->size;
	}
	return QUIRE_PHYS_MAX;
}

enum quire_status quire_memblock_enforce_memory_limit(struct quire_memblock *mb, quire_phys_t limit)
{
	enum quire_status status;
	quire_phys_t end;

	qi_memblock_ready(mb);
	end = limit ? find_max_addr(mb, limit) : QUIRE_PHYS_MAX;
	if (end == QUIRE_PHYS_MAX)
		return QUIRE_OK;
	status = make_room_to_keep(mb, 0, end, 0);
	if (status != QUIRE_OK)
		return status;
	qi_memblock_delete(mb, &mb->memory, end, QUIRE_PHYS_MAX);
	qi_memblock_release(mb, end, QUIRE_PHYS_MAX);
	return QUIRE_OK;
}

/* Delete the memory regions outside [first, last) that may go: NOMAP regions stay. Splits at the edges may then heal. */
static void keep_regions(struct quire_memblock *mb, size_t first, size_t last)
{
	qi_type *memory = &mb->memory;
	size_t kept = 0;

	for (size_t i = 0; i < memory->cnt; i++) {
		qi_region region = memory->regions[i];

		if ((i < first || i >= last) && !(region.flags & QUIRE_MEMBLOCK_NOMAP))
			memory->total_size -= region.size;
		else
			memory->regions[kept++] = region;
	}
	memory->cnt = kept;
	qi_table_merge(mb, memory, 0, memory->cnt);
}

enum quire_status quire_memblock_cap_memory_range(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	quire_phys_t end = qi_range_end(base, size);
	size_t first, last;
	enum quire_status status;

	qi_memblock_ready(mb);
	if (base == end)
		return QUIRE_OK;
	if (!mb->memory.cnt) {
		qi_log(mb->platform, QUIRE_LOG_WARNING, "memblock: no memory to cap to " QI_RANGE_FORMAT,
		       QI_RANGE_VALUES(base, end));
		return QUIRE_OK;
	}
	status = make_room_to_keep(mb, base, end, qi_memblock_count_splits(&mb->memory, base, end));
	if (status != QUIRE_OK)
		return status;
	qi_memblock_split(&mb->memory, base, end, &first, &last);
	keep_regions(mb, first, last);
	qi_memblock_release(mb, 0, base);
	qi_memblock_release(mb, end, QUIRE_PHYS_MAX);
	return QUIRE_OK;
}

enum quire_status quire_memblock_mem_limit_remove_map(struct quire_memblock *mb, quire_phys_t limit)
{
	quire_phys_t end = limit ? find_max_addr(mb, limit) : QUIRE_PHYS_MAX;

	return end == QUIRE_PHYS_MAX ? QUIRE_OK : quire_memblock_cap_memory_range(mb, 0, end);
}
