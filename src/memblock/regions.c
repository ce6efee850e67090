/*
 * The two operations everything else is written in: insert a range (what is there already wins) and isolate a range (split
 * at its ends). Each has a counting half, so that room is made before anything is touched and a failure leaves no trace.
 */
#include "memblock/internal.h"

struct qi_overlap qi_memblock_overlap(const qi_type *type, quire_phys_t start, quire_phys_t end, int nid, uint32_t flags)
{
	struct qi_overlap overlap = { .first = qi_table_ending_above(type, start) };
	size_t i;

	for (i = overlap.first; i < type->cnt && type->regions[i].base < end; i++) {
		const qi_region *region = &type->regions[i];

		if (region->base > start) {
			overlap.pieces++;
			overlap.differs |= region->nid != nid || region->flags != flags;
		}
		start = qi_region_end(region);
	}
	overlap.last = i;
	overlap.pieces += start < end;
	return overlap;
}

/*
 * All pieces are opened as one hole behind the overlapped regions, then old regions and new pieces are laid down from the
 * back: one move of the rest of the table however many pieces there are.
 */
void qi_memblock_insert(struct quire_memblock *mb, qi_type *type, quire_phys_t start, quire_phys_t end, int nid,
			uint32_t flags)
{
	struct qi_overlap overlap = qi_memblock_overlap(type, start, end, nid, flags);
	size_t read = overlap.last, write = overlap.last + overlap.pieces;
	quire_phys_t uncovered = end;

	if (!overlap.pieces)
		return;
	qi_table_open(type, overlap.last, overlap.pieces);
	while (uncovered > start) {
		quire_phys_t below = read > overlap.first ? qi_region_end(&type->regions[read - 1]) : start;

		if (below < uncovered) {
			type->regions[--write] = (qi_region){ below, uncovered - below, flags, nid };
			type->total_size += uncovered - below;
		}
		if (read == overlap.first)
			break;
		uncovered = type->regions[--read].base;
		type->regions[--write] = type->regions[read];
	}
	qi_table_merge(mb, type, overlap.first, overlap.last + overlap.pieces);
	if (type == &mb->memory)
		qi_hint_space_grew(mb, start, end);
}

size_t qi_memblock_count_splits(const qi_type *type, quire_phys_t start, quire_phys_t end)
{
	size_t first = qi_table_ending_above(type, start), last = qi_table_starting_from(type, end);

	if (first >= last)
		return 0;
	return (type->regions[first].base < start) + (qi_region_end(&type->regions[last - 1]) > end);
}

/* Cut region i in two at address, which lies strictly inside it. */
static void cut(qi_type *type, size_t i, quire_phys_t address)
{
	qi_region *low;

	qi_table_open(type, i + 1, 1);
	low = &type->regions[i];
	low[1] = (qi_region){ address, qi_region_end(low) - address, low->flags, low->nid };
	low->size = address - low->base;
}

void qi_memblock_split(qi_type *type, quire_phys_t start, quire_phys_t end, size_t *first, size_t *last)
{
	*first = qi_table_ending_above(type, start);
	*last = qi_table_starting_from(type, end);
	if (*first >= *last) {
		*last = *first;
		return;
	}
	if (qi_region_end(&type->regions[*last - 1]) > end)
		cut(type, *last - 1, end);
	if (type->regions[*first].base < start) {
		cut(type, *first, start);
		++*first;
		++*last;
	}
}

size_t qi_memblock_count_holes(const qi_type *type, quire_phys_t start, quire_phys_t end)
{
	size_t i = qi_table_ending_above(type, start);

	return start < end && i < type->cnt && type->regions[i].base < start && qi_region_end(&type->regions[i]) > end;
}

/* Regions that reach over an end are shortened in place: a slot is needed only for a hole inside one region. */
void qi_memblock_delete(struct quire_memblock *mb, qi_type *type, quire_phys_t start, quire_phys_t end)
{
	size_t first = qi_table_ending_above(type, start), last;

	if (start >= end)
		return;
	if (qi_memblock_count_holes(type, start, end))
		cut(type, first, end);
	last = qi_table_starting_from(type, end);
	for (size_t i = first; i < last; i++) {
		qi_region *region = &type->regions[i];
		quire_phys_t from = qi_max(region->base, start), to = qi_min(qi_region_end(region), end);

		type->total_size -= to - from;
		region->size -= to - from;
		if (from == region->base)
			region->base = to;
	}
	/* Only the outermost can have anything left. */
	first += first < last && type->regions[first].size > 0;
	last -= first < last && type->regions[last - 1].size > 0;
	if (first < last)
		qi_table_close(type, first, last - first);
	if (type == &mb->reserved)
		qi_hint_space_grew(mb, start, end);
}

static enum quire_status add_range(struct quire_memblock *mb, qi_type *type, quire_phys_t base, quire_phys_t size, int nid,
				   uint32_t flags)
{
	quire_phys_t end = qi_range_end(base, size);
	struct qi_avoid avoid = { 1, { { base, end } } };
	struct qi_overlap overlap;
	enum quire_status status;

	if (base == end)
		return QUIRE_OK;
	overlap = qi_memblock_overlap(type, base, end, nid, flags);
	status = qi_memblock_make_room(mb, type, overlap.pieces, overlap.pieces, type == &mb->reserved ? &avoid : NULL);
	if (status != QUIRE_OK)
		return status;
	if (overlap.differs)
		qi_log(mb->platform, QUIRE_LOG_WARNING,
		       "memblock: " QI_RANGE_FORMAT " added to %s overlaps regions that differ in node or flags",
		       QI_RANGE_VALUES(base, end), type->name);
	qi_memblock_insert(mb, type, base, end, nid, flags);
	return QUIRE_OK;
}

static void log_call(const struct quire_memblock *mb, const char *name, quire_phys_t base, quire_phys_t size)
{
	if (mb->debug)
		qi_log(mb->platform, QUIRE_LOG_DEBUG, "%s: " QI_RANGE_FORMAT, name,
		       QI_RANGE_VALUES(base, qi_range_end(base, size)));
}

enum quire_status quire_memblock_add_node(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size, int nid,
					  uint32_t flags)
{
	if (flags & ~QI_MEMBLOCK_MEMORY_FLAGS) {
		qi_log(mb->platform, QUIRE_LOG_ERROR, "memblock: memory cannot have flags 0x%x",
		       flags & ~QI_MEMBLOCK_MEMORY_FLAGS);
		return QUIRE_EINVAL;
	}
	qi_memblock_ready(mb);
	log_call(mb, "memblock_add", base, size);
	return add_range(mb, &mb->memory, base, size, qi_memblock_nid(nid), flags);
}

enum quire_status quire_memblock_add(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return quire_memblock_add_node(mb, base, size, QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE);
}

enum quire_status quire_memblock_reserve(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	qi_memblock_ready(mb);
	log_call(mb, "memblock_reserve", base, size);
	return add_range(mb, &mb->reserved, base, size, QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE);
}

enum quire_status quire_memblock_remove(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	quire_phys_t end = qi_range_end(base, size);
	struct qi_avoid avoid = { 1, { { base, end } } };
	enum quire_status status;

	qi_memblock_ready(mb);
	log_call(mb, "memblock_remove", base, size);
	if (base == end)
		return QUIRE_OK;
	status = qi_memblock_make_room(mb, &mb->memory, 2, qi_memblock_count_holes(&mb->memory, base, end), &avoid);
	if (status == QUIRE_OK)
		qi_memblock_delete(mb, &mb->memory, base, end);
	return status;
}

enum quire_status quire_memblock_phys_free(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	quire_phys_t end = qi_range_end(base, size);
	struct qi_avoid avoid = { 1, { { base, end } } };
	enum quire_status status;
	size_t holes;

	qi_memblock_ready(mb);
	log_call(mb, "memblock_phys_free", base, size);
	if (base == end)
		return QUIRE_OK;
	holes = qi_memblock_count_release(mb, base, end);
	status = qi_memblock_make_room(mb, &mb->reserved, qi_max(holes, 2), holes, &avoid);
	if (status == QUIRE_OK)
		qi_memblock_release(mb, base, end);
	return status;
}

enum quire_status quire_memblock_isolate(struct quire_memblock *mb, struct quire_memblock_type *type, quire_phys_t base,
					 quire_phys_t size, size_t *first, size_t *last)
{
	quire_phys_t end = qi_range_end(base, size);
	struct qi_avoid avoid = { 1, { { base, end } } };
	enum quire_status status;
	size_t splits;

	if (type != &mb->memory && type != &mb->reserved)
		return QUIRE_EINVAL;
	qi_memblock_ready(mb);
	if (base == end) {
		*first = *last = 0;
		return QUIRE_OK;
	}
	splits = qi_memblock_count_splits(type, base, end);
	status = qi_memblock_make_room(mb, type, 2, splits, type == &mb->reserved ? &avoid : NULL);
	if (status != QUIRE_OK)
		return status;
	type->split |= qi_memblock_count_splits(type, base, end) > 0;
	qi_memblock_split(type, base, end, first, last);
	return QUIRE_OK;
}
