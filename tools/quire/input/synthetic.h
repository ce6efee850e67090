/*
 * Options that describe an invented machine, parsed. Internal to this folder.
 */
#ifndef QUIRE_TOOL_INPUT_SYNTHETIC_H
#define QUIRE_TOOL_INPUT_SYNTHETIC_H

#include <quire/machine.h>

struct synthetic_hole {
	quire_phys_t base, end;
};

#define SYNTHETIC_HOLES 64

struct synthetic_plan {
	unsigned node_count;
	quire_phys_t size[QUIRE_MAX_NODES];		/* RAM of each node; 0: CPUs only */
	unsigned cpus[QUIRE_MAX_NODES];
	bool cpus_said[QUIRE_MAX_NODES];		/* "/N" was given for it */
	struct synthetic_hole holes[SYNTHETIC_HOLES + 1];	/* sorted, disjoint */
	size_t hole_count;
	uint8_t *distances;				/* node_count squared, or NULL */
};

/*
 * Parse one option each into the plan. NULL on success, else what is wrong with the text, as a sentence for the user
 * (static).
 *
 *	nodes:     ITEM[,ITEM…], ITEM = [COUNTx]SIZE[/CPUS]
 *	hole:      BASE+SIZE
 *	distances: rows separated by ';', values by ',', or "ring", "line", "mesh", "full"
 */
const char *synthetic_parse_nodes(struct synthetic_plan *plan, const char *text);
const char *synthetic_parse_hole(struct synthetic_plan *plan, const char *text);
const char *synthetic_parse_distances(struct synthetic_plan *plan, const char *text);

/* Deal `total` CPUs (0: one a node) to the nodes that did not say how many they have, in equal runs. */
const char *synthetic_deal_cpus(struct synthetic_plan *plan, unsigned total);

#endif
