/* JSON: what was read and how it was understood. */
#include "show.h"

static const char *level_name(enum quire_log_level level)
{
	switch (level) {
	case QUIRE_LOG_ERROR:
		return "error";
	case QUIRE_LOG_WARNING:
		return "warning";
	case QUIRE_LOG_INFO:
		return "info";
	default:
		return "debug";
	}
}

static void notes(const struct input *in, struct json *json)
{
	json_open(json, "notes", '[');
	for (size_t i = 0; i < in->note_count; i++) {
		const struct input_note *note = &in->notes[i];

		json_row(json, NULL, '{');
		json_text(json, "level", level_name(note->level));
		json_text(json, "file", note->source);
		if (note->line)
			json_unsigned(json, "line", note->line);
		if (note->has_offset)
			json_unsigned(json, "offset", note->offset);
		json_text(json, "text", note->text);
		json_close(json);
	}
	json_close(json);
}

static void command_line(const struct input *in, struct json *json)
{
	json_text(json, "command_line", in->command_line);
	json_open(json, "ignored_words", '[');
	for (size_t i = 0; i < in->ignored_count; i++) {
		json_row(json, NULL, '{');
		json_text(json, "word", in->ignored[i].word);
		json_text(json, "why", in->ignored[i].why);
		json_close(json);
	}
	json_close(json);
}

static void config(const struct quire_config *c, struct json *json)
{
	json_open(json, "config", '{');
	json_text(json, "rules", c->rules >= QUIRE_RULES_6_12 ? "6.12" : "6.1");
	json_unsigned(json, "page_size", UINT64_C(1) << quire_page_shift(c));
	json_unsigned(json, "section_size", UINT64_C(1) << quire_section_shift(c));
	json_unsigned(json, "max_order", quire_max_order(c));
	json_unsigned(json, "pageblock_order", quire_pageblock_order(c));
	json_text(json, "model", quire_model_name(quire_model(c)));
	json_text(json, "init", quire_init_policy_name(c->init));
	json_unsigned(json, "descriptor_size", quire_page_stride(c));
	json_unsigned(json, "kernel_descriptor_size", c->geometry.page_struct_size);
	json_close(json);
}

void json_machine(const struct simulation *s, struct json *json)
{
	const struct input *in = &s->in;

	json_open(json, "machine", '{');
	json_text(json, "name", in->name);
	json_text(json, "arch", quire_arch_name(in->machine.arch));
	json_text(json, "kernel_release", in->kernel_release);
	json_bool(json, "rules_approximate", in->rules_approximate);
	json_bool(json, "reservations_replayed", s->replayed);
	json_unsigned(json, "cpus", s->q->topology.cpu_count);
	json_row(json, "files", '[');
	for (size_t i = 0; i < in->file_count; i++)
		json_text(json, NULL, in->files[i]);
	json_close(json);
	command_line(in, json);
	notes(in, json);
	json_close(json);
	config(&s->q->config, json);
}
