/* PCI configuration space through the two ports every PC has. Firmware has given all devices their addresses. */
#include "pc/pc.h"

#define ADDRESS	0xcf8
#define DATA	0xcfc
#define ENABLE	0x80000000u

uint32_t arch_pci_read(unsigned function, unsigned at)
{
	pc_out32(ADDRESS, ENABLE | function << 8 | (at & 0xfc));
	return pc_in32(DATA);
}

void arch_pci_write(unsigned function, unsigned at, uint32_t value)
{
	pc_out32(ADDRESS, ENABLE | function << 8 | (at & 0xfc));
	pc_out32(DATA, value);
}
