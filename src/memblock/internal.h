/*
 * What the files of the memblock room share.
 *
 * From the bottom up: table.c moves regions about inside one table and knows neither rules nor growth; hint.c remembers
 * where searches failed; search.c finds free space; grow.c makes a table larger; regions.c has the two operations that
 * everything else is written in, insert a range and isolate a range. Above them each public concept has its own file.
 */
#ifndef QI_MEMBLOCK_INTERNAL_H
#define QI_MEMBLOCK_INTERNAL_H

#include <quire/memblock.h>

#include "base/base.h"
#include "memblock/table.h"

_Static_assert(QUIRE_MEMBLOCK_REGIONS >= 4 && QUIRE_MEMBLOCK_REGIONS % 2 == 0, "embedded tables too small to grow from");

/* A search that looked at more pieces than this leaves a hint for the next one. */
#ifndef QI_MEMBLOCK_HINT_STEPS
#define QI_MEMBLOCK_HINT_STEPS 16
#endif

#define QI_MEMBLOCK_MEMORY_FLAGS                                                                                        \
	(QUIRE_MEMBLOCK_HOTPLUG | QUIRE_MEMBLOCK_MIRROR | QUIRE_MEMBLOCK_NOMAP | QUIRE_MEMBLOCK_DRIVER_MANAGED)

typedef struct quire_memblock_region qi_region;
typedef struct quire_memblock_type qi_type;

/* A half-open range of addresses. */
struct qi_span {
	quire_phys_t start, end;
};

/* Ranges a growing table must not be put into, because an operation under way is about to use or lose them. */
struct qi_avoid {
	unsigned count;
	struct qi_span spans[3];		/* two for a limit, one for a table on its way */
};

/* A search with its defaults resolved: start and end are addresses, never special values. */
struct qi_range_request {
	quire_phys_t size, align, start, end;
	int nid;
	uint32_t flags;
};

static inline quire_phys_t qi_region_end(const qi_region *region) { return region->base + region->size; }

/* The rule of sizes: the exclusive end of a range that starts at base. */
static inline quire_phys_t qi_range_end(quire_phys_t base, quire_phys_t size)
{
	return size < QUIRE_PHYS_MAX - base ? base + size : QUIRE_PHYS_MAX;
}

static inline int qi_memblock_nid(int nid) { return nid >= 0 && nid < QUIRE_MAX_NODES ? nid : QUIRE_NO_NODE; }

static inline quire_phys_t qi_memblock_page(const struct quire_memblock *mb)
{
	return (quire_phys_t)1 << (mb->page_shift ? mb->page_shift : 12);
}

static inline quire_phys_t qi_memblock_limit(const struct quire_memblock *mb)
{
	return mb->current_limit ? mb->current_limit : QUIRE_PHYS_MAX;
}

/* "[0x…-0x…]" of a range in messages: the field prints inclusive ends. */
#define QI_RANGE_FORMAT "[0x%016llx-0x%016llx]"
#define QI_RANGE_VALUES(base, end) (unsigned long long)(base), (unsigned long long)((end) - 1)

/* --- table.c ----------------------------------------------------------------------------------------------------------- */

/* Point the tables of a zeroed ledger at the embedded arrays. First thing in every operation that changes something. */
void qi_memblock_ready(struct quire_memblock *mb);

/*
 * Make `count` undefined regions at index `at` (there must be room) / take `count` regions away. total_size is the
 * caller's.
 */
void qi_table_open(qi_type *type, size_t at, size_t count);
void qi_table_close(qi_type *type, size_t at, size_t count);

/* Copy the regions into a new, larger table and use that. Slots are left mostly on the side where `at` is. */
void qi_table_move(qi_type *type, qi_region *table, size_t max, size_t at);

/* Merge what can be merged among regions first - 1 .. last (all, if the table was left split). */
void qi_table_merge(struct quire_memblock *mb, qi_type *type, size_t first, size_t last);

/* --- hint.c ----------------------------------------------------------------------------------------------------------- */

/* Shrink [start, end) of the request by what a hint rules out, and return that hint; NULL if none helps. */
const struct quire_memblock_hint *qi_hint_apply(const struct quire_memblock *mb, struct qi_range_request *request);

/* Remember that nothing of this size and alignment, with the request's node and flags, fits into the window. */
void qi_hint_record(struct quire_memblock *mb, const struct qi_range_request *request, quire_phys_t size, quire_phys_t align,
		    struct qi_span window);

/* Something in [start, end) became available to somebody, or regions around it merged: correct or drop hints. */
void qi_hint_space_grew(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end);
void qi_hint_drop_all(struct quire_memblock *mb);

/* --- iterate.c, search.c ---------------------------------------------------------------------------------------------- */

/* Whether a request for nid with flags must not see this region of `memory`. */
bool qi_memblock_skip(const struct quire_memblock *mb, const qi_region *region, int nid, uint32_t flags);

/* quire_memblock_find_in_range_node for a request whose end is meant literally. 0: none. */
quire_phys_t qi_memblock_find(struct quire_memblock *mb, const struct qi_range_request *request);

/* --- grow.c ----------------------------------------------------------------------------------------------------------- */

/*
 * See to room for `wanted` more regions in type, growing it if necessary, not into `avoid` (may be NULL). If it cannot grow
 * but `needed` fit, that is good enough. QUIRE_ENOMEM otherwise, with a message and nothing changed. Growing `reserved`
 * changes its contents: indexes found before are void.
 */
enum quire_status qi_memblock_make_room(struct quire_memblock *mb, qi_type *type, size_t wanted, size_t needed,
					const struct qi_avoid *avoid);

/* The range the table of `type` occupies in the ledger; empty for embedded and platform-provided tables. */
struct qi_span qi_memblock_table_span(const struct quire_memblock *mb, const qi_type *type);

/* Delete [start, end) from reserved, sparing the ledger's own tables / how many regions that adds, at most. */
void qi_memblock_release(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end);
size_t qi_memblock_count_release(const struct quire_memblock *mb, quire_phys_t start, quire_phys_t end);

/* --- regions.c -------------------------------------------------------------------------------------------------------- */

/* What inserting [start, end) meets: regions [first, last) overlap it and leave `pieces` of it uncovered. */
struct qi_overlap {
	size_t first, last, pieces;
	bool differs;			/* a piece lies below a region with another nid or other flags */
};
struct qi_overlap qi_memblock_overlap(const qi_type *type, quire_phys_t start, quire_phys_t end, int nid, uint32_t flags);

/* Insert the parts of [start, end) that are not covered. There must be room. */
void qi_memblock_insert(struct quire_memblock *mb, qi_type *type, quire_phys_t start, quire_phys_t end, int nid,
			uint32_t flags);

/* How many regions (0 .. 2) isolating [start, end) adds. */
size_t qi_memblock_count_splits(const qi_type *type, quire_phys_t start, quire_phys_t end);

/* Split at start and end; regions [*first, *last) then lie wholly inside. There must be room. */
void qi_memblock_split(qi_type *type, quire_phys_t start, quire_phys_t end, size_t *first, size_t *last);

/* Delete [start, end). There must be room for the hole, if it makes one (0 or 1). */
size_t qi_memblock_count_holes(const qi_type *type, quire_phys_t start, quire_phys_t end);
void qi_memblock_delete(struct quire_memblock *mb, qi_type *type, quire_phys_t start, quire_phys_t end);


#endif
