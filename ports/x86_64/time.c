/*
 * Time is the time-stamp counter, measured once against the interval timer. Rounded to whole MHz: under -icount it
 * then is exactly one tick an instruction.
 */
#include "x86.h"

#define PIT_HZ		1193182u
#define PIT_CHANNEL2	0x42
#define PIT_CONTROL	0x43
#define SPEAKER		0x61
#define MEASURE_TICKS	4773u	/* 4 ms */

static uint64_t ticks_per_us;
static uint64_t started;

void x86_time_setup(void)
{
	uint64_t begin;

	x86_out8(SPEAKER, (x86_in8(SPEAKER) & ~2u) | 1);	/* channel 2 counts, silently */
	x86_out8(PIT_CONTROL, 0xb0);				/* channel 2, both bytes, one shot */
	x86_out8(PIT_CHANNEL2, MEASURE_TICKS & 0xff);
	x86_out8(PIT_CHANNEL2, MEASURE_TICKS >> 8);
	begin = x86_tsc();
	for (unsigned tries = 0; tries < 100000000 && !(x86_in8(SPEAKER) & 0x20); tries++)
		;
	started = x86_tsc();
	ticks_per_us = ((started - begin) * PIT_HZ / MEASURE_TICKS + 500000) / 1000000;
	if (!ticks_per_us)
		ticks_per_us = 1;
}

uint64_t arch_now_ns(void)
{
	uint64_t ticks = x86_tsc() - started;

	return ticks / ticks_per_us * 1000 + ticks % ticks_per_us * 1000 / ticks_per_us;
}

void x86_delay_us(uint64_t microseconds)
{
	uint64_t end = arch_now_ns() + microseconds * 1000;

	while (arch_now_ns() < end)
		arch_relax();
}
