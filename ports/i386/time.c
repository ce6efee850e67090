/*
 * Time is the time-stamp counter, measured once against the interval timer. Rounded to whole MHz: under -icount it then is
 * exactly one tick an instruction.
 */
#include "i386.h"

#define PIT_HZ		1193182u
#define PIT_CHANNEL2	0x42
#define PIT_CONTROL	0x43
#define SPEAKER		0x61
#define MEASURE_TICKS	4773u	/* 4 ms */

static uint64_t ticks_per_us;
static uint64_t started;

void i386_time_setup(void)
{
	uint64_t begin;

	i386_out8(SPEAKER, (uint8_t)((i386_in8(SPEAKER) & ~2u) | 1));	/* channel 2 counts, silently */
	i386_out8(PIT_CONTROL, 0xb0);					/* channel 2, both bytes, one shot */
	i386_out8(PIT_CHANNEL2, MEASURE_TICKS & 0xff);
	i386_out8(PIT_CHANNEL2, MEASURE_TICKS >> 8);
	begin = i386_tsc();
	for (unsigned tries = 0; tries < 100000000 && !(i386_in8(SPEAKER) & 0x20); tries++)
		;
	started = i386_tsc();
	ticks_per_us = qi_div64(qi_div64((started - begin) * PIT_HZ, MEASURE_TICKS) + 500000, 1000000);
	if (!ticks_per_us)
		ticks_per_us = 1;
}

uint64_t arch_now_ns(void)
{
	return qi_div64((i386_tsc() - started) * 1000, ticks_per_us);
}
