/* Properties of ranges: flags and nodes. Isolate, write, merge. */
#include "memblock/internal.h"

struct change {
	uint32_t set, clear;
	bool has_nid;
	int nid;
};

static enum quire_status change_range(struct quire_memblock *mb, qi_type *type, quire_phys_t base, quire_phys_t size,
				      const struct change *change)
{
	quire_phys_t end = qi_range_end(base, size);
	struct qi_avoid avoid = { 1, { { base, end } } };
	size_t first, last, splits;
	enum quire_status status;

	qi_memblock_ready(mb);
	if (base == end)
		return QUIRE_OK;
	splits = qi_memblock_count_splits(type, base, end);
	status = qi_memblock_make_room(mb, type, 2, splits, type == &mb->reserved ? &avoid : NULL);
	if (status != QUIRE_OK)
		return status;
	qi_memblock_split(type, base, end, &first, &last);
	for (size_t i = first; i < last; i++) {
		type->regions[i].flags = (type->regions[i].flags | change->set) & ~change->clear;
		if (change->has_nid)
			type->regions[i].nid = change->nid;
	}
	qi_table_merge(mb, type, first, last);
	if (type == &mb->memory)
		qi_hint_space_grew(mb, base, end);
	return QUIRE_OK;
}

static enum quire_status set_flag(struct quire_memblock *mb, qi_type *type, quire_phys_t base, quire_phys_t size,
				  uint32_t flag)
{
	return change_range(mb, type, base, size, &(struct change){ .set = flag });
}

static enum quire_status clear_flag(struct quire_memblock *mb, qi_type *type, quire_phys_t base, quire_phys_t size,
				    uint32_t flag)
{
	return change_range(mb, type, base, size, &(struct change){ .clear = flag });
}

enum quire_status quire_memblock_mark_hotplug(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return set_flag(mb, &mb->memory, base, size, QUIRE_MEMBLOCK_HOTPLUG);
}

enum quire_status quire_memblock_clear_hotplug(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return clear_flag(mb, &mb->memory, base, size, QUIRE_MEMBLOCK_HOTPLUG);
}

enum quire_status quire_memblock_mark_mirror(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	enum quire_status status;

	if (!mb->mirror_wanted)
		return QUIRE_OK;
	status = set_flag(mb, &mb->memory, base, size, QUIRE_MEMBLOCK_MIRROR);
	if (status == QUIRE_OK)
		mb->has_mirror = true;
	return status;
}

enum quire_status quire_memblock_mark_nomap(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return set_flag(mb, &mb->memory, base, size, QUIRE_MEMBLOCK_NOMAP);
}

enum quire_status quire_memblock_clear_nomap(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return clear_flag(mb, &mb->memory, base, size, QUIRE_MEMBLOCK_NOMAP);
}

enum quire_status quire_memblock_reserved_mark_noinit(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	return set_flag(mb, &mb->reserved, base, size, QUIRE_MEMBLOCK_RSRV_NOINIT);
}

enum quire_status quire_memblock_set_node(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size,
					  struct quire_memblock_type *type, int nid)
{
	if (type != &mb->memory && type != &mb->reserved)
		return QUIRE_EINVAL;
	return change_range(mb, type, base, size, &(struct change){ .has_nid = true, .nid = qi_memblock_nid(nid) });
}
