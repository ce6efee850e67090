/*
 * Taking on a simulated machine what is in use on the real one. Each kind of use is an owner: what it is called is what a
 * report names, and only one kind can be moved.
 */
#include "occupy.h"

#include <quire/frames.h>
#include <quire/topology.h>

static const struct { const char *name, *why; enum quire_migratetype type; } kinds[OCCUPY_KINDS] = {
	[OCCUPY_MOVABLE] = { "page cache and processes", NULL, QUIRE_MIGRATE_MOVABLE },
	[OCCUPY_SLAB] = { "slab", "is a slab page", QUIRE_MIGRATE_UNMOVABLE },
	[OCCUPY_PAGE_TABLE] = { "page tables", "is a page table", QUIRE_MIGRATE_UNMOVABLE },
	[OCCUPY_UNKNOWN] = { "the kernel", "is in use by the kernel, or kept by a CPU", QUIRE_MIGRATE_UNMOVABLE },
	[OCCUPY_POISONED] = { "failing memory", "is known to fail", QUIRE_MIGRATE_UNMOVABLE },
};

/* The run that has the frame, or NULL. */
static const struct occupy_run *run_of(const struct occupancy *o, quire_pfn_t pfn)
{
	size_t low = 0, high = o->runs.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->runs.items[middle].pfn + o->runs.items[middle].count <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->runs.count && o->runs.items[low].pfn <= pfn ? &o->runs.items[low] : NULL;
}

/* Frames were taken one by one, and nothing is ever moved: this is for looking. */
static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	const struct occupy_owner *owner = ctx;
	const struct occupy_run *run = run_of(owner->of, pfn);

	if (!run || run->kind != owner->kind)
		return false;
	*held = (struct quire_held){ .pfn = pfn, .movable = !kinds[run->kind].why, .why = kinds[run->kind].why };
	return true;
}

/* Only who has a migrate is counted as movable. */
static void refuse(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	(void)ctx;
	(void)mode;
	for (unsigned i = 0; i < n; i++)
		moves[i].status = QUIRE_EPERM;
}

/* What is not the allocator's in the middle of it is stepped over by halving. Few runs have any. */
static void take(struct occupancy *o, struct quire *q, const struct quire_zone *zone, quire_pfn_t pfn, uint64_t count,
		 enum occupy_kind kind)
{
	if (quire_zone_take_frames(zone, pfn, count, kinds[kind].type) == QUIRE_OK) {
		o->frames[kind] += count;
	} else if (count == 1) {
		o->skipped++;
	} else {
		take(o, q, zone, pfn, count / 2, kind);
		take(o, q, zone, pfn + count / 2, count - count / 2, kind);
	}
}

/* The part of a run that lies in one zone's memory after another. */
static void take_run(struct occupancy *o, struct quire *q, const struct occupy_run *run)
{
	quire_pfn_t at = run->pfn, end = run->pfn + run->count;

	while (at < end) {
		const struct quire_zone *zone = quire_topology_zone_of(&q->topology, &q->memblock, at);
		quire_pfn_t stop = zone ? zone->start_pfn + zone->spanned : at + 1;

		if (stop > end)
			stop = end;
		if (zone)
			take(o, q, zone, at, stop - at, run->kind);
		else
			o->skipped++;
		at = stop;
	}
}

enum quire_status occupy_machine(struct occupancy *o, struct quire *q)
{
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < o->runs.count; i++)
		if (kinds[o->runs.items[i].kind].name)
			take_run(o, q, &o->runs.items[i]);
	for (unsigned kind = 0; kind < OCCUPY_KINDS && status == QUIRE_OK; kind++) {
		struct occupy_owner *owner = &o->owners[kind];

		if (!kinds[kind].name)
			continue;
		*owner = (struct occupy_owner){
			.owner = { .name = kinds[kind].name, .holds = holds, .migrate = refuse, .ctx = owner },
			.of = o, .kind = (enum occupy_kind)kind,
		};
		status = quire_register_owner(q, &owner->owner);
	}
	return status;
}
