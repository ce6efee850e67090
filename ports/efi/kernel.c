/* What EFI's loader hands over, as the kernel sees it: through the direct map. */
#include "efi/kernel.h"

static const void *at(uint64_t phys, uint64_t size)
{
	return phys && arch_map_direct(phys, size) == QUIRE_OK ? arch_direct(phys) : NULL;
}

const struct efi_handover *efi_handover(quire_phys_t info)
{
	const struct efi_handover *handover = at(info, sizeof(*handover));

	return handover && handover->magic == EFI_HANDOVER_MAGIC ? handover : NULL;
}

void efi_boot(const struct efi_handover *handover, struct metal_boot *boot)
{
	boot->rsdp = handover->rsdp;
	boot->command_line = at(handover->command_line, EFI_COMMAND_LINE);
}

enum quire_status efi_read_map(const struct efi_handover *handover, struct quire_machine *machine,
			       const struct quire_reader_log *log)
{
	const void *map = at(handover->map, handover->map_bytes);

	if (!handover->released) {
		metal_print("EFI: firmware does not end its boot services\n");
		return QUIRE_EPLATFORM;
	}
	if (!map) {
		metal_print("EFI: no page table for the memory map\n");
		return QUIRE_ENOMEM;
	}
	return quire_read_efi_map(machine, map, (size_t)handover->map_bytes, (size_t)handover->descriptor_bytes, log);
}
