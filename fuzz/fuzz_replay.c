/*
 * A hostile log replayed through the ledger: the machine is a fixed one, the calls are the fuzzer's. The ledger's
 * invariants hold after every such boot.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <quire/quire.h>

#include "../tools/quire/linux/ledger.h"
#include "../tools/quire/verify/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *no_mapping(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)phys;
	(void)size;
	return NULL;
}

static void broken(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
	abort();
}

/* The engine's metadata of one run: all of it goes when the run ends. */
struct arena {
	LIST(void *) chunks;
};

static void *arena_alloc(void *ctx, size_t size, size_t align, int nid)
{
	struct arena *arena = ctx;
	void **chunk = LIST_ADD(&arena->chunks);

	(void)nid;
	if (!chunk)
		return NULL;
	if (posix_memalign(chunk, align < sizeof(void *) ? sizeof(void *) : align, size ? size : 1) != 0)
		return *chunk = NULL;
	return memset(*chunk, 0, size);
}

static void arena_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	(void)address;
	(void)size;
}

static void boot(struct arena *arena, const struct observed *o)
{
	struct quire_memory_range map[] = {
		{ 0x1000, 0x9e000, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE },
		{ 0x100000, 0x7fe00000, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE },
		{ 0x100000000, 0x80000000, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE },
	};
	struct quire_machine machine = { .arch = QUIRE_ARCH_X86_64, .map = map, .map_count = 3, .map_max = 3 };
	struct quire_platform platform = { .ctx = arena,
					   .phys_to_virt = no_mapping,
					   .panic = broken,
					   .meta_alloc = arena_alloc,
					   .meta_free = arena_free };
	struct quire *q = calloc(1, sizeof(*q));
	struct linux_ledger ledger = { 0 };
	struct quire_config config;

	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	if (q && quire_init(q, &config, &machine, &platform) == QUIRE_OK &&
	    quire_boot_until(q, QUIRE_STAGE_MEMBLOCK) == QUIRE_OK) {
		if (linux_ledger_make(&ledger, q, o, NULL, NULL) == QUIRE_OK)
			quire_boot_until(q, QUIRE_STAGE_ZONES);
		if (quire_check_memblock(&q->memblock) != QUIRE_OK)
			abort();
		linux_ledger_free(&ledger);
	}
	free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct observed o;

	if (size > 1 << 16 || observed_from_log(&o, data, size) != QUIRE_OK)
		return 0;
	boot(&arena, &o);
	for (size_t i = 0; i < arena.chunks.count; i++)
		free(arena.chunks.items[i]);
	LIST_FREE(&arena.chunks);
	observed_free(&o);
	return 0;
}
