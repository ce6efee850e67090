/*
 * What all readers share: reading little-endian numbers at any alignment, and messages with an offset. Internal.
 */
#ifndef QI_READER_H
#define QI_READER_H

#include <quire/firmware.h>

#include "base/base.h"

static inline uint16_t qi_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t qi_le32(const uint8_t *p) { return qi_le16(p) | (uint32_t)qi_le16(p + 2) << 16; }
static inline uint64_t qi_le64(const uint8_t *p) { return qi_le32(p) | (uint64_t)qi_le32(p + 4) << 32; }

/* Tell the caller's log; a NULL log or a NULL emit is fine. Text beyond 255 bytes is cut. */
void qi_note(const struct quire_reader_log *log, enum quire_log_level level, size_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * An ACPI table at `data`: the header's length (36 .. size), its signature (4 bytes) and the checksum over that length are
 * checked and reported. *length is the header's.
 */
enum quire_status qi_acpi_check_table(const uint8_t *data, size_t size, const char *signature, size_t *length,
				      const struct quire_reader_log *log);

/*
 * The structures after a table's fixed part: type and length bytes, then the rest. *offset starts at the fixed part's
 * size and is moved behind the entry found. False at the end of the table. Entries must have been judged by
 * qi_acpi_check_entries.
 */
struct qi_acpi_entry {
	uint8_t type;
	uint8_t length;
	const uint8_t *data;
	size_t offset;
};
bool qi_acpi_next_entry(const uint8_t *table, size_t length, size_t *offset, struct qi_acpi_entry *entry);

/*
 * All entries lie inside the table and are at least minimum(type) bytes long (0: unknown type). Reports the first that
 * does not.
 */
enum quire_status qi_acpi_check_entries(const uint8_t *table, size_t length, size_t start, unsigned (*minimum)(uint8_t type),
					const struct quire_reader_log *log);

/* The CPU with this hardware id, generic initiators aside; NULL if there is none. */
struct quire_cpu *qi_machine_find_cpu(struct quire_machine *machine, uint64_t hwid);

/* Give a domain its place in the order of appearance, if it has none yet. */
enum quire_status qi_machine_add_domain(struct quire_machine *machine, uint32_t domain);

/* e820 numbers of memory types. Unknown numbers are QUIRE_MEMORY_RESERVED and *known is false. */
enum quire_memory_type qi_e820_type(uint32_t number, bool *known);
uint32_t qi_e820_number(enum quire_memory_type type);
/* "usable", "ACPI data" … as boot logs print them. */
const char *qi_e820_text(enum quire_memory_type type);

#endif
