/* Verbs about the script itself: variables, expectations, files, time. */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

enum script_result script_seed(struct script *s, struct script_line *line)
{
	const char *word = script_next_word(line);

	if (script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	return word && script_number(word, &s->random) ? SCRIPT_OK : script_bad(s, "seed: a number is wanted");
}

enum script_result script_echo(struct script *s, struct script_line *line)
{
	const char *text = line->rest;
	size_t length = strlen(text);

	/* One pair of quotes around everything goes. */
	if (length >= 2 && text[0] == '"' && strchr(text + 1, '"') == text + length - 1) {
		text++;
		length -= 2;
	}
	fprintf(s->out, "%.*s\n", (int)length, text);
	return SCRIPT_OK;
}

enum script_result script_print(struct script *s, struct script_line *line)
{
	struct script_value value;
	const char *end;
	char why[SCRIPT_WHY], text[32];

	if (!script_evaluate(s, line->rest, &value, &end, why))
		return script_bad(s, "print: %s", why);
	if (*end)
		return script_bad(s, "print: '%.40s' is not understood here", end);
	fprintf(s->out, "%s\n", script_value_text(&value, text));
	return SCRIPT_OK;
}

static struct script_variable *make_variable(struct script *s, const char *name)
{
	struct script_variable *grown;

	for (size_t i = 0; i < s->variable_count; i++)
		if (strcmp(s->variables[i].name, name) == 0)
			return &s->variables[i];
	grown = realloc(s->variables, (s->variable_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	s->variables = grown;
	snprintf(grown[s->variable_count].name, SCRIPT_NAME_MAX, "%s", name);
	return &grown[s->variable_count++];
}

/* Words that mean something else in an expression cannot be variables. */
static bool reserved(const char *name)
{
	enum quire_status status;
	enum quire_zone_type zone;

	return strcmp(name, "last") == 0 || strcmp(name, "got") == 0 || script_status_by_word(name, &status) ||
	       script_zone(name, &zone);
}

enum script_result script_let(struct script *s, struct script_line *line)
{
	size_t length = strcspn(line->rest, "= \t");
	const char *at = line->rest + length + strspn(line->rest + length, " \t"), *end;
	char name[SCRIPT_NAME_MAX] = "", why[SCRIPT_WHY];
	struct script_variable *variable;
	struct script_value value;

	if (length < sizeof(name))
		memcpy(name, line->rest, length);
	if (*at != '=' || !script_name(name))
		return script_bad(s, "let: NAME = EXPRESSION is wanted");
	if (reserved(name))
		return script_bad(s, "let: '%s' has a meaning already", name);
	if (!script_evaluate(s, at + 1, &value, &end, why))
		return script_bad(s, "let: %s", why);
	if (*end)
		return script_bad(s, "let: '%.40s' is not understood here", end);
	variable = make_variable(s, name);
	if (!variable)
		return script_bad(s, "out of memory");
	variable->value = value.number;
	return SCRIPT_OK;
}

enum script_result script_expect(struct script *s, struct script_line *line)
{
	char why[SCRIPT_WHY], text[32];
	struct script_value left;
	bool holds;

	if (!script_compare(s, line->rest, &holds, &left, why))
		return script_bad(s, "expect: %s", why);
	return holds ? SCRIPT_OK : script_unmet(s, "expected %s, but the left side is %s", line->rest,
						script_value_text(&left, text));
}

enum script_result script_time(struct script *s, struct script_line *line)
{
	uint64_t started = progress_now_ns(), ns;
	enum script_result result;

	/* "time time …" would recurse as deep as the line is long. */
	if (strncmp(line->rest, "time", 4) == 0 && (line->rest[4] == ' ' || line->rest[4] == '\t' || !line->rest[4]))
		return script_bad(s, "time: once is enough");
	result = script_execute(s, line->rest);
	ns = progress_now_ns() - started;
	if (result == SCRIPT_OK)
		fprintf(s->out, "time: %llu.%03llu ms\n", (unsigned long long)(ns / 1000000),
			(unsigned long long)(ns / 1000 % 1000));
	return result;
}

/* A relative path is looked up beside the script that names it. */
static char *resolve(const struct script *s, const char *path)
{
	const char *slash = s->source_depth || !s->interactive ? strrchr(s->source, '/') : NULL;
	char *resolved;

	if (*path == '/' || !slash)
		return strdup(path);
	if (asprintf(&resolved, "%.*s%s", (int)(slash - s->source + 1), s->source, path) < 0)
		return NULL;
	return resolved;
}

enum script_result script_source(struct script *s, struct script_line *line)
{
	const char *path = script_next_word(line);
	enum script_result result;
	char *resolved;

	if (!path || script_all_used(s, line) != SCRIPT_OK)
		return path ? SCRIPT_BAD : script_bad(s, "source: a file is wanted");
	if (s->confined)
		return script_bad(s, "files are not allowed here");
	if (s->source_depth == SCRIPT_SOURCE_DEPTH)
		return script_bad(s, "source: scripts are nested more than %d deep", SCRIPT_SOURCE_DEPTH);
	resolved = resolve(s, path);
	if (!resolved)
		return script_bad(s, "out of memory");
	s->source_depth++;
	result = script_run_file(s, resolved);
	s->source_depth--;
	free(resolved);
	return result == SCRIPT_QUIT && s->source_depth ? SCRIPT_OK : result;
}

enum script_result script_quit(struct script *s, struct script_line *line)
{
	enum script_result result = script_all_used(s, line);

	return result == SCRIPT_OK ? SCRIPT_QUIT : result;
}

enum script_result script_help(struct script *s, struct script_line *line)
{
	const char *only = script_next_word(line);

	if (script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	for (const struct script_verb *verb = script_verbs; verb->name; verb++)
		if (!only || strcmp(only, verb->name) == 0)
			fprintf(s->out, "  %-8s %s%s%s\n", verb->name, verb->arguments,
				*verb->arguments ? "\n           " : "", verb->help);
	return SCRIPT_OK;
}
