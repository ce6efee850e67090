/*
 * Tasks and who runs them: cooperative, one queue for all CPUs. A task gets a stack when it is begun and leaves its CPU only
 * where it says so: when it yields, when it sleeps until somebody wakes it, at its end. What it leaves to is its CPU's own
 * road (the idle loop, or whoever waits on CPU 0), which takes the next one. A task may go on on another CPU than before.
 */
#include "kernel.h"

#include "base/lock.h"

enum { READY, SLEEPING, FINISHED };

static struct {
	struct qi_lock lock;
	struct metal_task *first, *last;
	void *stacks[METAL_STACKS];	/* of tasks that have ended */
	unsigned idle_stacks, made;
} queue;

/* What a CPU runs, and where its own road stands meanwhile. */
static struct {
	struct metal_task *task;
	void *road;
} cpus[METAL_CPUS];

/* With the queue locked. */
static void append(struct metal_task *task)
{
	task->next = NULL;
	if (queue.first)
		queue.last->next = task;
	else
		queue.first = task;
	queue.last = task;
}

static unsigned long lock_queue(void)
{
	unsigned long state = arch_irq_save();

	qi_lock(&queue.lock);
	return state;
}

static void unlock_queue(unsigned long state)
{
	qi_unlock(&queue.lock);
	arch_irq_restore(state);
}

/* --- what tasks do ---------------------------------------------------------------------------------------------------- */

static void leave(struct metal_task *task, uint8_t state)
{
	task->state = state;
	arch_switch(&task->at, cpus[arch_cpu()].road);
}

static void begin(void)
{
	struct metal_task *task = cpus[arch_cpu()].task;

	task->fn(task->arg, task->worker);
	leave(task, FINISHED);
}

void metal_sleep(void)
{
	leave(cpus[arch_cpu()].task, SLEEPING);
}

void metal_yield(void)
{
	struct metal_task *task = cpus[arch_cpu()].task;

	if (task)
		leave(task, READY);
	else if (!metal_run_one())
		arch_relax();
}

/* --- what CPUs do ----------------------------------------------------------------------------------------------------- */

/* A stack for a task that has none yet, with the queue locked. False: it has to wait until another one ends. */
static bool give_stack(struct metal_task *task)
{
	if (queue.idle_stacks) {
		task->stack = queue.stacks[--queue.idle_stacks];
	} else if (queue.made < metal_task_stacks()) {
		task->stack = metal_stack_make(METAL_NO_CPU);
		queue.made++;
	}
	if (!task->stack)
		return false;
	task->at = arch_stack_frame(task->stack, begin);
	return true;
}

/* The first that has a stack or can have one. */
static struct metal_task *take(void)
{
	unsigned long state = lock_queue();
	struct metal_task *task = queue.first, *before = NULL;

	while (task && !task->stack && !give_stack(task)) {
		before = task;
		task = task->next;
	}
	if (task && before)
		before->next = task->next;
	else if (task)
		queue.first = task->next;
	if (task && queue.last == task)
		queue.last = before;
	unlock_queue(state);
	return task;
}

/* The task has left: only now may another CPU touch it. */
static void put_away(struct metal_task *task)
{
	unsigned long state = lock_queue();
	bool finished = task->state == FINISHED;

	if (finished)
		queue.stacks[queue.idle_stacks++] = task->stack;
	else if (task->state == SLEEPING && !task->woken)
		task->asleep = true;
	else
		append(task);
	if (task->state == SLEEPING)
		task->woken = false;
	unlock_queue(state);
	if (finished)
		__atomic_store_n(&task->done, 1, __ATOMIC_RELEASE);
}

bool metal_run_one(void)
{
	unsigned cpu = arch_cpu();
	struct metal_task *task = take();

	if (!task)
		return false;
	cpus[cpu].task = task;
	arch_switch(&cpus[cpu].road, task->at);
	cpus[cpu].task = NULL;
	put_away(task);
	return true;
}

bool metal_work_waits(void)
{
	return qi_peek(&queue.first) != NULL;
}

/* --- what anybody does ------------------------------------------------------------------------------------------------ */

void metal_queue(struct metal_task *task)
{
	unsigned long state = lock_queue();

	task->done = 0;
	task->stack = NULL;
	task->asleep = false;
	task->woken = false;
	append(task);
	unlock_queue(state);
	arch_wake_all();
}

void metal_wake(struct metal_task *task)
{
	unsigned long state = lock_queue();

	if (task->asleep) {
		task->asleep = false;
		append(task);
	} else {
		task->woken = true;
	}
	unlock_queue(state);
	arch_wake_all();
}

void metal_wait_for(const struct metal_task *task)
{
	while (!__atomic_load_n(&task->done, __ATOMIC_ACQUIRE))
		metal_yield();
}
