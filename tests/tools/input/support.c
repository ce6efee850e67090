#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support.h"

enum quire_status feed(struct input *in, text_reader reader, const char *text)
{
	struct textfile file;
	enum quire_status status = textfile_from_memory(&file, "text", text, strlen(text));

	assert_int_equal(status, QUIRE_OK);
	status = reader(in, &file);
	textfile_free(&file);
	return status;
}

enum quire_status load_log(struct input *in, const struct input_options *options, const char *log)
{
	enum quire_status status;

	assert_int_equal(input_init(in, options), QUIRE_OK);
	status = feed(in, input_read_dmesg, log);
	return status == QUIRE_OK ? input_finish(in) : status;
}

bool has_note(const struct input *in, enum quire_log_level level, size_t line, const char *text)
{
	for (size_t i = 0; i < in->note_count; i++) {
		const struct input_note *note = &in->notes[i];

		if (note->level <= level && (!line || note->line == line) && strstr(note->text, text))
			return true;
	}
	return false;
}

size_t notes_at(const struct input *in, enum quire_log_level level)
{
	size_t count = 0;

	for (size_t i = 0; i < in->note_count; i++)
		count += in->notes[i].level <= level;
	return count;
}

void assert_map(const struct quire_machine *m, size_t i, uint64_t base, uint64_t size, enum quire_memory_type type)
{
	assert_true(i < m->map_count);
	assert_int_equal(m->map[i].base, base);
	assert_int_equal(m->map[i].size, size);
	assert_int_equal(m->map[i].type, type);
}

size_t cpus_enabled(const struct quire_machine *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->cpu_count; i++)
		count += m->cpus[i].enabled;
	return count;
}

void temporary_folder(char path[256])
{
	const char *where = getenv("TMPDIR");

	snprintf(path, 256, "%s/quire-test-XXXXXX", where && strlen(where) < 200 ? where : "/tmp");
	assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

void remove_folder(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void write_file(const char *folder, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}
