/*
 * Declaring CMA areas at boot (spec 06 B). Where the field's rule is a preference it is kept: on a machine with enough memory
 * above 4 GiB an area without a limit grows upwards from there, to leave low memory to devices that cannot reach further.
 */
#include <quire/quire.h>

#include "base/base.h"

#define FOUR_GIB ((quire_phys_t)1 << 32)

static quire_phys_t minimum_alignment(const struct quire *q)
{
	return (quire_phys_t)1 << (quire_pageblock_order(&q->config) + quire_page_shift(&q->config));
}

static enum quire_status refuse(const struct quire *q, const char *name, const char *why)
{
	qi_log(q->platform, QUIRE_LOG_ERROR, "cma: area '%s' refused: %s", name ? name : "", why);
	return QUIRE_EINVAL;
}

/* Every byte of [base, base + size) must be memory, and all of it mapped. */
static bool all_memory(const struct quire *q, quire_phys_t base, quire_phys_t size)
{
	const struct quire_memblock_type *memory = &q->memblock.memory;
	quire_phys_t covered = base, end;

	if (!qi_add(base, size, &end))
		return false;
	for (size_t i = 0; i < memory->cnt && covered < end; i++) {
		const struct quire_memblock_region *r = &memory->regions[i];

		if (r->base > covered)
			return false;
		if (r->base + r->size > covered && !(r->flags & QUIRE_MEMBLOCK_NOMAP))
			covered = r->base + r->size;
	}
	return covered >= end;
}

static quire_phys_t find_room(struct quire *q, const struct quire_cma_request *request, quire_phys_t size, quire_phys_t alignment,
			      quire_phys_t limit)
{
	struct quire_memblock *mb = &q->memblock;
	quire_phys_t found = 0;
	bool exact = request->nid != QUIRE_NO_NODE;

	if (limit > FOUR_GIB + size && quire_memblock_end_of_dram(mb) > FOUR_GIB + size) {
		bool direction = mb->bottom_up;

		quire_memblock_set_bottom_up(mb, true);
		found = quire_memblock_alloc_range_nid(mb, size, alignment, FOUR_GIB, limit, request->nid, exact);
		quire_memblock_set_bottom_up(mb, direction);
	}
	if (!found)
		found = quire_memblock_alloc_range_nid(mb, size, alignment, request->base, limit, request->nid, exact);
	return found;
}

static enum quire_status enter(struct quire *q, quire_phys_t base, quire_phys_t size, unsigned order_per_bit, int nid,
			       const char *name, const struct quire_cma_area **area)
{
	struct quire_cma_area *entry = &q->cma[q->cma_count];

	*entry = (struct quire_cma_area){ .base_pfn = base >> quire_page_shift(&q->config),
					  .count = size >> quire_page_shift(&q->config),
					  .order_per_bit = order_per_bit,
					  .nid = nid };
	qi_snprintf(entry->name, sizeof(entry->name), "%s", name ? name : "cma");
	q->cma_count++;
	if (area)
		*area = entry;
	return QUIRE_OK;
}

enum quire_status quire_cma_declare(struct quire *q, const struct quire_cma_request *request, const struct quire_cma_area **area)
{
	quire_phys_t alignment = qi_max(request->alignment, minimum_alignment(q)), size, end = quire_memblock_end_of_dram(&q->memblock);
	quire_phys_t limit = request->limit && request->limit < end ? request->limit : end, base = request->base;

	if (q->cma_count == QUIRE_CMA_AREAS)
		return QUIRE_ENOSPC;
	if (!qi_is_pow2(alignment))
		return refuse(q, request->name, "alignment is no power of two");
	size = qi_align_up(request->size, alignment);
	if (size == 0)
		return refuse(q, request->name, "size is zero or too large");
	limit = qi_align_down(limit, alignment);
	if (request->fixed && base & (alignment - 1))
		return refuse(q, request->name, "fixed base is not aligned to a pageblock");
	if (base > limit || limit - base < size)
		return refuse(q, request->name, "it reaches beyond the limit or the end of memory");
	if (request->fixed) {
		if (!all_memory(q, base, size))
			return refuse(q, request->name, "part of the range is not memory");
		if (quire_memblock_is_region_reserved(&q->memblock, base, size))
			return QUIRE_EBUSY;
		if (quire_memblock_reserve(&q->memblock, base, size) != QUIRE_OK)
			return QUIRE_ENOMEM;
	} else {
		base = find_room(q, request, size, alignment, limit);
		if (!base)
			return QUIRE_ENOMEM;
	}
	qi_log(q->platform, QUIRE_LOG_INFO, "cma: Reserved %llu MiB at %#018llx", (unsigned long long)(size >> 20),
	       (unsigned long long)base);
	return enter(q, base, size, request->order_per_bit, request->nid, request->name, area);
}

enum quire_status quire_cma_adopt(struct quire *q, quire_phys_t base, quire_phys_t size, const char *name,
				  const struct quire_cma_area **area)
{
	quire_phys_t alignment = minimum_alignment(q);

	if (q->cma_count == QUIRE_CMA_AREAS)
		return QUIRE_ENOSPC;
	if (size == 0 || (base | size) & (alignment - 1))
		return refuse(q, name, "base or size is not a multiple of a pageblock");
	if (!all_memory(q, base, size))
		return refuse(q, name, "part of the range is not memory");
	return enter(q, base, size, 0, QUIRE_NO_NODE, name, area);
}
