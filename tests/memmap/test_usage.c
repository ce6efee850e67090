/* Where boot puts usage maps, and what it says where that is not where they belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <quire/quire.h>

#include "hosted.h"

#define GIB ((quire_phys_t)1 << 30)
#define NODES 4u
#define SECTION ((quire_phys_t)128 << 20)

static struct quire q;
static struct quire_hosted *host;
static char told[4096];

static void keep(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	size_t used = strlen(told);

	(void)ctx;
	(void)level;
	(void)length;
	if (strstr(text, "usage maps"))
		snprintf(told + used, sizeof(told) - used, "%s\n", text);
}

static struct quire_memory_range map[8];
static struct quire_machine machine;
static struct quire_config config;

/* Four nodes of a GiB each, twice, so that each node has two runs of sections. */
static void begin(enum quire_model model)
{
	struct quire_hosted_options options = { .config = &config, .log = keep };

	for (unsigned i = 0; i < 8; i++)
		map[i] = (struct quire_memory_range){ .base = (1 + i) * GIB, .size = GIB, .nid = (int)(i % NODES) };
	machine = (struct quire_machine){ .arch = QUIRE_ARCH_ARM64, .map = map, .map_count = 8, .map_max = 8 };
	quire_config_defaults(&config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_12);
	config.model = model;
	config.init = QUIRE_INIT_DEFERRED;
	told[0] = 0;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &machine, quire_hosted_platform(host)), QUIRE_OK);
	assert_int_equal(quire_boot_until(&q, QUIRE_STAGE_ZONES), QUIRE_OK);
}

static void end(void)
{
	quire_fini(&q);
	quire_hosted_destroy(host);
}

/* The section that holds this address of the direct map. */
static uint64_t section_of(const void *address)
{
	for (unsigned i = 0; i < 8; i++) {
		const char *base = q.platform->phys_to_virt(q.platform->ctx, map[i].base, map[i].size);

		if ((const char *)address >= base && (const char *)address < base + map[i].size)
			return (map[i].base + (quire_phys_t)((const char *)address - base)) / SECTION;
	}
	fail_msg("not in the machine");
	return 0;
}

static uint64_t map_section(unsigned i)
{
	return section_of(quire_section(&q.memmap, map[i].base / SECTION)->usage);
}

static void test_with_the_node(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++) {
		begin((enum quire_model)model);
		assert_int_equal(quire_boot(&q), QUIRE_OK);
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(map_section(i), section_of(q.topology.nodes[i % NODES]));
		assert_string_equal(told, "");
		end();
	}
}

/* Reserve what is free of [base, base + size). */
static void fill(quire_phys_t base, quire_phys_t size)
{
	assert_int_equal(quire_memblock_reserve(&q.memblock, base, size), QUIRE_OK);
}

/* That section is full: another one of the node; the two hold each other, and both runs of the node say so once. */
static void test_circular(void **state)
{
	uint64_t section;
	char expected[256];

	(void)state;
	begin(QUIRE_MODEL_SPARSEMEM_VMEMMAP);
	section = section_of(q.topology.nodes[1]);
	fill(section * SECTION, SECTION);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	assert_true(map_section(1) != section);
	assert_int_equal(map[map_section(1) / 8 - 1].nid, 1);
	snprintf(expected, sizeof(expected), "memmap: sections %llu and %llu of node 1 hold each other, one the usage maps, "
		 "one the node's descriptor: neither can be removed\n", (unsigned long long)map_section(1),
		 (unsigned long long)section);
	/* Once for the pair, although two runs have it. */
	assert_string_equal(told, expected);
	end();
}

/* The whole node is full: the maps lie on another. */
static void test_off_node(void **state)
{
	uint64_t section;

	(void)state;
	begin(QUIRE_MODEL_SPARSEMEM_EXTREME);
	section = section_of(q.topology.nodes[2]);
	fill(map[2].base, GIB);
	fill(map[6].base, GIB);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	assert_true(map_section(2) != section);
	assert_true(map[map_section(2) / 8 - 1].nid != 2);
	assert_non_null(strstr(told, "usage maps of node 2 lie on node"));
	assert_non_null(strstr(told, "cannot be removed before node 2"));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_the_node),
		cmocka_unit_test(test_circular),
		cmocka_unit_test(test_off_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
