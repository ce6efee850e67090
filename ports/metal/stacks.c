/*
 * Stacks, each with nothing mapped below it: one that runs over ends the kernel with a message instead of writing into
 * what lies there. Their frames come from the stock of page tables: before the engine knows any memory, and for good.
 */
#include "kernel.h"

#define PAGE 4096u

/* Who has it: a CPU, or NO_CPU. */
static uint8_t owner[METAL_STACKS];
static unsigned made;

static char *bottom(unsigned stack)
{
	return (char *)arch_info()->stacks_base + stack * METAL_STACK_STRIDE + METAL_STACK_STRIDE - METAL_STACK_BYTES;
}

void *metal_stack_make(unsigned cpu)
{
	unsigned stack = __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);

	if (stack >= METAL_STACKS) {
		__atomic_fetch_sub(&made, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	owner[stack] = (uint8_t)cpu;
	for (unsigned at = 0; at < METAL_STACK_BYTES; at += PAGE) {
		quire_phys_t page = metal_own_frame();

		if (page == QUIRE_PHYS_MAX || !arch_map_stack_page(bottom(stack) + at, page))
			return NULL;
	}
	return bottom(stack) + METAL_STACK_BYTES;
}

uint64_t metal_stack_pages(unsigned stacks)
{
	return (uint64_t)stacks * (METAL_STACK_BYTES / PAGE);
}

void metal_explain_fault(uintptr_t va)
{
	uintptr_t at = va - (uintptr_t)arch_info()->stacks_base;
	unsigned stack = (unsigned)(at / METAL_STACK_STRIDE);

	if (at >= (uintptr_t)METAL_STACKS * METAL_STACK_STRIDE || stack >= made)
		return;
	if (owner[stack] == METAL_NO_CPU)
		metal_print("stack overflow: a task's stack %u ends above %#lx\n", stack, (unsigned long)va);
	else
		metal_print("stack overflow: the stack of CPU %u ends above %#lx\n", owner[stack], (unsigned long)va);
}
