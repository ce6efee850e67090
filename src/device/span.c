/*
 * What zone Device of a node spans: from the first to behind the last frame of devices there. The field lets it grow
 * only; here it follows what there is, and so does the node.
 */
#include "device/device.h"

#include "base/base.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

static void zone_span(struct quire *q, struct quire_zone *zone)
{
	quire_pfn_t start = QUIRE_PFN_NONE, end = 0;

	for (const struct quire_device *d = q->devices.first; d; d = d->next)
		for (size_t i = 0; d->nid == zone->node->nid && i < d->range_count; i++) {
			start = qi_min(start, d->ranges[i].pfn);
			end = qi_max(end, d->ranges[i].pfn + d->ranges[i].count);
		}
	zone->start_pfn = end ? start : 0;
	zone->spanned = end ? end - start : 0;
}

void qi_device_span(struct quire *q, int nid)
{
	struct quire_node *node = quire_topology_node(&q->topology, nid);
	quire_pfn_t start = QUIRE_PFN_NONE, end = 0;

	zone_span(q, &node->zones[QUIRE_ZONE_DEVICE]);
	node->spanned = 0;
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		node->spanned += zone->spanned;
		if (!zone->spanned)
			continue;
		start = qi_min(start, zone->start_pfn);
		end = qi_max(end, zone->start_pfn + zone->spanned);
	}
	node->start_pfn = end ? start : 0;
	node->end_pfn = end;
}

#endif
