/*
 * Whole files as lines. The table of line starts is 4 bytes a line, so that ten megabytes of newlines stay affordable;
 * a line's end is found from the next line's start.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "textfile.h"

static const char *next_newline(const struct textfile *file, const char *from)
{
	return memchr(from, '\n', (size_t)(file->data + file->size - from));
}

/* Fill the table of line starts; an existing one is used again. */
static enum quire_status index_lines(struct textfile *file)
{
	size_t count = 0, line = 0;

	for (const char *at = next_newline(file, file->data); at; at = next_newline(file, at + 1))
		count++;
	if (file->size && file->data[file->size - 1] != '\n')
		count++;
	if (!file->starts)
		file->starts = malloc((count + 1) * sizeof(file->starts[0]));
	if (!file->starts)
		return QUIRE_ENOMEM;
	file->starts[0] = 0;
	for (const char *at = next_newline(file, file->data); at; at = next_newline(file, at + 1))
		file->starts[++line] = (uint32_t)(at + 1 - file->data);
	/* A last line without a newline ends where the next would start had it one. */
	if (line < count)
		file->starts[count] = (uint32_t)(file->size + 1);
	file->line_count = count;
	return QUIRE_OK;
}

static enum quire_status read_stream(struct textfile *file, FILE *stream, size_t limit)
{
	size_t room = 0;

	for (;;) {
		if (file->size + 1 >= room) {
			size_t bigger = room ? room * 2 : 16384;
			char *data = realloc(file->data, bigger);

			if (!data)
				return QUIRE_ENOMEM;
			file->data = data;
			room = bigger;
		}
		size_t got = fread(file->data + file->size, 1, room - file->size - 1, stream);

		if (got == 0)
			break;
		file->size += got;
		if (file->size > limit)
			return QUIRE_ERANGE;
	}
	file->data[file->size] = '\0';
	return ferror(stream) ? QUIRE_EPLATFORM : QUIRE_OK;
}

static enum quire_status finish(struct textfile *file, enum quire_status status, const char *name)
{
	int saved = errno;

	if (status == QUIRE_OK) {
		file->path = strdup(name);
		status = file->path ? index_lines(file) : QUIRE_ENOMEM;
	}
	if (status != QUIRE_OK)
		textfile_free(file);
	errno = saved;
	return status;
}

enum quire_status textfile_read(struct textfile *file, const char *path, size_t limit)
{
	bool standard_input = strcmp(path, "-") == 0;
	FILE *stream;
	enum quire_status status;
	int saved;

	memset(file, 0, sizeof(*file));
	if (limit == 0 || limit > UINT32_MAX - 2)
		limit = TEXTFILE_LIMIT;
	errno = 0;
	stream = standard_input ? stdin : fopen(path, "rb");
	if (!stream)
		return errno == ENOENT || errno == ENOTDIR ? QUIRE_ENOENT : QUIRE_EPLATFORM;
	status = read_stream(file, stream, limit);
	saved = errno;
	if (!standard_input)
		fclose(stream);
	errno = saved;
	return finish(file, status, path);
}

enum quire_status textfile_from_memory(struct textfile *file, const char *name, const void *data, size_t size)
{
	memset(file, 0, sizeof(*file));
	if (size > UINT32_MAX - 2)
		return QUIRE_ERANGE;
	file->data = malloc(size + 1);
	if (!file->data)
		return QUIRE_ENOMEM;
	if (size)
		memcpy(file->data, data, size);
	file->data[size] = '\0';
	file->size = size;
	return finish(file, QUIRE_OK, name);
}

void textfile_free(struct textfile *file)
{
	free(file->path);
	free(file->data);
	free(file->starts);
	memset(file, 0, sizeof(*file));
}

/* "[    2.220333] ": blanks, seconds, a point and six digits. */
static size_t stamp_length(const char *at, size_t length)
{
	size_t i = 1, seconds;

	if (length < 11 || at[0] != '[')
		return 0;
	while (i < length && at[i] == ' ')
		i++;
	for (seconds = i; i < length && at[i] >= '0' && at[i] <= '9'; i++)
		;
	if (i == seconds || length - i < 9 || at[i] != '.')
		return 0;
	for (unsigned digit = 1; digit <= 6; digit++) {
		if (at[i + digit] < '0' || at[i + digit] > '9')
			return 0;
	}
	return at[i + 7] == ']' && at[i + 8] == ' ' ? i + 9 : 0;
}

size_t textfile_drop_messages(struct textfile *file)
{
	size_t to = 0, from = 0, dropped = 0;

	while (from < file->size) {
		if (file->data[from] == '[' && stamp_length(file->data + from, file->size - from)) {
			const char *end = memchr(file->data + from, '\n', file->size - from);

			from = end ? (size_t)(end - file->data) + 1 : file->size;
			dropped++;
			continue;
		}
		file->data[to++] = file->data[from++];
	}
	if (!dropped)
		return 0;
	file->size = to;
	file->data[to] = '\0';
	/* There are fewer lines than before: the table of their starts has room. */
	index_lines(file);
	return dropped;
}

struct text_slice textfile_line(const struct textfile *file, size_t index)
{
	struct text_slice line = { "", 0 };

	if (index >= file->line_count)
		return line;
	line.at = file->data + file->starts[index];
	line.length = file->starts[index + 1] - file->starts[index] - 1;
	if (line.length && line.at[line.length - 1] == '\r')
		line.length--;
	return line;
}

struct text_slice textfile_message(const struct textfile *file, size_t index)
{
	return text_strip_log_prefix(textfile_line(file, index));
}
