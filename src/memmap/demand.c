/*
 * Descriptors on demand.
 *
 * Under LAZY a section enters the table when the first frame in it is taken, and each unit gets backing of its own, whole
 * pages that can be given back when nobody needs the unit any more. The classic models have one array per section and so
 * take its backing whole. Under the other policies only the writing can be outstanding, which needs no lock.
 */
#include "base/cpu.h"
#include "base/lock.h"
#include "memmap/internal.h"

/* Present before it has a usage map: without either mark it would look removed to others, and after a failure. */
static void mark_present(struct quire_section *section)
{
	if (!(section->map & QUIRE_SECTION_HAS_MAP))
		__atomic_store_n(&section->map, QUIRE_SECTION_PRESENT | QUIRE_SECTION_ONLINE, __ATOMIC_RELEASE);
}

enum quire_status qi_enter_boot_section(struct quire *q, uint64_t number, int nid)
{
	struct quire_section *section = quire_section(&q->memmap, number);
	uintptr_t map;

	if (section && (section->map & QUIRE_SECTION_HAS_MAP))
		return QUIRE_OK;
	section = qi_section_enter(q, false, number, nid);
	if (!section)
		return QUIRE_ENOMEM;
	mark_present(section);
	if (!qi_section_room(q, false, number, nid, &map))
		return QUIRE_ENOMEM;
	qi_section_fill(q, number, section, map, section->usage, nid);
	return QUIRE_OK;
}

/* The same from hotplug, which may ask for memory only while it does not hold the lock. */
static enum quire_status enter_for_hotplug(struct quire *q, uint64_t number, int nid)
{
	struct quire_section *section = qi_section_enter(q, true, number, nid);
	unsigned long state;
	uintptr_t map;

	if (!section)
		return QUIRE_ENOMEM;
	quire_memmap_hold(q, &state);
	mark_present(section);
	quire_memmap_let(q, state);
	if (section->map & QUIRE_SECTION_HAS_MAP)
		return QUIRE_OK;
	if (!qi_section_room(q, true, number, nid, &map))
		return QUIRE_ENOMEM;
	quire_memmap_hold(q, &state);
	if (!(section->map & QUIRE_SECTION_HAS_MAP))
		qi_section_fill(q, number, section, map, section->usage, nid);
	quire_memmap_let(q, state);
	return QUIRE_OK;
}

enum quire_status qi_enter_touched(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	struct quire_memmap *m = &q->memmap;
	enum quire_status status = QUIRE_OK;
	uint64_t next;

	for (; pfn < end && status == QUIRE_OK; pfn = qi_stop_in_section(m, pfn, end)) {
		const struct quire_section_run *run = qi_run_at(m, pfn >> qi_section_shift(m), &next);

		if (run && qi_is_untouched(m, pfn >> qi_section_shift(m)))
			status = enter_for_hotplug(q, pfn >> qi_section_shift(m), run->nid);
	}
	return status;
}

/* LAZY, lock held: make room for the unit at pfn. */
static enum quire_status make_room(struct quire *q, quire_pfn_t pfn)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t number = pfn >> qi_section_shift(m), next;
	const struct quire_section_run *run = qi_run_at(m, number, &next);
	enum quire_status status;

	if (!quire_pfn_valid(m, pfn))
		return QUIRE_ERANGE;
	if (!run)
		return QUIRE_OK;
	status = qi_enter_boot_section(q, number, run->nid);
	if (status == QUIRE_OK && qi_is_vmemmap(m))
		status = qi_back_unit(q, quire_section(m, number), pfn, run->nid);
	return status;
}

void qi_account(struct quire *q, bool hotplug, uint64_t *counter, uint64_t delta)
{
	struct quire_memmap_stats *stats = &q->memmap.stats;
	unsigned long state = 0;

	if (hotplug)
		quire_memmap_hold(q, &state);
	*counter += delta;
	qi_poke(&q->metadata.sections, stats->table_bytes + stats->usage_bytes);
	qi_poke(&q->metadata.descriptors, stats->descriptor_bytes);
	if (hotplug)
		quire_memmap_let(q, state);
}

void quire_memmap_hold(struct quire *q, unsigned long *state)
{
	*state = 0;
	qi_cpu_enter(q->platform, state);
	qi_spin_lock(&q->memmap.lock);
}

void quire_memmap_let(struct quire *q, unsigned long state)
{
	qi_spin_unlock(&q->memmap.lock);
	qi_cpu_leave(q->platform, state);
}

/* LAZY: all in one, so that hotplug can keep others from reading the ledger. */
static enum quire_status prepare_locked(struct quire *q, quire_pfn_t pfn)
{
	struct quire_memmap *m = &q->memmap;
	enum quire_status status;
	unsigned long state;

	quire_memmap_hold(q, &state);
	status = make_room(q, pfn);
	if (status == QUIRE_OK)
		m->stats.initialised += qi_describe_units(q, pfn, pfn + ((quire_pfn_t)1 << qi_unit_shift(m)));
	quire_memmap_let(q, state);
	return status;
}

static enum quire_status prepare_unit(struct quire *q, quire_pfn_t pfn)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t frames;

	if (qi_is_lazy(m) && qi_is_sparse(m))
		return prepare_locked(q, pfn);
	if (!quire_pfn_valid(m, pfn))
		return QUIRE_ERANGE;
	frames = qi_describe_units(q, pfn, pfn + ((quire_pfn_t)1 << qi_unit_shift(m)));
	if (frames)
		qi_count_initialised(q, frames);
	/* Somebody else may have taken it a moment ago and be still writing. */
	while (!qi_unit_done(m, pfn))
		continue;
	return QUIRE_OK;
}

enum quire_status quire_memmap_prepare(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages)
{
	quire_pfn_t unit = (quire_pfn_t)1 << qi_unit_shift(&q->memmap), end = pfn + pages;

	if (!q->memmap.ready || end < pfn)
		return QUIRE_ERANGE;
	for (pfn = qi_align_down(pfn, unit); pfn < end; pfn += unit) {
		enum quire_status status = qi_unit_done(&q->memmap, pfn) ? QUIRE_OK : prepare_unit(q, pfn);

		if (status != QUIRE_OK)
			return status;
	}
	return QUIRE_OK;
}

void quire_memmap_set_source(struct quire *q, const struct quire_frame_source *source)
{
	q->memmap.source = *source;
}

void quire_memmap_set_allocator(struct quire *q, const struct quire_frame_allocator *allocator)
{
	q->memmap.allocator = *allocator;
}

/* --- giving back -------------------------------------------------------------------------------------------------- */

static uint64_t trim_section(struct quire *q, uint64_t number, struct quire_section *section,
			     bool (*is_free)(void *ctx, quire_pfn_t start, quire_pfn_t end), void *ctx)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t start = number << qi_section_shift(m), end = (number + 1) << qi_section_shift(m);
	quire_pfn_t step = qi_is_vmemmap(m) ? (quire_pfn_t)1 << qi_unit_shift(m) : end - start;
	uint64_t bytes = 0;

	for (quire_pfn_t pfn = start; pfn < end; pfn += step) {
		uint64_t *backing = qi_backing_of(m, section, pfn);
		void *va = quire_pfn_to_page(m, pfn);

		if (!qi_backing_is_ours(*backing) || !is_free(ctx, pfn, pfn + step))
			continue;
		qi_units_clear(m, pfn, pfn + step);
		if (!qi_is_vmemmap(m)) {
			__atomic_store_n(&section->map, QUIRE_SECTION_PRESENT | QUIRE_SECTION_ONLINE, __ATOMIC_RELEASE);
			m->stats.valid_sections--;
		}
		bytes += qi_backing_drop(q, false, backing, va, step << qi_stride_shift(m));
	}
	return bytes;
}

uint64_t quire_memmap_trim(struct quire *q, bool (*is_free)(void *ctx, quire_pfn_t start, quire_pfn_t end), void *ctx)
{
	struct quire_memmap *m = &q->memmap;
	unsigned long state;
	uint64_t bytes = 0;

	if (qi_has_boot_room(m) || !qi_is_sparse(m) || !m->ready)
		return 0;
	qi_poke(&m->complete, false);
	quire_memmap_hold(q, &state);
	for (uint64_t number = 0; number < m->section_end; number++) {
		struct quire_section *section = quire_section(m, number);

		if (!section)
			number |= ((uint64_t)1 << qi_root_shift(m)) - 1;
		else if ((section->map & QUIRE_SECTION_HAS_MAP) && (section->map & QUIRE_SECTION_EARLY) &&
			 !(section->map & QUIRE_SECTION_BOOT))
			bytes += trim_section(q, number, section, is_free, ctx);
	}
	quire_memmap_let(q, state);
	return bytes;
}

void qi_demand_undo(struct quire *q)
{
	struct quire_memmap *m = &q->memmap;

	if (!qi_is_sparse(m) || !(m->table || m->roots) || (!qi_is_lazy(m) && !qi_was_hot(m)))
		return;
	/* Absent, all of them: huge mappings are asked for what they still describe. */
	for (int pass = 0; pass < 2; pass++) {
		for (uint64_t number = 0; number < m->section_end; number++) {
			struct quire_section *section = quire_section(m, number);

			if (!section)
				number |= ((uint64_t)1 << qi_root_shift(m)) - 1;
			else if (pass)
				qi_unback_section(q, number);
			else
				section->map &= ~(uintptr_t)QUIRE_SECTION_PRESENT;
		}
	}
}
