/* From one stack to another: void arch_switch(void **left, void *to). What a callee must keep is kept on the stack left. */
#include "layout.h"

	.section .text
	.globl arch_switch
arch_switch:
	sub	sp, sp, #SWITCH_BYTES
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	mov	x2, sp
	str	x2, [x0]
	mov	sp, x1
	ldp	x19, x20, [sp]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #SWITCH_BYTES
	ret
	.section .note.GNU-stack, "", %progbits
