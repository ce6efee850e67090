/* A line on standard error while something takes long; nothing where that is no terminal. */
#define _GNU_SOURCE
#include "script.h"

#include <time.h>

#define FIRST_NS 700000000u
#define NEXT_NS 200000000u
#define CLOCK_EVERY 4096u

uint64_t script_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void script_progress_begin(struct script_progress *p, const char *what)
{
	*p = (struct script_progress){ .what = what, .started_ns = script_now_ns() };
}

void script_progress_step(const struct script *s, struct script_progress *p, uint64_t done, uint64_t all)
{
	if (++p->calls % CLOCK_EVERY == 0)
		script_progress_now(s, p, done, all);
}

void script_progress_now(const struct script *s, struct script_progress *p, uint64_t done, uint64_t all)
{
	uint64_t now = s->progress ? script_now_ns() : 0;

	if (!s->progress || now - p->started_ns < FIRST_NS || now - p->shown_ns < NEXT_NS)
		return;
	if (all)
		fprintf(stderr, "\r%s: %llu of %llu\033[K", p->what, (unsigned long long)done, (unsigned long long)all);
	else
		fprintf(stderr, "\r%s: %llu\033[K", p->what, (unsigned long long)done);
	fflush(stderr);
	p->shown_ns = now;
	p->shown = true;
}

void script_progress_end(struct script_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
