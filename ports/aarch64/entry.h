/* Page-table entries of aarch64, for ports/paging/. Bits are in layout.h, because the boot tables are made in assembly. */
#ifndef A64_ENTRY_H
#define A64_ENTRY_H

#include "a64.h"

#define ADDRESS 0x0000fffffffff000ull

extern uint64_t a64_upper[512];

static inline uint64_t *paging_root(void) { return a64_upper; }
static inline unsigned paging_largest(void) { return 3; }
static inline bool paging_present(uint64_t entry) { return entry & VALID; }
static inline uint64_t paging_address(uint64_t entry) { return entry & ADDRESS; }
static inline uint64_t paging_table(quire_phys_t phys) { return phys | VALID | TABLE; }

static inline bool paging_is_leaf(uint64_t entry, unsigned level)
{
	return entry & VALID && (level == 1 || !(entry & TABLE));
}

static inline uint64_t paging_leaf(quire_phys_t phys, unsigned level, bool device)
{
	return phys | (device ? BLOCK_DEVICE : BLOCK_NORMAL) | NO_EXECUTE | (level == 1 ? TABLE : 0);
}

static inline void paging_flush_new(void)
{
	__asm__ volatile("dsb ishst; isb" ::: "memory");
}

/* The hardware tells all CPUs. */
static inline void paging_forget(void)
{
	__asm__ volatile("dsb ishst; tlbi vmalle1is; dsb ish; isb" ::: "memory");
}

#endif
