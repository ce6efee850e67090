/* Figures of free lists, and the goals. */
#include <inttypes.h>
#include <string.h>

#include "replay/play.h"

struct free_blocks blocks_ours(const struct play_zone *zone)
{
	struct free_blocks blocks = { .known = true };

	memcpy(blocks.blocks, zone->blocks, sizeof(blocks.blocks));
	return blocks;
}

struct free_blocks blocks_kernel(const struct play_zone *zone)
{
	struct free_blocks blocks = { .known = zone->kernel };

	for (unsigned order = 0; blocks.known && order < zone->kernel->orders; order++)
		blocks.blocks[order] = zone->kernel->value[order] > 0 ? (uint64_t)zone->kernel->value[order] : 0;
	return blocks;
}

static struct free_blocks sum(const struct play_phase *phase, size_t zone_count,
			      struct free_blocks (*of)(const struct play_zone *))
{
	struct free_blocks all = { .known = zone_count };

	for (size_t i = 0; i < zone_count; i++) {
		struct free_blocks one = of(&phase->zones[i]);

		all.known &= one.known;
		for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
			all.blocks[order] += one.blocks[order];
	}
	return all;
}

struct free_blocks phase_blocks_ours(const struct play_phase *phase, size_t zone_count)
{
	return sum(phase, zone_count, blocks_ours);
}

struct free_blocks phase_blocks_kernel(const struct play_phase *phase, size_t zone_count)
{
	return sum(phase, zone_count, blocks_kernel);
}

uint64_t free_pages(const struct free_blocks *blocks)
{
	return suitable_blocks(blocks, 0);
}

uint64_t suitable_blocks(const struct free_blocks *blocks, unsigned order)
{
	uint64_t count = 0;

	for (unsigned larger = order; larger < QUIRE_MAX_ORDERS; larger++)
		count += blocks->blocks[larger] << (larger - order);
	return count;
}

int64_t unusable_index(const struct free_blocks *blocks, unsigned order)
{
	uint64_t free = free_pages(blocks);

	return free ? (int64_t)((free - (suitable_blocks(blocks, order) << order)) * 1000 / free) : 0;
}

uint64_t phase_kept_ours(const struct play_phase *phase, size_t zone_count)
{
	uint64_t kept = 0;

	for (size_t z = 0; z < zone_count; z++)
		kept += phase->zones[z].kept;
	return kept;
}

uint64_t phase_kept_kernel(const struct play_phase *phase, size_t zone_count)
{
	struct free_blocks blocks = phase_blocks_kernel(phase, zone_count);
	uint64_t listed = free_pages(&blocks);

	return blocks.known && phase->whole_known && phase->free_kernel > listed ? phase->free_kernel - listed : 0;
}

int64_t unusable_with_kept(const struct free_blocks *blocks, uint64_t kept, unsigned order)
{
	uint64_t free = free_pages(blocks) + kept;

	return free ? (int64_t)((free - (suitable_blocks(blocks, order) << order)) * 1000 / free) : 0;
}

int64_t fragmentation_index(const struct free_blocks *blocks, unsigned order)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < QUIRE_MAX_ORDERS; i++)
		count += blocks->blocks[i];
	if (!count)
		return 0;
	if (suitable_blocks(blocks, order))
		return -1000;
	return 1000 - (int64_t)((1000 + (free_pages(blocks) * 1000 >> order)) / count);
}

/* --- goals ------------------------------------------------------------------------------------------------------------ */

const char *goal_text(enum goal goal)
{
	static const char *const texts[GOALS] = {
		[GOAL_LISTS] = "free lists never worse than the recorded kernel's in any phase",
		[GOAL_WHOLE] = "never fewer pageblocks with nothing in use, in lists or kept by CPUs",
		[GOAL_NO_MIXING] = "no mixed pageblock where the kernel had none",
		[GOAL_HUGE_FAILURES] = "at most half of its failed huge requests",
	};

	return texts[goal];
}

bool phase_is_worse(const struct player *player, const struct play_phase *phase)
{
	unsigned order = quire_pageblock_order(&player->q->config);
	struct free_blocks ours = phase_blocks_ours(phase, player->zone_count);
	struct free_blocks kernel = phase_blocks_kernel(phase, player->zone_count);

	if (!kernel.known)
		return false;
	if (suitable_blocks(&ours, order) < suitable_blocks(&kernel, order))
		return true;
	/* Where it is not known what the kernel's CPUs kept, lists stand against lists. */
	if (!phase->whole_known)
		return unusable_index(&ours, order) > unusable_index(&kernel, order);
	return unusable_with_kept(&ours, phase_kept_ours(phase, player->zone_count), order) >
	       unusable_with_kept(&kernel, phase_kept_kernel(phase, player->zone_count), order);
}

static bool lists_known(const struct player *player, const struct play_phase *phase)
{
	return phase_blocks_kernel(phase, player->zone_count).known;
}

static bool whole_known(const struct player *player, const struct play_phase *phase)
{
	(void)player;
	return phase->whole_known;
}

static bool fewer_whole(const struct player *player, const struct play_phase *phase)
{
	(void)player;
	return phase->whole_known && phase->whole_ours < phase->whole_kernel;
}

typedef bool phase_question(const struct player *player, const struct play_phase *phase);

static struct judgement judge_phases(const struct player *player, phase_question *known, phase_question *worse)
{
	struct judgement result = { .verdict = VERDICT_NOT_RECORDED };
	size_t length = 0;
	char names[128] = "";

	for (size_t i = 0; i < player->phase_count; i++) {
		const struct play_phase *phase = &player->phases[i];

		result.phases += known(player, phase);
		if (!worse(player, phase))
			continue;
		result.bad_phases++;
		if (length < sizeof(names))
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
						   length ? ", " : ": ", phase->name);
	}
	if (result.phases)
		result.verdict = result.bad_phases ? VERDICT_MISSED : VERDICT_MET;
	snprintf(result.text, sizeof(result.text), "worse in %" PRIu64 " of %" PRIu64 " phases%s", result.bad_phases,
		 result.phases, names);
	return result;
}

static struct judgement judge_mixing(const struct player *player)
{
	struct judgement result = { .verdict = VERDICT_MET, .phases = player->phase_count };
	uint64_t ours = 0, kernel = 0;

	for (size_t i = 0; i < player->phase_count; i++) {
		const struct play_phase *phase = &player->phases[i];

		result.bad_phases += (phase->tally.fallbacks && !phase->tally.fragmenting) ||
				     (phase->mixed_ours && !phase->mixed_kernel);
		ours = phase->mixed_ours > ours ? phase->mixed_ours : ours;
		kernel = phase->mixed_kernel > kernel ? phase->mixed_kernel : kernel;
	}
	if (result.bad_phases)
		result.verdict = VERDICT_MISSED;
	snprintf(result.text, sizeof(result.text), "fallbacks into pageblocks in use: %" PRIu64 ", the kernel %" PRIu64
		 "; most pageblocks with both kinds: %" PRIu64 ", the kernel %" PRIu64, player->all.fallbacks,
		 player->all.fragmenting, ours, kernel);
	return result;
}

static struct judgement judge_huge(const struct player *player)
{
	const struct play_tally *all = &player->all;
	uint64_t kernel = all->huge_failed + all->huge_rescued, ours = all->huge_failed + all->huge_missed;
	struct judgement result = { .verdict = VERDICT_NOT_RECORDED };

	if (kernel || ours)
		result.verdict = 2 * ours <= kernel ? VERDICT_MET : VERDICT_MISSED;
	snprintf(result.text, sizeof(result.text), "%" PRIu64 " failed, the kernel %" PRIu64, ours, kernel);
	return result;
}

struct judgement judge(const struct player *player, enum goal goal)
{
	switch (goal) {
	case GOAL_LISTS:
		return judge_phases(player, lists_known, phase_is_worse);
	case GOAL_WHOLE:
		return judge_phases(player, whole_known, fewer_whole);
	case GOAL_NO_MIXING:
		return judge_mixing(player);
	default:
		return judge_huge(player);
	}
}
