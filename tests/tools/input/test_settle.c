/*
 * Choosing among sources that agree, differ, or contradict each other.
 */
#include <stdlib.h>
#include <string.h>

#include "support.h"

static const char pc[] =
	"BIOS-provided physical RAM map:\n"
	"BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable\n";

static const char memmap_same[] = "0 0x100000 0x3fffffff System RAM\n";
static const char memmap_less[] = "0 0x100000 0x2fffffff System RAM\n";
static const char memmap_more[] = "0 0x100000 0x3fffffff System RAM\n1 0x100000000 0x13fffffff System RAM\n";

static void begin(struct input *in, const struct input_options *options, const char *log)
{
	assert_int_equal(input_init(in, options), QUIRE_OK);
	assert_int_equal(feed(in, input_read_dmesg, log), QUIRE_OK);
}

static void test_log_beats_sysfs(void **state)
{
	struct input in;

	(void)state;
	begin(&in, NULL, pc);
	assert_int_equal(feed(&in, input_read_memmap_text, memmap_same), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.note_count, 0);
	input_free(&in);

	begin(&in, NULL, pc);
	assert_int_equal(feed(&in, input_read_memmap_text, memmap_less), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x3ff00000);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "KiB of RAM where"));
	input_free(&in);

	/* sysfs grows when memory is plugged in: that is no contradiction. */
	begin(&in, NULL, pc);
	assert_int_equal(feed(&in, input_read_memmap_text, memmap_more), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x3ff00000);
	assert_int_equal(notes_at(&in, QUIRE_LOG_WARNING), 0);
	assert_true(has_note(&in, QUIRE_LOG_INFO, 0, "added after boot"));
	input_free(&in);
}

static void test_log_cut_at_its_head(void **state)
{
	struct input in;

	(void)state;
	begin(&in, NULL, "BIOS-e820: [mem 0x0000000030000000-0x000000003fffffff] usable\n");
	assert_int_equal(feed(&in, input_read_memmap_text, memmap_same), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x3ff00000);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "starts in the middle"));
	input_free(&in);
}

static void test_command_line(void **state)
{
	struct input_options options = { .command_line = "mem=512M" };
	struct input in;

	(void)state;
	begin(&in, NULL, "Command line: root=/dev/sda\nBIOS-e820: [mem 0x100000-0x3fffffff] usable\n"
			 "Kernel command line: BOOT_IMAGE=x root=/dev/sda\n");
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_string_equal(in.command_line, "root=/dev/sda");
	assert_int_equal(in.note_count, 0);
	input_free(&in);

	begin(&in, NULL, "Command line: mem=1G\nBIOS-e820: [mem 0x100000-0x3fffffff] usable\n");
	assert_int_equal(feed(&in, input_read_command_line, "mem=2G numa=off\n"), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_string_equal(in.command_line, "mem=2G numa=off");
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "another command line"));
	assert_int_equal(in.config.options.mem.bytes, 2ull << 30);
	input_free(&in);

	begin(&in, &options, "Command line: mem=1G\nBIOS-e820: [mem 0x100000-0x3fffffff] usable\n");
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.config.options.mem.bytes, 512ull << 20);
	assert_int_equal(input_ram_bytes(&in.machine), 0x3ff00000);
	assert_int_equal(input_sanitize(&in, NULL), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x1ff00000);
	input_free(&in);
}

/* Of two command lines one of which holds the other the longer one counts; a file cut short must lose no word. */
static void test_command_line_cut_short(void **state)
{
	static const char *const files[] = { "root=/dev/sda mem=51", "root=/dev/sda", " ", "\n\n",
					     "\n \nroot=/dev/sda mem=512M" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct input in;

		begin(&in, NULL, "Command line: root=/dev/sda mem=512M\nBIOS-e820: [mem 0x100000-0x3fffffff] usable\n");
		assert_int_equal(feed(&in, input_read_command_line, files[i]), QUIRE_OK);
		assert_int_equal(input_finish(&in), QUIRE_OK);
		assert_string_equal(in.command_line, "root=/dev/sda mem=512M");
		assert_int_equal(in.note_count, 0);
		input_free(&in);
	}
}

static void test_kernel_rules(void **state)
{
	static const struct { const char *release, *option; enum quire_rules rules; bool approximate; } rows[] = {
		{ "6.1.0-50-amd64", NULL, QUIRE_RULES_6_1, false },   { "6.12.117+deb12-amd64", NULL, QUIRE_RULES_6_12,
								       false },
		{ "4.19.19.mx64.244", NULL, QUIRE_RULES_6_1, true },  { "6.6.1", NULL, QUIRE_RULES_6_1, true },
		{ "6.8.0-generic", NULL, QUIRE_RULES_6_12, true },    { "7.0.0", NULL, QUIRE_RULES_6_12, true },
		{ "6.1.0", "6.12", QUIRE_RULES_6_12, false },	      { "6.12.0", "6.1", QUIRE_RULES_6_1, false },
		{ "x.y", NULL, QUIRE_RULES_6_12, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input_options options = { .kernel = rows[i].option };
		struct input in;
		char log[256];

		snprintf(log, sizeof(log), "Linux version %s x\n%s", rows[i].release, pc);
		begin(&in, &options, log);
		assert_int_equal(input_finish(&in), QUIRE_OK);
		assert_int_equal(in.config.rules, rows[i].rules);
		assert_int_equal(in.rules_approximate, rows[i].approximate);
		assert_string_equal(in.kernel_release, rows[i].release);
		input_free(&in);
	}
}

static void test_bad_option_values(void **state)
{
	static const char *const unknown[] = { "kernel.panic=1" }, *const range[] = { "vm.watermark_scale_factor=99999" };
	const struct { struct input_options options; const char *why; } rows[] = {
		{ { .arch = "vax" }, "--arch vax" },
		{ { .kernel = "2.4" }, "--kernel 2.4" },
		{ { .sysctls = unknown, .sysctl_count = 1 }, "kernel.panic=1" },
		{ { .sysctls = range, .sysctl_count = 1 }, "99999" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input in;

		begin(&in, &rows[i].options, pc);
		assert_int_equal(input_finish(&in), QUIRE_EINVAL);
		assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, rows[i].why));
		input_free(&in);
	}
}

static const char four_cpus[] =
	"BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable\n"
	"SRAT: PXM 0 -> APIC 0x00 -> Node 0\nSRAT: PXM 0 -> APIC 0x01 -> Node 0\n"
	"SRAT: PXM 1 -> APIC 0x02 -> Node 1\nSRAT: PXM 1 -> APIC 0x03 -> Node 1\n"
	"ACPI: SRAT: Node 0 PXM 0 [mem 0x0-0x1fffffff]\nACPI: SRAT: Node 1 PXM 1 [mem 0x20000000-0x3fffffff]\n";

static void test_number_of_cpus(void **state)
{
	static const struct { const char *line; unsigned option; size_t enabled, listed; } rows[] = {
		{ "", 0, 4, 4 },
		{ "smp: Brought up 2 nodes, 4 CPUs\n", 0, 4, 4 },
		{ "smp: Brought up 2 nodes, 3 CPUs\n", 0, 3, 4 },
		{ "smpboot: Allowing 4 CPUs, 3 hotplug CPUs\n", 0, 1, 4 },
		{ "CPU topo: Allowing 2 present CPUs plus 2 hotplug CPUs\n", 0, 2, 4 },
		{ "smp: Brought up 1 node, 6 CPUs\n", 0, 6, 6 },
		{ "smp: Brought up 2 nodes, 4 CPUs\n", 2, 2, 4 },
		{ "SMP: Total of 5 processors activated.\n", 0, 5, 5 },
		{ "smp: Brought up 2 nodes, 0 CPUs\nsmp: Brought up 2 nodes, 99999999 CPUs\n", 0, 4, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input_options options = { .cpus = rows[i].option };
		struct input in;
		char log[1024];

		snprintf(log, sizeof(log), "%s%s", four_cpus, rows[i].line);
		begin(&in, &options, log);
		assert_int_equal(input_finish(&in), QUIRE_OK);
		assert_int_equal(cpus_enabled(&in.machine), rows[i].enabled);
		assert_int_equal(in.machine.cpu_count, rows[i].listed);
		/* The last ones go: the first CPU always runs. */
		assert_true(in.machine.cpus[0].enabled);
		input_free(&in);
	}
}

static void test_too_many_domains(void **state)
{
	char *log = malloc(8000 * 64);
	char *to = log;
	struct input in;

	(void)state;
	to += sprintf(to, "BIOS-e820: [mem 0x100000-0x3fffffff] usable\n");
	for (unsigned i = 0; i < 7000; i++)
		to += sprintf(to, "ACPI: SRAT: Node 0 PXM %u [mem 0x0-0xfff]\n", i);
	begin(&in, NULL, log);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_true(in.machine.numa_broken);
	assert_int_equal(in.machine.affinity_count, 0);
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "more proximity records"));
	input_free(&in);
	free(log);
}

/* Notes are bounded, but what finally went wrong is always among them. */
static void test_notes_are_bounded(void **state)
{
	char *log = malloc(1000 * 32);
	char *to = log;
	struct input in;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		to += sprintf(to, "BIOS-e820: [mem 0x%u\n", i);
	assert_int_equal(load_log(&in, NULL, log), QUIRE_EFORMAT);
	assert_true(in.note_count <= 110);
	assert_true(in.notes_cut);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 0, "the rest is left out"));
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, "no usable memory"));
	input_free(&in);
	free(log);
}

static void test_trace_replaces_the_guess_at_the_kernel(void **state)
{
	static const char iomem[] = "00100000-3fffffff : System RAM\n  01000000-01ffffff : Kernel code\n";
	struct input in;
	char log[512];

	(void)state;
	begin(&in, NULL, pc);
	assert_int_equal(feed(&in, input_read_iomem, iomem), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.machine.reservation_count, 1);
	assert_false(in.memblock_trace);
	input_free(&in);

	snprintf(log, sizeof(log), "%smemblock_reserve: [0x0000000001000000-0x0000000001ffffff] setup_arch+0x1/0x2\n", pc);
	begin(&in, NULL, log);
	assert_int_equal(feed(&in, input_read_iomem, iomem), QUIRE_OK);
	assert_int_equal(input_finish(&in), QUIRE_OK);
	assert_int_equal(in.machine.reservation_count, 0);
	assert_true(in.memblock_trace);
	input_free(&in);
}

static void test_ram_counts_overlaps_once(void **state)
{
	struct quire_memory_range map[] = {
		{ 0x1000, 0x1000, QUIRE_MEMORY_RAM, 0, 0 }, { 0x1800, 0x1000, QUIRE_MEMORY_RAM, 0, 0 },
		{ 0x1000, 0x100, QUIRE_MEMORY_RAM, 0, 0 }, { 0x9000, 0x1000, QUIRE_MEMORY_RESERVED, 0, 0 },
		{ UINT64_MAX - 0xfff, 0x5000, QUIRE_MEMORY_RAM, 0, 0 }, { 0x5000, 0, QUIRE_MEMORY_RAM, 0, 0 },
		{ UINT64_MAX - 0xff, 0x10, QUIRE_MEMORY_RAM, 0, 0 },
	};
	struct quire_machine machine = { .map = map, .map_count = sizeof(map) / sizeof(map[0]) };

	(void)state;
	assert_int_equal(input_ram_bytes(&machine), 0x1800 + 0x1000);
	machine.map_count = 0;
	assert_int_equal(input_ram_bytes(&machine), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_beats_sysfs),
		cmocka_unit_test(test_log_cut_at_its_head),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_command_line_cut_short),
		cmocka_unit_test(test_kernel_rules),
		cmocka_unit_test(test_bad_option_values),
		cmocka_unit_test(test_number_of_cpus),
		cmocka_unit_test(test_too_many_domains),
		cmocka_unit_test(test_notes_are_bounded),
		cmocka_unit_test(test_trace_replaces_the_guess_at_the_kernel),
		cmocka_unit_test(test_ram_counts_overlaps_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
