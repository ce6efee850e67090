/* The calls of the log, one after the other; see replay.h. */
#include "replay_state.h"

#include "../linux/cma.h"

#include <inttypes.h>

/* What the allocators of early boot align to when nobody says otherwise. */
#define CACHE_LINE 64u

static struct origin at_line(const struct replay *r, size_t line)
{
	return (struct origin){ r->o->log_name, line };
}

bool replay_possible(const struct observed *o)
{
	return o->has_log && o->dumps.count && o->dumps.items[0].reserved.count;
}

static enum quire_status init_nodes(struct replay *r)
{
	struct quire *q = r->q;
	enum quire_status status;

	if (r->numa_done)
		return QUIRE_OK;
	r->numa_done = true;
	quire_memblock_set_bottom_up(&q->memblock, false);
	status = quire_topology_numa_init(&q->topology, &q->memblock);
	if (status == QUIRE_OK)
		q->stage = QUIRE_STAGE_NODES;
	return status;
}

static quire_phys_t run_request(struct quire_memblock *mb, const struct event_request *request)
{
	/* 1 is the field's "accessible, and do not tell the leak checker". */
	quire_phys_t max = request->max == 1 ? QUIRE_MEMBLOCK_ACCESSIBLE : request->max;

	switch (request->kind) {
	case REQUEST_PHYS_RANGE:
		return quire_memblock_phys_alloc_range(mb, request->size, request->align, request->from, max);
	case REQUEST_EXACT_NID:
		return quire_memblock_alloc_exact_nid_raw(mb, request->size, request->align, request->from, max,
							  request->nid);
	default:
		return quire_memblock_alloc_try_nid_raw(mb, request->size, request->align, request->from, max,
							request->nid);
	}
}

/* Our answer and theirs; where they differ theirs is taken. */
static void settle(struct replay *r, const struct event *e, quire_phys_t ours, quire_phys_t theirs, uint64_t size,
		   struct text_slice what)
{
	struct quire_memblock *mb = &r->q->memblock;

	if (r->f)
		findings_address(r->f, at_line(r, e->line), ours, theirs, "allocation of %" PRIu64 " bytes by %.*s",
				 size, TEXT_PRINTF(what));
	if (ours == theirs)
		return;
	if (ours)
		quire_memblock_phys_free(mb, ours, size);
	if (theirs)
		quire_memblock_reserve(mb, theirs, size);
}

/* A logged request; the reservation that answers it, if there is one, is the next event. Returns events consumed. */
static size_t replay_request(struct replay *r, size_t index, size_t end)
{
	const struct event *e = &r->events.events.items[index];
	const struct event *answer = index + 1 < end ? e + 1 : NULL;
	quire_phys_t ours = run_request(&r->q->memblock, &e->request);
	bool answered = answer && answer->kind == EVENT_RESERVE && answer->allocated;

	if (answered && text_contains(e->caller, "huge")) {
		struct replay_gigantic *page = LIST_ADD(&r->gigantic);

		if (page)
			*page = (struct replay_gigantic){ answer->base, answer->size, e->line };
	}
	settle(r, e, ours, answered ? answer->base : 0, e->request.size, e->caller);
	return answered ? 2 : 1;
}

/* The nid-th NODE_DATA when the line does not say whose it is: nodes are set up in ascending order. */
static int nth_node(const struct quire *q, unsigned n)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		if (q->topology.nodes[nid] && q->topology.nodes[nid]->online && n-- == 0)
			return (int)nid;
	return QUIRE_NO_NODE;
}

static void replay_node_data(struct replay *r, const struct event *e)
{
	struct event_request request = { REQUEST_TRY_NID, e->size, CACHE_LINE, 0, 0, e->nid };

	if (request.nid == QUIRE_NO_NODE)
		request.nid = nth_node(r->q, r->node_datas);
	r->node_datas++;
	settle(r, e, run_request(&r->q->memblock, &request), e->base, e->size, text_of("NODE_DATA"));
}

static void replay_cma(struct replay *r, const struct event *e)
{
	const struct quire_cma_area *area = NULL;
	struct quire_cma_request request;
	quire_phys_t ours = 0;

	/* A request that finds no room leaves no reservation in the log: go on to the one that did. */
	while (!area && linux_cma_next(r->q, &r->cma, r->cma_served, &request) && (e->allocated || request.fixed))
		if (quire_cma_declare(r->q, &request, &area) != QUIRE_OK)
			r->cma_served = false;
	r->cma_served = true;
	if (area)
		ours = area->base_pfn << quire_page_shift(&r->q->config);
	settle(r, e, ours, e->base, e->size, text_of("cma"));
	if (area && ours != e->base)
		r->q->cma[r->q->cma_count - 1].base_pfn = e->base >> quire_page_shift(&r->q->config);
	else if (!area)
		quire_cma_adopt(r->q, e->base, e->size, "cma", &area);
}

/*
 * A reservation by the allocator whose request was not announced: size and answer are known, the alignment is not. Ours
 * has to agree for one the answer allows.
 */
static void replay_unannounced(struct replay *r, const struct event *e)
{
	struct quire_memblock *mb = &r->q->memblock;
	uint64_t aligned = e->base ? e->base & -e->base : 1;
	quire_phys_t first = 0;

	for (uint64_t align = CACHE_LINE; align && align <= (aligned > CACHE_LINE ? aligned : CACHE_LINE);
	     align <<= 1) {
		struct event_request request = { REQUEST_TRY_NID, e->size, align, 0, 0, QUIRE_NO_NODE };
		quire_phys_t ours = run_request(mb, &request);

		if (ours == e->base) {
			settle(r, e, ours, e->base, e->size, text_of("an unannounced request"));
			return;
		}
		if (align == CACHE_LINE)
			first = ours;
		if (ours)
			quire_memblock_phys_free(mb, ours, e->size);
	}
	if (r->f)
		findings_address(r->f, at_line(r, e->line), first, e->base,
				 "allocation of %" PRIu64 " bytes, unannounced", e->size);
	quire_memblock_reserve(mb, e->base, e->size);
}

/*
 * Whether [base, base + size) is RAM in the map, and what touches it on either side is not; entries are sorted and
 * disjoint.
 */
static bool is_run_of_ram(const struct quire_machine *m, uint64_t base, uint64_t size)
{
	uint64_t start = 0, end = 0;

	for (size_t i = 0; i < m->map_count; i++) {
		if (m->map[i].type != QUIRE_MEMORY_RAM)
			continue;
		if (m->map[i].base != end || !end) {
			if (start == base && end == base + size)
				return true;
			start = m->map[i].base;
		}
		end = m->map[i].base + m->map[i].size;
	}
	return start == base && end == base + size;
}

/* What firmware says must not be mapped is marked as it is added, which no log shows. */
static void mark_added(struct replay *r, const struct event *e)
{
	const struct quire_machine *m = r->q->machine;

	for (size_t i = 0; i < m->map_count; i++)
		if (m->map[i].attributes & QUIRE_MEMORY_NOMAP && m->map[i].type == QUIRE_MEMORY_RAM &&
		    m->map[i].base >= e->base && m->map[i].base - e->base < e->size)
			quire_memblock_mark_nomap(&r->q->memblock, m->map[i].base, m->map[i].size);
}

/* What the kernel adds of firmware's map must be in ours. */
static void replay_add(struct replay *r, const struct event *e)
{
	if (r->f && replay_is_x86(r->q) && text_contains(e->caller, "e820")) {
		findings_number(r->f, at_line(r, e->line), is_run_of_ram(r->q->machine, e->base, e->size), true,
				"memory added [%#" PRIx64 "-%#" PRIx64 "] is in our map", e->base,
				e->base + e->size - 1);
	}
	quire_memblock_add(&r->q->memblock, e->base, e->size);
	mark_added(r, e);
}

static void replay_reserve(struct replay *r, const struct event *e)
{
	if (e->cma)
		replay_cma(r, e);
	else if (!e->allocated)
		quire_memblock_reserve(&r->q->memblock, e->base, e->size);
	else if (e->node_data)
		replay_node_data(r, e);
	else
		replay_unannounced(r, e);
}

/*
 * A table of theirs moved. Ours live outside the ledger, so only the place is checked; the reservation of the new table
 * and the release of the old one are events of their own.
 */
static void replay_doubled(struct replay *r, size_t index)
{
	const struct event *e = &r->events.events.items[index], *before = index ? e - 1 : NULL;
	struct quire_memblock *mb = &r->q->memblock;
	quire_phys_t ours = 0, page = (quire_phys_t)1 << quire_page_shift(&r->q->config);

	if (!r->f)
		return;
	if (!e->of_memory && before && before->kind == EVENT_RESERVE) {
		ours = quire_memblock_find_in_range_node(mb, e->size, page, before->base + before->size, 0,
							 QUIRE_NO_NODE, 0);
		if (!ours)
			ours = quire_memblock_find_in_range_node(mb, e->size, page, 0, before->base, QUIRE_NO_NODE, 0);
	} else {
		ours = quire_memblock_find_in_range_node(mb, e->size, page, 0, 0, QUIRE_NO_NODE, 0);
	}
	findings_address(r->f, at_line(r, e->line), ours, e->base, "new %s table",
			 e->of_memory ? "memory" : "reserved");
}

static void replay_dump(struct replay *r, const struct event *e)
{
	const struct observed_tables *dump = &r->o->dumps.items[e->index];
	const struct quire_memblock *mb = &r->q->memblock;
	char name[32];

	if (!r->first_dump_done && replay_is_x86(r->q))
		quire_memblock_trim_memory(&r->q->memblock, (quire_phys_t)1 << quire_page_shift(&r->q->config));
	r->first_dump_done = true;
	if (!r->f)
		return;
	snprintf(name, sizeof(name), "dump %zu", e->index + 1);
	replay_compare_tables(r->f, r->q, dump, name, true);
	if (!dump->has_sizes)
		return;
	findings_address(r->f, dump->origin, mb->memory.total_size + r->trimmed, dump->memory_size, "%s memory size",
			 name);
	findings_address(r->f, dump->origin, mb->reserved.total_size, dump->reserved_size, "%s reserved size", name);
}

/* Events up to (not including) the first one logged at or after `line`. */
static enum quire_status replay_until(struct replay *r, size_t line)
{
	size_t end = r->next;

	while (end < r->events.events.count && r->events.events.items[end].line < line)
		end++;
	while (r->next < end) {
		const struct event *e = &r->events.events.items[r->next];
		size_t consumed = 1;

		if (e->kind == EVENT_RESERVE && e->node_data) {
			enum quire_status status = init_nodes(r);

			if (status != QUIRE_OK)
				return status;
		}
		switch (e->kind) {
		case EVENT_ADD: replay_add(r, e); break;
		case EVENT_RESERVE: replay_reserve(r, e); break;
		case EVENT_REMOVE: quire_memblock_remove(&r->q->memblock, e->base, e->size); break;
		case EVENT_FREE: quire_memblock_phys_free(&r->q->memblock, e->base, e->size); break;
		case EVENT_FREE_LATE: break;
		case EVENT_REQUEST: consumed = replay_request(r, r->next, end); break;
		case EVENT_DOUBLED: replay_doubled(r, r->next); break;
		case EVENT_DUMP: replay_dump(r, e); break;
		}
		r->next += consumed;
	}
	return QUIRE_OK;
}

/* Bytes of a firmware range that the kernel cannot address and so never adds. */
static quire_phys_t beyond(const struct quire *q, const struct quire_memory_range *range)
{
	quire_phys_t limit = (quire_phys_t)1 << q->config.geometry.physmem_bits, end = range->base + range->size;

	if (end <= limit)
		return 0;
	return range->base >= limit ? range->size : end - limit;
}

enum quire_status replay_start(struct replay *r, struct quire *q, const struct observed *o, struct findings *f)
{
	enum quire_status status;

	memset(r, 0, sizeof(*r));
	r->q = q;
	r->o = o;
	r->f = f;
	status = events_read(&r->events, o, q->config.arch == QUIRE_ARCH_I386);
	if (status != QUIRE_OK)
		return status;
	if (replay_is_x86(q))
		for (size_t i = 0; i < q->machine->map_count; i++)
			if (q->machine->map[i].type == QUIRE_MEMORY_RAM)
				r->trimmed += q->machine->map[i].size - beyond(q, &q->machine->map[i]);
	if (replay_is_x86(q))
		r->trimmed -= q->memblock.memory.total_size;
	status = replay_enter_initial(r);
	if (status == QUIRE_OK)
		status = replay_until(r, observed_handover_line(o));
	if (status == QUIRE_OK)
		status = init_nodes(r);
	if (status != QUIRE_OK)
		replay_free(r);
	return status;
}

/* From 6.12 on hand-over gives reserved regions the nodes of the memory below them. */
static void assign_reserved(struct quire_memblock *mb)
{
	for (size_t i = 0; i < mb->memory.cnt; i++)
		quire_memblock_set_node(mb, mb->memory.regions[i].base, mb->memory.regions[i].size, &mb->reserved,
					mb->memory.regions[i].nid);
}

void replay_rest(struct replay *r)
{
	/* Hand-over forgets what may be unplugged. */
	quire_memblock_clear_hotplug(&r->q->memblock, 0, QUIRE_PHYS_MAX);
	if (r->q->config.rules >= QUIRE_RULES_6_12)
		assign_reserved(&r->q->memblock);
	replay_until(r, SIZE_MAX);
}

void replay_free(struct replay *r)
{
	events_free(&r->events);
	LIST_FREE(&r->gigantic);
	memset(r, 0, sizeof(*r));
}
