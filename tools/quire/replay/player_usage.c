/*
 * Which pageblocks are in use, and by what: from the books of the replay, not from free lists. So what CPUs keep counts as
 * the free memory it is, for the kernel as for us, and nobody's buffers have to be emptied to see it.
 */
#include <stdlib.h>

#include "replay/player.h"

enum { HAS_MOVABLE = 1, HAS_OTHER = 2, HAS_BOTH = 3, IN_USE = 4 };

/* Flags by pageblock, of our frames and of the kernel's. */
struct usage {
	uint8_t *ours, *kernel;
	uint64_t kernel_frames;		/* in use */
	size_t blocks;
	unsigned shift;
};

static void flag_piece(struct usage *usage, const uint64_t *words, quire_pfn_t first)
{
	for (unsigned i = 0; i < LEDGER_PIECE; i++) {
		struct frame frame = frame_unpack(words[i]);
		uint8_t flag = IN_USE | (frame.type == QUIRE_MIGRATE_MOVABLE ? HAS_MOVABLE : HAS_OTHER);

		/* Of what was taken before the trace the mobility is not known: it is in use, no more. */
		if (frame.state == OLD_FRAME)
			flag = IN_USE;
		usage->kernel_frames += frame.state != FREE_FRAME;
		if (frame.state != FREE_FRAME)
			usage->kernel[(first + i) >> usage->shift] |= flag;
		if (frame.state == OLD_FRAME)
			usage->ours[(first + i) >> usage->shift] |= flag;
		else if (frame.state == GIVEN_FRAME)
			usage->ours[frame.ours >> usage->shift] |= flag;
	}
}

static void flag_moved(const struct usage *usage, const struct moved_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		usage->ours[queue->pfn[queue->first + i] >> usage->shift] |= IN_USE;
}

/* All frames of the pageblock are the allocator's? */
static bool is_whole(const struct player *player, const struct usage *usage, size_t block)
{
	quire_pfn_t pfn = (quire_pfn_t)block << usage->shift, end = (quire_pfn_t)(block + 1) << usage->shift;
	uint64_t frames = 0;

	if (usage->shift < LEDGER_PIECE_ORDER)
		return pfn < player->ledger.end && player->managed[pfn >> LEDGER_PIECE_ORDER] == LEDGER_PIECE;
	for (; pfn < end && pfn < player->ledger.end; pfn += LEDGER_PIECE)
		frames += player->managed[pfn >> LEDGER_PIECE_ORDER];
	return frames >> usage->shift;
}

static void sum_up(const struct player *player, const struct usage *usage, struct play_phase *phase)
{
	for (size_t i = 0; i < player->ledger.piece_count; i++)
		phase->free_kernel += player->managed[i];
	phase->free_kernel -= usage->kernel_frames < phase->free_kernel ? usage->kernel_frames : phase->free_kernel;
	for (size_t i = 0; i < usage->blocks; i++) {
		phase->mixed_ours += (usage->ours[i] & HAS_BOTH) == HAS_BOTH;
		phase->mixed_kernel += (usage->kernel[i] & HAS_BOTH) == HAS_BOTH;
		if (!is_whole(player, usage, i))
			continue;
		phase->whole_ours += !(usage->ours[i] & IN_USE);
		phase->whole_kernel += !(usage->kernel[i] & IN_USE);
	}
}

bool player_count_usage(const struct player *player, struct play_phase *phase)
{
	struct usage usage = { .shift = quire_pageblock_order(&player->q->config) };
	bool room;

	usage.blocks = (size_t)(player->ledger.end >> usage.shift) + 1;
	usage.ours = calloc(usage.blocks, 1);
	usage.kernel = calloc(usage.blocks, 1);
	room = usage.ours && usage.kernel;
	if (room) {
		for (size_t i = 0; i < player->ledger.piece_count; i++)
			if (player->ledger.pieces[i])
				flag_piece(&usage, player->ledger.pieces[i]->frames, (quire_pfn_t)i << LEDGER_PIECE_ORDER);
		for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
			flag_moved(&usage, &player->moved[order]);
		sum_up(player, &usage, phase);
	}
	phase->whole_known = player->recorded->has_free && !player->all.moved;
	free(usage.ours);
	free(usage.kernel);
	return room;
}
