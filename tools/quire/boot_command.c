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

static const struct cli_option boot_table[] = {
	{ .help = "What to show" },
	{ "show", 's', "LIST", "reports to print, separated by commas, or 'all'\n(default: " SHOW_DEFAULT ")", take_show },
	CLI_OUTPUT_OPTIONS("'text' (default), or 'json': one document with\neverything, or with what --show names"),
	MACHINE_OPTIONS,
	MACHINE_GENERAL_OPTIONS(MACHINE_VERBOSE, "no warnings, no heading"),
	{ 0 },
};

static int show_result(const struct simulation *s, const struct boot_options *options)
{
	const struct cli_output *output = &options->machine.output;
	FILE *out = cli_output_open(output->path);
	uint32_t show = options->show;
	size_t length;
	const char *bad;

	if (!out)
		return CLI_BAD;
	if (!show)
		show_parse(output->json ? "all" : SHOW_DEFAULT, &show, &bad, &length);
	if (output->json) {
		show_json(s, show, out);
	} else {
		/* A single report is printed bare, so that what reads the kernel's file reads this. */
		if (!options->show && !options->machine.simulate.quiet)
			show_heading(s, out);
		show_text(s, show, out);
	}
	return cli_output_close(out, output->path) ? CLI_OK : CLI_BAD;
}

static void list_reports(FILE *out)
{
	fputs("\nReports:\n", out);
	for (const struct show_report *report = show_reports; report->name; report++)
		fprintf(out, "  %-22s  %s\n", report->name, report->help);
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
	result = machine_take_inputs(&cli_boot_command, &options.machine, argv + first, argc - first, true);
	if (result != CLI_OK)
		return result;
	options.machine.simulate.huge_pages = true;
	result = simulate(&simulation, &options.machine.simulate) == QUIRE_OK ? show_result(&simulation, &options) : CLI_BAD;
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
	.more_help = list_reports,
	.run = boot,
};
