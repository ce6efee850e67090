/* Which node a CPU is of: firmware's, or where it says nothing one of those there are. */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_NUMA

/* The node firmware gives a CPU, in terms of the nodes in force: the first emulated one cut from its own, if any is. */
static int firmware_node(const struct qi_numa *numa, const struct quire_cpu *cpu)
{
	bool told = numa->from_firmware && cpu->domain != QUIRE_DOMAIN_NONE;
	int nid = told ? qi_numa_domain_node(numa, cpu->domain) : QUIRE_NO_NODE;

	if (nid == QUIRE_NO_NODE || !numa->faked)
		return nid;
	for (unsigned i = 0; i < numa->fake_count; i++)
		if (numa->phys_of[i] == nid)
			return (int)i;
	return 0;
}

/* CPUs nobody gave a node: x86 deals nodes with memory out in turn, counting every CPU, others take the first node. */
static int spare_node(const struct quire_topology *t, unsigned cpu)
{
	struct quire_node *node;
	unsigned with_memory = 0, turn;

	qi_for_each_node(t, node)
		with_memory += node->has_memory;
	if (!with_memory || quire_arch(t->config) != QUIRE_ARCH_X86_64) {
		node = qi_next_node(t, -1);
		return node ? node->nid : QUIRE_NO_NODE;
	}
	turn = cpu % with_memory;
	qi_for_each_node(t, node)
		if (node->has_memory && turn-- == 0)
			return node->nid;
	return QUIRE_NO_NODE;
}

/* Count the CPU in its node, or in all nodes emulated from its physical one. */
static void count_cpu(const struct qi_numa *numa, int nid)
{
	struct quire_node *node;

	if (nid == QUIRE_NO_NODE)
		return;
	qi_for_each_node(numa->t, node) {
		bool same = node->nid == nid || (numa->faked && numa->phys_of[node->nid] == numa->phys_of[nid]);

		node->cpus += same;
		node->online |= same;
	}
}

void qi_numa_place_cpus(struct qi_numa *numa)
{
	struct quire_topology *t = numa->t;
	const struct quire_machine *machine = t->machine;
	size_t next = 0;

	for (unsigned cpu = 0; cpu < t->cpu_count; cpu++) {
		int nid = QUIRE_NO_NODE;

		while (next < machine->cpu_count && !qi_is_cpu(&machine->cpus[next]))
			next++;
		if (next < machine->cpu_count)
			nid = firmware_node(numa, &machine->cpus[next++]);
		if (nid == QUIRE_NO_NODE)
			nid = spare_node(t, cpu);
		t->cpu_node[cpu] = nid;
		count_cpu(numa, nid);
	}
}

#endif
