/* What an architecture without memory slots or without PCI does not have. Weak: ports that do have them bring their own. */
#include "kernel.h"

__attribute__((weak)) unsigned arch_dimm_slots(void)
{
	return 0;
}

__attribute__((weak)) bool arch_dimm_read(unsigned slot, struct arch_dimm *dimm)
{
	(void)slot;
	(void)dimm;
	return false;
}

__attribute__((weak)) void arch_dimm_acknowledge(unsigned slot, bool insertion)
{
	(void)slot;
	(void)insertion;
}

__attribute__((weak)) void arch_dimm_eject(unsigned slot)
{
	(void)slot;
}

__attribute__((weak)) uint32_t arch_pci_read(unsigned function, unsigned at)
{
	(void)function;
	(void)at;
	return UINT32_MAX;
}

__attribute__((weak)) void arch_pci_write(unsigned function, unsigned at, uint32_t value)
{
	(void)function;
	(void)at;
	(void)value;
}
