/* Table-driven option parsing on top of getopt_long, and what all commands share. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

#define MAX_OPTIONS 40
/* getopt_long values for options without a letter start here, above all characters. */
#define LONG_ONLY 256

/* Whatever is complained about may come from a file of unknown origin. */
static void complain(const char *command, const char *format, va_list arguments)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, arguments);
	printable(text);
	fprintf(stderr, "quire: %s%s%s\n", command, *command ? ": " : "", text);
}

void cli_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain("", format, arguments);
	va_end(arguments);
}

bool cli_number(const char *text, unsigned low, unsigned high, unsigned *value)
{
	unsigned long number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number < low || number > high)
		return false;
	*value = (unsigned)number;
	return true;
}

/* What getopt_long wants, from our table. */
struct getopt_tables {
	struct option longs[MAX_OPTIONS];
	char shorts[2 * MAX_OPTIONS + 2];
};

static void build_tables(const struct cli_command *command, struct getopt_tables *tables)
{
	size_t count = 0, length = 0;

	/* A leading ':' keeps getopt quiet: the messages are ours. */
	tables->shorts[length++] = ':';
	for (size_t i = 0; command->options[i].help && i < MAX_OPTIONS; i++) {
		const struct cli_option *option = &command->options[i];

		if (!option->name)
			continue;
		tables->longs[count++] = (struct option){ option->name, option->argument ? required_argument : no_argument,
							  NULL, LONG_ONLY + (int)i };
		if (!option->letter)
			continue;
		tables->shorts[length++] = option->letter;
		if (option->argument)
			tables->shorts[length++] = ':';
	}
	tables->longs[count] = (struct option){ 0 };
	tables->shorts[length] = '\0';
}

static const struct cli_option *find_option(const struct cli_command *command, int code)
{
	if (code >= LONG_ONLY)
		return &command->options[code - LONG_ONLY];
	for (size_t i = 0; command->options[i].help; i++)
		if (command->options[i].name && command->options[i].letter == code)
			return &command->options[i];
	return NULL;
}

int cli_bad_usage(const struct cli_command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(command->name, format, arguments);
	va_end(arguments);
	fprintf(stderr, "Try 'quire help %s'.\n", command->name);
	return CLI_BAD;
}

/* getopt's own complaint, `code` being '?' or ':'. The word is argv[optind - 1] except inside a cluster of letters. */
static int refuse(const struct cli_command *command, int code, char **argv)
{
	char letter[3] = { '-', (char)optopt, '\0' };
	const char *word = optopt && optopt < LONG_ONLY ? letter : argv[optind - 1];

	if (code == ':')
		return cli_bad_usage(command, "option %s needs an argument", word);
	if (optopt >= LONG_ONLY)
		return cli_bad_usage(command, "option %s takes no argument", word);
	return cli_bad_usage(command, "unknown or ambiguous option %s", word);
}

int cli_parse(const struct cli_command *command, int argc, char **argv, void *target, int *first, bool *done)
{
	struct getopt_tables tables;
	const char *why;
	int code;

	build_tables(command, &tables);
	*done = false;
	optind = 0;
	while ((code = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
		const struct cli_option *option;

		if (code == '?' || code == ':')
			return refuse(command, code, argv);
		option = find_option(command, code);
		if (!option->take) {
			cli_help(command, stdout);
			*done = true;
			return cli_output_close(stdout, NULL) ? CLI_OK : CLI_BAD;
		}
		why = "this value makes no sense";
		if (!option->take(target, optarg, &why))
			return cli_bad_usage(command, "--%s %s: %s", option->name, optarg ? optarg : "", why);
	}
	*first = optind;
	return CLI_OK;
}

/* Options in a first column, explanations from the 27th on; a long option has its explanation below it. */
static void help_option(const struct cli_option *option, FILE *out)
{
	char left[64];
	const char *line = option->help;
	int width = snprintf(left, sizeof(left), "  %s%c%s--%s%s%s", option->letter ? "-" : " ",
			     option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
			     option->argument ? " " : "", option->argument ? option->argument : "");

	fputs(left, out);
	if (width > 25)
		fprintf(out, "\n%26s", "");
	else
		fprintf(out, "%*s", 26 - width, "");
	while (*line) {
		size_t length = strcspn(line, "\n");

		fprintf(out, "%.*s\n", (int)length, line);
		line += length + (line[length] == '\n');
		if (*line)
			fprintf(out, "%26s", "");
	}
}

void cli_help(const struct cli_command *command, FILE *out)
{
	fprintf(out, "Usage: quire %s [OPTION]... %s\n\n%s\n", command->name, command->arguments, command->description);
	for (size_t i = 0; command->options[i].help; i++) {
		if (command->options[i].name)
			help_option(&command->options[i], out);
		else
			fprintf(out, "\n%s:\n", command->options[i].help);
	}
	if (command->more_help)
		command->more_help(out);
}

bool cli_take_format(void *target, const char *value, const char **why)
{
	struct cli_output *output = target;

	output->json = strcmp(value, "json") == 0;
	*why = "formats are text and json";
	return output->json || strcmp(value, "text") == 0;
}

bool cli_take_path(void *target, const char *value, const char **why)
{
	(void)why;
	((struct cli_output *)target)->path = value;
	return true;
}

FILE *cli_output_open(const char *path)
{
	FILE *out = path && strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!out)
		cli_error("%s: cannot be written: %s", path, strerror(errno));
	return out;
}

bool cli_output_close(FILE *out, const char *path)
{
	bool failed = fflush(out) != 0 || ferror(out);

	if (out != stdout)
		failed |= fclose(out) != 0;
	if (failed)
		cli_error("%s: could not write everything: %s", path ? path : "standard output", strerror(errno));
	return !failed;
}
