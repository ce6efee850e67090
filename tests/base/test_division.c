/* qi_div64 and qi_mod64 as 32-bit code, against the compiler's own run-time division. */
#include <stdio.h>

#include "base/base.h"

static uint64_t state = 88172645463325252ull;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

int main(void)
{
	static const uint64_t edges[] = {
		1, 2, 3, 10, 16, 0xffffffffull, 0x100000000ull, 0x100000001ull, UINT64_MAX - 1, UINT64_MAX
	};

	if (sizeof(void *) != 4) {
		puts("not a 32-bit program");
		return 1;
	}
	for (size_t i = 0; i < QI_ARRAY_SIZE(edges); i++)
		for (size_t j = 0; j < QI_ARRAY_SIZE(edges); j++)
			if (qi_div64(edges[i], edges[j]) != edges[i] / edges[j] ||
			    qi_mod64(edges[i], edges[j]) != edges[i] % edges[j])
				return 1;
	for (int i = 0; i < 200000; i++) {
		uint64_t a = next() >> (next() & 63), b = next() >> (next() & 63);

		if (b && (qi_div64(a, b) != a / b || qi_mod64(a, b) != a % b)) {
			printf("%llu / %llu\n", (unsigned long long)a, (unsigned long long)b);
			return 1;
		}
	}
	return 0;
}
