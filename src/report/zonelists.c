/* Fallback orders and zonelists in the wording of a kernel booted with mminit_loglevel=4. */
#include "report/print.h"

void quire_report_fallback(const struct quire *q, const struct quire_report_sink *sink)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		if (!node)
			continue;
		qi_print(sink, "Fallback order for Node %d: ", node->nid);
		for (size_t i = 0; i < node->fallback_count; i++)
			qi_print(sink, "%d ", node->fallback[i]);
		qi_print(sink, "\n");
	}
}

/* A request for `highest` walks the node's list and passes over zones above it: that view is what is printed. */
static void zonelist(const struct quire_node *node, const char *name, const struct quire_zonelist *list,
		     enum quire_zone_type highest, const struct quire_report_sink *sink)
{
	qi_print(sink, "mminit::zonelist %s %d:%s = ", name, node->nid, quire_zone_name(highest));
	for (size_t i = 0; i < list->count; i++)
		if (list->zones[i]->type <= highest)
			qi_print(sink, "%d:%s ", list->zones[i]->node->nid, quire_zone_name(list->zones[i]->type));
	qi_print(sink, "\n");
}

static void node_lists(const struct quire_node *node, bool numa, const struct quire_report_sink *sink)
{
	static const char *const names[QUIRE_ZONELISTS] = { "general", "thisnode" };

	for (unsigned list = 0; list < (numa ? QUIRE_ZONELISTS : 1u); list++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (quire_zone_populated(&node->zones[type]))
				zonelist(node, names[list], &node->zonelists[list], type, sink);
}

/* Memory policies apply to the highest zone ordinary memory comes from, and to those above it. */
static enum quire_zone_type policy_zone(const struct quire_topology *t)
{
	enum quire_zone_type highest = QUIRE_ZONE_DMA;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = highest; t->nodes[nid] && type < QUIRE_ZONE_MOVABLE; type++)
			if (quire_zone_populated(&t->nodes[nid]->zones[type]))
				highest = type;
	return highest;
}

void quire_report_zonelists(const struct quire *q, const struct quire_report_sink *sink)
{
	bool numa = q->config.geometry.nodes_shift != 0;
	unsigned online = 0;

	if (numa)
		quire_report_fallback(q, sink);
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = qi_online_node(&q->topology, nid);

		if (!node)
			continue;
		node_lists(node, numa, sink);
		online++;
	}
	qi_print(sink, "Built %u zonelists, mobility grouping %s.  Total pages: %llu\n", online,
		 q->watermarks.mobility_grouping ? "on" : "off", (qi_ull)quire_total_pages(&q->topology, &q->memblock));
	if (numa)
		qi_print(sink, "Policy zone: %s\n", quire_zone_name(policy_zone(&q->topology)));
}
