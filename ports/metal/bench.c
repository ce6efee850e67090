/*
 * Instructions, not time: run under -icount shift=0, where the clock counts one nanosecond an instruction. Elsewhere the
 * figures are nanoseconds of whatever runs the kernel.
 *
 * Pairs are counted twice: as anybody's request, with its walk over zones, flags and counters, and in the zone's per-CPU
 * front alone, where the pair of a caller that knows its zone ends up.
 */
#include "kernel.h"
#include "zone/front.h"

#define PAIRS 10000u

static uint64_t empty_loop(void)
{
	uint64_t start = arch_now_ns();

	for (unsigned i = 0; i < PAIRS; i++)
		__asm__ volatile("" ::: "memory");
	return arch_now_ns() - start;
}

static bool request_pair(unsigned order)
{
	quire_pfn_t pfn;

	return quire_alloc_frames(&metal.q, 0, order, QUIRE_GFP_KERNEL, &pfn) == QUIRE_OK &&
	       quire_free_frames(&metal.q, pfn, order) == QUIRE_OK;
}

static bool front_pair(struct qi_zone *za, unsigned order)
{
	const struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_UNMOVABLE };
	unsigned long state = arch_irq_save();
	unsigned cpu = arch_cpu();
	quire_pfn_t pfn;
	bool good = qi_front_alloc(za, cpu, &request, &pfn) == QUIRE_OK && qi_front_free(za, cpu, pfn, order) == QUIRE_OK;

	arch_irq_restore(state);
	return good;
}

static void print_pairs(const char *what, unsigned order, uint64_t start, uint64_t loop)
{
	uint64_t cost = qi_div64((arch_now_ns() - start - loop) * 100, PAIRS);

	metal_print("bench: %s pair of order %u %llu.%02llu\n", what, order, (unsigned long long)qi_div64(cost, 100),
		    (unsigned long long)qi_mod64(cost, 100));
}

static bool pairs(unsigned order, uint64_t loop)
{
	struct qi_zone *za = NULL;
	uint64_t start;

	for (int type = 0; type <= QUIRE_ZONE_NORMAL; type++)
		if (qi_zone_of(&metal.q.topology.nodes[0]->zones[type]))
			za = qi_zone_of(&metal.q.topology.nodes[0]->zones[type]);
	if (!za || !request_pair(order))
		return false;
	start = arch_now_ns();
	for (unsigned i = 0; i < PAIRS; i++)
		if (!request_pair(order))
			return false;
	print_pairs("request", order, start, loop);
	start = arch_now_ns();
	for (unsigned i = 0; i < PAIRS; i++)
		if (!front_pair(za, order))
			return false;
	print_pairs("front", order, start, loop);
	return true;
}

static void print_boot(void)
{
	static const char *const steps[METAL_STEPS] = {
		[METAL_STEP_OPTIONS] = "command line", [METAL_STEP_FIRMWARE] = "firmware", [METAL_STEP_MAPPED] = "direct map",
		[METAL_STEP_CPUS] = "CPUs", [METAL_STEP_ENGINE] = "engine", [METAL_STEP_FIRST] = "first allocation",
	};

	for (int step = METAL_STEP_BEGIN + 1; step < METAL_STEPS; step++)
		metal_print("bench: step %s %llu\n", steps[step],
			    (unsigned long long)(metal.step_ns[step] - metal.step_ns[step - 1]));
	for (int stage = 1; stage < QUIRE_STAGES; stage++)
		if (metal.q.costs[stage].name)
			metal_print("bench: stage %s %llu\n", metal.q.costs[stage].name,
				    (unsigned long long)metal.q.costs[stage].ns);
	metal_print("bench: boot to first allocation %llu\n",
		    (unsigned long long)(metal.step_ns[METAL_STEP_FIRST] - metal.step_ns[METAL_STEP_BEGIN]));
}

unsigned metal_test_bench(void)
{
	static const uint8_t orders[] = { 0, 3, 9 };
	uint64_t loop = empty_loop();

	print_boot();
	for (size_t i = 0; i < QI_ARRAY_SIZE(orders); i++)
		if (!pairs(orders[i], loop)) {
			metal_print("bench: no block of order %u\n", orders[i]);
			return METAL_EXIT_FAILED;
		}
	return METAL_EXIT_OK;
}
