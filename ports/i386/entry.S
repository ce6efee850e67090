/* The multiboot header, and the way into C: paging off, flat segments as the loader left them. */
#include "layout.h"

#define MAGIC 0x1badb002
#define FLAGS 0x3			/* modules at page boundaries; tell the memory map */

	.section .head, "ax"
	.balign 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.globl i386_entry
i386_entry:
	cli
	movl	$boot_stack + STACK_BYTES, %esp
	xorl	%ebp, %ebp
	pushl	$0
	popfl
	pushl	%ebx			/* the loader's information */
	pushl	%eax			/* its magic number */
	call	i386_start

	.bss
	.balign 16
boot_stack: .skip STACK_BYTES
	.section .note.GNU-stack, "", @progbits
