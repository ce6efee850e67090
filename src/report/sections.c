/* Sections of the memory model: which exist, which node they belong to. From the ledger, so also before there is a table. */
#include "report/print.h"

void quire_report_sections(const struct quire *q, const struct quire_report_sink *sink)
{
	unsigned shift = quire_section_shift(&q->config);
	struct quire_section_run run;
	uint64_t cursor = 0, present = 0;
	char size[16];

	qi_print(sink, "sections of %s, model %s\n", qi_print_size(size, (quire_phys_t)1 << shift),
		 quire_model_name(quire_model(&q->config)));
	if (quire_model(&q->config) < QUIRE_MODEL_SPARSEMEM) {
		qi_print(sink, "none: this model has arrays of descriptors instead\n");
		return;
	}
	qi_print(sink, "   first     last    count  node  range\n");
	while (quire_section_next_run(&q->config, &q->memblock, &cursor, &run)) {
		qi_print(sink, "%8llu %8llu %8llu %5d  0x%016llx-0x%016llx\n", (qi_ull)run.start, (qi_ull)(run.end - 1),
			 (qi_ull)(run.end - run.start), run.nid, (qi_ull)run.start << shift,
			 ((qi_ull)run.end << shift) - 1);
		present += run.end - run.start;
	}
	qi_print(sink, "%llu present of %llu possible\n", (qi_ull)present, (qi_ull)quire_section_limit(&q->config));
}
