/*
 * Invented machines: what is accepted and what it becomes, what is refused and why.
 */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static enum quire_status make(struct input *in, struct input_options *options)
{
	return input_load(in, options, NULL, 0);
}

static void refuse(struct input_options options, const char *why)
{
	struct input in;

	assert_int_equal(make(&in, &options), QUIRE_EFORMAT);
	assert_true(has_note(&in, QUIRE_LOG_ERROR, 0, why));
	input_free(&in);
}

static void test_bad_nodes(void **state)
{
	static const struct { const char *nodes, *why; } rows[] = {
		{ "", "a size is missing" }, { "x", "a size is missing" }, { "4x", "a size is missing" }, { "4xx1G",
													   "a size" },
		{ "1G,", "a size is missing" }, { ",1G", "a size is missing" }, { "1G;1G", "separated by commas" },
		{ "1G 1G", "separated by commas" }, { "0", "no node has any memory" }, { "3x0", "no node has any memory" },
		{ "1000", "multiple of 4K" }, { "1025x1G", "too many nodes" }, { "18446744073709551616x1G", "a size" },
		{ "1024x1G,1G", "too many nodes" }, { "99999999999999999999G", "missing or too large" },
		{ "15E,15E", "do not fit" }, { "8P", "address bits" }, { "1G/", "must follow the slash" }, { "1G/x",
													    "must follow" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuse((struct input_options){ .nodes = rows[i].nodes }, rows[i].why);
}

static void test_bad_holes_distances_cpus_names(void **state)
{
	static const char *const holes[] = { "", "1G", "1G+", "1G+0", "1G+1", "1+4K", "1G+1G,", "16E+1G",
					    "1G+18446744073709551615" };
	static const char *const overlap[] = { "1G+1G", "1536M+1G" };
	static const char *const distances[] = { "", "10", "10,20", "10,20;20", "10,20;20,10;", "10,20;20,256", "10,20;20,9",
						"star" };

	(void)state;
	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++)
		refuse((struct input_options){ .nodes = "4G", .holes = &holes[i], .hole_count = 1 }, "--hole: ");
	refuse((struct input_options){ .nodes = "4G", .holes = overlap, .hole_count = 2 }, "overlap");
	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++)
		refuse((struct input_options){ .nodes = "2x1G", .distances = distances[i] }, "--distances: ");
	refuse((struct input_options){ .nodes = "1G/2,1G/2", .cpus = 3 }, "do not add up");
	refuse((struct input_options){ .nodes = "1G/4,1G", .cpus = 3 }, "do not add up");
	refuse((struct input_options){ .nodes = "1G", .arch = "vax" }, "no such architecture");
}

/* A common PC of 8 GiB is byte for byte what such a PC's firmware reports. */
static void test_pc_layout(void **state)
{
	struct input_options options = { .nodes = "2x4G", .cpus = 4 };
	struct input in;

	(void)state;
	assert_int_equal(make(&in, &options), QUIRE_OK);
	assert_int_equal(in.machine.map_count, 9);
	assert_map(&in.machine, 0, 0, 0x9fc00, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 1, 0x9fc00, 0x400, QUIRE_MEMORY_RESERVED);
	assert_map(&in.machine, 2, 0xf0000, 0x10000, QUIRE_MEMORY_RESERVED);
	assert_map(&in.machine, 3, 0x100000, 0x7fee0000, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 4, 0x7ffe0000, 0x20000, QUIRE_MEMORY_RESERVED);
	assert_map(&in.machine, 8, 4 * GIB, 6 * GIB, QUIRE_MEMORY_RAM);
	assert_int_equal(in.machine.affinity_count, 4);
	assert_int_equal(in.machine.affinities[2].base, 4 * GIB);
	assert_int_equal(in.machine.affinities[2].size, 2 * GIB);
	assert_int_equal(in.machine.affinities[2].domain, 0);
	assert_int_equal(in.machine.affinities[3].base, 6 * GIB);
	assert_int_equal(in.machine.affinities[3].domain, 1);
	assert_int_equal(in.config.rules, QUIRE_RULES_6_12);
	assert_int_equal(notes_at(&in, QUIRE_LOG_WARNING), 0);
	input_free(&in);
}

/* Sum of a domain's affinity ranges and, on x86, what the legacy hole hides of it. */
static uint64_t domain_size(const struct quire_machine *m, uint32_t domain)
{
	uint64_t size = 0;

	for (size_t i = 0; i < m->affinity_count; i++) {
		if (m->affinities[i].domain == domain)
			size += m->affinities[i].size;
	}
	return size;
}

static void test_sizes_and_cpus(void **state)
{
	static const struct {
		const char *nodes, *arch;
		unsigned cpus, count;
		uint64_t size[5];
		unsigned of[5];
	} rows[] = {
		{ "4x16G", "x86_64", 32, 4, { 16 * GIB, 16 * GIB, 16 * GIB, 16 * GIB }, { 8, 8, 8, 8 } },
		{ "2x16G,1x0,1x8G", "x86_64", 6, 4, { 16 * GIB, 16 * GIB, 0, 8 * GIB }, { 2, 2, 1, 1 } },
		{ "2x1G", "arm64", 0, 2, { GIB, GIB }, { 1, 1 } },
		{ "1G/3,0x40000000/0,512M", "arm64", 5, 3, { GIB, GIB, 512 * MIB }, { 3, 0, 2 } },
		{ "5x128M", "riscv64", 7, 5, { 128 * MIB, 128 * MIB, 128 * MIB, 128 * MIB, 128 * MIB }, { 2, 2, 1, 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input_options options = { .nodes = rows[i].nodes, .arch = rows[i].arch, .cpus = rows[i].cpus };
		bool x86 = strcmp(rows[i].arch, "x86_64") == 0;
		struct input in;

		assert_int_equal(make(&in, &options), QUIRE_OK);
		for (unsigned node = 0; node < rows[i].count; node++) {
			unsigned cpus = 0;

			for (size_t c = 0; c < in.machine.cpu_count; c++)
				cpus += in.machine.cpus[c].domain == node;
			assert_int_equal(cpus, rows[i].of[node]);
			assert_int_equal(domain_size(&in.machine, node) + (x86 && node == 0 ? 384 * 1024 : 0),
					 rows[i].size[node]);
		}
		/* Nodes keep the numbers the user gave them: domains appear in that order. */
		for (uint32_t d = 0; d < in.machine.domain_count; d++)
			assert_int_equal(in.machine.domains[d], d);
		input_free(&in);
	}
}

static void test_holes_push_ram_up(void **state)
{
	static const char *const holes[] = { "6G+1G", "1280M+256M" };
	struct input_options options = { .nodes = "2x1G", .arch = "arm64", .holes = holes, .hole_count = 2 };
	struct input in;

	(void)state;
	assert_int_equal(make(&in, &options), QUIRE_OK);
	assert_int_equal(input_ram_bytes(&in.machine), 2 * GIB);
	assert_int_equal(in.machine.map_count, 3);
	assert_map(&in.machine, 0, GIB, 256 * MIB, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 1, 1536 * MIB, 768 * MIB, QUIRE_MEMORY_RAM);
	assert_map(&in.machine, 2, 2304 * MIB, GIB, QUIRE_MEMORY_RAM);
	assert_int_equal(in.machine.map[1].nid, 0);
	assert_int_equal(in.machine.map[2].nid, 1);
	input_free(&in);

	options = (struct input_options){ .nodes = "8G", .holes = (const char *const[]){ "3G+3G" }, .hole_count = 1 };
	assert_int_equal(make(&in, &options), QUIRE_OK);
	for (size_t i = 0; i < in.machine.map_count; i++)
		assert_true(in.machine.map[i].type != QUIRE_MEMORY_RAM ||
			    in.machine.map[i].base + in.machine.map[i].size <= 2 * GIB ||
			    in.machine.map[i].base >= 6 * GIB);
	input_free(&in);
}

static void test_distance_shapes(void **state)
{
	static const struct { const char *text; uint8_t row[6]; } rows[] = {
		{ "ring", { 10, 20, 30, 40, 30, 20 } }, { "line", { 10, 20, 30, 40, 50, 60 } },
		{ "mesh", { 10, 20, 30, 20, 30, 40 } }, { "full", { 10, 20, 20, 20, 20, 20 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input_options options = { .nodes = "6x1G", .distances = rows[i].text };
		struct input in;

		assert_int_equal(make(&in, &options), QUIRE_OK);
		assert_int_equal(in.machine.distance_count, 6);
		assert_memory_equal(in.machine.distances, rows[i].row, 6);
		for (size_t a = 0; a < 6; a++) {
			for (size_t b = 0; b < 6; b++)
				assert_int_equal(in.machine.distances[a * 6 + b], in.machine.distances[b * 6 + a]);
		}
		input_free(&in);
	}
}

static void test_distance_matrix(void **state)
{
	static const uint8_t expected[] = { 10, 21, 15, 10 };
	struct input_options options = { .nodes = "2x1G", .distances = "10,21;15,10" };
	struct input in;

	(void)state;
	assert_int_equal(make(&in, &options), QUIRE_OK);
	assert_memory_equal(in.machine.distances, expected, 4);
	input_free(&in);
}

static void test_32_bit_has_one_node(void **state)
{
	struct input_options options = { .nodes = "2x1G", .arch = "i386-pae", .cpus = 2 };
	struct input in;

	(void)state;
	assert_int_equal(make(&in, &options), QUIRE_OK);
	assert_int_equal(in.machine.arch, QUIRE_ARCH_I386_PAE);
	assert_int_equal(in.machine.affinity_count, 0);
	assert_int_equal(in.machine.cpus[1].domain, QUIRE_DOMAIN_NONE);
	assert_true(has_note(&in, QUIRE_LOG_INFO, 0, "one node"));
	input_free(&in);
}

static void test_other_options(void **state)
{
	static const char *const sysctls[] = { "vm.watermark_scale_factor=50" };
	struct input_options options = { .nodes = "4G", .kernel = "6.1", .command_line = "movablecore=1G quiet",
					 .sysctls = sysctls, .sysctl_count = 1 };
	struct input in;

	(void)state;
	assert_int_equal(make(&in, &options), QUIRE_OK);
	assert_int_equal(in.config.rules, QUIRE_RULES_6_1);
	assert_true(in.config.options.movablecore.given);
	assert_int_equal(in.config.tunables.watermark_scale_factor, 50);
	assert_int_equal(in.ignored_count, 1);
	assert_string_equal(in.ignored[0].word, "quiet");
	input_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_nodes),
		cmocka_unit_test(test_bad_holes_distances_cpus_names),
		cmocka_unit_test(test_pc_layout),
		cmocka_unit_test(test_sizes_and_cpus),
		cmocka_unit_test(test_holes_push_ram_up),
		cmocka_unit_test(test_distance_shapes),
		cmocka_unit_test(test_distance_matrix),
		cmocka_unit_test(test_32_bit_has_one_node),
		cmocka_unit_test(test_other_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
