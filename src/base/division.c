/* 64-bit division for 32-bit targets, by shift and subtract: boot-time arithmetic only, so short beats fast. */
#include "base/base.h"

#if UINTPTR_MAX <= 0xffffffffu

static uint64_t divide(uint64_t a, uint64_t b, uint64_t *remainder)
{
	uint64_t quotient = 0, rest = 0;

	if ((a >> 32) == 0 && (b >> 32) == 0) {
		*remainder = (uint32_t)a % (uint32_t)b;
		return (uint32_t)a / (uint32_t)b;
	}
	for (int bit = 63; bit >= 0; bit--) {
		bool carry = rest >> 63;

		rest = rest << 1 | (a >> bit & 1);
		if (carry || rest >= b) {
			rest -= b;
			quotient |= (uint64_t)1 << bit;
		}
	}
	*remainder = rest;
	return quotient;
}

uint64_t qi_div64(uint64_t a, uint64_t b)
{
	uint64_t rest;

	return divide(a, b, &rest);
}

uint64_t qi_mod64(uint64_t a, uint64_t b)
{
	uint64_t rest;

	divide(a, b, &rest);
	return rest;
}

#else

/* ISO C wants a declaration in every translation unit. */
typedef int qi_division_is_native;

#endif
