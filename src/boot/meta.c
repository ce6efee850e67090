/* Metadata chunks; see meta.h. */
#include "boot/meta.h"

#include "base/base.h"
#include "base/lock.h"
#include "page_alloc/page_alloc.h"
#include "zone/tree_withhold.h"

enum meta_source { META_PLATFORM, META_LEDGER, META_FRAMES };

/* Stands before every chunk. `space` is the whole allocation, this header and alignment slack included. */
struct qi_meta_chunk {
	struct qi_meta_chunk *before;
	void *space;
	quire_phys_t phys;	/* not the platform's: where it lies */
	size_t size;
	uint64_t *charge;
	enum meta_source source;
	struct qi_zone *za;	/* META_FRAMES: whose */
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

/* The zones have the memory now: a block of frames of theirs, for good. */
static void *from_frames(struct quire *q, size_t size, int nid, quire_phys_t *phys, struct qi_zone **za)
{
	unsigned shift = quire_page_shift(&q->config), order = qi_log2_up(size);
	quire_gfp_t gfp = QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY;
	quire_pfn_t pfn;
	void *space;

	order = order > shift ? order - shift : 0;
	/* The node may have no memory, and no list of zones, yet. */
	if ((!quire_topology_node(&q->topology, nid) || quire_alloc_frames(q, nid, order, gfp, &pfn) != QUIRE_OK) &&
	    quire_alloc_frames(q, QUIRE_NO_NODE, order, gfp, &pfn) != QUIRE_OK)
		return NULL;
	*phys = pfn << shift;
	space = q->platform->phys_to_virt(q->platform->ctx, *phys, (quire_phys_t)1 << (order + shift));
	if (!space) {
		quire_free_frames(q, pfn, order);
		return NULL;
	}
	*za = qi_zone_of_frame(q, pfn);
	qi_zone_lock(*za);
	qi_tree_withhold(&(*za)->tree, pfn, order);
	qi_zone_unlock(*za);
	return space;
}

static void give_frames(struct quire *q, const struct qi_meta_chunk *chunk)
{
	unsigned shift = quire_page_shift(&q->config), order = qi_log2_up(chunk->size);

	/* At the end of a machine its zones are closed first, and the frames went with them. */
	if (!chunk->za->zone->tree)
		return;
	order = order > shift ? order - shift : 0;
	qi_zone_lock(chunk->za);
	qi_tree_release(&chunk->za->tree, chunk->phys >> shift, order);
	qi_zone_unlock(chunk->za);
	quire_free_frames(q, chunk->phys >> shift, order);
}

void *qi_meta_alloc_raw(struct quire *q, size_t size, size_t align, int nid, uint64_t *charge)
{
	size_t room = qi_align_up(sizeof(struct qi_meta_chunk), qi_max(align, 16)), total;
	enum meta_source source = q->stage < QUIRE_STAGE_HANDOVER ? META_LEDGER : META_FRAMES;
	struct qi_lock *lock = (struct qi_lock *)&q->meta_lock;
	struct qi_meta_chunk *chunk;
	struct qi_zone *za = NULL;
	quire_phys_t phys = 0;
	void *space;
	unsigned long state;

	align = qi_max(align, 16);
	if (__builtin_add_overflow(room, size, &total))
		return NULL;
	if (q->platform->meta_alloc) {
		source = META_PLATFORM;
		space = q->platform->meta_alloc(q->platform->ctx, total, align, nid);
	} else if (source == META_LEDGER) {
		space = from_ledger(q, total, align, nid, &phys);
	} else {
		space = from_frames(q, total, nid, &phys, &za);
	}
	if (!space)
		return NULL;
	/* The header sits right below the result, so that it is found whatever the alignment was. */
	chunk = (struct qi_meta_chunk *)((char *)space + room) - 1;
	*chunk = (struct qi_meta_chunk){ NULL, space, phys, total, charge, source, za };
	state = qi_lock_irqsave(q->platform, lock);
	chunk->before = q->meta_chunks;
	q->meta_chunks = chunk;
	if (charge)
		*charge += total;
	qi_unlock_irqrestore(q->platform, lock, state);
	return chunk + 1;
}

void qi_meta_charge(struct quire *q, uint64_t *charge, int64_t bytes)
{
	struct qi_lock *lock = (struct qi_lock *)&q->meta_lock;
	unsigned long state;

	state = qi_lock_irqsave(q->platform, lock);
	*charge += (uint64_t)bytes;
	qi_unlock_irqrestore(q->platform, lock, state);
}

void *qi_meta_alloc(struct quire *q, size_t size, size_t align, int nid, uint64_t *charge)
{
	void *space = qi_meta_alloc_raw(q, size, align, nid, charge);

	/* The platform's is zeroed as it comes. */
	if (space && !q->platform->meta_alloc)
		memset(space, 0, size);
	return space;
}

quire_phys_t qi_meta_phys(const struct quire *q, const void *address)
{
	for (const struct qi_meta_chunk *chunk = q->meta_chunks; chunk; chunk = chunk->before)
		if (chunk + 1 == address && chunk->source == META_LEDGER)
			return chunk->phys + (quire_phys_t)((const char *)address - (const char *)chunk->space);
	return QUIRE_PHYS_MAX;
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
		if (chunk.source == META_LEDGER)
			quire_memblock_phys_free(&q->memblock, chunk.phys, chunk.size);
		else if (chunk.source == META_FRAMES)
			give_frames(q, &chunk);
		else
			q->platform->meta_free(q->platform->ctx, chunk.space, chunk.size);
	}
}
