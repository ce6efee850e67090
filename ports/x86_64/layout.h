/*
 * Address space of the x86_64 kernel, for C and assembly.
 *
 *	ffff8000_00000000	direct map, 64 TiB (46 bits of physical address)
 *	ffffc000_00000000	window of page descriptors, 1 TiB
 *	ffffd000_00000000	stacks, with nothing between them
 *	ffffffff_80000000	the kernel's image, first GiB
 *
 * Nothing is mapped in the lower half once the kernel runs, but for the page from which secondary CPUs start.
 */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define KERNEL_BASE		0xffffffff80000000
#define DIRECT_BASE		0xffff800000000000
#define DIRECT_BITS		46
#define WINDOW_BASE		0xffffc00000000000
#define WINDOW_BITS		40
#define STACKS_BASE		0xffffd00000000000
#define PML4_INDEX_DIRECT	256

/* Secondary CPUs begin at this page, in 16-bit mode. */
#define TRAMPOLINE		0x8000

#ifdef __ASSEMBLY__
#define PHYS(symbol)		(symbol - KERNEL_BASE)
#endif

#endif
