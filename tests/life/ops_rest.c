/* Tunables, CPUs, compaction, reports to the host, emptying fronts. */
#include "life.h"

void do_tunables(struct life *l)
{
	struct quire_tunables t = l->q.config.tunables;
	bool wrong = one_in(l, 8);

	t.min_free_kbytes = one_in(l, 3) ? -1 : (int64_t)draw(l, 1500);
	t.watermark_scale_factor = 1 + (unsigned)draw(l, 60);
	t.watermark_boost_factor = one_in(l, 2) ? 0 : 15000;
	t.percpu_pagelist_high_fraction = one_in(l, 2) ? 0 : 8 + (unsigned)draw(l, 100);
	t.lowmem_reserve_ratio[QUIRE_ZONE_DMA] = (unsigned)draw(l, 300);
	t.extfrag_threshold = (unsigned)draw(l, 1001);
	t.compaction_proactiveness = (unsigned)draw(l, 101);
	if (wrong)
		t.watermark_scale_factor = 100000;
	answer(l, quire_tunables_apply(&l->q, &t), wrong ? STATUS(EINVAL) : OK);
}

void do_cpu(struct life *l)
{
	unsigned cpu = (unsigned)draw(l, CPUS), there = 0;
	int nid = (int)draw(l, l->q.topology.node_count);

	while (!quire_topology_node(&l->q.topology, nid))
		nid--;
	for (unsigned i = 0; i < CPUS; i++)
		there += !l->cpu_off[i];
	tell(l, "%u", cpu);
	if (l->cpu_off[cpu]) {
		/* Should there be no room for its front, now or when the zone's were made, it may allocate all the same. */
		answer(l, quire_cpu_online(&l->q, cpu, nid), OK | STATUS(ENOMEM) | (l->plan.fault ? FAULTS : 0));
		l->cpu_off[cpu] = false;
	} else if (there > 1) {
		/* Somebody else does it. */
		quire_hosted_bind_cpu((cpu + 1) % CPUS);
		l->cpu_off[cpu] = answer(l, quire_cpu_offline(&l->q, cpu), OK);
	}
}

void do_compact(struct life *l)
{
	if (one_in(l, 4)) {
		quire_compact_node(&l->q, (int)draw(l, l->q.topology.node_count));
	} else {
		quire_compaction_tick(&l->q, QUIRE_NO_NODE);
		quire_reclaim_tick(&l->q, QUIRE_NO_NODE);
	}
}

void do_report(struct life *l)
{
	quire_reporting_tick(&l->q, &l->reporting);
}

void do_drain(struct life *l)
{
	answer(l, quire_drain_frames(&l->q), OK);
}
