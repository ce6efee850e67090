/*
 * Backing of descriptors that come and go singly: units under LAZY, and all of hot-added memory.
 *
 * Each unit (classic models: each section) has a word in its usage map that says whose the backing is, so that it can be
 * taken away again without a search. Where hotplug found 2 MiB in one piece, every unit inside says so, and the piece goes
 * when no sub-section it describes is there.
 */
#include "memmap/internal.h"

/* Where a unit's backing is: frame number + 1, and what may be done with it. 0: none. */
#define BACKING_LEDGER		(UINT64_C(1) << 63)	/* recorded as a chunk */
#define BACKING_HOST		(UINT64_C(1) << 62)	/* the platform's own */
#define BACKING_ALTMAP		(UINT64_C(1) << 61)	/* part of the memory described, its owner's business */
#define BACKING_ALLOCATOR	(UINT64_C(1) << 60)	/* from the ordinary allocator */
#define BACKING_HUGE		(UINT64_C(1) << 59)	/* part of QI_HUGE_SIZE taken and mapped at once */
#define BACKING_FRAME		((UINT64_C(1) << 56) - 1)

uint64_t *qi_backing_of(const struct quire_memmap *m, const struct quire_section *section, quire_pfn_t pfn)
{
	quire_pfn_t offset = pfn & (((quire_pfn_t)1 << qi_section_shift(m)) - 1);
	uint64_t *words = (uint64_t *)((uint32_t *)section->usage + m->usage_backing);

	return qi_is_vmemmap(m) ? &words[offset >> qi_unit_shift(m)] : words;
}

static uint64_t unit_bytes(const struct quire_memmap *m)
{
	return (uint64_t)1 << (qi_unit_shift(m) + qi_stride_shift(m));
}

static uint64_t backing_word(const struct quire_memmap *m, const struct qi_chunk *chunk)
{
	switch (chunk->kind) {
	case QI_CHUNK_HOST:
		return BACKING_HOST;
	case QI_CHUNK_LEDGER:
		return BACKING_LEDGER;
	case QI_CHUNK_ALLOCATOR:
		return BACKING_ALLOCATOR | ((chunk->phys >> qi_page_shift(m)) + 1);
	default:
		return (chunk->phys >> qi_page_shift(m)) + 1;
	}
}

/* Only what the ledger gave needs a record: everything else is found again by its backing word. */
static enum quire_status take_backing(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk)
{
	enum quire_status status = qi_mm_take_loose(q, want, chunk);

	if (status != QUIRE_OK || chunk->kind != QI_CHUNK_LEDGER)
		return status;
	if (!qi_mm_record(q, false, chunk)) {
		qi_mm_drop(q, chunk);
		return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

static enum quire_status map_piece(struct quire *q, char *va, quire_phys_t phys, uint64_t size, uint64_t step)
{
	enum quire_status (*map)(void *ctx, void *at, quire_phys_t frames, quire_phys_t bytes) = q->platform->vmemmap_map;
	uint64_t phys_step = phys == QUIRE_PHYS_MAX ? 0 : step;
	void *ctx = q->platform->ctx;

	for (char *at = va, *end = va + size; at < end; at += step, phys += phys_step) {
		enum quire_status status = map(ctx, at, phys, step);

		if (status != QUIRE_OK) {
			if (at > va)
				q->platform->vmemmap_unmap(ctx, va, (quire_phys_t)(at - va));
			return status;
		}
	}
	return QUIRE_OK;
}

static void count_backing(struct quire *q, bool hotplug, bool huge, uint64_t bytes, uint64_t mappings)
{
	struct quire_memmap_stats *stats = &q->memmap.stats;
	unsigned long state = 0;

	if (hotplug)
		quire_memmap_hold(q, &state);
	*(huge ? &stats->huge_mappings : &stats->base_mappings) += mappings;
	qi_account(q, false, &stats->descriptor_bytes, bytes);
	if (hotplug)
		quire_memmap_let(q, state);
}

/* `size` bytes of backing for the window at va, mapped `step` by step; the word of its first unit. */
static enum quire_status back_piece(struct quire *q, const struct qi_want *want, uint64_t step, uint64_t *word)
{
	struct qi_chunk_mark mark = qi_mm_mark(q, false);
	struct qi_chunk chunk;
	enum quire_status status = take_backing(q, want, &chunk);

	if (status != QUIRE_OK)
		return status;
	status = map_piece(q, want->at, chunk.phys, want->size, step);
	if (status == QUIRE_OK)
		*word = backing_word(&q->memmap, &chunk);
	else if (chunk.kind == QI_CHUNK_LEDGER)
		qi_mm_release(q, false, mark);
	else
		qi_mm_drop(q, &chunk);
	return status;
}

quire_pfn_t quire_altmap_take(struct quire_altmap *altmap, quire_pfn_t pages)
{
	quire_pfn_t next = altmap->base + altmap->reserve + altmap->alloc + altmap->align;
	quire_pfn_t taken = altmap->alloc + altmap->align, left = altmap->free > taken ? altmap->free - taken : 0;
	quire_pfn_t pad;

	if (!pages || pages > left)
		return QUIRE_PFN_NONE;
	pad = qi_align_up(next, pages & -pages) - next;
	if (pages + pad > left)
		return QUIRE_PFN_NONE;
	altmap->alloc += pages;
	altmap->align += pad;
	return next + pad;
}

/* As many pages of the range itself; the word only says so. */
static enum quire_status back_from_altmap(struct quire *q, const struct qi_want *want, uint64_t step, uint64_t *word,
					  struct quire_altmap *altmap)
{
	struct quire_altmap before = *altmap;
	quire_pfn_t pfn = quire_altmap_take(altmap, want->size >> qi_page_shift(&q->memmap));
	enum quire_status status = QUIRE_ENOMEM;

	/* Frames lost to the alignment of a huge page may be the ones that are missing in the end. */
	if (pfn != QUIRE_PFN_NONE && (step != QI_HUGE_SIZE || altmap->align == before.align))
		status = map_piece(q, want->at, pfn << qi_page_shift(&q->memmap), want->size, step);
	if (status != QUIRE_OK)
		*altmap = before;
	*word = BACKING_ALTMAP;
	return status;
}

enum quire_status qi_back_unit(struct quire *q, const struct quire_section *section, quire_pfn_t pfn, int nid)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t *backing = qi_backing_of(m, section, pfn);
	struct qi_want want = { .size = unit_bytes(m), .align = unit_bytes(m), .nid = nid, .unmapped = true,
				.at = quire_pfn_to_page(m, pfn) };
	enum quire_status status = QUIRE_OK;

	if (*backing)
		return QUIRE_OK;
	status = back_piece(q, &want, (uint64_t)1 << qi_page_shift(m), backing);
	if (status == QUIRE_OK)
		count_backing(q, false, false, want.size, want.size >> qi_page_shift(m));
	return status;
}

/* --- ranges, for hotplug ------------------------------------------------------------------------------------------ */

static quire_pfn_t huge_frames(const struct quire_memmap *m)
{
	return (quire_pfn_t)(QI_HUGE_SIZE >> qi_stride_shift(m));
}

/* The word of a unit that is not boot's, or NULL. */
static uint64_t *own_word(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section = quire_section(m, pfn >> qi_section_shift(m));

	if (!section || !section->usage || section->map & QUIRE_SECTION_BOOT)
		return NULL;
	return qi_backing_of(m, section, pfn);
}

/* The words of units [start, …) that lie in one section: their number, and in *words the first; 0: they are not ours. */
static uint64_t own_words(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end, uint64_t **words)
{
	*words = own_word(m, start);
	return *words ? (qi_stop_in_section(m, start, end) - start) >> qi_unit_shift(m) : 0;
}

/* The end of the units from `start` on that are ours and not backed. */
static quire_pfn_t bare_until(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	while (start < end) {
		uint64_t *words, n = own_words(m, start, end, &words), i = 0;

		while (i < n && !words[i])
			i++;
		start += i << qi_unit_shift(m);
		if (!n || i < n)
			break;
	}
	return start;
}

/* What one huge mapping describes. */
static enum quire_status back_huge(struct quire *q, quire_pfn_t start, int nid, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_want want = { .size = QI_HUGE_SIZE, .align = QI_HUGE_SIZE, .nid = nid, .unmapped = true, .hotplug = true,
				.at = quire_pfn_to_page(m, start) };
	quire_pfn_t end = start + huge_frames(m);
	enum quire_status status;
	uint64_t word;

	status = altmap ? back_from_altmap(q, &want, QI_HUGE_SIZE, &word, altmap) : back_piece(q, &want, QI_HUGE_SIZE, &word);
	if (status != QUIRE_OK)
		return status;
	for (uint64_t *words, n; start < end; start += n << qi_unit_shift(m)) {
		n = own_words(m, start, end, &words);
		for (uint64_t i = 0; i < n; i++)
			words[i] = word | BACKING_HUGE;
	}
	count_backing(q, true, true, QI_HUGE_SIZE, 1);
	return QUIRE_OK;
}

/*
 * 2^order units' backing in one piece, which comes apart again unit by unit: what each has is its own from then on. nid as
 * of `want`.
 */
static enum quire_status back_units(struct quire *q, struct qi_want *want, uint64_t *words, unsigned order)
{
	const struct quire_memmap *m = &q->memmap;
	const struct quire_frame_allocator *allocator = &m->allocator;
	unsigned shift = qi_log2(unit_bytes(m)) - qi_page_shift(m);
	enum quire_status status;
	uint64_t step;

	want->size = unit_bytes(m) << order;
	want->align = unit_bytes(m);
	status = back_piece(q, want, (uint64_t)1 << qi_page_shift(m), words);
	if (status == QUIRE_OK && order && *words & BACKING_ALLOCATOR) {
		status = allocator->split(allocator->ctx, (*words & BACKING_FRAME) - 1, shift + order, shift);
		if (status != QUIRE_OK) {
			q->platform->vmemmap_unmap(q->platform->ctx, want->at, want->size);
			allocator->give(allocator->ctx, (*words & BACKING_FRAME) - 1, shift + order);
			*words = 0;
		}
	}
	if (status != QUIRE_OK)
		return status;
	step = *words & BACKING_FRAME ? (uint64_t)1 << shift : 0;
	for (uint64_t i = 1; i < (uint64_t)1 << order; i++)
		words[i] = words[i - 1] + step;
	return status;
}

/* Units of one section that are not backed: the whole run in few pieces if they can be had, else one by one. */
static enum quire_status back_run(struct quire *q, quire_pfn_t start, quire_pfn_t end, int nid, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_want want = { .size = unit_bytes(m), .nid = nid, .unmapped = true, .hotplug = true };
	uint64_t *words = own_word(m, start), n = (end - start) >> qi_unit_shift(m), done = 0;
	enum quire_status status = QUIRE_OK;
	bool small = altmap || !m->allocator.split;

	while (done < n) {
		unsigned order = small ? 0 : qi_log2(n - done);

		want.at = quire_pfn_to_page(m, start + (done << qi_unit_shift(m)));
		status = altmap ? back_from_altmap(q, &want, (uint64_t)1 << qi_page_shift(m), &words[done], altmap) :
				  back_units(q, &want, &words[done], order);
		if (status == QUIRE_OK)
			done += (uint64_t)1 << order;
		else if (order)
			small = true;
		else
			break;
	}
	if (done)
		count_backing(q, true, false, done * unit_bytes(m), done * unit_bytes(m) >> qi_page_shift(m));
	return status;
}

enum quire_status qi_back_range(struct quire *q, quire_pfn_t start, quire_pfn_t end, int nid, struct quire_altmap *altmap)
{
	const struct quire_memmap *m = &q->memmap;
	quire_pfn_t unit = (quire_pfn_t)1 << qi_unit_shift(m), huge = huge_frames(m), next;
	enum quire_status status = QUIRE_OK;

	for (quire_pfn_t pfn = start; pfn < end && status == QUIRE_OK; pfn = next) {
		next = pfn + huge;
		if (huge > unit && !(pfn & (huge - 1)) && next <= end && bare_until(m, pfn, next) == next &&
		    back_huge(q, pfn, nid, altmap) == QUIRE_OK)
			continue;
		next = bare_until(m, pfn, qi_stop_in_section(m, pfn, qi_min(end, qi_align_down(pfn, qi_max(huge, unit)) +
										  qi_max(huge, unit))));
		if (next > pfn)
			status = back_run(q, pfn, next, nid, altmap);
		else
			next = pfn + unit;
	}
	return status;
}

/* A huge piece goes when nothing it describes is there. Returns where what it describes ends. */
static quire_pfn_t unback_huge(struct quire *q, quire_pfn_t pfn, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t first = qi_align_down(pfn, huge_frames(m)), end = first + huge_frames(m);

	if (qi_any_there(m, first, end))
		return pfn + ((quire_pfn_t)1 << qi_unit_shift(m));
	if (altmap && *own_word(m, first) & BACKING_ALTMAP)
		altmap->alloc -= QI_HUGE_SIZE >> qi_page_shift(m);
	qi_backing_drop(q, true, own_word(m, first), quire_pfn_to_page(m, first), QI_HUGE_SIZE);
	for (uint64_t *words, n; first < end; first += n << qi_unit_shift(m)) {
		n = own_words(m, first, end, &words);
		memset(words, 0, n * sizeof(*words));
	}
	return end;
}

/* Frames behind descriptors that nobody sees any more. */
static void give_back(struct quire *q, uint64_t word, void *va, uint64_t size)
{
	struct quire_memmap *m = &q->memmap;
	struct qi_chunk chunk = { .phys = ((word & BACKING_FRAME) - 1) << qi_page_shift(m), .size = size };

	chunk.kind = word & BACKING_ALLOCATOR ? QI_CHUNK_ALLOCATOR : QI_CHUNK_SOURCE;
	if (word & BACKING_HOST)
		chunk = (struct qi_chunk){ .va = qi_is_vmemmap(m) ? NULL : va, .size = size, .kind = QI_CHUNK_HOST };
	if (word & BACKING_LEDGER) {
		/* Once the ledger is closed the record waits for the end. */
		if (q->stage < QUIRE_STAGE_HANDOVER)
			qi_mm_cut(q, va, size);
	} else if (!(word & BACKING_ALTMAP)) {
		qi_mm_drop(q, &chunk);
	}
}

/* Units of one section from pfn on that have backing of their own. Returns where they end. */
static quire_pfn_t unback_run(struct quire *q, quire_pfn_t pfn, quire_pfn_t end, struct quire_altmap *altmap)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t *words, n = own_words(m, pfn, end, &words), i = 0;
	char *va = (char *)quire_pfn_to_page(m, pfn);

	while (i < n && words[i] && !(words[i] & BACKING_HUGE))
		i++;
	if (!i)
		return pfn + ((quire_pfn_t)1 << qi_unit_shift(m));
	n = i;
	q->platform->vmemmap_unmap(q->platform->ctx, va, n * unit_bytes(m));
	for (i = 0; i < n; i++) {
		if (altmap && words[i] & BACKING_ALTMAP)
			altmap->alloc -= unit_bytes(m) >> qi_page_shift(m);
		give_back(q, words[i], va + i * unit_bytes(m), unit_bytes(m));
		words[i] = 0;
	}
	count_backing(q, true, false, -(n * unit_bytes(m)), -(n * unit_bytes(m) >> qi_page_shift(m)));
	return pfn + (n << qi_unit_shift(m));
}

void qi_unback_range(struct quire *q, quire_pfn_t start, quire_pfn_t end, struct quire_altmap *altmap)
{
	const struct quire_memmap *m = &q->memmap;

	while (start < end) {
		const uint64_t *word = own_word(m, start);

		start = word && *word & BACKING_HUGE ? unback_huge(q, start, altmap) : unback_run(q, start, end, altmap);
	}
}

/* Forget a section of boot: the next time it is added it gets everything anew. */
static void forget_boot(struct quire_memmap *m, uint64_t number)
{
	struct quire_section *section = quire_section(m, number);

	/* A usage map as boot makes it has no room for backing words. */
	if (!(section->map & QUIRE_SECTION_ZONED))
		__atomic_store_n(&section->usage, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&section->map, 0, __ATOMIC_RELEASE);
}

void qi_unback_boot(struct quire *q, uint64_t number)
{
	struct quire_memmap *m = &q->memmap;
	uint64_t bytes = qi_section_map_size(m), group = qi_is_vmemmap(m) ? qi_max(qi_div64(QI_HUGE_SIZE, bytes), 1) : 1;
	uint64_t first = number - qi_mod64(number, group), end = first + group, next;

	/* Arrays of the platform's cannot be given back in part. */
	if (!qi_is_vmemmap(m) && q->platform->meta_alloc)
		return;
	for (uint64_t n = first; n < end; n++) {
		const struct quire_section *section = quire_section(m, n);

		if (section && section->map & QUIRE_SECTION_BOOT && section->map & QUIRE_SECTION_PRESENT)
			return;
	}
	for (uint64_t n = first; n < end; n = next) {
		quire_pfn_t pfn = n << qi_section_shift(m);

		for (next = n; next < end && quire_section(m, next) && quire_section(m, next)->map & QUIRE_SECTION_BOOT;)
			next++;
		if (next > n && qi_mm_cut(q, quire_pfn_to_page(m, pfn), bytes * (next - n))) {
			qi_account(q, true, &m->stats.descriptor_bytes, -(bytes * (next - n)));
			for (uint64_t gone = n; gone < next; gone++)
				forget_boot(m, gone);
		}
		next += next == n;
	}
}

void qi_unback_section(struct quire *q, uint64_t number)
{
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t start = number << qi_section_shift(m), end = (number + 1) << qi_section_shift(m);
	struct quire_section *section = quire_section(m, number);

	if (!section->usage || section->map & QUIRE_SECTION_BOOT)
		return;
	if (!qi_is_vmemmap(m)) {
		if (*qi_backing_of(m, section, 0))
			qi_backing_drop(q, true, qi_backing_of(m, section, 0), quire_pfn_to_page(m, start),
					qi_section_map_size(m));
		return;
	}
	/* Nothing is there any more, so that huge mappings go with the first section they describe. */
	qi_unback_range(q, start, end, NULL);
}

/* --- both --------------------------------------------------------------------------------------------------------- */

struct quire_section *qi_section_room(struct quire *q, bool hotplug, uint64_t number, int nid, uintptr_t *map)
{
	struct quire_memmap *m = &q->memmap;
	struct quire_section *section = qi_section_enter(q, hotplug, number, nid);
	struct qi_want want = { .size = qi_section_map_size(m), .nid = nid, .hotplug = hotplug };
	struct qi_chunk chunk;

	if (!section)
		return NULL;
	if (!section->usage) {
		struct quire_usage *none = NULL, *usage;

		usage = qi_mm_small(q, hotplug, m->usage_full_words * sizeof(uint32_t), nid);
		if (!usage)
			return NULL;
		/* Demand in another part of the section may have been quicker. */
		__atomic_compare_exchange_n(&section->usage, &none, usage, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
	*map = m->map + (uintptr_t)(number << (qi_section_shift(m) + qi_stride_shift(m)));
	if (qi_is_vmemmap(m))
		return section;
	want.align = qi_min(want.size, QI_HUGE_SIZE);
	if (take_backing(q, &want, &chunk) != QUIRE_OK)
		return NULL;
	*map = (uintptr_t)chunk.va;
	*qi_backing_of(m, section, 0) = backing_word(m, &chunk);
	qi_account(q, hotplug, &m->stats.descriptor_bytes, qi_section_map_size(m));
	return section;
}

bool qi_backing_is_ours(uint64_t backing)
{
	return backing && !(backing & (BACKING_LEDGER | BACKING_ALTMAP | BACKING_ALLOCATOR));
}

uint64_t qi_backing_drop(struct quire *q, bool hotplug, uint64_t *backing, void *va, uint64_t size)
{
	struct quire_memmap *m = &q->memmap;
	bool huge = *backing & BACKING_HUGE;

	if (qi_is_vmemmap(m)) {
		q->platform->vmemmap_unmap(q->platform->ctx, va, size);
		count_backing(q, hotplug, huge, -size, -(huge ? 1 : size >> qi_page_shift(m)));
	} else {
		qi_account(q, hotplug, &m->stats.descriptor_bytes, -size);
	}
	give_back(q, *backing, va, size);
	*backing = 0;
	return size;
}
