/*
 * Check that standard input is one valid JSON document, and print each scalar of it as "path=value", one a line. A
 * reader of its own, for the tests of what the command writes. Exit 1 with a message if the document is not valid.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 32

static char *text, *at;
static char path[4096];

static void fail(const char *why)
{
	fprintf(stderr, "not JSON at byte %zu: %s\n", (size_t)(at - text), why);
	exit(1);
}

static void blanks(void)
{
	at += strspn(at, " \t\r\n");
}

/* Past a string; what it says stays as it is written, quotes off. */
static void string(const char **start, size_t *length)
{
	if (*at++ != '"')
		fail("a string should begin here");
	*start = at;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < 0x20)
			fail("a control character or the end, inside a string");
		if (*at == '\\' && !strchr("\"\\/bfnrtu", *++at))
			fail("no such escape");
	}
	*length = (size_t)(at++ - *start);
}

static void value(unsigned depth);

static void members(unsigned depth, size_t end)
{
	do {
		const char *name;
		size_t length;

		blanks();
		string(&name, &length);
		if (end + length + 2 > sizeof(path))
			fail("names too long");
		snprintf(path + end, sizeof(path) - end, "%s%.*s", end ? "." : "", (int)length, name);
		blanks();
		if (*at++ != ':')
			fail("a colon should follow a name");
		value(depth);
		path[end] = '\0';
		blanks();
	} while (*at == ',' && at++);
}

static void elements(unsigned depth, size_t end)
{
	unsigned index = 0;

	do {
		snprintf(path + end, sizeof(path) - end, "[%u]", index++);
		value(depth);
		path[end] = '\0';
		blanks();
	} while (*at == ',' && at++);
}

static void container(unsigned depth, char closer, void (*inside)(unsigned depth, size_t end))
{
	if (depth == MAX_DEPTH)
		fail("too deep");
	at++;
	blanks();
	if (*at != closer)
		inside(depth + 1, strlen(path));
	if (*at++ != closer)
		fail("not closed, or closed by the wrong bracket");
}

static int word(const char *expected, size_t length)
{
	return strlen(expected) == length && strncmp(at, expected, length) == 0;
}

static void scalar(void)
{
	const char *start = at;
	size_t length = strspn(at, "-0123456789");

	if (*at == '"') {
		string(&start, &length);
	} else if (length) {
		if ((*at == '0' && length > 1) || strspn(at + 1, "0123456789") + 1 != length)
			fail("no number looks like this");
		at += length;
	} else {
		length = strspn(at, "abcdefghijklmnopqrstuvwxyz");
		if (!word("true", length) && !word("false", length) && !word("null", length))
			fail("no value looks like this");
		at += length;
	}
	printf("%s=%.*s\n", path, (int)length, start);
}

static void value(unsigned depth)
{
	blanks();
	if (*at == '{')
		container(depth, '}', members);
	else if (*at == '[')
		container(depth, ']', elements);
	else
		scalar();
}

int main(void)
{
	size_t size = 0, got;

	do {
		text = realloc(text, size + 65537);
		got = text ? fread(text + size, 1, 65536, stdin) : 0;
		size += got;
	} while (got);
	if (!text)
		return 1;
	text[size] = '\0';
	at = text;
	value(0);
	blanks();
	if (at != text + size)
		fail("something follows the document");
	free(text);
	return 0;
}
