/* Secondary CPUs: starting them, what they do all day, and one piece of work for all of them. */
#include "kernel.h"

#define START_NS 10000000000ull

volatile uint32_t metal_cpus_running = 1;

void metal_cpu_main(unsigned cpu)
{
	__atomic_or_fetch(&metal_cpus_running, 1u << cpu, __ATOMIC_SEQ_CST);
	if (metal.options.hertz)
		arch_irq_on();
	for (;;)
		if (!metal_run_one()) {
			unsigned long state = arch_irq_save();

			if (!metal_work_waits())
				arch_idle();
			arch_irq_restore(state);
		}
}

static bool start(unsigned cpu, uint64_t hwid)
{
	void *stack = metal_stack_make(cpu);
	uint64_t end;

	if (!stack || !arch_cpu_start(cpu, hwid, stack))
		return false;
	for (end = arch_now_ns() + START_NS; arch_now_ns() < end; arch_relax())
		if (metal_cpus_running >> cpu & 1)
			return true;
	return false;
}

unsigned metal_start_cpus(unsigned most)
{
	const struct quire_machine *m = &metal.machine;
	unsigned running = 1, there = 0;

	for (size_t i = 0; i < m->cpu_count; i++) {
		if (!m->cpus[i].enabled || m->cpus[i].initiator)
			continue;
		there++;
		if (m->cpus[i].hwid == arch_cpu_hwid() || running >= qi_min(most, METAL_CPUS))
			continue;
		/*
		 * Numbers are the engine's: a CPU that does not come up ends the row, so that they stay without gaps.
		 */
		if (!start(running, m->cpus[i].hwid)) {
			metal_print("CPU %u (%#llx) does not start: going on with %u\n", running,
				    (unsigned long long)m->cpus[i].hwid, running);
			return running;
		}
		running++;
	}
	if (there > running)
		metal_print("%u CPUs are there, %u are used\n", there, running);
	return running;
}

void metal_run_parallel(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers)
{
	struct metal_task tasks[METAL_CPUS];

	(void)ctx;
	/* Worker 0 is the caller; more workers than there are CPUs take turns. */
	for (unsigned at = 0; at < workers; at += METAL_CPUS) {
		unsigned count = (unsigned)qi_min(workers - at, METAL_CPUS);

		for (unsigned i = 1; i < count; i++) {
			tasks[i] = (struct metal_task){ .fn = fn, .arg = arg, .worker = at + i };
			metal_queue(&tasks[i]);
		}
		fn(arg, at);
		for (unsigned i = 1; i < count; i++)
			metal_wait_for(&tasks[i]);
	}
}
