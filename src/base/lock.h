/*
 * A spin lock of one word. Waiters only read until it looks free. Not recursive; who takes it from interrupts too
 * must have them off (the platform's cpu_enter does that).
 */
#ifndef QI_BASE_LOCK_H
#define QI_BASE_LOCK_H

#include "base/base.h"

struct qi_lock {
	uint32_t taken;
};

static inline void qi_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

static inline void qi_lock(struct qi_lock *lock)
{
	while (qi_unlikely(__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE)))
		while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED))
			qi_relax();
}

static inline void qi_unlock(struct qi_lock *lock)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

#endif
