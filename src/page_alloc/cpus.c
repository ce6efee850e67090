/*
 * CPUs that come and go while the allocator runs: their fronts in every zone, and which node is theirs.
 *
 * The table of CPUs' nodes is the topology's, of the CPUs there were at boot. When a CPU beyond comes, a longer one takes
 * its place; the old one stays, somebody may be reading it.
 */
#include "page_alloc/page_alloc.h"

#include "boot/meta.h"
#include "zone/front_cpus.h"

#define MOST_CPUS 65536u		/* a CPU beyond is a mistake of the caller's, not a machine */

/* Every open zone in turn; the first failure. */
static enum quire_status for_zones(struct quire *q, unsigned cpu, enum quire_status (*act)(struct qi_zone *za, unsigned cpu))
{
	enum quire_status result = QUIRE_OK;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct qi_zone *za = qi_zone_of(&q->topology.nodes[nid]->zones[type]);
			enum quire_status status = za ? act(za, cpu) : QUIRE_OK;

			if (result == QUIRE_OK)
				result = status;
		}
	return result;
}

/* Room in the table for this CPU. Only where metadata can be had at run time. */
static enum quire_status grow_nodes(struct quire *q, unsigned cpu)
{
	struct quire_topology *t = &q->topology;
	unsigned count = cpu + 1;
	int *table;

	if (cpu < t->cpu_count)
		return QUIRE_OK;
	if (!q->platform->meta_alloc)
		return QUIRE_EUNSUPPORTED;
	table = qi_meta_alloc(q, count * sizeof(int), 64, 0, &q->metadata.nodes);
	if (!table)
		return QUIRE_ENOMEM;
	for (unsigned i = 0; i < count; i++)
		table[i] = i < t->cpu_count ? t->cpu_node[i] : ~0;
	__atomic_store_n(&t->cpu_node, table, __ATOMIC_RELEASE);
	__atomic_store_n(&t->cpu_count, count, __ATOMIC_RELEASE);
	return QUIRE_OK;
}

/* The CPU is node nid's from now on, or (~nid) away from it: a node's page sets are dealt out to the CPUs it has. */
static void set_node(struct quire *q, unsigned cpu, int nid)
{
	struct quire_topology *t = &q->topology;
	int before = cpu < t->cpu_count ? t->cpu_node[cpu] : ~0;

	if (cpu >= t->cpu_count || before == nid)
		return;
	if (before >= 0 && quire_topology_node(t, before)->cpus)
		quire_topology_node(t, before)->cpus--;
	if (nid >= 0)
		quire_topology_node(t, nid)->cpus++;
	__atomic_store_n(&t->cpu_node[cpu], nid, __ATOMIC_RELAXED);
	qi_at_hand_void(q);
	quire_pcp_update(t, &q->config.tunables);
}

enum quire_status quire_cpu_online(struct quire *q, unsigned cpu, int nid)
{
	enum quire_status status, fronts;

	if (q->stage < QUIRE_STAGE_WATERMARKS || cpu >= MOST_CPUS)
		return QUIRE_EINVAL;
	if (!quire_topology_node(&q->topology, nid))
		return QUIRE_ENOENT;
	status = grow_nodes(q, cpu);
	set_node(q, cpu, nid);
	fronts = for_zones(q, cpu, qi_front_return_cpu);
	if (q->platform->meta_alloc && cpu >= q->page_alloc.at_hand_cpus)
		qi_at_hand_open(q, 2 * cpu);
	return fronts != QUIRE_OK ? fronts : status;
}

enum quire_status quire_cpu_offline(struct quire *q, unsigned cpu)
{
	enum quire_status status = QUIRE_EINVAL;

	if (q->stage >= QUIRE_STAGE_WATERMARKS)
		status = for_zones(q, cpu, qi_front_leave_cpu);
	if (status == QUIRE_OK && cpu < q->topology.cpu_count && q->topology.cpu_node[cpu] >= 0)
		set_node(q, cpu, ~q->topology.cpu_node[cpu]);
	return status;
}
