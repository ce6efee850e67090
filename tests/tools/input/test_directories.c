/*
 * input_open(): what a path is, several paths together, and paths that are nothing.
 */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support.h"

static const char log_text[] = "Linux version 6.1.0-amd64\nBIOS-provided physical RAM map:\n"
			       "BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable\n";

/* SLIT of two localities: header of 36 bytes, count, matrix; the checksum makes the sum of all bytes 0. */
static size_t make_slit(uint8_t table[64], uint8_t far)
{
	uint8_t sum = 0;
	const size_t size = 48;

	memset(table, 0, 64);
	memcpy(table, "SLIT", 4);
	table[4] = (uint8_t)size;
	table[8] = 1;
	table[36] = 2;
	table[44] = table[47] = 10;
	table[45] = table[46] = far;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)(0 - sum);
	return size;
}

static enum quire_status open_one(struct input *in, const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(input_init(in, NULL), QUIRE_OK);
	return input_open(in, path);
}

static void test_refused_files(void **state)
{
	static const struct { const char *data; size_t size; const char *why; } rows[] = {
		{ "", 0, "is empty" },
		{ "\x1f\x8b\x08\x00xx", 6, "gzip" },
		{ "\x28\xb5\x2f\xfd....", 8, "zstd" },
		{ "\xfd" "7zXZ\0..", 8, "xz" },
		{ "\x7f" "ELF\0\0\0", 7, "is binary" },
		{ "hello\nworld\n", 12, "says nothing about a machine's memory" },
	};
	char folder[256];

	(void)state;
	temporary_folder(folder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input in;

		write_file(folder, "f", rows[i].data, rows[i].size);
		assert_int_equal(open_one(&in, folder, "f"), QUIRE_EFORMAT);
		assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, rows[i].why));
		assert_int_equal(in.file_count, 0);
		input_free(&in);
	}
	remove_folder(folder);
}

static void test_missing_and_empty_paths(void **state)
{
	char folder[256];
	struct input in;

	(void)state;
	temporary_folder(folder);
	assert_int_equal(open_one(&in, folder, "none"), QUIRE_ENOENT);
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "no such file"));
	input_free(&in);
	assert_int_equal(open_one(&in, folder, ""), QUIRE_EFORMAT);
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "no capture"));
	input_free(&in);
	remove_folder(folder);
}

/* Binary files are known by content whatever their name, and cut ones are not mistaken for something else. */
static void test_sniffing(void **state)
{
	uint8_t e820[40] = { 0 }, efi[80] = { 0 }, params[4096] = { 0 }, slit[64];
	size_t desc_size = 0;

	(void)state;
	e820[9] = 0x10;
	e820[16] = 1;
	e820[29] = 0x10;
	e820[36] = 2;
	assert_int_equal(input_sniff_binary(e820, 40, &desc_size), INPUT_BLOB_E820);
	assert_int_equal(input_sniff_binary(e820, 39, &desc_size), INPUT_BLOB_NONE);
	e820[36] = 99;
	assert_int_equal(input_sniff_binary(e820, 40, &desc_size), INPUT_BLOB_NONE);
	efi[0] = 7;
	efi[24] = 1;
	efi[40] = 4;
	efi[64] = 1;
	assert_int_equal(input_sniff_binary(efi, 80, &desc_size), INPUT_BLOB_EFI_MAP);
	assert_int_equal(desc_size, 40);
	efi[8] = 1;
	assert_int_equal(input_sniff_binary(efi, 80, &desc_size), INPUT_BLOB_NONE);
	memcpy(params + 0x202, "HdrS", 4);
	assert_int_equal(input_sniff_binary(params, 4096, &desc_size), INPUT_BLOB_BOOT_PARAMS);
	assert_int_equal(input_sniff_binary(params, 4095, &desc_size), INPUT_BLOB_NONE);
	assert_int_equal(input_sniff_binary(slit, make_slit(slit, 30), &desc_size), INPUT_BLOB_SLIT);
	assert_int_equal(input_sniff_binary("\xd0\x0d\xfe\xed", 4, &desc_size), INPUT_BLOB_FDT);
	assert_int_equal(input_sniff_binary("", 0, &desc_size), INPUT_BLOB_NONE);
}

/* A log and a table beside it, given one after the other, are one machine. */
static void test_inputs_are_combined(void **state)
{
	static const char nodes[] = "ACPI: SRAT: Node 0 PXM 0 [mem 0x0-0x1fffffff]\n"
				    "ACPI: SRAT: Node 1 PXM 1 [mem 0x20000000-0x3fffffff]\n"
				    "NUMA: Initialized distance table, cnt=2\n";
	char folder[256], log[512], first[512], second[512];
	const char *paths[] = { first, second };
	uint8_t slit[64];
	struct input in;

	(void)state;
	temporary_folder(folder);
	snprintf(log, sizeof(log), "%s%s", log_text, nodes);
	write_file(folder, "boot.log", log, strlen(log));
	write_file(folder, "distances", slit, make_slit(slit, 33));
	snprintf(first, sizeof(first), "%s/boot.log", folder);
	snprintf(second, sizeof(second), "%s/distances", folder);
	assert_int_equal(input_load(&in, NULL, paths, 1), QUIRE_OK);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "10 and 20 are assumed"));
	input_free(&in);
	assert_int_equal(input_load(&in, NULL, paths, 2), QUIRE_OK);
	assert_int_equal(in.file_count, 2);
	assert_int_equal(in.machine.distance_count, 2);
	assert_int_equal(in.machine.distances[1], 33);
	assert_int_equal(notes_at(&in, QUIRE_LOG_WARNING), 0);
	input_free(&in);
	/* The same table once more adds nothing and says so. */
	paths[0] = second;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(input_open(&in, first), QUIRE_OK);
	assert_int_equal(input_open(&in, second), QUIRE_OK);
	assert_int_equal(input_open(&in, second), QUIRE_OK);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "second table"));
	assert_int_equal(input_finish(&in), QUIRE_OK);
	input_free(&in);
	remove_folder(folder);
}

static void test_capture_with_broken_members(void **state)
{
	char folder[256], path[512];
	struct input in;

	(void)state;
	temporary_folder(folder);
	write_file(folder, "dmesg.txt", log_text, sizeof(log_text) - 1);
	write_file(folder, "srat.bin", "SRAT", 4);
	write_file(folder, "fdt.dtb", "nonsense", 8);
	write_file(folder, "sysctl.txt", "what?\n", 6);
	write_file(folder, "node.txt", "", 0);
	snprintf(path, sizeof(path), "%s/version.txt", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(open_one(&in, folder, ""), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x3ff00000);
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "not the table its name says (4 bytes)"));
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "not the table its name says (8 bytes)"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "nothing in it could be used"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "cannot be read"));
	input_free(&in);
	remove_folder(folder);
}

static void write_entry(const char *folder, const char *number, const char *start, const char *end, const char *type)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, number);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(path, "start", start, strlen(start));
	write_file(path, "end", end, strlen(end));
	write_file(path, "type", type, strlen(type));
}

/* /sys/firmware/memmap: entries in the order of their numbers, not of the directory. */
static void test_memmap_directory(void **state)
{
	char folder[256];
	struct input in;

	(void)state;
	temporary_folder(folder);
	write_entry(folder, "10", "0x40000000\n", "0x4fffffff\n", "Reserved\n");
	write_entry(folder, "2", "0x20000000\n", "0x2fffffff\n", "ACPI Tables\n");
	write_entry(folder, "0", "0x0\n", "0x1fffffff\n", "System RAM\n");
	write_entry(folder, "3", "0x5\n", "0x4\n", "System RAM\n");
	write_entry(folder, "4", "0x60000000\n", "0x6fffffff\n", "Odd\n");
	assert_int_equal(open_one(&in, folder, ""), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.machine.map_count, 4);
	assert_map(&in.machine, 0, 0, 0x20000000, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 1, 0x20000000, 0x10000000, QUIRE_MEMORY_ACPI);
	assert_map(&in.machine, 2, 0x60000000, 0x10000000, QUIRE_MEMORY_RESERVED);
	assert_map(&in.machine, 3, 0x40000000, 0x10000000, QUIRE_MEMORY_RESERVED);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "entry 3 is unreadable"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "entry 4 has no known type"));
	input_free(&in);
	remove_folder(folder);
}

/* Whatever may be read of the machine the tests run on: a machine or a clear refusal, and all that is missing was said. */
static void test_live(void **state)
{
	enum quire_status status;
	struct input in;

	(void)state;
	assert_int_equal(input_init(&in, NULL), QUIRE_OK);
	assert_int_equal(input_open(&in, "live"), QUIRE_OK);
	status = input_finish(&in);
	assert_true(status == QUIRE_OK || status == QUIRE_EFORMAT);
	if (status == QUIRE_OK)
		assert_true(input_ram_bytes(&in.machine) > 0 && in.machine.cpu_count > 0);
	else
		assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "no usable memory"));
	input_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_missing_and_empty_paths),
		cmocka_unit_test(test_sniffing),
		cmocka_unit_test(test_inputs_are_combined),
		cmocka_unit_test(test_capture_with_broken_members),
		cmocka_unit_test(test_memmap_directory),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
