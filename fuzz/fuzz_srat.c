/* The ACPI SRAT reader. The first byte of the input is the room the machine has. */
#include "fuzz_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		fuzz_read(quire_read_srat, QUIRE_ARCH_X86_64, data[0], data + 1, size - 1, "SRAT");
	return 0;
}
