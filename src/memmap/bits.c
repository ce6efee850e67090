/*
 * Usage maps: the few bits kept about every pageblock of memory that has descriptors.
 *
 * A usage map covers a section, or the whole array of a flat model. Its words are 32 bits wide so that every target changes
 * them atomically: workers meet in them when their chunks share a section.
 */
#include "memmap/internal.h"

static uint32_t words_for(uint64_t bits)
{
	return (uint32_t)((bits + 31) >> 5);
}

static unsigned subsection_shift(const struct quire_memmap *m)
{
	return QUIRE_SUBSECTION_SHIFT > qi_page_shift(m) ? QUIRE_SUBSECTION_SHIFT - qi_page_shift(m) : 0;
}

struct qi_usage_layout qi_usage_layout(const struct quire_memmap *m, uint64_t frames, bool subsections, bool backing)
{
	uint32_t units = (uint32_t)(frames >> qi_unit_shift(m));
	struct qi_usage_layout l;

	l.blocks = subsections ? words_for(qi_max(frames >> subsection_shift(m), 1)) : 0;
	l.taken = l.blocks + words_for((frames >> qi_block_shift(m)) * 4);
	l.done = l.taken + words_for(units);
	l.node = l.done + words_for(units);
	l.backing = l.node + (subsections && !m->layout.node_in_flags);
	l.backing += l.backing & 1;
	l.homes = l.backing + (backing ? units * 2 : 0);
	l.words = l.homes + (backing ? (units + 1) / 2 : 0);
	return l;
}

struct qi_usage_ref qi_usage_of(const struct quire_memmap *m, quire_pfn_t pfn)
{
	const struct quire_section *section;
	struct quire_usage *usage;
	quire_pfn_t start;

	if (!qi_is_sparse(m)) {
		const struct quire_flat_map *flat = quire_flat_map_of(m, pfn);

		if (!flat)
			return (struct qi_usage_ref){ .words = NULL };
		return (struct qi_usage_ref){ (uint32_t *)flat->usage, flat->start, flat->end };
	}
	section = quire_section(m, pfn >> qi_section_shift(m));
	usage = section ? __atomic_load_n(&section->usage, __ATOMIC_ACQUIRE) : NULL;
	if (!usage)
		return (struct qi_usage_ref){ .words = NULL };
	start = qi_align_down(pfn, (quire_pfn_t)1 << qi_section_shift(m));
	return (struct qi_usage_ref){ (uint32_t *)usage, start, start + ((quire_pfn_t)1 << qi_section_shift(m)) };
}

/* Offsets of a flat map depend on its length; those of sections are all alike and kept in the memmap. */
static struct qi_usage_layout layout_of(const struct quire_memmap *m, const struct qi_usage_ref *ref)
{
	if (!qi_is_sparse(m))
		return qi_usage_layout(m, ref->end - ref->start, false, false);
	return (struct qi_usage_layout){ m->usage_blocks, m->usage_taken, m->usage_done, m->usage_node, m->usage_backing,
					 m->usage_homes, m->usage_words };
}

bool qi_unit_done(const struct quire_memmap *m, quire_pfn_t pfn)
{
	struct qi_usage_ref ref = qi_usage_of(m, pfn);

	return ref.words && qi_bit_load(ref.words + layout_of(m, &ref).done, (pfn - ref.start) >> qi_unit_shift(m));
}

struct qi_usage_layout qi_usage_layout_at(const struct quire_memmap *m, const struct qi_usage_ref *ref)
{
	return layout_of(m, ref);
}

/* A stretch of bits, word by word: the bits of `word` that belong to [at, end), and on to the next word. */
struct stretch {
	uint64_t at, end;
};

static bool next_word(struct stretch *stretch, uint64_t *word, uint32_t *bits)
{
	uint64_t last = stretch->at | 31;

	if (stretch->at >= stretch->end)
		return false;
	*word = stretch->at / 32;
	*bits = ~(uint32_t)0 << (stretch->at % 32);
	if (last >= stretch->end)
		*bits &= ~(uint32_t)0 >> (31 - (stretch->end - 1) % 32);
	stretch->at = last + 1;
	return true;
}

/* The sub-sections that have frames of [start, end), which lies in one section. */
static struct stretch subsections(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	quire_pfn_t mask = ((quire_pfn_t)1 << qi_section_shift(m)) - 1;

	return (struct stretch){ (start & mask) >> subsection_shift(m), (((end - 1) & mask) >> subsection_shift(m)) + 1 };
}

void qi_subsections_set(const struct quire_memmap *m, struct quire_usage *usage, quire_pfn_t start, quire_pfn_t end)
{
	struct stretch stretch = subsections(m, start, end);
	uint64_t word;
	uint32_t bits;

	while (next_word(&stretch, &word, &bits))
		((uint32_t *)usage)[word] |= bits;
}

void qi_subsections_clear(const struct quire_memmap *m, struct quire_usage *usage, quire_pfn_t start, quire_pfn_t end)
{
	struct stretch stretch = subsections(m, start, end);
	uint64_t word;
	uint32_t bits;

	while (next_word(&stretch, &word, &bits))
		((uint32_t *)usage)[word] &= ~bits;
}

uint64_t qi_subsections_absent(const struct quire_memmap *m, const struct quire_usage *usage, quire_pfn_t start,
			       quire_pfn_t end, bool *any)
{
	struct stretch stretch = subsections(m, start, end);
	uint64_t word, absent = 0;
	uint32_t bits;

	*any = false;
	while (next_word(&stretch, &word, &bits)) {
		uint32_t there = __atomic_load_n((const uint32_t *)usage + word, __ATOMIC_ACQUIRE) & bits;

		*any |= there != 0;
		absent += qi_popcount(bits & ~there);
	}
	return absent;
}

bool qi_subsection_test(const struct quire_memmap *m, const struct quire_usage *usage, quire_pfn_t pfn)
{
	quire_pfn_t mask = ((quire_pfn_t)1 << qi_section_shift(m)) - 1;

	return usage && qi_bit_load((const uint32_t *)usage, (pfn & mask) >> subsection_shift(m));
}

void qi_units_clear(struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end)
{
	struct qi_usage_ref ref = qi_usage_of(m, start);
	struct qi_usage_layout l = qi_usage_layout_at(m, &ref);
	struct stretch stretch = { (start - ref.start) >> qi_unit_shift(m), (end - ref.start) >> qi_unit_shift(m) };
	uint64_t word;
	uint32_t bits;

	while (next_word(&stretch, &word, &bits)) {
		uint32_t *taken = &ref.words[l.taken + word], *done = &ref.words[l.done + word];

		/* Memory that nobody has touched is common, and needs no exchange. */
		if (__atomic_load_n(done, __ATOMIC_RELAXED) & bits)
			m->stats.initialised -= (uint64_t)qi_popcount(__atomic_fetch_and(done, ~bits, __ATOMIC_RELEASE) & bits)
						<< qi_unit_shift(m);
		if (__atomic_load_n(taken, __ATOMIC_RELAXED) & bits)
			__atomic_fetch_and(taken, ~bits, __ATOMIC_RELEASE);
	}
}

unsigned quire_pageblock_flags(const struct quire_memmap *m, quire_pfn_t pfn)
{
	struct qi_usage_ref ref = qi_usage_of(m, pfn);
	uint64_t block;

	if (!ref.words)
		return 0;
	block = (pfn - ref.start) >> qi_block_shift(m);
	return __atomic_load_n(&ref.words[layout_of(m, &ref).blocks + block / 8], __ATOMIC_RELAXED) >> (block % 8 * 4) & 0xf;
}

void quire_pageblock_set_flags(struct quire_memmap *m, quire_pfn_t pfn, unsigned flags)
{
	struct qi_usage_ref ref = qi_usage_of(m, pfn);
	uint32_t *word, old, new;
	unsigned shift;

	if (!ref.words)
		return;
	word = &ref.words[layout_of(m, &ref).blocks + (((pfn - ref.start) >> qi_block_shift(m)) / 8)];
	shift = (unsigned)(((pfn - ref.start) >> qi_block_shift(m)) % 8 * 4);
	old = __atomic_load_n(word, __ATOMIC_RELAXED);
	do
		new = (old & ~(0xfu << shift)) | (uint32_t)(flags & 0xf) << shift;
	while (!__atomic_compare_exchange_n(word, &old, new, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}
