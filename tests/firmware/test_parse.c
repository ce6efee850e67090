/* Sizes and sysctl assignments. */
#include "support.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
		size_t used;
	} good[] = {
		{ "0", 0, 1 }, { "4096", 4096, 4 }, { "64M", 64ull << 20, 3 }, { "64m", 64ull << 20, 3 },
		{ "2G@4G", 2ull << 30, 2 },
		{ "0x1000", 0x1000, 6 }, { "0XfF", 255, 4 }, { "010M", 8ull << 20, 4 }, { "08", 0, 1 }, { "0x", 0, 1 },
		{ "0xg", 0, 1 }, { "1K", 1024, 2 }, { "3T", 3ull << 40, 2 }, { "1P", 1ull << 50, 2 },
		{ "15E", 15ull << 60, 3 },
		{ "0x10E", 0x10e, 5 }, { "0x10k", 16 << 10, 5 }, { "18446744073709551615", UINT64_MAX, 20 },
		{ "1MB", 1 << 20, 2 },
		{ "0xffffffffffffffff", UINT64_MAX, 18 }, { "300M@1M", 300ull << 20, 4 }, { "25%", 25, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		quire_phys_t value = 77;
		const char *end = NULL;

		assert_int_equal(quire_parse_size(good[i].text, &value, &end), QUIRE_OK);
		assert_true(value == good[i].value);
		assert_int_equal(end - good[i].text, good[i].used);
		assert_int_equal(quire_parse_size(good[i].text, &value, NULL), QUIRE_OK);
	}
}

static void sizes_that_are_none(void **state)
{
	static const struct {
		const char *text;
		enum quire_status status;
	} bad[] = {
		{ "", QUIRE_EFORMAT }, { "M", QUIRE_EFORMAT }, { "-1", QUIRE_EFORMAT }, { " 1", QUIRE_EFORMAT },
		{ "x10", QUIRE_EFORMAT }, { "18446744073709551616", QUIRE_ERANGE }, { "16E", QUIRE_ERANGE },
		{ "0x1ffffffffffffffff", QUIRE_ERANGE }, { "99999999999999999999999", QUIRE_ERANGE },
		{ "17179869184G", QUIRE_ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		quire_phys_t value = 77;
		const char *end = "untouched";

		assert_int_equal(quire_parse_size(bad[i].text, &value, &end), bad[i].status);
		assert_int_equal(value, 77);
		assert_string_equal(end, "untouched");
	}
}

static struct quire_tunables defaults(enum quire_arch arch)
{
	struct quire_config config;

	quire_config_defaults(&config, arch, QUIRE_RULES_6_1);
	return config.tunables;
}

static void sysctls_set_what_they_name(void **state)
{
	struct quire_tunables v = defaults(QUIRE_ARCH_X86_64);

	(void)state;
	assert_int_equal(quire_sysctl_set(&v, "vm.min_free_kbytes=65536"), QUIRE_OK);
	assert_int_equal(v.min_free_kbytes, 65536);
	assert_int_equal(quire_sysctl_set(&v, "min_free_kbytes = 1 "), QUIRE_OK);
	assert_int_equal(v.min_free_kbytes, 1);
	assert_int_equal(quire_sysctl_set(&v, "vm.watermark_scale_factor=3000"), QUIRE_OK);
	assert_int_equal(v.watermark_scale_factor, 3000);
	assert_int_equal(quire_sysctl_set(&v, "watermark_boost_factor=0"), QUIRE_OK);
	assert_int_equal(v.watermark_boost_factor, 0);
	assert_int_equal(quire_sysctl_set(&v, "vm.percpu_pagelist_high_fraction=8"), QUIRE_OK);
	assert_int_equal(v.percpu_pagelist_high_fraction, 8);
	assert_int_equal(quire_sysctl_set(&v, "vm.percpu_pagelist_high_fraction=0"), QUIRE_OK);
	assert_int_equal(v.percpu_pagelist_high_fraction, 0);
	assert_int_equal(quire_sysctl_set(&v, "vm.min_unmapped_ratio=100"), QUIRE_OK);
	assert_int_equal(v.min_unmapped_ratio, 100);
	assert_int_equal(quire_sysctl_set(&v, "vm.min_slab_ratio=0"), QUIRE_OK);
	assert_int_equal(v.min_slab_ratio, 0);
}

/* What the table says of each is what is taken, what is shown is what was set, and one changes nothing of the others. */
static void the_table_of_sysctls_is_true(void **state)
{
	struct quire_tunables v = defaults(QUIRE_ARCH_X86_64), before;
	char text[64], assignment[128];
	unsigned ranges = 0;

	(void)state;
	for (const struct quire_sysctl *s = quire_sysctls; s->name; s++) {
		unsigned low, high;

		assert_true(*s->values && *s->what);
		before = v;
		assert_int_equal(quire_sysctl_get(&v, s->name, text, sizeof(text)), QUIRE_OK);
		snprintf(assignment, sizeof(assignment), "vm.%s=%s", s->name, text);
		assert_int_equal(quire_sysctl_set(&v, assignment), strcmp(text, "-1") ? QUIRE_OK : QUIRE_EINVAL);
		assert_memory_equal(&v, &before, sizeof(v));
		if (sscanf(s->values, "%u .. %u", &low, &high) != 2)
			continue;
		ranges++;
		for (unsigned end = 0; end < 2; end++) {
			snprintf(assignment, sizeof(assignment), "%s=%u", s->name, end ? high : low);
			assert_int_equal(quire_sysctl_set(&v, assignment), QUIRE_OK);
			assert_int_equal(quire_sysctl_get(&v, s->name, text, sizeof(text)), QUIRE_OK);
			assert_string_equal(text, strchr(assignment, '=') + 1);
			snprintf(assignment, sizeof(assignment), "%s=%lld", s->name, end ? high + 1ll : low - 1ll);
			assert_int_not_equal(quire_sysctl_set(&v, assignment), QUIRE_OK);
		}
		snprintf(assignment, sizeof(assignment), "%sx=%u", s->name, low);
		assert_int_equal(quire_sysctl_set(&v, assignment), QUIRE_ENOENT);
	}
	assert_int_equal(ranges, 6);
	assert_int_equal(quire_sysctl_get(&v, "lowmem_reserve_ratio", text, sizeof(text)), QUIRE_OK);
	assert_string_equal(text, "256 256 32 0 0");
	assert_int_equal(quire_sysctl_get(&v, "min_free", text, sizeof(text)), QUIRE_ENOENT);
	assert_int_equal(quire_sysctl_get(&v, "min_free_kbytes_", text, sizeof(text)), QUIRE_ENOENT);
	assert_int_equal(quire_sysctl_get(&v, "lowmem_reserve_ratio", text, 5), QUIRE_OK);
	assert_string_equal(text, "256 ");
}

/* The list names the zones that exist: on i386 the second number is Normal's, on x86_64 it is DMA32's. */
static void lowmem_ratios_follow_the_zones_that_exist(void **state)
{
	struct quire_tunables v = defaults(QUIRE_ARCH_X86_64);

	(void)state;
	assert_int_equal(quire_sysctl_set(&v, "vm.lowmem_reserve_ratio=64\t65  16 -3 0"), QUIRE_OK);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_DMA], 64);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_DMA32], 65);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_NORMAL], 16);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_HIGHMEM], 0);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_MOVABLE], 0);
	v = defaults(QUIRE_ARCH_I386_PAE);
	assert_int_equal(quire_sysctl_set(&v, "vm.lowmem_reserve_ratio=100 50 7"), QUIRE_OK);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_DMA], 100);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_DMA32], 256);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_NORMAL], 50);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_HIGHMEM], 7);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_MOVABLE], 0);
	assert_int_equal(quire_sysctl_set(&v, "lowmem_reserve_ratio=1,2"), QUIRE_OK);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_NORMAL], 2);
	assert_int_equal(v.lowmem_reserve_ratio[QUIRE_ZONE_HIGHMEM], 7);
}

static void sysctls_refuse_and_change_nothing(void **state)
{
	static const struct {
		const char *text;
		enum quire_status status;
	} bad[] = {
		{ "vm.percpu_pagelist_high_fraction=1", QUIRE_EINVAL },
		{ "vm.percpu_pagelist_high_fraction=7", QUIRE_EINVAL },
		{ "vm.percpu_pagelist_high_fraction=-8", QUIRE_EINVAL }, { "vm.watermark_scale_factor=0", QUIRE_EINVAL },
		{ "vm.watermark_scale_factor=3001", QUIRE_EINVAL }, { "vm.watermark_boost_factor=-1", QUIRE_EINVAL },
		{ "vm.min_free_kbytes=-1", QUIRE_EINVAL }, { "vm.min_free_kbytes=", QUIRE_EFORMAT },
		{ "vm.min_free_kbytes=1 2", QUIRE_EFORMAT }, { "vm.min_free_kbytes=64M", QUIRE_EFORMAT },
		{ "vm.min_free_kbytes=99999999999", QUIRE_ERANGE }, { "vm.min_slab_ratio=101", QUIRE_EINVAL },
		{ "vm.lowmem_reserve_ratio=1 2 3 4 5 6", QUIRE_EINVAL }, { "vm.lowmem_reserve_ratio=", QUIRE_EINVAL },
		{ "vm.lowmem_reserve_ratio=1 x", QUIRE_EFORMAT }, { "vm.swappiness=10", QUIRE_ENOENT }, { "", QUIRE_ENOENT },
		{ "min_free_kbytes", QUIRE_ENOENT }, { "vm.", QUIRE_ENOENT }, { "min_free_kbytesx=1", QUIRE_ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct quire_tunables v = defaults(QUIRE_ARCH_X86_64), before = v;

		if (quire_sysctl_set(&v, bad[i].text) != bad[i].status)
			fail_msg("\"%s\" gives another status", bad[i].text);
		assert_memory_equal(&v, &before, sizeof(v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(sizes_that_are_none),
		cmocka_unit_test(sysctls_set_what_they_name),
		cmocka_unit_test(the_table_of_sysctls_is_true),
		cmocka_unit_test(lowmem_ratios_follow_the_zones_that_exist),
		cmocka_unit_test(sysctls_refuse_and_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
