/* For assembly: many registers stored and loaded, two at a time. */
#ifndef A64_PAIRS_H
#define A64_PAIRS_H

	.altmacro
	.macro	pair op, low, high, at
	\op	x\low, x\high, [sp, #\at]
	.endm

/* `op` is stp or ldp: x(first) and those that follow, `count` pairs, at sp + `at` and on. */
	.macro	pairs op, first, count, at
	.set	pairs_done, 0
	.rept	\count
	pair	\op, %(\first + 2 * pairs_done), %(\first + 2 * pairs_done + 1), %(\at + 16 * pairs_done)
	.set	pairs_done, pairs_done + 1
	.endr
	.endm

#endif
