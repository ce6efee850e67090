/*
 * The local APIC: starting secondary CPUs, and making all of them pass a barrier.
 *
 * The barrier is an NMI, because it is asked for under locks that others spin on with interrupts off. Its handler
 * drops the CPU's translations, which is a full barrier as well; one mechanism serves page tables and per-CPU caches.
 * Each CPU has a count of what was wanted of it and of what it did; NMIs that arrive together are answered together.
 */
#include "kernel.h"
#include "entry.h"

#define MSR_APIC_BASE	0x1b
#define ID		0x20
#define PRIORITY	0x80
#define END		0xb0
#define SPURIOUS	0xf0
#define ICR_LOW		0x300
#define ICR_HIGH	0x310
#define ICR_PENDING	0x1000
#define TIMER		0x320
#define TIMER_PERIODIC	(0x20000 | X86_VECTOR_TICK)
#define LINE0		0x350
#define TIMER_COUNT	0x380
#define TIMER_DIVISOR	0x3e0
#define TIMER_BY_1	0xb
#define MASKED		0x10000
#define PIC1_MASK	0x21
#define PIC2_MASK	0xa1
#define BASE_ENABLED	0x800
#define BASE_X2		0x400
#define DELIVER_WAKE	(0x4000 | X86_VECTOR_WAKE)
#define DELIVER_TICK	(0x4000 | X86_VECTOR_TICK)
#define ALL_BUT_SELF	0xc0000
#define DELIVER_NMI	0x4400
#define DELIVER_INIT	0x4500
#define DELIVER_SIPI	0x4600

extern const char x86_trampoline[], x86_trampoline_end[], x86_trampoline_stack[],
	x86_trampoline_root[], x86_trampoline_cpu[];

bool x86_trampoline_taken;

static volatile uint32_t *apic;
static uint32_t hwids[METAL_CPUS];
static uint32_t wanted[METAL_CPUS], done[METAL_CPUS];
/* The CPU that is on its way: its number, then ARRIVED; 0: nobody is waited for (any more). */
static uint32_t awaited;
#define ARRIVED 0xffffffffu

static uint32_t apic_read(unsigned at)
{
	return apic[at / 4];
}

static void apic_write(unsigned at, uint32_t value)
{
	apic[at / 4] = value;
}

/* Firmware may have chosen registers that are no memory; the way back to the others is through "off". */
static quire_phys_t registers(void)
{
	uint64_t base = x86_read_msr(MSR_APIC_BASE);

	if (base & BASE_X2) {
		base &= ~(uint64_t)(BASE_X2 | BASE_ENABLED);
		x86_write_msr(MSR_APIC_BASE, base);
		x86_write_msr(MSR_APIC_BASE, base | BASE_ENABLED);
	}
	return base & 0xffffff000;
}

/* What firmware let through is shut off: its timer, and the interrupt controllers of old behind line 0. */
void x86_apic_setup(void)
{
	quire_phys_t base = registers();

	if (!apic && arch_map_device(base, 4096) == QUIRE_OK)
		apic = arch_direct(base);
	if (!apic)
		metal_panic(false, "no page table for the local APIC");
	apic_write(TIMER, MASKED);
	/* First they fall silent, then nobody listens: a request of theirs that nobody takes is no vector at all. */
	pc_out8(PIC1_MASK, 0xff);
	pc_out8(PIC2_MASK, 0xff);
	apic_write(LINE0, MASKED);
	apic_write(PRIORITY, 0);
	apic_write(SPURIOUS, 0x1ff);
	hwids[arch_cpu()] = apic_read(ID) >> 24;
}

uint64_t arch_cpu_hwid(void)
{
	return apic_read(ID) >> 24;
}

/* Interrupts may not come in between the halves of the command; NMIs may, they send none. */
static void send(uint32_t hwid, uint32_t command)
{
	unsigned long state = arch_irq_save();

	apic_write(ICR_HIGH, hwid << 24);
	apic_write(ICR_LOW, command);
	for (unsigned tries = 0; tries < 1000000 && apic_read(ICR_LOW) & ICR_PENDING; tries++)
		arch_relax();
	arch_irq_restore(state);
}

/* --- barrier ---------------------------------------------------------------------------------------------------------- */

void x86_sync_answer(void)
{
	unsigned cpu = arch_cpu();
	uint32_t seen = __atomic_load_n(&wanted[cpu], __ATOMIC_SEQ_CST);

	x86_reload_cr3();
	__atomic_store_n(&done[cpu], seen, __ATOMIC_SEQ_CST);
}

void arch_barrier_all(void)
{
	uint32_t others = metal_cpus_running & ~(1u << arch_cpu()), goal[METAL_CPUS];

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned cpu = 0; cpu < METAL_CPUS; cpu++) {
		if (!(others >> cpu & 1))
			continue;
		goal[cpu] = __atomic_add_fetch(&wanted[cpu], 1, __ATOMIC_SEQ_CST);
		send(hwids[cpu], DELIVER_NMI);
	}
	for (unsigned cpu = 0; cpu < METAL_CPUS; cpu++)
		while (others >> cpu & 1 && (int32_t)(__atomic_load_n(&done[cpu], __ATOMIC_SEQ_CST) - goal[cpu]) < 0)
			arch_relax();
}

/* --- idle CPUs -------------------------------------------------------------------------------------------------------- */

/* Interrupts are let in with the instruction that sleeps, so a wake-up that came before it is taken there. */
void arch_idle(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

void arch_wake_all(void)
{
	if (metal_cpus_running & (metal_cpus_running - 1))
		send(0, ALL_BUT_SELF | DELIVER_WAKE);
}

void x86_wake_answer(void)
{
	apic_write(END, 0);
}

/* --- the clock -------------------------------------------------------------------------------------------------------- */

/* Ticks of the CPU whose timer runs go on to all others; how fast the timer counts is the hypervisor's usual 1 GHz. */
static unsigned ticking = METAL_CPUS;

bool arch_ticks(unsigned hertz)
{
	unsigned long state = arch_irq_save();

	ticking = arch_cpu();
	apic_write(TIMER_DIVISOR, TIMER_BY_1);
	apic_write(TIMER, hertz ? TIMER_PERIODIC : MASKED);
	apic_write(TIMER_COUNT, hertz ? 1000000000u / hertz : 0);
	arch_irq_restore(state);
	return true;
}

void x86_tick_answer(void)
{
	if (arch_cpu() == ticking && metal_cpus_running & (metal_cpus_running - 1))
		send(0, ALL_BUT_SELF | DELIVER_TICK);
	apic_write(END, 0);
	metal_tick();
}

/* --- secondary CPUs --------------------------------------------------------------------------------------------------- */

static void place_trampoline(unsigned cpu, void *stack_top)
{
	char *page = arch_direct(TRAMPOLINE);
	uint64_t top = (uint64_t)stack_top;
	uint32_t root = (uint32_t)arch_image_phys(x86_pml4);

	memcpy(page, x86_trampoline, (size_t)(x86_trampoline_end - x86_trampoline));
	memcpy(page + (x86_trampoline_stack - x86_trampoline), &top, sizeof(top));
	memcpy(page + (x86_trampoline_root - x86_trampoline), &root, sizeof(root));
	memcpy(page + (x86_trampoline_cpu - x86_trampoline), &cpu, sizeof(cpu));
}

static bool wait_for_arrival(uint64_t microseconds)
{
	uint64_t end = arch_now_ns() + microseconds * 1000;

	while (arch_now_ns() < end) {
		if (__atomic_load_n(&awaited, __ATOMIC_ACQUIRE) == ARRIVED)
			return true;
		arch_relax();
	}
	return false;
}

bool arch_cpu_start(unsigned cpu, uint64_t hwid, void *stack_top)
{
	uint32_t expected = cpu;
	bool came = false;

	if (hwid > 0xfe || x86_trampoline_taken)
		return false;
	place_trampoline(cpu, stack_top);
	__atomic_store_n(&awaited, cpu, __ATOMIC_RELEASE);
	x86_identity(true);
	send((uint32_t)hwid, DELIVER_INIT);
	wait_for_arrival(10000);	/* a pause: nobody can come yet */
	for (unsigned attempt = 0; attempt < 2 && !came; attempt++) {
		send((uint32_t)hwid, DELIVER_SIPI | TRAMPOLINE >> 12);
		came = wait_for_arrival(attempt ? 10000000 : 200000);
	}
	/* One that comes after all finds the way mapped, and that nobody waits for it. */
	if (!came && __atomic_compare_exchange_n(&awaited, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return false;
	x86_identity(false);
	return true;
}

void x86_secondary_start(unsigned cpu)
{
	uint32_t expected = cpu;

	x86_cpu_setup(cpu);
	x86_apic_setup();
	if (!__atomic_compare_exchange_n(&awaited, &expected, ARRIVED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		for (;;)
			__asm__ volatile("cli; hlt");
	metal_cpu_main(cpu);
}
