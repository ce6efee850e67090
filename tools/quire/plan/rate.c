/*
 * How fast this host writes descriptors, by model and descriptor size: measured once on a machine of one node with 64 MiB of
 * them, whose memory has been touched before.
 */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define SAMPLE_BYTES ((uint64_t)64 << 20)
#define RATES 64

struct rate {
	enum quire_model model;
	unsigned page_shift, section_shift, stride, workers;
	uint64_t picoseconds;
};

static struct {
	struct rate at[RATES];
	size_t count;
} known;

static struct rate key_of(const struct quire_config *c, unsigned workers)
{
	return (struct rate){ .model = c->model, .page_shift = c->geometry.page_shift,
			      .section_shift = c->geometry.section_shift, .stride = c->page_stride, .workers = workers };
}

static const struct rate *find(const struct rate *key)
{
	for (size_t i = 0; i < known.count; i++) {
		const struct rate *r = &known.at[i];

		if (r->model == key->model && r->page_shift == key->page_shift && r->section_shift == key->section_shift &&
		    r->stride == key->stride && r->workers == key->workers)
			return r;
	}
	return NULL;
}

/* RAM of one node from 4 GiB on, so that the last zone has nearly all of it. */
static void sample_machine(const struct quire_config *config, struct quire_machine *machine,
			   struct quire_memory_range *range)
{
	uint64_t bytes = (SAMPLE_BYTES / config->page_stride) << config->geometry.page_shift;

	*range = (struct quire_memory_range){ .base = (quire_phys_t)4 << 30, .size = bytes, .nid = QUIRE_NO_NODE };
	memset(machine, 0, sizeof(*machine));
	machine->arch = config->arch;
	machine->map = range;
	machine->map_count = machine->map_max = 1;
}

/* One worker: the eager road; several: the late stage of DEFERRED. */
static uint64_t sample(const struct plan_machine *m, struct plan *scratch, unsigned workers)
{
	struct plan_row row = { .model = m->config.model, .init = workers > 1 ? QUIRE_INIT_DEFERRED : QUIRE_INIT_EAGER };
	unsigned stage = workers > 1 ? QUIRE_STAGE_LATE : QUIRE_STAGE_DESCRIPTORS;
	uint64_t frames;

	if (plan_measure(m, NULL, scratch, &row) != QUIRE_OK || row.why[0])
		return 0;
	frames = workers > 1 ? row.late : row.early;
	return frames ? (uint64_t)((double)row.stages[stage].ns * 1000 / (double)frames) : 0;
}

enum quire_status plan_rate(const struct quire_config *config, unsigned workers, uint64_t *picoseconds)
{
	struct rate key = key_of(config, workers);
	const struct rate *found = find(&key);
	struct plan_machine m = { .config = *config };
	struct plan *scratch;
	struct quire_machine machine;
	struct quire_memory_range range;

	if (!found) {
		scratch = calloc(1, sizeof(*scratch));
		if (!scratch)
			return QUIRE_ENOMEM;
		sample_machine(config, &machine, &range);
		m.machine = &machine;
		m.config.workers = workers;
		memset(&m.config.options, 0, sizeof(m.config.options));
		key.picoseconds = sample(&m, scratch, workers);
		free(scratch);
		found = &known.at[known.count % RATES];
		known.at[known.count++ % RATES] = key;
		if (known.count > RATES)
			known.count = RATES;
	}
	*picoseconds = found->picoseconds;
	return QUIRE_OK;
}
