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
#include "base/pins.h"
#include "memmap/plan.h"

/* --- geometry: constants where pinned, as quire_memmap_section_shift() -------------------------------------- */

static inline unsigned qi_stride_shift(const struct quire_memmap *m) { return quire_memmap_stride_shift(m); }
static inline unsigned qi_section_shift(const struct quire_memmap *m) { return quire_memmap_section_shift(m); }
static inline unsigned qi_root_shift(const struct quire_memmap *m) { return quire_memmap_root_shift(m); }

#ifdef QUIRE_PIN_PAGE_SHIFT
static inline unsigned qi_page_shift(const struct quire_memmap *m) { return (void)m, QUIRE_PIN_PAGE_SHIFT; }
#else
static inline unsigned qi_page_shift(const struct quire_memmap *m) { return m->page_shift; }
#endif

#ifdef QUIRE_PIN_PAGEBLOCK_ORDER
static inline unsigned qi_block_shift(const struct quire_memmap *m) { return (void)m, QUIRE_PIN_PAGEBLOCK_ORDER; }
#else
static inline unsigned qi_block_shift(const struct quire_memmap *m) { return m->block_shift; }
#endif

/* A pageblock, or what one page of descriptors is for. */
#if defined(QUIRE_PIN_PAGE_SHIFT) && defined(QUIRE_PIN_PAGEBLOCK_ORDER) && defined(QUIRE_PIN_PAGE_STRIDE)
static inline unsigned qi_unit_shift(const struct quire_memmap *m)
{
	return (unsigned)qi_max(qi_block_shift(m), qi_page_shift(m) - qi_stride_shift(m));
}
#else
static inline unsigned qi_unit_shift(const struct quire_memmap *m) { return m->unit_shift; }
#endif

/* --- chunks.c: memory for tables and descriptors --------------------------------------------------------- */

enum qi_chunk_kind { QI_CHUNK_HOST, QI_CHUNK_LEDGER, QI_CHUNK_SOURCE, QI_CHUNK_ALLOCATOR, QI_CHUNK_WINDOW };

struct qi_chunk {
	void *va;			/* where it is seen; of backing: where in the window, NULL if it is the platform's */
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

/*
 * A request. exact: on node nid or not at all; else nid is preferred. unmapped: frames only, to be seen in the window at
 * `at`. hotplug: no lock is held, the ordinary allocator may be asked.
 */
struct qi_want {
	uint64_t size, align;
	quire_phys_t low, high;		/* of the ledger's memory; 0, 0: the rule for descriptors */
	void *at;
	int nid;
	bool exact, unmapped, zero, hotplug;
};

/* Memory for boot's tables: from the platform, the ledger, or after hand-over the frame source. Recorded, and given back
 * by release. */
enum quire_status qi_mm_take(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk);
/* The same without a record: the caller keeps the chunk and gives it to qi_mm_drop. */
enum quire_status qi_mm_take_loose(struct quire *q, const struct qi_want *want, struct qi_chunk *chunk);
void qi_mm_drop(struct quire *q, const struct qi_chunk *chunk);
/* Remember a chunk; the record stays where it is until released. NULL: no memory for the record. */
struct qi_chunk *qi_mm_record(struct quire *q, bool hotplug, const struct qi_chunk *chunk);
/* Small zeroed tables that live as long as the memmap. NULL: no memory. */
void *qi_mm_small(struct quire *q, bool hotplug, size_t size, int nid);
struct qi_chunk_mark qi_mm_mark(struct quire *q, bool hotplug);
void qi_mm_release(struct quire *q, bool hotplug, struct qi_chunk_mark mark);
/*
 * What boot put at [va, va + size), window and frames, goes back: to the ledger, or once that is closed to the allocator.
 * Whole pages of descriptors; no lock held. False, and nothing changed: no memory for the records of what remains.
 */
bool qi_mm_cut(struct quire *q, void *va, uint64_t size);

/* --- section.c ------------------------------------------------------------------------------------------- */

static inline bool qi_is_sparse(const struct quire_memmap *m)
{
	return quire_memmap_model(m) != QUIRE_MODEL_FLATMEM && quire_memmap_model(m) != QUIRE_MODEL_DISCONTIGMEM;
}

static inline bool qi_is_vmemmap(const struct quire_memmap *m)
{
	return quire_memmap_model(m) == QUIRE_MODEL_SPARSEMEM_VMEMMAP;
}

/* Descriptors come when they are needed. */
static inline bool qi_is_lazy(const struct quire_memmap *m) { return quire_memmap_policy(m) == QUIRE_INIT_LAZY; }
/* Boot makes room for all of them. */
static inline bool qi_has_boot_room(const struct quire_memmap *m) { return !QI_MAY_BE_LAZY || m->boot_room; }
/* Sections have come or gone since boot. */
static inline bool qi_was_hot(const struct quire_memmap *m) { return QI_MAY_GROW && m->was_hot; }

/* The boot run that holds a section, or NULL; *next_start: where the next run above begins (UINT64_MAX: none). */
const struct quire_section_run *qi_run_at(const struct quire_memmap *m, uint64_t section, uint64_t *next_start);

/* Room for section tables up to `end` sections; entries new to it are zeroed. */
enum quire_status qi_section_tables(struct quire *q, uint64_t end, int nid);
void qi_section_extend(struct quire_memmap *m, uint64_t end);

/* The table entry of a section, its root made if there is none. NULL: no memory. hotplug: see struct qi_want. */
struct quire_section *qi_section_enter(struct quire *q, bool hotplug, uint64_t number, int nid);

/* Give a present section its descriptors at `map` (unbiased address of its first) and its usage map. Sub-sections by
 * ledger. */
void qi_section_fill(struct quire *q, uint64_t number, struct quire_section *section, uintptr_t map,
		     struct quire_usage *usage, int nid);

/* Where flags have no room for the node: the section's memory is node nid's, as far as the ledger does not object. */
void qi_section_set_node(const struct quire_memmap *m, uint64_t number, struct quire_usage *usage, int nid);

static inline quire_pfn_t qi_section_pages(const struct quire_memmap *m) { return (quire_pfn_t)1 << qi_section_shift(m); }

static inline uint64_t qi_section_map_size(const struct quire_memmap *m)
{
	return (uint64_t)1 << (qi_section_shift(m) + qi_stride_shift(m));
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
	uint32_t blocks, taken, done, node, backing, homes, words;
};
struct qi_usage_layout qi_usage_layout(const struct quire_memmap *m, uint64_t frames, bool subsections, bool backing);

struct qi_usage_layout qi_usage_layout_at(const struct quire_memmap *m, const struct qi_usage_ref *ref);

bool qi_unit_done(const struct quire_memmap *m, quire_pfn_t pfn);
void qi_subsections_set(const struct quire_memmap *m, struct quire_usage *usage, quire_pfn_t start, quire_pfn_t end);
void qi_subsections_clear(const struct quire_memmap *m, struct quire_usage *usage, quire_pfn_t start, quire_pfn_t end);
/* Sub-sections of [start, end), inside one section, that are not there; *any: some are. */
uint64_t qi_subsections_absent(const struct quire_memmap *m, const struct quire_usage *usage, quire_pfn_t start,
			       quire_pfn_t end, bool *any);
bool qi_subsection_test(const struct quire_memmap *m, const struct quire_usage *usage, quire_pfn_t pfn);

static inline uint32_t qi_bit_load(const uint32_t *words, uint64_t index)
{
	return __atomic_load_n(&words[index / 32], __ATOMIC_ACQUIRE) >> (index % 32) & 1;
}

/* --- usage.c --------------------------------------------------------------------------------------------- */

/* What was last said about sections that depend on each other: it is not said twice in a row. Zero it. */
struct qi_usage_said {
	uint64_t map, descriptor;
};

/* `size` zeroed bytes for the usage maps of a run of sections of one node, where they belong if there is room. */
enum quire_status qi_usage_take(struct quire *q, const struct quire_section_run *run, uint64_t size,
				struct qi_usage_said *said, struct qi_chunk *chunk);

/* --- window.c, flat.c ------------------------------------------------------------------------------------ */

/* Bytes of a huge mapping of the window. */
#define QI_HUGE_SIZE ((uint64_t)2 << 20)

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
/* The same, all of it being memory at `home` and none of it reserved. */
uint64_t qi_describe_units_as(struct quire *q, quire_pfn_t start, quire_pfn_t end, const struct qi_frame_home *home);

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

/*
 * Add to a counter, and have the cost sheet say so. Hotplug does not hold the lock that the others count under, and takes it
 * for a moment.
 */
void qi_account(struct quire *q, bool hotplug, uint64_t *counter, uint64_t delta);

static inline void qi_count_initialised(struct quire *q, uint64_t frames)
{
	qi_account(q, true, &q->memmap.stats.initialised, frames);
}

/* --- backing.c: backing that can be taken away singly ---------------------------------------------------- */

/* The backing word of the unit (classic models: the section) that holds pfn. The usage map must be a full one. */
uint64_t *qi_backing_of(const struct quire_memmap *m, const struct quire_section *section, quire_pfn_t pfn);

/* VMEMMAP, lock held: back the window's part for one unit. */
enum quire_status qi_back_unit(struct quire *q, const struct quire_section *section, quire_pfn_t pfn, int nid);

/*
 * VMEMMAP, hotplug: back the window for [start, end), whole sub-sections of sections that are in the table, where it is not
 * backed; from the altmap if there is one, by huge pages where it can be. The caller takes away what was done before a
 * failure.
 */
enum quire_status qi_back_range(struct quire *q, quire_pfn_t start, quire_pfn_t end, int nid, struct quire_altmap *altmap);
/* … and take it away again, as far as no sub-section that is there needs it. */
void qi_unback_range(struct quire *q, quire_pfn_t start, quire_pfn_t end, struct quire_altmap *altmap);
/* The same for what boot put behind the descriptors of a section, in any model. */
void qi_unback_boot(struct quire *q, uint64_t number);
/* Everything, when the memmap ends. */
void qi_unback_section(struct quire *q, uint64_t number);

/*
 * The entry of a section with a full usage map, and where its descriptors are to be (*map); classic models: taken. NULL:
 * no memory. hotplug: see struct qi_want; else the lock is held.
 */
struct quire_section *qi_section_room(struct quire *q, bool hotplug, uint64_t number, int nid, uintptr_t *map);

/*
 * Can demand give this backing back by itself; and take backing away, without the lock if hotplug: bytes. va: of the first
 * descriptor.
 */
bool qi_backing_is_ours(uint64_t backing);
uint64_t qi_backing_drop(struct quire *q, bool hotplug, uint64_t *backing, void *va, uint64_t size);

/* --- granule.c ------------------------------------------------------------------------------------------- */

/* Is any sub-section of [start, end) there, in sections present? */
bool qi_any_there(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end);
/* What frames may come and go by. */
quire_pfn_t qi_granule(const struct quire_memmap *m);
/* The end of pfn's section, or `end` if that is lower. */
quire_pfn_t qi_stop_in_section(const struct quire_memmap *m, quire_pfn_t pfn, quire_pfn_t end);
/* A section that has, or under LAZY would have, descriptors; else NULL. */
const struct quire_section *qi_valid_section(const struct quire_memmap *m, quire_pfn_t pfn);
/* Is all, and is any, of [start, end), inside one section with descriptors, there? */
bool qi_all_there(const struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end, bool *any);

/* --- bits.c, hotplug.c ----------------------------------------------------------------------------------- */

/* The units of [start, end), inside one usage map, are not initialised any more. Lock held. */
void qi_units_clear(struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end);
/* Can hotplug deal with [pfn, pfn + pages) at all? A multiple of `grain`, in the geometry and the window. */
enum quire_status qi_hotplug_range(const struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, quire_pfn_t grain);

/* --- home.c ---------------------------------------------------------------------------------------------- */

/*
 * Which zone's books a frame is in: what was named at run time, else as qi_frame_home() reads it from the ledger. *named:
 * which of the two; a named frame is not reserved, whatever the ledger says.
 */
#ifdef QUIRE_WITHOUT_HOTPLUG
static inline bool qi_home_of(const struct quire_memmap *m, quire_pfn_t pfn, struct qi_frame_home *home, bool *named)
{
	*named = false;
	return qi_frame_home(m->topology, m->ledger, pfn, home);
}
#else
bool qi_home_of(const struct quire_memmap *m, quire_pfn_t pfn, struct qi_frame_home *home, bool *named);
#endif

/* [start, end), whole units, belongs to `zone` from now on; NULL: nothing is named any more. Sections without homes stay. */
void qi_homes_set(struct quire_memmap *m, quire_pfn_t start, quire_pfn_t end, const struct quire_zone *zone);

/* --- demand.c -------------------------------------------------------------------------------------------- */

/* LAZY: a section from boot that has no descriptors now, and gets them when they are needed (lookup.c). */
bool qi_is_untouched(const struct quire_memmap *m, uint64_t number);

/* LAZY, lock held: bring a section from boot into the table, if it is not there. */
enum quire_status qi_enter_boot_section(struct quire *q, uint64_t number, int nid);

/* LAZY keeps sections from boot out of the table until they are touched; hotplug wants them in it. QUIRE_ENOMEM. */
enum quire_status qi_enter_touched(struct quire *q, quire_pfn_t pfn, quire_pfn_t end);

/* Undo what chunk records do not know: LAZY units and hot-added memory. */
void qi_demand_undo(struct quire *q);

#endif
