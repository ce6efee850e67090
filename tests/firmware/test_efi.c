/* The EFI memory map, as x86 and as arm64 take it. */
#include "support.h"

#define WB 0xfu				/* uncached, combining, through, back */
#define STRIDE 48			/* firmware's descriptors are longer than the fields in use */

static struct test_machine t;
static struct test_log l;

static uint8_t map[32 * STRIDE];
static size_t map_size;

static void put_descriptor(uint32_t type, uint64_t base, uint64_t pages, uint64_t attribute)
{
	uint8_t *p = map + map_size;

	memset(p, 0xee, STRIDE);
	put_le32(p, type);
	put_le64(p + 8, base);
	put_le64(p + 24, pages);
	put_le64(p + 32, attribute);
	map_size += STRIDE;
}

static enum quire_status read_map(enum quire_arch arch)
{
	machine_reset(&t, arch);
	log_reset(&l);
	return quire_read_efi_map(&t.m, map, map_size, STRIDE, &l.log);
}

static void x86_types(void **state)
{
	static const enum quire_memory_type want[16] = {
		QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_RAM,      QUIRE_MEMORY_RAM,	     QUIRE_MEMORY_RAM,
		QUIRE_MEMORY_RAM,      QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_RAM,
		QUIRE_MEMORY_UNUSABLE, QUIRE_MEMORY_ACPI,     QUIRE_MEMORY_NVS,	     QUIRE_MEMORY_RESERVED,
		QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_PMEM,     QUIRE_MEMORY_RAM,
	};

	(void)state;
	map_size = 0;
	for (uint32_t type = 0; type < 16; type++)
		put_descriptor(type, (uint64_t)type << 20, 16, WB);
	put_descriptor(7, 1ull << 32, 16, WB | 0x10000);
	put_descriptor(7, 2ull << 32, 16, WB | 0x40000);
	put_descriptor(16, 3ull << 32, 16, WB);
	put_descriptor(7, 4ull << 32, 0, WB);
	assert_int_equal(read_map(QUIRE_ARCH_X86_64), QUIRE_OK);
	assert_int_equal(t.m.map_count, 19);
	for (uint32_t type = 0; type < 16; type++) {
		assert_int_equal(t.m.map[type].type, want[type]);
		assert_true(t.m.map[type].base == (uint64_t)type << 20 && t.m.map[type].size == 0x10000);
		assert_int_equal(t.m.map[type].attributes, type == 3 || type == 4 ? QUIRE_MEMORY_BOOT : 0);
	}
	assert_int_equal(t.m.map[16].attributes, QUIRE_MEMORY_MIRROR);
	assert_int_equal(t.m.map[17].type, QUIRE_MEMORY_SOFT_RESERVED);
	assert_int_equal(t.m.map[18].type, QUIRE_MEMORY_RESERVED);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 1);
}

/* Memory the kernel may not touch is memory all the same; device ranges are none. */
static void arm64_types(void **state)
{
	(void)state;
	map_size = 0;
	put_descriptor(7, 0x40000000, 16, WB);
	put_descriptor(3, 0x50000000, 16, WB);
	put_descriptor(6, 0x60000000, 16, WB | 1ull << 63);	/* runtime data */
	put_descriptor(7, 0x70000000, 16, 0x2);			/* cannot be mapped write-back */
	put_descriptor(11, 0x80000000, 16, 0x1);		/* device registers */
	put_descriptor(9, 0x90000000, 16, WB);			/* ACPI tables */
	put_descriptor(7, 0xa0000000, 16, WB | 0x10000);
	assert_int_equal(read_map(QUIRE_ARCH_ARM64), QUIRE_OK);
	assert_int_equal(t.m.map_count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(t.m.map[i].type, QUIRE_MEMORY_RAM);
	assert_int_equal(t.m.map[0].attributes, 0);
	assert_int_equal(t.m.map[1].attributes, 0);
	assert_int_equal(t.m.map[2].attributes, QUIRE_MEMORY_NOMAP);
	assert_int_equal(t.m.map[3].attributes, QUIRE_MEMORY_NOMAP);
	assert_int_equal(t.m.map[4].attributes, 0);
	assert_int_equal(t.m.map[5].attributes, QUIRE_MEMORY_MIRROR);
	assert_int_equal(t.m.reservation_count, 1);
	assert_true(t.m.reservations[0].base == 0x90000000 && t.m.reservations[0].size == 0x10000);
}

static void nonsense(void **state)
{
	(void)state;
	map_size = 0;
	put_descriptor(7, 0x1000, UINT64_MAX, WB);
	put_descriptor(7, 0x1000, 1ull << 52, WB);
	put_descriptor(7, UINT64_MAX - 0xfff, 2, WB);
	put_descriptor(7, UINT64_MAX - 0xfff, 1, WB);
	assert_int_equal(read_map(QUIRE_ARCH_X86_64), QUIRE_OK);
	assert_int_equal(t.m.map_count, 1);
	assert_true(t.m.map[0].base + t.m.map[0].size == 0);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 3);
	assert_int_equal(l.last_offset, 2 * STRIDE);
}

static void maps_that_end_early_or_do_not_fit_change_nothing(void **state)
{
	(void)state;
	map_size = 0;
	put_descriptor(7, 0x1000, 1, WB);
	put_descriptor(9, 0x2000, 1, WB);
	machine_reset(&t, QUIRE_ARCH_ARM64);
	for (size_t size = 0; size < map_size; size++)
		if (size != STRIDE)
			assert_int_equal(quire_read_efi_map(&t.m, map, size, STRIDE, NULL), QUIRE_ETRUNCATED);
	assert_int_equal(quire_read_efi_map(&t.m, map, map_size, 39, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_read_efi_map(&t.m, map, map_size, 0, NULL), QUIRE_EINVAL);
	for (size_t room = 0; room < 2; room++) {
		machine_reset_small(&t, QUIRE_ARCH_ARM64, room);
		assert_int_equal(quire_read_efi_map(&t.m, map, map_size, STRIDE, NULL), QUIRE_ENOSPC);
		assert_int_equal(t.m.map_count + t.m.reservation_count, 0);
		machine_check(&t);
	}
	machine_reset(&t, QUIRE_ARCH_ARM64);
	t.m.reservation_max = 0;
	assert_int_equal(quire_read_efi_map(&t.m, map, map_size, STRIDE, NULL), QUIRE_ENOSPC);
	assert_int_equal(t.m.map_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_types),
		cmocka_unit_test(arm64_types),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(maps_that_end_early_or_do_not_fit_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
