/* Time is the generic timer's virtual counter, whose frequency firmware tells. */
#include "a64.h"

#define BILLION 1000000000ull

uint64_t arch_now_ns(void)
{
	uint64_t frequency = A64_READ(cntfrq_el0), count;

	A64_SYNC();
	count = A64_READ(cntvct_el0);
	if (!frequency)
		return 0;
	return count / frequency * BILLION + count % frequency * BILLION / frequency;
}
