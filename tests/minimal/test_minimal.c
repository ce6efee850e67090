/*
 * A build without everything that can be left out (scripts/minimal.options) is still a memory manager: it boots, hands
 * frames out and takes them back as a model of them says, refuses what is wrong, and says so when it is asked for more
 * than it has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <quire/quire.h>

#include "hosted.h"
#include "pin_cpu.h"

#define MIB ((uint64_t)1 << 20)
#define FRAMES (256u << 8)		/* of 4 KiB, up to the highest address */
#define HELD 4096u
#define STEPS 60000u

static struct quire q;
static struct quire_hosted *host;
static struct quire_machine machine;
static struct quire_memory_range map[] = {
	{ .base = 1 * MIB, .size = 127 * MIB, .nid = QUIRE_NO_NODE },
	{ .base = 160 * MIB, .size = 96 * MIB, .nid = QUIRE_NO_NODE },
};
static struct quire_reservation kernel = {
	.base = 2 * MIB, .size = 3 * MIB, .kind = QUIRE_RESERVE_KERNEL, .name = "kernel",
};
static unsigned lines;
unsigned long minimal_entered, minimal_left;

static void count_line(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	(void)ctx;
	(void)level;
	(void)text;
	(void)length;
	lines++;
}

static struct quire_config usual_config(void)
{
	struct quire_config config;

	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	return config;
}

static int set_up(void **state)
{
	struct quire_config config = usual_config();
	struct quire_hosted_options options = { .config = &config, .log = count_line };

	(void)state;
	lines = 0;
	machine = (struct quire_machine){
		.arch = QUIRE_ARCH_X86_64, .map = map, .map_count = 2, .map_max = 2,
		.reservations = &kernel, .reservation_count = 1, .reservation_max = 1,
	};
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &machine, quire_hosted_platform(host)), QUIRE_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	quire_fini(&q);
	quire_hosted_destroy(host);
	return minimal_entered != minimal_left;
}

static uint64_t managed(void)
{
	uint64_t frames = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		frames += q.topology.nodes[0]->zones[type].managed;
	return frames;
}

/* --- the model: whose each frame is ---------------------------------------------------------------------------------- */

static struct { quire_pfn_t pfn; unsigned order; } held[HELD];
static unsigned held_count;
static bool taken[FRAMES];

static bool is_memory(quire_pfn_t pfn, unsigned order)
{
	uint64_t base = pfn << 12, end = base + (4096ull << order);

	if (base < kernel.base + kernel.size && end > kernel.base)
		return false;
	return (base >= map[0].base && end <= map[0].base + map[0].size) ||
	       (base >= map[1].base && end <= map[1].base + map[1].size);
}

static bool take(unsigned order)
{
	quire_pfn_t pfn;

	if (held_count == HELD)
		return false;
	if (quire_alloc_frames(&q, QUIRE_NO_NODE, order, QUIRE_GFP_KERNEL | QUIRE_GFP_MOVABLE, &pfn) != QUIRE_OK)
		return false;
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	assert_true(is_memory(pfn, order));
	for (unsigned i = 0; i < 1u << order; i++) {
		assert_false(taken[pfn + i]);
		taken[pfn + i] = true;
	}
	/* Each frame has a descriptor, and finds its way back. */
	assert_true(quire_page_to_pfn(&q.memmap, quire_pfn_to_page(&q.memmap, pfn)) == pfn);
	held[held_count].pfn = pfn;
	held[held_count++].order = order;
	return true;
}

static void give(unsigned at)
{
	assert_int_equal(quire_free_frames(&q, held[at].pfn, held[at].order), QUIRE_OK);
	memset(taken + held[at].pfn, 0, (size_t)1 << held[at].order);
	held[at] = held[--held_count];
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void test_takes_and_gives(void **state)
{
	uint32_t seed = 4711;
	uint64_t free_before;

	(void)state;
	held_count = 0;
	memset(taken, 0, sizeof(taken));
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	assert_int_equal(quire_check(&q), QUIRE_OK);
	free_before = quire_topology_total_pages(&q.topology);
	assert_true(managed() > 50000 && managed() <= (127 - 3 + 96) * 256);
	for (unsigned step = 0; step < STEPS; step++) {
		bool full = step / 4096 % 2;		/* waves of more and of less */

		if (next_random(&seed) % 8 < (full ? 3u : 5u))
			take(next_random(&seed) % 4 ? 0 : next_random(&seed) % 11);
		else if (held_count)
			give(next_random(&seed) % held_count);
		if (step % 16384 == 0)
			assert_int_equal(quire_check(&q), QUIRE_OK);
	}
	while (held_count)
		give(held_count - 1);
	assert_int_equal(quire_check(&q), QUIRE_OK);
	assert_int_equal(quire_topology_total_pages(&q.topology), free_before);
}

/* All there is can be had, and is whole again afterwards: no block of the highest order is lost. */
static void test_to_the_last_frame(void **state)
{
	unsigned blocks = 0, again = 0;

	(void)state;
	held_count = 0;
	memset(taken, 0, sizeof(taken));
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	while (take(10))
		blocks++;
	assert_true(blocks > 30);
	while (held_count)
		give(0);
	while (held_count < HELD && take(0))
		continue;
	while (held_count)
		give(0);
	while (take(10))
		again++;
	assert_int_equal(again, blocks);
	while (held_count)
		give(0);
	assert_int_equal(quire_drain_frames(&q), QUIRE_OK);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

static void test_refuses_what_is_wrong(void **state)
{
	quire_pfn_t pfn;

	(void)state;
	/* Not open yet. */
	assert_int_equal(quire_alloc_frames(&q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&q, 1, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_ENOENT);
	assert_int_equal(quire_alloc_frames(&q, 0, 27, QUIRE_GFP_KERNEL, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames(&q, 0, 3, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_free_frames(&q, pfn, 2), QUIRE_EINVAL);
	assert_int_equal(quire_free_frames(&q, pfn + 1, 0), QUIRE_EINVAL);
	assert_int_equal(quire_free_frames(&q, pfn, 3), QUIRE_OK);
	assert_int_equal(quire_free_frames(&q, pfn, 3), QUIRE_EEXIST);
	assert_int_equal(quire_free_frames(&q, (quire_pfn_t)kernel.base >> 12, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&q, (quire_pfn_t)1 << 40, 0), QUIRE_ENOENT);
	assert_int_equal(quire_check(&q), QUIRE_OK);
	assert_int_equal(lines, 0);
}

static void expect_unsupported(const struct quire_config *config)
{
	const char *why = NULL;

	assert_int_equal(quire_config_check(config, &why), QUIRE_EUNSUPPORTED);
	assert_string_equal(why, "");
}

/* What was left out is refused where it is asked for, not forgotten. */
static void test_refuses_what_it_is_without(void **state)
{
	struct quire_config config = usual_config();

	(void)state;
	assert_int_equal(quire_config_check(&config, NULL), QUIRE_OK);
	config.options.debug.page_owner = true;
	expect_unsupported(&config);
	config = usual_config();
	config.cma_enabled = true;
	expect_unsupported(&config);
	config = usual_config();
	config.options.numa = QUIRE_NUMA_FAKE_COUNT;
	expect_unsupported(&config);
	config = usual_config();
	config.options.kernelcore = (struct quire_amount){ .given = true, .bytes = 64 * MIB };
	expect_unsupported(&config);
	config = usual_config();
	config.options.hugepage_count = 1;
	expect_unsupported(&config);
	config = usual_config();
	config.init = QUIRE_INIT_LAZY;
	assert_int_equal(quire_config_check(&config, NULL), QUIRE_EINVAL);
	config = usual_config();
	config.arch = QUIRE_ARCH_ARM64;
	assert_int_equal(quire_config_check(&config, NULL), QUIRE_EINVAL);
	/* A crash kernel's own boot would overwrite what is to be saved. */
	machine.usable_base = 16 * MIB;
	machine.usable_size = 32 * MIB;
	assert_int_equal(quire_boot(&q), QUIRE_EUNSUPPORTED);
	assert_int_equal(q.stage, QUIRE_STAGE_NONE);
	machine.usable_size = 0;
	assert_int_equal(quire_boot(&q), QUIRE_OK);
}

/* Firmware's nodes do not matter: there is one, and it has all memory and CPUs. */
static void test_one_node(void **state)
{
	static struct quire_memory_affinity affinity[] = {
		{ .base = 0, .size = 128 * MIB, .domain = 0, .flags = QUIRE_AFFINITY_ENABLED },
		{ .base = 128 * MIB, .size = 128 * MIB, .domain = 1, .flags = QUIRE_AFFINITY_ENABLED },
	};
	static struct quire_cpu cpus[] = {
		{ .hwid = 0, .domain = 0, .enabled = true },
		{ .hwid = 1, .domain = 1, .enabled = true },
	};

	(void)state;
	machine.affinities = affinity;
	machine.affinity_count = 2;
	machine.cpus = cpus;
	machine.cpu_count = 2;
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	assert_int_equal(q.topology.node_count, 1);
	assert_int_equal(q.topology.cpu_count, 2);
	assert_int_equal(q.topology.nodes[0]->cpus, 2);
	assert_true(managed() > 50000);
	assert_int_equal(quire_check(&q), QUIRE_OK);
}

/* Whatever call of the platform fails, boot fails in order or does without, and gives back what it took. */
static void test_failing_platform(void **state)
{
	(void)state;
	for (unsigned call = 0; call < QUIRE_HOSTED_CALLS; call++)
		for (unsigned n = 1; n < 200; n++) {
			enum quire_status status;

			tear_down(NULL);
			set_up(NULL);
			quire_hosted_fail(host, call, n);
			status = quire_boot(&q);
			if (status == QUIRE_OK)
				assert_int_equal(quire_check(&q), QUIRE_OK);
			quire_hosted_fail(host, call, 0);
			if (status != QUIRE_OK)
				assert_int_equal(quire_boot(&q), QUIRE_OK);
			if (status == QUIRE_OK && quire_hosted_calls(host, call) < n)
				break;
		}
}

/* The platform's own functions are not asked: the build has its own (pin_cpu.h). */
static void test_pinned_cpu(void **state)
{
	unsigned long before;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	before = minimal_entered;
	assert_int_equal(quire_alloc_frames(&q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(minimal_entered, before + 1);
	assert_int_equal(quire_free_frames(&q, pfn, 0), QUIRE_OK);
	assert_int_equal(minimal_entered, before + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_takes_and_gives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_to_the_last_frame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses_what_is_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses_what_it_is_without, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_node, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pinned_cpu, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failing_platform, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("minimal", tests, NULL, NULL);
}
