/* What is free in zones, as an array of runs. */
#ifndef QUIRE_TOOL_REPLAY_FREE_RUNS_H
#define QUIRE_TOOL_REPLAY_FREE_RUNS_H

#include <quire/topology.h>

#include "replay/recorded.h"

struct free_runs {
	struct recorded_range *run;
	size_t count, room;
	uint64_t frames;		/* in all of them */
};

/* Add the zone's, in rising order. QUIRE_ENOMEM. Free them either way, with free_runs_free(). */
enum quire_status free_runs_add(struct free_runs *runs, const struct quire_zone *zone);
void free_runs_free(struct free_runs *runs);

#endif
