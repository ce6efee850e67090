/*
 * Command-line options, by table: the same table drives parsing and help, so that help cannot leave one out.
 */
#ifndef QUIRE_TOOL_OPTIONS_H
#define QUIRE_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One option. An entry without a name is a heading in the help. */
struct cli_option {
	const char *name;		/* long name, without dashes */
	char letter;			/* short form, 0: none */
	const char *argument;		/* what its argument is called, NULL: takes none */
	const char *help;		/* one or more lines, separated by \n */
	/* Take the option. False: *why says what is wrong with the argument. NULL for help. */
	bool (*take)(void *target, const char *value, const char **why);
};

/* How the result is written; every command that has these options begins its target with it. */
struct cli_output {
	const char *path;		/* NULL: standard output */
	bool json;
};

bool cli_take_format(void *target, const char *value, const char **why);
bool cli_take_path(void *target, const char *value, const char **why);

#define CLI_OUTPUT_OPTIONS(formats) \
	{ "format", 'f', "FORMAT", formats, cli_take_format }, \
	{ "output", 'o', "FILE", "write there instead of to standard output", cli_take_path }

/* A subcommand. */
struct cli_command {
	const char *name;
	const char *arguments;		/* "INPUT…" */
	const char *summary;		/* one line */
	const char *description;	/* several lines, each up to 90 columns */
	const struct cli_option *options;	/* ended by an entry without name and help */
	void (*more_help)(FILE *out);	/* below the options; may be NULL */
	int (*run)(int argc, char **argv);
};

/* Exit codes of the command. */
enum { CLI_OK = 0, CLI_DIFFERENT = 1, CLI_BAD = 2 };

extern const struct cli_command cli_boot_command;
extern const struct cli_command cli_offline_command;
extern const struct cli_command cli_plan_command;
extern const struct cli_command cli_run_command;
extern const struct cli_command cli_shell_command;
extern const struct cli_command cli_replay_command;
extern const struct cli_command cli_verify_command;

/*
 * Parse argv[1 …] by the command's table; options and INPUTs may be mixed, "--" ends options. On success *first is
 * the index of the first INPUT (argv is permuted) and CLI_OK is returned. If help was asked for, it is printed and
 * *done is set. CLI_BAD after a message.
 */
int cli_parse(const struct cli_command *command, int argc, char **argv, void *target, int *first, bool *done);

void cli_help(const struct cli_command *command, FILE *out);

/* Print "quire: " and a message to standard error. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Say what is wrong with how the command was called, and where help is. CLI_BAD. */
int cli_bad_usage(const struct cli_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A whole decimal number in [low, high]. */
bool cli_number(const char *text, unsigned low, unsigned high, unsigned *value);

/*
 * Where output goes: standard output, or the file of -o. cli_output_close returns false, after a message, if
 * something could not be written: a full disk must not look like success.
 */
FILE *cli_output_open(const char *path);
bool cli_output_close(FILE *out, const char *path);

#endif
