/*
 * A machine to plan, small enough for one test: ledger, firmware's records, configuration and topology in one struct, with
 * storage from the C library and all messages kept. Each test executable includes this once.
 */
#ifndef TEST_TOPOLOGY_FIXTURE_H
#define TEST_TOPOLOGY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/config.h>
#include <quire/machine.h>
#include <quire/memblock.h>
#include <quire/topology.h>
#include <quire/watermark.h>

#define RANGES_MAX 512

struct fixture {
	struct quire_config config;
	struct quire_machine machine;
	struct quire_memblock mb;
	struct quire_topology t;
	struct quire_watermark_state state;
	struct quire_platform platform;
	char log[1 << 16];
	size_t log_length;
	int allocations_left;		/* -1: endless; each allocation takes one, at 0 they fail */
	void *allocated[4096];
	size_t allocated_count;
	struct quire_memory_range map[RANGES_MAX];
	struct quire_memory_affinity affinities[4096];
	struct quire_cpu cpus[RANGES_MAX];
	uint32_t domains[RANGES_MAX];
	uint8_t distances[64 * 64];
};

static inline void fixture_log(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	struct fixture *f = ctx;

	(void)level;
	if (f->log_length + len + 2 > sizeof(f->log))
		return;
	memcpy(f->log + f->log_length, text, len);
	f->log[f->log_length + len] = '\n';
	f->log_length += len + 1;
	f->log[f->log_length] = 0;
}

static inline void fixture_panic(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("panic: %s", text);
	abort();
}

/* All the engine asks for, also when the ledger's tables outgrow the struct. */
static inline void *fixture_meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	struct fixture *f = ctx;
	void *memory;

	(void)align;
	(void)nid;
	if (f->allocations_left == 0)
		return NULL;
	if (f->allocations_left > 0)
		f->allocations_left--;
	assert_true(f->allocated_count < sizeof(f->allocated) / sizeof(f->allocated[0]));
	memory = calloc(1, size ? size : 1);
	f->allocated[f->allocated_count++] = memory;
	return memory;
}

static inline struct fixture *fixture_new(enum quire_arch arch, enum quire_rules rules)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct quire_machine_storage storage = {
		.map = f->map, .map_max = RANGES_MAX,
		.affinities = f->affinities, .affinity_max = 4096,
		.cpus = f->cpus, .cpu_max = RANGES_MAX,
		.domains = f->domains, .domain_max = RANGES_MAX,
		.distances = f->distances, .distance_max = 64,
	};

	f->allocations_left = -1;
	f->platform.ctx = f;
	f->platform.log = fixture_log;
	f->platform.panic = fixture_panic;
	f->platform.meta_alloc = fixture_meta_alloc;
	quire_config_defaults(&f->config, arch, rules);
	quire_machine_init(&f->machine, arch, &storage);
	f->mb.platform = &f->platform;
	quire_memblock_allow_resize(&f->mb);
	f->t.config = &f->config;
	f->t.machine = &f->machine;
	f->t.alloc = fixture_meta_alloc;
	f->t.alloc_ctx = f;
	f->t.platform = &f->platform;
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->allocated_count; i++)
		free(f->allocated[i]);
	free(f);
}

static inline void add_memory(struct fixture *f, quire_phys_t start, quire_phys_t end)
{
	assert_int_equal(quire_memblock_add(&f->mb, start, end - start), QUIRE_OK);
}

static inline void add_memory_node(struct fixture *f, quire_phys_t start, quire_phys_t end, int nid)
{
	assert_int_equal(quire_memblock_add_node(&f->mb, start, end - start, nid, QUIRE_MEMBLOCK_NONE), QUIRE_OK);
}

static inline void add_affinity(struct fixture *f, uint32_t domain, quire_phys_t start, quire_phys_t end, uint32_t flags)
{
	struct quire_memory_affinity record = { .base = start, .size = end - start, .domain = domain,
						.flags = flags | QUIRE_AFFINITY_ENABLED };

	assert_int_equal(quire_machine_add_affinity(&f->machine, &record), QUIRE_OK);
}

static inline void add_cpu(struct fixture *f, uint32_t domain)
{
	struct quire_cpu cpu = { .hwid = f->machine.cpu_count, .domain = domain, .enabled = true };

	assert_int_equal(quire_machine_add_cpu(&f->machine, &cpu), QUIRE_OK);
}

/*
 * A topology whose nodes are set by hand: the node ids in the ledger decide which nodes there are. For tests of what comes
 * after numa_init.
 */
static inline void nodes_from_ledger(struct fixture *f)
{
	struct quire_pfn_range range;
	size_t index;

	f->t.numa_on = true;
	quire_memblock_for_each_pfn_range(&f->mb, index, QUIRE_NO_NODE, f->config.geometry.page_shift, &range) {
		struct quire_node *node;

		assert_in_range(range.nid, 0, QUIRE_MAX_NODES - 1);
		node = f->t.nodes[range.nid];
		if (!node) {
			node = f->t.nodes[range.nid] = fixture_meta_alloc(f, sizeof(*node), 8, range.nid);
			node->nid = range.nid;
			for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
				node->zones[type].type = (enum quire_zone_type)type;
				node->zones[type].node = node;
			}
			node->start_pfn = range.start;
		}
		if ((unsigned)range.nid >= f->t.node_count)
			f->t.node_count = (unsigned)range.nid + 1;
		node->end_pfn = range.end;
		node->online = node->has_memory = true;
	}
}

static inline void plan_zones(struct fixture *f)
{
	assert_int_equal(quire_topology_zone_limits(&f->t, &f->mb), QUIRE_OK);
	assert_int_equal(quire_topology_zone_spans(&f->t, &f->mb), QUIRE_OK);
	assert_int_equal(quire_topology_zonelists(&f->t), QUIRE_OK);
	if (quire_check_topology(&f->t, &f->mb))
		fail_msg("check: %s", f->log);
}

static inline void plan_all(struct fixture *f)
{
	assert_int_equal(quire_topology_numa_init(&f->t, &f->mb), QUIRE_OK);
	plan_zones(f);
}

/* "0 2 1": the fallback order of a node. */
static inline void assert_fallback(const struct fixture *f, int nid, const char *expected)
{
	const struct quire_node *node = quire_topology_node(&f->t, nid);
	char text[256] = "";

	assert_non_null(node);
	for (size_t i = 0; i < node->fallback_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), i ? " %d" : "%d", node->fallback[i]);
	assert_string_equal(text, expected);
}

static inline void assert_logged(const struct fixture *f, const char *line)
{
	if (!strstr(f->log, line))
		fail_msg("not logged: \"%s\"; log:\n%s", line, f->log);
}

static inline void assert_not_logged(const struct fixture *f, const char *line)
{
	if (strstr(f->log, line))
		fail_msg("logged, but should not be: \"%s\"; log:\n%s", line, f->log);
}

#endif
