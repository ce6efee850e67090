/*
 * Declaring CMA areas at boot. Where the field's rule is a preference it is kept: on a machine with enough
 * memory above 4 GiB an area without a limit grows upwards from there, to leave low memory to devices that cannot reach
 * further.
 */
#include "cma/cma.h"

#include "base/base.h"

#ifndef QUIRE_WITHOUT_CMA

#define MOST_ORDER_PER_BIT 26u
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

static quire_phys_t find_room(struct quire *q, const struct quire_cma_request *request, quire_phys_t size,
			      quire_phys_t alignment, quire_phys_t limit)
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

/* The next area, with ranges that have been reserved. */
static void enter(struct quire *q, const struct quire_cma_range *ranges, unsigned n, const struct quire_cma_request *request,
		  const struct quire_cma_area **area)
{
	struct quire_cma_area *entry = &q->cma[q->cma_count++];

	*entry = (struct quire_cma_area){ .base_pfn = ranges[0].base_pfn, .range_count = n,
					  .order_per_bit = request->order_per_bit, .nid = request->nid };
	for (unsigned i = 0; i < n; i++) {
		entry->ranges[i] = ranges[i];
		entry->count += ranges[i].count;
	}
	qi_snprintf(entry->name, sizeof(entry->name), "%s", request->name ? request->name : "cma");
	if (area)
		*area = entry;
}

/* What is wrong with a request as such; NULL: nothing. Sizes are rounded already. */
static const char *judge(const struct quire *q, const struct quire_cma_request *request, quire_phys_t size,
			 quire_phys_t alignment, quire_phys_t limit)
{
	unsigned bit_shift = request->order_per_bit + quire_page_shift(&q->config);

	if (!size)
		return "size is zero or too large";
	if (request->order_per_bit > MOST_ORDER_PER_BIT || size & (((quire_phys_t)1 << bit_shift) - 1))
		return "size is not a multiple of its granularity";
	if (request->most_ranges > QUIRE_CMA_RANGES)
		return "an area has no room for so many ranges";
	if (request->fixed && request->base & (alignment - 1))
		return "fixed base is not aligned to a pageblock";
	if (request->base > limit || (request->fixed && limit - request->base < size))
		return "it reaches beyond the limit or the end of memory";
	if (limit - request->base < size)
		return "there is not so much room below its limit or the end of memory";
	if (request->fixed && !all_memory(q, request->base, size))
		return "part of the range is not memory";
	return NULL;
}

static enum quire_status reserve_fixed(struct quire *q, quire_phys_t base, quire_phys_t size)
{
	if (quire_memblock_is_region_reserved(&q->memblock, base, size))
		return QUIRE_EBUSY;
	return quire_memblock_reserve(&q->memblock, base, size) == QUIRE_OK ? QUIRE_OK : QUIRE_ENOMEM;
}

/* One range, or where that is not to be had and the request allows it, several. Returns how many; 0: none. */
static unsigned find_ranges(struct quire *q, const struct quire_cma_request *request, quire_phys_t size,
			    quire_phys_t alignment, quire_phys_t limit, struct quire_cma_range *ranges)
{
	unsigned shift = quire_page_shift(&q->config);
	quire_phys_t base = find_room(q, request, size, alignment, limit);

	if (base) {
		ranges[0] = (struct quire_cma_range){ .base_pfn = base >> shift, .count = size >> shift };
		return 1;
	}
	if (request->most_ranges < 2)
		return 0;
	alignment = qi_max(alignment, (quire_phys_t)1 << (request->order_per_bit + shift));
	return qi_cma_find_pieces(q, request, size, alignment, limit, ranges);
}

enum quire_status quire_cma_declare(struct quire *q, const struct quire_cma_request *request,
				    const struct quire_cma_area **area)
{
	quire_phys_t alignment = qi_max(request->alignment, minimum_alignment(q)),
		     size = qi_align_up(request->size, alignment);
	quire_phys_t end = quire_memblock_end_of_dram(&q->memblock);
	quire_phys_t limit = request->limit && request->limit < end ? request->limit : end;
	struct quire_cma_range ranges[QUIRE_CMA_RANGES] = { { 0 } };
	unsigned shift = quire_page_shift(&q->config), n = 1;
	enum quire_status status;
	const char *why;

	if (q->cma_count == QUIRE_CMA_AREAS)
		return QUIRE_ENOSPC;
	if (!qi_is_pow2(alignment))
		return refuse(q, request->name, "alignment is no power of two");
	limit = qi_align_down(limit, alignment);
	why = judge(q, request, size, alignment, limit);
	if (why)
		return refuse(q, request->name, why);
	if (request->fixed) {
		status = reserve_fixed(q, request->base, size);
		if (status != QUIRE_OK)
			return status;
		ranges[0] = (struct quire_cma_range){ .base_pfn = request->base >> shift, .count = size >> shift };
	} else {
		n = find_ranges(q, request, size, alignment, limit, ranges);
		if (!n)
			return QUIRE_ENOMEM;
	}
	enter(q, ranges, n, request, area);
	if (n == 1)
		qi_log(q->platform, QUIRE_LOG_INFO, "cma: Reserved %llu MiB at %#018llx", (unsigned long long)(size >> 20),
		       (unsigned long long)(ranges[0].base_pfn << shift));
	else
		qi_log(q->platform, QUIRE_LOG_INFO, "cma: Reserved %llu MiB in %u ranges",
		       (unsigned long long)(size >> 20), n);
	return QUIRE_OK;
}

enum quire_status quire_cma_adopt(struct quire *q, quire_phys_t base, quire_phys_t size, const char *name,
				  const struct quire_cma_area **area)
{
	quire_phys_t alignment = minimum_alignment(q);
	unsigned shift = quire_page_shift(&q->config);
	struct quire_cma_range range = { .base_pfn = base >> shift, .count = size >> shift };
	struct quire_cma_request as = { .nid = QUIRE_NO_NODE, .name = name };

	if (q->cma_count == QUIRE_CMA_AREAS)
		return QUIRE_ENOSPC;
	if (size == 0 || (base | size) & (alignment - 1))
		return refuse(q, name, "base or size is not a multiple of a pageblock");
	if (!all_memory(q, base, size))
		return refuse(q, name, "part of the range is not memory");
	enter(q, &range, 1, &as, area);
	return QUIRE_OK;
}

#endif
