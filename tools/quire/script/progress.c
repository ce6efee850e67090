/* A line while something takes long: what, and how far. */
#include "script.h"

#define CLOCK_EVERY 4096u

void script_progress_begin(const struct script *s, struct script_progress *p, const char *what)
{
	*p = (struct script_progress){ .what = what };
	progress_begin(&p->line, s->progress);
}

void script_progress_step(struct script_progress *p, uint64_t done, uint64_t all)
{
	if (++p->calls % CLOCK_EVERY == 0)
		script_progress_now(p, done, all);
}

void script_progress_now(struct script_progress *p, uint64_t done, uint64_t all)
{
	if (!progress_due(&p->line))
		return;
	if (all)
		progress_show(&p->line, "%s: %llu of %llu", p->what, (unsigned long long)done, (unsigned long long)all);
	else
		progress_show(&p->line, "%s: %llu", p->what, (unsigned long long)done);
}

void script_progress_end(struct script_progress *p)
{
	progress_end(&p->line);
}
