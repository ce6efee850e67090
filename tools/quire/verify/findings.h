/*
 * What a verification came to: items checked, differences, things not available, estimates, remarks.
 *
 * Every check states its item by a printf format. Nothing is printed here before the end of a capture, so that the text
 * and the JSON output come from the same record.
 */
#ifndef QUIRE_TOOL_FINDINGS_H
#define QUIRE_TOOL_FINDINGS_H

#include <stdint.h>

#include "list.h"
#include "verify.h"

/* Where a fact comes from: a file of the capture and its line, counted from 1; line 0: the file as a whole. */
struct origin {
	const char *file;
	size_t line;
};

enum finding_kind { FINDING_DIFFERENCE, FINDING_ESTIMATE, FINDING_REMARK };

struct finding {
	enum finding_kind kind;
	char item[96];
	char ours[192], theirs[192];
	char file[64];			/* "": no origin */
	size_t line;
};

struct findings {
	const char *capture;
	const char *stage;		/* what is being compared now is of this stage: its name precedes items and files */
	uint64_t checked, different, unavailable, estimates;
	LIST(struct finding) list;
	bool failed;			/* could not be verified at all; the reason is a remark */
	bool skipped;			/* a file that is no capture: nothing to verify, and nobody's fault */
};

/* One checked item: numbers, or texts, that should be equal. Returns whether they are. */
bool findings_number(struct findings *f, struct origin origin, uint64_t ours, uint64_t theirs, const char *item, ...)
	__attribute__((format(printf, 5, 6)));
/* The same, shown in hexadecimal: addresses and frame numbers. */
bool findings_address(struct findings *f, struct origin origin, uint64_t ours, uint64_t theirs, const char *item, ...)
	__attribute__((format(printf, 5, 6)));
bool findings_text(struct findings *f, struct origin origin, const char *ours, const char *theirs, const char *item, ...)
	__attribute__((format(printf, 5, 6)));

/* A figure of ours that is known to be an estimate: the error is recorded, never a difference. */
void findings_estimate(struct findings *f, struct origin origin, uint64_t ours, uint64_t theirs, const char *item, ...)
	__attribute__((format(printf, 5, 6)));

/* `count` items of the contract the capture has no data for. */
void findings_missing(struct findings *f, uint64_t count);

/* A sentence about the capture: contradictions, complaints of readers. */
void findings_remark(struct findings *f, struct origin origin, const char *text, ...) __attribute__((format(printf, 3, 4)));

void findings_free(struct findings *f);

/* Print one capture, or the closing table of several. */
void findings_print(const struct findings *f, const struct verify_options *options);
void findings_print_table(const struct findings *f, size_t count, const struct verify_options *options);
void findings_print_json(const struct findings *f, size_t count, const struct verify_options *options);

#endif
