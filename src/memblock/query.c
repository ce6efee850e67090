/* Questions about addresses, by bisection. All of them are fine with a ledger that was never touched. */
#include "memblock/internal.h"

/* The region of type that holds address; NULL if none does. */
static const qi_region *lookup(const qi_type *type, quire_phys_t address)
{
	size_t i = qi_table_ending_above(type, address);

	return i < type->cnt && type->regions[i].base <= address ? &type->regions[i] : NULL;
}

bool quire_memblock_is_memory(const struct quire_memblock *mb, quire_phys_t address)
{
	return lookup(&mb->memory, address);
}

bool quire_memblock_is_reserved(const struct quire_memblock *mb, quire_phys_t address)
{
	return lookup(&mb->reserved, address);
}

bool quire_memblock_is_map_memory(const struct quire_memblock *mb, quire_phys_t address)
{
	const qi_region *region = lookup(&mb->memory, address);

	return region && !(region->flags & QUIRE_MEMBLOCK_NOMAP);
}

bool quire_memblock_is_region_memory(const struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	const qi_region *region = lookup(&mb->memory, base);

	return region && qi_region_end(region) >= qi_range_end(base, size);
}

bool quire_memblock_overlaps_region(const struct quire_memblock *mb, const struct quire_memblock_type *type,
				    quire_phys_t base,
				    quire_phys_t size)
{
	size_t i = qi_table_ending_above(type, base);

	(void)mb;
	return i < type->cnt && type->regions[i].base < qi_range_end(base, size);
}

bool quire_memblock_is_region_reserved(const struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return quire_memblock_overlaps_region(mb, &mb->reserved, base, size);
}

quire_phys_t quire_memblock_start_of_dram(const struct quire_memblock *mb)
{
	return mb->memory.cnt ? mb->memory.regions[0].base : 0;
}

quire_phys_t quire_memblock_end_of_dram(const struct quire_memblock *mb)
{
	return mb->memory.cnt ? qi_region_end(&mb->memory.regions[mb->memory.cnt - 1]) : 0;
}

quire_phys_t quire_memblock_phys_mem_size(const struct quire_memblock *mb) { return mb->memory.total_size; }
quire_phys_t quire_memblock_reserved_size(const struct quire_memblock *mb) { return mb->reserved.total_size; }

int quire_memblock_search_pfn_nid(const struct quire_memblock *mb, quire_pfn_t pfn, unsigned page_shift, quire_pfn_t *start,
				  quire_pfn_t *end)
{
	const qi_region *region;

	if (pfn > QUIRE_PHYS_MAX >> page_shift)
		return QUIRE_NO_NODE;
	region = lookup(&mb->memory, pfn << page_shift);
	if (!region)
		return QUIRE_NO_NODE;
	*start = qi_pfn_down(region->base, page_shift);
	*end = qi_pfn_down(qi_region_end(region), page_shift);
	return region->nid;
}
