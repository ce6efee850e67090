/*
 * The ledger against the naive model: a million random operations, in episodes on small address spaces at the bottom, in the
 * middle and at the very top of the address range; both directions, all flags, limits, movable_node, mirrors; tables that
 * start with four entries and grow out of the space itself, or from the platform, or may not grow, or fail to at random.
 *
 * For each operation the model predicts status and address before the ledger acts, the place a growing table takes included.
 */
#include "world.h"

#define EPISODES 2000
#define STEPS 500
#define PAGE_SHIFT 3

static bool injected(void)
{
	bool fails = world.fail_one_in && below(world.fail_one_in) == 0;

	world.failures += fails;
	return fails;
}

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)size;
	return injected() ? NULL : world.tables + (phys - world.model.origin);
}

static void *meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	(void)ctx;
	(void)align;
	(void)nid;
	if (injected())
		return NULL;
	world.meta_live++;
	return calloc(1, size);
}

static void meta_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	memset(address, 0xee, size);
	free(address);
	world.meta_live--;
}

/* --- operations ------------------------------------------------------------------------------------------------------- */

struct range {
	quire_phys_t base, size, end;
};

/* Mostly small, sometimes large, sometimes with a size that must be clamped, sometimes nothing. */
static struct range random_range(void)
{
	struct range range = { .base = world.model.origin + below(SPACE) };
	unsigned kind = (unsigned)below(32);

	range.size = kind == 0 ? 0 : kind == 1 ? QUIRE_PHYS_MAX : kind < 6 ? below(SPACE) : 1 + below(64);
	if (kind != 1 && range.size > SPACE - (range.base - world.model.origin))
		range.size = SPACE - (range.base - world.model.origin);
	range.end = range.size < QUIRE_PHYS_MAX - range.base ? range.base + range.size : QUIRE_PHYS_MAX;
	return range;
}

static int random_nid(void) { return (int)below(4) - 1; }

static uint32_t random_flags(void)
{
	static const uint32_t choice[] = { 0, 0, 0, 0, 1, 2, 4, 8, 3, 5 };

	return choice[below(sizeof(choice) / sizeof(*choice))];
}

/* Memory grows from the bottom end of its space upward: the space's top is clipped so that all of it stays in the model. */
static void clip_to_space(struct range *range)
{
	quire_phys_t top = world.model.origin > QUIRE_PHYS_MAX - SPACE ? QUIRE_PHYS_MAX : world.model.origin + SPACE;

	if (range->end > top) {
		range->end = top;
		range->size = top - range->base;
	}
}

static void op_add(bool memory)
{
	struct quire_memblock *mb = &world.mb;
	struct quire_memblock_type *type = memory ? &mb->memory : &mb->reserved;
	model_byte *bytes = memory ? world.model.memory : world.model.reserved;
	struct range range = random_range();
	struct tables before = tables_now();
	int nid = memory ? random_nid() : NONE;
	uint32_t flags = memory ? random_flags() : 0;
	struct model_slice slice;
	struct prediction p;
	enum quire_status status;
	size_t pieces;

	if (world.model.origin <= QUIRE_PHYS_MAX - SPACE)
		clip_to_space(&range);
	slice = model_slice(&world.model, range.base, range.end);
	pieces = model_holes(bytes, slice);
	p = predict_room(type, pieces, pieces, !memory, range.base, range.end);
	status = memory ? quire_memblock_add_node(mb, range.base, range.size, nid, flags) :
			  quire_memblock_reserve(mb, range.base, range.size);
	hold_to(&p, type, &before, status);
	follow_tables(&before);
	if (status == QUIRE_OK)
		model_insert(bytes, slice, model_pack(nid, flags));
	else
		assert_true(status == QUIRE_ENOMEM && type->cnt + pieces > type->max);
}

/* Freeing spares the tables the ledger lives in. */
static void model_release(quire_phys_t start, quire_phys_t end)
{
	struct tables tables = tables_now();
	model_byte old[SPACE];

	memcpy(old, world.model.reserved, sizeof(old));
	model_clear(world.model.reserved, model_slice(&world.model, start, end));
	for (int i = 0; i < 2; i++) {
		struct model_slice slice = model_slice(&world.model, tables.base[i], tables.end[i]);

		for (size_t k = slice.from; k < slice.to; k++)
			world.model.reserved[k] = old[k];
	}
}

static bool holds_table(quire_phys_t start, quire_phys_t end)
{
	struct tables tables = tables_now();

	return (tables.base[0] < end && tables.end[0] > start) || (tables.base[1] < end && tables.end[1] > start);
}

static void op_remove(bool memory)
{
	struct quire_memblock *mb = &world.mb;
	struct quire_memblock_type *type = memory ? &mb->memory : &mb->reserved;
	model_byte *bytes = memory ? world.model.memory : world.model.reserved;
	struct range range = random_range();
	struct tables before = tables_now();
	struct model_slice slice = model_slice(&world.model, range.base, range.end);
	struct prediction p = predict_room(type, 2, model_inside_one(bytes, slice), true, range.base, range.end);
	enum quire_status status;

	if (range.base == range.end)
		p = (struct prediction){ .certain = true, .room = true };
	else if (!memory && holds_table(range.base, range.end))
		p.certain = false;
	status = memory ? quire_memblock_remove(mb, range.base, range.size) :
			  quire_memblock_phys_free(mb, range.base, range.size);
	hold_to(&p, type, &before, status);
	follow_tables(&before);
	if (status != QUIRE_OK)
		return;
	if (memory)
		model_clear(bytes, slice);
	else
		model_release(range.base, range.end);
}

static void op_change(void)
{
	static const struct {
		enum quire_status (*call)(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size);
		uint32_t set, clear;
	} changes[] = {
		{ quire_memblock_mark_hotplug, QUIRE_MEMBLOCK_HOTPLUG, 0 },
		{ quire_memblock_clear_hotplug, 0, QUIRE_MEMBLOCK_HOTPLUG },
		{ quire_memblock_mark_nomap, QUIRE_MEMBLOCK_NOMAP, 0 },
		{ quire_memblock_clear_nomap, 0, QUIRE_MEMBLOCK_NOMAP },
		{ quire_memblock_clear_nomap, 0, QUIRE_MEMBLOCK_NOMAP },
		{ quire_memblock_mark_mirror, QUIRE_MEMBLOCK_MIRROR, 0 },
		{ quire_memblock_reserved_mark_noinit, QUIRE_MEMBLOCK_RSRV_NOINIT, 0 },
	};
	size_t i = below(sizeof(changes) / sizeof(*changes));
	bool memory = changes[i].set != QUIRE_MEMBLOCK_RSRV_NOINIT;
	bool ignored = changes[i].set == QUIRE_MEMBLOCK_MIRROR && !world.mb.mirror_wanted;
	struct quire_memblock_type *type = memory ? &world.mb.memory : &world.mb.reserved;
	model_byte *bytes = memory ? world.model.memory : world.model.reserved;
	struct range range = random_range();
	struct tables before = tables_now();
	struct model_slice slice = model_slice(&world.model, range.base, range.end);
	struct prediction p = predict_room(type, 2, model_cuts(bytes, slice), !memory, range.base, range.end);
	enum quire_status status;

	if (range.base == range.end || ignored)
		p = (struct prediction){ .certain = true, .room = true };
	status = changes[i].call(&world.mb, range.base, range.size);
	hold_to(&p, type, &before, status);
	follow_tables(&before);
	if (status == QUIRE_OK && !ignored)
		model_change(bytes, slice, changes[i].set, changes[i].clear);
}

static void op_set_node(void)
{
	bool memory = below(2);
	struct quire_memblock_type *type = memory ? &world.mb.memory : &world.mb.reserved;
	model_byte *bytes = memory ? world.model.memory : world.model.reserved;
	struct range range = random_range();
	struct tables before = tables_now();
	struct model_slice slice = model_slice(&world.model, range.base, range.end);
	struct prediction p = predict_room(type, 2, model_cuts(bytes, slice), !memory, range.base, range.end);
	int nid = random_nid();
	enum quire_status status;

	if (range.base == range.end)
		p = (struct prediction){ .certain = true, .room = true };
	status = quire_memblock_set_node(&world.mb, range.base, range.size, type, nid);
	hold_to(&p, type, &before, status);
	follow_tables(&before);
	if (status == QUIRE_OK)
		model_set_node(bytes, slice, nid);
}

static struct model_request random_request(void)
{
	struct model_request request = {
		.size = 1 + (below(8) ? below(40) : below(400)),
		.align = 1u << below(7),
		.start = below(3) ? 0 : world.model.origin + below(SPACE),
		.end = below(3) ? 0 : world.model.origin + below(SPACE),
		.nid = random_nid(),
		.bottom_up = world.mb.bottom_up,
	};

	return request;
}

/* Isolate, look, and heal the splits by a change of nothing. */
static void op_isolate(void)
{
	bool memory = below(2);
	struct quire_memblock_type *type = memory ? &world.mb.memory : &world.mb.reserved;
	struct range range = random_range();
	struct tables before = tables_now();
	struct model_slice slice = model_slice(&world.model, range.base, range.end);
	const model_byte *bytes = memory ? world.model.memory : world.model.reserved;
	quire_phys_t inside = 0, covered = 0;
	size_t first, last;

	if (quire_memblock_isolate(&world.mb, type, range.base, range.size, &first, &last) != QUIRE_OK) {
		follow_tables(&before);
		return;
	}
	assert_int_equal(quire_check_memblock(&world.mb), QUIRE_OK);
	follow_tables(&before);
	for (size_t i = slice.from; i < slice.to; i++)
		inside += bytes[i] != 0;
	for (size_t i = first; i < last; i++) {
		assert_true(type->regions[i].base >= range.base);
		assert_true(type->regions[i].base + type->regions[i].size <= range.end);
		covered += type->regions[i].size;
	}
	assert_int_equal(covered, inside);
	/* Searches may learn from the split table; nothing of that may outlive the splits. */
	for (int i = 0; i < 3; i++) {
		struct model_request request = random_request();

		quire_memblock_find_in_range_node(&world.mb, request.size, request.align, 0, 0, request.nid, 0);
	}
	before = tables_now();
	assert_int_equal(quire_memblock_set_node(&world.mb, world.model.origin > SPACE ? 0 : QUIRE_PHYS_MAX - 1, 1, type, 0),
			 QUIRE_OK);
	follow_tables(&before);
	assert_false(type->split);
}

static void op_limit(void)
{
	struct quire_memblock *mb = &world.mb;
	struct tables before = tables_now();
	struct range range = random_range();
	quire_phys_t limit = below(SPACE), end;
	unsigned kind = (unsigned)below(4);
	enum quire_status status;

	if (kind == 0) {
		quire_phys_t align = 1u << below(5);

		quire_memblock_trim_memory(mb, align);
		model_trim(&world.model, align);
		return;
	}
	end = limit ? model_max_addr(&world.model, limit) : QUIRE_PHYS_MAX;
	if (kind == 1) {
		range = (struct range){ 0, end == QUIRE_PHYS_MAX ? 0 : end, end == QUIRE_PHYS_MAX ? 0 : end };
		status = quire_memblock_mem_limit_remove_map(mb, limit);
	} else if (kind == 2) {
		status = quire_memblock_enforce_memory_limit(mb, limit);
	} else {
		status = quire_memblock_cap_memory_range(mb, range.base, range.size);
	}
	follow_tables(&before);
	if (status != QUIRE_OK)
		return;
	if (kind == 2) {
		model_clear(world.model.memory, model_slice(&world.model, end, QUIRE_PHYS_MAX));
		model_release(end, QUIRE_PHYS_MAX);
	} else if (range.base < range.end && model_regions(world.model.memory)) {
		model_cap(&world.model, range.base, range.end);
		model_release(0, range.base);
		model_release(range.end, QUIRE_PHYS_MAX);
	}
}

static void op_find(void)
{
	struct model_request request = random_request();
	quire_phys_t found;

	request.flags = random_flags();
	found = quire_memblock_find_in_range_node(&world.mb, request.size, request.align, request.start, request.end,
						  request.nid,
						  request.flags);
	if (request.end <= QUIRE_MEMBLOCK_NOLEAKTRACE)
		request.end = limit_of();
	if (found != model_find(&world.model, &request))
		fail_msg("found 0x%llx, the model 0x%llx, episode %u step %u", (unsigned long long)found,
			 (unsigned long long)model_find(&world.model, &request), world.episode, world.step);
}

/* One attempt of an allocation. The status of *p is that of the reservation. */
static quire_phys_t predict_attempt(struct model_request *request, int nid, uint32_t flags, struct prediction *p)
{
	quire_phys_t found;

	request->nid = nid;
	request->flags = flags;
	found = model_find(&world.model, request);
	if (!found)
		return 0;
	*p = predict_room(&world.mb.reserved, 1, 1, true, found, found + request->size);
	return p->room || !p->certain ? found : 0;
}

static quire_phys_t predict_alloc(struct model_request request, bool exact, struct prediction *p)
{
	int nid = request.nid;
	quire_phys_t found;

	for (uint32_t flags = world.mb.has_mirror ? QUIRE_MEMBLOCK_MIRROR : 0;; flags = 0) {
		found = predict_attempt(&request, nid, flags, p);
		if (!found && nid >= 0 && !exact)
			found = predict_attempt(&request, NONE, flags, p);
		if (found || !p->certain || !flags)
			return found;
	}
}

static void op_alloc(void)
{
	struct quire_memblock *mb = &world.mb;
	struct model_request request = random_request();
	struct tables before = tables_now();
	struct prediction p = { .certain = true };
	quire_phys_t max = request.end, expected, found;
	unsigned kind = (unsigned)below(3);
	bool exact = kind == 2;

	if (request.end <= QUIRE_MEMBLOCK_NOLEAKTRACE)
		request.end = limit_of();
	if (kind && request.end > limit_of())
		request.end = limit_of();
	expected = predict_alloc(request, exact, &p);
	if (kind && !expected && p.certain && request.start) {
		struct model_request again = request;

		again.start = 0;
		expected = predict_alloc(again, exact, &p);
	}
	if (kind == 0)
		found = quire_memblock_alloc_range_nid(mb, request.size, request.align, request.start, max, request.nid,
						       false);
	else if (exact)
		found = quire_memblock_alloc_exact_nid_raw(mb, request.size, request.align, request.start, max, request.nid);
	else
		found = quire_memblock_alloc_try_nid_raw(mb, request.size, request.align, request.start, max, request.nid);
	if (p.certain && found != expected)
		fail_msg("allocated 0x%llx, the model 0x%llx, episode %u step %u", (unsigned long long)found,
			 (unsigned long long)expected, world.episode, world.step);
	if (p.certain && found && p.grows)
		assert_int_equal(mb->reserved.table_base, p.base);
	follow_tables(&before);
	if (found)
		model_insert(world.model.reserved, model_slice(&world.model, found, found + request.size),
			     model_pack(NONE, 0));
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

struct found_range {
	quire_phys_t start, end;
	model_byte byte;
};

/* Maximal runs of bytes of `a` that are equal, wanted, and not in `b`. */
static size_t model_ranges(const model_byte *a, const model_byte *b, int nid, uint32_t flags, struct found_range *out)
{
	size_t count = 0;
	model_byte last = 0;

	for (size_t i = 0; i < SPACE; i++) {
		bool wanted = a[i] && !(b && b[i]) &&
			      (a != world.model.memory || !model_skips(&world.model, a[i], nid, flags));

		if (wanted && a[i] == last)
			out[count - 1].end++;
		else if (wanted)
			out[count++] = (struct found_range){ world.model.origin + i, world.model.origin + i + 1, a[i] };
		last = wanted ? a[i] : 0;
	}
	return count;
}

static void expect_range(const struct quire_memblock_range *range, const struct found_range *expected)
{
	assert_int_equal(range->start, expected->start);
	assert_int_equal(range->end, expected->end);
	assert_int_equal(model_pack(range->nid, range->flags), expected->byte);
}

static void op_iterate(void)
{
	static struct found_range expected[SPACE];
	const struct quire_memblock *mb = &world.mb;
	const model_byte *memory = world.model.memory, *reserved = world.model.reserved;
	bool swap = below(3) == 0, alone = below(3) == 0;
	const struct quire_memblock_type *a = swap ? &mb->reserved : &mb->memory, *b = swap ? &mb->memory : &mb->reserved;
	struct quire_memblock_range range;
	uint64_t cursor = 0;
	int nid = random_nid();
	uint32_t flags = random_flags();
	size_t count, i = 0;

	count = model_ranges(swap ? reserved : memory, alone ? NULL : swap ? memory : reserved, nid, flags, expected);
	while (quire_memblock_next_range(mb, &cursor, nid, flags, a, alone ? NULL : b, &range)) {
		assert_true(i < count);
		expect_range(&range, &expected[i++]);
	}
	assert_int_equal(i, count);
	assert_false(quire_memblock_next_range(mb, &cursor, nid, flags, a, alone ? NULL : b, &range));
	cursor = QUIRE_MEMBLOCK_CURSOR_END;
	while (quire_memblock_next_range_rev(mb, &cursor, nid, flags, a, alone ? NULL : b, &range)) {
		assert_true(i > 0);
		expect_range(&range, &expected[--i]);
	}
	assert_int_equal(i, 0);
	assert_false(quire_memblock_next_range_rev(mb, &cursor, nid, flags, a, alone ? NULL : b, &range));
}

static void op_ask(void)
{
	const struct quire_memblock *mb = &world.mb;
	const struct model *model = &world.model;
	size_t at = below(SPACE), size = 1 + below(100), end = at + size < SPACE ? at + size : SPACE - 1, run = at;
	quire_phys_t address = model->origin + at, sum = 0;
	bool overlaps = false;

	end = end > at ? end : at + 1;
	for (size_t i = 0; i < SPACE; i++)
		sum += model->reserved[i] != 0;
	assert_int_equal(quire_memblock_reserved_size(mb), sum);
	assert_int_equal(quire_memblock_is_memory(mb, address), model->memory[at] != 0);
	assert_int_equal(quire_memblock_is_reserved(mb, address), model->reserved[at] != 0);
	assert_int_equal(quire_memblock_is_map_memory(mb, address),
			 model->memory[at] && !(model_flags(model->memory[at]) & QUIRE_MEMBLOCK_NOMAP));
	while (run < end && model->memory[run] && model->memory[run] == model->memory[at])
		run++;
	assert_int_equal(quire_memblock_is_region_memory(mb, address, end - at), run == end);
	for (size_t i = at; i < end; i++)
		overlaps |= model->reserved[i] != 0;
	assert_int_equal(quire_memblock_is_region_reserved(mb, address, end - at), overlaps);
}

/* --- the walk --------------------------------------------------------------------------------------------------------- */

static void one_step(void)
{
	static const struct { unsigned weight; int what; } menu[] = {
		{ 12, 0 }, { 18, 1 }, { 6, 2 }, { 14, 3 }, { 8, 4 }, { 4, 5 }, { 2, 6 }, { 1, 7 }, { 10, 8 }, { 20, 9 },
		{ 3, 10 }, { 4, 11 },
	};
	unsigned roll = (unsigned)below(102), i = 0;

	while (roll >= menu[i].weight)
		roll -= menu[i++].weight;
	switch (menu[i].what) {
	case 0: op_add(true); break;
	case 1: op_add(false); break;
	case 2: op_remove(true); break;
	case 3: op_remove(false); break;
	case 4: op_change(); break;
	case 5: op_set_node(); break;
	case 6: op_isolate(); break;
	case 7: op_limit(); break;
	case 8: op_find(); break;
	case 9: op_alloc(); break;
	case 10: op_iterate(); break;
	default: op_ask(); break;
	}
}

static void start_episode(unsigned episode)
{
	uint64_t random = 0x9e3779b97f4a7c15u * (episode + 1);
	static const quire_phys_t origins[] = { 0, (quire_phys_t)1 << 40, QUIRE_PHYS_MAX - (SPACE - 1) };

	memset(&world, 0, sizeof(world));
	world.random = random;
	world.episode = episode;
	world.model.origin = origins[below(3)];
	world.model.page = 1u << PAGE_SHIFT;
	world.platform.phys_to_virt = phys_to_virt;
	if (below(2)) {
		world.platform.meta_alloc = meta_alloc;
		world.platform.meta_free = meta_free;
	}
	world.fail_one_in = below(4) ? 0 : 3;
	world.mb.platform = &world.platform;
	world.mb.page_shift = PAGE_SHIFT;
	world.mb.can_resize = below(8) != 0;
	world.mb.mirror_wanted = below(4) == 0;
	world.mb.movable_node = world.model.movable_node = below(2);
	world.mb.bottom_up = below(2);
	assert_int_equal(quire_memblock_add(&world.mb, world.model.origin, SPACE / 2 + below(SPACE / 2)), QUIRE_OK);
	model_insert(world.model.memory, (struct model_slice){ 0, (size_t)world.mb.memory.total_size }, model_pack(NONE, 0));
}

static void ledger_agrees_with_model(void **state)
{
	unsigned grown = 0, failures = 0;

	(void)state;
	for (unsigned episode = 0; episode < EPISODES; episode++) {
		start_episode(episode);
		for (world.step = 0; world.step < STEPS; world.step++) {
			if (below(64) == 0)
				quire_memblock_set_bottom_up(&world.mb, !world.mb.bottom_up);
			if (below(64) == 0)
				quire_memblock_set_current_limit(&world.mb,
								 below(2) ? 0 : world.model.origin + below(SPACE));
			if (below(64) == 0)
				world.mb.movable_node = world.model.movable_node = !world.mb.movable_node;
			one_step();
			if (quire_check_memblock(&world.mb) != QUIRE_OK)
				fail_msg("the checker objects, episode %u step %u", episode, world.step);
			model_compare(&world.model, world.model.memory, &world.mb.memory);
			model_compare(&world.model, world.model.reserved, &world.mb.reserved);
		}
		grown += world.mb.memory.max + world.mb.reserved.max > 16;
		failures += world.failures;
		quire_memblock_discard(&world.mb);
		assert_int_equal(world.meta_live, 0);
	}
	/* The walk must have gone where it was meant to go. */
	assert_true(grown > EPISODES / 4);
	assert_true(failures > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ledger_agrees_with_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
