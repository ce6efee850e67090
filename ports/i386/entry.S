/*
 * The multiboot header, and the way into C: paging off, flat segments as the loader left them. The stack is in .bss, so
 * whether there is RAM under all of the image is asked before anything else.
 */
#include "layout.h"

#define MAGIC 0x1badb002
#define FLAGS 0x3			/* modules at page boundaries; tell the memory map */
#define LOADED_BY_MULTIBOOT 0x2badb002

/* In the loader's information: the first flag, and the KiB of memory from 1 MiB on, if it is set. */
#define HAS_SIZES 1
#define MEMORY_UPPER 8

#define COM1 0x3f8
#define DEBUG_EXIT 0xf4

	.section .head, "ax"
	.balign 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.globl i386_entry
i386_entry:
	cli
	cmpl	$LOADED_BY_MULTIBOOT, %eax
	jne	1f
	testl	$HAS_SIZES, (%ebx)
	jz	1f
	movl	MEMORY_UPPER(%ebx), %ecx
	addl	$1024, %ecx		/* KiB from 0 */
	cmpl	$image_kib, %ecx
	jb	no_room
1:	movl	$boot_stack + STACK_BYTES, %esp
	xorl	%ebp, %ebp
	pushl	$0
	popfl
	pushl	%ebx			/* the loader's information */
	pushl	%eax			/* its magic number */
	call	i386_start

/* No stack, no C: one line by hand, and the way out. */
no_room:
	movl	$no_room_text, %esi
	movw	$COM1, %dx
2:	lodsb
	testb	%al, %al
	jz	3f
	outb	%al, %dx
	jmp	2b
3:	movl	$2, %eax		/* METAL_EXIT_MACHINE */
	outl	%eax, $DEBUG_EXIT
4:	hlt
	jmp	4b

no_room_text:
	.asciz	"this machine has too little memory: the kernel itself does not fit\r\nmetal: exit 2\r\n"

	.bss
	.balign 16
boot_stack: .skip STACK_BYTES
	.section .note.GNU-stack, "", @progbits
