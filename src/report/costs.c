/*
 * The cost sheet: what the engine took, beside what a kernel with one descriptor of page_struct_size bytes per frame
 * takes, and the time of each boot stage on the machine that ran it.
 */
#include "report/print.h"

static void bytes_row(const struct quire_report_sink *sink, const char *what, uint64_t bytes)
{
	qi_print(sink, "%-28s %14llu bytes\n", what, (qi_ull)bytes);
}

static void time_row(const struct quire_report_sink *sink, const char *stage, uint64_t ns)
{
	qi_print(sink, "stage %-22s %10llu.%03llu us\n", stage, (qi_ull)qi_div64(ns, 1000), (qi_ull)qi_mod64(ns, 1000));
}

static void space(const struct quire *q, const struct quire_report_sink *sink)
{
	const struct quire_metadata *m = &q->metadata;
	uint64_t present = 0, linux_pages = 0;
	char text[40];

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			present += q->topology.nodes[nid]->zones[type].present;
			linux_pages += quire_zone_memmap_pages(&q->topology, &q->topology.nodes[nid]->zones[type]);
		}
	qi_snprintf(text, sizeof(text), "descriptors (%u B, %s)", quire_page_stride(&q->config),
		    quire_init_policy_name(quire_init_policy(&q->config)));
	bytes_row(sink, "nodes and zonelists", m->nodes);
	bytes_row(sink, "sections", m->sections);
	bytes_row(sink, text, m->descriptors);
	bytes_row(sink, "page tables", m->page_tables);
	bytes_row(sink, "free trees", m->trees);
	bytes_row(sink, "per-CPU fronts", m->percpu);
	bytes_row(sink, "notes for debugging", m->debug);
	bytes_row(sink, "books of frames", m->books);
	bytes_row(sink, "all of it", quire_metadata_total(m));
	qi_snprintf(text, sizeof(text), "a kernel's descriptors (%u B)", q->config.geometry.page_struct_size);
	bytes_row(sink, text, linux_pages << quire_page_shift(&q->config));
	bytes_row(sink, "memory described", present << quire_page_shift(&q->config));
}

void quire_report_costs(const struct quire *q, const struct quire_report_sink *sink)
{
	uint64_t total = 0;

	space(q, sink);
	for (unsigned stage = 0; stage < QUIRE_STAGES; stage++) {
		const struct quire_stage_cost *cost = &q->costs[stage];

		if (!cost->name)
			continue;
		total += cost->ns;
		time_row(sink, cost->name, cost->ns);
	}
	time_row(sink, "all", total);
}
