/*
 * Text from outside, read without trust: whole files as lines, kernel-log prefixes taken off, and small scanners.
 *
 * A struct textfile holds one file's bytes and where each line starts; lines are handed out as slices (pointer and
 * length) of those bytes, never copied and never NUL-terminated. Bytes are kept as they are: a line may hold NULs,
 * control characters and broken UTF-8. Everything is linear in the size of the file.
 *
 * Scanners take a slice by address and move it past what they accepted. When they return false the slice is untouched.
 */
#ifndef QUIRE_TOOL_TEXTFILE_H
#define QUIRE_TOOL_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <quire/types.h>

/* A piece of text that belongs to somebody else. */
struct text_slice {
	const char *at;
	size_t length;
};

/* For printf("%.*s", TEXT_PRINTF(slice)); long lines are cut to 160 characters. */
#define TEXT_PRINTF(slice) ((int)((slice).length < 160 ? (slice).length : 160)), ((slice).at ? (slice).at : "")

/* What textfile_read() takes unless told otherwise: the largest real logs (memblock=debug on big machines) stay below it. */
#define TEXTFILE_LIMIT ((size_t)64 << 20)

struct textfile {
	char *path;			/* as given; owned */
	char *data;			/* `size` bytes and a NUL; owned */
	size_t size;
	uint32_t *starts;		/* line_count + 1 offsets; the last is where a further line would start; owned */
	size_t line_count;
};

/*
 * Read a file to its end, whatever its stat() size says (/proc and /sys lie); "-" is standard input. limit 0:
 * TEXTFILE_LIMIT. QUIRE_ENOENT: no such file. QUIRE_EPLATFORM: cannot be read, errno says why. QUIRE_ERANGE: longer than
 * the limit. QUIRE_ENOMEM. On failure *file is empty and need not be freed (but may be).
 */
enum quire_status textfile_read(struct textfile *file, const char *path, size_t limit);

/* The same over a copy of `size` bytes in memory. QUIRE_ENOMEM, or QUIRE_ERANGE beyond 4 GiB. */
enum quire_status textfile_from_memory(struct textfile *file, const char *name, const void *data, size_t size);

/*
 * Texts captured over a serial console have kernel messages in between, even in the middle of a line ("fd000[
 * 2.220333] tsc: …\n00000-…"). Take out everything from a stamp to the end of that line, which joins what it tore apart;
 * line numbers count the mended text. Returns how many messages were taken out. Not for kernel logs.
 */
size_t textfile_drop_messages(struct textfile *file);

/* Give everything back; the file is empty afterwards. A zeroed textfile is fine. */
void textfile_free(struct textfile *file);

/* Line `index` (0-based; people count from 1) without its line end (\n or \r\n). Empty beyond the last line. */
struct text_slice textfile_line(const struct textfile *file, size_t index);

/* The same line without what a log collector put in front: text_strip_log_prefix(). */
struct text_slice textfile_message(const struct textfile *file, size_t index);

/*
 * Take off what precedes a kernel message: "<6>", "[    0.000000] ", "[    0.0][    T0] ", "[Tue Nov 21 …] ", the
 * syslog's and the journal's "Nov 21 10:00:00 host kernel: ", ISO dates, "kern  :info  : ", and /dev/kmsg's "6,12,0,-;".
 * A line without any is returned whole.
 */
struct text_slice text_strip_log_prefix(struct text_slice line);

/*
 * The stamp of a line in microseconds, from "[    1.234567]" or /dev/kmsg's third field. False where there is none.
 */
bool text_log_stamp(struct text_slice line, uint64_t *microseconds);

/* A C string as a slice. */
struct text_slice text_of(const char *string);

bool text_equals(struct text_slice slice, const char *string);
bool text_starts(struct text_slice slice, const char *string);

/* Accept `string` at the front. */
bool text_take(struct text_slice *slice, const char *string);

/* Find `string` anywhere; the slice then starts right after it. */
bool text_take_through(struct text_slice *slice, const char *string);

/* Where `string` occurs, without moving. */
bool text_contains(struct text_slice slice, const char *string);

/* Move past blanks and tabs; drop them at the end too (trim). */
void text_skip_blanks(struct text_slice *slice);
struct text_slice text_trim(struct text_slice slice);

/* The next run of characters other than blanks, after blanks. False at the end. */
bool text_take_word(struct text_slice *slice, struct text_slice *word);

/*
 * Numbers; leading blanks are skipped. text_take_number: decimal, or hexadecimal after 0x. text_take_hex: hexadecimal
 * with or without 0x. False if no digit is there or the value does not fit 64 bits. text_take_int also takes a minus
 * sign.
 */
bool text_take_number(struct text_slice *slice, uint64_t *value);
bool text_take_hex(struct text_slice *slice, uint64_t *value);
bool text_take_int(struct text_slice *slice, int64_t *value);

/*
 * The log's address ranges: "[mem 0x0000000000001000-0x000000000009ffff]", also without "mem " and without 0x. Both ends are
 * inclusive as printed. False also for an end below the begin: text_take_range_loose() accepts that for messages.
 */
bool text_take_range(struct text_slice *slice, uint64_t *first, uint64_t *last);
bool text_take_range_loose(struct text_slice *slice, uint64_t *first, uint64_t *last);

/* "0-3,8,10-11", calling each(ctx, first, last). False (with what was called so far) where the list is malformed. */
bool text_each_range(struct text_slice list, void (*each)(void *ctx, uint64_t first, uint64_t last), void *ctx);

#endif
