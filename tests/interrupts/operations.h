/* Every kind of operation on a running machine, for the tests that step through them. */
#ifndef TESTS_INTERRUPTS_OPERATIONS_H
#define TESTS_INTERRUPTS_OPERATIONS_H

#include "booted.h"

#include <quire/balloon.h>
#include <quire/compaction.h>
#include <quire/debug.h>
#include <quire/device.h>
#include <quire/explain.h>
#include <quire/hotplug.h>
#include <quire/poison.h>
#include <quire/reclaim.h>
#include <quire/reporting.h>
#include <quire/vmstat.h>

#define AREA_PFN 0x8000ull		/* a CMA area of 16 MiB at 128 MiB */
#define AREA_PAGES 4096u
#define LATE_BASE (64 * MIB)		/* reserved at boot, given back late */
#define LATE_SIZE (3 * MIB)
#define SECTION (16 * MIB)
#define PLUG_BASE (1 * GIB)		/* RAM that can be plugged in here, 64 MiB */
#define PLUG_SIZE (64 * MIB)
#define DEVICE_PFN ((2 * GIB) >> 12)
#define CPUS 4u

struct world {
	struct booted *b;
	struct keeper *keeper;
};

struct operation {
	const char *name;		/* as in the table of docs/embedding.md */
	void (*act)(struct world *w);
};

/* In an order in which they can be done one after the other; the last has no name. */
extern const struct operation operations[];

#endif
