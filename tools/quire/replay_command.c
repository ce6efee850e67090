/* quire replay: command-line face of tools/quire/replay. */
#include <string.h>

#include "options.h"
#include "replay/play.h"

struct replay_choice {
	struct cli_output output;		/* first: its options want it there */
	struct play_options play;
};

static bool take_machine(void *target, const char *value, const char **why)
{
	(void)why;
	((struct replay_choice *)target)->play.machine = value;
	return true;
}

static bool take_verbose(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct replay_choice *)target)->play.simulate.verbose = true;
	return true;
}

static bool take_quiet(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct replay_choice *)target)->play.quiet = true;
	return true;
}

static const struct cli_option replay_table[] = {
	{ .help = "Options" },
	{ "machine", 'M', "DIRECTORY", "the machine the trace is of, with its state before\nand after (default: "
	  "x.state beside x.trace.gz)", take_machine },
	CLI_OUTPUT_OPTIONS("'text' (default) or 'json'"),
	{ "verbose", 'v', NULL, "also say what was read and what the engine logged", take_verbose },
	{ "quiet", 'q', NULL, "no warnings, no progress", take_quiet },
	{ "help", 'h', NULL, "show this help", NULL },
	{ 0 },
};

static int replay(int argc, char **argv)
{
	struct replay_choice choice = { 0 };
	int first, result;
	bool done;

	result = cli_parse(&cli_replay_command, argc, argv, &choice, &first, &done);
	if (result != CLI_OK || done)
		return result;
	if (argc - first != 1)
		return cli_bad_usage(&cli_replay_command, first == argc ? "no TRACE" : "one TRACE at a time");
	choice.play.json = choice.output.json;
	choice.play.trace = argv[first];
	choice.play.out = cli_output_open(choice.output.path);
	if (!choice.play.out)
		return CLI_BAD;
	result = play(&choice.play) == QUIRE_OK ? CLI_OK : CLI_BAD;
	return cli_output_close(choice.play.out, choice.output.path) ? result : CLI_BAD;
}

const struct cli_command cli_replay_command = {
	.name = "replay",
	.arguments = "TRACE",
	.summary = "put a real kernel's recorded requests to our allocator",
	.description =
		"Put the allocation events a real kernel recorded to our allocator, on the machine that\n"
		"kernel ran on and beginning with the frames it had free, and show ours beside the kernel's\n"
		"record at the end of each phase. TRACE is the text of ftrace with the events of kmem\n"
		"(mm_page_alloc, mm_page_free, ...), plain or gzipped, '-' for standard input.\n"
		"\n"
		"Exit status: 0 replayed, 2 bad usage or input.",
	.options = replay_table,
	.run = replay,
};
