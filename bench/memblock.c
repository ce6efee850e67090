/*
 * How fast the ledger is in the patterns boot is made of, on a simulated terabyte. Prints the median CPU time of
 * several runs each.
 *
 *   random: 10,000 reserves at random addresses, then 10,000 allocations among them
 *   append: 100,000 ranges reserved / added in rising order, none touching
 *   end:    100,000 allocations from the top, and from the bottom, whose alignment keeps them from merging
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <quire/memblock.h>

#define RAM_BASE ((quire_phys_t)1 << 20)
#define RAM_SIZE ((quire_phys_t)1 << 40)
#define RUNS 7

static struct quire_memblock mb;
static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Only tables are ever touched, so the terabyte stays unpopulated. */
static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)size;
	return (char *)ctx + phys;
}

static void check(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "memblock bench: %s failed\n", what);
		exit(1);
	}
}

static void random_then_allocate(void)
{
	for (int i = 0; i < 10000; i++)
		check(!quire_memblock_reserve(&mb, next_random() % RAM_SIZE, 64 + next_random() % 65536), "reserve");
	for (int i = 0; i < 10000; i++)
		check(quire_memblock_phys_alloc(&mb, 64 + next_random() % 65536, 64), "allocation");
}

static void append_reserved(void)
{
	for (quire_phys_t i = 0; i < 100000; i++)
		check(!quire_memblock_reserve(&mb, RAM_BASE + i * 8192, 4096), "reserve");
}

static void append_memory(void)
{
	for (quire_phys_t i = 0; i < 100000; i++)
		check(!quire_memblock_add(&mb, RAM_BASE + RAM_SIZE + (i + 1) * 8192, 4096), "add");
}

static void allocate_from_top(void)
{
	for (int i = 0; i < 100000; i++)
		check(quire_memblock_phys_alloc(&mb, 100, 64), "allocation");
}

static void allocate_from_bottom(void)
{
	quire_memblock_set_bottom_up(&mb, true);
	allocate_from_top();
}

static void allocate_packed(void)
{
	for (int i = 0; i < 100000; i++)
		check(quire_memblock_phys_alloc(&mb, 4096, 4096), "allocation");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const struct quire_platform *platform, const char *name, void (*pattern)(void))
{
	double times[RUNS];

	for (int run = 0; run < RUNS; run++) {
		double start;

		memset(&mb, 0, sizeof(mb));
		mb.platform = platform;
		seed = 88172645463325252u;
		check(!quire_memblock_add(&mb, RAM_BASE, RAM_SIZE), "add");
		quire_memblock_allow_resize(&mb);
		start = now_ms();
		pattern();
		times[run] = now_ms() - start;
		check(quire_check_memblock(&mb) == QUIRE_OK, "checker");
	}
	qsort(times, RUNS, sizeof(*times), compare);
	printf("memblock %-44s %8.2f ms  (%zu memory, %zu reserved regions)\n", name, times[RUNS / 2], mb.memory.cnt,
	       mb.reserved.cnt);
}

int main(void)
{
	struct quire_platform platform = { .phys_to_virt = phys_to_virt };

	platform.ctx = mmap(NULL, RAM_BASE + RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
	check(platform.ctx != MAP_FAILED, "reserving address space");
	measure(&platform, "10,000 random reserves, 10,000 allocations", random_then_allocate);
	measure(&platform, "append 100,000 reserved", append_reserved);
	measure(&platform, "append 100,000 memory", append_memory);
	measure(&platform, "allocate 100,000 from the top, unmerged", allocate_from_top);
	measure(&platform, "allocate 100,000 from the bottom, unmerged", allocate_from_bottom);
	measure(&platform, "allocate 100,000 from the top, merging", allocate_packed);
	return 0;
}
