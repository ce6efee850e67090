/* Where the crash kernel goes, and with it the part that devices reach; what cannot be placed takes nothing. */
#include "booted.h"

#include <quire/firmware.h>

static const char *words;
static enum quire_rules rules;

static void configure(struct quire_config *config)
{
	config->rules = rules;
	quire_cmdline_parse(config, words, NULL, NULL);
}

/* `low` MiB below 4 GiB, 4 GiB above. */
static struct booted *place(const char *command_line, uint64_t low)
{
	struct booted_options options = { .hosted = QUIRE_HOSTED_OUTSIDE_METADATA, .configure = configure, .map_count = 2,
					  .map = { { .base = MIB, .size = (low - 1) * MIB, .nid = QUIRE_NO_NODE },
						   { .base = 4 * GIB, .size = 4 * GIB, .nid = QUIRE_NO_NODE } } };
	struct booted *b;

	words = command_line;
	b = booted_prepare(&options);
	assert_int_equal(quire_boot_until(&b->q, QUIRE_STAGE_ZONES), QUIRE_OK);
	return b;
}

static void drop(struct booted *b)
{
	quire_fini(&b->q);
	quire_hosted_destroy(b->host);
	free(b);
}

static uint64_t reserved(const struct booted *b) { return quire_memblock_reserved_size(&b->q.memblock); }

static void both_parts(void **state)
{
	static const struct {
		const char *words;
		uint64_t low;			/* MiB of RAM below 4 GiB */
		uint64_t size, low_size;	/* MiB that are set aside; 0: none */
		bool above;
	} cases[] = {
		{ "crashkernel=512M,high", 2048, 512, 256, true },
		{ "crashkernel=512M,high crashkernel=64M,low", 2048, 512, 64, true },
		{ "crashkernel=64M,low crashkernel=512M,high", 2048, 512, 64, true },
		{ "crashkernel=512M,high crashkernel=0,low", 2048, 512, 0, true },
		/* It is below anyway. */
		{ "crashkernel=512M", 2048, 512, 0, false },
		{ "crashkernel=512M crashkernel=64M,low", 2048, 512, 0, false },
		/* Below there is no room: above, as if that had been asked for. */
		{ "crashkernel=1G", 512, 1024, 256, true },
		{ "crashkernel=1G-:1G", 512, 1024, 256, true },
		/* A place of one's own is what it is. */
		{ "crashkernel=256M@5G", 2048, 256, 0, true },
		/* The low part has no room, or the high one: nothing at all. */
		{ "crashkernel=512M,high", 200, 0, 0, false },
		{ "crashkernel=512M,high crashkernel=3G,low", 2048, 0, 0, false },
		{ "crashkernel=5G,high", 2048, 0, 0, false },
		{ "crashkernel=64M,low", 2048, 0, 0, false },
	};

	(void)state;
	rules = QUIRE_RULES_6_12;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct booted *none = place("", cases[i].low), *b = place(cases[i].words, cases[i].low);
		const struct quire *q = &b->q;

		if (q->crash_size != cases[i].size * MIB || q->crash_low_size != cases[i].low_size * MIB)
			fail_msg("%s: %llu and %llu MiB low", words, (unsigned long long)(q->crash_size >> 20),
				 (unsigned long long)(q->crash_low_size >> 20));
		assert_int_equal(reserved(b), reserved(none) + (cases[i].size + cases[i].low_size) * MIB);
		assert_int_equal(q->crash_base >= 4 * GIB, cases[i].above);
		if (cases[i].low_size) {
			assert_true(q->crash_low_base >= MIB && q->crash_low_base + q->crash_low_size <= 4 * GIB);
			assert_int_equal(q->crash_low_base & (16 * MIB - 1), 0);
			assert_true(quire_memblock_is_region_reserved(&q->memblock, q->crash_low_base, q->crash_low_size));
		}
		drop(none);
		drop(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_parts),
	};

	return cmocka_run_group_tests_name("crashkernel", tests, NULL, NULL);
}
