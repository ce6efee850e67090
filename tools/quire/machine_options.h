/*
 * The options that say which machine to boot and how: shared by every command that boots one. A command's target begins
 * with a struct machine_options, and its table has MACHINE_OPTIONS in it.
 */
#ifndef QUIRE_TOOL_MACHINE_OPTIONS_H
#define QUIRE_TOOL_MACHINE_OPTIONS_H

#include "options.h"
#include "simulate.h"

#define MACHINE_OPTION_REPEATS 64

struct machine_options {
	struct cli_output output;		/* first: its options want it there */
	struct simulate_options simulate;
	const char *sysctls[MACHINE_OPTION_REPEATS];
	const char *holes[MACHINE_OPTION_REPEATS];
};

bool machine_take_command_line(void *target, const char *value, const char **why);
bool machine_take_kernel(void *target, const char *value, const char **why);
bool machine_take_sysctl(void *target, const char *value, const char **why);
bool machine_take_arch(void *target, const char *value, const char **why);
bool machine_take_nodes(void *target, const char *value, const char **why);
bool machine_take_cpus(void *target, const char *value, const char **why);
bool machine_take_hole(void *target, const char *value, const char **why);
bool machine_take_distances(void *target, const char *value, const char **why);
bool machine_take_model(void *target, const char *value, const char **why);
bool machine_take_init(void *target, const char *value, const char **why);
bool machine_take_workers(void *target, const char *value, const char **why);
bool machine_take_stride(void *target, const char *value, const char **why);
/*
 * The `count` words behind the options are INPUTs. They and --nodes exclude each other, and if a machine is `wanted`, one of
 * them must be there. CLI_OK, or CLI_BAD after a message.
 */
int machine_take_inputs(const struct cli_command *command, struct machine_options *options, char **words, int count,
			bool wanted);

bool machine_take_verbose(void *target, const char *value, const char **why);
bool machine_take_quiet(void *target, const char *value, const char **why);

#define MACHINE_OPTIONS \
	{ .help = "Kernel to agree with" }, \
	{ "cmdline", 'c', "WORDS", "kernel command line, instead of the input's own;\n" \
	  "words about memory take effect, others are listed", machine_take_command_line }, \
	{ "kernel", 'k', "VERSION", "rules of 6.1 or of 6.12 (default: the input's\nkernel, else 6.12)", \
	  machine_take_kernel }, \
	{ "sysctl", 'S', "NAME=VALUE", "set a tunable ('quire help tunables'); may be\n" \
	  "given several times", machine_take_sysctl }, \
	{ .help = "A machine of one's own, instead of INPUT" }, \
	{ "nodes", 'n', "SPEC", "memory of each node: 4x16G, or 2x16G,1x0,1x8G", machine_take_nodes }, \
	{ "arch", 'a', "ARCH", "x86_64 (default), i386, i386-pae, arm64, riscv64;\n" \
	  "with INPUT: if it cannot be told from that", machine_take_arch }, \
	{ "cpus", 'C', "N", "this many CPUs; also overrides an INPUT's", machine_take_cpus }, \
	{ "hole", 'H', "BASE+SIZE", "no RAM there, as 1G+256M; may be given several\ntimes", machine_take_hole }, \
	{ "distances", 'd', "MATRIX", "rows of node distances, '10,20;20,10', or ring,\nmesh, line", \
	  machine_take_distances }, \
	{ .help = "Descriptors" }, \
	{ "model", 'm', "MODEL", "flat, discontig, sparse, sparse-extreme,\nsparse-vmemmap (default: the architecture's)", \
	  machine_take_model }, \
	{ "init", 'i', "POLICY", "when descriptors come into being: eager,\ndeferred, lazy", machine_take_init }, \
	{ "workers", 'w', "N", "threads of deferred initialisation", machine_take_workers }, \
	{ "stride", 0, "BYTES", "bytes per descriptor: 16, 32, 64", machine_take_stride }

#define MACHINE_GENERAL_OPTIONS(verbose, quiet) \
	{ .help = "General" }, \
	{ "verbose", 'v', NULL, verbose, machine_take_verbose }, \
	{ "quiet", 'q', NULL, quiet, machine_take_quiet }, \
	{ "help", 'h', NULL, "show this help", NULL }
#define MACHINE_VERBOSE "also say what was read and what the engine logged"

#endif
