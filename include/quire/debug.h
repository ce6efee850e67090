/*
 * Finding mistakes in the use of memory: what debug_options.h switched on reports here and in the log.
 *
 *	page_poison	a byte pattern (0xaa) in free frames. Who writes to a frame after giving it back is found when it
 *			is handed out next: the log says which bytes changed, that it was a single bit (bad memory rather
 *			than a bad program), and with page_owner who gave the frame back. The frame is handed out all the
 *			same.
 *	page_owner	72 bytes per frame. Every block's story: taken when, by whom, from where, with which flags; given
 *			back when, by whom, from where. A refused free names both.
 *	guards		neighbours of small blocks that nobody has: with debug_pagealloc what runs over the end of a block
 *			is found as poison that changed, or at once as a fault.
 *	faults		requests that fail although there is memory, to see what callers do then.
 *
 * With poison, owner or guards each request goes to the zone's tree, not to the CPU's front, so that every free is judged
 * at once and exactly. A double free, a wrong order, a frame that is reserved or nobody's is refused always, with all
 * of this off too (page_alloc.h); then one that a CPU still keeps may be told late.
 *
 * `site` is the address the engine was called from; `by` is what the platform's `caller` says (a process, a
 * subsystem), 0 without it. Times are platform now_ns.
 *
 * Reading: from any CPU at any time, without locks; what other CPUs change meanwhile may be seen half changed.
 */
#ifndef QUIRE_DEBUG_H
#define QUIRE_DEBUG_H

#include <quire/debug_options.h>
#include <quire/page_alloc.h>

struct quire;
struct quire_report_sink;

/* Free frames are filled with this. */
#define QUIRE_POISON_BYTE 0xaau

/* Something that was done to a block. All zero: never, as far as is known. */
struct quire_frame_event {
	uint64_t ns;
	uint64_t site;
	uint64_t by;
	uint32_t cpu;
	bool known;
};

/* A block's story. */
struct quire_page_story {
	/* In somebody's hands. False: given back, `freed` says by whom. */
	bool held;
	/* First frame and order of the block, as it was taken, split or given back last. */
	quire_pfn_t head;
	unsigned order;
	/* The request's. */
	quire_gfp_t gfp;
	struct quire_frame_event taken, freed;
};

/*
 * The story of the block that has this frame, or had it last. QUIRE_ENOENT: page_owner is off, or nobody ever took
 * the frame since boot.
 */
enum quire_status quire_page_story(const struct quire *q, quire_pfn_t pfn, struct quire_page_story *story);

/* All blocks in somebody's hands, in rising order, until `visit` returns false. */
void quire_for_each_held(const struct quire *q, bool (*visit)(void *ctx, const struct quire_page_story *story), void *ctx);

/* Blocks with one site and one owner. */
struct quire_holder {
	uint64_t site, by;
	uint64_t blocks, pages;
	/* When the oldest and the newest of them were taken, and one of them: the oldest. */
	uint64_t oldest_ns, newest_ns;
	quire_pfn_t example;
};

/*
 * Group what is held by site and owner, those with most pages first. Blocks taken before since_ns only (UINT64_MAX: all;
 * a moment some time ago: what looks like a leak). Returns how many groups were filled, at most `room`. What belongs to
 * further ones is summed up in *rest (may be NULL); then the groups are complete, but not surely the largest.
 */
size_t quire_group_holders(const struct quire *q, uint64_t since_ns, struct quire_holder *groups, size_t room,
			   struct quire_holder *rest);

/* What was found and done so far. */
struct quire_debug_counts {
	/* Poison that had changed, in frames; of those, in a single bit. */
	uint64_t corrupted, single_bit;
	/* Requests that were made to fail. */
	uint64_t injected;
	/* Guard frames now. */
	uint64_t guards;
	/* The last corrupted frame: offsets of the first and the last byte that changed, how many, and the first few. */
	quire_pfn_t pfn;
	unsigned first, last, changed;
	uint8_t found[16];
};
/* All zero where nothing is on. */
void quire_debug_counts(const struct quire *q, struct quire_debug_counts *counts);

/*
 * Other faults from now on, whatever was on at boot; other CPUs may be asking meanwhile, and see it soon. The first ones
 * of a machine that had nothing of debugging on take a little metadata, and its requests then take the longer road for good,
 * probability 0 or not. One caller at a time. QUIRE_EINVAL: more than 100 percent, or the allocator is not open yet;
 * QUIRE_ENOMEM: no metadata, nothing has changed.
 */
enum quire_status quire_debug_set_faults(struct quire *q, const struct quire_fault_options *faults);

/*
 * Texts. page_owner: the field's, a paragraph per block held. holders: a table of who holds how much, at most 64 groups;
 * story: the end of a sentence about a frame, "; block ... taken ..., given back ...", nothing if there is none to tell.
 */
void quire_report_page_owner(const struct quire *q, const struct quire_report_sink *sink);
void quire_report_holders(const struct quire *q, uint64_t since_ns, const struct quire_report_sink *sink);
void quire_report_story(const struct quire *q, quire_pfn_t pfn, const struct quire_report_sink *sink);

#endif
