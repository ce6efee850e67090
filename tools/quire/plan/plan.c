/* All rows of a plan: every model under every policy. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../ports/hosted/hosted.h"
#include "plan.h"

void plan_set_geometry(struct quire_config *config, uint64_t page_size, uint64_t section_size, unsigned stride)
{
	struct quire_geometry *g = &config->geometry;
	unsigned page_shift = (unsigned)__builtin_ctzll(page_size);

	/* Blocks of larger pages: 32 MiB of 16 KiB pages, 512 MiB of 64 KiB pages. */
	if (page_shift != g->page_shift) {
		g->pageblock_order = page_shift == 12 ? 9 : page_shift == 14 ? 11 : 13;
		g->max_order = page_shift == 12 ? 10 : g->pageblock_order;
	}
	g->page_shift = page_shift;
	g->section_shift = (unsigned)__builtin_ctzll(section_size);
	config->page_stride = stride;
}

static enum quire_status take_nodes(const struct quire *q, struct plan *plan)
{
	plan->memory_bytes = quire_memblock_phys_mem_size(&q->memblock);
	plan->nodes = calloc(q->topology.node_count ? q->topology.node_count : 1, sizeof(*plan->nodes));
	if (!plan->nodes)
		return QUIRE_ENOMEM;
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		if (node && node->present)
			plan->nodes[plan->node_count++] = (struct plan_node){
				.nid = (int)nid, .memory_bytes = node->present << quire_page_shift(&q->config),
			};
	}
	return QUIRE_OK;
}

/* Which nodes have how much: boot as far as the zones, where no model matters. */
static enum quire_status find_nodes(const struct plan_machine *m, struct plan *plan)
{
	struct quire_hosted_options options = { .config = &m->config };
	struct quire *q = calloc(1, sizeof(*q));
	struct quire_hosted *host = NULL;
	enum quire_status status = QUIRE_ENOMEM;

	if (q)
		status = quire_hosted_create_machine(m->machine, &options, &host);
	if (status == QUIRE_OK)
		status = quire_init(q, &m->config, m->machine, quire_hosted_platform(host));
	if (status == QUIRE_OK)
		status = quire_boot_until(q, QUIRE_STAGE_ZONES);
	if (status == QUIRE_OK)
		status = take_nodes(q, plan);
	quire_hosted_destroy(host);
	free(q);
	return status;
}

/* A machine no model can be tried on: the same reason in every row. */
static void refuse_all(struct plan *plan, enum quire_status status, const char *why)
{
	for (unsigned i = 0; i < PLAN_ROWS; i++)
		snprintf(plan->rows[i].why, PLAN_WHY_MAX, "%s", why ? why : quire_status_string(status));
}

static enum quire_status make_model(const struct plan_machine *m, struct plan *plan, enum quire_model model)
{
	struct plan_row *lazy = plan_row(plan, model, QUIRE_INIT_LAZY);
	enum quire_status status = plan_measure(m, NULL, plan, lazy);

	for (unsigned init = 0; init < QUIRE_INIT_LAZY && status == QUIRE_OK; init++) {
		struct plan_row *row = plan_row(plan, model, init);

		if (lazy->why[0])
			memcpy(row->why, lazy->why, sizeof(row->why));
		else
			status = plan_measure(m, lazy, plan, row);
	}
	return status;
}

static void describe(const struct plan_machine *m, struct plan *plan)
{
	long host = sysconf(_SC_NPROCESSORS_ONLN);

	memset(plan, 0, sizeof(*plan));
	plan->page_size = (uint64_t)1 << quire_page_shift(&m->config);
	plan->section_size = (uint64_t)1 << quire_section_shift(&m->config);
	plan->stride = quire_page_stride(&m->config);
	plan->address_bits = m->config.geometry.physmem_bits;
	plan->workers = m->config.workers ? m->config.workers : host > 1 ? (unsigned)host : 1;
	for (unsigned i = 0; i < PLAN_ROWS; i++) {
		plan->rows[i].model = i / QUIRE_INIT_POLICIES;
		plan->rows[i].init = i % QUIRE_INIT_POLICIES;
	}
}

enum quire_status plan_make(const struct plan_machine *m, struct plan *plan, struct plan_progress *progress)
{
	struct plan_machine chosen = *m;
	enum quire_status status;
	const char *why = NULL;

	describe(m, plan);
	chosen.config.workers = plan->workers;
	status = quire_config_check(&chosen.config, &why);
	if (status == QUIRE_OK)
		status = find_nodes(&chosen, plan);
	if (status != QUIRE_OK) {
		refuse_all(plan, status, why);
		return status == QUIRE_ENOMEM ? status : QUIRE_OK;
	}
	for (unsigned model = 0; model < QUIRE_MODELS && status == QUIRE_OK; model++) {
		if (progress)
			progress->step(progress, quire_model_name(model));
		status = make_model(&chosen, plan, model);
	}
	return status;
}

void plan_free(struct plan *plan)
{
	free(plan->nodes);
	plan->nodes = NULL;
	plan->node_count = 0;
}
