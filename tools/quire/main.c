/*
 * quire: the command. Picks the subcommand; each has a file *_command.c with its options and its way through the rooms:
 * input/ reads descriptions, ports/hosted carries the engine, linux/ knows what a kernel takes for itself, verify/
 * compares, the engine's reports print.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <quire/firmware.h>

#include "options.h"

static const struct cli_command *const commands[] = {
	&cli_boot_command, &cli_offline_command, &cli_plan_command,   &cli_replay_command,
	&cli_run_command,  &cli_shell_command,	 &cli_verify_command,
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

static int no_command(const char *name)
{
	cli_error("there is no command '%s'", name);
	fprintf(stderr, "Try 'quire --help'.\n");
	return CLI_BAD;
}

static void print_tunables(void)
{
	for (const struct quire_sysctl *known = quire_sysctls; known->name; known++)
		printf("  vm.%-30s %-18s %s\n", known->name, known->values, known->what);
}

static int help(const char *name)
{
	const struct cli_command *command = name ? find_command(name) : NULL;

	if (command)
		cli_help(command, stdout);
	else if (!name)
		print_usage(stdout);
	else if (strcmp(name, "tunables") == 0)
		print_tunables();
	else
		return no_command(name);
	return cli_output_close(stdout, NULL) ? CLI_OK : CLI_BAD;
}

/*
 * A standard stream that was closed before we began would become whatever is opened first, and our output would be written
 * into that. In its place comes one that can only be used the wrong way round, so that using it fails.
 */
static void occupy_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	occupy_standard_streams();
	if (argc < 2) {
		print_usage(stderr);
		return CLI_BAD;
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(NULL);
	if (strcmp(argv[1], "--version") == 0) {
		puts("quire " QUIRE_VERSION);
		return cli_output_close(stdout, NULL) ? CLI_OK : CLI_BAD;
	}
	command = find_command(argv[1]);
	return command ? command->run(argc - 1, argv + 1) : no_command(argv[1]);
}
