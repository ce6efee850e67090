/* Firmware's power interface: CPUs, the way out. And what a CPU says about itself. */
#include "a64.h"

#define CPU_ON		0xc4000003u
#define SYSTEM_OFF	0x84000008u

#define SEMIHOSTING_EXIT	0x18u
#define APPLICATION_EXIT	0x20026u

#define AFFINITY 0xff00ffffffull

/* What a call may change beside its arguments. */
#define CALL_CLOBBERS "memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17"

/* What entry.S gives a CPU to begin with. */
struct a64_cpu_start {
	uint64_t cpu;
	void *stack;
};

static bool by_monitor;		/* smc; otherwise hvc */

extern char a64_secondary[];

void a64_psci_setup(void)
{
	const char *method = a64_tree_text(a64_tree_named("psci"), "method");

	by_monitor = method && method[0] == 's';
}

static int64_t call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	if (by_monitor)
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) :: CALL_CLOBBERS);
	else
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) :: CALL_CLOBBERS);
	return (int64_t)x0;
}

unsigned arch_cpu(void)
{
	return (unsigned)A64_READ(tpidr_el1);
}

uint64_t arch_cpu_hwid(void)
{
	return A64_READ(mpidr_el1) & AFFINITY;
}

/* As arch_switch() leaves a stack. */
void *arch_stack_frame(void *top, void (*entry)(void))
{
	uint64_t *frame = (uint64_t *)((char *)top - SWITCH_BYTES);

	memset(frame, 0, SWITCH_BYTES);
	frame[11] = (uint64_t)entry;
	return frame;
}

bool arch_cpu_start(unsigned cpu, uint64_t hwid, void *stack_top)
{
	static struct a64_cpu_start starts[METAL_CPUS];

	/* Without interrupts it could not be made to pass a barrier. */
	if (cpu >= METAL_CPUS || !a64_gic_ready())
		return false;
	starts[cpu] = (struct a64_cpu_start){ cpu, stack_top };
	__asm__ volatile("dsb sy" ::: "memory");
	return call(CPU_ON, hwid, (uintptr_t)a64_secondary, (uintptr_t)&starts[cpu]) == 0;
}

unsigned long arch_irq_save(void)
{
	unsigned long state = A64_READ(daif);

	__asm__ volatile("msr daifset, #2" ::: "memory");
	return state;
}

void arch_irq_restore(unsigned long state)
{
	A64_WRITE(daif, state);
}

void arch_irq_on(void)
{
	__asm__ volatile("msr daifclr, #2" ::: "memory");
}

void a64_power_off(void)
{
	call(SYSTEM_OFF, 0, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}

/* Semihosting tells the status; where QEMU runs without it the instruction is undefined, and the vector powers off. */
void arch_exit(unsigned code)
{
	uint64_t block[2] = { APPLICATION_EXIT, code };
	register uint64_t operation __asm__("x0") = SEMIHOSTING_EXIT;
	register uint64_t argument __asm__("x1") = (uintptr_t)block;

	a64_leaving = true;
	__asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(argument), "m"(block) : "memory");
	a64_power_off();
	for (;;)
		;
}
