/*
 * Memory that comes and goes: what the books cost. A machine of 16 GiB without memory behind it, metadata on the heap, a
 * window of descriptors that is mapped already; LAZY, so that no descriptor is written. CPU time, medians where repeated.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <quire/hotplug.h>
#include <quire/quire.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define TIB ((uint64_t)1 << 40)
#define BASE TIB
#define BLOCK (128 * MIB)
#define RUNS 64

static struct quire q;
static struct quire_machine machine;
static struct quire_memory_range map[2];
static struct quire_platform platform;

static void *meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	void *memory = aligned_alloc(align < 64 ? 64 : align, (size + 63) / 64 * 64);

	(void)ctx;
	(void)nid;
	return memory ? memset(memory, 0, size) : NULL;
}

static void meta_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	(void)size;
	free(address);
}

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)phys;
	(void)size;
	return NULL;
}

static void panic(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

static enum quire_status map_nothing(void *ctx, void *va, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)va;
	(void)phys;
	(void)size;
	return QUIRE_OK;
}

static void unmap_nothing(void *ctx, void *va, quire_phys_t size)
{
	(void)ctx;
	(void)va;
	(void)size;
}

static void need(enum quire_status status, const char *what)
{
	if (status == QUIRE_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, quire_status_string(status));
	exit(1);
}

static void boot(void)
{
	const struct quire_machine_storage storage = { .map = map, .map_max = 2 };
	struct quire_config config;

	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(&machine, 0, 16 * GIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP;
	config.init = QUIRE_INIT_LAZY;
	config.cpus = 1;
	config.options.memhp_online_given = true;
	platform = (struct quire_platform){
		.phys_to_virt = phys_to_virt, .panic = panic, .meta_alloc = meta_alloc, .meta_free = meta_free,
		.vmemmap_map = map_nothing, .vmemmap_unmap = unmap_nothing, .vmemmap_size = 3 * TIB >> 12 << 4,
	};
	platform.vmemmap_base = mmap(NULL, platform.vmemmap_size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(quire_init(&q, &config, &machine, &platform), "init");
	need(quire_boot(&q), "boot");
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_us(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	return (double)values[n / 2] / 1e3;
}

static void add(quire_phys_t base, quire_phys_t size, quire_phys_t block)
{
	struct quire_memory_add request = { .base = base, .size = size, .nid = 0, .block_size = block };

	need(quire_memory_add(&q, &request, NULL), "add");
}

static double add_blocks(uint64_t first, uint64_t end)
{
	uint64_t start = now();

	for (uint64_t i = first; i < end; i++)
		add(BASE + i * BLOCK, BLOCK, BLOCK);
	return (double)(now() - start);
}

/* All blocks of a TiB, one call each. */
static void add_by_blocks(void)
{
	uint64_t total = TIB / BLOCK, eighth = total / 8, start;
	double first = add_blocks(0, eighth), middle = add_blocks(eighth, total - eighth);
	double last = add_blocks(total - eighth, total);

	printf("add 1 TiB, %" PRIu64 " calls of 128 MiB: %.2f ms (goal 10); "
	       "a block in the first eighth %.0f ns, in the last %.0f ns\n",
	       total, (first + middle + last) / 1e6, first / (double)eighth, last / (double)eighth);
	start = now();
	need(quire_memory_remove(&q, BASE, TIB, NULL), "remove");
	printf("remove 1 TiB in one call: %.2f ms\n", (double)(now() - start) / 1e6);
}

static void add_at_once(void)
{
	uint64_t start = now();

	add(BASE, TIB, BLOCK);
	printf("add 1 TiB in one call: %.2f ms\n", (double)(now() - start) / 1e6);
	start = now();
	for (uint64_t i = 0; i < TIB / BLOCK; i++)
		need(quire_memory_online(&q, (BASE + i * BLOCK) >> 12, BLOCK >> 12, QUIRE_ONLINE_MOVABLE, NULL), "online");
	printf("put its blocks on line, one call each: %.2f us a block\n",
	       (double)(now() - start) / 1e3 / (double)(TIB / BLOCK));
	start = now();
	for (uint64_t i = 0; i < TIB / BLOCK; i++)
		need(quire_memory_offline(&q, (BASE + i * BLOCK) >> 12, BLOCK >> 12, NULL), "offline");
	printf("take them off line, one call each: %.2f us a block\n",
	       (double)(now() - start) / 1e3 / (double)(TIB / BLOCK));
	need(quire_memory_remove(&q, BASE, TIB, NULL), "remove");
}

/* One untouched block, of several sizes. */
static void cycle(quire_phys_t size)
{
	static uint64_t on[RUNS], off[RUNS];
	quire_pfn_t pfn = BASE >> 12;

	add(BASE, 2 * size, size);
	need(quire_memory_online(&q, (BASE + size) >> 12, size >> 12, QUIRE_ONLINE_MOVABLE, NULL), "online");
	for (unsigned i = 0; i < RUNS; i++) {
		uint64_t start = now();

		need(quire_memory_online(&q, pfn, size >> 12, QUIRE_ONLINE_MOVABLE, NULL), "online");
		on[i] = now() - start;
		start = now();
		need(quire_memory_offline(&q, pfn, size >> 12, NULL), "offline");
		off[i] = now() - start;
	}
	printf("an untouched block of %5" PRIu64 " MiB: on line %.2f us, off line %.2f us\n", (uint64_t)(size / MIB),
	       median_us(on, RUNS), median_us(off, RUNS));
	need(quire_memory_offline(&q, (BASE + size) >> 12, size >> 12, NULL), "offline");
	need(quire_memory_remove(&q, BASE, 2 * size, NULL), "remove");
}

int main(void)
{
	boot();
	add_by_blocks();
	add_at_once();
	cycle(BLOCK);
	cycle(GIB);
	cycle(16 * GIB);
	need(quire_check(&q), "check");
	quire_fini(&q);
	return 0;
}
