/*
 * A zone's allocator: the free tree, its lock, the per-CPU fronts, and where their metadata comes from.
 *
 * Metadata: from the platform's meta_alloc if it has one. Otherwise from memblock while booting: qi_zone_open()
 * takes, in one piece, what hand-over will need (it must not allocate while the free ranges are being walked);
 * afterwards from a purse that is filled before each search that might need it (purse.h), and only in kernel zones, should
 * it be empty, from the memory being split. Adding, removing and isolating happen without a search before them:
 * qi_zone_provide().
 *
 * `managed` is kept here and nowhere else: it grows with what is handed over and shrinks with what is removed. What fails
 * meanwhile leaves the tree but, as in the field, not the count.
 */
#ifndef QI_ZONE_ZONE_H
#define QI_ZONE_ZONE_H

#include <quire/quire.h>

#include "base/lock.h"
#include "zone/compact_state.h"
#include "zone/tree.h"

struct qi_front;

/*
 * What the page allocator counts, per zone and CPU; written by that CPU alone. Requests, but for the two of pages: those of
 * blocks beyond the first, so that a single frame counts once, and those given back.
 */
struct qi_zone_events {
	uint64_t allocs, more_pages, freed_pages;
	uint64_t miss, foreign, other, interleave;
};

/* A table of fronts, where one CPU after the other has its own. */
struct qi_front_table {
	struct qi_front *fronts;
	uint32_t cpus;
	size_t bytes;				/* meta_alloc's; 0: in the zone's own frames, or none */
};

struct qi_zone {
	struct qi_tree tree;			/* quire_zone.tree points here */
	struct qi_lock lock __attribute__((aligned(64)));	/* tree; inside cpu_enter only, see qi_zone_lock() */
	uint32_t cpus;				/* fronts; 0: none, everything goes to the tree */
	struct qi_front *fronts;
	struct qi_front_table old_fronts;	/* what `fronts` replaced, when CPUs came */
	uint32_t fronts_disabled;		/* how many want them empty; under the drain lock */
	const struct quire_platform *platform;	/* for messages, barrier and metadata; may be NULL */
	struct quire *q;			/* NULL: a zone on its own, without the rest of a machine */
	struct quire_zone *zone;
	bool filling;				/* the stock is being filled: descriptors follow at once */
	uint8_t *pool;				/* the purse: metadata had beforehand that is left; locked */
	size_t pool_bytes;
	size_t fronts_bytes;			/* meta_alloc's; 0: in the zone's own frames, or none */
	bool fronts_tried;
	uint64_t failing;			/* managed, but out of the tree because they, or others of their block, fail; locked */
	uint64_t bad_frees;			/* refused when a front gave them back */
	quire_pfn_t bad_pfn;			/* the last of them */
	/* Asked first about such a block, if not NULL, zone locked: true, it has been taken care of (failing frames). */
	bool (*refused)(struct qi_zone *za, quire_pfn_t pfn, unsigned order);
	struct qi_lock drain_lock;		/* one remote drain at a time */
	unsigned gather_next;			/* the CPU whose front was looked at last; under the drain lock */
	uint64_t gathered_at;			/* free pages when others' fronts were last asked for theirs */
	struct qi_zone_events events;		/* of CPUs that have no front; locked */
	uint64_t seen_fallbacks;		/* of the tree's: those that have raised the watermarks; locked */
	uint64_t highatomic_pages;		/* in pageblocks set aside; locked */
	struct qi_compact_state compact;	/* has a lock of its own */
	unsigned long irq_state;		/* qi_zone_lock()'s; locked */
};

static inline struct qi_zone *qi_zone_of_tree(struct qi_tree *tree)
{
	return QI_CONTAINER_OF(tree, struct qi_zone, tree);
}

/*
 * The zone's lock, from where interrupts may come. Where the caller is inside cpu_enter anyway, on the roads of requests and
 * frees, it is taken as it is.
 */
static inline void qi_zone_lock(struct qi_zone *za)
{
	unsigned long state = qi_lock_irqsave(za->platform, &za->lock);

	za->irq_state = state;
}

static inline void qi_zone_unlock(struct qi_zone *za)
{
	qi_unlock_irqrestore(za->platform, &za->lock, za->irq_state);
}

/*
 * Open the fronts on first use: a zone nobody allocates from does not pay for them. Without memory for them, requests
 * go to the tree.
 */
#ifdef QUIRE_WITHOUT_FRONTS
static inline void qi_zone_need_fronts(struct qi_zone *za) { (void)za; }
#else
void qi_zone_open_fronts(struct qi_zone *za);
static inline void qi_zone_need_fronts(struct qi_zone *za)
{
	if (qi_unlikely(!__atomic_load_n(&za->fronts_tried, __ATOMIC_ACQUIRE)))
		qi_zone_open_fronts(za);
}
#endif

/* The allocator of a zone; NULL before qi_zone_open. */
static inline struct qi_zone *qi_zone_of(const struct quire_zone *zone)
{
	struct qi_tree *tree = __atomic_load_n(&zone->tree, __ATOMIC_ACQUIRE);

	return tree ? qi_zone_of_tree(tree) : NULL;
}

/*
 * An empty tree over the zone's span. At boot, and later for a zone that comes to life then. A zone that loses its last
 * memory while the machine runs stays open. QUIRE_ENOMEM.
 */
enum quire_status qi_zone_open(struct quire *q, struct quire_zone *zone);
/*
 * Frames [start, start + span) come to lie in the range of the zone's tree; a zone that is not open is opened for them.
 * To be called before zone->start_pfn and spanned say so: who finds the zone by those asks the tree without a lock. CPUs
 * may be in their fronts meanwhile. Statuses of qi_tree_extend; nothing changed on failure.
 */
enum quire_status qi_zone_extend(struct quire *q, struct quire_zone *zone, quire_pfn_t start, uint64_t span);
/* Give everything back, at the end of the machine; fine for a zone that is not open. */
void qi_zone_close(struct quire *q, struct quire_zone *zone);

/*
 * Frames [pfn, pfn + count) become free and managed. Once the allocator runs, qi_zone_provide() first. QUIRE_EEXIST if any
 * of them is managed already; statuses of qi_tree_add_free.
 */
enum quire_status qi_zone_hand_over(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count);
/*
 * The opposite: frames that are all free, isolated or not, are managed no more. Fronts must have been drained or disabled:
 * what they keep is not free. qi_zone_provide() first. Statuses of qi_tree_remove_free; nothing changed on failure.
 */
enum quire_status qi_zone_remove(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count);
/*
 * Have memory for the nodes that isolating, adding or removing this range may need, so that none of it is carved from the
 * range. No lock held; one caller at a time for a zone. QUIRE_ENOMEM.
 */
enum quire_status qi_zone_provide(struct qi_zone *za, quire_pfn_t pfn, uint64_t count);
/* Fronts sized anew after `managed` changed. No lock held, not inside cpu_enter. Statuses of qi_front_disable(). */
enum quire_status qi_zone_retune(struct qi_zone *za);
/* The same for a CMA area: its pageblocks get the type CMA; counted in cma_pages too. */
enum quire_status qi_zone_hand_over_cma(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count);

/* Is any of these frames managed already (handed over before)? Takes the zone's lock. */
bool qi_zone_any_free(const struct quire_zone *zone, quire_pfn_t pfn, uint64_t count);

/* So many frames, of those managed, are (or, negative, are no longer) out of the tree because of a failure. Locked. */
static inline void qi_zone_count_failing(struct qi_zone *za, int64_t frames)
{
	za->failing += (uint64_t)frames;
}

/* The checkers of all trees, and that managed agrees with them. QUIRE_ECORRUPT with a logged sentence. */
enum quire_status qi_check_zones(const struct quire *q);

#endif
