/* e820 tables and boot parameters; and the sanitiser, against a map kept cell by cell. */
#include "support.h"

#define GIB ((quire_phys_t)1 << 30)

static struct test_machine t;
static struct test_log l;

static void put_entry(uint8_t *p, uint64_t base, uint64_t size, uint32_t type)
{
	put_le64(p, base);
	put_le64(p + 8, size);
	put_le32(p + 16, type);
}

static void add(quire_phys_t base, quire_phys_t size, enum quire_memory_type type)
{
	assert_int_equal(quire_machine_add_range(&t.m, base, size, type, 0, QUIRE_NO_NODE), QUIRE_OK);
}

static void expect_range(size_t i, quire_phys_t first, quire_phys_t last, enum quire_memory_type type)
{
	assert_true(i < t.m.map_count);
	if (t.m.map[i].base != first || t.m.map[i].base + t.m.map[i].size - 1 != last || t.m.map[i].type != type)
		fail_msg("range %zu is [%#llx-%#llx] type %d", i, (unsigned long long)t.m.map[i].base,
			 (unsigned long long)(t.m.map[i].base + t.m.map[i].size - 1), t.m.map[i].type);
}

static void every_type_is_known_and_others_are_reserved(void **state)
{
	static const struct {
		uint32_t number;
		enum quire_memory_type type;
	} types[] = {
		{ 1, QUIRE_MEMORY_RAM }, { 2, QUIRE_MEMORY_RESERVED }, { 3, QUIRE_MEMORY_ACPI }, { 4, QUIRE_MEMORY_NVS },
		{ 5, QUIRE_MEMORY_UNUSABLE }, { 7, QUIRE_MEMORY_PMEM }, { 12, QUIRE_MEMORY_PRAM },
		{ 0xefffffff, QUIRE_MEMORY_SOFT_RESERVED }, { 6, QUIRE_MEMORY_RESERVED }, { 0, QUIRE_MEMORY_RESERVED },
	};
	uint8_t table[10 * 20 + 20];

	(void)state;
	for (size_t i = 0; i < 10; i++)
		put_entry(table + i * 20, i << 20, 1 << 20, types[i].number);
	put_entry(table + 200, 0, 0, 0);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	log_reset(&l);
	assert_int_equal(quire_read_e820(&t.m, table, sizeof(table), &l.log), QUIRE_OK);
	assert_int_equal(t.m.map_count, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(t.m.map[i].type, types[i].type);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 2);
	assert_true(log_has(&l, "unknown type 6"));
}

static void tables_that_end_early_or_do_not_fit_change_nothing(void **state)
{
	uint8_t table[60];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		put_entry(table + i * 20, i << 20, 1 << 20, 1);
	log_reset(&l);
	machine_reset_small(&t, QUIRE_ARCH_X86_64, 2);
	assert_int_equal(quire_read_e820(&t.m, table, 60, &l.log), QUIRE_ENOSPC);
	assert_int_equal(t.m.map_count, 0);
	assert_int_equal(l.last_offset, 40);
	for (size_t size = 0; size < 60; size++) {
		if (size % 20 == 0 && size)
			continue;
		assert_int_equal(quire_read_e820(&t.m, table, size, NULL), QUIRE_ETRUNCATED);
		assert_int_equal(t.m.map_count, 0);
	}
	machine_check(&t);
}

static void boot_params_give_map_initrd_and_rsdp(void **state)
{
	size_t size;
	uint8_t *params = read_sample("boot-params-8g.bin", &size);

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	log_reset(&l);
	assert_int_equal(quire_read_boot_params(&t.m, params, size, &l.log), QUIRE_OK);
	assert_int_equal(t.m.map_count, 10);
	expect_range(0, 0, 0x9fbff, QUIRE_MEMORY_RAM);
	expect_range(8, 0x100000000, 0x27fffffff, QUIRE_MEMORY_RAM);
	expect_range(9, 0xfd00000000, 0xffffffffff, QUIRE_MEMORY_RESERVED);
	assert_int_equal(t.m.reservation_count, 1);
	assert_int_equal(t.m.reservations[0].kind, QUIRE_RESERVE_INITRD);
	assert_true(t.m.reservations[0].base == 0x7fee4000);
	assert_true(t.m.rsdp == 0xf59c0);
	put_le32(params + 0xc0, 5);
	put_le32(params + 0xc4, 1);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(quire_read_boot_params(&t.m, params, size, NULL), QUIRE_OK);
	assert_true(t.m.reservations[0].base == 0x57fee4000 && t.m.reservations[0].size >> 32 == 1);
	free(params);
}

static void broken_boot_params_change_nothing(void **state)
{
	size_t size;
	uint8_t *params = read_sample("boot-params-8g.bin", &size);
	static const struct {
		size_t size;
		uint8_t count;
		enum quire_status status;
	} cases[] = {
		{ 0, 10, QUIRE_ETRUNCATED }, { 0x2cf, 10, QUIRE_ETRUNCATED }, { 0x2d0 + 199, 10, QUIRE_ETRUNCATED },
		{ 4096, 0, QUIRE_EFORMAT }, { 4096, 129, QUIRE_EFORMAT }, { 4096, 255, QUIRE_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		machine_reset(&t, QUIRE_ARCH_X86_64);
		log_reset(&l);
		params[0x1e8] = cases[i].count;
		assert_int_equal(quire_read_boot_params(&t.m, params, cases[i].size, &l.log), cases[i].status);
		assert_int_equal(t.m.map_count, 0);
		assert_true(l.length > 0);
	}
	params[0x1e8] = 10;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	t.m.reservation_max = 0;
	assert_int_equal(quire_read_boot_params(&t.m, params, 4096, NULL), QUIRE_ENOSPC);
	assert_int_equal(t.m.map_count, 0);
	put_le32(params + 0xc0, UINT32_MAX);
	put_le32(params + 0xc4, UINT32_MAX);
	log_reset(&l);
	assert_int_equal(quire_read_boot_params(&t.m, params, 4096, &l.log), QUIRE_OK);
	assert_true(log_has(&l, "initrd wraps"));
	free(params);
}

/* A reserved range that ends at 4 GiB or at the end of the address space keeps its length. */
static void ranges_that_end_where_numbers_do(void **state)
{
	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	log_reset(&l);
	add(0xfffc0000, 0x40000, QUIRE_MEMORY_RESERVED);
	add(0x80000000, 0x100000000, QUIRE_MEMORY_RAM);
	add(UINT64_MAX - 0xfff, 0x1000, QUIRE_MEMORY_NVS);
	add(UINT64_MAX - 0xffff, 0x20000, QUIRE_MEMORY_RESERVED);
	add(UINT64_MAX - 0xffff, 0x20000, QUIRE_MEMORY_RAM);
	add(5, 0, QUIRE_MEMORY_RAM);
	assert_int_equal(quire_e820_sanitize(&t.m, NULL, &l.log), QUIRE_OK);
	assert_int_equal(t.m.map_count, 5);
	expect_range(0, 0x80000000, 0xfffbffff, QUIRE_MEMORY_RAM);
	expect_range(1, 0xfffc0000, 0xffffffff, QUIRE_MEMORY_RESERVED);
	expect_range(2, 0x100000000, 0x17fffffff, QUIRE_MEMORY_RAM);
	expect_range(3, UINT64_MAX - 0xffff, UINT64_MAX - 0x1000, QUIRE_MEMORY_RESERVED);
	expect_range(4, UINT64_MAX - 0xfff, UINT64_MAX, QUIRE_MEMORY_NVS);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 2);
}

/* Two halves of the whole address space cannot become one range: its size does not fit. */
static void the_whole_address_space(void **state)
{
	(void)state;
	machine_reset(&t, QUIRE_ARCH_ARM64);
	add(0, UINT64_MAX, QUIRE_MEMORY_RESERVED);
	add(1, UINT64_MAX, QUIRE_MEMORY_RESERVED);
	add(UINT64_MAX, 1, QUIRE_MEMORY_RESERVED);
	assert_int_equal(quire_e820_sanitize(&t.m, NULL, NULL), QUIRE_OK);
	assert_int_equal(t.m.map_count, 2);
	assert_true(t.m.map[0].base == 0 && t.m.map[0].base + t.m.map[0].size == t.m.map[1].base);
	assert_true(t.m.map[1].base + t.m.map[1].size == 0);
}

static void the_first_page_and_the_legacy_hole_are_no_ram(void **state)
{
	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	log_reset(&l);
	add(0, GIB, QUIRE_MEMORY_RAM);
	assert_int_equal(quire_e820_sanitize(&t.m, NULL, &l.log), QUIRE_OK);
	assert_int_equal(t.m.map_count, 3);
	expect_range(0, 0, 0xfff, QUIRE_MEMORY_RESERVED);
	expect_range(1, 0x1000, 0x9ffff, QUIRE_MEMORY_RAM);
	expect_range(2, 0x100000, GIB - 1, QUIRE_MEMORY_RAM);
	assert_true(log_has(&l, "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved"));
	assert_true(log_has(&l, "e820: remove [mem 0x000a0000-0x000fffff] usable"));
	machine_reset(&t, QUIRE_ARCH_ARM64);
	add(0, GIB, QUIRE_MEMORY_RAM);
	assert_int_equal(quire_e820_sanitize(&t.m, NULL, NULL), QUIRE_OK);
	assert_int_equal(t.m.map_count, 1);
}

static void sanitize_with(const char *command_line)
{
	static struct quire_config config;

	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	config.efi_fake_mem = true;
	quire_cmdline_parse(&config, command_line, NULL, NULL);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	log_reset(&l);
	add(0x100000, 2 * GIB - 0x100000, QUIRE_MEMORY_RAM);
	add(3 * GIB, GIB, QUIRE_MEMORY_RESERVED);
	add(4 * GIB, 4 * GIB, QUIRE_MEMORY_RAM);
	assert_int_equal(quire_e820_sanitize(&t.m, &config.options, &l.log), QUIRE_OK);
}

static void user_maps(void **state)
{
	(void)state;
	sanitize_with("mem=5G");
	assert_int_equal(t.m.map_count, 3);
	expect_range(2, 4 * GIB, 5 * GIB - 1, QUIRE_MEMORY_RAM);
	assert_true(log_has(&l, "e820: remove [mem 0x140000000-0xfffffffffffffffe] usable"));
	assert_true(log_has(&l, "user-defined physical RAM map:\nuser: [mem 0x0000000000100000-0x000000007fffffff] usable"));
	sanitize_with("memmap=exactmap memmap=639K@4K memmap=1G@1M,1G@8G");
	assert_int_equal(t.m.map_count, 3);
	expect_range(0, 0x1000, 0x9ffff, QUIRE_MEMORY_RAM);
	expect_range(2, 8 * GIB, 9 * GIB - 1, QUIRE_MEMORY_RAM);
	sanitize_with("memmap=256M$1G");
	assert_int_equal(t.m.map_count, 5);
	expect_range(1, GIB, GIB + (GIB >> 2) - 1, QUIRE_MEMORY_RESERVED);
	sanitize_with("memmap=6G@0");			/* RAM over a reserved range: the reserved one stays */
	assert_int_equal(t.m.map_count, 5);
	expect_range(2, 0x100000, 3 * GIB - 1, QUIRE_MEMORY_RAM);
	expect_range(3, 3 * GIB, 4 * GIB - 1, QUIRE_MEMORY_RESERVED);
	sanitize_with("memmap=1G!4G memmap=1G#5G");
	expect_range(2, 4 * GIB, 5 * GIB - 1, QUIRE_MEMORY_PRAM);
	expect_range(3, 5 * GIB, 6 * GIB - 1, QUIRE_MEMORY_ACPI);
	sanitize_with("memmap=1G%3G-2+1");		/* reserved becomes RAM */
	assert_int_equal(t.m.map_count, 2);
	expect_range(1, 3 * GIB, 8 * GIB - 1, QUIRE_MEMORY_RAM);
	sanitize_with("memmap=1G%4G-2+1");		/* nothing of that type there */
	assert_int_equal(t.m.map_count, 3);
	sanitize_with("memmap=2G%3G");			/* neither type: gone whatever it was */
	assert_int_equal(t.m.map_count, 2);
	expect_range(1, 5 * GIB, 8 * GIB - 1, QUIRE_MEMORY_RAM);
	sanitize_with("memmap=2G%2G+5");		/* everything, holes too */
	expect_range(1, 2 * GIB, 4 * GIB - 1, QUIRE_MEMORY_UNUSABLE);
	sanitize_with("memmap=1G%4G-1");
	expect_range(2, 5 * GIB, 8 * GIB - 1, QUIRE_MEMORY_RAM);
	sanitize_with("memmap=1G%4G-99+1");
	assert_true(log_has(&l, "unknown type"));
	assert_int_equal(t.m.map_count, 3);
	sanitize_with("memmap=1G mem=6G");
	assert_int_equal(t.m.map_count, 2);
	expect_range(0, 0x100000, GIB - 1, QUIRE_MEMORY_RAM);
}

static void faked_attributes(void **state)
{
	(void)state;
	sanitize_with("efi_fake_mem=2G@5G:0x10000,1G@1G:0x40000");
	assert_int_equal(t.m.map_count, 6);
	expect_range(1, GIB, 2 * GIB - 1, QUIRE_MEMORY_SOFT_RESERVED);
	expect_range(4, 5 * GIB, 7 * GIB - 1, QUIRE_MEMORY_RAM);
	assert_int_equal(t.m.map[4].attributes, QUIRE_MEMORY_MIRROR);
	assert_int_equal(t.m.map[3].attributes | t.m.map[5].attributes, 0);
}

static void too_little_room_changes_nothing(void **state)
{
	char before[4096], after[4096];

	(void)state;
	machine_reset_small(&t, QUIRE_ARCH_X86_64, 9);
	add(0x5000, 0x1000, QUIRE_MEMORY_RESERVED);
	add(0x1000, 0x9000, QUIRE_MEMORY_RAM);
	machine_text(&t.m, before, sizeof(before));
	log_reset(&l);
	assert_int_equal(quire_e820_sanitize(&t.m, NULL, &l.log), QUIRE_ENOSPC);
	machine_text(&t.m, after, sizeof(after));
	assert_string_equal(before, after);
	assert_true(log_has(&l, "room for 9"));
	machine_check(&t);
}

/* --- Model: 64 cells of a page each, and everything said above done to them one by one. --- */

#define CELLS 64
#define CELL 4096u
#define NOTHING QUIRE_MEMORY_TYPES

static void model_add(uint8_t *cells, size_t first, size_t end, uint8_t type)
{
	for (size_t i = first; i < end; i++)
		if (cells[i] == NOTHING || cells[i] < type)
			cells[i] = type;
}

static void compare_with_model(const uint8_t *cells, uint64_t round)
{
	size_t range = 0;

	for (size_t i = 0; i < CELLS;) {
		size_t end = i;

		while (end < CELLS && cells[end] == cells[i])
			end++;
		if (cells[i] != NOTHING) {
			if (range == t.m.map_count)
				fail_msg("round %llu: range at cell %zu is missing", (unsigned long long)round, i);
			expect_range(range++, i * CELL, end * CELL - 1, (enum quire_memory_type)cells[i]);
		}
		i = end;
	}
	assert_int_equal(range, t.m.map_count);
}

static void random_maps_agree_with_the_model(void **state)
{
	uint64_t seed = 20240101;

	(void)state;
	for (uint64_t round = 0; round < 10000; round++) {
		struct quire_boot_options options;
		uint8_t cells[CELLS];
		size_t count = next_random(&seed) % 12, directives = next_random(&seed) % 4;

		memset(&options, 0, sizeof(options));
		memset(cells, NOTHING, sizeof(cells));
		/* Just the room that is asked for. */
		machine_reset_small(&t, QUIRE_ARCH_X86_64, 2 * (count + directives) + 8);
		for (size_t i = 0; i < count; i++) {
			size_t first = next_random(&seed) % CELLS, length = next_random(&seed) % (CELLS - first) + 1;
			uint8_t type = (uint8_t)(next_random(&seed) % QUIRE_MEMORY_TYPES);

			add(first * CELL, length * CELL, (enum quire_memory_type)type);
			model_add(cells, first, first + length, type);
		}
		for (size_t i = 0; i < directives; i++) {
			static const uint8_t added[] = { QUIRE_MEMORY_RAM, QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_ACPI,
							 QUIRE_MEMORY_PRAM };
			size_t first = next_random(&seed) % CELLS, length = next_random(&seed) % (CELLS - first) + 1;
			unsigned kind = (unsigned)(next_random(&seed) % 6);
			struct quire_memmap_directive *d = &options.memmap[options.memmap_count++];

			*d = (struct quire_memmap_directive){ .base = first * CELL, .size = length * CELL };
			if (kind < 4) {
				d->kind = (enum quire_memmap_kind)kind;
				model_add(cells, first, first + length, added[kind]);
			} else if (kind == 4) {
				d->kind = QUIRE_MEMMAP_RETYPE;
				d->old_type = 2;
				d->new_type = 1;
				for (size_t c = first; c < first + length; c++)
					cells[c] = cells[c] == QUIRE_MEMORY_RESERVED ? QUIRE_MEMORY_RAM : cells[c];
			} else {
				d->kind = QUIRE_MEMMAP_LIMIT;
				for (size_t c = length; c < CELLS; c++)
					cells[c] = cells[c] == QUIRE_MEMORY_RAM ? NOTHING : cells[c];
			}
		}
		if (cells[0] == QUIRE_MEMORY_RAM)
			cells[0] = QUIRE_MEMORY_RESERVED;
		assert_int_equal(quire_e820_sanitize(&t.m, &options, NULL), QUIRE_OK);
		machine_check(&t);
		compare_with_model(cells, round);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_known_and_others_are_reserved),
		cmocka_unit_test(tables_that_end_early_or_do_not_fit_change_nothing),
		cmocka_unit_test(boot_params_give_map_initrd_and_rsdp),
		cmocka_unit_test(broken_boot_params_change_nothing),
		cmocka_unit_test(ranges_that_end_where_numbers_do),
		cmocka_unit_test(the_whole_address_space),
		cmocka_unit_test(the_first_page_and_the_legacy_hole_are_no_ram),
		cmocka_unit_test(user_maps),
		cmocka_unit_test(faked_attributes),
		cmocka_unit_test(too_little_room_changes_nothing),
		cmocka_unit_test(random_maps_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
