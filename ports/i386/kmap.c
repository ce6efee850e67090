/*
 * Short-lived mappings of single frames: how high memory is touched. A stack of slots, because that is how they are used; the
 * slot's own page of the address space says which one a pointer is.
 */
#include "i386.h"

#define PAGE 4096u
#define SLOTS 16u

static unsigned used;

void *arch_kmap(quire_phys_t phys)
{
	uint32_t va = KMAP_BASE + used * PAGE;

	if (phys < arch_info()->direct_end)
		return arch_direct(phys);
	if (used == SLOTS || !i386_set_page(va, qi_align_down(phys, PAGE)))
		return NULL;
	used++;
	return (void *)(va + (uint32_t)(phys & (PAGE - 1)));
}

void arch_kunmap(void *pointer)
{
	uint32_t va = (uint32_t)pointer & ~(PAGE - 1);

	if (va < KMAP_BASE)
		return;
	if (!used || va != KMAP_BASE + (used - 1) * PAGE)
		metal_panic(true, "kmap: %#lx is not the slot that was taken last", (unsigned long)va);
	i386_set_page(va, QUIRE_PHYS_MAX);
	used--;
}
