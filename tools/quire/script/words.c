/* Words and values of a script line; see words.h. */
#define _GNU_SOURCE
#include "words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <quire/firmware.h>

static bool name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* End of the text before a comment. */
static size_t length_without_comment(const char *text)
{
	bool quoted = false;
	size_t i;

	for (i = 0; text[i]; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '#' && !quoted)
			break;
	}
	while (i && is_space(text[i - 1]))
		i--;
	return i;
}

/* Take the word at *at out of the buffer, quotes removed; *at behind it. False: a quote is not closed. */
static bool cut_word(char **at, char **word, bool *quoted)
{
	char *from = *at, *to = *at;
	bool inside = false;

	*word = to;
	*quoted = *from == '"';
	while (*from && (inside || !is_space(*from))) {
		if (*from == '"')
			inside = !inside;
		else
			*to++ = *from;
		from++;
	}
	*at = *from ? from + 1 : from;
	*to = '\0';
	return !inside;
}

static void split_setting(struct script_word *word, char *text)
{
	size_t length = 0;

	while (name_character(text[length]))
		length++;
	if (!length || text[length] != '=' || text[0] == '-')
		return;
	text[length] = '\0';
	word->key = text;
	word->text = text + length + 1;
}

/* Cut all words of line->buffer; the first is the verb. */
static const char *cut_words(struct script_line *line)
{
	char *at = line->buffer, *word;
	bool quoted, first = true;

	for (;;) {
		while (is_space(*at))
			at++;
		if (!*at)
			return NULL;
		if (!cut_word(&at, &word, &quoted))
			return "a quote is not closed";
		if (first) {
			line->verb = word;
			first = false;
			continue;
		}
		if (line->count == SCRIPT_WORDS)
			return "too many words on one line";
		line->words[line->count] = (struct script_word){ .text = word, .whole = line->copy + (word - line->buffer) };
		/* The copy keeps the word whole where the setting is cut in two. */
		memcpy(line->copy + (word - line->buffer), word, strlen(word) + 1);
		if (!quoted)
			split_setting(&line->words[line->count], word);
		line->count++;
	}
}

const char *script_line_parse(struct script_line *line, const char *text)
{
	size_t length = length_without_comment(text), start = 0;

	memset(line, 0, sizeof(*line));
	line->verb = line->rest = "";
	if (length > SCRIPT_LINE_MAX)
		return "the line is too long";
	line->buffer = strndup(text, length);
	line->copy = calloc(2, length + 1);
	if (!line->buffer || !line->copy)
		return "out of memory";
	while (is_space(text[start]))
		start++;
	while (start < length && !is_space(text[start]))
		start++;
	while (start < length && is_space(text[start]))
		start++;
	/* The second half of the copy keeps the rest of the line as it was written. */
	if (start < length)
		memcpy(line->copy + length + 1, text + start, length - start);
	line->rest = line->copy + length + 1;
	return cut_words(line);
}

void script_line_free(struct script_line *line)
{
	free(line->buffer);
	free(line->copy);
	line->buffer = line->copy = NULL;
}

const char *script_setting(struct script_line *line, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < line->count; i++)
		if (line->words[i].key && strcmp(line->words[i].key, key) == 0) {
			line->words[i].used = true;
			value = line->words[i].text;
		}
	return value;
}

const char *script_next_word(struct script_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		if (!line->words[i].key && !line->words[i].used) {
			line->words[i].used = true;
			return line->words[i].text;
		}
	return NULL;
}

const char *script_left_over(const struct script_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		if (!line->words[i].used)
			return line->words[i].whole;
	return NULL;
}

/* --- values ---------------------------------------------------------------------------------------------------------- */

bool script_number(const char *text, uint64_t *value)
{
	const char *end;
	quire_phys_t number;

	if (!isdigit((unsigned char)*text) || quire_parse_size(text, &number, &end) != QUIRE_OK || *end)
		return false;
	*value = number;
	return true;
}

bool script_percent(const char *text, unsigned *percent)
{
	unsigned value = 0;
	size_t i = 0;

	for (; isdigit((unsigned char)text[i]) && i < 3; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (!i || text[i] != '%' || text[i + 1] || value > 100)
		return false;
	*percent = value;
	return true;
}

/* Up to nine digits; the end of them, or NULL. */
static const char *small_number(const char *text, unsigned *value)
{
	unsigned number = 0;
	size_t i = 0;

	for (; isdigit((unsigned char)text[i]); i++) {
		if (i == 9)
			return NULL;
		number = number * 10 + (unsigned)(text[i] - '0');
	}
	*value = number;
	return i ? text + i : NULL;
}

bool script_range(const char *text, unsigned *low, unsigned *high)
{
	unsigned first, last;
	const char *end = small_number(text, &first);

	if (!end)
		return false;
	last = first;
	if (end[0] == '.' && end[1] == '.')
		end = small_number(end + 2, &last);
	if (!end || *end || first > last)
		return false;
	*low = first;
	*high = last;
	return true;
}

bool script_name(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	for (size_t i = 1; text[i]; i++)
		if (i == 31 || (!isalnum((unsigned char)text[i]) && text[i] != '_'))
			return false;
	return true;
}

bool script_zone(const char *text, enum quire_zone_type *type)
{
	for (unsigned i = 0; i < QUIRE_ZONE_TYPES; i++)
		if (strcasecmp(text, quire_zone_name(i)) == 0) {
			*type = i;
			return true;
		}
	return false;
}

bool script_migratetype(const char *text, enum quire_migratetype *type)
{
	for (unsigned i = 0; i < QUIRE_MIGRATE_TYPES; i++)
		if (strcasecmp(text, quire_migratetype_name(i)) == 0) {
			*type = i;
			return true;
		}
	return false;
}

const char *const script_gfp_names[] = { "kernel", "atomic", "nowait", "highuser", "highuser_movable", "dma", "dma32",
	"highmem", "movable", "reclaimable", "high", "memalloc", "nomemalloc", "thisnode", "reclaim", "io", "fs",
	"none", NULL };
static const quire_gfp_t gfp_values[] = { QUIRE_GFP_KERNEL, QUIRE_GFP_ATOMIC, QUIRE_GFP_NOWAIT, QUIRE_GFP_HIGHUSER,
	QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_DMA, QUIRE_GFP_DMA32, QUIRE_GFP_HIGHMEM, QUIRE_GFP_MOVABLE,
	QUIRE_GFP_RECLAIMABLE, QUIRE_GFP_HIGH, QUIRE_GFP_MEMALLOC, QUIRE_GFP_NOMEMALLOC, QUIRE_GFP_THISNODE,
	QUIRE_GFP_RECLAIM, QUIRE_GFP_IO, QUIRE_GFP_FS, 0 };

static bool add_gfp(const char *text, size_t length, quire_gfp_t *gfp)
{
	for (size_t i = 0; script_gfp_names[i]; i++)
		if (strlen(script_gfp_names[i]) == length && strncasecmp(script_gfp_names[i], text, length) == 0) {
			*gfp |= gfp_values[i];
			return true;
		}
	return false;
}

bool script_gfp(const char *text, quire_gfp_t *gfp)
{
	quire_gfp_t flags = 0;
	uint64_t number;

	if (script_number(text, &number)) {
		*gfp = (quire_gfp_t)number;
		return number <= UINT32_MAX;
	}
	for (;;) {
		size_t length = strcspn(text, "+|");

		if (!add_gfp(text, length, &flags))
			return false;
		if (!text[length])
			break;
		text += length + 1;
	}
	*gfp = flags;
	return true;
}

/* "3]" or "3..9]", nothing behind it. */
static bool indices(const char *text, uint64_t *low, uint64_t *high)
{
	size_t length = strlen(text);
	unsigned first, last;
	char digits[24];

	if (!length || length > sizeof(digits) || text[length - 1] != ']')
		return false;
	memcpy(digits, text, length - 1);
	digits[length - 1] = '\0';
	if (!script_range(digits, &first, &last))
		return false;
	*low = first;
	*high = last;
	return true;
}

bool script_handle_ref(const char *text, char *name, size_t size, uint64_t *low, uint64_t *high)
{
	size_t length = strcspn(text, "[");

	if (!length || length >= size)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	*low = *high = UINT64_MAX;
	return script_name(name) && (!text[length] || indices(text + length + 1, low, high));
}
