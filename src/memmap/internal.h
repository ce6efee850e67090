/*
 * What the files of the memmap share. Internal.
 *
 * Who does what: present.c judges the model and lays out tables; section.c enters one section; populate.c and window.c find
 * room for descriptors; describe.c writes them; demand.c does so when they are needed; chunks.c keeps record of every byte
 * taken.
 */
#ifndef QI_MEMMAP_INTERNAL_H
#define QI_MEMMAP_INTERNAL_H

#include <quire/quire.h>

#include "base/base.h"
#include "memmap/plan.h"

/* --- chunks.c: memory for tables and descriptors --------------------------------------------------------- */

enum qi_chunk_kind { QI_CHUNK_HOST, QI_CHUNK_LEDGER, QI_CHUNK_SOURCE, QI_CHUNK_WINDOW };

struct qi_chunk {
	void *va;			/* NULL: not mapped, as backing of the window is not */
	quire_phys_t phys;		/* QUIRE_PHYS_MAX: the platform's own */
	uint64_t size;
	enum qi_chunk_kind kind;
};

struct qi_chunk_page {
	struct qi_chunk_page *before;
	uint32_t count, max;
	struct qi_chunk entries[];
};

struct qi_chunk_mark {
	struct qi_chunk_page *page;
	uint32_t count;
};

/* A request. exact: on node nid or not at all; else nid is preferred. unmapped: frames only, no address. */
struct qi_want {
	uint64_t size, align;
	int nid;
	bool exact, unmapped, zero;
};

/* Memory for boot's tables: from the platform, the ledger, or after hand-over the frame source. Recorded, and given back
 * by release. */
enum quire_status qi_mm_take(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk);
/* The same without a record: the caller keeps the chunk and gives it to qi_mm_drop. */
enum quire_status qi_mm_take_loose(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk);
void qi_mm_drop(struct quire *q, const struct qi_chunk *chunk);
/* Remember a chunk; the record stays where it is until released. NULL: no memory for the record. */
struct qi_chunk *qi_mm_record(struct quire *q, const struct qi_chunk *chunk);
/* Small zeroed tables that live as long as the memmap. NULL: no memory. */
void *qi_mm_small(struct quire *q, size_t size, int nid);
struct qi_chunk_mark qi_mm_mark(const struct quire *q);
void qi_mm_release(struct quire *q, struct qi_chunk_mark mark);

/* --- section.c ------------------------------------------------------------------------------------------- */

static inline bool qi_is_sparse(const struct quire_memmap *m)
{
	return quire_memmap_model(m) != QUIRE_MODEL_FLATMEM && quire_memmap_model(m) != QUIRE_MODEL_DISCONTIGMEM;
}

static inline bool qi_is_vmemmap(const struct quire_memmap *m)
{
	return quire_memmap_model(m) == QUIRE_MODEL_SPARSEMEM_VMEMMAP;
}

/* The boot run that holds a section, or NULL; *next_start: where the next run above begins (UINT64_MAX: none). */
const struct quire_section_run *qi_run_at(const struct quire_memmap *m, uint64_t section, uint64_t *next_start);

/* Room for section tables up to `end` sections; entries new to it are zeroed. */
enum quire_status qi_section_tables(struct quire *q, uint64_t end, int nid);
void qi_section_extend(struct quire_memmap *m, uint64_t end);

/* The table entry of a section, its root made if there is none. NULL: no memory. */
struct quire_section *qi_section_enter(struct quire *q, uint64_t number, int nid);

/* Give a present section its descriptors at `map` (unbiased address of its first) and its usage map. Sub-sections by
 * ledger. */
void qi_section_fill(struct quire *q, uint64_t number, struct quire_section *section, uintptr_t map,
		     struct quire_usage *usage);

static inline uint64_t qi_section_map_size(const struct quire_memmap *m)
{
	return (uint64_t)1 << (m->section_pfn_shift + m->stride_shift);
}

/* --- usage maps (bits.c) --------------------------------------------------------------------------------- */

/* The usage map that covers pfn: its words, the first frame it covers, and the first it does not. NULL words: none. */
struct qi_usage_ref {
	uint32_t *words;
	quire_pfn_t start, end;
};
struct qi_usage_ref qi_usage_of(const struct quire_memmap *m, quire_pfn_t pfn);

/* Sizes of the parts of a usage map over `frames` frames. Sets the usage_* fields for one map. */
struct qi_usage_layout {
	uint32_t blocks, taken, done, backing, words;
};
struct qi_usage_layout qi_usage_layout(const struct quire_memmap *m, uint64_t frames, bool subsections, bool backing);

struct qi_usage_layout qi_usage_layout_at(const struct quire_memmap *m, const struct qi_usage_ref *ref);

bool qi_unit_done(const struct quire_memmap *m, quire_pfn_t pfn);
void qi_subsections_set(const struct quire_memmap *m, struct quire_usage *usage, quire_pfn_t start, quire_pfn_t end);
void qi_subsections_clear(const struct quire_memmap *m, struct quire_usage *usage, quire_pfn_t start, quire_pfn_t end);
bool qi_subsection_test(const struct quire_memmap *m, const struct quire_usage *usage, quire_pfn_t pfn);

static inline uint32_t qi_bit_load(const uint32_t *words, uint64_t index)
{
	return __atomic_load_n(&words[index / 32], __ATOMIC_ACQUIRE) >> (index % 32) & 1;
}

/* --- window.c, flat.c ------------------------------------------------------------------------------------ */

/* Back the window's part for frames [start, end), both on section borders, from node nid if possible. */
enum quire_status qi_window_populate(struct quire *q, quire_pfn_t start, quire_pfn_t end, int nid);

/* Flat models: where the arrays lie (at present), and their memory (at populate). */
enum quire_status qi_flat_plan(struct quire *q);
enum quire_status qi_flat_populate(struct quire *q);

/* --- describe.c ------------------------------------------------------------------------------------------ */

/*
 * Initialise all units of [start, end) that nobody has taken for it yet; all of them have room for descriptors. Returns
 * frames described by this call. May run on several CPUs at once, over the same frames too.
 */
uint64_t qi_describe_units(struct quire *q, quire_pfn_t start, quire_pfn_t end);

/* From pfn on: the end of the frames whose descriptors are one array, and whether there is room for them at all. */
bool qi_contiguous(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t *end);

/* One past the highest frame that can have a descriptor. */
quire_pfn_t qi_memmap_end(const struct quire_memmap *m);

/* Areas of whole units that DEFERRED leaves to the workers, ascending. Zero the walk first. */
bool qi_next_deferred(const struct quire *q, struct quire_memmap_walk *walk, quire_pfn_t *start, quire_pfn_t *end);

/* --- locking: held for a few instructions, or while one section comes into being ------------------------- */

static inline void qi_spin_lock(uint32_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		continue;
}

static inline void qi_spin_unlock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

static inline void qi_count_initialised(struct quire_memmap *m, uint64_t frames)
{
	qi_spin_lock(&m->lock);
	m->stats.initialised += frames;
	qi_spin_unlock(&m->lock);
}

/* --- backing.c: backing that can be taken away singly
 * ---------------------------------------------------------------------- */

/* The backing word of the unit (classic models: the section) that holds pfn. The usage map must be a full one. */
uint64_t *qi_backing_of(const struct quire_memmap *m, const struct quire_section *section, quire_pfn_t pfn);

/* VMEMMAP: back the window's part for one unit, from the altmap if there is one. */
enum quire_status qi_back_unit(struct quire *q, const struct quire_section *section, quire_pfn_t pfn, int nid,
			       struct quire_altmap *altmap);

/* The entry of a section with a full usage map, and where its descriptors are to be (*map); classic models: taken. NULL:
 * no memory. */
struct quire_section *qi_section_room(struct quire *q, uint64_t number, int nid, uintptr_t *map);

/* The units of [start, end), inside one usage map, are not initialised any more. */
void qi_units_clear(struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end);

/* Can this backing be given back by itself; and do so: bytes. va: of the first descriptor. */
bool qi_backing_is_ours(uint64_t backing);
uint64_t qi_backing_drop(struct quire *q, uint64_t *backing, void *va, uint64_t size);

/* --- demand.c
 * ----------------------------------------------------------------------------------------------------------- */

/* LAZY: a section from boot that has no descriptors now, and gets them when they are needed (lookup.c). */
bool qi_is_untouched(const struct quire_memmap *m, uint64_t number);

/* LAZY: bring a section from boot into the table, if it is not there. */
enum quire_status qi_enter_boot_section(struct quire *q, uint64_t number, int nid);

/* Undo what chunk records do not know: LAZY units and hot-added memory. */
void qi_demand_undo(struct quire *q);

#endif
