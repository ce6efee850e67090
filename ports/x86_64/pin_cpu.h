/*
 * Who we are, and interrupts off and on: a few instructions each, for this kernel (cpu.c) and, by QUIRE_PIN_CPU, inside the
 * engine's shortest roads.
 */
#ifndef X86_PIN_CPU_H
#define X86_PIN_CPU_H

#define X86_FLAGS_IF 0x200u

/* The first field of this CPU's struct x86_cpu. */
static inline unsigned x86_cpu_number(void)
{
	unsigned number;

	__asm__ volatile("movl %%gs:0, %0" : "=r"(number));
	return number;
}

static inline unsigned long x86_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) :: "memory");
	return flags;
}

static inline void x86_irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void x86_irq_restore(unsigned long flags)
{
	if (flags & X86_FLAGS_IF)
		x86_irq_on();
}

static inline unsigned quire_pinned_cpu_enter(unsigned long *state)
{
	*state = x86_irq_save();
	return x86_cpu_number();
}

static inline void quire_pinned_cpu_leave(unsigned long state)
{
	x86_irq_restore(state);
}

#endif
