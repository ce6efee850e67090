/*
 * Memory modules: what each slot held when it was last looked at, and what to do about a difference. Modules plugged
 * before power-on are not in the firmware's map and come the same way as those plugged later.
 */
#include "hotplug.h"

#define SLOTS 32u

static unsigned slots;
static struct {
	quire_phys_t base, size;	/* size 0: nothing of it is the engine's */
	bool refused;			/* the engine would not have it: not asked again until it is another */
} known[SLOTS];

bool metal_dimm_find(void)
{
	slots = (unsigned)qi_min(arch_dimm_slots(), SLOTS);
	return slots != 0;
}

/* What is there is what came: not nothing, and not another module that was exchanged for it between two looks. */
static bool same(unsigned slot, const struct arch_dimm *dimm)
{
	return dimm->enabled && dimm->base == known[slot].base && dimm->size == known[slot].size;
}

static void arrive(unsigned slot, const struct arch_dimm *dimm)
{
	if (dimm->inserted)
		arch_dimm_acknowledge(slot, true);
	if (known[slot].size || known[slot].refused)
		return;
	known[slot].refused = !metal_memory_arrive("dimm", slot, dimm->base, dimm->size, dimm->domain);
	if (known[slot].refused)
		return;
	known[slot].base = dimm->base;
	known[slot].size = dimm->size;
}

/* True: it is gone. A module that cannot leave stays; whoever wanted it gone has to ask again. */
static bool leave(unsigned slot)
{
	arch_dimm_acknowledge(slot, false);
	if (known[slot].size && !metal_memory_leave("dimm", slot, known[slot].base, known[slot].size))
		return false;
	known[slot].size = 0;
	known[slot].refused = false;
	arch_dimm_eject(slot);
	metal_print("dimm %u: ejected\n", slot);
	return true;
}

bool metal_dimms_present(void)
{
	for (unsigned slot = 0; slot < slots; slot++)
		if (known[slot].size)
			return true;
	return false;
}

unsigned metal_dimm_poll(void)
{
	unsigned left = 0;

	for (unsigned slot = 0; slot < slots; slot++) {
		struct arch_dimm dimm;

		/* What changed while it was read is looked at again at the next turn. */
		if (!arch_dimm_read(slot, &dimm))
			continue;
		if (known[slot].size && !same(slot, &dimm))
			metal_panic(true, "dimm %u went away with its memory in use", slot);
		if (!dimm.enabled) {
			known[slot].refused = false;
		} else if (dimm.removing) {
			left += leave(slot);
		} else {
			arrive(slot, &dimm);
		}
	}
	return left;
}
