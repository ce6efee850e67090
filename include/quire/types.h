/*
 * Quire: basic types, limits and names shared by every header.
 *
 * Freestanding: needs nothing but the compiler's own <stdint.h>, <stddef.h> and <stdbool.h>.
 *
 * Conventions that hold everywhere:
 *  - All ranges are half-open, [base, base + size) or [start, end).
 *  - Addresses and sizes of physical memory are bytes in quire_phys_t. Page counts and page frame numbers are in base
 *    pages of 1 << page_shift bytes. Both are 64 bits wide on every host, so that a 32-bit tool can describe any
 *    machine.
 *  - A node id is a small int; QUIRE_NO_NODE means "any node" in a request and "not known" in an answer.
 *  - Functions that can fail return enum quire_status, QUIRE_OK being zero; out parameters come last and are written on
 *    success only. A failing call leaves everything as it was.
 *  - No function here may be called concurrently on the same object unless its own comment says so.
 */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- addresses and frames ----------------------------------------------------------------------------------------- */

/* A physical address, or a number of bytes of physical memory. */
typedef uint64_t quire_phys_t;

/* A page frame number: physical address >> page_shift. */
typedef uint64_t quire_pfn_t;

/* No frame: what a lookup returns when there is none. Never a valid frame (the address space ends below it). */
#define QUIRE_PFN_NONE UINT64_MAX

/*
 * The highest physical address; also the exclusive end that "everything above" is clamped to, so that the last byte of
 * the address space is never part of a range.
 */
#define QUIRE_PHYS_MAX UINT64_MAX

/* --- limits ------------------------------------------------------------------------------------------------------- */

/* "Any node" in requests, "unknown" in answers. */
#define QUIRE_NO_NODE (-1)

/*
 * Most nodes one machine may have; node ids are 0 .. QUIRE_MAX_NODES - 1. 1024 is the field's largest default
 * (NODES_SHIFT 10). May be defined smaller for the whole build; it sizes struct quire_topology.
 */
#ifndef QUIRE_MAX_NODES
#define QUIRE_MAX_NODES 1024
#endif

/*
 * Number of orders the zone counters and reports can hold: order 0 .. QUIRE_MAX_ORDERS - 1, so the largest block is
 * 4 KiB << 26 = 256 GiB with 4 KiB pages. quire_geometry.max_order must be below it.
 */
#define QUIRE_MAX_ORDERS 27

/* --- architectures ------------------------------------------------------------------------------------------------ */

/* The architectures whose rules (zone limits, section sizes, lowmem arithmetic) are known. */
enum quire_arch {
	QUIRE_ARCH_X86_64,
	/* i386 without PAE: 32 physical address bits. */
	QUIRE_ARCH_I386,
	/* i386 with PAE: 36 physical address bits. */
	QUIRE_ARCH_I386_PAE,
	QUIRE_ARCH_ARM64,
	QUIRE_ARCH_RISCV64,
	/* Number of architectures, not one of them. */
	QUIRE_ARCHES
};

/* --- zones and mobility ------------------------------------------------------------------------------------------- */

/*
 * Zone types, in fallback order from low to high. Which of them exist on a machine is quire_config.zone_mask; reports
 * and protection arrays list only those, in this order.
 */
enum quire_zone_type {
	/* Memory the most limited devices reach: below 16 MiB on x86, what all DMA masters reach on arm64. */
	QUIRE_ZONE_DMA,
	/* Memory below 4 GiB, less what DMA has. */
	QUIRE_ZONE_DMA32,
	/* All memory the kernel maps for good and that is in no lower zone. */
	QUIRE_ZONE_NORMAL,
	/* i386: memory beyond what fits into the kernel's part of the address space. */
	QUIRE_ZONE_HIGHMEM,
	/* Carved from the highest of the zones above: holds only what can be migrated away. Empty unless asked for. */
	QUIRE_ZONE_MOVABLE,
	/* Device memory with descriptors. Takes nothing at boot; its place in the reports is kept. */
	QUIRE_ZONE_DEVICE,
	/* Number of zone types, not one of them. */
	QUIRE_ZONE_TYPES
};

/*
 * Page mobility types, with the field's numbers. The first QUIRE_MIGRATE_PCPTYPES are what requests can ask for; they
 * have per-CPU lists and fall back on each other. The others are properties a pageblock is given.
 */
enum quire_migratetype {
	/* Stays where it is until freed: the kernel's own data. */
	QUIRE_MIGRATE_UNMOVABLE,
	/* Can be moved to another frame: user memory, page cache. */
	QUIRE_MIGRATE_MOVABLE,
	/* Cannot be moved but given up on demand: caches with a shrinker. */
	QUIRE_MIGRATE_RECLAIMABLE,
	/* Number of types with per-CPU lists. */
	QUIRE_MIGRATE_PCPTYPES,
	/* Set aside for requests of higher order that may not wait. */
	QUIRE_MIGRATE_HIGHATOMIC = QUIRE_MIGRATE_PCPTYPES,
	/* Part of a contiguous memory area (cma.h): lent to movable requests only. */
	QUIRE_MIGRATE_CMA,
	/* Taken out of use, what is free in it is not handed out: memory about to go offline. */
	QUIRE_MIGRATE_ISOLATE,
	/* Number of mobility types, not one of them. */
	QUIRE_MIGRATE_TYPES
};

/* Watermarks of a zone, in rising order; each is a number of free pages (watermark.h says how they are computed). */
enum quire_watermark {
	/* Only requests with access to reserves go below. */
	QUIRE_WMARK_MIN,
	/* Below it the background reclaimer is woken. */
	QUIRE_WMARK_LOW,
	/* Where background reclaim stops. */
	QUIRE_WMARK_HIGH,
	/* Target when pages are promoted from slower memory. Shown from the 6.12 rules on, kept under 6.1 as well. */
	QUIRE_WMARK_PROMO,
	/* Number of watermarks, not one of them. */
	QUIRE_WMARKS
};

/* --- what a call came to ------------------------------------------------------------------------------------------ */

/*
 * Each value has one meaning everywhere; a function's comment says what it means there. quire_status_string() gives a
 * sentence for people.
 */
enum quire_status {
	/* Done. The only value that is zero. */
	QUIRE_OK = 0,
	/* No memory (or no free range) satisfies the request. */
	QUIRE_ENOMEM,
	/* An argument makes no sense by itself: alignment, order, flag, size; or the call comes too early. */
	QUIRE_EINVAL,
	/* An address, node or section lies beyond what the geometry can describe. */
	QUIRE_ERANGE,
	/* A table of fixed capacity is full; nothing was stored. */
	QUIRE_ENOSPC,
	/* The range, block or object is there already; in a free: it is free already. */
	QUIRE_EEXIST,
	/* It is not there. */
	QUIRE_ENOENT,
	/* It is in use, pinned or isolated by somebody else. */
	QUIRE_EBUSY,
	/* Data from outside is malformed; the message says what and where. */
	QUIRE_EFORMAT,
	/* Data from outside ends too early. */
	QUIRE_ETRUNCATED,
	/* A firmware table's checksum is wrong. */
	QUIRE_ECHECKSUM,
	/* Two pieces of input contradict each other. */
	QUIRE_ECONFLICT,
	/* Understood, but this build, model or platform cannot do it. */
	QUIRE_EUNSUPPORTED,
	/* A platform callback failed. */
	QUIRE_EPLATFORM,
	/* Who has a say in it refused: an owner, a notifier, a policy. */
	QUIRE_EPERM,
	/* The caller wanted it stopped. */
	QUIRE_EINTR,
	/* A checker found a broken invariant. */
	QUIRE_ECORRUPT,
	/* Number of statuses, not one of them. */
	QUIRE_STATUSES
};

/* --- names -------------------------------------------------------------------------------------------------------- */

/* A short English sentence for a status, without full stop; never NULL, "?" for unknown values. Callable anywhere. */
const char *quire_status_string(enum quire_status status);

/*
 * The field's names, as printed in logs: "x86_64", "i386-pae"; "DMA32", "Movable"; "Unmovable", "HighAtomic" …
 * Static strings, never NULL; "?" for values out of range. Callable from any CPU at any time.
 */
const char *quire_arch_name(enum quire_arch arch);
const char *quire_zone_name(enum quire_zone_type type);
const char *quire_migratetype_name(enum quire_migratetype type);

#endif
