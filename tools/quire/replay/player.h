/*
 * A recorded kernel's requests put to our allocator, on the machine the kernel ran on.
 *
 * The start: memory the kernel got back late in boot is handed over (player_late.c), then every frame that did not lie in
 * the kernel's buddy lists is taken, as itself. From then on each request the kernel met becomes one to us, with its order,
 * flags, mobility and CPU, and our block stands for the kernel's until that is freed. A frame that was taken at the start is
 * freed as itself.
 *
 * What the record leaves out, and how it is made good:
 *  - Frames in per-CPU lists at the start look taken. The first time the kernel hands one out, or drains it, shows
 *    that it was free: we free it just before.
 *  - Compaction takes pages to move to without an allocation event, and frees those it moved from. Frees between
 *    "isolated to migrate" and "migrated" by the same task are such moves: our block lives on. Where to is not recorded;
 *    so, while there are such blocks, a free of a frame that nobody was handed is the end of the oldest.
 *  - The type of a pageblock in use at the start is the type of the first thing the record says about it; until that is
 *    known it is unmovable.
 *  - A request the kernel could not meet is put to us too, and given back at once: its task did without.
 */
#ifndef QUIRE_TOOL_REPLAY_PLAYER_H
#define QUIRE_TOOL_REPLAY_PLAYER_H

#include <quire/quire.h>

#include "replay/ledger.h"
#include "replay/recorded.h"
#include "replay/trace.h"

#define PLAYER_WINDOWS 32u		/* tasks that may be compacting at a time */

/* Counts over one phase, or all. */
struct play_tally {
	uint64_t events;
	uint64_t allocs, frees;			/* calls to our allocator */
	uint64_t alloc_ns, free_ns;
	uint64_t met_by_both, missed;		/* the kernel met it; we: did, did not */
	uint64_t failed_by_both, rescued;	/* the kernel did not; we: did not, did */
	uint64_t huge_met, huge_missed, huge_failed, huge_rescued;	/* the same, of pageblock order and above */
	uint64_t extfrag, fragmenting;		/* the kernel's fallbacks; of those into a pageblock in use */
	uint64_t fallbacks, claimed;		/* ours, into a pageblock in use; of those it changed type */
	uint64_t compactions, reclaims, kswapd;	/* the kernel's */
	uint64_t moved;				/* blocks the kernel's compaction moved */
};

/* What was odd, over the whole trace. */
struct play_oddities {
	uint64_t foreign;		/* events about frames the machine does not have */
	uint64_t given_twice;		/* handed out again without a free: an event was lost */
	uint64_t unknown_frees;		/* frees of what was free: never recorded as handed out */
	uint64_t split_frees;		/* frees with another order than that handed out with */
	uint64_t refused_frees;		/* frees our allocator refused: should be none */
	uint64_t kept;			/* frames found to have been in per-CPU lists at the start */
	uint64_t no_memory;		/* events that could not be booked: no memory for the ledger */
};

struct play_zone {
	int nid;
	enum quire_zone_type type;
	uint64_t blocks[QUIRE_MAX_ORDERS];	/* free, by order */
	uint64_t kept;				/* pages our CPUs keep */
	const struct recorded_line *kernel;	/* NULL: not recorded */
};

struct play_phase {
	char name[RECORDED_NAME];
	uint64_t start_us, end_us;
	struct play_tally tally;
	struct play_zone *zones;
	uint64_t mixed_ours, mixed_kernel;	/* pageblocks with movable and other blocks handed out in the trace */
	uint64_t whole_ours, whole_kernel;	/* pageblocks with nothing in use, in lists or kept by CPUs */
	uint64_t free_kernel;			/* frames not in use, in lists or kept by its CPUs */
	bool whole_known;			/* the kernel's two: not once compaction moved things out of sight */
};

/* Blocks that live on although the kernel's frames were freed: a queue for each order. */
struct moved_queue {
	quire_pfn_t *pfn;
	size_t first, count, room;
};

struct player {
	struct quire *q;
	const struct recorded *recorded;
	struct ledger ledger;
	struct quire_zone **zones;		/* the populated ones */
	size_t zone_count;
	unsigned cpu;				/* the one we are on */
	unsigned max_order;
	uint64_t clock_ns;			/* what looking at the clock costs */
	uint64_t slowest_alloc_ns, slowest_free_ns;
	uint64_t start_free_ours, start_free_kernel;	/* recorded as free: those that are our allocator's; all */
	uint64_t start_late;			/* handed over then: the kernel's allocator had them, ours had not */
	uint16_t *managed;			/* frames of each piece that are our allocator's */
	struct play_tally now, all;		/* of this phase, of all finished ones */
	struct play_oddities odd;
	struct play_phase *phases;
	size_t phase_count;
	char phase[RECORDED_NAME];
	bool over;				/* the end was marked */
	uint64_t first_us, phase_us, last_us;
	struct moved_queue moved[QUIRE_MAX_ORDERS];
	int64_t windows[PLAYER_WINDOWS];	/* tasks between isolating and having migrated; -1: free */
	unsigned window_count;
};

/* Set the machine into the recorded state. QUIRE_ENOMEM, or what taking the frames said. Free it either way. */
enum quire_status player_begin(struct player *player, struct quire *q, const struct recorded *recorded);
/* QUIRE_ENOMEM only. */
enum quire_status player_event(struct player *player, const struct trace_event *event);
/* The first word about a pageblock in use at the start says its type. For a look ahead; player_event does it too. */
void player_learn_type(struct player *player, const struct trace_event *event);
/* Close the last phase. */
enum quire_status player_end(struct player *player);
void player_free(struct player *player);

/* --- inside ------------------------------------------------------------------------------------------------------- */

/* player_late.c: hand over what the kernel's allocator had beyond ours. Nothing is taken yet. */
enum quire_status player_take_over(struct player *player);
/* player_start.c */
enum quire_status player_start_state(struct player *player);
/* player_calls.c: our allocator, timed, from the CPU of the event. */
bool player_take(struct player *player, unsigned cpu, int nid, unsigned order, uint32_t gfp, quire_pfn_t *pfn);
void player_give(struct player *player, unsigned cpu, quire_pfn_t pfn, unsigned order);
void player_calibrate(struct player *player);
/* player_moves.c */
bool player_is_moving(const struct player *player, int64_t pid);
void player_move_starts(struct player *player, const struct trace_event *event);
void player_move_ends(struct player *player, const struct trace_event *event);
bool player_push_moved(struct player *player, quire_pfn_t pfn, unsigned order);
bool player_pop_moved(struct player *player, unsigned order, quire_pfn_t *pfn);
/* player_usage.c */
bool player_count_usage(const struct player *player, struct play_phase *phase);
/* player_phase.c */
enum quire_status player_marker(struct player *player, const struct trace_event *event);
enum quire_status player_close_phase(struct player *player);

#endif
