/* The estimate of what a kernel takes, and counting pages by zone. */
#include "machine.h"

#include "linux/footprint.h"

/* Descriptors are by far the most: 64 bytes for each page, on the node they describe. */
static void takes_descriptors(void **state)
{
	struct test_machine *m = test_machine_new(QUIRE_RULES_6_1);
	struct linux_count *count = calloc(1, sizeof(*count));
	struct linux_ledger ledger = { 0 };
	uint64_t present = (0x7ff00000 + 0x80000000ull) >> 12, node1 = 0x40000000 >> 12, left;

	(void)state;
	assert_int_equal(linux_footprint(&ledger, &m->q, true), QUIRE_OK);
	assert_int_equal(quire_check_memblock(&m->q.memblock), QUIRE_OK);
	assert_int_equal(quire_boot_until(&m->q, QUIRE_STAGE_ZONES), QUIRE_OK);
	linux_count_free(&m->q, count, NULL);
	left = linux_count_total(count);
	/* Everything but descriptors: image 52 MiB, bounce buffer 65 MiB, hash tables none on two nodes. */
	assert_true(left < present - present / 64 - (117 << 8));
	assert_true(left > present - present / 64 - (130 << 8));
	assert_true(count->pages[1][QUIRE_ZONE_NORMAL] < node1 - node1 / 64);
	assert_true(count->pages[1][QUIRE_ZONE_NORMAL] > node1 - node1 / 64 - 512);
	assert_int_equal(ledger.releases.count, 2);
	linux_ledger_free(&ledger);
	free(count);
	test_machine_free(m);
}

/* Gigantic pages are taken from the nodes in turn and become managed later; the engine is not to take them again. */
static void takes_gigantic_pages(void **state)
{
	struct test_machine *m = test_machine_new(QUIRE_RULES_6_1);
	struct linux_ledger ledger = { 0 };
	unsigned gigantic = 0;

	(void)state;
	m->q.config.options.hugepages[0] = (struct quire_hugepage_request){ 1 << 30, 1, QUIRE_NO_NODE };
	m->q.config.options.hugepage_count = 1;
	assert_int_equal(linux_footprint(&ledger, &m->q, false), QUIRE_OK);
	assert_int_equal(m->q.config.options.hugepage_count, 0);
	for (size_t i = 0; i < ledger.releases.count; i++)
		gigantic += ledger.releases.items[i].kind == LINUX_RELEASE_GIGANTIC &&
			    ledger.releases.items[i].size == 1 << 30;
	assert_int_equal(gigantic, 1);
	assert_true(m->q.gigantic_bytes == 1 << 30);
	linux_ledger_free(&ledger);
	test_machine_free(m);
}

/* hugetlb_cma= is a kernel's own business; the default area is the engine's, and there is one. */
static void declares_each_area_once(void **state)
{
	struct test_machine *m = test_machine_new(QUIRE_RULES_6_12);
	struct linux_ledger ledger = { 0 };
	quire_phys_t sizes[2] = { 0 };

	(void)state;
	m->q.config.cma_enabled = true;
	m->q.config.cma_default_size = 64 << 20;
	m->q.config.options.hugetlb_cma = 1 << 30;
	assert_int_equal(linux_footprint(&ledger, &m->q, false), QUIRE_OK);
	assert_int_equal(quire_boot_until(&m->q, QUIRE_STAGE_ZONES), QUIRE_OK);
	assert_int_equal(m->q.cma_count, 2);
	for (size_t i = 0; i < 2; i++)
		sizes[strcmp(m->q.cma[i].name, "hugetlb") == 0] = m->q.cma[i].count << 12;
	assert_true(sizes[0] == 64 << 20);
	assert_true(sizes[1] == 1 << 30);
	linux_ledger_free(&ledger);
	test_machine_free(m);
}

/* Ranges are counted in whole pages, only where there is memory, in the zone that holds it. */
static void counts_by_zone(void **state)
{
	struct test_machine *m = test_machine_new(QUIRE_RULES_6_12);
	struct linux_count *count = calloc(1, sizeof(*count));

	(void)state;
	assert_int_equal(quire_boot_until(&m->q, QUIRE_STAGE_ZONES), QUIRE_OK);
	linux_count_range(&m->q, count, 0x13ffff800, 0x2000);
	assert_int_equal(count->pages[0][QUIRE_ZONE_NORMAL], 0);
	assert_int_equal(count->pages[1][QUIRE_ZONE_NORMAL], 1);
	linux_count_range(&m->q, count, 0x13fffe000, 0x4000);
	assert_int_equal(count->pages[0][QUIRE_ZONE_NORMAL], 2);
	assert_int_equal(count->pages[1][QUIRE_ZONE_NORMAL], 3);
	/* From below the DMA border to above it, and over the hole below 4 GiB. */
	linux_count_range(&m->q, count, 0xfff000, 0x2000);
	linux_count_range(&m->q, count, 0x7ffff000, 0x80002000);
	assert_int_equal(count->pages[0][QUIRE_ZONE_DMA], 1);
	assert_int_equal(count->pages[0][QUIRE_ZONE_DMA32], 2);
	assert_int_equal(count->pages[0][QUIRE_ZONE_NORMAL], 3);
	assert_int_equal(linux_count_total(count), 9);
	free(count);
	test_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_descriptors),
		cmocka_unit_test(takes_gigantic_pages),
		cmocka_unit_test(declares_each_area_once),
		cmocka_unit_test(counts_by_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
