/* Where frames' states come from. Bits of /proc/kpageflags have been the kernel's promise to user space since 2.6.25. */
#include "occupy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../input/textfile.h"

#define KPF(bit) ((uint64_t)1 << (bit))
#define KPF_LRU KPF(5)
#define KPF_SLAB KPF(7)
#define KPF_BUDDY KPF(10)
#define KPF_HUGE KPF(17)
#define KPF_HWPOISON KPF(19)
#define KPF_NOPAGE KPF(20)
#define KPF_THP KPF(22)
#define KPF_OFFLINE KPF(23)
#define KPF_PGTABLE KPF(26)
#define KPF_RESERVED KPF(32)

enum occupy_kind occupy_kind_of_flags(uint64_t flags)
{
	if (flags & (KPF_NOPAGE | KPF_RESERVED | KPF_OFFLINE))
		return OCCUPY_ABSENT;
	if (flags & KPF_HWPOISON)
		return OCCUPY_POISONED;
	if (flags & KPF_BUDDY)
		return OCCUPY_FREE;
	if (flags & (KPF_LRU | KPF_HUGE | KPF_THP))
		return OCCUPY_MOVABLE;
	if (flags & KPF_SLAB)
		return OCCUPY_SLAB;
	return flags & KPF_PGTABLE ? OCCUPY_PAGE_TABLE : OCCUPY_UNKNOWN;
}

/* Runs come in rising order; one that is not beyond the last is a file that was tampered with, and passed over. */
static enum quire_status add_run(struct occupancy *o, quire_pfn_t pfn, uint64_t count, enum occupy_kind kind)
{
	struct occupy_run *last = o->runs.count ? &o->runs.items[o->runs.count - 1] : NULL, *run;

	if (!count || count > QUIRE_PFN_NONE - pfn || (last && pfn < last->pfn + last->count))
		return QUIRE_EFORMAT;
	if (last && last->kind == kind && last->pfn + last->count == pfn) {
		last->count += count;
		return QUIRE_OK;
	}
	run = LIST_ADD(&o->runs);
	if (!run)
		return QUIRE_ENOMEM;
	*run = (struct occupy_run){ pfn, count, kind };
	return QUIRE_OK;
}

enum quire_status occupy_add_line(struct occupancy *o, const char *text, size_t length)
{
	struct text_slice line = { text, length };
	uint64_t pfn, count;

	if (!text_take_hex(&line, &pfn) || !text_take(&line, "+") || !text_take_hex(&line, &count))
		return QUIRE_EFORMAT;
	return add_run(o, pfn, count, text_contains(line, "nopage") || text_contains(line, "reserved") ||
		       text_contains(line, "offline") ? OCCUPY_ABSENT :
		       text_contains(line, "buddy") ? OCCUPY_FREE :
		       text_contains(line, "huge") ? OCCUPY_MOVABLE : OCCUPY_UNKNOWN);
}

enum quire_status occupy_add_words(struct occupancy *o, quire_pfn_t first, const uint64_t *words, size_t count)
{
	enum quire_status status = QUIRE_OK;
	size_t start = 0;

	for (size_t i = 1; i <= count && status == QUIRE_OK; i++) {
		if (i < count && occupy_kind_of_flags(words[i]) == occupy_kind_of_flags(words[start]))
			continue;
		status = add_run(o, first + start, i - start, occupy_kind_of_flags(words[start]));
		start = i;
	}
	return status;
}

/* The file ends where memory does. Frames change while it is read: what is found is of about now. */
static enum quire_status read_live(struct occupancy *o)
{
	static uint64_t words[8192];
	int file = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	enum quire_status status = QUIRE_OK;
	quire_pfn_t pfn = 0;
	ssize_t got;

	if (file < 0)
		return errno == ENOENT ? QUIRE_ENOENT : QUIRE_EPERM;
	while (status == QUIRE_OK && (got = read(file, words, sizeof(words))) > 0) {
		status = occupy_add_words(o, pfn, words, (size_t)got / sizeof(words[0]));
		pfn += (size_t)got / sizeof(words[0]);
	}
	close(file);
	return status;
}

enum quire_status occupy_read(struct occupancy *o, const char *path)
{
	struct textfile file;
	char name[4096];

	*o = (struct occupancy){ 0 };
	if (strcmp(path, "live") == 0)
		return read_live(o);
	snprintf(name, sizeof(name), "%s/kpageflags_rle.txt", path);
	if (textfile_read(&file, name, 0) != QUIRE_OK)
		return QUIRE_ENOENT;
	for (size_t i = 0; i < file.line_count; i++) {
		struct text_slice line = textfile_line(&file, i);

		if (occupy_add_line(o, line.at, line.length) == QUIRE_ENOMEM) {
			textfile_free(&file);
			return QUIRE_ENOMEM;
		}
	}
	textfile_free(&file);
	return QUIRE_OK;
}

void occupy_free(struct occupancy *o)
{
	LIST_FREE(&o->runs);
}
