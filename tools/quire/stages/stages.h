/*
 * The stages of a capture: what was done to the machine while it ran (memory plugged in, brought on line, taken off line,
 * pulled out; tunables written), done again to the same machine booted in simulation, and every recorded stage compared.
 *
 * Where a device puts its memory, and which parts of a virtio-mem device are plugged, the device decides: that is read
 * from the recording. What becomes of it (zones, spans, pages, watermarks, reserves, states of blocks) is the engine's.
 */
#ifndef QUIRE_TOOL_STAGES_H
#define QUIRE_TOOL_STAGES_H

#include <quire/hotplug.h>

#include "../simulate.h"
#include "../verify/compare.h"
#include "steps.h"

/* Memory of one device: what it has given so far. */
struct stage_device {
	char name[64];
	quire_phys_t base, size;
};

/* Frames inside blocks that a device keeps back. */
struct kept_run {
	quire_pfn_t pfn;
	uint64_t count;
};
struct kept_frames {
	struct kept_run *items;
	size_t count, room;
};

struct stages {
	struct findings *f;
	const char *path;
	struct simulation s;
	struct steps steps;
	/* The recording the next steps lead to. */
	struct observed now;
	char name[64];
	/* Bytes of one memory block, as the kernel counts them. */
	quire_phys_t block_size;
	LIST(struct stage_device) devices;
	struct quire_memory_keeper keeper;
	struct kept_frames kept;
	/* The largest that a CPU's high has been allowed in any stage. */
	uint64_t pcp_most[QUIRE_MAX_NODES][QUIRE_ZONE_TYPES];
};

/* Play and compare all stages of the capture at `path`; nothing where it has none. For verify_options.stages. */
void stages_verify(struct findings *f, const char *path);

/* act.c: do one step; note that it could not be done. */
void stage_act(struct stages *st, const struct step *step);
void stage_cannot(struct stages *st, const struct step *step, const char *what, enum quire_status status,
		  const struct quire_hotplug_failure *failure);
/* resize.c: a device that grows or shrinks. */
void stage_resize(struct stages *st, const struct step *step);
/* look.c: compare the machine with st->now. */
void stage_look(struct stages *st);

#endif
