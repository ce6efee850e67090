/* What the common kernel has mapped: memory, devices, page descriptors, stacks (arch.h). */
#include "paging/paging.h"

void *arch_direct(quire_phys_t phys)
{
	return (void *)(DIRECT_BASE + phys);
}

/* The direct map holds everything: nothing is beyond it, and every frame has its place. */
void *arch_kmap(quire_phys_t phys)
{
	return arch_direct(phys);
}

void arch_kunmap(void *va)
{
	(void)va;
}

const void *arch_map_far(quire_phys_t phys, quire_phys_t size)
{
	(void)phys;
	(void)size;
	return NULL;
}

static enum quire_status map_direct(quire_phys_t phys, quire_phys_t size, bool device)
{
	if (phys >= arch_info()->direct_end || size > arch_info()->direct_end - phys)
		return QUIRE_ERANGE;
	return paging_map(DIRECT_BASE + phys, phys, size, device);
}

enum quire_status arch_map_direct(quire_phys_t phys, quire_phys_t size)
{
	return map_direct(phys, size, false);
}

enum quire_status arch_map_device(quire_phys_t phys, quire_phys_t size)
{
	return map_direct(phys, size, true);
}

void arch_unmap_direct(quire_phys_t phys, quire_phys_t size)
{
	paging_unmap(DIRECT_BASE + phys, size);
}

enum quire_status arch_vmemmap_map(void *va, quire_phys_t phys, quire_phys_t size)
{
	uint64_t address = (uint64_t)va;

	if (address < WINDOW_BASE || address - WINDOW_BASE > (1ull << WINDOW_BITS) - size)
		return QUIRE_ERANGE;
	return paging_map_leaf(address, phys, size > PAGING_PAGE ? 2 : 1);
}

void arch_vmemmap_unmap(void *va, quire_phys_t size)
{
	paging_unmap((uint64_t)va, size);
}

bool arch_map_stack_page(void *va, quire_phys_t phys)
{
	return paging_map_leaf((uint64_t)va, phys, 1) == QUIRE_OK;
}
