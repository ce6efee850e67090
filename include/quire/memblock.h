/*
 * memblock: the boot-time ledger of physical memory.
 *
 * Two tables of address-sorted, never overlapping regions: `memory`, what RAM there is, and `reserved`, what of it (or of
 * anything else) is taken. Boot is written in it: firmware's map is added, the loader's and kernel's possessions are
 * reserved, nodes are assigned, and everything the engine needs before there is a page allocator is allocated from the
 * difference.
 *
 * A zeroed struct quire_memblock is empty and ready: its tables start in the struct itself (so do not copy the struct by
 * value once it is in use) and, when they are full, move into memory taken from the ledger itself, once
 * quire_memblock_allow_resize() has said that all firmware reservations are known. `platform` must then be set: its
 * meta_alloc provides tables that the ledger does not show, or, where it has none, its phys_to_virt maps what the ledger
 * found. Growing never takes memory from the range the growing operation is about to reserve or remove, and a table in use
 * stays reserved whatever is freed around it. Nothing here locks: one caller at a time.
 *
 * Rule of sizes: every range is first clamped to [base, QUIRE_PHYS_MAX); a size that is zero after that is a
 * successful no-op. The last byte of the address space can therefore never be in a region.
 *
 * After any change tables are minimal: neighbours that touch and agree in nid and flags are one region.
 */
#ifndef QUIRE_MEMBLOCK_H
#define QUIRE_MEMBLOCK_H

#include <quire/platform.h>
#include <quire/types.h>

/* Capacity of the tables inside struct quire_memblock: an even number, at least 4. */
#ifndef QUIRE_MEMBLOCK_REGIONS
#define QUIRE_MEMBLOCK_REGIONS 128
#endif

/* Region flags. All but RSRV_NOINIT go on `memory`. Values as in the field, so that dumps compare. */
#define QUIRE_MEMBLOCK_NONE		0x00u
#define QUIRE_MEMBLOCK_HOTPLUG		0x01u	/* firmware says it may be removed */
#define QUIRE_MEMBLOCK_MIRROR		0x02u	/* mirrored: preferred for allocation */
#define QUIRE_MEMBLOCK_NOMAP		0x04u	/* exists, must not be mapped: never allocated */
#define QUIRE_MEMBLOCK_DRIVER_MANAGED	0x08u	/* added by a driver, not by firmware */
#define QUIRE_MEMBLOCK_RSRV_NOINIT	0x10u	/* reserved: its descriptors are its owner's business */

/* Limits for allocation requests. */
#define QUIRE_MEMBLOCK_ACCESSIBLE	((quire_phys_t)0)	/* max_addr: up to current_limit */
#define QUIRE_MEMBLOCK_NOLEAKTRACE	((quire_phys_t)1)	/* the same (the field tells leak tracers apart) */
#define QUIRE_MEMBLOCK_ANYWHERE		QUIRE_PHYS_MAX

struct quire_memblock_region {
	quire_phys_t base;
	quire_phys_t size;
	uint32_t flags;
	int nid;		/* QUIRE_NO_NODE: not assigned */
};

struct quire_memblock_type {
	size_t cnt;		/* regions in use */
	size_t max;		/* capacity; 0 in a zeroed struct, made QUIRE_MEMBLOCK_REGIONS at first use */
	quire_phys_t total_size;	/* sum of sizes */
	struct quire_memblock_region *regions;	/* the first region: somewhere in `table`, free slots on both sides */
	const char *name;
	struct quire_memblock_region *table;	/* `max` slots */
	quire_phys_t table_base;	/* where a table taken from the ledger lies; 0: embedded, or from meta_alloc */
	bool split;		/* quire_memblock_isolate left mergeable neighbours */
};

/*
 * What an earlier search learned, so that the next need not walk the same crowded end of memory again: no request of at
 * least this size and alignment, for this node and these flags, fits into what is free in [lo, hi). Internal.
 */
struct quire_memblock_hint {
	quire_phys_t lo, hi;		/* lo >= hi: nothing known */
	quire_phys_t size, align;
	uint32_t flags;
	int nid;
	bool bottom_up, movable_node;
};
#define QUIRE_MEMBLOCK_HINTS 16

struct quire_memblock {
	bool bottom_up;			/* search from low addresses; default is top-down */
	quire_phys_t current_limit;	/* exclusive end for ACCESSIBLE requests; 0 means no limit */
	struct quire_memblock_type memory;
	struct quire_memblock_type reserved;
	bool can_resize;		/* see quire_memblock_allow_resize */
	bool has_mirror;		/* some region was marked MIRROR */
	bool mirror_wanted;		/* kernelcore=mirror: mark_mirror has effect */
	bool movable_node;		/* movable_node: HOTPLUG memory is skipped unless asked for */
	bool debug;			/* log every call at QUIRE_LOG_DEBUG, as memblock=debug does */
	bool phys32;			/* print addresses with 8 digits, as builds with 32-bit physical addresses do */
	bool mirror_warned;		/* "no mirrored memory left" has been said */
	unsigned page_shift;		/* base page of the machine, for the page-0 rule and tables; 0 means 12 */
	const struct quire_platform *platform;	/* for growing tables, zeroing and messages; may be NULL until then */
	struct quire_memblock_hint hints[QUIRE_MEMBLOCK_HINTS];
	struct quire_memblock_region initial_memory[QUIRE_MEMBLOCK_REGIONS];
	struct quire_memblock_region initial_reserved[QUIRE_MEMBLOCK_REGIONS];
};

/* --- changing the ledger ---------------------------------------------------------------------------------------------- */

/*
 * Add memory / reserve. Overlap is not an error: what is there already keeps its nid and flags, only uncovered parts are
 * inserted with the new ones. (A warning is logged where they differ.) QUIRE_ENOMEM if the table is full and cannot
 * grow; then nothing was inserted. A nid outside 0 .. QUIRE_MAX_NODES - 1 is stored as QUIRE_NO_NODE. QUIRE_EINVAL for flags
 * that memory cannot have.
 */
enum quire_status quire_memblock_add(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_add_node(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size, int nid,
					  uint32_t flags);
enum quire_status quire_memblock_reserve(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/*
 * Take [base, base + size) out of memory / out of reserved. Absent parts are fine. QUIRE_ENOMEM as above: a removal that
 * splits a region needs a slot. Tables the ledger itself lives in stay reserved, with a warning.
 */
enum quire_status quire_memblock_remove(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_phys_free(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/*
 * Split regions of `type` at base and end so that [base, base + size) is covered by whole regions, and return the index
 * range [*first, *last) of them (equal: none). The next operation that changes `type` may undo the split; until then the
 * table may hold neighbours that could be one region. QUIRE_EINVAL if `type` is not one of mb's two.
 */
enum quire_status quire_memblock_isolate(struct quire_memblock *mb, struct quire_memblock_type *type, quire_phys_t base,
					 quire_phys_t size, size_t *first, size_t *last);

/*
 * Set or clear flags on the parts of `memory` inside the range (reserved_mark_noinit: of `reserved`). mark_mirror does
 * nothing, successfully, unless mirror_wanted is set, and sets has_mirror if it is. QUIRE_ENOMEM as above.
 */
enum quire_status quire_memblock_mark_hotplug(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_clear_hotplug(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_mark_mirror(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_mark_nomap(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_clear_nomap(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_reserved_mark_noinit(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/* Give the parts of `type` (one of mb's two) inside the range to node nid. */
enum quire_status quire_memblock_set_node(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size,
					  struct quire_memblock_type *type, int nid);

/* From now on full tables may grow. Every range firmware or loader uses must be reserved by now. */
void quire_memblock_allow_resize(struct quire_memblock *mb);

/* Give tables that were grown back to the platform's meta_free, and empty the ledger. Tables taken from the ledger need
 * nothing: they were reserved memory like any other, and their frames are their owner's to hand on. */
void quire_memblock_discard(struct quire_memblock *mb);

/* Round memory regions inward to `align` (a power of two); regions that vanish are removed. */
void quire_memblock_trim_memory(struct quire_memblock *mb, quire_phys_t align);

/*
 * Keep `limit` bytes of memory counted from the bottom (holes do not count); the rest leaves both tables. No effect for 0,
 * or if there is no more than that. QUIRE_ENOMEM as above, for all the limits: then nothing was removed from either table.
 */
enum quire_status quire_memblock_enforce_memory_limit(struct quire_memblock *mb, quire_phys_t limit);

/* Keep only [base, base + size) of memory, NOMAP regions excepted, and of reserved. Size 0: no effect. */
enum quire_status quire_memblock_cap_memory_range(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/* cap_memory_range to the address where `limit` bytes of memory are used up (arm64's mem=). */
enum quire_status quire_memblock_mem_limit_remove_map(struct quire_memblock *mb, quire_phys_t limit);

void quire_memblock_set_bottom_up(struct quire_memblock *mb, bool enable);
void quire_memblock_set_current_limit(struct quire_memblock *mb, quire_phys_t limit);

/* --- finding and allocating ------------------------------------------------------------------------------------------- */

/*
 * First fit for `size` bytes at `align` (power of two) in memory minus reserved, inside [start, end), on node nid (or
 * QUIRE_NO_NODE), in regions whose flags the request allows; from the top, or the bottom when bottom_up is set. end may be
 * QUIRE_MEMBLOCK_ACCESSIBLE. Page 0 is never found. Returns the address, or 0 for none. Reserves nothing.
 */
quire_phys_t quire_memblock_find_in_range_node(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					       quire_phys_t start, quire_phys_t end, int nid, uint32_t flags);

/*
 * Find and reserve. Order of attempts: mirrored memory (if there is any) on nid, mirrored anywhere (unless exact), plain
 * memory on nid, plain anywhere (unless exact). align 0 is a warning and 64. Returns the address, or 0. What is reserved is
 * exactly `size` bytes, not rounded, so that small neighbours pack. phys_free gives it back.
 */
quire_phys_t quire_memblock_alloc_range_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					    quire_phys_t start,
					    quire_phys_t end, int nid, bool exact);
quire_phys_t quire_memblock_phys_alloc(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align);
quire_phys_t quire_memblock_phys_alloc_range(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					     quire_phys_t start, quire_phys_t end);
quire_phys_t quire_memblock_phys_alloc_try_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align, int nid);

/*
 * The forms with a lower bound that may be dropped: max_addr is cut to current_limit; if nothing is found and min_addr is
 * not 0, one more try with 0. These return the physical address and touch no memory: what the names ending in _raw do in the
 * field.
 */
quire_phys_t quire_memblock_alloc_try_nid_raw(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					      quire_phys_t min_addr, quire_phys_t max_addr, int nid);
quire_phys_t quire_memblock_alloc_exact_nid_raw(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
						quire_phys_t min_addr, quire_phys_t max_addr, int nid);

/*
 * As alloc_try_nid_raw, but mapped through the platform and zeroed; NULL if there is no room or no mapping (then nothing
 * stays reserved). *phys (may be NULL) is the address to give to phys_free later.
 */
void *quire_memblock_alloc_try_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align, quire_phys_t min_addr,
				   quire_phys_t max_addr, int nid, quire_phys_t *phys);

/* --- asking ----------------------------------------------------------------------------------------------------------- */

/*
 * One maximal sub-range of a region of `a` that no region of `b` covers (b NULL: of a itself). *cursor is 0 before the first
 * call forward, QUIRE_MEMBLOCK_CURSOR_END before the first call in reverse; false when there is no more. `flags` are the
 * region flags the caller accepts beyond plain memory (HOTPLUG under movable_node, NOMAP, DRIVER_MANAGED) or demands
 * (MIRROR). The ledger must not change between calls, except by the holder of the cursor who knows what he does.
 */
#define QUIRE_MEMBLOCK_CURSOR_END UINT64_MAX
struct quire_memblock_range {
	quire_phys_t start, end;
	int nid;
	uint32_t flags;
};
bool quire_memblock_next_range(const struct quire_memblock *mb, uint64_t *cursor, int nid, uint32_t flags,
			       const struct quire_memblock_type *a, const struct quire_memblock_type *b,
			       struct quire_memblock_range *range);
bool quire_memblock_next_range_rev(const struct quire_memblock *mb, uint64_t *cursor, int nid, uint32_t flags,
				   const struct quire_memblock_type *a, const struct quire_memblock_type *b,
				   struct quire_memblock_range *range);

/* for (each free range r, any node: pass QUIRE_NO_NODE). `cursor` is a uint64_t of the caller's. */
#define quire_memblock_for_each_free(mb, cursor, nid, flags, r)                                                         \
	for ((cursor) = 0; quire_memblock_next_range((mb), &(cursor), (nid), (flags), &(mb)->memory, &(mb)->reserved, (r));)
#define quire_memblock_for_each_free_rev(mb, cursor, nid, flags, r)                                                     \
	for ((cursor) = QUIRE_MEMBLOCK_CURSOR_END;                                                                      \
	     quire_memblock_next_range_rev((mb), &(cursor), (nid), (flags), &(mb)->memory, &(mb)->reserved, (r));)
/* … each memory range that may be mapped (NOMAP is skipped); … each reserved range. */
#define quire_memblock_for_each_memory(mb, cursor, r)                                                                   \
	for ((cursor) = 0; quire_memblock_next_range((mb), &(cursor), QUIRE_NO_NODE,                                    \
						     QUIRE_MEMBLOCK_HOTPLUG | QUIRE_MEMBLOCK_DRIVER_MANAGED,           \
						     &(mb)->memory, NULL, (r));)
#define quire_memblock_for_each_reserved(mb, cursor, r)                                                                 \
	for ((cursor) = 0;                                                                                              \
	     quire_memblock_next_range((mb), &(cursor), QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE, &(mb)->reserved, NULL, (r));)

/*
 * Whole pages of memory regions, "what has descriptors": [PFN_UP(base), PFN_DOWN(end)) of each region of node nid (or any),
 * whatever its flags, empty ones skipped. *index is 0 before the first call.
 */
struct quire_pfn_range {
	quire_pfn_t start, end;
	int nid;
	uint32_t flags;
};
bool quire_memblock_next_pfn_range(const struct quire_memblock *mb, size_t *index, int nid, unsigned page_shift,
				   struct quire_pfn_range *range);
#define quire_memblock_for_each_pfn_range(mb, index, nid, page_shift, r)                                                \
	for ((index) = 0; quire_memblock_next_pfn_range((mb), &(index), (nid), (page_shift), (r));)

bool quire_memblock_is_memory(const struct quire_memblock *mb, quire_phys_t address);
bool quire_memblock_is_map_memory(const struct quire_memblock *mb, quire_phys_t address);	/* memory and not NOMAP */
bool quire_memblock_is_reserved(const struct quire_memblock *mb, quire_phys_t address);
bool quire_memblock_is_region_memory(const struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
bool quire_memblock_is_region_reserved(const struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
bool quire_memblock_overlaps_region(const struct quire_memblock *mb, const struct quire_memblock_type *type,
				    quire_phys_t base,
				    quire_phys_t size);
quire_phys_t quire_memblock_start_of_dram(const struct quire_memblock *mb);	/* 0 when there is no memory */
quire_phys_t quire_memblock_end_of_dram(const struct quire_memblock *mb);
quire_phys_t quire_memblock_phys_mem_size(const struct quire_memblock *mb);
quire_phys_t quire_memblock_reserved_size(const struct quire_memblock *mb);

/* The node of the memory region that holds pfn, and that region's bounds in pages; QUIRE_NO_NODE if none does. */
int quire_memblock_search_pfn_nid(const struct quire_memblock *mb, quire_pfn_t pfn, unsigned page_shift, quire_pfn_t *start,
				  quire_pfn_t *end);

/* --- testing, printing, checking -------------------------------------------------------------------------------------- */

/*
 * Write and read back `passes` of the field's 17 patterns over free memory in [start, end), last pass zeros; bad words
 * become reserved. Memory the platform does not map is skipped. Returns bytes found bad.
 */
quire_phys_t quire_memblock_memtest(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end, unsigned passes);

/* Print both tables line by line in the field's "MEMBLOCK configuration:" format through emit(ctx, line). */
void quire_memblock_dump(const struct quire_memblock *mb, void (*emit)(void *ctx, const char *line), void *ctx);

/* Sorted, disjoint, minimal, within capacity, total_size right. QUIRE_ECORRUPT otherwise. Callable at any time. */
enum quire_status quire_check_memblock(const struct quire_memblock *mb);

#endif
