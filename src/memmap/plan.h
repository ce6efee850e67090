/*
 * What the rooms of the memmap share about walking the ledger. Internal.
 */
#ifndef QI_MEMMAP_PLAN_H
#define QI_MEMMAP_PLAN_H

#include <quire/memmap.h>

#include "memblock/table.h"

/*
 * Which zone's books frame pfn is in, and the run [start, end) around it (from pfn on) of which the same is true. is_hole:
 * no memory in a populated zone; the run then belongs to the piece above, or to the last one. False if no memory is in any
 * zone.
 */
struct qi_frame_home {
	quire_pfn_t end;
	int nid;
	enum quire_zone_type zone;
	uint32_t flags;			/* of the memory region; 0 for a hole */
	bool is_hole;
};
bool qi_frame_home(const struct quire_topology *t, const struct quire_memblock *mb, quire_pfn_t pfn,
		   struct qi_frame_home *home);

/* As quire_memmap_deferred_split, whatever architecture and model: our own policy knows no such limits. */
quire_pfn_t qi_deferred_split(const struct quire_topology *t, const struct quire_memblock *mb, int nid);

static inline bool qi_model_is_flat(const struct quire_config *config)
{
	(void)config;	/* a pinned model does not ask */
	return quire_model(config) == QUIRE_MODEL_FLATMEM || quire_model(config) == QUIRE_MODEL_DISCONTIGMEM;
}

#endif
