/* The C entry: which loader it was, and from where the machine's description comes. */
#include "efi/kernel.h"
#include "x86.h"

extern char x86_image_start[], x86_image_end[];

void x86_start(uint32_t info, uint32_t offset)
{
	struct metal_boot boot = { .image_start = (quire_phys_t)x86_image_start + offset,
				   .image_end = (quire_phys_t)x86_image_end + offset, .info = info };
	const struct efi_handover *handover;

	x86_image_offset = offset;
	pc_console_setup();
	x86_cpu_setup(0);
	x86_paging_setup();
	x86_identity(false);
	pc_time_setup();
	x86_apic_setup();
	handover = efi_handover(info);
	if (handover)
		efi_boot(handover, &boot);
	else if (!x86_pvh_boot(&boot))
		metal_panic(false, "the loader gave neither PVH start info nor EFI's (%#x)", info);
	metal_main(&boot);
}

enum quire_status arch_read_machine(const struct metal_boot *boot, struct quire_machine *machine,
				    const struct quire_reader_log *log)
{
	return efi_handover(boot->info) ? x86_efi_read(boot, machine, log) : x86_pvh_read(boot, machine, log);
}
