/*
 * One line on standard error that rewrites itself while something takes long. Nothing is shown in the first moments, so that
 * quick work stays quiet, nor where standard error is no terminal that could rewrite a line.
 */
#ifndef QUIRE_TOOL_PROGRESS_H
#define QUIRE_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool wanted, shown;
	uint64_t started_ns, shown_ns;
};

/* Nanoseconds of a clock that only goes forward. */
uint64_t progress_now_ns(void);

void progress_begin(struct progress *p, bool wanted);

/* It is time for another line. Costs a look at the clock. */
bool progress_due(const struct progress *p);
void progress_show(struct progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Take the line away; messages may follow. */
void progress_end(struct progress *p);

#endif
