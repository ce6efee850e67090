/*
 * A machine to plug memory into, on the hosted port: x86_64, sections and blocks of 8 MiB, pageblocks of 2 MiB.
 *
 *	node 0	[0, 128 MiB) RAM, a hole of 8 MiB at 24; [4 GiB, +512 MiB) for memory to come
 *	node 1	[1 GiB, +64 MiB) RAM; [5 GiB, +512 MiB) for memory to come
 *	node 2	nothing but [6 GiB, +512 MiB) for memory to come
 *
 * There is host memory behind all of it, so that frames that were plugged in can be written.
 */
#ifndef TEST_HOTPLUG_PLUG_H
#define TEST_HOTPLUG_PLUG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/hotplug.h>
#include <quire/quire.h>

#include "hosted.h"
#include "zone/tree.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define BLOCK (8 * MIB)
#define BLOCK_PAGES (BLOCK >> 12)
#define PLUG_BASE (4 * GIB)
#define PLUG_SIZE (512 * MIB)
#define PLUG_NODES 3
#define plug_base(nid) (PLUG_BASE + (quire_phys_t)(nid) * GIB)
#define plug_pfn(nid) (plug_base(nid) >> 12)

struct plug_setup {
	enum quire_rules rules;
	enum quire_model model;
	enum quire_init_policy init;
	uint32_t hosted_flags;
	unsigned cpus;
	bool movable_node;
};

struct plug {
	struct quire q;
	struct quire_machine machine;
	struct quire_config config;
	struct quire_memory_range map[8];
	struct quire_reservation reservations[4];
	struct quire_memory_affinity affinities[8];
	struct quire_cpu cpus[8];
	uint32_t domains[4];
	uint8_t distances[16];
	struct quire_hosted *hosted;
	char log[1 << 16];
	size_t log_length;
};

/* The models and policies this build can be: all sparse ones, or the pinned one. */
#ifdef QUIRE_PIN_MODEL
#define PLUG_FIRST_MODEL QUIRE_PIN_MODEL
#define PLUG_LAST_MODEL QUIRE_PIN_MODEL
#else
#define PLUG_FIRST_MODEL QUIRE_MODEL_SPARSEMEM
#define PLUG_LAST_MODEL QUIRE_MODEL_SPARSEMEM_VMEMMAP
#endif

static const struct plug_setup plug_ordinary = {
	.rules = QUIRE_RULES_6_12, .model = QUIRE_MODEL_SPARSEMEM_VMEMMAP, .init = QUIRE_INIT_LAZY, .cpus = 2,
	.hosted_flags = QUIRE_HOSTED_OUTSIDE_METADATA,
};

static inline void plug_log(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	struct plug *p = ctx;

	(void)level;
	if (getenv("PLUG_LOG"))
		print_message("%s\n", text);
	if (p->log_length + length + 2 > sizeof(p->log))
		p->log_length = 0;
	memcpy(p->log + p->log_length, text, length);
	p->log_length += length;
	p->log[p->log_length++] = '\n';
	p->log[p->log_length] = 0;
}

static inline void plug_describe(struct plug *p)
{
	const struct quire_machine_storage storage = {
		.map = p->map, .map_max = 8, .reservations = p->reservations, .reservation_max = 4,
		.affinities = p->affinities, .affinity_max = 8, .cpus = p->cpus, .cpu_max = 8,
		.domains = p->domains, .domain_max = 4, .distances = p->distances, .distance_max = 4,
	};
	struct quire_machine *m = &p->machine;

	quire_machine_init(m, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(m, 0, 24 * MIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(m, 32 * MIB, 96 * MIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(m, GIB, 64 * MIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(m, 3 * GIB, BLOCK, QUIRE_MEMORY_RESERVED, 0, QUIRE_NO_NODE);
	quire_machine_add_reservation(m, &(struct quire_reservation){
		.base = MIB, .size = 3 * MIB, .kind = QUIRE_RESERVE_KERNEL, .name = "kernel" });
	quire_machine_add_reservation(m, &(struct quire_reservation){
		.base = 98 * MIB, .size = 4096, .kind = QUIRE_RESERVE_INITRD, .name = "initrd" });
	quire_machine_add_affinity(m, &(struct quire_memory_affinity){
		.base = 0, .size = 128 * MIB, .domain = 0, .flags = QUIRE_AFFINITY_ENABLED });
	quire_machine_add_affinity(m, &(struct quire_memory_affinity){
		.base = GIB, .size = 64 * MIB, .domain = 1, .flags = QUIRE_AFFINITY_ENABLED });
	for (uint32_t nid = 0; nid < PLUG_NODES; nid++)
		quire_machine_add_affinity(m, &(struct quire_memory_affinity){
			.base = plug_base(nid), .size = PLUG_SIZE, .domain = nid,
			.flags = QUIRE_AFFINITY_ENABLED | QUIRE_AFFINITY_HOTPLUG });
	for (uint32_t cpu = 0; cpu < 4; cpu++)
		quire_machine_add_cpu(m, &(struct quire_cpu){ .hwid = cpu, .domain = cpu % 2, .enabled = true });
}

static inline void plug_make(struct plug *p, const struct plug_setup *setup)
{
	struct quire_hosted_options options = {
		.config = &p->config, .flags = setup->hosted_flags, .log = plug_log, .ctx = p
	};
	struct quire_hosted_range ranges[] = {
		{ 0, 128 * MIB }, { GIB, 64 * MIB }, { plug_base(0), PLUG_SIZE }, { plug_base(1), PLUG_SIZE },
		{ plug_base(2), PLUG_SIZE },
	};

	memset(p, 0, sizeof(*p));
	plug_describe(p);
	quire_config_defaults(&p->config, QUIRE_ARCH_X86_64, setup->rules);
	p->config.model = setup->model;
	p->config.init = setup->init;
	p->config.cpus = setup->cpus;
	p->config.geometry.section_shift = 23;
	p->config.geometry.physmem_bits = 34;
	p->config.options.movable_node = setup->movable_node;
	p->config.options.memhp_online_given = true;
	assert_int_equal(quire_hosted_create(ranges, 5, &options, &p->hosted), QUIRE_OK);
	assert_int_equal(quire_init(&p->q, &p->config, &p->machine, quire_hosted_platform(p->hosted)), QUIRE_OK);
	assert_int_equal(quire_boot(&p->q), QUIRE_OK);
}

static inline void plug_drop(struct plug *p)
{
	quire_fini(&p->q);
	assert_int_equal(quire_hosted_outside(p->hosted), 0);
	quire_hosted_destroy(p->hosted);
}

static inline struct quire_zone *plug_zone(struct plug *p, int nid, enum quire_zone_type type)
{
	return &p->q.topology.nodes[nid]->zones[type];
}

static inline enum quire_status plug_add(struct plug *p, int nid, uint64_t first_block, uint64_t blocks)
{
	struct quire_memory_add add = { .base = plug_base(nid) + first_block * BLOCK, .size = blocks * BLOCK, .nid = nid };

	return quire_memory_add(&p->q, &add, NULL);
}

static inline enum quire_status plug_online(struct plug *p, quire_pfn_t pfn, uint64_t blocks, enum quire_online_type type)
{
	return quire_memory_online(&p->q, pfn, blocks * BLOCK_PAGES, type, NULL);
}

static inline enum quire_status plug_offline(struct plug *p, quire_pfn_t pfn, uint64_t blocks)
{
	return quire_memory_offline(&p->q, pfn, blocks * BLOCK_PAGES, NULL);
}

static inline enum quire_status plug_remove(struct plug *p, quire_pfn_t pfn, uint64_t blocks)
{
	return quire_memory_remove(&p->q, pfn << 12, blocks * BLOCK, NULL);
}

static inline enum quire_block_state plug_state(struct plug *p, quire_pfn_t pfn)
{
	struct quire_block block;

	assert_int_equal(quire_block_at(&p->q, pfn, &block), QUIRE_OK);
	return block.state;
}

static inline void plug_check(struct plug *p)
{
	if (quire_check(&p->q) != QUIRE_OK)
		fail_msg("%s", p->log);
}

/* Free frames of a zone, those that CPUs keep included. */
static inline uint64_t plug_free(const struct quire_zone *zone)
{
	return (zone->tree ? qi_tree_free_pages(zone->tree) : 0) + quire_zone_kept_pages(zone);
}

#endif
