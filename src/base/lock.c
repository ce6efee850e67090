/* Locks that interrupts may want; see lock.h. Not inline: they are for roads on which a call does not matter. */
#include "base/cpu.h"
#include "base/lock.h"

unsigned long qi_irqsave(const struct quire_platform *platform)
{
	unsigned long state = 0;

	if (platform)
		qi_cpu_enter(platform, &state);
	return state;
}

void qi_irqrestore(const struct quire_platform *platform, unsigned long state)
{
	if (platform)
		qi_cpu_leave(platform, state);
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
