/*
 * From PVH's entry (32-bit, paging off, %ebx = start info) to 64-bit C at the kernel's own address.
 *
 * The boot page tables map the first GiB three times: where it is (until the jump), at the start of the direct map,
 * and at KERNEL_BASE. All three share one directory. Everything else is mapped from C.
 */
#include "layout.h"

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, 18			/* "Xen", a 32-bit value, type PHYS32_ENTRY */
	.asciz "Xen"
	.long x86_entry

	.section .boot, "ax"
	.code32
	.globl x86_entry
x86_entry:
	cld
	cli
	movl $PHYS(x86_bss_start), %edi
	movl $PHYS(x86_bss_end), %ecx
	subl %edi, %ecx
	shrl $2, %ecx
	xorl %eax, %eax
	rep stosl

	/* Top level: the identity for a moment, the direct map, the kernel. */
	movl $PHYS(boot_low), %eax
	orl $3, %eax
	movl %eax, PHYS(x86_pml4)
	movl %eax, PHYS(x86_pml4) + 8 * PML4_INDEX_DIRECT
	movl $PHYS(boot_high), %eax
	orl $3, %eax
	movl %eax, PHYS(x86_pml4) + 8 * 511
	movl $PHYS(boot_directory), %eax
	orl $3, %eax
	movl %eax, PHYS(boot_low)
	movl %eax, PHYS(boot_high) + 8 * 510

	/* 512 pages of 2 MiB. */
	movl $0x83, %eax
	movl $PHYS(boot_directory), %edi
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	cmpl $PHYS(boot_directory) + 4096, %edi
	jne 1b

	movl $PHYS(boot_stack_end), %esp
	call x86_long_mode
	ljmp $0x08, $1f
	.code64
1:	movabsq $x86_start, %rax
	movabsq $boot_stack_end, %rsp
	movl %ebx, %edi
	xorl %ebp, %ebp
	call *%rax
2:	hlt
	jmp 2b

	/*
	 * Switch on: PAE, the page tables, long mode, paging. Secondary CPUs come here from their trampoline too.
	 * Called in 32-bit mode with a stack; returns in compatibility mode with our GDT loaded: what follows is a
	 * far jump to selector 8.
	 */
	.code32
	.globl x86_long_mode
x86_long_mode:
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl $PHYS(x86_pml4), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		/* EFER: long mode enable */
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80010001, %eax		/* paging, write-protect also for us, protected mode */
	movl %eax, %cr0
	lgdt x86_gdt_pointer
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	ret

	.align 8
x86_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.globl x86_gdt_pointer
x86_gdt_pointer:
	.word . - x86_gdt - 1
	.quad x86_gdt

	.section .bss
	.align 4096
	.globl x86_pml4
x86_pml4:
	.skip 4096
boot_low:
	.skip 4096
boot_high:
	.skip 4096
boot_directory:
	.skip 4096
	.skip 32768
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
