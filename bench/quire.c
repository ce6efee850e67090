/*
 * Quire behind the yardstick of page-frame allocators (adapter.h): a zone with its free tree and per-CPU fronts,
 * watermarks at zero because the yardstick fills memory to the last frame.
 */
//! CFLAGS: -Iinclude -Isrc -ffreestanding -ffunction-sections
//! SRCS: src/zone/tree.c src/zone/tree_add.c src/zone/tree_alloc.c src/zone/tree_directory.c src/zone/tree_free.c src/zone/tree_type.c
//! SRCS: src/zone/front.c src/zone/front_cpus.c src/zone/front_size.c src/zone/front_words.c src/zone/tree_withhold.c src/zone/node.c
//! SRCS: src/boot/meta.c src/base/lock.c src/base/log.c src/base/format.c src/base/division.c
//! LDFLAGS: -Wl,--gc-sections
#include "adapter.h"

#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "zone/front.h"

#ifndef ADAPTER_NAME
#define ADAPTER_NAME "quire"
#endif
#define MEMBARRIER_PRIVATE_EXPEDITED 8
#define MEMBARRIER_REGISTER_PRIVATE_EXPEDITED 16

static struct {
	struct qi_zone zone;
	unsigned char *next, *end;	/* metadata not used yet */
} Z;

static void *meta_alloc(void *ctx, size_t bytes)
{
	unsigned char *memory = Z.next;

	(void)ctx;
	bytes = (bytes + 63) & ~(size_t)63;
	if ((size_t)(Z.end - Z.next) < bytes)
		return NULL;
	Z.next += bytes;
	return memory;
}

static const struct qi_tree_hooks hooks = { .meta_alloc = meta_alloc };

static void barrier_all(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0);
}

/* A zone without a machine is not watched: never called. */
void qi_debug_needed(struct quire *q, quire_pfn_t pfn, uint64_t count)
{
	(void)q; (void)pfn; (void)count;
}

static const struct quire_platform platform = { .barrier_all = barrier_all };

/* Every node there can be. */
static size_t metadata_bytes(uint64_t frames, unsigned cpus)
{
	uint64_t leaves = (frames / 512 / 64 + 2) * 64, mids = (frames / 512 / 512 / 64 + 2) * 64;

	return leaves * sizeof(struct qi_node) + mids * sizeof(struct qi_upper) + qi_fronts_bytes(cpus) + 65536;
}

static bool init(const struct bench_mem *mem)
{
	struct qi_tree_config config = {
		.start_pfn = 0, .span = mem->frames, .max_order = 10, .pageblock_order = 9, .page_shift = 12,
		.hooks = &hooks,
	};
	struct qi_front *fronts;

	memset(&Z, 0, sizeof(Z));
	syscall(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	Z.next = mem->meta;
	Z.end = mem->meta + mem->meta_bytes;
	Z.zone.platform = &platform;
	fronts = meta_alloc(NULL, qi_fronts_bytes(mem->cpus));
	qi_fronts_init(&Z.zone, fronts, mem->cpus);
	qi_fronts_tune(&Z.zone, mem->frames);
	return qi_tree_init(&Z.zone.tree, &config) == QUIRE_OK &&
	       qi_tree_add_free(&Z.zone.tree, 0, mem->frames) == QUIRE_OK;
}

static __attribute__((noinline)) uint64_t alloc_slow(unsigned cpu, unsigned order)
{
	const struct qi_request request = { .order = order, .type = QUIRE_MIGRATE_MOVABLE };
	quire_pfn_t pfn;

	return qi_front_alloc_slow(&Z.zone, cpu, &request, &pfn) == QUIRE_OK ? pfn : BENCH_NONE;
}

static uint64_t alloc_block(unsigned cpu, unsigned order)
{
	quire_pfn_t pfn = qi_front_take(&Z.zone, cpu, order, QUIRE_MIGRATE_MOVABLE);

	return pfn != QUIRE_PFN_NONE ? pfn : alloc_slow(cpu, order);
}

static void free_block(unsigned cpu, uint64_t frame, unsigned order)
{
	qi_front_free(&Z.zone, cpu, frame, order);
}

static void drain(void)
{
	qi_front_drain_all(&Z.zone);
}

const struct adapter the_adapter = {
	.name = ADAPTER_NAME,
	.max_order = 18,
	.thread_safe = true,
	.metadata_bytes = metadata_bytes,
	.init = init,
	.alloc = alloc_block,
	.free = free_block,
	.drain = drain,
};
