/* quire boot: boot a described machine's memory and show the result. */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "show.h"
#include "simulate.h"

#define MAX_REPEATS 64

struct boot_options {
	struct simulate_options simulate;
	const char *sysctls[MAX_REPEATS];
	const char *holes[MAX_REPEATS];
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

static bool take_command_line(void *target, const char *value, const char **why)
{
	(void)why;
	((struct boot_options *)target)->simulate.input.command_line = value;
	return true;
}

static bool take_kernel(void *target, const char *value, const char **why)
{
	enum quire_rules rules;

	*why = "rules are known for 6.1 and 6.12";
	((struct boot_options *)target)->simulate.input.kernel = value;
	return input_rules_by_name(value, &rules);
}

static bool take_sysctl(void *target, const char *value, const char **why)
{
	struct boot_options *options = target;
	struct quire_tunables scratch = { 0 };

	*why = "too many of them";
	if (options->simulate.input.sysctl_count == MAX_REPEATS)
		return false;
	switch (quire_sysctl_set(&scratch, value)) {
	case QUIRE_OK:
		break;
	case QUIRE_ENOENT:
		*why = "no memory tunable of that name";
		return false;
	default:
		*why = "not a value this tunable can have";
		return false;
	}
	options->sysctls[options->simulate.input.sysctl_count++] = value;
	options->simulate.input.sysctls = options->sysctls;
	return true;
}

static bool take_arch(void *target, const char *value, const char **why)
{
	enum quire_arch arch;

	*why = "architectures are x86_64, i386, i386-pae, arm64, riscv64";
	((struct boot_options *)target)->simulate.input.arch = value;
	return input_arch_by_name(value, &arch);
}

static bool take_nodes(void *target, const char *value, const char **why)
{
	(void)why;
	((struct boot_options *)target)->simulate.input.nodes = value;
	return true;
}

static bool take_cpus(void *target, const char *value, const char **why)
{
	*why = "a number from 1 to 65536 is wanted";
	return cli_number(value, 1, 65536, &((struct boot_options *)target)->simulate.input.cpus);
}

static bool take_hole(void *target, const char *value, const char **why)
{
	struct boot_options *options = target;

	*why = "too many of them";
	if (options->simulate.input.hole_count == MAX_REPEATS)
		return false;
	options->holes[options->simulate.input.hole_count++] = value;
	options->simulate.input.holes = options->holes;
	return true;
}

static bool take_distances(void *target, const char *value, const char **why)
{
	(void)why;
	((struct boot_options *)target)->simulate.input.distances = value;
	return true;
}

static bool take_model(void *target, const char *value, const char **why)
{
	enum quire_model model;

	*why = "models are flat, discontig, sparse, sparse-extreme, sparse-vmemmap";
	((struct boot_options *)target)->simulate.model = value;
	return simulate_model_by_name(value, &model);
}

static bool take_init(void *target, const char *value, const char **why)
{
	enum quire_init_policy policy;

	*why = "policies are eager, deferred, lazy";
	((struct boot_options *)target)->simulate.init = value;
	return simulate_init_by_name(value, &policy);
}

static bool take_workers(void *target, const char *value, const char **why)
{
	*why = "a number from 1 to 1024 is wanted";
	return cli_number(value, 1, 1024, &((struct boot_options *)target)->simulate.workers);
}

static bool take_stride(void *target, const char *value, const char **why)
{
	unsigned *stride = &((struct boot_options *)target)->simulate.stride;

	*why = "a descriptor takes 16, 32 or 64 bytes";
	return cli_number(value, 16, 64, stride) && (*stride == 16 || *stride == 32 || *stride == 64);
}

static bool take_verbose(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct boot_options *)target)->simulate.verbose = true;
	return true;
}

static bool take_quiet(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct boot_options *)target)->simulate.quiet = true;
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
	{ .help = "Kernel to agree with" },
	{ "cmdline", 'c', "WORDS", "kernel command line, instead of the input's own;\n"
	  "words about memory take effect, others are listed", take_command_line },
	{ "kernel", 'k', "VERSION", "rules of 6.1 or of 6.12 (default: the input's\nkernel, else 6.12)", take_kernel },
	{ "sysctl", 'S', "NAME=VALUE", "set a tunable such as vm.min_free_kbytes; may be\n"
	  "given several times", take_sysctl },
	{ .help = "A machine of one's own, instead of INPUT" },
	{ "nodes", 'n', "SPEC", "memory of each node: 4x16G, or 2x16G,1x0,1x8G", take_nodes },
	{ "arch", 'a', "ARCH", "x86_64 (default), i386, i386-pae, arm64, riscv64;\n"
	  "with INPUT: if it cannot be told from that", take_arch },
	{ "cpus", 'C', "N", "this many CPUs; also overrides an INPUT's", take_cpus },
	{ "hole", 'H', "BASE+SIZE", "no RAM there, as 1G+256M; may be given several\ntimes", take_hole },
	{ "distances", 'd', "MATRIX", "rows of node distances, '10,20;20,10', or ring,\nmesh, line", take_distances },
	{ .help = "Descriptors" },
	{ "model", 'm', "MODEL", "flat, discontig, sparse, sparse-extreme,\nsparse-vmemmap (default: the architecture's)",
	  take_model },
	{ "init", 'i', "POLICY", "when descriptors come into being: eager,\ndeferred, lazy", take_init },
	{ "workers", 'w', "N", "threads of deferred initialisation", take_workers },
	{ "stride", 0, "BYTES", "bytes per descriptor: 16, 32, 64", take_stride },
	{ .help = "General" },
	{ "verbose", 'v', NULL, "also say what was read and what the engine logged", take_verbose },
	{ "quiet", 'q', NULL, "no warnings, no heading", take_quiet },
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
		if (!options->show && !options->simulate.quiet)
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
	if ((first == argc) == !options.simulate.input.nodes) {
		cli_error(first == argc ? "boot: no INPUT, and no --nodes to make a machine from" :
					  "boot: either INPUT or --nodes, not both");
		fprintf(stderr, "Try 'quire help boot'.\n");
		return CLI_BAD;
	}
	result = CLI_BAD;
	options.simulate.paths = (const char *const *)argv + first;
	options.simulate.path_count = (size_t)(argc - first);
	if (simulate(&simulation, &options.simulate) == QUIRE_OK)
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
