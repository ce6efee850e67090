/* A verification as one JSON document. */
#include "findings.h"

#include <inttypes.h>

static void print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_list(FILE *out, const struct findings *f, const char *name, enum finding_kind kind)
{
	bool first = true;

	fprintf(out, ",\n      \"%s\": [", name);
	for (size_t i = 0; i < f->list.count; i++) {
		const struct finding *finding = &f->list.items[i];

		if (finding->kind != kind)
			continue;
		fputs(first ? "\n        { " : ",\n        { ", out);
		first = false;
		fputs(kind == FINDING_REMARK ? "\"text\": " : "\"item\": ", out);
		print_string(out, kind == FINDING_REMARK ? finding->ours : finding->item);
		if (kind != FINDING_REMARK) {
			fputs(", \"ours\": ", out);
			print_string(out, finding->ours);
			fputs(", \"theirs\": ", out);
			print_string(out, finding->theirs);
		}
		if (finding->file[0]) {
			fputs(", \"file\": ", out);
			print_string(out, finding->file);
			fprintf(out, ", \"line\": %zu", finding->line);
		}
		fputs(" }", out);
	}
	fputs(first ? "]" : "\n      ]", out);
}

void findings_print_json(const struct findings *f, size_t count, const struct verify_options *options)
{
	uint64_t checked = 0, different = 0;
	FILE *out = options->out;

	fputs("{\n  \"captures\": [", out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n    {\n      \"name\": " : "\n    {\n      \"name\": ", out);
		print_string(out, f[i].capture);
		fprintf(out,
			",\n      \"verified\": %s,\n      \"checked\": %" PRIu64 ",\n      \"different\": %" PRIu64
			",\n      \"unavailable\": %" PRIu64 ",\n      \"estimated\": %" PRIu64,
			f[i].failed ? "false" : "true", f[i].checked, f[i].different, f[i].unavailable, f[i].estimates);
		print_list(out, &f[i], "differences", FINDING_DIFFERENCE);
		print_list(out, &f[i], "estimates", FINDING_ESTIMATE);
		print_list(out, &f[i], "notes", FINDING_REMARK);
		fputs("\n    }", out);
		checked += f[i].checked;
		different += f[i].different;
	}
	fprintf(out, "\n  ],\n  \"checked\": %" PRIu64 ",\n  \"different\": %" PRIu64 "\n}\n", checked, different);
}
