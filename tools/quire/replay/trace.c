/* Lines of a trace from a file that may be compressed. zlib passes plain text through. */
#include "replay/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER ((size_t)1 << 17)

struct trace_reader {
	gzFile file;
	off_t size;			/* of the file on disk, 0: not known */
	const char *failed;
	struct trace_counts counts;
	size_t at, end;			/* what is left in the buffer */
	bool ended;
	char buffer[BUFFER];
};

struct trace_reader *trace_open(const char *path, enum quire_status *status)
{
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	struct stat info;

	*status = QUIRE_ENOMEM;
	if (!reader)
		return NULL;
	errno = 0;
	if (strcmp(path, "-") == 0) {
		int input = dup(STDIN_FILENO);

		reader->file = input < 0 ? NULL : gzdopen(input, "rb");
	} else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
		errno = EISDIR;
	} else {
		reader->file = gzopen(path, "rb");
		reader->size = reader->file && S_ISREG(info.st_mode) ? info.st_size : 0;
	}
	if (!reader->file) {
		*status = errno == ENOENT ? QUIRE_ENOENT : errno ? QUIRE_EPLATFORM : QUIRE_ENOMEM;
		free(reader);
		return NULL;
	}
	*status = QUIRE_OK;
	return reader;
}

/* More bytes behind what is left of the buffer, which moves to its front. */
static void fill(struct trace_reader *reader)
{
	int got;

	memmove(reader->buffer, reader->buffer + reader->at, reader->end - reader->at);
	reader->end -= reader->at;
	reader->at = 0;
	got = gzread(reader->file, reader->buffer + reader->end, (unsigned)(BUFFER - reader->end));
	if (got <= 0)
		reader->ended = true;
	else
		reader->end += (size_t)got;
}

/* A line longer than TRACE_LINE is cut, however long it is; a last line without an end is one too. */
static bool read_line(struct trace_reader *reader, struct text_slice *line, char cut[TRACE_LINE])
{
	bool is_cut = false;

	for (;;) {
		const char *start = reader->buffer + reader->at;
		size_t left = reader->end - reader->at;
		const char *newline = left ? memchr(start, '\n', left) : NULL;
		size_t length = newline ? (size_t)(newline - start) : left;

		if (!newline && !reader->ended && left < TRACE_LINE) {
			fill(reader);
			continue;
		}
		if (!newline && !left && !is_cut)
			return false;
		if (!is_cut)
			*line = (struct text_slice){ start, length < TRACE_LINE ? length : TRACE_LINE };
		reader->at += length + (newline != NULL);
		if (newline || reader->ended)
			return true;
		if (!is_cut) {
			memcpy(cut, line->at, line->length);
			line->at = cut;
		}
		is_cut = true;
	}
}

static void end_of_file(struct trace_reader *reader)
{
	int code = Z_OK;
	const char *text = gzerror(reader->file, &code);

	if (code == Z_ERRNO)
		reader->failed = strerror(errno);
	else if (code == Z_BUF_ERROR)
		reader->failed = "the compressed data end too early";
	else if (code != Z_OK && code != Z_STREAM_END)
		reader->failed = text && *text ? text : "the compressed data are damaged";
}

bool trace_next(struct trace_reader *reader, struct trace_event *event)
{
	struct trace_counts *counts = &reader->counts;
	struct text_slice line;
	char cut[TRACE_LINE];

	while (read_line(reader, &line, cut)) {
		enum trace_line kind = trace_parse(line, event);

		counts->lines++;
		if (kind == TRACE_MALFORMED && !counts->malformed++)
			counts->first_malformed = counts->lines;
		if (kind != TRACE_EVENT)
			continue;
		event->line = counts->lines;
		counts->events[event->kind]++;
		counts->lost += event->lost;
		return true;
	}
	end_of_file(reader);
	return false;
}

const char *trace_failed(const struct trace_reader *reader)
{
	return reader->failed;
}

const struct trace_counts *trace_counts(const struct trace_reader *reader)
{
	return &reader->counts;
}

int trace_progress(const struct trace_reader *reader)
{
	z_off_t at = reader->size ? gzoffset(reader->file) : -1;

	return at < 0 ? -1 : (int)(at * 1000 / reader->size);
}

void trace_close(struct trace_reader *reader)
{
	if (!reader)
		return;
	gzclose(reader->file);
	free(reader);
}
