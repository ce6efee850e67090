/*
 * quire verify: our engine's result beside what a real kernel reported.
 *
 * For each capture the machine is booted through the real engine (memblock, nodes, zones, watermarks …) and every
 * fact the capture states is one checked item. An item that differs is one line on the output:
 *
 *	capture: item: ours … theirs … (file:line)
 *
 * followed by "N items checked, M differ"; several captures end in a table with one row each and a total.
 */
#ifndef QUIRE_TOOL_VERIFY_H
#define QUIRE_TOOL_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct findings;

struct verify_options {
	FILE *out;			/* results; NULL: standard output */
	FILE *messages;			/* complaints about input; NULL: standard error */
	bool estimate;			/* do not replay: show how far an estimate of the kernel's reservations is off */
	bool json;			/* one JSON document instead of text */
	bool verbose;			/* also what was not available or estimated, and readers' complaints */
	/*
	 * Play the stages of the capture at `path`, where it has some, and compare each (tools/quire/stages). NULL: only
	 * the boot is verified.
	 */
	void (*stages)(struct findings *f, const char *path);
	unsigned difference_limit;	/* difference lines per capture; 0: 40 */
};

/* The command's exit codes. */
enum { VERIFY_EQUAL = 0, VERIFY_DIFFERENT = 1, VERIFY_BAD_INPUT = 2 };

/*
 * Verify `count` captures: directories, or plain kernel logs. Returns VERIFY_EQUAL, VERIFY_DIFFERENT if an item of
 * any capture differs, or VERIFY_BAD_INPUT if one cannot be used at all (the others are verified nevertheless). Files that
 * are no kernel log are named and skipped; only if there is nothing else is that VERIFY_BAD_INPUT.
 */
int verify_captures(const struct verify_options *options, char *const *paths, size_t count);

#endif
