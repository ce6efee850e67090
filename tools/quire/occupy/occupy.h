/*
 * What is in a running kernel's frames, read from it, and a simulated machine filled the same way: so that what is asked
 * of the simulation (can this memory be taken off line?) is answered for the machine as it is.
 *
 * Two sources: /proc/kpageflags of the live machine, one 64-bit word of KPF_ bits per frame; and a capture's
 * kpageflags_rle.txt, runs of frames with the words buddy, reserved, huge, offline, nopage, or "-" for frames in use of
 * which nothing else is known.
 */
#ifndef QUIRE_TOOL_OCCUPY_H
#define QUIRE_TOOL_OCCUPY_H

#include <quire/mobility.h>

#include "../simulate.h"
#include "../verify/list.h"

enum occupy_kind {
	OCCUPY_FREE,			/* in the allocator */
	OCCUPY_ABSENT,			/* no memory, reserved, or taken out: not the allocator's business */
	OCCUPY_MOVABLE,			/* page cache, memory of processes, huge pages */
	OCCUPY_SLAB,
	OCCUPY_PAGE_TABLE,
	OCCUPY_UNKNOWN,			/* in use, and nothing said about it: the kernel's own, or kept by a CPU */
	OCCUPY_POISONED,
	OCCUPY_KINDS
};

struct occupy_run {
	quire_pfn_t pfn;
	uint64_t count;
	enum occupy_kind kind;
};

struct occupancy;

/* One kind of use, as an owner: its name is what a report says. */
struct occupy_owner {
	struct quire_owner owner;
	const struct occupancy *of;
	enum occupy_kind kind;
};

struct occupancy {
	LIST(struct occupy_run) runs;	/* ascending, apart */
	uint64_t frames[OCCUPY_KINDS];	/* of each kind that were taken */
	uint64_t skipped;		/* in use by the source, and not the simulated allocator's to give */
	struct occupy_owner owners[OCCUPY_KINDS];
};

/* The kind a word of KPF_ bits stands for. */
enum occupy_kind occupy_kind_of_flags(uint64_t flags);

/* Read `path`: a capture's directory, or "live". QUIRE_ENOENT: it says nothing about frames. */
enum quire_status occupy_read(struct occupancy *o, const char *path);
/* Lines of kpageflags_rle.txt; words of /proc/kpageflags, for frames from `first` on. */
enum quire_status occupy_add_line(struct occupancy *o, const char *text, size_t length);
enum quire_status occupy_add_words(struct occupancy *o, quire_pfn_t first, const uint64_t *words, size_t count);

/* Take the frames that are in use, and be their owner. The occupancy must outlive the machine's use. */
enum quire_status occupy_machine(struct occupancy *o, struct quire *q);

void occupy_free(struct occupancy *o);

#endif
