/*
 * What the tests of inputs share: machines out of literal texts, and checks that say what was wrong.
 */
#ifndef TEST_INPUT_SUPPORT_H
#define TEST_INPUT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "facts.h"

typedef enum quire_status (*text_reader)(struct input *in, const struct textfile *file);

/* One reader over a literal text. The input is initialised. */
enum quire_status feed(struct input *in, text_reader reader, const char *text);

/* init, one kernel log, finish. */
enum quire_status load_log(struct input *in, const struct input_options *options, const char *log);

/* Whether a note at `level` or more serious has `text` in it (and, line given, is about that line). */
bool has_note(const struct input *in, enum quire_log_level level, size_t line, const char *text);

/* Number of notes at `level` or more serious. */
size_t notes_at(const struct input *in, enum quire_log_level level);

/* RAM entry i of the machine is [base, base + size). */
void assert_map(const struct quire_machine *m, size_t i, uint64_t base, uint64_t size, enum quire_memory_type type);

size_t cpus_enabled(const struct quire_machine *m);

/*
 * Write a file in a test's own folder; the folder is made by temporary_folder() and removed with all in it by its
 * counterpart.
 */
void temporary_folder(char path[256]);
void remove_folder(const char *path);
void write_file(const char *folder, const char *name, const void *data, size_t size);

#endif
