/*
 * A spin lock of one word. Waiters only read until it looks free. Not recursive.
 *
 * A request or a free may come from an interrupt (quire/platform.h). So a lock that either may want is only ever held with
 * interrupts kept away: where the caller is inside cpu_enter, which is everywhere on the roads of requests and frees,
 * qi_lock() will do; elsewhere it is qi_lock_irqsave(), for zones qi_zone_lock(). Such locks are those of zones, of
 * stocks, of the memmap, of metadata, of rare counters, of debugging and of failing frames. The others (owners, areas,
 * balloons, devices, remote drains, which interrupts only try) are held with interrupts on.
 */
#ifndef QI_BASE_LOCK_H
#define QI_BASE_LOCK_H

#include <quire/platform.h>

#include "base/base.h"

/*
 * A word that is written under a lock and also read without it, as a hint: one access, no ordering. A 64-bit word may
 * be seen half written on a 32-bit target.
 */
#if UINTPTR_MAX > 0xffffffffu
#define qi_peek(pointer) __atomic_load_n(pointer, __ATOMIC_RELAXED)
#define qi_poke(pointer, value) __atomic_store_n(pointer, value, __ATOMIC_RELAXED)
#else
#define qi_peek(pointer) (*(const volatile __typeof__(*(pointer)) *)(pointer))
#define qi_poke(pointer, value) (*(volatile __typeof__(*(pointer)) *)(pointer) = (value))
#endif

/* A word that is published for readers without the lock: what was written before it is seen with it. */
#if UINTPTR_MAX > 0xffffffffu
#define qi_acquire(pointer) __atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#define qi_release(pointer, value) __atomic_store_n(pointer, value, __ATOMIC_RELEASE)
#else
#define qi_acquire(pointer) ({ __typeof__(*(pointer)) qi_value = qi_peek(pointer); \
			       __atomic_thread_fence(__ATOMIC_ACQUIRE); qi_value; })
#define qi_release(pointer, value) do { __atomic_thread_fence(__ATOMIC_RELEASE); qi_poke(pointer, value); } while (0)
#endif

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

/*
 * Keep interrupts that allocate away: what cpu_enter saved, for the way back. They nest. platform: NULL is one that has no
 * interrupts.
 */
unsigned long qi_irqsave(const struct quire_platform *platform);
void qi_irqrestore(const struct quire_platform *platform, unsigned long state);
/* The lock, and interrupts away for as long as it is held. */
unsigned long qi_lock_irqsave(const struct quire_platform *platform, struct qi_lock *lock);
void qi_unlock_irqrestore(const struct quire_platform *platform, struct qi_lock *lock, unsigned long state);

#endif
