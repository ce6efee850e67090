/* The device-tree reader. The last byte of the input is the room the machine has, so that seeds can be plain blobs. */
#include "fuzz_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		fuzz_read(quire_read_fdt, QUIRE_ARCH_ARM64, data[size - 1] ^ 0x20, data, size, NULL);
	return 0;
}
