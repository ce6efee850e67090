/*
 * A machine booted in simulation: its description read, its memory booted by the engine, and what a kernel takes for itself
 * on the way replayed or estimated.
 */
#ifndef QUIRE_TOOL_SIMULATE_H
#define QUIRE_TOOL_SIMULATE_H

#include <quire/quire.h>

#include "input/input.h"

/* What the user asked for. */
struct simulate_options {
	const char *const *paths;		/* the INPUTs; none: a machine from input.nodes */
	size_t path_count;
	struct input_options input;
	const char *model, *init;		/* names, NULL: the default */
	unsigned workers;			/* 0: one per CPU */
	unsigned stride;			/* 0: the default */
	bool verbose;				/* show notes of the readers, and the engine's own log */
	bool quiet;				/* not even warnings */
	bool huge_pages;			/* fill the pool of hugepages=, as a kernel does last */
	/* Called when nodes are known and zones are not yet: the time to reserve things. May be NULL. */
	enum quire_status (*before_zones)(void *ctx, struct quire *q);
	void *ctx;
};

struct quire_hosted;

struct simulation {
	struct input in;
	struct quire_hosted *host;
	struct quire *q;			/* booted; inside host */
	bool replayed;				/* the kernel's own reservations are known from the log, not estimated */
};

/*
 * Read the INPUTs and boot. QUIRE_OK, or another status after a message to standard error.
 * simulate_free() is due either way.
 */
enum quire_status simulate(struct simulation *s, const struct simulate_options *options);
void simulate_free(struct simulation *s);

/* Its first half: read the INPUTs and settle machine and configuration, without booting. */
enum quire_status simulate_load(struct simulation *s, const struct simulate_options *options);

/* Look up names as --model and --init take them. */
bool simulate_model_by_name(const char *name, enum quire_model *model);
bool simulate_init_by_name(const char *name, enum quire_init_policy *policy);

#endif
