/* A verification as one JSON document. */
#include "../json.h"
#include "findings.h"

static void put_finding(struct json *json, const struct finding *finding)
{
	json_row(json, NULL, '{');
	if (finding->kind == FINDING_REMARK) {
		json_text(json, "text", finding->ours);
	} else {
		json_text(json, "item", finding->item);
		json_text(json, "ours", finding->ours);
		json_text(json, "theirs", finding->theirs);
	}
	if (finding->file[0]) {
		json_text(json, "file", finding->file);
		json_unsigned(json, "line", finding->line);
	}
	json_close(json);
}

static void put_list(struct json *json, const struct findings *f, const char *name, enum finding_kind kind)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < f->list.count; i++)
		if (f->list.items[i].kind == kind)
			put_finding(json, &f->list.items[i]);
	json_close(json);
}

void findings_print_json(const struct findings *f, size_t count, const struct verify_options *options)
{
	uint64_t checked = 0, different = 0;
	struct json json;

	json_init(&json, options->out);
	json_open(&json, NULL, '{');
	json_open(&json, "captures", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&json, NULL, '{');
		json_text(&json, "name", f[i].capture);
		json_bool(&json, "verified", !f[i].failed && !f[i].skipped);
		json_bool(&json, "skipped", f[i].skipped);
		json_unsigned(&json, "checked", f[i].checked);
		json_unsigned(&json, "different", f[i].different);
		json_unsigned(&json, "unavailable", f[i].unavailable);
		json_unsigned(&json, "estimated", f[i].estimates);
		put_list(&json, &f[i], "differences", FINDING_DIFFERENCE);
		put_list(&json, &f[i], "estimates", FINDING_ESTIMATE);
		put_list(&json, &f[i], "notes", FINDING_REMARK);
		json_close(&json);
		checked += f[i].checked;
		different += f[i].different;
	}
	json_close(&json);
	json_unsigned(&json, "checked", checked);
	json_unsigned(&json, "different", different);
	json_close(&json);
}
