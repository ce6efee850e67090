/*
 * The fronts of a zone as a set: draining other CPUs', switching them off, CPUs that come and go.
 *
 * All of it works with one flag of a front, `taken`: an owner that sees it set stays out and goes to the tree. It is
 * set for the time of a drain; for longer while fronts are disabled (a range is being isolated, frames are being
 * watched one by one) or the CPU is away. tests/models/drain.pml is a model of this file and of qi_front_enter().
 *
 * Nobody may call these, but qi_front_gather(), from inside a front or with the zone's lock; and, except for the drain, not
 * inside the platform's cpu_enter: they wait for the drain lock, whose holder may be waiting for an interrupt on this
 * CPU. drain_lock is held throughout, so `disabled` and `away` only change when no drain is under way.
 */
#ifndef QI_ZONE_FRONT_CPUS_H
#define QI_ZONE_FRONT_CPUS_H

#include "zone/front.h"

#ifndef QUIRE_WITHOUT_FRONTS

/*
 * Fronts of the zone are empty and stay so until qi_front_enable(): every request and every free goes to the tree, which
 * then knows of each frame whether it is free. May be nested and called by several CPUs at a time; each call that
 * returned QUIRE_OK needs one qi_front_enable(). Costs one barrier_all; the price afterwards is the zone's lock per call
 * on all CPUs. QUIRE_EUNSUPPORTED: other CPUs' fronts are out of reach (no barrier_all), nothing changed.
 */
enum quire_status qi_front_disable(struct qi_zone *za);
void qi_front_enable(struct qi_zone *za);

/* May another CPU's front have something? */
static inline bool qi_others_stocked(const struct qi_zone *za, unsigned self)
{
	for (unsigned cpu = 0; cpu < qi_front_count(za); cpu++)
		if (cpu != self && qi_peek(&qi_front_of(za, cpu)->stocked))
			return true;
	return false;
}

/*
 * Drain all fronts but self's; self >= cpus: all. QUIRE_OK also if there was nothing to drain; QUIRE_EBUSY: somebody
 * else is at it; QUIRE_EUNSUPPORTED: no barrier_all.
 */
enum quire_status qi_front_drain_others(struct qi_zone *za, unsigned self);

/*
 * Called from inside one's own front, at `place` in it: other CPUs' frames are wanted in the tree, because a pageblock is
 * about to be broken or was given back but for them. Nobody is waited for: who works on his front just now is left alone.
 * So are those that went to the tree since others broke `passed` pageblocks. For a window of CPUs at a time, and only if
 * the zone's free memory has changed by GATHER_FRAMES since the last time: so the barrier costs next to nothing a frame.
 */
#define QI_PASSED 2u
void qi_front_gather(struct qi_zone *za, const void *place, unsigned passed);

/*
 * The CPU goes away: its front is emptied, and shut. It must not be inside the allocator, and not come back before
 * qi_front_return(). Statuses as qi_front_disable(); a CPU without a front has nothing to lose.
 */
enum quire_status qi_front_leave_cpu(struct qi_zone *za, unsigned cpu);
/*
 * The CPU may allocate from now on, with a front of its own: if there is none yet, all fronts move to a larger table.
 * QUIRE_ENOMEM, QUIRE_EUNSUPPORTED: it has none and goes to the tree.
 */
enum quire_status qi_front_return_cpu(struct qi_zone *za, unsigned cpu);

/* What was counted in tables of fronts that were replaced. */
void qi_fronts_old_events(const struct qi_zone *za, struct qi_zone_events *sum,
			  void (*add)(struct qi_zone_events *sum, const struct qi_zone_events *events));

/* Give the platform's memory back; the zone is going. */
void qi_fronts_close(struct qi_zone *za);

#endif

#endif
