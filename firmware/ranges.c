/*
 * The in-place range list (ranges.h).
 *
 * qi_ranges_normalize: the input, sorted by base, is moved to the upper end of the array while the result grows from its
 * lower end. Since every range taken so far starts at or below the next one, what the result holds above that start is a
 * contiguous staircase of ever weaker ranges: there are few of them (one a kind), and a new range replaces a run of the
 * weaker.
 */
#include "ranges.h"

#include "base/base.h"

/* Positive if a is to win over b, zero if they are of one kind. */
static int compare_kind(const struct quire_memory_range *a, const struct quire_memory_range *b)
{
	if (a->type != b->type)
		return a->type > b->type ? 1 : -1;
	if (a->attributes != b->attributes)
		return a->attributes > b->attributes ? 1 : -1;
	return (a->nid > b->nid) - (a->nid < b->nid);
}

static void sift_down(struct quire_memory_range *a, size_t root, size_t count)
{
	struct quire_memory_range moving = a[root];
	size_t child;

	while ((child = 2 * root + 1) < count) {
		if (child + 1 < count && a[child + 1].base > a[child].base)
			child++;
		if (a[child].base <= moving.base)
			break;
		a[root] = a[child];
		root = child;
	}
	a[root] = moving;
}

/* Heap sort: in place, no recursion, no bad case. */
static void sort_by_base(struct quire_memory_range *a, size_t count)
{
	for (size_t root = count / 2; root-- > 0;)
		sift_down(a, root, count);
	for (size_t end = count; end-- > 1;) {
		struct quire_memory_range largest = a[0];

		a[0] = a[end];
		a[end] = largest;
		sift_down(a, 0, end);
	}
}

static struct quire_memory_range with_span(const struct quire_memory_range *kind, quire_phys_t first, quire_phys_t last)
{
	struct quire_memory_range range = *kind;

	range.base = first;
	range.size = last - first + 1;
	return range;
}

/*
 * Lay `range` over the staircase at the end of out[0 .. count). *range starts at or above the base of every range laid
 * before. Returns the new count, at most count + 2.
 */
static size_t lay(struct quire_memory_range *out, size_t count, struct quire_memory_range range)
{
	quire_phys_t first = range.base, last = qi_range_last(&range);
	struct quire_memory_range pieces[3];
	size_t at, end, parts = 0;

	for (at = count; at > 0 && qi_range_last(&out[at - 1]) >= first; at--)
		;
	for (; at < count && compare_kind(&out[at], &range) >= 0; at++) {
		if (qi_range_last(&out[at]) >= last)
			return count;
		/* Swallowing its like keeps the staircase at one step a kind. All 2^64 bytes would have no size. */
		if (compare_kind(&out[at], &range) == 0 && last - out[at].base != UINT64_MAX) {
			first = out[at].base;
			break;
		}
		first = qi_range_last(&out[at]) + 1;
	}
	for (end = at; end < count && out[end].base <= last; end++)
		;
	if (at < end && out[at].base < first)
		pieces[parts++] = with_span(&out[at], out[at].base, first - 1);
	pieces[parts++] = with_span(&range, first, last);
	if (at < end && qi_range_last(&out[end - 1]) > last)
		pieces[parts++] = with_span(&out[end - 1], last + 1, qi_range_last(&out[end - 1]));
	memmove(&out[at + parts], &out[end], (count - end) * sizeof(*out));
	memcpy(&out[at], pieces, parts * sizeof(*out));
	return count - (end - at) + parts;
}

/* Join neighbours of one kind, and drop empty ranges. A range of 2^64 bytes has no size: two halves of it stay two. */
static void join(struct quire_machine *m)
{
	struct quire_memory_range *map = m->map;
	size_t kept = 0;

	for (size_t i = 0; i < m->map_count; i++) {
		struct quire_memory_range *before = kept ? &map[kept - 1] : NULL;

		if (!map[i].size)
			continue;
		if (before && compare_kind(before, &map[i]) == 0 && before->base + before->size == map[i].base &&
		    before->size + map[i].size != 0)
			before->size += map[i].size;
		else
			map[kept++] = map[i];
	}
	m->map_count = kept;
}

void qi_ranges_normalize(struct quire_machine *m)
{
	size_t count = m->map_count, unread = m->map_max - count, kept = 0;

	if (!count)
		return;
	sort_by_base(m->map, count);
	memmove(&m->map[unread], m->map, count * sizeof(*m->map));
	for (; unread < m->map_max; unread++)
		kept = lay(m->map, kept, m->map[unread]);
	m->map_count = kept;
	join(m);
}

/* Index of the first range that ends at or above `address`; map_count if there is none. */
static size_t find(const struct quire_machine *m, quire_phys_t address)
{
	size_t low = 0, high = m->map_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (qi_range_last(&m->map[middle]) < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void qi_ranges_split(struct quire_machine *m, quire_phys_t address)
{
	size_t at = find(m, address);
	struct quire_memory_range *range = &m->map[at];

	if (at == m->map_count || range->base >= address)
		return;
	memmove(range + 1, range, (m->map_count - at) * sizeof(*range));
	range[1] = with_span(range, address, qi_range_last(range));
	range[0].size = address - range[0].base;
	m->map_count++;
}

void qi_ranges_change(struct quire_machine *m, quire_phys_t first, quire_phys_t last, enum quire_memory_type from,
		      enum quire_memory_type to, uint32_t attributes)
{
	qi_ranges_split(m, first);
	if (last != UINT64_MAX)
		qi_ranges_split(m, last + 1);
	for (size_t i = find(m, first); i < m->map_count && m->map[i].base <= last; i++) {
		struct quire_memory_range *range = &m->map[i];

		if (from != QUIRE_MEMORY_TYPES && range->type != from)
			continue;
		range->attributes |= attributes;
		if (to == QUIRE_MEMORY_TYPES)
			range->size = 0;
		else
			range->type = to;
	}
	join(m);
}
