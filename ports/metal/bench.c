/*
 * Instructions, not time: run under -icount shift=0, where the clock counts one nanosecond an instruction. Elsewhere
 * the figures are nanoseconds of whatever runs the kernel.
 */
#include "kernel.h"

#define PAIRS 10000u

static uint64_t empty_loop(void)
{
	uint64_t start = arch_now_ns();

	for (unsigned i = 0; i < PAIRS; i++)
		__asm__ volatile("" ::: "memory");
	return arch_now_ns() - start;
}

/* Hundredths of an instruction a pair, the loop itself taken off; QUIRE_PFN_NONE: it failed. */
static uint64_t pairs(unsigned order, uint64_t loop)
{
	uint64_t start = arch_now_ns(), pfn;

	for (unsigned i = 0; i < PAIRS; i++)
		if (quire_alloc_frames(&metal.q, 0, order, QUIRE_GFP_KERNEL, &pfn) != QUIRE_OK ||
		    quire_free_frames(&metal.q, pfn, order) != QUIRE_OK)
			return QUIRE_PFN_NONE;
	return qi_div64((arch_now_ns() - start - loop) * 100, PAIRS);
}

unsigned metal_test_bench(void)
{
	static const uint8_t orders[] = { 0, 3, 9 };
	uint64_t loop = empty_loop();

	for (int stage = 1; stage < QUIRE_STAGES; stage++)
		if (metal.q.costs[stage].name)
			metal_print("bench: boot stage %s %llu\n", metal.q.costs[stage].name,
				    (unsigned long long)metal.q.costs[stage].ns);
	metal_print("bench: boot to first allocation %llu\n", (unsigned long long)(metal.first_allocation_ns - metal.start_ns));
	for (size_t i = 0; i < QI_ARRAY_SIZE(orders); i++) {
		uint64_t cost = pairs(orders[i], loop);

		if (cost == QUIRE_PFN_NONE)
			return METAL_EXIT_FAILED;
		metal_print("bench: pair of order %u %llu.%02llu\n", orders[i], (unsigned long long)qi_div64(cost, 100),
			    (unsigned long long)qi_mod64(cost, 100));
	}
	return METAL_EXIT_OK;
}
