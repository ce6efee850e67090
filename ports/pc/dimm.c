/*
 * QEMU's memory-hotplug registers, I/O ports 0xa00 to 0xa17: what ACPI's methods would read and write, without an
 * interpreter for them. A slot is chosen by writing its number to the first port; the same ports then show that slot.
 */
#include "pc/pc.h"

#define SLOT		0xa00		/* write */
#define BASE		0xa00		/* read, two words */
#define SIZE		0xa08		/* two words */
#define DOMAIN		0xa10
#define STATUS		0xa14		/* one byte */
#define ENABLED		0x1
#define INSERTED	0x2		/* write: acknowledge */
#define REMOVING	0x4		/* write: acknowledge */
#define EJECT		0x8		/* write */
#define STATUS_BITS	0x7

/* More than QEMU lets anybody ask for; slots beyond what it has read as empty. */
#define SLOTS 256u

unsigned arch_dimm_slots(void)
{
	pc_out32(SLOT, 0);
	/* Ports nobody answers read as ones. */
	return pc_in8(STATUS) & ~STATUS_BITS ? 0 : SLOTS;
}

static uint64_t read_pair(uint16_t port)
{
	uint32_t low = pc_in32(port);

	return low | (uint64_t)pc_in32(port + 4) << 32;
}

bool arch_dimm_read(unsigned slot, struct arch_dimm *dimm)
{
	uint8_t status;

	pc_out32(SLOT, slot);
	status = pc_in8(STATUS);
	*dimm = (struct arch_dimm){ .enabled = status & ENABLED, .inserted = status & INSERTED, .removing = status & REMOVING };
	if (!dimm->enabled)
		return true;
	dimm->base = read_pair(BASE);
	dimm->size = read_pair(SIZE);
	dimm->domain = pc_in32(DOMAIN);
	/* The module may have gone, and another have come, between two reads. */
	return pc_in8(STATUS) == status && read_pair(BASE) == dimm->base && dimm->size && dimm->base + dimm->size > dimm->base;
}

void arch_dimm_acknowledge(unsigned slot, bool insertion)
{
	pc_out32(SLOT, slot);
	pc_out8(STATUS, insertion ? INSERTED : REMOVING);
}

void arch_dimm_eject(unsigned slot)
{
	pc_out32(SLOT, slot);
	pc_out8(STATUS, EJECT);
}
