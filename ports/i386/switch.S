/* From one stack to another: void arch_switch(void **left, void *to). What a callee must keep is kept on the stack left. */
	.text
	.globl arch_switch
arch_switch:
	movl	4(%esp), %eax
	movl	8(%esp), %edx
	pushl	%ebp
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	movl	%esp, (%eax)
	movl	%edx, %esp
	popl	%edi
	popl	%esi
	popl	%ebx
	popl	%ebp
	ret
	.section .note.GNU-stack, "", @progbits
