/*
 * Where a secondary CPU wakes up: 16-bit mode, at TRAMPOLINE. Copied there by x86_start_cpus' caller; it may refer to
 * itself by offsets only. Which CPU it is and where its stack ends was left at the end of the trampoline by who
 * started it.
 */
#include "layout.h"

#define AT(label) (label - x86_trampoline + TRAMPOLINE)

	.section .rodata
	.code16
	.globl x86_trampoline, x86_trampoline_end, x86_trampoline_stack, x86_trampoline_cpu
x86_trampoline:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl AT(gdt_pointer)
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x08, $AT(1f)
	.code32
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $TRAMPOLINE + 4096, %esp
	movl $x86_long_mode, %eax
	call *%eax
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
	.quad 0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
gdt_pointer:
	.word . - gdt - 1
	.long AT(gdt)
	.align 8
x86_trampoline_stack:
	.quad 0
x86_trampoline_cpu:
	.long 0
x86_trampoline_end:

	.section .note.GNU-stack, "", @progbits
