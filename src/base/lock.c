/* Locks that interrupts may want; see lock.h. Not inline: they are for roads on which a call does not matter. */
#include "base/lock.h"

unsigned long qi_irqsave(const struct quire_platform *platform)
{
	unsigned long state = 0;

	if (platform && platform->cpu_enter)
		platform->cpu_enter(platform->ctx, &state);
	return state;
}

void qi_irqrestore(const struct quire_platform *platform, unsigned long state)
{
	if (platform && platform->cpu_leave)
		platform->cpu_leave(platform->ctx, state);
}

unsigned long qi_lock_irqsave(const struct quire_platform *platform, struct qi_lock *lock)
{
	unsigned long state = qi_irqsave(platform);

	qi_lock(lock);
	return state;
}

void qi_unlock_irqrestore(const struct quire_platform *platform, struct qi_lock *lock, unsigned long state)
{
	qi_unlock(lock);
	qi_irqrestore(platform, state);
}
