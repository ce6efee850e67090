/*
 * The command-line parser's inner face: the word in hand and how handlers read its value. Internal.
 */
#ifndef QI_CMDLINE_H
#define QI_CMDLINE_H

#include <quire/firmware.h>

#include "base/base.h"

/* A piece of the command line being read. *end is never part of a number: it is a blank, a quote, a comma or the NUL. */
struct qi_text {
	const char *at, *end;
};

/* What hugepages= refers to depends on the words before it. */
struct qi_hugepage_state {
	quire_phys_t default_size;	/* default_hugepagesz=, 0: the architecture's */
	quire_phys_t target;		/* size the next hugepages= is for, 0: the default size */
	bool target_bad;		/* hugepagesz= was refused: its hugepages= goes with it */
	bool target_used;		/* had its hugepages= already */
	uint64_t seen;			/* bit log2(size) for every hugepagesz= */
};

struct qi_cmdline {
	struct quire_config *config;
	struct quire_boot_options *options;
	void (*unknown)(void *ctx, const char *word, size_t length, const char *why);
	void *ctx;
	struct qi_text word;
	struct qi_text value;
	bool has_value;
	bool crash_simple;		/* crashkernel= without suffix was seen: it beats ,high */
	struct qi_hugepage_state huge;
};

/* Report the word in hand. Returns false so that handlers can end with it. */
bool qi_cmdline_reject(struct qi_cmdline *c, const char *why);
/* y, yes, 1, on, t … or their opposites; no value at all means true. False: neither, and it was reported. */
bool qi_cmdline_boolean(struct qi_cmdline *c, bool *value);
/* A size is all there is to the value; false: it was reported. */
bool qi_cmdline_size(struct qi_cmdline *c, quire_phys_t *value);
/* Characters behind the value do no harm, but are reported. */
void qi_cmdline_note_rest(struct qi_cmdline *c);

/* Read a size and move behind it; false if there is none or it does not fit. */
bool qi_text_size(struct qi_text *text, quire_phys_t *value);
/* Move behind `c` if it is next. */
bool qi_text_skip(struct qi_text *text, char c);
bool qi_text_is(const struct qi_text *text, const char *string);
bool qi_text_contains(const struct qi_text *text, char c);
/* Cut the next piece up to `separator` off the text; false if the text is used up. */
bool qi_text_next(struct qi_text *text, char separator, struct qi_text *piece);

/* Handlers that live in files of their own. Each reads c->value and reports what it refuses. */
void qi_cmdline_memmap(struct qi_cmdline *c);
void qi_cmdline_crashkernel(struct qi_cmdline *c);
void qi_cmdline_hugepagesz(struct qi_cmdline *c);
void qi_cmdline_default_hugepagesz(struct qi_cmdline *c);
void qi_cmdline_hugepages(struct qi_cmdline *c);
void qi_cmdline_hugepages_finish(struct qi_cmdline *c);
void qi_cmdline_numa(struct qi_cmdline *c);
void qi_cmdline_memmap_on_memory(struct qi_cmdline *c);
void qi_cmdline_memhp_state(struct qi_cmdline *c);
void qi_cmdline_online_policy(struct qi_cmdline *c);
void qi_cmdline_auto_movable_ratio(struct qi_cmdline *c);
void qi_cmdline_auto_movable_numa_aware(struct qi_cmdline *c);
void qi_cmdline_page_poison(struct qi_cmdline *c);
void qi_cmdline_page_owner(struct qi_cmdline *c);
void qi_cmdline_debug_pagealloc(struct qi_cmdline *c);
void qi_cmdline_guardpage_minorder(struct qi_cmdline *c);
void qi_cmdline_init_on_alloc(struct qi_cmdline *c);
void qi_cmdline_init_on_free(struct qi_cmdline *c);
void qi_cmdline_fail_page_alloc(struct qi_cmdline *c);

#endif
