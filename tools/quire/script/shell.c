/*
 * quire shell: the same language, line by line. With a terminal and libedit there is history (kept in ~/.quire_history)
 * and completion of verbs, their words, reports and handles; otherwise lines are read from standard input as they come.
 */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef QUIRE_EDITLINE
#include <editline/readline.h>
#endif

#include "../show.h"
#include "complete.h"

#define HISTORY_LINES 1000

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* ^C ends what a line does, not the shell. */
static enum script_result run_line(struct script *s, const char *text)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before;
	enum script_result result;

	interrupted = 0;
	sigaction(SIGINT, &action, &before);
	s->line++;
	result = script_feed(s, text);
	sigaction(SIGINT, &before, NULL);
	fflush(s->out);
	return result;
}

#ifdef QUIRE_EDITLINE
/* readline's interface has no argument to carry this through. */
static const struct script *completing;

static char *next_completion(const char *text, int again)
{
	static size_t at;

	if (!again)
		at = 0;
	return complete_word(completing, rl_line_buffer, (size_t)(rl_point < 0 ? 0 : rl_point) - strlen(text), text, &at);
}

static char **completions(const char *text, int start, int end)
{
	char **matches = rl_completion_matches(text, next_completion);

	(void)start;
	(void)end;
	rl_attempted_completion_over = 1;
	/* A key wants its value right behind it. */
	rl_completion_append_character = matches && matches[0] && strpbrk(matches[0], "=(") ? '\0' : ' ';
	return matches;
}

static char *history_path(void)
{
	const char *home = getenv("HOME");
	char *path;

	return home && *home && asprintf(&path, "%s/.quire_history", home) > 0 ? path : NULL;
}

static enum script_result edit_lines(struct script *s)
{
	enum script_result result = SCRIPT_OK;
	char *path = history_path(), *text;

	completing = s;
	rl_readline_name = (char *)(uintptr_t)"quire";
	rl_attempted_completion_function = completions;
	rl_basic_word_break_characters = " \t";
	stifle_history(HISTORY_LINES);
	if (path)
		read_history(path);
	while (result != SCRIPT_QUIT && (text = readline(s->pending.depth ? "     > " : "quire> ")) != NULL) {
		if (*text)
			add_history(text);
		result = run_line(s, text);
		free(text);
	}
	if (result != SCRIPT_QUIT)
		putchar('\n');
	if (path)
		write_history(path);
	free(path);
	return result;
}
#endif

static enum script_result read_lines(struct script *s)
{
	enum script_result result = SCRIPT_OK;
	char *text = NULL;
	size_t room = 0;

	while (result != SCRIPT_QUIT && getline(&text, &room, stdin) >= 0)
		result = run_line(s, text);
	free(text);
	return result;
}

static enum script_result converse(struct script *s)
{
	enum script_result result;

#ifdef QUIRE_EDITLINE
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		result = edit_lines(s);
	else
#endif
		result = read_lines(s);
	return result == SCRIPT_QUIT ? SCRIPT_OK : script_finish(s);
}

static const struct cli_option shell_table[] = {
	MACHINE_OPTIONS,
	MACHINE_GENERAL_OPTIONS(MACHINE_VERBOSE, "no warnings"),
	{ 0 },
};

static int shell(int argc, char **argv)
{
	struct machine_options options = { 0 };
	enum script_result result = SCRIPT_OK;
	struct script script;
	int first, code;
	bool done;

	code = cli_parse(&cli_shell_command, argc, argv, &options, &first, &done);
	if (code != CLI_OK || done)
		return code;
	code = machine_take_inputs(&cli_shell_command, &options, argv + first, argc - first, false);
	if (code != CLI_OK)
		return code;
	script_init(&script, stdout, stderr);
	script.source = "shell";
	script.interactive = true;
	script.interrupted = &interrupted;
	if (first < argc || options.simulate.input.nodes)
		result = script_boot_machine(&script, &options.simulate);
	if (result == SCRIPT_OK)
		converse(&script);
	script_free(&script);
	return cli_output_close(stdout, NULL) && result == SCRIPT_OK ? CLI_OK : CLI_BAD;
}

const struct cli_command cli_shell_command = {
	.name = "shell",
	.arguments = "[INPUT...]",
	.summary = "take and free memory of a booted machine by hand",
	.description =
		"Read lines of the script language (see 'quire help run') and do what they say, over the\n"
		"machine of INPUT or of the options, if there are any. 'help' lists the verbs, 'quit' ends.\n"
		"\n"
		"Exit status: 0, or 2 for bad usage and a machine that cannot be booted.",
	.options = shell_table,
	.run = shell,
};
