/* Completion: verbs at the beginning of a line; then the verb's own words, reports, queries, handles, values of keys. */
#define _GNU_SOURCE
#include "complete.h"

#include <stdlib.h>
#include <string.h>

#include <quire/firmware.h>

#include "../show.h"

/* Candidates are numbered through all sources; a source that has no n-th one takes its number off. */
struct search {
	const struct script *s;
	size_t n;
	char word[SCRIPT_NAME_MAX * 2];
};

static bool give(struct search *search, const char *word)
{
	snprintf(search->word, sizeof(search->word), "%s", word);
	return true;
}

static bool from_verbs(struct search *search)
{
	for (const struct script_verb *verb = script_verbs; verb->name; verb++)
		if (!search->n--)
			return give(search, verb->name);
	return false;
}

/* Words separated by spaces. */
static bool from_text(struct search *search, const char *words)
{
	for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
		size_t length = strcspn(words, " ");

		if (!search->n--) {
			snprintf(search->word, sizeof(search->word), "%.*s", (int)length, words);
			return true;
		}
		words += length;
	}
	return false;
}

static bool from_list(struct search *search, const char *const *words)
{
	for (; *words; words++)
		if (!search->n--)
			return give(search, *words);
	return false;
}

static bool from_reports(struct search *search)
{
	for (const struct show_report *report = show_reports; report->name; report++)
		if (!search->n--)
			return give(search, report->name);
	return false;
}

static bool from_tunables(struct search *search)
{
	for (const struct quire_sysctl *known = quire_sysctls; known->name; known++)
		if (!search->n--) {
			snprintf(search->word, sizeof(search->word), "%s=", known->name);
			return true;
		}
	return false;
}

static bool from_handles(struct search *search)
{
	for (size_t i = 0; i < search->s->handle_count; i++)
		if (!search->n--)
			return give(search, search->s->handles[i].name);
	return false;
}

/* KEY=value: the values a key can have, with the key before them. */
static bool from_values(struct search *search, const char *key, size_t length)
{
	static const char *const types[] = { "unmovable", "movable", "reclaimable", NULL };
	static const char *const zones[] = { "DMA", "DMA32", "Normal", "HighMem", "Movable", NULL };
	const char *const *values = length == 5 && strncmp(key, "type=", 5) == 0 ? types :
				    length == 5 && strncmp(key, "zone=", 5) == 0 ? zones :
				    length == 4 && strncmp(key, "gfp=", 4) == 0 ? script_gfp_names : NULL;

	for (; values && *values; values++)
		if (!search->n--) {
			snprintf(search->word, sizeof(search->word), "%.*s%s", (int)length, key, *values);
			return true;
		}
	return false;
}

static bool is_verb(const char *line, const char *name)
{
	size_t length = strcspn(line, " \t");

	return strlen(name) == length && strncmp(line, name, length) == 0;
}

static bool candidate(struct search *search, const char *line, bool first, const char *text)
{
	const char *equals = strchr(text, '=');

	if (first)
		return from_verbs(search);
	if (equals)
		return from_values(search, text, (size_t)(equals - text) + 1);
	for (const struct script_verb *verb = script_verbs; verb->name; verb++)
		if (is_verb(line, verb->name) && from_text(search, verb->completions))
			return true;
	if (is_verb(line, "set"))
		return from_tunables(search);
	if (is_verb(line, "show"))
		return from_reports(search);
	if (is_verb(line, "help"))
		return from_verbs(search);
	if (is_verb(line, "expect") || is_verb(line, "print") || is_verb(line, "let"))
		return from_list(search, script_query_names) || from_handles(search);
	return (is_verb(line, "free") || is_verb(line, "churn") || is_verb(line, "explain")) && from_handles(search);
}

char *complete_word(const struct script *s, const char *line, size_t start, const char *text, size_t *at)
{
	size_t indent = strspn(line, " \t");
	struct search search = { .s = s };

	if (strncmp(line + indent, "time ", 5) == 0)
		indent += 5;
	for (search.n = (*at)++; candidate(&search, line + indent, start <= indent, text); search.n = (*at)++)
		if (strncmp(search.word, text, strlen(text)) == 0)
			return strdup(search.word);
	return NULL;
}
