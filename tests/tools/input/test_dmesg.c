/*
 * Kernel logs: what each kind of line becomes, and what becomes of lines that are broken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"

static const char small_pc[] =
	"Linux version 6.1.0-50-amd64 (gcc) #1 SMP\n"
	"Command line: console=ttyS0 mem=1G\n"
	"BIOS-provided physical RAM map:\n"
	"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
	"BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved\n"
	"BIOS-e820: [mem 0x0000000000100000-0x000000007ffdffff] usable\n"
	"BIOS-e820: [mem 0x000000007ffe0000-0x000000007fffffff] ACPI data\n"
	"last_pfn = 0x7ffe0 max_arch_pfn = 0x400000000\n"
	"RAMDISK: [mem 0x7fee4000-0x7ffdffff]\n"
	"SRAT: PXM 3 -> APIC 0x00 -> Node 0\n"
	"SRAT: PXM 1 -> APIC 0x01 -> Node 1\n"
	"ACPI: SRAT: Node 0 PXM 3 [mem 0x00000000-0x3fffffff]\n"
	"ACPI: SRAT: Node 1 PXM 1 [mem 0x40000000-0x7fffffff] hotplug non-volatile\n"
	"smp: Brought up 2 nodes, 2 CPUs\n";

static void check_small_pc(const struct input *in)
{
	const struct quire_machine *m = &in->machine;

	assert_int_equal(m->arch, QUIRE_ARCH_X86_64);
	assert_int_equal(in->config.rules, QUIRE_RULES_6_1);
	assert_string_equal(in->kernel_release, "6.1.0-50-amd64");
	assert_string_equal(in->command_line, "console=ttyS0 mem=1G");
	assert_ptr_equal(m->command_line, in->command_line);
	assert_int_equal(m->map_count, 4);
	assert_map(m, 0, 0, 0x9fc00, QUIRE_MEMORY_RAM);
	assert_map(m, 1, 0x9fc00, 0x400, QUIRE_MEMORY_RESERVED);
	assert_map(m, 2, 0x100000, 0x7fee0000, QUIRE_MEMORY_RAM);
	assert_map(m, 3, 0x7ffe0000, 0x20000, QUIRE_MEMORY_ACPI);
	assert_int_equal(m->cpu_count, 2);
	assert_int_equal(m->cpus[1].hwid, 1);
	assert_int_equal(m->cpus[1].domain, 1);
	assert_int_equal(m->affinity_count, 2);
	assert_int_equal(m->affinities[0].flags, QUIRE_AFFINITY_ENABLED);
	assert_int_equal(m->affinities[1].base, 0x40000000);
	assert_int_equal(m->affinities[1].size, 0x40000000);
	assert_int_equal(m->affinities[1].flags,
			 QUIRE_AFFINITY_ENABLED | QUIRE_AFFINITY_HOTPLUG | QUIRE_AFFINITY_NONVOLATILE);
	assert_int_equal(m->domain_count, 2);
	assert_int_equal(m->domains[0], 3);
	assert_int_equal(m->domains[1], 1);
	assert_int_equal(m->reservation_count, 1);
	assert_int_equal(m->reservations[0].kind, QUIRE_RESERVE_INITRD);
	assert_int_equal(m->reservations[0].base, 0x7fee4000);
	assert_int_equal(m->reservations[0].size, 0xfc000);
	assert_int_equal(notes_at(in, QUIRE_LOG_WARNING), 0);
}

/* The same log as different collectors write it down. */
static void test_all_prefixes_give_the_same_machine(void **state)
{
	static const char *const prefixes[] = {
		"",
		"[    0.000000] ",
		"<6>[    0.000000] ",
		"Nov 21 10:00:00 host kernel: ",
		"kern  :info  : [    0.000000] ",
		"6,12,0,-;",
		"[    0.000000][    T0] ",
		"2026-11-21T10:00:00+0000 host kernel: [    0.000000] ",
		"[Sat Nov 21 10:00:00 2026] ",
	};

	(void)state;
	for (size_t p = 0; p < sizeof(prefixes) / sizeof(prefixes[0]); p++) {
		char *log = malloc(2 * sizeof(small_pc) + 64 * 32);
		const char *from = small_pc;
		struct input in;
		char *to = log;

		while (*from) {
			size_t length = strcspn(from, "\n");

			to += sprintf(to, "%s%.*s%s", prefixes[p], (int)length, from, p % 2 ? "\r\n" : "\n");
			from += length + 1;
		}
		assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
		check_small_pc(&in);
		input_free(&in);
		free(log);
	}
}

static void test_types_of_e820(void **state)
{
	static const struct { const char *name; enum quire_memory_type type; bool known; } types[] = {
		{ "usable", QUIRE_MEMORY_RAM, true }, { "System RAM", QUIRE_MEMORY_RAM, true },
		{ "reserved", QUIRE_MEMORY_RESERVED, true }, { "ACPI NVS", QUIRE_MEMORY_NVS, true },
		{ "unusable", QUIRE_MEMORY_UNUSABLE, true }, { "persistent (type 7)", QUIRE_MEMORY_PMEM, true },
		{ "persistent (type 12)", QUIRE_MEMORY_PRAM, true }, { "soft reserved", QUIRE_MEMORY_SOFT_RESERVED, true },
		{ "type 20", QUIRE_MEMORY_RESERVED, true }, { "usab", QUIRE_MEMORY_RESERVED, false },
		{ "usable x", QUIRE_MEMORY_RAM, false }, { "", QUIRE_MEMORY_RESERVED, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char log[256];
		struct input in;

		snprintf(log, sizeof(log),
			 "BIOS-e820: [mem 0x100000-0x1fffff] usable\nBIOS-e820: [mem 0x200000-0x2fffff] %s\n",
			 types[i].name);
		assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
		assert_map(&in.machine, 1, 0x200000, 0x100000, types[i].type);
		assert_int_equal(notes_at(&in, QUIRE_LOG_WARNING), !types[i].known);
		input_free(&in);
	}
}

static void test_old_e820_lines(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(load_log(&in, NULL,
				  " BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n"
				  " BIOS-e820: 0000000000100000 - 000000003fff0000 (usable)\n"
				  " BIOS-e820: 000000003fff0000 - 000000003ffff000 (ACPI data)\n"),
			 QUIRE_OK);
	assert_map(&in.machine, 0, 0, 0x9fc00, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 1, 0x100000, 0x3fef0000, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 2, 0x3fff0000, 0xf000, QUIRE_MEMORY_ACPI);
	input_free(&in);
}

/* Each broken line costs itself and a note with its number; its neighbours are read. */
static void test_broken_lines(void **state)
{
	static const char *const broken[] = {
		"BIOS-e820: [mem 0x0000000000200000-0x00000000", "BIOS-e820: [mem 0x300000-0x2fffff] usable", "BIOS-e820: ",
		"BIOS-e820: [mem 0x10000000000000000-0x1ffffffffffffffff] usable",
		"BIOS-e820: [mem 0x0000000000000000-0xffffffffffffffff] usable", "ACPI: SRAT: Node 0 PXM 0 [mem 0x0-",
		"ACPI: SRAT: Node x PXM 0 [mem 0x0-0xfff]", "ACPI: SRAT: Node 0 PXM 4294967296 [mem 0x0-0xfff]",
		"SRAT: PXM 0 -> APIC 0x -> Node 0", "SRAT: PXM 0 -> APIC 0x00 ->", "RAMDISK: [mem 0x5-0x1]",
		"efi: mem00: [Conventional| range=[0x5-", "efi: mem00: no",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		char log[512];
		struct input in;

		snprintf(log, sizeof(log),
			 "BIOS-e820: [mem 0x100000-0x1fffff] usable\n%s\nBIOS-e820: [mem 0x400000-0x4fffff] usable\n",
			 broken[i]);
		assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
		assert_int_equal(in.machine.map_count, 2);
		assert_int_equal(input_ram_bytes(&in.machine), 0x200000);
		assert_int_equal(in.machine.affinity_count + in.machine.cpu_count + in.machine.reservation_count, 0);
		assert_int_equal(notes_at(&in, QUIRE_LOG_WARNING), 1);
		assert_true(has_note(&in, QUIRE_LOG_WARNING, 2, ""));
		assert_string_equal(in.notes[0].source, "text");
		input_free(&in);
	}
}

static void test_interleaved_lines(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(load_log(&in, NULL,
				  "BIOS-e820: [mem 0x100000-0x1fffff] usable\n"
				  "systemd[1]: StartedBIOS-e820: [mem 0x200000-0x2fffff] usable\n"
				  "audit: x ACPI: SRAT: Node 0 PXM 5 [mem 0x100000-0x2fffff]\n"),
			 QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x200000);
	assert_int_equal(in.machine.affinity_count, 1);
	assert_int_equal(in.machine.affinities[0].domain, 5);
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 2, "two messages on one line"));
	assert_true(has_note(&in, QUIRE_LOG_WARNING, 3, "two messages on one line"));
	input_free(&in);
}

static void test_later_views_of_the_map_are_not_counted(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(load_log(&in, NULL,
				  "BIOS-e820: [mem 0x100000-0x1fffff] usable\n"
				  "e820: user-defined physical RAM map:\n"
				  "user: [mem 0x0000000000900000-0x00000000009fffff] usable\n"
				  "reserve setup_data: [mem 0x0000000000a00000-0x0000000000afffff] usable\n"
				  "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved\n"
				  "BIOS-e820: [gap 0x0000000000200000-0x00000000ffffffff]\n"),
			 QUIRE_OK);
	assert_int_equal(in.machine.map_count, 1);
	assert_int_equal(notes_at(&in, QUIRE_LOG_WARNING), 0);
	input_free(&in);
}

/* A journal holds many boots; a last one that was cut before its memory map does not count. */
static void test_last_complete_boot_is_taken(void **state)
{
	static const char first[] = "Linux version 6.1.0-1\nBIOS-e820: [mem 0x100000-0x1fffff] usable\nCommand line: one\n";
	static const char second[] =
		"Linux version 6.12.0-2\nBIOS-e820: [mem 0x100000-0x4fffff] usable\nCommand line: two\n";
	char log[1024];
	struct input in;

	(void)state;
	snprintf(log, sizeof(log), "%s%s", first, second);
	assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x400000);
	assert_string_equal(in.command_line, "two");
	assert_int_equal(in.kernel_minor, 12);
	assert_true(has_note(&in, QUIRE_LOG_INFO, 0, "2 boots"));
	input_free(&in);

	snprintf(log, sizeof(log), "%sLinux version 5.10.0\nCommand line: three\n", first);
	assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 0x100000);
	assert_string_equal(in.command_line, "one");
	assert_int_equal(in.kernel_minor, 1);
	input_free(&in);
}

static void test_efi_map(void **state)
{
	static const char efi[] =
		"efi: mem00: [Conventional|   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x40000000-0x4fffffff]\n"
		"efi: mem01: [Boot Data   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x50000000-0x500fffff]\n"
		"efi: mem02: [Loader Data |   |  |  |MR|  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x50100000-0x501fffff]\n"
		"efi: mem03: [Runtime Data|RUN|  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x50200000-0x502fffff]\n"
		"efi: mem04: [Conventional|   |SP|  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x50300000-0x503fffff]\n"
		"efi: mem05: [Conventional|   |  |  |  |  |  |  |  |  |  |   |  |  |  |UC] range=[0x50400000-0x504fffff]\n"
		"efi: mem00: [Runtime Data|RUN|  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x40000000-0x400fffff]\n";
	const struct quire_machine *m;
	struct input in;
	char log[2048];

	(void)state;
	snprintf(log, sizeof(log), "Linux version 6.12.1-arm64\n%s", efi);
	assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
	m = &in.machine;
	assert_int_equal(m->arch, QUIRE_ARCH_ARM64);
	assert_int_equal(m->map_count, 6);
	assert_int_equal(m->map[1].attributes, QUIRE_MEMORY_BOOT);
	assert_int_equal(m->map[2].attributes, QUIRE_MEMORY_MIRROR);
	assert_int_equal(m->map[3].type, QUIRE_MEMORY_RESERVED);
	assert_int_equal(m->map[4].type, QUIRE_MEMORY_SOFT_RESERVED);
	assert_int_equal(m->map[5].attributes, QUIRE_MEMORY_NOMAP);
	input_free(&in);

	/* Beside an e820 map only what that map cannot say is added, and the amount of RAM stays. */
	snprintf(log, sizeof(log), "BIOS-e820: [mem 0x40000000-0x501fffff] usable\n%s", efi);
	assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
	m = &in.machine;
	assert_int_equal(m->map_count, 3);
	assert_int_equal(m->map[1].attributes, QUIRE_MEMORY_BOOT);
	assert_int_equal(m->map[2].attributes, QUIRE_MEMORY_MIRROR);
	assert_int_equal(input_ram_bytes(m), 0x10200000);
	input_free(&in);
}

static void test_arm64_without_device_tree(void **state)
{
	struct input in;

	(void)state;
	assert_int_equal(load_log(&in, NULL,
				  "Booting Linux on physical CPU 0x0000000000 [0x411fd070]\n"
				  "Linux version 6.1.0-50-arm64\n"
				  "OF: reserved mem: 0x60000000..0x603fffff (4096 KiB) nomap non-reusable fw@60000000\n"
				  "Reserved memory: created CMA memory pool at 0x00000000ae000000, size 128 MiB\n"
				  "OF: reserved mem: initialized node linux,cma, compatible id shared-dma-pool\n"
				  "Early memory node ranges\n"
				  "  node   0: [mem 0x0000000040000000-0x000000007fffffff]\n"
				  "  node   2: [mem 0x0000000080000000-0x00000000bfffffff]\n"
				  "Initmem setup node 0 [mem 0x0000000040000000-0x000000007fffffff]\n"
				  "  node   7: [mem 0x0000000100000000-0x00000001ffffffff]\n"
				  "smp: Brought up 2 nodes, 4 CPUs\n"),
			 QUIRE_OK);
	assert_int_equal(in.machine.arch, QUIRE_ARCH_ARM64);
	assert_int_equal(in.machine.map_count, 2);
	assert_int_equal(in.machine.map[1].nid, 2);
	assert_int_equal(in.machine.affinity_count, 2);
	assert_int_equal(in.machine.domains[1], 2);
	assert_int_equal(cpus_enabled(&in.machine), 4);
	assert_int_equal(in.machine.reservation_count, 2);
	assert_int_equal(in.machine.reservations[0].kind, QUIRE_RESERVE_NOMAP);
	assert_string_equal(in.machine.reservations[0].name, "fw@60000000");
	assert_int_equal(in.machine.reservations[1].kind, QUIRE_RESERVE_CMA);
	assert_true(in.machine.reservations[1].is_default_cma);
	assert_int_equal(in.machine.reservations[1].size, 128 << 20);
	input_free(&in);
}

static void test_x86_kinds(void **state)
{
	static const struct { const char *log; enum quire_arch arch; } rows[] = {
		{ "last_pfn = 0x100000 max_arch_pfn = 0x100000\n", QUIRE_ARCH_I386 },
		{ "last_pfn = 0x140000 max_arch_pfn = 0x1000000\n", QUIRE_ARCH_I386_PAE },
		{ "last_pfn = 0x140000 max_arch_pfn = 0x10000000000\n", QUIRE_ARCH_X86_64 },
		{ "Linux version 6.1.0-50-686-pae (gcc)\n", QUIRE_ARCH_I386_PAE },
		{ "Linux version 6.1.0-50-686 (gcc)\n", QUIRE_ARCH_I386 },
		{ "", QUIRE_ARCH_X86_64 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char log[512];
		struct input in;

		snprintf(log, sizeof(log), "%sBIOS-e820: [mem 0x100000-0x1fffff] usable\n", rows[i].log);
		assert_int_equal(load_log(&in, NULL, log), QUIRE_OK);
		assert_int_equal(in.machine.arch, rows[i].arch);
		input_free(&in);
	}
}

/*
 * Ten megabytes of what looks most like work: it must end soon, with a machine or a reason, and a bounded number of
 * notes.
 */
static void test_ten_megabytes(void **state)
{
	static const struct { const char *line; bool machine; } rows[] = {
		{ "\n", false }, { "BIOS-e820: [mem 0x", false }, { "BIOS-e820: [mem 0x100000-0x00000000001ff] usable\n",
								   false },
		{ "Linux version 6.1\nBIOS-e820: [mem 0x100000-0x1fffff] usable\n", true },
		{ "Nov 21 10:00:00 kernel: [    0.000000] SRAT: PXM\n", false },
	};
	const size_t size = 10u << 20;
	char *log = malloc(size + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].line);
		clock_t start = clock();
		struct input in;

		for (size_t at = 0; at < size; at++)
			log[at] = rows[i].line[at % length];
		log[size] = '\0';
		assert_int_equal(load_log(&in, NULL, log), rows[i].machine ? QUIRE_OK : QUIRE_EFORMAT);
		assert_true(in.note_count <= 200);
		assert_true((clock() - start) / CLOCKS_PER_SEC < 8);
		input_free(&in);
	}
	free(log);
}

/* Random damage to a real log: never more RAM than it has, plus a machine or a refusal. */
static void test_random_damage(void **state)
{
	unsigned seed = 20261121;

	(void)state;
	for (unsigned round = 0; round < 1500; round++) {
		char log[sizeof(small_pc)];
		enum quire_status status;
		struct input in;

		memcpy(log, small_pc, sizeof(log));
		for (unsigned hit = 0; hit <= round % 8; hit++) {
			seed = seed * 1103515245u + 12345;
			log[(seed >> 8) % (sizeof(log) - 1)] = (char)(1 + (seed >> 24) % 127);
		}
		status = load_log(&in, NULL, log);
		assert_true(status == QUIRE_OK || status == QUIRE_EFORMAT);
		assert_true(status == QUIRE_EFORMAT || input_ram_bytes(&in.machine) != 0);
		input_free(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_prefixes_give_the_same_machine),
		cmocka_unit_test(test_types_of_e820),
		cmocka_unit_test(test_old_e820_lines),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_interleaved_lines),
		cmocka_unit_test(test_later_views_of_the_map_are_not_counted),
		cmocka_unit_test(test_last_complete_boot_is_taken),
		cmocka_unit_test(test_efi_map),
		cmocka_unit_test(test_arm64_without_device_tree),
		cmocka_unit_test(test_x86_kinds),
		cmocka_unit_test(test_ten_megabytes),
		cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
