/*
 * Arbitrary firmware records and options -> nodes, zones, lists and watermarks. Nothing may fail but for want of memory, the
 * checkers must be content afterwards, and at most 1 MiB of memory may end up outside all nodes.
 *
 * Input: 16 bytes of options, then 16-byte records: kind, domain, flags, and two 32-bit numbers scaled to addresses.
 */
#include <stdlib.h>
#include <string.h>

#include <quire/config.h>
#include <quire/machine.h>
#include <quire/memblock.h>
#include <quire/topology.h>
#include <quire/watermark.h>

#define RECORDS_MAX 256
#define ALLOCATIONS_MAX 8192

struct arena {
	void *block[ALLOCATIONS_MAX];
	size_t count;
};

struct input {
	struct quire_config config;
	struct quire_machine machine;
	struct quire_memblock mb;
	struct quire_topology topology;
	struct quire_watermark_state state;
	struct quire_platform platform;
	struct arena arena;
	struct quire_memory_range map[RECORDS_MAX];
	struct quire_memory_affinity affinities[RECORDS_MAX];
	struct quire_cpu cpus[RECORDS_MAX];
	uint32_t domains[2 * RECORDS_MAX];
	uint8_t distances[64 * 64];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *take(void *ctx, size_t size, size_t align, int nid)
{
	struct arena *arena = ctx;

	(void)align;
	(void)nid;
	if (arena->count == ALLOCATIONS_MAX)
		return NULL;
	return arena->block[arena->count++] = calloc(1, size ? size : 1);
}

static uint32_t word(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static quire_phys_t address(uint32_t value)
{
	/* 31 bits of 64 KiB steps; with the top bit set, odd bytes and the whole 64-bit space. */
	return value >> 31 ? (quire_phys_t)value * 0x1000001ull : (quire_phys_t)value << 16;
}

static void set_options(struct input *in, const uint8_t *data)
{
	struct quire_boot_options *options = &in->config.options;

	options->numa = (enum quire_numa_mode)(data[2] % 5);
	options->numa_fake_count = data[3];
	options->numa_fake_size = (quire_phys_t)data[4] << 24;
	options->movable_node = data[5] & 1;
	options->kernelcore_mirror = data[5] >> 1 & 1;
	options->kernelcore = (struct quire_amount){ .given = data[5] >> 2 & 1, .bytes = (quire_phys_t)word(data + 8) << 8 };
	options->movablecore = (struct quire_amount){ .given = data[5] >> 3 & 1, .percent = data[6] };
	options->highmem_given = data[5] >> 4 & 1;
	options->highmem = (quire_phys_t)data[7] << 24;
	options->vmalloc = (quire_phys_t)data[12] << 24;
	in->machine.dma_limit = address(word(data + 12));
	in->config.cpus = data[13] % 32;
	in->mb.mirror_wanted = options->kernelcore_mirror;
}

static void add_record(struct input *in, const uint8_t *record)
{
	quire_phys_t base = address(word(record + 8)), length = address(word(record + 12));
	uint32_t domain = word(record + 2) % 300;

	switch (record[0] % 8) {
	case 0:
	case 1:
		quire_memblock_add(&in->mb, base, length);
		quire_machine_add_range(&in->machine, base, length, QUIRE_MEMORY_RAM, 0, record[1] % 20 - 1);
		break;
	case 2:
		quire_memblock_reserve(&in->mb, base, length);
		break;
	case 3:
		quire_memblock_mark_mirror(&in->mb, base, length);
		break;
	case 4:
		quire_machine_add_cpu(&in->machine, &(struct quire_cpu){ .hwid = base,
									 .domain = domain,
									 .enabled = record[1] & 1,
									 .initiator = record[1] & 2 });
		break;
	case 5:
		quire_machine_set_distance(&in->machine, domain, record[1], record[6]);
		break;
	default:
		quire_machine_add_affinity(&in->machine,
					   &(struct quire_memory_affinity){
						   .base = base, .size = length, .domain = domain, .flags = record[1] });
	}
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Memory no zone has: tolerated below 1 MiB on NUMA machines, and where the architecture cannot reach it (i386). */
static void check_nothing_lost(const struct input *in)
{
	uint64_t present = 0, memory = 0;
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(&in->mb, index, QUIRE_NO_NODE, 12, &range)
		memory += range.end - range.start;
	for (unsigned nid = 0; nid < in->topology.node_count; nid++)
		present += in->topology.nodes[nid] ? in->topology.nodes[nid]->present : 0;
	require(present <= memory);
	if (in->config.zone_mask & 1u << QUIRE_ZONE_HIGHMEM)
		return;
	require(memory - present < 256);
}

static void plan(struct input *in)
{
	struct quire_topology *t = &in->topology;

	if (quire_topology_numa_init(t, &in->mb))
		return;
	require(quire_check_memblock(&in->mb) == QUIRE_OK);
	if (quire_topology_zone_limits(t, &in->mb)) {
		require(quire_memblock_phys_mem_size(&in->mb) == 0);
		return;
	}
	require(quire_topology_zone_spans(t, &in->mb) == QUIRE_OK);
	if (quire_topology_zonelists(t))
		return;
	quire_watermarks_init(t, &in->config.tunables, &in->state);
	quire_watermarks_thp(t, &in->config.tunables, &in->state);
	require(quire_check_topology(t, &in->mb) == QUIRE_OK);
	check_nothing_lost(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input *in;
	struct quire_machine_storage storage;

	if (size < 16)
		return 0;
	in = calloc(1, sizeof(*in));
	storage = (struct quire_machine_storage){
		.map = in->map, .map_max = RECORDS_MAX, .affinities = in->affinities, .affinity_max = RECORDS_MAX,
		.cpus = in->cpus, .cpu_max = RECORDS_MAX, .domains = in->domains, .domain_max = 2 * RECORDS_MAX,
		.distances = in->distances, .distance_max = 64,
	};
	quire_config_defaults(&in->config, (enum quire_arch)(data[0] % QUIRE_ARCHES), (enum quire_rules)(data[1] & 1));
	quire_machine_init(&in->machine, in->config.arch, &storage);
	in->platform = (struct quire_platform){ .ctx = &in->arena, .meta_alloc = take };
	in->mb.platform = &in->platform;
	quire_memblock_allow_resize(&in->mb);
	in->topology = (struct quire_topology){ .config = &in->config, .machine = &in->machine, .alloc = take,
						.alloc_ctx = &in->arena, .platform = &in->platform };
	set_options(in, data);
	for (size_t at = 16, count = 0; at + 16 <= size && count < RECORDS_MAX; at += 16, count++)
		add_record(in, data + at);
	plan(in);
	for (size_t i = 0; i < in->arena.count; i++)
		free(in->arena.block[i]);
	free(in);
	return 0;
}
