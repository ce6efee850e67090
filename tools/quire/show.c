/* Reports by name, and the text view. */
#include "show.h"

#include <string.h>

#include "printable.h"

static void zones_text(const struct quire *q, const struct quire_report_sink *sink)
{
	quire_report_nodes(q, sink);
	sink->write(sink->ctx, "\n", 1);
	quire_report_zones(q, sink);
}

const struct show_report show_reports[] = {
	{ "log", "zone ranges, node ranges, totals, as the boot log says it", quire_report_boot_log, json_log },
	{ "memblock", "the boot-time ledger: memory and reserved", quire_report_memblock, json_memblock },
	{ "zones", "tables of nodes and zones", zones_text, json_zones },
	{ "fallback", "in which order nodes are asked", quire_report_fallback, json_fallback },
	{ "zonelists", "every zonelist", quire_report_zonelists, json_zonelists },
	{ "zoneinfo", "/proc/zoneinfo", quire_report_zoneinfo, json_zones },
	{ "buddyinfo", "/proc/buddyinfo", quire_report_buddyinfo, json_buddyinfo },
	{ "pagetypeinfo", "/proc/pagetypeinfo", quire_report_pagetypeinfo, json_pagetypeinfo },
	{ "meminfo", "totals of /proc/meminfo", quire_report_meminfo, json_meminfo },
	{ "sections", "sections of the memory model", quire_report_sections, json_sections },
	{ "blocks", "/sys/devices/system/memory", quire_report_memory_blocks, json_blocks },
	{ "layout", "how page flags are divided", quire_report_layout, json_layout },
	{ "costs", "time and space of boot", quire_report_costs, json_costs },
	{ 0 },
};

bool show_parse(const char *list, uint32_t *mask, const char **bad, size_t *length)
{
	uint32_t found = 0;

	for (const char *word = list;; word += *length + 1) {
		unsigned i = 0;

		*length = strcspn(word, ",");
		while (show_reports[i].name &&
		       (strlen(show_reports[i].name) != *length || strncmp(show_reports[i].name, word, *length) != 0))
			i++;
		if (show_reports[i].name) {
			found |= UINT32_C(1) << i;
		} else if (*length == 3 && strncmp(word, "all", 3) == 0) {
			for (unsigned j = 0; show_reports[j].name; j++)
				found |= UINT32_C(1) << j;
		} else {
			*bad = word;
			return false;
		}
		if (!word[*length])
			break;
	}
	*mask = found;
	return true;
}

static void write_to_file(void *ctx, const char *text, size_t length)
{
	fwrite(text, 1, length, ctx);
}

#define LABEL_WIDTH 13
#define LINE_WIDTH 100

/* One more word on a line that began with a label; when it is full, another line begins under the first word. */
static void wrap_word(FILE *out, size_t *column, const char *word, size_t length)
{
	char text[4096];

	if (*column + 1 + length > LINE_WIDTH && *column > LABEL_WIDTH) {
		fprintf(out, "\n%*s", LABEL_WIDTH, "");
		*column = LABEL_WIDTH;
	}
	snprintf(text, sizeof(text), "%.*s", (int)length, word);
	printable(text);
	fprintf(out, " %s", text);
	*column += 1 + length;
}

static void print_command_line(const char *text, FILE *out)
{
	size_t column = LABEL_WIDTH, length;

	fprintf(out, "%-*s", LABEL_WIDTH, "command line");
	for (text += strspn(text, " "); *text; text += length, text += strspn(text, " ")) {
		length = strcspn(text, " ");
		wrap_word(out, &column, text, length);
	}
	fputc('\n', out);
}

static void print_ignored(const struct input *in, FILE *out)
{
	size_t column = LABEL_WIDTH;

	if (!in->ignored_count)
		return;
	fprintf(out, "%-*s", LABEL_WIDTH, "ignored words");
	for (size_t i = 0; i < in->ignored_count; i++)
		wrap_word(out, &column, in->ignored[i].word, strlen(in->ignored[i].word));
	fputc('\n', out);
}

static const char *rules_name(const struct quire_config *config)
{
	return config->rules >= QUIRE_RULES_6_12 ? "6.12" : "6.1";
}

void show_heading(const struct simulation *s, FILE *out)
{
	const struct input *in = &s->in;
	uint64_t ram = quire_memblock_phys_mem_size(&s->q->memblock);
	unsigned online = 0;

	for (unsigned nid = 0; nid < s->q->topology.node_count; nid++)
		online += s->q->topology.nodes[nid] && s->q->topology.nodes[nid]->online;
	fprintf(out, "%s: %s, %llu MiB, %u node%s, %u CPU%s", in->name, quire_arch_name(in->machine.arch),
		(unsigned long long)(ram >> 20), online, online == 1 ? "" : "s", s->q->topology.cpu_count,
		s->q->topology.cpu_count == 1 ? "" : "s");
	if (in->kernel_release)
		fprintf(out, ", Linux %s", in->kernel_release);
	fprintf(out, ", rules of %s%s\n", rules_name(&s->q->config), in->rules_approximate ? " (the nearest known)" : "");
	if (in->command_line && *in->command_line)
		print_command_line(in->command_line, out);
	print_ignored(in, out);
	fprintf(out, "reservations  %s\n\n", s->replayed ? "replayed from the log: managed pages are the kernel's" :
		"estimated: managed pages, and what follows from them, are near the kernel's");
}

void show_text(const struct simulation *s, uint32_t mask, FILE *out)
{
	struct quire_report_sink sink = { write_to_file, out };
	bool several = (mask & (mask - 1)) != 0, first = true;

	for (unsigned i = 0; show_reports[i].name; i++) {
		if (!(mask >> i & 1))
			continue;
		if (several)
			fprintf(out, "%s[%s]\n", first ? "" : "\n", show_reports[i].name);
		first = false;
		show_reports[i].text(s->q, &sink);
	}
}

void show_json(const struct simulation *s, uint32_t mask, FILE *out)
{
	struct json json;
	bool zones = false;

	json_init(&json, out);
	json_open(&json, NULL, '{');
	json_machine(s, &json);
	json_nodes(s->q, &json);
	for (unsigned i = 0; show_reports[i].name; i++) {
		/* "zones" and "zoneinfo" are two texts of the same figures. */
		if (!(mask >> i & 1) || (show_reports[i].json == json_zones && zones))
			continue;
		zones |= show_reports[i].json == json_zones;
		show_reports[i].json(s->q, &json);
	}
	json_close(&json);
}
