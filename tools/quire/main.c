/*
 * quire: the command. Picks the subcommand; each has a file *_command.c with its options and its way through the rooms:
 * input/ reads descriptions, ports/hosted carries the engine, linux/ knows what a kernel takes for itself, verify/
 * compares, the engine's reports print.
 */
#include <string.h>

#include <quire/firmware.h>

#include "options.h"

static const struct cli_command *const commands[] = {
	&cli_boot_command, &cli_offline_command, &cli_plan_command, &cli_replay_command, &cli_run_command, &cli_shell_command, &cli_verify_command,
};

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_usage(FILE *out)
{
	fputs("Usage: quire COMMAND [OPTION]... ARGUMENT...\n"
	      "       quire help [COMMAND]\n\n"
	      "Boot a machine's physical memory in simulation, from a kernel log, firmware tables or a few\n"
	      "options, and show what a Linux kernel would make of it.\n\nCommands:\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-22s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help [COMMAND]          this text, or the options of a command\n"
	      "  help tunables           what --sysctl and a script's 'set' know\n\n"
	      "Options:\n"
	      "  -h, --help              show this help\n"
	      "      --version           show the version\n\n"
	      "Examples:\n"
	      "  quire boot machine/                 a directory with dmesg.txt and the like\n"
	      "  dmesg | quire boot -                the log of the running kernel\n"
	      "  quire boot --nodes 4x16G --cpus 32 --show zoneinfo\n"
	      "  quire plan --nodes 8x8T             what page descriptors would cost there\n"
	      "  quire verify captures/*\n", out);
}

static int help(int argc, char **argv)
{
	const struct cli_command *command = argc > 1 ? find_command(argv[1]) : NULL;

	if (command) {
		cli_help(command, stdout);
	} else if (argc > 1 && strcmp(argv[1], "tunables") == 0) {
		for (const struct quire_sysctl *known = quire_sysctls; known->name; known++)
			printf("  vm.%-30s %-18s %s\n", known->name, known->values, known->what);
	} else if (argc > 1) {
		cli_error("there is no command '%s'", argv[1]);
		return CLI_BAD;
	} else {
		print_usage(stdout);
	}
	return CLI_OK;
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2) {
		print_usage(stderr);
		return CLI_BAD;
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(1, argv);
	if (strcmp(argv[1], "--version") == 0) {
		puts("quire " QUIRE_VERSION);
		return CLI_OK;
	}
	command = find_command(argv[1]);
	if (!command) {
		cli_error("there is no command '%s'", argv[1]);
		fprintf(stderr, "Try 'quire --help'.\n");
		return CLI_BAD;
	}
	return command->run(argc - 1, argv + 1);
}
