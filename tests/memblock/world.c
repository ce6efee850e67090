/* What growing should do: predictions about the ledger's own tables. See world.h. */
#include "world.h"

struct world world;

quire_phys_t limit_of(void) { return world.mb.current_limit ? world.mb.current_limit : QUIRE_PHYS_MAX; }

static quire_phys_t find_for_table(quire_phys_t bytes, quire_phys_t start, quire_phys_t end)
{
	struct model_request request = { bytes, world.model.page, start, end, NONE, QUIRE_MEMBLOCK_MIRROR,
					world.mb.bottom_up };
	quire_phys_t found = 0;

	if (end <= start)
		return 0;
	if (world.mb.has_mirror)
		found = model_find(&world.model, &request);
	request.flags = 0;
	return found ? found : model_find(&world.model, &request);
}

/* Space above the range to avoid first, then below it. */
struct prediction predict_room(const struct quire_memblock_type *type, size_t wanted, size_t needed, bool avoid,
			       quire_phys_t start, quire_phys_t end)
{
	struct prediction p = { .certain = true, .room = true };
	size_t max = type->max;
	quire_phys_t limit = limit_of();

	if (type->cnt + wanted <= type->max)
		return p;
	p.room = type->cnt + needed <= type->max;
	if (!world.mb.can_resize)
		return p;
	if (world.fail_one_in || (type == &world.mb.memory && world.mb.reserved.cnt + 2 > world.mb.reserved.max)) {
		p.certain = false;
		return p;
	}
	while (max == type->max || max < type->cnt + wanted + (type == &world.mb.reserved ? 3 : 0))
		max *= 2;
	p.bytes = max * sizeof(struct quire_memblock_region);
	if (!world.platform.meta_alloc) {
		if (avoid)
			p.base = find_for_table(p.bytes, end, limit);
		if (!p.base)
			p.base = find_for_table(p.bytes, 0, avoid && start < limit ? start : limit);
		if (!p.base)
			return p;
	}
	p.grows = p.room = true;
	return p;
}

static quire_phys_t table_end(const struct quire_memblock_type *type)
{
	return type->table_base + type->max * sizeof(struct quire_memblock_region);
}

struct tables tables_now(void)
{
	const struct quire_memblock *mb = &world.mb;

	return (struct tables){ { mb->memory.table_base, mb->reserved.table_base },
				{ mb->memory.table_base ? table_end(&mb->memory) : 0,
				  mb->reserved.table_base ? table_end(&mb->reserved) : 0 },
				{ mb->memory.max, mb->reserved.max } };
}

void follow_tables(const struct tables *before)
{
	struct tables after = tables_now();
	struct model *model = &world.model;

	for (int i = 0; i < 2; i++) {
		struct model_slice fresh = model_slice(model, after.base[i], after.end[i]);

		if (after.base[i] == before->base[i])
			continue;
		assert_int_equal(fresh.to - fresh.from, after.end[i] - after.base[i]);
		for (size_t k = fresh.from; k < fresh.to; k++)
			if (model->reserved[k] || model_skips(model, model->memory[k], NONE, 0))
				fail_msg("a table grew into memory that is not free");
	}
	for (int i = 0; i < 2; i++)
		if (after.base[i] != before->base[i])
			model_clear(model->reserved, model_slice(model, before->base[i], before->end[i]));
	for (int i = 0; i < 2; i++)
		if (after.base[i] != before->base[i])
			model_insert(model->reserved, model_slice(model, after.base[i], after.end[i]), model_pack(NONE, 0));
}

void hold_to(const struct prediction *p, const struct quire_memblock_type *type, const struct tables *before,
	     enum quire_status status)
{
	int which = type == &world.mb.reserved;

	if (!p->certain)
		return;
	assert_int_equal(status, p->room ? QUIRE_OK : QUIRE_ENOMEM);
	assert_int_equal(type->max != before->max[which], p->grows);
	if (p->grows)
		assert_int_equal(type->table_base, p->base);
}
