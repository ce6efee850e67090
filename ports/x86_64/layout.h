/*
 * Address space of the x86_64 kernel, for C and assembly.
 *
 *	ffff8000_00000000	direct map, 64 TiB (46 bits of physical address)
 *	ffffc000_00000000	window of page descriptors, 1 TiB
 *	ffffd000_00000000	stacks, with nothing between them
 *	ffffffff_80000000	the kernel's image, first GiB
 *
 * The image's physical address is that in its symbols plus a multiple of 2 MiB, 0 if PVH started it; EFI's loader takes
 * what is free.
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

/* Exceptions, and every interrupt there can be. */
#define X86_VECTORS		256

#ifdef __ASSEMBLY__
/* Where the image's symbol was linked in physical memory. */
#define PHYS(symbol)		(symbol - KERNEL_BASE)

#define EFER			0xc0000080

/*
 * In 32-bit mode, %eax = page tables: PAE, the tables, long mode, paging. Ends in compatibility mode: a far jump to a 64-bit
 * code segment follows.
 */
	.macro ENTER_LONG_MODE
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl $EFER, %ecx
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80010001, %eax		/* paging, write-protect also for us, protected mode */
	movl %eax, %cr0
	.endm
#endif

#endif
