/* How values of the command line are read: pieces, sizes, yes and no; see cmdline.h. */
#include "cmdline.h"

bool qi_text_size(struct qi_text *text, quire_phys_t *value)
{
	return text->at < text->end && quire_parse_size(text->at, value, &text->at) == QUIRE_OK;
}

bool qi_text_skip(struct qi_text *text, char c)
{
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

bool qi_text_is(const struct qi_text *text, const char *string)
{
	const char *p = text->at;

	while (p < text->end && *string && *p == *string) {
		p++;
		string++;
	}
	return p == text->end && !*string;
}

bool qi_text_contains(const struct qi_text *text, char c)
{
	for (const char *p = text->at; p < text->end; p++)
		if (*p == c)
			return true;
	return false;
}

bool qi_text_next(struct qi_text *text, char separator, struct qi_text *piece)
{
	const char *p = text->at;

	if (p == text->end)
		return false;
	while (p < text->end && *p != separator)
		p++;
	*piece = (struct qi_text){ .at = text->at, .end = p };
	text->at = p < text->end ? p + 1 : p;
	return true;
}

void qi_cmdline_note_rest(struct qi_cmdline *c)
{
	if (c->value.at < c->value.end)
		qi_cmdline_reject(c, "taken, but characters behind the value were ignored");
}

bool qi_cmdline_size(struct qi_cmdline *c, quire_phys_t *value)
{
	if (!qi_text_size(&c->value, value))
		return qi_cmdline_reject(c, "no size, or one beyond 64 bits");
	qi_cmdline_note_rest(c);
	return true;
}

bool qi_cmdline_boolean(struct qi_cmdline *c, bool *value)
{
	const char *p = c->value.at;
	char first, second;

	if (!c->has_value) {
		*value = true;
		return true;
	}
	first = p < c->value.end ? (char)(*p | 0x20) : 0;
	second = p + 1 < c->value.end ? (char)(p[1] | 0x20) : 0;
	if (p < c->value.end && (*p == '1' || first == 'y' || first == 't' || (first == 'o' && second == 'n')))
		*value = true;
	else if (p < c->value.end && (*p == '0' || first == 'n' || first == 'f' || (first == 'o' && second == 'f')))
		*value = false;
	else
		return qi_cmdline_reject(c, "neither on nor off");
	return true;
}
