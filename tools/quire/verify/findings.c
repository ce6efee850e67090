/* The record of a verification and its text form; the JSON form is in findings_json.c. */
#include "findings.h"

#include <inttypes.h>
#include <stdarg.h>

/* The file's name is copied: whoever gave it may be gone when results are printed. */
static void set_origin(struct finding *finding, const char *stage, struct origin origin)
{
	const char *file = origin.file ? origin.file : "";
	char staged[4 * sizeof(finding->file)];
	size_t length;

	/* steps.txt lies beside the stages' folders, not in one. */
	if (stage && *file && strcmp(file, "steps.txt") != 0) {
		snprintf(staged, sizeof(staged), "%s/%s", stage, file);
		file = staged;
	}
	length = strlen(file);

	if (length >= sizeof(finding->file))
		file += length - sizeof(finding->file) + 1;
	snprintf(finding->file, sizeof(finding->file), "%s", file);
	finding->line = origin.line;
}

static struct finding *add(struct findings *f, enum finding_kind kind, struct origin origin, const char *item,
			   va_list arguments)
{
	struct finding *finding = LIST_ADD(&f->list);
	int length = 0;

	if (!finding)
		return NULL;
	finding->kind = kind;
	set_origin(finding, f->stage, origin);
	if (f->stage)
		length = snprintf(finding->item, sizeof(finding->item), "%s: ", f->stage);
	if (length >= 0 && (size_t)length < sizeof(finding->item))
		vsnprintf(finding->item + length, sizeof(finding->item) - (size_t)length, item, arguments);
	return finding;
}

static bool compare(struct findings *f, struct origin origin, const char *format, uint64_t ours, uint64_t theirs,
		    const char *item, va_list arguments)
{
	struct finding *finding;

	f->checked++;
	if (ours == theirs)
		return true;
	f->different++;
	finding = add(f, FINDING_DIFFERENCE, origin, item, arguments);
	if (finding) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(finding->ours, sizeof(finding->ours), format, ours);
		snprintf(finding->theirs, sizeof(finding->theirs), format, theirs);
#pragma GCC diagnostic pop
	}
	return false;
}

bool findings_number(struct findings *f, struct origin origin, uint64_t ours, uint64_t theirs, const char *item, ...)
{
	va_list arguments;
	bool equal;

	va_start(arguments, item);
	equal = compare(f, origin, "%" PRIu64, ours, theirs, item, arguments);
	va_end(arguments);
	return equal;
}

bool findings_address(struct findings *f, struct origin origin, uint64_t ours, uint64_t theirs, const char *item, ...)
{
	va_list arguments;
	bool equal;

	va_start(arguments, item);
	equal = compare(f, origin, "%#" PRIx64, ours, theirs, item, arguments);
	va_end(arguments);
	return equal;
}

bool findings_text(struct findings *f, struct origin origin, const char *ours, const char *theirs, const char *item,
		   ...)
{
	struct finding *finding;
	va_list arguments;

	f->checked++;
	if (strcmp(ours, theirs) == 0)
		return true;
	f->different++;
	va_start(arguments, item);
	finding = add(f, FINDING_DIFFERENCE, origin, item, arguments);
	va_end(arguments);
	if (finding) {
		snprintf(finding->ours, sizeof(finding->ours), "%s", ours);
		snprintf(finding->theirs, sizeof(finding->theirs), "%s", theirs);
	}
	return false;
}

void findings_estimate(struct findings *f, struct origin origin, uint64_t ours, uint64_t theirs, const char *item, ...)
{
	struct finding *finding;
	va_list arguments;
	int64_t error = (int64_t)(ours - theirs);

	f->estimates++;
	va_start(arguments, item);
	finding = add(f, FINDING_ESTIMATE, origin, item, arguments);
	va_end(arguments);
	if (finding) {
		double percent = theirs ? 100.0 * (double)error / (double)theirs : 0;

		snprintf(finding->ours, sizeof(finding->ours), "%" PRIu64 " (estimate, error %+" PRId64 ", %+.3f %%)",
			 ours, error, percent);
		snprintf(finding->theirs, sizeof(finding->theirs), "%" PRIu64, theirs);
	}
}

void findings_missing(struct findings *f, uint64_t count)
{
	f->unavailable += count;
}

void findings_remark(struct findings *f, struct origin origin, const char *text, ...)
{
	struct finding *finding = LIST_ADD(&f->list);
	va_list arguments;

	if (!finding)
		return;
	finding->kind = FINDING_REMARK;
	set_origin(finding, f->stage, origin);
	va_start(arguments, text);
	vsnprintf(finding->ours, sizeof(finding->ours), text, arguments);
	va_end(arguments);
}

void findings_free(struct findings *f)
{
	LIST_FREE(&f->list);
}

static void print_origin(FILE *out, const struct finding *finding)
{
	if (!finding->file[0])
		return;
	if (finding->line)
		fprintf(out, " (%s:%zu)", finding->file, finding->line);
	else
		fprintf(out, " (%s)", finding->file);
}

static void print_finding(const struct findings *f, const struct finding *finding, FILE *out)
{
	if (finding->kind == FINDING_REMARK)
		fprintf(out, "%s: note: %s", f->capture, finding->ours);
	else
		fprintf(out, "%s: %s: ours %s theirs %s", f->capture, finding->item, finding->ours, finding->theirs);
	print_origin(out, finding);
	fputc('\n', out);
}

void findings_print(const struct findings *f, const struct verify_options *options)
{
	unsigned limit = options->difference_limit ? options->difference_limit : 40, shown = 0;

	for (size_t i = 0; i < f->list.count; i++) {
		const struct finding *finding = &f->list.items[i];

		if (finding->kind == FINDING_DIFFERENCE && shown++ >= limit)
			continue;
		print_finding(f, finding, options->out);
	}
	if (shown > limit)
		fprintf(options->out, "%s: … and %u more\n", f->capture, shown - limit);
	if (f->skipped) {
		fprintf(options->out, "%s: skipped\n", f->capture);
		return;
	}
	if (f->failed)
		fprintf(options->out, "%s: could not be verified\n", f->capture);
	else
		fprintf(options->out, "%s: %" PRIu64 " items checked, %" PRIu64 " differ\n", f->capture, f->checked,
			f->different);
	if (options->verbose)
		fprintf(options->out, "%s: %" PRIu64 " not available, %" PRIu64 " estimated\n", f->capture,
			f->unavailable, f->estimates);
}

void findings_print_table(const struct findings *f, size_t count, const struct verify_options *options)
{
	uint64_t checked = 0, different = 0, unavailable = 0, estimates = 0;
	int width = 7;

	for (size_t i = 0; i < count; i++)
		if ((int)strlen(f[i].capture) > width)
			width = (int)strlen(f[i].capture);
	fprintf(options->out, "\n%-*s %9s %7s %14s %9s\n", width, "capture", "checked", "differ", "not available",
		"estimated");
	for (size_t i = 0; i < count; i++) {
		fprintf(options->out, "%-*s %9" PRIu64 " %7" PRIu64 " %14" PRIu64 " %9" PRIu64 "%s\n", width,
			f[i].capture, f[i].checked, f[i].different, f[i].unavailable, f[i].estimates,
			f[i].failed ? "  failed" : f[i].skipped ? "  skipped" : "");
		checked += f[i].checked;
		different += f[i].different;
		unavailable += f[i].unavailable;
		estimates += f[i].estimates;
	}
	fprintf(options->out, "%-*s %9" PRIu64 " %7" PRIu64 " %14" PRIu64 " %9" PRIu64 "\n", width, "total", checked,
		different, unavailable, estimates);
	fprintf(options->out, "%" PRIu64 " items checked, %" PRIu64 " differ\n", checked, different);
}
