/* What image.S calls: the kernel that is in this file. */
#include "arch.h"
#include "loader.h"

efi_status efi_main(void *image, struct efi_system *system, struct efi_start *start)
{
	uint64_t bytes = (uint64_t)(efi_kernel_file_end - efi_kernel_file);
	const struct efi_kernel kernel = { .file = efi_kernel_file, .bytes = bytes };
	efi_status status = efi_prepare(image, system, &kernel, start);

	if (status != EFI_SUCCESS) {
		efi_say(system, "metal: exit 2");
		efi_exit_code(METAL_EXIT_MACHINE);
	}
	return status;
}
