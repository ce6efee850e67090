/* How a descriptor's flags word is divided: the kernel's whose books we keep, in its log's wording, then our own. */
#include "report/print.h"

static void emit_line(void *ctx, const char *line)
{
	qi_print(ctx, "%s\n", line);
}

static void field(const struct quire_report_sink *sink, const char *name, struct quire_page_field field)
{
	if (field.width)
		qi_print(sink, ", %s %u bits at %u", name, field.width, field.shift);
}

void quire_report_layout(const struct quire *q, const struct quire_report_sink *sink)
{
	struct quire_page_layout_params params;
	struct quire_page_layout layout;
	const char *why = NULL;

	quire_page_layout_linux(&q->config, &params);
	if (quire_page_layout_compute(&params, &layout, &why) == QUIRE_OK)
		quire_page_layout_print(&layout, emit_line, (void *)(uintptr_t)sink);
	else
		qi_print(sink, "page flags do not fit: %s\n", why ? why : "too many fields");
	quire_page_layout_own(&q->config, &params);
	if (quire_page_layout_compute(&params, &layout, &why) != QUIRE_OK) {
		qi_print(sink, "quire: flags do not fit: %s\n", why ? why : "too many fields");
		return;
	}
	qi_print(sink, "quire: %u flags in a word of %u bits", params.flags, params.word_bits);
	field(sink, "section", layout.section);
	field(sink, "node", layout.node);
	field(sink, "zone", layout.zone);
	qi_print(sink, "%s\n", layout.node.width || !params.nodes_shift ? "" : "; node by section number");
}
