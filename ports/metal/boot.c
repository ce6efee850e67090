/* One machine's engine: made, counted, unmade. */
#include "kernel.h"

enum quire_status metal_boot_engine(const struct quire_config *config)
{
	enum quire_status status = quire_init(&metal.q, config, &metal.machine, metal_platform());

	if (status == QUIRE_OK) {
		/* The engine's own tables must lie where it can write them: not in i386's high memory. */
		quire_memblock_set_current_limit(&metal.q.memblock, arch_info()->direct_end);
		status = quire_boot(&metal.q);
	}
	if (status == QUIRE_OK)
		metal_reclaimer_start();
	else
		quire_fini(&metal.q);
	return status;
}

void metal_end_engine(void)
{
	metal_reclaimer_end();
	quire_fini(&metal.q);
}

uint64_t metal_free_frames(void)
{
	uint64_t sum = 0;

	quire_drain_frames(&metal.q);
	for (unsigned nid = 0; nid < metal.q.topology.node_count; nid++)
		for (int type = 0; metal.q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone_counts counts;

			quire_zone_count(&metal.q, &metal.q.topology.nodes[nid]->zones[type], &counts);
			sum += counts.free_pages;
		}
	return sum;
}
