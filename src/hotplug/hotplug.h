/*
 * Inside the room of hotplug: ranges that were added, blocks cut from them, and the steps blocks go through.
 *
 * There is no table of blocks. Memory from boot is in blocks of one size wherever the ledger has memory; ranges added
 * later have an entry each, with their own block size. Whether a block is online is what the zone map says of its memory.
 * So nothing here grows with the memory of a machine, only with what was plugged into it, and there the entries of
 * neighbours that are alike are one.
 *
 * An operation goes in two halves. The first does all that can fail, and each step of it can be undone without failing:
 * room in tables, the tree's range, sections, notifiers; isolation and evacuation. The second changes hands, for all
 * blocks of the call, with all zones locked.
 */
#ifndef QI_HOTPLUG_H
#define QI_HOTPLUG_H

#include <quire/hotplug.h>
#include <quire/quire.h>

#include "base/base.h"

/* Memory that was added, in whole blocks. Frames. */
struct qi_hot_range {
	quire_pfn_t pfn;
	uint64_t pages;
	uint64_t block;			/* pages of a block */
	uint64_t own;			/* of those, at each block's start, for its own descriptors */
	int nid;
	unsigned group;
	const char *name;
};

struct qi_memory_group {
	int nid;			/* QUIRE_NO_NODE: the number is free */
	bool dynamic;
	uint64_t pages;			/* at most; or the unit */
	uint64_t added;			/* present or not */
	uint64_t kernel, movable;	/* online */
};

/* A block, wherever it comes from. */
struct qi_memory_block {
	quire_pfn_t pfn;
	uint64_t pages;
	uint64_t own;			/* frames at its start for its own descriptors */
	int nid;			/* of an added one; QUIRE_NO_NODE: ask the ledger */
	unsigned group;
	bool added;
};

/* A block of the call under way, and its zone. */
struct qi_hot_work {
	struct qi_memory_block block;
	struct quire_zone *zone;
	uint64_t managed;		/* of the zone, before */
};

/* --- blocks.c --------------------------------------------------------------------------------------------------------- */

/* The block that has pfn, or the first one above it. False: there is none. */
bool qi_memory_block_at(const struct quire *q, quire_pfn_t pfn, struct qi_memory_block *block);

/* What the ledger has in [pfn, end): frames, nodes (bits of the first 64), the first node. Memory that may be mapped. */
struct qi_memory_found {
	uint64_t pages, nodes;
	int nid;
	quire_pfn_t first;		/* QUIRE_PFN_NONE: nothing */
};
struct qi_memory_found qi_memory_find(const struct quire *q, quire_pfn_t pfn, quire_pfn_t end);

/* The zone all memory of the block is online in; NULL: offline (*online false), or in several (*online true). */
struct quire_zone *qi_memory_block_zone(const struct quire *q, const struct qi_memory_block *block, bool *online);

/* The range a frame is in, and where ranges above pfn begin. NULL: not added. */
struct qi_hot_range *qi_hot_range_at(const struct quire *q, quire_pfn_t pfn);

/* --- ranges.c --------------------------------------------------------------------------------------------------------- */

/* Room for one more range, or for one that is cut in two. QUIRE_ENOMEM. */
enum quire_status qi_hot_ranges_room(struct quire *q);
void qi_hot_ranges_insert(struct quire *q, const struct qi_hot_range *range);
/* Frames [pfn, end) are absent from now on; not all of them need have been in ranges. */
void qi_hot_ranges_delete(struct quire *q, quire_pfn_t pfn, quire_pfn_t end);
/* Does the node have any memory block? */
bool qi_node_has_blocks(const struct quire *q, int nid);

/* A table of at least `wanted` entries of `size` bytes, its first `count` kept. False: no memory. */
bool qi_hot_table(struct quire *q, void **table, size_t *max, size_t count, size_t wanted, size_t size);

/* --- policy.c --------------------------------------------------------------------------------------------------------- */

/* The zone a block goes to. */
struct quire_zone *qi_online_zone(const struct quire *q, const struct qi_memory_block *block, enum quire_online_type type);
struct qi_memory_group *qi_memory_group(const struct quire *q, unsigned group);
/* The block's frames came to (or, negative, left) a zone. */
void qi_memory_group_count(const struct quire *q, const struct qi_hot_work *work, int sign);

/* --- notify.c --------------------------------------------------------------------------------------------------------- */

/* Ask; QUIRE_EPERM: refused (*failure says by whom), and whoever was asked has heard the opposite. */
enum quire_status qi_notify_going(struct quire *q, enum quire_memory_event event, const struct qi_hot_work *work,
				  int nid_changed, struct quire_hotplug_failure *failure);
void qi_notify(struct quire *q, enum quire_memory_event event, const struct qi_hot_work *work, int nid_changed);

/* --- hand_over.c ------------------------------------------------------------------------------------------------------ */

/* The next run of frames in [*pfn, end) that neither fail nor are kept back by a driver. False: no more. */
bool qi_usable_run(struct quire *q, quire_pfn_t *pfn, quire_pfn_t end, quire_pfn_t *stop);
/* All of q->hotplug.work becomes free, or nothing. QUIRE_ENOMEM. */
enum quire_status qi_work_hand_over(struct quire *q);
/* All of it, free and isolated, leaves the trees, or nothing does. */
enum quire_status qi_work_take_back(struct quire *q);

/* --- online.c --------------------------------------------------------------------------------------------------------- */

/* What qi_work_collect() found goes on line. */
enum quire_status qi_online_blocks(struct quire *q, enum quire_online_type type, struct quire_hotplug_failure *failure);
/* Map, spans and sums include the block no more. */
void qi_block_leave_zone(struct quire *q, const struct qi_hot_work *work);

/* --- steps.c ---------------------------------------------------------------------------------------------------------- */

/* One operation at a time. */
void qi_hotplug_enter(struct quire *q);
void qi_hotplug_leave(struct quire *q);
/* QUIRE_EINVAL, QUIRE_EUNSUPPORTED: too early, or no blocks here. */
enum quire_status qi_hotplug_ready(const struct quire *q, struct quire_hotplug_failure *failure);

/* All zones locked, and this CPU to itself: nobody takes or gives a frame by the trees. */
void qi_freeze(struct quire *q, unsigned long *state);
void qi_thaw(struct quire *q, unsigned long state);

/* Around changes of spans, map and lists (topology/growth.h), with this CPU to itself: an interrupt that looked a frame up
 * in between would wait for ever. */
void qi_change_begin(struct quire *q, unsigned long *state);
void qi_change_end(struct quire *q, unsigned long state);

/* What failed, for the caller and the log. Returns status. */
enum quire_status qi_hotplug_fail(struct quire *q, struct quire_hotplug_failure *failure, enum quire_status status,
				  const char *what, quire_pfn_t pfn, uint64_t pages, const char *step, const char *why);

/* Collect the blocks of [pfn, pfn + pages) that are not in the wanted state. what: for messages. */
enum quire_status qi_work_collect(struct quire *q, quire_pfn_t pfn, uint64_t pages, bool online, const char *what,
				  struct quire_hotplug_failure *failure);
static inline quire_pfn_t qi_block_end(const struct qi_memory_block *block) { return block->pfn + block->pages; }

/* Zonelists, watermarks and per-CPU sizes after memory came or went; lists: some zone became populated or empty. */
void qi_hotplug_settle(struct quire *q, bool lists);

#ifdef QUIRE_WITHOUT_HOTPLUG

static inline void qi_hotplug_init(struct quire *q) { (void)q; }
static inline quire_phys_t qi_report_block_size(const struct quire *q)
{
	(void)q;
	return 0;
}
static inline enum quire_status qi_check_hotplug(const struct quire *q)
{
	(void)q;
	return QUIRE_OK;
}

#else

/* Bytes of a memory block, for reports; 0: there are none. */
static inline quire_phys_t qi_report_block_size(const struct quire *q)
{
	return quire_memory_block_size(&q->config, q->machine, &q->memblock);
}
/* What hotplug keeps, once the allocator is open; its checker: QUIRE_ECORRUPT with a logged sentence. */
void qi_hotplug_init(struct quire *q);
enum quire_status qi_check_hotplug(const struct quire *q);

#endif

#endif
