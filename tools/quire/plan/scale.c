/* A machine's layout at another size: nodes, holes and borders keep their proportions. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* PCs keep their first MiB whatever their size; granules smaller than this would be lost to sections anyway. */
#define LOW_END ((quire_phys_t)1 << 20)
#define GRAIN ((quire_phys_t)1 << 16)

static quire_phys_t scale(quire_phys_t address, int shift)
{
	address = shift < 0 ? address >> -shift : address << shift;
	return address & ~(GRAIN - 1);
}

/* False if nothing is left of the range. */
static bool scale_range(quire_phys_t *base, quire_phys_t *size, int shift)
{
	quire_phys_t end;

	if (*base + *size <= LOW_END)
		return *size != 0;
	end = scale(*base + *size, shift);
	*base = *base < LOW_END ? *base : scale(*base, shift);
	if (*base && *base < LOW_END)
		*base = LOW_END;
	*size = end > *base ? end - *base : 0;
	return *size != 0;
}

enum quire_status plan_scale(const struct plan_machine *m, int shift, struct quire_machine *scaled)
{
	const struct quire_machine *from = m->machine;

	*scaled = *from;
	scaled->map = calloc(from->map_count + 1, sizeof(*scaled->map));
	scaled->affinities = calloc(from->affinity_count + 1, sizeof(*scaled->affinities));
	scaled->map_count = scaled->affinity_count = scaled->reservation_count = 0;
	scaled->dma_limit = 0;
	scaled->usable_size = 0;
	if (!scaled->map || !scaled->affinities) {
		plan_scale_free(scaled);
		return QUIRE_ENOMEM;
	}
	for (size_t i = 0; i < from->map_count; i++) {
		struct quire_memory_range *to = &scaled->map[scaled->map_count];

		*to = from->map[i];
		scaled->map_count += scale_range(&to->base, &to->size, shift);
	}
	for (size_t i = 0; i < from->affinity_count; i++) {
		struct quire_memory_affinity *to = &scaled->affinities[scaled->affinity_count];

		*to = from->affinities[i];
		scaled->affinity_count += scale_range(&to->base, &to->size, shift);
	}
	return QUIRE_OK;
}

void plan_scale_free(struct quire_machine *scaled)
{
	free(scaled->map);
	free(scaled->affinities);
	scaled->map = NULL;
	scaled->affinities = NULL;
}
