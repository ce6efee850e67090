/* The run: machine, start, events, end. */
#include "replay/play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "progress.h"

#define PROGRESS_EVENTS 0x3fffu			/* look at the clock every so many */

static void show_progress(struct progress *p, const struct trace_reader *reader, const struct player *player)
{
	unsigned long long lines = trace_counts(reader)->lines;
	int done = trace_progress(reader);

	if (done >= 0)
		progress_show(p, "replay: %3d %%, %llu lines, phase %s", done / 10, lines, player->phase);
	else
		progress_show(p, "replay: %llu lines, phase %s", lines, player->phase);
}

static enum quire_status run_events(struct trace_reader *reader, struct player *player, bool quiet)
{
	enum quire_status status = QUIRE_OK;
	struct trace_event event;
	struct progress progress;
	uint64_t count = 0;

	progress_begin(&progress, !quiet);
	while (status == QUIRE_OK && trace_next(reader, &event)) {
		status = player_event(player, &event);
		if (!(++count & PROGRESS_EVENTS) && progress_due(&progress))
			show_progress(&progress, reader, player);
	}
	progress_end(&progress);
	return status == QUIRE_OK ? player_end(player) : status;
}

/*
 * A trace in a file is read twice: what the start looked like is in what happened later. A failure here is one of the
 * second reading too.
 */
static void learn_ahead(const char *trace, struct player *player)
{
	enum quire_status status;
	struct trace_reader *reader = trace_open(trace, &status);
	struct trace_event event;

	while (reader && trace_next(reader, &event))
		if (event.kind == TRACE_ALLOC || event.kind == TRACE_ZONE_LOCKED || event.kind == TRACE_DRAIN)
			player_learn_type(player, &event);
	trace_close(reader);
}

static void warn(const struct play_options *options, const struct trace_reader *reader, const struct recorded *recorded)
{
	const struct trace_counts *counts = trace_counts(reader);

	if (options->quiet)
		return;
	if (!recorded->has_free)
		cli_error("%s: no before/kpageflags_rle.txt: the replay starts with everything free", recorded->directory);
	if (counts->malformed)
		cli_error("%s:%llu: warning: not a line of a trace (%llu such lines)", options->trace,
			  (unsigned long long)counts->first_malformed, (unsigned long long)counts->malformed);
	if (counts->lost)
		cli_error("%s: warning: %llu events were lost while recording: the comparison is an approximation",
			  options->trace, (unsigned long long)counts->lost);
}

static enum quire_status play_on(const struct play_options *options, struct simulation *machine,
				 const struct recorded *recorded, struct trace_reader *reader)
{
	struct player *player = calloc(1, sizeof(*player));
	struct play_result result = { .options = options, .machine = machine, .recorded = recorded, .player = player,
				      .counts = trace_counts(reader) };
	enum quire_status status = player ? player_begin(player, machine->q, recorded) : QUIRE_ENOMEM;

	if (status != QUIRE_OK)
		cli_error("%s: the recorded start does not fit the machine: %s", recorded->directory,
			  quire_status_string(status));
	if (status == QUIRE_OK && trace_progress(reader) >= 0)
		learn_ahead(options->trace, player);
	result.wall_ns = progress_now_ns();
	if (status == QUIRE_OK) {
		status = run_events(reader, player, options->quiet);
		if (status != QUIRE_OK)
			cli_error("replay: %s", quire_status_string(status));
	}
	result.wall_ns = progress_now_ns() - result.wall_ns;
	if (status == QUIRE_OK && trace_failed(reader)) {
		cli_error("%s: %s", options->trace, trace_failed(reader));
		status = QUIRE_EFORMAT;
	} else if (status == QUIRE_OK && !player->all.events) {
		cli_error("%s: no event in it", options->trace);
		status = QUIRE_EFORMAT;
	}
	if (status == QUIRE_OK) {
		warn(options, reader, recorded);
		(options->json ? play_report_json : play_report_text)(&result, options->out);
	}
	if (player)
		player_free(player);
	free(player);
	return status;
}

static enum quire_status play_beside(const struct play_options *options, const char *directory, struct trace_reader *reader)
{
	struct play_options with = *options;
	const char *paths[1] = { directory };
	struct simulation *machine = calloc(1, sizeof(*machine));
	struct recorded recorded;
	enum quire_status status = recorded_read(&recorded, directory);

	if (status != QUIRE_OK)
		cli_error("%s: %s (the machine's directory; --machine names another)", directory,
			  quire_status_string(status));
	with.simulate.paths = paths;
	with.simulate.path_count = 1;
	/* What there is to say about booting it, quire boot says. */
	with.simulate.quiet = !with.simulate.verbose;
	if (!with.simulate.input.sysctl_count) {
		with.simulate.input.sysctls = (const char *const *)recorded.sysctls;
		with.simulate.input.sysctl_count = recorded.sysctl_count;
	}
	if (status == QUIRE_OK && !machine)
		status = QUIRE_ENOMEM;
	if (status == QUIRE_OK) {
		status = simulate(machine, &with.simulate);
		if (status == QUIRE_OK)
			status = play_on(&with, machine, &recorded, reader);
		simulate_free(machine);
	}
	free(machine);
	recorded_free(&recorded);
	return status;
}

enum quire_status play(const struct play_options *options)
{
	char *beside = options->machine ? strdup(options->machine) : recorded_directory_for(options->trace);
	struct trace_reader *reader;
	enum quire_status status;

	if (!beside) {
		cli_error("%s: --machine must say where its machine's directory is", options->trace);
		return QUIRE_EINVAL;
	}
	reader = trace_open(options->trace, &status);
	if (reader)
		status = play_beside(options, beside, reader);
	else
		cli_error("%s: %s", options->trace, errno ? strerror(errno) : quire_status_string(status));
	trace_close(reader);
	free(beside);
	return status;
}
