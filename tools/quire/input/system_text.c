/*
 * The small texts of a capture or of /proc and /sys: which kernel, which command line, how many CPUs on which nodes,
 * distances, tunables.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <quire/firmware.h>

#include "facts.h"

/* Distances of more nodes than any kernel has are not read from text. */
#define MOST_TEXT_NODES 1024

enum quire_status input_read_version(struct input *in, const struct textfile *file)
{
	struct text_slice line = textfile_line(file, 0), word;

	if (!text_take(&line, "Linux version ") || !text_take_word(&line, &word))
		return QUIRE_EFORMAT;
	input_replace_string(&in->facts->release, input_slice_string(word));
	return QUIRE_OK;
}

enum quire_status input_read_command_line(struct input *in, const struct textfile *file)
{
	struct text_slice line = { "", 0 };

	for (size_t i = 0; i < file->line_count && !line.length; i++)
		line = text_trim(textfile_line(file, i));
	if (memchr(line.at, '\0', line.length)) {
		input_note(in, QUIRE_LOG_WARNING, file->path, 1, "command line holds a NUL byte; cut there");
		line.length = (size_t)((const char *)memchr(line.at, '\0', line.length) - line.at);
	}
	input_replace_string(&in->facts->command_line, input_slice_string(line));
	return in->facts->command_line ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status input_read_cpuinfo(struct input *in, const struct textfile *file)
{
	unsigned count = 0;

	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice line = textfile_line(file, i);

		if (text_take(&line, "processor") && text_contains(line, ":"))
			count++;
	}
	if (!count)
		return QUIRE_EFORMAT;
	if (!in->facts->cpu_count)
		in->facts->cpu_count = count;
	return QUIRE_OK;
}

struct cpu_list {
	struct input *in;
	int nid;
	enum quire_status status;
	uint64_t count;
};

static void add_cpus(void *ctx, uint64_t first, uint64_t last)
{
	struct cpu_list *list = ctx;

	if (last >= 65536) {
		list->status = QUIRE_ERANGE;
		return;
	}
	for (uint64_t cpu = first; cpu <= last && list->status == QUIRE_OK; cpu++) {
		list->count++;
		if (list->nid != QUIRE_NO_NODE)
			list->status = input_set_cpu_node(list->in, cpu, list->nid);
	}
}

static void read_cpu_list(struct input *in, const char *path, size_t line, struct text_slice text, int nid)
{
	struct cpu_list list = { in, nid, QUIRE_OK, 0 };

	if (!text_each_range(text, add_cpus, &list) || list.status != QUIRE_OK)
		input_note(in, QUIRE_LOG_WARNING, path, line, "unreadable list of CPUs: \"%.*s\"", TEXT_PRINTF(text));
}

/* Make the matrix hold `need` nodes; new cells are 0, "not said". */
static bool widen_distances(struct input_facts *facts, unsigned need)
{
	uint8_t *wider;

	if (need <= facts->node_count)
		return true;
	wider = calloc((size_t)need * need, 1);
	if (!wider)
		return false;
	for (unsigned i = 0; i < facts->node_count; i++)
		memcpy(wider + (size_t)i * need, facts->node_distances + (size_t)i * facts->node_count, facts->node_count);
	free(facts->node_distances);
	facts->node_distances = wider;
	facts->node_count = need;
	return true;
}

/*
 * Row `from`: "10 20 30". Columns are the online nodes in order; a machine with gaps in its node numbers is left to its
 * tables.
 */
static void read_distance_row(struct input *in, const char *path, size_t line, struct text_slice text, unsigned from)
{
	struct input_facts *facts = in->facts;
	uint8_t row[MOST_TEXT_NODES];
	unsigned count = 0;
	uint64_t distance;

	while (text_take_number(&text, &distance)) {
		if (distance > 255 || count == MOST_TEXT_NODES) {
			input_note(in, QUIRE_LOG_WARNING, path, line, "distance out of range; row ignored");
			return;
		}
		row[count++] = (uint8_t)distance;
	}
	if (from < MOST_TEXT_NODES && widen_distances(facts, count > from ? count : from + 1))
		memcpy(facts->node_distances + (size_t)from * facts->node_count, row, count);
}

/* "== node0/cpulist", then the file's text on the lines that follow */
enum quire_status input_read_node_text(struct input *in, const struct textfile *file)
{
	size_t used = 0;

	for (size_t i = 0; i + 1 < file->line_count; i++) {
		struct text_slice line = textfile_line(file, i), value;
		uint64_t node;

		if (!text_take(&line, "== node") || !text_take_number(&line, &node) || node >= QUIRE_MAX_NODES)
			continue;
		value = textfile_line(file, i + 1);
		if (text_starts(value, "== "))
			continue;
		if (text_equals(line, "/cpulist"))
			read_cpu_list(in, file->path, i + 2, value, (int)node);
		else if (text_equals(line, "/distance"))
			read_distance_row(in, file->path, i + 2, value, (unsigned)node);
		else
			continue;
		used++;
	}
	return used ? QUIRE_OK : QUIRE_EFORMAT;
}

static bool read_node_file(const char *directory, unsigned node, const char *name, struct textfile *file)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s/node%u/%s", directory, node, name);

	return length > 0 && (size_t)length < sizeof(path) && textfile_read(file, path, 65536) == QUIRE_OK;
}

/* /sys/devices/system/node */
enum quire_status input_read_node_dir(struct input *in, const char *path)
{
	struct textfile file;
	size_t used = 0;

	for (unsigned node = 0; node < QUIRE_MAX_NODES; node++) {
		if (!read_node_file(path, node, "cpulist", &file))
			continue;
		read_cpu_list(in, file.path, 1, textfile_line(&file, 0), (int)node);
		textfile_free(&file);
		used++;
		if (read_node_file(path, node, "distance", &file))
			read_distance_row(in, file.path, 1, textfile_line(&file, 0), node);
		textfile_free(&file);
	}
	return used ? QUIRE_OK : QUIRE_ENOENT;
}

/* "watermark_scale_factor 10". True if the line is one of those, readable or not. */
static bool read_tunable(struct input *in, const char *path, size_t line, struct text_slice text)
{
	struct input_facts *facts = in->facts;
	char assignment[128];

	for (unsigned i = 0; quire_sysctls[i].name; i++) {
		struct text_slice rest = text;

		if (!text_take(&rest, quire_sysctls[i].name) || !text_take(&rest, " "))
			continue;
		snprintf(assignment, sizeof(assignment), "%s=%.*s", quire_sysctls[i].name, TEXT_PRINTF(rest));
		if (quire_sysctl_set(&facts->tunables, assignment) == QUIRE_OK)
			facts->tunables_set |= 1u << i;
		else
			input_odd(in, path, line, "not a value it can have", text);
		return true;
	}
	return false;
}

/* "lowmem_reserve_ratio 256 256 32 0 0" */
static bool read_ratios(struct input_facts *facts, struct text_slice text)
{
	uint64_t value;

	if (!text_take(&text, "lowmem_reserve_ratio "))
		return false;
	facts->lowmem_ratio_count = 0;
	while (facts->lowmem_ratio_count < QUIRE_ZONE_TYPES && text_take_number(&text, &value) && value <= UINT32_MAX)
		facts->lowmem_ratios[facts->lowmem_ratio_count++] = (unsigned)value;
	return true;
}

/* "nproc 4 cpus_online 0-3 possible 0-3 present 0-3" */
static bool read_cpu_counts(struct input *in, struct text_slice text)
{
	struct cpu_list list = { in, QUIRE_NO_NODE, QUIRE_OK, 0 };
	struct text_slice online;
	uint64_t value;

	if (!text_take(&text, "nproc ") || !text_take_number(&text, &value) || !value || value > 65536)
		return false;
	in->facts->cpu_count = (unsigned)value;
	if (text_take_through(&text, "cpus_online ") && text_take_word(&text, &online) &&
	    text_each_range(online, add_cpus, &list) && list.status == QUIRE_OK && list.count)
		in->facts->cpu_count = (unsigned)list.count;
	return true;
}

/* min_free_kbytes is not taken: the file shows what the kernel computed, and computing it is the point. */
enum quire_status input_read_sysctl_text(struct input *in, const struct textfile *file)
{
	size_t used = 0;

	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice line = textfile_line(file, i);

		used += text_starts(line, "min_free_kbytes ") || read_ratios(in->facts, line) ||
			read_tunable(in, file->path, i + 1, line) || read_cpu_counts(in, line);
	}
	return used ? QUIRE_OK : QUIRE_EFORMAT;
}
