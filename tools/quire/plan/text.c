/* A plan as tables. */
#include <inttypes.h>
#include <string.h>

#include "plan.h"

static const char *const policies[] = { "eager", "deferred", "lazy" };

/* "1.56 %" of what; less than a hundredth of a percent is said as such. */
static char *percent(char *buffer, uint64_t part, uint64_t whole)
{
	double value = whole ? 100.0 * (double)part / (double)whole : 0;

	snprintf(buffer, PLAN_NUMBER_MAX, part && value < 0.005 ? "<0.01 %%" : "%.2f %%", value);
	return buffer;
}

static void heading(const struct plan *plan, const struct plan_title *title, FILE *out)
{
	char memory[PLAN_NUMBER_MAX], page[PLAN_NUMBER_MAX], section[PLAN_NUMBER_MAX];

	fprintf(out, "%s: %s, %s in %u node%s; %s pages, %s sections, %u-byte descriptors, %u address bits\n",
		title->name, title->arch, plan_bytes(memory, plan->memory_bytes), title->nodes, title->nodes == 1 ? "" : "s",
		plan_bytes(page, plan->page_size), plan_bytes(section, plan->section_size), plan->stride,
		plan->address_bits);
}

/* First two columns; false, and the reason, for a model that cannot be. */
static bool begin_row(const struct plan_row *row, FILE *out)
{
	bool first = row->init == QUIRE_INIT_EAGER;

	if (row->why[0]) {
		if (first)
			fprintf(out, "%-15s impossible: %s\n", quire_model_name(row->model), row->why);
		return false;
	}
	fprintf(out, "%-15s %-9s", first ? quire_model_name(row->model) : "", policies[row->init]);
	return true;
}

static void space(const struct plan *plan, FILE *out)
{
	char a[PLAN_NUMBER_MAX], b[PLAN_NUMBER_MAX], c[PLAN_NUMBER_MAX], d[PLAN_NUMBER_MAX], e[PLAN_NUMBER_MAX];

	fprintf(out, "\n[space at the end of boot]\n%-15s %-9s %12s %10s %12s %9s %16s %10s\n", "model", "init",
		"descriptors", "tables", "all metadata", "of memory", "frames for users", "64-byte");
	for (unsigned i = 0; i < PLAN_ROWS; i++) {
		const struct plan_row *row = &plan->rows[i];

		if (!begin_row(row, out))
			continue;
		fprintf(out, " %12s %10s %12s %9s %s%*" PRIu64 " %10s\n", plan_bytes(a, row->descriptor_bytes),
			plan_bytes(b, row->table_bytes), plan_bytes(c, row->metadata_bytes),
			percent(d, row->metadata_bytes, plan->memory_bytes), row->free_computed ? "~" : "",
			row->free_computed ? 15 : 16, row->free_frames,
			plan_bytes(e, row->full_bytes / plan->stride * 64));
	}
}

static void work(const struct plan *plan, FILE *out)
{
	char a[PLAN_NUMBER_MAX], b[PLAN_NUMBER_MAX], c[PLAN_NUMBER_MAX];

	fprintf(out, "\n[descriptors to write]\n%-15s %-9s %14s %10s %14s %10s %13s\n", "model", "init", "early", "",
		"late", "", "in full use");
	for (unsigned i = 0; i < PLAN_ROWS; i++) {
		const struct plan_row *row = &plan->rows[i];

		if (begin_row(row, out))
			fprintf(out, " %14" PRIu64 " %10s %14" PRIu64 " %10s %13s\n", row->early,
				plan_bytes(a, row->early * plan->stride), row->late, plan_bytes(b, row->late * plan->stride),
				plan_bytes(c, row->full_bytes));
	}
}

static char *stage_time(char *buffer, const struct plan_stage *stage)
{
	char plain[PLAN_NUMBER_MAX];

	plan_time(plain, stage->ns);
	snprintf(buffer, PLAN_NUMBER_MAX, "%s%.28s", stage->source == PLAN_MEASURED ? "" : "~", plain);
	return buffer;
}

/* Everything that is not about the memmap in one column. */
static void times(const struct plan *plan, FILE *out)
{
	char text[PLAN_NUMBER_MAX];

	fprintf(out, "\n[time on this host]\n%-15s %-9s %10s %10s %11s %10s %10s %10s %10s\n", "model", "init",
		"ledger+zones", "sections", "descriptors", "hand-over", "watermarks", "late", "all");
	for (unsigned i = 0; i < PLAN_ROWS; i++) {
		const struct plan_row *row = &plan->rows[i];
		struct plan_stage sum = { NULL, 0, PLAN_MEASURED };

		if (!begin_row(row, out))
			continue;
		for (unsigned stage = 0; stage < QUIRE_STAGE_SECTIONS; stage++)
			sum.ns += row->stages[stage].ns;
		fprintf(out, " %12s", stage_time(text, &sum));
		for (unsigned stage = QUIRE_STAGE_SECTIONS; stage < QUIRE_STAGES; stage++)
			fprintf(out, " %*s", stage == QUIRE_STAGE_DESCRIPTORS ? 11 : 10,
				stage_time(text, &row->stages[stage]));
		sum = (struct plan_stage){ NULL, plan_boot_ns(row), plan_is_scaled(row) ? PLAN_SCALED : PLAN_MEASURED };
		fprintf(out, " %10s\n", stage_time(text, &sum));
	}
}

static void nodes(const struct plan *plan, FILE *out)
{
	char text[PLAN_NUMBER_MAX];

	fprintf(out, "\n[descriptors by node, in full use]\n%4s %11s", "node", "memory");
	for (unsigned model = 0; model < QUIRE_MODELS; model++)
		fprintf(out, " %14s", quire_model_name(model));
	fputc('\n', out);
	for (size_t i = 0; i < plan->node_count; i++) {
		const struct plan_node *node = &plan->nodes[i];

		fprintf(out, "%4d %11s", node->nid, plan_bytes(text, node->memory_bytes));
		for (unsigned model = 0; model < QUIRE_MODELS; model++)
			fprintf(out, " %14s", plan_row_of(plan, model, QUIRE_INIT_LAZY)->why[0] ? "-" :
				plan_bytes(text, node->full_bytes[model]));
		fputc('\n', out);
	}
}

static void footnotes(const struct plan *plan, FILE *out)
{
	bool scaled = false;

	for (unsigned i = 0; i < PLAN_ROWS; i++)
		scaled |= !plan->rows[i].why[0] && plan_is_scaled(&plan->rows[i]);
	fprintf(out,
		"\nBytes are the engine's own books after booting this machine; \"64-byte\" is what descriptors of that size\n"
		"would take. Lazy rows pay the rest when memory is first used. Times: fastest of up to three boots in the\n"
		"hosted port, its page faults included, but the memory of descriptors touched before; late: %u worker%s.\n",
		plan->workers, plan->workers == 1 ? "" : "s");
	if (scaled)
		fprintf(out,
			"~ worked out: descriptors too many to write here are counted and multiplied by the rate measured on a\n"
			"  machine with 64 MiB of them; hand-over, watermarks and frames follow from the lazy boot.\n");
}

void plan_text(const struct plan *plan, const struct plan_title *title, FILE *out)
{
	heading(plan, title, out);
	space(plan, out);
	work(plan, out);
	times(plan, out);
	nodes(plan, out);
	footnotes(plan, out);
}

/* --- sweeps --------------------------------------------------------------------------------------------------------- */

static char *boot_time(char *buffer, const struct plan_row *row)
{
	struct plan_stage sum = { NULL, plan_boot_ns(row), plan_is_scaled(row) ? PLAN_SCALED : PLAN_MEASURED };

	return stage_time(buffer, &sum);
}

/* The reason, if it is the same for all models: then it is the geometry's. */
static const char *common_reason(const struct plan *plan)
{
	for (unsigned i = 1; i < PLAN_ROWS; i++)
		if (!plan->rows[i].why[0] || strcmp(plan->rows[i].why, plan->rows[0].why) != 0)
			return NULL;
	return plan->rows[0].why;
}

static void compare_rows(const struct plan *plan, FILE *out)
{
	char a[PLAN_NUMBER_MAX], b[PLAN_NUMBER_MAX], c[PLAN_NUMBER_MAX], d[PLAN_NUMBER_MAX], e[PLAN_NUMBER_MAX];

	if (common_reason(plan)) {
		fprintf(out, "%6s %7s %6u  %-14s impossible: %s\n", plan_bytes(a, plan->page_size),
			plan_bytes(b, plan->section_size), plan->stride, "all", common_reason(plan));
		return;
	}
	for (unsigned model = 0; model < QUIRE_MODELS; model++) {
		const struct plan_row *eager = plan_row_of(plan, model, QUIRE_INIT_EAGER);
		const struct plan_row *deferred = plan_row_of(plan, model, QUIRE_INIT_DEFERRED);
		const struct plan_row *lazy = plan_row_of(plan, model, QUIRE_INIT_LAZY);
		const struct plan_row *impossible = lazy->why[0] ? lazy : eager->why[0] ? eager : deferred;

		plan_bytes(a, plan->page_size);
		plan_bytes(b, plan->section_size);
		fprintf(out, "%6s %7s %6u  %-14s", a, b, plan->stride, quire_model_name(model));
		if (impossible->why[0]) {
			fprintf(out, " impossible: %s\n", impossible->why);
			continue;
		}
		fprintf(out, " %10s %9s %8s", plan_bytes(a, eager->full_bytes), plan_bytes(b, eager->table_bytes),
			percent(c, eager->metadata_bytes, plan->memory_bytes));
		fprintf(out, " %9s", plan_bytes(d, lazy->metadata_bytes));
		fprintf(out, " %9s %9s %9s\n", boot_time(c, eager), boot_time(d, deferred), boot_time(e, lazy));
	}
}

void plan_compare_text(const struct plan *plans, size_t count, const struct plan_title *title, FILE *out)
{
	char memory[PLAN_NUMBER_MAX];
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes = plans[i].memory_bytes > bytes ? plans[i].memory_bytes : bytes;
	fprintf(out, "%s: %s, %s in %u node%s\n\n", title->name, title->arch, plan_bytes(memory, bytes), title->nodes,
		title->nodes == 1 ? "" : "s");
	fprintf(out, "%6s %7s %6s  %-14s %10s %9s %8s %9s %9s %9s %9s\n", "page", "section", "stride", "model", "in full",
		"tables", "of mem.", "lazy boot", "t eager", "deferred", "lazy");
	for (size_t i = 0; i < count; i++) {
		if (i && plans[i].page_size != plans[i - 1].page_size)
			fputc('\n', out);
		compare_rows(&plans[i], out);
	}
	fprintf(out,
		"\nin full: descriptors once all memory was used; tables: of sections and nodes, usage maps; of mem.: all\n"
		"metadata after an eager boot; lazy boot: all metadata after a lazy one. Then the time of a boot under each\n"
		"policy on this host, ~ where more descriptors than could be written here were counted and multiplied by\n"
		"a measured rate.\n");
}
