/*
 * Page tables of four levels with 512 entries of 64 bits each, as x86_64 and aarch64 (4 KiB granule) have them. Level 1
 * holds pages, level 2 blocks of 2 MiB, level 3 of 1 GiB; level 4 is the root. Internal to the ports that list these files.
 *
 * What an architecture brings is its header entry.h, found beside its layout.h (DIRECT_BASE, DIRECT_BITS, WINDOW_BASE,
 * WINDOW_BITS, STACKS_BASE):
 *
 *	paging_root()			the root table of the kernel's half
 *	paging_largest()		the highest level the CPU has leaves at: 2 or 3
 *	paging_present(entry)		the entry leads somewhere
 *	paging_is_leaf(entry, level)	... and that is memory, not a table
 *	paging_address(entry)		where it leads
 *	paging_table(phys)		an entry for a table
 *	paging_leaf(phys, level, device)	an entry for memory, or for registers of a device
 *	paging_flush_new()		entries written before are seen by the walker before the next access
 *	paging_forget()			no CPU has a translation for entries that were cleared before; interrupts may be off
 */
#ifndef PAGING_H
#define PAGING_H

#include "arch.h"
#include "base/base.h"
#include "layout.h"

#define PAGING_PAGE 4096ull
#define PAGING_ROOT_LEVEL 4u

/* A leaf of this level maps so many bytes. */
static inline unsigned paging_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}
static inline uint64_t paging_size(unsigned level)
{
	return 1ull << paging_shift(level);
}

/* Index in its table of the entry for va. */
static inline unsigned paging_index(uint64_t va, unsigned level)
{
	return (unsigned)(va >> paging_shift(level)) & 511;
}

/*
 * Map [va, va + size) to [phys, phys + size) with the largest leaves that fit, both rounded outward to pages; what is mapped
 * already stays as it is. QUIRE_ENOMEM: no frame for a table; what was mapped until then stays.
 */
enum quire_status paging_map(uint64_t va, quire_phys_t phys, quire_phys_t size, bool device);

/*
 * One leaf, at a level that must be free of other things: QUIRE_EUNSUPPORTED if something is mapped there, be it in
 * larger or in smaller pieces.
 */
enum quire_status paging_map_leaf(uint64_t va, quire_phys_t phys, unsigned level);

/* Clear the leaves that lie in [va, va + size) as a whole. Afterwards no CPU has a translation for them. Tables stay. */
void paging_unmap(uint64_t va, uint64_t size);

#endif
