/*
 * Making a table larger, out of the memory the tables describe.
 *
 * Everything that can fail comes first: find a place, map it, and, when it is `memory` that grows, see that `reserved` can
 * take the entry for the new table (it may have to grow itself: the only recursion, one level deep). Then the table moves,
 * the old one is freed and the new one reserved, none of which can fail.
 *
 * The place must avoid the range an operation under way is about to reserve or remove: it still looks free, or usable. Space
 * above such a range is tried before space below it, whatever the search direction is: so the field does, and addresses
 * are to be the same.
 *
 * A table the ledger lives in must not be given away, so releasing reserved memory spares it (the end of this file).
 */
#include "memblock/internal.h"

/*
 * What `reserved` takes on top of what is wanted when it grows: the new table's entry, and the old one's freed out of a
 * region.
 */
#define GROWTH_ENTRIES 3

/* A table's slots, rounded up to pages; tables are page aligned. */
static quire_phys_t table_bytes(const struct quire_memblock *mb, size_t max)
{
	return qi_align_up((quire_phys_t)max * sizeof(qi_region), qi_memblock_page(mb));
}

struct qi_span qi_memblock_table_span(const struct quire_memblock *mb, const qi_type *type)
{
	struct qi_span span = { type->table_base, type->table_base };

	if (type->table_base)
		span.end += table_bytes(mb, type->max);
	return span;
}

static quire_phys_t find_between(struct quire_memblock *mb, quire_phys_t size, quire_phys_t start, quire_phys_t end)
{
	struct qi_range_request request = { size, qi_memblock_page(mb), start, end, QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE };
	quire_phys_t found = 0;

	if (mb->has_mirror) {
		request.flags = QUIRE_MEMBLOCK_MIRROR;
		found = qi_memblock_find(mb, &request);
		request.flags = QUIRE_MEMBLOCK_NONE;
	}
	return found ? found : qi_memblock_find(mb, &request);
}

/* The highest avoided range that starts below upper; NULL if there is none. */
static const struct qi_span *highest_below(const struct qi_avoid *avoid, quire_phys_t upper)
{
	const struct qi_span *highest = NULL;

	for (unsigned i = 0; avoid && i < avoid->count; i++) {
		const struct qi_span *span = &avoid->spans[i];

		if (span->start < span->end && span->start < upper && (!highest || span->start > highest->start))
			highest = span;
	}
	return highest;
}

/* The avoided ranges must be disjoint. */
static quire_phys_t find_avoiding(struct quire_memblock *mb, quire_phys_t size, const struct qi_avoid *avoid)
{
	quire_phys_t upper = qi_memblock_limit(mb), found;
	const struct qi_span *span;

	while ((span = highest_below(avoid, upper)) != NULL) {
		found = find_between(mb, size, span->end, upper);
		if (found)
			return found;
		upper = span->start;
	}
	return find_between(mb, size, 0, upper);
}

/* Space for a table of `max` slots. *base is where it lies in the ledger, not yet reserved, or 0 if the platform gave it. */
static qi_region *take_space(struct quire_memblock *mb, size_t max, const struct qi_avoid *avoid, quire_phys_t *base)
{
	const struct quire_platform *platform = mb->platform;
	quire_phys_t bytes = table_bytes(mb, max);

	*base = 0;
	if (!platform || bytes > SIZE_MAX / 2)
		return NULL;
	if (platform->meta_alloc)
		return platform->meta_alloc(platform->ctx, (size_t)bytes, (size_t)qi_memblock_page(mb), QUIRE_NO_NODE);
	if (!platform->phys_to_virt)
		return NULL;
	*base = find_avoiding(mb, bytes, avoid);
	return *base ? platform->phys_to_virt(platform->ctx, *base, bytes) : NULL;
}

static bool is_embedded(const struct quire_memblock *mb, const qi_region *table)
{
	return table == mb->initial_memory || table == mb->initial_reserved;
}

static void give_meta_back(struct quire_memblock *mb, qi_region *table, size_t max)
{
	if (mb->platform && mb->platform->meta_free)
		mb->platform->meta_free(mb->platform->ctx, table, (size_t)table_bytes(mb, max));
}

/* The part of growing that cannot fail. `reserved` has room for what happens here. */
static void switch_table(struct quire_memblock *mb, qi_type *type, qi_region *table, quire_phys_t base, size_t max,
			 size_t at)
{
	struct qi_span old_span = qi_memblock_table_span(mb, type);
	qi_region *old = type->table;
	size_t old_max = type->max;
	bool from_meta = !type->table_base && !type->lent && !is_embedded(mb, old);

	type->lent = false;
	qi_table_move(type, table, max, at);
	type->table_base = base;
	if (from_meta)
		give_meta_back(mb, old, old_max);
	qi_memblock_delete(mb, &mb->reserved, old_span.start, old_span.end);
	if (!base)
		return;
	qi_memblock_insert(mb, &mb->reserved, base, base + table_bytes(mb, max), QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE);
	if (mb->debug)
		qi_log(mb->platform, QUIRE_LOG_DEBUG, "memblock: %s is doubled to %zu at " QI_RANGE_FORMAT, type->name, max,
		       QI_RANGE_VALUES(base, base + table_bytes(mb, max)));
}

static enum quire_status grow(struct quire_memblock *mb, qi_type *type, size_t wanted, const struct qi_avoid *avoid);

/* Growing `memory` frees one range of `reserved` and reserves another. The new table's place must not be used for that. */
static enum quire_status room_to_switch(struct quire_memblock *mb, const struct qi_avoid *avoid, quire_phys_t base,
					quire_phys_t bytes)
{
	struct qi_avoid all = { .count = 0 };

	if (mb->reserved.cnt + 2 <= mb->reserved.max)
		return QUIRE_OK;
	if (avoid)
		all = *avoid;
	if (base)
		all.spans[all.count++] = (struct qi_span){ base, base + bytes };
	return grow(mb, &mb->reserved, 2, &all);
}

/* The size to grow to: doubled until it is enough. 0: no such size. Indexes of iterators have 32 bits. */
static size_t grown_max(const qi_type *type, size_t entries)
{
	size_t max = type->max;

	do {
		if (max > UINT32_MAX / 2 / sizeof(qi_region))
			return 0;
		max *= 2;
	} while (max < type->cnt + entries);
	return max;
}

static enum quire_status grow(struct quire_memblock *mb, qi_type *type, size_t wanted, const struct qi_avoid *avoid)
{
	size_t max = grown_max(type, type == &mb->reserved ? wanted + GROWTH_ENTRIES : wanted), at = type->cnt;
	quire_phys_t base;
	qi_region *table;

	if (!max || !mb->can_resize)
		return QUIRE_ENOMEM;
	table = take_space(mb, max, avoid, &base);
	if (!table)
		return QUIRE_ENOMEM;
	if (type == &mb->memory && (base || type->table_base) &&
	    room_to_switch(mb, avoid, base, table_bytes(mb, max)) != QUIRE_OK) {
		if (!base)
			give_meta_back(mb, table, max);
		return QUIRE_ENOMEM;
	}
	/* The next insertions are likely where this one is. */
	if (avoid && avoid->count)
		at = qi_table_starting_from(type, avoid->spans[0].start);
	switch_table(mb, type, table, base, max, at);
	return QUIRE_OK;
}

enum quire_status qi_memblock_make_room(struct quire_memblock *mb, qi_type *type, size_t wanted, size_t needed,
					const struct qi_avoid *avoid)
{
	enum quire_status status;

	if (type->cnt + wanted <= type->max)
		return QUIRE_OK;
	status = grow(mb, type, wanted, avoid);
	if (status == QUIRE_OK || type->cnt + needed <= type->max)
		return QUIRE_OK;
	qi_log(mb->platform, QUIRE_LOG_ERROR, "memblock: Failed to double %s array from %zu to %zu entries !%s", type->name,
	       type->max, type->max * 2, mb->can_resize ? "" : " (resizing is not allowed yet)");
	return status;
}

/* [start, end) without the ledger's own tables: at most three ranges. */
static unsigned spare_tables(const struct quire_memblock *mb, quire_phys_t start, quire_phys_t end, struct qi_span parts[3])
{
	struct qi_span low = qi_memblock_table_span(mb, &mb->memory), high = qi_memblock_table_span(mb, &mb->reserved);
	struct qi_span tables[2] = { low, high };
	unsigned count = 0;

	if (low.start > high.start) {
		tables[0] = high;
		tables[1] = low;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (tables[i].start >= end || tables[i].end <= start || tables[i].start == tables[i].end)
			continue;
		if (start < tables[i].start)
			parts[count++] = (struct qi_span){ start, tables[i].start };
		start = tables[i].end;
	}
	if (start < end)
		parts[count++] = (struct qi_span){ start, end };
	return count;
}

size_t qi_memblock_count_release(const struct quire_memblock *mb, quire_phys_t start, quire_phys_t end)
{
	struct qi_span parts[3];
	unsigned count = spare_tables(mb, start, end, parts);
	size_t holes = 0;

	for (unsigned i = 0; i < count; i++)
		holes += qi_memblock_count_holes(&mb->reserved, parts[i].start, parts[i].end);
	return holes;
}

void qi_memblock_release(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end)
{
	struct qi_span parts[3];
	unsigned count = spare_tables(mb, start, end, parts);

	if (start >= end)
		return;
	if (count != 1 || parts[0].start != start || parts[0].end != end)
		qi_log(mb->platform, QUIRE_LOG_WARNING,
		       "memblock: freeing " QI_RANGE_FORMAT " spares the ledger's own tables in it",
		       QI_RANGE_VALUES(start, end));
	for (unsigned i = 0; i < count; i++)
		qi_memblock_delete(mb, &mb->reserved, parts[i].start, parts[i].end);
}

void quire_memblock_lend_table(struct quire_memblock *mb, struct quire_memblock_type *type,
			       struct quire_memblock_region *table, size_t max)
{
	bool from_meta = !type->table_base && !type->lent && !is_embedded(mb, type->table);
	qi_region *old = type->table;
	size_t old_max = type->max;

	qi_table_move(type, table, max, type->cnt);
	type->table_base = 0;
	type->lent = true;
	if (from_meta)
		give_meta_back(mb, old, old_max);
}

void quire_memblock_discard(struct quire_memblock *mb)
{
	qi_type *types[] = { &mb->memory, &mb->reserved };

	for (size_t i = 0; i < QI_ARRAY_SIZE(types); i++) {
		if (types[i]->table && !types[i]->table_base && !types[i]->lent && !is_embedded(mb, types[i]->table))
			give_meta_back(mb, types[i]->table, types[i]->max);
		*types[i] = (qi_type){ .cnt = 0 };
	}
	qi_hint_drop_all(mb);
}
