/*
 * What a kernel makes of what EFI's loader hands over, the one for x86_64 in the end: the machine, and a sentence where
 * something is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "efi/efi.h"
#include "efi/kernel.h"
#include "x86.h"

#define CONVENTIONAL	7u
#define RESERVED	0u
#define WRITE_BACK	0x8u
#define MORE_RELIABLE	0x10000u

static struct efi_handover handover;
static struct efi_descriptor map[4];
static char console[256];
static bool no_tables;			/* for pages: nothing more can be mapped */

static struct quire_machine machine;
static struct quire_memory_range ranges[4];

bool x86_trampoline_taken;

void *arch_direct(quire_phys_t phys)
{
	return (void *)(uintptr_t)phys;
}

enum quire_status arch_map_direct(quire_phys_t phys, quire_phys_t size)
{
	(void)phys, (void)size;
	return no_tables ? QUIRE_ENOMEM : QUIRE_OK;
}

void metal_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(console, sizeof(console), format, args);
	va_end(args);
}

static void put(size_t i, uint32_t type, uint64_t base, uint64_t pages, uint64_t attributes)
{
	map[i] = (struct efi_descriptor){ .type = type, .base = base, .pages = pages, .attributes = attributes };
}

/* Low memory in which the page for secondary CPUs lies, and two halves of a gigabyte of which one is mirrored. */
static int set_up(void **state)
{
	(void)state;
	put(0, CONVENTIONAL, 0, 0xa0, WRITE_BACK);
	put(1, CONVENTIONAL, 0x100000, 0x1ff00, WRITE_BACK | MORE_RELIABLE);
	put(2, CONVENTIONAL, 0x20000000, 0x20000, WRITE_BACK);
	put(3, RESERVED, 0x40000000, 1, 0);
	handover = (struct efi_handover){
		.magic = EFI_HANDOVER_MAGIC, .released = 1, .rsdp = 0xe0000, .map = (uintptr_t)map, .map_bytes = sizeof(map),
		.descriptor_bytes = sizeof(map[0]), .command_line = (uintptr_t)"test=none",
	};
	console[0] = '\0';
	no_tables = x86_trampoline_taken = false;
	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &(struct quire_machine_storage){ .map = ranges, .map_max = 4 });
	return 0;
}

static enum quire_status read_machine(void)
{
	return x86_efi_read(&(struct metal_boot){ .info = (uintptr_t)&handover }, &machine, NULL);
}

static void ordinary(void **state)
{
	struct metal_boot boot = { .info = (uintptr_t)&handover };

	(void)state;
	assert_ptr_equal(efi_handover(boot.info), &handover);
	efi_boot(&handover, &boot);
	assert_int_equal(boot.rsdp, 0xe0000);
	assert_string_equal(boot.command_line, "test=none");
	assert_int_equal(read_machine(), QUIRE_OK);
	assert_string_equal(console, "");
	assert_int_equal(machine.map_count, 4);
	assert_int_equal(ranges[1].attributes, QUIRE_MEMORY_MIRROR);
	assert_int_equal(ranges[2].attributes, 0);
	assert_int_equal(ranges[3].type, QUIRE_MEMORY_RESERVED);
	assert_false(x86_trampoline_taken);
}

static void missing_things(void **state)
{
	(void)state;
	assert_null(efi_handover(0));
	handover.magic++;
	assert_null(efi_handover((uintptr_t)&handover));
	set_up(NULL);
	handover.rsdp = 0;
	assert_int_equal(read_machine(), QUIRE_OK);
	assert_non_null(strstr(console, "no ACPI tables"));
	set_up(NULL);
	handover.released = 0;
	assert_int_equal(read_machine(), QUIRE_EPLATFORM);
	assert_non_null(strstr(console, "does not end its boot services"));
	assert_int_equal(machine.map_count, 0);
	set_up(NULL);
	no_tables = true;
	assert_int_equal(read_machine(), QUIRE_ENOMEM);
	set_up(NULL);
	handover.map_bytes--;
	assert_int_equal(read_machine(), QUIRE_ETRUNCATED);
	set_up(NULL);
	machine.map_max = 3;
	assert_int_equal(read_machine(), QUIRE_ENOSPC);
	assert_int_equal(machine.map_count, 0);
}

/* The page for secondary CPUs must be free as a whole. */
static void low_memory(void **state)
{
	static const struct {
		uint32_t type;
		uint64_t base, pages;
		bool taken;
	} cases[] = {
		{ CONVENTIONAL, TRAMPOLINE, 1, false }, { CONVENTIONAL, TRAMPOLINE + 0x1000, 8, true },
		{ CONVENTIONAL, 0, TRAMPOLINE >> 12, true }, { CONVENTIONAL, 0, (TRAMPOLINE >> 12) + 1, false },
		{ RESERVED, 0, 0xa0, true },
	};

	(void)state;
	for (size_t i = 0; i < QI_ARRAY_SIZE(cases); i++) {
		set_up(NULL);
		put(0, cases[i].type, cases[i].base, cases[i].pages, WRITE_BACK);
		assert_int_equal(read_machine(), QUIRE_OK);
		assert_int_equal(x86_trampoline_taken, cases[i].taken);
		assert_int_equal(strstr(console, "one CPU") != NULL, cases[i].taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ordinary, set_up),
		cmocka_unit_test_setup(missing_things, set_up),
		cmocka_unit_test_setup(low_memory, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
