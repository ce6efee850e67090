/*
 * One line of a script cut into words, and words read as values. No machine is needed here: everything can be tested on
 * hostile text alone.
 *
 * A word is a run of characters without spaces; "…" keeps spaces together and is taken as it stands. A word KEY=VALUE
 * whose key is a name (letters, digits, '_', '-', '.') is a setting. '#' outside quotes begins a comment.
 */
#ifndef QUIRE_SCRIPT_WORDS_H
#define QUIRE_SCRIPT_WORDS_H

#include <quire/page_alloc.h>

#define SCRIPT_WORDS 48
#define SCRIPT_LINE_MAX 4096

struct script_word {
	const char *key;		/* NULL: not a setting */
	const char *text;		/* the word, or the value of the setting */
	const char *whole;		/* as it was written, without quotes */
	bool used;			/* somebody asked for it */
};

struct script_line {
	char *buffer;
	char *copy;			/* for `whole` */
	const char *verb;		/* "": nothing on this line */
	const char *rest;		/* everything behind the verb as it was written, comment cut off */
	struct script_word words[SCRIPT_WORDS];	/* without the verb */
	size_t count;
};

/* Cut. Returns NULL, or what is wrong with the line. script_line_free() is due either way. */
const char *script_line_parse(struct script_line *line, const char *text);
void script_line_free(struct script_line *line);

/* The value of a setting, marking it used; NULL: not given. */
const char *script_setting(struct script_line *line, const char *key);
/* The next word that is no setting and was not taken yet; NULL: none. */
const char *script_next_word(struct script_line *line);
/* A word nobody asked for, as written; NULL: none. */
const char *script_left_over(const struct script_line *line);

/* Values. False: the text is not one. Numbers may be 0x… and have a suffix K M G T (times 1024). */
bool script_number(const char *text, uint64_t *value);
bool script_percent(const char *text, unsigned *percent);		/* "50%", 0 .. 100 */
bool script_range(const char *text, unsigned *low, unsigned *high);	/* "0..3", or "2" for both */
bool script_name(const char *text);					/* may name a handle or a variable */
bool script_zone(const char *text, enum quire_zone_type *type);		/* case does not matter */
bool script_migratetype(const char *text, enum quire_migratetype *type);
/* Flags by name, joined by '+' or '|', as "kernel+thisnode"; or a number. */
bool script_gfp(const char *text, quire_gfp_t *gfp);
/* "A[3]" or "A[3..9]": a name of at most `size` - 1 characters, and indices; "A" alone: *low is UINT64_MAX. */
bool script_handle_ref(const char *text, char *name, size_t size, uint64_t *low, uint64_t *high);

/* Names of the request flags, ended by NULL, for completion. */
extern const char *const script_gfp_names[];

#endif
