/*
 * Quire: basic types, limits and names shared by every header.
 *
 * Freestanding: needs nothing but the compiler's own <stdint.h>, <stddef.h> and <stdbool.h>.
 *
 * Conventions that hold everywhere:
 *  - All ranges are half-open, [base, base + size) or [start, end).
 *  - Addresses and sizes of physical memory are bytes in quire_phys_t. Page counts and page frame numbers are in base
 *    pages of 1 << page_shift bytes. Both are 64 bits wide on every host, so that a 32-bit tool can describe any machine.
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

/* A physical address, or a number of bytes of physical memory. */
typedef uint64_t quire_phys_t;

/* A page frame number: physical address >> page_shift. */
typedef uint64_t quire_pfn_t;

/* No frame: what a lookup returns when there is none. Never a valid frame (the address space ends below it). */
#define QUIRE_PFN_NONE UINT64_MAX

/* The highest physical address; also the exclusive end that "everything above" is clamped to (spec of memblock). */
#define QUIRE_PHYS_MAX UINT64_MAX

/* "Any node" in requests, "unknown" in answers. */
#define QUIRE_NO_NODE (-1)

/* Most nodes one machine may have; node ids are 0 .. QUIRE_MAX_NODES - 1. The field's largest default (NODES_SHIFT 10). */
#ifndef QUIRE_MAX_NODES
#define QUIRE_MAX_NODES 1024
#endif

/* Number of orders the zone counters and reports can hold: order 0 .. QUIRE_MAX_ORDERS - 1 (4 KiB << 26 = 256 GiB). */
#define QUIRE_MAX_ORDERS 27

/* The architectures whose rules (zone limits, section sizes, lowmem arithmetic) are known. */
enum quire_arch {
	QUIRE_ARCH_X86_64,
	QUIRE_ARCH_I386,	/* without PAE: 32 physical address bits */
	QUIRE_ARCH_I386_PAE,	/* 36 physical address bits */
	QUIRE_ARCH_ARM64,
	QUIRE_ARCH_RISCV64,
	QUIRE_ARCHES
};

/*
 * Zone types, in fallback order from low to high. Which of them exist on a machine is quire_config.zone_mask; reports
 * and protection arrays list only those, in this order.
 */
enum quire_zone_type {
	QUIRE_ZONE_DMA,
	QUIRE_ZONE_DMA32,
	QUIRE_ZONE_NORMAL,
	QUIRE_ZONE_HIGHMEM,
	QUIRE_ZONE_MOVABLE,
	QUIRE_ZONE_DEVICE,
	QUIRE_ZONE_TYPES
};

/* Page mobility types, with the field's numbers. The first QUIRE_MIGRATE_PCPTYPES have per-CPU lists and may merge. */
enum quire_migratetype {
	QUIRE_MIGRATE_UNMOVABLE,
	QUIRE_MIGRATE_MOVABLE,
	QUIRE_MIGRATE_RECLAIMABLE,
	QUIRE_MIGRATE_PCPTYPES,
	QUIRE_MIGRATE_HIGHATOMIC = QUIRE_MIGRATE_PCPTYPES,
	QUIRE_MIGRATE_CMA,
	QUIRE_MIGRATE_ISOLATE,
	QUIRE_MIGRATE_TYPES
};

/* Watermarks of a zone, in rising order. PROMO exists from the 6.12 rules on and is kept (not shown) before. */
enum quire_watermark {
	QUIRE_WMARK_MIN,
	QUIRE_WMARK_LOW,
	QUIRE_WMARK_HIGH,
	QUIRE_WMARK_PROMO,
	QUIRE_WMARKS
};

/* What a call came to. Each value has one meaning everywhere; quire_status_string() gives a sentence for people. */
enum quire_status {
	QUIRE_OK = 0,
	QUIRE_ENOMEM,		/* no memory (or no free range) satisfies the request */
	QUIRE_EINVAL,		/* an argument makes no sense by itself: alignment, order, flag, size */
	QUIRE_ERANGE,		/* an address, node or section lies beyond what the geometry can describe */
	QUIRE_ENOSPC,		/* a table of fixed capacity is full; nothing was stored */
	QUIRE_EEXIST,		/* the range, block or object is there already */
	QUIRE_ENOENT,		/* it is not there */
	QUIRE_EBUSY,		/* it is in use, pinned or isolated by somebody else */
	QUIRE_EFORMAT,		/* data from outside is malformed; the message says what and where */
	QUIRE_ETRUNCATED,	/* data from outside ends too early */
	QUIRE_ECHECKSUM,	/* a firmware table's checksum is wrong */
	QUIRE_ECONFLICT,	/* two pieces of input contradict each other */
	QUIRE_EUNSUPPORTED,	/* understood, but this build, model or platform cannot do it */
	QUIRE_EPLATFORM,	/* a platform callback failed */
	QUIRE_ECORRUPT,		/* a checker found a broken invariant */
	QUIRE_STATUSES
};

/* A short English sentence for a status, without full stop; never NULL, also for unknown values. */
const char *quire_status_string(enum quire_status status);

/* The field's names, as printed in logs: "x86_64", "DMA32", "Movable" … Never NULL; "?" for values out of range. */
const char *quire_arch_name(enum quire_arch arch);
const char *quire_zone_name(enum quire_zone_type type);
const char *quire_migratetype_name(enum quire_migratetype type);

#endif
