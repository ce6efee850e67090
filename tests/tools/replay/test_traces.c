/* Recorded traces of real kernels, if they are there: replayed whole, and what a replay must never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <cmocka.h>

#include <quire/page_alloc.h>
#include <quire/report.h>

#include "replay/play.h"

static uint64_t pages_in(const struct quire *q)
{
	uint64_t pages = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];

			struct quire_zone_counts counts;

			quire_zone_count(q, zone, &counts);
			pages += counts.free_pages + quire_zone_kept_pages(zone);
		}
	return pages;
}

/* Frames in use by the books. */
static uint64_t used_by_books(const struct player *player)
{
	uint64_t used = 0;

	for (size_t i = 0; i < player->ledger.piece_count; i++)
		for (unsigned n = 0; player->ledger.pieces[i] && n < LEDGER_PIECE; n++) {
			enum frame_state state = frame_state(player->ledger.pieces[i]->frames[n]);

			used += state == OLD_FRAME || state == GIVEN_FRAME;
		}
	for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
		used += (uint64_t)player->moved[order].count << order;
	return used;
}

/* As the command does where it can. */
static void look_ahead(const char *trace, struct player *player)
{
	enum quire_status status;
	struct trace_reader *reader = trace_open(trace, &status);
	struct trace_event event;

	while (trace_next(reader, &event))
		if (event.kind == TRACE_ALLOC || event.kind == TRACE_ZONE_LOCKED || event.kind == TRACE_DRAIN)
			player_learn_type(player, &event);
	trace_close(reader);
}

static void replay_one(const char *trace)
{
	char *directory = recorded_directory_for(trace);
	const char *paths[] = { directory };
	struct simulate_options options = { .paths = paths, .path_count = 1, .quiet = true };
	struct simulation *machine = calloc(1, sizeof(*machine));
	struct player *player = calloc(1, sizeof(*player));
	struct recorded recorded;
	enum quire_status status;
	struct trace_reader *reader = trace_open(trace, &status);
	struct trace_event event;
	uint64_t total;

	assert_int_equal(recorded_read(&recorded, directory), QUIRE_OK);
	options.input.sysctls = (const char *const *)recorded.sysctls;
	options.input.sysctl_count = recorded.sysctl_count;
	assert_int_equal(simulate(machine, &options), QUIRE_OK);
	total = pages_in(machine->q);
	assert_int_equal(player_begin(player, machine->q, &recorded), QUIRE_OK);
	assert_int_equal(player->start_free_ours, player->start_free_kernel);
	look_ahead(trace, player);
	while (trace_next(reader, &event))
		assert_int_equal(player_event(player, &event), QUIRE_OK);
	assert_int_equal(player_end(player), QUIRE_OK);
	assert_null(trace_failed(reader));
	assert_int_equal(trace_counts(reader)->malformed, 0);
	assert_int_equal(player->odd.refused_frees, 0);
	assert_int_equal(player->odd.foreign, 0);
	assert_int_equal(player->odd.given_twice, 0);
	assert_int_equal(player->odd.no_memory, 0);
	assert_true(player->all.met_by_both > 100000);
	assert_int_equal(pages_in(machine->q) + used_by_books(player), total + player->start_late);
	/* The record's own machine: all of its memory, and nothing but it. */
	assert_true(player->start_late > 0);
	/* What the allocator promises on these: no small request the kernel met is refused, no type is mixed. */
	assert_int_equal(player->all.missed - player->all.huge_missed, 0);
	assert_int_equal(judge(player, GOAL_LISTS).verdict, VERDICT_MET);
	assert_int_equal(judge(player, GOAL_WHOLE).verdict, VERDICT_MET);
	assert_int_equal(judge(player, GOAL_NO_MIXING).verdict, VERDICT_MET);
	assert_int_not_equal(judge(player, GOAL_HUGE_FAILURES).verdict, VERDICT_MISSED);
	player_free(player);
	simulate_free(machine);
	recorded_free(&recorded);
	trace_close(reader);
	free(player);
	free(machine);
	free(directory);
}

static void traces(void **state)
{
	const char *directory = getenv("QUIRE_TRACES");
	char pattern[1024];
	glob_t found;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/*.trace.gz", directory && *directory ? directory : "../shared/traces");
	if (glob(pattern, 0, NULL, &found) != 0) {
		print_message("no traces at %s: skipped\n", pattern);
		skip();
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		print_message("%s\n", found.gl_pathv[i]);
		replay_one(found.gl_pathv[i]);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(traces) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
