/*
 * A trace and the state beside it (split at the first NUL), put to the replay on a small machine: no input may crash it,
 * have our allocator refuse a free, or leave its trees inconsistent.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/player.h"
#include "simulate.h"
#include "zone/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct player *player, const uint8_t *data, size_t size)
{
	struct textfile file;

	if (textfile_from_memory(&file, "", data, size) != QUIRE_OK)
		return;
	for (size_t i = 0; i < file.line_count; i++) {
		struct trace_event event;

		if (trace_parse(textfile_line(&file, i), &event) == TRACE_EVENT)
			player_event(player, &event);
	}
	player_end(player);
	textfile_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct simulate_options options = { .input = { .nodes = "1x32M,1x16M", .cpus = 2 }, .quiet = true };
	struct simulation *machine = calloc(1, sizeof(*machine));
	struct player *player = calloc(1, sizeof(*player));
	const uint8_t *split = size ? memchr(data, 0, size) : NULL;
	size_t first = split ? (size_t)(split - data) : 0;
	struct recorded recorded = { 0 };

	if (!machine || !player || simulate(machine, &options) != QUIRE_OK)
		abort();
	recorded_take_flags(&recorded, (const char *)data, first);
	recorded_take_table(&recorded.last, (const char *)data, first);
	recorded_take_phases(&recorded, (const char *)data, first);
	if (player_begin(player, machine->q, &recorded) != QUIRE_OK)
		abort();
	run(player, data + first, size - first);
	if (player->odd.refused_frees || qi_check_zones(machine->q) != QUIRE_OK)
		abort();
	player_free(player);
	simulate_free(machine);
	recorded_free(&recorded);
	free(machine);
	free(player);
	return 0;
}
