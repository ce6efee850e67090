/* The PC's part of the EFI loader. */
#include "efi/loader.h"
#include "pc/pc.h"

/* QEMU's exit device. */
void efi_exit_code(unsigned code)
{
	pc_out32(PC_DEBUG_EXIT, code);
}

/* There is nothing that looks past the caches. */
void efi_write_back(uint64_t at, uint64_t bytes)
{
	(void)at;
	(void)bytes;
}
