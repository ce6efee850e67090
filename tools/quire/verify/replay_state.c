/* The ledger as it was before the first logged call; see replay.h. */
#include "replay_state.h"

/*
 * Marking memory as not to be mapped is never logged. A capture that has a log but no device tree says it in the tables
 * alone; then it is input, like the first reservations.
 */
static enum quire_status enter_nomap(struct replay *r)
{
	const struct observed_tables *dump = &r->o->dumps.items[0];
	const struct quire_machine *m = r->q->machine;
	enum quire_status status = QUIRE_OK;
	bool told = false;

	for (size_t i = 0; i < m->reservation_count; i++)
		if (m->reservations[i].kind == QUIRE_RESERVE_NOMAP)
			return QUIRE_OK;
	for (size_t i = 0; i < dump->memory.count && status == QUIRE_OK; i++) {
		const struct observed_region *region = &dump->memory.items[i];

		if (!(region->flags & QUIRE_MEMBLOCK_NOMAP))
			continue;
		if (r->f && !told)
			findings_remark(r->f, dump->origin,
					"no device tree: which memory is not mapped is taken from the log");
		told = true;
		status = quire_memblock_mark_nomap(&r->q->memblock, region->first, region->last + 1 - region->first);
	}
	return status;
}

static bool in_first_table(const struct observed *o, uint64_t address)
{
	for (size_t i = 0; i < o->dumps.items[0].memory.count; i++)
		if (address >= o->dumps.items[0].memory.items[i].first &&
		    address <= o->dumps.items[0].memory.items[i].last)
			return true;
	return false;
}

/*
 * Memory the kernel adds only after its first table (arm64 with EFI reads the map late) is not there before. Without
 * this a search in between would find it.
 */
static enum quire_status remove_later(struct replay *r)
{
	enum quire_status status = QUIRE_OK;
	bool dumped = false;

	for (size_t i = 0; i < r->events.events.count && status == QUIRE_OK; i++) {
		const struct event *e = &r->events.events.items[i];

		if (e->line >= observed_handover_line(r->o))
			break;
		if (e->kind == EVENT_ADD && dumped && !in_first_table(r->o, e->base))
			status = quire_memblock_remove(&r->q->memblock, e->base, e->size);
		dumped |= e->kind == EVENT_DUMP;
	}
	return status;
}

/* Reserved before anything was logged: the first dump's table less the net effect of what was logged before it. */
static enum quire_status enter_reserved(struct replay *r)
{
	const struct observed_tables *dump = &r->o->dumps.items[0];
	struct quire_memblock *logged = calloc(1, sizeof(*logged)), *mb = &r->q->memblock;
	enum quire_status status = QUIRE_OK;

	if (!logged)
		return QUIRE_ENOMEM;
	logged->platform = mb->platform;
	quire_memblock_allow_resize(logged);
	for (size_t i = 0; i < r->events.events.count && status == QUIRE_OK; i++) {
		const struct event *e = &r->events.events.items[i];

		if (e->kind == EVENT_DUMP)
			break;
		if (e->kind == EVENT_RESERVE)
			status = quire_memblock_reserve(logged, e->base, e->size);
		else if (e->kind == EVENT_FREE)
			status = quire_memblock_phys_free(logged, e->base, e->size);
	}
	if (status == QUIRE_OK)
		status = quire_memblock_phys_free(mb, 0, QUIRE_PHYS_MAX);
	quire_memblock_allow_resize(mb);
	if (status == QUIRE_OK)
		status = enter_nomap(r);
	if (status == QUIRE_OK)
		status = remove_later(r);
	for (size_t i = 0; i < dump->reserved.count && status == QUIRE_OK; i++) {
		const struct observed_region *region = &dump->reserved.items[i];

		status = quire_memblock_reserve(mb, region->first, region->last + 1 - region->first);
	}
	for (size_t i = 0; i < logged->reserved.cnt && status == QUIRE_OK; i++)
		status = quire_memblock_phys_free(mb, logged->reserved.regions[i].base,
						  logged->reserved.regions[i].size);
	quire_memblock_phys_free(logged, 0, QUIRE_PHYS_MAX);
	if (logged->platform && logged->platform->meta_free && logged->reserved.max > QUIRE_MEMBLOCK_REGIONS)
		logged->platform->meta_free(logged->platform->ctx, logged->reserved.table,
					    logged->reserved.max * sizeof(struct quire_memblock_region));
	free(logged);
	return status;
}

/* How far and in which direction requests without bounds may go. */
static enum quire_status set_limits(struct replay *r)
{
	struct quire *q = r->q;
	enum quire_status status = QUIRE_OK;

	if (!replay_is_x86(q))
		return QUIRE_OK;
	quire_memblock_set_current_limit(&q->memblock, quire_memblock_end_of_dram(&q->memblock));
	if (q->config.arch != QUIRE_ARCH_X86_64) {
		status = quire_topology_zone_limits(&q->topology, &q->memblock);
		if (status == QUIRE_OK)
			quire_memblock_set_current_limit(&q->memblock,
							 q->topology.max_low_pfn << quire_page_shift(&q->config));
	}
	/* With movable_node memory is taken next to the kernel until it is known what may be unplugged. */
	quire_memblock_set_bottom_up(&q->memblock, q->config.options.movable_node);
	return status;
}

enum quire_status replay_enter_initial(struct replay *r)
{
	enum quire_status status = enter_reserved(r);

	return status == QUIRE_OK ? set_limits(r) : status;
}
