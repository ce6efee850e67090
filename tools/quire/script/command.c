/* quire run: the lines of a script, over the machine it boots or that is named on the command line. */
#define _GNU_SOURCE
#include "script.h"

static const struct cli_option run_table[] = {
	MACHINE_OPTIONS,
	MACHINE_GENERAL_OPTIONS(MACHINE_VERBOSE, "no warnings"),
	{ 0 },
};

static int exit_code(enum script_result result)
{
	return result == SCRIPT_UNMET ? CLI_DIFFERENT : result == SCRIPT_BAD ? CLI_BAD : CLI_OK;
}

static int run(int argc, char **argv)
{
	struct machine_options options = { 0 };
	enum script_result result = SCRIPT_OK;
	struct script script;
	int first, code;
	bool done;

	code = cli_parse(&cli_run_command, argc, argv, &options, &first, &done);
	if (code != CLI_OK || done)
		return code;
	if (first == argc)
		return cli_bad_usage(&cli_run_command, "no SCRIPT");
	code = machine_take_inputs(&cli_run_command, &options, argv + first + 1, argc - first - 1, false);
	if (code != CLI_OK)
		return code;
	script_init(&script, stdout, stderr);
	script.source = argv[first];
	if (options.simulate.path_count || options.simulate.input.nodes)
		result = script_boot_machine(&script, &options.simulate);
	if (result == SCRIPT_OK)
		result = script_run_file(&script, argv[first]);
	script_free(&script);
	return cli_output_close(stdout, NULL) ? exit_code(result) : CLI_BAD;
}

const struct cli_command cli_run_command = {
	.name = "run",
	.arguments = "SCRIPT [-- INPUT...]",
	.summary = "run a script of allocations and expectations",
	.description =
		"Run the lines of SCRIPT ('-' for standard input): boot a machine, take and free memory,\n"
		"show reports, explain what fails, and expect figures. 'help' as a line lists the verbs.\n"
		"The machine is the script's own 'boot' line, or INPUT, or options, as 'quire boot' takes\n"
		"them.\n"
		"\n"
		"Exit status: 0 everything held, 1 an expectation or a checker failed, 2 bad usage, or a\n"
		"line that makes no sense.",
	.options = run_table,
	.run = run,
};
