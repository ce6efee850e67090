/*
 * Exceptions 0 to 31 and interrupts, each with its number and an error code on the stack; x86_exception() gets all
 * registers. NMIs are how CPUs make each other pass a barrier: they return.
 */
#include "layout.h"

	.text
	.align 16
	.globl x86_vectors
x86_vectors:
	vector = 0
	.rept 32
	.align 16
	.if ((0x60227d00 >> vector) & 1) == 0	/* for 8, 10 to 14, 17, 21, 29, 30 the CPU pushes one */
	pushq $0
	.endif
	pushq $vector
	jmp common
	vector = vector + 1
	.endr
	.rept X86_VECTORS - 32
	.align 16
	pushq $0
	pushq $vector
	jmp common
	vector = vector + 1
	.endr

common:
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
	cld
	movq %rsp, %rdi
	movq %rsp, %rbp
	andq $-16, %rsp
	call x86_exception
	movq %rbp, %rsp
	popq %rax
	popq %rbx
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	popq %rbp
	popq %r8
	popq %r9
	popq %r10
	popq %r11
	popq %r12
	popq %r13
	popq %r14
	popq %r15
	addq $16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
