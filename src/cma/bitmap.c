/* What drivers have of a range, as bits: runs found, set and cleared a word at a time. */
#include "cma/cma.h"

#include "base/base.h"

#ifndef QUIRE_WITHOUT_CMA

uint64_t qi_cma_next_bit(const uint64_t *map, uint64_t bits, uint64_t from, bool value)
{
	uint64_t flip = value ? 0 : UINT64_MAX;

	while (from < bits) {
		uint64_t word = (map[from / 64] ^ flip) >> from % 64;

		if (word)
			return qi_min(from + qi_ctz(word), bits);
		from = (from / 64 + 1) * 64;
	}
	return bits;
}

uint64_t qi_cma_find_bits(const uint64_t *map, uint64_t bits, uint64_t from, uint64_t n, uint64_t mask, uint64_t offset)
{
	while (from < bits) {
		uint64_t at = qi_cma_next_bit(map, bits, from, false), end;

		at = ((at + offset + mask) & ~mask) - offset;
		if (at >= bits || bits - at < n)
			return QI_CMA_NO_BIT;
		end = qi_cma_next_bit(map, at + n, at, true);
		if (end == at + n)
			return at;
		from = end;
	}
	return QI_CMA_NO_BIT;
}

void qi_cma_set_bits(uint64_t *map, uint64_t first, uint64_t n, bool value)
{
	for (uint64_t end = first + n, stop; first < end; first = stop) {
		uint64_t word;

		stop = qi_min((first / 64 + 1) * 64, end);
		word = (UINT64_MAX >> (64 - (stop - first))) << first % 64;
		if (value)
			map[first / 64] |= word;
		else
			map[first / 64] &= ~word;
	}
}

bool qi_cma_all_set(const uint64_t *map, uint64_t first, uint64_t n)
{
	return qi_cma_next_bit(map, first + n, first, false) == first + n;
}

#endif
