/* The background reclaimer: a task that sleeps until a node is short, from an engine's boot to its end. */
#include <quire/reclaim.h>

#include "kernel.h"

static struct metal_task task;
static uint32_t wanted, ending;
static bool running;

/* One for all nodes. */
static void reclaim(void *arg, unsigned worker)
{
	(void)arg;
	(void)worker;
	while (!__atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
		if (__atomic_exchange_n(&wanted, 0, __ATOMIC_ACQ_REL))
			quire_reclaim_tick(&metal.q, QUIRE_NO_NODE);
		else
			metal_sleep();
	}
}

/* The engine asks often; who was woken and has not come yet is not woken again. */
void metal_reclaimer_wake(void)
{
	if (running && !__atomic_exchange_n(&wanted, 1, __ATOMIC_ACQ_REL))
		metal_wake(&task);
}

void metal_reclaimer_start(void)
{
	ending = 0;
	wanted = 0;
	task = (struct metal_task){ .fn = reclaim };
	metal_queue(&task);
	running = true;
}

void metal_reclaimer_end(void)
{
	if (!running)
		return;
	running = false;
	__atomic_store_n(&ending, 1, __ATOMIC_RELEASE);
	metal_wake(&task);
	metal_wait_for(&task);
}
