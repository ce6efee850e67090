/* The naive memblock. See model.h. */
#include "model.h"

struct model_slice model_slice(const struct model *model, quire_phys_t start, quire_phys_t end)
{
	quire_phys_t top = model->origin > QUIRE_PHYS_MAX - SPACE ? QUIRE_PHYS_MAX : model->origin + SPACE;
	struct model_slice slice = { 0, 0 };

	start = start < model->origin ? model->origin : start;
	end = end > top ? top : end;
	if (start < end)
		slice = (struct model_slice){ (size_t)(start - model->origin), (size_t)(end - model->origin) };
	return slice;
}

void model_insert(model_byte *bytes, struct model_slice slice, model_byte value)
{
	for (size_t i = slice.from; i < slice.to; i++)
		if (!bytes[i])
			bytes[i] = value;
}

void model_clear(model_byte *bytes, struct model_slice slice)
{
	for (size_t i = slice.from; i < slice.to; i++)
		bytes[i] = 0;
}

void model_change(model_byte *bytes, struct model_slice slice, uint32_t set, uint32_t clear)
{
	for (size_t i = slice.from; i < slice.to; i++)
		if (bytes[i])
			bytes[i] = model_pack(model_nid(bytes[i]), (model_flags(bytes[i]) | set) & ~clear);
}

void model_set_node(model_byte *bytes, struct model_slice slice, int nid)
{
	for (size_t i = slice.from; i < slice.to; i++)
		if (bytes[i])
			bytes[i] = model_pack(nid, model_flags(bytes[i]));
}

void model_cap(struct model *model, quire_phys_t start, quire_phys_t end)
{
	for (size_t i = 0; i < SPACE; i++) {
		quire_phys_t address = model->origin + i;

		if ((address < start || address >= end) && !(model_flags(model->memory[i]) & QUIRE_MEMBLOCK_NOMAP))
			model->memory[i] = 0;
	}
}

/* Each region's bytes below its first, and above its last, multiple of align. */
void model_trim(struct model *model, quire_phys_t align)
{
	model_byte old[SPACE];

	memcpy(old, model->memory, sizeof(old));
	for (size_t from = 0, to; from < SPACE; from = to) {
		quire_phys_t first, last;

		for (to = from + 1; to < SPACE && old[to] == old[from]; to++)
			;
		if (!old[from])
			continue;
		for (first = from; first < to && (model->origin + first) % align; first++)
			model->memory[first] = 0;
		/* The byte at `last` may be the one past the last address, which no region holds; 0 is aligned. */
		for (last = to; last > first && (model->origin + last) % align; last--)
			model->memory[last - 1] = 0;
	}
}

size_t model_regions(const model_byte *bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < SPACE; i++)
		count += bytes[i] && (i == 0 || bytes[i - 1] != bytes[i]);
	return count;
}

size_t model_holes(const model_byte *bytes, struct model_slice slice)
{
	size_t count = 0;

	for (size_t i = slice.from; i < slice.to; i++)
		count += !bytes[i] && (i == slice.from || bytes[i - 1]);
	return count;
}

size_t model_cuts(const model_byte *bytes, struct model_slice slice)
{
	size_t count = 0;

	if (slice.from >= slice.to)
		return 0;
	count += slice.from > 0 && bytes[slice.from] && bytes[slice.from - 1] == bytes[slice.from];
	count += slice.to < SPACE && bytes[slice.to] && bytes[slice.to - 1] == bytes[slice.to];
	return count;
}

bool model_inside_one(const model_byte *bytes, struct model_slice slice)
{
	if (slice.from >= slice.to || !bytes[slice.from] || slice.from == 0 || slice.to == SPACE)
		return false;
	for (size_t i = slice.from - 1; i <= slice.to; i++)
		if (bytes[i] != bytes[slice.from])
			return false;
	return true;
}

quire_phys_t model_max_addr(const struct model *model, quire_phys_t limit)
{
	for (size_t i = 0; i < SPACE; i++)
		if (model->memory[i] && --limit == 0)
			return model->origin + i + 1;
	return QUIRE_PHYS_MAX;
}

bool model_skips(const struct model *model, model_byte byte, int nid, uint32_t flags)
{
	uint32_t has = model_flags(byte);

	if (!byte)
		return true;
	if (nid >= 0 && nid != model_nid(byte))
		return true;
	if (model->movable_node && (has & QUIRE_MEMBLOCK_HOTPLUG) && !(flags & QUIRE_MEMBLOCK_HOTPLUG))
		return true;
	if ((flags & QUIRE_MEMBLOCK_MIRROR) && !(has & QUIRE_MEMBLOCK_MIRROR))
		return true;
	if ((has & QUIRE_MEMBLOCK_NOMAP) && !(flags & QUIRE_MEMBLOCK_NOMAP))
		return true;
	return (has & QUIRE_MEMBLOCK_DRIVER_MANAGED) && !(flags & QUIRE_MEMBLOCK_DRIVER_MANAGED);
}

/* Every aligned address from which `size` bytes of one region are free; the highest or the lowest. */
quire_phys_t model_find(const struct model *model, const struct model_request *request)
{
	quire_phys_t start = request->start < model->page ? model->page : request->start, found = 0;
	struct model_slice slice = model_slice(model, start, request->end);
	size_t run = 0;

	for (size_t i = slice.to; i-- > slice.from;) {
		if (model->reserved[i] || model_skips(model, model->memory[i], request->nid, request->flags))
			run = 0;
		else
			run = run && model->memory[i] == model->memory[i + 1] ? run + 1 : 1;
		if (run < request->size || ((model->origin + i) & (request->align - 1)))
			continue;
		found = model->origin + i;
		if (!request->bottom_up)
			return found;
	}
	return found;
}

/* All entries of [from, to) are `value`: the first is, and each equals the next. */
static bool all_are(const model_byte *bytes, size_t from, size_t to, model_byte value)
{
	if (from >= to)
		return true;
	return bytes[from] == value && !memcmp(bytes + from, bytes + from + 1, (to - from - 1) * sizeof(*bytes));
}

void model_compare(const struct model *model, const model_byte *bytes, const struct quire_memblock_type *type)
{
	size_t at = 0;

	for (size_t i = 0; i < type->cnt; i++) {
		const struct quire_memblock_region *region = &type->regions[i];
		struct model_slice slice = model_slice(model, region->base, region->base + region->size);

		if (slice.to - slice.from != region->size || !all_are(bytes, at, slice.from, 0) ||
		    !all_are(bytes, slice.from, slice.to, model_pack(region->nid, region->flags)))
			fail_msg("%s region %zu, 0x%llx + 0x%llx nid %d flags 0x%x, not in the model", type->name, i,
				 (unsigned long long)region->base, (unsigned long long)region->size, region->nid,
				 region->flags);
		at = slice.to;
	}
	if (!all_are(bytes, at, SPACE, 0))
		fail_msg("%s lacks regions above its last", type->name);
}
