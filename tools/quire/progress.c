/* See progress.h. */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_NS 700000000u
#define NEXT_NS 200000000u

uint64_t progress_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "\033[K" clears the rest of a line. */
static bool terminal_rewrites(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

void progress_begin(struct progress *p, bool wanted)
{
	*p = (struct progress){ .wanted = wanted && terminal_rewrites(), .started_ns = progress_now_ns() };
}

bool progress_due(const struct progress *p)
{
	uint64_t now = p->wanted ? progress_now_ns() : 0;

	return p->wanted && now - p->started_ns >= FIRST_NS && now - p->shown_ns >= NEXT_NS;
}

void progress_show(struct progress *p, const char *format, ...)
{
	va_list arguments;

	if (!p->wanted)
		return;
	fputc('\r', stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\033[K", stderr);
	fflush(stderr);
	p->shown_ns = progress_now_ns();
	p->shown = true;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
