/*
 * Device memory: registered, described, used and given up, under every model and policy; never the allocator's; what makes
 * no sense or fails leaves nothing behind.
 */
#include "booted.h"

#include "device/device.h"

#define PMEM (4 * GIB >> 12)
#define SECTION 0x8000ull		/* frames of 128 MiB */

static const struct quire_device_range one_section[] = { { PMEM, SECTION } };
static const struct quire_device_range two_ranges[] = { { PMEM, SECTION }, { PMEM + 4 * SECTION, 2 * SECTION } };

struct driver {
	unsigned freed;
	quire_pfn_t pfn;
	enum quire_status failing;
	quire_pfn_t failed;
};

static void page_free(void *ctx, quire_pfn_t pfn, struct quire_page *page)
{
	struct driver *d = ctx;

	assert_non_null(page);
	d->freed++;
	d->pfn = pfn;
}

static enum quire_status failing(void *ctx, quire_pfn_t pfn)
{
	struct driver *d = ctx;

	d->failed = pfn;
	return d->failing;
}

static struct quire_device device_of(struct driver *driver, enum quire_device_type type,
				     const struct quire_device_range *ranges, size_t n)
{
	return (struct quire_device){ .name = "pmem0", .type = type, .nid = 0, .ranges = ranges, .range_count = n,
				      .page_free = page_free, .failing = failing, .ctx = driver };
}

static struct booted *open_machine(enum quire_model model, enum quire_init_policy init, uint32_t hosted)
{
	const struct booted_options options = { .model = model, .model_given = true, .init = init, .hosted = hosted,
						.highest_address = 16 * GIB };

	return booted_open(&options);
}

static const struct quire_zone *device_zone(const struct booted *b)
{
	return &b->q.topology.nodes[0]->zones[QUIRE_ZONE_DEVICE];
}

static __attribute__((noinline)) struct quire_page *page_at(struct booted *b, quire_pfn_t pfn)
{
	return quire_pfn_to_page(&b->q.memmap, pfn);
}

static void expect_no_device(struct booted *b, const struct quire_node *before)
{
	const struct quire_node *node = b->q.topology.nodes[0];

	assert_int_equal(device_zone(b)->spanned, 0);
	assert_int_equal(device_zone(b)->start_pfn, 0);
	assert_int_equal(node->start_pfn, before->start_pfn);
	assert_int_equal(node->end_pfn, before->end_pfn);
	assert_int_equal(node->spanned, before->spanned);
	assert_false(quire_pfn_valid(&b->q.memmap, PMEM));
	assert_null(quire_device_of(&b->q, PMEM));
	booted_check(b);
}

static void use_frames(struct booted *b, struct quire_device *device, struct driver *driver)
{
	struct quire_page *page = page_at(b, PMEM + 5);
	bool handed = device->type == QUIRE_DEVICE_PRIVATE || device->type == QUIRE_DEVICE_COHERENT;
	struct quire_page *got;
	quire_pfn_t busy = 0;

	assert_int_equal(quire_page_refs(page), !handed);
	assert_int_equal(quire_page_zone(&b->q.memmap, page), QUIRE_ZONE_DEVICE);
	assert_int_equal(quire_page_nid(&b->q.memmap, page), 0);
	assert_int_equal(page->owner, (uintptr_t)device);
	assert_int_equal(quire_page_to_pfn(&b->q.memmap, page), PMEM + 5);
	assert_null(quire_pfn_to_online_page(&b->q.memmap, PMEM + 5));
	/* Nobody has a reference to drop. */
	assert_int_equal(quire_put_page(&b->q, page), QUIRE_EEXIST);
	if (handed) {
		assert_int_equal(quire_device_take(&b->q, device, PMEM + 5, &got), QUIRE_OK);
		assert_ptr_equal(got, page);
		assert_int_equal(quire_device_take(&b->q, device, PMEM + 5, &got), QUIRE_EBUSY);
	} else {
		assert_int_equal(quire_device_take(&b->q, device, PMEM + 5, &got), QUIRE_EINVAL);
		quire_page_get(page);
	}
	quire_page_get(page);
	page->owner = 1;
	assert_int_equal(quire_device_remove(&b->q, device, &busy), QUIRE_EBUSY);
	assert_int_equal(busy, PMEM + 5);
	driver->freed = 0;
	assert_int_equal(quire_put_page(&b->q, page), QUIRE_OK);
	assert_int_equal(driver->freed, 0);
	assert_int_equal(quire_free_pages(&b->q, page, 0), QUIRE_OK);
	assert_int_equal(driver->freed, 1);
	assert_int_equal(driver->pfn, PMEM + 5);
	assert_int_equal(page->owner, (uintptr_t)device);
	assert_int_equal(quire_put_page(&b->q, page), QUIRE_EEXIST);
	assert_int_equal(driver->freed, 1);
}

static void devices_come_and_go(void **state)
{
	static const enum quire_model models[] = { QUIRE_MODEL_SPARSEMEM, QUIRE_MODEL_SPARSEMEM_EXTREME,
						   QUIRE_MODEL_SPARSEMEM_VMEMMAP };

	(void)state;
	for (unsigned m = 0; m < 3; m++)
		for (unsigned init = 0; init < 3; init++)
			for (unsigned type = QUIRE_DEVICE_PRIVATE; type <= QUIRE_DEVICE_PCI_P2PDMA; type++) {
				struct booted *b = open_machine(models[m], (enum quire_init_policy)init, 0);
				struct quire_node before = *b->q.topology.nodes[0];
				uint64_t managed = booted_managed(b);
				struct driver driver = { 0 };
				struct quire_device device = device_of(&driver, (enum quire_device_type)type, two_ranges, 2);

				assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
				assert_int_equal(device_zone(b)->start_pfn, PMEM);
				assert_int_equal(device_zone(b)->spanned, 6 * SECTION);
				assert_int_equal(device_zone(b)->present, 0);
				assert_int_equal(b->q.topology.nodes[0]->end_pfn, PMEM + 6 * SECTION);
				assert_ptr_equal(quire_device_of(&b->q, PMEM + SECTION - 1), &device);
				assert_null(quire_device_of(&b->q, PMEM + SECTION));
				assert_int_equal(booted_managed(b), managed);
				booted_check(b);
				use_frames(b, &device, &driver);
				assert_int_equal(quire_free_frames(&b->q, PMEM, 0), QUIRE_ENOENT);
				assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
				assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_ENOENT);
				expect_no_device(b, &before);
				booted_close(b);
			}
}

/* Sub-sections of one section belong to different devices; the zone spans them all, and shrinks again. */
static void devices_share_a_section(void **state)
{
	const struct quire_device_range first[] = { { PMEM + 512, 512 } }, second[] = { { PMEM + 2048, 1024 } };
	struct booted *b = open_machine(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, 0);
	struct quire_node before = *b->q.topology.nodes[0];
	struct driver driver = { 0 };
	struct quire_device a = device_of(&driver, QUIRE_DEVICE_FS_DAX, first, 1);
	struct quire_device c = device_of(&driver, QUIRE_DEVICE_PRIVATE, second, 1);

	(void)state;
	assert_int_equal(quire_device_add(&b->q, &a), QUIRE_OK);
	assert_int_equal(quire_device_add(&b->q, &c), QUIRE_OK);
	assert_false(quire_pfn_valid(&b->q.memmap, PMEM));
	assert_true(quire_pfn_valid(&b->q.memmap, PMEM + 512));
	assert_false(quire_pfn_valid(&b->q.memmap, PMEM + 1024));
	assert_int_equal(device_zone(b)->start_pfn, PMEM + 512);
	assert_int_equal(device_zone(b)->spanned, 2560);
	booted_check(b);
	assert_int_equal(quire_device_remove(&b->q, &a, NULL), QUIRE_OK);
	assert_int_equal(device_zone(b)->start_pfn, PMEM + 2048);
	assert_int_equal(device_zone(b)->spanned, 1024);
	booted_check(b);
	assert_int_equal(quire_device_remove(&b->q, &c, NULL), QUIRE_OK);
	expect_no_device(b, &before);
	booted_close(b);
}

/* Right behind RAM, in a section that RAM has begun. */
static void a_device_beside_ram(void **state)
{
	const struct booted_options options = { .model = QUIRE_MODEL_SPARSEMEM_VMEMMAP, .model_given = true, .map_count = 1,
						.map = { { .base = MIB, .size = 199 * MIB, .nid = QUIRE_NO_NODE } } };
	const struct quire_device_range range[] = { { 200 * MIB >> 12, 4 * MIB >> 12 } };
	struct booted *b = booted_open(&options);
	struct driver driver = { 0 };
	struct quire_device device = device_of(&driver, QUIRE_DEVICE_GENERIC, range, 1);
	struct quire_page *page;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
		page = page_at(b, range[0].pfn);
		assert_int_equal(quire_page_zone(&b->q.memmap, page), QUIRE_ZONE_DEVICE);
		assert_null(quire_pfn_to_online_page(&b->q.memmap, range[0].pfn));
		booted_check(b);
		quire_page_get(page);
		assert_int_equal(quire_put_page(&b->q, page), QUIRE_OK);
		assert_int_equal(driver.freed, round + 1);
		assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
		booted_check(b);
	}
	booted_close(b);
}

/* Descriptors at the start of the range itself. */
static void descriptors_inside(void **state)
{
	struct booted_options options = { .model = QUIRE_MODEL_SPARSEMEM_VMEMMAP, .model_given = true, .map_count = 2,
					  .map = { { .base = MIB, .size = 255 * MIB, .nid = QUIRE_NO_NODE },
						   { .base = 4 * GIB, .size = 128 * MIB, .type = QUIRE_MEMORY_RESERVED } } };
	struct booted *b = booted_open(&options);
	struct quire_altmap altmap = { .base = PMEM, .reserve = 2, .free = 510 };
	struct driver driver = { 0 };
	struct quire_device device = device_of(&driver, QUIRE_DEVICE_FS_DAX, one_section, 1);
	uint64_t descriptors = b->q.metadata.descriptors;

	(void)state;
	device.altmap = &altmap;
	assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
	assert_true(altmap.alloc > 0);
	/* Those frames are nobody's. */
	assert_true(quire_page_test(page_at(b, PMEM + 511), QUIRE_PAGE_RESERVED));
	assert_false(quire_page_test(page_at(b, PMEM + 512), QUIRE_PAGE_RESERVED));
	assert_int_equal(quire_page_refs(page_at(b, PMEM + 512)), 1);
	booted_check(b);
	assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
	assert_int_equal(altmap.alloc, 0);
	assert_int_equal(b->q.metadata.descriptors, descriptors);
	booted_close(b);
}

static void refused(struct booted *b, struct quire_device *device, enum quire_status status, const char *why)
{
	b->told[0] = '\0';
	assert_int_equal(quire_device_add(&b->q, device), status);
	assert_non_null(strstr(b->told, why));
	booted_check(b);
}

static void nonsense_is_refused(void **state)
{
	const struct quire_device_range odd[] = { { PMEM + 1, 512 } }, none[] = { { PMEM, 0 } };
	const struct quire_device_range short_one[] = { { PMEM, 511 } }, far_away[] = { { 1ull << 44, 512 } };
	const struct quire_device_range wraps[] = { { UINT64_MAX - 511, 1024 } }, ram[] = { { 0x8000, 512 } };
	const struct quire_device_range twice[] = { { PMEM, 1024 }, { PMEM + 512, 512 } };
	struct booted *b = open_machine(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER, 0);
	struct quire_node before = *b->q.topology.nodes[0];
	struct driver driver = { 0 };
	struct quire_device device = device_of(&driver, QUIRE_DEVICE_FS_DAX, one_section, 1), other, broken;
	struct quire_altmap altmap = { .base = PMEM + 512, .free = 512 };

	(void)state;
	assert_int_equal(quire_device_add(&b->q, NULL), QUIRE_EINVAL);
	broken = device;
	broken.name = NULL;
	refused(b, &broken, QUIRE_EINVAL, "no name");
	broken = device;
	broken.type = 6;
	refused(b, &broken, QUIRE_EINVAL, "no such type");
	broken = device;
	broken.type = QUIRE_DEVICE_PRIVATE;
	broken.page_free = NULL;
	refused(b, &broken, QUIRE_EINVAL, "needs page_free");
	broken = device;
	broken.nid = 3;
	refused(b, &broken, QUIRE_ENOENT, "no such node");
	broken = device;
	broken.ranges = odd;
	refused(b, &broken, QUIRE_EINVAL, "whole sub-sections");
	broken.ranges = none;
	refused(b, &broken, QUIRE_EINVAL, "whole sub-sections");
	broken.ranges = short_one;
	refused(b, &broken, QUIRE_EINVAL, "whole sub-sections");
	broken.ranges = wraps;
	refused(b, &broken, QUIRE_EINVAL, "wraps");
	broken.ranges = far_away;
	refused(b, &broken, QUIRE_ERANGE, "no room");
	broken.ranges = ram;
	refused(b, &broken, QUIRE_EEXIST, "touches RAM");
	broken.ranges = twice;
	broken.range_count = 2;
	refused(b, &broken, QUIRE_EINVAL, "overlap");
	broken.ranges = two_ranges;
	broken.altmap = &altmap;
	refused(b, &broken, QUIRE_EINVAL, "one range only");
	broken = device;
	broken.altmap = &altmap;
	refused(b, &broken, QUIRE_EINVAL, "not of its range");
	expect_no_device(b, &before);
	assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
	refused(b, &device, QUIRE_EEXIST, "already");
	other = device_of(&driver, QUIRE_DEVICE_GENERIC, two_ranges, 2);
	refused(b, &other, QUIRE_EEXIST, "another device");
	assert_int_equal(quire_device_remove(&b->q, &other, NULL), QUIRE_ENOENT);
	assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
	booted_close(b);
	b = open_machine(QUIRE_MODEL_FLATMEM, QUIRE_INIT_EAGER, 0);
	refused(b, &device, QUIRE_EUNSUPPORTED, "no room");
	booted_close(b);
}

/* A failing frame is told to the driver, and known from then on. */
static void a_frame_fails(void **state)
{
	struct booted *b = open_machine(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, 0);
	struct driver driver = { .failing = QUIRE_OK };
	struct quire_device device = device_of(&driver, QUIRE_DEVICE_FS_DAX, one_section, 1);
	enum quire_poison_result result;

	(void)state;
	assert_int_equal(quire_device_add(&b->q, &device), QUIRE_OK);
	assert_int_equal(quire_poison_frame(&b->q, PMEM + 9, QUIRE_POISON_TEST, &result), QUIRE_OK);
	assert_int_equal(result, QUIRE_POISON_RECOVERED);
	assert_int_equal(driver.failed, PMEM + 9);
	assert_true(quire_page_test(page_at(b, PMEM + 9), QUIRE_PAGE_POISON));
	driver.failing = QUIRE_EPERM;
	assert_int_equal(quire_poison_frame(&b->q, PMEM + 10, QUIRE_POISON_TEST, &result), QUIRE_EBUSY);
	assert_int_equal(result, QUIRE_POISON_FAILED);
	device.failing = NULL;
	assert_int_equal(quire_poison_frame(&b->q, PMEM + 11, QUIRE_POISON_TEST, &result), QUIRE_EBUSY);
	assert_int_equal(result, QUIRE_POISON_IGNORED);
	assert_int_equal(quire_unpoison_frame(&b->q, PMEM + 9), QUIRE_OK);
	assert_false(quire_page_test(page_at(b, PMEM + 9), QUIRE_PAGE_POISON));
	assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
	booted_close(b);
}

/* Room for descriptors, tables and mappings fails at every n-th call: all of it is undone. */
static void rollback_at_every_call(void **state)
{
	static const enum quire_hosted_call calls[] = { QUIRE_HOSTED_META_ALLOC, QUIRE_HOSTED_VMEMMAP_MAP,
							QUIRE_HOSTED_PHYS_TO_VIRT };

	(void)state;
	for (unsigned m = 0; m < 2; m++)
		for (unsigned c = 0; c < 3; c++) {
			struct booted *b = open_machine(m ? QUIRE_MODEL_SPARSEMEM_EXTREME : QUIRE_MODEL_SPARSEMEM_VMEMMAP,
							QUIRE_INIT_EAGER, c ? 0 : QUIRE_HOSTED_OUTSIDE_METADATA);
			struct quire_node before = *b->q.topology.nodes[0];
			struct driver driver = { 0 };
			struct quire_device device = device_of(&driver, QUIRE_DEVICE_FS_DAX, two_ranges, 2);
			uint64_t descriptors = b->q.metadata.descriptors, calls_before;
			enum quire_status status = QUIRE_ENOMEM;
			unsigned n;

			for (n = 1; status != QUIRE_OK; n++) {
				calls_before = quire_hosted_calls(b->host, calls[c]);
				quire_hosted_fail(b->host, calls[c], n);
				status = quire_device_add(&b->q, &device);
				quire_hosted_fail(b->host, calls[c], 0);
				if (status == QUIRE_OK && quire_hosted_calls(b->host, calls[c]) - calls_before >= n) {
					/* It found another way. */
					assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
					status = QUIRE_ENOMEM;
				}
				if (status == QUIRE_OK)
					break;
				expect_no_device(b, &before);
				assert_int_equal(b->q.metadata.descriptors, descriptors);
				assert_true(n < 5000);
			}
			assert_int_equal(quire_device_remove(&b->q, &device, NULL), QUIRE_OK);
			expect_no_device(b, &before);
			booted_close(b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_come_and_go),
		cmocka_unit_test(devices_share_a_section),
		cmocka_unit_test(a_device_beside_ram),
		cmocka_unit_test(descriptors_inside),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_frame_fails),
		cmocka_unit_test(rollback_at_every_call),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
