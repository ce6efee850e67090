/* What is x86_64's own about page tables; the walk is ports/paging/. */
#include "entry.h"

#define GIB_PAGES	(1u << 26)	/* CPUID 0x80000001 EDX */

unsigned x86_largest_level = 2;
quire_phys_t x86_image_offset;
static uint64_t low_entry;

void x86_paging_setup(void)
{
	uint32_t a = 0x80000001, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (d & GIB_PAGES)
		x86_largest_level = 3;
	low_entry = x86_pml4[0];
}

const struct arch_info *arch_info(void)
{
	static const struct arch_info info = {
		.name = "x86_64", .arch = QUIRE_ARCH_X86_64, .direct_end = 1ull << DIRECT_BITS,
		.vmemmap_base = (void *)WINDOW_BASE, .vmemmap_size = 1ull << WINDOW_BITS, .stacks_base = (void *)STACKS_BASE,
		.huge = true,
	};

	return &info;
}

quire_phys_t arch_image_phys(const void *address)
{
	return (quire_phys_t)address - KERNEL_BASE + x86_image_offset;
}

void x86_identity(bool on)
{
	x86_pml4[0] = on ? low_entry : 0;
	x86_reload_cr3();
}
