/* Frames as words: state in bits 0-2, order 3-7, type 8-10, our frame from bit 11 on. */
#include "replay/ledger.h"

#include <stdlib.h>

enum quire_status ledger_init(struct ledger *ledger, quire_pfn_t end)
{
	*ledger = (struct ledger){ .end = end, .piece_count = (size_t)((end + LEDGER_PIECE - 1) >> LEDGER_PIECE_ORDER) };
	ledger->pieces = calloc(ledger->piece_count + 1, sizeof(*ledger->pieces));
	ledger->bytes = ledger->piece_count * sizeof(*ledger->pieces);
	return ledger->pieces ? QUIRE_OK : QUIRE_ENOMEM;
}

void ledger_free(struct ledger *ledger)
{
	for (size_t i = 0; ledger->pieces && i < ledger->piece_count; i++)
		free(ledger->pieces[i]);
	free(ledger->pieces);
	*ledger = (struct ledger){ 0 };
}

struct ledger_piece *ledger_piece(struct ledger *ledger, quire_pfn_t pfn, bool make)
{
	struct ledger_piece **piece;

	if (pfn >= ledger->end)
		return NULL;
	piece = &ledger->pieces[pfn >> LEDGER_PIECE_ORDER];
	if (!*piece && make) {
		*piece = calloc(1, sizeof(**piece));
		ledger->bytes += *piece ? sizeof(**piece) : 0;
	}
	return *piece;
}

struct frame frame_unpack(uint64_t word)
{
	return (struct frame){ .state = frame_state(word), .order = (unsigned)(word >> 3 & 31),
			       .type = (unsigned)(word >> 8 & 7), .ours = word >> 11 };
}

bool ledger_get(const struct ledger *ledger, quire_pfn_t pfn, struct frame *frame)
{
	const struct ledger_piece *piece;

	*frame = (struct frame){ .state = FREE_FRAME };
	if (pfn >= ledger->end)
		return false;
	piece = ledger->pieces[pfn >> LEDGER_PIECE_ORDER];
	if (piece)
		*frame = frame_unpack(piece->frames[pfn & (LEDGER_PIECE - 1)]);
	return true;
}

bool ledger_set(struct ledger *ledger, quire_pfn_t pfn, const struct frame *frame)
{
	struct ledger_piece *piece = ledger_piece(ledger, pfn, frame->state != FREE_FRAME);

	if (!piece)
		return pfn < ledger->end && frame->state == FREE_FRAME;
	piece->frames[pfn & (LEDGER_PIECE - 1)] = (uint64_t)frame->state | (uint64_t)frame->order << 3 |
						  (uint64_t)frame->type << 8 | frame->ours << 11;
	return true;
}
