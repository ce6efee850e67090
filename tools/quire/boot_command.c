/* quire boot: boot a described machine's memory and show the result. */
#include <stdlib.h>
#include <string.h>

#include "machine_options.h"
#include "options.h"
#include "show.h"
#include "simulate.h"

struct boot_options {
	struct machine_options machine;		/* first: MACHINE_OPTIONS want it there */
	uint32_t show;
	bool json;
	const char *output;
};

static bool take_show(void *target, const char *value, const char **why)
{
	static char message[64];
	const char *bad;
	size_t length;

	if (show_parse(value, &((struct boot_options *)target)->show, &bad, &length))
		return true;
	snprintf(message, sizeof(message), "there is no report '%.*s'", (int)(length < 30 ? length : 30), bad);
	*why = message;
	return false;
}

static bool take_format(void *target, const char *value, const char **why)
{
	((struct boot_options *)target)->json = strcmp(value, "json") == 0;
	*why = "formats are text and json";
	return ((struct boot_options *)target)->json || strcmp(value, "text") == 0;
}

static bool take_output(void *target, const char *value, const char **why)
{
	(void)why;
	((struct boot_options *)target)->output = value;
	return true;
}

static const struct cli_option boot_table[] = {
	{ .help = "What to show" },
	{ "show", 's', "LIST", "reports to print, separated by commas, or 'all'\n(default: " SHOW_DEFAULT "):\n"
	  "log zones fallback zonelists memblock zoneinfo\nbuddyinfo pagetypeinfo meminfo sections blocks\nlayout costs",
	  take_show },
	{ "format", 'f', "FORMAT", "'text' (default), or 'json': one document with\neverything, or with what --show names",
	  take_format },
	{ "output", 'o', "FILE", "write there instead of to standard output", take_output },
	MACHINE_OPTIONS,
	{ .help = "General" },
	{ "verbose", 'v', NULL, "also say what was read and what the engine logged", machine_take_verbose },
	{ "quiet", 'q', NULL, "no warnings, no heading", machine_take_quiet },
	{ "help", 'h', NULL, "show this help", NULL },
	{ 0 },
};

static int show_result(const struct simulation *s, const struct boot_options *options)
{
	FILE *out = cli_output_open(options->output);
	uint32_t show = options->show;
	size_t length;
	const char *bad;

	if (!out)
		return CLI_BAD;
	if (!show)
		show_parse(options->json ? "all" : SHOW_DEFAULT, &show, &bad, &length);
	if (options->json) {
		show_json(s, show, out);
	} else {
		/* A single report is printed bare, so that what reads the kernel's file reads this. */
		if (!options->show && !options->machine.simulate.quiet)
			show_heading(s, out);
		show_text(s, show, out);
	}
	return cli_output_close(out, options->output) ? CLI_OK : CLI_BAD;
}

static int boot(int argc, char **argv)
{
	struct boot_options options = { 0 };
	struct simulation simulation;
	int first, result;
	bool done;

	result = cli_parse(&cli_boot_command, argc, argv, &options, &first, &done);
	if (result != CLI_OK || done)
		return result;
	if ((first == argc) == !options.machine.simulate.input.nodes) {
		cli_error(first == argc ? "boot: no INPUT, and no --nodes to make a machine from" :
					  "boot: either INPUT or --nodes, not both");
		fprintf(stderr, "Try 'quire help boot'.\n");
		return CLI_BAD;
	}
	result = CLI_BAD;
	options.machine.simulate.paths = (const char *const *)argv + first;
	options.machine.simulate.path_count = (size_t)(argc - first);
	if (simulate(&simulation, &options.machine.simulate) == QUIRE_OK)
		result = show_result(&simulation, &options);
	simulate_free(&simulation);
	return result;
}

const struct cli_command cli_boot_command = {
	.name = "boot",
	.arguments = "INPUT...",
	.summary = "boot a machine's memory in simulation and show the result",
	.description =
		"Boot the physical memory of a machine in simulation and show what a Linux kernel would\n"
		"make of it. Each INPUT says something about that one machine: a capture directory, a\n"
		"kernel log ('-' for standard input), /proc/iomem, /sys/firmware/memmap, a device tree,\n"
		"ACPI tables (SRAT, SLIT, MADT), an e820 table, an EFI memory map, or the word 'live' for\n"
		"the machine this runs on.\n"
		"\n"
		"Exit status: 0 booted and shown, 2 bad usage or input.",
	.options = boot_table,
	.run = boot,
};
