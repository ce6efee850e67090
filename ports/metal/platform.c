/* The engine's callbacks: twelve short roads from struct quire_platform to this kernel and its architecture. */
#include "kernel.h"

#define WAIT_NS 20000u

static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	(void)ctx;
	if ((level > QUIRE_LOG_WARNING || metal.provoked) && !metal.options.verbose)
		return;
	metal_print("quire: %.*s\n", (int)length, text);
}

static void panic(void *ctx, const char *text)
{
	(void)ctx;
	metal_panic(true, "%s", text);
}

static enum quire_status vmemmap_map(void *ctx, void *va, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	return arch_vmemmap_map(va, phys, size);
}

static void vmemmap_unmap(void *ctx, void *va, quire_phys_t size)
{
	(void)ctx;
	arch_vmemmap_unmap(va, size);
}

static unsigned cpu_enter(void *ctx, unsigned long *state)
{
	(void)ctx;
	*state = arch_irq_save();
	return arch_cpu();
}

static void cpu_leave(void *ctx, unsigned long state)
{
	(void)ctx;
	arch_irq_restore(state);
}

static void barrier_all(void *ctx)
{
	(void)ctx;
	arch_barrier_all();
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return arch_now_ns();
}

static void reclaim_wake(void *ctx, int nid)
{
	(void)ctx;
	(void)nid;
	metal_reclaimer_wake();
}

/* Others work meanwhile, here or on other CPUs. */
static void wait(void *ctx)
{
	uint64_t end = arch_now_ns() + WAIT_NS;

	(void)ctx;
	do
		metal_yield();
	while (arch_now_ns() < end);
}

const struct quire_platform *metal_platform(void)
{
	static struct quire_platform platform = {
		.phys_to_virt = metal_phys_to_virt, .log = log_line, .panic = panic, .cpu_enter = cpu_enter, .cpu_leave = cpu_leave,
		.barrier_all = barrier_all, .now_ns = now_ns, .run_parallel = metal_run_parallel, .reclaim_wake = reclaim_wake,
		.wait = wait,
	};

	if (arch_info()->vmemmap_size) {
		platform.vmemmap_base = arch_info()->vmemmap_base;
		platform.vmemmap_size = arch_info()->vmemmap_size;
		platform.vmemmap_map = vmemmap_map;
		platform.vmemmap_unmap = vmemmap_unmap;
	}
	return &platform;
}
