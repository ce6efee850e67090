/*
 * Memory barriers on other CPUs, and waking them, by the interrupt controller; and a clock that interrupts.
 *
 * The controller's group 0 arrives as the fast interrupt, which nothing masks while the kernel runs: arch_irq_save() masks
 * the other kind. So a CPU that waits for a lock with interrupts off answers as well. Group 1 is interrupts proper, which are
 * the clock's alone: the virtual timer of one CPU, and number 1, by which that CPU tells the others.
 *
 * Each CPU has a count of barriers wanted and one of barriers made. Who wants one raises the first and waits until the
 * second has come that far; a request that finds an interrupt under way already is served by it, because the handler
 * reads the count last.
 */
#include "a64.h"
#include "kernel.h"

/* Distributor. */
#define GICD_CTLR	0x000u
#define GICD_TYPER	0x004u
#define GICD_IGROUPR0	0x080u
#define GICD_ISENABLER0	0x100u
#define GICD_SGIR	0xf00u
#define ENABLE_GROUPS	0x3u
#define AFFINITY_ROUTING 0x10u
#define ALL_OTHERS	(1u << 24)
#define TICK		1u		/* from the CPU whose timer runs */
#define TIMER		27u
#define GROUP1		(1u << TIMER | 1u << TICK)
#define ONE_WORLD	0x40u		/* version 3, in CTLR: no secure world has the groups */
#define TWO_WORLDS	0x400u		/* version 2, in TYPER */

/* Version 3: a redistributor per CPU, two frames of 64 KiB (four with virtual LPIs, which virt does not have). */
#define GICR_TYPER	0x08u
#define GICR_WAKER	0x14u
#define GICR_SGI	0x10000u
#define GICR_IGROUPR0	(GICR_SGI + 0x080)
#define GICR_ISENABLER0	(GICR_SGI + 0x100)
#define GICR_PRIORITY	(GICR_SGI + 0x400)
#define GICR_STRIDE	0x20000u
#define LAST		0x10u
#define SLEEP		0x2u
#define ASLEEP		0x4u
#define SGI_TO_OTHERS	(1ull << 40)
#define SGI_NUMBER	24

/* Version 2: one interface, which each CPU sees as its own. */
#define GICC_CTLR	0x00u
#define GICC_PMR	0x04u
#define GICC_IAR	0x0cu
#define GICC_EOIR	0x10u
#define BOTH_GROUPS	0xfu		/* group 0 as the fast interrupt; either is taken by the same register */

#define FAST_ON() __asm__ volatile("msr daifclr, #5" ::: "memory")
#define FAST_OFF() __asm__ volatile("msr daifset, #5" ::: "memory")

static unsigned version;		/* 0: none was found */
static quire_phys_t distributor, others, others_size;	/* others: redistributors, or the CPU interface */

/* A CPU's barriers; `woken` since it last slept. */
static struct {
	uint64_t wanted, made;
	bool woken;
} cpus[METAL_CPUS];

void a64_gic_setup(void)
{
	quire_phys_t size;
	int node = a64_tree_compatible("arm,gic-v3");
	unsigned found = 3;

	if (node < 0) {
		node = a64_tree_compatible("arm,cortex-a15-gic");
		found = 2;
	}
	if (node < 0 || !a64_tree_reg(node, 0, &distributor, &size) || !a64_tree_reg(node, 1, &others, &others_size) ||
	    arch_map_device(distributor, size) != QUIRE_OK || arch_map_device(others, others_size) != QUIRE_OK)
		return;
	if (found == 3 ? !(a64_in(distributor + GICD_CTLR) & ONE_WORLD) : a64_in(distributor + GICD_TYPER) & TWO_WORLDS) {
		metal_print("the interrupt controller's group 0 belongs to a secure world: this CPU stays alone\n");
		return;
	}
	version = found;
	a64_out(distributor + GICD_CTLR, found == 3 ? ENABLE_GROUPS | AFFINITY_ROUTING : ENABLE_GROUPS);
}

bool a64_gic_ready(void)
{
	return version != 0;
}

/* This CPU's redistributor; 0: none. */
static quire_phys_t redistributor(void)
{
	uint64_t hwid = arch_cpu_hwid();
	uint32_t affinity = (uint32_t)(hwid >> 8 & 0xff000000) | (uint32_t)(hwid & 0xffffff);

	for (quire_phys_t at = others; at + GICR_STRIDE <= others + others_size; at += GICR_STRIDE) {
		if (a64_in(at + GICR_TYPER + 4) == affinity)
			return at;
		if (a64_in(at + GICR_TYPER) & LAST)
			break;
	}
	return 0;
}

static void setup_v3(void)
{
	quire_phys_t mine = redistributor();

	if (!mine) {
		metal_print("CPU %u: the interrupt controller does not know it\n", arch_cpu());
		return;
	}
	a64_out(mine + GICR_WAKER, a64_in(mine + GICR_WAKER) & ~SLEEP);
	for (unsigned tries = 0; tries < 1000000 && a64_in(mine + GICR_WAKER) & ASLEEP; tries++)
		arch_relax();
	a64_out(mine + GICR_IGROUPR0, GROUP1);
	a64_out(mine + GICR_PRIORITY, 0);
	a64_out(mine + GICR_PRIORITY + TIMER / 4 * 4, 0);
	a64_out(mine + GICR_ISENABLER0, GROUP1 | 1);
	A64_WRITE(s3_0_c12_c12_5, 7);		/* ICC_SRE_EL1: by system registers */
	A64_SYNC();
	A64_WRITE(s3_0_c4_c6_0, 0xff);		/* ICC_PMR_EL1: all priorities */
	A64_WRITE(s3_0_c12_c12_6, 1);		/* ICC_IGRPEN0_EL1 */
	A64_WRITE(s3_0_c12_c12_7, 1);		/* ICC_IGRPEN1_EL1 */
	A64_SYNC();
}

static void setup_v2(void)
{
	a64_out(distributor + GICD_IGROUPR0, GROUP1);
	a64_out(distributor + GICD_ISENABLER0, GROUP1 | 1);
	a64_out(others + GICC_PMR, 0xff);
	a64_out(others + GICC_CTLR, BOTH_GROUPS);
}

void a64_gic_cpu_setup(void)
{
	if (version == 3)
		setup_v3();
	else if (version == 2)
		setup_v2();
	FAST_ON();
}

static void pass_barrier(void)
{
	unsigned cpu = arch_cpu();
	uint64_t wanted = __atomic_load_n(&cpus[cpu].wanted, __ATOMIC_ACQUIRE);

	__asm__ volatile("dmb ish" ::: "memory");
	__atomic_store_n(&cpus[cpu].made, wanted, __ATOMIC_RELEASE);
}

/* From the vector. The only fast one there is; taken or spurious, the count says what is wanted. */
void a64_fast_interrupt(void)
{
	uint64_t id;

	if (version == 3) {
		id = A64_READ(s3_0_c12_c8_0);			/* ICC_IAR0_EL1 */
		A64_SYNC();
		A64_WRITE(s3_0_c12_c8_1, id);			/* ICC_EOIR0_EL1 */
	} else {
		id = a64_in(others + GICC_IAR);
		a64_out(others + GICC_EOIR, (uint32_t)id);
	}
	pass_barrier();
}

/* Number 0, which is fast. */
static void interrupt_others(void)
{
	__asm__ volatile("dsb ish" ::: "memory");	/* the counts are seen before the interrupt is */
	if (version == 3)
		A64_WRITE(s3_0_c12_c11_7, SGI_TO_OTHERS);	/* ICC_SGI0R_EL1: number 0 */
	else
		a64_out(distributor + GICD_SGIR, ALL_OTHERS);
	A64_SYNC();
}

void arch_barrier_all(void)
{
	unsigned self = arch_cpu();
	uint64_t tickets[METAL_CPUS];
	uint32_t mask = metal_cpus_running & ~(1u << self);

	__asm__ volatile("dmb ish" ::: "memory");
	if (!mask)
		return;
	for (unsigned cpu = 0; cpu < METAL_CPUS; cpu++)
		if (mask & 1u << cpu)
			tickets[cpu] = __atomic_add_fetch(&cpus[cpu].wanted, 1, __ATOMIC_ACQ_REL);
	interrupt_others();
	for (unsigned cpu = 0; cpu < METAL_CPUS; cpu++)
		while (mask & 1u << cpu && __atomic_load_n(&cpus[cpu].made, __ATOMIC_ACQUIRE) < tickets[cpu])
			arch_relax();
	__asm__ volatile("dmb ish" ::: "memory");
}

void arch_wake_all(void)
{
	for (unsigned cpu = 0; cpu < METAL_CPUS; cpu++)
		__atomic_store_n(&cpus[cpu].woken, true, __ATOMIC_RELEASE);
	if (version && metal_cpus_running & (metal_cpus_running - 1))
		interrupt_others();
}

/*
 * With the fast interrupt masked one that comes after the look at `woken` stays pending, and a pending one ends the
 * wait. Without a controller nobody could end it.
 */
void arch_idle(void)
{
	bool *woken = &cpus[arch_cpu()].woken;

	FAST_OFF();
	if (version && !__atomic_load_n(woken, __ATOMIC_ACQUIRE))
		__asm__ volatile("dsb sy; wfi" ::: "memory");
	__atomic_store_n(woken, false, __ATOMIC_RELAXED);
	FAST_ON();
}

/* --- the clock -------------------------------------------------------------------------------------------------------- */

static uint64_t period;			/* of the timer, in its own ticks; 0: it stands still */

bool arch_ticks(unsigned hertz)
{
	unsigned long state = arch_irq_save();

	period = hertz ? A64_READ(cntfrq_el0) / hertz : 0;
	A64_WRITE(cntv_tval_el0, period);
	A64_WRITE(cntv_ctl_el0, hertz != 0);
	A64_SYNC();
	arch_irq_restore(state);
	return version != 0;
}

static uint32_t next_interrupt(void)
{
	uint64_t id;

	if (version == 3) {
		id = A64_READ(s3_0_c12_c12_0);			/* ICC_IAR1_EL1 */
		A64_SYNC();
		A64_WRITE(s3_0_c12_c12_1, id);			/* ICC_EOIR1_EL1 */
	} else {
		id = a64_in(others + GICC_IAR);
		a64_out(others + GICC_EOIR, (uint32_t)id);
	}
	return (uint32_t)id & 0x3ff;
}

/* From the vector, with fast interrupts on. It is over for the controller before anything is done. */
void a64_interrupt(void)
{
	uint32_t id = next_interrupt();

	if (id == TIMER) {
		A64_WRITE(cntv_tval_el0, period);
		if (!period)
			A64_WRITE(cntv_ctl_el0, 0);
		A64_SYNC();
		if (version == 3)
			A64_WRITE(s3_0_c12_c11_5, SGI_TO_OTHERS | (uint64_t)TICK << SGI_NUMBER);	/* ICC_SGI1R_EL1 */
		else
			a64_out(distributor + GICD_SGIR, ALL_OTHERS | TICK);
	}
	if (id == TIMER || id == TICK)
		metal_tick();
	else
		pass_barrier();		/* version 2: it came just before this one was taken */
}
