/*
 * The EFI memory map, both ways of taking it. The first byte is the room, the second the architecture and descriptor
 * size.
 */
#include "fuzz_machine.h"

static size_t descriptor_bytes;

static enum quire_status read_map(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log)
{
	return quire_read_efi_map(m, data, size, descriptor_bytes, log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	descriptor_bytes = 36u + (data[1] >> 1) % 32;
	fuzz_read(read_map, data[1] & 1 ? QUIRE_ARCH_ARM64 : QUIRE_ARCH_X86_64, data[0], data + 2, size - 2, NULL);
	return 0;
}
