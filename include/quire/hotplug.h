/*
 * Memory that comes and goes.
 *
 *	absent -add-> present, offline -online-> online -offline-> present, offline -remove-> absent
 *
 * Memory is added in ranges and goes on and off line in memory blocks. Memory from boot is in blocks of the size the
 * kernel we follow would choose (quire_memory_block_size); a range added later may bring its own block size, so blocks
 * of unlike sizes stand side by side. Blocks are numbered by the section they start with: block number * section size
 * is the address, whatever the sizes.
 *
 * Every step either succeeds or leaves nothing behind: where a later part fails, the earlier ones are undone. The one
 * exception is said at quire_memory_offline().
 *
 * Locking: add, remove, online and offline exclude each other (a lock of the engine's own; the second waits in
 * platform->wait, or spins). They may be called while all CPUs allocate and free; not from callbacks of the engine.
 * Requests that are under way see zones, spans and lists before or after; one that would fail because it looked in
 * between looks again. Questions about blocks take no lock: they are for who adds and removes, also inside his
 * callbacks, and for others while nobody does.
 * Available from QUIRE_STAGE_WATERMARKS on; under DEFERRED from QUIRE_STAGE_LATE (QUIRE_EINVAL before). Machines
 * without memory blocks (flat models, i386) say QUIRE_EUNSUPPORTED.
 */
#ifndef QUIRE_HOTPLUG_H
#define QUIRE_HOTPLUG_H

#include <quire/mobility.h>

struct quire;
struct quire_zone;
struct quire_config;
struct quire_machine;
struct quire_memblock;

/*
 * Bytes per memory block of memory from boot; 0 where memory cannot be plugged (i386, models without
 * sections). arm64 and riscv64: a section. x86_64: a section while memory ends below 64 GiB, else 2 GiB, in a virtual
 * machine (machine->guest) the largest power of two up to 2 GiB that divides the end of memory. `machine` may be
 * NULL. Of the ledger as boot left it; later ask quire_boot_block_size().
 */
quire_phys_t quire_memory_block_size(const struct quire_config *config, const struct quire_machine *machine,
				     const struct quire_memblock *mb);
/* The same for a machine that has booted, whatever was plugged since. */
quire_phys_t quire_boot_block_size(const struct quire *q);

/* --- memory blocks ------------------------------------------------------------------------------------------------ */

enum quire_block_state {
	QUIRE_BLOCK_OFFLINE,
	QUIRE_BLOCK_ONLINE,
	QUIRE_BLOCK_GOING_OFFLINE,
};

enum quire_online_type {
	/* Stay offline: only as a policy for added memory. */
	QUIRE_ONLINE_NONE,
	/* To the zone the policy chooses. */
	QUIRE_ONLINE_AUTO,
	/* To a kernel zone, to ZONE_MOVABLE. */
	QUIRE_ONLINE_KERNEL,
	QUIRE_ONLINE_MOVABLE,
};

/* One block, as it is at the moment of asking. */
struct quire_block {
	/* Number of its first section; first frame and frames. */
	uint64_t number;
	quire_pfn_t pfn;
	uint64_t pages;
	enum quire_block_state state;
	/* Its node; the first of several. Nodes that have memory in it, as bits of the first 64. */
	int nid;
	uint64_t nodes;
	/* The zone all of it is in; NULL: offline, or parts of it are in different zones or nodes. */
	const struct quire_zone *zone;
	/* Frames that are no memory (holes), and that hold the block's own descriptors. */
	uint64_t holes, own_memmap;
	/* Frames known to be bad. */
	uint64_t poisoned;
	/* 0, or the group it belongs to. */
	unsigned group;
	/* Added after boot. */
	bool hotplugged;
	/* Can it be offlined at all: not mixed, no holes. Whether it succeeds: quire_memory_offline_survey(). */
	bool removable;
};
/* The block that has this frame. QUIRE_ENOENT: it is absent. Before hand-over all blocks are offline. */
enum quire_status quire_block_at(const struct quire *q, quire_pfn_t pfn, struct quire_block *block);
/* Blocks in rising order: start with *cursor 0; false: no more. */
bool quire_block_next(const struct quire *q, uint64_t *cursor, struct quire_block *block);

/* --- groups and policy -------------------------------------------------------------------------------------------- */

/* How AUTO chooses. */
enum quire_online_policy {
	/* Where neighbours are; kernel zone if that says nothing (movable under movable_node). */
	QUIRE_ONLINE_CONTIG_ZONES,
	/* To ZONE_MOVABLE while movable memory is at most `ratio` percent of kernel memory, globally and on the node. */
	QUIRE_ONLINE_AUTO_MOVABLE,
};

struct quire_hotplug_policy {
	/* What becomes of memory when it is added. */
	enum quire_online_type auto_online;
	enum quire_online_policy online_policy;
	/* Percent; 301 by default. */
	unsigned auto_movable_ratio;
	/* Node by node, too; true by default. */
	bool auto_movable_numa_aware;
	/* Descriptors of added memory at the start of each block where that is possible: memmap_on_memory. */
	bool memmap_on_memory;
};
const struct quire_hotplug_policy *quire_hotplug_policy(const struct quire *q);
/* QUIRE_EINVAL: a value out of range. Affects what is added and onlined from now on. */
enum quire_status quire_hotplug_set_policy(struct quire *q, const struct quire_hotplug_policy *policy);

/*
 * Memory of one device. static: at most `pages` in all (a DIMM); dynamic: grows in units of `pages` (virtio-mem).
 * *group > 0. QUIRE_EINVAL, QUIRE_ENOMEM.
 */
enum quire_status quire_memory_group_add(struct quire *q, int nid, bool dynamic, uint64_t pages, unsigned *group);
/* QUIRE_ENOENT; QUIRE_EBUSY: it still has memory. */
enum quire_status quire_memory_group_remove(struct quire *q, unsigned group);

/*
 * A driver that gives frames of its blocks to the allocator piece by piece (virtio-mem, a balloon). Such frames count as
 * present and not as managed, and are no obstacle when their block goes offline. It lets go of them with
 * quire_free_late() and has them back with quire_memory_withdraw(); neither changes watermarks. The embedder's.
 */
struct quire_memory_keeper {
	const char *name;
	/*
	 * Does he keep frame pfn back? *stop, above pfn, comes as the end of what is of interest, and may be lowered to
	 * where his answer changes. Called with zones locked: must be quick.
	 */
	bool (*keeps)(void *ctx, quire_pfn_t pfn, quire_pfn_t *stop);
	void *ctx;
	struct quire_memory_keeper *next;
};
/* QUIRE_EINVAL: no keeps; QUIRE_EEXIST; QUIRE_ENOENT. */
enum quire_status quire_register_memory_keeper(struct quire *q, struct quire_memory_keeper *keeper);
enum quire_status quire_unregister_memory_keeper(struct quire *q, struct quire_memory_keeper *keeper);

/* --- notifiers ---------------------------------------------------------------------------------------------------- */

enum quire_memory_event {
	QUIRE_MEM_GOING_ONLINE,
	QUIRE_MEM_CANCEL_ONLINE,
	QUIRE_MEM_ONLINE,
	QUIRE_MEM_GOING_OFFLINE,
	QUIRE_MEM_CANCEL_OFFLINE,
	QUIRE_MEM_OFFLINE,
};
struct quire_memory_notice {
	enum quire_memory_event event;
	quire_pfn_t pfn;
	uint64_t pages;
	/* The node that gets its first, or loses its last, memory by it; QUIRE_NO_NODE: none does. */
	int nid_changed;
};
/*
 * Somebody who wants to know, and who may refuse the GOING_ events with any status but QUIRE_OK. Asked in the order in
 * which they were registered, block by block; after a refusal, or a failure elsewhere, all who were asked about a block,
 * the refuser included, hear CANCEL_. The others' answers to other events do not matter. The embedder's.
 */
struct quire_memory_notifier {
	const char *name;
	enum quire_status (*notify)(void *ctx, const struct quire_memory_notice *notice);
	void *ctx;
	struct quire_memory_notifier *next;
};
/* QUIRE_EINVAL: no notify; QUIRE_EEXIST; QUIRE_ENOENT. */
enum quire_status quire_register_memory_notifier(struct quire *q, struct quire_memory_notifier *notifier);
enum quire_status quire_unregister_memory_notifier(struct quire *q, struct quire_memory_notifier *notifier);

/* --- the steps ---------------------------------------------------------------------------------------------------- */

/* Why a step failed, for the caller's own message; the log has the sentence. */
struct quire_hotplug_failure {
	/* "resource", "alignment", "node", "sections", "descriptors", "notifier", "isolation", "migration" ... */
	const char *step;
	/* A sentence's end. */
	const char *why;
	/* Notifier or owner who refused; NULL: none. */
	const char *who;
	/* For isolation and migration. */
	struct quire_obstacle obstacle;
};

struct quire_memory_add {
	/* Bytes. The base is a multiple of the block size, and so is the size. */
	quire_phys_t base, size;
	int nid;
	/* Bytes per block, a multiple of the section size; 0: as blocks from boot. */
	quire_phys_t block_size;
	/* 0: none. Its node is used then. */
	unsigned group;
	/*
	 * Descriptors inside each block, as if the policy said so; whole pageblocks at its start. Falls back to ordinary
	 * ones where there is no window of descriptors, less than half of a block would be left, or, under 6.1 rules, for
	 * more than one block at a time.
	 */
	bool memmap_on_memory;
	/* What the memory is called, a static string; "System RAM" if NULL. */
	const char *name;
};
/*
 * absent -> offline, and on by the policy's auto_online (a block that fails to come on line then stays offline: the
 * add has succeeded, the log says it). New memory is entered in the ledger (hotplug flag), gets sections and room for
 * descriptors. *failure may be NULL.
 *
 * QUIRE_EINVAL: not aligned, no such group or node, more than a static group has. QUIRE_ERANGE: beyond the geometry, or
 * (x86) above a mem= limit. QUIRE_EEXIST: overlaps something firmware or somebody else has there. QUIRE_ENOMEM.
 */
enum quire_status quire_memory_add(struct quire *q, const struct quire_memory_add *add,
				   struct quire_hotplug_failure *failure);

/*
 * The reverse: all blocks of [base, base + size) must be offline, and whole. QUIRE_EBUSY: one is online. QUIRE_ENOENT:
 * part of it is absent. QUIRE_EINVAL: not whole blocks. Memory from boot may go, too.
 */
enum quire_status quire_memory_remove(struct quire *q, quire_phys_t base, quire_phys_t size,
				      struct quire_hotplug_failure *failure);

/*
 * Online or offline all blocks of [pfn, pfn + pages), frames: whole blocks, and all of it there (QUIRE_EINVAL,
 * QUIRE_ENOENT). Blocks that are in the wanted state already are passed over. All blocks are prepared before the first
 * changes hands, so when one fails the others are as they were: nobody has got a frame of them, or lost one.
 * Watermarks follow once for the call.
 *
 * online: QUIRE_EPERM, a notifier refused; QUIRE_ENOMEM. offline: QUIRE_EINVAL, holes or several zones in a block;
 * QUIRE_EPERM, refused; QUIRE_EBUSY, isolation or migration met an obstacle; QUIRE_ENOMEM, nowhere to move things to;
 * QUIRE_EINTR, quire_memory_cancel(). Blocks of owners that moved out before the failure stay where they went: that
 * is the one thing not undone.
 */
enum quire_status quire_memory_online(struct quire *q, quire_pfn_t pfn, uint64_t pages, enum quire_online_type type,
				      struct quire_hotplug_failure *failure);
enum quire_status quire_memory_offline(struct quire *q, quire_pfn_t pfn, uint64_t pages,
				       struct quire_hotplug_failure *failure);
/* Stop an offline that is going on, from another CPU or a callback. */
void quire_memory_cancel(struct quire *q);

/*
 * For keepers: frames [pfn, pfn + pages) of online blocks, whole pageblocks, leave the allocator: moved out of where they
 * are in use, as for offline. Statuses as offline; QUIRE_EINVAL also: not whole pageblocks of one zone.
 */
enum quire_status quire_memory_withdraw(struct quire *q, quire_pfn_t pfn, uint64_t pages,
					struct quire_hotplug_failure *failure);

/*
 * The dry run: would it work, how much must move, who blocks, is there room elsewhere. Status as the offline would
 * give as far as can be known without trying (notifiers are not asked). survey->movable frames must find a place.
 */
enum quire_status quire_memory_offline_survey(struct quire *q, quire_pfn_t pfn, uint64_t pages,
					      struct quire_survey *survey, struct quire_hotplug_failure *failure);

/* --- advice ------------------------------------------------------------------------------------------------------- */

/* What online types an offline block could take: the file valid_zones. `text` gets e.g. "Normal Movable" or "none". */
const char *quire_memory_valid_zones(const struct quire *q, quire_pfn_t pfn, char *text, size_t size);

/*
 * Zone imbalance: what onlining `pages` to ZONE_MOVABLE of node nid would mean. Kernel memory pays for descriptors and
 * page tables of movable memory; beyond the ratio a machine runs out of kernel memory with movable memory free.
 */
struct quire_movable_advice {
	uint64_t kernel_pages, movable_pages;	/* after it */
	unsigned ratio;				/* movable per kernel, percent */
	uint64_t most_pages;			/* movable pages that the ratio allows in all */
	bool imbalanced;
};
void quire_memory_movable_advice(struct quire *q, int nid, uint64_t pages, struct quire_movable_advice *advice);

/* --- the books ---------------------------------------------------------------------------------------------------- */

/* Part of struct quire; the engine's. Set up when the allocator opens. */
struct quire_hotplug {
	struct quire_hotplug_policy policy;
	/* Frames per block of memory from boot; 0: there are no blocks. */
	uint64_t boot_block;
	/* Ranges that were added, in rising order; groups by number - 1; blocks the current call works on. */
	struct qi_hot_range *ranges;
	struct qi_memory_group *groups;
	struct qi_hot_work *work;
	size_t range_count, range_max, group_count, group_max, work_count, work_max;
	struct quire_memory_notifier *notifiers;
	struct quire_memory_keeper *keepers;
	/* Being taken offline. */
	quire_pfn_t going_pfn;
	uint64_t going_pages;
	uint32_t lock;
	bool cancel;
};

#endif
