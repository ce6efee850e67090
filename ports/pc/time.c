/*
 * Time is the time-stamp counter, measured once against the interval timer. Rounded to whole MHz: under -icount it then is
 * exactly one tick an instruction.
 *
 * Both are read together, twice, and any time may pass in between: a virtual CPU that the host keeps from running would
 * make all later time slow otherwise. It must not happen within a reading, so of several the quickest counts.
 */
#include "pc/pc.h"

#define PIT_HZ		1193182u
#define PIT_CHANNEL2	0x42
#define PIT_CONTROL	0x43
#define PIT_LATCH	0x80	/* channel 2 */
#define PIT_START	0xb0	/* channel 2, both bytes, counts down once */
#define SPEAKER		0x61
#define RAN_OUT		0x20
#define MEASURE_COUNTS	11932u	/* 10 ms, of 55 until it runs out */
#define READINGS	4u
#define TRIES		20u

struct reading {
	uint64_t ticks;
	uint32_t counts;	/* of the interval timer, since it was started */
};

static uint64_t ticks_per_us;
static uint64_t started;

static struct reading read_both(void)
{
	struct reading best = { 0, 0 };
	uint64_t quickest = UINT64_MAX;

	for (unsigned i = 0; i < READINGS; i++) {
		uint64_t begin = pc_ticks(), took;
		uint32_t left;

		pc_out8(PIT_CONTROL, PIT_LATCH);
		took = pc_ticks() - begin;
		left = pc_in8(PIT_CHANNEL2);
		left |= (uint32_t)pc_in8(PIT_CHANNEL2) << 8;
		if (took >= quickest)
			continue;
		quickest = took;
		best = (struct reading){ .ticks = begin + took / 2, .counts = 0xffff - left };
	}
	return best;
}

/* Ticks in a second. 0: the timer ran out before it was looked at. */
static uint64_t measure(void)
{
	struct reading begin, end;

	pc_out8(SPEAKER, (uint8_t)((pc_in8(SPEAKER) & ~2u) | 1));	/* channel 2 counts, silently */
	pc_out8(PIT_CONTROL, PIT_START);
	pc_out8(PIT_CHANNEL2, 0xff);
	pc_out8(PIT_CHANNEL2, 0xff);
	begin = read_both();
	do
		end = read_both();
	while (end.counts - begin.counts < MEASURE_COUNTS && !(pc_in8(SPEAKER) & RAN_OUT));
	if (pc_in8(SPEAKER) & RAN_OUT || end.counts <= begin.counts)
		return 0;
	return qi_div64((end.ticks - begin.ticks) * PIT_HZ, end.counts - begin.counts);
}

void pc_time_setup(void)
{
	uint64_t hz = 0;

	for (unsigned i = 0; i < TRIES && !hz; i++)
		hz = measure();
	started = pc_ticks();
	ticks_per_us = qi_max(qi_div64(hz + 500000, 1000000), 1);
}

/* Whole microseconds first: ticks times 1000 would overflow on a machine that runs for weeks. */
uint64_t arch_now_ns(void)
{
	uint64_t ticks = pc_ticks() - started, us = qi_div64(ticks, ticks_per_us);

	return us * 1000 + qi_div64((ticks - us * ticks_per_us) * 1000, ticks_per_us);
}
