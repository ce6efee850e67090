/* Defaults agree with the build settings they stand for, and the check finds what does not fit. */
#include "support.h"

static struct quire_config make(enum quire_arch arch, enum quire_rules rules)
{
	struct quire_config config;

	memset(&config, 0xff, sizeof(config));
	quire_config_defaults(&config, arch, rules);
	return config;
}

static void defaults_pass_their_own_check(void **state)
{
	(void)state;
	for (int arch = 0; arch < QUIRE_ARCHES; arch++) {
		for (int rules = QUIRE_RULES_6_1; rules <= QUIRE_RULES_6_12; rules++) {
			struct quire_config config = make((enum quire_arch)arch, (enum quire_rules)rules);
			const char *why = "nothing";

			if (quire_config_check(&config, &why) != QUIRE_OK)
				fail_msg("%s: %s", quire_arch_name(config.arch), why);
			assert_int_equal(config.arch, arch);
			assert_int_equal(config.rules, rules);
			assert_int_equal(config.tunables.min_free_kbytes, -1);
			assert_false(config.options.mem.given);
		}
	}
}

/* The captures' build facts: zones, section size, widths. */
static void defaults_are_the_build_facts(void **state)
{
	struct quire_config x86 = make(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1), arm = make(QUIRE_ARCH_ARM64, QUIRE_RULES_6_1);
	struct quire_config arm12 = make(QUIRE_ARCH_ARM64, QUIRE_RULES_6_12),
			    pae = make(QUIRE_ARCH_I386_PAE, QUIRE_RULES_6_1);
	struct quire_config i386 = make(QUIRE_ARCH_I386, QUIRE_RULES_6_1);

	(void)state;
	assert_int_equal(x86.zone_mask, 0x37);		/* DMA DMA32 Normal Movable Device */
	assert_int_equal(arm.zone_mask, 0x17);		/* without Device … */
	assert_int_equal(arm12.zone_mask, 0x37);	/* … until 6.12 */
	assert_int_equal(pae.zone_mask, 0x1d);		/* DMA Normal HighMem Movable */
	assert_int_equal(x86.geometry.section_shift, 27);
	assert_int_equal(x86.geometry.nodes_shift, 10);
	assert_int_equal(x86.geometry.physmem_bits - x86.geometry.page_shift, 34);	/* max_arch_pfn 0x400000000 */
	assert_int_equal(pae.geometry.physmem_bits - pae.geometry.page_shift, 24);	/* max_arch_pfn 0x1000000 */
	assert_int_equal(arm.geometry.nodes_shift, 4);
	assert_int_equal(pae.geometry.pageblock_order, 9);
	assert_int_equal(i386.geometry.pageblock_order, 10);
	assert_int_equal(i386.geometry.page_struct_size, 40);
	assert_int_equal(pae.model, QUIRE_MODEL_FLATMEM);
	assert_int_equal(x86.model, QUIRE_MODEL_SPARSEMEM_VMEMMAP);
	assert_true(arm.cma_enabled && arm.cma_default_size == 64 << 20);
	assert_false(x86.cma_enabled || pae.cma_enabled);
	assert_true(x86.numa_emulation && !arm.numa_emulation);
	assert_true(x86.thp && arm.thp && pae.thp);
}

static void check_finds_what_does_not_fit(void **state)
{
	const struct quire_config good = make(QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	struct quire_config c;
	const char *why;

	(void)state;
#define REFUSED(field, value, status) \
	do { \
		c = good; \
		c.field = value; \
		why = NULL; \
		assert_int_equal(quire_config_check(&c, &why), status); \
		assert_non_null(why); \
		assert_int_equal(quire_config_check(&c, NULL), status); \
	} while (0)
	REFUSED(geometry.page_shift, 13, QUIRE_ERANGE);
	REFUSED(geometry.page_shift, 200, QUIRE_ERANGE);
	REFUSED(geometry.section_shift, 21, QUIRE_ERANGE);
	REFUSED(geometry.section_shift, 64, QUIRE_ERANGE);
	REFUSED(geometry.physmem_bits, 53, QUIRE_ERANGE);
	REFUSED(geometry.physmem_bits, 20, QUIRE_ERANGE);
	REFUSED(geometry.nodes_shift, 11, QUIRE_ERANGE);
	REFUSED(geometry.max_order, QUIRE_MAX_ORDERS, QUIRE_ERANGE);
	REFUSED(geometry.pageblock_order, 11, QUIRE_ERANGE);
	REFUSED(geometry.pageblock_order, 0, QUIRE_ERANGE);
	REFUSED(geometry.page_struct_size, 0, QUIRE_ERANGE);
	REFUSED(zone_mask, 0x33, QUIRE_EINVAL);			/* no Normal */
	REFUSED(zone_mask, 0x1f, QUIRE_EINVAL);			/* HighMem on 64 bits */
	REFUSED(zone_mask, 0x77, QUIRE_EINVAL);			/* no such type */
	REFUSED(model, QUIRE_MODELS, QUIRE_EINVAL);
	REFUSED(init, QUIRE_INIT_POLICIES, QUIRE_EINVAL);
	REFUSED(page_stride, 24, QUIRE_EINVAL);
	REFUSED(arch, QUIRE_ARCHES, QUIRE_EINVAL);
	REFUSED(rules, (enum quire_rules)9, QUIRE_EINVAL);
#undef REFUSED
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(quire_model_name(QUIRE_MODEL_SPARSEMEM_VMEMMAP), "sparse-vmemmap");
	assert_string_equal(quire_model_name(QUIRE_MODEL_FLATMEM), "flat");
	assert_string_equal(quire_model_name(QUIRE_MODELS), "?");
	assert_string_equal(quire_init_policy_name(QUIRE_INIT_LAZY), "lazy");
	assert_string_equal(quire_init_policy_name((enum quire_init_policy)-1), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_pass_their_own_check),
		cmocka_unit_test(defaults_are_the_build_facts),
		cmocka_unit_test(check_finds_what_does_not_fit),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
