/* JSON: what boot cost, in time and in space. */
#include "show.h"

#include "../../ports/hosted/hosted.h"
#include "plan/plan.h"

static void metadata(const struct quire_metadata *m, struct json *json)
{
	json_row(json, "metadata_bytes", '{');
	json_unsigned(json, "total", quire_metadata_total(m));
	json_unsigned(json, "nodes", m->nodes);
	json_unsigned(json, "sections", m->sections);
	json_unsigned(json, "descriptors", m->descriptors);
	json_unsigned(json, "page_tables", m->page_tables);
	json_unsigned(json, "trees", m->trees);
	json_unsigned(json, "percpu", m->percpu);
	json_unsigned(json, "debug", m->debug);
	json_unsigned(json, "books", m->books);
	json_close(json);
}

static void stages(const struct quire *q, struct json *json)
{
	uint64_t total = 0;

	for (unsigned stage = 0; stage < QUIRE_STAGES; stage++)
		total += q->costs[stage].ns;
	json_unsigned(json, "boot_ns", total);
	json_open(json, "stages", '[');
	for (unsigned stage = 0; stage < QUIRE_STAGES; stage++) {
		if (!q->costs[stage].name)
			continue;
		json_row(json, NULL, '{');
		json_text(json, "name", q->costs[stage].name);
		json_unsigned(json, "ns", q->costs[stage].ns);
		json_close(json);
	}
	json_close(json);
}

void json_costs(const struct quire *q, struct json *json)
{
	const struct quire_memmap_stats *stats = &q->memmap.stats;

	json_open(json, "costs", '{');
	stages(q, json);
	metadata(&q->metadata, json);
	json_unsigned(json, "metadata_resident_bytes", quire_hosted_metadata_resident(quire_hosted_of(q->platform)));
	json_unsigned(json, "descriptors_initialised", stats->initialised);
	json_unsigned(json, "descriptors_initialised_early", stats->initialised_early);
	json_unsigned(json, "descriptor_bytes", stats->descriptor_bytes);
	json_unsigned(json, "present_sections", stats->present_sections);
	json_unsigned(json, "free_frames", plan_free_frames(q));
	json_close(json);
}
