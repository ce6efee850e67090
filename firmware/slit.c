/*
 * ACPI SLIT: distances between proximity domains.
 *
 * A matrix in which a domain is not 10 from itself, or another domain not farther than that, cannot be trusted anywhere:
 * it is ignored as a whole, as if there were none.
 */
#include "reader.h"

#define FIXED_BYTES 44
#define LOCALITIES 36
#define LOCAL_DISTANCE 10

/* Offset of the first cell that breaks the rule, 0 if none does. */
static size_t find_nonsense(const uint8_t *table, size_t count)
{
	for (size_t row = 0; row < count; row++) {
		for (size_t column = 0; column < count; column++) {
			size_t offset = FIXED_BYTES + row * count + column;
			uint8_t distance = table[offset];

			if (row == column ? distance != LOCAL_DISTANCE : distance <= LOCAL_DISTANCE)
				return offset;
		}
	}
	return 0;
}

static enum quire_status check(const uint8_t *table, size_t length, const struct quire_reader_log *log)
{
	uint64_t count;

	if (length < FIXED_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, length, "SLIT: %zu bytes, %d needed", length, FIXED_BYTES);
		return QUIRE_EFORMAT;
	}
	count = qi_le64(table + LOCALITIES);
	if (count > UINT16_MAX || count * count > length - FIXED_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, LOCALITIES, "SLIT: distances of %llu localities do not fit in %zu bytes",
			(unsigned long long)count, length - FIXED_BYTES);
		return QUIRE_EFORMAT;
	}
	return QUIRE_OK;
}

enum quire_status quire_read_slit(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log)
{
	const uint8_t *table = data;
	size_t length, nonsense, count;
	enum quire_status status = qi_acpi_check_table(table, size, "SLIT", &length, log);

	if (status == QUIRE_OK)
		status = check(table, length, log);
	if (status != QUIRE_OK)
		return status;
	count = qi_le32(table + LOCALITIES);
	nonsense = find_nonsense(table, count);
	if (nonsense) {
		size_t cell = nonsense - FIXED_BYTES;

		qi_note(log, QUIRE_LOG_WARNING, nonsense, "SLIT: distance %u from locality %zu to %zu: table ignored",
			table[nonsense], cell / count, cell % count);
		return QUIRE_OK;
	}
	if (count > m->distance_max) {
		qi_note(log, QUIRE_LOG_ERROR, LOCALITIES, "SLIT: no room for %zu localities", count);
		return QUIRE_ENOSPC;
	}
	for (size_t cell = 0; cell < count * count; cell++)
		quire_machine_set_distance(m, (uint32_t)(cell / count), (uint32_t)(cell % count), table[FIXED_BYTES + cell]);
	return QUIRE_OK;
}
