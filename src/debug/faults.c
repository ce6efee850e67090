/*
 * Requests that are made to fail: the field's rules for which and when. The generator is our own, so
 * that a run can be repeated.
 */
#include <quire/explain.h>

#include "debug/debug.h"

#ifndef QUIRE_WITHOUT_DEBUG

/* A number below 100. Locked. */
static unsigned percent(struct qi_debug *d)
{
	/* A step of a linear generator, then its bits mixed: any seed will do, zero included. */
	uint64_t x = d->random = d->random * 6364136223846793005ull + 1442695040888963407ull;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
	return (unsigned)qi_mod64(x >> 32, 100);
}

static bool exempt(const struct quire_fault_options *f, unsigned order, quire_gfp_t gfp)
{
	return order < f->min_order || (gfp & QUIRE_GFP_NOFAIL) || (f->ignore_highmem && (gfp & QUIRE_GFP_HIGHMEM)) ||
	       (f->ignore_reclaim && (gfp & QUIRE_GFP_DIRECT_RECLAIM));
}

/* Locked. */
static bool due(struct qi_debug *d, uint64_t pages)
{
	struct quire_fault_options *f = &d->options.faults;

	if (!f->times)
		return false;
	if (f->space > pages) {
		f->space -= pages;
		return false;
	}
	if (f->interval > 1 && qi_mod64(++d->candidates, f->interval))
		return false;
	if (f->probability <= percent(d))
		return false;
	if (f->times > 0)
		f->times--;
	d->counts.injected++;
	return true;
}

bool qi_fault_due(struct quire *q, unsigned order, quire_gfp_t gfp)
{
	struct qi_debug *d = qi_debug_of(q);
	uint64_t injected;
	char names[128];
	bool fail;
	unsigned long state;

	if (!__atomic_load_n(&d->faulty, __ATOMIC_RELAXED))
		return false;
	state = qi_lock_irqsave(q->platform, &d->lock);
	fail = !exempt(&d->options.faults, order, gfp) && due(d, 1ull << order);
	injected = d->counts.injected;
	qi_unlock_irqrestore(q->platform, &d->lock, state);
	if (fail && (injected <= 10 || qi_is_pow2(injected)))
		qi_log(q->platform, QUIRE_LOG_INFO, "fault injection: request of order %u, %s made to fail (%llu so far)",
		       order, quire_gfp_names(gfp, names, sizeof(names)), (unsigned long long)injected);
	return fail;
}

enum quire_status quire_debug_set_faults(struct quire *q, const struct quire_fault_options *faults)
{
	struct qi_debug *d = qi_debug_of(q);
	unsigned long state;

	if (faults->probability > 100 || q->stage < QUIRE_STAGE_WATERMARKS)
		return QUIRE_EINVAL;
	if (!d && !faults->probability)
		return QUIRE_OK;
	if (!d)
		d = qi_debug_open_late(q);
	if (!d)
		return QUIRE_ENOMEM;
	state = qi_lock_irqsave(q->platform, &d->lock);
	d->options.faults = *faults;
	d->random = faults->seed;
	d->candidates = 0;
	__atomic_store_n(&d->faulty, faults->probability > 0, __ATOMIC_RELAXED);
	qi_unlock_irqrestore(q->platform, &d->lock, state);
	return QUIRE_OK;
}

#endif
