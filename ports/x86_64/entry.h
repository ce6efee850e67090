/* Page-table entries of x86_64, for ports/paging/. */
#ifndef X86_ENTRY_H
#define X86_ENTRY_H

#include "x86.h"

#define PRESENT		0x001ull
#define WRITABLE	0x002ull
#define UNCACHED	0x018ull
#define LARGE		0x080ull
#define ADDRESS		0x000ffffffffff000ull

extern uint64_t x86_pml4[512];

static inline uint64_t *paging_root(void) { return x86_pml4; }
static inline unsigned paging_largest(void) { return x86_largest_level; }
static inline bool paging_present(uint64_t entry) { return entry & PRESENT; }
static inline uint64_t paging_address(uint64_t entry) { return entry & ADDRESS; }
static inline uint64_t paging_table(quire_phys_t phys) { return phys | PRESENT | WRITABLE; }

static inline bool paging_is_leaf(uint64_t entry, unsigned level)
{
	uint64_t leaf = level > 1 ? PRESENT | LARGE : PRESENT;

	return (entry & leaf) == leaf;
}

static inline uint64_t paging_leaf(quire_phys_t phys, unsigned level, bool device)
{
	return phys | PRESENT | WRITABLE | (level > 1 ? LARGE : 0) | (device ? UNCACHED : 0);
}

/* The walker looks again wherever it found nothing. */
static inline void paging_flush_new(void)
{
}

static inline void paging_forget(void)
{
	x86_reload_cr3();
	arch_barrier_all();
}

#endif
