/* Opening a capture: which files there are, and the log line by line. */
#include "observed.h"

#include <sys/stat.h>

bool observed_zone_type(struct text_slice name, enum quire_zone_type *type)
{
	for (unsigned i = 0; i < QUIRE_ZONE_TYPES; i++) {
		if (!text_equals(name, quire_zone_name((enum quire_zone_type)i)))
			continue;
		*type = (enum quire_zone_type)i;
		return true;
	}
	return false;
}

bool observed_take_nid(struct text_slice *text, int *nid)
{
	uint64_t number;

	if (!text_take_number(text, &number))
		return false;
	*nid = number < OBSERVED_NO_SUCH_NODE ? (int)number : OBSERVED_NO_SUCH_NODE;
	return true;
}

bool observed_room(struct observed *o, size_t count)
{
	/* Two lists of each zone are printed. */
	if (count < 2 * (size_t)QUIRE_MAX_NODES * QUIRE_ZONE_TYPES)
		return true;
	o->cut++;
	return false;
}

void observed_copy(char *to, size_t size, struct text_slice from)
{
	size_t length = from.length < size - 1 ? from.length : size - 1;

	if (length)
		memcpy(to, from.at, length);
	to[length] = 0;
}

size_t observed_handover_line(const struct observed *o)
{
	size_t line = SIZE_MAX;

	if (o->memory.found)
		line = o->memory.origin.line;
	if (o->slub_origin.file && o->slub_origin.line < line)
		line = o->slub_origin.line;
	return line;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A log may hold several boots one after the other; the last one is meant. */
static size_t last_boot(const struct textfile *log)
{
	size_t start = 0;

	for (size_t i = 0; i < log->line_count; i++)
		if (text_starts(textfile_message(log, i), "Linux version "))
			start = i;
	return start;
}

static void read_log(struct observed *o, const char *name)
{
	o->has_log = true;
	o->log_name = name;
	o->log_start = last_boot(&o->log);
	for (size_t i = o->log_start; i < o->log.line_count; i++)
		observed_log_line(o, textfile_message(&o->log, i), i + 1);
}

enum quire_status observed_from_log(struct observed *o, const void *text, size_t size)
{
	enum quire_status status;

	memset(o, 0, sizeof(*o));
	status = textfile_from_memory(&o->log, "log", text, size);
	if (status == QUIRE_OK)
		read_log(o, "log");
	return status;
}

enum quire_status observed_read(struct observed *o, const char *path)
{
	enum quire_status status;
	char name[4096];

	memset(o, 0, sizeof(*o));
	if (is_directory(path))
		snprintf(name, sizeof(name), "%s/dmesg.txt", path);
	else
		snprintf(name, sizeof(name), "%s", path);
	status = textfile_read(&o->log, name, 0);
	if (status != QUIRE_OK && (status != QUIRE_ENOENT || !is_directory(path)))
		return status;
	if (status == QUIRE_OK)
		read_log(o, is_directory(path) ? "dmesg.txt" : o->log.path);
	if (is_directory(path))
		observed_read_files(o, path);
	return QUIRE_OK;
}

static void free_tables(struct observed_tables *tables)
{
	LIST_FREE(&tables->memory);
	LIST_FREE(&tables->reserved);
}

void observed_free(struct observed *o)
{
	for (size_t i = 0; i < o->dumps.count; i++)
		free_tables(&o->dumps.items[i]);
	free_tables(&o->debugfs);
	LIST_FREE(&o->dumps);
	LIST_FREE(&o->zone_ranges);
	LIST_FREE(&o->movable);
	LIST_FREE(&o->early_ranges);
	LIST_FREE(&o->setup_nodes);
	LIST_FREE(&o->unavailable);
	LIST_FREE(&o->memmap_pages);
	LIST_FREE(&o->reserved_pages);
	LIST_FREE(&o->zone_pages);
	LIST_FREE(&o->total_pages);
	LIST_FREE(&o->fallbacks);
	LIST_FREE(&o->zonelists);
	LIST_FREE(&o->layouts);
	LIST_FREE(&o->freed);
	LIST_FREE(&o->cma);
	LIST_FREE(&o->cma_inactive);
	LIST_FREE(&o->hugepages);
	LIST_FREE(&o->deferred);
	LIST_FREE(&o->zones);
	LIST_FREE(&o->blocks);
	LIST_FREE(&o->pageblocks);
	LIST_FREE(&o->frames);
	LIST_FREE(&o->system_ram);
	LIST_FREE(&o->node_cpus);
	LIST_FREE(&o->node_distances);
	textfile_free(&o->log);
	memset(o, 0, sizeof(*o));
}
