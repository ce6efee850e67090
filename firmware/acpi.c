/*
 * What all ACPI tables have in common: the header with length and checksum, the list of entries behind the fixed part,
 * and the way from the root pointer to a table.
 */
#include "reader.h"

#define HEADER_BYTES 36
#define HEADER_LENGTH 4

/* No table this reader is for comes near this; it bounds the work a forged length can cause. */
#define TABLE_BYTES_MAX (1u << 20)

#define RSDP_BYTES_V1 20
#define RSDP_BYTES_V2 36
#define RSDP_REVISION 15
#define RSDP_RSDT 16
#define RSDP_LENGTH 20
#define RSDP_XSDT 24

static uint8_t sum_of(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + data[i]);
	return sum;
}

/* A signature as text, whatever bytes it has. */
static void printable(const uint8_t *signature, char text[5])
{
	for (int i = 0; i < 4; i++)
		text[i] = signature[i] >= ' ' && signature[i] < 0x7f ? (char)signature[i] : '?';
	text[4] = '\0';
}

enum quire_status qi_acpi_check_table(const uint8_t *data, size_t size, const char *signature, size_t *length,
				      const struct quire_reader_log *log)
{
	char found[5];
	uint32_t claimed;

	if (size < HEADER_BYTES) {
		qi_note(log, QUIRE_LOG_ERROR, size, "%.4s: %zu bytes hold no table header", signature, size);
		return QUIRE_ETRUNCATED;
	}
	if (memcmp(data, signature, 4)) {
		printable(data, found);
		qi_note(log, QUIRE_LOG_ERROR, 0, "%.4s: the table's signature is \"%s\"", signature, found);
		return QUIRE_EFORMAT;
	}
	claimed = qi_le32(data + HEADER_LENGTH);
	if (claimed < HEADER_BYTES || claimed > TABLE_BYTES_MAX) {
		qi_note(log, QUIRE_LOG_ERROR, HEADER_LENGTH, "%.4s: a length of %u bytes makes no sense", signature,
			(unsigned)claimed);
		return QUIRE_EFORMAT;
	}
	if (claimed > size) {
		qi_note(log, QUIRE_LOG_ERROR, size, "%.4s: %u bytes long, but only %zu are here", signature,
			(unsigned)claimed, size);
		return QUIRE_ETRUNCATED;
	}
	if (sum_of(data, claimed)) {
		qi_note(log, QUIRE_LOG_ERROR, 9, "%.4s: the checksum is wrong", signature);
		return QUIRE_ECHECKSUM;
	}
	if (claimed < size)
		qi_note(log, QUIRE_LOG_DEBUG, claimed, "%.4s: %zu bytes behind the table are ignored", signature,
			size - claimed);
	*length = claimed;
	return QUIRE_OK;
}

bool qi_acpi_next_entry(const uint8_t *table, size_t length, size_t *offset, struct qi_acpi_entry *entry)
{
	if (*offset >= length)
		return false;
	entry->data = table + *offset;
	entry->offset = *offset;
	entry->type = entry->data[0];
	entry->length = entry->data[1];
	*offset += entry->length;
	return true;
}

enum quire_status qi_acpi_check_entries(const uint8_t *table, size_t length, size_t start, unsigned (*minimum)(uint8_t type),
					const struct quire_reader_log *log)
{
	size_t offset = start;

	while (offset < length) {
		size_t rest = length - offset;
		unsigned bytes = rest >= 2 ? table[offset + 1] : 0;

		if (bytes < 2 || bytes > rest || bytes < minimum(table[offset])) {
			qi_note(log, QUIRE_LOG_ERROR, offset,
				"%.4s: entry of type %u is %u bytes long, %zu are left and %u needed",
				(const char *)table, table[offset], bytes, rest, minimum(table[offset]));
			return QUIRE_EFORMAT;
		}
		offset += bytes;
	}
	return QUIRE_OK;
}

/* How find_table gets at memory. */
struct access {
	const void *(*map)(void *ctx, quire_phys_t phys, size_t size);
	void *ctx;
	const struct quire_reader_log *log;
};

/* Map a whole table of this signature and check it. */
static enum quire_status map_table(const struct access *access, quire_phys_t phys, const char *signature,
				   const uint8_t **table, size_t *length)
{
	const uint8_t *header = access->map(access->ctx, phys, HEADER_BYTES);
	enum quire_status status;
	uint32_t claimed;

	if (!header) {
		qi_note(access->log, QUIRE_LOG_WARNING, 0, "%.4s: nothing can be read at %#llx", signature,
			(unsigned long long)phys);
		return QUIRE_EPLATFORM;
	}
	if (memcmp(header, signature, 4))
		return QUIRE_ENOENT;
	claimed = qi_le32(header + HEADER_LENGTH);
	if (claimed >= HEADER_BYTES && claimed <= TABLE_BYTES_MAX) {
		header = access->map(access->ctx, phys, claimed);
		if (!header)
			return QUIRE_EPLATFORM;
	}
	status = qi_acpi_check_table(header, qi_max(claimed, HEADER_BYTES), signature, length, access->log);
	if (status == QUIRE_OK)
		*table = header;
	return status;
}

/* Look through a root table whose pointers are `width` bytes wide. */
static enum quire_status search_root(const struct access *access, quire_phys_t root, const char *root_signature,
				     size_t width, const char *wanted, const uint8_t **table, size_t *length)
{
	const uint8_t *pointers;
	size_t bytes;
	enum quire_status status = map_table(access, root, root_signature, &pointers, &bytes);

	if (status != QUIRE_OK)
		return status == QUIRE_ENOENT ? QUIRE_EFORMAT : status;
	for (size_t offset = HEADER_BYTES; bytes - offset >= width; offset += width) {
		quire_phys_t phys = width == 8 ? qi_le64(pointers + offset) : qi_le32(pointers + offset);
		enum quire_status found;

		if (!phys)
			continue;
		found = map_table(access, phys, wanted, table, length);
		if (found != QUIRE_ENOENT && found != QUIRE_EPLATFORM)
			return found;
	}
	return QUIRE_ENOENT;
}

static enum quire_status check_rsdp(const uint8_t *rsdp, size_t size, bool *extended, const struct quire_reader_log *log)
{
	uint32_t length;

	*extended = false;
	if (size < RSDP_BYTES_V1) {
		qi_note(log, QUIRE_LOG_ERROR, size, "the ACPI root pointer needs %d bytes", RSDP_BYTES_V1);
		return QUIRE_ETRUNCATED;
	}
	if (memcmp(rsdp, "RSD PTR ", 8)) {
		qi_note(log, QUIRE_LOG_ERROR, 0, "this is no ACPI root pointer");
		return QUIRE_EFORMAT;
	}
	if (sum_of(rsdp, RSDP_BYTES_V1)) {
		qi_note(log, QUIRE_LOG_ERROR, 8, "the ACPI root pointer's checksum is wrong");
		return QUIRE_ECHECKSUM;
	}
	if (rsdp[RSDP_REVISION] < 2 || size < RSDP_BYTES_V2)
		return QUIRE_OK;
	length = qi_le32(rsdp + RSDP_LENGTH);
	if (length < RSDP_BYTES_V2 || length > size || sum_of(rsdp, length))
		qi_note(log, QUIRE_LOG_WARNING, RSDP_LENGTH,
			"the ACPI root pointer's second part is broken: the RSDT is used");
	else
		*extended = qi_le64(rsdp + RSDP_XSDT) != 0;
	return QUIRE_OK;
}

enum quire_status quire_acpi_find_table(const void *rsdp, size_t rsdp_size, const char signature[4],
					const void *(*map)(void *ctx, quire_phys_t phys, size_t size), void *map_ctx,
					const void **table, size_t *table_size, const struct quire_reader_log *log)
{
	struct access access = { .map = map, .ctx = map_ctx, .log = log };
	const uint8_t *root = rsdp, *found = NULL;
	bool extended;
	size_t length = 0;
	enum quire_status status = check_rsdp(root, rsdp_size, &extended, log);

	if (status != QUIRE_OK)
		return status;
	if (extended)
		status = search_root(&access, qi_le64(root + RSDP_XSDT), "XSDT", 8, signature, &found, &length);
	else if (!qi_le32(root + RSDP_RSDT))
		status = QUIRE_ENOENT;
	else
		status = search_root(&access, qi_le32(root + RSDP_RSDT), "RSDT", 4, signature, &found, &length);
	if (status == QUIRE_OK) {
		*table = found;
		*table_size = length;
	}
	return status;
}
