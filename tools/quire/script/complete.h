/* What a shell may offer for the word being typed; no terminal is needed to ask. */
#ifndef QUIRE_SCRIPT_COMPLETE_H
#define QUIRE_SCRIPT_COMPLETE_H

#include "script.h"

/*
 * The next word that begins with `text`, which stands at offset `start` of `line`; NULL: no more. *at is where the search
 * goes on: 0 to begin with. The caller frees it.
 */
char *complete_word(const struct script *s, const char *line, size_t start, const char *text, size_t *at);

#endif
