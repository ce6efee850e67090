/* The table of distances between nodes: 10 to oneself, 20 elsewhere unless firmware or numa=fake= says more. */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_NUMA

/* A fresh table for node ids below `count`, filled with the defaults. An old one is forgotten, not given back. */
enum quire_status qi_distance_reset(struct quire_topology *t, unsigned count)
{
	uint8_t *table = t->alloc(t->alloc_ctx, (size_t)count * count, 1, QUIRE_NO_NODE);

	if (!table)
		return QUIRE_ENOMEM;
	memset(table, QI_REMOTE_DISTANCE, (size_t)count * count);
	for (unsigned i = 0; i < count; i++)
		table[(size_t)i * count + i] = QI_LOCAL_DISTANCE;
	t->distance = table;
	t->distance_count = count;
	if (qi_numa_judges_ranges(t->config))
		qi_log(t->platform, QUIRE_LOG_INFO, "NUMA: Initialized distance table, cnt=%u", count);
	return QUIRE_OK;
}

/* False, and nothing stored, for a pair outside the table, a distance over 255 or a node that is not 10 from itself. */
bool qi_distance_set(struct quire_topology *t, unsigned from, unsigned to, unsigned distance)
{
	if (from >= t->distance_count || to >= t->distance_count || distance > UINT8_MAX)
		return false;
	if (from == to && distance != QI_LOCAL_DISTANCE)
		return false;
	t->distance[(size_t)from * t->distance_count + to] = (uint8_t)distance;
	return true;
}

unsigned quire_node_distance(const struct quire_topology *t, int from, int to)
{
	if (from < 0 || to < 0 || (unsigned)from >= t->distance_count || (unsigned)to >= t->distance_count)
		return from == to ? QI_LOCAL_DISTANCE : QI_REMOTE_DISTANCE;
	return t->distance[(size_t)(unsigned)from * t->distance_count + (unsigned)to];
}

#endif
