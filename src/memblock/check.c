/* The checker: everything a table promises, from first principles. The first broken promise is logged. */
#include "memblock/internal.h"

static bool broken(const struct quire_memblock *mb, const char *name, size_t index, const char *what)
{
	qi_log(mb->platform, QUIRE_LOG_ERROR, "memblock: %s[0x%zx]: %s", name, index, what);
	return false;
}

static bool check_region(const struct quire_memblock *mb, const qi_type *type, const char *name, size_t i)
{
	uint32_t allowed = type == &mb->memory ? QI_MEMBLOCK_MEMORY_FLAGS : QUIRE_MEMBLOCK_RSRV_NOINIT;
	const qi_region *region = &type->regions[i], *below = i ? region - 1 : NULL;

	if (!region->size)
		return broken(mb, name, i, "empty region");
	if (region->size > QUIRE_PHYS_MAX - region->base)
		return broken(mb, name, i, "region runs past the last address");
	if (region->nid != qi_memblock_nid(region->nid))
		return broken(mb, name, i, "no such node");
	if (region->flags & ~allowed)
		return broken(mb, name, i, "flags the table cannot have");
	if (!below)
		return true;
	if (below->base >= region->base || below->size > region->base - below->base)
		return broken(mb, name, i, "out of order or overlapping");
	if (!type->split && qi_region_end(below) == region->base && below->nid == region->nid &&
	    below->flags == region->flags)
		return broken(mb, name, i, "not merged with the region below");
	return true;
}

static bool check_type(const struct quire_memblock *mb, const qi_type *type, const char *name)
{
	quire_phys_t total = 0;

	if (!type->regions)
		return (!type->cnt && !type->max && !type->total_size) || broken(mb, name, 0, "regions without a table");
	if (type->regions < type->table || type->cnt > type->max ||
	    (size_t)(type->regions - type->table) > type->max - type->cnt)
		return broken(mb, name, type->cnt, "more regions than the table has room for");
	for (size_t i = 0; i < type->cnt; i++) {
		if (!check_region(mb, type, name, i))
			return false;
		total += type->regions[i].size;
	}
	return total == type->total_size || broken(mb, name, type->cnt, "total_size is not the sum of sizes");
}

enum quire_status quire_check_memblock(const struct quire_memblock *mb)
{
	bool good = check_type(mb, &mb->memory, "memory") && check_type(mb, &mb->reserved, "reserved");

	return good ? QUIRE_OK : QUIRE_ECORRUPT;
}
