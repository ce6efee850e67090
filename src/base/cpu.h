/*
 * The guard that keeps a caller on its CPU, and interrupts that allocate away: the platform's cpu_enter and cpu_leave, or
 * inline functions of a build's own (QUIRE_PIN_CPU, quire/platform.h).
 */
#ifndef QI_BASE_CPU_H
#define QI_BASE_CPU_H

#include <quire/platform.h>

#ifdef QUIRE_PIN_CPU

#include QUIRE_PIN_CPU

static inline unsigned qi_cpu_enter(const struct quire_platform *platform, unsigned long *state)
{
	(void)platform;
	return quire_pinned_cpu_enter(state);
}

static inline void qi_cpu_leave(const struct quire_platform *platform, unsigned long state)
{
	(void)platform;
	quire_pinned_cpu_leave(state);
}

#else

static inline unsigned qi_cpu_enter(const struct quire_platform *platform, unsigned long *state)
{
	return platform->cpu_enter ? platform->cpu_enter(platform->ctx, state) : 0;
}

static inline void qi_cpu_leave(const struct quire_platform *platform, unsigned long state)
{
	if (platform->cpu_leave)
		platform->cpu_leave(platform->ctx, state);
}

#endif

#endif
