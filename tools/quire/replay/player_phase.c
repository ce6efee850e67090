/* Phases: a marker ends one and begins the next; at each end our free lists stand beside the kernel's. */
#include <stdlib.h>
#include <string.h>

#include <quire/frames.h>
#include <quire/page_alloc.h>
#include <quire/report.h>

#include "replay/player.h"

/* The buddyinfo recorded at the end of this phase: "bi0" of the start, and the last file for the last phase. */
static const struct recorded_table *kernel_table(const struct player *player, bool last)
{
	const struct recorded *recorded = player->recorded;
	const struct recorded_table *table = recorded_phase(recorded, player->phase);

	if (!table && strcmp(player->phase, "start") == 0 && !last)
		table = recorded_phase(recorded, "0");
	return !table && last && recorded->last.count ? &recorded->last : table;
}

static void count_zone(struct player *player, const struct quire_zone *zone, const struct recorded_table *table,
		       struct play_zone *out)
{
	struct quire_zone_counts counts;
	struct quire_mixing mixing;

	*out = (struct play_zone){ .nid = zone->node->nid, .type = zone->type };
	quire_zone_count(player->q, zone, &counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
			out->blocks[order] += counts.free_blocks[type][order];
	out->kept = quire_zone_kept_pages(zone);
	out->kernel = recorded_zone(table, out->nid, out->type);
	quire_zone_mixing(zone, &mixing);
	player->now.fallbacks += mixing.fallbacks;
	player->now.claimed += mixing.claimed;
}

/* --- closing ---------------------------------------------------------------------------------------------------------- */

static void add_tally(struct play_tally *all, const struct play_tally *now)
{
	/* A tally is nothing but counts. */
	_Static_assert(sizeof(struct play_tally) % sizeof(uint64_t) == 0, "counts only");
	const uint64_t *from = (const uint64_t *)now;
	uint64_t *to = (uint64_t *)all;

	for (size_t i = 0; i < sizeof(*all) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static enum quire_status close_phase(struct player *player, bool last)
{
	struct play_phase *phases = realloc(player->phases, (player->phase_count + 1) * sizeof(*phases)), *phase;
	const struct recorded_table *table = kernel_table(player, last);

	if (!phases)
		return QUIRE_ENOMEM;
	player->phases = phases;
	phase = &phases[player->phase_count];
	*phase = (struct play_phase){ .start_us = player->phase_us, .end_us = player->last_us };
	memcpy(phase->name, player->phase, sizeof(phase->name));
	phase->zones = calloc(player->zone_count + 1, sizeof(*phase->zones));
	if (!phase->zones)
		return QUIRE_ENOMEM;
	player->phase_count++;
	for (size_t i = 0; i < player->zone_count; i++)
		count_zone(player, player->zones[i], table, &phase->zones[i]);
	/* The zones count since boot: what earlier phases had goes off. */
	player->now.fallbacks -= player->all.fallbacks;
	player->now.claimed -= player->all.claimed;
	phase->tally = player->now;
	add_tally(&player->all, &player->now);
	player->now = (struct play_tally){ 0 };
	player->phase_us = player->last_us;
	return player_count_usage(player, phase) ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status player_close_phase(struct player *player)
{
	return close_phase(player, true);
}

static bool ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), end = strlen(ending);

	return length >= end && strcmp(text + length - end, ending) == 0;
}

/* "PHASE-x" begins phase x, "…-END" ends the run; "…-START" and other texts are no phases. */
enum quire_status player_marker(struct player *player, const struct trace_event *event)
{
	bool end = ends_with(event->mark, "-END");
	enum quire_status status = QUIRE_OK;

	if (ends_with(event->mark, "-START"))
		player->phase_us = event->time_us;
	if (!end && strncmp(event->mark, "PHASE-", 6) != 0)
		return QUIRE_OK;
	status = close_phase(player, end);
	if (end)
		player->over = true;
	else
		snprintf(player->phase, sizeof(player->phase), "%s", event->mark + 6);
	return status;
}
