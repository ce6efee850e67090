/*
 * One sorted table of regions, as an array with free slots at both ends.
 *
 * Boot inserts at the ends: firmware maps append, top-down allocation keeps adding below what it added before. A plain array
 * would move everything on each insertion at the front, so regions float in their table and an insertion moves the shorter
 * side. When the side that needs a slot has none, everything is moved over so that it gets most of the free slots: each such
 * move uses up a fixed share of them, which bounds moves between two growths by the logarithm of the size.
 */
#include "memblock/internal.h"

static void ready(qi_type *type, qi_region *table, const char *name)
{
	type->table = table;
	type->regions = table;
	type->max = QUIRE_MEMBLOCK_REGIONS;
	type->name = name;
}

void qi_memblock_ready(struct quire_memblock *mb)
{
	if (qi_likely(mb->memory.regions))
		return;
	ready(&mb->memory, mb->initial_memory, "memory");
	ready(&mb->reserved, mb->initial_reserved, "reserved");
}

size_t qi_table_ending_above(const qi_type *type, quire_phys_t address)
{
	size_t low = 0, high = type->cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (qi_region_end(&type->regions[middle]) > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t qi_table_starting_from(const qi_type *type, quire_phys_t address)
{
	size_t low = 0, high = type->cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (type->regions[middle].base >= address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Where in a table of `max` slots `cnt` regions should start if the next insertions are expected around `at`. */
static size_t resting_place(size_t max, size_t cnt, size_t at)
{
	size_t slack = max - cnt, small = slack / 8;

	return at >= cnt - at ? small : slack - small;
}

static void move_regions(qi_region *to, const qi_region *from, size_t count)
{
	memmove(to, from, count * sizeof(*to));
}

/* As qi_table_open, when the cheap side has too few slots. */
static void open_by_moving_all(qi_type *type, size_t at, size_t count)
{
	qi_region *first = type->table + resting_place(type->max, type->cnt + count, at);
	qi_region *old = type->regions;

	/* The halves move by different distances: the one that moves outward first. */
	if (first < old) {
		move_regions(first, old, at);
		move_regions(first + at + count, old + at, type->cnt - at);
	} else {
		move_regions(first + at + count, old + at, type->cnt - at);
		move_regions(first, old, at);
	}
	type->regions = first;
}

void qi_table_open(qi_type *type, size_t at, size_t count)
{
	size_t before = (size_t)(type->regions - type->table), after = type->max - before - type->cnt;

	if (at < type->cnt - at && before >= count) {
		type->regions -= count;
		move_regions(type->regions, type->regions + count, at);
	} else if (at >= type->cnt - at && after >= count) {
		move_regions(type->regions + at + count, type->regions + at, type->cnt - at);
	} else {
		open_by_moving_all(type, at, count);
	}
	type->cnt += count;
}

void qi_table_close(qi_type *type, size_t at, size_t count)
{
	size_t after = type->cnt - at - count;

	if (at < after) {
		move_regions(type->regions + count, type->regions, at);
		type->regions += count;
	} else {
		move_regions(type->regions + at, type->regions + at + count, after);
	}
	type->cnt -= count;
}

void qi_table_move(qi_type *type, qi_region *table, size_t max, size_t at)
{
	qi_region *first = table + resting_place(max, type->cnt, at);

	move_regions(first, type->regions, type->cnt);
	type->regions = first;
	type->table = table;
	type->max = max;
}

static bool mergeable(const qi_region *a, const qi_region *b)
{
	return qi_region_end(a) == b->base && a->nid == b->nid && a->flags == b->flags;
}

void qi_table_merge(struct quire_memblock *mb, qi_type *type, size_t first, size_t last)
{
	size_t kept;

	if (qi_unlikely(type->split)) {
		first = 0;
		last = type->cnt;
		type->split = false;
		qi_hint_drop_all(mb);
	}
	first -= first > 0;
	last = qi_min(last + 1, type->cnt);
	kept = first;
	for (size_t i = first + 1; i < last; i++) {
		if (mergeable(&type->regions[kept], &type->regions[i]))
			type->regions[kept].size += type->regions[i].size;
		else if (++kept != i)
			type->regions[kept] = type->regions[i];
	}
	if (kept + 1 < last)
		qi_table_close(type, kept + 1, last - kept - 1);
}
