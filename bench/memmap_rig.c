/* Machines for the benchmarks of the memmap; see memmap_rig.h. */
#define _GNU_SOURCE
#include "memmap_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define GIB ((uint64_t)1 << 30)
#define MIB ((uint64_t)1 << 20)

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rig_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t rig_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t rig_median(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

void rig_check(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "memmap bench: %s failed\n", what);
		exit(1);
	}
}

#if defined(__x86_64__)
#include <emmintrin.h>

uint64_t rig_stream(void *at, uint64_t bytes)
{
	__m128i value = _mm_set_epi64x(0, 1);
	uint64_t start = rig_cpu();

	for (char *p = at, *end = p + bytes; p < end; p += 64)
		for (unsigned i = 0; i < 64; i += 16)
			_mm_stream_si128((__m128i *)(p + i), value);
	_mm_sfence();
	return rig_cpu() - start;
}
#else
uint64_t rig_stream(void *at, uint64_t bytes)
{
	uint64_t start = rig_cpu();

	memset(at, 1, bytes);
	return rig_cpu() - start;
}
#endif

static enum quire_status flat_map(void *ctx, void *va, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)va;
	(void)phys;
	(void)size;
	return QUIRE_OK;
}

static void flat_unmap(void *ctx, void *va, quire_phys_t size)
{
	(void)ctx;
	(void)va;
	(void)size;
}

/* The hosted platform with a window of our own. */
static void flat_window(struct rig *rig, uint64_t end)
{
	rig->window_size = (size_t)((end >> 12) * rig->config.page_stride + 2 * MIB);
	rig->window = mmap(NULL, rig->window_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);
	rig_check(rig->window != MAP_FAILED, "reserving address space");
	rig->platform.vmemmap_base = (void *)(((uintptr_t)rig->window + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
	rig->platform.vmemmap_size = rig->window_size - 2 * MIB;
	rig->platform.vmemmap_map = flat_map;
	rig->platform.vmemmap_unmap = flat_unmap;
}

static uint64_t lay_out(struct rig *rig, uint64_t bytes, unsigned nodes)
{
	uint64_t low = bytes < 2 * GIB ? bytes : 2 * GIB, end = bytes - low + 4 * GIB, per_node = bytes / nodes;

	rig->map[0] = (struct quire_memory_range){ .base = MIB, .size = low - MIB, .nid = QUIRE_NO_NODE };
	rig->map[1] = (struct quire_memory_range){ .base = 4 * GIB, .size = bytes - low, .nid = QUIRE_NO_NODE };
	rig->machine.map = rig->map;
	rig->machine.map_count = rig->machine.map_max = bytes > low ? 2 : 1;
	rig->machine.affinities = rig->affinities;
	rig->machine.domains = rig->domains;
	for (unsigned node = 0; node < nodes; node++) {
		uint64_t base = node ? per_node * node + (end - bytes) : 0, top = per_node * (node + 1) + (end - bytes);

		rig->affinities[node] = (struct quire_memory_affinity){ base, top - base, node, QUIRE_AFFINITY_ENABLED };
		rig->domains[node] = node;
	}
	rig->machine.affinity_count = rig->machine.affinity_max = nodes > 1 ? nodes : 0;
	rig->machine.domain_count = rig->machine.domain_max = nodes > 1 ? nodes : 0;
	return bytes > low ? end : low;
}

void rig_make(struct rig *rig, uint64_t bytes, unsigned nodes, enum quire_model model, enum quire_init_policy init,
	      enum rig_window window)
{
	struct quire_hosted_options options = { .config = &rig->config };
	uint64_t end;

	memset(rig, 0, sizeof(*rig));
	quire_config_defaults(&rig->config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	rig->config.geometry.physmem_bits = 52;
	rig->config.model = model;
	rig->config.init = init;
	rig->machine.arch = QUIRE_ARCH_X86_64;
	end = lay_out(rig, bytes, nodes);
	if (window == RIG_FLAT)
		options.flags = QUIRE_HOSTED_NO_VMEMMAP;
	rig_check(quire_hosted_create_machine(&rig->machine, &options, &rig->host) == QUIRE_OK, "making a machine");
	rig->platform = *quire_hosted_platform(rig->host);
	if (window == RIG_FLAT)
		flat_window(rig, end);
	rig_check(quire_init(&rig->q, &rig->config, &rig->machine, &rig->platform) == QUIRE_OK, "init");
}

void rig_drop(struct rig *rig)
{
	if (rig->window)
		munmap(rig->window, rig->window_size);
	quire_hosted_destroy(rig->host);
}

void rig_boot(struct rig *rig, enum quire_boot_stage stage)
{
	rig_check(quire_boot_until(&rig->q, stage) == QUIRE_OK, "boot");
}

static void touch(struct rig *rig, quire_pfn_t start, quire_pfn_t end)
{
	char *at = (char *)quire_pfn_to_page(&rig->q.memmap, start);

	for (uint64_t offset = 0; offset < (end - start) << rig->q.memmap.stride_shift; offset += 4096)
		*(volatile char *)(at + offset) = 0;
}

void rig_touch(struct rig *rig)
{
	const struct quire_memmap *m = &rig->q.memmap;

	for (size_t i = 0; i < m->flat_count; i++)
		touch(rig, m->flat[i].start, m->flat[i].end);
	for (size_t i = 0; i < m->run_count; i++)
		for (uint64_t s = m->runs[i].start; s < m->runs[i].end; s++)
			touch(rig, s << m->section_pfn_shift, (s + 1) << m->section_pfn_shift);
}

void rig_row(const char *what, const char *goal, const char *format, ...)
{
	va_list arguments;

	printf("%-66s goal %-14s ", what, goal);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}
