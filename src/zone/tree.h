/*
 * The free tree: which frames of a zone are free, found, split and merged without page descriptors.
 *
 * Three levels of nodes with 512 children each, aligned in absolute frame numbers: a leaf has 512 frames (orders
 * 0-8), a level-1 node 512 leaves (orders 9-17), a level-2 node 512 of those (orders 18-26). A child that is wholly
 * free is one bit in its parent and needs no node; nodes come into being, some at a time, when something inside is
 * first taken. So handing over a zone costs a few nodes per range, whatever the size of the range. Level-2 nodes exist
 * where there is memory; a directory, one pointer per level-2 node, says where.
 *
 * Every unit (a frame at level 0, a leaf at level 1, ...) is in exactly one state:
 *
 *	free	map		free as a whole
 *	head	mark		first unit of an allocated block
 *	broken	broken		levels 1, 2: its child node says more
 *	held	held		level 1: free as a whole, but isolated: nobody gets it
 *	absent	absent		was never handed over: a hole, a reservation, beyond the zone
 *	inner	none of these	another unit of an allocated block
 *
 * So a free frame is one bit at one level, and a block's order can be read back from the bits: a free of a frame that
 * is free already, that never was the allocator's, or with an order it was not allocated with is always refused. (The
 * marks cost 128 of a node's 256 bytes; a plain free map cannot tell a reserved frame from an allocated one.)
 *
 * Migratetypes. A broken leaf has one; a wholly free pageblock has none and goes to whoever breaks it first (it
 * counts as MOVABLE). CMA, HIGHATOMIC and ISOLATE are "special": such a leaf does not become free for all when it is
 * wholly free: a CMA or HIGHATOMIC one stays broken, an isolated one is held. ISOLATE covers the type a pageblock has and
 * gives it back. A pageblock of more than 512 frames (order 10 ... 17) is a group of leaves that have the same type;
 * below order 9 the unit of typing is still the leaf.
 *
 * Locking: none here. The zone's lock is held around every call but qi_tree_might_have(), the vouching ones and
 * qi_tree_fetch_words(). Those may also run while the tree is extended: nodes never move, and a directory that was
 * replaced stays readable as long as the tree lives.
 */
#ifndef QI_ZONE_TREE_H
#define QI_ZONE_TREE_H

#include <quire/types.h>

#include "base/lock.h"

#define QI_FAN_SHIFT 9u
#define QI_FAN (1u << QI_FAN_SHIFT)		/* children of a node */
#define QI_WORDS (QI_FAN / 64)
#define QI_CHUNK 64u				/* leaves allocated together: the children of one map word */
#define QI_MID_CHUNK 8u				/* level-1 nodes allocated together */
#define QI_LEVELS 3u
#define QI_CLASSES 10u				/* largest free order inside, in units: 0 .. 9 = wholly free */
#define QI_CLASS_NONE 15u			/* nothing free as a unit: on no list */

/* A leaf, and the first part of the others. Each block of 64 bytes is one cache line. */
struct qi_node {
	uint64_t map[QI_WORDS];			/* 1: unit is free */
	uint64_t has;				/* a byte per map word; bit k: a free block of order k lies in it */
	struct qi_node *prev, *next;		/* list of its class */
	quire_pfn_t pfn;			/* first frame */
	uint8_t level;
	uint8_t class;				/* largest free order, or QI_CLASS_NONE */
	uint8_t type;				/* leaf: enum quire_migratetype */
	uint8_t fresh;				/* leaf: leaf_break is still to be called before something is taken */
	uint8_t room[64 - 28 - 2 * sizeof(void *)];
	uint64_t carved;			/* upper, bit w: child[w] or mids[w] lies in frames of the zone, not meta_alloc's */
	uint64_t mark[QI_WORDS];		/* 1: first unit of an allocated block */
	uint64_t absent[QI_WORDS];		/* 1: not ours */
};
_Static_assert(sizeof(struct qi_node) == 256, "a leaf is four cache lines");

/* A node of level 1 or 2. */
struct qi_upper {
	struct qi_node node;
	uint64_t broken[QI_WORDS];		/* 1: the child node is in use */
	uint64_t special[QI_WORDS];		/* level 1: child's type is special; 2: types are in its node */
	uint64_t held[QI_WORDS];		/* level 1; 1: child is free as a whole and isolated */
	uint64_t touched[QI_WORDS];		/* 1: leaf_break was called for all of the child */
	struct qi_node *child[QI_WORDS];	/* level 1: QI_CHUNK leaves each, or NULL */
	uint8_t types[QI_FAN / 2];		/* four bits per child that is not free: its migratetype, isolated or not */
} __attribute__((aligned(64)));

/* A node of level 2. Pointers to it are to `upper`. */
struct qi_top {
	struct qi_upper *mids[QI_FAN / QI_MID_CHUNK];	/* QI_MID_CHUNK children each, or NULL */
	struct qi_upper upper;
} __attribute__((aligned(64)));

/* As much of a level-2 node as is looked at where there is none: all absent. Never written to. */
struct qi_absent_top {
	struct qi_upper *mids[QI_FAN / QI_MID_CHUNK];
	struct qi_node node;
	uint64_t broken[QI_WORDS], special[QI_WORDS];
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct qi_top, upper.node) == offsetof(struct qi_absent_top, node) &&
	       offsetof(struct qi_top, upper.special) == offsetof(struct qi_absent_top, special), "begins as one");

/*
 * Nodes by number: at[i] is number first + i. Never changed in extent: a larger one takes its place, and this is kept for
 * readers that still have it. Each is at most half of the next, so all of them are less than twice the last.
 */
struct qi_directory {
	struct qi_directory *older;
	uint64_t first, count;
	void *at[];
};

/* What the tree needs from its owner. `ctx` is qi_tree_config.hook_ctx. */
struct qi_tree_hooks {
	/* `bytes` of zeroed memory, 64-byte aligned; NULL: none. Required. Must not call back into the tree. */
	void *(*meta_alloc)(void *ctx, size_t bytes);
	void (*meta_free)(void *ctx, void *address, size_t bytes);
	/*
	 * Optional: the address of `frames` frames from pfn on, to hold nodes when meta_alloc has nothing: they are
	 * then paid from the memory being split and stay taken. NULL return: not addressable.
	 */
	void *(*frame_address)(void *ctx, quire_pfn_t pfn, uint64_t frames);
	/*
	 * Optional: frames [pfn, pfn + frames), whole leaves, are about to be taken from for the first time (their
	 * descriptors come into being here). May be called again for a leaf it has seen when a block above 1 GiB is
	 * taken. A failure makes the request fail or go elsewhere; nothing is taken.
	 */
	enum quire_status (*leaf_break)(void *ctx, quire_pfn_t pfn, uint64_t frames);
	/*
	 * Optional: called before a search while tree->hungry is set, when nothing is half done: it may take blocks from this
	 * tree for what leaf_break needs, and clears hungry, or leaves it set to be called again.
	 */
	void (*replenish)(void *ctx, unsigned order);
};

struct qi_tree_config {
	quire_pfn_t start_pfn;			/* the tree's range: span frames from here, at most 2^41 */
	uint64_t span;
	unsigned max_order;			/* larger free blocks count as several of this order; <= 26 */
	unsigned pageblock_order;		/* <= 17 */
	unsigned page_shift;			/* only for frame_address */
	const struct qi_tree_hooks *hooks;	/* kept by reference */
	void *hook_ctx;
};

/* Nodes with something free, by class. mask: bit c set if head[c] is not NULL. */
struct qi_node_lists {
	struct qi_node *head[QI_CLASSES];
};

struct qi_tree {
	/* Read without the lock to see that a request cannot be met: one cache line. */
	uint16_t leaf_mask[QUIRE_MIGRATE_TYPES];	/* non-empty classes of leaves of each type */
	uint16_t upper_mask[QI_LEVELS - 1];		/* ... of level-1, level-2 nodes */
	bool hungry;					/* call replenish before the next search */
	uint64_t free_pages;				/* all types */
	uint64_t free_special[QUIRE_MIGRATE_TYPES];	/* of those, in HIGHATOMIC, CMA, ISOLATE pageblocks */
	uint64_t loose;					/* of those, in pageblocks that are not free as a whole */

	quire_pfn_t start_pfn, end_pfn;
	/*
	 * Where the directories' entries of number 0 would be, as addresses: all level-1 nodes by pfn >> 18 (NULL: none yet), or
	 * 0: too many, go by the level-2 nodes; those by pfn >> 27 (where there is no memory: the one that all such share).
	 */
	uintptr_t flat, tops;
	struct qi_directory *flat_directory, *tops_directory;
	struct qi_node_lists leaves[QUIRE_MIGRATE_TYPES];
	struct qi_node_lists uppers[QI_LEVELS - 1];
	struct qi_tree_config config;
	uint64_t meta_bytes;				/* what meta_alloc gave */
	uint64_t meta_frames;				/* frames of the zone that hold nodes */
	uint64_t handed_over;				/* frames added and not removed */
	uint64_t fallbacks, steals;			/* requests served from another type; leaves retyped */
	uint64_t shuffle;				/* not 0: whole pageblocks are taken in random order; the generator's state */
};

/* Some of 64 neighbouring blocks: blocks word * 64 + i for each bit i of mask. */
struct qi_word_entry {
	uint64_t word, mask;
};

/* Flags of an allocation. */
#define QI_TREE_CMA		0x1u	/* a MOVABLE request may use CMA blocks */
#define QI_TREE_HIGHATOMIC	0x2u	/* may use the HIGHATOMIC reserve, first */
#define QI_TREE_NOFRAGMENT	0x4u	/* do not take from another type's broken pageblock */

/*
 * An empty tree for the range: nothing is handed over. *tree need not be initialised before. QUIRE_EINVAL (empty or
 * wrapping range, orders out of range, no hooks), QUIRE_ERANGE (more than 2^41 frames), QUIRE_ENOMEM.
 */
enum quire_status qi_tree_init(struct qi_tree *tree, const struct qi_tree_config *config);
/* Give all nodes back. A zeroed tree is fine. */
void qi_tree_destroy(struct qi_tree *tree);

/* What qi_tree_init allocates: it depends on the span only, 16 bytes per GiB up to 512 GiB and 8 per 512 GiB beyond. */
size_t qi_tree_fixed_bytes(quire_pfn_t start_pfn, uint64_t span);

/*
 * Widen the tree's range so that frames [start, start + span) lie in it; they and what is between are absent. It never
 * shrinks. Readers without the lock need not be kept out. Amortised O(1): a directory that is too small is replaced by
 * one of twice the size. QUIRE_EINVAL (empty, wraps), QUIRE_ERANGE (more than 2^41 frames in all), QUIRE_ENOMEM; then
 * nothing changed.
 */
enum quire_status qi_tree_extend(struct qi_tree *tree, quire_pfn_t start, uint64_t span);

/*
 * Hand over frames [pfn, pfn + count): boot and hot-add. They must be absent so far. QUIRE_ERANGE: outside the tree;
 * QUIRE_EEXIST: some of them were handed over before; QUIRE_ENOMEM. On failure nothing changed (nodes may have been
 * allocated).
 */
enum quire_status qi_tree_add_free(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count);
/*
 * Bytes that are at most asked of meta_alloc: by qi_tree_extend; by qi_tree_add_free or qi_tree_remove_free, and by
 * isolating in `isolate` too. For owners that must have them ready before.
 */
size_t qi_tree_extend_bytes(const struct qi_tree *tree, quire_pfn_t start, uint64_t span);
size_t qi_tree_range_bytes(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t count, bool isolate);

/*
 * The opposite: frames [pfn, pfn + count), all of them free, isolated or not, become absent; what was known of them
 * (types, that leaf_break was called) is forgotten. O(pageblocks / 64) where pageblocks are free as a whole. QUIRE_ERANGE;
 * QUIRE_EBUSY: some are allocated (or kept by a CPU); QUIRE_ENOENT: some are absent; QUIRE_ENOMEM: for part of a block
 * that is free as a whole. Whatever the failure, nothing changed.
 */
enum quire_status qi_tree_remove_free(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count);

/* Was any of these frames handed over? Not while somebody else changes the tree: qi_zone_any_free() has the lock. */
bool qi_tree_any_ours(const struct qi_tree *tree, quire_pfn_t pfn, uint64_t count);

/*
 * Take a naturally aligned block of 2^order frames, order <= 26, for a migratetype < QUIRE_MIGRATE_PCPTYPES, or CMA or
 * HIGHATOMIC to take from such blocks only. QUIRE_ENOMEM: no such block (or no memory for nodes); QUIRE_EINVAL.
 */
enum quire_status qi_tree_alloc(struct qi_tree *tree, unsigned order, unsigned type, unsigned flags, quire_pfn_t *pfn);

/*
 * Take up to `limit` blocks of order 0 or 9 that are neighbours in one word of a map: *word = number of the first of
 * 64 blocks, divided by 64, *mask = which of them. Each counts as a block of its own. A per-CPU front's refill.
 */
enum quire_status qi_tree_alloc_word(struct qi_tree *tree, unsigned order, unsigned type, unsigned flags, unsigned limit,
				     uint64_t *word, uint64_t *mask);

/*
 * The same for order 0 and whole words of one pageblock: words[0 ..] until they hold `enough` frames or there are `most` of
 * them, or the pageblock has no more. Returns how many; 0: nothing to be had.
 */
unsigned qi_tree_alloc_words(struct qi_tree *tree, unsigned type, unsigned flags, unsigned enough,
			     struct qi_word_entry *words, unsigned most);

/*
 * Give back a block. Refused, with everything as it was: QUIRE_EEXIST (some of it is free already), QUIRE_EINVAL (not
 * aligned, or not allocated with this order), QUIRE_ENOENT (never handed over), QUIRE_ERANGE (outside the tree).
 */
enum quire_status qi_tree_free(struct qi_tree *tree, quire_pfn_t pfn, unsigned order);

/* Give back blocks `mask` of group `word`, of order 0 or 9. All or none, statuses as qi_tree_free. */
enum quire_status qi_tree_free_word(struct qi_tree *tree, unsigned order, uint64_t word, uint64_t mask);

/*
 * The same for n words of order 0 whose leaves were looked up before, without the lock, and are being fetched meanwhile.
 * Returns how many were taken back: if less than n, the word after those was refused.
 */
void qi_tree_fetch_words(const struct qi_tree *tree, const struct qi_word_entry *entries, struct qi_node **leaves,
			 unsigned n);
unsigned qi_tree_free_words(struct qi_tree *tree, const struct qi_word_entry *entries, struct qi_node *const *leaves,
			    unsigned n);

/*
 * What state the frame is in, as a status: QUIRE_OK allocated (*order: of its block, *head: its first frame), EEXIST
 * free, ENOENT, ERANGE.
 */
enum quire_status qi_tree_lookup(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t *head, unsigned *order);

/* The pageblock's type: as stored, MOVABLE if wholly free without one. QUIRE_MIGRATE_TYPES if nothing of it is ours. */
unsigned qi_tree_type(const struct qi_tree *tree, quire_pfn_t pfn);

/*
 * Give the pageblock at pfn a type; free and allocated frames in it follow at once. O(leaves of a pageblock).
 * QUIRE_ENOENT if nothing of it is ours, QUIRE_ENOMEM if a node is needed and cannot be had, QUIRE_EINVAL.
 */
enum quire_status qi_tree_set_type(struct qi_tree *tree, quire_pfn_t pfn, unsigned type);
/*
 * Isolate: free frames of the pageblock can no longer be taken, nor those that become free in it. It costs the same
 * whatever the frames in it, and no descriptors (leaf_break). QUIRE_EBUSY if it is isolated already.
 */
enum quire_status qi_tree_isolate(struct qi_tree *tree, quire_pfn_t pfn);
/*
 * Undo it, with the type the block shall have; QUIRE_MIGRATE_TYPES: the one it had. If it is wholly free and the type is
 * not special it has none then, and merges with its neighbours. QUIRE_ENOENT if it is not isolated.
 */
enum quire_status qi_tree_unisolate(struct qi_tree *tree, quire_pfn_t pfn, unsigned type);
/*
 * All pageblocks that have frames in [pfn, pfn + count). All or nothing: QUIRE_EBUSY if any is isolated already;
 * QUIRE_ENOENT if none has a frame of ours (those that have none are passed over), QUIRE_ENOMEM.
 */
enum quire_status qi_tree_isolate_range(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count);
/* Frames from pfn on that lie in pageblocks that are free as a whole and not isolated; as far as one level-1 node tells. */
uint64_t qi_tree_free_run(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end);
/* Those of the range that are isolated get back the types they had. Cannot fail. */
void qi_tree_unisolate_range(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count);

/* Free frames now: all; and those outside ISOLATE pageblocks (NR_FREE_PAGES). */
static inline uint64_t qi_tree_free_pages(const struct qi_tree *tree)
{
	return qi_peek(&tree->free_pages) - qi_peek(&tree->free_special[QUIRE_MIGRATE_ISOLATE]);
}

/*
 * Exact numbers of free blocks: maximal naturally aligned free blocks of at most max_order, by order and type, added
 * to *counts. Blocks of pageblocks without a type count as MOVABLE. A walk over the broken nodes.
 */
typedef uint64_t qi_tree_counts_t[QUIRE_MIGRATE_TYPES][QUIRE_MAX_ORDERS];
void qi_tree_counts(const struct qi_tree *tree, qi_tree_counts_t counts);

/* Pageblocks that have at least one frame of ours, by type, added to *counts. */
void qi_tree_pageblocks(const struct qi_tree *tree, uint64_t counts[QUIRE_MIGRATE_TYPES]);

/* How many of frames [pfn, end) are free (isolated or not), allocated (or kept by a CPU), absent. */
struct qi_tree_range_counts {
	uint64_t free, allocated, absent;
};
struct qi_tree_range_counts qi_tree_count_range(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end);

/*
 * Allocated blocks of which a frame lies in [pfn, end), in rising order: the first may begin before pfn. Runs of free and
 * absent frames are skipped by words. Stops when visit returns false. To go on after a block, begin at its end. What a CPU
 * keeps counts as allocated, as blocks it was taken in.
 */
void qi_tree_walk_allocated(const struct qi_tree *tree, quire_pfn_t pfn, quire_pfn_t end,
			    bool (*visit)(void *ctx, quire_pfn_t head, unsigned order), void *ctx);

/* Maximal runs of free frames, in rising order. Stops when visit returns false. */
void qi_tree_walk_free(const struct qi_tree *tree, bool (*visit)(void *ctx, quire_pfn_t pfn, uint64_t count), void *ctx);

/*
 * Without the lock, and so only a hint: false if a request of this order for this type would surely fail now.
 */
bool qi_tree_might_have(const struct qi_tree *tree, unsigned order, unsigned type, unsigned flags);

/* All invariants. QUIRE_ECORRUPT, and *what a sentence, if one is broken. */
enum quire_status qi_check_tree(const struct qi_tree *tree, const char **what);

#endif
