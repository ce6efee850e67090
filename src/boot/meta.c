/* Boot-time metadata chunks; see meta.h. */
#include "boot/meta.h"

#include "base/base.h"

/* Stands before every chunk. `space` is the whole allocation, this header and alignment slack included. */
struct qi_meta_chunk {
	struct qi_meta_chunk *before;
	void *space;
	quire_phys_t phys;	/* 0: the platform's */
	size_t size;
	uint64_t *charge;
};

/* From the ledger, not zeroed; NULL if there is no room or no mapping. */
static void *from_ledger(struct quire *q, size_t size, size_t align, int nid, quire_phys_t *phys)
{
	void *space;

	*phys = quire_memblock_alloc_try_nid_raw(&q->memblock, size, align, 0, QUIRE_MEMBLOCK_ACCESSIBLE, nid);
	if (!*phys)
		return NULL;
	space = q->platform->phys_to_virt(q->platform->ctx, *phys, size);
	if (!space)
		quire_memblock_phys_free(&q->memblock, *phys, size);
	return space;
}

void *qi_meta_alloc_raw(struct quire *q, size_t size, size_t align, int nid, uint64_t *charge)
{
	size_t room = qi_align_up(sizeof(struct qi_meta_chunk), qi_max(align, 16)), total;
	struct qi_meta_chunk *chunk;
	quire_phys_t phys = 0;
	void *space;

	align = qi_max(align, 16);
	if (__builtin_add_overflow(room, size, &total))
		return NULL;
	if (q->platform->meta_alloc)
		space = q->platform->meta_alloc(q->platform->ctx, total, align, nid);
	else
		space = from_ledger(q, total, align, nid, &phys);
	if (!space)
		return NULL;
	/* The header sits right below the result, so that it is found whatever the alignment was. */
	chunk = (struct qi_meta_chunk *)((char *)space + room) - 1;
	*chunk = (struct qi_meta_chunk){ q->meta_chunks, space, phys, total, charge };
	q->meta_chunks = chunk;
	if (charge)
		*charge += total;
	return chunk + 1;
}

void *qi_meta_alloc(struct quire *q, size_t size, size_t align, int nid, uint64_t *charge)
{
	void *space = qi_meta_alloc_raw(q, size, align, nid, charge);

	/* The platform's is zeroed as it comes. */
	if (space && !q->platform->meta_alloc)
		memset(space, 0, size);
	return space;
}

struct qi_meta_chunk *qi_meta_mark(const struct quire *q)
{
	return q->meta_chunks;
}

void qi_meta_release(struct quire *q, struct qi_meta_chunk *mark)
{
	while (q->meta_chunks != mark) {
		struct qi_meta_chunk chunk = *q->meta_chunks;

		q->meta_chunks = chunk.before;
		if (chunk.charge)
			*chunk.charge -= chunk.size;
		if (chunk.phys)
			quire_memblock_phys_free(&q->memblock, chunk.phys, chunk.size);
		else
			q->platform->meta_free(q->platform->ctx, chunk.space, chunk.size);
	}
}
