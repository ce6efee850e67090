/*
 * What can be known of a machine's sections and descriptors without any descriptor: by the ledger and the zones alone, and
 * so in the time their regions take. For boot, for planning and for reports; memmap.h includes this.
 *
 * Nothing here locks: the ledger and the zones must not change meanwhile.
 */
#ifndef QUIRE_MEMMAP_PLAN_H
#define QUIRE_MEMMAP_PLAN_H

#include <quire/config.h>
#include <quire/memblock.h>
#include <quire/topology.h>
#include <quire/types.h>

/* log2 of bytes per sub-section, what can be hot-added at a time: 2 MiB on every architecture. */
#define QUIRE_SUBSECTION_SHIFT 21u

/* Frames in a section: a power of two. */
static inline quire_pfn_t quire_pages_per_section(const struct quire_config *config)
{
	return (quire_pfn_t)1 << (quire_section_shift(config) - quire_page_shift(config));
}

/* Number of sections the geometry can hold. */
static inline uint64_t quire_section_limit(const struct quire_config *config)
{
	return (uint64_t)1 << (config->geometry.physmem_bits - quire_section_shift(config));
}

/* True if some page of memory (any node, any flags) lies in section number `section`. By the ledger: O(log regions). */
bool quire_section_present(const struct quire_config *config, const struct quire_memblock *mb, uint64_t section);

/*
 * A maximal run of present sections with one early node. A section that several nodes share belongs to the node with
 * the lowest memory in it. Ranges beyond physmem_bits are cut. *cursor is 0 before the first call; false when there is
 * no more.
 */
struct quire_section_run {
	/* Section numbers, [start, end). */
	uint64_t start, end;
	int nid;
};
bool quire_section_next_run(const struct quire_config *config, const struct quire_memblock *mb, uint64_t *cursor,
			    struct quire_section_run *run);

/*
 * The pieces boot walks: the parts of memory ranges that lie in a populated zone of their node, in the order in which
 * descriptors are initialised. Zero the cursor before the first call; false when there is no more.
 */
struct quire_memmap_piece {
	/* Frames, all of one zone. */
	quire_pfn_t start, end;
	int nid;
	enum quire_zone_type zone;
	/* QUIRE_MEMBLOCK_* of the memory region. */
	uint32_t flags;
};
/* The cursor; internal but for zeroing it. */
struct quire_memmap_walk {
	size_t region;
	unsigned zone;
	struct quire_pfn_range range;
	bool inside;
};
bool quire_memmap_next_piece(const struct quire_topology *t, const struct quire_memblock *mb,
			     struct quire_memmap_walk *walk, struct quire_memmap_piece *piece);

/*
 * Frames that have a descriptor and no memory, in the order and with the counts of the kernel's lines "On node %d, zone
 * %s: %d pages in unavailable ranges". A hole belongs to the memory above it, the rest of the last section to the
 * memory below. config->model FLATMEM: every hole below max_pfn; otherwise only in present sections. emit is called
 * once for each line.
 */
void quire_memmap_unavailable(const struct quire_topology *t, const struct quire_memblock *mb,
			      void (*emit)(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages), void *ctx);

/*
 * Where deferred initialisation would begin on node nid: in its last zone, at the first section border behind a
 * section's worth of it. QUIRE_PFN_NONE if nothing of it is deferred: 32-bit architectures, models without sections,
 * and nodes whose last zone is not larger than the early part.
 */
quire_pfn_t quire_memmap_deferred_split(const struct quire_topology *t, const struct quire_memblock *mb, int nid);

/*
 * The split as the workers find it: where boot left nothing free in the early part (a CMA area or a gigantic page took
 * it), the first allocation has brought more forward. QUIRE_PFN_NONE: nothing is left, the node prints no "deferred
 * pages initialised" line. `mb` as it was at hand-over.
 */
quire_pfn_t quire_memmap_deferred_at_work(const struct quire_topology *t, const struct quire_memblock *mb, int nid);

/*
 * Where the usage maps of a node's sections belong, bytes [*start, *end): the section that holds the node's descriptor
 * (struct quire_node; `descriptor` is its address). A section that can go takes nothing along then that others need,
 * but for the one that cannot go before its node does. Boot puts them elsewhere on the node, or on any, where that
 * section is full, and says which sections then depend on each other. LAZY maps come one by one, from the node.
 */
void quire_usage_map_window(const struct quire_config *config, quire_phys_t descriptor, quire_phys_t *start,
			    quire_phys_t *end);

#endif
