/*
 * Boot that does not grow with memory, and descriptors as fast as memory takes them. Each row prints its goal and what
 * this host gives; medians, ratios from one run. Where one thread works it is its CPU time, where several do it is the
 * wall clock's.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memmap_rig.h"

#define GIB ((uint64_t)1 << 30)
#define TIB ((uint64_t)1 << 40)
#define RUNS 9

static struct rig rig;

/* --- lazy boot ------------------------------------------------------------------------------------------------------ */

struct lazy_boot {
	uint64_t ns, resident;
};

/* Firmware map to the first frame with its descriptor, in memory that an earlier boot of the kind has touched. */
static uint64_t boot_once(uint64_t bytes, unsigned nodes, uint64_t *resident)
{
	uint64_t start, ns;
	quire_pfn_t pfn;

	rig_make(&rig, bytes, nodes, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, RIG_HOSTED);
	/* The first boot touches what boots touch; the second, from the same state, is measured. */
	rig_boot(&rig, QUIRE_STAGE_LATE);
	*resident = quire_hosted_resident(rig.host);
	rig_check(quire_init(&rig.q, &rig.config, &rig.machine, &rig.platform) == QUIRE_OK, "second init");
	start = rig_cpu();
	rig_boot(&rig, QUIRE_STAGE_LATE);
	rig_check(quire_alloc_frames(&rig.q, 0, 0, 0, &pfn) == QUIRE_OK, "allocation");
	rig_check(quire_memmap_prepare(&rig.q, pfn, 1) == QUIRE_OK, "descriptor");
	ns = rig_cpu() - start;
	rig_check(quire_pfn_initialised(&rig.q.memmap, pfn), "descriptor of the first frame");
	rig_drop(&rig);
	return ns;
}

static struct lazy_boot lazy_boot(uint64_t bytes, unsigned nodes)
{
	struct lazy_boot result = { 0 };
	uint64_t times[RUNS];

	for (unsigned run = 0; run < RUNS; run++)
		times[run] = boot_once(bytes, nodes, &result.resident);
	result.ns = rig_median(times, RUNS);
	return result;
}

static void boots(void)
{
	struct lazy_boot small = lazy_boot(64 * GIB, 8), large = lazy_boot(64 * TIB, 8);
	double ratio = (double)large.ns / (double)small.ns;

	rig_row("lazy boot, 64 TiB in 8 nodes, map to first frame, host pages warm", "<= 1 ms", "%.3f ms",
		(double)large.ns / 1e6);
	rig_row("  against 64 GiB in 8 nodes", "<= 1.5 x", "%.2f x (%.3f ms)", ratio, (double)small.ns / 1e6);
	rig_row("engine metadata resident after it", "<= 1 MiB", "%.2f MiB (64 GiB: %.2f MiB)",
		(double)large.resident / 1048576, (double)small.resident / 1048576);
}

/* --- first allocation from an untouched pageblock ------------------------------------------------------------------- */

#define BLOCKS 2048u

/*
 * Mean nanoseconds to allocate an untouched pageblock and have its descriptors: blocks are taken from the zone several at a
 * time, so that a median would leave out who pays.
 */
static uint64_t first_touch(enum rig_window window)
{
	uint64_t start, ns;
	quire_pfn_t pfn;

	rig_make(&rig, 64 * GIB, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, window);
	rig_boot(&rig, QUIRE_STAGE_LATE);
	if (window == RIG_FLAT)
		for (size_t at = 0; at < rig.window_size; at += 4096)
			*((volatile char *)rig.window + at) = 0;
	start = rig_cpu();
	for (unsigned i = 0; i < BLOCKS; i++) {
		rig_check(quire_alloc_frames(&rig.q, 0, 9, 0, &pfn) == QUIRE_OK, "allocation");
		rig_check(quire_pfn_initialised(&rig.q.memmap, pfn + 511), "descriptors");
	}
	ns = rig_cpu() - start;
	rig_check(rig.q.memmap.stats.initialised >= BLOCKS * 512, "descriptors of every block");
	rig_drop(&rig);
	return ns / BLOCKS;
}

/* Non-temporal stores over as many descriptors at scattered places of as much memory. */
static uint64_t stream_block(void)
{
	static uint64_t times[BLOCKS];
	uint64_t size = 256u << 20, seed = 88172645463325252u;
	char *memory = aligned_alloc(2u << 20, size);

	rig_check(memory != NULL, "memory");
	for (uint64_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	for (unsigned i = 0; i < BLOCKS; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		times[i] = rig_stream(memory + (seed % (size / 8192)) * 8192, 512 * 16);
	}
	free(memory);
	return rig_median(times, BLOCKS);
}

static void demand(void)
{
	uint64_t stream = stream_block(), engine = first_touch(RIG_FLAT), hosted = first_touch(RIG_HOSTED);

	rig_row("lazy: untouched pageblock, allocation and 512 descriptors", "<= 3 x NT",
		"%.2f x (%" PRIu64 " ns; NT stores %" PRIu64 " ns)", (double)engine / (double)stream, engine, stream);
	rig_row("  with the hosted port's mmap and page faults", "-", "%.2f x (%" PRIu64 " ns)",
		(double)hosted / (double)stream, hosted);
}

/* --- throughput ------------------------------------------------------------------------------------------------------ */

#define SAMPLE (128 * GIB)
/* Descriptors of the frames above 4 GiB. */
#define SAMPLE_STREAMED ((SAMPLE - 2 * GIB) >> 8)

/* Each worker's own CPU time: how well the work is shared out, whatever else runs on the host. */
#define MOST_WORKERS 8u
static struct shared_work {
	void (*fn)(void *arg, unsigned worker);
	void *arg;
	uint64_t cpu[MOST_WORKERS];
} shared;
static void (*real_parallel)(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers);

static void timed_worker(void *arg, unsigned worker)
{
	uint64_t start = rig_cpu();

	(void)arg;
	shared.fn(shared.arg, worker);
	shared.cpu[worker] = rig_cpu() - start;
}

static void timed_parallel(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers)
{
	shared = (struct shared_work){ .fn = fn, .arg = arg };
	real_parallel(ctx, timed_worker, NULL, workers);
}

/* How many times faster than one worker these were, had each had a CPU to itself. */
static double sharing(void)
{
	uint64_t sum = 0, most = 1;

	for (unsigned i = 0; i < MOST_WORKERS; i++) {
		sum += shared.cpu[i];
		most = shared.cpu[i] > most ? shared.cpu[i] : most;
	}
	return (double)sum / (double)most;
}

/* `workers` write all descriptors that DEFERRED leaves to them; 0: the eager road writes all. */
static double init_once(unsigned workers, uint64_t *stream_ns)
{
	enum quire_init_policy init = workers ? QUIRE_INIT_DEFERRED : QUIRE_INIT_EAGER;
	const struct quire_memmap_stats *stats = &rig.q.memmap.stats;
	uint64_t start, ns, written;

	rig_make(&rig, SAMPLE, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, init, RIG_FLAT);
	rig.q.config.workers = workers;
	real_parallel = rig.platform.run_parallel;
	rig.platform.run_parallel = timed_parallel;
	rig_boot(&rig, QUIRE_STAGE_SECTIONS);
	rig_touch(&rig);
	if (stream_ns)
		*stream_ns = rig_stream(quire_pfn_to_page(&rig.q.memmap, 4 * GIB >> 12), SAMPLE_STREAMED);
	if (workers)
		rig_boot(&rig, QUIRE_STAGE_WATERMARKS);
	start = workers ? rig_now() : rig_cpu();
	rig_boot(&rig, workers ? QUIRE_STAGE_LATE : QUIRE_STAGE_DESCRIPTORS);
	ns = (workers ? rig_now() : rig_cpu()) - start;
	written = stats->initialised - (workers ? stats->initialised_early : 0);
	rig_drop(&rig);
	return (double)(written * 16) / (double)ns;
}

/* Host bandwidth by two threads, to know whether two workers can be faster. */
struct stream_share {
	char *at;
	uint64_t bytes;
};

static void stream_worker(void *arg, unsigned worker)
{
	struct stream_share *share = arg;

	rig_stream(share->at + worker * share->bytes, share->bytes);
}

static double stream_parallel(unsigned workers)
{
	uint64_t size = 512u << 20, start, ns;
	struct stream_share share = { .bytes = size / workers };

	rig_make(&rig, GIB, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, RIG_FLAT);
	share.at = aligned_alloc(2u << 20, size);
	rig_check(share.at != NULL, "memory");
	for (uint64_t at = 0; at < size; at += 4096)
		share.at[at] = 1;
	start = rig_now();
	rig.platform.run_parallel(rig.platform.ctx, stream_worker, &share, workers);
	ns = rig_now() - start;
	free(share.at);
	rig_drop(&rig);
	return (double)size / (double)ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void throughput(void)
{
	double eager[RUNS], one[RUNS], two[RUNS], shares[RUNS], stream[RUNS], stream_one[RUNS], stream_two[RUNS];

	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t ns;

		eager[run] = init_once(0, &ns);
		stream[run] = (double)SAMPLE_STREAMED / (double)ns;
		one[run] = init_once(1, NULL);
		two[run] = init_once(2, NULL);
		shares[run] = sharing();
		stream_one[run] = stream_parallel(1);
		stream_two[run] = stream_parallel(2);
	}
	rig_row("eager, 512 MiB of descriptors, one worker, memory touched", ">= 80 % of NT",
		"%.0f %% (%.2f GB/s; NT stores %.2f GB/s)", 100 * median(eager, RUNS) / median(stream, RUNS),
		median(eager, RUNS), median(stream, RUNS));
	rig_row("deferred, two workers against one", ">= 1.6 x",
		"%.2f x (%.2f and %.2f GB/s; NT stores of two threads %.2f x)", median(two, RUNS) / median(one, RUNS),
		median(two, RUNS), median(one, RUNS), median(stream_two, RUNS) / median(stream_one, RUNS));
	rig_row("  CPU time of both against the longer one's", ">= 1.6 x", "%.2f x", median(shares, RUNS));
}

/* --- descriptors at full use, static table --------------------------------------------------------------------------- */

static void full_use(void)
{
	rig_make(&rig, 64 * GIB, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER, RIG_FLAT);
	rig_boot(&rig, QUIRE_STAGE_SECTIONS);
	rig_row("descriptors at full use, per TiB", "4 GiB", "%.2f GiB",
		(double)rig.q.memmap.stats.descriptor_bytes * 16 / GIB);
	rig_drop(&rig);
}

/* Median time of the section stage under a static table. */
static uint64_t static_table(uint64_t bytes, unsigned bits)
{
	uint64_t times[RUNS * 3];

	for (unsigned run = 0; run < RUNS * 3; run++) {
		rig_make(&rig, bytes, 1, QUIRE_MODEL_SPARSEMEM, QUIRE_INIT_EAGER, RIG_FLAT);
		rig.q.config.geometry.physmem_bits = bits;
		rig_boot(&rig, QUIRE_STAGE_SECTIONS);
		times[run] = rig.q.costs[QUIRE_STAGE_SECTIONS].ns;
		rig_drop(&rig);
	}
	return rig_median(times, RUNS * 3);
}

static void tables(void)
{
	uint64_t narrow = static_table(GIB, 40), wide = static_table(GIB, 50), large = static_table(16 * GIB, 50);

	rig_row("static table, 1 GiB: 2^23 against 2^13 entries", "about 1 x", "%.2f x (%.1f and %.1f us; 16 GiB: %.1f us)",
		(double)wide / (double)narrow, (double)wide / 1e3, (double)narrow / 1e3, (double)large / 1e3);
}

int main(void)
{
	boots();
	demand();
	throughput();
	full_use();
	tables();
	return 0;
}
