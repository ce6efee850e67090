/*
 * quire replay: a trace from beginning to end, and the report.
 *
 * The report puts ours beside the kernel's record at the end of each phase. What is judged are four goals: in no phase
 * fewer whole huge blocks in the free lists than the kernel, or more free space that is of no use to them; in no phase
 * fewer pageblocks with nothing in use at all, whoever keeps the free ones; no pageblock of mixed mobility in a phase in
 * which the kernel mixed none; at most half of the kernel's failed huge requests.
 */
#ifndef QUIRE_TOOL_REPLAY_PLAY_H
#define QUIRE_TOOL_REPLAY_PLAY_H

#include <stdio.h>

#include "replay/player.h"
#include "simulate.h"

struct play_options {
	const char *trace;			/* path, or "-" */
	const char *machine;			/* directory; NULL: beside the trace */
	struct simulate_options simulate;	/* paths and sysctls are filled in by play() */
	bool json;
	bool quiet;				/* no warnings about the trace, no progress */
	FILE *out;
};

/* Replay and report. QUIRE_OK, or another status after a message to standard error. */
enum quire_status play(const struct play_options *options);

/* --- inside ------------------------------------------------------------------------------------------------------- */

/* All that the report speaks about. */
struct play_result {
	const struct play_options *options;
	const struct simulation *machine;
	const struct recorded *recorded;
	const struct player *player;
	const struct trace_counts *counts;
	uint64_t wall_ns;
};

/* Free blocks by order, of a zone or of several together. */
struct free_blocks {
	uint64_t blocks[QUIRE_MAX_ORDERS];
	bool known;
};

struct free_blocks blocks_ours(const struct play_zone *zone);
struct free_blocks blocks_kernel(const struct play_zone *zone);
/* All zones of a phase together. Not known if a zone of the kernel's is not. */
struct free_blocks phase_blocks_ours(const struct play_phase *phase, size_t zone_count);
struct free_blocks phase_blocks_kernel(const struct play_phase *phase, size_t zone_count);
uint64_t free_pages(const struct free_blocks *blocks);
/* Blocks of this order that could be handed out. */
uint64_t suitable_blocks(const struct free_blocks *blocks, unsigned order);
/*
 * Free pages that are in no list, but kept by CPUs. The kernel's by the books: it had what it did not use; 0 where the
 * books do not tell.
 */
uint64_t phase_kept_ours(const struct play_phase *phase, size_t zone_count);
uint64_t phase_kept_kernel(const struct play_phase *phase, size_t zone_count);
/*
 * In thousandths: of all free pages, kept ones included, the part that is of no use to this order. What CPUs keep is not
 * in a list to be counted as scattered there, but is of no use either: who keeps more would look less fragmented.
 */
int64_t unusable_with_kept(const struct free_blocks *blocks, uint64_t kept, unsigned order);
/*
 * In thousandths: free memory that is of no use to this order; why a request of it fails (0: lack of
 * memory, 1000: fragmentation), -1000: it does not.
 */
int64_t unusable_index(const struct free_blocks *blocks, unsigned order);
int64_t fragmentation_index(const struct free_blocks *blocks, unsigned order);

enum goal { GOAL_LISTS, GOAL_WHOLE, GOAL_NO_MIXING, GOAL_HUGE_FAILURES, GOALS };
enum verdict { VERDICT_MET, VERDICT_MISSED, VERDICT_NOT_RECORDED };

struct judgement {
	enum verdict verdict;
	uint64_t phases, bad_phases;
	char text[256];			/* a sentence with the figures */
};
const char *goal_text(enum goal goal);
struct judgement judge(const struct player *player, enum goal goal);
bool phase_is_worse(const struct player *player, const struct play_phase *phase);

void play_report_text(const struct play_result *result, FILE *out);
void play_report_json(const struct play_result *result, FILE *out);

#endif
