/* The hosted port: lookups at the edges of RAM, the window as a second view of the same frames, faults, workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "hosted.h"

#define TiB (1ull << 40)
#define GiB (1ull << 30)
#define MiB (1ull << 20)

static struct quire_config config = {
	.arch = QUIRE_ARCH_X86_64, .page_stride = 16, .geometry = { 12, 27, 52, 10, 10, 9, 64 },
};

static struct quire_hosted *create(const struct quire_hosted_range *ranges, size_t count, uint32_t flags)
{
	struct quire_hosted_options options = { .config = &config, .flags = flags };
	struct quire_hosted *h = NULL;

	assert_int_equal(quire_hosted_create(ranges, count, &options, &h), QUIRE_OK);
	return h;
}

static void test_edges_of_ram(void **state)
{
	/* Unsorted, overlapping, touching, one smaller than a page, one not page aligned. */
	static const struct quire_hosted_range ranges[] = {
		{ 16 * MiB, 4 * MiB }, { 0x1000, 0x9e000 }, { 18 * MiB, 4 * MiB }, { 22 * MiB, MiB }, { 0x100010, 0x7ff0 },
		{ 0x200010, 0xff0 }, { 4 * GiB, 0 },
	};
	struct quire_hosted *h = create(ranges, 7, 0);
	const struct quire_platform *p = quire_hosted_platform(h);
	char *low;

	(void)state;
	assert_null(p->phys_to_virt(p->ctx, 0, 1));
	low = p->phys_to_virt(p->ctx, 0x1000, 0x9e000);
	assert_non_null(low);
	assert_null(p->phys_to_virt(p->ctx, 0x1000, 0x9e001));
	assert_ptr_equal(p->phys_to_virt(p->ctx, 0x9efff, 1), low + 0x9dfff);
	assert_null(p->phys_to_virt(p->ctx, 0x9f000, 1));
	assert_non_null(p->phys_to_virt(p->ctx, 16 * MiB, 7 * MiB));
	assert_null(p->phys_to_virt(p->ctx, 23 * MiB - 1, 2));
	assert_null(p->phys_to_virt(p->ctx, 0x100010, 1));
	assert_non_null(p->phys_to_virt(p->ctx, 0x101000, 0x7000));
	assert_null(p->phys_to_virt(p->ctx, 0x200010, 1));
	assert_null(p->phys_to_virt(p->ctx, 23 * MiB - 1, UINT64_MAX));
	memset(low, 0x5a, 0x9e000);
	assert_int_equal(low[0x9dfff], 0x5a);
	quire_hosted_destroy(h);
}

/* Map entries that wrap or go beyond the widest address end there; the window still covers what is left of them. */
static void test_machine_beyond_limit(void **state)
{
	struct quire_memory_range map[] = {
		{ .base = MiB, .size = GiB, .type = QUIRE_MEMORY_RAM },
		{ .base = (1ull << 52) - GiB, .size = UINT64_MAX - 5, .type = QUIRE_MEMORY_RAM },
		{ .base = 1ull << 60, .size = GiB, .type = QUIRE_MEMORY_RAM },
		{ .base = 1ull << 51, .size = 1ull << 63, .type = QUIRE_MEMORY_RAM },
	};
	struct quire_machine machine = { .map = map, .map_count = 3, .map_max = 4 };
	struct quire_hosted_options options = { .config = &config };
	struct quire_hosted *h = NULL;
	const struct quire_platform *p;

	(void)state;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &h), QUIRE_OK);
	p = quire_hosted_platform(h);
	assert_non_null(p->phys_to_virt(p->ctx, MiB, GiB));
	assert_non_null(p->phys_to_virt(p->ctx, (1ull << 52) - 4096, 4096));
	assert_null(p->phys_to_virt(p->ctx, (1ull << 52) - 4096, 4097));
	assert_null(p->phys_to_virt(p->ctx, 1ull << 60, 4096));
	assert_true(p->vmemmap_size >= (1ull << 52) / 4096 * 16);
	quire_hosted_destroy(h);
	machine.map_count = 4;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &h), QUIRE_OK);
	quire_hosted_destroy(h);
}

static void test_bad_input(void **state)
{
	static const struct quire_hosted_range wraps = { UINT64_MAX - 4096, 8192 };
	struct quire_hosted_options options = { .config = &config };
	struct quire_hosted *h;

	(void)state;
	assert_int_equal(quire_hosted_create(&wraps, 1, &options, &h), QUIRE_EINVAL);
	options.config = NULL;
	assert_int_equal(quire_hosted_create(NULL, 0, &options, &h), QUIRE_EINVAL);
	h = create(NULL, 0, 0);
	assert_null(quire_hosted_platform(h)->vmemmap_base);
	quire_hosted_destroy(h);
	quire_hosted_destroy(NULL);
}

/* 64 TiB with its top at the end of 52 bits: nothing is resident but what was touched. */
static void test_huge_machine(void **state)
{
	static const struct quire_hosted_range ranges[] = { { 0, 32 * TiB }, { 4064 * TiB, 32 * TiB } };
	struct quire_hosted *h = create(ranges, 2, 0);
	const struct quire_platform *p = quire_hosted_platform(h);
	char *last = p->phys_to_virt(p->ctx, 4096 * TiB - 4096, 4096);

	(void)state;
	assert_non_null(last);
	last[4095] = 1;
	assert_non_null(p->phys_to_virt(p->ctx, 32 * TiB - 4096, 4096));
	assert_in_range(quire_hosted_resident(h), 4096, 4 * MiB);
	assert_non_null(p->vmemmap_base);
	assert_true(p->vmemmap_size >= ((4096 * TiB) >> 12) * 16);
	quire_hosted_destroy(h);
}

/* What is written through the window is in the frames, and the other way round. */
static void test_window_is_ram(void **state)
{
	static const struct quire_hosted_range ram = { 0, 64 * MiB };
	struct quire_hosted *h = create(&ram, 1, 0);
	const struct quire_platform *p = quire_hosted_platform(h);
	char *window = p->vmemmap_base, *direct = p->phys_to_virt(p->ctx, 6 * MiB, 4 * MiB);

	(void)state;
	assert_int_equal((uintptr_t)window % (2 * MiB), 0);
	assert_int_equal(p->vmemmap_map(p->ctx, window, 6 * MiB, 2 * MiB), QUIRE_OK);
	strcpy(window + 4096, "through the window");
	assert_string_equal(direct + 4096, "through the window");
	assert_int_equal(quire_hosted_window_mapped(h), 2 * MiB);
	p->vmemmap_unmap(p->ctx, window, 2 * MiB);
	assert_int_equal(quire_hosted_window_mapped(h), 0);
	assert_int_equal(p->vmemmap_map(p->ctx, window + 8192, 9 * MiB, 4096), QUIRE_OK);
	assert_int_equal(window[8192], 0);
	/* Beyond the window, beyond RAM. */
	assert_int_equal(p->vmemmap_map(p->ctx, window + p->vmemmap_size, 0, 4096), QUIRE_ERANGE);
	assert_int_equal(p->vmemmap_map(p->ctx, window - 4096, 0, 4096), QUIRE_ERANGE);
	assert_int_equal(p->vmemmap_map(p->ctx, window, 63 * MiB, 2 * MiB), QUIRE_ERANGE);
	quire_hosted_destroy(h);

	h = create(&ram, 1, QUIRE_HOSTED_NO_HUGE);
	p = quire_hosted_platform(h);
	assert_int_equal(p->vmemmap_map(p->ctx, p->vmemmap_base, 0, 2 * MiB), QUIRE_EUNSUPPORTED);
	assert_int_equal(p->vmemmap_map(p->ctx, p->vmemmap_base, 0, 4096), QUIRE_OK);
	quire_hosted_destroy(h);
	h = create(&ram, 1, QUIRE_HOSTED_NO_VMEMMAP);
	assert_null(quire_hosted_platform(h)->vmemmap_map);
	quire_hosted_destroy(h);
}

static void test_outside_metadata(void **state)
{
	static const struct quire_hosted_range ram = { 0, 64 * MiB };
	static const size_t sizes[] = { 1, 100, 4096, 300000, 5 * MiB }, aligns[] = { 1, 16, 4096, 65536, 2 * MiB };
	struct quire_hosted *h = create(&ram, 1, QUIRE_HOSTED_OUTSIDE_METADATA);
	const struct quire_platform *p = quire_hosted_platform(h);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned j = 0; j < 5; j++) {
			char *m = p->meta_alloc(p->ctx, sizes[i], aligns[j], QUIRE_NO_NODE);

			assert_non_null(m);
			assert_int_equal((uintptr_t)m % aligns[j], 0);
			assert_true(!m[0] && !m[sizes[i] - 1]);
			memset(m, 1, sizes[i]);
			assert_int_equal(quire_hosted_outside(h), sizes[i]);
			p->meta_free(p->ctx, m, sizes[i]);
		}
	}
	assert_int_equal(quire_hosted_outside(h), 0);
	assert_int_equal(quire_hosted_resident(h), 0);
	quire_hosted_destroy(h);
}

static void test_faults(void **state)
{
	static const struct quire_hosted_range ram = { 0, 64 * MiB };
	struct quire_hosted *h = create(&ram, 1, QUIRE_HOSTED_OUTSIDE_METADATA);
	const struct quire_platform *p = quire_hosted_platform(h);

	(void)state;
	quire_hosted_fail(h, QUIRE_HOSTED_PHYS_TO_VIRT, 2);
	assert_non_null(p->phys_to_virt(p->ctx, 0, 1));
	assert_null(p->phys_to_virt(p->ctx, 0, 1));
	assert_non_null(p->phys_to_virt(p->ctx, 0, 1));
	assert_int_equal(quire_hosted_calls(h, QUIRE_HOSTED_PHYS_TO_VIRT), 3);
	quire_hosted_fail(h, QUIRE_HOSTED_META_ALLOC, 1);
	assert_null(p->meta_alloc(p->ctx, 64, 16, 0));
	quire_hosted_fail(h, QUIRE_HOSTED_VMEMMAP_MAP, 1);
	assert_int_equal(p->vmemmap_map(p->ctx, p->vmemmap_base, 0, 4096), QUIRE_EPLATFORM);
	assert_int_equal(p->vmemmap_map(p->ctx, p->vmemmap_base, 0, 4096), QUIRE_OK);
	quire_hosted_destroy(h);
}

static void test_add_ram(void **state)
{
	static const struct quire_hosted_range ranges[] = { { 0, 64 * MiB }, { 4 * GiB, GiB } };
	struct quire_hosted *h = create(ranges, 2, 0);
	const struct quire_platform *p = quire_hosted_platform(h);
	char *old = p->phys_to_virt(p->ctx, 4 * GiB, 4096), *new;

	(void)state;
	strcpy(old, "was there before");
	assert_int_equal(quire_hosted_add_ram(h, 32 * MiB, GiB), QUIRE_EEXIST);
	assert_int_equal(quire_hosted_add_ram(h, 4 * GiB - 4096, 8192), QUIRE_EEXIST);
	assert_int_equal(quire_hosted_add_ram(h, 3 * GiB, 100), QUIRE_EINVAL);
	assert_int_equal(quire_hosted_add_ram(h, 2 * GiB, GiB), QUIRE_OK);
	assert_int_equal(quire_hosted_add_ram(h, 8 * GiB, GiB), QUIRE_OK);
	new = p->phys_to_virt(p->ctx, 2 * GiB, GiB);
	assert_non_null(new);
	new[0] = 7;
	assert_string_equal(p->phys_to_virt(p->ctx, 4 * GiB, 4096), "was there before");
	quire_hosted_destroy(h);
}

static void test_direct_map_end(void **state)
{
	static const struct quire_hosted_range ram = { 0, 2 * GiB };
	struct quire_hosted_options options = { .config = &config, .direct_map_end = 896 * MiB };
	const struct quire_platform *p;
	struct quire_hosted *h;

	(void)state;
	assert_int_equal(quire_hosted_create(&ram, 1, &options, &h), QUIRE_OK);
	p = quire_hosted_platform(h);
	assert_non_null(p->phys_to_virt(p->ctx, 896 * MiB - 4096, 4096));
	assert_null(p->phys_to_virt(p->ctx, 896 * MiB - 4096, 4097));
	assert_null(p->phys_to_virt(p->ctx, 896 * MiB, 1));
	quire_hosted_destroy(h);
}

struct seen { const struct quire_platform *p; unsigned cpu[8]; };

static void worker(void *arg, unsigned number)
{
	struct seen *seen = arg;
	unsigned long guard;

	seen->cpu[number] = seen->p->cpu_enter(seen->p->ctx, &guard) + 1;
	seen->p->cpu_leave(seen->p->ctx, guard);
}

static void test_workers(void **state)
{
	static const struct quire_hosted_range ram = { 0, MiB };
	struct quire_hosted *h = create(&ram, 1, 0);
	struct seen seen = { .p = quire_hosted_platform(h) };

	(void)state;
	seen.p->run_parallel(seen.p->ctx, worker, &seen, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(seen.cpu[i], i + 1);
	quire_hosted_bind_cpu(5);
	seen.p->run_parallel(seen.p->ctx, worker, &seen, 1);
	assert_int_equal(seen.cpu[0], 6);
	quire_hosted_bind_cpu(0);
	assert_true(seen.p->now_ns(seen.p->ctx) <= seen.p->now_ns(seen.p->ctx));
	quire_hosted_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges_of_ram),   cmocka_unit_test(test_machine_beyond_limit),
		cmocka_unit_test(test_bad_input),      cmocka_unit_test(test_huge_machine),
		cmocka_unit_test(test_window_is_ram),  cmocka_unit_test(test_outside_metadata),
		cmocka_unit_test(test_faults),	       cmocka_unit_test(test_add_ram),
		cmocka_unit_test(test_direct_map_end), cmocka_unit_test(test_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
