/*
 * pfn to descriptor and back over scattered frames whose descriptors are in the cache: what the lookup itself costs, one
 * after the other without waiting, and each waiting for the one before. CPU time. Compiled twice, once with the model
 * pinned at compile time.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>

#include "memmap_rig.h"

#define GIB ((uint64_t)1 << 30)
#define FRAMES 256u
#define ROUNDS 20000u
#define RUNS 9

static struct rig rig;
static quire_pfn_t frames[FRAMES];

static void choose_frames(void)
{
	uint64_t seed = 88172645463325252u;

	for (unsigned i = 0; i < FRAMES; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		frames[i] = (4 * GIB >> 12) + seed % (GIB >> 12);
	}
}

/* One lookup there and back, as the compiler makes it: what to look at for branches. */
quire_pfn_t bench_round_trip(const struct quire_memmap *m, quire_pfn_t pfn);
quire_pfn_t bench_round_trip(const struct quire_memmap *m, quire_pfn_t pfn)
{
	return quire_page_to_pfn(m, quire_pfn_to_page(m, pfn));
}

struct cost {
	double free, waiting;		/* nanoseconds of a round trip */
};

static quire_pfn_t all_free(const struct quire_memmap *m)
{
	quire_pfn_t sum = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		struct quire_page *page = quire_pfn_to_page(m, frames[i]);

		/* Where the descriptor is must really be worked out. */
		__asm__ volatile("" : "+r"(page));
		sum += quire_page_to_pfn(m, page);
	}
	return sum;
}

/* `zero` is a mystery to the compiler, so that every lookup needs the result of the last. */
static quire_pfn_t all_waiting(const struct quire_memmap *m, quire_pfn_t zero)
{
	quire_pfn_t pfn = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		struct quire_page *page = quire_pfn_to_page(m, frames[i] + (pfn & zero));

		__asm__ volatile("" : "+r"(page));
		pfn = quire_page_to_pfn(m, page);
	}
	return pfn;
}

/* Picoseconds of a round trip. */
static uint64_t once(bool wait)
{
	const struct quire_memmap *m = &rig.q.memmap;
	quire_pfn_t zero = 0, sum = 0;
	uint64_t start = rig_cpu(), ns;

	for (unsigned round = 0; round < ROUNDS; round++) {
		__asm__ volatile("" : "+r"(zero));
		sum += wait ? all_waiting(m, zero) : all_free(m);
		__asm__ volatile("" : "+r"(sum));
	}
	ns = rig_cpu() - start;
	rig_check(sum != 0, "round trip");
	return ns * 1000 / ((uint64_t)ROUNDS * FRAMES);
}

static double median_of(bool wait)
{
	uint64_t runs[RUNS];

	for (unsigned run = 0; run < RUNS; run++)
		runs[run] = once(wait);
	return (double)rig_median(runs, RUNS) / 1000;
}

static struct cost measure(enum quire_model model)
{
	struct cost cost;

	rig_make(&rig, 8 * GIB, 2, model, QUIRE_INIT_EAGER, RIG_FLAT);
	rig.q.config.geometry.physmem_bits = 46;
	rig_boot(&rig, QUIRE_STAGE_LATE);
	cost.free = median_of(false);
	cost.waiting = median_of(true);
	rig_drop(&rig);
	return cost;
}

int main(void)
{
	choose_frames();
#ifdef QUIRE_PIN_MODEL
	struct cost cost = measure(QUIRE_PIN_MODEL);

	printf("pfn to descriptor to pfn, pinned sparse-vmemmap  goal <= 2 ns  "
	       "%.2f ns (%.2f ns each waiting for the one before)\n", cost.free, cost.waiting);
#else
	struct cost vmemmap = measure(QUIRE_MODEL_SPARSEMEM_VMEMMAP);

	for (unsigned model = 0; model < QUIRE_MODELS; model++) {
		struct cost cost = measure(model);

		printf("pfn to descriptor to pfn, %-15s  goal <= 3 x vmemmap  %.2f ns, %.2f x (waiting: %.2f ns, %.2f x)\n",
		       quire_model_name(model), cost.free, cost.free / vmemmap.free, cost.waiting,
		       cost.waiting / vmemmap.waiting);
	}
#endif
	return 0;
}
