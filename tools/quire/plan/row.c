/*
 * One row of a plan: the machine booted under one model and policy, with the engine's metadata in the machine's own memory.
 *
 * The memory of descriptors is touched between the section stage and theirs: what a host needs to conjure up pages of
 * simulated RAM is no cost of the machine that is planned.
 */
#include <stdlib.h>
#include <string.h>

#include <quire/report.h>

#include "memmap/plan.h"

#include "../../../ports/hosted/hosted.h"
#include "plan.h"

#define REPEATS 3
/* A boot that takes longer is not repeated. */
#define ENOUGH_NS 30000000u

struct boot {
	struct quire q;
	struct quire_hosted *host;
	struct quire_config config;
	char why[PLAN_WHY_MAX];
	bool judged;			/* why is the model's own sentence */
};

/* The sentence that says why, should boot fail: the model's own if there is one, else the last before boot gave up. */
static void catch_reason(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	static const char model[] = "memory model ", cannot[] = "cannot describe this machine: ";
	struct boot *b = ctx;
	const char *reason = strstr(text, cannot);
	bool judged = strncmp(text, model, sizeof(model) - 1) == 0 && reason;

	(void)length;
	if (level != QUIRE_LOG_ERROR || (b->judged && !judged) || strncmp(text, "boot stopped", 12) == 0)
		return;
	b->judged = judged;
	snprintf(b->why, sizeof(b->why), "%s", judged ? reason + sizeof(cannot) - 1 : text);
}

static enum quire_status begin(const struct plan_machine *m, const struct plan_row *row, struct boot *b)
{
	struct quire_hosted_options options = { .config = &b->config, .log = catch_reason, .ctx = b };
	enum quire_status status;
	const char *why = "";

	memset(b, 0, sizeof(*b));
	b->config = m->config;
	b->config.model = row->model;
	b->config.init = row->init;
	status = quire_config_check(&b->config, &why);
	if (status != QUIRE_OK) {
		snprintf(b->why, sizeof(b->why), "%s", why);
		return status;
	}
	status = quire_hosted_create_machine(m->machine, &options, &b->host);
	if (status == QUIRE_OK)
		status = quire_init(&b->q, &b->config, m->machine, quire_hosted_platform(b->host));
	if (status == QUIRE_OK)
		status = quire_boot_until(&b->q, QUIRE_STAGE_SECTIONS);
	if (status != QUIRE_OK && !b->why[0])
		snprintf(b->why, sizeof(b->why), "%s", quire_status_string(status));
	return status;
}

/* Call fn for every stretch of frames that has, or will have, a place for descriptors. */
static void each_described(const struct quire *q, void (*fn)(void *ctx, quire_pfn_t start, quire_pfn_t end, int nid),
			   void *ctx)
{
	const struct quire_memmap *m = &q->memmap;

	for (size_t i = 0; i < m->flat_count; i++)
		fn(ctx, m->flat[i].start, m->flat[i].end, m->flat[i].nid);
	for (size_t i = 0; i < m->run_count; i++)
		fn(ctx, m->runs[i].start << m->section_pfn_shift, m->runs[i].end << m->section_pfn_shift, m->runs[i].nid);
}

static void add_frames(void *ctx, quire_pfn_t start, quire_pfn_t end, int nid)
{
	(void)nid;
	*(uint64_t *)ctx += end - start;
}

static uint64_t described_frames(const struct quire *q)
{
	uint64_t frames = 0;

	each_described(q, add_frames, &frames);
	return frames;
}

struct node_sum {
	struct plan *plan;
	const struct quire *q;
};

static void add_node(void *ctx, quire_pfn_t start, quire_pfn_t end, int nid)
{
	struct node_sum *sum = ctx;

	for (size_t i = 0; i < sum->plan->node_count; i++)
		if (sum->plan->nodes[i].nid == nid)
			sum->plan->nodes[i].full_bytes[sum->q->memmap.model] += (end - start) << sum->q->memmap.stride_shift;
}

static void touch(void *ctx, quire_pfn_t start, quire_pfn_t end, int nid)
{
	const struct quire *q = ctx;
	char *at = (char *)quire_pfn_to_page(&q->memmap, start);
	uint64_t bytes = (end - start) << q->memmap.stride_shift;

	(void)nid;
	for (uint64_t offset = 0; offset < bytes; offset += 4096)
		*(volatile char *)(at + offset) = 0;
}

/* Classic sparse sections lie wherever there was room. */
static void touch_all(struct quire *q)
{
	const struct quire_memmap *m = &q->memmap;

	for (size_t i = 0; i < m->run_count; i++)
		for (uint64_t number = m->runs[i].start; number < m->runs[i].end; number++)
			touch(q, number << m->section_pfn_shift, (number + 1) << m->section_pfn_shift, 0);
	for (size_t i = 0; i < m->flat_count; i++)
		touch(q, m->flat[i].start, m->flat[i].end, 0);
}

/* Descriptors that DEFERRED leaves to the workers, as the engine's walk does it: whole units of each node's last zone. */
static uint64_t deferred_frames(const struct quire *q)
{
	quire_pfn_t unit = (quire_pfn_t)1 << q->memmap.unit_shift;
	struct quire_memmap_walk walk = { 0 };
	struct quire_memmap_piece piece;
	quire_pfn_t splits[QUIRE_MAX_NODES];
	uint64_t frames = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		splits[nid] = qi_deferred_split(&q->topology, &q->memblock, (int)nid);
	while (quire_memmap_next_piece(&q->topology, &q->memblock, &walk, &piece)) {
		quire_pfn_t split = splits[piece.nid], start = piece.start > split ? piece.start : split;
		quire_pfn_t end = piece.end & ~(unit - 1);

		start = (start + unit - 1) & ~(unit - 1);
		if (split != QUIRE_PFN_NONE && start < end)
			frames += end - start;
	}
	return frames;
}

static void take_stage(const struct quire *q, struct plan_row *row, unsigned stage)
{
	row->stages[stage] = (struct plan_stage){ q->costs[stage].name, q->costs[stage].ns, PLAN_MEASURED };
}

uint64_t plan_free_frames(const struct quire *q)
{
	struct quire_zone_counts counts;
	uint64_t frames = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			quire_zone_count(q, &q->topology.nodes[nid]->zones[type], &counts);
			frames += counts.free_pages;
		}
	return frames;
}

/* What the section stage decided. */
static void take_space(struct boot *b, struct plan *plan, struct plan_row *row)
{
	const struct quire *q = &b->q;
	uint64_t frames = described_frames(q);

	row->full_bytes = frames << q->memmap.stride_shift;
	row->descriptor_bytes = q->memmap.stats.descriptor_bytes;
	row->table_bytes = q->memmap.stats.table_bytes + q->memmap.stats.usage_bytes;
	row->metadata_bytes = quire_metadata_total(&q->metadata);
	row->ledger_free = q->memblock.memory.total_size - q->memblock.reserved.total_size;
	row->late = row->init == QUIRE_INIT_DEFERRED ? deferred_frames(q) : 0;
	row->early = row->init == QUIRE_INIT_LAZY ? 0 : frames - row->late;
	for (unsigned stage = 0; stage <= QUIRE_STAGE_SECTIONS; stage++)
		take_stage(q, row, stage);
	if (row->init == QUIRE_INIT_LAZY)
		each_described(q, add_node, &(struct node_sum){ plan, q });
}

/* The rest of boot for real. */
static enum quire_status finish(struct boot *b, struct plan_row *row)
{
	enum quire_status status;

	if (row->init != QUIRE_INIT_LAZY)
		touch_all(&b->q);
	status = quire_boot(&b->q);
	if (status != QUIRE_OK)
		return status;
	for (unsigned stage = QUIRE_STAGE_DESCRIPTORS; stage < QUIRE_STAGES; stage++)
		take_stage(&b->q, row, stage);
	row->metadata_bytes = quire_metadata_total(&b->q.metadata);
	row->free_frames = plan_free_frames(&b->q);
	if (row->init != QUIRE_INIT_LAZY) {
		row->early = b->q.memmap.stats.initialised_early;
		row->late = b->q.memmap.stats.initialised - row->early;
	}
	return QUIRE_OK;
}

static enum quire_status scaled_stage(const struct boot *b, struct plan_row *row, unsigned stage, uint64_t frames,
				      unsigned workers)
{
	uint64_t rate = 0;
	enum quire_status status = frames ? plan_rate(&b->config, workers, &rate) : QUIRE_OK;

	row->stages[stage].source = PLAN_SCALED;
	row->stages[stage].ns = (uint64_t)((double)frames * (double)rate / 1000);
	return status;
}

/* Too many descriptors to write: rates for their stages, the lazy row for the others. */
static enum quire_status work_out(const struct boot *b, const struct plan *plan, const struct plan_row *lazy,
				  struct plan_row *row)
{
	enum quire_status status;

	for (unsigned stage = QUIRE_STAGE_DESCRIPTORS; stage < QUIRE_STAGES; stage++) {
		row->stages[stage] = lazy->stages[stage];
		row->stages[stage].source = PLAN_SHARED;
	}
	status = scaled_stage(b, row, QUIRE_STAGE_DESCRIPTORS, row->early, 1);
	if (status == QUIRE_OK)
		status = scaled_stage(b, row, QUIRE_STAGE_LATE, row->late, plan->workers);
	row->metadata_bytes = lazy->metadata_bytes - lazy->table_bytes - lazy->descriptor_bytes + row->table_bytes +
			      row->descriptor_bytes;
	row->free_frames = lazy->free_frames - ((lazy->ledger_free - row->ledger_free) >> b->q.memmap.page_shift);
	row->free_computed = true;
	return status;
}

static enum quire_status once(const struct plan_machine *m, const struct plan_row *lazy, struct plan *plan,
			      struct plan_row *row, struct boot *b)
{
	enum quire_status status = begin(m, row, b);

	if (status == QUIRE_OK) {
		take_space(b, plan, row);
		if (row->init == QUIRE_INIT_LAZY || row->full_bytes <= PLAN_MEASURED_BYTES)
			status = finish(b, row);
		else
			status = work_out(b, plan, lazy, row);
	}
	if (status == QUIRE_ENOMEM && !b->why[0])
		snprintf(b->why, sizeof(b->why), "%s", quire_status_string(status));
	if (status != QUIRE_OK)
		memcpy(row->why, b->why, sizeof(row->why));
	quire_hosted_destroy(b->host);
	return status;
}

uint64_t plan_boot_ns(const struct plan_row *row)
{
	uint64_t ns = 0;

	for (unsigned stage = 0; stage < QUIRE_STAGES; stage++)
		ns += row->stages[stage].ns;
	return ns;
}

bool plan_is_scaled(const struct plan_row *row)
{
	for (unsigned stage = 0; stage < QUIRE_STAGES; stage++)
		if (row->stages[stage].source != PLAN_MEASURED)
			return true;
	return false;
}

enum quire_status plan_measure(const struct plan_machine *m, const struct plan_row *lazy, struct plan *plan,
			       struct plan_row *row)
{
	struct boot *b = malloc(sizeof(*b));
	struct plan_row best = *row;
	struct plan scratch = *plan;

	if (!b)
		return QUIRE_ENOMEM;
	/* The machine cannot be described: a reason, not an error. */
	if (once(m, lazy, plan, row, b) != QUIRE_OK) {
		if (!row->why[0])
			snprintf(row->why, sizeof(row->why), "not enough memory on this host");
		free(b);
		return QUIRE_OK;
	}
	scratch.node_count = 0;
	for (unsigned i = 1; i < REPEATS && plan_boot_ns(row) < ENOUGH_NS; i++)
		if (once(m, lazy, &scratch, &best, b) == QUIRE_OK && plan_boot_ns(&best) < plan_boot_ns(row))
			*row = best;
	free(b);
	return QUIRE_OK;
}
