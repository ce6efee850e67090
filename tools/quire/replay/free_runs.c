/* See free_runs.h. */
#include "replay/free_runs.h"

#include <stdlib.h>

#include <quire/frames.h>

struct adding {
	struct free_runs *runs;
	bool failed;
};

static bool add(void *ctx, quire_pfn_t pfn, uint64_t count)
{
	struct adding *adding = ctx;
	struct free_runs *runs = adding->runs;

	if (runs->count == runs->room) {
		size_t room = runs->room ? runs->room * 2 : 64;
		struct recorded_range *bigger = realloc(runs->run, room * sizeof(*bigger));

		adding->failed = !bigger;
		if (!bigger)
			return false;
		runs->run = bigger;
		runs->room = room;
	}
	runs->run[runs->count++] = (struct recorded_range){ pfn, count };
	runs->frames += count;
	return true;
}

enum quire_status free_runs_add(struct free_runs *runs, const struct quire_zone *zone)
{
	struct adding adding = { .runs = runs };

	quire_zone_walk_free(zone, add, &adding);
	return adding.failed ? QUIRE_ENOMEM : QUIRE_OK;
}

void free_runs_free(struct free_runs *runs)
{
	free(runs->run);
	*runs = (struct free_runs){ 0 };
}
