/* Machine folders for golden tests, and running verify over them. */
#ifndef TEST_GOLDEN_MACHINES_H
#define TEST_GOLDEN_MACHINES_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MACHINES_MAX 512

/*
 * Sub-folders of `directory` that have a dmesg.txt, sorted; 0 if there is no such directory. Free each, and the array
 * is yours.
 */
size_t machines_in(const char *directory, char *paths[MACHINES_MAX]);
void machines_free(char **paths, size_t count);

/* Where captures are: QUIRE_CAPTURES, else ../shared/captures. */
const char *captures_directory(void);

/* Run verify and return its exit code; *output is what it printed (free it). */
int verify_to_text(char *const *paths, size_t count, char **output);

/*
 * Copy a machine folder into a new temporary one. In `file` the first line that contains `needle` gets `from`
 * replaced by `to`; file NULL: a plain copy; to NULL: the whole file is left out. Fails the test if there is no such
 * line. *path is the copy.
 */
void machine_copy(const char *machine, const char *file, const char *needle, const char *from, const char *to, char *path,
		  size_t size);
void machine_remove(const char *path);

#endif
