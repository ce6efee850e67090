/*
 * What became of every frame the recorded kernel had: free, taken before the trace began, or handed out in the trace, and
 * then which of our frames stands for it.
 *
 * One word per frame, in pieces of a pageblock that come into being when a frame in them is first spoken of. Frames
 * nobody set are FREE_FRAME.
 */
#ifndef QUIRE_TOOL_REPLAY_LEDGER_H
#define QUIRE_TOOL_REPLAY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/types.h>

#define LEDGER_PIECE_ORDER 9u
#define LEDGER_PIECE (1u << LEDGER_PIECE_ORDER)

enum frame_state {
	FREE_FRAME,			/* in the kernel's buddy lists, as far as the trace tells */
	OLD_FRAME,			/* taken before the trace began: with us it is the frame of that number, order 0 */
	GIVEN_FRAME,			/* handed out in the trace; `ours` of us stands for it */
	MISSED_FRAME,			/* handed out in the trace, and we could not */
};

/* One frame of the kernel's. order, type: of the block it was handed out with. */
struct frame {
	enum frame_state state;
	unsigned order, type;
	quire_pfn_t ours;
};

/* What is known of a piece as a whole. */
struct ledger_piece {
	bool untyped;			/* in use at the start, and its pageblock's type is not learned yet */
	uint64_t frames[LEDGER_PIECE];
};

struct ledger {
	quire_pfn_t end;		/* frames from here on are not in the machine */
	struct ledger_piece **pieces;
	size_t piece_count;
	size_t bytes;
};

/* QUIRE_ENOMEM. */
enum quire_status ledger_init(struct ledger *ledger, quire_pfn_t end);
void ledger_free(struct ledger *ledger);

/* False: beyond the machine, or, when setting, no memory. */
bool ledger_get(const struct ledger *ledger, quire_pfn_t pfn, struct frame *frame);
bool ledger_set(struct ledger *ledger, quire_pfn_t pfn, const struct frame *frame);

/* The piece that holds a frame; NULL: none yet, and `make` was not asked for or there is no memory. */
struct ledger_piece *ledger_piece(struct ledger *ledger, quire_pfn_t pfn, bool make);

static inline enum frame_state frame_state(uint64_t word) { return (enum frame_state)(word & 7); }
struct frame frame_unpack(uint64_t word);

#endif
