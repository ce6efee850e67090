/*
 * What a binary file is, from its content: names lie, and tables are often saved under any name. Tables without a
 * signature of their own (e820, EFI map) are recognised only when every entry of the whole file makes sense as one.
 */
#include <string.h>

#include "facts.h"

/* Larger than any ACPI table of a machine with thousands of CPUs. */
#define MOST_ACPI_BYTES (2u << 20)

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* An ACPI table begins with four letters and its own length; a dump may be longer or, cut short, shorter. */
static bool is_acpi(const uint8_t *p, size_t size, const char *signature)
{
	return size >= 8 && memcmp(p, signature, 4) == 0 && le32(p + 4) <= MOST_ACPI_BYTES && size <= 2 * MOST_ACPI_BYTES;
}

static bool is_e820(const uint8_t *p, size_t size)
{
	if (size < 20 || size % 20)
		return false;
	for (size_t at = 0; at < size; at += 20) {
		uint32_t type = le32(p + at + 16);
		uint64_t end;

		if (!((type >= 1 && type <= 20) || type == 0xefffffff) || le64(p + at + 8) == 0 ||
		    __builtin_add_overflow(le64(p + at), le64(p + at + 8) - 1, &end))
			return false;
	}
	return true;
}

#define EFI_LOADER_CODE 1
#define EFI_CONVENTIONAL 7
#define EFI_LAST_TYPE 16
#define EFI_KNOWN_ATTRIBUTES 0x80000000001ff01full

/* Descriptors: u32 type, u32 pad, u64 physical, u64 virtual, u64 pages, u64 attributes, and padding up to desc_size. */
static bool is_efi_descriptor(const uint8_t *p)
{
	uint64_t phys = le64(p + 8), virt = le64(p + 16), pages = le64(p + 24);

	return le32(p) <= EFI_LAST_TYPE && ((phys | virt) & 0xfff) == 0 && pages && pages <= (UINT64_MAX - phys) >> 12 &&
	       !(le64(p + 32) & ~EFI_KNOWN_ATTRIBUTES);
}

static bool is_efi_map(const uint8_t *p, size_t size, size_t desc_size)
{
	bool ram = false;

	if (size < desc_size || size % desc_size)
		return false;
	for (size_t at = 0; at < size; at += desc_size) {
		if (!is_efi_descriptor(p + at))
			return false;
		ram |= le32(p + at) >= EFI_LOADER_CODE && le32(p + at) <= EFI_CONVENTIONAL;
	}
	return ram;
}

enum input_blob_kind input_sniff_binary(const void *data, size_t size, size_t *efi_desc_size)
{
	const uint8_t *p = data;

	if (size >= 4 && memcmp(p, "\xd0\x0d\xfe\xed", 4) == 0)
		return INPUT_BLOB_FDT;
	if (is_acpi(p, size, "SRAT"))
		return INPUT_BLOB_SRAT;
	if (is_acpi(p, size, "SLIT"))
		return INPUT_BLOB_SLIT;
	if (is_acpi(p, size, "APIC"))
		return INPUT_BLOB_MADT;
	if (size >= 0x1000 && memcmp(p + 0x202, "HdrS", 4) == 0)
		return INPUT_BLOB_BOOT_PARAMS;
	if (is_e820(p, size))
		return INPUT_BLOB_E820;
	for (size_t desc_size = 40; desc_size <= 64; desc_size += 8) {
		if (is_efi_map(p, size, desc_size)) {
			*efi_desc_size = desc_size;
			return INPUT_BLOB_EFI_MAP;
		}
	}
	return INPUT_BLOB_NONE;
}
