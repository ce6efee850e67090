/* The machine as the record begins: what did not lie in the buddy lists is taken. */
#include <stdlib.h>

#include <quire/frames.h>

#include "replay/free_runs.h"
#include "replay/player.h"

static enum quire_status take(struct player *player, const struct quire_zone *zone, quire_pfn_t pfn, quire_pfn_t end)
{
	const struct frame old = { .state = OLD_FRAME };
	enum quire_status status = QUIRE_OK;

	if (pfn < end)
		status = quire_zone_take_frames(zone, pfn, end - pfn, QUIRE_MIGRATE_UNMOVABLE);
	for (; status == QUIRE_OK && pfn < end; pfn++) {
		struct ledger_piece *piece = ledger_piece(&player->ledger, pfn, true);

		if (!piece || !ledger_set(&player->ledger, pfn, &old))
			return QUIRE_ENOMEM;
		piece->untyped = true;
	}
	return status;
}

/* Of one free run of ours, what the kernel had in use. *next: the first recorded range that may reach into it. */
static enum quire_status take_rest(struct player *player, const struct quire_zone *zone, struct recorded_range run,
				   size_t *next)
{
	const struct recorded *recorded = player->recorded;
	quire_pfn_t at = run.pfn, end = run.pfn + run.count;
	enum quire_status status = QUIRE_OK;

	while (*next < recorded->free_count && status == QUIRE_OK) {
		const struct recorded_range *free = &recorded->free[*next];
		quire_pfn_t from = free->pfn > at ? free->pfn : at, to = free->pfn + free->count;

		if (free->pfn >= end)
			break;
		if (to > at) {
			status = take(player, zone, at, from);
			at = to < end ? to : end;
			player->start_free_ours += at - from;
		}
		if (to > end)
			break;
		++*next;
	}
	return status == QUIRE_OK ? take(player, zone, at, end) : status;
}

static void count_managed(struct player *player, struct recorded_range run)
{
	quire_pfn_t pfn = run.pfn, end = run.pfn + run.count;

	while (pfn < end) {
		quire_pfn_t next = ((pfn >> LEDGER_PIECE_ORDER) + 1) << LEDGER_PIECE_ORDER;

		next = next < end ? next : end;
		player->managed[pfn >> LEDGER_PIECE_ORDER] += (uint16_t)(next - pfn);
		pfn = next;
	}
}

enum quire_status player_start_state(struct player *player)
{
	enum quire_status status = player_take_over(player);

	for (size_t i = 0; i < player->recorded->free_count; i++)
		player->start_free_kernel += player->recorded->free[i].count;
	for (size_t z = 0; z < player->zone_count && status == QUIRE_OK; z++) {
		struct free_runs runs = { 0 };
		size_t next = 0;

		status = free_runs_add(&runs, player->zones[z]);
		for (size_t i = 0; i < runs.count && status == QUIRE_OK; i++) {
			count_managed(player, runs.run[i]);
			if (player->recorded->has_free)
				status = take_rest(player, player->zones[z], runs.run[i], &next);
		}
		free_runs_free(&runs);
	}
	return status;
}
