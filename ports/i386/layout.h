/*
 * Address space of the i386 kernel, for C and assembly. The last GiB is what an i386 kernel has; the rest, which would be a
 * program's, holds what such a kernel squeezes in elsewhere, because there are no programs here.
 *
 *	00100000	the image, where it lies in physical memory
 *	80000000	window of page descriptors, 1 GiB: 64 GiB of memory with the largest descriptors
 *	c0000000	direct map of low memory, at most 1008 MiB
 *	ff000000	firmware's tables beyond low memory, mapped for good
 *	ffc00000	stacks, with nothing between them
 *	ffe00000	kmap slots
 */
#ifndef I386_LAYOUT_H
#define I386_LAYOUT_H

#define WINDOW_BASE	0x80000000u
#define WINDOW_BYTES	0x40000000u
#define DIRECT_BASE	0xc0000000u
#define DIRECT_MOST	0x3f000000u
#define TABLES_BASE	0xff000000u
#define TABLES_END	0xffc00000u
#define STACKS_BASE	0xffc00000u
#define KMAP_BASE	0xffe00000u

#define KERNEL_CODE	0x08
#define KERNEL_DATA	0x10
#define MAIN_TASK	0x18
#define FAULT_TASK	0x20

#define STACK_BYTES	65536

#endif
