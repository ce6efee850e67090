/*
 * Entry: the raw Image's header, CPU 0 and the CPUs that PSCI starts. All of it runs with the MMU off, until the switch.
 * EFI's entry switches it off.
 *
 * Tables made here: the image at its own address in the lower half, the same memory in the direct map, and the serial port.
 * pages.c adds the rest.
 */
#include "layout.h"

	.section .head, "ax"
	.globl a64_entry
a64_entry:
	b	first			/* Linux Image header: code, then what the loader must know */
	.long	0
	.quad	0x200000		/* offset of the image from a multiple of 2 MiB */
	.quad	a64_image_bytes
	.quad	0x2			/* little-endian, 4 KiB pages, close to the beginning of RAM */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0
	/* What the EFI loader has to know: struct efi_head (ports/efi/loader.h). It can lie nowhere else. */
	.ascii	"QUIREKRN"
	.quad	a64_image_start, a64_image_end, a64_efi_entry
	.quad	0, 0x80000000

	.section .text
/*
 * From the EFI loader, on firmware's tables, x0 = what it hands over. The image comes from caches that are about to be
 * switched off, so the loader has written them back.
 */
a64_efi_entry:
	msr	daifset, #15
	mov	x2, #0x1005		/* MMU, both caches */
	mrs	x1, CurrentEL
	cmp	x1, #(2 << 2)
	b.eq	1f
	mrs	x1, sctlr_el1
	bic	x1, x1, x2
	msr	sctlr_el1, x1
	b	2f
1:	mrs	x1, sctlr_el2
	bic	x1, x1, x2
	msr	sctlr_el2, x1
2:	isb

first:
	mov	x20, x0			/* device tree, or 0 where the loader knew no Image header */
	bl	leave_el2
	adrp	x1, early_vectors
	msr	vbar_el1, x1
	isb
	bl	clear_bss
	bl	make_tables
	bl	mmu_on
	mov	x0, #0
	msr	tpidr_el1, x0
	adrp	x1, cpu0_stack + STACK_BYTES
	add	sp, x1, :lo12:cpu0_stack + STACK_BYTES
	mov	x29, #0
	mov	x0, x20
	b	a64_start

/* PSCI starts a CPU here with x0 = its struct a64_cpu_start: number, stack, next to each other. */
	.globl a64_secondary
a64_secondary:
	mov	x20, x0
	bl	leave_el2
	bl	mmu_on
	ldp	x0, x1, [x20]
	msr	tpidr_el1, x0
	mov	sp, x1
	mov	x29, #0
	b	a64_secondary_start

/* From the hypervisor's level (virt with virtualization=on) to the kernel's; nothing of it is needed here. */
leave_el2:
	mrs	x1, CurrentEL
	cmp	x1, #(2 << 2)
	b.ne	1f
	mov	x1, #(1 << 31)		/* EL1 is 64-bit */
	msr	hcr_el2, x1
	mov	x1, #3			/* EL1 may read the counter */
	msr	cnthctl_el2, x1
	msr	cntvoff_el2, xzr
	mrs	x1, mpidr_el1		/* what EL1 reads there */
	msr	vmpidr_el2, x1
	mrs	x1, id_aa64pfr0_el1	/* ... and use the interrupt controller's registers, if there are any */
	ubfx	x1, x1, #24, #4
	cbz	x1, 2f
	mov	x1, #0xf
	msr	s3_4_c12_c9_5, x1	/* ICC_SRE_EL2 */
2:	ldr	x1, =0x30d00800		/* SCTLR_EL1: all off, bits that must be one */
	msr	sctlr_el1, x1
	mov	x1, #0x3c5		/* EL1 with its own stack pointer, exceptions masked */
	msr	spsr_el2, x1
	msr	elr_el2, x30
	eret
1:	ret

/* A raw Image ends where .bss begins. */
clear_bss:
	adrp	x1, a64_bss_start
	add	x1, x1, :lo12:a64_bss_start
	adrp	x2, a64_image_end
1:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	1b
	ret

/*
 * Clearing .bss is the first thing that can go wrong: where there is no RAM under all of the image. No stack, no tables,
 * no C then: one line by hand, and the way out.
 */
	.balign	4096
early_vectors:
	.skip	0x200			/* from the kernel, synchronous; others cannot happen yet */
	adrp	x1, no_room_text
	add	x1, x1, :lo12:no_room_text
	ldr	x2, =UART_PHYS
1:	ldrb	w3, [x1], #1
	cbz	w3, 2f
	str	w3, [x2]
	b	1b
2:	mov	w0, #0x18		/* semihosting: exit, with the code in the text */
	adrp	x1, no_room_exit
	add	x1, x1, :lo12:no_room_exit
	hlt	#0xf000
3:	wfi
	b	3b

	.section .rodata
no_room_text:
	.asciz	"this machine has too little memory: the kernel itself does not fit\r\nmetal: exit 2\r\n"
	.balign	8
no_room_exit:
	.quad	0x20026, 2
	.section .text

/* The entry for address x2 at a level (shift) of table x1 points to table x3. Uses x4, x5. */
	.macro	link shift
	lsr	x4, x2, #\shift
	and	x4, x4, #511
	orr	x5, x3, #(VALID | TABLE)
	str	x5, [x1, x4, lsl #3]
	.endm

make_tables:
	adrp	x2, a64_image_start
	adrp	x1, a64_lower		/* image, lower half */
	adrp	x3, lower_level1
	link	39
	mov	x1, x3
	adrp	x3, lower_level2
	link	30
	adrp	x1, a64_upper		/* image, direct map: its first entry, as DIRECT_BASE has no other bits */
	adrp	x3, upper_level1
	link	39
	mov	x1, x3
	adrp	x3, upper_level2
	link	30

	adrp	x6, lower_level2	/* blocks of 2 MiB from the image's first to its last byte */
	adrp	x7, upper_level2
	ldr	x8, =BLOCK_NORMAL
	ldr	x9, =NO_EXECUTE
	adrp	x10, a64_image_end
1:	lsr	x4, x2, #21
	and	x4, x4, #511
	orr	x5, x2, x8
	str	x5, [x6, x4, lsl #3]
	orr	x5, x5, x9
	str	x5, [x7, x4, lsl #3]
	add	x2, x2, #0x200000
	cmp	x2, x10
	b.lo	1b

	ldr	x2, =UART_PHYS		/* the serial port, direct map */
	adrp	x1, upper_level1
	adrp	x3, device_level2
	link	30
	lsr	x4, x2, #21
	lsl	x5, x4, #21
	ldr	x8, =(BLOCK_DEVICE | NO_EXECUTE)
	orr	x5, x5, x8
	str	x5, [x3, x4, lsl #3]
	dsb	sy
	ret

/* Translation on, both halves; caches on. Comes back at the same address, which is mapped to itself. */
mmu_on:
	ldr	x1, =ATTRIBUTES
	msr	mair_el1, x1
	mrs	x2, id_aa64mmfr0_el1	/* physical addresses as wide as the CPU has them, 48 bits at most */
	and	x2, x2, #7
	mov	x1, #5
	cmp	x2, x1
	csel	x2, x2, x1, lo
	ldr	x1, =0xb5103510		/* both halves: 48 bits, 4 KiB pages, shared write-back walks */
	orr	x1, x1, x2, lsl #32
	msr	tcr_el1, x1
	adrp	x1, a64_lower
	msr	ttbr0_el1, x1
	adrp	x1, a64_upper
	msr	ttbr1_el1, x1
	adrp	x1, a64_vectors
	add	x1, x1, :lo12:a64_vectors
	msr	vbar_el1, x1
	isb
	tlbi	vmalle1
	dsb	nsh
	ic	iallu
	dsb	nsh
	isb
	ldr	x1, =0x30d0180d		/* SCTLR_EL1: MMU, caches, stack alignment check */
	msr	sctlr_el1, x1
	isb
	ret

	.ltorg

	.section .bss
	.balign	4096
	.globl a64_lower, a64_upper
a64_lower:	.skip 4096
a64_upper:	.skip 4096
lower_level1:	.skip 4096
lower_level2:	.skip 4096
upper_level1:	.skip 4096
upper_level2:	.skip 4096
device_level2:	.skip 4096
cpu0_stack:	.skip STACK_BYTES
	.section .note.GNU-stack, "", %progbits
