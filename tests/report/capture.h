/*
 * A capture as the state of an engine: its zoneinfo read back into struct quire, its node ranges into the ledger.
 * What is printed from that must be the capture's own text again. A dozen lines of parsing of its own, independent of
 * the tool's readers.
 */
#ifndef TEST_REPORT_CAPTURE_H
#define TEST_REPORT_CAPTURE_H

#include <quire/report.h>

#define CAPTURE_NODES 32

struct capture {
	char path[512];
	struct quire q;
	struct quire_machine machine;
	struct quire_node nodes[CAPTURE_NODES];
	int cpu_nodes[64];
	struct quire_memblock_region regions[128], reserved[512];
	bool ranges_known;			/* the log had node ranges */
};

/* Load one; false if the folder lacks a file that is needed, or is of no architecture of ours. */
bool capture_load(struct capture *c, const char *path);

/* A whole file of the capture, NUL-terminated, to be freed; NULL if it is not there. */
char *capture_file(const struct capture *c, const char *name);

/* Call test(c) for each capture; returns how many. The captures' folder is $QUIRE_CAPTURES or ../shared/captures. */
size_t capture_each(void (*test)(struct capture *c));

/* A report's whole text, to be freed. */
char *capture_text(void (*report)(const struct quire *q, const struct quire_report_sink *sink), const struct quire *q);

/* The next line of *text without its end, cut out of it; NULL at the end. Empty lines count. */
char *capture_line(char **text);

/*
 * The same for a file of /proc or /sys as a serial console wrote it down: lines of the kernel's log in between are
 * passed over.
 */
char *capture_proc_line(char **text);

#endif
