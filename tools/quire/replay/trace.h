/*
 * Allocation events a kernel recorded, read as a stream: the text of ftrace's `trace` file, plain, gzipped or from
 * standard input. What trace-cmd report and perf script print has the same words and is understood too.
 *
 *	struct trace_reader *reader = trace_open(path, &status);
 *	while (trace_next(reader, &event))
 *		…
 *	trace_close(reader);
 *
 * One line at a time is in memory. A line is a note of its own if it makes no sense; nothing in it is trusted.
 */
#ifndef QUIRE_TOOL_TRACE_H
#define QUIRE_TOOL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/types.h>

#include "input/textfile.h"

/* Longest line kept; more of it is dropped. The longest real ones are gfp_flags of some 300 characters. */
#define TRACE_LINE 4096
#define TRACE_MARK 64

enum trace_kind {
	TRACE_ALLOC,			/* mm_page_alloc: pfn, order, gfp, type; failed: the request was not met */
	TRACE_FREE,			/* mm_page_free: pfn, order */
	TRACE_FREE_BATCHED,		/* mm_page_free_batched: repeats a free of order 0 */
	TRACE_ZONE_LOCKED,		/* mm_page_alloc_zone_locked: pfn, order, type leave the buddy lists */
	TRACE_DRAIN,			/* mm_page_pcpu_drain: pfn, order, type go back to them */
	TRACE_EXTFRAG,			/* mm_page_alloc_extfrag: order, fallback_order; fragmenting */
	TRACE_ISOLATE_MIGRATE,		/* mm_compaction_isolate_migratepages: taken */
	TRACE_MIGRATED,			/* mm_migrate_pages: the pages isolated have moved, or not */
	TRACE_COMPACTION,		/* mm_compaction_begin */
	TRACE_RECLAIM,			/* mm_vmscan_direct_reclaim_begin */
	TRACE_KSWAPD,			/* mm_vmscan_kswapd_wake */
	TRACE_MARKER,			/* tracing_mark_write: mark */
	TRACE_LOST,			/* events the kernel could not record: lost */
	TRACE_OTHER,			/* any other event */
	TRACE_KINDS
};

struct trace_event {
	enum trace_kind kind;
	uint64_t line;			/* 1-based */
	uint64_t time_us;
	unsigned cpu;
	int64_t pid;			/* -1: not said */
	uint64_t pfn;
	unsigned order, fallback_order;
	uint32_t gfp;			/* bits of quire/page_alloc.h and their neighbours in the field */
	int type;			/* migratetype; -1: not said */
	bool failed, fragmenting;
	uint64_t taken, lost;
	char mark[TRACE_MARK];
};

/* What a line is. */
enum trace_line {
	TRACE_EVENT,			/* *event is filled in */
	TRACE_HEADER,			/* a comment, an empty line */
	TRACE_MALFORMED			/* no event line, or one of the kinds above without what it must have */
};

/* Take a line apart. event->line is the caller's. */
enum trace_line trace_parse(struct text_slice line, struct trace_event *event);

/*
 * "GFP_KERNEL|__GFP_ZERO|0x100000" as bits. Names without a bit here (they do not matter to which page is given) are
 * skipped; *unknown counts names nobody knows.
 */
uint32_t trace_gfp(struct text_slice names, unsigned *unknown);

struct trace_reader;

struct trace_counts {
	uint64_t lines, malformed, first_malformed;	/* line number of the first */
	uint64_t events[TRACE_KINDS];
	uint64_t lost;			/* events, by "LOST" lines and by the header */
};

/* Open "-" or a file. NULL: *status is ENOENT, EPLATFORM (errno says why) or ENOMEM. */
struct trace_reader *trace_open(const char *path, enum quire_status *status);
/* The next event. False at the end: trace_failed() says if it was a bad one. */
bool trace_next(struct trace_reader *reader, struct trace_event *event);
/* NULL, or what is wrong with the file (damaged gzip data and the like). */
const char *trace_failed(const struct trace_reader *reader);
const struct trace_counts *trace_counts(const struct trace_reader *reader);
/* Parts per thousand of the file that were read; -1: not known (standard input). */
int trace_progress(const struct trace_reader *reader);
void trace_close(struct trace_reader *reader);

#endif
