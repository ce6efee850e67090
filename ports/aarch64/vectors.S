/*
 * Exception vectors. The fast interrupt is another CPU's request for a memory barrier and comes back, and so does the clock's;
 * everything else ends the kernel, with registers on the console, on a stack of its own.
 */
#include "layout.h"
#include "pairs.h"

	/* Sixteen entries of 128 bytes: four kinds, from four states. */
	.macro	fatal kind
	.balign	128
	msr	tpidr_el0, x0
	msr	tpidrro_el0, x1
	mov	x1, #\kind
	b	fatal_entry
	.endm

	.macro	barrier
	.balign	128
	b	barrier_entry
	.endm

	.macro	interrupt
	.balign	128
	b	interrupt_entry
	.endm

	.section .text
	.balign	2048
	.globl a64_vectors
a64_vectors:
	fatal	0			/* on the user's stack pointer, which this kernel does not use */
	fatal	1
	fatal	2
	fatal	3
	fatal	4			/* from the kernel: synchronous, interrupt, fast interrupt, error */
	interrupt
	barrier
	fatal	7
	fatal	8			/* from user space, of which there is none */
	fatal	9
	fatal	10
	fatal	11
	fatal	12
	fatal	13
	fatal	14
	fatal	15

/* What C functions may change is saved. */
	.macro	save
	sub	sp, sp, #192
	pairs	stp, 0, 9, 0
	stp	x18, x29, [sp, #144]
	str	x30, [sp, #160]
	.endm

	.macro	restore
	pairs	ldp, 0, 9, 0
	ldp	x18, x29, [sp, #144]
	ldr	x30, [sp, #160]
	add	sp, sp, #192
	.endm

barrier_entry:
	save
	bl	a64_fast_interrupt
	restore
	eret

/* Fast interrupts may come in between: the handler waits for locks, and whoever has one may wait for our barrier. */
interrupt_entry:
	save
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x0, x1, [sp, #168]
	msr	daifclr, #5
	bl	a64_interrupt
	msr	daifset, #5
	ldp	x0, x1, [sp, #168]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	restore
	eret

/* The panic stack of this CPU takes all registers; x2 waits in the stack pointer that this kernel does not use. */
fatal_entry:
	msr	sp_el0, x2
	mrs	x0, tpidr_el1
	add	x0, x0, #1
	mov	x2, #PANIC_BYTES
	mul	x0, x0, x2
	adrp	x2, panic_stacks
	add	x2, x2, :lo12:panic_stacks
	add	x0, x0, x2
	sub	x0, x0, #FRAME_BYTES
	mov	x2, sp
	str	x2, [x0, #248]
	mov	sp, x0
	str	x1, [sp, #272]
	mrs	x0, tpidr_el0
	mrs	x1, tpidrro_el0
	mrs	x2, sp_el0
	stp	x0, x1, [sp]
	pairs	stp, 2, 14, 16
	str	x30, [sp, #240]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x0, x1, [sp, #256]
	mov	x0, sp
	b	a64_exception

	.section .bss
	.balign	16
panic_stacks:	.skip A64_CPUS * PANIC_BYTES
	.section .note.GNU-stack, "", %progbits
