/* See printable.h. */
#include "printable.h"

#include <stddef.h>

/* Bytes of the UTF-8 character at `at`, 0 if there is none. Overlong forms and surrogates pass: they steer nothing. */
static size_t character(const unsigned char *at)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static int is_control(const unsigned char *at)
{
	/* U+0080 to U+009F are control characters, too. */
	return at[0] < ' ' || at[0] == 127 || (at[0] == 0xc2 && at[1] < 0xa0);
}

void printable(char *text)
{
	unsigned char *at = (unsigned char *)text;

	while (*at) {
		size_t length = character(at);

		if (!length || is_control(at)) {
			*at++ = '?';
			for (; length > 1; length--)
				*at++ = '?';
		} else {
			at += length;
		}
	}
}
