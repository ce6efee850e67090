/*
 * An interrupt that allocates, as a device's would (intr= on the command line): each tick takes a block without waiting, and
 * gives one back that a tick of this or another CPU took earlier.
 */
#include "kernel.h"

#include "base/lock.h"

#define KEPT 16u

static struct {
	struct qi_lock lock;		/* taken in interrupts only */
	quire_pfn_t pfn[KEPT];
	uint8_t order[KEPT];
	uint64_t ticks, served;
	bool wrong, on;
} kept;

/* The place's old block goes, a new one comes. */
static void exchange(unsigned at, unsigned order, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	if (kept.pfn[at] != QUIRE_PFN_NONE)
		kept.wrong |= quire_free_frames(&metal.q, kept.pfn[at], kept.order[at]) != QUIRE_OK;
	kept.pfn[at] = QUIRE_PFN_NONE;
	if (quire_alloc_frames(&metal.q, QUIRE_NO_NODE, order, gfp | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return;
	kept.pfn[at] = pfn;
	kept.order[at] = (uint8_t)order;
	kept.served++;
}

void metal_tick(void)
{
	unsigned at;

	if (!qi_peek(&kept.on))
		return;
	qi_lock(&kept.lock);
	at = (unsigned)(kept.ticks++ % KEPT);
	/* Orders by turns: mostly single frames, which fronts serve; unmovable ones would end up in memory that is to go. */
	if (kept.on)
		exchange(at, kept.ticks % 5 ? 0 : (unsigned)(kept.ticks / 5 % 4), QUIRE_GFP_ATOMIC);
	qi_unlock(&kept.lock);
}

bool metal_ticks_begin(void)
{
	if (!metal.options.hertz)
		return true;
	for (unsigned i = 0; i < KEPT; i++)
		kept.pfn[i] = QUIRE_PFN_NONE;
	qi_poke(&kept.on, true);
	if (!arch_ticks(metal.options.hertz)) {
		metal_print("intr: no clock that interrupts here\n");
		return false;
	}
	arch_irq_on();
	return true;
}

bool metal_ticks_end(void)
{
	unsigned long state;

	if (!metal.options.hertz)
		return true;
	arch_ticks(0);
	state = arch_irq_save();
	qi_lock(&kept.lock);
	qi_poke(&kept.on, false);
	for (unsigned i = 0; i < KEPT; i++)
		if (kept.pfn[i] != QUIRE_PFN_NONE)
			kept.wrong |= quire_free_frames(&metal.q, kept.pfn[i], kept.order[i]) != QUIRE_OK;
	qi_unlock(&kept.lock);
	arch_irq_restore(state);
	return !kept.wrong;
}

bool metal_ticks_told(void)
{
	if (!metal.options.hertz)
		return true;
	metal_print("intr: %llu interrupts, %llu requests served: %s\n", (unsigned long long)kept.ticks,
		    (unsigned long long)kept.served, kept.served && !kept.wrong ? "ok" : "FAILED");
	return kept.served && !kept.wrong;
}
