/* From one stack to another: void arch_switch(void **left, void *to). What a callee must keep is kept on the stack left. */
#include "layout.h"
#include "pairs.h"

	.section .text
	.globl arch_switch
arch_switch:
	sub	sp, sp, #SWITCH_BYTES
	pairs	stp, 19, 6, 0
	mov	x2, sp
	str	x2, [x0]
	mov	sp, x1
	pairs	ldp, 19, 6, 0
	add	sp, sp, #SWITCH_BYTES
	ret
	.section .note.GNU-stack, "", %progbits
