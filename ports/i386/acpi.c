/* The ACPI root pointer: where a PC without EFI has it, by its signature and checksum. */
#include "i386.h"

#define BIOS_BASE	0xe0000u
#define BIOS_END	0x100000u
#define EXTENDED_AT	0x40eu		/* segment of the extended BIOS data area */
#define EXTENDED_BYTES	1024u
#define ROOT_BYTES	20u
#define STEP		16u

static const char signature[8] = "RSD PTR ";

static quire_phys_t scan(quire_phys_t base, quire_phys_t end)
{
	for (; base + ROOT_BYTES <= end; base += STEP) {
		const uint8_t *p = arch_direct(base);
		uint8_t sum = 0;

		if (memcmp(p, signature, sizeof(signature)))
			continue;
		for (unsigned i = 0; i < ROOT_BYTES; i++)
			sum = (uint8_t)(sum + p[i]);
		if (!sum)
			return base;
		metal_print("ACPI: the root pointer at %#llx has a wrong checksum\n", (unsigned long long)base);
	}
	return 0;
}

quire_phys_t i386_find_rsdp(void)
{
	const uint8_t *segment = arch_direct(EXTENDED_AT);
	quire_phys_t extended = (quire_phys_t)(segment[0] | segment[1] << 8) << 4, found = 0;

	if (extended >= 0x400 && extended <= BIOS_BASE - EXTENDED_BYTES)
		found = scan(extended, extended + EXTENDED_BYTES);
	return found ? found : scan(BIOS_BASE, BIOS_END);
}
