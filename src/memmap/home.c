/*
 * Whose memory a frame is.
 *
 * At boot ledger and zones say it. Memory that goes online later belongs to the zone somebody chose for it, which no rule
 * can find again: the choice is kept with the section, per unit, and asked before the ledger. Descriptors of such memory
 * can so be written at any time, like all others.
 */
#include "memmap/internal.h"
#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

/* Node and zone in 16 bits, 0: not named. */
#define HOME_ZONE_BITS 3u

static uint16_t *homes_of(const struct quire_memmap *m, const struct quire_section *section)
{
	return (uint16_t *)((uint32_t *)section->usage + m->usage_homes);
}

static uint64_t unit_in_section(const struct quire_memmap *m, quire_pfn_t pfn)
{
	return (pfn & (((quire_pfn_t)1 << qi_section_shift(m)) - 1)) >> qi_unit_shift(m);
}

static uint16_t named_home(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section = qi_is_sparse(m) ? quire_section(m, pfn >> qi_section_shift(m)) : NULL;

	if (!section || !(__atomic_load_n(&section->map, __ATOMIC_ACQUIRE) & QUIRE_SECTION_ZONED))
		return 0;
	return __atomic_load_n(&homes_of(m, section)[unit_in_section(m, pfn)], __ATOMIC_RELAXED);
}

/*
 * By ledger and spans; and where spans of a node's zones overlap, because blocks went to one zone within the span of
 * another, by the map of who is on line where.
 */
static bool told_home(const struct quire_memmap *m, quire_pfn_t pfn, struct qi_frame_home *home)
{
	const struct quire_zone *zone;
	quire_pfn_t stop;

	if (!qi_frame_home(m->topology, m->ledger, pfn, home))
		return false;
	zone = home->is_hole ? NULL : qi_zone_map_at(m->topology, pfn, &stop);
	if (!zone)
		return true;
	home->zone = zone->type;
	home->end = qi_min(home->end, stop);
	return true;
}

/* Hotplug may be changing spans and map just now; it never does so for long. */
static bool certain_home(const struct quire_memmap *m, quire_pfn_t pfn, struct qi_frame_home *home)
{
	for (;;) {
		uint32_t changes = __atomic_load_n(&m->topology->changes, __ATOMIC_ACQUIRE);
		bool found = told_home(m, pfn, home);

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(changes & 1) && qi_peek(&m->topology->changes) == changes)
			return found;
		qi_relax();
	}
}

bool qi_home_of(const struct quire_memmap *m, quire_pfn_t pfn, struct qi_frame_home *home, bool *named)
{
	quire_pfn_t unit = (quire_pfn_t)1 << qi_unit_shift(m);
	uint16_t word = named_home(m, pfn);

	*named = word != 0;
	if (!word)
		return certain_home(m, pfn, home);
	*home = (struct qi_frame_home){
		.end = qi_align_down(pfn, unit) + unit,
		.nid = (word - 1) >> HOME_ZONE_BITS,
		.zone = (enum quire_zone_type)((word - 1) & ((1u << HOME_ZONE_BITS) - 1)),
	};
	return true;
}

/* Several homes at once; the usage map is made of words. */
typedef uintptr_t __attribute__((may_alias)) home_word_t;
#define HOMES_IN_WORD (sizeof(home_word_t) / sizeof(uint16_t))

/* Units [first, end) of a section. */
static void name_units(uint16_t *homes, uint64_t first, uint64_t end, uint16_t home)
{
	home_word_t alike = home * (UINTPTR_MAX / UINT16_MAX);

	while (first < end)
		if (first % HOMES_IN_WORD || end - first < HOMES_IN_WORD) {
			__atomic_store_n(&homes[first++], home, __ATOMIC_RELAXED);
		} else {
			__atomic_store_n((home_word_t *)(void *)&homes[first], alike, __ATOMIC_RELAXED);
			first += HOMES_IN_WORD;
		}
}

void qi_homes_set(struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end, const struct quire_zone *zone)
{
	uint16_t word = zone ? (uint16_t)(((unsigned)zone->node->nid << HOME_ZONE_BITS | zone->type) + 1) : 0;
	quire_pfn_t stop;

	for (; start < end; start = stop) {
		const struct quire_section *section = quire_section(m, start >> qi_section_shift(m));
		uint64_t first = unit_in_section(m, start);

		stop = qi_stop_in_section(m, start, end);
		if (section->map & QUIRE_SECTION_ZONED)
			name_units(homes_of(m, section), first, first + ((stop - start) >> qi_unit_shift(m)), word);
	}
}

/* A usage map from boot is too short for homes under EAGER and DEFERRED: put a longer one in its place. */
static enum quire_status make_homes(struct quire *q, struct quire_section *section, int nid)
{
	struct quire_memmap *m = &q->memmap;
	uint32_t *usage;

	if (section->map & QUIRE_SECTION_ZONED)
		return QUIRE_OK;
	if (section->map & QUIRE_SECTION_BOOT) {
		usage = qi_mm_small(q, true, m->usage_full_words * sizeof(uint32_t), nid);
		if (!usage)
			return QUIRE_ENOMEM;
		memcpy(usage, section->usage, m->usage_backing * sizeof(uint32_t));
		__atomic_store_n(&section->usage, (struct quire_usage *)usage, __ATOMIC_RELEASE);
	}
	m->was_hot = true;
	__atomic_store_n(&section->map, section->map | QUIRE_SECTION_ZONED, __ATOMIC_RELEASE);
	return QUIRE_OK;
}

static enum quire_status check_valid(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t end)
{
	quire_pfn_t stop;
	bool any;

	for (; pfn < end; pfn = stop) {
		stop = qi_stop_in_section(m, pfn, end);
		/* Sections from boot are valid as a whole, holes included. */
		if (!quire_pfn_valid(m, pfn))
			return QUIRE_ENOENT;
		if (!(quire_section(m, pfn >> qi_section_shift(m))->map & QUIRE_SECTION_EARLY) &&
		    !qi_all_there(m, pfn, stop, &any))
			return QUIRE_ENOENT;
	}
	return QUIRE_OK;
}

/* Classic models may find a frame's node by its section. */
static void set_section_nodes(struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t end, int nid)
{
	quire_pfn_t section = (quire_pfn_t)1 << qi_section_shift(m);

	for (; !m->layout.node_in_flags && pfn < end; pfn = qi_stop_in_section(m, pfn, end)) {
		uint32_t *words = (uint32_t *)quire_section(m, pfn >> qi_section_shift(m))->usage;
		bool whole = !(pfn & (section - 1)) && end - pfn >= section;

		if (words[m->usage_node] != (uint32_t)nid)
			words[m->usage_node] = whole ? (uint32_t)nid : 0xffff;
	}
}

enum quire_status quire_memmap_init_range(struct quire *q, const struct quire_zone *zone, quire_pfn_t pfn,
					  quire_pfn_t pages)
{
	const struct qi_frame_home home = { .end = QUIRE_PFN_NONE, .nid = zone->node->nid, .zone = zone->type };
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t end = pfn + pages, at, stop;
	enum quire_status status = qi_hotplug_range(q, pfn, pages, (quire_pfn_t)1 << qi_unit_shift(m));
	unsigned long state;

	if (status == QUIRE_OK)
		status = qi_enter_touched(q, pfn, end);
	if (status == QUIRE_OK)
		status = check_valid(m, pfn, end);
	for (at = pfn; at < end && status == QUIRE_OK; at = qi_stop_in_section(m, at, end))
		status = make_homes(q, quire_section(m, at >> qi_section_shift(m)), home.nid);
	if (status != QUIRE_OK)
		return status;
	qi_homes_set(m, pfn, end, zone);
	set_section_nodes(m, pfn, end, home.nid);
	for (at = pfn; at < end; at = stop) {
		uint64_t frames = 0;

		stop = qi_stop_in_section(m, at, end);
		quire_memmap_hold(q, &state);
		qi_units_clear(m, at, stop);
		quire_memmap_let(q, state);
		if (!qi_is_lazy(m))
			frames = qi_describe_units_as(q, at, stop, &home);
		if (frames)
			qi_count_initialised(q, frames);
	}
	return QUIRE_OK;
}

#endif
