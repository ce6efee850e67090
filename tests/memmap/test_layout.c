/* The page-flags layout: worked vectors and the properties any layout must have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <quire/memmap.h>

static struct quire_page_layout computed(struct quire_page_layout_params params, enum quire_status expected)
{
	struct quire_page_layout layout = { 0 };
	const char *why = NULL;

	assert_int_equal(quire_page_layout_compute(&params, &layout, &why), expected);
	if (expected != QUIRE_OK)
		assert_non_null(why);
	return layout;
}

/* 64-bit distribution kernel: 10 + 3 + 21 + 3 fill 64 - 27 to the bit, nothing left for LRU references. */
static void test_distribution_is_full(void **state)
{
	struct quire_page_layout l = computed((struct quire_page_layout_params){
		.word_bits = 64, .flags = 27, .zones = 5, .nodes_shift = 10, .sections_shift = 19, .node_needed = true,
		.lastcpupid_shift = 21, .lru_gen_bits = 3, .lru_refs_wish = 2 }, QUIRE_OK);

	(void)state;
	assert_int_equal(l.node.width, 10);
	assert_int_equal(l.node.shift, 54);
	assert_int_equal(l.zone.shift, 51);
	assert_int_equal(l.lastcpupid.shift, 30);
	assert_int_equal(l.lru_gen.shift, 27);
	assert_int_equal(l.lru_refs.width, 0);
	assert_int_equal(l.section.width, 0);
}

/* 32-bit PAE, static sections: section 7 + zone 2 fill nine bits, the node goes to a table. */
static void test_node_goes_to_table(void **state)
{
	struct quire_page_layout l = computed((struct quire_page_layout_params){
		.word_bits = 32, .flags = 23, .zones = 4, .nodes_shift = 3, .sections_shift = 7,
		.section_field = true }, QUIRE_OK);

	(void)state;
	assert_false(l.node_in_flags);
	assert_int_equal(l.node.width, 0);
	assert_int_equal(l.section.shift, 25);
	assert_int_equal(l.zone.shift, 23);
}

/* Classic sparse on x86_64: 19 + 10 + 3 fit, last cpu/pid does not and gets a word of its own. */
static void test_cpupid_goes_out(void **state)
{
	struct quire_page_layout l = computed((struct quire_page_layout_params){
		.word_bits = 64, .flags = 27, .zones = 5, .nodes_shift = 10, .sections_shift = 19, .section_field = true,
		.lastcpupid_shift = 21 }, QUIRE_OK);

	(void)state;
	assert_true(l.node_in_flags);
	assert_false(l.lastcpupid_in_flags);
	assert_int_equal(l.lastcpupid.width, 0);
	assert_int_equal(l.node.shift, 64 - 19 - 10);
}

static void test_refusals(void **state)
{
	(void)state;
	computed((struct quire_page_layout_params){ .word_bits = 32, .flags = 24, .zones = 4, .nodes_shift = 10,
						    .node_needed = true }, QUIRE_EUNSUPPORTED);
	computed((struct quire_page_layout_params){ .word_bits = 32, .flags = 24, .zones = 4, .sections_shift = 7,
						    .section_field = true }, QUIRE_EUNSUPPORTED);
	computed((struct quire_page_layout_params){ .word_bits = 32, .flags = 32, .zones = 4 }, QUIRE_EUNSUPPORTED);
	computed((struct quire_page_layout_params){ .word_bits = 48, .flags = 2, .zones = 4 }, QUIRE_EUNSUPPORTED);
	computed((struct quire_page_layout_params){ .word_bits = 64, .flags = 2, .zones = 0 }, QUIRE_EUNSUPPORTED);
}

static void test_zone_widths(void **state)
{
	static const unsigned widths[] = { 0, 0, 1, 2, 2, 3, 3 };

	(void)state;
	for (unsigned zones = 1; zones <= QUIRE_ZONE_TYPES; zones++)
		assert_int_equal(computed((struct quire_page_layout_params){ .word_bits = 64, .zones = zones },
					  QUIRE_OK).zone.width, widths[zones]);
}

/* Whatever the parameters: fields do not overlap each other or the flags, and keep their order from the top. */
static void test_no_overlap(void **state)
{
	uint32_t seed = 12345;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct quire_page_layout_params p = { .word_bits = 64 };
		struct quire_page_layout l;
		unsigned *values[] = { &p.flags, &p.nodes_shift, &p.sections_shift, &p.lastcpupid_shift, &p.kasan_bits,
				       &p.lru_gen_bits, &p.lru_refs_wish };
		const struct quire_page_field *fields[] = { &l.section, &l.node, &l.zone, &l.lastcpupid, &l.kasan,
							    &l.lru_gen, &l.lru_refs };
		unsigned top = 64;

		for (unsigned i = 0; i < 7; i++) {
			seed = seed * 1664525 + 1013904223;
			*values[i] = (seed >> 16) % 28;
		}
		p.section_field = seed & 1;
		p.node_needed = !p.section_field;
		p.zones = 1 + (seed >> 8) % QUIRE_ZONE_TYPES;
		if (quire_page_layout_compute(&p, &l, NULL) != QUIRE_OK)
			continue;
		for (unsigned i = 0; i < 7; i++) {
			assert_int_equal(fields[i]->shift + fields[i]->width, top);
			top = fields[i]->shift;
		}
		assert_true(top >= p.flags);
		assert_true(l.lru_refs.width <= p.lru_refs_wish);
		if (!l.node_in_flags)
			assert_true(p.section_field);
	}
}

/* Our own word: the node stays in it where there is room, and a classic model with 2^29 sections is refused. */
static void test_own_layout(void **state)
{
	struct quire_config config = { .zone_mask = 0x37, .geometry = { 12, 27, 46, 10, 10, 9, 64 }, .page_stride = 16 };
	struct quire_page_layout_params params;
	struct quire_page_layout l;

	(void)state;
	config.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP;
	quire_page_layout_own(&config, &params);
	assert_int_equal(quire_page_layout_compute(&params, &l, NULL), QUIRE_OK);
	assert_true(l.node_in_flags && l.node.width == 10 && l.section.width == 0);

	config.model = QUIRE_MODEL_SPARSEMEM_EXTREME;
	quire_page_layout_own(&config, &params);
	assert_int_equal(quire_page_layout_compute(&params, &l, NULL), QUIRE_OK);
	assert_true(!l.node_in_flags && l.section.width == 19);

	config.geometry.physmem_bits = 52;
	quire_page_layout_own(&config, &params);
	assert_int_equal(quire_page_layout_compute(&params, &l, NULL), QUIRE_OK);
	assert_int_equal(l.zone.shift, QUIRE_PAGE_FLAG_BITS);

	config.geometry.physmem_bits = 56;
	quire_page_layout_own(&config, &params);
	assert_int_equal(quire_page_layout_compute(&params, &l, NULL), QUIRE_EUNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distribution_is_full), cmocka_unit_test(test_node_goes_to_table),
		cmocka_unit_test(test_cpupid_goes_out),	     cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_zone_widths),	     cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_own_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
