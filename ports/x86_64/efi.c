/* A machine that EFI's loader hands over, as far as it is a PC. */
#include "efi/kernel.h"
#include "x86.h"

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
	enum quire_status status = efi_read_map(handover, machine, log);

	if (status != QUIRE_OK)
		return status;
	if (!handover->rsdp)
		metal_print("EFI: firmware names no ACPI tables: one node, one CPU\n");
	x86_trampoline_taken = !is_ram(machine, TRAMPOLINE, 4096);
	if (x86_trampoline_taken)
		metal_print("EFI: firmware keeps %#x: one CPU\n", TRAMPOLINE);
	return QUIRE_OK;
}
