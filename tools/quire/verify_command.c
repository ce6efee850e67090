/* quire verify: command-line face of tools/quire/verify. */
#include <string.h>

#include "options.h"
#include "stages/stages.h"
#include "verify/verify.h"

struct verify_choice {
	struct cli_output output;		/* first: its options want it there */
	struct verify_options verify;
};

static bool take_limit(void *target, const char *value, const char **why)
{
	*why = "a number from 1 to 1000000 is wanted";
	return cli_number(value, 1, 1000000, &((struct verify_choice *)target)->verify.difference_limit);
}

static bool take_verbose(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct verify_choice *)target)->verify.verbose = true;
	return true;
}

static const struct cli_option verify_table[] = {
	{ .help = "Options" },
	CLI_OUTPUT_OPTIONS("'text' (default) or 'json'"),
	{ "limit", 'l', "N", "print at most N differences per capture\n(default 40); all are counted", take_limit },
	{ "verbose", 'v', NULL, "also list estimates, what a capture does not tell,\n"
	  "and remarks of the readers", take_verbose },
	{ "help", 'h', NULL, "show this help", NULL },
	{ 0 },
};

static int verify(int argc, char **argv)
{
	struct verify_choice choice = { .verify.stages = stages_verify };
	int first, result;
	bool done;

	result = cli_parse(&cli_verify_command, argc, argv, &choice, &first, &done);
	if (result != CLI_OK || done)
		return result;
	if (first == argc)
		return cli_bad_usage(&cli_verify_command, "no CAPTURE");
	choice.verify.json = choice.output.json;
	choice.verify.out = cli_output_open(choice.output.path);
	if (!choice.verify.out)
		return CLI_BAD;
	result = verify_captures(&choice.verify, argv + first, (size_t)(argc - first));
	return cli_output_close(choice.verify.out, choice.output.path) ? result : CLI_BAD;
}

const struct cli_command cli_verify_command = {
	.name = "verify",
	.arguments = "CAPTURE...",
	.summary = "compare our result with what a real kernel reported",
	.description =
		"Boot each CAPTURE's machine in simulation and compare every figure the capture has of the\n"
		"real kernel with ours. A CAPTURE is a directory with dmesg.txt, zoneinfo.txt and the like,\n"
		"or a kernel log ('-' for standard input). Each difference is one line; several captures end\n"
		"in a table. Files among them that are no kernel log are skipped.\n"
		"\n"
		"Exit status: 0 all equal, 1 differences, 2 bad usage or input.",
	.options = verify_table,
	.run = verify,
};

_Static_assert((int)VERIFY_EQUAL == (int)CLI_OK && (int)VERIFY_DIFFERENT == (int)CLI_DIFFERENT &&
	       (int)VERIFY_BAD_INPUT == (int)CLI_BAD, "exit codes are the command's");
