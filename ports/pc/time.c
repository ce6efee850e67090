/*
 * Time is the time-stamp counter, measured against the interval timer. Rounded to whole MHz: under -icount it then is
 * exactly one tick an instruction.
 *
 * Measured several times, and the fewest ticks count: a virtual CPU that the host keeps from running between the
 * timer's end and our look at the counter finds too many, and all later time would run slow.
 */
#include "pc/pc.h"

#define PIT_HZ		1193182u
#define PIT_CHANNEL2	0x42
#define PIT_CONTROL	0x43
#define SPEAKER		0x61
#define MEASURE_TICKS	4773u	/* 4 ms */
#define MEASUREMENTS	5u

static uint64_t ticks_per_us;
static uint64_t started;

/* Ticks of the counter in MEASURE_TICKS of the timer, or more. */
static uint64_t measure(void)
{
	uint64_t begin;

	pc_out8(SPEAKER, (uint8_t)((pc_in8(SPEAKER) & ~2u) | 1));	/* channel 2 counts, silently */
	pc_out8(PIT_CONTROL, 0xb0);					/* channel 2, both bytes, one shot */
	pc_out8(PIT_CHANNEL2, MEASURE_TICKS & 0xff);
	begin = pc_ticks();
	pc_out8(PIT_CHANNEL2, MEASURE_TICKS >> 8);			/* from here on it counts */
	for (unsigned tries = 0; tries < 100000000 && !(pc_in8(SPEAKER) & 0x20); tries++)
		;
	return pc_ticks() - begin;
}

void pc_time_setup(void)
{
	uint64_t fewest = measure();

	for (unsigned i = 1; i < MEASUREMENTS; i++)
		fewest = qi_min(fewest, measure());
	started = pc_ticks();
	ticks_per_us = qi_div64(qi_div64(fewest * PIT_HZ, MEASURE_TICKS) + 500000, 1000000);
	if (!ticks_per_us)
		ticks_per_us = 1;
}

/* Whole microseconds first: ticks times 1000 would overflow on a machine that runs for weeks. */
uint64_t arch_now_ns(void)
{
	uint64_t ticks = pc_ticks() - started, us = qi_div64(ticks, ticks_per_us);

	return us * 1000 + qi_div64((ticks - us * ticks_per_us) * 1000, ticks_per_us);
}
