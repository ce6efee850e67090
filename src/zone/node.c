/* Ranges of a node's 512-bit map, a word at a time; see node.h. */
#include "zone/node.h"

void qi_set_range(uint64_t *map, unsigned first, unsigned n)
{
	QI_FOR_WORDS(first, n, w, bits)
		map[w] |= bits;
}

void qi_clear_range(uint64_t *map, unsigned first, unsigned n)
{
	QI_FOR_WORDS(first, n, w, bits)
		map[w] &= ~bits;
}

bool qi_any(const uint64_t *map, unsigned first, unsigned n)
{
	QI_FOR_WORDS(first, n, w, bits)
		if (map[w] & bits)
			return true;
	return false;
}

bool qi_all(const uint64_t *map, unsigned first, unsigned n)
{
	QI_FOR_WORDS(first, n, w, bits)
		if ((map[w] & bits) != bits)
			return false;
	return true;
}

unsigned qi_weight(const uint64_t *map)
{
	unsigned n = 0;

	for (unsigned w = 0; w < QI_WORDS; w++)
		n += qi_popcount(map[w]);
	return n;
}
