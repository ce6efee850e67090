/*
 * Random machines, random requests, a naive reference: one byte per frame says whether it is handed out. Machines have
 * one to three nodes with borders at odd frames, holes, any memory model, init policy, rules and page size. Each block
 * handed out must have been free, aligned, memory, of a node and zone the request allows; now and then everything is
 * counted and the engine's own checkers run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/quire.h>
#include <quire/report.h>

#include "hosted.h"

/* Fewer where each step is slow: gcc says so by a macro, clang by a feature. */
#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if SANITIZED
#define STEPS 6000u
#else
#define STEPS 100000u
#endif
#define MACHINES 40u
#define LIVE 3000u
#define MOST_FRAMES (96u << 8)		/* 96 MiB in 4 KiB frames */

struct block { quire_pfn_t pfn; unsigned order; };

static struct quire q;
static struct quire_machine machine;
static struct quire_memory_range map[16];
static struct quire_memory_affinity affinities[8];
static struct quire_cpu cpus[4];
static uint32_t domains[4];
static uint8_t taken[MOST_FRAMES];
static struct block live[LIVE];
static size_t live_count;
static uint64_t seed, initial, served;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 11) % n;
}

/* Nodes side by side, in bytes; between them and inside them holes, all at odd places. */
static void describe(void)
{
	const struct quire_machine_storage storage = {
		.map = map, .map_max = 16, .affinities = affinities, .affinity_max = 8,
		.cpus = cpus, .cpu_max = 4, .domains = domains, .domain_max = 4,
	};
	unsigned nodes = 1 + below(3);
	uint64_t at = 1 << 20;

	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &storage);
	for (unsigned n = 0; n < nodes; n++) {
		uint64_t end = at + (20ull << 20) + ((uint64_t)below(10 << 10) << 10);

		affinities[n] = (struct quire_memory_affinity){ .base = n ? at : 0, .size = end - (n ? at : 0), .domain = n,
								.flags = QUIRE_AFFINITY_ENABLED };
		while (at < end) {
			uint64_t size = ((uint64_t)below(12 << 10) << 10) + 65536;

			size = size < end - at ? size : end - at;
			quire_machine_add_range(&machine, at, size, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
			at += size + ((uint64_t)below(300) << 10);
			if (machine.map_count > 4 * (n + 1))
				break;
		}
		at = at > end ? at : end;
		affinities[n].size = at - affinities[n].base;
		domains[n] = n;
	}
	for (unsigned i = 0; i < 4; i++)
		cpus[i] = (struct quire_cpu){ .hwid = i, .domain = i % nodes, .enabled = true };
	machine.affinity_count = machine.domain_count = nodes;
	machine.cpu_count = 4;
}

static uint64_t free_now(void)
{
	uint64_t pages = 0;

	quire_drain_frames(&q);
	for (unsigned nid = 0; nid < q.topology.node_count; nid++)
		for (unsigned type = 0; q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone_counts counts;

			quire_zone_count(&q, &q.topology.nodes[nid]->zones[type], &counts);
			pages += counts.free_pages;
		}
	return pages;
}

static void mark(quire_pfn_t pfn, unsigned order, uint8_t from)
{
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		assert_true(at < MOST_FRAMES);
		assert_int_equal(taken[at], from);
		taken[at] = !from;
	}
}

static void take(void)
{
	static const quire_gfp_t kinds[] = {
		QUIRE_GFP_KERNEL, QUIRE_GFP_ATOMIC, QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_NOWAIT,
		QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE, QUIRE_GFP_KERNEL | QUIRE_GFP_DMA,
		QUIRE_GFP_KERNEL | QUIRE_GFP_MEMALLOC, QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE,
	};
	quire_gfp_t gfp = kinds[below(8)] | QUIRE_GFP_NOWARN;
	unsigned order = below(4) ? below(4) : below(14);
	int nid = (int)below(q.topology.node_count);
	const struct quire_zone *zone;
	quire_pfn_t pfn = 12345;
	enum quire_status status;

	if (!quire_topology_node(&q.topology, nid))
		return;
	quire_hosted_bind_cpu(below(4));
	status = quire_alloc_frames(&q, nid, order, gfp, &pfn);
	if (status != QUIRE_OK) {
		assert_int_equal(status, QUIRE_ENOMEM);
		assert_int_equal(pfn, 12345);
		return;
	}
	assert_int_equal(pfn % (1ull << order), 0);
	zone = quire_topology_zone_of(&q.topology, &q.memblock, pfn);
	assert_non_null(zone);
	if (gfp & QUIRE_GFP_THISNODE)
		assert_int_equal(zone->node->nid, nid);
	if (gfp & QUIRE_GFP_DMA)
		assert_int_equal(zone->type, QUIRE_ZONE_DMA);
	served++;
	mark(pfn, order, 0);
	live[live_count++] = (struct block){ pfn, order };
}

static void give(void)
{
	size_t i = below((unsigned)live_count);
	struct block block = live[i];

	quire_hosted_bind_cpu(below(4));
	assert_int_equal(quire_free_frames(&q, block.pfn, block.order), QUIRE_OK);
	mark(block.pfn, block.order, 1);
	live[i] = live[--live_count];
}

static void count_all(void)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < live_count; i++)
		pages += 1ull << live[i].order;
	assert_int_equal(free_now() + pages, initial);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

/* False: it could not be booted, as it should. */
static bool one_machine(unsigned number)
{
	static const unsigned shifts[] = { 12, 12, 14, 16 };
	struct quire_hosted_options options = { 0 };
	struct quire_config config;
	enum quire_status status;
	struct quire_hosted *host;

	quire_config_defaults(&config, QUIRE_ARCH_X86_64, number % 2 ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12);
	config.geometry.page_shift = shifts[below(4)];
	config.model = (enum quire_model)below(QUIRE_MODELS);
	config.init = (enum quire_init_policy)below(QUIRE_INIT_POLICIES);
	config.cpus = 4;
	config.thp = false;
	describe();
	options.config = &config;
	options.flags = below(2) ? QUIRE_HOSTED_OUTSIDE_METADATA : 0;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &machine, quire_hosted_platform(host)), QUIRE_OK);
	status = quire_boot(&q);
	if (status != QUIRE_OK) {
		/* Not every model can describe every machine. */
		assert_int_equal(status, QUIRE_EUNSUPPORTED);
		quire_fini(&q);
		quire_hosted_destroy(host);
		return false;
	}
	memset(taken, 0, sizeof(taken));
	/* Fronts and the first descriptors come out of free memory on first use where metadata is inside. */
	initial = free_now();
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned full = step / 5000 % 2 ? 8 : 5;

		if (live_count < LIVE && (!live_count || below(12) < full))
			take();
		else
			give();
		if (options.flags && step % 10000 == 0)
			count_all();
	}
	assert_int_equal(quire_check(&q), QUIRE_OK);
	while (live_count)
		give();
	if (options.flags)
		count_all();
	assert_int_equal(quire_check(&q), QUIRE_OK);
	quire_fini(&q);
	quire_hosted_destroy(host);
	return true;
}

static void random_machines(void **state)
{
	unsigned booted = 0;

	(void)state;
	for (unsigned i = 0; i < MACHINES; i++) {
		seed = 88172645463325252ull + i * 7919;
		booted += one_machine(i);
	}
	assert_true(booted > MACHINES / 2);
	assert_true(served > (uint64_t)booted * STEPS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_machines) };

	return cmocka_run_group_tests_name("machines", tests, NULL, NULL);
}
