/* What the files of the i386 port share. Internal. */
#ifndef I386_H
#define I386_H

#include "arch.h"
#include "base/base.h"
#include "layout.h"
#include "pc/pc.h"

/* --- instructions ----------------------------------------------------------------------------------------------------- */

/* EBX and EDX of a CPUID leaf. */
static inline void i386_cpuid(uint32_t leaf, uint32_t *ebx, uint32_t *edx)
{
	uint32_t ecx = 0;

	__asm__ volatile("cpuid" : "+a"(leaf), "=b"(*ebx), "+c"(ecx), "=d"(*edx));
}

/* --- setting up, in the order of start.c ------------------------------------------------------------------------------ */

/* The C entry: multiboot's magic number and information. */
void i386_start(uint32_t magic, uint32_t info) __attribute__((noreturn));

/* Segments, vectors, the task for double faults. */
void i386_exceptions_setup(void);
/* From now on a double fault runs with these page tables. */
void i386_fault_tables(uint32_t cr3);
/* The CPU knows 64-bit page-table entries and 36 bits of physical address. */
bool i386_has_pae(void);
/*
 * Paging on, with those entries or without. The direct map is to end at direct_end; it and the identity map hold the
 * image and what lies below it.
 */
void i386_paging_setup(bool use_pae, quire_phys_t direct_end);

/* loader.c: the command line in multiboot's information at physical `info`, copied. Only while paging is off. */
const char *i386_command_line(uint32_t info);

/* acpi.c: the root pointer, 0 if there is none. */
quire_phys_t i386_find_rsdp(void);

/* --- paging.c, for kmap.c --------------------------------------------------------------------------------------------- */

/*
 * Set the entry of one page; phys QUIRE_PHYS_MAX: none. False: there is no table and no page for one, or an entry cannot
 * hold such an address.
 */
bool i386_set_page(uint32_t va, quire_phys_t phys);

#endif
