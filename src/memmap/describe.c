/*
 * Writing descriptors.
 *
 * What a descriptor says follows from the ledger and the zones alone: which zone the frame's memory is in, or for a hole the
 * memory next to it, and whether the frame is reserved. That is why EAGER, DEFERRED and LAZY agree: they only differ in when
 * they come here. Each unit is taken by one atomic bit before it is written and published by another after, so workers and
 * prepare() may meet anywhere.
 */
#include "base/lock.h"
#include "memmap/internal.h"
#include "memmap/stream.h"

bool qi_contiguous(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t *end)
{
	quire_pfn_t unit = (quire_pfn_t)1 << qi_section_shift(m);
	struct qi_usage_ref ref;
	uint64_t next;

	if (quire_memmap_model(m) == QUIRE_MODEL_FLATMEM) {
		bool below = m->flat_count && pfn < m->flat[0].start;

		*end = !m->flat_count ? QUIRE_PFN_NONE : below ? m->flat[0].start : m->flat[0].end;
		return m->flat_count && !below && pfn < m->flat[0].end;
	}
	if (quire_memmap_model(m) == QUIRE_MODEL_DISCONTIGMEM)
		unit = (quire_pfn_t)1 << m->chunk_shift;
	*end = qi_align_down(pfn, unit) + unit;
	ref = qi_usage_of(m, pfn);
	if (!ref.words && !qi_is_sparse(m) && quire_flat_map_of(m, *end - 1))
		*end = quire_flat_map_of(m, *end - 1)->start;
	if (!ref.words && qi_is_sparse(m) && !qi_run_at(m, pfn >> qi_section_shift(m), &next) && !qi_was_hot(m))
		*end = next == UINT64_MAX ? QUIRE_PFN_NONE : next << qi_section_shift(m);
	else if (ref.words && ref.end < *end)
		*end = ref.end;
	return ref.words != NULL;
}

quire_pfn_t qi_memmap_end(const struct quire_memmap *m)
{
	quire_pfn_t end = 0;

	if (qi_is_sparse(m))
		return (uint64_t)m->section_end << qi_section_shift(m);
	for (size_t i = 0; i < m->flat_count; i++)
		end = qi_max(end, m->flat[i].end);
	return end;
}

/* The fields that find section, node and zone. */
static uint32_t links(const struct quire_memmap *m, quire_pfn_t pfn, const struct qi_frame_home *home)
{
	const struct quire_page_layout *l = &m->layout;
	uint32_t flags = (uint32_t)home->zone << l->zone.shift;

	if (l->node.width)
		flags |= (uint32_t)home->nid << l->node.shift;
	if (l->section.width) {
		uint32_t number = quire_memmap_model(m) == QUIRE_MODEL_DISCONTIGMEM ?
				  (uint32_t)(quire_flat_map_of(m, pfn) - m->flat) : (uint32_t)(pfn >> qi_section_shift(m));

		flags |= number << l->section.shift;
	}
	return flags;
}

/* `count` descriptors alike, the embedder's tail zeroed. */
static void write_alike(const struct quire_memmap *m, quire_pfn_t pfn, uint64_t count, uint32_t flags, uint32_t state)
{
	struct quire_page *page = quire_pfn_to_page(m, pfn);
	unsigned shift = qi_stride_shift(m);

	if (count << shift >= QI_STREAM_LEAST) {
		qi_stream_pages(page, count, shift, flags, state);
		return;
	}
	if (shift == 4) {
		for (uint64_t i = 0; i < count; i++)
			page[i] = (struct quire_page){ flags, state, 0 };
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		memset(page, 0, (size_t)1 << shift);
		page->flags = flags;
		page->state = state;
		page = (struct quire_page *)((char *)page + ((size_t)1 << shift));
	}
}

static void mark_frames(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end, bool reserved)
{
	for (quire_pfn_t pfn = start; pfn < end; pfn++) {
		struct quire_page *page = quire_pfn_to_page(m, pfn);

		if (reserved)
			page->flags |= QUIRE_PAGE_RESERVED;
		else
			page->flags &= ~QUIRE_PAGE_RESERVED;
		quire_page_set_refs(page, reserved);
	}
}

/* The next stretch of [*cursor, end) that the ledger reserves, rounded outward to frames. */
static bool next_reserved(const struct quire_memmap *m, size_t *index, quire_pfn_t start, quire_pfn_t end,
			  struct quire_pfn_range *range)
{
	const struct quire_memblock_type *reserved = &m->ledger->reserved;

	for (; *index < reserved->cnt; ++*index) {
		const struct quire_memblock_region *region = &reserved->regions[*index];

		range->start = qi_max(qi_pfn_down(region->base, qi_page_shift(m)), start);
		range->end = qi_min(qi_pfn_up(region->base + region->size, qi_page_shift(m)), end);
		if (range->start >= end)
			return false;
		if (range->start < range->end && !(region->flags & QUIRE_MEMBLOCK_RSRV_NOINIT)) {
			++*index;
			return true;
		}
	}
	return false;
}

/* Every pageblock that begins in memory is movable at first, so that early unmovable allocations do not scatter. */
static void type_blocks(struct quire *q, quire_pfn_t start, quire_pfn_t end)
{
	quire_pfn_t block = (quire_pfn_t)1 << qi_block_shift(&q->memmap);

	for (quire_pfn_t pfn = qi_align_up(start, block); pfn < end; pfn += block)
		quire_pageblock_set_flags(&q->memmap, pfn, QUIRE_MIGRATE_MOVABLE);
}

static void mark_reserved(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	size_t index = qi_table_ending_above(&m->ledger->reserved, start << qi_page_shift(m));
	struct quire_pfn_range range;

	while (next_reserved(m, &index, start, end, &range))
		mark_frames(m, range.start, range.end, true);
}

/* Only LAZY has any. */
static unsigned released_count(const struct quire_memmap *m)
{
	return QI_MAY_BE_LAZY ? m->released_count : 0;
}

/*
 * What the ledger goes on calling reserved though its frames have become the allocator's: areas, active or given up, and
 * what was given back late.
 */
static void unmark_released(const struct quire *q, quire_pfn_t start, quire_pfn_t end)
{
	const struct quire_memmap *m = &q->memmap;

	for (size_t i = 0; QI_WITH_CMA && i < q->cma_count; i++)
		for (unsigned k = 0; k < q->cma[i].range_count; k++) {
			const struct quire_cma_range *range = &q->cma[i].ranges[k];

			if (range->bitmap)
				mark_frames(m, qi_max(range->base_pfn, start), qi_min(range->base_pfn + range->count,
						end), false);
		}
	for (unsigned i = 0; i < released_count(m); i++)
		mark_frames(m, qi_max(m->released[i].start, start), qi_min(m->released[i].end, end), false);
}

/* Frames [start, end), one array of descriptors. given: their home, else it is looked for. */
static void describe(struct quire *q, quire_pfn_t start, quire_pfn_t end, const struct qi_frame_home *given)
{
	const struct quire_memmap *m = &q->memmap;
	struct qi_frame_home home;

	for (quire_pfn_t pfn = start, next; pfn < end; pfn = next) {
		bool reserved, named = given != NULL;

		if (given)
			home = *given;
		else if (!qi_home_of(m, pfn, &home, &named))
			home = (struct qi_frame_home){ .end = QUIRE_PFN_NONE, .is_hole = true };
		next = qi_min(home.end, end);
		reserved = home.is_hole || (home.flags & QUIRE_MEMBLOCK_NOMAP);
		write_alike(m, pfn, next - pfn, links(m, pfn, &home) | (reserved ? QUIRE_PAGE_RESERVED : 0), reserved);
		if (!home.is_hole)
			type_blocks(q, pfn, next);
		if (named)
			continue;
		mark_reserved(m, pfn, next);
		unmark_released(q, pfn, next);
	}
}

/* The units of one usage word: take what is free of `mask`, write each stretch, publish. */
static uint64_t describe_stretches(struct quire *q, uint32_t *taken, uint32_t *done, uint32_t mask, quire_pfn_t first,
				   const struct qi_frame_home *given)
{
	unsigned shift = qi_unit_shift(&q->memmap);
	uint32_t mine = mask & ~__atomic_fetch_or(taken, mask, __ATOMIC_ACQUIRE), rest = mine;
	uint64_t units = 0;

	while (rest) {
		unsigned low = qi_ctz(rest);
		uint32_t ones = ~(rest >> low);
		unsigned count = ones ? qi_ctz(ones) : 32;

		describe(q, first + ((quire_pfn_t)low << shift), first + ((quire_pfn_t)(low + count) << shift), given);
		rest &= count == 32 ? 0 : ~(((1u << count) - 1) << low);
		units += count;
	}
	if (mine)
		__atomic_fetch_or(done, mine, __ATOMIC_RELEASE);
	return units << shift;
}

/* Units at once, as a mask: so much that it is still written past the caches. */
static uint32_t few_units(const struct quire_memmap *m)
{
	uint32_t units = QI_STREAM_LEAST >> (qi_unit_shift(m) + qi_stride_shift(m));

	return units < 32 ? (1u << qi_max(units, 1)) - 1 : ~0u;
}

/*
 * Once requests may come, one of them may want a unit that has been taken and not been published: it waits, perhaps in an
 * interrupt, with a zone locked. So it is a few units at a time then, and whoever writes them is not interrupted.
 */
static uint64_t describe_word(struct quire *q, uint32_t *taken, uint32_t *done, uint32_t mask, quire_pfn_t first,
			      const struct qi_frame_home *given)
{
	uint32_t few = few_units(&q->memmap);
	uint64_t frames = 0;

	if (q->stage < QUIRE_STAGE_WATERMARKS)
		return describe_stretches(q, taken, done, mask, first, given);
	for (uint32_t rest = mask & ~__atomic_load_n(taken, __ATOMIC_RELAXED), some; rest; rest &= ~some) {
		unsigned long state = qi_irqsave(q->platform);

		some = rest & few << qi_ctz(rest);
		frames += describe_stretches(q, taken, done, some, first, given);
		qi_irqrestore(q->platform, state);
	}
	return frames;
}

uint64_t qi_describe_units_as(struct quire *q, quire_pfn_t start, quire_pfn_t end, const struct qi_frame_home *home)
{
	const struct quire_memmap *m = &q->memmap;
	uint64_t frames = 0;

	while (start < end) {
		struct qi_usage_ref ref = qi_usage_of(m, start);
		struct qi_usage_layout l = qi_usage_layout_at(m, &ref);
		uint64_t unit = (start - ref.start) >> qi_unit_shift(m);
		quire_pfn_t contiguous, word_end = ref.start + (((unit | 31) + 1) << qi_unit_shift(m));
		uint32_t mask;

		qi_contiguous(m, start, &contiguous);
		word_end = qi_min(qi_min(word_end, end), contiguous);
		mask = (uint32_t)((((uint64_t)1 << ((word_end - start) >> qi_unit_shift(m))) - 1) << (unit % 32));
		frames += describe_word(q, ref.words + l.taken + unit / 32, ref.words + l.done + unit / 32, mask,
					ref.start + ((unit & ~(uint64_t)31) << qi_unit_shift(m)), home);
		start = word_end;
	}
	return frames;
}

uint64_t qi_describe_units(struct quire *q, quire_pfn_t start, quire_pfn_t end)
{
	return qi_describe_units_as(q, start, end, NULL);
}

/* Hotplug named the home of these frames: the ledger is not asked about them. */
static bool is_named(const struct quire *q, quire_pfn_t pfn)
{
	struct qi_frame_home home;
	bool named = false;

	return QI_MAY_GROW && qi_home_of(&q->memmap, pfn, &home, &named) && named;
}

/* LAZY: remember what is no longer reserved. False: the list is full. */
static bool remember_released(struct quire *q, quire_pfn_t start, quire_pfn_t end)
{
	struct quire_memmap *m = &q->memmap;
	unsigned long state = 0;
	unsigned i = 0;
	bool room;

	quire_memmap_hold(q, &state);
	while (i < m->released_count && m->released[i].end != start)
		i++;
	room = i < QUIRE_MEMMAP_RELEASED;
	if (room && i < m->released_count)
		m->released[i].end = end;
	else if (room)
		m->released[m->released_count++] = (struct quire_pfn_range){ .start = start, .end = end };
	quire_memmap_let(q, state);
	return room;
}

/* The end of a range that was remembered is reserved after all. */
static void forget_released(struct quire *q, quire_pfn_t start, quire_pfn_t end)
{
	struct quire_memmap *m = &q->memmap;
	unsigned long state = 0;

	quire_memmap_hold(q, &state);
	for (unsigned i = 0; i < released_count(m); i++)
		if (m->released[i].end == end)
			m->released[i].end = qi_max(m->released[i].start, start);
	quire_memmap_let(q, state);
}

/* Will descriptors that come later say so, too? While zones take over only areas are released, and those are known. */
static bool told_later(struct quire *q, quire_pfn_t start, quire_pfn_t end, bool reserved)
{
	if (q->stage < QUIRE_STAGE_HANDOVER)
		return true;
	if (reserved)
		forget_released(q, start, end);
	if (reserved || start >= end || is_named(q, start))
		return true;
	return qi_is_lazy(&q->memmap) && qi_is_sparse(&q->memmap) && remember_released(q, start, end);
}

enum quire_status quire_memmap_set_reserved(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, bool reserved)
{
	quire_pfn_t unit = (quire_pfn_t)1 << qi_unit_shift(&q->memmap), stop = pfn + pages, end;
	bool told = told_later(q, pfn, stop, reserved);
	enum quire_status status = QUIRE_OK;
	struct quire_pfn_run run;

	while (quire_memmap_next_run(&q->memmap, &pfn, stop, &run)) {
		if (run.state == QUIRE_PFN_ABSENT)
			continue;
		if (run.state == QUIRE_PFN_UNTOUCHED && !qi_was_hot(&q->memmap) && told)
			continue;
		for (; run.start < run.end; run.start = end) {
			end = qi_min(qi_align_down(run.start, unit) + unit, run.end);
			if (!qi_unit_done(&q->memmap, run.start) && (!told || is_named(q, run.start)))
				status = quire_memmap_prepare(q, run.start, end - run.start);
			if (status != QUIRE_OK)
				return status;
			if (qi_unit_done(&q->memmap, run.start))
				mark_frames(&q->memmap, run.start, end, reserved);
		}
	}
	return QUIRE_OK;
}

void qi_memmap_mark_reserved(struct quire *q)
{
	quire_pfn_t end = qi_memmap_end(&q->memmap);
	struct quire_pfn_range range;
	size_t index = 0;

	while (next_reserved(&q->memmap, &index, 0, end, &range))
		quire_memmap_set_reserved(q, range.start, range.end - range.start, true);
}
