/*
 * What stands beside a trace: the machine's state just before and after it, as the kernel's own files.
 *
 *	x.trace.gz	the trace
 *	x.state/	the machine: dmesg.txt and what else a capture has
 *	x.state/before/	kpageflags_rle.txt (which frames lay in the buddy lists), zoneinfo.txt, sysctl.txt
 *	x.state/after/	buddyinfo.txt, phase_buddyinfo.txt (one per phase), extfrag_index.txt, unusable_index.txt
 *
 * Any of before/ and after/ may be missing: then there is nothing to begin with, or to compare with.
 */
#ifndef QUIRE_TOOL_REPLAY_RECORDED_H
#define QUIRE_TOOL_REPLAY_RECORDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/types.h>

#define RECORDED_NAME 64
#define RECORDED_ORDERS 16		/* more than any kernel prints */

struct recorded_range {
	quire_pfn_t pfn;
	uint64_t count;
};

/* A zone's line of numbers, by order: free blocks, or an index in thousandths. */
struct recorded_line {
	int nid;
	enum quire_zone_type zone;
	unsigned orders;
	int64_t value[RECORDED_ORDERS];
};

/* A table of them. */
struct recorded_table {
	char name[RECORDED_NAME];	/* of the phase; "" */
	struct recorded_line *lines;
	size_t count;
};

struct recorded {
	char *directory;
	bool has_free;			/* there is a kpageflags_rle.txt */
	struct recorded_range *free;	/* frames in the buddy lists, in rising order, not touching */
	size_t free_count;
	struct recorded_range *memory;	/* frames the kernel's allocator had, free or in use; the same */
	size_t memory_count;
	uint64_t kept_pages;		/* in per-CPU lists before the trace, by zoneinfo.txt */
	bool has_kept;
	struct recorded_table marks;	/* by zoneinfo.txt: min of each zone, as "order" 0 */
	char **sysctls;			/* "vm.min_free_kbytes=45056", for simulate_options */
	size_t sysctl_count;
	struct recorded_table *phases;	/* buddyinfo at the end of each */
	size_t phase_count;
	struct recorded_table last;	/* buddyinfo at the end */
	struct recorded_table extfrag, unusable;	/* at the end, thousandths */
};

/* "dir/x.trace.gz" → "dir/x.state" (free it). NULL: no memory, or the path is "-". */
char *recorded_directory_for(const char *trace);

/* Read what there is. QUIRE_ENOENT: no such directory; QUIRE_ENOMEM. Free it either way. */
enum quire_status recorded_read(struct recorded *recorded, const char *directory);
void recorded_free(struct recorded *recorded);

/* The buddyinfo a phase ended with; NULL: not recorded. */
const struct recorded_table *recorded_phase(const struct recorded *recorded, const char *name);
const struct recorded_line *recorded_zone(const struct recorded_table *table, int nid, enum quire_zone_type zone);

/* The readers, for tests: text of the files to what is above. QUIRE_EFORMAT: nothing of it was understood. */
enum quire_status recorded_take_flags(struct recorded *recorded, const char *text, size_t size);
enum quire_status recorded_take_table(struct recorded_table *table, const char *text, size_t size);
enum quire_status recorded_take_phases(struct recorded *recorded, const char *text, size_t size);

#endif
