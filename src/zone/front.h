/*
 * The per-CPU front of a zone: what one CPU keeps at hand so that most requests touch neither the tree nor its lock.
 *
 * Orders 0 and 9 are kept as words: (number of 64 neighbouring blocks, mask of which are here). `serve` is the word
 * requests of a type are served from; freed blocks collect in `entries`, newest last, so frees in order cost one
 * entry per 64. Orders 1 to 3 are small stacks of blocks, with the block handed out last above the top, so that
 * take-and-give-back costs nothing else.
 *
 * Credit. Reusing one's own frees for ever, as any classic per-CPU list does, keeps memory as scattered as it is:
 * churn returns its own frames. So a CPU may reuse only `credit` blocks between two spills to the tree; then it takes
 * from the tree, which answers with the fullest pageblocks. A block freed into the word it was just served from is
 * not counted. Where nearly all free memory lies in whole pageblocks there is nothing to mend, and credit is ample.
 *
 * Supply. A CPU that takes from the tree again and again without giving anything back is given twice as much each
 * time, up to a pageblock; the first spill ends that.
 *
 * Giving back. Two spills in a row, nothing taken from the tree in between: a process ends, a cache is emptied. What was in
 * use together was taken together, so its frames are the last that should be handed out again: all that is kept goes
 * back, also what is at hand, and again before this CPU takes from the tree, or when a block of orders 1 to 3 comes
 * back meanwhile. What other CPUs keep of the same pageblocks is asked back, too (front_cpus.h).
 *
 * Types. A freed block belongs to its pageblock's type, read from the level-1 node without the lock. A type that
 * changes meanwhile does no harm: the tree goes by the leaf when the block gets there. Blocks of special types are
 * not kept.
 *
 * Owner and drainer. Only the owner CPU works on a front, inside the platform's cpu_enter ... cpu_leave. It says so
 * with a plain store to `busy`, then looks at `taken`. Who wants to drain it from elsewhere sets `taken`, has the
 * platform make every CPU execute a memory barrier (membarrier, an inter-processor interrupt), and waits until it is
 * not busy: either the owner has seen `taken` and stays out, or its `busy` is visible. No atomic read-modify-write on
 * the owner's side.
 *
 * Checks. A block is kept in one place only (`seen`, a filter of the words kept here, says when to look), and handed out
 * again only if the tree vouches for it: it holds it as allocated, with this order. That is looked up when the block is
 * freed, but for words together later: when they go back to the tree, and in any case before this CPU takes from it, so
 * that what was free when it was freed cannot have become somebody's meanwhile. What the tree disowns late is counted,
 * reported and otherwise ignored. Blocks of the words at hand that were vouched for before (`ours`) are not looked up
 * again.
 *
 * So a free that should not be is caught
 *  - at once, by its status, if this CPU keeps the block; if the tree is asked, which it is for orders 1 to 3 and all that
 *    are not kept (4 to 8, above 9, special pageblocks), and for orders 0 and 9 where the block is put at hand;
 *  - else when the CPU that kept it next takes from the tree, spills or is drained: counted in bad_frees and logged.
 *    Until then it is not handed out again, if the frame was free in the tree, or not the allocator's, when it was freed.
 *  - Two CPUs that free the same block may both keep it, as it is allocated for the tree. The second copy is caught when
 *    it gets to the tree after the first one. If neither has got there, both CPUs may hand the block out: it then has two
 *    owners, as with any allocator that asks nobody else; the second of them to give it back for good is told.
 */
#ifndef QI_ZONE_FRONT_H
#define QI_ZONE_FRONT_H

#include "zone/node.h"
#include "zone/tree_internal.h"
#include "zone/zone.h"

#define QI_FRONT_ENTRIES 63u		/* most words of freed blocks */
#define QI_FRONT_HUGE_ENTRIES 15u	/* of order 9 */
#define QI_FRONT_STOCK 8u		/* words taken from the tree at once, at most */
#define QI_FRONT_BATCH 32u		/* ... until there are this many frames; at first */
#define QI_FRONT_BATCH_MOST 512u
#define QI_FRONT_SEEN 128u		/* words of the filter */
#define QI_FRONT_SEEN_BLOCKS 16u		/* of the stacks' */
#define QI_FRONT_ORDERS 3u		/* orders 1 .. 3 have stacks: holding larger ones costs whole pageblocks */
#define QI_FRONT_DEPTH 14u
#define QI_FRONT_BLOCKS 3u		/* taken from the tree along with the one that is wanted */
#define QI_FRONT_CREDIT 32		/* order-0 and order-9 blocks: half the requests then come from the tree */
#define QI_GIVING 2u			/* spills in a row */

struct qi_word_cache {
	struct qi_word_entry serve[QUIRE_MIGRATE_PCPTYPES];
	uint64_t ours[QUIRE_MIGRATE_PCPTYPES];	/* blocks of `serve` that the tree gave or vouched for */
	uint64_t newest;			/* blocks that may join the newest entry */
	int32_t credit;
	uint16_t count;			/* entries in use: entries[1 .. count] */
	uint16_t vouched;		/* of those, the first that the tree vouched for; the rest may not be reused yet */
	uint16_t limit;
	uint8_t last;			/* type refilled last */
	uint8_t stocked;		/* words in stock, for stock_type */
	uint8_t stock_type;
	uint8_t batch;			/* order 9: blocks taken at once */
	uint16_t want, most;		/* order 0: frames to take next time; at most. Order 9: most: blocks to keep */
	uint8_t spills;			/* since this CPU last took from the tree; QI_GIVING and more: it gives back */
	uint8_t passed;			/* order 0: what others did since then that its frames would have been good for */
	struct qi_word_entry stock[QI_FRONT_STOCK];
	uint64_t seen[QI_FRONT_SEEN];	/* bit word % 8192: set if the word may be kept here */
	uint8_t type[QI_FRONT_ENTRIES + 1];
	struct qi_word_entry entries[QI_FRONT_ENTRIES + 1];	/* [0] never matches */
};

/*
 * block[count] is the one handed out last, as long as it is not back and nothing else came, else QUIRE_PFN_NONE. In the former
 * case block[count + 1] is NONE, for when it is back.
 */
struct qi_block_stack {
	int16_t spent;			/* count less credit: what lies below this is not handed out */
	uint8_t count;
	uint8_t room[5];
	quire_pfn_t block[QI_FRONT_DEPTH + 1];
};

struct qi_front {
	uint8_t busy;			/* written by the owner */
	uint8_t taken;			/* written by a drainer */
	uint8_t stocked;		/* something may be here */
	uint8_t last[QI_FRONT_ORDERS + 1];	/* type served last, by order */
	uint8_t away;			/* its CPU is; under the drain lock */
	struct qi_zone *za;		/* whose front it is */
	struct qi_zone_events events;		/* the page allocator's, here because this line is at hand */
	struct qi_word_cache frames __attribute__((aligned(64)));
	struct qi_word_cache huge __attribute__((aligned(64)));
	struct qi_block_stack stacks[QUIRE_MIGRATE_PCPTYPES][QI_FRONT_ORDERS] __attribute__((aligned(64)));
	uint64_t seen[QI_FRONT_ORDERS][QI_FRONT_SEEN_BLOCKS];	/* bit block % 1024: set if it may be in a stack of its order */
};

/* What a request wants of a zone. */
struct qi_request {
	unsigned order;
	unsigned type;			/* < QUIRE_MIGRATE_PCPTYPES */
	unsigned flags;			/* QI_TREE_* */
	uint64_t floor;			/* take from the tree only while more than this many pages would stay free */
};

/* The next block of a word, its number; QUIRE_PFN_NONE: it is used up. Inside the front it is of. */
static inline quire_pfn_t qi_entry_take(struct qi_word_entry *serve)
{
	uint64_t mask = serve->mask;

	if (qi_unlikely(!mask))
		return QUIRE_PFN_NONE;
	serve->mask = mask & (mask - 1);
	return serve->word * 64 + qi_ctz(mask);
}

#ifdef QUIRE_WITHOUT_FRONTS
#define QI_FRONTS 0
#include "zone/front_none.h"
#else
#define QI_FRONTS 1

/*
 * The table of fronts may be replaced by a longer one while CPUs work (front_cpus.c): the table is there before the count
 * that needs it, and so is read after it.
 */
static inline unsigned qi_front_count(const struct qi_zone *za) { return __atomic_load_n(&za->cpus, __ATOMIC_ACQUIRE); }
static inline struct qi_front *qi_front_of(const struct qi_zone *za, unsigned cpu)
{
	return &__atomic_load_n(&za->fronts, __ATOMIC_ACQUIRE)[cpu];
}

/* Bytes for `cpus` fronts, 64-aligned and zeroed memory; then make them usable. */
static inline size_t qi_fronts_bytes(unsigned cpus) { return cpus * sizeof(struct qi_front); }
void qi_fronts_init(struct qi_zone *za, struct qi_front *fronts, unsigned cpus);
/*
 * Size the fronts by what the zone manages: together they hold at most a 32nd part of it, small ones up to an eighth. Boot,
 * hotplug; no CPU may be in a front.
 */
void qi_fronts_tune(struct qi_zone *za, uint64_t managed);

/*
 * Keep a block that does not belong to what is at hand, or give it to the tree: a single frame; a block of order 1 to
 * QI_FRONT_ORDERS; any. Inside the front; they leave it.
 */
enum quire_status qi_front_keep(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn);
enum quire_status qi_front_keep_block(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order);
enum quire_status qi_front_keep_slow(struct qi_zone *za, struct qi_front *front, quire_pfn_t pfn, unsigned order);
/* Of single frames kept here what may be reused, when nothing of the type is at hand; QUIRE_PFN_NONE. Inside the front. */
quire_pfn_t qi_front_next(struct qi_front *front, unsigned type);
/* The same, and leave. */
quire_pfn_t qi_front_take_next(struct qi_front *front, unsigned type);
/* The rest of qi_front_alloc; and qi_front_free where there is no front to be had. */
enum quire_status qi_front_alloc_slow(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn);
enum quire_status qi_front_free_tree(struct qi_zone *za, quire_pfn_t pfn, unsigned order);

/* Give back all that this CPU keeps; all that any CPU keeps (QUIRE_EUNSUPPORTED: the platform has no barrier for it). */
void qi_front_drain(struct qi_zone *za, unsigned cpu);
enum quire_status qi_front_drain_all(struct qi_zone *za);

/* Pages a CPU keeps: exact if it is idle. */
uint64_t qi_front_held(const struct qi_zone *za, unsigned cpu);

/* Enter one's own front. False: it is being drained; go to the tree instead. */
static inline bool qi_front_enter(struct qi_front *front)
{
	__atomic_store_n(&front->busy, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (qi_likely(!__atomic_load_n(&front->taken, __ATOMIC_ACQUIRE)))
		return true;
	__atomic_store_n(&front->busy, 0, __ATOMIC_RELEASE);
	return false;
}

static inline void qi_front_leave(struct qi_front *front)
{
	__atomic_store_n(&front->busy, 0, __ATOMIC_RELEASE);
}

static inline struct qi_word_cache *qi_front_cache(struct qi_front *front, unsigned order)
{
	return order ? &front->huge : &front->frames;
}

static inline bool qi_word_order(unsigned order) { return order == 0 || order == QI_LEAF_SHIFT; }

/* What is at hand, without asking anybody: QUIRE_PFN_NONE if nothing is. Inside the front. */
static inline quire_pfn_t qi_word_take(struct qi_word_cache *cache, unsigned order, unsigned type)
{
	quire_pfn_t block = qi_entry_take(&cache->serve[type]);

	return qi_likely(block != QUIRE_PFN_NONE) ? block << order : QUIRE_PFN_NONE;
}

/* The newest, as far as credit goes. */
static inline quire_pfn_t qi_stack_take(struct qi_block_stack *stack)
{
	if (qi_unlikely(!stack->count || stack->count <= stack->spent))
		return QUIRE_PFN_NONE;
	stack->block[stack->count--] = QUIRE_PFN_NONE;
	return stack->block[stack->count];
}

/* A block that is at hand. Inside the front. */
static inline quire_pfn_t qi_at_hand(struct qi_front *front, unsigned order, unsigned type)
{
	if (qi_likely(order == 0))
		return qi_word_take(&front->frames, 0, type);
	if (order == QI_LEAF_SHIFT)
		return qi_word_take(&front->huge, QI_LEAF_SHIFT, type);
	if (order > QI_FRONT_ORDERS)
		return QUIRE_PFN_NONE;
	front->last[order] = (uint8_t)type;
	return qi_stack_take(&front->stacks[type][order - 1]);
}

/*
 * Take a block that is at hand; QUIRE_PFN_NONE: ask qi_front_alloc_slow(). The caller is on `cpu` and stays there.
 */
static inline quire_pfn_t qi_front_take(struct qi_zone *za, unsigned cpu, unsigned order, unsigned type)
{
	struct qi_front *front;
	quire_pfn_t pfn;

	if (qi_unlikely(cpu >= qi_front_count(za)))
		return QUIRE_PFN_NONE;
	front = qi_front_of(za, cpu);
	if (!qi_front_enter(front))
		return QUIRE_PFN_NONE;
	pfn = qi_at_hand(front, order, type);
	if (qi_unlikely(pfn == QUIRE_PFN_NONE && !order && front->stocked))
		return qi_front_take_next(front, type);
	qi_front_leave(front);
	return pfn;
}

/* Take a block. QUIRE_ENOMEM: none to be had above the floor, other CPUs' fronts included. */
static inline enum quire_status qi_front_alloc(struct qi_zone *za, unsigned cpu, const struct qi_request *request,
					       quire_pfn_t *pfn)
{
	*pfn = qi_front_take(za, cpu, request->order, request->type);
	return qi_likely(*pfn != QUIRE_PFN_NONE) ? QUIRE_OK : qi_front_alloc_slow(za, cpu, request, pfn);
}

/* Put a block back into the word it was served from. EEXIST: it is there already. ENOENT: it was not served from it. */
static inline enum quire_status qi_served_put(struct qi_word_cache *cache, uint64_t word, uint64_t bit)
{
	struct qi_word_entry *entry = &cache->serve[cache->last];

	if (entry->word != word || !(cache->ours[cache->last] & bit))
		return QUIRE_ENOENT;
	if (qi_unlikely(entry->mask & bit))
		return QUIRE_EEXIST;
	entry->mask |= bit;
	return QUIRE_OK;
}

/* The same, or into the word freed last. */
static inline enum quire_status qi_word_put(struct qi_word_cache *cache, uint64_t word, uint64_t bit)
{
	struct qi_word_entry *entry = &cache->entries[cache->count];

	if (entry->word != word || !(cache->newest & bit))
		return qi_served_put(cache, word, bit);
	if (qi_unlikely(entry->mask & bit))
		return QUIRE_EEXIST;
	entry->mask |= bit;
	return QUIRE_OK;
}

/* A block that is the one handed out last: at the top of a full stack there is none. ENOENT: it is not. */
static inline enum quire_status qi_stack_put(struct qi_block_stack *stack, quire_pfn_t pfn)
{
	if (stack->block[stack->count] != pfn || qi_unlikely(pfn == QUIRE_PFN_NONE))
		return QUIRE_ENOENT;
	stack->count++;
	return QUIRE_OK;
}

/* Give a block back, on `cpu`. Statuses as qi_tree_free() where the answer is known at once. */
static inline enum quire_status qi_front_free(struct qi_zone *za, unsigned cpu, quire_pfn_t pfn, unsigned order)
{
	struct qi_front *front;
	enum quire_status status = QUIRE_ENOENT;

	if (qi_unlikely(cpu >= qi_front_count(za)))
		return qi_front_free_tree(za, pfn, order);
	front = qi_front_of(za, cpu);
	if (!qi_front_enter(front))
		return qi_front_free_tree(za, pfn, order);
	if (qi_likely(order == 0)) {
		status = qi_word_put(&front->frames, pfn >> 6, 1ull << (pfn & 63));
		if (status == QUIRE_ENOENT)
			return qi_front_keep(za, front, pfn);
	} else if (order <= QI_FRONT_ORDERS) {
		status = qi_stack_put(&front->stacks[front->last[order]][order - 1], pfn);
		if (status == QUIRE_ENOENT)
			return qi_front_keep_block(za, front, pfn, order);
	} else {
		if (order == QI_LEAF_SHIFT && !(pfn & (QI_FAN - 1)))
			status = qi_word_put(&front->huge, pfn >> QI_LEAF_SHIFT >> 6, 1ull << (pfn >> QI_LEAF_SHIFT & 63));
		if (status == QUIRE_ENOENT)
			return qi_front_keep_slow(za, front, pfn, order);
	}
	qi_front_leave(front);
	return status;
}

#endif

#endif
