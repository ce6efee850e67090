/*
 * The portable tests in user space: two nodes, four threads as CPUs, every memory model with every init policy. The
 * same source runs in the kernels under ports/metal/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <quire/quire.h>

#include "hosted.h"
#include "portable.h"

#define MIB (1ull << 20)
#define CPUS 4u
#define ROUNDS 3u
#define OPERATIONS 3000u

static char said[256];

static void say(void *ctx, const char *text)
{
	(void)ctx;
	strncpy(said, text, sizeof(said) - 1);
}

/* A boot on fresh memory; the machine's parts are static, one machine at a time. */
static struct quire_hosted *boot(struct quire *q, enum quire_model model, enum quire_init_policy init)
{
	static struct quire_memory_range map[4];
	static struct quire_memory_affinity affinities[4];
	static uint32_t domains[4];
	static struct quire_machine machine;
	const struct quire_machine_storage storage = { .map = map, .map_max = 4, .affinities = affinities, .affinity_max = 4,
						       .domains = domains, .domain_max = 4 };
	struct quire_hosted_options options = { 0 };
	struct quire_hosted *hosted;
	struct quire_config config;

	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(&machine, 1 * MIB, 55 * MIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_range(&machine, 128 * MIB, 40 * MIB, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	for (uint32_t node = 0; node < 2; node++)
		quire_machine_add_affinity(&machine, &(struct quire_memory_affinity){
			.base = node * 128 * MIB, .size = 128 * MIB, .domain = node, .flags = QUIRE_AFFINITY_ENABLED });
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.model = model;
	config.init = init;
	config.cpus = CPUS;
	options.config = &config;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &hosted), QUIRE_OK);
	assert_int_equal(quire_init(q, &config, &machine, quire_hosted_platform(hosted)), QUIRE_OK);
	assert_int_equal(quire_boot(q), QUIRE_OK);
	return hosted;
}

static void every_test(struct portable *p)
{
	for (size_t i = 0; i < portable_test_count; i++) {
		uint64_t before = portable_free_frames(p), after;

		if (!portable_tests[i].run(p))
			fail_msg("%s: %s", portable_tests[i].name, said);
		after = portable_free_frames(p);
		if (after != before)
			fail_msg("%s: %llu frames free before, %llu after", portable_tests[i].name,
				 (unsigned long long)before, (unsigned long long)after);
		assert_int_equal(quire_check(p->q), QUIRE_OK);
	}
}

static void weather(struct portable *p)
{
	static struct portable_storm storm;

	memset(&storm, 0, sizeof(storm));
	storm.p = p;
	storm.workers = CPUS;
	storm.operations = OPERATIONS;
	assert_true(portable_storm_begin(&storm, 1));
	for (unsigned round = 0; round < ROUNDS; round++)
		if (!portable_storm_round(&storm))
			fail_msg("storm: %s", said);
	if (!portable_storm_end(&storm))
		fail_msg("storm: %s", said);
}

static void every_model_and_policy(void **state)
{
	static struct quire q;
	struct portable p = { .q = &q, .say = say };

	(void)state;
	for (int model = 0; model < QUIRE_MODELS; model++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++) {
			struct quire_hosted *hosted = boot(&q, (enum quire_model)model, (enum quire_init_policy)init);

			assert_true(portable_warm_up(&p));
			every_test(&p);
			weather(&p);
			quire_fini(&q);
			quire_hosted_destroy(hosted);
		}
}

/* The storm must see a frame that two hold, or what it says on the metal means nothing. */
static void the_storm_sees_a_frame_lost(void **state)
{
	static struct portable_storm storm;
	static struct quire q;
	struct portable p = { .q = &q, .say = say };
	struct quire_hosted *hosted = boot(&q, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER);
	quire_pfn_t pfn;

	(void)state;
	assert_true(portable_warm_up(&p));
	memset(&storm, 0, sizeof(storm));
	storm.p = &p;
	storm.workers = CPUS;
	storm.operations = 100;
	assert_true(portable_storm_begin(&storm, 2));
	assert_true(portable_storm_round(&storm));
	assert_int_equal(quire_alloc_frames(&q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_false(portable_storm_round(&storm));
	assert_non_null(strstr(said, "frames are free"));
	assert_int_equal(quire_free_frames(&q, pfn, 0), QUIRE_OK);
	assert_true(portable_storm_end(&storm));
	quire_fini(&q);
	quire_hosted_destroy(hosted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_model_and_policy),
		cmocka_unit_test(the_storm_sees_a_frame_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
