/*
 * Scanners over slices of text: literals, words, numbers and the log's address ranges. Each looks at its slice only, and
 * leaves it alone unless it succeeds, so that readers can try one reading of a line after another.
 */
#define _GNU_SOURCE
#include <string.h>

#include "textfile.h"

struct text_slice text_of(const char *string)
{
	return (struct text_slice){ string, strlen(string) };
}

static void advance(struct text_slice *slice, size_t count)
{
	slice->at += count;
	slice->length -= count;
}

bool text_equals(struct text_slice slice, const char *string)
{
	size_t length = strlen(string);

	return slice.length == length && memcmp(slice.at, string, length) == 0;
}

bool text_starts(struct text_slice slice, const char *string)
{
	size_t length = strlen(string);

	return slice.length >= length && memcmp(slice.at, string, length) == 0;
}

bool text_take(struct text_slice *slice, const char *string)
{
	if (!text_starts(*slice, string))
		return false;
	advance(slice, strlen(string));
	return true;
}

bool text_take_through(struct text_slice *slice, const char *string)
{
	size_t length = strlen(string);
	const char *hit = slice->length ? memmem(slice->at, slice->length, string, length) : NULL;

	if (!hit)
		return false;
	advance(slice, (size_t)(hit - slice->at) + length);
	return true;
}

bool text_contains(struct text_slice slice, const char *string)
{
	return text_take_through(&slice, string);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void text_skip_blanks(struct text_slice *slice)
{
	while (slice->length && is_blank(slice->at[0]))
		advance(slice, 1);
}

struct text_slice text_trim(struct text_slice slice)
{
	text_skip_blanks(&slice);
	while (slice.length && is_blank(slice.at[slice.length - 1]))
		slice.length--;
	return slice;
}

bool text_take_word(struct text_slice *slice, struct text_slice *word)
{
	struct text_slice rest = *slice;

	text_skip_blanks(&rest);
	if (rest.length == 0)
		return false;
	*word = rest;
	while (rest.length && !is_blank(rest.at[0]))
		advance(&rest, 1);
	word->length -= rest.length;
	*slice = rest;
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

static bool take_digits(struct text_slice *slice, unsigned radix, uint64_t *value)
{
	struct text_slice rest = *slice;
	uint64_t result = 0;

	while (rest.length) {
		unsigned digit = (unsigned)digit_value(rest.at[0]);

		if (digit >= radix)
			break;
		if (__builtin_mul_overflow(result, radix, &result) || __builtin_add_overflow(result, digit, &result))
			return false;
		advance(&rest, 1);
	}
	if (rest.length == slice->length)
		return false;
	*slice = rest;
	*value = result;
	return true;
}

static bool take_radix(struct text_slice *slice, unsigned radix_without_prefix, uint64_t *value)
{
	struct text_slice rest = *slice;
	unsigned radix = radix_without_prefix;

	text_skip_blanks(&rest);
	/* "0x" with no digit behind it is the number 0 followed by an x. */
	if (rest.length > 2 && rest.at[0] == '0' && (rest.at[1] | 0x20) == 'x' && digit_value(rest.at[2]) < 16) {
		advance(&rest, 2);
		radix = 16;
	}
	if (!take_digits(&rest, radix, value))
		return false;
	*slice = rest;
	return true;
}

bool text_take_number(struct text_slice *slice, uint64_t *value)
{
	return take_radix(slice, 10, value);
}

bool text_take_hex(struct text_slice *slice, uint64_t *value)
{
	return take_radix(slice, 16, value);
}

bool text_take_int(struct text_slice *slice, int64_t *value)
{
	struct text_slice rest = *slice;
	uint64_t magnitude;
	bool negative;

	text_skip_blanks(&rest);
	negative = text_take(&rest, "-");
	if (!text_take_number(&rest, &magnitude) || magnitude > (uint64_t)INT64_MAX)
		return false;
	*value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	*slice = rest;
	return true;
}

bool text_take_range_loose(struct text_slice *slice, uint64_t *first, uint64_t *last)
{
	struct text_slice rest = *slice;
	uint64_t from, to;

	text_skip_blanks(&rest);
	if (!text_take(&rest, "["))
		return false;
	if (text_take(&rest, "mem"))
		text_skip_blanks(&rest);
	if (!text_take_hex(&rest, &from) || !text_take(&rest, "-") || !text_take_hex(&rest, &to) || !text_take(&rest, "]"))
		return false;
	*first = from;
	*last = to;
	*slice = rest;
	return true;
}

bool text_take_range(struct text_slice *slice, uint64_t *first, uint64_t *last)
{
	struct text_slice rest = *slice;
	uint64_t from, to;

	if (!text_take_range_loose(&rest, &from, &to) || to < from)
		return false;
	*first = from;
	*last = to;
	*slice = rest;
	return true;
}

bool text_each_range(struct text_slice list, void (*each)(void *ctx, uint64_t first, uint64_t last), void *ctx)
{
	list = text_trim(list);
	while (list.length) {
		uint64_t first, last;

		if (!text_take_number(&list, &first))
			return false;
		last = first;
		if (text_take(&list, "-") && (!text_take_number(&list, &last) || last < first))
			return false;
		each(ctx, first, last);
		if (list.length && !text_take(&list, ","))
			return false;
	}
	return true;
}
