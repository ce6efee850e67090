/*
 * ACPI SRAT: which memory and which CPUs belong to which proximity domain.
 *
 * Domains become nodes in the order in which the field meets them: it goes through the table once for CPUs and
 * initiators and then once more for memory, and so does this reader. Entries whose enabled bit is clear say nothing
 * (firmware leaves room for hot-plugged parts that way).
 *
 * The entries are judged before the first is taken. Of what can fail afterwards, arrays that are full, everything is an
 * append, so putting the old counts back undoes it; records that were there before are touched only after that.
 */
#include "reader.h"

#define FIXED_BYTES 48
#define REVISION 8

enum { APIC = 0, MEMORY = 1, X2APIC = 2, GICC = 3, GIC_ITS = 4, INITIATOR = 5, PORT = 6, RINTC = 7 };

#define FLAG_ENABLED 0x1u

static unsigned minimum(uint8_t type)
{
	static const uint8_t bytes[] = {
		[APIC] = 16,	[MEMORY] = 40,	  [X2APIC] = 24, [GICC] = 18,
		[GIC_ITS] = 12, [INITIATOR] = 32, [PORT] = 32,	 [RINTC] = 20,
	};

	return type < QI_ARRAY_SIZE(bytes) ? bytes[type] : 2;
}

/* Revision 1 has 8-bit domains; what follows them is reserved and not always zero. */
static uint32_t domain_mask(const uint8_t *table)
{
	return table[REVISION] < 2 ? 0xff : UINT32_MAX;
}

/* True, and *cpu filled in, if the entry names a CPU or an initiator and is enabled. */
static bool read_cpu(const struct qi_acpi_entry *entry, uint32_t mask, struct quire_cpu *cpu)
{
	const uint8_t *p = entry->data;
	uint32_t flags;

	*cpu = (struct quire_cpu){ .enabled = true };
	switch (entry->type) {
	case APIC:
		cpu->domain = (p[2] | (uint32_t)p[9] << 8 | (uint32_t)p[10] << 16 | (uint32_t)p[11] << 24) & mask;
		cpu->hwid = p[3];
		flags = qi_le32(p + 4);
		break;
	case X2APIC:
	case RINTC:
		cpu->domain = qi_le32(p + 4);
		cpu->hwid = qi_le32(p + 8);
		flags = qi_le32(p + 12);
		break;
	case GICC:
		cpu->domain = qi_le32(p + 2);
		cpu->hwid = qi_le32(p + 6);
		flags = qi_le32(p + 10);
		break;
	case INITIATOR:
		cpu->initiator = true;
		cpu->domain = qi_le32(p + 4);
		cpu->hwid = qi_le64(p + 8);
		flags = qi_le32(p + 24);
		break;
	default:
		return false;
	}
	return flags & FLAG_ENABLED;
}

/* The all-ones domain is what records without a domain carry, so no table may use it. */
static bool usable_domain(uint32_t domain, size_t offset, const struct quire_reader_log *log)
{
	if (domain != QUIRE_DOMAIN_NONE)
		return true;
	qi_note(log, QUIRE_LOG_WARNING, offset, "SRAT: proximity domain %#x is no domain: entry ignored", (unsigned)domain);
	return false;
}

static enum quire_status add_cpus(struct quire_machine *m, const uint8_t *table, size_t length,
				  const struct quire_reader_log *log)
{
	struct qi_acpi_entry entry;
	size_t offset = FIXED_BYTES;
	uint32_t mask = domain_mask(table);

	while (qi_acpi_next_entry(table, length, &offset, &entry)) {
		struct quire_cpu cpu;
		enum quire_status status;

		if (entry.type > RINTC)
			qi_note(log, QUIRE_LOG_WARNING, entry.offset, "SRAT: entry of unknown type %u ignored", entry.type);
		if (!read_cpu(&entry, mask, &cpu) || !usable_domain(cpu.domain, entry.offset, log))
			continue;
		if (!cpu.initiator && qi_machine_find_cpu(m, cpu.hwid))
			status = qi_machine_add_domain(m, cpu.domain);
		else
			status = quire_machine_add_cpu(m, &cpu);
		if (status != QUIRE_OK) {
			qi_note(log, QUIRE_LOG_ERROR, entry.offset, "SRAT: no room for CPU %#llx of domain %u",
				(unsigned long long)cpu.hwid, (unsigned)cpu.domain);
			return status;
		}
	}
	return QUIRE_OK;
}

static enum quire_status add_memory(struct quire_machine *m, const uint8_t *table, size_t length,
				    const struct quire_reader_log *log)
{
	struct qi_acpi_entry entry;
	size_t offset = FIXED_BYTES;
	uint32_t mask = domain_mask(table);

	while (qi_acpi_next_entry(table, length, &offset, &entry)) {
		const uint8_t *p = entry.data;
		struct quire_memory_affinity affinity;
		enum quire_status status;

		if (entry.type != MEMORY || !(qi_le32(p + 28) & FLAG_ENABLED))
			continue;
		affinity = (struct quire_memory_affinity){
			.base = qi_le64(p + 8), .size = qi_le64(p + 16), .domain = qi_le32(p + 2) & mask,
			.flags = qi_le32(p + 28) &
				 (QUIRE_AFFINITY_ENABLED | QUIRE_AFFINITY_HOTPLUG | QUIRE_AFFINITY_NONVOLATILE),
		};
		if (!usable_domain(affinity.domain, entry.offset, log))
			continue;
		if (affinity.size && affinity.base + (affinity.size - 1) < affinity.base)
			qi_note(log, QUIRE_LOG_WARNING, entry.offset, "SRAT: memory at %#llx of domain %u wraps around",
				(unsigned long long)affinity.base, (unsigned)affinity.domain);
		status = quire_machine_add_affinity(m, &affinity);
		if (status != QUIRE_OK) {
			qi_note(log, QUIRE_LOG_ERROR, entry.offset, "SRAT: no room for memory at %#llx of domain %u",
				(unsigned long long)affinity.base, (unsigned)affinity.domain);
			return status;
		}
	}
	return QUIRE_OK;
}

/* Give CPUs that the MADT named first, or that the SRAT names twice, the domain the SRAT names last. */
static void place_known_cpus(struct quire_machine *m, const uint8_t *table, size_t length,
			     const struct quire_reader_log *log)
{
	struct qi_acpi_entry entry;
	size_t offset = FIXED_BYTES;
	uint32_t mask = domain_mask(table);

	while (qi_acpi_next_entry(table, length, &offset, &entry)) {
		struct quire_cpu cpu, *known;

		if (!read_cpu(&entry, mask, &cpu) || cpu.initiator || cpu.domain == QUIRE_DOMAIN_NONE)
			continue;
		known = qi_machine_find_cpu(m, cpu.hwid);
		if (known->domain != cpu.domain && known->domain != QUIRE_DOMAIN_NONE)
			qi_note(log, QUIRE_LOG_WARNING, entry.offset,
				"SRAT: CPU %#llx is in domain %u and in %u: %u is taken", (unsigned long long)cpu.hwid,
				(unsigned)known->domain, (unsigned)cpu.domain, (unsigned)cpu.domain);
		known->domain = cpu.domain;
	}
}

enum quire_status quire_read_srat(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log)
{
	struct quire_machine before = *m;
	size_t length;
	enum quire_status status = qi_acpi_check_table(data, size, "SRAT", &length, log);

	if (status == QUIRE_OK && length < FIXED_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, length, "SRAT: %zu bytes, %d needed", length, FIXED_BYTES);
		status = QUIRE_EFORMAT;
	}
	if (status == QUIRE_OK)
		status = qi_acpi_check_entries(data, length, FIXED_BYTES, minimum, log);
	if (status == QUIRE_OK)
		status = add_cpus(m, data, length, log);
	if (status == QUIRE_OK)
		status = add_memory(m, data, length, log);
	if (status != QUIRE_OK) {
		*m = before;
		return status;
	}
	place_known_cpus(m, data, length, log);
	return QUIRE_OK;
}
