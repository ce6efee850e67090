/*
 * The boot road, one stage a function, in the order in which memory becomes usable:
 *
 *	map -> memblock -> nodes -> zones -> sections -> descriptors -> hand-over -> watermarks -> late descriptors
 *
 * A stage that fails undoes what it did; the stage reached stays as it was, so that the caller may change something and try
 * again. quire_boot_until() lets an embedder reserve his own things between stages.
 */
#include <quire/quire.h>

#include "base/base.h"
#include "boot/handover.h"
#include "boot/ledger.h"
#include "boot/meta.h"
#include "cma/cma.h"
#include "device/device.h"
#include "hotplug/hotplug.h"
#include "poison/poison.h"
#include "zone/zone.h"

static void *topology_alloc(void *ctx, size_t size, size_t align, int nid)
{
	struct quire *q = ctx;

	return qi_meta_alloc(q, size, align, nid, &q->metadata.nodes);
}

static enum quire_status stage_memblock(struct quire *q)
{
	enum quire_status status = qi_ledger_fill(q);

	if (status == QUIRE_OK && q->memblock.memory.cnt == 0) {
		qi_log(q->platform, QUIRE_LOG_ERROR, "firmware reports no usable memory");
		status = QUIRE_ENOMEM;
	}
	if (status != QUIRE_OK) {
		q->memblock = (struct quire_memblock){ .platform = q->platform };
		q->cma_count = 0;
	}
	return status;
}

static enum quire_status stage_nodes(struct quire *q)
{
	enum quire_status status = quire_topology_numa_init(&q->topology, &q->memblock);

	if (status == QUIRE_OK) {
		qi_cma_place(q);
		qi_ledger_crashkernel(q);
	}
	return status;
}

static enum quire_status stage_zones(struct quire *q)
{
	enum quire_status status = quire_topology_zone_limits(&q->topology, &q->memblock);

	if (status == QUIRE_OK)
		status = quire_topology_zone_spans(&q->topology, &q->memblock);
	if (status == QUIRE_OK)
		status = quire_topology_zonelists(&q->topology);
	return status;
}

static enum quire_status stage_sections(struct quire *q)
{
	enum quire_status status = qi_memmap_present(q);

	return status == QUIRE_OK ? qi_memmap_populate(q) : status;
}

static enum quire_status stage_descriptors(struct quire *q)
{
	qi_ledger_gigantic(q);
	return qi_memmap_init(q);
}

static enum quire_status stage_watermarks(struct quire *q)
{
	const struct quire_tunables *tunables = &q->config.tunables;

	/* Requests are served from now on. */
	qi_frames_open(q);
	quire_lowmem_reserve_update(&q->topology, tunables);
	quire_watermarks_init(&q->topology, tunables, &q->watermarks);
	quire_watermarks_thp(&q->topology, tunables, &q->watermarks);
	qi_hotplug_init(q);
	return QUIRE_OK;
}

static const struct {
	const char *name;
	enum quire_status (*run)(struct quire *q);
} stages[QUIRE_STAGES] = {
	[QUIRE_STAGE_MEMBLOCK] = { "memblock", stage_memblock },
	[QUIRE_STAGE_NODES] = { "nodes", stage_nodes },
	[QUIRE_STAGE_ZONES] = { "zones", stage_zones },
	[QUIRE_STAGE_SECTIONS] = { "sections", stage_sections },
	[QUIRE_STAGE_DESCRIPTORS] = { "descriptors", stage_descriptors },
	[QUIRE_STAGE_HANDOVER] = { "hand-over", qi_hand_over },
	[QUIRE_STAGE_WATERMARKS] = { "watermarks", stage_watermarks },
	[QUIRE_STAGE_LATE] = { "late descriptors", qi_memmap_init_late },
};

enum quire_status quire_init(struct quire *q, const struct quire_config *config, const struct quire_machine *machine,
			     const struct quire_platform *platform)
{
	const char *why = "";
	enum quire_status status;

	if (!platform || !platform->phys_to_virt || !platform->panic || (platform->meta_alloc && !platform->meta_free)) {
		qi_log(platform, QUIRE_LOG_ERROR,
		       "platform: phys_to_virt and panic are needed, meta_alloc only with meta_free");
		return QUIRE_EINVAL;
	}
	status = quire_config_check(config, &why);
	if (status != QUIRE_OK) {
		qi_log(platform, QUIRE_LOG_ERROR, "configuration: %s", why);
		return status;
	}
	if (quire_arch(config) != machine->arch) {
		qi_log(platform, QUIRE_LOG_ERROR, "configuration is for %s, the machine is %s",
		       quire_arch_name(quire_arch(config)), quire_arch_name(machine->arch));
		return QUIRE_EINVAL;
	}
	memset(q, 0, sizeof(*q));
	q->config = *config;
	q->machine = machine;
	q->platform = platform;
	q->memblock.platform = platform;
	q->topology.config = &q->config;
	q->topology.machine = machine;
	q->topology.platform = platform;
	q->topology.alloc = topology_alloc;
	q->topology.alloc_ctx = q;
	return QUIRE_OK;
}

static uint64_t now(const struct quire *q)
{
	return q->platform->now_ns ? q->platform->now_ns(q->platform->ctx) : 0;
}

enum quire_status quire_boot_until(struct quire *q, enum quire_boot_stage last)
{
	while (q->stage < last && q->stage + 1 < QUIRE_STAGES) {
		enum quire_boot_stage next = q->stage + 1;
		struct qi_meta_chunk *mark = qi_meta_mark(q);
		uint64_t start = now(q);
		enum quire_status status = stages[next].run(q);

		if (status != QUIRE_OK) {
			qi_log(q->platform, QUIRE_LOG_ERROR, "boot stopped at stage %s: %s", stages[next].name,
			       quire_status_string(status));
			qi_meta_release(q, mark);
			return status;
		}
		q->costs[next] = (struct quire_stage_cost){ stages[next].name, now(q) - start };
		q->stage = next;
	}
	return QUIRE_OK;
}

enum quire_status quire_boot(struct quire *q)
{
	return quire_boot_until(q, QUIRE_STAGE_LATE);
}

void quire_fini(struct quire *q)
{
	if (!q->platform)
		return;
	if (q->stage >= QUIRE_STAGE_SECTIONS)
		qi_memmap_fini(q);
	if (q->stage >= QUIRE_STAGE_HANDOVER)
		qi_hand_over_undo(q);
	qi_meta_release(q, NULL);
	quire_memblock_discard(&q->memblock);
	memset(q, 0, sizeof(*q));
}

enum quire_status quire_check(const struct quire *q)
{
	enum quire_status status = quire_check_memblock(&q->memblock);

	if (status == QUIRE_OK && q->stage >= QUIRE_STAGE_ZONES)
		status = quire_check_topology(&q->topology, &q->memblock);
	if (status == QUIRE_OK && q->stage >= QUIRE_STAGE_SECTIONS)
		status = quire_check_memmap(q);
	if (status == QUIRE_OK && q->stage >= QUIRE_STAGE_HANDOVER)
		status = qi_check_zones(q);
	if (status == QUIRE_OK)
		status = qi_check_poison(q);
	if (status == QUIRE_OK)
		status = qi_check_devices(q);
	if (status == QUIRE_OK && q->stage >= QUIRE_STAGE_WATERMARKS)
		status = qi_check_hotplug(q);
	return status;
}
