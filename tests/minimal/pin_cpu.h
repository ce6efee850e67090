/* QUIRE_PIN_CPU for the minimal engine: it must enter and leave in pairs, and says so to the test. */
#ifndef MINIMAL_PIN_CPU_H
#define MINIMAL_PIN_CPU_H

extern unsigned long minimal_entered, minimal_left;

static inline unsigned quire_pinned_cpu_enter(unsigned long *state)
{
	*state = minimal_entered++;
	return 0;
}

/* Nested stays end in turn. */
static inline void quire_pinned_cpu_leave(unsigned long state)
{
	if (state < minimal_entered)
		minimal_left++;
}

#endif
