/* First and last instructions of the loader, and the kernel in the middle. efi.ld puts the file's header in front. */
	.section .text
	.globl efi_entry
	.hidden efi_entry
#ifdef __x86_64__
	/*
	 * %rcx = image handle, %rdx = system table. Firmware wants %rsi and %rdi back if we return to it; vector registers
	 * we do not touch.
	 */
efi_entry:
	pushq %rsi
	pushq %rdi
	subq $24, %rsp			/* struct efi_start, and the stack aligned for the call */
	movq %rcx, %rdi
	movq %rdx, %rsi
	movq %rsp, %rdx
	call efi_main
	testq %rax, %rax
	jz 1f
	addq $24, %rsp
	popq %rdi
	popq %rsi
	ret
1:	cli
	movq (%rsp), %rax
	movq 8(%rsp), %rdi
	jmp *%rax
#endif

#ifdef __aarch64__
	/* x0 = image handle, x1 = system table. */
efi_entry:
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	add	x2, sp, #16		/* struct efi_start */
	bl	efi_main
	cbz	x0, 1f
	ldp	x29, x30, [sp], #32
	ret
1:	ldp	x1, x0, [sp, #16]
	br	x1
#endif

	.section .data.kernel, "a"
	.globl efi_kernel_file, efi_kernel_file_end
	.hidden efi_kernel_file, efi_kernel_file_end
	.balign 16
efi_kernel_file:
	.incbin "kernel.bin"
efi_kernel_file_end:

	.section .note.GNU-stack, "", %progbits
