/*
 * Memory maps outside a log: /proc/iomem, and the firmware's map as sysfs has it (/sys/firmware/memmap) or as captures
 * list it.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"

static enum quire_status finish_map(struct input *in, enum input_map_source source, struct input_ranges *ranges,
				    const char *path)
{
	if (ranges->count == 0) {
		input_ranges_free(ranges);
		return QUIRE_EFORMAT;
	}
	ranges->source = strdup(path);
	return input_take_map(in, source, ranges);
}

/* "  00100000-7ffdffff : System RAM"; depth is the number of two-blank indents. */
static bool take_iomem_line(struct text_slice line, unsigned *depth, uint64_t *first, uint64_t *last,
			    struct text_slice *name)
{
	size_t before = line.length;

	while (line.length && line.at[0] == ' ')
		text_take(&line, " ");
	*depth = (unsigned)((before - line.length) / 2);
	if (!line.length || line.at[0] == '-' || !text_take_hex(&line, first) || !text_take(&line, "-") ||
	    !text_take_hex(&line, last) || !text_take(&line, " : "))
		return false;
	*name = text_trim(line);
	return true;
}

static void note_kernel(struct input_facts *facts, uint64_t first, uint64_t last)
{
	if (last == 0 || last == UINT64_MAX)
		return;
	if (facts->kernel_base == facts->kernel_end) {
		facts->kernel_base = first;
		facts->kernel_end = last + 1;
		return;
	}
	if (first < facts->kernel_base)
		facts->kernel_base = first;
	if (last + 1 > facts->kernel_end)
		facts->kernel_end = last + 1;
}

/* One resource. Those that are not memory (devices, bridges) are none of ours. */
static enum quire_status iomem_entry(struct input *in, struct input_ranges *ranges, const char *path, size_t line,
				     unsigned depth, uint64_t first, uint64_t last, struct text_slice name)
{
	enum quire_memory_type type;

	if (last < first || last - first == UINT64_MAX) {
		input_note(in, QUIRE_LOG_WARNING, path, line, "resource ends before it begins; left out");
		return QUIRE_OK;
	}
	if (text_starts(name, "Kernel "))
		note_kernel(in->facts, first, last);
	/* Hot-added and daxctl memory sits below a parent, with the driver's name behind: "System RAM (kmem)". */
	if (text_starts(name, "System RAM"))
		name.length = strlen("System RAM");
	else if (depth)
		return QUIRE_OK;
	if (!input_map_type_by_name(name, &type))
		return QUIRE_OK;
	return input_ranges_add(ranges, first, last - first + 1, type, 0, QUIRE_NO_NODE);
}

enum quire_status input_read_iomem(struct input *in, const struct textfile *file)
{
	struct input_ranges ranges = { 0 };
	enum quire_status status = QUIRE_OK;
	size_t entries = 0, zeroes = 0;

	for (size_t i = 0; i < file->line_count && status == QUIRE_OK; i++) {
		struct text_slice line = textfile_line(file, i), name;
		uint64_t first, last;
		unsigned depth;

		if (!line.length)
			continue;
		if (!take_iomem_line(line, &depth, &first, &last, &name)) {
			if (entries)
				input_note(in, QUIRE_LOG_WARNING, file->path, i + 1, "no resource: \"%.*s\"",
					   TEXT_PRINTF(line));
			continue;
		}
		entries++;
		if (first == 0 && last == 0) {
			zeroes++;
			continue;
		}
		status = iomem_entry(in, &ranges, file->path, i + 1, depth, first, last, name);
	}
	if (status != QUIRE_OK) {
		input_ranges_free(&ranges);
		return status;
	}
	if (zeroes && !ranges.count)
		input_note(in, QUIRE_LOG_WARNING, file->path, 0,
			   "all addresses read as zero: it was read without root's rights, and is not used");
	return finish_map(in, INPUT_MAP_IOMEM, &ranges, file->path);
}

/* "0 0x0 0x9fbff System RAM" */
enum quire_status input_read_memmap_text(struct input *in, const struct textfile *file)
{
	struct input_ranges ranges = { 0 };
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < file->line_count && status == QUIRE_OK; i++) {
		struct text_slice line = text_trim(textfile_line(file, i)), rest = line;
		enum quire_memory_type type;
		uint64_t index, first, last;

		if (!line.length)
			continue;
		if (!text_take_number(&rest, &index) || !text_take_number(&rest, &first) ||
		    !text_take_number(&rest, &last) || last < first || last - first == UINT64_MAX) {
			input_note(in, QUIRE_LOG_WARNING, file->path, i + 1, "no memory-map entry: \"%.*s\"",
				   TEXT_PRINTF(line));
			continue;
		}
		if (!input_map_type_by_name(rest, &type)) {
			input_note(in, QUIRE_LOG_WARNING, file->path, i + 1,
				   "unknown memory type, taken as reserved: \"%.*s\"", TEXT_PRINTF(line));
			type = QUIRE_MEMORY_RESERVED;
		}
		status = input_ranges_add(&ranges, first, last - first + 1, type, 0, QUIRE_NO_NODE);
	}
	if (status != QUIRE_OK) {
		input_ranges_free(&ranges);
		return status;
	}
	return finish_map(in, INPUT_MAP_FIRMWARE, &ranges, file->path);
}

/* One attribute file of an entry of /sys/firmware/memmap. */
static bool read_attribute(const char *directory, uint64_t index, const char *name, struct textfile *file)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s/%llu/%s", directory, (unsigned long long)index, name);

	return length > 0 && (size_t)length < sizeof(path) && textfile_read(file, path, 4096) == QUIRE_OK;
}

static bool read_number_attribute(const char *directory, uint64_t index, const char *name, uint64_t *value)
{
	struct textfile file;
	struct text_slice line;
	bool ok;

	if (!read_attribute(directory, index, name, &file))
		return false;
	line = textfile_line(&file, 0);
	ok = text_take_number(&line, value);
	textfile_free(&file);
	return ok;
}

static enum quire_status read_memmap_entry(struct input *in, struct input_ranges *ranges, const char *path, uint64_t index)
{
	enum quire_memory_type type = QUIRE_MEMORY_RESERVED;
	struct textfile file;
	uint64_t first, last;

	if (!read_number_attribute(path, index, "start", &first) || !read_number_attribute(path, index, "end", &last) ||
	    last < first || last - first == UINT64_MAX) {
		input_note(in, QUIRE_LOG_WARNING, path, 0, "entry %llu is unreadable; left out", (unsigned long long)index);
		return QUIRE_OK;
	}
	if (!read_attribute(path, index, "type", &file) || !input_map_type_by_name(textfile_line(&file, 0), &type))
		input_note(in, QUIRE_LOG_WARNING, path, 0, "entry %llu has no known type; taken as reserved",
			   (unsigned long long)index);
	textfile_free(&file);
	return input_ranges_add(ranges, first, last - first + 1, type, 0, QUIRE_NO_NODE);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The kernel numbers entries in the firmware's order, which readdir() does not keep. */
enum quire_status input_read_memmap_dir(struct input *in, const char *path)
{
	struct input_ranges ranges = { 0 };
	enum quire_status status = QUIRE_OK;
	uint64_t *numbers = NULL;
	size_t count = 0, max = 0;
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory)
		return QUIRE_ENOENT;
	while ((entry = readdir(directory))) {
		struct text_slice name = text_of(entry->d_name);
		uint64_t number;

		if (!text_take_number(&name, &number) || name.length)
			continue;
		if (count == max && !input_grow_array(&numbers, &max, sizeof(numbers[0]))) {
			status = QUIRE_ENOMEM;
			break;
		}
		numbers[count++] = number;
	}
	closedir(directory);
	if (count)
		qsort(numbers, count, sizeof(numbers[0]), by_number);
	for (size_t i = 0; i < count && status == QUIRE_OK; i++)
		status = read_memmap_entry(in, &ranges, path, numbers[i]);
	free(numbers);
	if (status != QUIRE_OK) {
		input_ranges_free(&ranges);
		return status;
	}
	return finish_map(in, INPUT_MAP_FIRMWARE, &ranges, path);
}
