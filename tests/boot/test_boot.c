/*
 * The whole road on memory that really is there: a small machine of this process's own pages, metadata inside it, every
 * sparse model and every init policy. What the engine hands out is overwritten, so that any frame it gave away and still
 * uses shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <quire/page_alloc.h>
#include <quire/quire.h>

#define RAM_SIZE (96ull << 20)
#define HOLE_BASE (40ull << 20)
#define HOLE_SIZE (3ull << 20)
#define PAGE 4096ull

static char *ram;
static unsigned calls_until_failure;	/* 0: never */
static unsigned calls;
static struct quire q;

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	calls++;
	if (calls_until_failure && calls >= calls_until_failure)
		return NULL;
	return phys < RAM_SIZE && size <= RAM_SIZE - phys ? ram + phys : NULL;
}

static void panic(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("panic: %s", text);
	abort();
}

static const struct quire_platform platform = { .phys_to_virt = phys_to_virt, .panic = panic };

static struct quire_memory_range map[8];
static struct quire_reservation reservations[4];
static struct quire_machine machine;

static void describe_machine(void)
{
	const struct quire_machine_storage storage = {
		.map = map, .map_max = 8, .reservations = reservations, .reservation_max = 4
	};

	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(&machine, 0, HOLE_BASE, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(&machine, HOLE_BASE + HOLE_SIZE, RAM_SIZE - HOLE_BASE - HOLE_SIZE, QUIRE_MEMORY_RAM, 0,
				QUIRE_NO_NODE);
	quire_machine_add_reservation(&machine, &(struct quire_reservation){
		.base = 1 << 20, .size = 2 << 20, .kind = QUIRE_RESERVE_KERNEL, .name = "kernel" });
	quire_machine_add_reservation(&machine, &(struct quire_reservation){
		.base = 50 << 20, .size = (1 << 20) + 100, .kind = QUIRE_RESERVE_INITRD, .name = "initrd" });
}

static enum quire_status boot(enum quire_model model, enum quire_init_policy init)
{
	struct quire_config config;
	enum quire_status status;

	memset(ram, 0x5a, RAM_SIZE);
	describe_machine();
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.model = model;
	config.init = init;
	config.cpus = 1;
	config.thp = false;
	status = quire_init(&q, &config, &machine, &platform);
	return status == QUIRE_OK ? quire_boot(&q) : status;
}

/* Everything that can be had, order by order from `order` down; each frame is overwritten. Frames are 4 KiB each. */
struct taken {
	quire_pfn_t pfn[RAM_SIZE / PAGE];
	unsigned char order[RAM_SIZE / PAGE];
	size_t count;
	uint64_t pages;
};
static struct taken taken;
static unsigned char owned[RAM_SIZE / PAGE];

static void take_all(unsigned order)
{
	taken.count = 0;
	taken.pages = 0;
	memset(owned, 0, sizeof(owned));
	for (;; order--) {
		quire_pfn_t pfn;

		while (quire_alloc_frames(&q, QUIRE_NO_NODE, order, QUIRE_GFP_MEMALLOC | QUIRE_GFP_HIGHUSER_MOVABLE,
					  &pfn) == QUIRE_OK) {
			assert_true((pfn + (1ull << order)) * PAGE <= RAM_SIZE);
			for (quire_pfn_t i = pfn; i < pfn + (1ull << order); i++) {
				assert_false(owned[i]);
				assert_false(quire_memblock_is_reserved(&q.memblock, i * PAGE));
				assert_true(quire_pfn_initialised(&q.memmap, i));
				owned[i] = 1;
			}
			memset(ram + pfn * PAGE, 0xaa, PAGE << order);
			taken.pfn[taken.count] = pfn;
			taken.order[taken.count++] = (unsigned char)order;
			taken.pages += 1ull << order;
		}
		if (!order)
			break;
	}
}

static void give_all(void)
{
	/* Not in the order in which they came. */
	for (size_t step = 0; step < 3; step++)
		for (size_t i = step; i < taken.count; i += 3)
			assert_int_equal(quire_free_frames(&q, taken.pfn[i], taken.order[i]), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&q), QUIRE_OK);
}

static uint64_t managed(void)
{
	uint64_t sum = 0;

	for (int type = 0; type < QUIRE_ZONE_TYPES; type++)
		sum += q.topology.nodes[0]->zones[type].managed;
	return sum;
}

static void all_memory_goes_out_and_comes_back(void **state)
{
	(void)state;
	for (int model = QUIRE_MODEL_FLATMEM; model < QUIRE_MODEL_SPARSEMEM_VMEMMAP; model++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++) {
			uint64_t first;

			assert_int_equal(boot(model, init), QUIRE_OK);
			assert_int_equal(quire_check(&q), QUIRE_OK);
			take_all(9);
			first = taken.pages;
			/* All but a few per cent of what is managed: nodes, fronts, descriptors to come. */
			assert_in_range(first, managed() * 95 / 100, managed());
			assert_int_equal(quire_check(&q), QUIRE_OK);
			give_all();
			assert_int_equal(quire_check(&q), QUIRE_OK);
			/* What is taken again is what was given back: nothing leaks. */
			take_all(0);
			assert_in_range(taken.pages, first * 99 / 100, first + 64);
			assert_int_equal(quire_check(&q), QUIRE_OK);
			give_all();
			quire_fini(&q);
		}
}

static void lazy_memory_has_no_descriptors_before_it_is_taken(void **state)
{
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(boot(QUIRE_MODEL_SPARSEMEM_EXTREME, QUIRE_INIT_LAZY), QUIRE_OK);
	assert_int_equal(q.memmap.stats.initialised, 0);
	assert_int_equal(quire_alloc_frames(&q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_true(quire_pfn_initialised(&q.memmap, pfn));
	assert_true(q.memmap.stats.initialised < managed() / 4);
	assert_int_equal(quire_page_to_pfn(&q.memmap, quire_pfn_to_page(&q.memmap, pfn)), pfn);
	assert_int_equal(quire_free_frames(&q, pfn, 0), QUIRE_OK);
	quire_fini(&q);
}

static void an_initrd_comes_back_late(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(boot(QUIRE_MODEL_SPARSEMEM, QUIRE_INIT_EAGER), QUIRE_OK);
	before = managed();
	assert_true(quire_memblock_is_reserved(&q.memblock, 50 << 20));
	/* 100 bytes more than 256 pages: the page they share with nobody is not whole. */
	assert_int_equal(quire_free_late(&q, 50 << 20, (1 << 20) + 100), QUIRE_OK);
	assert_int_equal(managed(), before + 256);
	assert_int_equal(quire_free_late(&q, 50 << 20, PAGE), QUIRE_EEXIST);
	assert_int_equal(quire_free_late(&q, HOLE_BASE, PAGE), QUIRE_ENOENT);
	assert_int_equal(quire_free_late(&q, QUIRE_PHYS_MAX - 1, PAGE), QUIRE_EINVAL);
	assert_int_equal(managed(), before + 256);
	assert_int_equal(quire_check(&q), QUIRE_OK);
	quire_fini(&q);
}

static void stages_can_be_taken_one_by_one(void **state)
{
	struct quire_config config;
	quire_phys_t mine = 0;

	(void)state;
	describe_machine();
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	config.model = QUIRE_MODEL_SPARSEMEM;
	assert_int_equal(quire_init(&q, &config, &machine, &platform), QUIRE_OK);
	assert_int_equal(quire_free_late(&q, 1 << 20, PAGE), QUIRE_EINVAL);
	for (int stage = QUIRE_STAGE_MEMBLOCK; stage < QUIRE_STAGES; stage++) {
		assert_int_equal(quire_boot_until(&q, stage), QUIRE_OK);
		assert_int_equal(q.stage, stage);
		assert_int_equal(quire_check(&q), QUIRE_OK);
		if (stage != QUIRE_STAGE_NODES)
			continue;
		mine = quire_memblock_phys_alloc(&q.memblock, 1 << 20, 1 << 20);
		assert_true(mine);
	}
	take_all(3);
	for (quire_phys_t at = mine; at < mine + (1 << 20); at += PAGE)
		assert_false(owned[at / PAGE]);
	quire_fini(&q);
}

/* The n-th request for a mapping fails, for every n: either boot says so and can be tried again, or it did without. */
static void every_mapping_may_fail(void **state)
{
	bool booted = false;

	(void)state;
	for (unsigned n = 1; !booted; n++) {
		enum quire_status status;
		struct quire_config config;

		assert_true(n < 200);
		describe_machine();
		quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
		config.model = QUIRE_MODEL_SPARSEMEM_EXTREME;
		config.init = QUIRE_INIT_EAGER;
		assert_int_equal(quire_init(&q, &config, &machine, &platform), QUIRE_OK);
		calls = 0;
		calls_until_failure = n;
		status = quire_boot(&q);
		calls_until_failure = 0;
		booted = status == QUIRE_OK;
		if (!booted) {
			assert_true(q.stage < QUIRE_STAGE_WATERMARKS);
			assert_int_equal(quire_check(&q), QUIRE_OK);
			assert_int_equal(quire_boot(&q), QUIRE_OK);
		}
		assert_int_equal(quire_check(&q), QUIRE_OK);
		quire_fini(&q);
	}
}

static void what_cannot_be_is_refused_with_a_status(void **state)
{
	struct quire_platform broken = platform;
	struct quire_config config;

	(void)state;
	describe_machine();
	quire_config_defaults(&config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_12);
	assert_int_equal(quire_init(&q, &config, &machine, &platform), QUIRE_EINVAL);
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	broken.phys_to_virt = NULL;
	assert_int_equal(quire_init(&q, &config, &machine, &broken), QUIRE_EINVAL);
	config.geometry.page_shift = 5;
	assert_int_not_equal(quire_init(&q, &config, &machine, &platform), QUIRE_OK);
	/* A machine without memory, and one without a window for its descriptors. */
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	machine.map_count = 0;
	assert_int_equal(quire_init(&q, &config, &machine, &platform), QUIRE_OK);
	assert_int_equal(quire_boot(&q), QUIRE_ENOMEM);
	assert_int_equal(q.stage, QUIRE_STAGE_NONE);
	describe_machine();
	config.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP;
	assert_int_equal(quire_init(&q, &config, &machine, &platform), QUIRE_OK);
	assert_int_equal(quire_boot(&q), QUIRE_EUNSUPPORTED);
	quire_fini(&q);
}

static int set_up(void **state)
{
	(void)state;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return ram == MAP_FAILED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_memory_goes_out_and_comes_back),
		cmocka_unit_test(lazy_memory_has_no_descriptors_before_it_is_taken),
		cmocka_unit_test(an_initrd_comes_back_late),
		cmocka_unit_test(stages_can_be_taken_one_by_one),
		cmocka_unit_test(every_mapping_may_fail),
		cmocka_unit_test(what_cannot_be_is_refused_with_a_status),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
