/*
 * The memmap: page descriptors, where they live, and when they come into being.
 *
 * Five memory models answer one question, "where is the descriptor of frame pfn", behind one set of functions. Which
 * one is used is quire_config.model, or a constant with -DQUIRE_PIN_MODEL; answers do not depend on it.
 *
 *	FLATMEM			one array from the first frame to the last, holes included
 *	DISCONTIGMEM		one array per node, holes inside a node included
 *	SPARSEMEM		an array per section, found through a static table of all sections the geometry can hold
 *	SPARSEMEM_EXTREME	the same, the table in two levels, second-level pages ("roots") on demand
 *	SPARSEMEM_VMEMMAP	descriptors of all frames in one window of virtual addresses, backed section by section
 *
 * When descriptors are written is quire_config.init: EAGER at boot; DEFERRED a first part at boot and the rest by
 * workers; LAZY when a frame near it is first taken. The content of a descriptor depends on the ledger and the zones
 * alone, never on when it is written, so all three end with the same memory.
 *
 * What one descriptor is made of is page.h; what can be known without any, memmap_plan.h.
 *
 * Life of a section:	absent -> present (memory in it is known) -> valid (has descriptors) -> online <-> offline
 *			-> absent.
 * Life of a descriptor:	none -> initialised (free: no references; or RESERVED) <-> owned (references >= 1).
 *
 * Locking: lookups (pfn_to_page, page_to_pfn, pfn_valid, accessors) may run on any CPU at any time for frames the
 * caller holds or whose section cannot go away. quire_memmap_prepare() and quire_memmap_trim() lock for themselves.
 * Everything else here is boot and hotplug: one caller at a time.
 */
#ifndef QUIRE_MEMMAP_H
#define QUIRE_MEMMAP_H

#include <quire/config.h>
#include <quire/memblock.h>
#include <quire/memmap_plan.h>
#include <quire/page.h>
#include <quire/topology.h>
#include <quire/types.h>

struct quire;

/* --- the memory models -------------------------------------------------------------------------------------------- */

/* Flags of a section, in the low bits of quire_section.map. */

/* Memory in it is known. */
#define QUIRE_SECTION_PRESENT	0x01u
/* Descriptors have a place: "valid". */
#define QUIRE_SECTION_HAS_MAP	0x02u
/* Its memory may be used. */
#define QUIRE_SECTION_ONLINE	0x04u
/* From boot: valid as a whole, hole or not. */
#define QUIRE_SECTION_EARLY	0x08u
/* Its descriptors have the backing boot gave them. */
#define QUIRE_SECTION_BOOT	0x10u
/* Node and zone of some of its frames were named at run time: the ledger is not asked. */
#define QUIRE_SECTION_ZONED	0x20u
/* All of them. */
#define QUIRE_SECTION_FLAGS	0x3fu

struct quire_usage;

/* One section. */
struct quire_section {
	/*
	 * The address the descriptor of the machine's frame 0 would have in this section's array (biased, so that the
	 * full pfn is added), with QUIRE_SECTION_* in the low bits; zero: absent. Published last: a valid section has
	 * everything.
	 */
	uintptr_t map;
	/* Sub-sections, pageblock flags, what is initialised. */
	struct quire_usage *usage;
};

/* An array of descriptors over [start, end): FLATMEM has one, DISCONTIGMEM one per node with memory. */
struct quire_flat_map {
	quire_pfn_t start, end;
	/* Biased: map + pfn * stride is the descriptor of pfn. */
	uintptr_t map;
	struct quire_usage *usage;
	/* DISCONTIGMEM: whose array it is. */
	int nid;
};

/*
 * Where frames for descriptors come from once memblock is closed. For descriptors on demand called with the memmap's
 * lock held, and possibly a zone's: neither may allocate in the ordinary way.
 */
struct quire_frame_source {
	/*
	 * 1 << order frames, aligned to that, for node nid (or QUIRE_NO_NODE), contents anything. QUIRE_ENOMEM: none
	 * now.
	 */
	enum quire_status (*take)(void *ctx, int nid, unsigned order, quire_pfn_t *pfn);
	/* Back with what take gave. Cannot refuse. */
	void (*give)(void *ctx, quire_pfn_t pfn, unsigned order);
	/* The first argument of both. */
	void *ctx;
};

/*
 * The ordinary allocator, for hotplug: called without any lock of the engine held, may do whatever a request may. take
 * and give as of the source above.
 */
struct quire_frame_allocator {
	enum quire_status (*take)(void *ctx, int nid, unsigned order, quire_pfn_t *pfn);
	void (*give)(void *ctx, quire_pfn_t pfn, unsigned order);
	/*
	 * What take gave becomes blocks of 2^to frames, each to be given back alone. NULL: all is taken in the size in
	 * which it is given back. QUIRE_ENOMEM: it still is one block.
	 */
	enum quire_status (*split)(void *ctx, quire_pfn_t pfn, unsigned order, unsigned to);
	/* Frames that boot had set aside become the allocator's. Cannot refuse; may lose them, with a line in the log. */
	void (*release)(void *ctx, quire_pfn_t pfn, quire_pfn_t pages);
	void *ctx;
};

/* Memory taken for tables and descriptors, and the rest of the page that small tables are cut from. */
struct quire_memmap_books {
	struct qi_chunk_page *chunks;
	char *small, *small_end;
};

/* Counters for the cost sheet; exact while nothing is being initialised. */
struct quire_memmap_stats {
	/* Sections with known memory; those that have a place for descriptors; those of them not from boot. */
	uint64_t present_sections;
	uint64_t valid_sections;
	uint64_t hot_sections;
	/* Descriptors written and not given back; those of them written in QUIRE_STAGE_DESCRIPTORS. */
	uint64_t initialised;
	uint64_t initialised_early;
	/* Bytes of the section table, roots and node table; of usage maps. */
	uint64_t table_bytes;
	uint64_t usage_bytes;
	/* Bytes that back descriptors: frames or host memory; those of them on another node than what they describe. */
	uint64_t descriptor_bytes;
	uint64_t offnode_bytes;
	/* Mappings of the window, by size: 2 MiB, base page. */
	uint64_t huge_mappings, base_mappings;
};

/*
 * Ranges given back late (an initrd, boot-time code) that LAZY remembers; of further ones it writes the descriptors at
 * once.
 */
#define QUIRE_MEMMAP_RELEASED 32u

/*
 * Everything the memmap knows. Part of struct quire; read it, do not write it. `map` is the bias of FLATMEM and the
 * window's first byte of VMEMMAP.
 *
 * struct quire_usage is an array of 32-bit words of which these offsets name the parts: sub-section bits (sparse
 * models), four bits per pageblock, and per "unit" (the frames whose descriptors fill whole pages, at least a
 * pageblock) two bits, taken for initialisation and initialised; a word for the section's node where flags have no room
 * for it (0xffff: several nodes share it, ask the ledger). Maps of sections that come and go, and all under LAZY, are
 * longer: they also say where each unit's backing is, and the node and zone it was given at run time.
 */
struct quire_memmap {
	/* From the configuration. */
	enum quire_model model;
	enum quire_init_policy init;
	/* populate has succeeded. */
	bool ready;
	/*
	 * Room for all descriptors is found at boot: not under LAZY, but for classic models whose array for one section
	 * is larger than what can be had on demand.
	 */
	bool boot_room;
	/* log2 of bytes per descriptor, and per base page. */
	uint8_t stride_shift;
	uint8_t page_shift;
	/* log2 of frames per section, of sections per root. */
	uint8_t section_pfn_shift;
	uint8_t root_shift;
	/* log2 of frames per pageblock, per unit, and (DISCONTIGMEM) per chunk. */
	uint8_t block_shift;
	uint8_t unit_shift;
	uint8_t chunk_shift;
	/* Whatever frame was ever taken from an allocator's tree has its descriptor: none was trimmed away. */
	bool complete;
	uintptr_t map;
	/* Of our own descriptors. */
	struct quire_page_layout layout;
	/* What it describes: the topology and ledger of its struct quire. */
	const struct quire_topology *topology;
	const struct quire_memblock *ledger;

	/* --- sparse models; sections from section_end on are not in the tables, which are not even zeroed there --- */

	/* SPARSEMEM: by section number. */
	struct quire_section *table;
	/* EXTREME and VMEMMAP: pages of sections, NULL where there is none. */
	struct quire_section **roots;
	/* Highest present section + 1. */
	uintptr_t section_end;
	/* What the geometry can hold. */
	uint64_t section_limit;
	/* Present at boot, ascending; LAZY enters them in the table when needed. */
	struct quire_section_run *runs;
	size_t run_count;

	/* --- FLATMEM and DISCONTIGMEM --- */

	struct quire_flat_map *flat;
	size_t flat_count;
	/* DISCONTIGMEM: chunk -> index into flat, 0xffff: none. */
	uint16_t *chunk_flat;
	uint64_t chunk_count;

	/* --- usage maps: word offsets of their parts, and words without and with the backing part --- */

	uint32_t usage_blocks, usage_taken, usage_done, usage_node, usage_backing, usage_homes;
	uint32_t usage_words, usage_full_words;

	/* --- memory for all of this --- */

	/* Held by prepare (LAZY only) and trim, and for a moment by hotplug. */
	uint32_t lock;
	/* See quire_memmap_set_source() and quire_memmap_set_allocator(). */
	struct quire_frame_source source;
	struct quire_frame_allocator allocator;
	struct quire_memmap_stats stats;
	/* Some section was added, or given a zone, after boot. */
	bool was_hot;
	/* Under LAZY: given back late, reserved in the ledger all the same. The lock is held for changes. */
	struct quire_pfn_range released[QUIRE_MEMMAP_RELEASED];
	unsigned released_count;
	/* Records of all memory taken, for giving it back: by boot and on demand; by hotplug. */
	struct quire_memmap_books books, hot_books;
};

/* --- boot: called by quire_boot(), not by embedders --------------------------------------------------------------- */

/*
 * Boot stages, called by quire_boot() in this order. A stage that fails gives back all it took, says why through the
 * platform's log, and leaves ledger, topology and memmap as they were.
 *
 * present:	choose and check the model, enter present sections. QUIRE_EUNSUPPORTED: the model cannot describe this
 *		machine or the platform cannot carry it; QUIRE_ERANGE: memory beyond the geometry; QUIRE_ENOMEM.
 * populate:	usage maps and room for descriptors (LAZY: only what every lookup needs). QUIRE_ENOMEM; a node whose
 *		memory cannot hold its descriptors borrows from another.
 * init:	the policy's early part (EAGER all, LAZY nothing), nodes[]->first_deferred_pfn, zones'
 *		unavailable_pages.
 * init_late:	DEFERRED: all the rest, by platform->run_parallel over quire_config.workers workers; no-op otherwise.
 *		The allocator may be in use meanwhile: what it needs earlier, quire_memmap_prepare() brings forward.
 * fini:	give everything back, from any stage; afterwards the memmap is as before present.
 */
enum quire_status qi_memmap_present(struct quire *q);
enum quire_status qi_memmap_populate(struct quire *q);
enum quire_status qi_memmap_init(struct quire *q);
enum quire_status qi_memmap_init_late(struct quire *q);
void qi_memmap_fini(struct quire *q);

/*
 * Descriptors whose frames the ledger has reserved since they were written become RESERVED: called by hand-over when
 * nothing will be taken from the ledger any more. Cost: the reserved frames.
 */
void qi_memmap_mark_reserved(struct quire *q);

/*
 * After hand-over: where LAZY descriptors' frames come from (hand-over sets a stock per node, filled from the zones).
 * Before, and with meta_alloc, the source is not asked. take must not come back to quire_memmap_prepare(): frames of
 * the engine's own need no descriptor. *source is copied, what its ctx points to must live as long as the memmap.
 */
void quire_memmap_set_source(struct quire *q, const struct quire_frame_source *source);
/* After hand-over, set by it: where hotplug takes frames. Copied likewise. Not asked with meta_alloc. */
void quire_memmap_set_allocator(struct quire *q, const struct quire_frame_allocator *allocator);

/* --- lookups ------------------------------------------------------------------------------------------------------ */

/* Model, init policy and geometry of a memmap, constants where pinned (config.h). */
#ifdef QUIRE_PIN_MODEL
#define quire_memmap_model(m) ((void)(m), (enum quire_model)QUIRE_PIN_MODEL)
#else
#define quire_memmap_model(m) ((m)->model)
#endif
#ifdef QUIRE_PIN_INIT
#define quire_memmap_policy(m) ((void)(m), (enum quire_init_policy)QUIRE_PIN_INIT)
#else
#define quire_memmap_policy(m) ((m)->init)
#endif
#ifdef QUIRE_PIN_PAGE_STRIDE
#define quire_memmap_stride_shift(m) ((void)(m), (unsigned)__builtin_ctz(QUIRE_PIN_PAGE_STRIDE))
#else
#define quire_memmap_stride_shift(m) ((unsigned)(m)->stride_shift)
#endif
#ifdef QUIRE_PIN_PAGE_SHIFT
#define quire_memmap_root_shift(m) \
	((void)(m), 63u - (unsigned)__builtin_clzll((1ull << QUIRE_PIN_PAGE_SHIFT) / sizeof(struct quire_section)))
#else
#define quire_memmap_root_shift(m) ((unsigned)(m)->root_shift)
#endif
#if defined(QUIRE_PIN_PAGE_SHIFT) && defined(QUIRE_PIN_SECTION_SHIFT)
#define quire_memmap_section_shift(m) ((void)(m), (unsigned)(QUIRE_PIN_SECTION_SHIFT - QUIRE_PIN_PAGE_SHIFT))
#else
#define quire_memmap_section_shift(m) ((unsigned)(m)->section_pfn_shift)
#endif

/*
 * The entry of a section number, or NULL: beyond the highest present section, or its root does not exist. The entry may
 * be absent (map 0), and under LAZY not yet filled. Sparse models only; any CPU, any time.
 */
static inline struct quire_section *quire_section(const struct quire_memmap *m, uint64_t number)
{
	struct quire_section *root;

	if (number >= __atomic_load_n(&m->section_end, __ATOMIC_ACQUIRE))
		return NULL;
	if (quire_memmap_model(m) == QUIRE_MODEL_SPARSEMEM)
		return &m->table[number];
	root = __atomic_load_n(&m->roots[number >> quire_memmap_root_shift(m)], __ATOMIC_ACQUIRE);
	return root ? &root[number & (((uint64_t)1 << quire_memmap_root_shift(m)) - 1)] : NULL;
}

/* DISCONTIGMEM and FLATMEM: the array that covers pfn, or NULL. Any CPU, any time. */
const struct quire_flat_map *quire_flat_map_of(const struct quire_memmap *m, quire_pfn_t pfn);

/*
 * The descriptor of a frame for which quire_pfn_valid() holds; for other frames an address that must not be used (or
 * NULL). Reading it makes sense once the frame's descriptor is initialised: the caller owns the frame, or the iterator
 * said READY.
 */
static inline struct quire_page *quire_pfn_to_page(const struct quire_memmap *m, quire_pfn_t pfn)
{
	uintptr_t offset = (uintptr_t)pfn << quire_memmap_stride_shift(m);

	switch (quire_memmap_model(m)) {
	case QUIRE_MODEL_FLATMEM:
	case QUIRE_MODEL_SPARSEMEM_VMEMMAP:
		return (struct quire_page *)(m->map + offset);
	case QUIRE_MODEL_DISCONTIGMEM: {
		const struct quire_flat_map *flat = quire_flat_map_of(m, pfn);

		return flat ? (struct quire_page *)(flat->map + offset) : NULL;
	}
	default: {
		const struct quire_section *section = quire_section(m, pfn >> quire_memmap_section_shift(m));

		return section ? (struct quire_page *)((section->map & ~(uintptr_t)QUIRE_SECTION_FLAGS) + offset) :
				 NULL;
	}
	}
}

/* The field `f` of a descriptor's flags, one of quire_memmap.layout's; 0 for a field that is not there. */
static inline uint32_t quire_page_field_get(uint32_t flags, struct quire_page_field f)
{
	return f.width ? (flags >> f.shift) & (uint32_t)((1u << f.width) - 1) : 0;
}

/* The frame of an initialised descriptor: the opposite of quire_pfn_to_page(). Any other address gives nonsense. */
static inline quire_pfn_t quire_page_to_pfn(const struct quire_memmap *m, const struct quire_page *page)
{
	uintptr_t base;

	switch (quire_memmap_model(m)) {
	case QUIRE_MODEL_FLATMEM:
	case QUIRE_MODEL_SPARSEMEM_VMEMMAP:
		base = m->map;
		break;
	case QUIRE_MODEL_DISCONTIGMEM:
		base = m->flat[quire_page_field_get(page->flags, m->layout.section)].map;
		break;
	default: {
		/* The topmost field, perhaps of no bits; and a section with descriptors is in the table. */
		uint32_t number = (uint32_t)((uint64_t)page->flags >> m->layout.section.shift);
		const struct quire_section *section =
			quire_memmap_model(m) == QUIRE_MODEL_SPARSEMEM ? &m->table[number] :
			&m->roots[number >> quire_memmap_root_shift(m)][number & ((1u << quire_memmap_root_shift(m)) - 1)];

		base = section->map & ~(uintptr_t)QUIRE_SECTION_FLAGS;
	}
	}
	return (quire_pfn_t)(((uintptr_t)page - base) >> quire_memmap_stride_shift(m));
}

/*
 * "Is there a descriptor", not "is there RAM": it may be a hole's, reserved, offline, or not yet initialised. Sections
 * from boot are valid as a whole, hot-added ones by 2 MiB sub-section. LAZY: true as soon as the section is present.
 */
bool quire_pfn_valid(const struct quire_memmap *m, quire_pfn_t pfn);
/* Some memory in the pfn's section is known (flat models: some array covers it). */
bool quire_pfn_in_present_section(const struct quire_memmap *m, quire_pfn_t pfn);
/* Its section is online and its sub-section there: contents of the descriptor mean something once initialised. */
bool quire_pfn_online(const struct quire_memmap *m, quire_pfn_t pfn);
/* The frame's descriptor has been written (and not trimmed). */
bool quire_pfn_initialised(const struct quire_memmap *m, quire_pfn_t pfn);
/* The descriptor if the frame is online and initialised, else NULL: what walkers use. */
struct quire_page *quire_pfn_to_online_page(const struct quire_memmap *m, quire_pfn_t pfn);

/*
 * Runs of frames in one state, ascending, from *cursor up to `end`; *cursor moves to the end of the run. This is how
 * one walks pfns: what has no descriptor yet is stepped over in one go, however large.
 */
enum quire_pfn_state {
	/* No section, or no sub-section of it: nothing there, unless it is hot-added. */
	QUIRE_PFN_ABSENT,
	/* Valid, section not online. */
	QUIRE_PFN_OFFLINE,
	/* Online, descriptor not initialised: memory nobody has taken yet, or a hole beside it. */
	QUIRE_PFN_UNTOUCHED,
	/* Online, descriptor may be read. */
	QUIRE_PFN_READY,
};
struct quire_pfn_run {
	/* Frames [start, end), all in `state`. */
	quire_pfn_t start, end;
	enum quire_pfn_state state;
};
/* False when *cursor has reached `end`; *run is then not written. */
bool quire_memmap_next_run(const struct quire_memmap *m, quire_pfn_t *cursor, quire_pfn_t end,
			   struct quire_pfn_run *run);

/* --- descriptor accessors ----------------------------------------------------------------------------------------- */

/* All of these are for initialised descriptors. Those that write belong to who owns the frame. */

/* The type of its zone. */
static inline enum quire_zone_type quire_page_zone(const struct quire_memmap *m, const struct quire_page *page)
{
	return (enum quire_zone_type)quire_page_field_get(page->flags, m->layout.zone);
}

/* Node of an initialised descriptor: from the flags, else from its section. */
int quire_page_nid(const struct quire_memmap *m, const struct quire_page *page);

/*
 * Zone and node as one number, equal exactly for frames of the same zone: two frames are buddies only if these are
 * equal.
 */
uint64_t quire_page_zone_id(const struct quire_memmap *m, const struct quire_page *page);

/* Test, set and clear bits QUIRE_PAGE_*. Not atomic: the frame's owner, or who holds the zone's lock. */
static inline bool quire_page_test(const struct quire_page *page, uint32_t flag) { return (page->flags & flag) != 0; }
static inline void quire_page_set(struct quire_page *page, uint32_t flag) { page->flags |= flag; }
static inline void quire_page_clear(struct quire_page *page, uint32_t flag) { page->flags &= ~flag; }

/* Order of the block this frame heads, 0 .. 31; only a head's means anything. */
static inline unsigned quire_page_order(const struct quire_page *page)
{
	return (page->state >> QUIRE_PAGE_REF_BITS) & ((1u << QUIRE_PAGE_ORDER_BITS) - 1);
}
/* Set it. Only while nobody else can take a reference. */
static inline void quire_page_set_order(struct quire_page *page, unsigned order)
{
	uint32_t mask = ((1u << QUIRE_PAGE_ORDER_BITS) - 1) << QUIRE_PAGE_REF_BITS;

	page->state = (page->state & ~mask) | ((uint32_t)order << QUIRE_PAGE_REF_BITS & mask);
}

/* References at this moment, 0 .. QUIRE_PAGE_REF_MAX; 0: free, or reserved. */
static inline uint32_t quire_page_refs(const struct quire_page *page)
{
	return __atomic_load_n(&page->state, __ATOMIC_RELAXED) & QUIRE_PAGE_REF_MAX;
}
/* Set them. Only by who just took or is about to give back the frame. */
static inline void quire_page_set_refs(struct quire_page *page, uint32_t refs)
{
	page->state = (page->state & ~QUIRE_PAGE_REF_MAX) | (refs & QUIRE_PAGE_REF_MAX);
}
/*
 * One reference more or fewer, atomically, any CPU. put returns true when the last one went: the caller then gives the
 * frame back. Without references it does nothing and returns false. Saturated counts stay.
 *
 * get is for who has a reference already, or otherwise keeps the last one from being dropped: who holds the only one may
 * count on nobody else changing it, and drops it without an atomic operation.
 */
void quire_page_get(struct quire_page *page);
bool quire_page_put(struct quire_page *page);

/* --- pageblock flags ---------------------------------------------------------------------------------------------- */

/*
 * Four bits per pageblock kept with the section: what the field calls migratetype and skip bits. 0 for absent memory,
 * and setting them there does nothing. The engine's own allocator keeps types in its trees and does not use them.
 */
unsigned quire_pageblock_flags(const struct quire_memmap *m, quire_pfn_t pfn);
void quire_pageblock_set_flags(struct quire_memmap *m, quire_pfn_t pfn, unsigned flags);

/* --- on demand ---------------------------------------------------------------------------------------------------- */

/*
 * Make sure the descriptors of [pfn, pfn + pages) are initialised: called by the allocator when a CPU takes frames from
 * a pageblock that has none, before anybody can hold one. Whole pageblocks are initialised. Cheap when all is there.
 * Locks for itself; may wait for another CPU that is writing the same ones.
 *
 * QUIRE_ENOMEM: no frame for descriptors; nothing was taken for the part that failed, and the caller must try another
 * block. QUIRE_ERANGE: no such memory, or the memmap is not populated yet.
 */
enum quire_status quire_memmap_prepare(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages);

/*
 * LAZY: give back the backing of descriptors whose frames are all free again; is_free(ctx, start, end) is asked per
 * stretch that one backing frame describes, with the memmap's lock held. Returns bytes given back, 0 under other
 * policies and flat models. The caller keeps others from allocating in the stretch meanwhile.
 */
uint64_t quire_memmap_trim(struct quire *q, bool (*is_free)(void *ctx, quire_pfn_t start, quire_pfn_t end), void *ctx);

/*
 * Mark frames [pfn, pfn + pages) reserved or no longer reserved, where their descriptors exist; others learn it from
 * the ledger when they come. Descriptors are made where the ledger will not tell: of memory that
 * quire_memmap_init_range() was called for, and after hand-over of what is reserved no longer (under LAZY only when
 * QUIRE_MEMMAP_RELEASED such ranges are remembered already). Only for frames nobody has allocated.
 *
 * QUIRE_ENOMEM: no frame for descriptors; some may have been marked.
 */
enum quire_status quire_memmap_set_reserved(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, bool reserved);

/* --- hotplug ------------------------------------------------------------------------------------------------------ */

/*
 * Memory for descriptors inside the range being added: `free` pages from base + reserve on. alloc and align count what
 * was taken (alignment loss apart); base + reserve + free and up is usable memory. The caller's; must live until the
 * memory is removed.
 */
struct quire_altmap {
	/* First frame of the range. */
	quire_pfn_t base;
	/* Frames at its start that are not to be used. */
	quire_pfn_t reserve;
	/* Frames behind them set aside for descriptors. */
	quire_pfn_t free;
	/* Of `free`: frames taken; frames lost to alignment. Zero to begin with. */
	quire_pfn_t alloc;
	quire_pfn_t align;
};

/*
 * Take `pages` frames from the altmap, aligned to the lowest set bit of their number; returns the first.
 * QUIRE_PFN_NONE, and nothing changed, if they do not fit.
 */
quire_pfn_t quire_altmap_take(struct quire_altmap *altmap, quire_pfn_t pages);

/*
 * add: give [pfn, pfn + pages) of node nid room for descriptors: valid, not online, not initialised. VMEMMAP takes
 * multiples of 2 MiB, the other sparse models whole sections. With an altmap (VMEMMAP only; NULL: none) the room is
 * taken from the range itself; several altmaps, one per part of a range, take one call each. remove: the opposite, for
 * memory from boot too, whose descriptors' frames go to the allocator (those of a huge mapping when all it describes is
 * gone); it gets the altmap that add got.
 *
 * The room is complete: making descriptors of added memory cannot fail later, under LAZY either. It lies in huge pages
 * where 2 MiB of descriptors belong to the range, and the node, or the altmap, has such a page.
 *
 * Hotplug: one caller at a time, nobody using frames of the range; all other CPUs may allocate and free. No lock of
 * the engine may be held. add comes before the range is entered in the ledger, remove before it leaves it.
 *
 * QUIRE_EUNSUPPORTED: a flat model, or an altmap where there can be none. QUIRE_EINVAL, QUIRE_ERANGE: not aligned as
 * above, beyond the geometry. add: QUIRE_EEXIST, some of it is there; QUIRE_ENOMEM, no room. remove: QUIRE_ENOENT, not
 * all of it is there; QUIRE_EBUSY, some is online; QUIRE_ENOMEM, under LAZY: a section nobody had touched could not be
 * entered. In all cases nothing changed.
 */
enum quire_status quire_memmap_add(struct quire *q, int nid, quire_pfn_t pfn, quire_pfn_t pages,
				   struct quire_altmap *altmap);
enum quire_status quire_memmap_remove(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, struct quire_altmap *altmap);

/*
 * [pfn, pfn + pages) now is memory of `zone`, all of it and none reserved, whatever the ledger says: its descriptors
 * are forgotten and written anew, at once, or under LAZY when somebody wants them. Comes when memory goes online, after
 * add and before any of it is given to the zone's tree; for device memory, which never goes online, likewise. Frames of
 * an altmap are then set aside with quire_memmap_set_reserved().
 *
 * Hotplug: as above. The zone's span may be enlarged before or after. QUIRE_EUNSUPPORTED: a flat model. QUIRE_EINVAL:
 * not whole units (at most a pageblock or, if larger, the frames whose descriptors fill a page). QUIRE_ENOENT: part of
 * it is not valid. QUIRE_ENOMEM: as remove. Nothing changed then.
 */
enum quire_status quire_memmap_init_range(struct quire *q, const struct quire_zone *zone, quire_pfn_t pfn,
					  quire_pfn_t pages);

/*
 * Set or clear "online" on whole valid sections; offline ones forget which descriptors were written, and their zones.
 * Hotplug: as above. QUIRE_EINVAL: not whole sections; QUIRE_ENOENT: one is not valid; QUIRE_EUNSUPPORTED, QUIRE_ERANGE,
 * QUIRE_ENOMEM as above. Nothing changed then.
 */
enum quire_status quire_memmap_set_online(struct quire *q, quire_pfn_t pfn, quire_pfn_t pages, bool online);

/*
 * Between hold and let nobody makes descriptors: hotplug changes the ledger, which says what they are to contain, in
 * between. Interrupts of this CPU may be off (cpu_enter); nothing of the engine may be called but the ledger. *state is
 * the caller's, for let.
 */
void quire_memmap_hold(struct quire *q, unsigned long *state);
void quire_memmap_let(struct quire *q, unsigned long state);

/* --- checking ----------------------------------------------------------------------------------------------------- */

/*
 * Round trips between frames and descriptors, flags of sections against the ledger, counters. Read-only; from
 * QUIRE_STAGE_SECTIONS on, nobody initialising meanwhile. QUIRE_ECORRUPT: the first breach was told in the log.
 */
enum quire_status quire_check_memmap(const struct quire *q);

#endif
