/*
 * What EFI's loader hands over. Memory of the boot services is RAM like any other here: what was in use of it (page tables,
 * stack, segments) was left with the last jump, and this kernel calls no runtime services that would still want the rest.
 */
#include "efi/handover.h"
#include "x86.h"

void x86_efi_boot(struct metal_boot *boot)
{
	const struct efi_handover *handover = x86_loader_data(boot->info, sizeof(*handover));

	boot->rsdp = handover->rsdp;
	boot->command_line = x86_loader_data(handover->command_line, EFI_COMMAND_LINE);
}

/* Low memory may be the firmware's for good. */
static bool is_ram(const struct quire_machine *machine, quire_phys_t base, quire_phys_t size)
{
	for (size_t i = 0; i < machine->map_count; i++) {
		const struct quire_memory_range *r = &machine->map[i];

		if (r->type == QUIRE_MEMORY_RAM && r->base <= base && base - r->base < r->size &&
		    size <= r->size - (base - r->base))
			return true;
	}
	return false;
}

enum quire_status x86_efi_read(const struct metal_boot *boot, struct quire_machine *machine,
			       const struct quire_reader_log *log)
{
	const struct efi_handover *handover = arch_direct(boot->info);
	const void *map = x86_loader_data(handover->map, handover->map_bytes);
	enum quire_status status;

	if (!handover->released) {
		metal_print("EFI: firmware does not end its boot services\n");
		return QUIRE_EPLATFORM;
	}
	if (!map) {
		metal_print("EFI: no page table for the memory map\n");
		return QUIRE_ENOMEM;
	}
	if (!handover->rsdp)
		metal_print("EFI: firmware names no ACPI tables: one node, one CPU\n");
	status = quire_read_efi_map(machine, map, (size_t)handover->map_bytes, (size_t)handover->descriptor_bytes, log);
	x86_trampoline_taken = !is_ram(machine, TRAMPOLINE, 4096);
	if (status == QUIRE_OK && x86_trampoline_taken)
		metal_print("EFI: firmware keeps %#x: one CPU\n", TRAMPOLINE);
	return status;
}
