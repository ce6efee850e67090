/*
 * What the compiler may call. Plain loops by words where both ends allow it: the kernel is compiled without vector
 * registers, and correctness on every architecture matters more here than the last byte per cycle.
 */
#include "base/base.h"

typedef uintptr_t __attribute__((may_alias)) word;

#define WORD sizeof(word)

/* `count` words; returns the place behind them. x86 has an instruction for it, which is also the fastest way it has. */
static unsigned char *fill_words(unsigned char *at, word pattern, size_t count)
{
#if defined(__x86_64__)
	__asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(pattern) : "memory");
#elif defined(__i386__)
	__asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(pattern) : "memory");
#else
	for (; count >= 8; count -= 8, at += 8 * WORD) {
		word *words = (word *)at;

		words[0] = words[1] = words[2] = words[3] = words[4] = words[5] = words[6] = words[7] = pattern;
	}
	for (; count; count--, at += WORD)
		*(word *)at = pattern;
#endif
	return at;
}

void *memset(void *to, int byte, size_t size)
{
	unsigned char *at = to;
	word pattern = (word)-1 / 255 * (unsigned char)byte;

	for (; size && (uintptr_t)at % WORD; size--)
		*at++ = (unsigned char)byte;
	at = fill_words(at, pattern, size / WORD);
	size %= WORD;
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
