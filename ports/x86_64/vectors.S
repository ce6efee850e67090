/*
 * Exceptions 0 to 31 and the wake-up, each with its number and an error code on the stack; x86_exception() gets all registers. NMIs are how
 * CPUs make each other pass a barrier: they return.
 */
	.text
	.altmacro
	.macro vector number
	.align 16
	.if !((\number == 8) || (\number >= 10 && \number <= 14) || (\number == 17) || (\number == 21) || (\number == 29) || (\number == 30))
	pushq $0
	.endif
	pushq $\number
	jmp common
	.endm

	.align 16
	.globl x86_vectors
x86_vectors:
	.set i, 0
	.rept 33
	vector %i
	.set i, i + 1
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
