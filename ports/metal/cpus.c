/*
 * Secondary CPUs and their work: one queue of tasks that each run to their end. CPUs with nothing to do sleep;
 * whoever waits for tasks runs some himself. That is all the scheduling a memory manager wants of its embedder.
 */
#include "kernel.h"

#include "base/lock.h"

#define STACK_BYTES 32768
#define START_NS 10000000000ull

volatile uint32_t metal_cpus_running = 1;

static uint8_t stacks[METAL_CPUS - 1][STACK_BYTES] __attribute__((aligned(16)));

static struct {
	struct qi_lock lock;
	struct metal_task *first, *last;
} queue;

void metal_queue(struct metal_task *task)
{
	unsigned long state = arch_irq_save();

	task->done = 0;
	task->next = NULL;
	qi_lock(&queue.lock);
	if (queue.first)
		queue.last->next = task;
	else
		queue.first = task;
	queue.last = task;
	qi_unlock(&queue.lock);
	arch_wake_all();
	arch_irq_restore(state);
}

bool metal_run_one(void)
{
	unsigned long state = arch_irq_save();
	struct metal_task *task;

	qi_lock(&queue.lock);
	task = queue.first;
	if (task)
		queue.first = task->next;
	qi_unlock(&queue.lock);
	arch_irq_restore(state);
	if (!task)
		return false;
	task->fn(task->arg, task->worker);
	__atomic_store_n(&task->done, 1, __ATOMIC_RELEASE);
	return true;
}

void metal_cpu_main(unsigned cpu)
{
	__atomic_or_fetch(&metal_cpus_running, 1u << cpu, __ATOMIC_SEQ_CST);
	for (;;)
		if (!metal_run_one()) {
			unsigned long state = arch_irq_save();

			if (!qi_peek(&queue.first))
				arch_idle();
			arch_irq_restore(state);
		}
}

static bool start(unsigned cpu, uint64_t hwid)
{
	uint64_t end;

	if (!arch_cpu_start(cpu, hwid, stacks[cpu - 1] + STACK_BYTES))
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
			while (!__atomic_load_n(&tasks[i].done, __ATOMIC_ACQUIRE))
				if (!metal_run_one())
					arch_relax();
	}
}
