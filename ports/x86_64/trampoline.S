/*
 * Where a secondary CPU wakes up: 16-bit mode, at TRAMPOLINE. Copied there by arch_cpu_start(); it may refer to itself by
 * offsets only. What it needs was left at its end by who started it: page tables, which CPU it is, and where its stack ends.
 */
#include "layout.h"

#define AT(label) (label - x86_trampoline + TRAMPOLINE)

	.section .rodata
	.code16
	.globl x86_trampoline, x86_trampoline_end, x86_trampoline_root, x86_trampoline_stack, x86_trampoline_cpu
x86_trampoline:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl AT(gdt_pointer)
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x18, $AT(1f)
	.code32
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl AT(x86_trampoline_root), %eax
	ENTER_LONG_MODE
	ljmp $0x08, $AT(2f)
	.code64
2:	movq AT(x86_trampoline_stack), %rsp
	movl AT(x86_trampoline_cpu), %edi
	xorl %ebp, %ebp
	movabsq $x86_secondary_start, %rax
	call *%rax
3:	hlt
	jmp 3b

	.align 8
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.quad 0x00cf9b000000ffff	/* 18: 32-bit code */
gdt_pointer:
	.word . - gdt - 1
	.long AT(gdt)
	.align 8
x86_trampoline_stack:
	.quad 0
x86_trampoline_root:
	.long 0
x86_trampoline_cpu:
	.long 0
x86_trampoline_end:

	.section .note.GNU-stack, "", @progbits
