/*
 * e820: the PC's memory map, as a bare table and inside Linux' boot parameters.
 */
#include "reader.h"

#define ENTRY_BYTES 20

/* Offsets in the boot parameters. */
#define PARAMS_RSDP 0x70
#define PARAMS_INITRD_BASE_HIGH 0xc0
#define PARAMS_INITRD_SIZE_HIGH 0xc4
#define PARAMS_E820_COUNT 0x1e8
#define PARAMS_INITRD_BASE 0x218
#define PARAMS_INITRD_SIZE 0x21c
#define PARAMS_SETUP_DATA 0x250
#define PARAMS_E820_TABLE 0x2d0
#define PARAMS_E820_MAX 128

static const struct {
	uint32_t number;
	enum quire_memory_type type;
	const char *text;
} types[] = {
	{ 1, QUIRE_MEMORY_RAM, "usable" },
	{ 2, QUIRE_MEMORY_RESERVED, "reserved" },
	{ 3, QUIRE_MEMORY_ACPI, "ACPI data" },
	{ 4, QUIRE_MEMORY_NVS, "ACPI NVS" },
	{ 5, QUIRE_MEMORY_UNUSABLE, "unusable" },
	{ 7, QUIRE_MEMORY_PMEM, "persistent (type 7)" },
	{ 12, QUIRE_MEMORY_PRAM, "persistent (type 12)" },
	{ 0xefffffff, QUIRE_MEMORY_SOFT_RESERVED, "soft reserved" },
};

enum quire_memory_type qi_e820_type(uint32_t number, bool *known)
{
	for (size_t i = 0; i < QI_ARRAY_SIZE(types); i++) {
		if (types[i].number == number) {
			*known = true;
			return types[i].type;
		}
	}
	*known = false;
	return QUIRE_MEMORY_RESERVED;
}

uint32_t qi_e820_number(enum quire_memory_type type)
{
	for (size_t i = 0; i < QI_ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].number;
	return 2;
}

const char *qi_e820_text(enum quire_memory_type type)
{
	for (size_t i = 0; i < QI_ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].text;
	return "?";
}

/* `offset` is where the table starts in what the caller was given, for messages. */
static enum quire_status read_entries(struct quire_machine *m, const uint8_t *table, size_t count, size_t offset,
				      const struct quire_reader_log *log)
{
	size_t before = m->map_count;

	for (size_t i = 0; i < count; i++, offset += ENTRY_BYTES) {
		const uint8_t *entry = table + i * ENTRY_BYTES;
		uint32_t number = qi_le32(entry + 16);
		uint64_t base = qi_le64(entry), size = qi_le64(entry + 8);
		bool known;
		enum quire_memory_type type = qi_e820_type(number, &known);

		/* Firmware fills up tables with all-zero entries: nothing is lost with them. */
		if (!size) {
			qi_note(log, QUIRE_LOG_DEBUG, offset, "entry %zu is empty (type %u): ignored", i, (unsigned)number);
			continue;
		}
		if (!known)
			qi_note(log, QUIRE_LOG_WARNING, offset, "entry %zu has unknown type %u: taken as reserved", i,
				(unsigned)number);
		if (quire_machine_add_range(m, base, size, type, 0, QUIRE_NO_NODE) != QUIRE_OK) {
			qi_note(log, QUIRE_LOG_ERROR, offset, "no room for entry %zu of the memory map", i);
			m->map_count = before;
			return QUIRE_ENOSPC;
		}
	}
	return QUIRE_OK;
}

enum quire_status quire_read_e820(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log)
{
	size_t rest = size % ENTRY_BYTES;

	if (!size || rest) {
		qi_note(log, QUIRE_LOG_ERROR, size - rest, "the table ends inside entry %zu", size / ENTRY_BYTES);
		return QUIRE_ETRUNCATED;
	}
	return read_entries(m, data, size / ENTRY_BYTES, 0, log);
}

static enum quire_status add_initrd(struct quire_machine *m, const uint8_t *params, const struct quire_reader_log *log)
{
	struct quire_reservation initrd = {
		.base = qi_le32(params + PARAMS_INITRD_BASE) | (uint64_t)qi_le32(params + PARAMS_INITRD_BASE_HIGH) << 32,
		.size = qi_le32(params + PARAMS_INITRD_SIZE) | (uint64_t)qi_le32(params + PARAMS_INITRD_SIZE_HIGH) << 32,
		.kind = QUIRE_RESERVE_INITRD,
		.name = "initrd",
	};
	uint64_t end;

	if (!initrd.base || !initrd.size)
		return QUIRE_OK;
	if (!qi_add(initrd.base, initrd.size, &end)) {
		qi_note(log, QUIRE_LOG_WARNING, PARAMS_INITRD_BASE, "the initrd wraps around the address space: ignored");
		return QUIRE_OK;
	}
	return quire_machine_add_reservation(m, &initrd);
}

enum quire_status quire_read_boot_params(struct quire_machine *m, const void *data, size_t size,
					 const struct quire_reader_log *log)
{
	const uint8_t *params = data;
	struct quire_machine before = *m;
	enum quire_status status;
	size_t count;

	if (size < PARAMS_E820_TABLE) {
		qi_note(log, QUIRE_LOG_ERROR, size, "boot parameters end before the memory map");
		return QUIRE_ETRUNCATED;
	}
	count = params[PARAMS_E820_COUNT];
	if (count == 0 || count > PARAMS_E820_MAX) {
		qi_note(log, QUIRE_LOG_ERROR, PARAMS_E820_COUNT, "%zu entries in the memory map, 1 to %d can be", count,
			PARAMS_E820_MAX);
		return QUIRE_EFORMAT;
	}
	if (size < PARAMS_E820_TABLE + count * ENTRY_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, size, "boot parameters end inside the memory map of %zu entries", count);
		return QUIRE_ETRUNCATED;
	}
	if (qi_le64(params + PARAMS_SETUP_DATA))
		qi_note(log, QUIRE_LOG_INFO, PARAMS_SETUP_DATA,
			"setup data at %#llx is not followed: more entries may be there",
			(unsigned long long)qi_le64(params + PARAMS_SETUP_DATA));
	status = read_entries(m, params + PARAMS_E820_TABLE, count, PARAMS_E820_TABLE, log);
	if (status == QUIRE_OK)
		status = add_initrd(m, params, log);
	if (status != QUIRE_OK) {
		*m = before;
		return status;
	}
	if (qi_le64(params + PARAMS_RSDP))
		m->rsdp = qi_le64(params + PARAMS_RSDP);
	return QUIRE_OK;
}
