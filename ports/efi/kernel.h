/* The kernel's side of the hand-over: what every architecture does with it. Before the engine, on CPU 0. */
#ifndef EFI_KERNEL_H
#define EFI_KERNEL_H

#include "arch.h"
#include "handover.h"

/* What lies at the address the kernel was entered with, if it is EFI's loader that left it there; else NULL. */
const struct efi_handover *efi_handover(quire_phys_t info);

/* What metal_main() wants to know. */
void efi_boot(const struct efi_handover *handover, struct metal_boot *boot);

/*
 * The memory map into the machine. QUIRE_EPLATFORM: firmware did not end its boot services, so nothing can be used;
 * QUIRE_ENOMEM: no page table to read the map by; else as quire_read_efi_map(). The machine is as it was then.
 *
 * Memory of the boot services is RAM like any other here: what was in use of it (page tables, stack, segments) was left with
 * the last jump, and this kernel calls no runtime services that would still want the rest.
 */
enum quire_status efi_read_map(const struct efi_handover *handover, struct quire_machine *machine,
			       const struct quire_reader_log *log);

#endif
