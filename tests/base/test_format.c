/* The engine's own printf against the C library's, and the one place where it differs on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

/* Format with both and compare text and length. */
#define SAME(...) \
	do { \
		char ours[128], theirs[128]; \
		int our_length = qi_snprintf(ours, sizeof(ours), __VA_ARGS__); \
		assert_int_equal(our_length, snprintf(theirs, sizeof(theirs), __VA_ARGS__)); \
		assert_string_equal(ours, theirs); \
	} while (0)

static void numbers_print_as_in_c(void **state)
{
	(void)state;
	SAME("%d %i %u", -1, 42, 4000000000u);
	SAME("%5d|%-5d|%05d|%.3d|% d", -42, -42, -42, 7, 7);
	SAME("%lu %lld %llu", 18446744073709551615ul, -9223372036854775807ll - 1, 18446744073709551615ull);
	SAME("%zu", sizeof(char));
	SAME("%x %#x %08x %#010x %#018llx", 255u, 255u, 255u, 255u, 0x100000000ull);
	SAME("%6lu %12lu", 3ul, 4ul);
	SAME("%*d|%-*d|%.*d", 6, 1, 6, 2, 4, 3);
}

static void text_prints_as_in_c(void **state)
{
	(void)state;
	SAME("%s|%8s|%-8s|%.2s|%c|%%", "zone", "DMA", "DMA", "Normal", 'x');
	SAME("%-43s ", "Free pages count per migrate type at order");
}

/* ISO C prints plain 0 for %#x of zero; kernels print 0x0, and dumps must compare. */
static void hexadecimal_zero_keeps_its_prefix(void **state)
{
	char text[16];

	(void)state;
	qi_snprintf(text, sizeof(text), "%#x", 0u);
	assert_string_equal(text, "0x0");
}

static void a_short_buffer_is_cut_and_terminated(void **state)
{
	char text[8];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(qi_snprintf(text, 4, "%s", "memblock"), 8);
	assert_string_equal(text, "mem");
	assert_int_equal(text[4], 'x');
	assert_int_equal(qi_snprintf(NULL, 0, "%d", 12345), 5);
}

static void names_never_are_null(void **state)
{
	(void)state;
	for (int i = -1; i < QUIRE_STATUSES + 2; i++)
		assert_non_null(quire_status_string((enum quire_status)i));
	assert_string_equal(quire_status_string(QUIRE_STATUSES), "?");
	for (int i = 0; i < QUIRE_STATUSES; i++)
		assert_string_not_equal(quire_status_string((enum quire_status)i), "?");
	assert_string_equal(quire_zone_name(QUIRE_ZONE_DMA32), "DMA32");
	assert_string_equal(quire_migratetype_name(QUIRE_MIGRATE_HIGHATOMIC), "HighAtomic");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_print_as_in_c),
		cmocka_unit_test(text_prints_as_in_c),
		cmocka_unit_test(hexadecimal_zero_keeps_its_prefix),
		cmocka_unit_test(a_short_buffer_is_cut_and_terminated),
		cmocka_unit_test(names_never_are_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
