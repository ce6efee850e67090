/*
 * ACPI MADT: which CPUs exist.
 *
 * A CPU exists if an entry that is enabled names it; boards list the same CPU in several kinds of entry, and list empty
 * sockets disabled. CPUs the SRAT named are switched on or off by that rule, and CPUs it did not name are added.
 */
#include "reader.h"

#define FIXED_BYTES 44

enum { APIC = 0, X2APIC = 9, GICC = 11, RINTC = 24 };

#define FLAG_ENABLED 0x1u

static unsigned minimum(uint8_t type)
{
	switch (type) {
	case APIC:
		return 8;
	case X2APIC:
		return 16;
	case GICC:
		return 40;
	case RINTC:
		return 20;
	default:
		return 2;
	}
}

/* True if the entry is about a CPU. GICC and RINTC entries are known by the ACPI processor id, as in the SRAT. */
static bool read_cpu(const struct qi_acpi_entry *entry, uint64_t *hwid, bool *enabled)
{
	const uint8_t *p = entry->data;
	uint32_t flags;

	switch (entry->type) {
	case APIC:
		*hwid = p[3];
		flags = qi_le32(p + 4);
		break;
	case X2APIC:
		*hwid = qi_le32(p + 4);
		flags = qi_le32(p + 8);
		break;
	case GICC:
		*hwid = qi_le32(p + 8);
		flags = qi_le32(p + 12);
		break;
	case RINTC:
		*hwid = qi_le32(p + 16);
		flags = qi_le32(p + 4);
		break;
	default:
		return false;
	}
	*enabled = flags & FLAG_ENABLED;
	return true;
}

/* Append CPUs nobody named before. Also counts the entries that are about CPUs at all. */
static enum quire_status add_cpus(struct quire_machine *m, const uint8_t *table, size_t length, size_t *named,
				  const struct quire_reader_log *log)
{
	struct qi_acpi_entry entry;
	size_t offset = FIXED_BYTES;

	*named = 0;
	while (qi_acpi_next_entry(table, length, &offset, &entry)) {
		struct quire_cpu cpu = { .domain = QUIRE_DOMAIN_NONE };
		enum quire_status status;

		if (!read_cpu(&entry, &cpu.hwid, &cpu.enabled))
			continue;
		(*named)++;
		if (!cpu.enabled || qi_machine_find_cpu(m, cpu.hwid))
			continue;
		status = quire_machine_add_cpu(m, &cpu);
		if (status != QUIRE_OK) {
			qi_note(log, QUIRE_LOG_ERROR, entry.offset, "MADT: no room for CPU %#llx",
				(unsigned long long)cpu.hwid);
			return status;
		}
	}
	return QUIRE_OK;
}

static void switch_cpus(struct quire_machine *m, const uint8_t *table, size_t length)
{
	struct qi_acpi_entry entry;
	size_t offset = FIXED_BYTES;

	for (size_t i = 0; i < m->cpu_count; i++)
		if (!m->cpus[i].initiator)
			m->cpus[i].enabled = false;
	while (qi_acpi_next_entry(table, length, &offset, &entry)) {
		uint64_t hwid;
		bool enabled;

		if (read_cpu(&entry, &hwid, &enabled) && enabled)
			qi_machine_find_cpu(m, hwid)->enabled = true;
	}
}

enum quire_status quire_read_madt(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log)
{
	size_t before = m->cpu_count, length, named;
	enum quire_status status = qi_acpi_check_table(data, size, "APIC", &length, log);

	if (status == QUIRE_OK && length < FIXED_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, length, "MADT: %zu bytes, %d needed", length, FIXED_BYTES);
		status = QUIRE_EFORMAT;
	}
	if (status == QUIRE_OK)
		status = qi_acpi_check_entries(data, length, FIXED_BYTES, minimum, log);
	if (status == QUIRE_OK)
		status = add_cpus(m, data, length, &named, log);
	if (status != QUIRE_OK) {
		m->cpu_count = before;
		return status;
	}
	if (named)
		switch_cpus(m, data, length);
	else
		qi_note(log, QUIRE_LOG_WARNING, FIXED_BYTES, "MADT: no entry is about a CPU: CPUs stay as they are");
	return QUIRE_OK;
}
