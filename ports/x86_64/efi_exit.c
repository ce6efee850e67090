/* Part of the EFI loader: QEMU's exit device. Where there is none, firmware goes on with what else it can start. */
#include "efi/loader.h"
#include "pc/pc.h"

void efi_exit_code(unsigned code)
{
	pc_out32(PC_DEBUG_EXIT, code);
}
