/*
 * From a loader to 64-bit C at the kernel's own address. There are two ways in:
 *
 *	PVH	32-bit, paging off, %ebx = start info; the image lies where it was linked
 *	EFI	64-bit on firmware's page tables, %rdi = what ports/efi/ hands over; the image lies higher by some 2 MiB
 *
 * EFI's goes back to 32-bit mode first, which also leaves behind what firmware had set up in control registers, so that
 * there is one road. On it %ebp is how much higher the image lies than it was linked.
 *
 * The boot page tables map the first GiB where it is (until the jump) and at the start of the direct map, sharing a
 * directory, and the image at KERNEL_BASE. Everything else is mapped from C.
 */
#include "layout.h"

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, 18			/* "Xen", a 32-bit value, type PHYS32_ENTRY */
	.asciz "Xen"
	.long x86_entry

	/* What the EFI loader has to know: struct efi_head (ports/efi/loader.h). */
	.section .head, "a"
	.ascii "QUIREKRN"
	.quad x86_image_start, x86_image_end, x86_efi_entry
	.quad 0x200000, 0x40000000	/* may lie higher by any number of these; below this */

	.section .boot, "ax"
	.code64
x86_efi_entry:
	cli
	movl %edi, %ebx
	leaq x86_efi_entry(%rip), %rbp
	subq $x86_efi_entry, %rbp
	leaq x86_gdt(%rip), %rax
	pushq %rax
	subq $8, %rsp
	movw $x86_gdt_end - x86_gdt - 1, 6(%rsp)
	lgdt 6(%rsp)
	leaq 1f(%rip), %rax
	pushq $0x18
	pushq %rax
	lretq
	.code32
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	movl $EFER, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	movl %eax, %cr4
	jmp road

	.globl x86_entry
x86_entry:
	xorl %ebp, %ebp
road:
	cld
	cli
	leal PHYS(x86_bss_start)(%ebp), %edi
	leal PHYS(x86_bss_end)(%ebp), %ecx
	subl %edi, %ecx
	shrl $2, %ecx
	xorl %eax, %eax
	rep stosl

	/* Top level: the identity for a moment, the direct map, the kernel. */
	leal PHYS(boot_low) + 3(%ebp), %eax
	movl %eax, PHYS(x86_pml4)(%ebp)
	movl %eax, PHYS(x86_pml4) + 8 * PML4_INDEX_DIRECT(%ebp)
	leal PHYS(boot_high) + 3(%ebp), %eax
	movl %eax, PHYS(x86_pml4) + 8 * 511(%ebp)
	leal PHYS(boot_directory) + 3(%ebp), %eax
	movl %eax, PHYS(boot_low)(%ebp)
	leal PHYS(boot_image_directory) + 3(%ebp), %eax
	movl %eax, PHYS(boot_high) + 8 * 510(%ebp)

	/* 512 pages of 2 MiB in each. */
	xorl %ecx, %ecx
	movl $0x83, %eax
1:	movl %eax, PHYS(boot_directory)(%ebp, %ecx, 8)
	leal (%eax, %ebp), %edx
	movl %edx, PHYS(boot_image_directory)(%ebp, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $512, %ecx
	jne 1b

	leal PHYS(boot_stack_end)(%ebp), %esp
	leal x86_gdt(%ebp), %eax
	pushl %eax
	pushw $x86_gdt_end - x86_gdt - 1
	lgdt (%esp)
	leal PHYS(x86_pml4)(%ebp), %eax
	ENTER_LONG_MODE
	leal 1f(%ebp), %eax
	pushl $0x08
	pushl %eax
	lret
	.code64
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movabsq $x86_start, %rax
	movabsq $boot_stack_end, %rsp
	movl %ebx, %edi
	movl %ebp, %esi
	xorl %ebp, %ebp
	call *%rax
2:	hlt
	jmp 2b

	.align 8
x86_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.quad 0x00cf9b000000ffff	/* 18: 32-bit code */
x86_gdt_end:

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
boot_image_directory:
	.skip 4096
	.skip 32768
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
