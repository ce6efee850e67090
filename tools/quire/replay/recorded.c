/* The files beside a trace. What is missing or makes no sense is left out: the report says what there was. */
#include "replay/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <quire/config.h>
#include <quire/firmware.h>

#include "input/textfile.h"

#define PHASES_MAX 10000u

/* One more element of `size` bytes at the end of *array, a pointer; zeroed. NULL: no memory. */
static void *grow(void *array, size_t *count, size_t size)
{
	char *items, *bigger;

	memcpy(&items, array, sizeof(items));
	/* Doubling: at 0, 1, 2, 4, … elements the array is full. */
	if (!(*count & (*count - 1))) {
		bigger = realloc(items, (*count ? 2 * *count : 1) * size);
		if (!bigger)
			return NULL;
		memcpy(array, &bigger, sizeof(bigger));
		items = bigger;
	}
	memset(items + *count * size, 0, size);
	return items + (*count)++ * size;
}

/* --- tables by zone and order --------------------------------------------------------------------------------------- */

static bool take_zone(struct text_slice *line, int *nid, enum quire_zone_type *zone)
{
	struct text_slice word;
	uint64_t number;

	if (!text_take(line, "Node ") || !text_take_number(line, &number) || number >= QUIRE_MAX_NODES ||
	    !text_take(line, ", zone") || !text_take_word(line, &word))
		return false;
	*nid = (int)number;
	for (*zone = QUIRE_ZONE_DMA; *zone < QUIRE_ZONE_TYPES; (*zone)++)
		if (text_equals(word, quire_zone_name(*zone)))
			return true;
	return false;
}

/* "431", or with decimals "-1.000", "0.032" in thousandths. */
static bool take_value(struct text_slice word, int64_t *value)
{
	bool negative = text_take(&word, "-"), decimals = false;
	unsigned places = 0;

	if (!word.length || word.length > 15)
		return false;
	*value = 0;
	for (; word.length; word.at++, word.length--) {
		if (*word.at == '.' && !decimals) {
			decimals = true;
			continue;
		}
		if (*word.at < '0' || *word.at > '9')
			return false;
		if (places == 3)
			continue;
		*value = *value * 10 + (*word.at - '0');
		places += decimals;
	}
	for (; decimals && places < 3; places++)
		*value *= 10;
	if (negative)
		*value = -*value;
	return true;
}

static enum quire_status take_line(struct recorded_table *table, struct text_slice text)
{
	struct recorded_line line = { 0 }, *kept;
	struct text_slice word;

	if (!take_zone(&text, &line.nid, &line.zone))
		return QUIRE_EFORMAT;
	while (line.orders < RECORDED_ORDERS && text_take_word(&text, &word) && take_value(word, &line.value[line.orders]))
		line.orders++;
	if (!line.orders)
		return QUIRE_EFORMAT;
	kept = grow(&table->lines, &table->count, sizeof(*kept));
	if (!kept)
		return QUIRE_ENOMEM;
	*kept = line;
	return QUIRE_OK;
}

enum quire_status recorded_take_table(struct recorded_table *table, const char *text, size_t size)
{
	struct textfile file;
	enum quire_status status = textfile_from_memory(&file, "", text, size);

	for (size_t i = 0; status == QUIRE_OK && i < file.line_count; i++)
		if (take_line(table, textfile_line(&file, i)) == QUIRE_ENOMEM)
			status = QUIRE_ENOMEM;
	textfile_free(&file);
	return status == QUIRE_OK && !table->count ? QUIRE_EFORMAT : status;
}

/* "== /tmp/bi_files" starts the table of phase "files". */
static bool take_heading(struct text_slice line, char name[RECORDED_NAME])
{
	struct text_slice rest = line;
	size_t length = 0;

	if (!text_take(&line, "== "))
		return false;
	rest = text_trim(line);
	for (size_t i = 0; i < line.length; i++)
		if (line.at[i] == '/')
			rest = text_trim((struct text_slice){ line.at + i + 1, line.length - i - 1 });
	if (!text_take(&rest, "bi_"))
		text_take(&rest, "bi");
	while (length < RECORDED_NAME - 1 && length < rest.length) {
		name[length] = rest.at[length] > 0x20 && rest.at[length] < 0x7f ? rest.at[length] : '?';
		length++;
	}
	name[length] = '\0';
	return true;
}

enum quire_status recorded_take_phases(struct recorded *recorded, const char *text, size_t size)
{
	struct recorded_table *table = NULL;
	struct textfile file;
	enum quire_status status = textfile_from_memory(&file, "", text, size);

	for (size_t i = 0; status == QUIRE_OK && i < file.line_count; i++) {
		struct text_slice line = textfile_line(&file, i);
		char name[RECORDED_NAME];

		if (take_heading(line, name)) {
			if (recorded->phase_count == PHASES_MAX)
				break;
			table = grow(&recorded->phases, &recorded->phase_count, sizeof(*table));
			if (!table)
				status = QUIRE_ENOMEM;
			else
				memcpy(table->name, name, sizeof(name));
		} else if (table && take_line(table, line) == QUIRE_ENOMEM) {
			status = QUIRE_ENOMEM;
		}
	}
	textfile_free(&file);
	return status == QUIRE_OK && !recorded->phase_count ? QUIRE_EFORMAT : status;
}

const struct recorded_table *recorded_phase(const struct recorded *recorded, const char *name)
{
	for (size_t i = 0; i < recorded->phase_count; i++)
		if (strcmp(recorded->phases[i].name, name) == 0)
			return &recorded->phases[i];
	return NULL;
}

const struct recorded_line *recorded_zone(const struct recorded_table *table, int nid, enum quire_zone_type zone)
{
	for (size_t i = 0; table && i < table->count; i++)
		if (table->lines[i].nid == nid && table->lines[i].zone == zone)
			return &table->lines[i];
	return NULL;
}

/* --- which frames were free ------------------------------------------------------------------------------------------ */

/* A range behind those there are, or the end of the last. Ranges out of order are left out. */
static enum quire_status append(struct recorded_range **ranges, size_t *ranges_count, quire_pfn_t pfn, uint64_t count)
{
	struct recorded_range *last = *ranges_count ? &(*ranges)[*ranges_count - 1] : NULL;

	if (last && pfn < last->pfn + last->count)
		return QUIRE_OK;
	if (last && pfn == last->pfn + last->count) {
		last->count += count;
		return QUIRE_OK;
	}
	last = grow(ranges, ranges_count, sizeof(*last));
	if (!last)
		return QUIRE_ENOMEM;
	*last = (struct recorded_range){ pfn, count };
	return QUIRE_OK;
}

/* "140+ec0 buddy": frames in hexadecimal; "-": in use, or kept by a CPU. Other words are not the allocator's. */
enum quire_status recorded_take_flags(struct recorded *recorded, const char *text, size_t size)
{
	struct textfile file;
	enum quire_status status = textfile_from_memory(&file, "", text, size);
	bool any = false;

	for (size_t i = 0; status == QUIRE_OK && i < file.line_count; i++) {
		struct text_slice line = textfile_line(&file, i), word;
		uint64_t pfn, count;
		bool buddy;

		if (!text_take_hex(&line, &pfn) || !text_take(&line, "+") || !text_take_hex(&line, &count) ||
		    !text_take_word(&line, &word))
			continue;
		any = true;
		buddy = text_equals(word, "buddy");
		if (!(buddy || text_equals(word, "-")) || !count || pfn >= QUIRE_PFN_NONE >> 2 ||
		    count >= QUIRE_PFN_NONE >> 2)
			continue;
		if (buddy)
			status = append(&recorded->free, &recorded->free_count, pfn, count);
		if (status == QUIRE_OK)
			status = append(&recorded->memory, &recorded->memory_count, pfn, count);
	}
	textfile_free(&file);
	recorded->has_free |= any;
	return status == QUIRE_OK && !any ? QUIRE_EFORMAT : status;
}

/* --- zoneinfo, sysctls ------------------------------------------------------------------------------------------------ */

static enum quire_status take_zoneinfo(struct recorded *recorded, const struct textfile *file)
{
	struct recorded_line *zone = NULL;

	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice line = textfile_line(file, i);
		struct recorded_line head = { 0 };
		uint64_t number;

		if (text_starts(line, "Node ")) {
			if (!take_zone(&line, &head.nid, &head.zone))
				continue;
			zone = grow(&recorded->marks.lines, &recorded->marks.count, sizeof(*zone));
			if (!zone)
				return QUIRE_ENOMEM;
			*zone = head;
			continue;
		}
		text_skip_blanks(&line);
		if (text_take(&line, "count:") && text_take_number(&line, &number)) {
			recorded->kept_pages += number;
			recorded->has_kept = true;
		} else if (zone && text_take(&line, "min ") && text_take_number(&line, &number) && number < INT64_MAX) {
			zone->value[0] = (int64_t)number;
			zone->orders = 1;
		}
	}
	return QUIRE_OK;
}

/* "min_free_kbytes 45056", kept if it is a tunable the engine has. */
static enum quire_status take_sysctls(struct recorded *recorded, const struct textfile *file)
{
	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice line = textfile_line(file, i), name;
		struct quire_tunables scratch = { 0 };
		char text[128], **kept;

		if (!text_take_word(&line, &name) || name.length > 60)
			continue;
		line = text_trim(line);
		snprintf(text, sizeof(text), "vm.%.*s=%.*s", TEXT_PRINTF(name),
			 (int)(line.length < 60 ? line.length : 60), line.at);
		if (quire_sysctl_set(&scratch, text) != QUIRE_OK)
			continue;
		kept = grow(&recorded->sysctls, &recorded->sysctl_count, sizeof(*kept));
		if (!kept || !(*kept = strdup(text)))
			return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

/* --- the directory ---------------------------------------------------------------------------------------------------- */

char *recorded_directory_for(const char *trace)
{
	static const char *const endings[] = { ".trace.gz", ".trace", ".txt.gz", ".txt", ".gz" };
	size_t length = strlen(trace);
	char *path;

	if (strcmp(trace, "-") == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t end = strlen(endings[i]);

		if (length > end && strcmp(trace + length - end, endings[i]) == 0) {
			length -= end;
			break;
		}
	}
	path = malloc(length + sizeof(".state"));
	if (path) {
		memcpy(path, trace, length);
		memcpy(path + length, ".state", sizeof(".state"));
	}
	return path;
}

/* False: not there, or too large to be what it says. */
static bool open_beside(const struct recorded *recorded, const char *name, struct textfile *file)
{
	size_t size = strlen(recorded->directory) + strlen(name) + 2;
	char *path = malloc(size);
	bool read;

	if (!path)
		return false;
	snprintf(path, size, "%s/%s", recorded->directory, name);
	read = textfile_read(file, path, 0) == QUIRE_OK;
	free(path);
	return read;
}

static void read_table(struct recorded *recorded, const char *name, struct recorded_table *table)
{
	struct textfile file;

	if (open_beside(recorded, name, &file)) {
		recorded_take_table(table, file.data, file.size);
		textfile_free(&file);
	}
}

enum quire_status recorded_read(struct recorded *recorded, const char *directory)
{
	enum quire_status status = QUIRE_OK;
	struct textfile file;
	struct stat info;

	*recorded = (struct recorded){ .directory = strdup(directory) };
	if (!recorded->directory)
		return QUIRE_ENOMEM;
	if (stat(directory, &info) != 0 || !S_ISDIR(info.st_mode))
		return QUIRE_ENOENT;
	if (open_beside(recorded, "before/kpageflags_rle.txt", &file)) {
		status = recorded_take_flags(recorded, file.data, file.size);
		textfile_free(&file);
	}
	if (status != QUIRE_ENOMEM && open_beside(recorded, "before/zoneinfo.txt", &file)) {
		status = take_zoneinfo(recorded, &file);
		textfile_free(&file);
	}
	if (status != QUIRE_ENOMEM && open_beside(recorded, "before/sysctl.txt", &file)) {
		status = take_sysctls(recorded, &file);
		textfile_free(&file);
	}
	if (status != QUIRE_ENOMEM && open_beside(recorded, "after/phase_buddyinfo.txt", &file)) {
		status = recorded_take_phases(recorded, file.data, file.size);
		textfile_free(&file);
	}
	read_table(recorded, "after/buddyinfo.txt", &recorded->last);
	read_table(recorded, "after/extfrag_index.txt", &recorded->extfrag);
	read_table(recorded, "after/unusable_index.txt", &recorded->unusable);
	return status == QUIRE_ENOMEM ? status : QUIRE_OK;
}

void recorded_free(struct recorded *recorded)
{
	for (size_t i = 0; i < recorded->phase_count; i++)
		free(recorded->phases[i].lines);
	for (size_t i = 0; i < recorded->sysctl_count; i++)
		free(recorded->sysctls[i]);
	free(recorded->phases);
	free(recorded->sysctls);
	free(recorded->free);
	free(recorded->memory);
	free(recorded->last.lines);
	free(recorded->marks.lines);
	free(recorded->extfrag.lines);
	free(recorded->unusable.lines);
	free(recorded->directory);
	*recorded = (struct recorded){ 0 };
}
