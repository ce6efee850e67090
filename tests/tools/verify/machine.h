/* A small machine for tests of replay and footprint: 2 nodes, 4 GiB in three ranges, metadata on the host. */
#ifndef TEST_VERIFY_MACHINE_H
#define TEST_VERIFY_MACHINE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

struct test_machine {
	struct quire_memory_range map[8];
	struct quire_memory_affinity affinities[8];
	struct quire_reservation reservations[4];
	uint32_t domains[4];
	struct quire_machine machine;
	struct quire_platform platform;
	struct quire_config config;
	struct quire q;
	void *chunks[4096];
	size_t chunk_count;
};

static inline void *test_no_mapping(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)phys;
	(void)size;
	return NULL;
}

static inline void test_panic(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("panic: %s", text);
	abort();
}

static inline void *test_meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	struct test_machine *m = ctx;
	void *memory = NULL;

	(void)nid;
	assert_true(m->chunk_count < sizeof(m->chunks) / sizeof(m->chunks[0]));
	assert_int_equal(posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size ? size : 1), 0);
	m->chunks[m->chunk_count++] = memory;
	return memset(memory, 0, size);
}

/* Everything goes with the machine. */
static inline void test_meta_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	(void)address;
	(void)size;
}

/* Node 0: 1 MiB .. 2 GiB, 4 GiB .. 5 GiB; node 1: 5 GiB .. 6 GiB. Booted up to the ledger. */
static inline struct test_machine *test_machine_new(enum quire_rules rules)
{
	const struct quire_memory_affinity affinities[] = {
		{ 0, 0x80000000, 0, QUIRE_AFFINITY_ENABLED },
		{ 0x100000000, 0x40000000, 0, QUIRE_AFFINITY_ENABLED },
		{ 0x140000000, 0x40000000, 1, QUIRE_AFFINITY_ENABLED },
	};
	struct test_machine *m = calloc(1, sizeof(*m));
	struct quire_machine_storage storage;

	assert_non_null(m);
	storage = (struct quire_machine_storage){ .map = m->map,
						  .map_max = 8,
						  .affinities = m->affinities,
						  .affinity_max = 8,
						  .reservations = m->reservations,
						  .reservation_max = 4,
						  .domains = m->domains,
						  .domain_max = 4 };
	quire_machine_init(&m->machine, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(&m->machine, 0x100000, 0x7ff00000, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(&m->machine, 0x100000000, 0x80000000, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	for (size_t i = 0; i < 3; i++)
		quire_machine_add_affinity(&m->machine, &affinities[i]);
	m->platform = (struct quire_platform){ .ctx = m,
					       .phys_to_virt = test_no_mapping,
					       .panic = test_panic,
					       .meta_alloc = test_meta_alloc,
					       .meta_free = test_meta_free };
	quire_config_defaults(&m->config, QUIRE_ARCH_X86_64, rules);
	assert_int_equal(quire_init(&m->q, &m->config, &m->machine, &m->platform), QUIRE_OK);
	assert_int_equal(quire_boot_until(&m->q, QUIRE_STAGE_MEMBLOCK), QUIRE_OK);
	return m;
}

static inline void test_machine_free(struct test_machine *m)
{
	for (size_t i = 0; i < m->chunk_count; i++)
		free(m->chunks[i]);
	free(m);
}

#endif
