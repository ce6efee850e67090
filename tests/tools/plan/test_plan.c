/*
 * What a plan says against what a boot does: bytes, work and frames of every row, those that are worked out included; the
 * reasons of models that cannot be; lists of a sweep; layouts at other sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <quire/report.h>

#include "hosted.h"
#include "plan/plan.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

struct world {
	struct quire_machine machine;
	struct quire_memory_range map[8];
	struct quire_memory_affinity affinities[8];
	uint32_t domains[8];
	struct plan_machine m;
	struct plan plan;
};

static struct world w;

static void begin(void)
{
	memset(&w, 0, sizeof(w));
	w.machine.arch = QUIRE_ARCH_X86_64;
	w.machine.map = w.map;
	w.machine.map_max = 8;
	w.machine.affinities = w.affinities;
	w.machine.affinity_max = 8;
	w.machine.domains = w.domains;
	w.machine.domain_max = 8;
	w.m.machine = &w.machine;
	quire_config_defaults(&w.m.config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	w.m.config.workers = 2;
}

static void ram(uint64_t base, uint64_t size, uint32_t domain)
{
	struct quire_memory_affinity record = { base, size, domain, QUIRE_AFFINITY_ENABLED };

	assert_int_equal(quire_machine_add_range(&w.machine, base, size, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE), QUIRE_OK);
	assert_int_equal(quire_machine_add_affinity(&w.machine, &record), QUIRE_OK);
}

static void make(void)
{
	assert_int_equal(plan_make(&w.m, &w.plan, NULL), QUIRE_OK);
}

/* Boot for real under the row's choices, every descriptor written, and compare the engine's books with the row. */
static void check_row(const struct plan_row *row)
{
	struct quire_config config = w.m.config;
	struct quire_hosted_options options = { .config = &config };
	struct quire_zone_counts counts;
	struct quire_hosted *host;
	static struct quire q;
	uint64_t frames = 0, metadata;

	assert_string_equal(row->why, "");
	config.model = row->model;
	config.init = row->init;
	assert_int_equal(quire_hosted_create_machine(&w.machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &w.machine, quire_hosted_platform(host)), QUIRE_OK);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	for (unsigned nid = 0; nid < q.topology.node_count; nid++)
		for (unsigned type = 0; q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			quire_zone_count(&q, &q.topology.nodes[nid]->zones[type], &counts);
			frames += counts.free_pages;
		}
	assert_int_equal(row->early, q.memmap.stats.initialised_early);
	assert_int_equal(row->early + row->late, q.memmap.stats.initialised);
	assert_int_equal(row->descriptor_bytes, q.memmap.stats.descriptor_bytes);
	assert_int_equal(row->table_bytes, q.memmap.stats.table_bytes + q.memmap.stats.usage_bytes);
	metadata = quire_metadata_total(&q.metadata);
	if (row->free_computed) {
		/* Rounding to pages and pools cut for other free ranges: a few pages. */
		assert_in_range(frames + 64 - row->free_frames, 0, 128);
		assert_in_range(metadata + 64 * 4096 - row->metadata_bytes, 0, 128 * 4096);
	} else {
		assert_int_equal(row->free_frames, frames);
		assert_int_equal(row->metadata_bytes, metadata);
	}
	if (row->init != QUIRE_INIT_LAZY)
		assert_int_equal(row->full_bytes, (row->early + row->late) * w.plan.stride);
	quire_hosted_destroy(host);
}

static void check_all(void)
{
	for (unsigned i = 0; i < PLAN_ROWS; i++)
		check_row(&w.plan.rows[i]);
	for (unsigned model = 0; model < QUIRE_MODELS; model++) {
		const struct plan_row *eager = plan_row_of(&w.plan, model, QUIRE_INIT_EAGER);
		const struct plan_row *deferred = plan_row_of(&w.plan, model, QUIRE_INIT_DEFERRED);
		uint64_t sum = 0;

		/* Whatever the policy, the same descriptors in the end. */
		assert_int_equal(eager->early, deferred->early + deferred->late);
		assert_int_equal(eager->full_bytes, plan_row_of(&w.plan, model, QUIRE_INIT_LAZY)->full_bytes);
		assert_true(deferred->early < eager->early);
		for (size_t i = 0; i < w.plan.node_count; i++)
			sum += w.plan.nodes[i].full_bytes[model];
		assert_int_equal(sum, eager->full_bytes);
	}
}

static void test_small(void **state)
{
	(void)state;
	begin();
	ram(MIB, 2 * GIB - MIB, 0);
	ram(4 * GIB, 512 * MIB, 0);
	ram(5 * GIB + 64 * MIB, GIB, 1);
	make();
	assert_int_equal(w.plan.node_count, 2);
	for (unsigned i = 0; i < PLAN_ROWS; i++)
		assert_false(plan_is_scaled(&w.plan.rows[i]));
	check_all();
	plan_free(&w.plan);
}

/* More descriptors than are written for a plan: rows are worked out, and must be what a boot that writes them does. */
static void test_worked_out(void **state)
{
	(void)state;
	begin();
	ram(MIB, 2 * GIB - MIB, 0);
	ram(4 * GIB, 14 * GIB + 32 * MIB, 0);
	ram(20 * GIB, 14 * GIB, 1);
	make();
	assert_true(plan_row_of(&w.plan, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER)->free_computed);
	assert_true(plan_row_of(&w.plan, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER)
			    ->stages[QUIRE_STAGE_DESCRIPTORS]
			    .ns > 0);
	assert_false(plan_is_scaled(plan_row_of(&w.plan, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY)));
	check_all();
	plan_free(&w.plan);
}

/* 64 TiB over 8 nodes, by the arithmetic of the field: 16 bytes a frame, 4 GiB a TiB; lazy boot sets none aside. */
static void test_huge(void **state)
{
	const struct plan_row *eager, *lazy;

	(void)state;
	begin();
	w.m.config.geometry.physmem_bits = 52;
	for (unsigned node = 0; node < 8; node++)
		ram(node ? node * 8192 * GIB : MIB, 8192 * GIB - (node ? 0 : MIB), node);
	make();
	eager = plan_row_of(&w.plan, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER);
	lazy = plan_row_of(&w.plan, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY);
	assert_string_equal(eager->why, "");
	assert_int_equal(eager->descriptor_bytes, 256 * GIB);
	assert_int_equal(eager->early, (uint64_t)1 << 34);
	assert_int_equal(lazy->descriptor_bytes, 0);
	assert_true(lazy->metadata_bytes < 8 * MIB);
	assert_true(plan_boot_ns(lazy) * 100 < plan_boot_ns(eager));
	plan_free(&w.plan);
}

static void expect_reason(enum quire_model model, const char *why)
{
	for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
		const struct plan_row *row = plan_row_of(&w.plan, model, init);

		if (why && !strstr(row->why, why))
			fail_msg("%s: '%s', not about '%s'", quire_model_name(model), row->why, why);
		if (!why)
			assert_string_equal(row->why, "");
	}
}

/* The machines that broke the models one after the other. */
static void test_reasons(void **state)
{
	(void)state;
	begin();
	ram(MIB, GIB - MIB, 0);
	ram(1024 * GIB, GIB, 0);
	make();
	expect_reason(QUIRE_MODEL_FLATMEM, "with its holes");
	expect_reason(QUIRE_MODEL_DISCONTIGMEM, "with its holes");
	expect_reason(QUIRE_MODEL_SPARSEMEM, NULL);
	expect_reason(QUIRE_MODEL_SPARSEMEM_VMEMMAP, NULL);
	plan_free(&w.plan);

	begin();
	w.m.config.geometry.physmem_bits = 52;
	ram(MIB, 512 * MIB - MIB, 0);
	ram(((uint64_t)1 << 52) - 128 * MIB, 128 * MIB, 0);
	make();
	expect_reason(QUIRE_MODEL_FLATMEM, "with its holes");
	expect_reason(QUIRE_MODEL_SPARSEMEM, "more than half of memory");
	expect_reason(QUIRE_MODEL_SPARSEMEM_EXTREME, NULL);
	plan_free(&w.plan);

	/* Firmware's nodes cover a part only: a message at boot, no reason. */
	begin();
	ram(MIB, GIB - MIB, 0);
	assert_int_equal(quire_machine_add_range(&w.machine, 4 * GIB, GIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE), QUIRE_OK);
	make();
	expect_reason(QUIRE_MODEL_SPARSEMEM_VMEMMAP, NULL);
	plan_free(&w.plan);

	begin();
	ram(MIB, GIB - MIB, 0);
	plan_set_geometry(&w.m.config, 65536, 128 * MIB, 16);
	make();
	for (unsigned model = 0; model < QUIRE_MODELS; model++)
		expect_reason(model, "a section must hold");
	plan_free(&w.plan);
}

static void test_sweep_lists(void **state)
{
	static const char *const bad[] = {
		"4", "4K,", "4K,/128M", "5K", "4K/100M", "4K/128M/17", "4K/128M/16/4", "x", "4K128M", "4K/2M", "4K/128M/16,",
		"4k", "99999999999999999999K", "4K,4K,4K,4K,4K,4K,4K,4K,4K",
	};
	struct plan_sweep sweep;
	const char *why;

	(void)state;
	assert_true(plan_sweep_parse("4K,16K,64K/128M,512M,1G/16,64", &sweep, &why));
	assert_int_equal(sweep.page_count, 3);
	assert_int_equal(sweep.pages[2], 65536);
	assert_int_equal(sweep.section_count, 3);
	assert_int_equal(sweep.sections[2], GIB);
	assert_int_equal(sweep.stride_count, 2);
	assert_int_equal(sweep.strides[1], 64);
	assert_true(plan_sweep_parse("//16,32", &sweep, &why));
	assert_int_equal(sweep.page_count + sweep.section_count, 0);
	assert_int_equal(sweep.stride_count, 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (plan_sweep_parse(bad[i], &sweep, &why))
			fail_msg("'%s' was taken", bad[i]);
}

static void test_scale(void **state)
{
	struct quire_machine scaled;

	(void)state;
	begin();
	ram(0, 640 * 1024, 0);
	ram(MIB, GIB - MIB, 0);
	ram(4 * GIB, GIB, 1);
	assert_int_equal(plan_scale(&w.m, 3, &scaled), QUIRE_OK);
	assert_int_equal(scaled.map_count, 3);
	assert_int_equal(scaled.map[0].size, 640 * 1024);
	assert_int_equal(scaled.map[1].base, 8 * MIB);
	assert_int_equal(scaled.map[1].base + scaled.map[1].size, 8 * GIB);
	assert_int_equal(scaled.map[2].base, 32 * GIB);
	assert_int_equal(scaled.affinities[2].size, 8 * GIB);
	plan_scale_free(&scaled);
	assert_int_equal(plan_scale(&w.m, -2, &scaled), QUIRE_OK);
	assert_int_equal(scaled.map[1].base, MIB);
	assert_int_equal(scaled.map[1].base + scaled.map[1].size, 256 * MIB);
	assert_int_equal(scaled.map[2].base, GIB);
	plan_scale_free(&scaled);
}

static void test_numbers(void **state)
{
	static const struct { uint64_t bytes; const char *text; } bytes[] = {
		{ 0, "0 B" }, { 808, "808 B" }, { 1024, "1 KiB" }, { 21402, "20.9 KiB" }, { 256 * MIB, "256 MiB" },
		{ 2 * GIB - 1, "2.00 GiB" }, { GIB + GIB / 2, "1.50 GiB" }, { UINT64_C(1) << 63, "8 EiB" },
	};
	static const struct { uint64_t ns; const char *text; } times[] = {
		{ 0, "0 ns" }, { 816061, "816 us" }, { 1779000000, "1.78 s" }, { 143300000, "143 ms" },
		{ UINT64_C(7136) * 1000000000, "119 min" },
	};
	char text[PLAN_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		assert_string_equal(plan_bytes(text, bytes[i].bytes), bytes[i].text);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(plan_time(text, times[i].ns), times[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small), cmocka_unit_test(test_worked_out), cmocka_unit_test(test_huge),
		cmocka_unit_test(test_reasons), cmocka_unit_test(test_sweep_lists), cmocka_unit_test(test_scale),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
