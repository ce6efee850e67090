/* Reading a capture's texts: whole files, lines without their time stamps, names of zones. */
#ifndef TEST_TOPOLOGY_CAPTURE_TEXT_H
#define TEST_TOPOLOGY_CAPTURE_TEXT_H

#include <dirent.h>

#include "fixture.h"

static inline const char *captures_path(void)
{
	const char *path = getenv("QUIRE_CAPTURES");

	return path ? path : "../shared/captures";
}

static inline char *read_text(const char *folder, const char *file)
{
	char path[1024];
	long size;
	char *text;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s/%s", captures_path(), folder, file);
	stream = fopen(path, "rb");
	if (!stream)
		return NULL;
	fseek(stream, 0, SEEK_END);
	size = ftell(stream);
	rewind(stream);
	text = calloc(1, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, stream), size);
	fclose(stream);
	return text;
}

/* The next line at *cursor without its time stamp, copied into `line`; false at the end. */
static inline bool next_line(const char **cursor, char *line, size_t size)
{
	const char *start = *cursor, *end, *stamp;

	if (!*start)
		return false;
	end = strchr(start, '\n');
	if (!end)
		end = start + strlen(start);
	*cursor = *end ? end + 1 : end;
	stamp = start[0] == '[' ? memchr(start, ']', (size_t)(end - start)) : NULL;
	if (stamp && stamp + 2 <= end)
		start = stamp + 2;
	snprintf(line, size, "%.*s", (int)(end - start), start);
	return true;
}

static inline enum quire_zone_type zone_type(const char *name)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		if (!strcmp(name, quire_zone_name((enum quire_zone_type)type)))
			return (enum quire_zone_type)type;
	return QUIRE_ZONE_TYPES;
}

static inline enum quire_arch capture_arch(const char *name)
{
	if (!strncmp(name, "arm64", 5))
		return QUIRE_ARCH_ARM64;
	if (!strncmp(name, "i386-nopae", 10))
		return QUIRE_ARCH_I386;
	return !strncmp(name, "i386", 4) ? QUIRE_ARCH_I386_PAE : QUIRE_ARCH_X86_64;
}

/* Call check for the name of each folder; false, with a notice, if there are no captures here. */
static inline bool for_each_capture(void (*check)(const char *name, void *arg), void *arg)
{
	DIR *directory = opendir(captures_path());
	struct dirent *entry;

	if (!directory) {
		print_message("no captures at %s, skipped\n", captures_path());
		return false;
	}
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			check(entry->d_name, arg);
	closedir(directory);
	return true;
}

#endif
