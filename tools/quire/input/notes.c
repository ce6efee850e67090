/*
 * Notes: what the readers have to say to the user. Their number per input is bounded, because ten megabytes of broken
 * lines must not become ten megabytes of notes; what is left out is counted and said.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../printable.h"
#include "facts.h"

#define MOST_NOTES 100
#define MOST_ERRORS 50		/* beyond the others: what went wrong in the end must not be crowded out */

static struct input_note *append_note(struct input *in, enum quire_log_level level, const char *source)
{
	struct input_note *note;

	/* Room grows at powers of two. */
	if ((in->note_count & (in->note_count - 1)) == 0) {
		size_t room = in->note_count ? in->note_count * 2 : 1;
		struct input_note *notes = realloc(in->notes, room * sizeof(notes[0]));

		if (!notes)
			return NULL;
		in->notes = notes;
	}
	note = &in->notes[in->note_count++];
	*note = (struct input_note){ .level = level, .source = strdup(source ? source : "") };
	return note;
}

static struct input_note *new_note(struct input *in, enum quire_log_level level, const char *source)
{
	size_t most = level == QUIRE_LOG_ERROR ? MOST_NOTES + MOST_ERRORS : MOST_NOTES;
	struct input_note *note;

	if (in->note_count < most)
		return append_note(in, level, source);
	if (!in->notes_cut) {
		in->notes_cut = true;
		note = append_note(in, QUIRE_LOG_WARNING, "");
		if (note)
			note->text = strdup("there is more to say than is listed here; the rest is left out");
	}
	return NULL;
}

void input_note(struct input *in, enum quire_log_level level, const char *source, size_t line, const char *format, ...)
{
	struct input_note *note = new_note(in, level, source);
	char text[640];
	va_list arguments;

	if (!note)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Bytes of a hostile file may have come along. */
	printable(text);
	note->line = line;
	note->text = strdup(text);
}

void input_odd(struct input *in, const char *path, size_t line, const char *what, struct text_slice text)
{
	char quoted[160];
	size_t length = 0;

	/* A line of a hostile file: bytes beyond ASCII may be half a character, or steer a terminal. */
	while (length < text.length && length < sizeof(quoted) - 1) {
		quoted[length] = text.at[length] >= ' ' && text.at[length] <= '~' ? text.at[length] : '?';
		length++;
	}
	quoted[length] = '\0';
	input_note(in, QUIRE_LOG_WARNING, path, line, "%s: \"%s%s\"", what, quoted, length < text.length ? "…" : "");
}

void input_note_offset(struct input *in, enum quire_log_level level, const char *source, size_t offset, const char *text)
{
	size_t before = in->note_count;

	input_note(in, level, source, 0, "%s", text);
	if (in->note_count > before) {
		in->notes[before].offset = offset;
		in->notes[before].has_offset = true;
	}
}

void input_out_of_memory(struct input *in)
{
	input_note(in, QUIRE_LOG_ERROR, in->name, 0, "out of memory while reading");
}

void input_add_file(struct input *in, const char *path)
{
	char **files = realloc(in->files, (in->file_count + 1) * sizeof(files[0]));

	if (!files)
		return;
	in->files = files;
	files[in->file_count] = strdup(path);
	if (files[in->file_count])
		in->file_count++;
}

void input_forget_notes(struct input *in)
{
	for (size_t i = 0; i < in->note_count; i++) {
		free(in->notes[i].source);
		free(in->notes[i].text);
	}
	free(in->notes);
	in->notes = NULL;
	in->note_count = 0;
}

void input_print_notes(const struct input *in, FILE *stream, enum quire_log_level level)
{
	static const char *const words[] = { "error", "warning", "note", "debug" };

	for (size_t i = 0; i < in->note_count; i++) {
		const struct input_note *note = &in->notes[i];

		if (note->level > level)
			continue;
		if (note->source && note->source[0])
			fprintf(stream, "%s:", note->source);
		if (note->line)
			fprintf(stream, "%zu:", note->line);
		else if (note->has_offset)
			fprintf(stream, "byte %zu:", note->offset);
		fprintf(stream, "%s%s: %s\n", note->source && note->source[0] ? " " : "", words[note->level & 3],
			note->text ? note->text : "");
	}
}
