/*
 * The fronts of a zone as a set; see front_cpus.h. Where their memory comes from, how CPUs are kept out of them, how
 * their number grows.
 *
 * A table that became too small is not freed while the machine lives: a CPU may have looked up its address and be about
 * to enter its old front. It finds `taken` set there, for ever, and goes to the tree. Tables grow by doubling, so all
 * old ones together are smaller than the new one.
 */
#include "boot/meta.h"
#include "debug/road.h"
#include "zone/front_cpus.h"

#include <quire/vmstat.h>

#include "zone/front_internal.h"
#include "zone/tree_withhold.h"

#ifndef QUIRE_WITHOUT_FRONTS

/* A table ends with the description of the one it replaced when that one replaced another, and so on; all zero: none. */
static size_t table_bytes(unsigned cpus)
{
	return qi_fronts_bytes(cpus) + sizeof(struct qi_front_table);
}

static struct qi_front_table *older_of(const struct qi_front_table *table)
{
	return (struct qi_front_table *)((char *)table->fronts + qi_fronts_bytes(table->cpus));
}

/* --- memory ---------------------------------------------------------------------------------------------------------- */

/*
 * Whose frames may be ours for good: those of the zone, but not if all there is to be movable. Then a kernel zone's, which
 * may be locked inside the other (zone/stock.h).
 */
static struct qi_zone *lender(struct qi_zone *za)
{
	const struct quire_zonelist *list = &za->zone->node->zonelists[QUIRE_ZONELIST_FALLBACK];

	for (size_t i = 0; za->zone->type == QUIRE_ZONE_MOVABLE && i < quire_zonelist_count(list); i++) {
		const struct quire_zone *zone = quire_zonelist_zone(list, i);

		if (zone->type < QUIRE_ZONE_HIGHMEM && zone->tree &&
		    qi_tree_free_pages(zone->tree) > qi_peek(&zone->watermark[QUIRE_WMARK_LOW]))
			return qi_zone_of(zone);
	}
	return za;
}

/* A block of frames and its address; NULL: none, or none that is mapped. Zone locked. */
static void *borrow_frames(struct qi_zone *za, unsigned order)
{
	const struct quire_platform *platform = za->q->platform;
	unsigned shift = quire_page_shift(&za->q->config);
	struct qi_zone *from = lender(za);
	void *memory = NULL;
	quire_pfn_t pfn;

	if (from != za)
		qi_lock(&from->lock);
	if (qi_tree_alloc(&from->tree, order, QUIRE_MIGRATE_UNMOVABLE, 0, &pfn) == QUIRE_OK) {
		if (qi_watched(za->q))
			qi_debug_needed(za->q, pfn, 1ull << order);
		memory = platform->phys_to_virt(platform->ctx, pfn << shift, (quire_phys_t)1 << (order + shift));
		if (memory)
			qi_tree_withhold(&from->tree, pfn, order);
		else
			qi_tree_free(&from->tree, pfn, order);
	}
	if (from != za)
		qi_unlock(&from->lock);
	return memory;
}

/* From the platform, else a block of frames. Zone locked. *charged: what to give back to the platform. */
static void *table_memory(struct qi_zone *za, size_t bytes, size_t *charged)
{
	const struct quire_platform *platform = za->q->platform;
	unsigned shift = quire_page_shift(&za->q->config), order = 0;
	void *memory;

	*charged = 0;
	if (platform->meta_alloc) {
		memory = platform->meta_alloc(platform->ctx, bytes, 64, za->zone->node->nid);
		*charged = memory ? bytes : 0;
		return memory;
	}
	while (((size_t)1 << (order + shift)) < bytes)
		order++;
	memory = borrow_frames(za, order);
	return memory ? memset(memory, 0, bytes) : NULL;
}

void qi_zone_open_fronts(struct qi_zone *za)
{
	unsigned cpus = za->q->config.cpus ? za->q->config.cpus : za->q->topology.cpu_count;
	void *memory;

	cpus = cpus ? cpus : 1;
	qi_zone_lock(za);
	if (!za->fronts_tried) {
		memory = table_memory(za, table_bytes(cpus), &za->fronts_bytes);
		if (memory) {
			qi_fronts_init(za, memory, cpus);
			qi_meta_charge(za->q, &za->q->metadata.percpu, (int64_t)table_bytes(cpus));
		}
		__atomic_store_n(&za->fronts_tried, true, __ATOMIC_RELEASE);
	}
	qi_zone_unlock(za);
}

void qi_fronts_close(struct qi_zone *za)
{
	const struct quire_platform *platform = za->q->platform;
	struct qi_front_table table = { za->fronts, za->cpus, za->fronts_bytes }, next = za->old_fronts;

	za->cpus = 0;
	za->fronts_bytes = 0;
	za->old_fronts = (struct qi_front_table){ 0 };
	while (table.cpus) {
		struct qi_front_table after = next.cpus ? *older_of(&next) : next;

		qi_meta_charge(za->q, &za->q->metadata.percpu, -(int64_t)table_bytes(table.cpus));
		if (table.bytes)
			platform->meta_free(platform->ctx, table.fronts, table.bytes);
		table = next;
		next = after;
	}
}

void qi_fronts_old_events(const struct qi_zone *za, struct qi_zone_events *sum,
			  void (*add)(struct qi_zone_events *sum, const struct qi_zone_events *events))
{
	for (struct qi_front_table table = za->old_fronts; table.cpus; table = *older_of(&table))
		for (unsigned cpu = 0; cpu < table.cpus; cpu++)
			add(sum, &table.fronts[cpu].events);
}

/* --- tracing ----------------------------------------------------------------------------------------------------------- */

static unsigned cpu_at(const struct qi_zone *za, const void *place)
{
	return (unsigned)(((uintptr_t)place - (uintptr_t)za->fronts) / sizeof(struct qi_front));
}

uint64_t qi_front_held_at(const struct qi_zone *za, const void *place)
{
	return qi_front_held(za, cpu_at(za, place));
}

void qi_front_tell_moved(const struct qi_zone *za, const void *place, uint64_t before)
{
	const struct quire_trace *trace = za->q->page_alloc.trace;
	unsigned cpu = cpu_at(za, place);
	int64_t pages = (int64_t)(qi_front_held(za, cpu) - before);

	if (trace && trace->move && pages)
		trace->move(trace->ctx, za->zone, cpu, pages);
}

/* --- keeping CPUs out -------------------------------------------------------------------------------------------------- */

static void (*barrier_of(const struct qi_zone *za))(void *ctx)
{
	return za->platform ? za->platform->barrier_all : NULL;
}

/* Drain lock held. Take the front of `only` (cpus: all) but self's, have everybody see it, empty it. */
static enum quire_status take_fronts(struct qi_zone *za, unsigned only, unsigned self)
{
	void (*barrier)(void *ctx) = barrier_of(za);
	unsigned first = only < za->cpus ? only : 0, end = only < za->cpus ? only + 1 : za->cpus;

	if (!barrier && za->cpus > 1)
		return QUIRE_EUNSUPPORTED;
	for (unsigned cpu = first; cpu < end; cpu++)
		if (cpu != self)
			__atomic_store_n(&za->fronts[cpu].taken, 1, __ATOMIC_RELEASE);
	if (barrier)
		barrier(za->platform->ctx);
	for (unsigned cpu = first; cpu < end; cpu++) {
		if (cpu == self)
			continue;
		while (__atomic_load_n(&za->fronts[cpu].busy, __ATOMIC_ACQUIRE))
			qi_relax();
		qi_front_flush(za, &za->fronts[cpu]);
	}
	return QUIRE_OK;
}

/* Drain lock held. All may come in again who are not to stay out for another reason. */
static void release_fronts(struct qi_zone *za)
{
	for (unsigned cpu = 0; cpu < za->cpus; cpu++)
		__atomic_store_n(&za->fronts[cpu].taken, za->fronts_disabled || za->fronts[cpu].away, __ATOMIC_RELEASE);
}

enum quire_status qi_front_drain_others(struct qi_zone *za, unsigned self)
{
	enum quire_status status;

	if (!qi_others_stocked(za, self))
		return QUIRE_OK;
	if (__atomic_exchange_n(&za->drain_lock.taken, 1, __ATOMIC_ACQUIRE))
		return QUIRE_EBUSY;
	status = take_fronts(za, za->cpus, self);
	if (status == QUIRE_OK)
		release_fronts(za);
	qi_unlock(&za->drain_lock);
	return status;
}

/* Fronts looked at by one qi_front_gather(), and how much free memory changes until the next. */
#define GATHER_CPUS 8u
#define GATHER_FRAMES (2u * QI_FAN)

/* Drain lock held. Take those of the window that keep something and have not been to the tree. Returns if any. */
static bool take_passed(struct qi_zone *za, unsigned self, unsigned passed)
{
	unsigned n = (unsigned)qi_min(za->cpus - 1, GATHER_CPUS);
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		struct qi_front *front;
		unsigned seen;

		za->gather_next = (za->gather_next + 1) % za->cpus;
		if (za->gather_next == self)
			za->gather_next = (za->gather_next + 1) % za->cpus;
		front = &za->fronts[za->gather_next];
		seen = qi_peek(&front->frames.passed);
		if (!qi_peek(&front->stocked))
			continue;
		if (seen < passed) {
			qi_poke(&front->frames.passed, (uint8_t)(seen + 1));
			continue;
		}
		__atomic_store_n(&front->taken, 1, __ATOMIC_RELEASE);
		any = true;
	}
	return any;
}

void qi_front_gather(struct qi_zone *za, const void *place, unsigned passed)
{
	void (*barrier)(void *ctx) = barrier_of(za);
	uint64_t free = qi_peek(&za->tree.free_pages), before = qi_peek(&za->gathered_at);
	unsigned self = cpu_at(za, place);

	if (!barrier || za->cpus < 2 || (free > before ? free - before : before - free) < GATHER_FRAMES)
		return;
	if (__atomic_exchange_n(&za->drain_lock.taken, 1, __ATOMIC_ACQUIRE))
		return;
	if (take_passed(za, self, passed)) {
		barrier(za->platform->ctx);
		for (unsigned cpu = 0; cpu < za->cpus; cpu++)
			if (cpu != self && qi_peek(&za->fronts[cpu].taken) &&
			    !__atomic_load_n(&za->fronts[cpu].busy, __ATOMIC_ACQUIRE))
				qi_front_flush(za, &za->fronts[cpu]);
		qi_poke(&za->gathered_at, qi_peek(&za->tree.free_pages));
		release_fronts(za);
	}
	qi_unlock(&za->drain_lock);
}

enum quire_status qi_front_drain_all(struct qi_zone *za)
{
	return qi_front_drain_others(za, za->cpus);
}

enum quire_status qi_front_disable(struct qi_zone *za)
{
	enum quire_status status = QUIRE_OK;

	/* So that none are opened behind our back. */
	if (za->q)
		qi_zone_need_fronts(za);
	qi_lock(&za->drain_lock);
	if (!za->fronts_disabled)
		status = take_fronts(za, za->cpus, za->cpus);
	if (status == QUIRE_OK)
		za->fronts_disabled++;
	qi_unlock(&za->drain_lock);
	return status;
}

void qi_front_enable(struct qi_zone *za)
{
	qi_lock(&za->drain_lock);
	za->fronts_disabled--;
	release_fronts(za);
	qi_unlock(&za->drain_lock);
}

/* --- CPUs that come and go --------------------------------------------------------------------------------------------- */

enum quire_status qi_front_leave_cpu(struct qi_zone *za, unsigned cpu)
{
	enum quire_status status;

	if (cpu >= za->cpus)
		return QUIRE_OK;
	qi_lock(&za->drain_lock);
	status = take_fronts(za, cpu, za->cpus);
	if (status == QUIRE_OK)
		za->fronts[cpu].away = 1;
	qi_unlock(&za->drain_lock);
	return status;
}

/* Drain lock held, all fronts taken and empty; the old ones stay taken. */
static enum quire_status move_to_table(struct qi_zone *za, unsigned cpus)
{
	struct qi_front_table old = { za->fronts, za->cpus, za->fronts_bytes };
	struct qi_front *fronts;
	size_t charged;

	qi_zone_lock(za);
	fronts = table_memory(za, table_bytes(cpus), &charged);
	if (fronts) {
		*older_of(&old) = za->old_fronts;
		za->old_fronts = old;
		za->fronts_bytes = charged;
		qi_meta_charge(za->q, &za->q->metadata.percpu, (int64_t)table_bytes(cpus));
		for (unsigned cpu = 0; cpu < cpus; cpu++)
			fronts[cpu].away = cpu < old.cpus ? old.fronts[cpu].away : 1;
		qi_fronts_init(za, fronts, cpus);
	}
	qi_zone_unlock(za);
	return fronts ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status qi_front_return_cpu(struct qi_zone *za, unsigned cpu)
{
	enum quire_status status = QUIRE_OK;
	unsigned cpus;

	qi_zone_need_fronts(za);
	qi_lock(&za->drain_lock);
	if (!za->cpus) {
		status = QUIRE_ENOMEM;
	} else if (cpu >= za->cpus) {
		for (cpus = za->cpus; cpus <= cpu; )
			cpus *= 2;
		status = take_fronts(za, za->cpus, za->cpus);
		if (status == QUIRE_OK)
			status = move_to_table(za, cpus);
	}
	if (cpu < za->cpus)
		za->fronts[cpu].away = 0;
	release_fronts(za);
	qi_unlock(&za->drain_lock);
	return status;
}

#endif
