/*
 * Exceptions 0 to 31, each with its number and an error code on the stack; i386_exception() gets all registers and does
 * not come back. The double fault is not among them: it is a task switch (exceptions.c), because the stack may be what
 * broke.
 */
	.altmacro
	.macro vector number
	.balign 16
	.if !((\number == 8) || (\number >= 10 && \number <= 14) || (\number == 17) || (\number == 21))
	pushl	$0
	.endif
	pushl	$\number
	jmp	common
	.endm

	.text
	.balign 16
	.globl i386_vectors
i386_vectors:
	.set i, 0
	.rept 32
	vector %i
	.set i, i + 1
	.endr

common:
	pushal
	cld
	pushl	%esp
	call	i386_exception
	.section .note.GNU-stack, "", @progbits
