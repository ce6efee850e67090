/*
 * What stands before a kernel message depends on who wrote the log down: the console ("[    0.000000] "), dmesg -x or -T,
 * syslog, the journal, /dev/kmsg, a crash dump. Each shape is recognised on its own and strictly, so that a message that
 * merely starts with a bracket or a number is not eaten.
 */
#include <string.h>

#include "textfile.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "<6>" */
static bool take_level(struct text_slice *line)
{
	struct text_slice rest = *line;
	uint64_t level;

	if (!text_take(&rest, "<") || !rest.length || !is_digit(rest.at[0]) || !text_take_number(&rest, &level) ||
	    !text_take(&rest, ">"))
		return false;
	*line = rest;
	return true;
}

/* "6,12,345,-;" and, from newer kernels, "6,12,345,-,caller=T0;" */
static bool take_kmsg(struct text_slice *line, uint64_t *stamp)
{
	struct text_slice rest = *line;
	uint64_t number;

	for (int field = 0; field < 3; field++) {
		if (!rest.length || !is_digit(rest.at[0]) || !text_take_number(&rest, &number) || !text_take(&rest, ","))
			return false;
	}
	for (size_t i = 0; i < rest.length && i < 64; i++) {
		if (rest.at[i] == ' ')
			return false;
		if (rest.at[i] == ';') {
			*line = (struct text_slice){ rest.at + i + 1, rest.length - i - 1 };
			*stamp = number;
			return true;
		}
	}
	return false;
}

static bool starts_with_name(struct text_slice slice, const char *names)
{
	char name[4] = { 0 };

	if (slice.length < 4 || slice.at[3] != ' ' || !is_letter(slice.at[0]))
		return false;
	memcpy(name, slice.at, 3);
	return strstr(names, name) != NULL;
}

/* "Nov 21 10:00:00 host kernel: " and "2026-11-21T10:00:00+00:00 host kernel: " */
static bool take_syslog(struct text_slice *line)
{
	struct text_slice rest = *line;
	bool dated = starts_with_name(rest, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ");

	if (rest.length > 10 && is_digit(rest.at[0]) && is_digit(rest.at[3]) && rest.at[4] == '-' && rest.at[7] == '-')
		dated = true;
	if (!dated)
		return false;
	if (rest.length > 160)
		rest.length = 160;
	if (!text_take_through(&rest, " kernel: ") && !text_take_through(&rest, " kernel:"))
		return false;
	line->length -= (size_t)(rest.at - line->at);
	line->at = rest.at;
	return true;
}

/* "kern  :info  : " as dmesg -x writes it, only where a stamp follows. */
static bool take_facility(struct text_slice *line)
{
	struct text_slice rest = *line;

	for (int field = 0; field < 2; field++) {
		size_t letters = 0;

		while (letters < rest.length && is_letter(rest.at[letters]))
			letters++;
		if (letters == 0)
			return false;
		rest = (struct text_slice){ rest.at + letters, rest.length - letters };
		text_skip_blanks(&rest);
		if (!text_take(&rest, ":"))
			return false;
	}
	text_skip_blanks(&rest);
	if (!text_starts(rest, "["))
		return false;
	*line = rest;
	return true;
}

/* "[    1.234567]", "[Tue Nov 21 10:00:00 2026]" */
static bool take_stamp(struct text_slice *line, uint64_t *stamp, bool *have_stamp)
{
	struct text_slice rest = *line;
	uint64_t seconds, fraction;

	if (!text_take(&rest, "["))
		return false;
	if (starts_with_name(rest, "Mon Tue Wed Thu Fri Sat Sun ")) {
		if (!text_take_through(&rest, "]") || line->length - rest.length > 40)
			return false;
		*line = rest;
		return true;
	}
	if (!text_take_number(&rest, &seconds) || !text_take(&rest, "."))
		return false;
	size_t before = rest.length;

	if (!rest.length || !is_digit(rest.at[0]) || !text_take_number(&rest, &fraction) || !text_take(&rest, "]"))
		return false;
	if (before - rest.length == 7 && seconds < UINT64_MAX / 2000000) {
		*stamp = seconds * 1000000 + fraction;
		*have_stamp = true;
	}
	*line = rest;
	return true;
}

/* "[    T0]", "[   C12]", also with a blank before it: who printed. */
static void take_caller(struct text_slice *line)
{
	struct text_slice rest = *line;
	uint64_t number;

	text_skip_blanks(&rest);
	if (!text_take(&rest, "["))
		return;
	text_skip_blanks(&rest);
	if ((text_take(&rest, "T") || text_take(&rest, "C")) && text_take_number(&rest, &number) && text_take(&rest, "]"))
		*line = rest;
}

static struct text_slice strip(struct text_slice line, uint64_t *stamp, bool *have_stamp)
{
	*have_stamp = false;
	if (take_kmsg(&line, stamp)) {
		*have_stamp = true;
		return line;
	}
	take_level(&line);
	if (take_syslog(&line))
		take_level(&line);
	take_facility(&line);
	if (take_stamp(&line, stamp, have_stamp)) {
		take_caller(&line);
		if (text_starts(line, " "))
			line = (struct text_slice){ line.at + 1, line.length - 1 };
	}
	return line;
}

struct text_slice text_strip_log_prefix(struct text_slice line)
{
	uint64_t stamp;
	bool have_stamp;

	return strip(line, &stamp, &have_stamp);
}

bool text_log_stamp(struct text_slice line, uint64_t *microseconds)
{
	uint64_t stamp = 0;
	bool have_stamp;

	strip(line, &stamp, &have_stamp);
	if (have_stamp)
		*microseconds = stamp;
	return have_stamp;
}
