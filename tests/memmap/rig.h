/*
 * A small random machine on the hosted port, as far as the memmap needs it: ledger, zones, platform. And what a naive reader
 * of the same map expects of every frame.
 */
#ifndef TEST_MEMMAP_RIG_H
#define TEST_MEMMAP_RIG_H

#include <quire/quire.h>

#include "hosted.h"

/* The models this build can be: all of them, or the pinned one. */
#ifdef QUIRE_PIN_MODEL
#define RIG_FIRST_MODEL ((unsigned)QUIRE_PIN_MODEL)
#define RIG_END_MODELS ((unsigned)QUIRE_PIN_MODEL + 1)
#else
#define RIG_FIRST_MODEL 0u
#define RIG_END_MODELS ((unsigned)QUIRE_MODELS)
#endif

#define RIG_NODES 4
#define RIG_FRAMES 16384u		/* highest pfn */

struct rig_frame {
	int8_t nid;			/* of the memory, or of the memory its hole belongs to */
	uint8_t zone;
	bool memory, nomap, present_section;
};

struct rig {
	struct quire q;
	struct quire_node nodes[RIG_NODES];
	struct quire_hosted *hosted;
	struct rig_frame frames[RIG_FRAMES];
	char last_message[512];
};

/* A machine from a seed: 1 to RIG_NODES nodes, interleaved, holes of all sizes, sections of 2 MiB << section_order. */
void rig_make(struct rig *rig, unsigned seed, enum quire_model model, enum quire_init_policy init, uint32_t hosted_flags);
/* All stages up to init. */
enum quire_status rig_boot(struct rig *rig);
void rig_drop(struct rig *rig);

#endif
