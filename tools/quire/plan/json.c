/* Plans as JSON. Sizes are bytes, times nanoseconds. */
#include "json.h"

#include "plan.h"

static const char *source_name(enum plan_source source)
{
	switch (source) {
	case PLAN_MEASURED:
		return "measured";
	case PLAN_SCALED:
		return "descriptors times measured rate";
	default:
		return "measured under lazy";
	}
}

static void stages(const struct plan_row *row, struct json *json)
{
	json_unsigned(json, "boot_ns", plan_boot_ns(row));
	json_bool(json, "measured", !plan_is_scaled(row));
	json_open(json, "stages", '[');
	for (unsigned stage = 0; stage < QUIRE_STAGES; stage++) {
		if (!row->stages[stage].name)
			continue;
		json_row(json, NULL, '{');
		json_text(json, "name", row->stages[stage].name);
		json_unsigned(json, "ns", row->stages[stage].ns);
		json_text(json, "source", source_name(row->stages[stage].source));
		json_close(json);
	}
	json_close(json);
}

static void one_row(const struct plan *plan, const struct plan_row *row, struct json *json)
{
	json_open(json, NULL, '{');
	json_text(json, "model", quire_model_name(row->model));
	json_text(json, "init", quire_init_policy_name(row->init));
	json_bool(json, "possible", !row->why[0]);
	if (row->why[0]) {
		json_text(json, "reason", row->why);
		json_close(json);
		return;
	}
	json_unsigned(json, "descriptor_bytes", row->descriptor_bytes);
	json_unsigned(json, "descriptor_bytes_in_full_use", row->full_bytes);
	json_unsigned(json, "descriptor_bytes_at_64", row->full_bytes / plan->stride * 64);
	json_unsigned(json, "table_bytes", row->table_bytes);
	json_unsigned(json, "metadata_bytes", row->metadata_bytes);
	json_unsigned(json, "early_descriptors", row->early);
	json_unsigned(json, "early_bytes", row->early * plan->stride);
	json_unsigned(json, "late_descriptors", row->late);
	json_unsigned(json, "late_bytes", row->late * plan->stride);
	json_unsigned(json, "free_frames", row->free_frames);
	json_bool(json, "free_frames_measured", !row->free_computed);
	stages(row, json);
	json_close(json);
}

static void one_node(const struct plan *plan, const struct plan_node *node, struct json *json)
{
	json_row(json, NULL, '{');
	json_signed(json, "nid", node->nid);
	json_unsigned(json, "memory_bytes", node->memory_bytes);
	json_open(json, "descriptor_bytes_in_full_use", '{');
	for (unsigned model = 0; model < QUIRE_MODELS; model++) {
		if (plan_row_of(plan, model, QUIRE_INIT_LAZY)->why[0])
			json_null(json, quire_model_name(model));
		else
			json_unsigned(json, quire_model_name(model), node->full_bytes[model]);
	}
	json_close(json);
	json_close(json);
}

static void one_plan(const struct plan *plan, struct json *json)
{
	json_open(json, NULL, '{');
	json_unsigned(json, "page_size", plan->page_size);
	json_unsigned(json, "section_size", plan->section_size);
	json_unsigned(json, "descriptor_size", plan->stride);
	json_unsigned(json, "physical_address_bits", plan->address_bits);
	json_unsigned(json, "workers", plan->workers);
	json_unsigned(json, "memory_bytes", plan->memory_bytes);
	json_open(json, "rows", '[');
	for (unsigned i = 0; i < PLAN_ROWS; i++)
		one_row(plan, &plan->rows[i], json);
	json_close(json);
	json_open(json, "nodes", '[');
	for (size_t i = 0; i < plan->node_count; i++)
		one_node(plan, &plan->nodes[i], json);
	json_close(json);
	json_close(json);
}

void plan_json(const struct plan *plans, size_t count, const struct plan_title *title, FILE *out)
{
	struct json json;

	json_init(&json, out);
	json_open(&json, NULL, '{');
	json_row(&json, "machine", '{');
	json_text(&json, "name", title->name);
	json_text(&json, "arch", title->arch);
	json_unsigned(&json, "nodes", title->nodes);
	json_close(&json);
	json_open(&json, "plans", '[');
	for (size_t i = 0; i < count; i++)
		one_plan(&plans[i], &json);
	json_close(&json);
	json_close(&json);
}
