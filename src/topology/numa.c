/* Node set-up: who has which memory (numa_find.c), then everything that follows from it. */
#include "topology/topology_internal.h"

/* Without NUMA in the geometry: memory is node 0's, reserved regions never get a node. */
enum quire_status qi_nodes_flat(struct qi_numa *numa)
{
	qi_node_set(&numa->possible, 0);
	return quire_memblock_set_node(numa->mb, 0, QUIRE_PHYS_MAX, &numa->mb->memory, 0);
}

enum quire_status quire_topology_numa_init(struct quire_topology *t, struct quire_memblock *mb)
{
	struct qi_numa *numa = t->alloc(t->alloc_ctx, sizeof(*numa), sizeof(uint64_t), QUIRE_NO_NODE);
	enum quire_status status;

	if (!numa)
		return QUIRE_ENOMEM;
	numa->t = t;
	numa->mb = mb;
	numa->max_nodes = (unsigned)qi_min(1ull << t->config->geometry.nodes_shift, QUIRE_MAX_NODES);
	status = qi_nodes_find(numa);
	t->numa_on = numa->from_firmware || numa->faked;
	if (!status)
		status = qi_nodes_create(numa);
	if (!status)
		status = qi_nodes_assign_cpus(numa);
	if (!status && quire_arch(t->config) == QUIRE_ARCH_X86_64)
		quire_memblock_set_bottom_up(mb, false);
	return status;
}
