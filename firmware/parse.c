/* Numbers as command lines and sysctls write them. */
#include <quire/firmware.h>

#include "base/base.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* Shift of a size suffix, 0 for anything else. */
static unsigned suffix_shift(char c)
{
	static const char suffixes[] = "KMGTPE";

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	for (unsigned i = 0; suffixes[i]; i++)
		if (suffixes[i] == c)
			return 10 * (i + 1);
	return 0;
}

enum quire_status quire_parse_size(const char *text, quire_phys_t *value, const char **end)
{
	int radix = 10;
	uint64_t sum = 0;
	unsigned shift;

	if (digit_value(*text) > 9)
		return QUIRE_EFORMAT;
	if (text[0] == '0') {
		bool hexadecimal = (text[1] == 'x' || text[1] == 'X') && digit_value(text[2]) < 16;

		radix = hexadecimal ? 16 : 8;
		text += hexadecimal ? 2 : 0;
	}
	for (; digit_value(*text) < radix; text++)
		if (!qi_mul(sum, (uint64_t)radix, &sum) || !qi_add(sum, (uint64_t)digit_value(*text), &sum))
			return QUIRE_ERANGE;
	shift = suffix_shift(*text);
	/* In hexadecimal E is a digit, so it is never a suffix there: the loop above has taken it. */
	if (shift) {
		if (sum >> (64 - shift))
			return QUIRE_ERANGE;
		sum <<= shift;
		text++;
	}
	*value = sum;
	if (end)
		*end = text;
	return QUIRE_OK;
}
