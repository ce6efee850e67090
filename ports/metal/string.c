/*
 * What the compiler may call. Plain loops by words where both ends allow it: the kernel is compiled without vector
 * registers, and correctness on every architecture matters more here than the last byte per cycle.
 */
#include "base/base.h"

typedef uintptr_t __attribute__((may_alias)) word;

#define WORD sizeof(word)

void *memset(void *to, int byte, size_t size)
{
	unsigned char *at = to;
	word pattern = (word)-1 / 255 * (unsigned char)byte;

	for (; size && (uintptr_t)at % WORD; size--)
		*at++ = (unsigned char)byte;
	for (; size >= 4 * WORD; size -= 4 * WORD, at += 4 * WORD) {
		word *words = (word *)at;

		words[0] = words[1] = words[2] = words[3] = pattern;
	}
	for (; size >= WORD; size -= WORD, at += WORD)
		*(word *)at = pattern;
	for (; size; size--)
		*at++ = (unsigned char)byte;
	return to;
}

static void copy_up(unsigned char *to, const unsigned char *from, size_t size)
{
	if (!(((uintptr_t)to | (uintptr_t)from) % WORD))
		for (; size >= WORD; size -= WORD, to += WORD, from += WORD)
			*(word *)to = *(const word *)from;
	for (; size; size--)
		*to++ = *from++;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	copy_up(to, from, size);
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	unsigned char *end = (unsigned char *)to + size;
	const unsigned char *last = (const unsigned char *)from + size;

	if ((uintptr_t)to - (uintptr_t)from >= size) {
		copy_up(to, from, size);
		return to;
	}
	for (; size; size--)
		*--end = *--last;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
