/*
 * A JSON writer: opens, values, closes, in the order of the document. Keeps commas and indentation right; the caller
 * keeps opens and closes in pairs. Containers opened with json_row are written on one line with everything in them.
 */
#ifndef QUIRE_TOOL_JSON_H
#define QUIRE_TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 16

struct json {
	FILE *out;
	unsigned depth;
	unsigned row_depth;		/* depth of the outermost container on one line; 0: none */
	char closer[JSON_DEPTH];	/* '}' or ']' by depth */
	bool filled[JSON_DEPTH];	/* something was written at this depth */
};

void json_init(struct json *json, FILE *out);

/* Open an object '{' or an array '['. `name` is the member's name inside an object, NULL inside an array and at the top. */
void json_open(struct json *json, const char *name, char bracket);
void json_row(struct json *json, const char *name, char bracket);
/* Close what was opened last. Closing the document ends it with a newline. */
void json_close(struct json *json);

void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
/* NULL is written as null. Bytes that are not UTF-8 become U+FFFD, so that the document stays valid whatever a log held. */
void json_text(struct json *json, const char *name, const char *value);
void json_null(struct json *json, const char *name);

#endif
