/*
 * The EFI memory map.
 *
 * x86 takes it as the source of an e820 map, so every descriptor becomes an entry of the type the field gives it there.
 * arm64 and riscv64 have no such map: there, whatever can be mapped cacheably is memory, and what is not free for the
 * kernel to use is memory that must not be mapped; device ranges are no memory at all.
 */
#include "reader.h"

#define PAGE_SHIFT 12
#define DESCRIPTOR_BYTES 40

enum {
	EFI_RESERVED, EFI_LOADER_CODE, EFI_LOADER_DATA, EFI_BOOT_CODE, EFI_BOOT_DATA, EFI_RUNTIME_CODE, EFI_RUNTIME_DATA,
	EFI_CONVENTIONAL, EFI_UNUSABLE, EFI_ACPI_RECLAIM, EFI_ACPI_NVS, EFI_MMIO, EFI_MMIO_PORTS, EFI_PAL_CODE,
	EFI_PERSISTENT,
	EFI_UNACCEPTED, EFI_TYPES
};

#define ATTRIBUTE_CACHEABLE 0xeu		/* write-combining, write-through, write-back */
#define ATTRIBUTE_WRITE_BACK 0x8u
#define ATTRIBUTE_MORE_RELIABLE 0x10000u
#define ATTRIBUTE_SPECIFIC_PURPOSE 0x40000u

static const enum quire_memory_type type_table[EFI_TYPES] = {
	[EFI_RESERVED] = QUIRE_MEMORY_RESERVED,	    [EFI_LOADER_CODE] = QUIRE_MEMORY_RAM,
	[EFI_LOADER_DATA] = QUIRE_MEMORY_RAM,	    [EFI_BOOT_CODE] = QUIRE_MEMORY_RAM,
	[EFI_BOOT_DATA] = QUIRE_MEMORY_RAM,	    [EFI_RUNTIME_CODE] = QUIRE_MEMORY_RESERVED,
	[EFI_RUNTIME_DATA] = QUIRE_MEMORY_RESERVED, [EFI_CONVENTIONAL] = QUIRE_MEMORY_RAM,
	[EFI_UNUSABLE] = QUIRE_MEMORY_UNUSABLE,	    [EFI_ACPI_RECLAIM] = QUIRE_MEMORY_ACPI,
	[EFI_ACPI_NVS] = QUIRE_MEMORY_NVS,	    [EFI_MMIO] = QUIRE_MEMORY_RESERVED,
	[EFI_MMIO_PORTS] = QUIRE_MEMORY_RESERVED,   [EFI_PAL_CODE] = QUIRE_MEMORY_RESERVED,
	[EFI_PERSISTENT] = QUIRE_MEMORY_PMEM,	    [EFI_UNACCEPTED] = QUIRE_MEMORY_RAM,
};

struct descriptor {
	uint32_t kind;
	uint64_t base, size, attribute;
};

/* False if there is nothing to take, or nothing that makes sense. */
static bool read_descriptor(const uint8_t *p, size_t offset, struct descriptor *d, const struct quire_reader_log *log)
{
	uint64_t pages = qi_le64(p + 24);

	d->kind = qi_le32(p);
	d->base = qi_le64(p + 8);
	d->size = pages << PAGE_SHIFT;
	d->attribute = qi_le64(p + 32);
	if (!pages)
		return false;
	if (pages > UINT64_MAX >> PAGE_SHIFT || d->base + (d->size - 1) < d->base) {
		qi_note(log, QUIRE_LOG_WARNING, offset, "EFI: type %u at %#llx, %#llx pages, wraps around: ignored",
			(unsigned)d->kind, (unsigned long long)d->base, (unsigned long long)pages);
		return false;
	}
	if (d->kind >= EFI_TYPES) {
		qi_note(log, QUIRE_LOG_WARNING, offset, "EFI: unknown type %u at %#llx: taken as reserved",
			(unsigned)d->kind, (unsigned long long)d->base);
		d->kind = EFI_RESERVED;
	}
	return true;
}

static enum quire_memory_type type_of(const struct descriptor *d)
{
	if (d->kind == EFI_CONVENTIONAL && d->attribute & ATTRIBUTE_SPECIFIC_PURPOSE)
		return QUIRE_MEMORY_SOFT_RESERVED;
	return type_table[d->kind];
}

static uint32_t mirror(const struct descriptor *d)
{
	return d->attribute & ATTRIBUTE_MORE_RELIABLE ? QUIRE_MEMORY_MIRROR : 0;
}

static enum quire_status add_x86(struct quire_machine *m, const struct descriptor *d)
{
	enum quire_memory_type type = type_of(d);
	uint32_t attributes = type == QUIRE_MEMORY_RAM ? mirror(d) : 0;

	/* Firmware still uses these until its runtime has been told its new addresses. */
	if (d->kind == EFI_BOOT_CODE || d->kind == EFI_BOOT_DATA)
		attributes |= QUIRE_MEMORY_BOOT;
	return quire_machine_add_range(m, d->base, d->size, type, attributes, QUIRE_NO_NODE);
}

static enum quire_status add_mapped(struct quire_machine *m, const struct descriptor *d)
{
	enum quire_memory_type type = type_of(d);
	bool usable = type == QUIRE_MEMORY_RAM || d->kind == EFI_ACPI_RECLAIM;
	uint32_t attributes = mirror(d);
	enum quire_status status;

	if (!(d->attribute & ATTRIBUTE_CACHEABLE))
		return QUIRE_OK;
	if (type == QUIRE_MEMORY_PMEM || type == QUIRE_MEMORY_SOFT_RESERVED)
		return quire_machine_add_range(m, d->base, d->size, type, 0, QUIRE_NO_NODE);
	if (!usable || !(d->attribute & ATTRIBUTE_WRITE_BACK))
		attributes |= QUIRE_MEMORY_NOMAP;
	status = quire_machine_add_range(m, d->base, d->size, QUIRE_MEMORY_RAM, attributes, QUIRE_NO_NODE);
	if (status == QUIRE_OK && d->kind == EFI_ACPI_RECLAIM) {
		struct quire_reservation tables = {
			.base = d->base, .size = d->size, .kind = QUIRE_RESERVE_FIRMWARE, .name = "ACPI tables",
		};

		status = quire_machine_add_reservation(m, &tables);
	}
	return status;
}

enum quire_status quire_read_efi_map(struct quire_machine *m, const void *data, size_t size, size_t desc_size,
				     const struct quire_reader_log *log)
{
	bool mapped = m->arch == QUIRE_ARCH_ARM64 || m->arch == QUIRE_ARCH_RISCV64;
	struct quire_machine before = *m;

	if (desc_size < DESCRIPTOR_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, 0, "EFI: descriptors of %zu bytes, %d needed", desc_size, DESCRIPTOR_BYTES);
		return QUIRE_EINVAL;
	}
	if (!size || size % desc_size) {
		qi_note(log, QUIRE_LOG_ERROR, size - size % desc_size, "EFI: the map ends inside a descriptor");
		return QUIRE_ETRUNCATED;
	}
	for (size_t offset = 0; offset < size; offset += desc_size) {
		struct descriptor d;
		enum quire_status status;

		if (!read_descriptor((const uint8_t *)data + offset, offset, &d, log))
			continue;
		status = mapped ? add_mapped(m, &d) : add_x86(m, &d);
		if (status != QUIRE_OK) {
			qi_note(log, QUIRE_LOG_ERROR, offset, "EFI: no room for the descriptor of %#llx",
				(unsigned long long)d.base);
			*m = before;
			return status;
		}
	}
	return QUIRE_OK;
}
