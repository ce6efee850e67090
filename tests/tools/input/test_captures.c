/*
 * Every capture and every sample opens, and has the memory, CPUs, nodes and kernel that a second, simple-minded reading of
 * its own files finds.
 */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* What the simple reading finds; 0 or empty where a capture does not say. */
struct plain {
	unsigned long long e820, ranges;	/* bytes */
	unsigned cpus, affinities;
	int major, minor;
	bool limited;
};

static FILE *open_member(const char *capture, const char *name)
{
	char path[2048];

	assert_in_range(snprintf(path, sizeof(path), "%s/%s", capture, name), 1, sizeof(path) - 1);
	return fopen(path, "r");
}

static void read_plain_log(FILE *file, struct plain *plain)
{
	static char line[65536];

	while (fgets(line, sizeof(line), file)) {
		unsigned long long first, last;
		unsigned nodes, cpus;
		const char *at;

		if ((at = strstr(line, "BIOS-e820: ")) && strstr(at, "] usable") &&
		    sscanf(at, "BIOS-e820: [mem %llx-%llx]", &first, &last) == 2)
			plain->e820 += last - first + 1;
		if ((at = strstr(line, "]   node ")) && sscanf(at, "] node %u: [mem %llx-%llx]", &nodes, &first, &last) == 3)
			plain->ranges += last - first + 1;
		if ((at = strstr(line, "Brought up ")) && (sscanf(at, "Brought up %u nodes, %u CPUs", &nodes, &cpus) == 2 ||
							   sscanf(at, "Brought up %u node, %u CPU", &nodes, &cpus) == 2))
			plain->cpus = cpus;
		if ((at = strstr(line, "Linux version ")) && !plain->major)
			sscanf(at, "Linux version %d.%d", &plain->major, &plain->minor);
		plain->affinities += strstr(line, "ACPI: SRAT: Node ") != NULL;
		plain->limited |= strstr(line, " mem=") != NULL;
	}
}

static struct plain read_plain(const char *capture)
{
	FILE *file = open_member(capture, "dmesg.txt");
	struct plain plain = { 0 };

	assert_non_null(file);
	read_plain_log(file, &plain);
	fclose(file);
	return plain;
}

static enum quire_arch arch_of_name(const char *name)
{
	if (strncmp(name, "arm64", 5) == 0)
		return QUIRE_ARCH_ARM64;
	if (strncmp(name, "i386-pae", 8) == 0)
		return QUIRE_ARCH_I386_PAE;
	return strncmp(name, "i386", 4) == 0 ? QUIRE_ARCH_I386 : QUIRE_ARCH_X86_64;
}

#define CHECK(condition) check(condition, #condition, name)

static void check(bool condition, const char *text, const char *name)
{
	if (!condition)
		fail_msg("%s: not so: %s", name, text);
}

static void check_capture(const char *folder, const char *name)
{
	struct plain plain;
	char path[1024];
	const char *paths[] = { path };
	struct input in;

	assert_in_range(snprintf(path, sizeof(path), "%s/%s", folder, name), 1, sizeof(path) - 1);
	plain = read_plain(path);
	CHECK(input_load(&in, NULL, paths, 1) == QUIRE_OK);
	if (notes_at(&in, QUIRE_LOG_ERROR))
		input_print_notes(&in, stderr, QUIRE_LOG_ERROR);
	CHECK(notes_at(&in, QUIRE_LOG_ERROR) == 0);
	CHECK(in.machine.arch == arch_of_name(name));
	if (plain.e820)
		CHECK(input_ram_bytes(&in.machine) == plain.e820);
	else if (!plain.limited)
		CHECK(input_ram_bytes(&in.machine) == plain.ranges);
	else
		CHECK(input_ram_bytes(&in.machine) > plain.ranges);
	CHECK(!plain.cpus || cpus_enabled(&in.machine) == plain.cpus);
	CHECK(!plain.affinities || in.machine.affinity_count >= plain.affinities);
	CHECK((int)in.kernel_major == plain.major && (int)in.kernel_minor == plain.minor);
	CHECK(in.rules_approximate || (in.config.rules == QUIRE_RULES_6_12) == (plain.minor == 12));
	CHECK(input_sanitize(&in, NULL) == QUIRE_OK);
	input_free(&in);
}

/* Check every folder in `folder` that has a log. */
static unsigned check_all(const char *folder)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	unsigned count = 0;

	if (!directory)
		return 0;
	while ((entry = readdir(directory))) {
		char path[1024];
		FILE *file;

		assert_in_range(snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name), 1, sizeof(path) - 1);
		file = open_member(path, "dmesg.txt");
		if (!file)
			continue;
		fclose(file);
		check_capture(folder, entry->d_name);
		count++;
	}
	closedir(directory);
	return count;
}

static void test_samples(void **state)
{
	(void)state;
	assert_int_equal(check_all("samples/machines"), 7);
}

static void test_captures(void **state)
{
	const char *folder = getenv("QUIRE_CAPTURES");
	unsigned count = check_all(folder ? folder : "../shared/captures");

	(void)state;
	if (!count) {
		print_message("no captures here (QUIRE_CAPTURES names their folder): skipped\n");
		skip();
	}
	print_message("%u captures opened\n", count);
}

static void load_sample(struct input *in, const char *name, const char *member)
{
	char path[256];
	const char *paths[] = { path };

	snprintf(path, sizeof(path), "samples/machines/%s/%s", name, member);
	assert_int_equal(input_load(in, NULL, paths, 1), QUIRE_OK);
}

/* One file of a capture by itself is enough to boot from, whichever it is. */
static void test_single_files(void **state)
{
	static const struct { const char *name, *member; uint64_t ram; size_t affinities; enum quire_arch arch; } rows[] = {
		{ "x86_64-q35-2n-8G", "dmesg.txt", 0x1fff7fc00, 4, QUIRE_ARCH_X86_64 },
		{ "x86_64-q35-2n-8G", "firmware_memmap.txt", 0x1fff7fc00, 0, QUIRE_ARCH_X86_64 },
		{ "x86_64-q35-2n-8G", "iomem.txt", 0x1fff7ec00, 0, QUIRE_ARCH_X86_64 },
		{ "arm64-virt-2n-4G-k612", "fdt.dtb", 0x100000000, 2, QUIRE_ARCH_ARM64 },
		{ "arm64-virt-2n-4G-k612", "dmesg.txt", 0x100000000, 2, QUIRE_ARCH_ARM64 },
		{ "i386-pae-4G", "dmesg.txt", 0xfff7fc00, 0, QUIRE_ARCH_I386_PAE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input in;

		load_sample(&in, rows[i].name, rows[i].member);
		assert_int_equal(input_ram_bytes(&in.machine), rows[i].ram);
		assert_int_equal(in.machine.affinity_count, rows[i].affinities);
		assert_int_equal(in.machine.arch, rows[i].arch);
		input_free(&in);
	}
}

/* The eight nodes of a real server, from its log alone. */
static void test_real_server(void **state)
{
	unsigned of[8] = { 0 };
	struct input in;

	(void)state;
	load_sample(&in, "real-epyc-7601-8n-1T", "");
	assert_int_equal(in.machine.affinity_count, 10);
	assert_int_equal(in.machine.domain_count, 8);
	for (size_t i = 0; i < in.machine.cpu_count; i++)
		of[in.machine.cpus[i].domain & 7]++;
	for (unsigned node = 0; node < 8; node++)
		assert_int_equal(of[node], 16);
	assert_true(in.rules_approximate);
	assert_int_equal(in.config.rules, QUIRE_RULES_6_1);
	assert_true(in.config.options.crashkernel.given || in.config.options.crash_range_count);
	input_free(&in);
}

/* An invented PC of the same size reports the same RAM as the real one did. */
static void test_invented_machine_matches_a_real_one(void **state)
{
	struct input_options options = { .nodes = "2x4G" };
	struct input real, invented;

	(void)state;
	load_sample(&real, "x86_64-q35-2n-8G", "");
	assert_int_equal(input_load(&invented, &options, NULL, 0), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&real.machine), input_ram_bytes(&invented.machine));
	assert_int_equal(real.machine.affinity_count, invented.machine.affinity_count);
	for (size_t i = 0; i < real.machine.affinity_count; i++)
		assert_memory_equal(&real.machine.affinities[i], &invented.machine.affinities[i],
				    sizeof(real.machine.affinities[i]));
	input_free(&invented);
	input_free(&real);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_single_files),
		cmocka_unit_test(test_real_server),
		cmocka_unit_test(test_invented_machine_matches_a_real_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
