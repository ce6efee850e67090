/*
 * Memory a kernel gave back to its allocator late in boot: its init text, gaps in its image. The log says how much of it,
 * seldom where; so the simulated machine counts it as managed and has fewer frames than the kernel had. The flags recorded
 * for each frame say where: what the kernel's allocator had and ours has not. That is handed over now: a kernel with
 * some odd corners more to put things in would not be a fair one to compare with.
 */
#include <stdlib.h>

#include "replay/free_runs.h"
#include "replay/player.h"

/* Frames that are in none of the simulated machine's zones stay away. */
static enum quire_status give(struct player *player, quire_pfn_t pfn, quire_pfn_t end)
{
	unsigned shift = quire_page_shift(&player->q->config);
	enum quire_status status;

	if (pfn >= end)
		return QUIRE_OK;
	status = quire_free_late(player->q, pfn << shift, (end - pfn) << shift);
	return status == QUIRE_ENOENT ? QUIRE_OK : status;
}

/* Nothing is in use yet: what is not free is not ours. */
static enum quire_status give_gaps(struct player *player, const struct free_runs *ours)
{
	enum quire_status status = QUIRE_OK;
	size_t next = 0;

	for (size_t i = 0; i < player->recorded->memory_count && status == QUIRE_OK; i++) {
		const struct recorded_range *memory = &player->recorded->memory[i];
		quire_pfn_t at = memory->pfn, end = memory->pfn + memory->count;

		for (; next < ours->count && ours->run[next].pfn < end && status == QUIRE_OK; next++) {
			const struct recorded_range *run = &ours->run[next];

			status = give(player, at, run->pfn);
			at = run->pfn + run->count > at ? run->pfn + run->count : at;
			/* It may reach into the next range of the record. */
			if (at > end)
				break;
		}
		if (status == QUIRE_OK)
			status = give(player, at, end);
	}
	return status;
}

static int by_pfn(const void *a, const void *b)
{
	const struct recorded_range *one = a, *other = b;

	return one->pfn < other->pfn ? -1 : one->pfn > other->pfn;
}

/* What is free is managed; what was counted beyond that is what has just been handed over, as far as it goes. */
static enum quire_status settle(struct player *player, struct quire_zone *zone, const uint64_t before[2])
{
	struct free_runs runs = { 0 };
	enum quire_status status = free_runs_add(&runs, zone);
	uint64_t given = runs.frames - before[0], counted = before[1] - before[0];

	if (status == QUIRE_OK) {
		zone->managed -= given < counted ? given : counted;
		player->start_late += given;
	}
	free_runs_free(&runs);
	return status;
}

enum quire_status player_take_over(struct player *player)
{
	struct free_runs runs = { 0 };
	enum quire_status status = QUIRE_OK;
	uint64_t (*before)[2] = calloc(player->zone_count + 1, sizeof(*before));	/* frames free, managed */

	if (!before)
		return QUIRE_ENOMEM;
	for (size_t z = 0; z < player->zone_count && status == QUIRE_OK; z++) {
		uint64_t frames = runs.frames;

		status = free_runs_add(&runs, player->zones[z]);
		before[z][0] = runs.frames - frames;
		before[z][1] = player->zones[z]->managed;
	}
	if (runs.count)
		qsort(runs.run, runs.count, sizeof(*runs.run), by_pfn);
	if (status == QUIRE_OK)
		status = give_gaps(player, &runs);
	for (size_t z = 0; z < player->zone_count && status == QUIRE_OK; z++)
		status = settle(player, player->zones[z], before[z]);
	free_runs_free(&runs);
	free(before);
	return status;
}
