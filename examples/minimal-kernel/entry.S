/*
 * What every 64-bit kernel begins with: from the loader's 32-bit entry (PVH) to C, with the first 64 GiB mapped where
 * they are. Nothing here knows of Quire.
 */
	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, 18			/* "Xen", a 32-bit value, type PHYS32_ENTRY */
	.asciz "Xen"
	.long entry

	.text
	.code32
	.globl entry
entry:
	cli
	cld
	movl $bss_start, %edi
	movl $bss_end, %ecx
	subl %edi, %ecx
	xorl %eax, %eax
	rep stosb

	movl $top + 0x1003, top		/* one entry of the top table: the next page */
	movl $directories + 3, %eax
	movl $top + 0x1000, %edi
	movl $64, %ecx
1:	movl %eax, (%edi)		/* 64 directories of 1 GiB */
	addl $0x1000, %eax
	addl $8, %edi
	loop 1b

	movl $0x83, %eax		/* 32768 pages of 2 MiB: present, writable, large */
	xorl %edx, %edx
	movl $directories, %edi
	movl $32768, %ecx
2:	movl %eax, (%edi)
	movl %edx, 4(%edi)
	addl $0x200000, %eax
	adcl $0, %edx
	addl $8, %edi
	loop 2b

	movl %cr4, %eax			/* long pages, the table, long mode, paging */
	orl $0x20, %eax
	movl %eax, %cr4
	movl $top, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80000001, %eax
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $8, $3f

	.code64
3:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $stack_end, %esp
	movl %ebx, %edi			/* the loader's start info */
	call kernel_main
4:	hlt
	jmp 4b

	.align 8
gdt:	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt, 0

	.bss
	.align 4096
top:
	.skip 8192
directories:
	.skip 64 * 4096
	.skip 32768
stack_end:

	.section .note.GNU-stack, "", @progbits
