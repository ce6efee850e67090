#include "machines.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stages/stages.h"
#include "verify/verify.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t machines_in(const char *directory, char *paths[MACHINES_MAX])
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)) && count < MACHINES_MAX) {
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/dmesg.txt", directory, entry->d_name);
		if (access(path, R_OK) != 0)
			continue;
		*strrchr(path, '/') = 0;
		paths[count++] = strdup(path);
	}
	if (dir)
		closedir(dir);
	qsort(paths, count, sizeof(*paths), by_name);
	return count;
}

void machines_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
}

const char *captures_directory(void)
{
	const char *given = getenv("QUIRE_CAPTURES");

	return given && *given ? given : "../shared/captures";
}

int verify_to_text(char *const *paths, size_t count, char **output)
{
	struct verify_options options = { .stages = stages_verify };
	size_t size;
	int result;

	options.out = open_memstream(output, &size);
	assert_non_null(options.out);
	result = verify_captures(&options, paths, count);
	fclose(options.out);
	return result;
}

static char *read_whole(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data = NULL;
	size_t got = 1;

	*size = 0;
	assert_non_null(file);
	while (got) {
		data = realloc(data, *size + 65537);
		assert_non_null(data);
		got = fread(data + *size, 1, 65536, file);
		*size += got;
	}
	data[*size] = 0;
	fclose(file);
	return data;
}

static void write_changed(FILE *out, const char *data, size_t size, const char *needle, const char *from,
			  const char *to)
{
	const char *line = strstr(data, needle), *start = line, *change;

	if (!line)
		fail_msg("no line with '%s'", needle);
	while (start > data && start[-1] != '\n')
		start--;
	change = strstr(start, from);
	if (!change || change > line + strcspn(line, "\n"))
		fail_msg("no '%s' in the line with '%s'", from, needle);
	fwrite(data, 1, (size_t)(change - data), out);
	fputs(to, out);
	change += strlen(from);
	fwrite(change, 1, size - (size_t)(change - data), out);
}

void machine_copy(const char *machine, const char *file, const char *needle, const char *from, const char *to,
		  char *path, size_t size)
{
	DIR *dir = opendir(machine);
	struct dirent *entry;

	snprintf(path, size, "/tmp/quire-golden-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char source[1024], target[1024];
		bool changed = file && strcmp(entry->d_name, file) == 0;
		size_t length;
		char *data;
		FILE *out;

		if (entry->d_name[0] == '.' || (changed && !to))
			continue;
		snprintf(source, sizeof(source), "%s/%s", machine, entry->d_name);
		snprintf(target, sizeof(target), "%s/%s", path, entry->d_name);
		data = read_whole(source, &length);
		out = fopen(target, "wb");
		assert_non_null(out);
		if (changed)
			write_changed(out, data, length, needle, from, to);
		else
			fwrite(data, 1, length, out);
		fclose(out);
		free(data);
	}
	closedir(dir);
}

void machine_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[1024];

		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}
