/*
 * Where things are in virtual address space; for C and assembly.
 *
 *	lower half (TTBR0)	the image, where it lies in physical memory; nothing else
 *	upper half (TTBR1)	DIRECT_BASE: all of physical memory, and device registers, below 128 TiB
 *				WINDOW_BASE: page descriptors
 *				STACKS_BASE: stacks, with nothing between them
 *
 * Both halves have 48 bits, 4 KiB pages and four levels.
 */
#ifndef A64_LAYOUT_H
#define A64_LAYOUT_H

#define DIRECT_BASE	0xffff000000000000
#define DIRECT_BITS	47
#define WINDOW_BASE	0xffff800000000000
#define WINDOW_BITS	44
#define STACKS_BASE	0xffffc00000000000

/* The serial port is mapped before the device tree can be read; virt never moved it. */
#define UART_PHYS	0x09000000

/* Memory attributes by number, in MAIR_EL1. */
#define ATTRIBUTES	0xff00		/* 0: device, no gathering, reordering or early answers; 1: write-back */
#define DEVICE		(0 << 2)
#define NORMAL		(1 << 2)

/* Bits of a descriptor. */
#define VALID		0x1
#define TABLE		0x2		/* also a page in the last level */
#define SHARED		0x300		/* inner shareable */
#define ACCESSED	0x400
#define NO_EXECUTE	0x0060000000000000
#define BLOCK_NORMAL	(VALID | NORMAL | SHARED | ACCESSED)
#define BLOCK_DEVICE	(VALID | DEVICE | ACCESSED)

/* As in arch.h, which assembly cannot read. */
#define A64_CPUS	16

/* Stacks: CPU 0's, and one per CPU for exceptions, which may have come because the other one ran over. */
#define STACK_BYTES	65536
#define PANIC_BYTES	8192

/* What an exception leaves on the panic stack: x0 to x30, sp, pc, pstate, kind. */
#define FRAME_BYTES	288

/* What arch_switch() leaves on the stack it leaves: x19 to x30. */
#define SWITCH_BYTES	96

#endif
