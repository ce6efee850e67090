/* One CPU: everything that is about others is empty. */
#include "i386.h"

#define INTERRUPTS_ON 0x200ul

/* As arch_switch() leaves a stack: four registers and where to go on; there the stack is as after a call. */
void *arch_stack_frame(void *top, void (*entry)(void))
{
	uint32_t *frame = (uint32_t *)top - 6;

	memset(frame, 0, 6 * sizeof(*frame));
	frame[4] = (uint32_t)entry;
	return frame;
}

unsigned arch_cpu(void)
{
	return 0;
}

/* The initial APIC id. */
uint64_t arch_cpu_hwid(void)
{
	uint32_t ebx, edx;

	i386_cpuid(1, &ebx, &edx);
	return ebx >> 24;
}

bool arch_cpu_start(unsigned cpu, uint64_t hwid, void *stack_top)
{
	(void)cpu;
	(void)hwid;
	(void)stack_top;
	return false;
}

unsigned long arch_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("pushfl; popl %0; cli" : "=r"(flags) :: "memory");
	return flags;
}

void arch_irq_restore(unsigned long state)
{
	if (state & INTERRUPTS_ON)
		__asm__ volatile("sti" ::: "memory");
}

void arch_irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

/* Nothing interrupts this kernel. */
bool arch_ticks(unsigned hertz)
{
	(void)hertz;
	return false;
}

void arch_barrier_all(void)
{
}

/* Nobody else could wake this CPU, so it does not sleep. */
void arch_idle(void)
{
	arch_relax();
}

void arch_wake_all(void)
{
}
