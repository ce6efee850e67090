/* A JSON writer. Numbers are written as integers of up to 64 bits, which is why no floating point is involved. */
#include "json.h"

#include <inttypes.h>
#include <stddef.h>

void json_init(struct json *json, FILE *out)
{
	*json = (struct json){ .out = out };
}

/* Length of the valid UTF-8 sequence at text (1 .. 4), or 0. Overlong forms and surrogates are not valid. */
static size_t utf8_length(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = text[0] < 0x80 ? 1 : (text[0] & 0xe0) == 0xc0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 :
			(text[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t code;

	if (length <= 1)
		return length;
	code = text[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

static void put_string(FILE *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	fputc('"', out);
	while (*p) {
		size_t length = utf8_length(p);

		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else if (!length)
			fputs("\\ufffd", out);
		else
			fwrite(p, 1, length, out);
		p += length ? length : 1;
	}
	fputc('"', out);
}

/* Comma, line break and name before a value. */
static void begin(struct json *json, const char *name)
{
	if (json->depth) {
		if (json->filled[json->depth])
			fputc(',', json->out);
		if (json->row_depth)
			fputs(json->filled[json->depth] || json->closer[json->depth] == '}' ? " " : "", json->out);
		else
			fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
		json->filled[json->depth] = true;
	}
	if (name) {
		put_string(json->out, name);
		fputs(": ", json->out);
	}
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	fputc(bracket, json->out);
	if (json->depth + 1 < JSON_DEPTH)
		json->depth++;
	json->closer[json->depth] = bracket == '{' ? '}' : ']';
	json->filled[json->depth] = false;
}

void json_row(struct json *json, const char *name, char bracket)
{
	json_open(json, name, bracket);
	if (!json->row_depth)
		json->row_depth = json->depth;
}

void json_close(struct json *json)
{
	if (!json->depth)
		return;
	if (json->filled[json->depth] && !json->row_depth)
		fprintf(json->out, "\n%*s", (int)(2 * (json->depth - 1)), "");
	else if (json->filled[json->depth] && json->closer[json->depth] == '}')
		fputc(' ', json->out);
	fputc(json->closer[json->depth], json->out);
	if (json->row_depth == json->depth)
		json->row_depth = 0;
	if (!--json->depth)
		fputc('\n', json->out);
}

void json_unsigned(struct json *json, const char *name, uint64_t value)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
	begin(json, name);
	fprintf(json->out, "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->out);
}

void json_text(struct json *json, const char *name, const char *value)
{
	begin(json, name);
	if (value)
		put_string(json->out, value);
	else
		fputs("null", json->out);
}

void json_null(struct json *json, const char *name)
{
	begin(json, name);
	fputs("null", json->out);
}
