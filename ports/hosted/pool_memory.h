/* The mapping behind a pool. Internal. */
#ifndef QI_POOL_MEMORY_H
#define QI_POOL_MEMORY_H

#include "pool.h"

struct qi_pool_memory {
	char *base;			/* NULL: nothing is mapped */
	uint64_t size;			/* whole huge pages */
};

/* Map what the options ask for. On failure nothing is mapped and *why is a sentence; errno says more, or is 0. */
enum quire_status qi_pool_memory_map(struct qi_pool_memory *memory, const struct quire_pool_options *options,
				     const char **why);
void qi_pool_memory_unmap(struct qi_pool_memory *memory);

#endif
