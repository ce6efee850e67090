/*
 * memblock: the boot-time ledger of physical memory.
 *
 * Two tables of address-sorted, never overlapping regions: `memory`, what RAM there is, and `reserved`, what of it (or
 * of anything else) is taken. Boot is written in it: firmware's map is added, the loader's and kernel's possessions are
 * reserved, nodes are assigned, and everything the engine needs before there is a page allocator is allocated from the
 * difference.
 *
 * A zeroed struct quire_memblock is empty and ready: its tables start in the struct itself (so do not copy the struct
 * by value once it is in use) and, when they are full, move into memory taken from the ledger itself, once
 * quire_memblock_allow_resize() has said that all firmware reservations are known. `platform` must then be set: its
 * meta_alloc provides tables that the ledger does not show, or, where it has none, its phys_to_virt maps what the
 * ledger found. Growing never takes memory from the range the growing operation is about to reserve or remove, and a
 * table in use stays reserved whatever is freed around it. Nothing here locks: one caller at a time; questions that
 * take a const ledger may run at the same time as each other.
 *
 * quire_boot() fills q->memblock and takes from it until hand-over; what is free then goes to the zones, and the ledger
 * stays as the record of what was memory and what was reserved. It can also be used alone, without struct quire.
 *
 * Rule of sizes: addresses and sizes are bytes, of any alignment. Every range is first clamped to [base,
 * QUIRE_PHYS_MAX); a size that is zero after that is a successful no-op. The last byte of the address space can
 * therefore never be in a region.
 *
 * Rule of failures: QUIRE_ENOMEM means that the table is full and may not, or cannot, grow; the regions are then
 * exactly what they were (though one table may have grown).
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

/* --- regions and tables ------------------------------------------------------------------------------------------- */

/* Region flags. All but RSRV_NOINIT go on `memory`. Values as in the field, so that dumps compare. */

/* Plain memory. */
#define QUIRE_MEMBLOCK_NONE		0x00u
/* Firmware says it may be removed; allocation keeps off it while movable_node is set. */
#define QUIRE_MEMBLOCK_HOTPLUG		0x01u
/* Mirrored: preferred for allocation. */
#define QUIRE_MEMBLOCK_MIRROR		0x02u
/* Exists, must not be mapped: never allocated. */
#define QUIRE_MEMBLOCK_NOMAP		0x04u
/* Added by a driver, not by firmware: never allocated at boot. */
#define QUIRE_MEMBLOCK_DRIVER_MANAGED	0x08u
/* Reserved: its descriptors are its owner's business. */
#define QUIRE_MEMBLOCK_RSRV_NOINIT	0x10u

/* Upper limits an allocation request may name instead of an address. */

/* Up to current_limit. */
#define QUIRE_MEMBLOCK_ACCESSIBLE	((quire_phys_t)0)
/* The same (the field tells leak tracers apart). */
#define QUIRE_MEMBLOCK_NOLEAKTRACE	((quire_phys_t)1)
/*
 * All of memory, whatever current_limit says; calls named try_nid and exact_nid cut it to current_limit all the same.
 */
#define QUIRE_MEMBLOCK_ANYWHERE		QUIRE_PHYS_MAX

/* One region, [base, base + size), never empty, never reaching QUIRE_PHYS_MAX. */
struct quire_memblock_region {
	quire_phys_t base;
	quire_phys_t size;
	/* QUIRE_MEMBLOCK_* bits. */
	uint32_t flags;
	/* 0 .. QUIRE_MAX_NODES - 1; QUIRE_NO_NODE: not assigned. */
	int nid;
};

/* One table. Read regions[0 .. cnt - 1]; write nothing. Any change of the ledger may move it. */
struct quire_memblock_type {
	/* Regions in use. */
	size_t cnt;
	/* Capacity; 0 in a zeroed struct, made QUIRE_MEMBLOCK_REGIONS at first use, doubled when it grows. */
	size_t max;
	/* Sum of sizes. */
	quire_phys_t total_size;
	/* The first region: somewhere in `table`, free slots on both sides. NULL in a zeroed struct. */
	struct quire_memblock_region *regions;
	/* "memory" or "reserved", for messages; NULL in a zeroed struct. */
	const char *name;
	/* `max` slots. */
	struct quire_memblock_region *table;
	/* Where a table taken from the ledger lies; 0: embedded, or from meta_alloc. */
	quire_phys_t table_base;
	/* The table is somebody else's: quire_memblock_lend_table(). */
	bool lent;
	/* quire_memblock_isolate() left mergeable neighbours. */
	bool split;
};

/*
 * What an earlier search learned, so that the next need not walk the same crowded end of memory again: no request of at
 * least this size and alignment, for this node and these flags, fits into what is free in [lo, hi). Internal; results
 * of searches are the same without.
 */
struct quire_memblock_hint {
	/* lo >= hi: nothing known. */
	quire_phys_t lo, hi;
	quire_phys_t size, align;
	uint32_t flags;
	int nid;
	bool bottom_up, movable_node;
};
#define QUIRE_MEMBLOCK_HINTS 16

/* The ledger. What the caller sets, he sets before the calls it matters to; everything else is read only. */
struct quire_memblock {
	/* Search from low addresses; false: from the top. quire_memblock_set_bottom_up(). */
	bool bottom_up;
	/* Exclusive end for ACCESSIBLE requests; 0 means no limit. quire_memblock_set_current_limit(). */
	quire_phys_t current_limit;
	/* What RAM there is. */
	struct quire_memblock_type memory;
	/* What is taken; need not be memory. */
	struct quire_memblock_type reserved;
	/* Tables may grow: quire_memblock_allow_resize(). */
	bool can_resize;
	/* Some region was marked MIRROR. */
	bool has_mirror;
	/* Set by the caller: kernelcore=mirror, mark_mirror has effect. Boot sets it from the options. */
	bool mirror_wanted;
	/* Set by the caller: HOTPLUG memory is skipped unless asked for. Boot sets it from movable_node. */
	bool movable_node;
	/* Set by the caller: log every call at QUIRE_LOG_DEBUG, as memblock=debug does. */
	bool debug;
	/* Set by the caller: dump addresses with 8 digits, as builds with 32-bit physical addresses do. */
	bool phys32;
	/* "No mirrored memory left" has been said. */
	bool mirror_warned;
	/*
	 * Set by the caller: log2 of the base page, for the page-0 rule and for tables; 0 means 12. Boot leaves it
	 * alone.
	 */
	unsigned page_shift;
	/* Set by the caller: for growing tables, zeroing and messages; may be NULL until then. */
	const struct quire_platform *platform;
	struct quire_memblock_hint hints[QUIRE_MEMBLOCK_HINTS];
	/* The tables to begin with. */
	struct quire_memblock_region initial_memory[QUIRE_MEMBLOCK_REGIONS];
	struct quire_memblock_region initial_reserved[QUIRE_MEMBLOCK_REGIONS];
};

/* --- changing the ledger ------------------------------------------------------------------------------------------ */

/*
 * Add memory (add: without node or flags) / reserve. Overlap is not an error: what is there already keeps its nid and
 * flags, only uncovered parts are inserted with the new ones. (A warning is logged where they differ.) A nid outside
 * 0 .. QUIRE_MAX_NODES - 1 is stored as QUIRE_NO_NODE.
 *
 * QUIRE_ENOMEM: see the rule of failures. QUIRE_EINVAL: flags that memory cannot have.
 */
enum quire_status quire_memblock_add(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_add_node(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size, int nid,
					  uint32_t flags);
enum quire_status quire_memblock_reserve(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/*
 * remove: take [base, base + size) out of memory. phys_free: out of reserved, which is how an allocation is given back;
 * any part of one, and several at once, may be. Absent parts are fine. Tables the ledger itself lives in stay reserved,
 * with a warning.
 *
 * QUIRE_ENOMEM: see the rule of failures; a hole inside a region needs a slot. What was just allocated can always be
 * given back.
 */
enum quire_status quire_memblock_remove(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_phys_free(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/*
 * Split regions of `type` at base and end so that [base, base + size) is covered by whole regions, and return the index
 * range [*first, *last) of them (equal: none). The next operation that changes `type` may undo the split; until then
 * the table may hold neighbours that could be one region.
 *
 * QUIRE_EINVAL: `type` is not one of mb's two. QUIRE_ENOMEM: see the rule of failures.
 */
enum quire_status quire_memblock_isolate(struct quire_memblock *mb, struct quire_memblock_type *type, quire_phys_t base,
					 quire_phys_t size, size_t *first, size_t *last);

/*
 * Set or clear a flag on the parts of `memory` inside the range (reserved_mark_noinit: of `reserved`); regions are
 * split at its ends. mark_mirror does nothing, successfully, unless mirror_wanted is set, and sets has_mirror if it is.
 *
 * QUIRE_ENOMEM: see the rule of failures.
 */
enum quire_status quire_memblock_mark_hotplug(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_clear_hotplug(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_mark_mirror(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_mark_nomap(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_clear_nomap(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
enum quire_status quire_memblock_reserved_mark_noinit(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/*
 * Give the parts of `type` (one of mb's two) inside the range to node nid, splitting regions at its ends; a nid out of
 * range takes the node away. QUIRE_EINVAL: another table. QUIRE_ENOMEM: see the rule of failures.
 */
enum quire_status quire_memblock_set_node(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size,
					  struct quire_memblock_type *type, int nid);

/*
 * From now on full tables may grow, into free memory of the ledger where the platform has no meta_alloc. Every range
 * firmware or loader uses must be reserved by now. Boot calls it once machine->reservations are entered.
 */
void quire_memblock_allow_resize(struct quire_memblock *mb);

/*
 * Move one of mb's tables to `table`, of `max` > type->max slots, which stays the caller's and must outlive the ledger.
 * For a ledger that is only kept: after hand-over its free memory is not its own any more, and resizing is off. A table
 * from the platform is given back; one that lay in the ledger stays reserved.
 */
void quire_memblock_lend_table(struct quire_memblock *mb, struct quire_memblock_type *type,
			       struct quire_memblock_region *table, size_t max);

/*
 * Give tables that were grown back to the platform's meta_free, and empty the ledger; it can be filled again. Tables
 * taken from the ledger need nothing: they were reserved memory like any other, and their frames are their owner's to
 * hand on.
 */
void quire_memblock_discard(struct quire_memblock *mb);

/*
 * Round every memory region inward to `align` bytes; regions that vanish are removed. An align that is no power of two
 * is refused with a warning. Boot trims to base pages, so that each frame is either memory or not.
 */
void quire_memblock_trim_memory(struct quire_memblock *mb, quire_phys_t align);

/*
 * Keep `limit` bytes of memory counted from the bottom (holes do not count); the rest leaves both tables. No effect for
 * 0, or if there is no more than that. QUIRE_ENOMEM, here and in the next two: nothing was removed from either table.
 */
enum quire_status quire_memblock_enforce_memory_limit(struct quire_memblock *mb, quire_phys_t limit);

/*
 * Keep only [base, base + size) of memory, NOMAP regions excepted, and of reserved. No effect for size 0, or while
 * there is no memory (with a warning).
 */
enum quire_status quire_memblock_cap_memory_range(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);

/* cap_memory_range() to the address where `limit` bytes of memory are used up (arm64's mem=); 0: no effect. */
enum quire_status quire_memblock_mem_limit_remove_map(struct quire_memblock *mb, quire_phys_t limit);

/*
 * Which end of memory searches begin at, and the exclusive end (bytes, 0: none) of those that name no limit of their
 * own. Both hold from the next search on.
 */
void quire_memblock_set_bottom_up(struct quire_memblock *mb, bool enable);
void quire_memblock_set_current_limit(struct quire_memblock *mb, quire_phys_t limit);

/* --- finding and allocating --------------------------------------------------------------------------------------- */

/*
 * First fit for `size` bytes (at least 1) at `align` (power of two) in memory minus reserved, inside [start, end), on
 * node nid (or QUIRE_NO_NODE), in regions whose flags the request allows; from the top, or the bottom when bottom_up is
 * set. end may be QUIRE_MEMBLOCK_ACCESSIBLE. What is found lies in one region. Page 0 is never found.
 *
 * `flags`: MIRROR demands mirrored memory; NOMAP, DRIVER_MANAGED and, under movable_node, HOTPLUG accept such regions.
 *
 * Returns the address, or 0: nothing fits, or the alignment is bad (logged). Reserves nothing.
 */
quire_phys_t quire_memblock_find_in_range_node(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					       quire_phys_t start, quire_phys_t end, int nid, uint32_t flags);

/*
 * Find and reserve. Order of attempts: mirrored memory (if there is any) on nid, mirrored anywhere (unless exact),
 * plain memory on nid, plain anywhere (unless exact). nid QUIRE_NO_NODE: anywhere at once. align 0 is a warning and 64.
 * What is reserved is exactly `size` bytes, not rounded, so that small neighbours pack. quire_memblock_phys_free()
 * gives it back.
 *
 * Returns the address, or 0: nothing fits, the alignment is no power of two (logged), or the table of reservations is
 * full; then nothing is reserved.
 *
 * The short forms: phys_alloc anywhere below current_limit, phys_alloc_range inside [start, end), phys_alloc_try_nid on
 * a node if possible. Memory is neither mapped nor zeroed.
 */
quire_phys_t quire_memblock_alloc_range_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					    quire_phys_t start, quire_phys_t end, int nid, bool exact);
quire_phys_t quire_memblock_phys_alloc(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align);
quire_phys_t quire_memblock_phys_alloc_range(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					     quire_phys_t start, quire_phys_t end);
quire_phys_t quire_memblock_phys_alloc_try_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					       int nid);

/*
 * The forms with a lower bound that may be dropped: max_addr is cut to current_limit; if nothing is found and min_addr
 * is not 0, one more try with 0. try_nid falls back to other nodes, exact_nid does not. These return the physical
 * address, or 0 as above, and touch no memory: what the names ending in _raw do in the field.
 */
quire_phys_t quire_memblock_alloc_try_nid_raw(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					      quire_phys_t min_addr, quire_phys_t max_addr, int nid);
quire_phys_t quire_memblock_alloc_exact_nid_raw(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
						quire_phys_t min_addr, quire_phys_t max_addr, int nid);

/*
 * As alloc_try_nid_raw, but mapped through the platform and zeroed. NULL: no room, no platform with phys_to_virt, or no
 * mapping there; then nothing stays reserved. *phys (may be NULL) is the address to give to phys_free later.
 */
void *quire_memblock_alloc_try_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
				   quire_phys_t min_addr, quire_phys_t max_addr, int nid, quire_phys_t *phys);

/* --- asking ------------------------------------------------------------------------------------------------------- */

/*
 * One maximal sub-range of a region of `a` that no region of `b` covers (b NULL: of a itself). *cursor is 0 before the
 * first call forward, QUIRE_MEMBLOCK_CURSOR_END before the first call in reverse; false when there is no more. `flags`
 * are the region flags the caller accepts beyond plain memory (HOTPLUG under movable_node, NOMAP, DRIVER_MANAGED) or
 * demands (MIRROR); they and nid select only in mb->memory. The ledger must not change between calls, except by the
 * holder of the cursor who knows what he does.
 */
#define QUIRE_MEMBLOCK_CURSOR_END UINT64_MAX
struct quire_memblock_range {
	/* Bytes, and the node and flags of the region of `a` it lies in. */
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

/*
 * for (each free range): memory minus reserved, ascending, or descending with _rev. `cursor` is a uint64_t and `r` a
 * pointer to a struct quire_memblock_range, both the caller's; nid QUIRE_NO_NODE: any.
 */
#define quire_memblock_for_each_free(mb, cursor, nid, flags, r)                                                       \
	for ((cursor) = 0;                                                                                            \
	     quire_memblock_next_range((mb), &(cursor), (nid), (flags), &(mb)->memory, &(mb)->reserved, (r));)
#define quire_memblock_for_each_free_rev(mb, cursor, nid, flags, r)                                                   \
	for ((cursor) = QUIRE_MEMBLOCK_CURSOR_END;                                                                    \
	     quire_memblock_next_range_rev((mb), &(cursor), (nid), (flags), &(mb)->memory, &(mb)->reserved, (r));)
/* for (each memory range that may be mapped): all but NOMAP, free or not, ascending. */
#define quire_memblock_for_each_memory(mb, cursor, r)                                                                 \
	for ((cursor) = 0; quire_memblock_next_range((mb), &(cursor), QUIRE_NO_NODE,                                  \
						     QUIRE_MEMBLOCK_HOTPLUG | QUIRE_MEMBLOCK_DRIVER_MANAGED,          \
						     &(mb)->memory, NULL, (r));)
/* for (each reserved range), ascending. */
#define quire_memblock_for_each_reserved(mb, cursor, r)                                                               \
	for ((cursor) = 0;                                                                                            \
	     quire_memblock_next_range((mb), &(cursor), QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE,                           \
				       &(mb)->reserved, NULL, (r));)

/*
 * Whole pages of memory regions, "what has descriptors": [PFN_UP(base), PFN_DOWN(end)) of each region of node nid (or
 * any), whatever its flags, empty ones skipped, ascending. *index is 0 before the first call; false when there is no
 * more.
 */
struct quire_pfn_range {
	/* Frames, and the node and flags of the region. */
	quire_pfn_t start, end;
	int nid;
	uint32_t flags;
};
bool quire_memblock_next_pfn_range(const struct quire_memblock *mb, size_t *index, int nid, unsigned page_shift,
				   struct quire_pfn_range *range);
/* for (each of them): `index` is a size_t of the caller's. */
#define quire_memblock_for_each_pfn_range(mb, index, nid, page_shift, r)                                              \
	for ((index) = 0; quire_memblock_next_pfn_range((mb), &(index), (nid), (page_shift), (r));)

/* Questions about one byte, by bisection: is it memory; memory and not NOMAP; reserved? */
bool quire_memblock_is_memory(const struct quire_memblock *mb, quire_phys_t address);
bool quire_memblock_is_map_memory(const struct quire_memblock *mb, quire_phys_t address);
bool quire_memblock_is_reserved(const struct quire_memblock *mb, quire_phys_t address);
/*
 * Questions about a range: does one region of memory hold all of it (neighbours that differ in node or flags count as
 * two); does any of it touch a reserved region; any region of `type`?
 */
bool quire_memblock_is_region_memory(const struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
bool quire_memblock_is_region_reserved(const struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
bool quire_memblock_overlaps_region(const struct quire_memblock *mb, const struct quire_memblock_type *type,
				    quire_phys_t base, quire_phys_t size);
/* First byte of memory and the byte behind the last, NOMAP included; 0 when there is no memory. */
quire_phys_t quire_memblock_start_of_dram(const struct quire_memblock *mb);
quire_phys_t quire_memblock_end_of_dram(const struct quire_memblock *mb);
/* Bytes in all memory regions; in all reserved ones, whether they are memory or not. */
quire_phys_t quire_memblock_phys_mem_size(const struct quire_memblock *mb);
quire_phys_t quire_memblock_reserved_size(const struct quire_memblock *mb);

/*
 * The node of the memory region that holds the first byte of pfn, and in *start and *end that region's bounds in pages,
 * rounded down. QUIRE_NO_NODE: none does (then the bounds are not touched), or the region has no node.
 */
int quire_memblock_search_pfn_nid(const struct quire_memblock *mb, quire_pfn_t pfn, unsigned page_shift,
				  quire_pfn_t *start, quire_pfn_t *end);

/* --- testing, printing, checking ---------------------------------------------------------------------------------- */

/*
 * Write and read back `passes` of the field's 17 patterns over free memory in [start, end), last pass zeros; bad words
 * become reserved, with a line in the log. What was in that memory is lost. Memory the platform does not map is
 * skipped; without phys_to_virt nothing is tested, with a warning. Returns bytes found bad. Takes as long as writing
 * and reading the memory does.
 */
quire_phys_t quire_memblock_memtest(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end, unsigned passes);

/*
 * Print both tables in the field's "MEMBLOCK configuration:" format, one call of emit(ctx, line) for each line, without
 * newline; `line` is valid during the call only.
 */
void quire_memblock_dump(const struct quire_memblock *mb, void (*emit)(void *ctx, const char *line), void *ctx);

/*
 * Both tables are sorted, disjoint, minimal and within capacity, total_size is right, nodes and flags are possible
 * ones. QUIRE_ECORRUPT otherwise, the first breach being logged. Callable at any time, also with a zeroed ledger.
 */
enum quire_status quire_check_memblock(const struct quire_memblock *mb);

#endif
