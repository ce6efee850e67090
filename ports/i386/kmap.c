/*
 * Mappings beyond the direct map. Short-lived ones of single frames are how high memory is touched: a stack of slots,
 * because that is how they are used; a pointer's place in the address space says which slot it is. Firmware's tables
 * are mapped one behind the other and stay.
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

const void *arch_map_far(quire_phys_t phys, quire_phys_t size)
{
	static uint32_t next = TABLES_BASE;
	quire_phys_t base = qi_align_down(phys, PAGE), end = qi_align_up(phys + size, PAGE);
	uint32_t va = next;

	if (end <= base || end - base > TABLES_END - next)
		return NULL;
	for (quire_phys_t at = base; at < end; at += PAGE, next += PAGE)
		if (!i386_set_page(next, at))
			return NULL;
	return (const void *)(va + (uint32_t)(phys - base));
}
