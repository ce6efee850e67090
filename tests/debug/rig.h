/*
 * A machine of this process's own pages for the debug features: 64 MiB, a hole, two CPUs, metadata in its own frames or
 * outside. The rig keeps which frames are in the direct map, and fails a test in which the engine asks for others.
 */
#ifndef TESTS_DEBUG_RIG_H
#define TESTS_DEBUG_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <quire/debug.h>
#include <quire/contig.h>
#include <quire/explain.h>
#include <quire/frames.h>
#include <quire/pages.h>
#include <quire/quire.h>
#include <quire/report.h>

#ifndef RAM_SIZE
#define RAM_SIZE (64ull << 20)
#endif
#define HOLE_BASE (40ull << 20)
#define HOLE_SIZE (2ull << 20)
#define FRAMES (RAM_SIZE / 4096)

static char *ram;
static struct quire q;
static uint8_t unmapped[FRAMES];
static uint64_t clock_ns, who;
static unsigned rig_cpu;
static bool rig_shuffle;			/* page_alloc.shuffle of the next boot */
static char logged[4096];		/* since the last call of rig_logged() */
static unsigned fail_meta;		/* which call from now on fails; 0: none */

static void *rig_phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	if (phys >= RAM_SIZE || size > RAM_SIZE - phys)
		return NULL;
	for (quire_phys_t at = phys >> 12; at <= (phys + size - 1) >> 12; at++)
		assert_false(unmapped[at]);
	return ram + phys;
}

static inline void rig_set_mapped(void *ctx, quire_phys_t phys, quire_phys_t size, bool mapped)
{
	(void)ctx;
	for (quire_phys_t at = phys >> 12; at < (phys + size) >> 12; at++) {
		assert_int_equal(unmapped[at], mapped);
		unmapped[at] = !mapped;
	}
}

static void *rig_meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	void *memory = NULL;

	(void)ctx; (void)nid;
	if (fail_meta && !--fail_meta)
		return NULL;
	assert_int_equal(posix_memalign(&memory, align < 64 ? 64 : align, size), 0);
	return memset(memory, 0, size);
}

static void rig_meta_free(void *ctx, void *address, size_t size) { (void)ctx; (void)size; free(address); }
static void rig_panic(void *ctx, const char *text) { (void)ctx; fail_msg("%s", text); abort(); }
static unsigned rig_enter(void *ctx, unsigned long *state) { (void)ctx; (void)state; return rig_cpu; }
static void rig_leave(void *ctx, unsigned long state) { (void)ctx; (void)state; }
static void rig_barrier(void *ctx) { (void)ctx; }
static uint64_t rig_now(void *ctx) { (void)ctx; return clock_ns += 1000; }
static uint64_t rig_caller(void *ctx) { (void)ctx; return who; }
static void rig_log(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	size_t used = strlen(logged);

	(void)ctx;
	if (level <= QUIRE_LOG_WARNING && used + len + 2 < sizeof(logged))
		snprintf(logged + used, sizeof(logged) - used, "%s\n", text);
}

static const struct quire_platform rig_defaults = {
	.phys_to_virt = rig_phys_to_virt, .panic = rig_panic, .log = rig_log, .cpu_enter = rig_enter, .cpu_leave = rig_leave,
	.barrier_all = rig_barrier, .now_ns = rig_now, .caller = rig_caller,
};
static struct quire_platform rig_platform;
static struct quire_memory_range rig_map[4];
static struct quire_reservation rig_reservations[4];
static struct quire_machine rig_machine;

static enum quire_status rig_boot(const struct quire_debug_options *debug, bool outside)
{
	const struct quire_machine_storage storage = { .map = rig_map, .map_max = 4, .reservations = rig_reservations,
							.reservation_max = 4 };
	struct quire_config config;
	enum quire_status status;

	memset(unmapped, 0, sizeof(unmapped));
	logged[0] = '\0';
	clock_ns = who = rig_cpu = 0;
	quire_machine_init(&rig_machine, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(&rig_machine, 0, HOLE_BASE, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(&rig_machine, HOLE_BASE + HOLE_SIZE, RAM_SIZE - HOLE_BASE - HOLE_SIZE, QUIRE_MEMORY_RAM, 0,
				QUIRE_NO_NODE);
	quire_machine_add_reservation(&rig_machine, &(struct quire_reservation){
		.base = 1 << 20, .size = 1 << 20, .kind = QUIRE_RESERVE_KERNEL, .name = "kernel" });
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.model = QUIRE_MODEL_SPARSEMEM_EXTREME;
	config.cpus = 2;
	config.thp = false;
	config.options.debug = *debug;
	config.options.shuffle = rig_shuffle;
	rig_platform.meta_alloc = outside ? rig_meta_alloc : NULL;
	rig_platform.meta_free = outside ? rig_meta_free : NULL;
	status = quire_init(&q, &config, &rig_machine, &rig_platform);
	status = status == QUIRE_OK ? quire_boot(&q) : status;
	logged[0] = '\0';
	return status;
}

/* Has it been said? The log is empty afterwards. */
static inline bool rig_logged(const char *text)
{
	bool found = strstr(logged, text) != NULL;

	if (!found)
		print_message("not logged: '%s', but:\n%s", text, logged);
	logged[0] = '\0';
	return found;
}

static inline uint64_t free_pages(void)
{
	uint64_t pages = 0;

	assert_int_equal(quire_drain_frames(&q), QUIRE_OK);
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		struct quire_zone_counts counts;

		quire_zone_count(&q, &q.topology.nodes[0]->zones[type], &counts);
		pages += counts.free_pages;
	}
	return pages;
}

static inline quire_pfn_t take(unsigned order)
{
	quire_pfn_t pfn = QUIRE_PFN_NONE;

	assert_int_equal(quire_alloc_frames(&q, 0, order, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	return pfn;
}

static inline void give(quire_pfn_t pfn, unsigned order) { assert_int_equal(quire_free_frames(&q, pfn, order), QUIRE_OK); }

static int rig_setup(void **state)
{
	(void)state;
	rig_platform = rig_defaults;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return ram == MAP_FAILED;
}

static int rig_teardown(void **state)
{
	(void)state;
	quire_fini(&q);
	return munmap(ram, RAM_SIZE);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif
