/*
 * Time is the time-stamp counter, measured once against the interval timer. Rounded to whole MHz: under -icount it
 * then is exactly one tick an instruction.
 */
#include "pc/pc.h"

#define PIT_HZ		1193182u
#define PIT_CHANNEL2	0x42
#define PIT_CONTROL	0x43
#define SPEAKER		0x61
#define MEASURE_TICKS	4773u	/* 4 ms */

static uint64_t ticks_per_us;
static uint64_t started;

void pc_time_setup(void)
{
	uint64_t begin;

	pc_out8(SPEAKER, (uint8_t)((pc_in8(SPEAKER) & ~2u) | 1));	/* channel 2 counts, silently */
	pc_out8(PIT_CONTROL, 0xb0);					/* channel 2, both bytes, one shot */
	pc_out8(PIT_CHANNEL2, MEASURE_TICKS & 0xff);
	pc_out8(PIT_CHANNEL2, MEASURE_TICKS >> 8);
	begin = pc_ticks();
	for (unsigned tries = 0; tries < 100000000 && !(pc_in8(SPEAKER) & 0x20); tries++)
		;
	started = pc_ticks();
	ticks_per_us = qi_div64(qi_div64((started - begin) * PIT_HZ, MEASURE_TICKS) + 500000, 1000000);
	if (!ticks_per_us)
		ticks_per_us = 1;
}

/* Whole microseconds first: ticks times 1000 would overflow on a machine that runs for weeks. */
uint64_t arch_now_ns(void)
{
	uint64_t ticks = pc_ticks() - started, us = qi_div64(ticks, ticks_per_us);

	return us * 1000 + qi_div64((ticks - us * ticks_per_us) * 1000, ticks_per_us);
}
